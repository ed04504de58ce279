/*
 * aggregate.h: names, the growing of states, and results. Rows get in by
 * aggregate_add.c. Between scan and result.
 */
#include <math.h>
#include <string.h>

#include "aggregate_inside.h"
#include "function.h"
#include "sql_parse.h"

#define EXACT "quantileExactWeighted"
#define INTERPOLATED "quantileExactWeightedInterpolated"

static const struct aggregate_name known[] = {
    {"count", true, AGGREGATE_COUNT, false, false, NULL},
    {"sum", true, AGGREGATE_SUM, false, false, NULL},
    {"avg", true, AGGREGATE_AVG, false, false, NULL},
    {"min", true, AGGREGATE_MIN, false, false, NULL},
    {"max", true, AGGREGATE_MAX, false, false, NULL},
    {"any", false, AGGREGATE_ANY, false, false, NULL},
    {"any_value", true, AGGREGATE_ANY, false, false, NULL},
    {"anyLast", false, AGGREGATE_ANY_LAST, false, false, NULL},
    {"argMin", false, AGGREGATE_ARG_MIN, true, false, NULL},
    {"argMax", false, AGGREGATE_ARG_MAX, true, false, NULL},
    {"quantile", false, AGGREGATE_QUANTILE, false, false, INTERPOLATED},
    {"median", false, AGGREGATE_QUANTILE, false, false, INTERPOLATED},
    {"quantileTDigest", false, AGGREGATE_QUANTILE, false, false, INTERPOLATED},
    {"quantileTDigestWeighted", false, AGGREGATE_QUANTILE, true, true, INTERPOLATED},
    {INTERPOLATED, false, AGGREGATE_QUANTILE, true, true, INTERPOLATED},
    {"quantiles", false, AGGREGATE_QUANTILES, false, false, "quantilesExactWeightedInterpolated"},
    {"quantileExact", false, AGGREGATE_QUANTILE_EXACT, false, false, EXACT},
    {EXACT, false, AGGREGATE_QUANTILE_EXACT, true, true, EXACT},
    {"quantilesExact", false, AGGREGATE_QUANTILES_EXACT, false, false, "quantilesExactWeighted"},
    {"uniq", false, AGGREGATE_UNIQ, false, false, NULL},
    {"uniqExact", false, AGGREGATE_UNIQ_EXACT, false, false, NULL},
    {"topK", false, AGGREGATE_TOP_K, false, false, "topKWeighted"},
    {"topKWeighted", false, AGGREGATE_TOP_K, true, true, "topKWeighted"},
    {"groupArray", false, AGGREGATE_GROUP_ARRAY, false, false, NULL},
    {"groupUniqArray", false, AGGREGATE_GROUP_UNIQ_ARRAY, false, false, NULL},
    {"stddevPop", false, AGGREGATE_STDDEV_POP, false, false, NULL},
    {"stddevSamp", false, AGGREGATE_STDDEV_SAMP, false, false, NULL},
    {"varPop", false, AGGREGATE_VAR_POP, false, false, NULL},
    {"varSamp", false, AGGREGATE_VAR_SAMP, false, false, NULL},
};

const struct aggregate_name *
aggregate_at(uint32_t index)
{
	return index < sizeof known / sizeof *known ? &known[index] : NULL;
}

const struct aggregate_name *
aggregate_find(struct store_str name, bool *has_condition)
{
	*has_condition = name.size > 2 && memcmp(name.bytes + name.size - 2, "If", 2) == 0;
	if (*has_condition)
		name.size -= 2;
	name = function_real_name(name);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (sql_is_name(name, known[i].name, known[i].any_case))
			return &known[i];
	}
	return NULL;
}

const char *
aggregate_nearest(struct store_str name)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (function_is_near(name, known[i].name))
			return known[i].name;
	}
	return NULL;
}

bool
aggregate_weighs(enum aggregate_kind kind)
{
	return !(kind >= AGGREGATE_MIN && kind <= AGGREGATE_ARG_MAX) &&
	       !(kind >= AGGREGATE_UNIQ && kind <= AGGREGATE_UNIQ_EXACT) &&
	       !(kind >= AGGREGATE_GROUP_ARRAY && kind <= AGGREGATE_GROUP_UNIQ_ARRAY);
}

bool
aggregate_may_approximate(const struct aggregate_name *name)
{
	return (name->kind == AGGREGATE_QUANTILE || name->kind == AGGREGATE_QUANTILES) &&
	       strcmp(name->name, INTERPOLATED) != 0;
}

/* In between room grows faster: there are more to come, and what is copied costs
 * more than what is not used. */
