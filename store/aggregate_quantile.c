/*
 * Quantiles of a column's stored integers, a slice of rows at a time. A group's
 * first values are listed; when there are many, rows of weight 1 are counted in
 * bytes, so that the buckets of many groups fit the processor's caches, and
 * bytes that are full in words, where weights are counted too. All of that is
 * "hot" until it is settled into the group's sketch. Must give what
 * sketch_add_stored() of each value gives.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec.h"

/* Few groups often count into the same bucket in turn, which would wait for
 * itself: rows take different arrays in turn. */
#define WAYS_GROUPS 16u
#define WAYS 4u

/* ---- one value at a time --------------------------------------------------- */

static int
reserve_sketch(struct aggregate_states *states, struct aggregate_state *state)
{
	if (state->sketch == NULL)
		state->sketch = sketch_create(states->arena, states->aggregate->scale);
	return state->sketch == NULL ? STORE_ELIMIT : 0;
}

/* Whether values of the group have buckets. */
static bool
is_histogram(const struct aggregate_states *states, uint32_t group)
{
	const struct sketch *sketch = states->states[group].sketch;

	return states->light[group].buckets != NULL || states->hot[group].heavy != NULL ||
	       (sketch != NULL && sketch_is_histogram(sketch));
}

static uint32_t
kept_count(const struct aggregate_state *state, const struct aggregate_hot *hot)
{
	return hot->values_count + (state->sketch == NULL ? 0 : sketch_count(state->sketch));
}

