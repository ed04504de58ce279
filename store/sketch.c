/*
 * sketch.h. Must not know about columns; one group, one column.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

struct sketch *
sketch_create(struct store_arena *arena, uint32_t scale)
{
	struct sketch *sketch = store_arena_zalloc(arena, sizeof *sketch);

	if (sketch != NULL) {
		sketch->arena = arena;
		sketch->scale = scale;
		sketch->min = INFINITY;
		sketch->max = -INFINITY;
	}
	return sketch;
}

static int
reserve_octave(struct sketch *sketch, uint32_t octave)
{
	size_t buckets = octave == 0 ? EXACT_BELOW : OCTAVE_BUCKETS;

	if (sketch->octaves[octave].counts == NULL)
		sketch->octaves[octave].counts =
		    store_arena_zalloc(sketch->arena, buckets * sizeof(uint64_t));
	return sketch->octaves[octave].counts == NULL ? STORE_ELIMIT : 0;
}

static int
count_integer(struct sketch *sketch, uint64_t integer, uint64_t weight)
{
	uint32_t octave = 0, bucket = (uint32_t)integer;

	if (integer >= EXACT_BELOW) {
		octave = 63 - (uint32_t)__builtin_clzll(integer);
		bucket =
		    (uint32_t)(integer >> (octave - SKETCH_MANTISSA_BITS)) & (OCTAVE_BUCKETS - 1);
	}
	if (reserve_octave(sketch, octave) != 0)
		return STORE_ELIMIT;
	sketch->octaves[octave].counts[bucket] += weight;
	sketch->octaves[octave].total += weight;
	return 0;
}

static int
add_to_histogram(struct sketch *sketch, double value, uint64_t weight)
{
	return count_integer(sketch, (uint64_t)llround(value * sketch->scale), weight);
}

/* Above every value of a histogram, and within uint64_t. */
static double
histogram_end(const struct sketch *sketch)
{
	return 9e18 / sketch->scale;
}

static bool
is_for_histogram(const struct sketch *sketch, double value)
{
	return value >= 0 && value < histogram_end(sketch);
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

		if (!is_for_histogram(sketch, pair.value))
			sketch->pairs[others++] = pair;
		else if (add_to_histogram(sketch, pair.value, pair.weight) != 0)
			return STORE_ELIMIT;
	}
	sketch->count = others;
	sketch->is_histogram = true;
	return 0;
}

static int
compare_pairs(const void *a, const void *b)
{
	double x = ((const struct pair *)a)->value, y = ((const struct pair *)b)->value;

	return (x > y) - (x < y);
}

static int
compare_keys(const void *a, const void *b)
{
	uint64_t x = ((const struct pair *)a)->key, y = ((const struct pair *)b)->key;

	return (x > y) - (x < y);
}

static void
sort_pairs(struct sketch *sketch)
{
	if (!sketch->is_sorted && sketch->count > 0)
		qsort(sketch->pairs, sketch->count, sizeof *sketch->pairs,
		      sketch->scale == SKETCH_KEYS ? compare_keys : compare_pairs);
	sketch->is_sorted = true;
}

static bool
is_same(const struct sketch *sketch, const struct pair *a, const struct pair *b)
{
	return sketch->scale == SKETCH_KEYS ? a->key == b->key : a->value == b->value;
}

/* Equal values become one pair: memory is that of the distinct ones. */
static void
compress(struct sketch *sketch)
{
	uint32_t count = 0;

	sort_pairs(sketch);
	for (uint32_t i = 0; i < sketch->count; i++) {
		if (count > 0 && is_same(sketch, &sketch->pairs[count - 1], &sketch->pairs[i]))
			sketch->pairs[count - 1].weight += sketch->pairs[i].weight;
		else
			sketch->pairs[count++] = sketch->pairs[i];
	}
	sketch->count = count;
}

#define COMPRESS_FROM 4096u

static int
add_pair(struct sketch *sketch, struct pair pair)
{
	bool was_full = sketch->count == sketch->pairs_max;

	if (was_full && sketch->count >= COMPRESS_FROM)
		compress(sketch);
	/* Compressing again must be worth it: a half is free, or there is more room. */
	if (sketch->count == sketch->pairs_max ||
	    (was_full && sketch->count > sketch->pairs_max / 2)) {
		uint32_t max = sketch->pairs_max == 0 ? 8 : sketch->pairs_max * 2;
		struct pair *pairs = store_arena_alloc(sketch->arena, max * sizeof *pairs);

		if (pairs == NULL)
			return STORE_ELIMIT;
		if (sketch->count > 0)
			memcpy(pairs, sketch->pairs, sketch->count * sizeof *pairs);
		sketch->pairs = pairs;
		sketch->pairs_max = max;
	}
	sketch->pairs[sketch->count++] = pair;
	sketch->is_sorted = false;
	return 0;
}

int
sketch_add(struct sketch *sketch, double value, uint64_t weight)
{
	assert(weight >= 1 && value == value);
	sketch->total += weight;
	sketch->is_weighted |= weight > 1;
	sketch->min = value < sketch->min ? value : sketch->min;
	sketch->max = value > sketch->max ? value : sketch->max;
	if (!sketch->is_histogram && sketch->count >= SKETCH_EXACT_MAX && sketch->scale != 0 &&
	    sketch_become_histogram(sketch) != 0)
		return STORE_ELIMIT;
	if (sketch->is_histogram && is_for_histogram(sketch, value))
		return add_to_histogram(sketch, value, weight);
	return add_pair(sketch, (struct pair){.value = value, .weight = weight});
}

int
sketch_add_key(struct sketch *sketch, uint64_t key, uint64_t weight)
{
	assert(weight >= 1 && sketch->scale == SKETCH_KEYS);
	sketch->total += weight;
	sketch->is_weighted |= weight > 1;
	return add_pair(sketch, (struct pair){.key = key, .weight = weight});
}

