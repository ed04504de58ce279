/*
 * Quantiles of a column's stored integers, one value of a group at a time. A
 * group's first values are listed; when there are many, rows of weight 1 are
 * counted in bytes, so that the buckets of many groups fit the processor's caches,
 * and bytes that are full in words, where weights are counted too. All of that is "hot" until it is
 * settled into the group's sketch; aggregate_answer.c answers from it as it is. Must give what
 * sketch_add_stored() of each value gives. aggregate_bucket.c does whole slices.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec_vector.h"

static int
reserve_sketch(struct aggregate_states *states, struct aggregate_state *state)
{
	if (state->sketch == NULL)
		state->sketch = sketch_create(states->arena, states->aggregate->scale);
	return state->sketch == NULL ? STORE_ELIMIT : 0;
}

static bool
is_histogram(const struct aggregate_states *states, uint32_t group)
{
	const struct sketch *sketch = aggregate_sketch(states, group);

	return states->light[group] != NULL || states->hot[group].heavy != NULL ||
	       (sketch != NULL && sketch_is_histogram(sketch));
}

static uint32_t
kept_count(const struct aggregate_states *states, uint32_t group)
{
	const struct sketch *sketch = aggregate_sketch(states, group);

	return states->hot[group].values_count + (sketch == NULL ? 0 : sketch_count(sketch));
}

/* ---- lists of values -------------------------------------------------------- */

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

/* values[count], count <= SKETCH_EXACT_MAX, by their lowest byte first. Apart, for
 * most groups of many need none of its counts. */
