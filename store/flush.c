/*
 * The flush thread: sealed generations to segments, oldest first. Must not
 * publish segments before the manifest that lists them is durable, nor delete
 * a WAL file before that.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "partition.h"
#include "publish.h"
#include "radix.h"
#include "role.h"

#define POLL_S 1
#define RETRY_S 5                           /* after a failed flush */
#define WAL_BYTES_MAX ((uint64_t)512 << 20) /* of sealed generations */

/* A row on its way to a segment. */
struct sorted_row {
	uint64_t key;
	uint32_t row;
};

_Static_assert(sizeof(struct sorted_row) == RADIX_ITEM_BYTES, "sorted_row");

/* A table's live rows by (day, rank of SORT, TIME), those of equal keys as they
 * came. */
struct sorted {
	struct sorted_row *rows;
	uint32_t count;
	uint64_t day_keys;     /* how many keys a day has: rows of one have the same quotient */
	const int64_t *times;  /* of all rows; NULL: 0 */
	const uint32_t *ranks; /* of all rows; NULL: 0 */
};

struct flush {
	struct store *store;
	struct generation *generation;
	struct publication publication;
	struct store_error *error;
};

/* ---- rows ------------------------------------------------------------ */

struct source {
	const struct memtable *memtable;
	uint32_t table;
	const uint32_t *rows; /* sorted */
	const struct segment_column *columns;
	struct store_arena *arena; /* reset at each read */
};

static int
read_source(void *context, uint32_t column, uint64_t first, uint32_t count, struct vector *out,
	    struct store_error *error)
{
	struct source *source = context;

	store_arena_reset(source->arena);
	if (memtable_read(source->memtable, source->table, source->columns[column].column,
			  source->columns[column].key, source->rows + first, 0, count,
			  source->arena, out) != 0)
		return store_error_set(error, STORE_ENOMEM, "out of memory while flushing");
	return 0;
}

struct ranked {
	struct store_str string;
	uint32_t code;
};

static int
compare_strings(const void *a, const void *b)
{
	return string_compare(((const struct ranked *)a)->string,
			      ((const struct ranked *)b)->string);
}

/* Of each row, the place of its string among all of the dictionary. */
static uint32_t *
rank_rows(const struct vector *strings, struct store_arena *arena)
{
	const struct dictionary *dictionary = strings->dictionary;
	struct ranked *ranked = store_arena_alloc(arena, dictionary->count * sizeof *ranked);
	uint32_t *ranks = store_arena_alloc(arena, dictionary->count * sizeof *ranks);
	uint32_t *out = store_arena_alloc(arena, strings->rows_count * sizeof *out);

	if (ranked == NULL || ranks == NULL || out == NULL)
		return NULL;
	for (uint32_t i = 0; i < dictionary->count; i++)
		ranked[i] = (struct ranked){dictionary_entry(dictionary, i), i};
	qsort(ranked, dictionary->count, sizeof *ranked, compare_strings);
	for (uint32_t i = 0; i < dictionary->count; i++)
		ranks[ranked[i].code] = i;
	for (uint32_t i = 0; i < strings->rows_count; i++)
		out[i] = ranks[strings->codes[i]];
	return out;
}

static int64_t
time_at(const struct sorted *sorted, uint32_t row)
{
	return sorted->times == NULL ? 0 : sorted->times[row];
}

static uint32_t
rank_at(const struct sorted *sorted, uint32_t row)
{
	return sorted->ranks == NULL ? 0 : sorted->ranks[row];
}

/* All three in one number, in which days, ranks and the milliseconds of a day are
 * digits; false where these are too many. */
static bool
set_whole_keys(struct sorted *sorted, uint32_t ranks_count)
{
	int64_t first = INT64_MAX, last = INT64_MIN, begin_ms;
	uint64_t days;

	for (uint32_t i = 0; i < sorted->count; i++) {
		int64_t time = time_at(sorted, sorted->rows[i].row);

		first = time < first ? time : first;
		last = time > last ? time : last;
	}
	if (first / PARTITION_DAY_MS <= INT32_MIN || last / PARTITION_DAY_MS >= INT32_MAX)
		return false; /* partition_day would not ascend */
	days = (uint64_t)(partition_day(last) - (int64_t)partition_day(first) + 1);
	if (days > UINT32_MAX || days * ranks_count > UINT64_MAX / PARTITION_DAY_MS)
		return false;
	sorted->day_keys = ranks_count * (uint64_t)PARTITION_DAY_MS;
	begin_ms = partition_day(first) * PARTITION_DAY_MS;
	for (uint32_t i = 0; i < sorted->count; i++) {
		struct sorted_row *row = &sorted->rows[i];
		uint64_t since = (uint64_t)(time_at(sorted, row->row) - begin_ms);
		uint64_t day = since / PARTITION_DAY_MS;

		row->key = (day * ranks_count + rank_at(sorted, row->row)) * PARTITION_DAY_MS +
			   since % PARTITION_DAY_MS;
	}
	return true;
}

