/*
 * Columns of an open segment, decoded block by block for queries, lookups and
 * merges. Between segment_open.c and the codecs. Any byte may be wrong:
 * corruption is STORE_ECORRUPT with file and offset, never a crash, even where
 * the checksum is right.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "segment_file.h"

static int
no_memory(struct store_error *error)
{
	return store_error_set(error, STORE_ELIMIT, "memory limit reached");
}

/* ---- chunks ---------------------------------------------------------------- */

/* One chunk, read in slices. In an arena. */
struct segment_reader {
	struct segment *segment;
	struct segment_chunk *chunk;
	uint32_t rows;
	bool nullable, is_string;
	const uint64_t *nulls;                /* of all rows; NULL: none */
	const struct dictionary *dictionary;  /* of strings */
	const int64_t *in_place;              /* all values, as they lie in the file */
	struct codec_stream *stream;          /* NULL: absent, constant or in place */
	uint32_t row;                         /* that the stream is at */
	uint32_t values_count, codes_checked; /* in the stream */
};

static int
malformed(const struct segment_reader *reader, struct store_error *error, const char *what)
{
	return segment_corrupt(reader->segment, reader->chunk->offset, error, what);
}

/* Stored bytes are hashed when first read; decoding checks all else. */
static int
check_bytes(const struct segment_reader *reader, struct segment_chunk *chunk,
	    struct store_error *error)
{
	size_t size = (size_t)chunk->nulls_bytes + chunk->values_bytes;

	if (atomic_load_explicit(&chunk->checked, memory_order_relaxed))
		return 0;
	if (XXH3_64bits(reader->segment->bytes + chunk->offset, size) != chunk->checksum)
		return malformed(reader, error, "chunk's checksum does not match");
	atomic_store_explicit(&chunk->checked, true, memory_order_relaxed);
	return 0;
}

