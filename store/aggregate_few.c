/*
 * Quantiles of rows of very few places: each has 16-bit counters of its own, which
 * rows are added to without a look at them. That none is full follows from how many
 * rows there were, and the least and largest values are found ahead, by slices:
 * mostly those of all rows are inside what their groups have. Beside
 * aggregate_places.c, which numbers the counters as its bytes; must give the same.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec_vector.h"

/* Rows of one bucket would wait for each other: they take two counters in turn. Of
 * 1, 2, 4 and 8 fastest for all of lcp, inp, cls and ttfb by device. */
#define TURNS 2u
#define UNROLLED 8u
/* So many rows come before counters are laid out, for these take time to zero, and
 * to empty when places change. */
#define ROWS_MIN 8192u

/* ---- counters ------------------------------------------------------------------ */

/* to[i] += from[i], which become 0. */
CODEC_CLONES static void
move_counts(uint32_t *to, uint16_t *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		to[i] += from[i];
		from[i] = 0;
	}
}

void
aggregate_few_settle(struct aggregate_states *states)
{
	struct aggregate_few *few = &states->few;

	for (uint32_t p = 0; few->filled > 0 && p < few->count; p++) {
		uint32_t group = few->groups[p], first, last;
		const struct aggregate_edges *edges;

		if (group == AGGREGATE_UNKNOWN || states->edges[group].end == 0)
			continue;
		edges = &states->edges[group];
		first = sketch_bucket(edges->min);
		last = sketch_bucket(edges->end - 1);
		for (uint32_t turn = 0; turn < TURNS; turn++)
			move_counts(states->hot[group].heavy + first,
				    few->counters + (turn * few->max + p) * SKETCH_BUCKETS + first,
				    last - first + 1);
	}
	few->filled = 0;
}

/* Empty ones for the places, of which no group is known yet. */
static bool
open_counters(struct aggregate_states *states, const struct aggregate_places *places)
{
	struct aggregate_few *few = &states->few;

	if (places->count > few->max) {
		size_t size = (size_t)places->count * TURNS * SKETCH_BUCKETS;

		few->counters = store_arena_zalloc(states->arena, size * sizeof *few->counters);
		few->max = few->counters == NULL ? 0 : places->count;
		if (few->counters == NULL)
			return false; /* it is possible without */
	}
	few->meaning = places->meaning;
	few->count = places->count;
	for (uint32_t p = 0; p < places->count; p++)
		few->groups[p] = AGGREGATE_UNKNOWN;
	return true;
}

bool
aggregate_few_serves(struct aggregate_states *states, uint32_t rows_count,
		     const struct aggregate_places *places)
{
	struct aggregate_few *few = &states->few;

	if (places->count > AGGREGATE_FEW_MAX || states->light == NULL)
		return false;
	if (few->count != places->count || few->meaning != places->meaning) {
		aggregate_few_settle(states);
		few->count = 0;
		if ((few->missed += rows_count) < ROWS_MIN)
			return false;
		few->missed = 0;
		if (!open_counters(states, places))
			return false;
	}
	for (uint32_t p = 0; p < few->count; p++) {
		uint32_t group = places->groups[p];

		/* Such a group's values are not listed any more. */
		if (few->groups[p] == AGGREGATE_UNKNOWN && group != AGGREGATE_UNKNOWN &&
		    states->light[group] != NULL && aggregate_quantile_heavy(states, group) == 0)
			few->groups[p] = group;
	}
	return true;
}

/* ---- rows ---------------------------------------------------------------------- */

/* The least and largest value of the place's rows that has a bucket, min > max when
 * none has; whether the place has any row. */
CODEC_CLONES static bool
find_bounds(const uint32_t *values, const uint32_t *list, uint32_t number, uint32_t count,
	    uint32_t *min, uint32_t *max)
{
	uint32_t least = UINT32_MAX, most = 0, some = 0;

	for (uint32_t i = 0; i < count; i++) {
		/* By arithmetic: of a comparison gcc makes a branch. */
		uint32_t here = 0 - (((list[i] ^ number) - 1) >> 31);
		uint32_t value = values[i] | ~here;
		uint32_t inside = value < SKETCH_BUCKETS_END ? UINT32_MAX : 0;

		some |= here;
		least = value < least ? value : least;
		most = (value & inside) > most ? value & inside : most;
	}
	*min = least;
	*max = most;
	return some != 0;
}

int
aggregate_few_widen(struct aggregate_states *states, const struct aggregate_rows *rows,
		    const struct aggregate_places *places, uint32_t min, uint32_t max, bool *known)
{
	const struct aggregate_few *few = &states->few;

	*known = true;
	for (uint32_t p = places->base; p < few->count; p++) {
		uint32_t group = few->groups[p], least, most;
		const struct aggregate_edges *edges;

		if (group != AGGREGATE_UNKNOWN) {
			edges = &states->edges[group];
			if (min > max || (min >= edges->min && max < edges->end))
				continue;
		}
		if (!find_bounds(rows->narrow, places->list, p - places->base, rows->count, &least,
				 &most))
			continue;
		*known = group != AGGREGATE_UNKNOWN;
		if (!*known)
			return 0;
		if (least <= most && aggregate_quantile_widen(states, group, least, most + 1) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

void
aggregate_few_count(struct aggregate_states *states, uint32_t count)
{
	struct aggregate_few *few = &states->few;
	/* Here, where counters that are written cannot be meant. */
	const uint32_t *cells = states->scratch.cells;
	uint16_t *even = few->counters, *odd = even + (size_t)few->max * SKETCH_BUCKETS;
	uint32_t most = (count + TURNS - 1) / TURNS, i = 0;

	if (few->filled + most > UINT16_MAX)
		aggregate_few_settle(states);
	few->filled += most;
	for (; i + UNROLLED <= count; i += UNROLLED) {
#pragma GCC unroll 8
		for (uint32_t n = 0; n < UNROLLED; n += TURNS) {
			even[cells[i + n]]++;
			odd[cells[i + n + 1]]++;
		}
	}
	for (; i < count; i++)
		(i % TURNS == 0 ? even : odd)[cells[i]]++;
}
