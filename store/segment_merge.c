/*
 * Several sorted segments read as one. Between segment_read.c and
 * segment_write.c, for merging and erasing. Must not read an input out of
 * order: every column is one pass (a string column two) over each.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "role.h"
#include "segment_merge_inside.h"

#define SLICE_ROWS 8192u /* what is copied is still in the cache */

int
segment_merge_no_memory(struct store_error *error)
{
	return store_error_set(error, STORE_ENOMEM, "out of memory while merging segments");
}

int
segment_merge_open_cursor(struct cursor *cursor, const struct segment *segment)
{
	*cursor = (struct cursor){.segment = segment,
				  .block_arena = store_arena_create(0),
				  .arena = store_arena_create(0)};
	return cursor->block_arena == NULL || cursor->arena == NULL ? STORE_ENOMEM : 0;
}

void
segment_merge_close_cursor(struct cursor *cursor)
{
	store_arena_free(cursor->block_arena);
	store_arena_free(cursor->arena);
}

void
segment_merge_rewind(struct segment_merge *merge)
{
	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		struct cursor *cursor = &merge->cursors[i];

		cursor->block = cursor->slice_first = cursor->row = 0;
		memset(&cursor->vector, 0, sizeof cursor->vector);
	}
	merge->order_at = 0;
	merge->run.count = 0;
}

/* Of the block at hand. */
static uint32_t
rows_of_block(const struct cursor *cursor)
{
	return cursor->block == 0 ? 0
				  : segment_block_rows_count(cursor->segment, cursor->block - 1);
}

bool
segment_merge_is_end(const struct cursor *cursor)
{
	return cursor->row == cursor->vector.rows_count &&
	       cursor->slice_first == rows_of_block(cursor) &&
	       cursor->block == segment_blocks_count(cursor->segment);
}

static int
open_block(struct cursor *cursor, uint16_t column, struct store_str key, struct store_error *error)
{
	assert(cursor->block < segment_blocks_count(cursor->segment));
	store_arena_reset(cursor->block_arena);
	cursor->slice_first = 0;
	if (cursor->held)
		return segment_reader_open_held(cursor->segment, cursor->block++, column, key,
						cursor->block_arena, &cursor->reader, error);
	return segment_reader_open(cursor->segment, cursor->block++, column, key, false,
				   cursor->block_arena, &cursor->reader, error);
}

int
segment_merge_settle(struct cursor *cursor, uint16_t column, struct store_str key,
		     struct store_error *error)
{
	while (cursor->row == cursor->vector.rows_count) {
		uint32_t rows;
		int result = 0;

		if (cursor->slice_first == rows_of_block(cursor))
			result = open_block(cursor, column, key, error);
		rows = rows_of_block(cursor) - cursor->slice_first;
		rows = rows < SLICE_ROWS ? rows : SLICE_ROWS;
		store_arena_reset(cursor->arena);
		if (result == 0)
			result = segment_reader_read(cursor->reader, cursor->slice_first, rows,
						     cursor->arena, &cursor->vector, error);
		if (result != 0)
			return result == STORE_ELIMIT ? segment_merge_no_memory(error) : result;
		cursor->slice_first += rows;
		cursor->row = 0;
	}
	return 0;
}

/* ---- reading a column ---------------------------------------------------- */

/* Sets bits [at, at + count) of `out`, which are 0, to those of `from` that begin at
 * `first`; or all of them (NULL). */
static void
put_bits(uint64_t *out, uint32_t at, const uint64_t *from, uint32_t first, uint32_t count)
{
	while (count > 0) {
		uint32_t room = 64 - at % 64, bits = count < room ? count : room;
		uint64_t word = UINT64_MAX;

		if (from != NULL)
			word = from[first / 64] >> first % 64;
		if (from != NULL && first % 64 + bits > 64)
			word |= from[first / 64 + 1] << (64 - first % 64);
		if (bits < 64)
			word &= ((uint64_t)1 << bits) - 1;
		out[at / 64] |= word << at % 64;
		at += bits;
		first += bits;
		count -= bits;
	}
}

