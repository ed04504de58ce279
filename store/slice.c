/*
 * slice.h. Between blocks and expressions; must not evaluate anything.
 */
#include <stdlib.h>
#include <string.h>

#include "slice.h"

int
slice_open(struct slice *slice, struct store_arena *arena, size_t bytes_max)
{
	*slice = (struct slice){.arena = arena,
				.block_arena = store_arena_create(bytes_max),
				.source_arena = store_arena_create(bytes_max)};
	return slice->block_arena == NULL || slice->source_arena == NULL ? STORE_ELIMIT : 0;
}

void
slice_close(struct slice *slice)
{
	store_arena_free(slice->block_arena);
	store_arena_free(slice->source_arena);
	free(slice->columns);
	free(slice->entries);
	free(slice->entries_slots);
}

void
slice_set_block(struct slice *slice, const struct block *block)
{
	store_arena_reset(slice->block_arena);
	if (slice->source == NULL || slice->source != block_source(block)) {
		slice->source = block_source(block);
		slice->epoch++;
		if (slice->entries_count > 0)
			memset(slice->entries_slots, 0,
			       (size_t)slice->entries_max * 2 * sizeof *slice->entries_slots);
		slice->entries_count = 0;
		store_arena_reset(slice->source_arena);
	}
	slice->block = block;
	slice->mixed = NULL;
	slice->bytes_read = 0;
	for (uint32_t i = 0; i < slice->columns_count; i++)
		slice->columns[i].reader = NULL;
}

void
slice_want(const struct slice *slice, const struct block *block)
{
	for (uint32_t i = 0; i < slice->columns_count; i++)
		block_want(block, slice->columns[i].column, slice->columns[i].key);
}

void
slice_move(struct slice *slice, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < slice->columns_count; i++)
		slice->columns[i].whole_count = 0;
	slice->end = first + count;
	slice_part(slice, first, count);
}

void
slice_part(struct slice *slice, uint32_t first, uint32_t count)
{
	slice->first = first;
	slice->count = count;
	for (uint32_t i = 0; i < slice->columns_count; i++)
		slice->columns[i].is_read = false;
	slice_select(slice);
}

void
slice_select(struct slice *slice)
{
	for (uint32_t i = 0; i < slice->columns_count; i++)
		slice->columns[i].has_values = slice->columns[i].has_stored =
		    slice->columns[i].has_narrow = false;
}