#define FEW_GROUPS 64u
#define MANY_GROUPS 4096u

/* The array with room for `max`, zeroed behind what it has; NULL: no memory. */
static void *
grow(struct aggregate_states *states, void *array, uint32_t max, size_t each)
{
	size_t had = array == NULL ? 0 : states->states_max * each;
	char *grown = store_arena_alloc(states->arena, max * each);

	if (grown == NULL)
		return NULL;
	if (array != NULL) {
		memcpy(grown, array, had);
		store_arena_release(states->arena, array, had);
	}
	memset(grown + had, 0, max * each - had);
	return grown;
}

static int
grow_quantiles(struct aggregate_states *states, uint32_t max)
{
	states->hot = grow(states, states->hot, max, sizeof *states->hot);
	states->light = grow(states, states->light, max, sizeof *states->light);
	states->edges = grow(states, states->edges, max, sizeof *states->edges);
	return states->hot == NULL || states->light == NULL || states->edges == NULL ? STORE_ELIMIT
										     : 0;
}

/* Whether states are made when they are needed. */
static bool
may_wait(const struct aggregate *aggregate)
{
	return !aggregate->margin &&
	       (aggregate->kind == AGGREGATE_COUNT ||
		(aggregate_is_quantile(aggregate) && aggregate_takes_stored(aggregate)));
}

struct aggregate_states *
aggregate_create(const struct aggregate *aggregate, struct store_arena *arena, uint64_t secret)
{
	struct aggregate_states *states = store_arena_zalloc(arena, sizeof *states);

	if (states == NULL)
		return NULL;
	states->aggregate = aggregate;
	states->arena = arena;
	states->secret = secret;
	states->aside.waits = aggregate_is_quantile(aggregate) && may_wait(aggregate);
	return states;
}

int
aggregate_make_states(struct aggregate_states *states)
{
	if (aggregate_aside_settle(states) != 0)
		return STORE_ELIMIT;
	if (states->states == NULL)
		states->states =
		    store_arena_zalloc(states->arena, states->states_max * sizeof *states->states);
	return states->states == NULL ? STORE_ELIMIT : 0;
}

int
aggregate_reserve(struct aggregate_states *states, uint32_t groups_count)
{
	enum aggregate_kind kind = states->aggregate->kind;
	uint32_t max = states->states_max == 0 ? 16 : states->states_max;

	states->groups_count =
	    groups_count > states->groups_count ? groups_count : states->groups_count;
	if (groups_count <= states->states_max || states->aside.waits)
		return 0;
	while (max < groups_count)
		max *= max >= FEW_GROUPS && max < MANY_GROUPS ? 4 : 2;
	if (states->states != NULL || !may_wait(states->aggregate))
		states->states = grow(states, states->states, max, sizeof *states->states);
	if (kind == AGGREGATE_COUNT)
		states->weights = grow(states, states->weights, max, sizeof *states->weights);
	if ((states->states == NULL && !may_wait(states->aggregate)) ||
	    (kind == AGGREGATE_COUNT && states->weights == NULL) ||
	    (aggregate_is_quantile(states->aggregate) && grow_quantiles(states, max) != 0))
		return STORE_ELIMIT;
	states->states_max = max;
	return 0;
}

bool
aggregate_is_shared(const struct aggregate *aggregate, const struct aggregate *with)
{
	const struct expression *argument = aggregate->argument, *other = with->argument;

	return aggregate_takes_stored(aggregate) && aggregate_takes_stored(with) &&
	       aggregate->kind != AGGREGATE_UNIQ &&
	       (with->kind == AGGREGATE_QUANTILE || with->kind == AGGREGATE_QUANTILES) &&
	       aggregate->weighted == with->weighted && aggregate->condition == NULL &&
	       with->condition == NULL && argument->column == other->column &&
	       argument->key.size == other->key.size &&
	       (argument->key.size == 0 ||
		memcmp(argument->key.bytes, other->key.bytes, argument->key.size) == 0);
}

int
aggregate_share(struct aggregate_states *states, struct aggregate_states *with,
		const uint32_t *groups, uint32_t count)
{
	if (groups == NULL && aggregate_reserve(with, count) != 0)
		return STORE_ELIMIT;
	if (!aggregate_is_quantile(states->aggregate) && aggregate_aside_settle(with) != 0)
		return STORE_ELIMIT;
	states->aside.waits = false;
	states->shared = with;
	states->states = with->states;
	states->hot = with->hot;
	states->edges = with->edges;
	states->light = with->light;
	states->states_max = with->states_max;
	return 0;
}

/* The states that an aggregate's rows came into. */
static struct aggregate_states *
source_of(struct aggregate_states *states)
{
	return states->shared == NULL ? states : states->shared;
}

