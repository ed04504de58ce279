/*
 * snapshot.h: pins segments and generations at one commit. Between the store's
 * state and the query engine; must not hold a lock while a query runs.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_inside.h"
#include "state.h"

void
snapshot_release_segment(struct open_segment *segment)
{
	if (atomic_fetch_sub(&segment->references, 1) != 1)
		return;
	segment_close(segment->segment);
	free(segment);
}

static uint32_t
blocks_of(uint32_t rows_count)
{
	return (rows_count + BLOCK_ROWS_MAX - 1) / BLOCK_ROWS_MAX;
}

/* Pins everything; state_mutex is held. */
static int
pin(struct store *store, struct snapshot *snapshot)
{
	uint32_t generations = 0;

	for (const struct generation *g = store->oldest; g != NULL; g = g->next)
		generations++;
	snapshot->segments =
	    calloc((size_t)store->segments_count + 1, sizeof(struct open_segment *));
	snapshot->memtables = calloc((size_t)generations + 1, sizeof(struct memtable *));
	if (snapshot->segments == NULL || snapshot->memtables == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < store->segments_count; i++) {
		if (atomic_load(&store->segments[i]->damaged))
			continue;
		atomic_fetch_add(&store->segments[i]->references, 1);
		snapshot->segments[snapshot->segments_count++] = store->segments[i];
	}
	for (const struct generation *g = store->oldest; g != NULL; g = g->next) {
		memtable_retain(g->memtable);
		snapshot->memtables[snapshot->memtables_count++] = g->memtable;
	}
	snapshot->commit = atomic_load_explicit(&store->published, memory_order_acquire);
	return 0;
}

static uint32_t
count_blocks(const struct snapshot *snapshot, uint32_t table)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < snapshot->segments_count; i++) {
		if (snapshot->segments[i]->entry.table == table)
			count += segment_blocks_count(snapshot->segments[i]->segment);
	}
	/* Rows may be added until fill_table looks again: one block more each. */
	for (uint32_t i = 0; i < snapshot->memtables_count; i++)
		count += blocks_of(memtable_rows_count(snapshot->memtables[i], table)) + 1;
	return count;
}

static int
fill_table(struct snapshot *snapshot, uint32_t table)
{
	struct snapshot_table *out = &snapshot->tables[table];
	uint32_t blocks_max = count_blocks(snapshot, table);

	if ((out->blocks = calloc((size_t)blocks_max + 1, sizeof *out->blocks)) == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < snapshot->segments_count; i++) {
		const struct segment *segment = snapshot->segments[i]->segment;

		if (snapshot->segments[i]->entry.table != table)
			continue;
		for (uint32_t b = 0; b < segment_blocks_count(segment); b++)
			out->blocks[out->blocks_count++] =
			    (struct block){.snapshot = snapshot,
					   .table = table,
					   .segment = segment,
					   .open = snapshot->segments[i],
					   .index = b,
					   .rows_count = segment_block_rows_count(segment, b)};
	}
	for (uint32_t i = 0; i < snapshot->memtables_count; i++) {
		uint32_t rows = memtable_rows_count(snapshot->memtables[i], table);

		for (uint32_t first = 0; first < rows && out->blocks_count < blocks_max;
		     first += BLOCK_ROWS_MAX)
			out->blocks[out->blocks_count++] = (struct block){
			    .snapshot = snapshot,
			    .table = table,
			    .memtable = snapshot->memtables[i],
			    .first_row = first,
			    .rows_count =
				rows - first < BLOCK_ROWS_MAX ? rows - first : BLOCK_ROWS_MAX};
	}
	return 0;
}

