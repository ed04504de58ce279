/*
 * Slices of an opened chunk, decoded for queries, lookups and merges. Between
 * segment_chunk.c and the codecs. Any byte may be wrong: corruption is
 * STORE_ECORRUPT with file and offset, never a crash.
 */
#include <assert.h>
#include <stdlib.h>

#include "segment_chunk_inside.h"

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
		return segment_chunk_no_memory(error);
	if (reader->chunk->codec == CODEC_CONSTANT) {
		for (uint32_t i = 0; i < rows; i++)
			values[i] = reader->chunk->min;
	} else if (read_parts(reader, first, rows, 0, NULL, values) != 0) {
		return segment_chunk_malformed(reader, error, "malformed chunk");
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
		return segment_chunk_no_memory(error);
	if (read_parts(reader, first, rows, null, values, NULL) != 0)
		return segment_chunk_malformed(reader, error, "malformed chunk");
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
		return segment_chunk_malformed(reader, error, "code beyond the dictionary");
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
		return segment_chunk_no_memory(error);
	if (reader->chunk->codec == CODEC_CONSTANT) {
		for (uint32_t i = 0; i < rows; i++)
			codes[i] = (uint32_t)reader->chunk->min;
		if (reader->nulls != NULL)
			codec_set_nulls(reader->nulls + first / 64, rows, 0, codes);
	} else if (read_parts(reader, first, rows, 0, codes, NULL) != 0) {
		return segment_chunk_malformed(reader, error, "malformed chunk");
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
		return segment_chunk_no_memory(error);
	if (seek(reader, first) != 0 || codec_stream_read_bytes(reader->stream, rows, bytes) != 0)
		return segment_chunk_malformed(reader, error, "malformed chunk");
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

/* Found once, for good: what bounds the values of a chunk, as long as the segment is open.
 * NULL: it has none, or no memory; what is malformed shows when it is read. */
static const struct codec_marks *
find_marks(const struct segment_reader *reader)
{
	struct segment_chunk *chunk = reader->chunk;
	struct codec_marks *marks = atomic_load(&chunk->marks), *others = NULL;

	if (marks != NULL || (marks = malloc(sizeof *marks)) == NULL)
		return marks;
	if (codec_marks_find(reader->encoded, chunk->values_raw_bytes, reader->rows, marks) != 0) {
		free(marks);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&chunk->marks, &others, marks))
		return marks;
	free(marks);
	return others;
}

bool
segment_reader_bounds(struct segment_reader *reader, uint32_t first, uint32_t count, int64_t *min,
		      int64_t *max)
{
	if (!reader->asked_marks && reader->stream != NULL && !reader->is_string &&
	    reader->nulls == NULL && reader->chunk->codec == CODEC_DELTA &&
	    (reader->marks = find_marks(reader)) != NULL)
		codec_stream_use(reader->stream, reader->marks);
	reader->asked_marks = true;
	return reader->marks != NULL && codec_marks_bounds(reader->marks, first, count, min, max);
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
