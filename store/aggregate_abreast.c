/*
 * Short lists of values, sixteen of them abreast: sorted by comparing the same two places
 * of all at once, in an order that does not depend on what they are. One by one, what a
 * list's length and values are would decide what is done next, which the processor
 * guesses wrong for each. Beside aggregate_finish.c; must not know groups.
 */
#include "aggregate_inside.h"
#include "codec.h"

/* The lesser of both of each list to the first. */
static inline __attribute__((always_inline)) void
order_two(uint32_t *restrict low, uint32_t *restrict high)
{
	low = __builtin_assume_aligned(low, 64);
	high = __builtin_assume_aligned(high, 64);
	for (uint32_t i = 0; i < AGGREGATE_ABREAST; i++) {
		uint32_t a = low[i], b = high[i];

		low[i] = a < b ? a : b;
		high[i] = a < b ? b : a;
	}
}

/* By Batcher's merging of odd and even places: runs of p, of which two become one. */
CODEC_CLONES static void
sort_lanes(uint32_t (*lanes)[AGGREGATE_ABREAST], uint32_t size)
{
	for (uint32_t p = 1; p < size; p *= 2) {
		for (uint32_t k = p, from = 0; k > 0; k /= 2, from = k) {
			for (uint32_t j = from; j + k < size; j += 2 * k) {
				for (uint32_t i = j; i < j + k && i + k < size; i++) {
					if (((i ^ (i + k)) & ~(2 * p - 1)) == 0)
						order_two(lanes[i], lanes[i + k]);
				}
			}
		}
	}
}

void
aggregate_abreast_sort(struct aggregate_abreast *abreast)
{
	sort_lanes(abreast->lanes, abreast->size);
}
