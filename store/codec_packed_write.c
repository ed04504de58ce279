/*
 * codec.h: CODEC_PACKED, writing. Chooses base, width and exceptions of every
 * group of 1,024 values by size, then packs them. Must not be given more than
 * a block.
 */
#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "codec_packed.h"

/* At most one value in 16 is an exception: patching costs a few ns each. */
#define EXCEPTIONS_SHARE 16u
/* And each must save so many bytes more: of 30 in a group half as many are left
 * when every value has a bit more, and a fifth of the time is saved. With six,
 * rows become 1 % longer. */
#define EXCEPTION_COST_BYTES 4u

/* Bits one after the other, least significant first. */
struct bits {
	unsigned char *at;
	uint64_t pending;
	uint32_t pending_bits; /* < 64 */
};

static void
bits_put(struct bits *bits, uint64_t value, uint32_t width)
{
	assert(width <= 64 && (value & ~packed_mask(width)) == 0);
	bits->pending |= value << bits->pending_bits;
	if (bits->pending_bits + width < 64) {
		bits->pending_bits += width;
		return;
	}
	bytes_put64(bits->at, bits->pending);
	bits->at += 8;
	bits->pending = bits->pending_bits == 0 ? 0 : value >> (64 - bits->pending_bits);
	bits->pending_bits = bits->pending_bits + width - 64;
}

static void
bits_flush(struct bits *bits)
{
	for (uint32_t i = 0; i < bits->pending_bits; i += 8)
		*bits->at++ = (unsigned char)(bits->pending >> i);
}

/* ---- stripes ----------------------------------------------------------- */

/* The lanes of a row have the same shift: the inner loops become vector code. */

CODEC_CLONES static void
pack32(const int64_t *values, uint64_t base, uint32_t width, unsigned char *out)
{
	uint32_t words[PACKED_LANES32 * 33] = {0}, mask = (uint32_t)packed_mask(width);

	for (uint32_t row = 0; row < CODEC_GROUP_ROWS / PACKED_LANES32; row++) {
		uint32_t bit = row * width, shift = bit % 32;
		uint32_t *word = words + bit / 32 * PACKED_LANES32;
		const int64_t *in = values + row * PACKED_LANES32;

		for (uint32_t lane = 0; lane < PACKED_LANES32; lane++) {
			uint64_t value = (uint64_t)((uint32_t)((uint64_t)in[lane] - base) & mask)
					 << shift;

			word[lane] |= (uint32_t)value;
			word[lane + PACKED_LANES32] |= (uint32_t)(value >> 32);
		}
	}
	memcpy(out, words, (size_t)width * PACKED_STRIPE_BYTES);
}

CODEC_CLONES static void
pack64(const int64_t *values, uint64_t base, uint32_t width, unsigned char *out)
{
	uint64_t words[PACKED_LANES64 * 65] = {0}, mask = packed_mask(width);

	for (uint32_t row = 0; row < CODEC_GROUP_ROWS / PACKED_LANES64; row++) {
		uint32_t bit = row * width, shift = bit % 64;
		uint64_t *word = words + bit / 64 * PACKED_LANES64;
		const int64_t *in = values + row * PACKED_LANES64;

		for (uint32_t lane = 0; lane < PACKED_LANES64; lane++) {
			uint64_t value = ((uint64_t)in[lane] - base) & mask;

			word[lane] |= value << shift;
			if (shift + width > 64)
				word[lane + PACKED_LANES64] |= value >> (64 - shift);
		}
	}
	memcpy(out, words, (size_t)width * PACKED_STRIPE_BYTES);
}

/* ---- planning ---------------------------------------------------------- */

static uint32_t
bit_length(uint64_t value)
{
	return value == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(value);
}

/* Widths that are tried in one pass. */
#define TRIED 4u

/* How many offsets, all below 2^31, have over longest - 1, longest - 2 ... bits:
 * plain loops, which become vector code. */
CODEC_CLONES static void
count_over(const int32_t *offsets, uint32_t count, uint32_t longest, uint32_t over[TRIED])
{
	int32_t limits[TRIED];
	uint32_t a = 0, b = 0, c = 0, d = 0;

	for (uint32_t i = 0; i < TRIED; i++)
		limits[i] = longest > i ? (int32_t)packed_mask(longest - 1 - i) : 0;
	for (uint32_t i = 0; i < count; i++) {
		a += offsets[i] > limits[0];
		b += offsets[i] > limits[1];
		c += offsets[i] > limits[2];
		d += offsets[i] > limits[3];
	}
	over[0] = a, over[1] = b, over[2] = c, over[3] = d;
}

