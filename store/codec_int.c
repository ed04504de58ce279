/*
 * codec.h: picks the codec of a block's values by size, and the codecs that
 * build on CODEC_PACKED. Between segment chunks and decoded vectors. Must
 * survive any bytes when decoding.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "codec_packed.h"

#define COUNT_MAX (CODEC_GROUPS_MAX * CODEC_GROUP_ROWS)
/* A codec that is slower to decode must save a tenth. */
#define GAIN_PERCENT 10u

/* CODEC_DISTINCT: entries u32, their codec u8, their bytes u32; the entries;
 * the codes. */
/* Not tried below this many rows, nor where a row takes one byte already. */
#define DISTINCT_ROWS_MIN 256u
#define HASH_BITS 17u /* twice COUNT_MAX slots */

struct codec_encoder {
	struct codec_plan packed, deltas_plan, codes_plan;
	int64_t deltas[COUNT_MAX];
	int64_t distinct[COUNT_MAX]; /* sorted after collect() */
	int64_t codes[COUNT_MAX];
	uint32_t slots[1u << HASH_BITS]; /* index in distinct + 1, or 0 */
};

struct codec_encoder *
codec_encoder_create(void)
{
	return malloc(sizeof(struct codec_encoder));
}

void
codec_encoder_free(struct codec_encoder *encoder)
{
	free(encoder);
}

size_t
codec_bound(uint32_t count)
{
	return (size_t)count * 8 + 16; /* RAW; codes of a few rows need the rest */
}

static bool
is_constant(const int64_t *values, uint32_t count)
{
	uint32_t same = 1;

	while (same < count && values[same] == values[0])
		same++;
	return same == count;
}

static bool
saves(size_t size, size_t than)
{
	return (uint64_t)size * 100 <= (uint64_t)than * (100 - GAIN_PERCENT);
}

static size_t
write_raw(const int64_t *values, uint32_t count, unsigned char *out)
{
	for (uint32_t i = 0; i < count; i++)
		bytes_put64(out + (size_t)i * 8, (uint64_t)values[i]);
	return (size_t)count * 8;
}

/* Sizes of RAW, PACKED and DELTA; returns the least and names it. */
static size_t
choose(struct codec_encoder *encoder, const int64_t *values, uint32_t count, enum codec *codec)
{
	size_t best = (size_t)count * 8;

	*codec = CODEC_RAW;
	codec_packed_plan(values, count, &encoder->packed);
	if (encoder->packed.bytes < best) {
		*codec = CODEC_PACKED;
		best = encoder->packed.bytes;
	}
	if (count < 2)
		return best;
	for (uint32_t i = 1; i < count; i++)
		encoder->deltas[i - 1] = (int64_t)((uint64_t)values[i] - (uint64_t)values[i - 1]);
	codec_packed_plan(encoder->deltas, count - 1, &encoder->deltas_plan);
	if (saves(8 + encoder->deltas_plan.bytes, best)) {
		*codec = CODEC_DELTA;
		best = 8 + encoder->deltas_plan.bytes;
	}
	return best;
}

/* After choose(), with the same values. */
static size_t
write_chosen(const struct codec_encoder *encoder, const int64_t *values, uint32_t count,
	     enum codec codec, unsigned char *out)
{
	switch (codec) {
	case CODEC_PACKED:
		codec_packed_write(values, count, &encoder->packed, out);
		return encoder->packed.bytes;
	case CODEC_DELTA:
		bytes_put64(out, (uint64_t)values[0]);
		codec_packed_write(encoder->deltas, count - 1, &encoder->deltas_plan, out + 8);
		return 8 + encoder->deltas_plan.bytes;
	default:
		return write_raw(values, count, out);
	}
}

/* ---- CODEC_DISTINCT ---------------------------------------------------- */

