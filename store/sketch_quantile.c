/*
 * sketch.h: the answers of a sketch that has all its values.
 */
#include <assert.h>
#include <math.h>

#include "sketch_inside.h"

/* The value at 0-based `rank` among the weighted values: negative pairs, the
 * histogram, then the pairs that are too large for it. */
static double
value_at(const struct sketch *sketch, uint64_t rank)
{
	uint32_t i = 0;

	for (int half = 0; half < 2; half++) {
		for (; i < sketch->count && (half == 1 || sketch->pairs[i].value < 0); i++) {
			if (sketch->pairs[i].weight > rank)
				return sketch->pairs[i].value;
			rank -= sketch->pairs[i].weight;
		}
		if (half == 0 && sketch->is_histogram) {
			double value = sketch_histogram_at(sketch, &rank);

			if (!isnan(value))
				return value;
		}
	}
	return sketch->max; /* a position rounded past the end */
}

/* Whether rank is also the number of the value: no weights, no histogram. */
static bool
is_plain(const struct sketch *sketch)
{
	return !sketch->is_histogram && !sketch->is_weighted && sketch->total == sketch->count;
}

double
sketch_between(double position, double lower, double low, double high)
{
	return low == high ? low : low * (lower + 1 - position) + high * (position - lower);
}

double
sketch_quantile(struct sketch *sketch, double level)
{
	double position = level * (double)(sketch->total - 1), lower = floor(position);
	double low;

	assert(sketch->total > 0 && level >= 0 && level <= 1);
	sketch_sort(sketch);
	if (is_plain(sketch)) {
		uint32_t at = (uint32_t)lower, next = at + (position != lower);

		return sketch_between(position, lower, sketch->pairs[at].value,
				      sketch->pairs[next].value);
	}
	low = value_at(sketch, (uint64_t)lower);
	if (position == lower)
		return low;
	return sketch_between(position, lower, low, value_at(sketch, (uint64_t)lower + 1));
}

double
sketch_quantile_ascending(const uint32_t *stored, uint32_t count, uint32_t scale, double level)
{
	double position = level * (double)(count - 1), lower = floor(position);
	uint32_t at = (uint32_t)lower, next = at + (position != lower);

	assert(count > 0 && count <= SKETCH_EXACT_MAX && level >= 0 && level <= 1);
	return sketch_between(position, lower, (double)stored[at] / scale,
			      (double)stored[next] / scale);
}

/* The pair of the exact quantile; sorts the pairs. */
static const struct pair *
exact_pair(struct sketch *sketch, double level, bool weighted)
{
	double total = (double)sketch->total, rank = floor(level * total);
	uint64_t rest;
	uint32_t i = 0;

	assert(sketch->count > 0 && !sketch->is_histogram && level >= 0 && level <= 1);
	sketch_sort(sketch);
	if (weighted || sketch->is_weighted) {
		/* That much weight is reached by the first, be it of weight 0. */
		if (level * total == 0)
			return sketch->pairs;
		rank = ceil(level * total) - 1;
	}
	rest = (uint64_t)(rank > total - 1 ? total - 1 : rank);
	for (; i + 1 < sketch->count && sketch->pairs[i].weight <= rest; i++)
		rest -= sketch->pairs[i].weight;
	return &sketch->pairs[i];
}

double
sketch_quantile_exact(struct sketch *sketch, double level, bool weighted)
{
	assert(sketch->scale == 0);
	return exact_pair(sketch, level, weighted)->value;
}

uint64_t
sketch_quantile_key(struct sketch *sketch, double level, bool weighted)
{
	assert(sketch->scale == SKETCH_KEYS);
	return exact_pair(sketch, level, weighted)->key;
}
