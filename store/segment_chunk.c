/*
 * Columns of an open segment, decoded block by block for queries, lookups and
 * merges. Between segment_open.c and the codecs. Any byte may be wrong:
 * corruption is STORE_ECORRUPT with file and offset, never a crash, even where
 * the checksum is right.
 */
#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "codec_vector.h"
#include "segment_file.h"

static int
no_memory(struct store_error *error)
{
	return store_error_set(error, STORE_ELIMIT, "memory limit reached");
}

/* ---- chunks ---------------------------------------------------------------- */

/* How many rows are spread over NULL ones at a time. */
#define SPREAD_ROWS 2048u

/* One chunk, read in slices. In an arena. */
struct segment_reader {
	struct segment *segment;
	struct segment_chunk *chunk; /* NULL: the file has no such column */
	uint32_t rows;
	bool nullable, is_string, narrow;
	bool bytes;                          /* codes take one each */
	const uint64_t *nulls;               /* of all rows; NULL: none */
	const struct dictionary *dictionary; /* of strings */
	const int64_t *in_place;             /* all values, as they lie in the file */
	struct codec_stream *stream;         /* NULL: absent, constant or in place */
	void *dense;                         /* values before they are spread; or NULL */
	uint32_t row;                        /* that the stream is at */
	uint32_t codes_checked;              /* rows */
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
	uint64_t *nulls = store_arena_alloc(arena, (size_t)words * sizeof *nulls);

