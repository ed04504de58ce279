/*
 * Weighted quantiles of one group. Up to SKETCH_EXACT_MAX values are kept and
 * answered exactly; beyond, values that are stored integers (value * scale) and
 * not negative go into a log-linear histogram of 256 buckets an octave, whose
 * answers are within 0.4 %; other values stay exact. An answer is ClickHouse's
 * quantileExactWeightedInterpolated: position level * (W - 1) among W = sum of
 * weights values, linear between neighbours.
 */
#ifndef SKETCH_H
#define SKETCH_H

#include "store.h"

#define SKETCH_EXACT_MAX 1024u

struct sketch;

/* In the arena; scale 0: the values are no stored integers. NULL: no memory. */
struct sketch *sketch_create(struct store_arena *arena, uint32_t scale);
/* STORE_ELIMIT when memory runs out. NaN must not be added; weight >= 1. */
int sketch_add(struct sketch *sketch, double value, uint64_t weight);
/* As sketch_add of stored / scale, where scale is not 0. */
int sketch_add_stored(struct sketch *sketch, int64_t stored, uint64_t weight);
/* Whether it is a histogram by now, of a weight of at least `total`. */
bool sketch_is_histogram(const struct sketch *sketch, uint64_t total);
/* Adds all that `from` has, which must be of the same scale. */
int sketch_merge(struct sketch *sketch, const struct sketch *from);
uint32_t sketch_scale(const struct sketch *sketch);
/* One of the values, of a sketch of scale 0: quantileExact's when no weight is
 * above 1 and not `weighted`, else quantileExactWeighted's. */
double sketch_quantile_exact(struct sketch *sketch, double level, bool weighted);
/* 0 <= level <= 1; at least one value was added. */
double sketch_quantile(struct sketch *sketch, double level);

/* ---- counting without a call ---------------------------------------------- */

/* The histogram's buckets of the integers below 2^24, 256 an octave. */
#define SKETCH_MANTISSA_BITS 8u
#define SKETCH_HOT_END (1u << 24)
#define SKETCH_HOT_BUCKETS ((24u - SKETCH_MANTISSA_BITS + 1u) << SKETCH_MANTISSA_BITS)

static inline uint32_t
sketch_hot_bucket(uint32_t integer)
{
	/* Bits beyond the first nine; none of small integers. */
	uint32_t shift = 31u - (uint32_t)__builtin_clz(integer | (1u << SKETCH_MANTISSA_BITS)) -
			 SKETCH_MANTISSA_BITS;

	return (shift << SKETCH_MANTISSA_BITS) + (integer >> shift);
}

/* Adds buckets[SKETCH_HOT_BUCKETS] of integers between min and max to a
 * histogram, and sets *total to their sum. 0 or STORE_ELIMIT. */
int sketch_take_hot(struct sketch *sketch, const uint32_t *buckets, uint32_t min, uint32_t max,
		    uint64_t *total);

#endif