/* The slot that holds the value, or the empty one where it belongs. */
static uint32_t *
find_slot(struct codec_encoder *encoder, int64_t value)
{
	uint32_t at = (uint32_t)(((uint64_t)value * 0x9e3779b97f4a7c15u) >> (64 - HASH_BITS));

	while (encoder->slots[at] != 0 && encoder->distinct[encoder->slots[at] - 1] != value)
		at = (at + 1) & ((1u << HASH_BITS) - 1);
	return &encoder->slots[at];
}

static int
compare_values(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

/* Distinct values, sorted, and each row's code; 0 when they are so many that
 * they cannot be worth it: an id that half of the rows repeat is, a measure
 * must have few values. `best` is the size without. */
static uint32_t
collect(struct codec_encoder *encoder, const int64_t *values, uint32_t count, size_t best)
{
	uint32_t limit = best > (size_t)count * 4 ? count / 2 : count / 16;
	uint32_t distinct_count = 0;

	memset(encoder->slots, 0, sizeof encoder->slots);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t *slot = find_slot(encoder, values[i]);

		if (*slot != 0)
			continue;
		if (distinct_count == limit)
			return 0;
		encoder->distinct[distinct_count++] = values[i];
		*slot = distinct_count;
	}
	qsort(encoder->distinct, distinct_count, sizeof encoder->distinct[0], compare_values);
	memset(encoder->slots, 0, sizeof encoder->slots);
	for (uint32_t i = 0; i < distinct_count; i++)
		*find_slot(encoder, encoder->distinct[i]) = i + 1;
	for (uint32_t i = 0; i < count; i++)
		encoder->codes[i] = *find_slot(encoder, values[i]) - 1;
	return distinct_count;
}

/* After collect(): writes and returns the size when it is worth it against
 * `best`, else 0. */
static size_t
try_distinct(struct codec_encoder *encoder, uint32_t distinct_count, uint32_t count, size_t best,
	     unsigned char *out)
{
	enum codec codec;
	size_t size, entries_size;

	codec_packed_plan(encoder->codes, count, &encoder->codes_plan);
	entries_size = choose(encoder, encoder->distinct, distinct_count, &codec);
	size = CODEC_DISTINCT_HEAD_BYTES + entries_size + encoder->codes_plan.bytes;
	if (!saves(size, best))
		return 0;
	bytes_put32(out, distinct_count);
	out[4] = (unsigned char)codec;
	bytes_put32(out + 5, (uint32_t)entries_size);
	write_chosen(encoder, encoder->distinct, distinct_count, codec,
		     out + CODEC_DISTINCT_HEAD_BYTES);
	codec_packed_write(encoder->codes, count, &encoder->codes_plan,
			   out + CODEC_DISTINCT_HEAD_BYTES + entries_size);
	return size;
}

/* ---- encoding ------------------------------------------------------------ */

size_t
codec_encode(struct codec_encoder *encoder, const int64_t *values, uint32_t count,
	     unsigned char *out, enum codec *codec)
{
	uint32_t distinct_count;
	size_t best, size;

	assert(count >= 1 && count <= COUNT_MAX);
	if (is_constant(values, count)) {
		*codec = CODEC_CONSTANT;
		return 0;
	}
	best = choose(encoder, values, count, codec);
	if (best > count && count >= DISTINCT_ROWS_MIN &&
	    (distinct_count = collect(encoder, values, count, best)) != 0) {
		if ((size = try_distinct(encoder, distinct_count, count, best, out)) != 0) {
			*codec = CODEC_DISTINCT;
			return size;
		}
		best = choose(encoder, values, count, codec); /* its plans were overwritten */
	}
	size = write_chosen(encoder, values, count, *codec, out);
	assert(size == best && size <= codec_bound(count));
	return size;
}

size_t
codec_encode_codes(const int64_t *codes, uint32_t count, unsigned char *out, enum codec *codec)
{
	struct codec_plan plan;

	assert(count >= 1 && count <= COUNT_MAX);
	if (is_constant(codes, count)) {
		*codec = CODEC_CONSTANT;
		return 0;
	}
	*codec = CODEC_PACKED;
	codec_packed_plan(codes, count, &plan);
	codec_packed_write(codes, count, &plan, out);
	return plan.bytes;
}