static void
sort_few(uint32_t *values, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		uint32_t value = values[i], at = i;

		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

/* values[count], count <= SKETCH_EXACT_MAX, by their lowest byte first. */
static void
sort_values(uint32_t *values, uint32_t count)
{
	uint32_t counts[4][256] = {0}, other[SKETCH_EXACT_MAX], *from = values, *to = other, *swap;

	if (count <= 32) {
		sort_few(values, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t byte = 0; byte < 4; byte++)
			counts[byte][values[i] >> (8 * byte) & 255]++;
	}
	for (uint32_t byte = 0; byte < 4; byte++) {
		uint32_t at = 0;

		if (counts[byte][from[0] >> (8 * byte) & 255] == count)
			continue;
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t n = counts[byte][i];

			counts[byte][i] = at;
			at += n;
		}
		for (uint32_t i = 0; i < count; i++)
			to[counts[byte][from[i] >> (8 * byte) & 255]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	if (from != values)
		memcpy(values, from, count * sizeof *values);
}

static int
settle_values(struct aggregate_states *states, struct aggregate_state *state,
	      struct aggregate_hot *hot)
{
	uint32_t count = hot->values_count;

	if (count == 0)
		return 0;
	hot->values_count = 0;
	state->weight += count;
	sort_values(hot->values, count);
	return reserve_sketch(states, state) != 0
		   ? STORE_ELIMIT
		   : sketch_take_ascending(state->sketch, hot->values, count);
}

/* A value that has no bucket, or whose group has none yet. */
static int
add_cold(struct aggregate_states *states, uint32_t group, int64_t value, uint64_t weight)
{
	struct aggregate_state *state = &states->states[group];
	struct aggregate_hot *hot = &states->hot[group];

	if (reserve_sketch(states, state) != 0 ||
	    (kept_count(state, hot) >= SKETCH_EXACT_MAX && settle_values(states, state, hot) != 0))
		return STORE_ELIMIT;
	if (is_histogram(states, group) && sketch_become_histogram(state->sketch) != 0)
		return STORE_ELIMIT;
	state->weight += weight;
	return sketch_add_stored(state->sketch, value, weight);
}

static void
widen(struct aggregate_light *light, uint32_t value)
{
	light->min = value < light->min ? value : light->min;
	light->max = value > light->max ? value : light->max;
}

/* The first buckets of a group. */
static void
begin_buckets(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_light *light = &states->light[group];

	if (light->buckets == NULL && states->hot[group].heavy == NULL) {
		light->min = UINT32_MAX;
		light->max = 0;
	}
}

static int
reserve_heavy(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[group];

	if (hot->heavy != NULL)
		return 0;
	begin_buckets(states, group);
	hot->heavy = store_arena_zalloc(states->arena, SKETCH_BUCKETS * sizeof *hot->heavy);
	return hot->heavy == NULL ? STORE_ELIMIT : 0;
}

static int
reserve_light(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_light *light = &states->light[group];

	if (light->buckets != NULL)
		return 0;
	begin_buckets(states, group);
	light->buckets = store_arena_zalloc(states->arena, (size_t)states->ways * SKETCH_BUCKETS);
	return light->buckets == NULL ? STORE_ELIMIT : 0;
}

/* The bucket's byte was full: 256 rows more for the word. */
static __attribute__((noinline)) int
carry(struct aggregate_states *states, uint32_t group, uint32_t bucket)
{
	if (bucket == 0)
		return 0;
	if (reserve_heavy(states, group) != 0)
		return STORE_ELIMIT;
	states->hot[group].heavy[bucket] += UINT8_MAX + 1;
	return 0;
}

static int
count_value(struct aggregate_states *states, uint32_t group, uint32_t value)
{
	struct aggregate_light *light = &states->light[group];
	uint16_t bucket = sketch_bucket(value);

	widen(light, value);
	return ++light->buckets[bucket] != 0 ? 0 : carry(states, group, bucket);
}

/* A value of weight 1 whose group has no bytes yet. */
static __attribute__((noinline)) int
list_value(struct aggregate_states *states, uint32_t group, uint32_t value)
{
	struct aggregate_state *state = &states->states[group];
	struct aggregate_hot *hot = &states->hot[group];

	/* A list that was begun goes on while it has room: most groups of many have
	 * few values, and nothing else of theirs need come into the caches. */
	if (hot->values_count > 0 && hot->values_count < hot->values_max) {
		hot->values[hot->values_count++] = value;
		return 0;
	}
	if (!is_histogram(states, group) && kept_count(state, hot) < SKETCH_EXACT_MAX) {
		if (hot->values_count == hot->values_max) {
			uint32_t max = hot->values_max == 0 ? 16 : hot->values_max * 4;
			uint32_t *grown = store_arena_alloc(states->arena, max * sizeof *grown);

			if (grown == NULL)
				return STORE_ELIMIT;
			if (hot->values_count > 0)
				memcpy(grown, hot->values, hot->values_count * sizeof *grown);
			hot->values = grown;
			hot->values_max = max;
		}
		hot->values[hot->values_count++] = value;
		return 0;
	}
	if (reserve_light(states, group) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < hot->values_count; i++) {
		if (count_value(states, group, hot->values[i]) != 0)
			return STORE_ELIMIT;
	}
	hot->values_count = 0;
	return count_value(states, group, value);
}

int
aggregate_quantile_put(struct aggregate_states *states, uint32_t group, uint32_t value)
{
	return states->light[group].buckets != NULL ? count_value(states, group, value)
						    : list_value(states, group, value);
}

int
aggregate_quantile_carry(struct aggregate_states *states, uint32_t group, uint32_t bucket)
{
	return carry(states, group, bucket);
}

/* ---- slices ------------------------------------------------------------------ */

/* buckets[i] = that of values[i], 0 where there is none for it; returns whether
 * there was such a value. *min and *max: of all of them, as 32 bits. */
CODEC_CLONES static bool
number_values(const int64_t *values, uint32_t count, uint16_t *buckets, uint32_t *min,
	      uint32_t *max)
{
	uint64_t all = 0;
	uint32_t least = UINT32_MAX, most = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = (uint32_t)values[i];

		all |= (uint64_t)values[i];
		least = value < least ? value : least;
		most = value > most ? value : most;
		buckets[i] = sketch_bucket(value & (SKETCH_BUCKETS_END - 1));
	}
	*min = least;
	*max = most;
	if (all < SKETCH_BUCKETS_END)
		return false;
	for (uint32_t i = 0; i < count; i++)
		buckets[i] = (uint64_t)values[i] < SKETCH_BUCKETS_END ? buckets[i] : 0;
	return true;
}

/* The same of narrow values. */
CODEC_CLONES static bool
number_narrow(const uint32_t *values, uint32_t count, uint16_t *buckets, uint32_t *min,
	      uint32_t *max)
{
	uint32_t least = UINT32_MAX, most = 0, far = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = values[i], inside = value < SKETCH_BUCKETS_END ? UINT32_MAX : 0;

		/* Masks: with conditions gcc leaves the loop scalar. */
		least = value < least ? value : least;
		most = (value & inside) > most ? value & inside : most;
		far |= (value ^ VECTOR_NARROW_NULL) & ~inside;
		buckets[i] = (uint16_t)(sketch_bucket(value & (SKETCH_BUCKETS_END - 1)) & inside);
	}
	*min = least;
	*max = most;
	return far != 0;
}

