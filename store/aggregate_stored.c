/*
 * The aggregates that most queries spend their time in, counts, quantiles and
 * distinct values of columns, a slice of rows at a time: which rows count is
 * found first, then each costs a few instructions. What is counted here is "hot"
 * until aggregate_settle() hands it to the states. Must give what
 * aggregate_add.c's row after row gives.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec.h"

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

int
aggregate_reserve_scratch(struct aggregate_states *states, uint32_t count)
{
	struct aggregate_scratch *scratch = &states->scratch;

	if (count <= scratch->max)
		return 0;
	scratch->rows = store_arena_alloc(states->arena, count * sizeof *scratch->rows);
	scratch->groups = store_arena_alloc(states->arena, count * sizeof *scratch->groups);
	scratch->narrow = store_arena_alloc(states->arena, count * sizeof *scratch->narrow);
	scratch->values = store_arena_alloc(states->arena, count * sizeof *scratch->values);
	scratch->weights = store_arena_alloc(states->arena, count * sizeof *scratch->weights);
	scratch->hashes = store_arena_alloc(states->arena, count * sizeof *scratch->hashes);
	scratch->buckets = store_arena_alloc(states->arena, count * sizeof *scratch->buckets);
	scratch->marks = store_arena_alloc(states->arena, count * sizeof *scratch->marks);
	scratch->cells = store_arena_alloc(states->arena, count * sizeof *scratch->cells);
	if (scratch->rows == NULL || scratch->groups == NULL || scratch->values == NULL ||
	    scratch->weights == NULL || scratch->buckets == NULL || scratch->hashes == NULL ||
	    scratch->narrow == NULL || scratch->marks == NULL || scratch->cells == NULL)
		return STORE_ELIMIT;
	scratch->max = count;
	return 0;
}

/* rows[] of those whose condition holds and whose argument is not NULL; how many. */
static uint32_t
list_rows(const struct data *condition, const struct aggregate_rows *from, uint32_t *rows)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		rows[count] = i;
		count += (uint32_t)data_true(condition, i) &
			 !(condition->nulls != NULL && condition->nulls[i]) &
			 !aggregate_is_null(from, i);
	}
	return count;
}

/* Only `count` listed rows, in the states' scratch. */
static void
take_listed(const struct aggregate_scratch *scratch, uint32_t count, struct aggregate_rows *rows)
{
	const uint32_t *list = scratch->rows;

	for (uint32_t i = 0; rows->groups != NULL && i < count; i++)
		scratch->groups[i] = rows->groups[list[i]];
	for (uint32_t i = 0; rows->values != NULL && i < count; i++)
		scratch->values[i] = rows->values[list[i]];
	for (uint32_t i = 0; rows->narrow != NULL && i < count; i++)
		scratch->narrow[i] = rows->narrow[list[i]];
	for (uint32_t i = 0; rows->weights != NULL && i < count; i++)
		scratch->weights[i] = rows->weights[list[i]];
	rows->groups = rows->groups == NULL ? NULL : scratch->groups;
	rows->values = rows->values == NULL ? NULL : scratch->values;
	rows->weights = rows->weights == NULL ? NULL : scratch->weights;
	rows->narrow = rows->narrow == NULL ? NULL : scratch->narrow;
	rows->nulls = NULL;
	rows->narrow_nulls = false;
	rows->count = count;
}

/* The rows that count; 0 or STORE_ELIMIT. */
static int
choose_rows(struct aggregate_states *states, const struct aggregate_input *input,
	    uint32_t rows_count, bool with_values, struct aggregate_rows *out)
{
	const struct data *argument = input->argument, *condition = input->condition;
	struct aggregate_scratch *scratch = &states->scratch;

	*out = (struct aggregate_rows){.count = rows_count,
				       .weights = input->weights,
				       .groups = input->groups,
				       .group = input->group};
	if (aggregate_reserve_scratch(states, rows_count) != 0)
		return STORE_ELIMIT;
	if (argument != NULL && argument->narrow != NULL) {
		out->narrow = argument->narrow;
		out->narrow_nulls = argument->narrow_nulls;
	} else if (argument != NULL && !argument->constant) {
		out->nulls = argument->nulls;
	}
	if (with_values && argument->narrow == NULL) {
		out->values = argument->constant ? scratch->values : argument->n.i;
		for (uint32_t i = 0; argument->constant && i < rows_count; i++)
			scratch->values[i] = argument->n.i[0];
	}
	if (argument != NULL && argument->constant && data_is_null(argument, 0)) {
		out->count = 0;
	} else if (condition != NULL && condition->constant) {
		if (data_is_null(condition, 0) || !data_true(condition, 0))
			out->count = 0;
	} else if (condition != NULL) {
		take_listed(scratch, list_rows(condition, out, scratch->rows), out);
	}
	return 0;
}

/* ---- counts ---------------------------------------------------------------- */

CODEC_CLONES static uint64_t
sum_counted(const struct aggregate_rows *rows)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < rows->count; i++)
		sum += aggregate_is_null(rows, i) ? 0
		       : rows->weights == NULL    ? 1
						  : rows->weights[i];
	return sum;
}

