/*
 * Quantiles of many groups: each is answered from what is hot of it, as it lies, and a
 * thread that helps takes some of them meanwhile, for they do not need each other; those
 * that have to be settled come at the end. Beside aggregate.c; aggregate_answer.c has one
 * group's.
 */
#include <math.h>

#include "aggregate_inside.h"
#include "codec_vector.h"
#include "crew.h"

/* Two threads need so many groups with buckets or sketches, of which one is as much work as so many
 * others, to gain from it, and take as many at once. */
#define BUCKETS_MIN 32u
#define OTHERS 32u
#define AT_ONCE 8u
#define PARTS 128u
#define FETCHED_AHEAD 8u
/* Most groups of many have few values: of lists of the same kind, some are sorted abreast. */
#define ABREAST_KINDS 3u
#define SIZE_MIN 4u
static const uint32_t sizes[ABREAST_KINDS] = {SIZE_MIN, 16, AGGREGATE_ABREAST_MAX};

bool
aggregate_is_divided(const struct aggregate_states *states, const uint32_t *groups, uint32_t count)
{
	uint32_t some = 0;

	for (uint32_t i = 0; i < count && some < BUCKETS_MIN; i++) {
		uint32_t group = groups == NULL ? i : groups[i];

		some += states->edges != NULL &&
			(states->edges[group].end != 0 || aggregate_sketch(states, group) != NULL);
	}
	return some >= BUCKETS_MIN || count / OTHERS >= BUCKETS_MIN;
}

uint32_t
aggregate_at_once(uint32_t count)
{
	return count / PARTS < AT_ONCE ? AT_ONCE : count / PARTS;
}

struct answering {
	struct aggregate_states *states, *source;
	const uint32_t *groups;
	struct store_value *lists; /* or NULL */
	struct data *out;
};

/* Of one group; the first is NAN while there is none. */
static double *
answer_at(const struct answering *answering, uint32_t i, uint32_t level)
{
	size_t levels_count = answering->states->aggregate->levels_count;

	return answering->lists == NULL ? &answering->out->n.f[i]
					: &answering->lists[i * levels_count + level].v.f;
}

static uint32_t
group_at(const struct answering *answering, uint32_t i)
{
	return answering->groups == NULL ? i : answering->groups[i];
}

/* As its sketch says, when all of the group is in it. */
static bool
answer_sketch(const struct answering *answering, uint32_t group, double *levels)
{
	const struct aggregate *aggregate = answering->states->aggregate;
	const struct aggregate_states *source = answering->source;
	struct sketch *sketch = aggregate_sketch(source, group);

	if (sketch == NULL || source->edges[group].end != 0 || source->hot[group].values_count != 0)
		return false;
	for (uint32_t l = 0; l < aggregate->levels_count; l++)
		levels[l] = sketch_quantile(sketch, aggregate->levels[l]);
	return true;
}

/* The group's list, where that is all it has, and how long it is; else 0 (NULL). */
static uint32_t
list_of(const struct aggregate_states *source, uint32_t group, uint32_t **values)
{
	const struct aggregate_aside *aside = &source->aside;
	const struct aggregate_hot *hot;

	*values = NULL;
	if (aside->count > 0 && group >= aside->groups_count)
		return 0;
	if (aside->count > 0) {
		*values = aside->values + aside->ends[group];
		return aside->ends[group + 1] - aside->ends[group];
	}
	hot = &source->hot[group];
	if (source->edges[group].end != 0 || aggregate_sketch(source, group) != NULL)
		return 0;
	*values = hot->values;
	return hot->values_count;
}

/* The answers for the level, of so many. Loops of their own, for the processor does two of
 * the divisions at once. */
static void
answer_level(const struct aggregate_abreast *abreast, uint32_t count, double level, uint32_t scale,
	     double *out)
{
	CODEC_UNSET double positions[AGGREGATE_ABREAST], lower[AGGREGATE_ABREAST];
	CODEC_UNSET double low[AGGREGATE_ABREAST], high[AGGREGATE_ABREAST];

	for (uint32_t i = 0; i < count; i++) {
		double position = level * (double)(abreast->counts[i] - 1);
		uint32_t at = (uint32_t)position, next = at + (position != (double)at);

		positions[i] = position;
		lower[i] = (double)at;
		low[i] = (double)abreast->lanes[at][i];
		high[i] = (double)abreast->lanes[next][i];
	}
	for (uint32_t i = 0; i < count; i++) {
		low[i] /= scale;
		high[i] /= scale;
	}
	for (uint32_t i = 0; i < count; i++)
		out[i] = sketch_between(positions[i], lower[i], low[i], high[i]);
}