static bool
is_same(struct store_str a, struct store_str b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* NULL: no memory. */
static struct slice_column *
find_column(struct slice *slice, uint16_t column, struct store_str key)
{
	for (uint32_t i = 0, at = slice->columns_next; i < slice->columns_count; i++, at++) {
		at = at < slice->columns_count ? at : 0;
		if (slice->columns[at].column == column && is_same(slice->columns[at].key, key)) {
			slice->columns_next = at + 1;
			return &slice->columns[at];
		}
	}
	if (slice->columns_count == slice->columns_max) {
		uint32_t max = slice->columns_max == 0 ? 16 : slice->columns_max * 2;
		struct slice_column *grown = realloc(slice->columns, max * sizeof *grown);

		if (grown == NULL)
			return NULL;
		slice->columns = grown;
		slice->columns_max = max;
	}
	slice->columns[slice->columns_count] = (struct slice_column){.column = column, .key = key};
	return &slice->columns[slice->columns_count++];
}

/* One that can read row `first` of the block: readers only go on. */
static int
open_reader(struct slice *slice, struct slice_column *column, uint32_t first,
	    struct store_error *error)
{
	int result;

	if (column->reader != NULL && column->reader_row <= first)
		return 0;
	if (column->reader == NULL)
		slice->bytes_read += block_column_bytes(slice->block, column->column, column->key);
	result = block_reader_open(slice->block, column->column, column->key, true,
				   slice->block_arena, &column->reader, error);
	column->reader_row = 0;
	if (result != 0)
		column->reader = NULL;
	return result;
}

static bool
has_whole(const struct slice *slice, const struct slice_column *column)
{
	return slice->first >= column->whole_first &&
	       slice->first + slice->count <= column->whole_first + column->whole_count;
}

/* The bits of rows from `skipped` on; NULL: no memory. */
static const uint64_t *
shift_bits(const struct slice *slice, const uint64_t *bits, uint32_t skipped)
{
	uint32_t words = bitmap_words(slice->count), shift = skipped % 64;
	uint32_t last = (skipped + slice->count - 1) / 64;
	uint64_t *shifted;

	if (shift == 0)
		return bits + skipped / 64;
	if ((shifted = store_arena_alloc(slice->arena, words * sizeof *shifted)) == NULL)
		return NULL;
	for (uint32_t i = 0, from = skipped / 64; i < words; i++, from++)
		shifted[i] =
		    bits[from] >> shift | (from < last ? bits[from + 1] << (64 - shift) : 0);
	return shifted;
}

/* The slice's rows of what was decoded around them; 0 or STORE_ELIMIT. */
static int
take_part(const struct slice *slice, struct slice_column *column)
{
	uint32_t skipped = slice->first - column->whole_first;
	struct vector *part = &column->vector;

	*part = column->whole;
	part->rows_count = slice->count;
	if (part->nulls != NULL && (part->nulls = shift_bits(slice, part->nulls, skipped)) == NULL)
		return STORE_ELIMIT;
	if (part->constant)
		return 0;
	if (part->values != NULL)
		part->values += skipped;
	if (part->narrow != NULL)
		part->narrow += skipped;
	if (part->codes != NULL)
		part->codes += skipped;
	if (part->bytes != NULL)
		part->bytes += skipped;
	return 0;
}

/* What of the column is around the slice's rows, as far as it was moved to. */
static int
read_around(struct slice *slice, struct slice_column *column, struct store_error *error)
{
	uint32_t first = slice->first / SLICE_ROWS * SLICE_ROWS;
	uint32_t end = (slice->first + slice->count + SLICE_ROWS - 1) / SLICE_ROWS * SLICE_ROWS;
	int result = open_reader(slice, column, first, error);

	end = end < slice->end ? end : slice->end;
	column->whole_count = 0;
	if (result == 0)
		result = block_reader_read(column->reader, first, end - first, slice->arena,
					   &column->whole, error);
	if (result != 0)
		return result;
	column->whole_first = first;
	column->whole_count = end - first;
	column->reader_row = end;
	return 0;
}

int
slice_read(struct slice *slice, uint16_t column, struct store_str key, struct slice_column **out,
	   struct store_error *error)
{
	struct slice_column *found = find_column(slice, column, key);
	int result;

	if (found == NULL)
		return expression_no_memory(error);
	*out = found;
	if (found->is_read)
		return 0;
	result = has_whole(slice, found) ? 0 : read_around(slice, found, error);
	if (result == 0)
		result = take_part(slice, found);
	found->is_read = result == 0;
	return result == STORE_ELIMIT ? expression_no_memory(error) : result;
}

int
slice_read_some(struct slice *slice, uint16_t column, uint32_t first, uint32_t count,
		struct vector *out, struct store_error *error)
{
	struct slice_column *found = find_column(slice, column, (struct store_str){NULL, 0});
	struct slice part = *slice;
	int result;

	if (found == NULL)
		return expression_no_memory(error);
	part.first += first;
	part.count = count;
	if (!has_whole(&part, found) && found->reader != NULL && found->reader_row > slice->first) {
		/* The second part of the slice: all of it is read once and kept, for as many more
		 * as there are conditions. */
		result = slice_read(slice, column, (struct store_str){NULL, 0}, &found, error);
		if (result != 0)
			return result;
	}
	if (has_whole(&part, found)) {
		struct slice_column some = *found;

		result = take_part(&part, &some);
		*out = some.vector;
	} else {
		if ((result = open_reader(slice, found, part.first, error)) == 0)
			result = block_reader_read(found->reader, part.first, count, slice->arena,
						   out, error);
		found->reader_row = part.first + count;
	}
	return result == STORE_ELIMIT ? expression_no_memory(error) : result;
}

int
slice_bounds(struct slice *slice, uint16_t column, int64_t bounds[2], bool *known,
	     struct store_error *error)
{
	return slice_part_bounds(slice, column, 0, slice->count, bounds, known, error);
}

int
slice_part_bounds(struct slice *slice, uint16_t column, uint32_t first, uint32_t count,
		  int64_t bounds[2], bool *known, struct store_error *error)
{
	struct slice_column *found = find_column(slice, column, (struct store_str){NULL, 0});
	int result;

	*known = false;
	if (found == NULL)
		return expression_no_memory(error);
	if (found->reader == NULL && (result = open_reader(slice, found, 0, error)) != 0)
		return result == STORE_ELIMIT ? expression_no_memory(error) : result;
	*known =
	    block_reader_bounds(found->reader, slice->first + first, count, &bounds[0], &bounds[1]);
	return 0;
}

/* Where the entries of an expression and a dictionary are, or would be. */
static uint32_t *
find_entries_slot(const struct slice *slice, const struct expression *expression,
		  const struct store_str *const *chunks)
{
	uint64_t hash = (uintptr_t)expression * (uint64_t)0x9e3779b97f4a7c15;
	uint32_t mask = slice->entries_max * 2 - 1, slot = (uint32_t)(hash >> 32) & mask;

	for (; slice->entries_slots[slot] != 0; slot = (slot + 1) & mask) {
		const struct slice_entries *entries =
		    &slice->entries[slice->entries_slots[slot] - 1];

		if (entries->expression == expression && entries->dictionary.chunks == chunks)
			break;
	}
	return &slice->entries_slots[slot];
}

static bool
grow_entries(struct slice *slice)
{
	uint32_t max = slice->entries_max == 0 ? 8 : slice->entries_max * 2;
	struct slice_entries *grown = realloc(slice->entries, max * sizeof *grown);
	uint32_t *slots = calloc((size_t)max * 2, sizeof *slots);

	if (grown != NULL)
		slice->entries = grown;
	if (grown == NULL || slots == NULL) {
		free(slots);
		return false;
	}
	free(slice->entries_slots);
	slice->entries_slots = slots;
	slice->entries_max = max;
	for (uint32_t i = 0; i < slice->entries_count; i++)
		*find_entries_slot(slice, grown[i].expression, grown[i].dictionary.chunks) = i + 1;
	return true;
}

struct slice_entries *
slice_find_entries(struct slice *slice, const struct expression *expression,
		   const struct dictionary *dictionary)
{
	struct slice_entries *entries;
	uint32_t *slot;

	if (slice->entries_count == slice->entries_max && !grow_entries(slice))
		return NULL;
	slot = find_entries_slot(slice, expression, dictionary->chunks);
	if (*slot == 0) {
		*slot = ++slice->entries_count;
		slice->entries[*slot - 1].expression = NULL;
	}
	entries = &slice->entries[*slot - 1];
	if (entries->expression == NULL ||
	    entries->dictionary.count != dictionary->count) /* it has grown */
		*entries =
		    (struct slice_entries){.expression = expression, .dictionary = *dictionary};
	return entries;
}
