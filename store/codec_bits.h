/*
 * Numbers of any width one after the other, lowest bit first, as
 * codec_packed_read.c reads those that do not lie in stripes: the values of a
 * chunk's last group, and exceptions.
 */
#ifndef CODEC_BITS_H
#define CODEC_BITS_H

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

/* How many of `count` items of `width` bits each lie in one word of 64 bits
 * that is inside bytes[size], wherever it begins. */
static inline uint32_t
whole_words(size_t size, uint32_t count, uint32_t width)
{
	size_t items;

	if (width == 0 || width > 57 || size < 8)
		return 0;
	if (size - 8 >= (size_t)count * width / 8)
		return count; /* mostly; a division takes as long as some items */
	items = ((size - 8) * 8 + 7) / width + 1;
	return items < count ? (uint32_t)items : count;
}

#endif
