/*
 * sketch.h: values that are added, kept as pairs of value and weight until they are
 * many. What is counted in buckets is sketch_histogram.c's, answers are
 * sketch_quantile.c's. Must not know about columns; one group, one column.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "radix.h"
#include "sketch_inside.h"

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

#define RADIX_FROM 512u

_Static_assert(sizeof(struct pair) == RADIX_ITEM_BYTES, "pair");

/* False: there is no memory for it. */
static bool
sort_many(struct sketch *sketch)
{
	bool are_keys = sketch->scale == SKETCH_KEYS;
	size_t size = sketch->count * sizeof(struct pair);
	struct pair *pairs = sketch->pairs, *other = malloc(size), *sorted;

	if (other == NULL)
		return false;
	for (uint32_t i = 0; !are_keys && i < sketch->count; i++)
		pairs[i].key = radix_of_bits(pairs[i].key);
	sorted = radix_sort(pairs, other, sketch->count);
	if (sorted != pairs)
		memcpy(pairs, sorted, size);
	for (uint32_t i = 0; !are_keys && i < sketch->count; i++)
		pairs[i].key = radix_to_bits(pairs[i].key);
	free(other);
	return true;
}

void
sketch_sort(struct sketch *sketch)
{
	if (!sketch->is_sorted && (sketch->count < RADIX_FROM || !sort_many(sketch)) &&
	    sketch->count > 0)
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

	sketch_sort(sketch);
	for (uint32_t i = 0; i < sketch->count; i++) {
		if (count > 0 && is_same(sketch, &sketch->pairs[count - 1], &sketch->pairs[i]))
			sketch->pairs[count - 1].weight =
			    sketch_sum(sketch->pairs[count - 1].weight, sketch->pairs[i].weight);
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
	sketch->pairs[sketch->count] = pair;
	sketch->pairs[sketch->count++].weight = sketch_sum(0, pair.weight);
	sketch->is_sorted = false;
	return 0;
}

int
sketch_add(struct sketch *sketch, double value, uint64_t weight)
{
	assert((weight >= 1 || sketch->scale == 0) && value == value);
	sketch->total = sketch_sum(sketch->total, weight);
	sketch->is_weighted |= weight > 1;
	sketch->min = value < sketch->min ? value : sketch->min;
	sketch->max = value > sketch->max ? value : sketch->max;
	if (!sketch->is_histogram && sketch->count >= SKETCH_EXACT_MAX && sketch->scale != 0 &&
	    sketch_become_histogram(sketch) != 0)
		return STORE_ELIMIT;
	if (sketch->is_histogram && sketch_is_for_histogram(sketch, value))
		return sketch_count_integer(sketch, (uint64_t)llround(value * sketch->scale),
					    weight);
	return add_pair(sketch, (struct pair){.value = value, .weight = weight});
}

int
sketch_add_key(struct sketch *sketch, uint64_t key, uint64_t weight)
{
	assert(sketch->scale == SKETCH_KEYS);
	sketch->total = sketch_sum(sketch->total, weight);
	sketch->is_weighted |= weight > 1;
	return add_pair(sketch, (struct pair){.key = key, .weight = weight});
}

int
sketch_add_stored(struct sketch *sketch, int64_t stored, uint64_t weight)
{
	double value = (double)stored / sketch->scale;

	if (!sketch->is_histogram || !sketch_is_for_histogram(sketch, value))
		return sketch_add(sketch, value, weight);
	sketch->total = sketch_sum(sketch->total, weight);
	sketch->is_weighted |= weight > 1;
	sketch->min = value < sketch->min ? value : sketch->min;
	sketch->max = value > sketch->max ? value : sketch->max;
	return sketch_count_integer(sketch, (uint64_t)stored, weight);
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
	sketch->total = sketch_sum(sketch->total, count);
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

int
sketch_merge(struct sketch *sketch, const struct sketch *from, struct store_arena *arena)
{
	/* Pairs of equal values weigh more than 1, too. */
	bool is_weighted = sketch->is_weighted || from->is_weighted;

	sketch->arena = arena;
	assert(sketch->scale == from->scale);
	if (from->is_histogram && !sketch->is_histogram && sketch_become_histogram(sketch) != 0)
		return STORE_ELIMIT;
	if (from->is_histogram && sketch_merge_histogram(sketch, from) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < from->count; i++) {
		const struct pair *pair = &from->pairs[i];
		int result = sketch->scale == SKETCH_KEYS
				 ? sketch_add_key(sketch, pair->key, pair->weight)
				 : sketch_add(sketch, pair->value, pair->weight);

		if (result != 0)
			return result;
	}
	sketch->is_weighted = is_weighted;
	sketch->min = fmin(sketch->min, from->min);
	sketch->max = fmax(sketch->max, from->max);
	return 0;
}

uint32_t
sketch_scale(const struct sketch *sketch)
{
	return sketch->scale;
}

bool
sketch_is_full(const struct sketch *sketch)
{
	return sketch->total >= SKETCH_WEIGHT_MAX;
}

uint32_t
sketch_count(const struct sketch *sketch)
{
	return sketch->count;
}
