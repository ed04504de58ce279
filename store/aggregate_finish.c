/*
 * Quantiles of many groups: each is answered from what is hot of it, as it lies, and a
 * thread that helps takes some of them meanwhile, for they do not need each other; those
 * that have to be settled come at the end. Beside aggregate.c; aggregate_answer.c has one
 * group's.
 */
#include <math.h>

#include "aggregate_inside.h"
#include "crew.h"

#define FETCHED_AHEAD 8u
/* Two threads need so many groups with buckets or sketches, of which one is as much work as so many
 * others, to gain from it, and take as many at once. */
#define BUCKETS_MIN 32u
#define OTHERS 32u
#define AT_ONCE 8u
#define PARTS 128u

bool
aggregate_is_divided(const struct aggregate_states *states, const uint32_t *groups, uint32_t count)
{
	uint32_t some = 0;

	for (uint32_t i = 0; i < count && some < BUCKETS_MIN; i++) {
		uint32_t group = groups == NULL ? i : groups[i];

		some += states->edges[group].end != 0 || aggregate_sketch(states, group) != NULL;
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

static void
answer_some(void *context, uint32_t first, uint32_t end)
{
	const struct answering *answering = context;
	const struct aggregate *aggregate = answering->states->aggregate;
	uint32_t levels_count = aggregate->levels_count, count = answering->out->count;
	double levels[AGGREGATE_LEVELS_MAX];

	for (uint32_t i = first; i < end; i++) {
		uint32_t group = group_at(answering, i);

		if (i + FETCHED_AHEAD < count)
			aggregate_answer_fetch(answering->source,
					       group_at(answering, i + FETCHED_AHEAD));
		if (!aggregate_answer(answering->source, group, aggregate->levels, levels_count,
				      levels) &&
		    !answer_sketch(answering, group, levels))
			levels[0] = NAN;
		for (uint32_t l = 0; l < levels_count; l++)
			*answer_at(answering, i, l) = levels[l];
	}
}

/* Of a group that is settled first, or has no values. */
static int
answer_settled(const struct answering *answering, uint32_t i)
{
	const struct aggregate *aggregate = answering->states->aggregate;
	struct aggregate_states *source = answering->source;
	uint32_t group = group_at(answering, i);
	bool is_empty = source->states == NULL && source->edges[group].end == 0 &&
			source->hot[group].values_count == 0;
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

	if (crew != NULL && !aggregate_is_divided(source, groups, out->count))
		crew = NULL;
	crew_divide(crew, &division);
	for (uint32_t i = 0; i < out->count; i++) {
		if (out->nulls != NULL)
			out->nulls[i] = 0;
		if (isnan(*answer_at(&answering, i, 0)) && answer_settled(&answering, i) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}
