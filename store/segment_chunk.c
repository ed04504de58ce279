/*
 * Columns of an open segment: a block's chunk is checked, inflated and made
 * ready for segment_slice.c to read. Between segment_open.c and the codecs. Any
 * byte may be wrong: corruption is STORE_ECORRUPT with file and offset, never a
 * crash, even where the checksum is right.
 */
#include <string.h>

#include <xxhash.h>

#include "segment_chunk_inside.h"

/* Stored bytes are hashed when first read; decoding checks all else. */
static int
check_bytes(const struct segment_reader *reader, struct segment_chunk *chunk,
	    struct store_error *error)
{
	size_t size = (size_t)chunk->nulls_bytes + chunk->values_bytes;

	if (atomic_load_explicit(&chunk->checked, memory_order_relaxed))
		return 0;
	segment_want_bytes(reader->segment, chunk->offset, size);
	if (XXH3_64bits(reader->segment->bytes + chunk->offset, size) != chunk->checksum)
		return segment_chunk_malformed(reader, error, "chunk's checksum does not match");
	atomic_store_explicit(&chunk->checked, true, memory_order_relaxed);
	return 0;
}

static int
open_nulls(struct segment_reader *reader, struct store_arena *arena, struct store_error *error)
{
	const struct segment_chunk *chunk = reader->chunk;
	const unsigned char *stored = reader->segment->bytes + chunk->offset;
	uint32_t words = bitmap_words(reader->rows), beyond = reader->rows % 64, found;
	uint64_t *nulls = store_arena_alloc(arena, (size_t)words * sizeof *nulls);

	if (nulls == NULL)
		return segment_chunk_no_memory(error);
	nulls[words - 1] = 0;
	/* Bit i of the bitmap's bytes is bit i of little-endian words. */
	if (!(chunk->flags & SEGMENT_CHUNK_NULLS_LZ4)) {
		found = codec_copy_bits(stored, chunk->nulls_bytes, nulls);
	} else {
		if (codec_decompress(stored, chunk->nulls_bytes, (unsigned char *)nulls,
				     segment_nulls_bytes(reader->rows)) != 0)
			return segment_chunk_malformed(reader, error,
						       "malformed LZ4 data of a null bitmap");
		found = codec_count_bits(nulls, words);
	}
	if (found != chunk->null_count || (beyond != 0 && nulls[words - 1] >> beyond != 0))
		return segment_chunk_malformed(reader, error, "malformed null bitmap");
	reader->nulls = nulls;
	return 0;
}

/* The encoded values, inflated; NULL after setting the error. */
static const unsigned char *
encoded_values(const struct segment_reader *reader, struct store_arena *arena,
	       struct store_error *error, int *result)
{
	const struct segment_chunk *chunk = reader->chunk;
	const unsigned char *stored = reader->segment->bytes + chunk->offset + chunk->nulls_bytes;
	unsigned char *raw;

	*result = 0;
	if (!(chunk->flags & SEGMENT_CHUNK_VALUES_LZ4))
		return stored;
	if ((raw = store_arena_alloc(arena, chunk->values_raw_bytes)) == NULL) {
		*result = segment_chunk_no_memory(error);
		return NULL;
	}
	if (codec_decompress(stored, chunk->values_bytes, raw, chunk->values_raw_bytes) != 0) {
		*result = segment_chunk_malformed(reader, error, "malformed LZ4 data of a chunk");
		return NULL;
	}
	return raw;
}

/* Random ids without NULLs are used as they lie in the mapping. */
static bool
is_in_place(const struct segment_reader *reader, const unsigned char *encoded)
{
	return reader->chunk->codec == CODEC_RAW && reader->nulls == NULL &&
	       reader->chunk->values_raw_bytes == (size_t)reader->rows * sizeof(int64_t) &&
	       (uintptr_t)encoded % _Alignof(int64_t) == 0;
}

static int
open_stream(struct segment_reader *reader, const unsigned char *encoded, struct store_arena *arena,
	    struct store_error *error)
{
	const struct segment_chunk *chunk = reader->chunk;
	bool dense = chunk->flags & SEGMENT_CHUNK_DENSE;
	uint32_t count = reader->rows - (dense ? chunk->null_count : 0);
	enum codec codec = (enum codec)chunk->codec;
	enum codec_as as = reader->bytes       ? CODEC_AS_BYTES
			   : reader->is_string ? CODEC_AS_CODES
			   : reader->narrow    ? CODEC_AS_NARROW
					       : CODEC_AS_WIDE;
	size_t each = as == CODEC_AS_WIDE ? sizeof(int64_t) : sizeof(uint32_t);
	void *scratch = store_arena_alloc(
	    arena, codec_scratch_bytes(codec, encoded, chunk->values_raw_bytes, count));

