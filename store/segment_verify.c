/*
 * Every byte of a segment, checked: what opening and reading leave to the first
 * use, and what only a whole pass can see. For checks and after restoring; must
 * not be needed for reading to be safe.
 */
#include <xxhash.h>

#include "segment_file.h"

/* Bytes between sections are zeros. */
static int
verify_gap(const struct segment *segment, uint64_t from, struct store_error *error)
{
	for (uint64_t at = from; at < segment_aligned(from); at++) {
		if (segment->bytes[at] != 0)
			return segment_corrupt(segment, at, error, "padding is not zero");
	}
	return 0;
}

/* The footer's min and max are those of the values. */
static int
verify_range(const struct segment *segment, const struct segment_file_column *column,
	     const struct segment_chunk *chunk, const struct vector *vector,
	     struct store_error *error)
{
	bool any = false;
	int64_t min = 0, max = 0;

	for (uint32_t i = 0; i < vector->rows_count; i++) {
		uint32_t at = vector->constant ? 0 : i;
		int64_t value = vector->codes != NULL ? vector->codes[at] : vector->values[at];

		if (vector->nulls != NULL && bitmap_get(vector->nulls, i))
			continue;
		if (!any || segment_less(column->type, value, min))
			min = value;
		if (!any || segment_less(column->type, max, value))
			max = value;
		any = true;
	}
	if (!segment_is_ordered(column->type, column->scale) && chunk->codec != CODEC_CONSTANT)
		min = max = 0;
	if (!any || min != chunk->min || max != chunk->max)
		return segment_corrupt(segment, chunk->offset, error,
				       "values are not within the footer's range");
	return 0;
}

static int
verify_chunk(struct segment *segment, struct segment_file_column *column, uint32_t block,
	     struct store_arena *arena, struct store_error *error)
{
	struct segment_chunk *chunk = &column->chunks[block];
	size_t size = (size_t)chunk->nulls_bytes + chunk->values_bytes;
	struct vector vector;
	int result;

	if (chunk->codec == CODEC_ABSENT)
		return 0;
	if (XXH3_64bits(segment->bytes + chunk->offset, size) != chunk->checksum)
		return segment_corrupt(segment, chunk->offset, error,
				       "chunk's checksum does not match");
	if ((result = segment_read_column(segment, column, block, true, arena, &vector, error)) !=
		0 ||
	    (result = verify_gap(segment, chunk->offset + size, error)) != 0)
		return result;
	return verify_range(segment, column, chunk, &vector, error);
}

static int
verify_column(struct segment *segment, struct segment_file_column *column,
	      struct store_arena *arena, struct store_error *error)
{
	struct segment_strings *strings = &column->strings;
	int result = 0;

	if (strings->count != 0) {
		const unsigned char *stored = segment->bytes + strings->offset;

		if (XXH3_64bits(stored, strings->stored_bytes) != strings->checksum)
			return segment_corrupt(segment, strings->offset, error,
					       "dictionary's checksum does not match");
		if ((result = segment_load_strings(segment, column, error)) != 0 ||
		    (result =
			 verify_gap(segment, strings->offset + strings->stored_bytes, error)) != 0)
			return result;
	}
	for (uint32_t block = 0; result == 0 && block < segment->blocks_count; block++) {
		result = verify_chunk(segment, column, block, arena, error);
		store_arena_reset(arena);
	}
	return result;
}

/* The summary's times are those of the TIME column, where every block has
 * it. */
static int
verify_times(const struct segment *segment, struct store_error *error)
{
	int64_t min = INT64_MAX, max = INT64_MIN;

	for (uint32_t i = 0; i < segment->columns_count; i++) {
		const struct segment_file_column *column = &segment->columns[i];

		if (!(column->flags & STORE_ROLE_TIME))
			continue;
		for (uint32_t block = 0; block < segment->blocks_count; block++) {
			const struct segment_chunk *chunk = &column->chunks[block];

			if (chunk->codec == CODEC_ABSENT)
				return 0;
			min = chunk->min < min ? chunk->min : min;
			max = chunk->max > max ? chunk->max : max;
		}
	}
	if (min <= max && (min != segment->summary.time_min || max != segment->summary.time_max))
		return segment_corrupt(segment, segment->footer_at, error,
				       "time range is not that of the rows");
	return 0;
}

int
segment_verify(const struct segment *segment, struct store_error *error)
{
	struct segment *loading = (struct segment *)(uintptr_t)segment;
	struct store_arena *arena = store_arena_create(0);
	int result = arena == NULL ? store_error_set(error, STORE_ENOMEM, "out of memory") : 0;

	for (uint32_t i = 0; result == 0 && i < segment->columns_count; i++)
		result = verify_column(loading, &segment->columns[i], arena, error);
	if (result == 0)
		result = verify_times(segment, error);
	store_arena_free(arena);
	return result;
}
