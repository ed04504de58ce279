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
#define HASH_BITS_MAX 17u /* twice COUNT_MAX slots */
/* Differences are planned for one group in so many first: those of measures are
 * wider than the values, and then the rest is not looked at. */
#define SAMPLE_STEP 4u
/* Rows after which a look at the distinct values so far tells something. */
#define PROBE_MIN 128u

struct plans {
	struct codec_plan packed, deltas_plan;
	int64_t deltas[COUNT_MAX];
};

struct codec_encoder {
	struct plans rows, entries; /* of the values; of the distinct ones */
	struct codec_plan codes_plan;
	int64_t distinct[COUNT_MAX / 2]; /* sorted after collect() */
	int64_t codes[COUNT_MAX];
	uint32_t slots[1u << HASH_BITS_MAX]; /* index in distinct + 1, or 0 */
	/* Of sorting: */
	int64_t other[COUNT_MAX / 2];
	uint32_t order[COUNT_MAX / 2], other_order[COUNT_MAX / 2], ranks[COUNT_MAX / 2];
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
	memcpy(out, values, (size_t)count * 8); /* little-endian: codec_packed.h */
	return (size_t)count * 8;
}

/* Of values[first] to values[first + count - 1], from each one's predecessor. */
static void
subtract_neighbours(struct plans *plans, const int64_t *values, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		plans->deltas[i - 1] = (int64_t)((uint64_t)values[i] - (uint64_t)values[i - 1]);
}

/* Whether differences may be smaller, after a look at some groups. */
static bool
may_save_by_deltas(struct plans *plans, const int64_t *values, uint32_t count)
{
	uint32_t groups = packed_groups_count(count);
	size_t plain = 0, deltas = 0;

	if (groups <= SAMPLE_STEP)
		return count >= 2;
	for (uint32_t g = SAMPLE_STEP / 2; g + 1 < groups; g += SAMPLE_STEP) {
		uint32_t first = g * CODEC_GROUP_ROWS + 1;

		subtract_neighbours(plans, values, first, CODEC_GROUP_ROWS);
		codec_packed_plan(plans->deltas + first - 1, CODEC_GROUP_ROWS, &plans->deltas_plan);
		plain += plans->packed.groups[g].data_bytes;
		deltas += plans->deltas_plan.groups[0].data_bytes;
	}
	return deltas < plain || deltas == 0;
}

/* Sizes of RAW, PACKED and DELTA; returns the least and names it. */
static size_t
choose(struct plans *plans, const int64_t *values, uint32_t count, enum codec *codec)
{
	size_t best = (size_t)count * 8;

	*codec = CODEC_RAW;
	codec_packed_plan(values, count, &plans->packed);
	if (plans->packed.bytes < best) {
		*codec = CODEC_PACKED;
		best = plans->packed.bytes;
	}
	if (!may_save_by_deltas(plans, values, count))
		return best;
	subtract_neighbours(plans, values, 1, count - 1);
	codec_packed_plan(plans->deltas, count - 1, &plans->deltas_plan);
	if (saves(8 + plans->deltas_plan.bytes, best)) {
		*codec = CODEC_DELTA;
		best = 8 + plans->deltas_plan.bytes;
	}
	return best;
}

/* After choose(), with the same values. */
static size_t
write_chosen(const struct plans *plans, const int64_t *values, uint32_t count, enum codec codec,
	     unsigned char *out)
{
	switch (codec) {
	case CODEC_PACKED:
		codec_packed_write(values, count, &plans->packed, out);
		return plans->packed.bytes;
	case CODEC_DELTA:
		bytes_put64(out, (uint64_t)values[0]);
		codec_packed_write(plans->deltas, count - 1, &plans->deltas_plan, out + 8);
		return 8 + plans->deltas_plan.bytes;
	default:
		return write_raw(values, count, out);
	}
}

/* ---- CODEC_DISTINCT ---------------------------------------------------- */

/* The slot that holds the value, or the empty one where it belongs. */
static inline uint32_t *
find_slot(struct codec_encoder *encoder, uint32_t bits, int64_t value)
{
	uint32_t at = (uint32_t)(((uint64_t)value * 0x9e3779b97f4a7c15u) >> (64 - bits));

	while (encoder->slots[at] != 0 && encoder->distinct[encoder->slots[at] - 1] != value)
		at = (at + 1) & ((1u << bits) - 1);
	return &encoder->slots[at];
}

