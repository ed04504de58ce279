/*
 * One column of a new segment: a chunk per block, each encoded as small as the
 * codecs get it. Between segment_write.c and the codecs. Must hold one block at
 * a time, never a whole column.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "segment_writer.h"

/* From this share of NULL rows on, the values of the others are stored without
 * gaps; below it, spreading them out again costs more than it saves. */
#define DENSE_NULLS_SHARE 8u
/* What LZ4 must save: inflating takes longer than all else that reading does, of
 * a bitmap of a few scattered NULL rows as long as unpacking their column. */
#define VALUES_GAIN_PERCENT 25u
#define NULLS_GAIN_PERCENT 75u

int
segment_writer_read(struct segment_writer *writer, uint32_t column_index, uint64_t first,
		    struct vector *vector)
{
	const struct segment_source *source = writer->source;
	uint32_t rows = segment_writer_rows(writer, first);
	int result;

	memset(vector, 0, sizeof *vector);
	result = source->read(source->context, column_index, first, rows, vector, writer->error);
	assert(result != 0 || vector->rows_count == rows);
	return result;
}

/* ---- chunks ------------------------------------------------------------ */

static uint32_t
count_nulls(const struct vector *vector)
{
	if (vector->all_null)
		return vector->rows_count;
	return vector->nulls == NULL ? 0 : bitmap_count(vector->nulls, 0, vector->rows_count);
}

/* Lowest and highest of `count` values, count > 0. `flip` has the sign's bit
 * where they are unsigned. */
CODEC_CLONES static void
find_bounds(const int64_t *values, uint32_t count, uint64_t flip, int64_t *min, int64_t *max)
{
	int64_t lowest = INT64_MAX, highest = INT64_MIN;

	for (uint32_t i = 0; i < count; i++) {
		int64_t value = (int64_t)((uint64_t)values[i] ^ flip);

		lowest = value < lowest ? value : lowest;
		highest = value > highest ? value : highest;
	}
	*min = (int64_t)((uint64_t)lowest ^ flip);
	*max = (int64_t)((uint64_t)highest ^ flip);
}

/* Leaves the NULL rows' values out (dense), or gives them their neighbour's,
 * which no codec pays for. Returns how many values remain. */
static uint32_t
settle_nulls(struct segment_writer *writer, const struct vector *vector, bool dense)
{
	int64_t *values = writer->values, neighbour = 0;
	uint32_t kept = 0, row = 0;

	if (vector->nulls == NULL)
		return vector->rows_count;
	while (bitmap_get(vector->nulls, row))
		row++;
	neighbour = values[row];
	for (row = 0; row < vector->rows_count && dense; row++) {
		values[kept] = values[row];
		kept += !bitmap_get(vector->nulls, row);
	}
	for (; row < vector->rows_count; row++) {
		neighbour = bitmap_get(vector->nulls, row) ? neighbour : values[row];
		values[kept++] = neighbour;
	}
	return kept;
}

/* Bitmap bytes into the section; returns their stored size. */
static uint32_t
store_nulls(struct segment_writer *writer, const struct vector *vector, unsigned char *flags)
{
	uint32_t size = segment_nulls_bytes(vector->rows_count), bits = vector->rows_count % 8;
	unsigned char *raw = writer->encoded; /* nothing is encoded yet */
	size_t compressed;

	for (uint32_t i = 0; i < bitmap_words(vector->rows_count); i++)
		bytes_put64(raw + (size_t)i * 8, vector->nulls[i]);
	if (bits != 0)
		raw[size - 1] &= (unsigned char)((1u << bits) - 1);
	if ((compressed = codec_compress(raw, size, NULLS_GAIN_PERCENT, writer->source->thorough,
					 writer->section)) != 0) {
		*flags |= SEGMENT_CHUNK_NULLS_LZ4;
		return (uint32_t)compressed;
	}
	memcpy(writer->section, raw, size);
	return size;
}

static int
put_absent(struct segment_writer *writer)
{
	unsigned char *at = segment_writer_footer(writer, SEGMENT_CHUNK_ABSENT_BYTES);

	if (at == NULL)
		return STORE_ENOMEM;
	at[0] = CODEC_ABSENT;
	return 0;
}

struct chunk {
	enum codec codec;
	unsigned char flags;
	uint32_t null_count, nulls_bytes, values_bytes, values_raw_bytes;
	int64_t min, max;
};

/* Writes section and footer entry. */
static int
put_chunk(struct segment_writer *writer, const struct chunk *chunk)
{
	size_t size = (size_t)chunk->nulls_bytes + chunk->values_bytes;
	unsigned char *at = segment_writer_footer(writer, SEGMENT_CHUNK_BYTES);

	assert(chunk->codec > CODEC_ABSENT && chunk->codec <= CODEC_LAST);
	assert((chunk->null_count == 0) == (chunk->nulls_bytes == 0));
	assert((chunk->codec == CODEC_CONSTANT) == (chunk->values_bytes == 0));
	if (at == NULL)
		return STORE_ENOMEM;
	at[0] = (unsigned char)chunk->codec;
	at[1] = chunk->flags;
	bytes_put32(at + 2, chunk->null_count);
	bytes_put32(at + 6, chunk->nulls_bytes);
	bytes_put32(at + 10, chunk->values_bytes);
	bytes_put32(at + 14, chunk->values_raw_bytes);
	bytes_put64(at + 18, XXH3_64bits(writer->section, size));
	bytes_put64(at + 26, (uint64_t)chunk->min);
	bytes_put64(at + 34, (uint64_t)chunk->max);
	return segment_writer_section(writer, writer->section, size);
}