CODEC_CLONES static void
leave_out(const uint8_t *nulls, uint32_t count, uint16_t *buckets)
{
	for (uint32_t i = 0; i < count; i++)
		buckets[i] = nulls[i] ? 0 : buckets[i];
}

/* By all rows of a group that has its first buckets. */
static void
widen_group(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t group)
{
	for (uint32_t i = 0; i < rows->count; i++) {
		if ((rows->groups == NULL ? rows->group : rows->groups[i]) == group &&
		    states->scratch.buckets[i] != 0)
			widen(&states->light[group], (uint32_t)aggregate_value(rows, i));
	}
}

/* Rows of weight 1. `within`: no value is a group's least or largest. */
static inline __attribute__((always_inline)) int
count_rows(struct aggregate_states *states, const struct aggregate_rows *rows,
	   const uint32_t *groups, const uint32_t *narrow, uint32_t ways, bool within)
{
	const uint16_t *buckets = states->scratch.buckets;
	struct aggregate_light *lights = states->light;

	for (uint32_t i = 0; i < rows->count; i++) {
		uint32_t group = groups == NULL ? rows->group : groups[i], bucket = buckets[i];
		struct aggregate_light *light = &lights[group];
		uint32_t value = within           ? 0
				 : narrow != NULL ? narrow[i]
						  : (uint32_t)rows->values[i];

		if (__builtin_expect(light->buckets == NULL, 0)) {
			if (bucket != 0 &&
			    list_value(states, group, (uint32_t)aggregate_value(rows, i)) != 0)
				return STORE_ELIMIT;
			if (within && light->buckets != NULL)
				widen_group(states, rows, group);
			continue;
		}
		if (!within && __builtin_expect((value < light->min) | (value > light->max), 0) &&
		    bucket != 0)
			widen(light, value);
		if (__builtin_expect(
			++light->buckets[(i & (ways - 1)) * SKETCH_BUCKETS + bucket] == 0, 0) &&
		    carry(states, group, bucket) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Whether all groups that have buckets span [min, max] already; false when there
 * are too many groups to ask. */
static bool
is_within(const struct aggregate_states *states, uint32_t min, uint32_t max)
{
	if (states->ways == 1)
		return false;
	for (uint32_t g = 0; g < states->states_max; g++) {
		const struct aggregate_light *light = &states->light[g];

		if (light->buckets != NULL && (min < light->min || max > light->max))
			return false;
	}
	return true;
}

/* Loops over what is constant are compiled apart; the likely ones. */
static int
count_light(struct aggregate_states *states, const struct aggregate_rows *rows, bool within)
{
	const uint32_t *groups = rows->groups, *narrow = rows->narrow;

	if (within)
		return groups == NULL ? count_rows(states, rows, NULL, NULL, WAYS, true)
				      : count_rows(states, rows, groups, NULL, WAYS, true);
	if (states->ways == 1 && groups != NULL && narrow != NULL)
		return count_rows(states, rows, groups, narrow, 1, false);
	return count_rows(states, rows, groups, narrow, states->ways, false);
}

static int
count_heavy(struct aggregate_states *states, const struct aggregate_rows *rows)
{
	const uint16_t *buckets = states->scratch.buckets;

	for (uint32_t i = 0; i < rows->count; i++) {
		uint32_t group = rows->groups == NULL ? rows->group : rows->groups[i];
		struct aggregate_light *light = &states->light[group];

		if (buckets[i] == 0)
			continue;
		if (__builtin_expect(states->hot[group].heavy == NULL, 0)) {
			if (!is_histogram(states, group)) {
				if (add_cold(states, group, aggregate_value(rows, i),
					     rows->weights[i]) != 0)
					return STORE_ELIMIT;
				continue;
			}
			if (reserve_heavy(states, group) != 0)
				return STORE_ELIMIT;
		}
		widen(light, (uint32_t)aggregate_value(rows, i));
		states->hot[group].heavy[buckets[i]] += (uint32_t)rows->weights[i];
	}
	return 0;
}

/* Values that are negative, large, or too heavy. */
static int
add_all_cold(struct aggregate_states *states, const struct aggregate_rows *rows, bool all)
{
	for (uint32_t i = 0; i < rows->count; i++) {
		uint32_t group = rows->groups == NULL ? rows->group : rows->groups[i];

		if (aggregate_is_null(rows, i) ||
		    (!all && (uint64_t)aggregate_value(rows, i) < SKETCH_BUCKETS_END))
			continue;
		if (add_cold(states, group, aggregate_value(rows, i),
			     rows->weights == NULL ? 1 : rows->weights[i]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

static uint64_t
sum_weights(const struct aggregate_rows *rows)
{
	uint64_t sum = 0;

	if (rows->weights == NULL)
		return rows->count;
	for (uint32_t i = 0; i < rows->count; i++)
		sum += rows->weights[i];
	return sum;
}

/* The ways fit the number of groups, which grows. */
static int
choose_ways(struct aggregate_states *states)
{
	uint32_t ways = states->states_max <= WAYS_GROUPS ? WAYS : 1;

	if (states->ways != 0 && ways != states->ways && aggregate_settle(states) != 0)
		return STORE_ELIMIT;
	states->ways = ways;
	return 0;
}

int
aggregate_quantile_add(struct aggregate_states *states, const struct aggregate_rows *rows)
{
	uint16_t *buckets = states->scratch.buckets;
	uint64_t sum = sum_weights(rows);
	uint32_t min, max;
	bool some_cold;

	if (choose_ways(states) != 0)
		return STORE_ELIMIT;
	if (sum >= AGGREGATE_HOT_WEIGHT_MAX)
		return add_all_cold(states, rows, true);
	if ((states->hot_weight += sum) >= AGGREGATE_HOT_WEIGHT_MAX) {
		if (aggregate_settle(states) != 0)
			return STORE_ELIMIT;
		states->hot_weight = sum;
	}
	states->is_hot = true;
	some_cold = rows->narrow != NULL
			? number_narrow(rows->narrow, rows->count, buckets, &min, &max)
			: number_values(rows->values, rows->count, buckets, &min, &max);
	if (some_cold && add_all_cold(states, rows, false) != 0)
		return STORE_ELIMIT;
	if (rows->nulls != NULL)
		leave_out(rows->nulls, rows->count, buckets);
	return rows->weights != NULL ? count_heavy(states, rows)
				     : count_light(states, rows, is_within(states, min, max));
}

/* ---- to the states ----------------------------------------------------------- */

int
aggregate_quantile_settle(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[group];
	struct aggregate_light *light = &states->light[group];
	struct aggregate_state *state = &states->states[group];
	struct sketch_buckets buckets = {hot->heavy, light->buckets, states->ways, light->min,
					 light->max};
	uint64_t total;

	if (settle_values(states, state, hot) != 0)
		return STORE_ELIMIT;
	if ((light->buckets == NULL && hot->heavy == NULL) || light->min > light->max)
		return 0;
	if (reserve_sketch(states, state) != 0 || sketch_become_histogram(state->sketch) != 0 ||
	    sketch_take_buckets(state->sketch, &buckets, &total) != 0)
		return STORE_ELIMIT;
	state->weight += total;
	if (light->buckets != NULL)
		memset(light->buckets, 0, (size_t)states->ways * SKETCH_BUCKETS);
	if (hot->heavy != NULL)
		memset(hot->heavy, 0, SKETCH_BUCKETS * sizeof *hot->heavy);
	light->min = UINT32_MAX;
	light->max = 0;
	return 0;
}