/* ---- arrays ---------------------------------------------------------- */

/* A value of a quantile, as the argument's type has it. */
static struct store_value
exact_value(const struct aggregate *aggregate, struct sketch *sketch, double level)
{
	enum store_result_type type = aggregate->argument->type.type;
	bool weighted = aggregate->name != NULL && aggregate->name->has_weight;
	uint64_t key;

	if (data_type_is_float(type))
		return (struct store_value){
		    .v.f = sketch == NULL || sketch_count(sketch) == 0
			       ? NAN
			       : sketch_quantile_exact(sketch, level, weighted)};
	if (sketch == NULL)
		return (struct store_value){.v.u = 0};
	key = sketch_quantile_key(sketch, level, weighted);
	return (struct store_value){.v.u = aggregate_key(aggregate, key)};
}

static void
finish_exact(const struct aggregate_states *states, uint32_t group, struct store_value *list)
{
	const struct aggregate *aggregate = states->aggregate;

	for (uint32_t i = 0; i < aggregate->levels_count; i++) {
		list[i] =
		    exact_value(aggregate, states->states[group].sketch, aggregate->levels[i]);
		if (data_type_is_float(aggregate->argument->type.type) && isnan(list[i].v.f))
			list[i].v.f = 0; /* of no values; one alone is NaN, in ClickHouse too */
	}
}

/* Lists of quantiles. */
static int
finish_levels(struct aggregate_states *states, const uint32_t *groups,
	      const struct evaluation *evaluation, struct store_value *values, struct data *out)
{
	uint32_t levels = states->aggregate->levels_count;
	struct store_value *lists = store_arena_zalloc(
	    evaluation->arena, ((size_t)out->count * levels + 1) * sizeof *lists);

	if (lists == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		values[i].v.list.items = lists + (size_t)i * levels;
		values[i].v.list.count = levels;
		if (states->aggregate->kind == AGGREGATE_QUANTILES_EXACT)
			finish_exact(states, groups == NULL ? i : groups[i],
				     lists + (size_t)i * levels);
	}
	return states->aggregate->kind == AGGREGATE_QUANTILES_EXACT
		   ? 0
		   : aggregate_finish_quantiles(states, source_of(states), groups, evaluation->crew,
						lists, out);
}

static int
finish_arrays(struct aggregate_states *states, const uint32_t *groups, uint32_t count,
	      struct evaluation *evaluation, struct data *out)
{
	const struct aggregate *aggregate = states->aggregate;
	struct store_value *values;

	memset(out, 0, sizeof *out);
	out->type = aggregate->type;
	out->count = count;
	values = store_arena_zalloc(evaluation->arena, (count + 1u) * sizeof *values);
	out->values = values;
	if (values == NULL || (aggregate->kind < AGGREGATE_TOP_K &&
			       finish_levels(states, groups, evaluation, values, out) != 0))
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; aggregate->kind >= AGGREGATE_TOP_K && i < count; i++) {
		struct aggregate_counts *counts =
		    states->states[groups == NULL ? i : groups[i]].counts;

		if (counts == NULL)
			continue;
		if (aggregate->kind == AGGREGATE_TOP_K)
			aggregate_counts_sort(counts, aggregate->type.element);
		values[i].v.list.items = counts->values;
		values[i].v.list.count = counts->count < aggregate->elements_max
					     ? counts->count
					     : aggregate->elements_max;
	}
	return 0;
}

/* ---- numbers --------------------------------------------------------- */

static double
variance(enum aggregate_kind kind, const struct aggregate_state *state)
{
	bool sample = kind == AGGREGATE_VAR_SAMP || kind == AGGREGATE_STDDEV_SAMP;
	double n = state->moments[0], d = sample ? n - 1 : n;
	double value = (state->moments[2] - state->moments[1] * state->moments[1] / n) / d;

	value = d <= 0 ? NAN : value > 0 ? value : 0; /* of NaN and inf too, as in ClickHouse */
	return kind >= AGGREGATE_STDDEV_POP ? sqrt(value) : value;
}

/* ---- results --------------------------------------------------------- */

