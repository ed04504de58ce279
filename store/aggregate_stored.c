/*
 * The aggregates that most queries spend their time in, counts and quantiles of
 * columns, a slice of rows at a time: which rows count is found first, then each
 * costs a few instructions in a small array per group. What is counted here is
 * "hot" until aggregate_settle() hands it to the states. Must give what
 * aggregate_add.c's row after row gives.
 */
#include <math.h>
#include <string.h>

#include "aggregate_inside.h"
#include "codec.h"

#define HOT_GROUPS 4096u /* so few may all have arrays */
#define HOT_FROM 8192u   /* values of a group worth one, if there are more */
/* So few groups often count into the same bucket in turn, which would wait for
 * itself: rows take different arrays in turn. */
#define WAYS_GROUPS 16u
#define WAYS 4u
#define HOT_WEIGHT_MAX (1u << 31) /* buckets have 32 bits */

bool
aggregate_takes_stored(const struct aggregate *aggregate)
{
	const struct expression *argument = aggregate->argument;

	if (aggregate->margin || aggregate->second != NULL || argument == NULL ||
	    argument->kind != EXPRESSION_COLUMN || argument->type.type == STORE_R_STRING ||
	    argument->type.type == STORE_R_MAP)
		return false;
	return aggregate->kind == AGGREGATE_COUNT || aggregate->kind == AGGREGATE_UNIQ ||
	       ((aggregate->kind == AGGREGATE_QUANTILE || aggregate->kind == AGGREGATE_QUANTILES) &&
		aggregate->scale != 0);
}

/* ---- which rows count ------------------------------------------------------ */

/* rows[n] of those whose argument is not NULL and whose condition holds. */
static uint32_t
select_rows(const struct aggregate_input *input, uint32_t rows_count, uint32_t *rows)
{
	const uint8_t *nulls = input->argument == NULL ? NULL : input->argument->nulls;
	const struct data *condition = input->condition;
	uint32_t n = 0;

	if (input->argument != NULL && input->argument->constant && nulls != NULL) {
		if (nulls[0])
			return 0;
		nulls = NULL;
	}
	if (condition == NULL || condition->constant) {
		if (condition != NULL && (data_is_null(condition, 0) || !data_true(condition, 0)))
			return 0;
		for (uint32_t i = 0; i < rows_count; i++) {
			rows[n] = i;
			n += nulls == NULL || !nulls[i];
		}
		return n;
	}
	for (uint32_t i = 0; i < rows_count; i++) {
		rows[n] = i;
		n += data_true(condition, i) & !(condition->nulls != NULL && condition->nulls[i]) &
		     !(nulls != NULL && nulls[i]);
	}
	return n;
}

/* Rows of the slice: listed, or all that are not NULL. */
struct selection {
	uint32_t count;       /* of rows to look at */
	uint32_t nulls_count; /* of them */
	const uint32_t *rows; /* NULL: from 0 on */
	const uint8_t *nulls; /* to be left out; NULL: none, or the rows are listed */
};

CODEC_CLONES static uint32_t
sum_bytes(const uint8_t *bytes, uint32_t count)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += bytes[i];
	return sum;
}

/* 0 or STORE_ELIMIT. A list costs more than a look at each row does, unless what is found cannot be
 * foreseen. */
static int
choose_rows(struct aggregate_states *states, const struct aggregate_input *input,
	    uint32_t rows_count, struct selection *out)
{
	const struct data *argument = input->argument;
	const uint8_t *nulls = argument == NULL ? NULL : argument->nulls;
	struct selection all = {.count = rows_count, .nulls = nulls};

	if (nulls != NULL && !argument->constant)
		all.nulls_count = sum_bytes(nulls, rows_count);
	if (input->condition == NULL &&
	    (nulls == NULL || (!argument->constant && all.nulls_count < rows_count / 8))) {
		*out = all;
		return 0;
	}
	if (states->rows_max < rows_count) {
		states->rows = store_arena_alloc(states->arena, rows_count * sizeof *states->rows);
		if (states->rows == NULL)
			return STORE_ELIMIT;
		states->rows_max = rows_count;
	}
	all.count = select_rows(input, rows_count, states->rows);
	all.rows = states->rows;
	all.nulls = NULL;
	all.nulls_count = 0;
	*out = all;
	return 0;
}

/* ---- counts ---------------------------------------------------------------- */