/* Of two sorts: the one by time comes first. */
static void
set_time_keys(struct sorted *sorted)
{
	for (uint32_t i = 0; i < sorted->count; i++)
		sorted->rows[i].key = (uint64_t)time_at(sorted, sorted->rows[i].row) ^ (uint64_t)1
											   << 63;
}

static void
set_day_keys(struct sorted *sorted)
{
	sorted->day_keys = (uint64_t)1 << 32;
	for (uint32_t i = 0; i < sorted->count; i++) {
		uint32_t row = sorted->rows[i].row;
		uint32_t day = (uint32_t)partition_day(time_at(sorted, row)) ^ 0x80000000u;

		sorted->rows[i].key = (uint64_t)day << 32 | rank_at(sorted, row);
	}
}

static int
sort_rows(const struct flush *flush, uint32_t table, struct store_arena *arena, struct sorted *out)
{
	const struct memtable *memtable = flush->generation->memtable;
	const struct store_table *schema = &flush->store->schema->tables[table];
	uint32_t rows_count = memtable_rows_count(memtable, table);
	int time_column = role_column(schema, STORE_ROLE_TIME);
	int sort_column = role_column(schema, STORE_ROLE_SORT);
	struct sorted_row *other = store_arena_alloc(arena, (rows_count + 1u) * sizeof *other);
	struct vector time, sort;
	struct store_str no_key = {NULL, 0};

	*out = (struct sorted){.rows = store_arena_alloc(arena, (rows_count + 1u) * sizeof *other)};
	if (out->rows == NULL || other == NULL ||
	    memtable_read(memtable, table, (uint16_t)time_column, no_key, NULL, 0, rows_count,
			  arena, &time) != 0 ||
	    memtable_read(memtable, table, (uint16_t)sort_column, no_key, NULL, 0, rows_count,
			  arena, &sort) != 0)
		return STORE_ENOMEM;
	if (!sort.all_null && (out->ranks = rank_rows(&sort, arena)) == NULL)
		return STORE_ENOMEM;
	out->times = time.all_null ? NULL : time.values;
	for (uint32_t row = 0; row < rows_count; row++) {
		if (memtable_died(memtable, table, row) == MEMTABLE_ALIVE)
			out->rows[out->count++].row = row;
	}
	if (!set_whole_keys(out, sort.all_null ? 1 : sort.dictionary->count)) {
		struct sorted_row *rows = out->rows;

		set_time_keys(out);
		out->rows = radix_sort(rows, other, out->count);
		other = out->rows == rows ? other : rows;
		set_day_keys(out);
	}
	out->rows = radix_sort(out->rows, other, out->count);
	return 0;
}

/* ---- segments -------------------------------------------------------- */

static int
write_segment(struct flush *flush, uint32_t table, int32_t day, const uint32_t *rows,
	      uint32_t rows_count, struct store_arena *arena)
{
	struct store *store = flush->store;
	const struct memtable *memtable = flush->generation->memtable;
	struct source source = {.memtable = memtable, .table = table, .rows = rows};
	struct segment_source writer = {.table = &store->schema->tables[table],
					.rows_count = rows_count,
					.read = read_source,
					.context = &source};
	int result;

	if (memtable_columns(memtable, table, arena, &source.columns, &writer.columns_count) != 0 ||
	    (source.arena = store_arena_create(0)) == NULL)
		return store_error_set(flush->error, STORE_ENOMEM, "out of memory while flushing");
	writer.columns = source.columns;
	result = publish_write(store, &flush->publication, table, day, &writer, flush->error);
	store_arena_free(source.arena);
	return result;
}

static int
flush_table(struct flush *flush, uint32_t table)
{
	struct store_arena *arena = store_arena_create(0);
	struct sorted sorted;
	uint32_t *rows;
	int result = arena == NULL ? STORE_ENOMEM : sort_rows(flush, table, arena, &sorted);

	if (result != 0 ||
	    (rows = store_arena_alloc(arena, (sorted.count + 1u) * sizeof *rows)) == NULL) {
		store_arena_free(arena);
		return store_error_set(flush->error, STORE_ENOMEM, "out of memory while flushing");
	}
	for (uint32_t i = 0; i < sorted.count; i++)
		rows[i] = sorted.rows[i].row;
	for (uint32_t first = 0, end; result == 0 && first < sorted.count; first = end) {
		uint64_t day = sorted.rows[first].key / sorted.day_keys;

		for (end = first;
		     end < sorted.count && sorted.rows[end].key / sorted.day_keys == day;)
			end++;
		result = write_segment(flush, table, partition_day(time_at(&sorted, rows[first])),
				       rows + first, end - first, arena);
	}
	store_arena_free(arena);
	return result;
}