/* How many offsets are over the limit, and the highest that is not. */
CODEC_CLONES static uint32_t
pass32(const int32_t *offsets, uint32_t count, uint64_t limit, uint64_t *highest)
{
	int32_t most = 0, over = 0, bound = (int32_t)limit;

	for (uint32_t i = 0; i < count; i++) {
		int32_t kept = offsets[i] > bound ? 0 : offsets[i];

		over += offsets[i] > bound;
		most = kept > most ? kept : most;
	}
	*highest = (uint32_t)most;
	return (uint32_t)over;
}

CODEC_CLONES static uint32_t
pass64(const uint64_t *offsets, uint32_t count, uint64_t limit, uint64_t *highest)
{
	uint64_t most = 0, over = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t kept = offsets[i] > limit ? 0 : offsets[i];

		over += offsets[i] > limit;
		most = kept > most ? kept : most;
	}
	*highest = most;
	return (uint32_t)over;
}

CODEC_CLONES static void
subtract32(const int64_t *values, uint32_t count, int64_t base, int32_t *offsets)
{
	for (uint32_t i = 0; i < count; i++)
		offsets[i] = (int32_t)((uint64_t)values[i] - (uint64_t)base);
}

CODEC_CLONES static void
subtract64(const int64_t *values, uint32_t count, int64_t base, uint64_t *offsets)
{
	for (uint32_t i = 0; i < count; i++)
		offsets[i] = (uint64_t)values[i] - (uint64_t)base;
}

CODEC_CLONES static void
find_bounds(const int64_t *values, uint32_t count, int64_t *min, int64_t *max)
{
	int64_t lowest = values[0], highest = values[0];

	for (uint32_t i = 1; i < count; i++) {
		lowest = values[i] < lowest ? values[i] : lowest;
		highest = values[i] > highest ? values[i] : highest;
	}
	*min = lowest;
	*max = highest;
}

/* Bytes, and what patching takes. */
static size_t
cost_of(size_t bytes, uint32_t exceptions_count)
{
	return bytes + (size_t)exceptions_count * EXCEPTION_COST_BYTES;
}

/* Keeps the width if it is cheaper; false when it leaves too many exceptions, as
 * any smaller one would. */
static bool
consider(uint32_t width, uint32_t over, uint32_t longest, uint32_t count, struct codec_group *best)
{
	size_t bytes =
	    packed_low_bytes(count, width) + packed_exceptions_bytes(over, longest - width);

	if (over > count / EXCEPTIONS_SHARE)
		return false;
	if (cost_of(bytes, over) < cost_of(best->data_bytes, best->exceptions_count))
		*best = (struct codec_group){best->base, width, over, longest - width, bytes};
	return true;
}

/* From the longest width down; of those that leave the same exceptions, only the
 * least can be the cheapest. Offsets are of one of the two sizes. */
static void
measure(const int32_t *narrow, const uint64_t *wide, uint32_t count, uint32_t longest,
	uint64_t base, struct codec_group *out)
{
	uint32_t width = longest, over[TRIED];

	*out = (struct codec_group){base, longest, 0, 0, packed_low_bytes(count, longest)};
	if (narrow != NULL && longest > 0) {
		count_over(narrow, count, longest, over);
		for (uint32_t i = 0; i < TRIED && width > 0; i++) {
			if (!consider(--width, over[i], longest, count, out))
				return;
		}
	}
	while (width > 0) {
		uint64_t limit = packed_mask(width - 1), highest;
		uint32_t left = narrow != NULL ? pass32(narrow, count, limit, &highest)
					       : pass64(wide, count, limit, &highest);

		width = bit_length(highest);
		if (!consider(width, left, longest, count, out))
			return;
	}
}

struct scratch {
	uint64_t wide[CODEC_GROUP_ROWS];
	int32_t narrow[CODEC_GROUP_ROWS];
};