int
sketch_add_stored(struct sketch *sketch, int64_t stored, uint64_t weight)
{
	double value = (double)stored / sketch->scale;

	if (!sketch->is_histogram || !is_for_histogram(sketch, value))
		return sketch_add(sketch, value, weight);
	sketch->total += weight;
	sketch->is_weighted |= weight > 1;
	sketch->min = value < sketch->min ? value : sketch->min;
	sketch->max = value > sketch->max ? value : sketch->max;
	return count_integer(sketch, (uint64_t)stored, weight);
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

/* The value at *rank among the histogram's; when it has not so many, *rank is
 * the rest and the result NaN. */
static double
histogram_at(const struct sketch *sketch, uint64_t *rank)
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
			double value = histogram_at(sketch, &rank);

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
	sort_pairs(sketch);
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

uint32_t
sketch_scale(const struct sketch *sketch)
{
	return sketch->scale;
}

/* The 0-based rank of the exact quantile; sorts the pairs. */
static uint64_t
exact_rank(struct sketch *sketch, double level, bool weighted)
{
	double total = (double)sketch->total, rank = floor(level * total);

	assert(sketch->total > 0 && level >= 0 && level <= 1);
	if (weighted || sketch->is_weighted)
		rank = fmax(ceil(level * total) - 1, 0);
	sort_pairs(sketch);
	return (uint64_t)(rank > total - 1 ? total - 1 : rank);
}

double
sketch_quantile_exact(struct sketch *sketch, double level, bool weighted)
{
	assert(sketch->scale == 0);
	return value_at(sketch, exact_rank(sketch, level, weighted));
}

uint64_t
sketch_quantile_key(struct sketch *sketch, double level, bool weighted)
{
	uint64_t rank = exact_rank(sketch, level, weighted);
	uint32_t i = 0;

	assert(sketch->scale == SKETCH_KEYS);
	for (; i + 1 < sketch->count && sketch->pairs[i].weight <= rank; i++)
		rank -= sketch->pairs[i].weight;
	return sketch->pairs[i].key;
}

int
sketch_merge(struct sketch *sketch, const struct sketch *from)
{
	assert(sketch->scale == from->scale);
	if (from->is_histogram && !sketch->is_histogram && sketch_become_histogram(sketch) != 0)
		return STORE_ELIMIT;
	for (uint32_t octave = 0; from->is_histogram && octave < OCTAVES; octave++) {
		uint32_t buckets = octave == 0 ? EXACT_BELOW : OCTAVE_BUCKETS;
		const struct octave *other = &from->octaves[octave];

		if (other->counts == NULL)
			continue;
		if (reserve_octave(sketch, octave) != 0)
			return STORE_ELIMIT;
		for (uint32_t b = 0; b < buckets; b++)
			sketch->octaves[octave].counts[b] += other->counts[b];
		sketch->octaves[octave].total += other->total;
		sketch->total += other->total;
	}
	for (uint32_t i = 0; i < from->count; i++) {
		const struct pair *pair = &from->pairs[i];
		int result = sketch->scale == SKETCH_KEYS
				 ? sketch_add_key(sketch, pair->key, pair->weight)
				 : sketch_add(sketch, pair->value, pair->weight);

		if (result != 0)
			return result;
	}
	sketch->is_weighted |= from->is_weighted;
	sketch->min = fmin(sketch->min, from->min);
	sketch->max = fmax(sketch->max, from->max);
	return 0;
}

bool
sketch_is_histogram(const struct sketch *sketch)
{
	return sketch->is_histogram;
}

uint32_t
sketch_count(const struct sketch *sketch)
{
	return sketch->count;
}

/* ---- what was counted elsewhere ------------------------------------------------ */

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
		    count_integer(sketch, bucket_integer(first + i), added[i]) != 0)
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
	if (zeros != 0 && count_integer(sketch, 0, zeros) != 0)
		return STORE_ELIMIT;
	*total = zeros;
	for (uint32_t octave = 31 - (uint32_t)__builtin_clz(buckets->min | 1); octave < end;
	     octave++) {
		if (take_octave(sketch, buckets, octave, &some) != 0)
			return STORE_ELIMIT;
		*total += some;
	}
	sketch->total += *total;
	sketch->min = fmin(sketch->min, (double)buckets->min / sketch->scale);
	sketch->max = fmax(sketch->max, (double)buckets->max / sketch->scale);
	return 0;
}

/* As the first values of all. */
static int
begin_ascending(struct sketch *sketch, const uint32_t *stored, uint32_t count)
{
	if (count > sketch->pairs_max) {
		sketch->pairs = store_arena_alloc(sketch->arena, count * sizeof *sketch->pairs);
		if (sketch->pairs == NULL)
			return STORE_ELIMIT;
		sketch->pairs_max = count;
	}
	for (uint32_t i = 0; i < count; i++)
		sketch->pairs[i] =
		    (struct pair){.value = (double)stored[i] / sketch->scale, .weight = 1};
	sketch->count = count;
	sketch->total += count;
	sketch->min = fmin(sketch->min, sketch->pairs[0].value);
	sketch->max = fmax(sketch->max, sketch->pairs[count - 1].value);
	sketch->is_sorted = true;
	return 0;
}

int
sketch_take_ascending(struct sketch *sketch, const uint32_t *stored, uint32_t count)
{
	assert(sketch->scale != 0);
	if (sketch->count == 0 && !sketch->is_histogram && count > 0 && count <= SKETCH_EXACT_MAX)
		return begin_ascending(sketch, stored, count);
	for (uint32_t i = 0; i < count; i++) {
		if (sketch_add_stored(sketch, stored[i], 1) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}