/* Copies `count` rows, all of the cursor's vector, to output row `at`. */
static void
copy_run(struct segment_merge *merge, const struct cursor *cursor, bool strings, uint32_t at,
	 uint32_t count)
{
	const struct vector *vector = &cursor->vector;
	uint32_t from = vector->constant ? 0 : cursor->row, step = vector->constant ? 0 : 1;

	if (vector->all_null && strings)
		memset(merge->codes + at, 0, count * sizeof *merge->codes);
	else if (vector->all_null)
		memset(merge->values + at, 0, count * sizeof *merge->values);
	else if (strings) {
		for (uint32_t i = 0; i < count; i++)
			merge->codes[at + i] = cursor->codes[vector->codes[from + i * step]];
	} else if (vector->constant) {
		for (uint32_t i = 0; i < count; i++)
			merge->values[at + i] = vector->values[0];
	} else
		memcpy(merge->values + at, vector->values + from, count * sizeof *merge->values);
	if (vector->all_null || vector->nulls != NULL)
		put_bits(merge->nulls, at, vector->all_null ? NULL : vector->nulls, cursor->row,
			 count);
}

static struct segment_merge_run
next_run(struct segment_merge *merge)
{
	const unsigned char *at = merge->order + merge->order_at;
	struct segment_merge_run run = {.which = at[0], .count = 1};
	size_t bytes = 1;

	if (at[0] & SEGMENT_MERGE_SEVERAL) {
		run.which = (unsigned char)(at[0] & ~SEGMENT_MERGE_SEVERAL);
		run.count = at[1] + 2u;
		bytes = 2;
	}
	if (bytes == 2 && at[1] == SEGMENT_MERGE_COUNT_FOLLOWS) {
		run.count = bytes_get32(at + 2);
		bytes += sizeof run.count;
	}
	merge->order_at += bytes;
	return run;
}

static int
read_rows(struct segment_merge *merge, const struct segment_column *column, bool strings,
	  uint32_t rows_count, struct store_error *error)
{
	uint32_t done = 0;

	while (done < rows_count) {
		struct segment_merge_run *run = &merge->run;
		struct cursor *cursor;
		uint32_t count;
		bool left_out;
		int result;

		if (run->count == 0)
			*run = next_run(merge);
		left_out = run->which & SEGMENT_MERGE_LEFT_OUT;
		cursor = &merge->cursors[run->which & ~SEGMENT_MERGE_LEFT_OUT];
		result = segment_merge_settle(cursor, column->column, column->key, error);
		if (result != 0)
			return result;
		count = cursor->vector.rows_count - cursor->row;
		count = count < run->count ? count : run->count;
		if (!left_out) {
			count = count < rows_count - done ? count : rows_count - done;
			copy_run(merge, cursor, strings, done, count);
			done += count;
		}
		cursor->row += count;
		run->count -= count;
	}
	return 0;
}

/* The files leave memory as they are read: together they may be larger than it. */
static void
forget_column(const struct segment_merge *merge, const struct segment_column *column)
{
	for (uint32_t i = 0; i < merge->inputs_count; i++)
		segment_forget(merge->cursors[i].segment, column->column, column->key);
}

static int
read_source(void *context, uint32_t column_index, uint64_t first, uint32_t rows_count,
	    struct vector *out, struct store_error *error)
{
	struct segment_merge *merge = context;
	const struct segment_column *column = &merge->columns[column_index];
	const struct store_column *schema = &merge->table->columns[column->column];
	bool strings = schema->type == STORE_STRING || schema->type == STORE_MAP;
	int result = 0;

	if (first == 0)
		segment_merge_rewind(merge);
	if (strings && merge->strings_column != column_index)
		result = segment_merge_load_strings(merge, column_index, error);
	if (result != 0)
		return result;
	memset(merge->nulls, 0, bitmap_words(rows_count) * sizeof *merge->nulls);
	if ((result = read_rows(merge, column, strings, rows_count, error)) != 0)
		return result;
	if (first + rows_count == merge->source.rows_count)
		forget_column(merge, column);
	out->rows_count = rows_count;
	if (schema->flags & STORE_NULLABLE)
		out->nulls = merge->nulls;
	if (strings) {
		out->codes = merge->codes;
		out->dictionary = &merge->strings.dictionary;
	} else
		out->values = merge->values;
	return 0;
}

/* segment_source.dictionary: of rows that stay, each entry does. */
static int
read_dictionary(void *context, uint32_t column_index, const struct dictionary **out,
		struct store_error *error)
{
	struct segment_merge *merge = context;
	int result = 0;

	*out = NULL;
	if (segment_merge_left_out(merge) > 0)
		return 0;
	if (merge->strings_column != column_index)
		result = segment_merge_load_strings(merge, column_index, error);
	if (result == 0)
		*out = &merge->strings.dictionary;
	return result;
}

