/* What sketch*.c share: values as pairs, and counts of a histogram's buckets. Nothing
 * else includes this. */
#ifndef SKETCH_INSIDE_H
#define SKETCH_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "sketch.h"

#define EXACT_BELOW (2u << SKETCH_MANTISSA_BITS) /* buckets below are one integer wide */
#define OCTAVE_BUCKETS (1u << SKETCH_MANTISSA_BITS)

struct pair {
	union {
		double value;
		uint64_t key; /* of scale SKETCH_KEYS */
	};
	uint64_t weight;
};

struct octave {
	uint64_t *counts; /* of its buckets; NULL: none yet */
	uint64_t total;
};

#define OCTAVES 64u

struct sketch {
	struct store_arena *arena; /* borrowed */
	uint32_t scale;
	bool is_histogram, is_sorted, is_weighted;
	uint32_t count, pairs_max;
	struct pair *pairs; /* all values; of a histogram those that it cannot hold */
	uint64_t total;     /* of weights */
	double min, max;
	/* Of a histogram, [OCTAVES]: [0] has integers below EXACT_BELOW, [e] those from
	 * 2^e to 2^(e+1). Most groups of many have few values and none of this. */
	struct octave *octaves;
};

/* Weights that a query gives may be any numbers: their sum stays at the most. */
static inline uint64_t
sketch_sum(uint64_t total, uint64_t weight)
{
	return weight > SKETCH_WEIGHT_MAX - total ? SKETCH_WEIGHT_MAX : total + weight;
}

/* sketch.c: pairs ascend afterwards. */
void sketch_sort(struct sketch *sketch);

/* Above every value of a histogram, and within uint64_t. */
static inline double
sketch_histogram_end(const struct sketch *sketch)
{
	return 9e18 / sketch->scale;
}

static inline bool
sketch_is_for_histogram(const struct sketch *sketch, double value)
{
	return value >= 0 && value < sketch_histogram_end(sketch);
}

/* sketch_histogram.c: counts integer = value * scale, of a value that is for the
 * histogram. 0 or STORE_ELIMIT. */
int sketch_count_integer(struct sketch *sketch, uint64_t integer, uint64_t weight);
/* Adds what buckets of `from` have; both are histograms. 0 or STORE_ELIMIT. */
int sketch_merge_histogram(struct sketch *sketch, const struct sketch *from);
/* The value at *rank among the histogram's; when it has not so many, *rank is
 * the rest and the result NaN. */
double sketch_histogram_at(const struct sketch *sketch, uint64_t *rank);

#endif