int
snapshot_open(struct store *store, struct snapshot **out, struct store_error *error)
{
	struct snapshot *snapshot = calloc(1, sizeof *snapshot);
	int result;

	if (snapshot == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory opening a snapshot");
	snapshot->store = store;
	snapshot->schema = store->schema;
	snapshot->tables = calloc(store->schema->tables_count, sizeof *snapshot->tables);
	pthread_mutex_lock(&store->state_mutex);
	result = snapshot->tables == NULL ? STORE_ENOMEM : pin(store, snapshot);
	pthread_mutex_unlock(&store->state_mutex);
	for (uint32_t i = 0; result == 0 && i < store->schema->tables_count; i++)
		result = fill_table(snapshot, i);
	if (result != 0) {
		snapshot_close(snapshot);
		return store_error_set(error, result, "out of memory opening a snapshot");
	}
	*out = snapshot;
	return 0;
}

void
snapshot_close(struct snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	for (uint32_t i = 0; i < snapshot->segments_count; i++)
		snapshot_release_segment(snapshot->segments[i]);
	for (uint32_t i = 0; i < snapshot->memtables_count; i++)
		memtable_release(snapshot->memtables[i]);
	for (uint32_t i = 0; snapshot->tables != NULL && i < snapshot->schema->tables_count; i++)
		free(snapshot->tables[i].blocks);
	free(snapshot->tables);
	free(snapshot->segments);
	free(snapshot->memtables);
	free(snapshot);
}

int
snapshot_check(const struct snapshot *snapshot, struct store_error *error)
{
	int result = 0;

	for (uint32_t i = 0; i < snapshot->segments_count; i++) {
		struct store_error lost = {0};

		if (segment_check_lost(snapshot->segments[i]->segment, &lost) == 0)
			continue;
		state_damaged(snapshot->store, snapshot->segments[i], lost.text);
		result = store_error_set(error, STORE_ECORRUPT, "%s", lost.text);
	}
	return result;
}

const struct store_schema *
snapshot_schema(const struct snapshot *snapshot)
{
	return snapshot->schema;
}

uint32_t
snapshot_blocks_count(const struct snapshot *snapshot, uint32_t table)
{
	assert(table < snapshot->schema->tables_count);
	return snapshot->tables[table].blocks_count;
}

const struct block *
snapshot_block(const struct snapshot *snapshot, uint32_t table, uint32_t index)
{
	assert(index < snapshot_blocks_count(snapshot, table));
	return &snapshot->tables[table].blocks[index];
}

/* ---- map keys -------------------------------------------------------- */

struct keys {
	struct store_str *list; /* the arena's */
	uint32_t count, list_max;
};

static int
add_keys(struct keys *keys, const struct segment_column *columns, uint32_t count, uint16_t column)
{
	for (uint32_t i = 0; i < count; i++) {
		if (columns[i].column == column && columns[i].key.size > 0 &&
		    keys->count < keys->list_max)
			keys->list[keys->count++] = columns[i].key;
	}
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	return string_compare(*(const struct store_str *)a, *(const struct store_str *)b);
}

int
snapshot_map_keys(const struct snapshot *snapshot, uint32_t table, uint16_t column,
		  struct store_arena *arena, const struct store_str **out, uint32_t *out_count)
{
	const struct segment_column *columns;
	struct keys keys = {0};
	uint32_t count, kept = 0;

	for (int pass = 0; pass < 2; pass++) { /* first the bound, then the keys */
		for (uint32_t i = 0; i < snapshot->segments_count; i++) {
			if (snapshot->segments[i]->entry.table != table)
				continue;
			columns = segment_columns(snapshot->segments[i]->segment, &count);
			if (pass == 0)
				keys.list_max += count;
			else
				add_keys(&keys, columns, count, column);
		}
		for (uint32_t i = 0; i < snapshot->memtables_count; i++) {
			if (memtable_columns(snapshot->memtables[i], table, arena, &columns,
					     &count) != 0)
				return STORE_ELIMIT;
			if (pass == 0)
				keys.list_max += count + 64;
			else
				add_keys(&keys, columns, count, column);
		}
		if (pass == 0 && (keys.list = store_arena_alloc(
				      arena, (keys.list_max + 1u) * sizeof *keys.list)) == NULL)
			return STORE_ELIMIT;
	}
	qsort(keys.list, keys.count, sizeof *keys.list, compare_keys);
	for (uint32_t i = 0; i < keys.count; i++) {
		if (kept == 0 || compare_keys(&keys.list[kept - 1], &keys.list[i]) != 0)
			keys.list[kept++] = keys.list[i];
	}
	*out = keys.list;
	*out_count = kept;
	return 0;
}
