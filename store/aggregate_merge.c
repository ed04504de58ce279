/*
 * States into each other: one group into a total, and all that another thread
 * counted. The latter takes what is not settled yet as it is: most groups of many
 * are never asked for. Beside aggregate_add.c; a state that is taken belongs to
 * the taker.
 */
#include "aggregate_inside.h"
#include "codec.h"

int
aggregate_merge(struct aggregate_states *totals, uint32_t to, struct aggregate_states *states,
		uint32_t from)
{
	int result;

	if ((result = aggregate_settle(totals)) != 0 || (result = aggregate_settle(states)) != 0)
		return result;
	totals->overflowed |= states->overflowed;
	return aggregate_merge_state(totals, &totals->states[to], &states->states[from]);
}

/* ---- what is not settled ----------------------------------------------------- */

static bool
has_buckets(const struct aggregate_states *states, uint32_t group)
{
	return states->light != NULL &&
	       (states->light[group].buckets != NULL || states->hot[group].heavy != NULL);
}

/* to[i] += from[i]; whether some byte was full. */
CODEC_CLONES static bool
add_bytes(uint8_t *to, const uint8_t *from, uint32_t count)
{
	uint8_t full = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t sum = (uint8_t)(to[i] + from[i]);

		full |= sum < from[i];
		to[i] = sum;
	}
	return full;
}

#define BYTES_AT_ONCE 256u

/* Bytes of one way, of the buckets first ... last. */
static int
add_way(struct aggregate_states *states, uint32_t group, uint32_t way, const uint8_t *from,
	uint32_t first, uint32_t last)
{
	uint8_t *to = states->light[group].buckets + (size_t)way * SKETCH_BUCKETS;

	from += (size_t)way * SKETCH_BUCKETS;
	for (uint32_t at = first; at <= last; at += BYTES_AT_ONCE) {
		uint32_t left = last - at + 1, count = left < BYTES_AT_ONCE ? left : BYTES_AT_ONCE;

		if (!add_bytes(to + at, from + at, count))
			continue;
		for (uint32_t b = at; b < at + count; b++) {
			if (to[b] < from[b] && aggregate_quantile_carry(states, group, b) != 0)
				return STORE_ELIMIT;
		}
	}
	return 0;
}

static int
take_values(struct aggregate_states *states, uint32_t group, const uint32_t *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (aggregate_quantile_put(states, group, values[i]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Values and buckets of a group whose ways are as many. */
static int
take_hot(struct aggregate_states *states, uint32_t to, const struct aggregate_states *from,
	 uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[to];
	const struct aggregate_hot *other_hot = &from->hot[group];
	const struct aggregate_light *other;
	struct aggregate_light *light;
	uint32_t listed = hot->values_count;
	int result = 0;

	hot->weight += other_hot->weight;
	if (states->light == NULL)
		return 0;
	light = &states->light[to];
	other = &from->light[group];
	if (has_buckets(from, group) && other->min != UINT32_MAX) {
		bool alone = !has_buckets(states, to) || light->min == UINT32_MAX;
		uint32_t first = sketch_bucket(other->min), last = sketch_bucket(other->max);

		light->min = alone || other->min < light->min ? other->min : light->min;
		light->max = alone || other->max > light->max ? other->max : light->max;
		if (hot->heavy == NULL)
			hot->heavy = other_hot->heavy;
		else if (other_hot->heavy != NULL)
			for (uint32_t b = first; b <= last; b++)
				hot->heavy[b] += other_hot->heavy[b];
		if (light->buckets == NULL) {
			light->buckets = other->buckets;
			hot->values_count = light->buckets == NULL ? listed : 0;
			if (light->buckets != NULL)
				result = take_values(states, to, hot->values, listed);
		} else if (other->buckets != NULL) {
			for (uint32_t way = 0; result == 0 && way < states->ways; way++)
				result = add_way(states, to, way, other->buckets, first, last);
		}
	}
	return result != 0 ? result
			   : take_values(states, to, other_hot->values, other_hot->values_count);
}

/* ---- another thread's groups --------------------------------------------------- */

static bool
is_untouched(const struct aggregate_states *states, uint32_t group)
{
	const struct aggregate_hot *hot = &states->hot[group];

	return states->states[group].weight == 0 && hot->weight == 0 && hot->values == NULL &&
	       !has_buckets(states, group);
}

/* Whether what is hot can be taken as it is: buckets lie the same way, and words
 * have room for both. */
static bool
is_alike(const struct aggregate_states *states, const struct aggregate_states *from)
{
	return (states->ways == 0 || from->ways == 0 || states->ways == from->ways) &&
	       states->hot_weight + from->hot_weight < AGGREGATE_HOT_WEIGHT_MAX;
}

int
aggregate_take(struct aggregate_states *states, const uint32_t *groups,
	       struct aggregate_states *from, uint32_t count)
{
	int result = 0;

	if (!is_alike(states, from)) {
		if ((result = aggregate_settle(states)) != 0 ||
		    (result = aggregate_settle(from)) != 0)
			return result;
		for (uint32_t g = 0; from->light != NULL && g < count; g++)
			from->light[g].buckets = NULL; /* empty, and of another size */
	}
	if (states->ways == 0)
		states->ways = from->ways;
	states->hot_weight += from->hot_weight;
	states->is_hot |= from->is_hot;
	states->overflowed |= from->overflowed;
	for (uint32_t g = 0; result == 0 && g < count; g++) {
		uint32_t to = groups[g];

		if (is_untouched(states, to)) {
			states->states[to] = from->states[g];
			states->hot[to] = from->hot[g];
			if (states->light != NULL)
				states->light[to] = from->light[g];
			continue;
		}
		result = aggregate_merge_state(states, &states->states[to], &from->states[g]);
		if (result == 0 && from->is_hot)
			result = take_hot(states, to, from, g);
	}
	return result;
}