static void
answer_abreast(const struct answering *answering, struct aggregate_abreast *abreast)
{
	const struct aggregate *aggregate = answering->states->aggregate;
	uint32_t scale = answering->source->aggregate->scale;
	CODEC_UNSET double out[AGGREGATE_ABREAST];

	aggregate_abreast_sort(abreast);
	for (uint32_t l = 0; l < aggregate->levels_count; l++) {
		answer_level(abreast, abreast->filled, aggregate->levels[l], scale, out);
		for (uint32_t i = 0; i < abreast->filled; i++)
			*answer_at(answering, abreast->names[i], l) = out[i];
	}
	abreast->filled = 0;
}

/* Of a group that has another list, or more. */
static void
answer_alone(const struct answering *answering, uint32_t i, uint32_t *values, uint32_t count)
{
	const struct aggregate *aggregate = answering->states->aggregate;
	struct aggregate_states *source = answering->source;
	uint32_t group = group_at(answering, i), levels_count = aggregate->levels_count;
	double levels[AGGREGATE_LEVELS_MAX] = {NAN};

	if (count > SKETCH_EXACT_MAX && source->aside.count > 0) {
		source = aggregate_aside_apart(source, group);
		group = 0;
	}
	if (count > 0 && count <= SKETCH_EXACT_MAX)
		aggregate_answer_list(values, count, source->aggregate->scale, aggregate->levels,
				      levels_count, levels);
	else if (source->aside.count == 0 &&
		 !aggregate_answer(source, group, aggregate->levels, levels_count, levels) &&
		 !answer_sketch(answering, group, levels))
		levels[0] = NAN;
	for (uint32_t l = 0; l < levels_count; l++)
		*answer_at(answering, i, l) = levels[l];
}

static void
answer_some(void *context, uint32_t first, uint32_t end)
{
	const struct answering *answering = context;
	CODEC_UNSET struct aggregate_abreast kinds[ABREAST_KINDS];

	for (uint32_t k = 0; k < ABREAST_KINDS; k++) {
		kinds[k].size = sizes[k];
		kinds[k].filled = 0;
	}
	for (uint32_t i = first; i < end; i++) {
		uint32_t *values, group = group_at(answering, i), kind = 0;
		uint32_t count = list_of(answering->source, group, &values);

		if (i + FETCHED_AHEAD < answering->out->count)
			aggregate_answer_fetch(answering->source,
					       group_at(answering, i + FETCHED_AHEAD));
		if (count == 0 || count > sizes[ABREAST_KINDS - 1]) {
			answer_alone(answering, i, values, count);
			continue;
		}
		while (count > sizes[kind])
			kind++;
		if (kind == 0)
			aggregate_abreast_put(&kinds[0], SIZE_MIN, values, count, i);
		else
			aggregate_abreast_put(&kinds[kind], sizes[kind], values, count, i);
		if (kinds[kind].filled == AGGREGATE_ABREAST)
			answer_abreast(answering, &kinds[kind]);
	}
	for (uint32_t k = 0; k < ABREAST_KINDS; k++)
		answer_abreast(answering, &kinds[k]);
}

/* Of a group that is settled first, or has no values. */
static int
answer_settled(const struct answering *answering, uint32_t i)
{
	const struct aggregate *aggregate = answering->states->aggregate;
	struct aggregate_states *source = answering->source;
	uint32_t group = group_at(answering, i);
	bool is_empty = source->states == NULL &&
			(source->aside.waits ||
			 (source->edges[group].end == 0 && source->hot[group].values_count == 0));
	struct sketch *sketch;

	if (!is_empty && aggregate_settle_groups(source, &group, 1) != 0)
		return STORE_ELIMIT;
	sketch = aggregate_sketch(source, group);
	for (uint32_t l = 0; l < aggregate->levels_count; l++)
		*answer_at(answering, i, l) =
		    sketch == NULL ? NAN : sketch_quantile(sketch, aggregate->levels[l]);
	if (answering->out->nulls != NULL)
		answering->out->nulls[i] = is_empty || source->states[group].weight == 0;
	return 0;
}

int
aggregate_finish_quantiles(struct aggregate_states *states, struct aggregate_states *source,
			   const uint32_t *groups, struct crew *crew, struct store_value *lists,
			   struct data *out)
{
	struct answering answering = {states, source, groups, lists, out};
	struct crew_division division = {.run = answer_some,
					 .own = &answering,
					 .other = &answering,
					 .count = out->count,
					 .step = aggregate_at_once(out->count)};

	if (aggregate_aside_order(source) != 0)
		return STORE_ELIMIT;
	if (crew != NULL && !aggregate_is_divided(source, groups, out->count))
		crew = NULL;
	if (crew == NULL && out->count > 0)
		division.step = out->count;
	crew_divide(crew, &division);
	for (uint32_t i = 0; i < out->count; i++) {
		if (out->nulls != NULL)
			out->nulls[i] = 0;
		if (isnan(*answer_at(&answering, i, 0)) && answer_settled(&answering, i) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}
