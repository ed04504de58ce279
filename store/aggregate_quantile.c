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
#include "codec_vector.h"

/* Few groups often count into the same bucket in turn, which would wait for
 * itself: rows take different arrays in turn. */
#define WAYS_GROUPS 16u
#define WAYS AGGREGATE_WAYS
#define PLACES 256u /* that are looked up before they are counted in */

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
	light->max = value > light->max || light->min == UINT32_MAX ? value : light->max;
	light->min = value < light->min ? value : light->min;
}

/* The first buckets of a group. */
static void
begin_buckets(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_light *light = &states->light[group];

	if (light->buckets == NULL && states->hot[group].heavy == NULL) {
		light->min = light->max = UINT32_MAX;
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

/* Bytes for a group that has none, and what was listed into them. */
static int
begin_light(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[group];

	if (reserve_light(states, group) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < hot->values_count; i++) {
		if (count_value(states, group, hot->values[i]) != 0)
			return STORE_ELIMIT;
	}
	hot->values_count = 0;
	return 0;
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
	return begin_light(states, group) != 0 ? STORE_ELIMIT : count_value(states, group, value);
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
		if (rows->groups[i] == group && states->scratch.buckets[i] != 0)
			widen(&states->light[group], (uint32_t)aggregate_value(rows, i));
	}
}

/* A row that is not simply to be counted: its group has no bytes, or it is the
 * group's least or largest. *place is where it may be counted then. */
static __attribute__((noinline)) int
place_apart(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t row,
	    bool within, uint8_t **place)
{
	uint32_t group = rows->groups[row], bucket = states->scratch.buckets[row];
	struct aggregate_light *light = &states->light[group];
	uint32_t value = (uint32_t)aggregate_value(rows, row);

	if (light->buckets != NULL) {
		if (bucket != 0)
			widen(light, value);
		return 0;
	}
	*place = states->scratch.nobody;
	if (bucket != 0 && list_value(states, group, value) != 0)
		return STORE_ELIMIT;
	if (within && light->buckets != NULL)
		widen_group(states, rows, group);
	return 0;
}

/* What the loops below read, apart from what bytes that they write may be. */
struct places {
	const struct aggregate_light *lights;
	const uint32_t *groups, *narrow;
	const uint16_t *buckets;
};

/* The row's byte; `apart` when that is not simply to be counted in. `within`: no
 * value is a group's least or largest. */
static inline __attribute__((always_inline)) uint8_t *
place_row(struct places of, const int64_t *values, uint32_t row, bool within, bool *apart)
{
	const struct aggregate_light *light = &of.lights[of.groups[row]];
	uint32_t bucket = of.buckets[row];
	uint32_t value = within ? 0 : of.narrow != NULL ? of.narrow[row] : (uint32_t)values[row];

	*apart = light->buckets == NULL ||
		 (!within && value - light->min > light->max - light->min && bucket != 0);
	return light->buckets + bucket;
}

/* The place's byte was full. */
static __attribute__((noinline)) int
carry_place(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t row,
	    const uint8_t *place)
{
	if (place == states->scratch.nobody)
		return 0;
	return carry(states, rows->groups[row], states->scratch.buckets[row]);
}

/* Rows of few groups, whose bytes are near. */
static inline __attribute__((always_inline)) int
count_few(struct aggregate_states *states, const struct aggregate_rows *rows,
	  const uint32_t *narrow, bool within)
{
	struct places of = {states->light, rows->groups, narrow, states->scratch.buckets};
	uint32_t count = rows->count;

	for (uint32_t i = 0; i < count; i++) {
		bool apart;
		uint8_t *place = place_row(of, rows->values, i, within, &apart);

		if (__builtin_expect(apart, 0) && place_apart(states, rows, i, within, &place) != 0)
			return STORE_ELIMIT;
		if (__builtin_expect(++place[(i & (WAYS - 1)) * SKETCH_BUCKETS] == 0, 0) &&
		    carry_place(states, rows, i, place) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Rows of many: all places are looked up before the first is counted in, so that
 * the bytes come while others do. */
static inline __attribute__((always_inline)) int
count_many(struct aggregate_states *states, const struct aggregate_rows *rows,
	   const uint32_t *narrow)
{
	struct places of = {states->light, rows->groups, narrow, states->scratch.buckets};
	CODEC_UNSET uint8_t *places[PLACES];

	for (uint32_t first = 0; first < rows->count; first += PLACES) {
		uint32_t left = rows->count - first, count = left < PLACES ? left : PLACES;

		for (uint32_t i = 0; i < count; i++) {
			bool apart;

			places[i] = place_row(of, rows->values, first + i, false, &apart);
			if (__builtin_expect(apart, 0) &&
			    place_apart(states, rows, first + i, false, &places[i]) != 0)
				return STORE_ELIMIT;
			__builtin_prefetch(places[i], 1);
		}
		for (uint32_t i = 0; i < count; i++) {
			if (__builtin_expect(++*places[i] == 0, 0) &&
			    carry_place(states, rows, first + i, places[i]) != 0)
				return STORE_ELIMIT;
		}
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

static uint32_t
count_hot(const uint16_t *buckets, uint32_t count)
{
	uint32_t hot = 0;

	for (uint32_t i = 0; i < count; i++)
		hot += buckets[i] != 0;
	return hot;
}

/* All into one group's bytes. */
static inline __attribute__((always_inline)) int
count_in(struct aggregate_states *states, uint32_t group, const uint16_t *buckets, uint32_t count,
	 uint32_t ways)
{
	uint8_t *bytes = states->light[group].buckets;
	uint32_t i = 0;

	for (; i + WAYS <= count; i += WAYS) {
#pragma GCC unroll 4
		for (uint32_t way = 0; way < WAYS; way++) {
			size_t offset = ways == 1 ? 0 : (size_t)way * SKETCH_BUCKETS;
			uint32_t bucket = buckets[i + way];

			if (__builtin_expect(++bytes[offset + bucket] == 0, 0) &&
			    carry(states, group, bucket) != 0)
				return STORE_ELIMIT;
		}
	}
	for (; i < count; i++) {
		if (__builtin_expect(++bytes[buckets[i]] == 0, 0) &&
		    carry(states, group, buckets[i]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Rows of weight 1 of one group, whose values are known to be in [min, max]; or
 * not, when min > max. */
static int
count_group(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t min,
	    uint32_t max)
{
	const uint16_t *buckets = states->scratch.buckets;
	uint32_t group = rows->group, ways = states->ways, hot = count_hot(buckets, rows->count);
	struct aggregate_light *light = &states->light[group];
	bool few =
	    light->buckets == NULL && !is_histogram(states, group) &&
	    kept_count(&states->states[group], &states->hot[group]) + hot <= SKETCH_EXACT_MAX;

	if (hot == 0)
		return 0;
	for (uint32_t i = 0; few && i < rows->count; i++) {
		if (buckets[i] != 0 &&
		    list_value(states, group, (uint32_t)aggregate_value(rows, i)) != 0)
			return STORE_ELIMIT;
	}
	if (few)
		return 0;
	if (light->buckets == NULL && begin_light(states, group) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; min > max && i < rows->count; i++) {
		if (buckets[i] != 0)
			widen(light, (uint32_t)aggregate_value(rows, i));
	}
	if (min <= max) {
		widen(light, min);
		widen(light, max);
	}
	return ways == 1 ? count_in(states, group, buckets, rows->count, 1)
			 : count_in(states, group, buckets, rows->count, WAYS);
}

/* Loops over what is constant are compiled apart; the likely ones. */
static int
count_light(struct aggregate_states *states, const struct aggregate_rows *rows, bool within)
{
	if (within)
		return count_few(states, rows, NULL, true);
	if (states->ways != 1)
		return count_few(states, rows, rows->narrow, false);
	return rows->narrow != NULL ? count_many(states, rows, rows->narrow)
				    : count_many(states, rows, NULL);
}

/* Rows of any weight, of those listed. */
static int
count_heavy(struct aggregate_states *states, const struct aggregate_rows *rows,
	    const uint32_t *list, uint32_t count)
{
	const uint16_t *buckets = states->scratch.buckets;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = list[i],
			 group = rows->groups == NULL ? rows->group : rows->groups[row];

		if (__builtin_expect(states->hot[group].heavy == NULL, 0)) {
			if (!is_histogram(states, group)) {
				if (add_cold(states, group, aggregate_value(rows, row),
					     rows->weights[row]) != 0)
					return STORE_ELIMIT;
				continue;
			}
			if (reserve_heavy(states, group) != 0)
				return STORE_ELIMIT;
		}
		widen(&states->light[group], (uint32_t)aggregate_value(rows, row));
		states->hot[group].heavy[buckets[row]] += (uint32_t)rows->weights[row];
	}
	return 0;
}

/* list[count]: the rows of weight 1 that have buckets come first, the others from
 * the end on; there is room between them. */
static void
part_rows(const struct aggregate_rows *rows, const uint16_t *buckets, uint32_t *list,
	  uint32_t *light_count, uint32_t *heavy_count)
{
	uint32_t light = 0, heavy = 0;

	for (uint32_t i = 0; i < rows->count; i++) {
		list[light] = i;
		list[rows->count - 1 - heavy] = i;
		light += (uint32_t)(buckets[i] != 0) & (rows->weights[i] == 1);
		heavy += (uint32_t)(buckets[i] != 0) & (rows->weights[i] != 1);
	}
	*light_count = light;
	*heavy_count = heavy;
}

/* Only those of list[count], which ascend, in the scratch. */
static void
close_up(struct aggregate_scratch *scratch, const uint32_t *list, uint32_t count,
	 struct aggregate_rows *rows)
{
	for (uint32_t i = 0; i < count; i++)
		scratch->buckets[i] = scratch->buckets[list[i]];
	for (uint32_t i = 0; rows->groups != NULL && i < count; i++)
		scratch->groups[i] = rows->groups[list[i]];
	for (uint32_t i = 0; rows->narrow != NULL && i < count; i++)
		scratch->narrow[i] = rows->narrow[list[i]];
	for (uint32_t i = 0; rows->values != NULL && i < count; i++)
		scratch->values[i] = rows->values[list[i]];
	rows->groups = rows->groups == NULL ? NULL : scratch->groups;
	rows->narrow = rows->narrow == NULL ? NULL : scratch->narrow;
	rows->values = rows->values == NULL ? NULL : scratch->values;
	rows->nulls = NULL;
	rows->count = count;
}

static int
count_one_weight(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t min,
		 uint32_t max)
{
	return rows->groups == NULL ? count_group(states, rows, min, max)
				    : count_light(states, rows, is_within(states, min, max));
}

/* Most rows weigh 1 where some are sampled. */
static int
count_weighted(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t min,
	       uint32_t max)
{
	struct aggregate_scratch *scratch = &states->scratch;
	struct aggregate_rows light = *rows;
	uint32_t light_count, heavy_count;

	part_rows(rows, scratch->buckets, scratch->rows, &light_count, &heavy_count);
	if (count_heavy(states, rows, scratch->rows + rows->count - heavy_count, heavy_count) != 0)
		return STORE_ELIMIT;
	close_up(scratch, scratch->rows, light_count, &light);
	return count_one_weight(states, &light, min, max);
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
	if (rows->groups == NULL && rows->narrow == NULL && (some_cold || rows->nulls != NULL)) {
		min = 1; /* they are not only of those counted */
		max = 0;
	}
	return rows->weights != NULL ? count_weighted(states, rows, min, max)
				     : count_one_weight(states, rows, min, max);
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
	if ((light->buckets == NULL && hot->heavy == NULL) || light->min == UINT32_MAX)
		return 0;
	if (reserve_sketch(states, state) != 0 || sketch_become_histogram(state->sketch) != 0 ||
	    sketch_take_buckets(state->sketch, &buckets, &total) != 0)
		return STORE_ELIMIT;
	state->weight += total;
	if (light->buckets != NULL)
		memset(light->buckets, 0, (size_t)states->ways * SKETCH_BUCKETS);
	if (hot->heavy != NULL)
		memset(hot->heavy, 0, SKETCH_BUCKETS * sizeof *hot->heavy);
	light->min = light->max = UINT32_MAX;
	return 0;
}
