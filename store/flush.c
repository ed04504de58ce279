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

#define POLL_S 1
#define RETRY_S 5                           /* after a failed flush */
#define WAL_BYTES_MAX ((uint64_t)512 << 20) /* of sealed generations */

/* A row on its way to a segment: ordered by (day, rank of SORT, TIME), rows of
 * equal keys as they came. */
struct sorted_row {
	uint64_t major; /* day, rank */
	uint64_t minor; /* TIME; the sign's bit flipped */
	uint32_t row;
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

static uint64_t
major_of(int32_t day, uint32_t rank)
{
	return (uint64_t)((uint32_t)day ^ 0x80000000u) << 32 | rank;
}

static int32_t
day_of(const struct sorted_row *row)
{
	return (int32_t)((uint32_t)(row->major >> 32) ^ 0x80000000u);
}

/* Byte `byte` of the key, least significant first. */
static inline uint32_t
key_byte(const struct sorted_row *row, uint32_t byte)
{
	return (uint32_t)((byte < 8 ? row->minor >> 8 * byte : row->major >> 8 * (byte - 8)) & 255);
}

/* Radix sort, least significant byte first, over the bytes in which rows
 * differ; the result is in the array that is returned, of the two. */
static struct sorted_row *
radix_sort(struct sorted_row *rows, struct sorted_row *other, uint32_t count)
{
	uint64_t major = 0, minor = 0; /* bits that are not the same everywhere */

	for (uint32_t i = 1; i < count; i++) {
		major |= rows[i].major ^ rows[0].major;
		minor |= rows[i].minor ^ rows[0].minor;
	}
	for (uint32_t byte = 0; byte < 16; byte++) {
		uint64_t differs = byte < 8 ? minor >> 8 * byte : major >> 8 * (byte - 8);
		uint32_t starts[256] = {0}, start = 0;
		struct sorted_row *swap = rows;

		if ((differs & 255) == 0)
			continue;
		for (uint32_t i = 0; i < count; i++)
			starts[key_byte(&rows[i], byte)]++;
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t size = starts[i];

			starts[i] = start;
			start += size;
		}
		for (uint32_t i = 0; i < count; i++)
			other[starts[key_byte(&rows[i], byte)]++] = rows[i];
		rows = other;
		other = swap;
	}
	return rows;
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

/* ranks[code]: the string's place among all of its dictionary. */
static uint32_t *
rank_strings(const struct dictionary *dictionary, struct store_arena *arena)
{
	struct ranked *ranked = store_arena_alloc(arena, dictionary->count * sizeof *ranked);
	uint32_t *ranks = store_arena_alloc(arena, dictionary->count * sizeof *ranks);

	if (ranked == NULL || ranks == NULL)
		return NULL;
	for (uint32_t i = 0; i < dictionary->count; i++)
		ranked[i] = (struct ranked){dictionary_entry(dictionary, i), i};
	qsort(ranked, dictionary->count, sizeof *ranked, compare_strings);
	for (uint32_t i = 0; i < dictionary->count; i++)
		ranks[ranked[i].code] = i;
	return ranks;
}

/* The table's live rows, sorted by (day, SORT, TIME). */
static int
sort_rows(const struct flush *flush, uint32_t table, struct store_arena *arena,
	  struct sorted_row **out, uint32_t *out_count)
{
	const struct memtable *memtable = flush->generation->memtable;
	const struct store_table *schema = &flush->store->schema->tables[table];
	uint32_t rows_count = memtable_rows_count(memtable, table), count = 0;
	int time_column = state_role(schema, STORE_ROLE_TIME);
	int sort_column = state_role(schema, STORE_ROLE_SORT);
	struct sorted_row *rows = store_arena_alloc(arena, (rows_count + 1u) * sizeof *rows);
	struct sorted_row *other = store_arena_alloc(arena, (rows_count + 1u) * sizeof *rows);
	uint32_t *ranks = NULL;
	struct vector time, sort;
	struct store_str no_key = {NULL, 0};

	if (rows == NULL || other == NULL ||
	    memtable_read(memtable, table, (uint16_t)time_column, no_key, NULL, 0, rows_count,
			  arena, &time) != 0 ||
	    memtable_read(memtable, table, (uint16_t)sort_column, no_key, NULL, 0, rows_count,
			  arena, &sort) != 0)
		return STORE_ENOMEM;
	if (!sort.all_null && (ranks = rank_strings(sort.dictionary, arena)) == NULL)
		return STORE_ENOMEM;
	for (uint32_t row = 0; row < rows_count; row++) {
		int64_t at = time.all_null ? 0 : time.values[row];

		if (memtable_died(memtable, table, row) != MEMTABLE_ALIVE)
			continue;
		rows[count++] = (struct sorted_row){
		    major_of(partition_day(at), ranks == NULL ? 0 : ranks[sort.codes[row]]),
		    (uint64_t)at ^ (uint64_t)1 << 63, row};
	}
	*out = radix_sort(rows, other, count);
	*out_count = count;
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
	struct sorted_row *sorted;
	uint32_t count, *rows;
	int result = arena == NULL ? STORE_ENOMEM : sort_rows(flush, table, arena, &sorted, &count);

	if (result != 0 || (rows = store_arena_alloc(arena, (count + 1u) * sizeof *rows)) == NULL) {
		store_arena_free(arena);
		return store_error_set(flush->error, STORE_ENOMEM, "out of memory while flushing");
	}
	for (uint32_t i = 0; i < count; i++)
		rows[i] = sorted[i].row;
	for (uint32_t first = 0, end; result == 0 && first < count; first = end) {
		for (end = first; end < count && day_of(&sorted[end]) == day_of(&sorted[first]);)
			end++;
		result = write_segment(flush, table, day_of(&sorted[first]), rows + first,
				       end - first, arena);
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
	if (store->stopping || store->flush_now ||
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
			store->flush_now = false;
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