static void
plan_group(const int64_t *values, uint32_t count, struct scratch *scratch, struct codec_group *out)
{
	struct codec_group from_zero;
	int64_t min, max;
	uint32_t longest;

	find_bounds(values, count, &min, &max);
	longest = bit_length((uint64_t)max - (uint64_t)min);
	if (longest < 32) {
		subtract32(values, count, min, scratch->narrow);
		measure(scratch->narrow, NULL, count, longest, (uint64_t)min, out);
	} else {
		subtract64(values, count, min, scratch->wide);
		measure(NULL, scratch->wide, count, longest, (uint64_t)min, out);
	}
	if (min >= 0)
		return;
	/* A few large steps back (ts where the next site begins) must not widen
	 * the rest: counted from 0 they wrap around and become exceptions. */
	measure(NULL, (const uint64_t *)values, count, 64, 0, &from_zero);
	if (cost_of(from_zero.data_bytes, from_zero.exceptions_count) <
	    cost_of(out->data_bytes, out->exceptions_count))
		*out = from_zero;
}

void
codec_packed_plan(const int64_t *values, uint32_t count, struct codec_plan *out)
{
	struct scratch scratch __attribute__((uninitialized));
	uint64_t spread = 0;

	assert(count >= 1 && count <= CODEC_GROUPS_MAX * CODEC_GROUP_ROWS);
	for (uint32_t g = 0; g < packed_groups_count(count); g++) {
		struct codec_group *group = &out->groups[g];

		plan_group(values + g * CODEC_GROUP_ROWS, packed_group_rows(count, g), &scratch,
			   group);
		if (g == 0 || (int64_t)group->base < (int64_t)out->frame)
			out->frame = group->base;
	}
	for (uint32_t g = 0; g < packed_groups_count(count); g++)
		spread |= out->groups[g].base - out->frame;
	out->base_bytes = (bit_length(spread) + 7) / 8;
	out->bytes = PACKED_HEAD_BYTES;
	for (uint32_t g = 0; g < packed_groups_count(count); g++)
		out->bytes += 2 + out->base_bytes + out->groups[g].data_bytes;
}

static unsigned char *
write_low(const int64_t *values, uint32_t count, const struct codec_group *group,
	  unsigned char *out)
{
	struct bits bits = {out, 0, 0};

	if (group->width == 0)
		return out;
	if (count < CODEC_GROUP_ROWS) {
		for (uint32_t i = 0; i < count; i++)
			bits_put(&bits,
				 ((uint64_t)values[i] - group->base) & packed_mask(group->width),
				 group->width);
		bits_flush(&bits);
	} else if (group->width <= 32) {
		pack32(values, group->base, group->width, out);
	} else {
		pack64(values, group->base, group->width, out);
	}
	return out + packed_low_bytes(count, group->width);
}

static unsigned char *
write_exceptions(const int64_t *values, uint32_t count, const struct codec_group *group,
		 unsigned char *out)
{
	struct bits bits = {out + 2, 0, 0};
	uint32_t written = 0;

	if (group->exceptions_count == 0)
		return out;
	bytes_put16(out, (uint16_t)group->exceptions_count);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t high = ((uint64_t)values[i] - group->base) >> group->width;

		if (high == 0)
			continue;
		bits_put(&bits, i, PACKED_POSITION_BITS);
		bits_put(&bits, high, group->exception_bits);
		written++;
	}
	bits_flush(&bits);
	assert(written == group->exceptions_count);
	return bits.at;
}

void
codec_packed_write(const int64_t *values, uint32_t count, const struct codec_plan *plan,
		   unsigned char *out)
{
	unsigned char *at = out + PACKED_HEAD_BYTES;

	out[0] = (unsigned char)plan->base_bytes;
	bytes_put64(out + 1, plan->frame);
	for (uint32_t g = 0; g < packed_groups_count(count); g++) {
		const struct codec_group *group = &plan->groups[g];
		const int64_t *from = values + g * CODEC_GROUP_ROWS;
		uint32_t rows = packed_group_rows(count, g);

		*at++ = (unsigned char)group->width;
		*at++ = (unsigned char)group->exception_bits;
		for (uint32_t i = 0; i < plan->base_bytes; i++)
			*at++ = (unsigned char)((group->base - plan->frame) >> (8 * i));
		at = write_low(from, rows, group, at);
		at = write_exceptions(from, rows, group, at);
	}
	assert((size_t)(at - out) == plan->bytes);
}
