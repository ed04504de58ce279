/*
 * codec.h: constant, raw, frame of reference with patches, and deltas. Between
 * segment files and decoded vectors; must survive any bytes when decoding.
 *
 * A packed group is: base int64, width u8, exceptions u16, then the low
 * `width` bits of (value - base), least significant first, padded to a byte,
 * then per exception its row in the group (u16) and its whole (value - base)
 * (u64). Widths are 0..56 or 64, so that one 8-byte load holds any value.
 */
#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "codec.h"

#define GROUP_HEADER_BYTES 11u
#define EXCEPTION_BYTES 10u
#define WIDTH_MAX 56u

static uint32_t
groups_count(uint32_t count)
{
	return (count + CODEC_GROUP_ROWS - 1) / CODEC_GROUP_ROWS;
}

size_t
codec_bound(uint32_t count)
{
	/* Width 64 bounds every choice; 8 is the delta's first value. */
	return 8 + (size_t)count * 8 + (size_t)groups_count(count) * GROUP_HEADER_BYTES;
}

static uint32_t
bit_length(uint64_t value)
{
	return value == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(value);
}

static size_t
packed_bytes(uint32_t count, uint32_t width)
{
	return ((size_t)count * width + 7) / 8;
}

/* The width with the smallest total of packed bits and exceptions. */
static uint32_t
choose_width(const uint32_t lengths[65], uint32_t count)
{
	uint32_t best = 64, over = 0;
	size_t best_bytes = packed_bytes(count, 64);

	for (uint32_t width = 64; width-- > 0;) {
		size_t bytes;

		over += lengths[width + 1];
		if (width > WIDTH_MAX)
			continue;
		bytes = packed_bytes(count, width) + (size_t)over * EXCEPTION_BYTES;
		if (bytes <= best_bytes) {
			best_bytes = bytes;
			best = width;
		}
	}
	return best;
}

static void
pack(const int64_t *values, uint32_t count, uint64_t base, uint32_t width, unsigned char *out)
{
	uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
	uint64_t pending = 0;
	uint32_t pending_bits = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = ((uint64_t)values[i] - base) & mask;

		pending |= value << pending_bits;
		if (pending_bits + width >= 64) {
			bytes_put64(out, pending);
			out += 8;
			pending = pending_bits == 0 ? 0 : value >> (64 - pending_bits);
			pending_bits = pending_bits + width - 64;
		} else {
			pending_bits += width;
		}
	}
	for (; pending_bits > 0; pending_bits -= pending_bits < 8 ? pending_bits : 8) {
		*out++ = (unsigned char)pending;
		pending >>= 8;
	}
}

static size_t
encode_group(const int64_t *values, uint32_t count, unsigned char *out)
{
	uint32_t lengths[65] = {0}, width, exceptions = 0;
	int64_t min = values[0];
	unsigned char *at;

	for (uint32_t i = 1; i < count; i++)
		min = values[i] < min ? values[i] : min;
	for (uint32_t i = 0; i < count; i++)
		lengths[bit_length((uint64_t)values[i] - (uint64_t)min)]++;
	width = choose_width(lengths, count);
	for (uint32_t length = width + 1; length <= 64; length++)
		exceptions += lengths[length];
	bytes_put64(out, (uint64_t)min);
	out[8] = (unsigned char)width;
	bytes_put16(out + 9, (uint16_t)exceptions);
	pack(values, count, (uint64_t)min, width, out + GROUP_HEADER_BYTES);
	at = out + GROUP_HEADER_BYTES + packed_bytes(count, width);
	for (uint32_t i = 0; i < count && exceptions > 0; i++) {
		uint64_t value = (uint64_t)values[i] - (uint64_t)min;

		if (bit_length(value) <= width)
			continue;
		bytes_put16(at, (uint16_t)i);
		bytes_put64(at + 2, value);
		at += EXCEPTION_BYTES;
	}
	return (size_t)(at - out);
}

static size_t
encode_packed(const int64_t *values, uint32_t count, unsigned char *out)
{
	unsigned char *at = out;

	for (uint32_t first = 0; first < count; first += CODEC_GROUP_ROWS) {
		uint32_t n = count - first < CODEC_GROUP_ROWS ? count - first : CODEC_GROUP_ROWS;

		at += encode_group(values + first, n, at);
	}
	return (size_t)(at - out);
}

/* Size of encode_packed without writing it. */
static size_t
packed_size(const int64_t *values, uint32_t count)
{
	size_t size = 0;

	for (uint32_t first = 0; first < count; first += CODEC_GROUP_ROWS) {
		uint32_t n = count - first < CODEC_GROUP_ROWS ? count - first : CODEC_GROUP_ROWS;
		uint32_t lengths[65] = {0}, width, exceptions = 0;
		int64_t min = values[first];

		for (uint32_t i = 1; i < n; i++)
			min = values[first + i] < min ? values[first + i] : min;
		for (uint32_t i = 0; i < n; i++)
			lengths[bit_length((uint64_t)values[first + i] - (uint64_t)min)]++;
		width = choose_width(lengths, n);
		for (uint32_t length = width + 1; length <= 64; length++)
			exceptions += lengths[length];
		size += GROUP_HEADER_BYTES + packed_bytes(n, width) +
			(size_t)exceptions * EXCEPTION_BYTES;
	}
	return size;
}

