/*
 * Quantiles of a column's stored integers, a slice of rows at a time: which
 * bucket each value has, then all into the bytes of their groups. What a row
 * needs beyond that, aggregate_quantile.c does; must give the same.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec_vector.h"

/* Few groups often count into the same bucket in turn, which would wait for
 * itself: rows take different arrays in turn. */
#define WAYS AGGREGATE_WAYS
#define UNROLLED 8u

/* ---- numbers of buckets ---------------------------------------------------- */

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

/* ---- rows of several groups -------------------------------------------------- */

/* The row's group has no bytes yet. */
static __attribute__((noinline)) int
count_first(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t row,
	    uint32_t group)
{
	struct aggregate_hot *hot = &states->hot[group];
	uint32_t value = (uint32_t)aggregate_value(rows, row);

	if (states->scratch.buckets[row] == 0)
		return 0;
	if (!aggregate_quantile_has_room(hot))
		return aggregate_quantile_first(states, group, value);
	hot->values[hot->values_count++] = value;
	return 0;
}

/* The row's byte was 0. */
static __attribute__((noinline)) int
count_noticed(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t row,
	      uint8_t *byte)
{
	if (states->scratch.buckets[row] == 0)
		return 0;
	return aggregate_quantile_noticed(states, rows->groups[row],
					  (uint32_t)aggregate_value(rows, row), byte);
}

/* One row into the byte of its group and bucket, `offset` further. */
static inline __attribute__((always_inline)) int
count_row(struct aggregate_states *states, const struct aggregate_rows *rows, uint8_t *const *light,
	  const uint32_t *groups, const uint16_t *buckets, uint32_t row, size_t offset)
{
	uint8_t *byte = light[groups[row]];

	if (__builtin_expect(byte == NULL, 0))
		return count_first(states, rows, row, groups[row]);
	byte += buckets[row] + offset;
	return __builtin_expect(aggregate_byte_count(byte), 0)
		   ? count_noticed(states, rows, row, byte)
		   : 0;
}

/* All rows. Unrolled, ways are constants and processors do not take each row's
 * load for one of what the row before has stored. */
