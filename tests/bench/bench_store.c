/*
 * The store alone: how fast rows become a durable, flushed and merged store,
 * and how small it is.
 *
 *   bench_store generate COUNT SEED FILE    fixed records (rows.h)
 *   bench_store csv FILE                    for the peers, to stdout
 *   bench_store load FILE DIR [once]        one line of JSON with the figures; once: what
 *                                           was read leaves the page cache
 *   bench_store recover FILE DIR            as if the power went before a flush
 *   bench_store decode DIR [COLUMN...]      ns a value, column by column, in the slices
 *                                           that queries read
 *   bench_store blocks DIR [COLUMN...]      the same of whole blocks, as merges read
 *   bench_store query DIR THREADS SQL...    least [wall, CPU] ms of several runs, each
 *   bench_store weighted DIR THREADS SQL... the same by the rows' intervals
 *   bench_store first query|weighted DIR THREADS SQL  of one run, which begins when stdin
 *                                           has a line, once stdout has had one
 *   bench_store answer query|weighted DIR SQL  its rows, tab-separated
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rows.h"
#include "store/slice.h"
#include "store/snapshot.h"

#define ROWS_PER_COMMIT 1000u /* as an import has them */
#define COMMITS_PER_GROUP 8u
#define PHYSICAL_SCALE 10
#define LET_GO_BYTES ((uint64_t)64 << 20)

enum {
	TS,
	SITE,
	PATH,
	COUNTRY,
	REGION,
	ASN,
	DEVICE,
	BROWSER,
	VERSION,
	SYSTEM,
	CONNECTION,
	RELEASE,
	SESSION,
	VIEW,
	NAV,
	METRICS,
	WEIGHT = METRICS + ROWS_METRICS,
	COLUMNS
};

#define DIMENSION(n)                                                      \
	{                                                                 \
		.name = n, .type = STORE_STRING, .flags = STORE_DIMENSION \
	}