	reader->encoded = encoded;
	reader->stream = store_arena_alloc(arena, codec_stream_bytes());
	if (reader->stream == NULL || scratch == NULL)
		return segment_chunk_no_memory(error);
	if (dense && reader->nulls != NULL &&
	    (reader->dense =
		 store_arena_alloc(arena, (SPREAD_ROWS + CODEC_SPREAD_PADDING) * each)) == NULL)
		return segment_chunk_no_memory(error);
	if (codec_stream_open(reader->stream, codec, as, encoded, chunk->values_raw_bytes, count,
			      scratch) != 0)
		return segment_chunk_malformed(reader, error, "malformed chunk");
	if ((reader->marks = atomic_load(&chunk->marks)) != NULL)
		codec_stream_use(reader->stream, reader->marks);
	return 0;
}

static int
open_values(struct segment_reader *reader, struct store_arena *arena, struct store_error *error)
{
	int result;
	const unsigned char *encoded = encoded_values(reader, arena, error, &result);

	if (encoded == NULL)
		return result;
	if (!is_in_place(reader, encoded))
		return open_stream(reader, encoded, arena, error);
	reader->in_place = (const int64_t *)(const void *)encoded;
	return 0;
}

/* NULL rows have the code of '', which sorts first. */
static int
check_dictionary(const struct segment_reader *reader, struct store_error *error)
{
	const struct segment_chunk *chunk = reader->chunk;

	if (chunk->codec == CODEC_CONSTANT && (uint64_t)chunk->min >= reader->dictionary->count)
		return segment_chunk_malformed(reader, error, "code beyond the dictionary");
	if (chunk->null_count != 0 &&
	    (reader->dictionary->count == 0 || dictionary_entry(reader->dictionary, 0).size != 0))
		return segment_chunk_malformed(reader, error, "dictionary lacks the empty string");
	return 0;
}

/* Whether the footer says that 32 bits hold all values, and leave one that says
 * NULL. Bytes that say otherwise are cut, as codec.h has it. */
static bool
is_narrow(const struct segment_file_column *column, const struct segment_chunk *chunk)
{
	return !segment_is_string(column->type) &&
	       segment_is_ordered(column->type, column->scale) && chunk->codec != CODEC_CONSTANT &&
	       chunk->min >= 0 && chunk->max >= 0 && chunk->max < VECTOR_NARROW_NULL;
}

int
segment_chunk_open(struct segment *segment, struct segment_file_column *column, uint32_t block,
		   struct segment_how how, struct store_arena *arena, struct segment_reader **out,
		   struct store_error *error)
{
	struct segment_reader *reader = store_arena_zalloc(arena, sizeof *reader);
	struct segment_chunk *chunk;
	int result;

	if (reader == NULL)
		return segment_chunk_no_memory(error);
	*out = reader;
	reader->segment = segment;
	reader->rows = segment->block_rows[block];
	if (column == NULL)
		return 0;
	chunk = reader->chunk = &column->chunks[block];
	reader->nullable = how.nullable;
	reader->is_string = segment_is_string(column->type);
	if (chunk->codec == CODEC_ABSENT)
		return 0;
	reader->narrow = how.narrow && is_narrow(column, chunk);
	if ((result = check_bytes(reader, chunk, error)) != 0 ||
	    (chunk->null_count != 0 && (result = open_nulls(reader, arena, error)) != 0))
		return result;
	if (reader->is_string) {
		reader->dictionary = &column->strings.dictionary;
		if ((!how.held && (result = segment_load_strings(segment, column, error)) != 0) ||
		    (result = check_dictionary(reader, error)) != 0)
			return result;
		reader->bytes = how.narrow && reader->nulls == NULL &&
				chunk->codec == CODEC_PACKED &&
				reader->dictionary->count <= CODEC_BYTES_FULL;
	}
	return chunk->codec == CODEC_CONSTANT ? 0 : open_values(reader, arena, error);
}

int
segment_chunk_distinct(struct segment *segment, struct segment_file_column *column, uint32_t block,
		       struct store_arena *arena, const int64_t **values, uint32_t *count,
		       struct store_error *error)
{
	struct segment_reader reader = {.segment = segment, .rows = segment->block_rows[block]};
	struct segment_chunk *chunk = reader.chunk = &column->chunks[block];
	const unsigned char *encoded;
	int64_t *distinct;
	int result;

	*count = 0;
	if (chunk->codec != CODEC_DISTINCT || chunk->null_count != 0)
		return 0;
	if ((result = check_bytes(&reader, chunk, error)) != 0 ||
	    (encoded = encoded_values(&reader, arena, error, &result)) == NULL)
		return result;
	distinct =
	    store_arena_alloc(arena, codec_scratch_bytes(CODEC_DISTINCT, encoded,
							 chunk->values_raw_bytes, reader.rows));
	if (distinct == NULL)
		return segment_chunk_no_memory(error);
	*count = codec_decode_distinct(encoded, chunk->values_raw_bytes, reader.rows, distinct);
	*values = distinct;
	return *count == 0 ? segment_chunk_malformed(&reader, error, "malformed chunk") : 0;
}