static int
open_nulls(struct segment_reader *reader, struct store_arena *arena, struct store_error *error)
{
	const struct segment_chunk *chunk = reader->chunk;
	const unsigned char *stored = reader->segment->bytes + chunk->offset;
	uint32_t words = bitmap_words(reader->rows), beyond = reader->rows % 64;
	uint64_t *nulls = store_arena_zalloc(arena, (size_t)words * sizeof *nulls);

	if (nulls == NULL)
		return no_memory(error);
	/* Bit i of the bitmap's bytes is bit i of little-endian words. */
	if (!(chunk->flags & SEGMENT_CHUNK_NULLS_LZ4))
		memcpy(nulls, stored, chunk->nulls_bytes);
	else if (codec_decompress(stored, chunk->nulls_bytes, (unsigned char *)nulls,
				  segment_nulls_bytes(reader->rows)) != 0)
		return malformed(reader, error, "malformed LZ4 data of a null bitmap");
	if (bitmap_count(nulls, 0, reader->rows) != chunk->null_count ||
	    (beyond != 0 && nulls[words - 1] >> beyond != 0))
		return malformed(reader, error, "malformed null bitmap");
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
		*result = no_memory(error);
		return NULL;
	}
	if (codec_decompress(stored, chunk->values_bytes, raw, chunk->values_raw_bytes) != 0) {
		*result = malformed(reader, error, "malformed LZ4 data of a chunk");
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
open_values(struct segment_reader *reader, struct store_arena *arena, struct store_error *error)
{
	const struct segment_chunk *chunk = reader->chunk;
	uint32_t count =
	    reader->rows - (chunk->flags & SEGMENT_CHUNK_DENSE ? chunk->null_count : 0);
	int64_t *scratch = NULL;
	int result;
	const unsigned char *encoded = encoded_values(reader, arena, error, &result);

	if (encoded == NULL)
		return result;
	if (is_in_place(reader, encoded)) {
		reader->in_place = (const int64_t *)(const void *)encoded;
		return 0;
	}
	reader->values_count = count;
	reader->stream = store_arena_alloc(arena, codec_stream_bytes());
	if (chunk->codec == CODEC_DISTINCT)
		scratch = store_arena_alloc(arena, (size_t)count * sizeof *scratch);
	if (reader->stream == NULL || (chunk->codec == CODEC_DISTINCT && scratch == NULL))
		return no_memory(error);
	if (codec_stream_open(reader->stream, (enum codec)chunk->codec, reader->is_string, encoded,
			      chunk->values_raw_bytes, count, scratch) != 0)
		return malformed(reader, error, "malformed chunk");
	return 0;
}

/* NULL rows have the code of '', which sorts first. */
static int
check_dictionary(const struct segment_reader *reader, struct store_error *error)
{
	const struct segment_chunk *chunk = reader->chunk;

	if (chunk->codec == CODEC_CONSTANT && (uint64_t)chunk->min >= reader->dictionary->count)
		return malformed(reader, error, "code beyond the dictionary");
	if (chunk->null_count != 0 &&
	    (reader->dictionary->count == 0 || dictionary_entry(reader->dictionary, 0).size != 0))
		return malformed(reader, error, "dictionary lacks the empty string");
	return 0;
}

static int
open_reader(struct segment *segment, struct segment_file_column *column, uint32_t block,
	    bool nullable, struct store_arena *arena, struct segment_reader **out,
	    struct store_error *error)
{
	struct segment_chunk *chunk = &column->chunks[block];
	struct segment_reader *reader = store_arena_zalloc(arena, sizeof *reader);
	int result;

	if (reader == NULL)
		return no_memory(error);
	*reader = (struct segment_reader){.segment = segment,
					  .chunk = chunk,
					  .rows = segment->block_rows[block],
					  .nullable = nullable,
					  .is_string = segment_is_string(column->type)};
	*out = reader;
	if (chunk->codec == CODEC_ABSENT)
		return 0;
	if ((result = check_bytes(reader, chunk, error)) != 0 ||
	    (chunk->null_count != 0 && (result = open_nulls(reader, arena, error)) != 0))
		return result;
	if (reader->is_string) {
		reader->dictionary = &column->strings.dictionary;
		if ((result = segment_load_strings(segment, column, error)) != 0 ||
		    (result = check_dictionary(reader, error)) != 0)
			return result;
	}
	return chunk->codec == CODEC_CONSTANT ? 0 : open_values(reader, arena, error);
}

/* ---- slices ------------------------------------------------------------------ */

/* Brings the stream to row `first`, and returns how many values rows[count]
 * from there have in it; -1 when the bytes are malformed. */
static int64_t
seek(struct segment_reader *reader, uint32_t first, uint32_t count)
{
	bool dense = reader->chunk->flags & SEGMENT_CHUNK_DENSE;
	uint32_t skipped = first - reader->row, values = count;

	assert(reader->row <= first);
	if (dense) {
		skipped -= bitmap_count(reader->nulls, reader->row, skipped);
		values -= bitmap_count(reader->nulls, first, count);
	}
	if (skipped > 0 && codec_stream_skip(reader->stream, skipped) != 0)
		return -1;
	reader->row = first + count;
	return values;
}

/* Dense values move to their rows, from the back, NULL rows taking a
 * neighbour's, for lack of branches. */
static void
spread_values(const uint64_t *nulls, uint32_t rows, uint32_t left, int64_t *values)
{
	for (uint32_t row = rows; row-- > 0 && left <= row;) {
		left -= !bitmap_get(nulls, row);
		values[row] = values[left];
	}
}

static int
read_numbers(struct segment_reader *reader, uint32_t first, struct store_arena *arena,
	     struct vector *out, struct store_error *error)
{
	const uint64_t *nulls = reader->nulls == NULL ? NULL : reader->nulls + first / 64;
	uint32_t rows = out->rows_count;
	int64_t *values, count;

	if (reader->in_place != NULL) {
		out->values = reader->in_place + first;
		return 0;
	}
	if ((values = store_arena_alloc(arena, (size_t)rows * sizeof *values)) == NULL)
		return no_memory(error);
	if (reader->chunk->codec == CODEC_CONSTANT) {
		for (uint32_t i = 0; i < rows; i++)
			values[i] = reader->chunk->min;
	} else if ((count = seek(reader, first, rows)) < 0 ||
		   codec_stream_read(reader->stream, (uint32_t)count, values) != 0) {
		return malformed(reader, error, "malformed chunk");
	} else if (count < rows) {
		spread_values(nulls, rows, (uint32_t)count, values);
	}
	for (uint32_t row = 0; nulls != NULL && !reader->nullable && row < rows; row++)
		values[row] = bitmap_get(nulls, row) ? 0 : values[row];
	out->values = values;
	return 0;
}

CODEC_CLONES static uint32_t
highest_code(const uint32_t *codes, uint32_t count)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < count; i++)
		highest = codes[i] > highest ? codes[i] : highest;
	return highest;
}

