/*
 * Rows into the states of their groups, and states into each other. Rows weigh
 * their sample interval as SQL.md says. Below aggregate.c; must not know where
 * rows come from.
 */
#include <math.h>
#include <string.h>

#include "aggregate_inside.h"

int
aggregate_keep(const struct aggregate_states *states, const struct store_value *value,
	       struct store_value *out)
{
	char *bytes;

	*out = *value;
	if (value->null || states->aggregate->argument->type.type != STORE_R_STRING)
		return 0;
	if ((bytes = store_arena_alloc(states->arena, value->v.s.size)) == NULL)
		return STORE_ELIMIT;
	if (value->v.s.size > 0)
		memcpy(bytes, value->v.s.bytes, value->v.s.size);
	out->v.s.bytes = bytes;
	return 0;
}

/* The same over and over: a string goes where the one before was, if there is room. */
static int
keep_last(const struct aggregate_states *states, struct aggregate_state *state,
	  const struct store_value *value)
{
	struct store_str *room = &state->string; /* any has no extreme */
	uint32_t size = value->v.s.size;
	char *bytes = (char *)(uintptr_t)room->bytes;

	if (value->null || states->aggregate->argument->type.type != STORE_R_STRING)
		return aggregate_keep(states, value, &state->kept);
	if (bytes == NULL || size > room->size) {
		uint32_t max = size < UINT32_MAX / 2 ? size * 2 : size;

		if ((bytes = store_arena_alloc(states->arena, max)) == NULL)
			return STORE_ELIMIT;
		*room = (struct store_str){bytes, max};
	}
	if (size > 0)
		memcpy(bytes, value->v.s.bytes, size);
	state->kept = *value;
	state->kept.v.s.bytes = bytes;
	return 0;
}

/* ---- quantiles ------------------------------------------------------- */

/* `value` is the number's as the argument's type has it. */
static int
add_quantile(const struct aggregate_states *states, struct aggregate_state *state, double number,
	     const struct store_value *value, uint64_t weight)
{
	const struct aggregate *aggregate = states->aggregate;
	bool keys = aggregate_has_keys(aggregate);
	bool exact = aggregate->kind == AGGREGATE_QUANTILE_EXACT ||
		     aggregate->kind == AGGREGATE_QUANTILES_EXACT;
	bool may_weigh_nothing = exact && aggregate->name != NULL && aggregate->name->has_weight;

	if (weight == 0 ? !may_weigh_nothing : isnan(number) != 0)
		return 0;
	if (state->sketch == NULL) {
		state->sketch = sketch_create(states->arena, keys ? SKETCH_KEYS : aggregate->scale);
		if (state->sketch == NULL)
			return STORE_ELIMIT;
	}
	if (isnan(number)) /* of weight 0: there is a row, of no value */
		return 0;
	return keys ? sketch_add_key(state->sketch, aggregate_key(aggregate, value->v.u), weight)
		    : sketch_add(state->sketch, number, weight);
}

/* ---- rows ------------------------------------------------------------ */

static void
add_moments(struct aggregate_state *state, double value, double weight)
{
	state->moments[0] += weight;
	state->moments[1] += value * weight;
	state->moments[2] += value * value * weight;
}

/* *sum += value * weight; whether that left 64 bits. */
static inline bool
add_signed(uint64_t *sum, int64_t value, uint64_t weight)
{
	int64_t product, total = (int64_t)*sum;
	bool overflows = weight > INT64_MAX ||
			 __builtin_mul_overflow(value, (int64_t)weight, &product) ||
			 __builtin_add_overflow(total, product, &total);

	*sum = (uint64_t)total;
	return overflows;
}

static inline bool
add_unsigned(uint64_t *sum, uint64_t value, uint64_t weight)
{
	uint64_t product;

	return __builtin_mul_overflow(value, weight, &product) ||
	       __builtin_add_overflow(*sum, product, sum);
}

/* Integers and Bools; of floats it is never looked at. */
static void
add_integer(struct aggregate_states *states, struct aggregate_state *state, uint64_t value,
	    uint64_t weight)
{
	enum store_result_type type = states->aggregate->argument->type.type;

	if (data_type_is_float(type))
		return;
	states->overflowed |= data_type_is_signed(type)
				  ? add_signed(&state->integer, (int64_t)value, weight)
				  : add_unsigned(&state->integer, value, weight);
}

/* What the margin needs: sums a draw, or a row when each is a draw of its own. */
static int
add_margin(struct aggregate_states *states, struct aggregate_state *state,
	   const struct aggregate_input *input, uint32_t row, double number, uint64_t weight)
{
	if (input->second != NULL)
		return aggregate_margin_add(states, state,
					    input->second->n.u[data_index(input->second, row)],
					    number, weight);
	add_moments(state, number, (double)weight * (double)(weight - 1));
	return 0;
}