/* ---- opening ------------------------------------------------------------- */

static int
compare_columns(const void *a, const void *b)
{
	const struct segment_column *x = a, *y = b;

	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return string_compare(x->key, y->key);
}

/* The columns that any input has, each once, ascending. */
static int
unite_columns(struct segment_merge *merge, struct segment *const *inputs)
{
	size_t total = 1;
	uint32_t count, found = 0;

	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		segment_columns(inputs[i], &count);
		total += count;
	}
	if ((merge->columns = malloc(total * sizeof *merge->columns)) == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		const struct segment_column *columns = segment_columns(inputs[i], &count);

		if (count > 0)
			memcpy(merge->columns + found, columns, count * sizeof *columns);
		found += count;
	}
	qsort(merge->columns, found, sizeof *merge->columns, compare_columns);
	for (uint32_t i = 0; i < found; i++) {
		uint32_t *kept = &merge->source.columns_count;

		if (*kept == 0 ||
		    compare_columns(&merge->columns[*kept - 1], &merge->columns[i]) != 0)
			merge->columns[(*kept)++] = merge->columns[i];
	}
	merge->source.columns = merge->columns;
	return 0;
}

static int
allocate(struct segment_merge *merge, struct segment *const *inputs)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		struct segment_summary summary;

		segment_summary(inputs[i], &summary);
		total += summary.rows_count;
		if (segment_merge_open_cursor(&merge->cursors[i], inputs[i]) != 0)
			return STORE_ENOMEM;
		merge->cursors[i].held = true;
	}
	if (total > UINT32_MAX)
		return STORE_EINVAL;
	merge->values = malloc(BLOCK_ROWS_MAX * sizeof *merge->values);
	merge->codes = malloc(BLOCK_ROWS_MAX * sizeof *merge->codes);
	merge->nulls = malloc(bitmap_words(BLOCK_ROWS_MAX) * sizeof *merge->nulls);
	if (merge->values == NULL || merge->codes == NULL || merge->nulls == NULL)
		return STORE_ENOMEM;
	return unite_columns(merge, inputs);
}

int
segment_merge_open(const struct store_table *table, struct segment *const *inputs,
		   uint32_t inputs_count, const struct segment_merge_filter *filter,
		   struct segment_merge **out, struct store_error *error)
{
	struct segment_merge *merge = calloc(1, sizeof *merge);
	int time = role_column(table, STORE_ROLE_TIME), sort = role_column(table, STORE_ROLE_SORT);
	uint32_t sort_index = UINT32_MAX;
	int result;

	assert(inputs_count > 0 && inputs_count <= SEGMENT_MERGE_INPUTS_MAX);
	assert(time >= 0 && sort >= 0);
	if (merge == NULL)
		return segment_merge_no_memory(error);
	merge->table = table;
	merge->inputs_count = inputs_count;
	merge->strings_column = UINT32_MAX;
	merge->source = (struct segment_source){
	    .table = table, .read = read_source, .dictionary = read_dictionary, .context = merge};
	if ((result = allocate(merge, inputs)) != 0) {
		store_error_set(error, result, "%s",
				result == STORE_EINVAL ? "too many rows to merge"
						       : "out of memory while merging segments");
		goto fail;
	}
	for (uint32_t i = 0; i < merge->source.columns_count; i++) {
		if (merge->columns[i].column == sort)
			sort_index = i;
	}
	result = segment_merge_find_order(merge, filter, (uint16_t)time, sort_index, error);
	if (result != 0)
		goto fail;
	*out = merge;
	return 0;
fail:
	segment_merge_close(merge);
	return result;
}

void
segment_merge_close(struct segment_merge *merge)
{
	if (merge == NULL)
		return;
	for (uint32_t i = 0; i < merge->inputs_count; i++)
		segment_merge_close_cursor(&merge->cursors[i]);
	segment_merge_free_strings(merge);
	free(merge->order);
	free(merge->columns);
	free(merge->values);
	free(merge->codes);
	free(merge->nulls);
	free(merge);
}

const struct segment_source *
segment_merge_source(const struct segment_merge *merge)
{
	return &merge->source;
}

uint64_t
segment_merge_left_out(const struct segment_merge *merge)
{
	return merge->order_count - merge->source.rows_count;
}
