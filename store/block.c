/*
 * block.h: one interface over segment blocks and slices of the memtable.
 */
#include <assert.h>
#include <string.h>

#include "snapshot_inside.h"
#include "state.h"

uint32_t
block_rows_count(const struct block *block)
{
	return block->rows_count;
}

int
block_visible(const struct block *block, uint32_t first, uint32_t count, struct store_arena *arena,
	      const uint64_t **bitmap, struct store_error *error)
{
	uint64_t commit = block->snapshot->commit, *visible;
	uint32_t found = 0;

	*bitmap = NULL;
	if (block->segment != NULL)
		return 0;
	visible = store_arena_zalloc(arena, bitmap_words(count) * sizeof *visible);
	if (visible == NULL)
		return store_error_set(error, STORE_ELIMIT, "memory limit reached");
	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = block->first_row + first + i;

		if (memtable_born(block->memtable, block->table, row) <= commit &&
		    memtable_died(block->memtable, block->table, row) > commit) {
			bitmap_set(visible, i);
			found++;
		}
	}
	if (found < count)
		*bitmap = visible;
	return 0;
}

void
block_identity(const struct block *block, uint64_t out[2])
{
	out[0] = block->segment != NULL ? block->open->entry.id : UINT64_MAX;
	out[1] = block->segment != NULL ? block->index : block->snapshot->commit;
}

const void *
block_source(const struct block *block)
{
	return block->segment;
}

bool
block_source_times(const struct block *block, uint16_t column, int64_t times[2])
{
	assert(block->segment != NULL);
	return segment_times(block->segment, column, times);
}

bool
block_range(const struct block *block, uint16_t column, int64_t *min, int64_t *max)
{
	const struct store_table *table = &block->snapshot->schema->tables[block->table];

	if (block->segment == NULL)
		return (table->columns[column].flags & STORE_ROLE_TIME) != 0 &&
		       memtable_times(block->memtable, block->table, min, max);
	return segment_range(block->segment, block->index, column, min, max);
}

bool
block_has_no_nulls(const struct block *block, uint16_t column)
{
	if (block->segment != NULL)
		return segment_nulls(block->segment, block->index, column) == SEGMENT_NULLS_NONE;
	return !(block->snapshot->schema->tables[block->table].columns[column].flags &
		 STORE_NULLABLE);
}

bool
block_is_all_null(const struct block *block, uint16_t column)
{
	return block->segment != NULL &&
	       segment_nulls(block->segment, block->index, column) == SEGMENT_NULLS_ALL;
}

static int
check(const struct block *block, int result, struct store_error *error)
{
	if (result == STORE_ECORRUPT)
		state_damaged(block->snapshot->store, block->open,
			      error == NULL ? "a segment" : error->text);
	return result;
}

int
block_codes(const struct block *block, uint16_t column, struct store_str key,
	    const struct dictionary **dictionary, uint32_t *min, uint32_t *max,
	    struct store_error *error)
{
	int result;

	if (block->segment == NULL)
		return 0;
	result = check(
	    block,
	    segment_codes(block->segment, block->index, column, key, dictionary, min, max, error),
	    error);
	return result == 0 ? 1 : result;
}

int
block_distinct(const struct block *block, uint16_t column, struct store_arena *arena,
	       const int64_t **values, uint32_t *count, struct store_error *error)
{
	*count = 0;
	if (block->segment == NULL)
		return 0;
	return check(
	    block,
	    segment_distinct(block->segment, block->index, column, arena, values, count, error),
	    error);
}

uint64_t
block_column_bytes(const struct block *block, uint16_t column, struct store_str key)
{
	if (block->segment == NULL)
		return (uint64_t)block->rows_count * 8;
	return segment_column_bytes(block->segment, block->index, column, key);
}

void
block_want(const struct block *block, uint16_t column, struct store_str key)
{
	if (block->segment != NULL)
		segment_want(block->segment, block->index, column, key);
}

/* ---- reading ---------------------------------------------------------- */

struct block_reader {
	const struct block *block;
	uint16_t column;
	struct store_str key;
	struct segment_reader *segment; /* NULL: of the memtable */
};

int
block_reader_open(const struct block *block, uint16_t column, struct store_str key, bool narrow,
		  struct store_arena *arena, struct block_reader **out, struct store_error *error)
{
	struct block_reader *reader = store_arena_zalloc(arena, sizeof *reader);

	if (reader == NULL)
		return store_error_set(error, STORE_ELIMIT, "memory limit reached");
	*reader = (struct block_reader){.block = block, .column = column, .key = key};
	*out = reader;
	if (block->segment == NULL)
		return 0;
	return check(block,
		     segment_reader_open(block->segment, block->index, column, key, narrow, arena,
					 &reader->segment, error),
		     error);
}

int
block_reader_read(struct block_reader *reader, uint32_t first, uint32_t count,
		  struct store_arena *arena, struct vector *out, struct store_error *error)
{
	const struct block *block = reader->block;

	if (reader->segment != NULL)
		return check(block,
			     segment_reader_read(reader->segment, first, count, arena, out, error),
			     error);
	if (memtable_read(block->memtable, block->table, reader->column, reader->key, NULL,
			  block->first_row + first, count, arena, out) == 0)
		return 0;
	return store_error_set(error, STORE_ELIMIT, "memory limit reached");
}

bool
block_reader_bounds(struct block_reader *reader, uint32_t first, uint32_t count, int64_t *min,
		    int64_t *max)
{
	return reader->segment != NULL &&
	       segment_reader_bounds(reader->segment, first, count, min, max);
}

int
block_read(const struct block *block, uint16_t column, struct store_str key,
	   struct store_arena *arena, struct vector *out, struct store_error *error)
{
	struct block_reader *reader;
	int result = block_reader_open(block, column, key, false, arena, &reader, error);

	if (result != 0)
		return result;
	return block_reader_read(reader, 0, block->rows_count, arena, out, error);
}