static int
add_row(struct aggregate_states *states, struct aggregate_state *state,
	const struct aggregate_input *input, uint32_t row, uint64_t weight)
{
	const struct aggregate *aggregate = states->aggregate;
	const struct data *data = input->argument;
	struct store_value value = {0};
	double number = 0;
	int result = 0;

	if (data != NULL && (data->type.type == STORE_R_STRING || data->values != NULL)) {
		value = data_value(data, row);
	} else if (data != NULL) {
		value.v.u = data->n.u[data_index(data, row)];
		number = data_double(data, row);
	}
	if (aggregate->margin &&
	    (result = add_margin(states, state, input, row, number, weight)) != 0)
		return result;
	switch (aggregate->kind) {
	case AGGREGATE_COUNT:
	case AGGREGATE_VAR_POP: /* of numbers, all rows at once */
	case AGGREGATE_VAR_SAMP:
	case AGGREGATE_STDDEV_POP:
	case AGGREGATE_STDDEV_SAMP:
		break;
	case AGGREGATE_SUM:
		add_integer(states, state, value.v.u, weight);
		state->number += number * (double)weight;
		break;
	case AGGREGATE_AVG:
		state->number += number * (double)weight;
		break;
	case AGGREGATE_ANY:
		if (state->weight == 0)
			result = aggregate_keep(states, &value, &state->kept);
		break;
	case AGGREGATE_ANY_LAST:
		result = keep_last(states, state, &value);
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
		result = aggregate_extreme_add(states, state, input, row);
		break;
	case AGGREGATE_QUANTILE:
	case AGGREGATE_QUANTILES:
	case AGGREGATE_QUANTILE_EXACT:
	case AGGREGATE_QUANTILES_EXACT:
		result = add_quantile(states, state, number, &value, weight);
		break;
	case AGGREGATE_UNIQ:
	case AGGREGATE_UNIQ_EXACT:
		result = aggregate_add_cell(states, state, &value);
		break;
	case AGGREGATE_GROUP_ARRAY:
		if (state->counts == NULL || state->counts->count < aggregate->elements_max)
			result = aggregate_counts_add(states, state, &value, weight, false);
		break;
	case AGGREGATE_TOP_K:
	case AGGREGATE_GROUP_UNIQ_ARRAY:
		result = aggregate_counts_add(states, state, &value, weight, true);
		break;
	}
	state->weight += weight;
	return result;
}

/* Inlined once for each kind of number. */
static inline __attribute__((always_inline)) void
add_sums_of(struct aggregate_states *states, uint32_t rows_count,
	    const struct aggregate_input *input, bool is_float, bool is_signed)
{
	const struct data *argument = input->argument;
	bool exact = states->aggregate->kind == AGGREGATE_SUM, overflowed = false;

	for (uint32_t i = 0; i < rows_count; i++) {
		uint32_t group = input->groups == NULL ? input->group : input->groups[i];
		uint64_t weight = input->weights == NULL ? 1 : input->weights[i];
		struct aggregate_state *state = &states->states[group];
		union aggregate_cell cell = {.u = argument->n.u[data_index(argument, i)]};
		double number;

		if (!aggregate_is_counted(input, i))
			continue;
		number = is_float ? cell.f : is_signed ? (double)cell.i : (double)cell.u;
		state->number += number * (double)weight;
		state->weight += weight;
		if (exact && !is_float)
			overflowed |= is_signed ? add_signed(&state->integer, cell.i, weight)
						: add_unsigned(&state->integer, cell.u, weight);
	}
	states->overflowed |= overflowed;
}

/* Floats of one group, row after row as ever, for sums are rounded; but nothing waits for
 * what was just stored, nor is it guessed which rows are NULL. What these add, 0, changes
 * no sum: none is -0. */
static void
add_floats(struct aggregate_state *state, const struct data *argument, const uint32_t *weights,
	   uint32_t rows_count)
{
	const uint8_t *nulls = argument->nulls;
	double number = state->number;
	uint64_t weight = state->weight;

	for (uint32_t i = 0; i < rows_count; i++) {
		uint64_t wanted = nulls != NULL && nulls[i] ? 0 : UINT64_MAX;
		uint64_t times = weights == NULL ? 1 : weights[i];
		union aggregate_cell cell = {.u = argument->n.u[i] & wanted};

		number += cell.f * (double)times;
		weight += times & wanted;
	}
	state->number = number;
	state->weight = weight;
}

static void
add_sums(struct aggregate_states *states, uint32_t rows_count, const struct aggregate_input *input)
{
	enum store_result_type type = input->argument->type.type;
	bool is_plain = input->groups == NULL && input->condition == NULL;

	if (data_type_is_float(type) && is_plain && !input->argument->constant)
		add_floats(&states->states[input->group], input->argument, input->weights,
			   rows_count);
	else if (data_type_is_float(type))
		add_sums_of(states, rows_count, input, true, true);
	else if (data_type_is_signed(type))
		add_sums_of(states, rows_count, input, false, true);
	else
		add_sums_of(states, rows_count, input, false, false);
}

