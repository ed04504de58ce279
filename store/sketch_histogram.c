/*
 * sketch.h: values counted in log-linear buckets, and what was counted so elsewhere.
 * Must not know of values that are kept one by one, but when they become buckets.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "sketch_inside.h"

static int
reserve_octave(struct sketch *sketch, uint32_t octave)
{
	size_t buckets = octave == 0 ? EXACT_BELOW : OCTAVE_BUCKETS;

	if (sketch->octaves[octave].counts == NULL)
		sketch->octaves[octave].counts =
		    store_arena_zalloc(sketch->arena, buckets * sizeof(uint64_t));
	return sketch->octaves[octave].counts == NULL ? STORE_ELIMIT : 0;
}

int
sketch_count_integer(struct sketch *sketch, uint64_t integer, uint64_t weight)
{
	uint32_t octave = 0, bucket = (uint32_t)integer;

	if (integer >= EXACT_BELOW) {
		octave = 63 - (uint32_t)__builtin_clzll(integer);
		bucket =
		    (uint32_t)(integer >> (octave - SKETCH_MANTISSA_BITS)) & (OCTAVE_BUCKETS - 1);
	}
	if (reserve_octave(sketch, octave) != 0)
		return STORE_ELIMIT;
	sketch->octaves[octave].counts[bucket] =
	    sketch_sum(sketch->octaves[octave].counts[bucket], weight);
	sketch->octaves[octave].total = sketch_sum(sketch->octaves[octave].total, weight);
	return 0;
}

int
sketch_become_histogram(struct sketch *sketch)
{
	uint32_t others = 0;

	assert(sketch->scale != 0 && sketch->scale != SKETCH_KEYS);
	if (sketch->is_histogram)
		return 0;
	sketch->octaves = store_arena_zalloc(sketch->arena, OCTAVES * sizeof *sketch->octaves);
	if (sketch->octaves == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < sketch->count; i++) {
		struct pair pair = sketch->pairs[i];

		if (!sketch_is_for_histogram(sketch, pair.value))
			sketch->pairs[others++] = pair;
		else if (sketch_count_integer(sketch, (uint64_t)llround(pair.value * sketch->scale),
					      pair.weight) != 0)
			return STORE_ELIMIT;
	}
	sketch->count = others;
	sketch->is_histogram = true;
	return 0;
}

bool
sketch_is_histogram(const struct sketch *sketch)
{
	return sketch->is_histogram;
}

int
sketch_merge_histogram(struct sketch *sketch, const struct sketch *from)
{
	assert(sketch->is_histogram && from->is_histogram);
	for (uint32_t octave = 0; octave < OCTAVES; octave++) {
		uint32_t buckets = octave == 0 ? EXACT_BELOW : OCTAVE_BUCKETS;
		const struct octave *other = &from->octaves[octave];

		if (other->counts == NULL)
			continue;
		if (reserve_octave(sketch, octave) != 0)
			return STORE_ELIMIT;
		for (uint32_t b = 0; b < buckets; b++)
			sketch->octaves[octave].counts[b] =
			    sketch_sum(sketch->octaves[octave].counts[b], other->counts[b]);
		sketch->octaves[octave].total =
		    sketch_sum(sketch->octaves[octave].total, other->total);
		sketch->total = sketch_sum(sketch->total, other->total);
	}
	return 0;
}

/* The middle of the way that `rank` of `count` values goes through the bucket. */
static double
within_bucket(uint32_t octave, uint32_t bucket, uint64_t rank, uint64_t count)
{
	double low = bucket, width = 1;

	if (octave > 0) {
		width = ldexp(1, (int)(octave - SKETCH_MANTISSA_BITS));
		low = (OCTAVE_BUCKETS + bucket) * width;
	}
	return low + (width - 1) * ((double)rank + 0.5) / (double)count;
}

double
sketch_histogram_at(const struct sketch *sketch, uint64_t *rank)
{
	for (uint32_t octave = 0; octave < OCTAVES; octave++) {
		const struct octave *at = &sketch->octaves[octave];
		uint64_t count;
		uint32_t b = 0;
		double value;

		if (at->total <= *rank) {
			*rank -= at->total;
			continue;
		}
		while ((count = at->counts[b]) <= *rank) {
			*rank -= count;
			b++;
		}
		value = within_bucket(octave, b, *rank, count) / sketch->scale;
		value = value < sketch->min ? sketch->min : value;
		return value > sketch->max ? sketch->max : value;
	}
	return NAN;
}