int
aggregate_add_counts(struct aggregate_states *states, uint32_t rows_count,
		     const struct aggregate_input *input)
{
	uint64_t *weights = states->weights;
	struct aggregate_rows rows;
	bool has_nulls;

	if (choose_rows(states, input, rows_count, false, &rows) != 0)
		return STORE_ELIMIT;
	states->is_hot = true;
	has_nulls = rows.narrow_nulls || rows.nulls != NULL;
	if (rows.groups == NULL && rows.weights == NULL && !has_nulls) {
		weights[rows.group] += rows.count;
	} else if (rows.groups == NULL) {
		weights[rows.group] += sum_counted(&rows);
	} else if (rows.weights == NULL && !has_nulls) {
		aggregate_tally(weights, rows.groups, rows.count);
	} else if (rows.weights == NULL) {
		for (uint32_t i = 0; i < rows.count; i++)
			weights[rows.groups[i]] += !aggregate_is_null(&rows, i);
	} else {
		for (uint32_t i = 0; i < rows.count; i++)
			weights[rows.groups[i]] +=
			    aggregate_is_null(&rows, i) ? 0 : rows.weights[i];
	}
	return 0;
}

void
aggregate_add_weight(struct aggregate_states *states, uint32_t group, uint64_t weight)
{
	states->weights[group] += weight;
	states->is_hot = true;
}

/* ---- distinct values --------------------------------------------------------- */

/* hashes[] of those that are not NULL, and the groups of those, which may be the
 * groups of the rows, and are not set where all are in one; how many. */
static uint32_t
hash_values(const struct aggregate_rows *rows, uint64_t secret, uint64_t *hashes, uint32_t *groups)
{
	uint32_t count = 0;

	if (rows->groups == NULL && !rows->narrow_nulls && rows->nulls == NULL) {
		for (uint32_t i = 0; i < rows->count; i++)
			hashes[i] = aggregate_hash((uint64_t)aggregate_value(rows, i), secret);
		return rows->count;
	}
	for (uint32_t i = 0; i < rows->count; i++) {
		hashes[count] = aggregate_hash((uint64_t)aggregate_value(rows, i), secret);
		if (rows->groups != NULL)
			groups[count] = rows->groups[i];
		count += !aggregate_is_null(rows, i);
	}
	return count;
}

/* Runs of rows of one group, for tables are sorted by time. */
static int
add_distinct(struct aggregate_states *states, const struct aggregate_rows *rows)
{
	uint64_t *hashes = states->scratch.hashes;
	uint32_t *groups = states->scratch.groups, end;
	uint32_t count = hash_values(rows, states->secret, hashes, groups);

	for (uint32_t i = 0; i < count; i = end) {
		bool one = rows->groups == NULL;
		struct aggregate_state *state = &states->states[one ? rows->group : groups[i]];

		end = one ? count : i + 1;
		while (end < count && groups[end] == groups[i])
			end++;
		state->weight += end - i;
		state->set.words = 1;
		if (aggregate_set_add_all(&state->set, hashes + i, end - i, states->arena) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

#define HASHES_AT_ONCE 512u

int
aggregate_add_distinct(struct aggregate_states *states, uint32_t group, const int64_t *values,
		       uint32_t count, uint64_t rows_count)
{
	struct aggregate_state *state = &states->states[group];
	uint64_t hashes[HASHES_AT_ONCE];

	state->weight += rows_count;
	state->set.words = 1;
	for (uint32_t at = 0; at < count; at += HASHES_AT_ONCE) {
		uint32_t left = count - at, some = left < HASHES_AT_ONCE ? left : HASHES_AT_ONCE;

		for (uint32_t i = 0; i < some; i++)
			hashes[i] = aggregate_hash((uint64_t)values[at + i], states->secret);
		if (aggregate_set_add_all(&state->set, hashes, some, states->arena) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

int
aggregate_add_stored(struct aggregate_states *states, uint32_t rows_count,
		     const struct aggregate_input *input)
{
	struct aggregate_rows rows;

	if (states->aggregate->kind == AGGREGATE_COUNT)
		return aggregate_add_counts(states, rows_count, input);
	if (choose_rows(states, input, rows_count, true, &rows) != 0)
		return STORE_ELIMIT;
	return states->aggregate->kind == AGGREGATE_UNIQ ? add_distinct(states, &rows)
							 : aggregate_quantile_add(states, &rows);
}

/* ---- to the states ----------------------------------------------------------- */

int
aggregate_settle_groups(struct aggregate_states *states, const uint32_t *groups, uint32_t count)
{
	if (aggregate_settle_places(states) != 0 || aggregate_make_states(states) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; states->is_hot && i < count; i++) {
		uint32_t g = groups == NULL ? i : groups[i];

		if (states->weights != NULL) {
			states->states[g].weight += states->weights[g];
			states->weights[g] = 0;
		}
		if (states->edges != NULL && aggregate_quantile_settle(states, g) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

int
aggregate_settle_places(struct aggregate_states *states)
{
	aggregate_few_settle(states);
	return aggregate_young_settle(states) != 0 ? STORE_ELIMIT : aggregate_aside_settle(states);
}

int
aggregate_settle_large(struct aggregate_states *states, uint32_t count)
{
	for (uint32_t g = 0; states->light != NULL && g < count; g++) {
		bool waits = !states->aggregate->margin && aggregate_can_answer(states, g);

		if (states->light[g] != NULL && !waits &&
		    aggregate_settle_groups(states, &g, 1) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

int
aggregate_settle(struct aggregate_states *states)
{
	if (aggregate_settle_places(states) != 0 || /* may make room for the groups */
	    aggregate_settle_groups(states, NULL, states->states_max) != 0)
		return STORE_ELIMIT;
	states->hot_weight = 0;
	states->is_hot = false;
	return 0;
}
