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

#include <string.h>

#include "store.h"

#define SKETCH_EXACT_MAX 1024u

struct sketch;

/* For sketch_create: of 64-bit integers, which sketch_add_key takes. */
#define SKETCH_KEYS UINT32_MAX

/* In the arena; scale 0: the values are no stored integers. NULL: no memory. */
struct sketch *sketch_create(struct store_arena *arena, uint32_t scale);
#define SKETCH_WEIGHT_MAX ((uint64_t)1 << 62) /* a double and 64 bits have room for it */

/* STORE_ELIMIT when memory runs out. NaN must not be added. A weight
 * of 0 counts for the exact quantiles of scale 0 and SKETCH_KEYS only, where it may be the least.
 */
int sketch_add(struct sketch *sketch, double value, uint64_t weight);
/* Of scale SKETCH_KEYS; keys are ordered as unsigned numbers, all 64 bits count. */
int sketch_add_key(struct sketch *sketch, uint64_t key, uint64_t weight);
/* As sketch_add of stored / scale, where scale is not 0. */
int sketch_add_stored(struct sketch *sketch, int64_t stored, uint64_t weight);
/* Whether it is a histogram by now. */
bool sketch_is_histogram(const struct sketch *sketch);
/* Makes it one, however few values it has; its scale is not 0. 0 or
 * STORE_ELIMIT. */
int sketch_become_histogram(struct sketch *sketch);
/* Whether the weights are more than it can add up: it has no quantiles then. */
bool sketch_is_full(const struct sketch *sketch);
/* How many values it keeps. */
uint32_t sketch_count(const struct sketch *sketch);
/* Adds all that `from` has, which must be of the same scale; takes memory from that
 * arena from now on. */
int sketch_merge(struct sketch *sketch, const struct sketch *from, struct store_arena *arena);
uint32_t sketch_scale(const struct sketch *sketch);
/* One of the values, of a sketch of scale 0: quantileExact's when no weight is
 * above 1 and not `weighted`, else quantileExactWeighted's. */
double sketch_quantile_exact(struct sketch *sketch, double level, bool weighted);
/* The same of keys. */
uint64_t sketch_quantile_key(struct sketch *sketch, double level, bool weighted);
/* 0 <= level <= 1; at least one value was added. */
double sketch_quantile(struct sketch *sketch, double level);
/* What a sketch of these answers that got them by sketch_take_ascending, without one:
 * stored[count], 1 <= count <= SKETCH_EXACT_MAX. */
double
sketch_quantile_ascending(const uint32_t *stored, uint32_t count, uint32_t scale, double level);

/* The value at the position, of those at `lower`, its floor, and next to that. */
double sketch_between(double position, double lower, double low, double high);

/* ---- counting without a call ---------------------------------------------- */

#define SKETCH_MANTISSA_BITS 8u /* 2^8 buckets an octave */
#define SKETCH_BUCKETS_END (1u << 24)
#define SKETCH_BUCKETS 6152u /* with 0, nobody's, and up to a multiple of 8 */

/* From this bucket on they have more than one integer. */
#define SKETCH_BUCKET_WIDE (((SKETCH_MANTISSA_BITS + 1) << SKETCH_MANTISSA_BITS) + 2)

#define SKETCH_BEFORE_ONE ((127 << SKETCH_MANTISSA_BITS) - 1) /* of a float's high bits */

/* The number of an integer's bucket, integer < SKETCH_BUCKETS_END: the high bits
 * of the float that it is, which a loop computes for many at once; 1 is that of
 * the integer 0, 0 is nobody's. */
static inline uint32_t
sketch_bucket_wide(uint32_t integer)
{
	float number = (float)(int32_t)integer;
	int32_t bits;

	memcpy(&bits, &number, sizeof bits);
	bits >>= 23 - SKETCH_MANTISSA_BITS;
	bits = bits > SKETCH_BEFORE_ONE ? bits : SKETCH_BEFORE_ONE;
	return (uint32_t)(bits - SKETCH_BEFORE_ONE + 1);
}

/* The same in 16 bits. */
static inline uint16_t
sketch_bucket(uint32_t integer)
{
	return (uint16_t)sketch_bucket_wide(integer);
}

/* What was counted of one group: weights in heavy[SKETCH_BUCKETS], rows of
 * weight 1 in light[ways][SKETCH_BUCKETS]; either may be NULL. */
struct sketch_buckets {
	const uint32_t *heavy;
	const uint8_t *light;
	uint32_t ways;
	uint32_t min, max; /* of the integers */
};

/* The integer, or one in between, that a histogram answers for `rank`, 0-based, of the
 * `count` of a bucket. */
double sketch_within(uint32_t bucket, uint64_t rank, uint64_t count);
/* Adds it to a histogram, without the buckets 0, and sets *total to its weight.
 * 0 or STORE_ELIMIT. */
int
sketch_take_buckets(struct sketch *sketch, const struct sketch_buckets *buckets, uint64_t *total);
/* As sketch_add_stored of each, with weight 1; they ascend. */
int sketch_take_ascending(struct sketch *sketch, const uint32_t *stored, uint32_t count);

#endif
