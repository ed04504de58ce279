/*
 * Least and greatest values: min and max, and argMin's and argMax's argument there. A
 * row at a time, slices of numbers, and states into each other. Below aggregate_add.c.
 */
#include <math.h>
#include <string.h>

#include "aggregate_inside.h"
#include "codec.h"

static int
keep_string(const struct aggregate_states *states, struct aggregate_state *state,
	    struct store_str string)
{
	char *bytes = store_arena_alloc(states->arena, string.size);

	if (bytes == NULL)
		return STORE_ELIMIT;
	if (string.size > 0)
		memcpy(bytes, string.bytes, string.size);
	state->string = (struct store_str){bytes, string.size};
	return 0;
}

static bool
is_signed(enum store_result_type type)
{
	return data_type_is_signed(type) || type == STORE_R_DATETIME64;
}

/* Whether the value is beyond what the state has. */
static bool
is_beyond(const struct aggregate_state *state, enum store_result_type type,
	  const struct store_value *value, bool max)
{
	if (state->weight == 0)
		return true;
	if (type == STORE_R_STRING)
		return max ? string_compare(state->string, value->v.s) < 0
			   : string_compare(value->v.s, state->string) < 0;
	if (data_type_is_float(type))
		return isnan(state->number) ||
		       (max ? value->v.f > state->number : value->v.f < state->number);
	if (value->v.u == state->integer)
		return false;
	return (is_signed(type) ? value->v.i < (int64_t)state->integer
				: value->v.u < state->integer) != max;
}

/* *moved: it is the new extreme. */
static int
add_extreme(const struct aggregate_states *states, struct aggregate_state *state,
	    enum store_result_type type, const struct store_value *value, bool *moved)
{
	bool max = states->aggregate->kind == AGGREGATE_MAX ||
		   states->aggregate->kind == AGGREGATE_ARG_MAX;

	*moved = is_beyond(state, type, value, max);
	if (!*moved)
		return 0;
	if (type == STORE_R_STRING)
		return keep_string(states, state, value->v.s);
	state->number = value->v.f;
	state->integer = value->v.u;
	return 0;
}

int
aggregate_extreme_add(const struct aggregate_states *states, struct aggregate_state *state,
		      const struct aggregate_input *input, uint32_t row)
{
	const struct data *by = input->second != NULL ? input->second : input->argument;
	struct store_value value = data_value(by, row), kept;
	bool moved;
	int result = add_extreme(states, state, by->type.type, &value, &moved);

	if (result != 0 || !moved || input->second == NULL)
		return result;
	kept = data_value(input->argument, row);
	return aggregate_keep(states, &kept, &state->kept);
}

/* Integers and times are in the order of their bits, signed ones with that of the
 * sign flipped. Rows first ... end - 1. */
static inline __attribute__((always_inline)) void
add_extremes_of(struct aggregate_states *states, uint32_t first, uint32_t end,
		const struct aggregate_input *input, bool is_float, bool max)
{
	const struct data *argument = input->argument;
	uint64_t flip = is_signed(argument->type.type) ? (uint64_t)1 << 63 : 0;

	for (uint32_t i = first; i < end; i++) {
		uint32_t group = input->groups == NULL ? input->group : input->groups[i];
		struct aggregate_state *state = &states->states[group];
		union aggregate_cell cell = {.u = argument->n.u[data_index(argument, i)]};
		bool beyond;

		if (!aggregate_is_counted(input, i))
			continue;
		if (is_float)
			beyond = isnan(state->number) ||
				 (max ? cell.f > state->number : cell.f < state->number);
		else
			beyond = max ? (cell.u ^ flip) > (state->integer ^ flip)
				     : (cell.u ^ flip) < (state->integer ^ flip);
		if (state->weight == 0 || beyond) {
			state->number = cell.f;
			state->integer = cell.u;
		}
		state->weight += input->weights == NULL ? 1 : input->weights[i];
	}
}

#define ROWS_AT_ONCE 512u

/* Whether one of values[count], which are NULL where nulls[] (or NULL) says so, is
 * beyond the number; *wanted: how many are not NULL. */
CODEC_CLONES static bool
has_beyond(const double *values, const uint8_t *nulls, uint32_t count, double number, bool max,
	   uint32_t *wanted)
{
	double sign = max ? -1 : 1, limit = sign * number;
	uint64_t any = 0;
	uint32_t nulls_count = 0;

	for (uint32_t i = 0; nulls == NULL && i < count; i++)
		any |= (uint64_t)(sign * values[i] < limit);
	for (uint32_t i = 0; nulls != NULL && i < count; i++) {
		any |= (uint64_t)(sign * values[i] < limit) & (nulls[i] == 0);
		nulls_count += nulls[i] != 0;
	}
	*wanted = count - nulls_count;
	return any != 0;
}

/* Floats of one group, each of weight 1: most have nothing beyond what was found. */
static void
add_floats(struct aggregate_states *states, uint32_t rows_count,
	   const struct aggregate_input *input, bool max)
{
	struct aggregate_state *state = &states->states[input->group];
	const struct data *argument = input->argument;

	for (uint32_t first = 0, end; first < rows_count; first = end) {
		const uint8_t *nulls = argument->nulls == NULL ? NULL : argument->nulls + first;
		uint32_t wanted;

		end = rows_count - first < ROWS_AT_ONCE ? rows_count : first + ROWS_AT_ONCE;
		if (state->weight == 0 || isnan(state->number) ||
		    has_beyond(argument->n.f + first, nulls, end - first, state->number, max,
			       &wanted))
			add_extremes_of(states, first, end, input, true, max);
		else
			state->weight += wanted;
	}
}

void
aggregate_extreme_add_all(struct aggregate_states *states, uint32_t rows_count,
			  const struct aggregate_input *input)
{
	bool is_float = data_type_is_float(input->argument->type.type);
	bool max = states->aggregate->kind == AGGREGATE_MAX;

	if (is_float && input->groups == NULL && input->condition == NULL &&
	    input->weights == NULL && !input->argument->constant)
		add_floats(states, rows_count, input, max);
	else if (is_float)
		add_extremes_of(states, 0, rows_count, input, true, max);
	else
		add_extremes_of(states, 0, rows_count, input, false, max);
}

int
aggregate_extreme_merge(struct aggregate_states *totals, struct aggregate_state *to,
			const struct aggregate_state *from)
{
	const struct aggregate *aggregate = totals->aggregate;
	bool has_second = aggregate->second != NULL, moved;
	enum store_result_type type =
	    has_second ? aggregate->second->type.type : aggregate->argument->type.type;
	struct store_value value = {.v.u = from->integer};

	if (type == STORE_R_STRING)
		value.v.s = from->string;
	else if (data_type_is_float(type))
		value.v.f = from->number;
	if (add_extreme(totals, to, type, &value, &moved) != 0)
		return STORE_ELIMIT;
	if (moved && has_second)
		to->kept = from->kept;
	return 0;
}