static struct store_column columns[COLUMNS] = {
    [TS] = {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    [SITE] = {.name = "site", .type = STORE_STRING, .flags = STORE_DIMENSION | STORE_ROLE_SORT},
    [PATH] = DIMENSION("path"),
    [COUNTRY] = DIMENSION("country"),
    [REGION] = DIMENSION("region"),
    [ASN] = {.name = "asn", .type = STORE_UINT, .bits = 32},
    [DEVICE] = DIMENSION("device"),
    [BROWSER] = DIMENSION("browser"),
    [VERSION] = DIMENSION("browser_version"),
    [SYSTEM] = DIMENSION("os"),
    [CONNECTION] = DIMENSION("connection"),
    [RELEASE] = DIMENSION("release"),
    [SESSION] = {.name = "session_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_ERASE},
    [VIEW] = {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    [NAV] = DIMENSION("nav_type"),
    [WEIGHT] = {.name = "_sample_interval",
		.type = STORE_UINT,
		.bits = 32,
		.flags = STORE_ROLE_WEIGHT},
};
static const struct store_table table = {"pageviews", columns, COLUMNS, true};
static const struct store_schema schema = {&table, 1};

static char path_bytes[5000][64], country_bytes[200][64], region_bytes[1500][64],
    version_bytes[30][8], release_bytes[20][8];
static struct store_str paths[5000], countries[200], regions[1500], versions[30], releases[20],
    sites[10], devices[3], browsers[8], systems[6], connections[5], navs[5];

static double scales[ROWS_METRICS];

static struct store_str
string(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static void
prepare(void)
{
	for (uint32_t i = 0; i < ROWS_METRICS; i++)
		columns[METRICS + i] =
		    (struct store_column){.name = rows_metrics[i],
					  .type = STORE_FLOAT,
					  .scale = i + 1 == ROWS_METRICS ? 10000 : PHYSICAL_SCALE,
					  .flags = STORE_NULLABLE};
	for (uint32_t i = 0; i < ROWS_METRICS; i++)
		scales[i] = columns[METRICS + i].scale;
	for (uint32_t i = 0; i < 5000; i++)
		rows_path(i, path_bytes[i]), paths[i] = string(path_bytes[i]);
	for (uint32_t i = 0; i < 200; i++)
		rows_country(i, country_bytes[i]), countries[i] = string(country_bytes[i]);
	for (uint32_t i = 0; i < 1500; i++)
		rows_region(i, region_bytes[i]), regions[i] = string(region_bytes[i]);
	for (uint32_t i = 0; i < 30; i++) {
		snprintf(version_bytes[i], sizeof version_bytes[i], "%u", 110 + i);
		versions[i] = string(version_bytes[i]);
	}
	for (uint32_t i = 0; i < 20; i++) {
		snprintf(release_bytes[i], sizeof release_bytes[i], "1.%u.0", i);
		releases[i] = string(release_bytes[i]);
	}
	for (uint32_t i = 0; i < 10; i++)
		sites[i] = string(rows_sites[i]);
	for (uint32_t i = 0; i < 3; i++)
		devices[i] = string(rows_devices[i]);
	for (uint32_t i = 0; i < 8; i++)
		browsers[i] = string(rows_browsers[i]);
	for (uint32_t i = 0; i < 6; i++)
		systems[i] = string(rows_systems[i]);
	for (uint32_t i = 0; i < 5; i++) {
		connections[i] = string(rows_connections[i]);
		navs[i] = string(rows_navs[i]);
	}
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void
put_text(struct store_cell *cell, uint16_t column, struct store_str value)
{
	cell->column = column;
	cell->value.s = value;
}

static inline void
put_number(struct store_cell *cell, uint16_t column, uint64_t value)
{
	cell->column = column;
	cell->value.u = value;
}

static uint16_t
build_cells(const struct rows_record *record, struct store_cell *cells)
{
	uint16_t count = 0;

	put_number(&cells[count++], TS, (uint64_t)record->ts);
	put_text(&cells[count++], SITE, sites[record->site]);
	put_text(&cells[count++], PATH, paths[record->path]);
	put_text(&cells[count++], COUNTRY, countries[record->country]);
	put_text(&cells[count++], REGION, regions[record->region]);
	put_number(&cells[count++], ASN, record->asn);
	put_text(&cells[count++], DEVICE, devices[record->device]);
	put_text(&cells[count++], BROWSER, browsers[record->browser]);
	put_text(&cells[count++], VERSION, versions[record->version]);
	put_text(&cells[count++], SYSTEM, systems[record->os]);
	put_text(&cells[count++], CONNECTION, connections[record->connection]);
	put_text(&cells[count++], RELEASE, releases[record->release]);
	put_number(&cells[count++], SESSION, record->session);
	put_number(&cells[count++], VIEW, record->view);
	put_text(&cells[count++], NAV, navs[record->nav]);
	for (uint16_t i = 0; i < ROWS_METRICS; i++) {
		if (record->metrics[i] == ROWS_NULL)
			continue;
		cells[count].column = (uint16_t)(METRICS + i);
		cells[count++].value.f = record->metrics[i] / scales[i];
	}
	put_number(&cells[count++], WEIGHT, record->weight);
	return count;
}

struct records { /* of a file, mapped */
	const struct rows_record *at;
	uint64_t count;
	int fd;
	bool once; /* read */
};

struct batch {
	struct store_cell cells[ROWS_PER_COMMIT][COLUMNS];
	struct store_row rows[ROWS_PER_COMMIT];
	struct store_entry entries[ROWS_PER_COMMIT];
};

static void
build(const struct rows_record *records, uint32_t count, struct batch *batch,
      struct store_commit *commit)
{
	for (uint32_t i = 0; i < count; i++) {
		batch->rows[i] = (struct store_row){0, build_cells(&records[i], batch->cells[i]),
						    batch->cells[i]};
		batch->entries[i] = (struct store_entry){.keyed = true,
							 .sort = sites[records[i].site],
							 .key = records[i].view,
							 .began_ms = records[i].ts,
							 .received_ms = records[i].ts,
							 .rows = &batch->rows[i],
							 .rows_count = 1};
	}
	*commit = (struct store_commit){.entries = batch->entries, .entries_count = count};
}

struct group {
	struct batch batches[COMMITS_PER_GROUP];
	struct store_commit commits[COMMITS_PER_GROUP];
	uint32_t used; /* commits; 0: none */
};

/* How many rows it has. */
static uint64_t
build_group(const struct rows_record *records, uint64_t count, struct group *group)
{
	uint64_t at = 0;

	for (group->used = 0; group->used < COMMITS_PER_GROUP && at < count; group->used++) {
		uint32_t rows =
		    count - at < ROWS_PER_COMMIT ? (uint32_t)(count - at) : ROWS_PER_COMMIT;

		build(records + at, rows, &group->batches[group->used],
		      &group->commits[group->used]);
		at += rows;
	}
	return at;
}

/* 0 when all of it is durable. */
static int
end_group(struct store *store, struct group *group)
{
	struct store_error error = {0};

	if (group->used == 0)
		return 0;
	if (store_append_end(store, &error) != 0) {
		fprintf(stderr, "append: %s\n", error.text);
		return -1;
	}
	for (uint32_t i = 0; i < group->used; i++) {
		if (group->commits[i].result != 0) {
			fprintf(stderr, "commit: %d\n", group->commits[i].result);
			return -1;
		}
	}
	group->used = 0;
	return 0;
}

static double
thread_cpu_s(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* What was read leaves the page cache: the store's own files should not have to make room
 * for it. */
static void
let_go(const struct records *records, uint64_t *gone, uint64_t taken)
{
	uint64_t end = taken * sizeof *records->at / LET_GO_BYTES * LET_GO_BYTES;

	if (!records->once || end == *gone)
		return;
	madvise((char *)records->at + *gone, end - *gone, MADV_DONTNEED);
	posix_fadvise(records->fd, (off_t)*gone, (off_t)(end - *gone), POSIX_FADV_DONTNEED);
	*gone = end;
}

/* Groups are built and applied while those before are synced. *built_s: CPU of
 * reading the records and building them. */
static int
append_all(struct store *store, const struct records *records, double *built_s)
{
	struct group *groups = calloc(STORE_APPENDS_MAX, sizeof *groups);
	struct store_error error = {0};
	int result = groups == NULL ? -1 : 0;
	uint32_t turn = 0;
	uint64_t gone = 0;

	for (uint64_t at = 0; result == 0 && at < records->count; turn++) {
		struct group *group = &groups[turn % STORE_APPENDS_MAX];

		if ((result = end_group(store, group)) != 0)
			break;
		*built_s -= thread_cpu_s();
		at += build_group(records->at + at, records->count - at, group);
		let_go(records, &gone, at);
		*built_s += thread_cpu_s();
		while ((result = store_append_begin(store, group->commits, group->used, &error)) ==
		       STORE_ENOMEM)
			; /* a flush makes room */
		if (result != 0)
			fprintf(stderr, "append: %s\n", error.text);
	}
	for (uint32_t i = 0; result == 0 && i < STORE_APPENDS_MAX; i++)
		result = end_group(store, &groups[(turn + i) % STORE_APPENDS_MAX]);
	free(groups);
	return result;
}

static double
cpu_s(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void
print_log(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

static int
map_records(const char *file, struct records *records)
{
	struct stat status;
	void *at;

	records->fd = open(file, O_RDONLY | O_CLOEXEC);
	if (records->fd < 0 || fstat(records->fd, &status) != 0)
		return -1;
	records->count = (uint64_t)status.st_size / sizeof *records->at;
	at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, records->fd, 0);
	records->at = at;
	return at == MAP_FAILED ? -1 : 0;
}

static int
load(const char *file, const char *directory, bool once)
{
	struct store_options options = {
	    .directory = directory, .schema = &schema, .log = print_log};
	struct store_error error = {0};
	struct store_stats stats;
	struct store *store;
	struct records records = {.once = once};
	double began, appended, flushed, merged, cpu, built = 0;
	uint64_t unmerged;

	if (map_records(file, &records) != 0)
		return perror(file), 1;
	if (store_open(&options, &store, &error) != 0)
		return fprintf(stderr, "%s\n", error.text), 1;
	began = now_s();
	cpu = cpu_s();
	if (append_all(store, &records, &built) != 0)
		return 1;
	appended = now_s();
	if (store_flush(store, &error) != 0)
		return fprintf(stderr, "flush: %s\n", error.text), 1;
	flushed = now_s();
	store_stats(store, &stats);
	unmerged = stats.segments;
	if (store_merge(store, &error) != 0)
		return fprintf(stderr, "merge: %s\n", error.text), 1;
	merged = now_s();
	cpu = cpu_s() - cpu;
	store_stats(store, &stats);
	printf("{\"rows\":%llu,\"append_s\":%.2f,\"flush_s\":%.2f,\"merge_s\":%.2f,"
	       "\"rows_per_s\":%.0f,\"cpu_us_per_row\":%.3f,\"built_us_per_row\":%.3f,"
	       "\"segments_flushed\":%llu,"
	       "\"segments\":%llu,"
	       "\"bytes_per_row\":%.2f,\"write_amplification\":%.2f,\"wal_bytes_per_row\":%.1f,"
	       "\"wal_sync_s\":%.2f}\n",
	       (unsigned long long)records.count, appended - began, flushed - appended,
	       merged - flushed, (double)records.count / (merged - began),
	       cpu / (double)records.count * 1e6, built / (double)records.count * 1e6,
	       (unsigned long long)unmerged, (unsigned long long)stats.segments,
	       (double)stats.segment_bytes / (double)records.count,
	       (double)(stats.flush_bytes_written + stats.merge_bytes_written) /
		   (double)stats.segment_bytes,
	       (double)stats.wal_bytes_written / (double)records.count,
	       (double)stats.wal_sync_ns / 1e9);
	return store_close(store, &error) == 0 ? 0 : 1;
}

/* ---- recovery -------------------------------------------------------- */

/* The child appends what no flush takes away and ends without closing. */
static int
recover(const char *file, const char *directory)
{
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.memtable_bytes_max = (size_t)4 << 30,
					.no_maintenance = true};
	struct store_error error = {0};
	struct store_stats stats;
	struct store *store;
	struct records records = {.once = false};
	pid_t child;
	int status;
	double began, cpu, built = 0;

	if (map_records(file, &records) != 0)
		return perror(file), 1;
	records.count = records.count < 1500000 ? records.count : 1500000;
	if ((child = fork()) == 0) {
		if (store_open(&options, &store, &error) != 0 ||
		    append_all(store, &records, &built) != 0)
			_exit(1);
		store_stats(store, &stats);
		printf("{\"wal_bytes\":%llu,", (unsigned long long)stats.wal_bytes_written);
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		return 1;
	began = now_s();
	cpu = cpu_s();
	if (store_open(&options, &store, &error) != 0)
		return fprintf(stderr, "%s\n", error.text), 1;
	printf("\"rows\":%llu,\"recover_s\":%.2f,\"recover_cpu_s\":%.2f}\n",
	       (unsigned long long)records.count, now_s() - began, cpu_s() - cpu);
	return store_close(store, &error) == 0 ? 0 : 1;
}

/* ---- decoding -------------------------------------------------------- */

/* Columns take turns: a machine whose processor others share is slower by half for
 * seconds, whatever is decoded; so many rounds are longer than that. */
#define DECODE_ROUNDS 64
#define DECODE_TIMES 2 /* in a round */

static int
decode_slices(const struct block *block, uint16_t column, struct store_arena *of_block,
	      struct store_arena *of_slice, struct store_error *error)
{
	uint32_t rows = block_rows_count(block);
	struct store_str no_key = {NULL, 0};
	struct block_reader *reader;
	struct vector vector;
	int result = block_reader_open(block, column, no_key, true, of_block, &reader, error);

	for (uint32_t first = 0; result == 0 && first < rows; first += SLICE_ROWS) {
		uint32_t left = rows - first, count = left < SLICE_ROWS ? left : SLICE_ROWS;

		store_arena_reset(of_slice);
		result = block_reader_read(reader, first, count, of_slice, &vector, error);
	}
	return result;
}

/* Least of a round's runs over all blocks, in ns a value. */
static double
decode_column(struct store *store, const char *name, bool in_slices)
{
	struct store_error error = {0};
	struct snapshot *snapshot;
	struct store_arena *arena = store_arena_create(0), *slice = store_arena_create(0);
	struct store_str no_key = {NULL, 0};
	double least = 1e9;
	uint16_t column = 0;

	while (strcmp(columns[column].name, name) != 0)
		column++;
	if (arena == NULL || slice == NULL || snapshot_open(store, &snapshot, &error) != 0)
		return -1;
	for (int times = 0; times < DECODE_TIMES; times++) {
		double began = cpu_s(), taken; /* steadier than wall time */
		uint64_t rows = 0;

		for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, 0); i++) {
			const struct block *block = snapshot_block(snapshot, 0, i);
			struct vector vector;

			if ((in_slices
				 ? decode_slices(block, column, arena, slice, &error)
				 : block_read(block, column, no_key, arena, &vector, &error)) != 0)
				return -1;
			rows += block_rows_count(block);
			store_arena_reset(arena);
		}
		taken = (cpu_s() - began) / (double)rows * 1e9;
		least = taken < least ? taken : least;
	}
	snapshot_close(snapshot);
	store_arena_free(arena);
	store_arena_free(slice);
	return least;
}

static int
decode(const char *directory, bool in_slices, char **names, int count)
{
	struct store_options options = {
	    .directory = directory, .schema = &schema, .read_only = true};
	struct store_error error = {0};
	double least[COLUMNS];
	struct store *store;

	if (store_open(&options, &store, &error) != 0)
		return fprintf(stderr, "%s\n", error.text), 1;
	count = count < COLUMNS ? count : COLUMNS;
	for (int round = 0; round < DECODE_ROUNDS; round++) {
		for (int i = 0; i < (count > 0 ? count : COLUMNS); i++) {
			double taken =
			    decode_column(store, count > 0 ? names[i] : columns[i].name, in_slices);

			least[i] = round == 0 || taken < least[i] ? taken : least[i];
		}
	}
	for (int i = 0; i < (count > 0 ? count : COLUMNS); i++)
		printf("%s\"%s\":%.3f", i > 0 ? "," : "{", count > 0 ? names[i] : columns[i].name,
		       least[i]);
	printf("}\n");
	return store_close(store, &error) == 0 ? 0 : 1;
}

/* ---- queries --------------------------------------------------------- */

#define QUERY_TIMES 7  /* at least, and for at least so long: */
#define QUERY_MS 500.0 /* lib/ask.mjs gives the peers as long */

/* Says that the store is open, and waits for a line. */
static void
wait_for_line(void)
{
	printf("\n");
	fflush(stdout);
	while (getchar() >= ' ')
		;
}

static int
query(const char *directory, uint32_t threads, char **texts, int count, bool first)
{
	struct store_options options = {
	    .directory = directory, .schema = &schema, .read_only = true};
	struct store_error error = {0};
	struct store *store;

	if (store_open(&options, &store, &error) != 0)
		return fprintf(stderr, "%s\n", error.text), 1;
	if (first)
		wait_for_line();
	printf("[");
	for (int i = 0; i < count; i++) {
		struct store_query asked = {.text = string(texts[i]), .threads = threads};
		double least_wall = 1e9, least_cpu = 1e9, all = 0;

		for (int times = 0; first ? times < 1 : times < QUERY_TIMES || all < QUERY_MS;
		     times++) {
			struct store_result *result = NULL;
			double began = now_s(), cpu = cpu_s();

			if (store_query(store, &asked, &result, &error) != 0)
				return fprintf(stderr, "%s: %s\n", texts[i], error.text), 1;
			began = (now_s() - began) * 1e3;
			cpu = (cpu_s() - cpu) * 1e3;
			all += began;
			least_wall = began < least_wall ? began : least_wall;
			least_cpu = cpu < least_cpu ? cpu : least_cpu;
			store_result_free(result);
		}
		printf("%s[%.3f,%.3f]", i > 0 ? "," : "", least_wall, least_cpu);
	}
	printf("]\n");
	return store_close(store, &error) == 0 ? 0 : 1;
}

static void
print_value(const struct store_value *value, enum store_result_type type,
	    enum store_result_type element)
{
	if (value->null) {
		printf("\\N");
	} else if (type == STORE_R_ARRAY) {
		for (uint32_t i = 0; i < value->v.list.count; i++) {
			printf("%s", i > 0 ? "," : "");
			print_value(&value->v.list.items[i], element, element);
		}
	} else if (type == STORE_R_STRING) {
		printf("%.*s", (int)value->v.s.size, value->v.s.bytes);
	} else if (type == STORE_R_FLOAT64) {
		printf("%.17g", value->v.f);
	} else {
		printf("%lld", (long long)value->v.i);
	}
}

static int
answer(const char *directory, const char *text)
{
	struct store_options options = {
	    .directory = directory, .schema = &schema, .read_only = true};
	struct store_query asked = {.text = string(text), .threads = 1};
	struct store_error error = {0};
	struct store_result *result;
	struct store *store;

	if (store_open(&options, &store, &error) != 0 ||
	    store_query(store, &asked, &result, &error) != 0)
		return fprintf(stderr, "%s\n", error.text), 1;
	for (uint64_t row = 0; row < result->rows_count; row++) {
		for (uint32_t i = 0; i < result->columns_count; i++) {
			printf("%s", i > 0 ? "\t" : "");
			print_value(&result->values[i][row], result->columns[i].type,
				    result->columns[i].element);
		}
		printf("\n");
	}
	store_result_free(result);
	return store_close(store, &error) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	bool first = argc == 6 && strcmp(argv[1], "first") == 0;

	prepare();
	argc -= first;
	argv += first;
	if (argc == 5 && strcmp(argv[1], "generate") == 0) {
		FILE *out = fopen(argv[4], "we");

		if (out == NULL || rows_generate(strtoull(argv[2], NULL, 10),
						 strtoull(argv[3], NULL, 10), out) != 0)
			return perror(argv[4]), 1;
		return fclose(out) == 0 ? 0 : 1;
	}
	if (argc == 3 && strcmp(argv[1], "csv") == 0) {
		FILE *in = fopen(argv[2], "re");
		struct rows_record record;

		if (in == NULL)
			return perror(argv[2]), 1;
		while (fread(&record, sizeof record, 1, in) == 1)
			rows_csv(&record, stdout);
		return fclose(in) == 0 ? 0 : 1;
	}
	if (argc >= 4 && strcmp(argv[1], "load") == 0)
		return load(argv[2], argv[3], argc == 5 && strcmp(argv[4], "once") == 0);
	if (argc == 4 && strcmp(argv[1], "recover") == 0)
		return recover(argv[2], argv[3]);
	if (argc >= 3 && (strcmp(argv[1], "decode") == 0 || strcmp(argv[1], "blocks") == 0))
		return decode(argv[2], strcmp(argv[1], "decode") == 0, argv + 3, argc - 3);
	if (argc >= 5 && strcmp(argv[strcmp(argv[1], "answer") == 0 ? 2 : 1], "query") == 0)
		columns[WEIGHT].flags = 0; /* a column as any other */
	if (argc == 5 && strcmp(argv[1], "answer") == 0)
		return answer(argv[3], argv[4]);
	if (argc >= 5 && (strcmp(argv[1], "query") == 0 || strcmp(argv[1], "weighted") == 0))
		return query(argv[2], (uint32_t)strtoul(argv[3], NULL, 10), argv + 4, argc - 4,
			     first);
	fprintf(stderr, "usage: see the head of bench_store.c\n");
	return 2;
}