/* Until the chunk was once read from end to end. */
static int
check_codes(struct segment_reader *reader, const uint32_t *codes, uint32_t count,
	    struct store_error *error)
{
	if (count > 0 && highest_code(codes, count) >= reader->dictionary->count)
		return malformed(reader, error, "code beyond the dictionary");
	reader->codes_checked += count;
	if (reader->codes_checked == reader->values_count)
		atomic_store_explicit(&reader->chunk->codes_checked, true, memory_order_relaxed);
	return 0;
}

static int
read_codes(struct segment_reader *reader, uint32_t first, struct store_arena *arena,
	   struct vector *out, struct store_error *error)
{
	uint32_t rows = out->rows_count, *codes = store_arena_alloc(arena, rows * sizeof *codes);
	const uint64_t *nulls = reader->nulls == NULL ? NULL : reader->nulls + first / 64;
	int64_t count;
	int result;

	if (codes == NULL)
		return no_memory(error);
	if (reader->chunk->codec == CODEC_CONSTANT) {
		count = rows;
		for (uint32_t i = 0; i < rows; i++)
			codes[i] = (uint32_t)reader->chunk->min;
	} else if ((count = seek(reader, first, rows)) < 0 ||
		   codec_stream_read_codes(reader->stream, (uint32_t)count, codes) != 0) {
		return malformed(reader, error, "malformed chunk");
	}
	if (!atomic_load_explicit(&reader->chunk->codes_checked, memory_order_relaxed) &&
	    (result = check_codes(reader, codes, (uint32_t)count, error)) != 0)
		return result;
	for (uint32_t row = rows, left = (uint32_t)count; row-- > 0 && left <= row;)
		codes[row] = bitmap_get(nulls, row) ? 0 : codes[--left];
	for (uint32_t row = 0; nulls != NULL && row < rows; row++)
		codes[row] = bitmap_get(nulls, row) ? 0 : codes[row];
	out->codes = codes;
	out->dictionary = reader->dictionary;
	return 0;
}

int
segment_reader_read(struct segment_reader *reader, uint32_t first, uint32_t count,
		    struct store_arena *arena, struct vector *out, struct store_error *error)
{
	int result;

	assert(first % 64 == 0 && first < reader->rows && count <= reader->rows - first);
	*out = (struct vector){.rows_count = count};
	if (reader->chunk == NULL || reader->chunk->codec == CODEC_ABSENT) {
		out->all_null = true;
		return 0;
	}
	out->constant = reader->chunk->codec == CODEC_CONSTANT && reader->nulls == NULL;
	if (out->constant)
		out->rows_count = 1;
	result = reader->is_string ? read_codes(reader, first, arena, out, error)
				   : read_numbers(reader, first, arena, out, error);
	out->rows_count = count;
	if (reader->nulls != NULL && reader->nullable)
		out->nulls = reader->nulls + first / 64;
	return result;
}

int
segment_read_column(struct segment *segment, struct segment_file_column *column, uint32_t block,
		    bool nullable, struct store_arena *arena, struct vector *out,
		    struct store_error *error)
{
	struct segment_reader *reader;
	int result = open_reader(segment, column, block, nullable, arena, &reader, error);

	if (result != 0)
		return result;
	return segment_reader_read(reader, 0, reader->rows, arena, out, error);
}

/* ---- the public side --------------------------------------------------------- */

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
		    struct store_str key, struct store_arena *arena, struct segment_reader **out,
		    struct store_error *error)
{
	struct segment_file_column *found = segment_find_column(segment, column, key);

	assert(block < segment->blocks_count);
	if (found == NULL) {
		if ((*out = store_arena_zalloc(arena, sizeof **out)) == NULL)
			return no_memory(error);
		(*out)->rows = segment->block_rows[block];
		return 0;
	}
	/* Only what is loaded once changes, under its mutex or atomically. */
	return open_reader((struct segment *)(uintptr_t)segment, found, block,
			   segment->table->columns[column].flags & STORE_NULLABLE, arena, out,
			   error);
}

int
segment_read(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key,
	     struct store_arena *arena, struct vector *out, struct store_error *error)
{
	struct segment_reader *reader;
	int result = segment_reader_open(segment, block, column, key, arena, &reader, error);

	if (result != 0)
		return result;
	return segment_reader_read(reader, 0, segment->block_rows[block], arena, out, error);
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

bool
segment_has_unknown_columns(const struct segment *segment)
{
	return segment->known_count != segment->columns_count;
}