/* The least integer of the bucket: the float that the number came from. */
static uint32_t
bucket_integer(uint32_t number)
{
	uint32_t bits = (number - 1 + SKETCH_BEFORE_ONE) << (23 - SKETCH_MANTISSA_BITS);
	float integer;

	memcpy(&integer, &bits, sizeof integer);
	return number == 1 ? 0 : (uint32_t)integer;
}

double
sketch_within(uint32_t bucket, uint64_t rank, uint64_t count)
{
	uint32_t integer = bucket_integer(bucket);
	uint32_t octave = integer < EXACT_BELOW ? 0 : 31 - (uint32_t)__builtin_clz(integer);

	if (octave == 0)
		return within_bucket(0, integer, rank, count);
	return within_bucket(octave,
			     (integer >> (octave - SKETCH_MANTISSA_BITS)) & (OCTAVE_BUCKETS - 1),
			     rank, count);
}

/* added[i] = what buckets[first + i] have, together at most 32 bits; their sum. */
static uint64_t
add_up(const struct sketch_buckets *buckets, uint32_t first, uint32_t *added)
{
	uint64_t total = 0;

	memset(added, 0, OCTAVE_BUCKETS * sizeof *added);
	if (buckets->heavy != NULL)
		memcpy(added, buckets->heavy + first, OCTAVE_BUCKETS * sizeof *added);
	for (uint32_t way = 0; buckets->light != NULL && way < buckets->ways; way++) {
		const uint8_t *light = buckets->light + (size_t)way * SKETCH_BUCKETS + first;

		for (uint32_t i = 0; i < OCTAVE_BUCKETS; i++)
			added[i] += light[i];
	}
	for (uint32_t i = 0; i < OCTAVE_BUCKETS; i++)
		total += added[i];
	return total;
}

/* Buckets of whole octaves lie in both as the integers do; of small integers only
 * some are there. */
static int
take_octave(struct sketch *sketch, const struct sketch_buckets *buckets, uint32_t octave,
	    uint64_t *total)
{
	uint32_t first = (octave << SKETCH_MANTISSA_BITS) + 2, added[OCTAVE_BUCKETS];
	uint64_t *counts;

	if ((*total = add_up(buckets, first, added)) == 0)
		return 0;
	for (uint32_t i = 0; 1u << octave < EXACT_BELOW && i < OCTAVE_BUCKETS; i++) {
		if (added[i] != 0 &&
		    sketch_count_integer(sketch, bucket_integer(first + i), added[i]) != 0)
			return STORE_ELIMIT;
	}
	if (1u << octave < EXACT_BELOW)
		return 0;
	if (reserve_octave(sketch, octave) != 0)
		return STORE_ELIMIT;
	counts = sketch->octaves[octave].counts;
	for (uint32_t i = 0; i < OCTAVE_BUCKETS; i++)
		counts[i] += added[i];
	sketch->octaves[octave].total += *total;
	return 0;
}

int
sketch_take_buckets(struct sketch *sketch, const struct sketch_buckets *buckets, uint64_t *total)
{
	uint64_t zeros = buckets->heavy == NULL ? 0 : buckets->heavy[1], some;
	uint32_t end = buckets->max == 0 ? 0 : 32 - (uint32_t)__builtin_clz(buckets->max);

	assert(sketch->is_histogram && buckets->min <= buckets->max);
	for (uint32_t way = 0; buckets->light != NULL && way < buckets->ways; way++)
		zeros += buckets->light[(size_t)way * SKETCH_BUCKETS + 1];
	if (zeros != 0 && sketch_count_integer(sketch, 0, zeros) != 0)
		return STORE_ELIMIT;
	*total = zeros;
	for (uint32_t octave = 31 - (uint32_t)__builtin_clz(buckets->min | 1); octave < end;
	     octave++) {
		if (take_octave(sketch, buckets, octave, &some) != 0)
			return STORE_ELIMIT;
		*total += some;
	}
	sketch->total = sketch_sum(sketch->total, *total);
	sketch->min = fmin(sketch->min, (double)buckets->min / sketch->scale);
	sketch->max = fmax(sketch->max, (double)buckets->max / sketch->scale);
	return 0;
}