static void
add_all_moments(struct aggregate_states *states, uint32_t rows_count,
		const struct aggregate_input *input)
{
	for (uint32_t i = 0; i < rows_count; i++) {
		uint32_t group = input->groups == NULL ? input->group : input->groups[i];
		uint64_t weight = input->weights == NULL ? 1 : input->weights[i];

		if (!aggregate_is_counted(input, i))
			continue;
		add_moments(&states->states[group], data_double(input->argument, i),
			    (double)weight);
		states->states[group].weight += weight;
	}
}

/* Whether the rows need no more than a loop over numbers. */
static bool
is_of_numbers(const struct aggregate *aggregate, const struct aggregate_input *input)
{
	return !aggregate->margin && input->second == NULL && input->argument != NULL &&
	       input->argument->type.type != STORE_R_STRING && input->argument->values == NULL;
}

int
aggregate_add(struct aggregate_states *states, uint32_t rows_count,
	      const struct aggregate_input *input)
{
	const struct data *second = input->second;
	bool weighs = states->aggregate->name != NULL && states->aggregate->name->has_weight;

	if (states->aggregate->kind == AGGREGATE_COUNT && !states->aggregate->margin)
		return aggregate_add_counts(states, rows_count, input);
	if (is_of_numbers(states->aggregate, input)) {
		switch (states->aggregate->kind) {
		case AGGREGATE_SUM:
		case AGGREGATE_AVG:
			add_sums(states, rows_count, input);
			return 0;
		case AGGREGATE_MIN:
		case AGGREGATE_MAX:
			aggregate_extreme_add_all(states, rows_count, input);
			return 0;
		case AGGREGATE_VAR_POP:
		case AGGREGATE_VAR_SAMP:
		case AGGREGATE_STDDEV_POP:
		case AGGREGATE_STDDEV_SAMP:
			add_all_moments(states, rows_count, input);
			return 0;
		default:
			break;
		}
	}
	if (aggregate_make_states(states) != 0)
		return STORE_ELIMIT;
	if (aggregate_takes_codes(states, rows_count, input))
		return aggregate_add_codes(states, rows_count, input);
	for (uint32_t i = 0; i < rows_count; i++) {
		uint32_t group = input->groups == NULL ? input->group : input->groups[i];
		uint64_t weight = input->weights == NULL ? 1 : input->weights[i];
		int result;

		if (!aggregate_is_counted(input, i) || (second != NULL && data_is_null(second, i)))
			continue;
		if (weighs)
			weight *= second->n.u[data_index(second, i)];
		/* Of exact quantiles the least value is the answer where all weigh nothing. */
		if (weighs && weight == 0 && states->aggregate->kind != AGGREGATE_QUANTILE_EXACT)
			continue;
		if ((result = add_row(states, &states->states[group], input, i, weight)) != 0)
			return result;
	}
	return 0;
}

/* ---- merging --------------------------------------------------------- */

static int
merge_counts(struct aggregate_states *totals, struct aggregate_state *to,
	     const struct aggregate_state *from)
{
	bool distinct = totals->aggregate->kind != AGGREGATE_GROUP_ARRAY;
	uint32_t max = distinct ? UINT32_MAX : totals->aggregate->elements_max;

	for (uint32_t i = 0; from->counts != NULL && i < from->counts->count; i++) {
		if (to->counts != NULL && to->counts->count >= max)
			break;
		if (aggregate_counts_add(totals, to, &from->counts->values[i],
					 from->counts->weights[i], distinct) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

int
aggregate_merge_state(struct aggregate_states *totals, struct aggregate_state *to,
		      const struct aggregate_state *from)
{
	enum aggregate_kind kind = totals->aggregate->kind;
	int result = 0;

	if (from->weight == 0 && from->sketch == NULL)
		return 0;
	switch (kind) {
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
		result = aggregate_extreme_merge(totals, to, from);
		break;
	case AGGREGATE_ANY:
	case AGGREGATE_ANY_LAST:
		if (to->weight == 0 || kind == AGGREGATE_ANY_LAST)
			to->kept = from->kept;
		break;
	case AGGREGATE_UNIQ:
	case AGGREGATE_UNIQ_EXACT:
		result = aggregate_set_merge(&to->set, &from->set, totals->arena);
		break;
	default:
		if (kind == AGGREGATE_SUM)
			add_integer(totals, to, from->integer, 1);
		to->number += from->number;
		for (int i = 0; i < 3; i++)
			to->moments[i] += from->moments[i];
	}
	to->weight += from->weight;
	if (result == 0)
		result = aggregate_margin_merge(totals, to, from);
	if (result == 0 && from->sketch != NULL) {
		if (to->sketch == NULL)
			to->sketch = sketch_create(totals->arena, sketch_scale(from->sketch));
		result = to->sketch == NULL ? STORE_ELIMIT
					    : sketch_merge(to->sketch, from->sketch, totals->arena);
	}
	return result == 0 ? merge_counts(totals, to, from) : result;
}