static __attribute__((noinline)) void
sort_many(uint32_t *values, uint32_t count)
{
	CODEC_UNSET uint32_t other[SKETCH_EXACT_MAX];
	uint32_t counts[4][256] = {0}, *from = values, *to = other, *swap;

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

void
aggregate_quantile_sort(uint32_t *values, uint32_t count)
{
	if (count <= 32)
		sort_few(values, count);
	else
		sort_many(values, count);
}

static int
settle_values(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[group];
	struct aggregate_state *state;
	uint32_t count = hot->values_count;

	if (count == 0)
		return 0;
	if (aggregate_make_states(states) != 0)
		return STORE_ELIMIT;
	state = &states->states[group];
	hot->values_count = 0;
	state->weight += count;
	aggregate_quantile_sort(hot->values, count);
	return reserve_sketch(states, state) != 0
		   ? STORE_ELIMIT
		   : sketch_take_ascending(state->sketch, hot->values, count);
}

#define LIST_MIN 16u

static int
grow_list(struct aggregate_states *states, struct aggregate_hot *hot)
{
	uint32_t max = hot->values_max == 0 ? LIST_MIN : hot->values_max * 4, *grown;

	max =
	    max < SKETCH_EXACT_MAX ? max : SKETCH_EXACT_MAX; /* where there is room there are few */
	grown = store_arena_alloc(states->arena, max * sizeof *grown);
	if (grown == NULL)
		return STORE_ELIMIT;
	if (hot->values_count > 0)
		memcpy(grown, hot->values, hot->values_count * sizeof *grown);
	hot->values = grown;
	hot->values_max = max;
	return 0;
}

int
aggregate_quantile_lists(struct aggregate_states *states)
{
	uint32_t count = states->groups_count - states->lists_count, *values;

	if (count == 0)
		return 0;
	values = store_arena_alloc(states->arena, (size_t)count * LIST_MIN * sizeof *values);
	if (values == NULL)
		return STORE_ELIMIT;
	for (uint32_t g = states->lists_count; g < states->groups_count; g++) {
		struct aggregate_hot *hot = &states->hot[g];

		if (hot->values != NULL)
			continue;
		hot->values = values;
		hot->values_max = LIST_MIN;
		values += LIST_MIN;
	}
	states->lists_count = states->groups_count;
	return 0;
}

/* A value whose group has bytes. */
static int
count_value(struct aggregate_states *states, uint32_t group, uint32_t value)
{
	uint8_t *byte = states->light[group] + sketch_bucket(value);

	return aggregate_byte_count(byte) ? aggregate_quantile_noticed(states, group, value, byte)
					  : 0;
}

int
aggregate_quantile_first(struct aggregate_states *states, uint32_t group, uint32_t value)
{
	struct aggregate_hot *hot = &states->hot[group];

	if (aggregate_quantile_has_room(hot) || aggregate_quantile_is_few(states, group, 1)) {
		if (hot->values_count == hot->values_max && grow_list(states, hot) != 0)
			return STORE_ELIMIT;
		hot->values[hot->values_count++] = value;
		return 0;
	}
	return aggregate_quantile_begin(states, group, NULL) != 0
		   ? STORE_ELIMIT
		   : count_value(states, group, value);
}

int
aggregate_quantile_put(struct aggregate_states *states, uint32_t group, uint32_t value)
{
	return states->light[group] != NULL ? count_value(states, group, value)
					    : aggregate_quantile_first(states, group, value);
}

int
aggregate_quantile_cold(struct aggregate_states *states, uint32_t group, int64_t value,
			uint64_t weight)
{
	struct aggregate_state *state;

	if (aggregate_make_states(states) != 0)
		return STORE_ELIMIT;
	state = &states->states[group];
	if (reserve_sketch(states, state) != 0 ||
	    (kept_count(states, group) >= SKETCH_EXACT_MAX && settle_values(states, group) != 0))
		return STORE_ELIMIT;
	if (is_histogram(states, group) && sketch_become_histogram(state->sketch) != 0)
		return STORE_ELIMIT;
	state->weight += weight;
	return sketch_add_stored(state->sketch, value, weight);
}

/* ---- edges ------------------------------------------------------------------- */

/* Where the bucket's weight is held; NULL: in the bucket. */
static uint32_t *
held(struct aggregate_edges *edges, uint32_t bucket)
{
	if (bucket < SKETCH_BUCKET_WIDE || edges->end == 0)
		return NULL;
	if (bucket == sketch_bucket(edges->min))
		return &edges->least;
	return bucket == sketch_bucket(edges->end - 1) ? &edges->most : NULL;
}

/* As many rows more of the bucket. */
static int
add_weight(struct aggregate_states *states, uint32_t group, uint32_t bucket, uint32_t weight)
{
	uint8_t *light = states->light[group];
	uint32_t *edge = held(&states->edges[group], bucket);

	if (weight == 0)
		return 0;
	if (edge != NULL) {
		*edge += weight;
		return 0;
	}
	if (light != NULL && light[bucket] >= weight) {
		light[bucket] = (uint8_t)(light[bucket] - weight);
		return 0;
	}
	if (aggregate_quantile_heavy(states, group) != 0)
		return STORE_ELIMIT;
	states->hot[group].heavy[bucket] += weight;
	return 0;
}

int
aggregate_quantile_join(struct aggregate_states *states, uint32_t group,
			const struct aggregate_edges *from)
{
	if (add_weight(states, group, sketch_bucket(from->min), from->least) != 0)
		return STORE_ELIMIT;
	return add_weight(states, group, sketch_bucket(from->end - 1), from->most);
}

/* The weight is that of rows of the value's bucket. */
static int
release(struct aggregate_states *states, uint32_t group, uint32_t value, uint32_t *weight)
{
	uint32_t released = *weight;

	*weight = 0;
	return released == 0 ? 0 : aggregate_quantile_cold(states, group, value, released);
}

/* Buckets [begin, end) become inner ones. */
static void
raise_bytes(struct aggregate_states *states, uint32_t group, uint32_t begin, uint32_t end)
{
	uint8_t *bytes = states->light[group];

	if (bytes == NULL || begin >= end)
		return;
	for (uint32_t way = 0; way < states->ways; way++)
		aggregate_bytes_invert(bytes + (size_t)way * SKETCH_BUCKETS + begin, end - begin);
	aggregate_heavy_raise(states, group, begin, end);
}

void
aggregate_quantile_lower(const struct aggregate_edges *edges, uint32_t ways, uint8_t *bytes)
{
	uint32_t begin, end;

	aggregate_quantile_inner(edges, &begin, &end);
	for (uint32_t way = 0; bytes != NULL && way < ways; way++)
		aggregate_bytes_invert(bytes + (size_t)way * SKETCH_BUCKETS + begin, end - begin);
}

void
aggregate_quantile_raise(struct aggregate_states *states, uint32_t group)
{
	uint32_t begin, end;

	aggregate_quantile_inner(&states->edges[group], &begin, &end);
	raise_bytes(states, group, begin, end);
}

int
aggregate_quantile_widen(struct aggregate_states *states, uint32_t group, uint32_t min,
			 uint32_t end)
{
	struct aggregate_edges *edges = &states->edges[group];
	uint32_t first = sketch_bucket(edges->min), last, low = 0, high = 0;
	uint32_t old_begin, old_end, new_begin, new_end;

	if (edges->end == 0) {
		edges->min = min;
		edges->end = end;
		aggregate_quantile_raise(states, group);
		return 0;
	}
	if (min >= edges->min && end <= edges->end)
		return 0;
	aggregate_quantile_inner(edges, &old_begin, &old_end);
	last = sketch_bucket(edges->end - 1);
	if (min < edges->min && sketch_bucket(min) != first) {
		if (first == last)
			edges->most = edges->least;
		else
			low = edges->least;
		edges->least = 0;
	}
	edges->min = min < edges->min ? min : edges->min;
	if (end > edges->end && sketch_bucket(end - 1) != last) {
		high = edges->most;
		edges->most = 0;
	}
	edges->end = end > edges->end ? end : edges->end;
	aggregate_quantile_inner(edges, &new_begin, &new_end);
	if (old_begin == old_end)
		old_begin = old_end = new_begin;
	raise_bytes(states, group, new_begin, old_begin);
	raise_bytes(states, group, old_end, new_end);
	if (add_weight(states, group, first, low) != 0)
		return STORE_ELIMIT;
	return add_weight(states, group, last, high);
}

/* The bytes of the outermost buckets that are held become 255, or what they counted from
 * there is held, and they are 0. */
static void
set_outermost(struct aggregate_states *states, uint32_t group, bool opens)
{
	struct aggregate_edges *edges = &states->edges[group];
	uint8_t *bytes = states->light[group];
	uint32_t first = sketch_bucket(edges->min), last = sketch_bucket(edges->end - 1);

	for (uint32_t i = 0; edges->end != 0 && bytes != NULL && i < (first == last ? 1 : 2); i++) {
		uint32_t bucket = i == 0 ? first : last, *weight = held(edges, bucket);

		for (uint32_t way = 0; weight != NULL && way < states->ways; way++) {
			uint8_t *byte = bytes + (size_t)way * SKETCH_BUCKETS + bucket;

			*weight += opens ? 0 : UINT8_MAX - *byte;
			*byte = opens ? UINT8_MAX : 0;
		}
	}
}

void
aggregate_quantile_open(struct aggregate_states *states, uint32_t group)
{
	set_outermost(states, group, true);
}

void
aggregate_quantile_hold(struct aggregate_states *states, uint32_t group)
{
	set_outermost(states, group, false);
}

/* ---- buckets ----------------------------------------------------------------- */

int
aggregate_quantile_heavy(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[group];

	if (aggregate_make_states(states) != 0)
		return STORE_ELIMIT;
	if (hot->heavy == NULL)
		hot->heavy = store_arena_zalloc(states->arena, SKETCH_BUCKETS * sizeof *hot->heavy);
	return hot->heavy == NULL ? STORE_ELIMIT : 0;
}

int
aggregate_quantile_carry(struct aggregate_states *states, uint32_t group, uint32_t bucket)
{
	if (aggregate_quantile_heavy(states, group) != 0)
		return STORE_ELIMIT;
	states->hot[group].heavy[bucket] += UINT8_MAX + 1u;
	return 0;
}

int
aggregate_quantile_noticed(struct aggregate_states *states, uint32_t group, uint32_t value,
			   uint8_t *byte)
{
	uint32_t bucket = sketch_bucket(value), *weight;

	if (aggregate_quantile_is_inner(&states->edges[group], bucket))
		return aggregate_quantile_carry(states, group, bucket);
	*byte = 0;
	if (aggregate_quantile_widen(states, group, value, value + 1) != 0)
		return STORE_ELIMIT;
	if ((weight = held(&states->edges[group], bucket)) != NULL)
		*weight += 1;
	else
		*byte -= 1;
	return 0;
}

bool
aggregate_quantile_weigh(struct aggregate_states *states, uint32_t group, uint32_t value,
			 uint32_t weight)
{
	uint32_t *at = held(&states->edges[group], sketch_bucket(value));

	if (at != NULL)
		*at += weight;
	return at != NULL;
}

int
aggregate_quantile_begin(struct aggregate_states *states, uint32_t group, uint8_t *bytes)
{
	struct aggregate_hot *hot = &states->hot[group];
	uint8_t **light = &states->light[group];
	uint32_t listed = hot->values_count;

	if (*light != NULL)
		return 0;
	if (bytes == NULL)
		bytes = store_arena_zalloc(states->arena, (size_t)states->ways * SKETCH_BUCKETS);
	if ((*light = bytes) == NULL)
		return STORE_ELIMIT;
	hot->values_count = 0; /* before any can get into the sketch */
	aggregate_quantile_raise(states, group);
	return aggregate_bucket_values(states, group, hot->values, listed);
}

bool
aggregate_quantile_is_few(const struct aggregate_states *states, uint32_t group, uint32_t more)
{
	return !is_histogram(states, group) && kept_count(states, group) + more <= SKETCH_EXACT_MAX;
}

/* ---- to the states ------------------------------------------------------------- */

int
aggregate_quantile_settle(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[group];
	struct aggregate_edges *edges = &states->edges[group];
	struct aggregate_state *state;
	struct sketch_buckets buckets = {NULL, states->light[group], states->ways, edges->min,
					 edges->end - 1};
	uint64_t total;

	if (settle_values(states, group) != 0 || aggregate_make_states(states) != 0)
		return STORE_ELIMIT;
	if (edges->end == 0)
		return 0;
	state = &states->states[group];
	buckets.heavy = aggregate_heavy_words(states, group);
	aggregate_quantile_lower(edges, states->ways, states->light[group]);
	if (reserve_sketch(states, state) != 0 || sketch_become_histogram(state->sketch) != 0 ||
	    sketch_take_buckets(state->sketch, &buckets, &total) != 0 ||
	    release(states, group, edges->min, &edges->least) != 0 ||
	    release(states, group, edges->end - 1, &edges->most) != 0)
		return STORE_ELIMIT;
	state->weight += total;
	if (states->light[group] != NULL)
		memset(states->light[group], 0, (size_t)states->ways * SKETCH_BUCKETS);
	if (hot->heavy != NULL)
		memset(hot->heavy, 0, SKETCH_BUCKETS * sizeof *hot->heavy);
	edges->end = 0;
	return 0;
}