static inline __attribute__((always_inline)) int
count_each(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t ways)
{
	/* Here, where bytes that are written cannot be meant. */
	const uint16_t *buckets = states->scratch.buckets;
	uint8_t *const *light = states->light;
	const uint32_t *groups = rows->groups;
	uint32_t count = rows->count, i = 0;

	for (; i + UNROLLED <= count; i += UNROLLED) {
#pragma GCC unroll 8
		for (uint32_t n = 0; n < UNROLLED; n++) {
			size_t offset = (size_t)(n & (ways - 1)) * SKETCH_BUCKETS;

			if (count_row(states, rows, light, groups, buckets, i + n, offset) != 0)
				return STORE_ELIMIT;
		}
	}
	for (; i < count; i++) {
		if (count_row(states, rows, light, groups, buckets, i, 0) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

#define LISTED_MIN 1024u /* groups: what is known of fewer is in the caches */
#define LISTED_SHARE 4u

/* Whether rows are mostly of groups that list their values, as far as a few tell. */
static bool
are_listed(const struct aggregate_states *states, const struct aggregate_rows *rows)
{
	uint32_t listed = 0;

	if (states->states_max < LISTED_MIN || rows->count < UNROLLED)
		return false;
	for (uint32_t i = 0; i < UNROLLED; i++)
		listed += states->light[rows->groups[i]] == NULL;
	return listed >= LISTED_SHARE;
}

/* The same of such rows. */
static int
count_listed(struct aggregate_states *states, const struct aggregate_rows *rows)
{
	const uint16_t *buckets = states->scratch.buckets;
	const uint32_t *groups = rows->groups;
	uint8_t *const *light = states->light;

	if (aggregate_quantile_lists(states) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < rows->count; i++) {
		struct aggregate_hot *hot = &states->hot[groups[i]];
		uint32_t listed = hot->values_count;
		bool has_room = light[groups[i]] == NULL && listed < hot->values_max &&
				(listed > 0 || states->states == NULL);

		if (__builtin_expect(has_room, 1)) {
			hot->values[listed] = (uint32_t)aggregate_value(rows, i);
			hot->values_count = listed + (buckets[i] != 0);
		} else if (count_row(states, rows, light, groups, buckets, i, 0) != 0) {
			return STORE_ELIMIT;
		}
	}
	return 0;
}

/* Loops over what is constant are compiled apart. */
static int
count_groups(struct aggregate_states *states, const struct aggregate_rows *rows)
{
	if (are_listed(states, rows))
		return count_listed(states, rows);
	return states->ways == 1 ? count_each(states, rows, 1) : count_each(states, rows, WAYS);
}

/* ---- rows of one group ------------------------------------------------------- */

static uint32_t
count_hot(const uint16_t *buckets, uint32_t count)
{
	uint32_t hot = 0;

	for (uint32_t i = 0; i < count; i++)
		hot += buckets[i] != 0;
	return hot;
}

/* The bucket's byte was full. */
static __attribute__((noinline)) int
count_full(struct aggregate_states *states, uint32_t group, uint32_t bucket)
{
	return bucket == 0 ? 0 : aggregate_quantile_carry(states, group, bucket);
}

/* All into one group's bytes. */
static inline __attribute__((always_inline)) int
count_in(struct aggregate_states *states, uint32_t group, const uint16_t *buckets, uint32_t count,
	 uint32_t ways)
{
	const uint16_t *end = buckets + count, *at = buckets;
	uint8_t *bytes = states->light[group];

	for (; end - at >= (ptrdiff_t)UNROLLED; at += UNROLLED) {
#pragma GCC unroll 8
		for (uint32_t n = 0; n < UNROLLED; n++) {
			uint8_t *byte = bytes + (size_t)(n & (ways - 1)) * SKETCH_BUCKETS + at[n];

			if (__builtin_expect(aggregate_byte_count(byte), 0) &&
			    count_full(states, group, at[n]) != 0)
				return STORE_ELIMIT;
		}
	}
	for (; at < end; at++) {
		if (aggregate_byte_count(bytes + *at) && count_full(states, group, *at) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* The least and largest of the values that have buckets; min > max when none has. */
static void
find_bounds(const struct aggregate_rows *rows, const uint16_t *buckets, uint32_t *min,
	    uint32_t *max)
{
	*min = UINT32_MAX;
	*max = 0;
	for (uint32_t i = 0; i < rows->count; i++) {
		uint32_t value = (uint32_t)aggregate_value(rows, i);

		*min = buckets[i] != 0 && value < *min ? value : *min;
		*max = buckets[i] != 0 && value > *max ? value : *max;
	}
}

/* Values in [min, max] whose buckets are buckets[count], into the group's bytes. */
static int
count_known(struct aggregate_states *states, uint32_t group, const uint16_t *buckets,
	    uint32_t count, uint32_t min, uint32_t max)
{
	int result;

	if (aggregate_quantile_widen(states, group, min, max + 1) != 0)
		return STORE_ELIMIT;
	aggregate_quantile_open(states, group);
	result = states->ways == 1 ? count_in(states, group, buckets, count, 1)
				   : count_in(states, group, buckets, count, WAYS);
	aggregate_quantile_hold(states, group);
	return result;
}

int
aggregate_bucket_values(struct aggregate_states *states, uint32_t group, const uint32_t *values,
			uint32_t count)
{
	CODEC_UNSET uint16_t buckets[SKETCH_EXACT_MAX];
	uint32_t min, max;

	if (count == 0)
		return 0;
	number_narrow(values, count, buckets, &min, &max);
	return count_known(states, group, buckets, count, min, max);
}

/* Rows of weight 1 of one group, whose values are known to be in [min, max]; or
 * not, when min > max. */
static int
count_group(struct aggregate_states *states, const struct aggregate_rows *rows, uint32_t min,
	    uint32_t max)
{
	const uint16_t *buckets = states->scratch.buckets;
	uint32_t group = rows->group;

	if (states->light[group] == NULL &&
	    aggregate_quantile_is_few(states, group, count_hot(buckets, rows->count))) {
		for (uint32_t i = 0; i < rows->count; i++) {
			if (count_first(states, rows, i, group) != 0)
				return STORE_ELIMIT;
		}
		return 0;
	}
	if (min > max)
		find_bounds(rows, buckets, &min, &max);
	if (min > max)
		return 0; /* none has a bucket */
	return aggregate_quantile_begin(states, group, NULL) != 0
		   ? STORE_ELIMIT
		   : count_known(states, group, buckets, rows->count, min, max);
}

/* ---- weights ------------------------------------------------------------------- */

/* Buckets of rows of weights above 1 become 0, and marks[] of those of them that had
 * one 1, of all others 0. */
CODEC_CLONES static void
mark_heavy(const uint32_t *weights, uint32_t count, uint16_t *buckets, uint8_t *marks)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t heavy = weights[i] == 1 ? 0 : UINT16_MAX, bucket = buckets[i];

		marks[i] = (uint8_t)((bucket & heavy) != 0);
		buckets[i] = (uint16_t)(bucket & ~heavy);
	}
}

/* list[]: the rows that are marked; how many. */
static uint32_t
list_marked(const uint8_t *marks, uint32_t count, uint32_t *list)
{
	uint32_t listed = 0;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < count; i++) {
		list[listed] = i;
		listed += marks[i];
	}
	return listed;
}

#define PLACES 64u /* that are looked up before they are added to */

/* Where the value's weight is to be added, if there are words for it. */
static inline int
heavy_place(struct aggregate_states *states, uint32_t group, uint32_t value, uint32_t weight,
	    uint32_t **place)
{
	const struct aggregate_edges *edges = &states->edges[group];

	if (__builtin_expect(states->hot[group].heavy == NULL, 0)) {
		if (aggregate_quantile_is_few(states, group, 0))
			return aggregate_quantile_cold(states, group, value, weight);
		if (aggregate_quantile_heavy(states, group) != 0)
			return STORE_ELIMIT;
	}
	if (__builtin_expect(value < edges->min || value >= edges->end, 0) &&
	    aggregate_quantile_widen(states, group, value, value + 1) != 0)
		return STORE_ELIMIT;
	*place = states->hot[group].heavy + sketch_bucket(value);
	return 0;
}

int
aggregate_bucket_heavy(struct aggregate_states *states, const struct aggregate_rows *rows,
		       const uint32_t *list, uint32_t count)
{
	uint32_t *places[PLACES], none = 0;

	for (uint32_t first = 0; first < count; first += PLACES) {
		uint32_t left = count - first, some = left < PLACES ? left : PLACES;

		for (uint32_t i = 0; i < some; i++) {
			uint32_t row = list[first + i],
				 group = rows->groups == NULL ? rows->group : rows->groups[row];

			places[i] = &none;
			if (heavy_place(states, group, (uint32_t)aggregate_value(rows, row),
					rows->weights[row], &places[i]) != 0)
				return STORE_ELIMIT;
			__builtin_prefetch(places[i], 1);
		}
		for (uint32_t i = 0; i < some; i++)
			*places[i] += rows->weights[list[first + i]];
	}
	return 0;
}

/* Most rows weigh 1 where some are sampled. */
static int
count_weighted(struct aggregate_states *states, const struct aggregate_rows *rows)
{
	struct aggregate_scratch *scratch = &states->scratch;
	uint32_t heavy;

	mark_heavy(rows->weights, rows->count, scratch->buckets, scratch->marks);
	heavy = list_marked(scratch->marks, rows->count, scratch->rows);
	if (aggregate_bucket_heavy(states, rows, scratch->rows, heavy) != 0)
		return STORE_ELIMIT;
	if (rows->groups != NULL)
		return count_groups(states, rows);
	return count_group(states, rows, 1, 0);
}

/* ---- any slice ------------------------------------------------------------------ */

/* Values that are negative, large, or too heavy. */
static int
add_all_cold(struct aggregate_states *states, const struct aggregate_rows *rows, bool all)
{
	for (uint32_t i = 0; i < rows->count; i++) {
		uint32_t group = rows->groups == NULL ? rows->group : rows->groups[i];

		if (aggregate_is_null(rows, i) ||
		    (!all && (uint64_t)aggregate_value(rows, i) < SKETCH_BUCKETS_END))
			continue;
		if (aggregate_quantile_cold(states, group, aggregate_value(rows, i),
					    rows->weights == NULL ? 1 : rows->weights[i]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

CODEC_CLONES static uint64_t
add_weights(const uint32_t *weights, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += weights[i];
	return sum;
}

uint64_t
aggregate_bucket_weight(const struct aggregate_rows *rows)
{
	return rows->weights == NULL ? rows->count : add_weights(rows->weights, rows->count);
}

/* The ways fit the number of groups, which grows. */
static int
choose_ways(struct aggregate_states *states)
{
	uint32_t ways = states->states_max <= AGGREGATE_WAYS_GROUPS ? WAYS : 1;

	if (states->ways != 0 && ways != states->ways && aggregate_settle(states) != 0)
		return STORE_ELIMIT;
	/* Bytes that were another's, who had more groups, have no room for more ways. */
	for (uint32_t g = 0; states->ways != 0 && ways > states->ways && g < states->states_max;
	     g++)
		states->light[g] = NULL;
	states->ways = ways;
	return 0;
}

int
aggregate_quantile_add(struct aggregate_states *states, const struct aggregate_rows *rows)
{
	uint64_t sum = aggregate_bucket_weight(rows);
	uint32_t min, max;
	uint16_t *buckets;
	bool some_cold, taken;

	if (aggregate_aside_take(states, rows, &taken) != 0)
		return STORE_ELIMIT;
	if (taken)
		return 0;
	if (choose_ways(states) != 0)
		return STORE_ELIMIT;
	buckets = states->scratch.buckets; /* there may be more now */
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
	if (rows->weights != NULL)
		return count_weighted(states, rows);
	return rows->groups != NULL ? count_groups(states, rows)
				    : count_group(states, rows, min, max);
}
