/*
 * States into each other: one group into a total, and all that another thread
 * counted. The latter takes what is not settled yet as it is: most groups of many
 * are never asked for. Of many groups a thread that helps takes some, for they do
 * not need each other. Beside aggregate_add.c; a state that is taken belongs to
 * the taker.
 */
#include "aggregate_inside.h"
#include "crew.h"

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

/* Bytes of one way, of the buckets first ... last. */
static int
add_way(struct aggregate_states *states, uint32_t group, uint32_t way, const uint8_t *from,
	uint32_t first, uint32_t last)
{
	uint8_t *to = states->light[group] + (size_t)way * SKETCH_BUCKETS;

	from += (size_t)way * SKETCH_BUCKETS;
	for (uint32_t at = first; at <= last; at += AGGREGATE_BYTES_AT_ONCE) {
		uint32_t left = last - at + 1,
			 count = left < AGGREGATE_BYTES_AT_ONCE ? left : AGGREGATE_BYTES_AT_ONCE;

		if (!aggregate_bytes_take(to + at, from + at, count))
			continue;
		for (uint32_t b = at; b < at + count; b++) {
			if (aggregate_byte_was_full(to[b], from[b]) &&
			    aggregate_quantile_carry(states, group, b) != 0)
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

/* The bytes of a group with such edges. */
static int
take_light(struct aggregate_states *states, uint32_t to, const struct aggregate_edges *edges,
	   uint8_t *from)
{
	struct aggregate_hot *hot = &states->hot[to];
	uint32_t listed = hot->values_count;
	uint32_t first = sketch_bucket(edges->min), last = sketch_bucket(edges->end - 1);
	int result = 0;

	if (from == NULL)
		return 0;
	aggregate_quantile_lower(edges, states->ways, from);
	if (states->light[to] == NULL) {
		states->light[to] = from;
		hot->values_count = 0;
		aggregate_quantile_raise(states, to);
		return take_values(states, to, hot->values, listed);
	}
	for (uint32_t way = 0; result == 0 && way < states->ways; way++)
		result = add_way(states, to, way, from, first, last);
	return result;
}

/* All buckets; of the same ways. */
static int
take_buckets(struct aggregate_states *states, uint32_t to, const struct aggregate_states *from,
	     uint32_t group)
{
	struct aggregate_edges edges = from->edges[group];
	uint32_t first = sketch_bucket(edges.min), last = sketch_bucket(edges.end - 1);
	uint32_t *heavy = from->hot[group].heavy;
	struct aggregate_hot *hot = &states->hot[to];

	/* Outermost buckets of both are those of one, which has no bytes there. */
	if (aggregate_quantile_widen(states, to, edges.min, edges.end) != 0)
		return STORE_ELIMIT;
	for (uint32_t b = first; hot->heavy != NULL && heavy != NULL && b <= last; b++)
		hot->heavy[b] += heavy[b];
	hot->heavy = hot->heavy == NULL ? heavy : hot->heavy;
	if (aggregate_heavy_take(states, to, from, group) != 0 ||
	    take_light(states, to, &edges, from->light[group]) != 0)
		return STORE_ELIMIT;
	return aggregate_quantile_join(states, to, &edges);
}

/* Values and buckets of a group whose ways are as many. */
static int
take_hot(struct aggregate_states *states, uint32_t to, const struct aggregate_states *from,
	 uint32_t group)
{
	const struct aggregate_hot *hot;

	if (states->weights != NULL)
		states->weights[to] += from->weights[group];
	if (states->edges == NULL)
		return 0;
	hot = &from->hot[group];
	if (from->edges[group].end != 0 && take_buckets(states, to, from, group) != 0)
		return STORE_ELIMIT;
	return take_values(states, to, hot->values, hot->values_count);
}

/* ---- another thread's groups --------------------------------------------------- */

static bool
is_untouched(const struct aggregate_states *states, uint32_t group)
{
	return states->states[group].weight == 0 && states->states[group].sketch == NULL &&
	       (states->weights == NULL || states->weights[group] == 0) &&
	       (states->edges == NULL ||
		(states->hot[group].values_count == 0 && states->edges[group].end == 0));
}

/* Whether what is hot can be taken as it is: buckets lie the same way, and words
 * have room for both. */
static bool
is_alike(const struct aggregate_states *states, const struct aggregate_states *from)
{
	return (states->ways == 0 || from->ways == 0 || states->ways == from->ways) &&
	       states->hot_weight + from->hot_weight < AGGREGATE_HOT_WEIGHT_MAX;
}

/* One of the other's groups. */
static int
take_group(struct aggregate_states *states, uint32_t to, struct aggregate_states *from,
	   uint32_t group)
{
	if (is_untouched(states, to)) {
		states->states[to] = from->states[group];
		if (states->weights != NULL)
			states->weights[to] = from->weights[group];
		if (states->edges == NULL)
			return 0;
		states->hot[to] = from->hot[group];
		states->light[to] = from->light[group];
		states->edges[to] = from->edges[group];
		return aggregate_heavy_take(states, to, from, group);
	}
	if (aggregate_merge_state(states, &states->states[to], &from->states[group]) != 0)
		return STORE_ELIMIT;
	return from->is_hot ? take_hot(states, to, from, group) : 0;
}

/* ---- with help ------------------------------------------------------------------- */

/* Fewer sets are taken sooner than a thread wakes up. */
#define SETS_MIN 64u

struct taking {
	struct aggregate_states *states, *from;
	const uint32_t *groups;
	int result;
};

static void
take_some(void *context, uint32_t first, uint32_t end)
{
	struct taking *taking = context;

	for (uint32_t g = first; taking->result == 0 && g < end; g++)
		taking->result = take_group(taking->states, taking->groups[g], taking->from, g);
}

/* Whether groups are much work, and take memory from the arena of who takes them only. */
static bool
may_divide(const struct aggregate_states *states, const struct aggregate_states *from,
	   uint32_t count)
{
	enum aggregate_kind kind = states->aggregate->kind;
	bool is_set = kind == AGGREGATE_UNIQ || kind == AGGREGATE_UNIQ_EXACT;

	if (states->aggregate->margin || states->arena == from->arena)
		return false;
	if (is_set)
		return count >= SETS_MIN;
	return states->edges != NULL && aggregate_is_divided(from, NULL, count);
}

/* Who helps has the arena of the other's groups, which nobody else needs by now. */
static int
take_all(struct aggregate_states *states, const uint32_t *groups, struct aggregate_states *from,
	 uint32_t count, struct crew *crew)
{
	struct aggregate_states beside = *states;
	struct taking own = {states, from, groups, 0}, other = {&beside, from, groups, 0};
	struct crew_division division = {.run = take_some,
					 .own = &own,
					 .other = &other,
					 .count = count,
					 .step = aggregate_at_once(count)};

	beside.arena = from->arena;
	crew_divide(may_divide(states, from, count) ? crew : NULL, &division);
	return own.result != 0 ? own.result : other.result;
}

int
aggregate_take(struct aggregate_states *states, const uint32_t *groups,
	       struct aggregate_states *from, uint32_t count, struct crew *crew)
{
	int result = 0;

	if ((result = aggregate_settle_places(from)) != 0 ||
	    (result = aggregate_young_settle(states)) != 0 ||
	    (result = aggregate_aside_settle(states)) != 0 ||
	    (result = aggregate_make_states(states)) != 0 ||
	    (result = aggregate_make_states(from)) != 0)
		return result;
	if (!is_alike(states, from)) {
		if ((result = aggregate_settle(states)) != 0 ||
		    (result = aggregate_settle(from)) != 0)
			return result;
		for (uint32_t g = 0; from->light != NULL && g < count; g++)
			from->light[g] = NULL; /* empty, and of another size */
	}
	if (states->ways == 0)
		states->ways = from->ways;
	states->hot_weight += from->hot_weight;
	states->is_hot |= from->is_hot;
	states->overflowed |= from->overflowed;
	aggregate_heavy_meet(&states->heavy, &from->heavy);
	return take_all(states, groups, from, count, crew);
}