/* Distinct values and each row's index among them, as they come; 0 when they are
 * over the limit, or will be: of `limit` values drawn at random, an eighth of
 * the rows that would reach it have 6 % repeated ones. */
static uint32_t
number_values(struct codec_encoder *encoder, const int64_t *values, uint32_t count, uint32_t limit)
{
	uint32_t distinct_count = 0, bits = 8, probe = limit / 8;

	while ((1u << bits) < 4 * limit && bits < HASH_BITS_MAX)
		bits++;
	memset(encoder->slots, 0, sizeof encoder->slots[0] << bits);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t *slot = find_slot(encoder, bits, values[i]);

		if (*slot == 0) {
			if (distinct_count == limit)
				return 0;
			encoder->distinct[distinct_count++] = values[i];
			*slot = distinct_count;
		}
		encoder->codes[i] = *slot - 1;
		if (i == probe && probe >= PROBE_MIN && distinct_count > probe - probe / 32)
			return 0;
	}
	return distinct_count;
}

/* Sorts distinct[] and fills ranks[] with where each value went: radix sort, a
 * byte at a time, over the bytes in which values differ. */
static void
sort_distinct(struct codec_encoder *encoder, uint32_t count)
{
	int64_t *values = encoder->distinct, *other = encoder->other;
	uint32_t *order = encoder->order, *other_order = encoder->other_order;
	uint64_t differs = 0;

	for (uint32_t i = 0; i < count; i++) {
		differs |= (uint64_t)values[i] ^ (uint64_t)values[0];
		order[i] = i;
	}
	for (uint32_t shift = 0; shift < 64; shift += 8) {
		/* The sign's bit is flipped: negative ones come first. */
		uint32_t flip = shift == 56 ? 0x80 : 0, starts[256] = {0}, start = 0;
		int64_t *swap = values;
		uint32_t *swap_order = order;

		if ((differs >> shift & 255) == 0)
			continue;
		for (uint32_t i = 0; i < count; i++)
			starts[((uint64_t)values[i] >> shift & 255) ^ flip]++;
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t size = starts[i];

			starts[i] = start;
			start += size;
		}
		for (uint32_t i = 0; i < count; i++) {
			uint32_t to = starts[((uint64_t)values[i] >> shift & 255) ^ flip]++;

			other[to] = values[i];
			other_order[to] = order[i];
		}
		values = other;
		order = other_order;
		other = swap;
		other_order = swap_order;
	}
	for (uint32_t i = 0; i < count; i++)
		encoder->ranks[order[i]] = i;
	if (values != encoder->distinct)
		memcpy(encoder->distinct, values, count * sizeof *values);
}

/* Distinct values, sorted, and each row's code; 0 when they are so many that
 * they cannot be worth it: an id that half of the rows repeat is, a measure
 * must have few values. `best` is the size without. */
static uint32_t
collect(struct codec_encoder *encoder, const int64_t *values, uint32_t count, size_t best)
{
	uint32_t limit = best > (size_t)count * 4 ? count / 2 : count / 16;
	uint32_t distinct_count = number_values(encoder, values, count, limit);

	if (distinct_count == 0)
		return 0;
	sort_distinct(encoder, distinct_count);
	for (uint32_t i = 0; i < count; i++)
		encoder->codes[i] = encoder->ranks[encoder->codes[i]];
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
	entries_size = choose(&encoder->entries, encoder->distinct, distinct_count, &codec);
	size = CODEC_DISTINCT_HEAD_BYTES + entries_size + encoder->codes_plan.bytes;
	if (!saves(size, best))
		return 0;
	bytes_put32(out, distinct_count);
	out[4] = (unsigned char)codec;
	bytes_put32(out + 5, (uint32_t)entries_size);
	write_chosen(&encoder->entries, encoder->distinct, distinct_count, codec,
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
	best = choose(&encoder->rows, values, count, codec);
	if (best > count && count >= DISTINCT_ROWS_MIN &&
	    (distinct_count = collect(encoder, values, count, best)) != 0 &&
	    (size = try_distinct(encoder, distinct_count, count, best, out)) != 0) {
		*codec = CODEC_DISTINCT;
		return size;
	}
	size = write_chosen(&encoder->rows, values, count, *codec, out);
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
