/* The codecs as FORMAT.md has them, a value at a time: what test_codec.c and
 * fuzz_codec.c compare the decoders with. */
#ifndef CODEC_MODEL_H
#define CODEC_MODEL_H

#include <stdlib.h>

#include "store/bytes.h"
#include "store/codec.h"

/* Bits at bit `at`; width 0 to 64. */
static inline uint64_t
codec_model_bits(const unsigned char *bytes, size_t at, uint32_t width)
{
	uint64_t value = 0;

	for (uint32_t done = 0; done < width;) {
		uint32_t shift = (uint32_t)(at + done) % 8, taken = 8 - shift;
		uint64_t byte = (uint64_t)bytes[(at + done) / 8] >> shift;

		taken = taken < width - done ? taken : width - done;
		value |= (byte & ((1u << taken) - 1)) << done;
		done += taken;
	}
	return value;
}

/* The low bits of value i of a group. */
static inline uint64_t
codec_model_low(const unsigned char *bytes, uint32_t i, uint32_t count, uint32_t width)
{
	uint32_t lanes = width <= 32 ? 32 : 16, bits = width <= 32 ? 32 : 64;
	uint64_t value = 0;

	if (count < CODEC_GROUP_ROWS)
		return codec_model_bits(bytes, (size_t)i * width, width);
	for (uint32_t done = 0; done < width;) {
		uint32_t bit = i / lanes * width + done, left = bits - bit % bits;
		uint32_t taken = left < width - done ? left : width - done;
		size_t word = bit / bits * 128u + i % lanes * (bits / 8);

		value |= codec_model_bits(bytes + word, bit % bits, taken) << done;
		done += taken;
	}
	return value;
}

/* Adds the exceptions of a group; bytes taken, or -1. */
static inline int64_t
codec_model_exceptions(const unsigned char *bytes, size_t size, uint32_t count, uint32_t width,
		       uint32_t high_bits, int64_t *out)
{
	uint32_t found, least = 0;
	size_t taken;

	if (size < 2)
		return -1;
	found = bytes_get16(bytes);
	taken = 2 + ((size_t)found * (10 + high_bits) + 7) / 8;
	if (found == 0 || found > count || taken > size)
		return -1;
	for (uint32_t i = 0; i < found; i++) {
		size_t at = (size_t)i * (10 + high_bits);
		uint32_t position = (uint32_t)codec_model_bits(bytes + 2, at, 10);
		uint64_t high = codec_model_bits(bytes + 2, at + 10, high_bits) << width;

		if (position < least || position >= count)
			return -1;
		least = position + 1;
		out[position] = (int64_t)((uint64_t)out[position] + high);
	}
	return (int64_t)taken;
}

/* `codes`: within 32 bits. 0 or -1. */
static inline int
codec_model_packed(const unsigned char *bytes, size_t size, uint32_t count, bool codes,
		   int64_t *out)
{
	uint32_t base_bytes;
	size_t at = 9;

	if (size < 9 || (base_bytes = bytes[0]) > 8)
		return -1;
	for (uint32_t done = 0; done < count; done += CODEC_GROUP_ROWS) {
		uint32_t rows = count - done < CODEC_GROUP_ROWS ? count - done : CODEC_GROUP_ROWS;
		uint32_t width, high_bits;
		uint64_t base;
		int64_t taken = 0;

		if (size - at < 2 + base_bytes)
			return -1;
		width = bytes[at];
		high_bits = bytes[at + 1];
		base = bytes_get64(bytes + 1) + codec_model_bits(bytes + at + 2, 0, base_bytes * 8);
		at += 2 + base_bytes;
		if (width + high_bits > 64 || ((size_t)rows * width + 7) / 8 > size - at ||
		    (codes && (width + high_bits > 32 || base > UINT32_MAX)))
			return -1;
		for (uint32_t i = 0; i < rows; i++)
			out[done + i] =
			    (int64_t)(base + codec_model_low(bytes + at, i, rows, width));
		at += ((size_t)rows * width + 7) / 8;
		if (high_bits > 0)
			taken = codec_model_exceptions(bytes + at, size - at, rows, width,
						       high_bits, out + done);
		if (taken < 0)
			return -1;
		at += (size_t)taken;
	}
	return at == size ? 0 : -1;
}

static inline int
codec_model_decode(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
		   int64_t *out)
{
	uint32_t entries_count, entries_size;
	int64_t *entries;
	int result = -1;

	switch ((uint32_t)codec) {
	case CODEC_RAW:
		for (uint32_t i = 0; size == (size_t)count * 8 && i < count; i++)
			out[i] = (int64_t)bytes_get64(bytes + (size_t)i * 8);
		return size == (size_t)count * 8 ? 0 : -1;
	case CODEC_PACKED:
		return codec_model_packed(bytes, size, count, false, out);
	case CODEC_DELTA:
		if (size < 8 || count < 2 ||
		    codec_model_packed(bytes + 8, size - 8, count - 1, false, out + 1) != 0)
			return -1;
		out[0] = (int64_t)bytes_get64(bytes);
		for (uint32_t i = 1; i < count; i++)
			out[i] = (int64_t)((uint64_t)out[i] + (uint64_t)out[i - 1]);
		return 0;
	case CODEC_DISTINCT:
		break;
	default:
		return -1;
	}
	if (size < 9)
		return -1;
	entries_count = bytes_get32(bytes);
	entries_size = bytes_get32(bytes + 5);
	if (entries_count == 0 || entries_count > count || entries_size > size - 9 ||
	    bytes[4] < CODEC_RAW || bytes[4] > CODEC_DELTA ||
	    (entries = malloc(entries_count * sizeof *entries)) == NULL)
		return -1;
	if (codec_model_decode((enum codec)bytes[4], bytes + 9, entries_size, entries_count,
			       entries) == 0)
		result = codec_model_packed(bytes + 9 + entries_size, size - 9 - entries_size,
					    count, true, out);
	for (uint32_t i = 0; result == 0 && i < count; i++) {
		uint32_t code = (uint32_t)out[i];

		if (code >= entries_count)
			result = -1;
		else
			out[i] = entries[code];
	}
	free(entries);
	return result;
}

#endif
