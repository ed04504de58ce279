/*
 * What the footer of an open segment tells about a column's values in a block:
 * bounds, NULLs, codes. Between segment_open.c and whoever wants to leave blocks
 * out; must not decode any rows.
 */
#include <assert.h>
#include <string.h>

#include "role.h"
#include "segment_file.h"

struct segment_file_column *
segment_find_column(const struct segment *segment, uint16_t column, struct store_str key)
{
	uint32_t low = 0, high = segment->known_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct segment_column *known = &segment->known[middle];
		int order = (known->column > column) - (known->column < column);

		if (order == 0)
			order = string_compare(known->key, key);
		if (order == 0)
			return segment->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct segment_chunk *
find_chunk(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key)
{
	const struct segment_file_column *found = segment_find_column(segment, column, key);

	assert(block < segment->blocks_count);
	return found == NULL || found->chunks[block].codec == CODEC_ABSENT ? NULL
									   : &found->chunks[block];
}

bool
segment_range(const struct segment *segment, uint32_t block, uint16_t column, int64_t *min,
	      int64_t *max)
{
	const struct store_column *schema = &segment->table->columns[column];
	const struct segment_chunk *chunk =
	    find_chunk(segment, block, column, (struct store_str){NULL, 0});
	bool nullable = schema->flags & STORE_NULLABLE;

	if (segment_is_string(schema->type) || !segment_is_ordered(schema->type, schema->scale))
		return false;
	if (chunk == NULL) {
		*min = *max = 0;
		return !nullable;
	}
	*min = chunk->min;
	*max = chunk->max;
	if (chunk->null_count != 0 && !nullable) { /* they read as 0 */
		*min = segment_less(schema->type, 0, *min) ? 0 : *min;
		*max = segment_less(schema->type, *max, 0) ? 0 : *max;
	}
	return true;
}

void
segment_find_times(struct segment *segment)
{
	int64_t *times = segment->times, of[2];
	int column = role_column(segment->table, STORE_ROLE_TIME);

	times[0] = INT64_MAX;
	times[1] = INT64_MIN;
	for (uint32_t block = 0; column >= 0 && block < segment->blocks_count; block++) {
		if (!segment_range(segment, block, (uint16_t)column, &of[0], &of[1])) {
			of[0] = INT64_MIN;
			of[1] = INT64_MAX;
		}
		times[0] = of[0] < times[0] ? of[0] : times[0];
		times[1] = of[1] > times[1] ? of[1] : times[1];
	}
}

bool
segment_times(const struct segment *segment, uint16_t column, int64_t times[2])
{
	if (!(segment->table->columns[column].flags & STORE_ROLE_TIME))
		return false;
	times[0] = segment->times[0];
	times[1] = segment->times[1];
	return true;
}

enum segment_nulls
segment_nulls(const struct segment *segment, uint32_t block, uint16_t column)
{
	const struct segment_chunk *chunk;

	if (!(segment->table->columns[column].flags & STORE_NULLABLE))
		return SEGMENT_NULLS_NONE;
	chunk = find_chunk(segment, block, column, (struct store_str){NULL, 0});
	if (chunk == NULL)
		return SEGMENT_NULLS_ALL;
	return chunk->null_count == 0 ? SEGMENT_NULLS_NONE : SEGMENT_NULLS_SOME;
}

int
segment_codes(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key,
	      const struct dictionary **dictionary, uint32_t *min, uint32_t *max,
	      struct store_error *error)
{
	const struct segment_chunk *chunk = find_chunk(segment, block, column, key);
	int result;

	*dictionary = NULL;
	*min = *max = 0;
	if (chunk == NULL)
		return 0;
	result = segment_dictionary(segment, column, key, dictionary, error);
	*min = chunk->null_count != 0 ? 0 : (uint32_t)chunk->min; /* NULL reads as '' */
	*max = (uint32_t)chunk->max;
	return result;
}

bool
segment_has_gaps(const struct segment *segment, uint16_t column, struct store_str key)
{
	const struct segment_file_column *found = segment_find_column(segment, column, key);

	for (uint32_t block = 0; found != NULL && block < segment->blocks_count; block++) {
		if (found->chunks[block].codec == CODEC_ABSENT)
			return true;
	}
	return found == NULL && segment->blocks_count > 0;
}

void
segment_dictionary_size(const struct segment *segment, uint16_t column, struct store_str key,
			uint32_t *count, uint32_t *raw_bytes)
{
	const struct segment_file_column *found = segment_find_column(segment, column, key);

	*count = found == NULL ? 0 : found->strings.count;
	*raw_bytes = found == NULL ? 0 : found->strings.raw_bytes;
}
