/*
 * codec.h: CODEC_PACKED, reading. What a query's scan spends its time in. Must
 * survive any bytes: every part is checked to lie inside before it is read.
 */
#include <string.h>

#include "bytes.h"
#include "codec_packed.h"

/* `width` bits at bit `at` of bytes[size]; the caller checked that they are
 * inside. */
static inline uint64_t
bits_get(const unsigned char *bytes, size_t size, size_t at, uint32_t width)
{
	const unsigned char *from = bytes + at / 8;
	unsigned char last[9] = {0};
	uint32_t shift = at % 8;
	uint64_t value;

	if (size - at / 8 < sizeof last) {
		memcpy(last, from, size - at / 8);
		from = last;
	}
	value = bytes_get64(from) >> shift;
	if (shift + width > 64)
		value |= (uint64_t)from[8] << (64 - shift);
	return value & packed_mask(width);
}

/* ---- stripes ----------------------------------------------------------- */

/* out[i] = the i-th value's low bits + base; 1 <= width <= 32. */
static inline __attribute__((always_inline)) void
unpack32(const unsigned char *restrict packed, uint32_t width, uint32_t base,
	 uint32_t *restrict out)
{
	uint32_t mask = (uint32_t)packed_mask(width);

	for (uint32_t row = 0; row < 32; row++, out += PACKED_LANES32) {
		uint32_t bit = row * width, shift = bit % 32, low[PACKED_LANES32],
			 high[PACKED_LANES32];
		const unsigned char *stripe = packed + (size_t)(bit / 32) * PACKED_STRIPE_BYTES;

		memcpy(low, stripe, sizeof low);
		if (shift + width <= 32) {
			for (uint32_t lane = 0; lane < PACKED_LANES32; lane++)
				out[lane] = ((low[lane] >> shift) & mask) + base;
			continue;
		}
		memcpy(high, stripe + PACKED_STRIPE_BYTES, sizeof high);
		for (uint32_t lane = 0; lane < PACKED_LANES32; lane++)
			out[lane] =
			    (((low[lane] >> shift) | (high[lane] << (32 - shift))) & mask) + base;
	}
}

/* The same in lanes of 64 bits; 33 <= width <= 64. */
static inline __attribute__((always_inline)) void
unpack64(const unsigned char *restrict packed, uint32_t width, uint64_t base, int64_t *restrict out)
{
	uint64_t mask = packed_mask(width);

	for (uint32_t row = 0; row < 64; row++, out += PACKED_LANES64) {
		uint32_t bit = row * width, shift = bit % 64;
		const unsigned char *stripe = packed + (size_t)(bit / 64) * PACKED_STRIPE_BYTES;
		uint64_t low[PACKED_LANES64], high[PACKED_LANES64];

		memcpy(low, stripe, sizeof low);
		if (shift + width <= 64) {
			for (uint32_t lane = 0; lane < PACKED_LANES64; lane++)
				out[lane] = (int64_t)(((low[lane] >> shift) & mask) + base);
			continue;
		}
		memcpy(high, stripe + PACKED_STRIPE_BYTES, sizeof high);
		for (uint32_t lane = 0; lane < PACKED_LANES64; lane++)
			out[lane] =
			    (int64_t)((((low[lane] >> shift) | (high[lane] << (64 - shift))) &
				       mask) +
				      base);
	}
}

/* ---- groups ------------------------------------------------------------ */

/* One group's parts, each checked to lie inside. */
struct parts {
	uint32_t count; /* of values */
	uint64_t base;
	uint32_t width, exception_bits, exceptions_count;
	const unsigned char *low, *exceptions;
	size_t low_left, exceptions_left; /* bytes that may be read from there */
};

int
codec_packed_open(struct packed_reader *reader, const unsigned char *bytes, size_t size,
		  uint32_t count)
{
	if (size < PACKED_HEAD_BYTES || bytes[0] > 8)
		return -1;
	*reader = (struct packed_reader){.at = bytes + PACKED_HEAD_BYTES,
					 .left = size - PACKED_HEAD_BYTES,
					 .count = count,
					 .base_bytes = bytes[0],
					 .frame = bytes_get64(bytes + 1)};
	return 0;
}

static void
advance(struct packed_reader *reader, size_t size)
{
	reader->at += size;
	reader->left -= size;
}