int
segment_writer_block(struct segment_writer *writer, const struct store_column *column,
		     const struct vector *vector, struct segment_absence absence)
{
	struct chunk chunk = {.null_count = count_nulls(vector)};
	struct vector present = *vector;
	size_t compressed;
	int64_t first;
	uint32_t count;

	if (chunk.null_count == vector->rows_count)
		return put_absent(writer);
	if (chunk.null_count == 0)
		present.nulls = NULL;
	else
		chunk.nulls_bytes = store_nulls(writer, &present, &chunk.flags);
	if (chunk.null_count >= vector->rows_count / DENSE_NULLS_SHARE && present.nulls != NULL)
		chunk.flags |= SEGMENT_CHUNK_DENSE;
	count = settle_nulls(writer, &present, chunk.flags & SEGMENT_CHUNK_DENSE);
	/* NULL rows have the others' values by now. */
	if (segment_is_ordered(column->type, column->scale))
		find_bounds(writer->values, count,
			    column->type == STORE_UINT ? (uint64_t)1 << 63 : 0, &chunk.min,
			    &chunk.max);
	first = writer->values[0];
	if (segment_is_string(column->type))
		chunk.values_raw_bytes = (uint32_t)codec_encode_codes(
		    writer->values, count, writer->encoded, &chunk.codec);
	else
		chunk.values_raw_bytes = (uint32_t)codec_encode(
		    writer->encoder, writer->values, count, writer->encoded, &chunk.codec);
	if (chunk.codec == CODEC_CONSTANT) {
		if (absence.possible && first == absence.value && present.nulls == NULL)
			return put_absent(writer);
		chunk.flags &= (unsigned char)~SEGMENT_CHUNK_DENSE;
		chunk.min = chunk.max = first;
		return put_chunk(writer, &chunk);
	}
	compressed = codec_compress(writer->encoded, chunk.values_raw_bytes, VALUES_GAIN_PERCENT,
				    writer->source->thorough, writer->section + chunk.nulls_bytes);
	if (compressed != 0)
		chunk.flags |= SEGMENT_CHUNK_VALUES_LZ4;
	else
		memcpy(writer->section + chunk.nulls_bytes, writer->encoded,
		       chunk.values_raw_bytes);
	chunk.values_bytes = compressed != 0 ? (uint32_t)compressed : chunk.values_raw_bytes;
	return put_chunk(writer, &chunk);
}

/* ---- numbers ------------------------------------------------------------- */

static void
note_time(struct segment_writer *writer, const struct vector *vector)
{
	for (uint32_t i = 0; !vector->all_null && i < vector->rows_count; i++) {
		int64_t time = writer->values[i];

		if (vector->nulls != NULL && bitmap_get(vector->nulls, i))
			continue;
		writer->time_min = time < writer->time_min ? time : writer->time_min;
		writer->time_max = time > writer->time_max ? time : writer->time_max;
	}
}

static int
write_numbers(struct segment_writer *writer, uint32_t column_index,
	      const struct store_column *column)
{
	struct segment_absence absence = {!(column->flags & STORE_NULLABLE), 0};

	for (uint64_t first = 0; first < writer->source->rows_count; first += BLOCK_ROWS_MAX) {
		struct vector vector;
		int result = segment_writer_read(writer, column_index, first, &vector);

		if (result != 0)
			return result;
		if (!vector.all_null && !vector.constant)
			memcpy(writer->values, vector.values,
			       vector.rows_count * sizeof *writer->values);
		for (uint32_t i = 0; vector.constant && i < vector.rows_count; i++)
			writer->values[i] = vector.values[0];
		if (column->flags & STORE_ROLE_TIME)
			note_time(writer, &vector);
		if ((result = segment_writer_block(writer, column, &vector, absence)) != 0)
			return result;
	}
	return 0;
}

int
segment_write_column(struct segment_writer *writer, uint32_t column_index)
{
	const struct segment_column *which = &writer->source->columns[column_index];
	const struct store_column *column = &writer->source->table->columns[which->column];
	size_t name_size = strlen(column->name);
	unsigned char *at;

	assert(name_size <= UINT16_MAX && which->key.size <= UINT16_MAX);
	assert(column->type == STORE_MAP || which->key.size == 0);
	at = segment_writer_footer(writer, SEGMENT_COLUMN_BYTES + name_size + which->key.size);
	if (at == NULL)
		return STORE_ENOMEM;
	at[0] = (unsigned char)column->type;
	at[1] = column->bits;
	bytes_put32(at + 2, column->scale);
	bytes_put32(at + 6, column->flags);
	bytes_put16(at + 10, (uint16_t)name_size);
	bytes_put16(at + 12, (uint16_t)which->key.size);
	memcpy(at + SEGMENT_COLUMN_BYTES, column->name, name_size);
	if (which->key.size > 0)
		memcpy(at + SEGMENT_COLUMN_BYTES + name_size, which->key.bytes, which->key.size);
	return segment_is_string(column->type) ? segment_write_strings(writer, column_index, column)
					       : write_numbers(writer, column_index, column);
}
