/*
 * block.h: one interface over segment blocks and slices of the memtable.
 */
#include <string.h>

#include "snapshot_inside.h"
#include "state.h"

uint32_t
block_rows_count(const struct block *block)
{
	return block->rows_count;
}

int
block_visible(const struct block *block, struct store_arena *arena, const uint64_t **bitmap,
	      struct store_error *error)
{
	uint64_t commit = block->snapshot->commit, *visible;
	uint32_t count = 0;

	*bitmap = NULL;
	if (block->segment != NULL)
		return 0;
	visible = store_arena_zalloc(arena, bitmap_words(block->rows_count) * sizeof *visible);
	if (visible == NULL)
		return store_error_set(error, STORE_ELIMIT, "memory limit reached");
	for (uint32_t i = 0; i < block->rows_count; i++) {
		uint32_t row = block->first_row + i;

		if (memtable_born(block->memtable, block->table, row) <= commit &&
		    memtable_died(block->memtable, block->table, row) > commit) {
			bitmap_set(visible, i);
			count++;
		}
	}
	if (count < block->rows_count)
		*bitmap = visible;
	return 0;
}

bool
block_range(const struct block *block, uint16_t column, int64_t *min, int64_t *max)
{
	if (block->segment == NULL)
		return false;
	return segment_range(block->segment, block->index, column, min, max);
}

uint64_t
block_column_bytes(const struct block *block, uint16_t column, struct store_str key)
{
	if (block->segment == NULL)
		return (uint64_t)block->rows_count * 8;
	return segment_column_bytes(block->segment, block->index, column, key);
}

int
block_read(const struct block *block, uint16_t column, struct store_str key,
	   struct store_arena *arena, struct vector *out, struct store_error *error)
{
	int result;

	if (block->segment != NULL) {
		result = segment_read(block->segment, block->index, column, key, arena, out, error);
		if (result == STORE_ECORRUPT)
			state_damaged(block->snapshot->store, block->open,
				      error == NULL ? "a segment" : error->text);
		return result;
	}
	result = memtable_read(block->memtable, block->table, column, key, NULL, block->first_row,
			       block->rows_count, arena, out);
	return result == 0 ? 0 : store_error_set(error, STORE_ELIMIT, "memory limit reached");
}
