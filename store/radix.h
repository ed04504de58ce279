/*
 * Many items sorted by numbers. For flushes and exact quantiles; must not know what the
 * items are.
 */
#ifndef RADIX_H
#define RADIX_H

#include <stdint.h>

/* Items of any type of 16 bytes, the first eight of which are a uint64_t. */
#define RADIX_ITEM_BYTES 16u

/* By that number, ascending, those of equal ones as they were: [count], in `items` or in
 * `other`, which has room for as many; returns which. */
void *radix_sort(void *items, void *other, uint32_t count);

/* A float's bits, so that they order as the float does; never for NaN. And back. */
static inline uint64_t
radix_of_bits(uint64_t bits)
{
	return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static inline uint64_t
radix_to_bits(uint64_t key)
{
	return key >> 63 ? key & ~((uint64_t)1 << 63) : ~key;
}

#endif