/* Loops over constant forms of what may be NULL are compiled apart. */
static inline __attribute__((always_inline)) void
count_groups(struct aggregate_hot *hot, const uint32_t *groups, struct selection selection,
	     const uint64_t *weights)
{
	for (uint32_t i = 0; i < selection.count; i++) {
		uint32_t row = selection.rows == NULL ? i : selection.rows[i];
		uint64_t weight = weights == NULL ? 1 : weights[row];

		hot[groups[row]].weight +=
		    selection.nulls == NULL || !selection.nulls[row] ? weight : 0;
	}
}

static uint64_t
sum_weights(struct selection selection, const uint64_t *weights)
{
	uint64_t sum = 0;

	if (weights == NULL)
		return selection.count - selection.nulls_count;
	for (uint32_t i = 0; i < selection.count; i++) {
		uint32_t row = selection.rows == NULL ? i : selection.rows[i];
		uint64_t weight = weights[row];

		sum += selection.nulls == NULL || !selection.nulls[row] ? weight : 0;
	}
	return sum;
}

int
aggregate_add_counts(struct aggregate_states *states, uint32_t rows_count,
		     const struct aggregate_input *input)
{
	struct selection selection;
	const uint32_t *groups = input->groups;
	const uint64_t *weights = input->weights;

	if (choose_rows(states, input, rows_count, &selection) != 0)
		return STORE_ELIMIT;
	states->is_hot = true;
	if (groups == NULL)
		states->hot[input->group].weight += sum_weights(selection, weights);
	else if (selection.rows == NULL && selection.nulls == NULL && weights == NULL)
		count_groups(states->hot, groups, (struct selection){.count = selection.count},
			     NULL);
	else if (selection.rows == NULL && weights == NULL)
		count_groups(states->hot, groups,
			     (struct selection){.count = selection.count, .nulls = selection.nulls},
			     NULL);
	else if (weights == NULL)
		count_groups(states->hot, groups,
			     (struct selection){.count = selection.count, .rows = selection.rows},
			     NULL);
	else
		count_groups(states->hot, groups, selection, weights);
	return 0;
}

void
aggregate_add_weight(struct aggregate_states *states, uint32_t group, uint64_t weight)
{
	states->hot[group].weight += weight;
	states->is_hot = true;
}

/* ---- quantiles -------------------------------------------------------------- */

/* A value that has no hot bucket, or whose group has none yet. */
static int
add_cold(struct aggregate_states *states, uint32_t group, int64_t value, uint64_t weight)
{
	struct aggregate_state *state = &states->states[group];
	struct aggregate_hot *hot = &states->hot[group];
	uint32_t scale = states->aggregate->scale;

	if (state->sketch == NULL && (state->sketch = sketch_create(states->arena, scale)) == NULL)
		return STORE_ELIMIT;
	state->weight += weight;
	if (sketch_add_stored(state->sketch, value, weight) != 0)
		return STORE_ELIMIT;
	if (hot->buckets != NULL ||
	    !sketch_is_histogram(state->sketch, states->states_max <= HOT_GROUPS ? 0 : HOT_FROM))
		return 0;
	hot->buckets = store_arena_zalloc(states->arena, SKETCH_HOT_BUCKETS * sizeof *hot->buckets);
	hot->min = hot->max = UINT32_MAX;
	return hot->buckets == NULL ? STORE_ELIMIT : 0;
}

static void
widen(struct aggregate_hot *hot, uint32_t value)
{
	bool none = hot->min == UINT32_MAX;

	hot->min = none || value < hot->min ? value : hot->min;
	hot->max = none || value > hot->max ? value : hot->max;
}

static inline __attribute__((always_inline)) int
add_values(struct aggregate_states *states, const uint32_t *groups, uint32_t group,
	   struct selection selection, const int64_t *values, const uint64_t *weights)
{
	for (uint32_t i = 0; i < selection.count; i++) {
		uint32_t row = selection.rows == NULL ? i : selection.rows[i];
		uint32_t g = groups == NULL ? group : groups[row];
		struct aggregate_hot *hot = &states->hot[g];
		uint64_t value = (uint64_t)values[row], weight = weights == NULL ? 1 : weights[row];

		if (selection.nulls != NULL && selection.nulls[row])
			continue;
		if (__builtin_expect(hot->buckets == NULL || value >= SKETCH_HOT_END, 0)) {
			if (add_cold(states, g, values[row], weight) != 0)
				return STORE_ELIMIT;
			continue;
		}
		hot->buckets[(i & hot->ways) * SKETCH_HOT_BUCKETS +
			     sketch_hot_bucket((uint32_t)value)] += (uint32_t)weight;
		/* One comparison, for neither moves often. */
		if (__builtin_expect((uint32_t)value - hot->min > hot->max - hot->min, 0))
			widen(hot, (uint32_t)value);
	}
	return 0;
}

