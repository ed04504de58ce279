/*
 * Writes the golden files: a store as a crash leaves it, and rows.tsv, what must
 * be read from it. Two days of segments; a WAL of two files with commits, an
 * update, a view that is dropped, a request, an erasure, and a commit after it. The same bytes each
 * time, as far as LZ4 gives the same. For a new version of a format only: the
 * files of the versions before are what those programs wrote, and stay.
 *
 *   build/tests/golden/generate DIRECTORY   (which must not be there)
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "store/io.h"
#include "tests/golden/schema.h"

#define BASE_MS 1780000000000
#define DAY_MS 86400000
#define VIEWS_FIRST 1100u /* a whole group of 1,024 values, and part of one */
#define VIEWS_SECOND 40u  /* of the next day */
#define VIEWS_LOGGED 10u  /* in the WAL only */
#define VIEWS_MAX 2000u
#define ERRORS_MAX 400u
#define CELLS_MAX (VIEW_COLUMNS + 1)
#define TEXT_BYTES 96u

struct row {
	struct store_cell cells[CELLS_MAX];
	struct store_pair cohort, plan;
	uint16_t cells_count;
	bool gone;
	char path[TEXT_BYTES], note[TEXT_BYTES], extra[TEXT_BYTES];
};

static struct row views[VIEWS_MAX], errors[ERRORS_MAX];
static uint32_t errors_count;

/* In place of the system's: the secret of the store and the salts of its WAL
 * files are the same each time. */