size_t
codec_encode(const int64_t *values, uint32_t count, int64_t *scratch, unsigned char *out,
	     enum codec *codec)
{
	size_t packed, delta = SIZE_MAX, raw = (size_t)count * 8;
	uint32_t same = 1;

	assert(count >= 1);
	while (same < count && values[same] == values[0])
		same++;
	if (same == count) {
		*codec = CODEC_CONSTANT;
		bytes_put64(out, (uint64_t)values[0]);
		return 8;
	}
	for (uint32_t i = 1; i < count; i++)
		scratch[i - 1] = (int64_t)((uint64_t)values[i] - (uint64_t)values[i - 1]);
	packed = packed_size(values, count);
	delta = 8 + packed_size(scratch, count - 1);
	if (raw <= packed && raw <= delta) {
		*codec = CODEC_RAW;
		for (uint32_t i = 0; i < count; i++)
			bytes_put64(out + (size_t)i * 8, (uint64_t)values[i]);
		return raw;
	}
	if (packed <= delta) {
		*codec = CODEC_PACKED;
		return encode_packed(values, count, out);
	}
	*codec = CODEC_DELTA;
	bytes_put64(out, (uint64_t)values[0]);
	return 8 + encode_packed(scratch, count - 1, out + 8);
}

/* values[i] = base + bits; packed[size] has at least packed_bytes(count, width). */
static void
unpack(const unsigned char *packed, size_t size, uint32_t count, uint32_t width, uint64_t base,
       int64_t *values)
{
	uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
	uint32_t safe = 0;

	/* Rows whose 8-byte load ends within the bytes. */
	if (width != 0 && size >= 8) {
		size_t rows = ((size - 8) * 8 + 7) / width + 1;

		safe = rows < count ? (uint32_t)rows : count;
		while (safe > 0 && ((size_t)(safe - 1) * width) / 8 + 8 > size)
			safe--;
	}
	for (uint32_t i = 0; i < safe; i++) {
		size_t bit = (size_t)i * width;

		values[i] = (int64_t)(base + ((bytes_get64(packed + bit / 8) >> (bit & 7)) & mask));
	}
	for (uint32_t i = safe; i < count; i++) {
		size_t bit = (size_t)i * width, left;
		unsigned char last[8] = {0};

		if (width != 0) {
			left = size - bit / 8;
			memcpy(last, packed + bit / 8, left < 8 ? left : 8);
		}
		values[i] = (int64_t)(base + ((bytes_get64(last) >> (bit & 7)) & mask));
	}
}

/* Returns the bytes that the group took, or 0 when they are malformed. */
static size_t
decode_group(const unsigned char *bytes, size_t size, uint32_t count, int64_t *values)
{
	uint32_t width, exceptions;
	uint64_t base;
	size_t packed, total;
	const unsigned char *at;

	if (size < GROUP_HEADER_BYTES)
		return 0;
	base = bytes_get64(bytes);
	width = bytes[8];
	exceptions = bytes_get16(bytes + 9);
	if ((width > WIDTH_MAX && width != 64) || exceptions > count)
		return 0;
	packed = packed_bytes(count, width);
	total = GROUP_HEADER_BYTES + packed + (size_t)exceptions * EXCEPTION_BYTES;
	if (total > size)
		return 0;
	unpack(bytes + GROUP_HEADER_BYTES, packed, count, width, base, values);
	at = bytes + GROUP_HEADER_BYTES + packed;
	for (uint32_t i = 0; i < exceptions; i++, at += EXCEPTION_BYTES) {
		uint32_t row = bytes_get16(at);

		if (row >= count)
			return 0;
		values[row] = (int64_t)(base + bytes_get64(at + 2));
	}
	return total;
}

static int
decode_packed(const unsigned char *bytes, size_t size, uint32_t count, int64_t *values)
{
	for (uint32_t first = 0; first < count; first += CODEC_GROUP_ROWS) {
		uint32_t n = count - first < CODEC_GROUP_ROWS ? count - first : CODEC_GROUP_ROWS;
		size_t taken = decode_group(bytes, size, n, values + first);

		if (taken == 0)
			return -1;
		bytes += taken;
		size -= taken;
	}
	return size == 0 ? 0 : -1;
}

int
codec_decode(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
	     int64_t *values)
{
	uint64_t value;

	switch (codec) {
	case CODEC_CONSTANT:
		if (size != 8)
			return -1;
		for (uint32_t i = 0; i < count; i++)
			values[i] = (int64_t)bytes_get64(bytes);
		return 0;
	case CODEC_RAW:
		if (size != (size_t)count * 8)
			return -1;
		for (uint32_t i = 0; i < count; i++)
			values[i] = (int64_t)bytes_get64(bytes + (size_t)i * 8);
		return 0;
	case CODEC_PACKED:
		return decode_packed(bytes, size, count, values);
	case CODEC_DELTA:
		if (size < 8 || count == 0)
			return -1;
		if (decode_packed(bytes + 8, size - 8, count - 1, values + 1) != 0)
			return -1;
		value = bytes_get64(bytes);
		values[0] = (int64_t)value;
		for (uint32_t i = 1; i < count; i++) {
			value += (uint64_t)values[i];
			values[i] = (int64_t)value;
		}
		return 0;
	case CODEC_ABSENT:
		break;
	}
	return -1;
}