static void
finish_one(const struct aggregate *aggregate, struct aggregate_state *state, uint32_t g,
	   struct data *out)
{
	if (aggregate->margin) {
		out->n.f[g] = aggregate_margin(aggregate, state);
		return;
	}
	switch (aggregate->kind) {
	case AGGREGATE_COUNT:
		out->n.u[g] = state->weight;
		break;
	case AGGREGATE_AVG:
		out->n.f[g] = state->number / (double)state->weight; /* nan of nothing */
		break;
	case AGGREGATE_QUANTILE_EXACT:
		out->n.u[g] = exact_value(aggregate, state->sketch, aggregate->levels[0]).v.u;
		break;
	case AGGREGATE_UNIQ:
	case AGGREGATE_UNIQ_EXACT:
		out->n.u[g] = aggregate_set_estimate(&state->set);
		break;
	case AGGREGATE_ANY:
	case AGGREGATE_ANY_LAST:
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
		if (out->s != NULL)
			out->s[g] = state->kept.v.s;
		else
			out->n.u[g] = state->kept.v.u;
		break;
	case AGGREGATE_VAR_POP:
	case AGGREGATE_VAR_SAMP:
	case AGGREGATE_STDDEV_POP:
	case AGGREGATE_STDDEV_SAMP:
		out->n.f[g] = variance(aggregate->kind, state);
		break;
	default:
		if (out->s != NULL)
			out->s[g] = state->string;
		else if (data_type_is_float(aggregate->type.type))
			out->n.f[g] = state->number;
		else
			out->n.u[g] = state->integer;
	}
}

/* ClickHouse wraps; a wrong total helps nobody. */
static int
too_large(struct store_error *error)
{
	if (error != NULL) {
		error->clickhouse = 407;
		error->name = "DECIMAL_OVERFLOW";
	}
	return store_error_set(
	    error, STORE_ETYPE,
	    "A sum does not fit in 64 bits: use sum(toFloat64(...)), or smaller weights");
}

/* Counts that were not settled, or a column's by the states of a quantile. */
static void
finish_counts(const struct aggregate_states *source, const uint32_t *groups, struct data *out)
{
	if (source->weights != NULL && source->states == NULL && groups == NULL) {
		memcpy(out->n.u, source->weights, out->count * sizeof *out->n.u);
		return;
	}
	for (uint32_t i = 0; i < out->count; i++)
		out->n.u[i] = aggregate_answer_weight(source, groups == NULL ? i : groups[i]);
}

/* Whether weights of a quantile left what a sketch can add up. */
static bool
has_full(const struct aggregate_states *source, const uint32_t *groups, uint32_t count)
{
	enum aggregate_kind kind = source->aggregate->kind;
	bool full = false,
	     is_exact = kind == AGGREGATE_QUANTILE_EXACT || kind == AGGREGATE_QUANTILES_EXACT;

	if (source->states == NULL)
		return false;
	for (uint32_t i = 0; i < count && (is_exact || aggregate_is_quantile(source->aggregate));
	     i++) {
		const struct sketch *sketch = source->states[groups == NULL ? i : groups[i]].sketch;

		full |= sketch != NULL && sketch_is_full(sketch);
	}
	return full;
}

/* Whether what is hot need not be settled. */
static bool
is_answered(const struct aggregate_states *states)
{
	if (states->aggregate->margin)
		return false;
	if (states->aggregate->kind == AGGREGATE_COUNT)
		return states->shared != NULL || states->states == NULL;
	return aggregate_is_quantile(states->aggregate);
}

int
aggregate_finish(struct aggregate_states *states, const uint32_t *groups, uint32_t count,
		 struct evaluation *evaluation, struct data *out)
{
	const struct aggregate *aggregate = states->aggregate;
	struct aggregate_states *source = source_of(states);
	bool is_aside = source->aside.count > 0 && is_answered(states);
	int result;

	if ((!is_aside && aggregate_settle_places(source) != 0) ||
	    (groups == NULL && source == states && aggregate_reserve(states, count) != 0) ||
	    (!is_answered(states) && aggregate_settle_groups(source, groups, count) != 0))
		return expression_no_memory(evaluation->error);
	if (states->overflowed || has_full(source, groups, count))
		return too_large(evaluation->error);
	if (aggregate->type.type == STORE_R_ARRAY)
		return finish_arrays(states, groups, count, evaluation, out);
	if ((result = data_allocate(evaluation, aggregate->type, count, out)) != 0)
		return result;
	if (aggregate->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	if (is_answered(states) && aggregate->kind == AGGREGATE_COUNT) {
		finish_counts(source, groups, out);
		return 0;
	}
	if (is_answered(states))
		return aggregate_finish_quantiles(states, source, groups, evaluation->crew, NULL,
						  out) == 0
			   ? 0
			   : expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < count; i++) {
		struct aggregate_state *state = &states->states[groups == NULL ? i : groups[i]];

		finish_one(aggregate, state, i, out);
		if (out->nulls != NULL)
			out->nulls[i] = state->weight == 0 && state->sketch == NULL;
	}
	return 0;
}