	if (nulls == NULL)
		return no_memory(error);
	nulls[words - 1] = 0;
	/* Bit i of the bitmap's bytes is bit i of little-endian words. */
	if (!(chunk->flags & SEGMENT_CHUNK_NULLS_LZ4))
		memcpy(nulls, stored, chunk->nulls_bytes);
	else if (codec_decompress(stored, chunk->nulls_bytes, (unsigned char *)nulls,
				  segment_nulls_bytes(reader->rows)) != 0)
		return malformed(reader, error, "malformed LZ4 data of a null bitmap");
	if (codec_count_bits(nulls, words) != chunk->null_count ||
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

	reader->stream = store_arena_alloc(arena, codec_stream_bytes());
	if (reader->stream == NULL || scratch == NULL)
		return no_memory(error);
	if (dense && reader->nulls != NULL &&
	    (reader->dense =
		 store_arena_alloc(arena, (SPREAD_ROWS + CODEC_SPREAD_PADDING) * each)) == NULL)
		return no_memory(error);
	if (codec_stream_open(reader->stream, codec, as, encoded, chunk->values_raw_bytes, count,
			      scratch) != 0)
		return malformed(reader, error, "malformed chunk");
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
		return malformed(reader, error, "code beyond the dictionary");
	if (chunk->null_count != 0 &&
	    (reader->dictionary->count == 0 || dictionary_entry(reader->dictionary, 0).size != 0))
		return malformed(reader, error, "dictionary lacks the empty string");
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
		return no_memory(error);
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

/* ---- slices ------------------------------------------------------------------ */

static uint32_t
count_nulls(const uint64_t *nulls, uint32_t first, uint32_t end)
{
	uint32_t found = codec_count_bits(nulls + first / 64, bitmap_words(end) - first / 64);
	uint64_t before = ((uint64_t)1 << first % 64) - 1;

	found -= first % 64 == 0 ? 0 : codec_count_bits(&(uint64_t){nulls[first / 64] & before}, 1);
	if (end % 64 != 0)
		found -= codec_count_bits(&(uint64_t){nulls[end / 64] >> end % 64}, 1);
	return found;
}

/* Brings the stream to row `first`; 0, or -1 when the bytes are malformed. */
static int
seek(struct segment_reader *reader, uint32_t first)
{
	uint32_t skipped = first - reader->row;

	assert(reader->row <= first);
	if (skipped == 0)
		return 0;
	if (reader->dense != NULL)
		skipped -= count_nulls(reader->nulls, reader->row, first);
	reader->row = first;
	return codec_stream_skip(reader->stream, skipped);
}

/* rows[first, first + count) that the stream has values of: of a part of a dense
 * chunk, SPREAD_ROWS at most. `null` is for NULL rows. */
static int
read_part(struct segment_reader *reader, uint32_t first, uint32_t count, uint32_t null,
	  uint32_t *out)
{
	const uint64_t *nulls = reader->nulls == NULL ? NULL : reader->nulls + first / 64;
	uint32_t hidden =
	    reader->dense == NULL ? 0 : count_nulls(reader->nulls, first, first + count);

	reader->row = first + count;
	if (nulls != NULL && reader->dense == NULL)
		return codec_stream_read_shown(reader->stream, count, nulls, null, out);
	if (codec_stream_read_narrow(reader->stream, count - hidden,
				     hidden > 0 ? reader->dense : out) != 0)
		return -1;
	if (hidden > 0)
		codec_spread(nulls, count, reader->dense, null, out);
	return 0;
}

static int
read_wide_part(struct segment_reader *reader, uint32_t first, uint32_t count, int64_t *out)
{
	const uint64_t *nulls = reader->nulls == NULL ? NULL : reader->nulls + first / 64;
	uint32_t hidden =
	    reader->dense == NULL ? 0 : count_nulls(reader->nulls, first, first + count);

	reader->row = first + count;
	if (codec_stream_read(reader->stream, count - hidden, hidden > 0 ? reader->dense : out) !=
	    0)
		return -1;
	if (hidden > 0)
		codec_spread_wide(nulls, count, reader->dense, 0, out);
	return 0;
}

/* out->rows_count values from row `first` on, into one of the two arrays. */
static int
read_parts(struct segment_reader *reader, uint32_t first, uint32_t rows, uint32_t null,
	   uint32_t *narrow, int64_t *wide)
{
	uint32_t step = reader->dense == NULL ? rows : SPREAD_ROWS;
	int result = seek(reader, first);

	for (uint32_t done = 0; result == 0 && done < rows; done += step) {
		uint32_t count = rows - done < step ? rows - done : step;

		result = narrow != NULL
			     ? read_part(reader, first + done, count, null, narrow + done)
			     : read_wide_part(reader, first + done, count, wide + done);
	}
	return result;
}

/* Where NULL cannot be shown it is 0. */
static void
hide_nulls(const struct segment_reader *reader, uint32_t first, uint32_t rows, int64_t *values)
{
	const uint64_t *nulls = reader->nulls;

	for (uint32_t row = 0; nulls != NULL && !reader->nullable && row < rows; row++)
		values[row] = bitmap_get(nulls, first + row) ? 0 : values[row];
}

static int
read_numbers(struct segment_reader *reader, uint32_t first, struct store_arena *arena,
	     struct vector *out, struct store_error *error)
{
	uint32_t rows = out->rows_count;
	int64_t *values;

	if (reader->in_place != NULL) {
		out->values = reader->in_place + first;
		return 0;
	}
	if ((values = store_arena_alloc(arena, (size_t)rows * sizeof *values)) == NULL)
		return no_memory(error);
	if (reader->chunk->codec == CODEC_CONSTANT) {
		for (uint32_t i = 0; i < rows; i++)
			values[i] = reader->chunk->min;
	} else if (read_parts(reader, first, rows, 0, NULL, values) != 0) {
		return malformed(reader, error, "malformed chunk");
	}
	hide_nulls(reader, first, rows, values);
	out->values = values;
	return 0;
}

static int
read_narrow(struct segment_reader *reader, uint32_t first, struct store_arena *arena,
	    struct vector *out, struct store_error *error)
{
	uint32_t rows = out->rows_count, null = reader->nullable ? VECTOR_NARROW_NULL : 0;
	uint32_t *values = store_arena_alloc(arena, (size_t)rows * sizeof *values);

	if (values == NULL)
		return no_memory(error);
	if (read_parts(reader, first, rows, null, values, NULL) != 0)
		return malformed(reader, error, "malformed chunk");
	out->narrow = values;
	return 0;
}

/* Until the chunk was once read from end to end. */
static int
check_codes(struct segment_reader *reader, const struct vector *vector, uint32_t count,
	    struct store_error *error)
{
	uint32_t highest;

	if (atomic_load_explicit(&reader->chunk->codes_checked, memory_order_relaxed))
		return 0;
	highest = vector->bytes != NULL ? codec_bytes_highest(vector->bytes, count)
					: codec_highest(vector->codes, count);
	if (highest >= reader->dictionary->count)
		return malformed(reader, error, "code beyond the dictionary");
	reader->codes_checked += count;
	if (reader->codes_checked == reader->rows)
		atomic_store_explicit(&reader->chunk->codes_checked, true, memory_order_relaxed);
	return 0;
}

static int
read_codes(struct segment_reader *reader, uint32_t first, struct store_arena *arena,
	   struct vector *out, struct store_error *error)
{
	uint32_t rows = out->rows_count, *codes = store_arena_alloc(arena, rows * sizeof *codes);

	if (codes == NULL)
		return no_memory(error);
	if (reader->chunk->codec == CODEC_CONSTANT) {
		for (uint32_t i = 0; i < rows; i++)
			codes[i] = (uint32_t)reader->chunk->min;
		if (reader->nulls != NULL)
			codec_set_nulls(reader->nulls + first / 64, rows, 0, codes);
	} else if (read_parts(reader, first, rows, 0, codes, NULL) != 0) {
		return malformed(reader, error, "malformed chunk");
	}
	out->codes = codes;
	out->dictionary = reader->dictionary;
	return check_codes(reader, out, rows, error);
}

static int
read_bytes(struct segment_reader *reader, uint32_t first, struct store_arena *arena,
	   struct vector *out, struct store_error *error)
{
	uint32_t rows = out->rows_count;
	uint8_t *bytes = store_arena_alloc(arena, rows);

	if (bytes == NULL)
		return no_memory(error);
	if (seek(reader, first) != 0 || codec_stream_read_bytes(reader->stream, rows, bytes) != 0)
		return malformed(reader, error, "malformed chunk");
	reader->row = first + rows;
	out->bytes = bytes;
	out->dictionary = reader->dictionary;
	return check_codes(reader, out, rows, error);
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
	if (reader->bytes)
		result = read_bytes(reader, first, arena, out, error);
	else if (reader->is_string)
		result = read_codes(reader, first, arena, out, error);
	else if (reader->narrow && reader->in_place == NULL)
		result = read_narrow(reader, first, arena, out, error);
	else
		result = read_numbers(reader, first, arena, out, error);
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
	struct segment_how how = {.nullable = nullable};
	struct segment_reader *reader;
	int result = segment_chunk_open(segment, column, block, how, arena, &reader, error);

	if (result != 0)
		return result;
	return segment_reader_read(reader, 0, reader->rows, arena, out, error);
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
		return no_memory(error);
	*count = codec_decode_distinct(encoded, chunk->values_raw_bytes, reader.rows, distinct);
	*values = distinct;
	return *count == 0 ? malformed(&reader, error, "malformed chunk") : 0;
}
