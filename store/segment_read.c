/*
 * segment.h: what of an open segment is asked for by the table's columns. Between
 * block.h, merges and lookups, and segment_chunk.c and segment_slice.c, which decode.
 */
#include <assert.h>

#include "segment_file.h"

uint64_t
segment_column_bytes(const struct segment *segment, uint32_t block, uint16_t column,
		     struct store_str key)
{
	const struct segment_file_column *found = segment_find_column(segment, column, key);

	assert(block < segment->blocks_count);
	return found == NULL
		   ? 0
		   : (uint64_t)found->chunks[block].nulls_bytes + found->chunks[block].values_bytes;
}

int
segment_reader_open(const struct segment *segment, uint32_t block, uint16_t column,
		    struct store_str key, bool narrow, struct store_arena *arena,
		    struct segment_reader **out, struct store_error *error)
{
	struct segment_file_column *found = segment_find_column(segment, column, key);
	struct segment_how how = {
	    .nullable = segment->table->columns[column].flags & STORE_NULLABLE, .narrow = narrow};

	assert(block < segment->blocks_count);
	/* Only what is loaded once changes, under its mutex or atomically. */
	return segment_chunk_open((struct segment *)(uintptr_t)segment, found, block, how, arena,
				  out, error);
}

int
segment_reader_open_held(const struct segment *segment, uint32_t block, uint16_t column,
			 struct store_str key, struct store_arena *arena,
			 struct segment_reader **out, struct store_error *error)
{
	struct segment_file_column *found = segment_find_column(segment, column, key);
	struct segment_how how = {
	    .nullable = segment->table->columns[column].flags & STORE_NULLABLE, .held = true};

	assert(block < segment->blocks_count);
	return segment_chunk_open((struct segment *)(uintptr_t)segment, found, block, how, arena,
				  out, error);
}

int
segment_read(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key,
	     struct store_arena *arena, struct vector *out, struct store_error *error)
{
	struct segment_reader *reader;
	int result = segment_reader_open(segment, block, column, key, false, arena, &reader, error);

	if (result != 0)
		return result;
	return segment_reader_read(reader, 0, segment->block_rows[block], arena, out, error);
}

int
segment_distinct(const struct segment *segment, uint32_t block, uint16_t column,
		 struct store_arena *arena, const int64_t **values, uint32_t *count,
		 struct store_error *error)
{
	struct segment_file_column *found =
	    segment_find_column(segment, column, (struct store_str){NULL, 0});

	assert(block < segment->blocks_count);
	*count = 0;
	if (found == NULL)
		return 0;
	return segment_chunk_distinct((struct segment *)(uintptr_t)segment, found, block, arena,
				      values, count, error);
}

int
segment_dictionary(const struct segment *segment, uint16_t column, struct store_str key,
		   const struct dictionary **out, struct store_error *error)
{
	struct segment_file_column *found = segment_find_column(segment, column, key);
	int result;

	*out = NULL;
	if (found == NULL || found->strings.count == 0)
		return 0;
	result = segment_load_strings((struct segment *)(uintptr_t)segment, found, error);
	if (result == 0)
		*out = &found->strings.dictionary;
	return result;
}

int
segment_hold(const struct segment *segment, uint16_t column, struct store_str key,
	     const struct dictionary **out, struct store_error *error)
{
	struct segment_file_column *found = segment_find_column(segment, column, key);
	int result;

	*out = NULL;
	if (found == NULL || found->strings.count == 0)
		return 0;
	result = segment_hold_strings((struct segment *)(uintptr_t)segment, found, error);
	if (result == 0)
		*out = &found->strings.dictionary;
	return result;
}

void
segment_release(const struct segment *segment, uint16_t column, struct store_str key)
{
	struct segment_file_column *found = segment_find_column(segment, column, key);

	if (found != NULL)
		segment_release_strings((struct segment *)(uintptr_t)segment, found);
}

void
segment_want(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key)
{
	const struct segment_file_column *found = segment_find_column(segment, column, key);
	const struct segment_chunk *chunk;

	if (found == NULL)
		return;
	assert(block < segment->blocks_count);
	chunk = &found->chunks[block];
	if (chunk->codec != CODEC_ABSENT &&
	    !atomic_load_explicit(&chunk->checked, memory_order_relaxed))
		segment_want_bytes(segment, chunk->offset,
				   (uint64_t)chunk->nulls_bytes + chunk->values_bytes);
	if (found->strings.count != 0 &&
	    !atomic_load_explicit(&found->strings.kept, memory_order_relaxed))
		segment_want_bytes(segment, found->strings.offset, found->strings.stored_bytes);
}

/* A fault maps the pages around it, too, that the system has in memory; so much at
 * an address of that alignment. Before a column these are of the one before. */
#define FAULT_AROUND_BYTES ((uintptr_t)64 << 10)

static void
forget_bytes(const struct segment *segment, uint64_t from, uint64_t end)
{
	uintptr_t first = (uintptr_t)(segment->bytes + from) & ~(FAULT_AROUND_BYTES - 1);

	if (first < (uintptr_t)segment->bytes)
		first = (uintptr_t)segment->bytes;
	segment->io->forget(segment->io, (const void *)first,
			    (size_t)((uintptr_t)(segment->bytes + end) - first));
}

void
segment_forget(const struct segment *segment, uint16_t column, struct store_str key)
{
	const struct segment_file_column *found = segment_find_column(segment, column, key);
	uint64_t from = UINT64_MAX, end = 0;

	if (found == NULL || segment->io->forget == NULL)
		return;
	if (found->strings.count != 0) {
		from = found->strings.offset;
		end = from + found->strings.stored_bytes;
	}
	for (uint32_t block = 0; block < segment->blocks_count; block++) {
		const struct segment_chunk *chunk = &found->chunks[block];

		if (chunk->codec == CODEC_ABSENT)
			continue;
		from = chunk->offset < from ? chunk->offset : from;
		end = chunk->offset + chunk->nulls_bytes + chunk->values_bytes;
	}
	if (from < end)
		forget_bytes(segment, from, end);
}

bool
segment_has_unknown_columns(const struct segment *segment)
{
	return segment->known_count != segment->columns_count;
}