ssize_t
getrandom(void *buffer, size_t size, unsigned flags)
{
	static unsigned char next;

	(void)flags;
	for (size_t i = 0; i < size; i++)
		((unsigned char *)buffer)[i] = (unsigned char)(0x11 * ++next + i);
	return (ssize_t)size;
}

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t
scramble(uint64_t seed)
{
	uint64_t z = seed * 0x9e3779b97f4a7c15u + 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void __attribute__((noreturn)) die(const char *what, const struct store_error *error)
{
	fprintf(stderr, "generate: %s: %s\n", what, error != NULL ? error->text : strerror(errno));
	exit(1);
}

/* ---- rows ------------------------------------------------------------ */

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static struct store_cell *
add_cell(struct row *row, uint16_t column)
{
	struct store_cell *cell = &row->cells[row->cells_count++];

	*cell = (struct store_cell){.column = column};
	return cell;
}

static const char *
site_of(uint32_t number)
{
	return number % 5 < 3 ? "shop" : "blog";
}

static int64_t
began_of(uint32_t number)
{
	int64_t day = number < VIEWS_FIRST ? 0 : 1;

	return BASE_MS + day * DAY_MS + (int64_t)number * 1000 + (int64_t)(scramble(number) % 900);
}

static uint64_t
session_of(uint32_t number)
{
	return number == VIEWS_FIRST + VIEWS_SECOND + 3 ? GOLDEN_ERASED_SESSION
							: scramble(number / 3 + 1000);
}

/* Measures that bring each codec about: see the chunks with drum check --dump. */
static void
add_measures(struct row *row, uint32_t number)
{
	uint64_t random = scramble(number + 5000);

	if (number % 20 != 7) /* few NULLs; a hundredth are far off: exceptions */
		add_cell(row, VIEW_LCP)->value.f =
		    (double)(random % 97 == 0 ? 300000 + random % 1000 : random % 4000) / 10;
	if (number % 3 == 0) /* mostly NULL; doubles as they are */
		add_cell(row, VIEW_RATIO)->value.f = (double)(random % 100000) / 7 - 3000;
	add_cell(row, VIEW_STARTED)->value.u = 900000000000u + number * 250000u;
	add_cell(row, VIEW_BYTES)->value.u = random >> 20;
	add_cell(row, VIEW_BUILD)->value.u = scramble(number % 12 + 77);
	add_cell(row, VIEW_STATUS)->value.u = 200;
	add_cell(row, VIEW_WIDTH)->value.u = number % 2 ? 390 : 1440;
	if (number % 2)
		add_cell(row, VIEW_SAVE)->value.u = 1;
}

static void
make_view(uint32_t number, uint32_t version)
{
	struct row *row = &views[number];
	struct store_cell *cell;

	row->cells_count = 0;
	add_cell(row, VIEW_TS)->value.i = began_of(number);
	add_cell(row, VIEW_SITE)->value.s = str(site_of(number));
	add_cell(row, VIEW_ID)->value.u = scramble(number);
	add_cell(row, VIEW_SESSION)->value.u = session_of(number);
	add_measures(row, number + version * 7777);
	add_cell(row, VIEW_ERRORS)->value.u = version; /* 0 for a whole day: absent */
	snprintf(row->path, sizeof row->path, "/caf\xc3\xa9/products/category-%02u/item-%03u",
		 number % 150 / 20, number % 150);
	add_cell(row, VIEW_PATH)->value.s = str(row->path);
	if (number % 4 == 1) {
		snprintf(row->note, sizeof row->note, "n%u", number % 300);
		add_cell(row, VIEW_NOTE)->value.s = str(number % 8 == 1 ? "" : row->note);
	}
	if (number % 10 == 3) {
		cell = add_cell(row, VIEW_TAGS);
		row->cohort = (struct store_pair){str("cohort"), str(number % 20 == 3 ? "a" : "b")};
		cell->value.pair = &row->cohort;
	}
	if (number % 6 == 5) {
		cell = add_cell(row, VIEW_TAGS);
		row->plan = (struct store_pair){str("plan"), str("pro")};
		cell->value.pair = &row->plan;
	}
	if (number % 50 == 9) {
		snprintf(row->extra, sizeof row->extra, "extra %u", number);
		add_cell(row, VIEW_EXTRA)->value.s = str(row->extra);
	}
	add_cell(row, VIEW_INTERVAL)->value.u = number % 100 == 99 ? 10 : 1;
}

static const struct row *
make_error(uint32_t number)
{
	struct row *row = &errors[errors_count++];

	add_cell(row, ERROR_TS)->value.i = began_of(number) + 17;
	add_cell(row, ERROR_SITE)->value.s = str(site_of(number));
	add_cell(row, ERROR_VIEW)->value.u = scramble(number);
	add_cell(row, ERROR_SESSION)->value.u = session_of(number);
	snprintf(row->note, sizeof row->note, "line %u of %u", errors_count, number);
	add_cell(row, ERROR_MESSAGE)->value.s = str(row->note);
	return row;
}

/* ---- the store's life ------------------------------------------------ */

static struct store_entry
entry_of(uint32_t number, uint32_t version, struct store_row rows[2])
{
	make_view(number, version);
	rows[0] = (struct store_row){TABLE_VIEWS, views[number].cells_count, views[number].cells};
	if (version > 0) {
		const struct row *error = make_error(number);

		rows[1] = (struct store_row){TABLE_ERRORS, error->cells_count, error->cells};
	}
	return (struct store_entry){.keyed = true,
				    .version = (uint8_t)version,
				    .sort = str(site_of(number)),
				    .key = scramble(number),
				    .began_ms = began_of(number),
				    .received_ms = began_of(number) + 5000,
				    .rows = rows,
				    .rows_count = version > 0 ? 2 : 1};
}

/* One commit of views [first, end), with the request, if any. */
static void
append(struct store *store, uint32_t first, uint32_t end, uint32_t version,
       struct store_request *request)
{
	struct store_entry entries[16];
	struct store_row rows[16][2];
	struct store_commit commit = {.entries = entries, .request = request};
	struct store_error error = {0};

	for (uint32_t i = first; i < end; i++) {
		entries[commit.entries_count] = entry_of(i, version, rows[commit.entries_count]);
		commit.entries_count++;
	}
	if (store_append(store, &commit, 1, &error) != 0 || commit.result != 0)
		die("append", &error);
}

static void
fill(struct store *store, uint32_t first, uint32_t end)
{
	struct store_error error = {0};

	for (uint32_t i = first; i < end; i += 10)
		append(store, i, i + 10 < end ? i + 10 : end, i % 200 == 50, NULL);
	if (store_flush(store, &error) != 0)
		die("flush", &error);
}

static atomic_bool crashed;

/* From the crash on nothing gets its name: no flush can take the WAL away. */
static int
rename_or_not(struct io *io, const char *from, const char *to)
{
	return atomic_load(&crashed) ? -EIO : io_posix()->rename(io, from, to);
}

static struct store *
open_store(const char *directory, struct io *io)
{
	struct store_options options = {
	    .directory = directory, .schema = &golden_schema, .io = io, .no_maintenance = true};
	struct store_error error = {0};
	struct store *store;

	if (store_open(&options, &store, &error) != 0)
		die("open", &error);
	return store;
}

/* An update by which sampling lets the view go; its error is kept. */
static void
drop(struct store *store, uint32_t number)
{
	struct store_row rows[2];
	struct store_entry entry = entry_of(number, 1, rows);
	struct store_commit commit = {.entries = &entry, .entries_count = 1};
	struct store_error error = {0};

	entry.dropped = true;
	if (store_append(store, &commit, 1, &error) != 0 || commit.result != 0 ||
	    entry.outcome != STORE_STORED)
		die("drop", &error);
	views[number].gone = true;
}

/* The WAL of what is not in segments yet. */
static void
fill_log(struct store *store)
{
	struct store_request request = {.received_ms = GOLDEN_REQUEST_MS,
					.note = GOLDEN_REQUEST_NOTE};
	struct store_erasure erasure = {.number = GOLDEN_ERASED_SESSION};
	uint32_t first = VIEWS_FIRST + VIEWS_SECOND, erased = first + 3;
	uint64_t rows_count;

	append(store, first, first + 5, 0, NULL);
	append(store, first, first + 1, 1, NULL);
	drop(store, first + 1);
	memset(request.key, GOLDEN_REQUEST_KEY, sizeof request.key);
	memset(request.body, GOLDEN_REQUEST_BODY, sizeof request.body);
	append(store, first + 5, first + 8, 0, &request);
	if (store_erase(store, &erasure, &rows_count, NULL) == 0)
		die("erasing was to stop after its record", NULL);
	views[erased].gone = true;
	append(store, first + 8, first + VIEWS_LOGGED, 1, NULL);
}

static void
live(const char *directory)
{
	const uint32_t second_end = VIEWS_FIRST + VIEWS_SECOND;
	struct io io = *io_posix();
	struct store_error error = {0};
	struct store *store;

	io.rename = rename_or_not;
	store = open_store(directory, &io);
	fill(store, 0, VIEWS_FIRST);
	if (store_close(store, &error) != 0)
		die("close", &error);
	store = open_store(directory, &io); /* a WAL file of its own: the first goes */
	fill(store, VIEWS_FIRST, second_end);
	atomic_store(&crashed, true);
	fill_log(store);
	(void)store_close(store, NULL);
	store = open_store(directory, &io); /* another, into which the request is carried */
	append(store, second_end + VIEWS_LOGGED, second_end + VIEWS_LOGGED + 2, 0, NULL);
	(void)store_close(store, NULL);
}

/* ---- rows.tsv -------------------------------------------------------- */

static void
print_cell(FILE *out, enum store_type type, const struct store_cell *cell)
{
	char digits[STORE_DOUBLE_BYTES_MAX];

	if (type == STORE_TIME) {
		fprintf(out, "%lld", (long long)cell->value.i);
	} else if (type == STORE_UINT) {
		fprintf(out, "%llu", (unsigned long long)cell->value.u);
	} else if (type == STORE_FLOAT) {
		store_print_double(cell->value.f, digits);
		fputs(digits, out);
	} else if (type == STORE_MAP) {
		const struct store_pair *pair = cell->value.pair;

		fprintf(out, "%.*s=%.*s;", (int)pair->key.size, pair->key.bytes,
			(int)pair->value.size, pair->value.bytes);
	} else {
		fprintf(out, "%.*s", (int)cell->value.s.size, cell->value.s.bytes);
	}
}

static void
print_absent(FILE *out, const struct store_column *column)
{
	if (column->flags & STORE_NULLABLE)
		fputs("\\N", out);
	else if (column->type != STORE_STRING && column->type != STORE_MAP)
		fputs("0", out);
}

static void
print_row(FILE *out, const struct store_table *table, const struct row *row)
{
	uint32_t at = 0;

	if (row->cells_count == 0 || row->gone)
		return;
	fputs(table->name, out);
	for (uint32_t c = 0; c < table->columns_count; c++) {
		const struct store_column *column = &table->columns[c];

		fputc('\t', out);
		if (at == row->cells_count || row->cells[at].column != c)
			print_absent(out, column);
		while (at < row->cells_count && row->cells[at].column == c)
			print_cell(out, column->type, &row->cells[at++]);
	}
	fputc('\n', out);
}

static void
print_rows(const char *directory)
{
	char path[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof path, "%s/rows.tsv", directory);
	if ((out = fopen(path, "w")) == NULL)
		die(path, NULL);
	for (uint32_t t = 0; t < golden_schema.tables_count; t++) {
		fprintf(out, "# %s", golden_tables[t].name);
		for (uint32_t c = 0; c < golden_tables[t].columns_count; c++)
			fprintf(out, "\t%s", golden_tables[t].columns[c].name);
		fputc('\n', out);
	}
	for (uint32_t i = 0; i < VIEWS_MAX; i++)
		print_row(out, &golden_tables[TABLE_VIEWS], &views[i]);
	for (uint32_t i = 0; i < errors_count; i++)
		print_row(out, &golden_tables[TABLE_ERRORS], &errors[i]);
	if (fclose(out) != 0)
		die(path, NULL);
}

int
main(int argc, char **argv)
{
	char path[PATH_MAX];

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	live(argv[1]);
	snprintf(path, sizeof path, "%s/LOCK", argv[1]);
	remove(path);
	snprintf(path, sizeof path, "%s/RESERVE", argv[1]);
	remove(path);
	print_rows(argv[1]);
	return 0;
}
