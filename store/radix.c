/*
 * radix.h: least significant digit first, over the digits in which items differ.
 */
#include <string.h>

#include "radix.h"

/* Bits that a pass of the sort looks at: what it counts fits the first cache. */
#define DIGIT_BITS 11u
#define DIGITS (1u << DIGIT_BITS)

static inline uint64_t
key_at(const unsigned char *items, uint32_t i)
{
	uint64_t key;

	memcpy(&key, items + (size_t)i * RADIX_ITEM_BYTES, sizeof key);
	return key;
}

static inline uint32_t
digit_at(const unsigned char *items, uint32_t i, uint32_t shift)
{
	return (uint32_t)(key_at(items, i) >> shift) & (DIGITS - 1);
}

/* By one digit, into another place. */
static void
pass(const unsigned char *items, unsigned char *out, uint32_t count, uint32_t shift)
{
	uint32_t starts[DIGITS] = {0}, start = 0;

	for (uint32_t i = 0; i < count; i++)
		starts[digit_at(items, i, shift)]++;
	for (uint32_t i = 0; i < DIGITS; i++) {
		uint32_t size = starts[i];

		starts[i] = start;
		start += size;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = starts[digit_at(items, i, shift)]++;

		memcpy(out + (size_t)at * RADIX_ITEM_BYTES, items + (size_t)i * RADIX_ITEM_BYTES,
		       RADIX_ITEM_BYTES);
	}
}

void *
radix_sort(void *items, void *other, uint32_t count)
{
	uint64_t differs = 0;

	for (uint32_t i = 1; i < count; i++)
		differs |= key_at(items, i) ^ key_at(items, 0);
	for (uint32_t shift = 0; shift < 64; shift += DIGIT_BITS) {
		void *swap = items;

		if ((differs >> shift & (DIGITS - 1)) == 0)
			continue;
		pass(items, other, count, shift);
		items = other;
		other = swap;
	}
	return items;
}