/* ---- one generation -------------------------------------------------- */

/* From here on the generation's rows do not change: updates of its views are
 * late. */
static void
close_views(struct store *store, struct generation *generation)
{
	append_lock(store);
	generation->views_closed = true;
	pthread_mutex_unlock(&store->writer_mutex);
}

static int
delete_if_old(void *context, const char *name)
{
	struct store *store = context;
	char *end;
	uint64_t id = strtoull(name, &end, 16);

	if (end == name + 16 && strcmp(end, ".wal") == 0 && id < store->manifest.wal_floor)
		wal_delete(store->io, store->directory, id);
	return 0;
}

static void
delete_old_wal(struct store *store)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/wal", store->directory);
	store->io->list(store->io, path, delete_if_old, store);
}

/* manifest_mutex is held. */
static int
flush_generation(struct store *store, struct generation *generation, struct store_error *error)
{
	struct flush flush = {.store = store,
			      .generation = generation,
			      .publication = {.flushed = generation},
			      .error = error};
	uint64_t bytes = 0, erased = 0;
	int result;

	assert(generation->sealed && generation->next != NULL);
	if ((result = erase_finish(store, &erased, error)) != 0)
		return result;
	close_views(store, generation);
	result = publish_reserve(store, error);
	for (uint32_t i = 0; result == 0 && i < store->schema->tables_count; i++)
		result = flush_table(&flush, i);
	for (uint32_t i = 0; i < flush.publication.added_count; i++)
		bytes += flush.publication.added[i]->entry.summary.file_bytes;
	if (result == 0)
		result = publish(store, &flush.publication, error);
	if (result != 0) {
		publish_abandon(store, &flush.publication);
		return result;
	}
	pthread_mutex_lock(&store->state_mutex);
	store->stats.flushes++;
	store->stats.flush_bytes_written += bytes;
	pthread_mutex_unlock(&store->state_mutex);
	state_free_generation(generation);
	delete_old_wal(store);
	return 0;
}

/* ---- the thread ------------------------------------------------------ */

/* state_mutex is held. */
static bool
is_due(struct store *store)
{
	const struct generation *oldest = store->oldest;
	size_t sealed_bytes = 0;
	uint64_t wal_bytes = 0;

	if (!oldest->sealed)
		return false;
	if (store->stopping || store->flush_now || store->flush_oldest ||
	    state_monotonic_ms() - oldest->last_ms >= store->options.hold_ms)
		return true;
	for (const struct generation *g = oldest; g != NULL && g->sealed; g = g->next)
		sealed_bytes += state_generation_bytes(g), wal_bytes += g->wal_bytes;
	return sealed_bytes > store->options.memtable_bytes_max / 2 || wal_bytes > WAL_BYTES_MAX;
}

static void
wait_seconds(struct store *store, int seconds)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += seconds;
	pthread_cond_timedwait(&store->flush_wanted, &store->state_mutex, &deadline);
}

void *
flush_main(void *argument)
{
	struct store *store = argument;

	pthread_mutex_lock(&store->state_mutex);
	for (;;) {
		struct store_error error = {0};
		struct generation *oldest = store->oldest;
		int result;

		if (!is_due(store)) {
			store->flush_now = store->flush_oldest = false;
			pthread_cond_broadcast(&store->flush_done);
			if (store->stopping)
				break;
			wait_seconds(store, POLL_S);
			continue;
		}
		pthread_mutex_unlock(&store->state_mutex);
		pthread_mutex_lock(&store->manifest_mutex);
		result = flush_generation(store, oldest, &error);
		pthread_mutex_unlock(&store->manifest_mutex);
		if (result != 0)
			state_log(store, "flush failed: %s; the rows stay in the WAL", error.text);
		pthread_mutex_lock(&store->state_mutex);
		store->flush_stalls = result != 0;
		store->flush_oldest = false;
		if (result != 0) {
			store->stats.flush_failures++;
			store->flush_error = error;
			store->flush_failed = true;
			store->flush_now = false;
		}
		pthread_cond_broadcast(&store->flush_done);
		if (result != 0 && store->stopping)
			break;
		if (result != 0)
			wait_seconds(store, RETRY_S);
	}
	pthread_mutex_unlock(&store->state_mutex);
	return NULL;
}