/* The next group's, and the reader behind it. */
static int
read_parts(struct packed_reader *reader, struct parts *out)
{
	uint32_t count = packed_rows_left(reader);
	size_t size;

	if (count == 0 || reader->left < 2 + reader->base_bytes)
		return -1;
	out->count = count;
	out->width = reader->at[0];
	out->exception_bits = reader->at[1];
	out->exceptions_count = 0;
	out->base = 0;
	for (uint32_t i = 0; i < reader->base_bytes; i++)
		out->base |= (uint64_t)reader->at[2 + i] << (8 * i);
	out->base += reader->frame;
	advance(reader, 2 + reader->base_bytes);
	if (out->width + out->exception_bits > 64 ||
	    (size = packed_low_bytes(count, out->width)) > reader->left)
		return -1;
	out->low = reader->at;
	out->low_left = reader->left;
	advance(reader, size);
	if (out->exception_bits != 0) {
		if (reader->left < 2)
			return -1;
		out->exceptions_count = bytes_get16(reader->at);
		size = packed_exceptions_bytes(out->exceptions_count, out->exception_bits);
		if (out->exceptions_count == 0 || out->exceptions_count > count ||
		    size > reader->left)
			return -1;
		out->exceptions = reader->at + 2;
		out->exceptions_left = reader->left - 2;
		advance(reader, size);
	}
	reader->next += count;
	return reader->next == reader->count && reader->left != 0 ? -1 : 0;
}

/* The i-th exception, 0 or -1; positions ascend. */
static inline int
read_exception(const struct parts *parts, uint32_t i, uint32_t *position, uint64_t *high)
{
	size_t at = (size_t)i * (PACKED_POSITION_BITS + parts->exception_bits);
	uint32_t previous = *position;

	*position =
	    (uint32_t)bits_get(parts->exceptions, parts->exceptions_left, at, PACKED_POSITION_BITS);
	*high = bits_get(parts->exceptions, parts->exceptions_left, at + PACKED_POSITION_BITS,
			 parts->exception_bits)
		<< parts->width;
	return *position >= parts->count || (i > 0 && *position <= previous) ? -1 : 0;
}

CODEC_CLONES static void
read_low(const struct parts *parts, int64_t *values)
{
	uint32_t narrow[CODEC_GROUP_ROWS], count = parts->count;

	if (parts->width == 0) {
		for (uint32_t i = 0; i < count; i++)
			values[i] = (int64_t)parts->base;
	} else if (count < CODEC_GROUP_ROWS) {
		for (uint32_t i = 0; i < count; i++)
			values[i] = (int64_t)(parts->base + bits_get(parts->low, parts->low_left,
								     (size_t)i * parts->width,
								     parts->width));
	} else if (parts->width <= 32) {
		unpack32(parts->low, parts->width, 0, narrow);
		for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++)
			values[i] = (int64_t)(parts->base + narrow[i]);
	} else {
		unpack64(parts->low, parts->width, parts->base, values);
	}
}

int
codec_packed_read(struct packed_reader *reader, int64_t *values)
{
	uint32_t position = 0;
	struct parts parts;
	uint64_t high;

	if (read_parts(reader, &parts) != 0)
		return -1;
	read_low(&parts, values);
	for (uint32_t i = 0; i < parts.exceptions_count; i++) {
		if (read_exception(&parts, i, &position, &high) != 0)
			return -1;
		values[position] = (int64_t)((uint64_t)values[position] + high);
	}
	return 0;
}

CODEC_CLONES static void
read_low_codes(const struct parts *parts, uint32_t *codes)
{
	uint32_t base = (uint32_t)parts->base, count = parts->count;

	if (count == CODEC_GROUP_ROWS && parts->width != 0) {
		unpack32(parts->low, parts->width, base, codes);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		codes[i] = base;
		if (parts->width != 0)
			codes[i] += (uint32_t)bits_get(parts->low, parts->low_left,
						       (size_t)i * parts->width, parts->width);
	}
}

int
codec_packed_read_codes(struct packed_reader *reader, uint32_t *codes)
{
	uint32_t position = 0;
	struct parts parts;
	uint64_t high;

	if (read_parts(reader, &parts) != 0 || parts.base > UINT32_MAX ||
	    parts.width + parts.exception_bits > 32)
		return -1;
	read_low_codes(&parts, codes);
	for (uint32_t i = 0; i < parts.exceptions_count; i++) {
		if (read_exception(&parts, i, &position, &high) != 0)
			return -1;
		codes[position] += (uint32_t)high;
	}
	return 0;
}

int
codec_packed_skip(struct packed_reader *reader)
{
	struct parts parts;

	return read_parts(reader, &parts);
}
