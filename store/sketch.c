/*
 * sketch.h. Must not know about columns; one group, one column.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sketch.h"

#define MANTISSA_BITS 7u
#define EXACT_BELOW (2u << MANTISSA_BITS) /* buckets below are one integer wide */
#define OCTAVE_BUCKETS (1u << MANTISSA_BITS)

struct pair {
	double value;
	uint64_t weight;
};

struct sketch {
	struct store_arena *arena; /* borrowed */
	uint32_t scale;
	bool is_histogram, is_sorted, has_other; /* other: no stored, positive integer */
	uint32_t count, pairs_max;
	struct pair *pairs;
	uint64_t total; /* of weights */
	double min, max;
	uint64_t *octaves[64]; /* [0]: integers below EXACT_BELOW; [e]: 2^e .. 2^(e+1) */
};

struct sketch *
sketch_create(struct store_arena *arena, uint32_t scale)
{
	struct sketch *sketch = store_arena_zalloc(arena, sizeof *sketch);

	if (sketch != NULL) {
		sketch->arena = arena;
		sketch->scale = scale;
		sketch->has_other = scale == 0;
		sketch->min = INFINITY;
		sketch->max = -INFINITY;
	}
	return sketch;
}

static int
add_to_histogram(struct sketch *sketch, double value, uint64_t weight)
{
	uint64_t integer = (uint64_t)llround(value * sketch->scale);
	uint32_t octave = 0, bucket = (uint32_t)integer;
	size_t buckets = EXACT_BELOW;

	if (integer >= EXACT_BELOW) {
		octave = 63 - (uint32_t)__builtin_clzll(integer);
		bucket = (uint32_t)(integer >> (octave - MANTISSA_BITS)) & (OCTAVE_BUCKETS - 1);
		buckets = OCTAVE_BUCKETS;
	}
	if (sketch->octaves[octave] == NULL) {
		sketch->octaves[octave] =
		    store_arena_zalloc(sketch->arena, buckets * sizeof(uint64_t));
		if (sketch->octaves[octave] == NULL)
			return STORE_ELIMIT;
	}
	sketch->octaves[octave][bucket] += weight;
	return 0;
}

static int
become_histogram(struct sketch *sketch)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < sketch->count; i++)
		result = add_to_histogram(sketch, sketch->pairs[i].value, sketch->pairs[i].weight);
	sketch->is_histogram = true;
	return result;
}

static int
add_pair(struct sketch *sketch, double value, uint64_t weight)
{
	if (sketch->count == sketch->pairs_max) {
		uint32_t max = sketch->pairs_max == 0 ? 8 : sketch->pairs_max * 2;
		struct pair *pairs = store_arena_alloc(sketch->arena, max * sizeof *pairs);

		if (pairs == NULL)
			return STORE_ELIMIT;
		if (sketch->count > 0)
			memcpy(pairs, sketch->pairs, sketch->count * sizeof *pairs);
		sketch->pairs = pairs;
		sketch->pairs_max = max;
	}
	sketch->pairs[sketch->count++] = (struct pair){value, weight};
	sketch->is_sorted = false;
	return 0;
}

int
sketch_add(struct sketch *sketch, double value, uint64_t weight)
{
	int result;

	assert(weight >= 1);
	sketch->total += weight;
	sketch->min = value < sketch->min ? value : sketch->min;
	sketch->max = value > sketch->max ? value : sketch->max;
	sketch->has_other |= !(value >= 0 && value * sketch->scale < 9e18);
	if (!sketch->is_histogram && sketch->count >= SKETCH_EXACT_MAX && !sketch->has_other &&
	    (result = become_histogram(sketch)) != 0)
		return result;
	/* A histogram cannot hold these; stored columns never have them. */
	if (sketch->is_histogram && !sketch->has_other)
		return add_to_histogram(sketch, value, weight);
	return add_pair(sketch, value, weight);
}

static int
compare_pairs(const void *a, const void *b)
{
	double x = ((const struct pair *)a)->value, y = ((const struct pair *)b)->value;

	return (x > y) - (x < y);
}

/* The value at 0-based `rank` among the weighted values. */
static double
exact_at(const struct sketch *sketch, uint64_t rank)
{
	uint64_t before = 0;

	for (uint32_t i = 0; i < sketch->count; i++) {
		before += sketch->pairs[i].weight;
		if (before > rank)
			return sketch->pairs[i].value;
	}
	return sketch->max;
}

static double
histogram_at(const struct sketch *sketch, uint64_t rank)
{
	uint64_t before = 0;

	for (uint32_t octave = 0; octave < 64; octave++) {
		uint32_t buckets = octave == 0 ? EXACT_BELOW : OCTAVE_BUCKETS;

		for (uint32_t b = 0; sketch->octaves[octave] != NULL && b < buckets; b++) {
			uint64_t count = sketch->octaves[octave][b];
			double low = b, width = 1, value;

			before += count;
			if (before <= rank)
				continue;
			if (octave > 0) {
				width = ldexp(1, (int)(octave - MANTISSA_BITS));
				low = (OCTAVE_BUCKETS + b) * width;
			}
			value = low + (width - 1) * ((double)(rank - (before - count)) + 0.5) /
					  (double)count;
			value /= sketch->scale;
			value = value < sketch->min ? sketch->min : value;
			return value > sketch->max ? sketch->max : value;
		}
	}
	return sketch->max;
}

static double
value_at(const struct sketch *sketch, uint64_t rank)
{
	return sketch->is_histogram ? histogram_at(sketch, rank) : exact_at(sketch, rank);
}

double
sketch_quantile(struct sketch *sketch, double level)
{
	double position = level * (double)(sketch->total - 1), lower = floor(position);
	double low, high;

	assert(sketch->total > 0 && level >= 0 && level <= 1);
	if (!sketch->is_histogram && !sketch->is_sorted) {
		qsort(sketch->pairs, sketch->count, sizeof *sketch->pairs, compare_pairs);
		sketch->is_sorted = true;
	}
	low = value_at(sketch, (uint64_t)lower);
	if (position == lower)
		return low;
	high = value_at(sketch, (uint64_t)lower + 1);
	return low == high ? low : low * (lower + 1 - position) + high * (position - lower);
}