/* Without the buckets: a constant, or weights that they cannot hold. */
static int
add_all_cold(struct aggregate_states *states, const struct aggregate_input *input,
	     struct selection selection)
{
	for (uint32_t i = 0; i < selection.count; i++) {
		uint32_t row = selection.rows == NULL ? i : selection.rows[i];

		if (selection.nulls != NULL && selection.nulls[row])
			continue;
		if (add_cold(states, input->groups == NULL ? input->group : input->groups[row],
			     input->argument->n.i[data_index(input->argument, row)],
			     input->weights == NULL ? 1 : input->weights[row]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* ---- distinct values --------------------------------------------------------- */

static int
add_distinct(struct aggregate_states *states, const struct aggregate_input *input,
	     struct selection selection)
{
	const int64_t *values = input->argument->n.i;

	for (uint32_t i = 0; i < selection.count; i++) {
		uint32_t row = selection.rows == NULL ? i : selection.rows[i];
		uint32_t group = input->groups == NULL ? input->group : input->groups[row];
		struct aggregate_state *state = &states->states[group];
		uint64_t hash[2] = {0, 0};

		if (selection.nulls != NULL && selection.nulls[row])
			continue;
		hash[0] = aggregate_hash((uint64_t)values[data_index(input->argument, row)],
					 states->secret);
		state->weight++;
		state->set.words = 1;
		if (state->set.registers != NULL)
			aggregate_register(state->set.registers, hash[0]);
		else if (aggregate_set_add(&state->set, hash, states->arena) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

int
aggregate_add_stored(struct aggregate_states *states, uint32_t rows_count,
		     const struct aggregate_input *input)
{
	const uint32_t *groups = input->groups;
	const uint64_t *weights = input->weights;
	const int64_t *values = input->argument->n.i;
	uint32_t group = input->group;
	struct selection chosen, all;
	uint64_t sum;

	if (states->aggregate->kind == AGGREGATE_COUNT)
		return aggregate_add_counts(states, rows_count, input);
	if (choose_rows(states, input, rows_count, &chosen) != 0)
		return STORE_ELIMIT;
	if (states->aggregate->kind == AGGREGATE_UNIQ)
		return add_distinct(states, input, chosen);
	all = (struct selection){.count = chosen.count};
	states->is_hot = true;
	sum = sum_weights(chosen, weights);
	if (input->argument->constant || sum >= HOT_WEIGHT_MAX)
		return add_all_cold(states, input, chosen);
	if ((states->hot_weight += sum) >= HOT_WEIGHT_MAX) {
		if (aggregate_settle(states) != 0)
			return STORE_ELIMIT;
		states->is_hot = true;
		states->hot_weight = sum;
	}
	if (groups == NULL && weights == NULL)
		return add_values(states, NULL, group, chosen, values, NULL);
	if (chosen.rows == NULL && chosen.nulls == NULL && weights == NULL)
		return add_values(states, groups, group, all, values, NULL);
	if (weights == NULL)
		return add_values(states, groups, group, chosen, values, NULL);
	return add_values(states, groups, group, chosen, values, weights);
}

/* ---- to the states ----------------------------------------------------------- */

int
aggregate_settle(struct aggregate_states *states)
{
	for (uint32_t g = 0; states->is_hot && g < states->states_max; g++) {
		struct aggregate_hot *hot = &states->hot[g];
		struct aggregate_state *state = &states->states[g];
		uint64_t total = 0;

		state->weight += hot->weight;
		hot->weight = 0;
		if (hot->buckets == NULL || hot->min == UINT32_MAX)
			continue;
		for (uint32_t way = 0; way <= hot->ways; way++) {
			uint32_t *buckets = hot->buckets + way * SKETCH_HOT_BUCKETS;

			if (sketch_take_hot(state->sketch, buckets, hot->min, hot->max, &total) !=
			    0)
				return STORE_ELIMIT;
			memset(buckets, 0, SKETCH_HOT_BUCKETS * sizeof *buckets);
			state->weight += total;
		}
		hot->min = hot->max = UINT32_MAX;
	}
	states->hot_weight = 0;
	states->is_hot = false;
	return 0;
}
