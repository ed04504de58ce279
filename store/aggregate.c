/*
 * aggregate.h. Between scan and result; must not know where rows come from.
 * Rows are weighted by their sample interval as SQL.md says.
 */
#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "aggregate.h"
#include "function.h"
#include "sketch.h"
#include "sql_parse.h"

struct set {             /* of hashes: distinct values */
	uint64_t *slots; /* 0: free */
	uint32_t count, slots_count;
};

struct state {
	uint64_t weight;         /* of rows that counted */
	uint64_t integer;        /* sum, min or max of integers, wrapping as 64 bits */
	double number;           /* the same of floats; avg's sum */
	struct store_str string; /* min and max of strings */
	struct sketch *sketch;
	struct set set;
};

struct aggregate_states {
	const struct aggregate *aggregate;
	struct store_arena *arena;
	uint64_t secret;
	struct state *states;
	uint32_t states_max;
};

static const struct {
	const char *name;
	bool any_case;
	enum aggregate_kind kind;
} known[] = {{"count", true, AGGREGATE_COUNT},
	     {"sum", true, AGGREGATE_SUM},
	     {"avg", true, AGGREGATE_AVG},
	     {"min", true, AGGREGATE_MIN},
	     {"max", true, AGGREGATE_MAX},
	     {"quantile", false, AGGREGATE_QUANTILE},
	     {"quantiles", false, AGGREGATE_QUANTILES},
	     {"median", false, AGGREGATE_QUANTILE},
	     {"uniq", false, AGGREGATE_UNIQ}};

int
aggregate_find(struct store_str name, bool *has_condition)
{
	*has_condition = name.size > 2 && memcmp(name.bytes + name.size - 2, "If", 2) == 0;
	if (*has_condition)
		name.size -= 2;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		bool same = strlen(known[i].name) == name.size &&
			    memcmp(known[i].name, name.bytes, name.size) == 0;

		if (same || (known[i].any_case && sql_is_word(name, known[i].name)))
			return (int)known[i].kind;
	}
	return -1;
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

struct aggregate_states *
aggregate_create(const struct aggregate *aggregate, struct store_arena *arena, uint64_t secret)
{
	struct aggregate_states *states = store_arena_zalloc(arena, sizeof *states);

	if (states != NULL) {
		states->aggregate = aggregate;
		states->arena = arena;
		states->secret = secret;
	}
	return states;
}

int
aggregate_reserve(struct aggregate_states *states, uint32_t groups_count)
{
	uint32_t max = states->states_max == 0 ? 16 : states->states_max;
	struct state *grown;

	if (groups_count <= states->states_max)
		return 0;
	while (max < groups_count)
		max *= 2;
	if ((grown = store_arena_zalloc(states->arena, max * sizeof *grown)) == NULL)
		return STORE_ELIMIT;
	if (states->states_max > 0)
		memcpy(grown, states->states, states->states_max * sizeof *grown);
	states->states = grown;
	states->states_max = max;
	return 0;
}

/* ---- distinct values ------------------------------------------------- */

static uint64_t *
find_slot(const struct set *set, uint64_t hash)
{
	uint32_t slot = (uint32_t)hash & (set->slots_count - 1);

	while (set->slots[slot] != 0 && set->slots[slot] != hash)
		slot = (slot + 1) & (set->slots_count - 1);
	return &set->slots[slot];
}

static int
set_add(struct set *set, uint64_t hash, struct store_arena *arena)
{
	uint64_t *slot;

	hash += hash == 0;
	if (set->count * 2 >= set->slots_count) {
		struct set grown = {.count = set->count,
				    .slots_count =
					set->slots_count == 0 ? 16 : set->slots_count * 2};

		grown.slots = store_arena_zalloc(arena, grown.slots_count * sizeof *grown.slots);
		if (grown.slots == NULL)
			return STORE_ELIMIT;
		for (uint32_t i = 0; i < set->slots_count; i++) {
			if (set->slots[i] != 0)
				*find_slot(&grown, set->slots[i]) = set->slots[i];
		}
		*set = grown;
	}
	slot = find_slot(set, hash);
	set->count += *slot == 0;
	*slot = hash;
	return 0;
}

static uint64_t
hash_cell(const struct aggregate_states *states, const struct data *data, uint32_t row)
{
	struct store_str string;

	if (data->type.type != STORE_R_STRING)
		return XXH3_64bits_withSeed(&data->n.u[data_index(data, row)], 8, states->secret);
	string = data_string(data, row);
	return XXH3_64bits_withSeed(string.size == 0 ? "" : string.bytes, string.size,
				    states->secret);
}

/* ---- adding ---------------------------------------------------------- */

static bool
string_less(struct store_str a, struct store_str b)
{
	uint32_t size = a.size < b.size ? a.size : b.size;
	int order = size == 0 ? 0 : memcmp(a.bytes, b.bytes, size);

	return order != 0 ? order < 0 : a.size < b.size;
}

static int
keep_string(struct aggregate_states *states, struct state *state, struct store_str string)
{
	char *bytes = store_arena_alloc(states->arena, string.size);

	if (bytes == NULL)
		return STORE_ELIMIT;
	if (string.size > 0)
		memcpy(bytes, string.bytes, string.size);
	state->string = (struct store_str){bytes, string.size};
	return 0;
}

static int
add_extreme(struct aggregate_states *states, struct state *state, const struct data *data,
	    uint32_t row)
{
	bool max = states->aggregate->kind == AGGREGATE_MAX, first = state->weight == 0;

	if (data->type.type == STORE_R_STRING) {
		struct store_str string = data_string(data, row);

		if (first ||
		    (max ? string_less(state->string, string) : string_less(string, state->string)))
			return keep_string(states, state, string);
	} else if (data_type_is_float(data->type.type)) {
		double value = data_double(data, row);

		if (first || isnan(state->number) ||
		    (max ? value > state->number : value < state->number))
			state->number = value;
	} else {
		uint64_t value = data->n.u[data_index(data, row)];
		bool is_signed =
		    data_type_is_signed(data->type.type) || data->type.type == STORE_R_DATETIME64;
		bool less =
		    is_signed ? (int64_t)value < (int64_t)state->integer : value < state->integer;

		if (first || (value != state->integer && less != max))
			state->integer = value;
	}
	return 0;
}

static int
add_quantile(struct aggregate_states *states, struct state *state, const struct data *data,
	     uint32_t row, uint64_t weight)
{
	double value = data_double(data, row);

	if (isnan(value))
		return 0;
	if (state->sketch == NULL) {
		state->sketch = sketch_create(states->arena, states->aggregate->scale);
		if (state->sketch == NULL)
			return STORE_ELIMIT;
	}
	return sketch_add(state->sketch, value, weight);
}

static int
add_row(struct aggregate_states *states, struct state *state, const struct data *data, uint32_t row,
	uint64_t weight)
{
	int result = 0;

	switch (states->aggregate->kind) {
	case AGGREGATE_COUNT:
		break;
	case AGGREGATE_SUM:
		if (!data_type_is_float(data->type.type))
			state->integer += data->n.u[data_index(data, row)] * weight;
		state->number += data_double(data, row) * (double)weight;
		break;
	case AGGREGATE_AVG:
		state->number += data_double(data, row) * (double)weight;
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		result = add_extreme(states, state, data, row);
		break;
	case AGGREGATE_QUANTILE:
	case AGGREGATE_QUANTILES:
		result = add_quantile(states, state, data, row, weight);
		break;
	case AGGREGATE_UNIQ:
		result = set_add(&state->set, hash_cell(states, data, row), states->arena);
		break;
	}
	state->weight += weight;
	return result;
}

int
aggregate_add(struct aggregate_states *states, const uint32_t *groups, uint32_t rows_count,
	      const struct data *argument, const struct data *condition, const uint64_t *weights)
{
	for (uint32_t i = 0; i < rows_count; i++) {
		int result;

		if (condition != NULL && (data_is_null(condition, i) || !data_true(condition, i)))
			continue;
		if (argument != NULL && data_is_null(argument, i))
			continue;
		result = add_row(states, &states->states[groups[i]], argument, i,
				 weights == NULL ? 1 : weights[i]);
		if (result != 0)
			return result;
	}
	return 0;
}

/* ---- results --------------------------------------------------------- */

static int
finish_quantiles(struct aggregate_states *states, uint32_t groups_count,
		 struct evaluation *evaluation, struct data *out)
{
	const struct aggregate *aggregate = states->aggregate;
	struct store_value *values, *items;

	memset(out, 0, sizeof *out);
	out->type = aggregate->type;
	out->count = groups_count;
	values = store_arena_zalloc(evaluation->arena, (groups_count + 1u) * sizeof *values);
	items = store_arena_zalloc(evaluation->arena, ((size_t)groups_count + 1) *
							  aggregate->levels_count * sizeof *items);
	if (values == NULL || items == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t g = 0; g < groups_count; g++) {
		struct store_value *list = items + (size_t)g * aggregate->levels_count;

		for (uint32_t i = 0; i < aggregate->levels_count; i++)
			list[i].v.f =
			    states->states[g].sketch == NULL
				? NAN
				: sketch_quantile(states->states[g].sketch, aggregate->levels[i]);
		values[g].v.list.items = list;
		values[g].v.list.count = aggregate->levels_count;
	}
	out->values = values;
	return 0;
}

static void
finish_one(const struct aggregate_states *states, const struct state *state, uint32_t g,
	   struct data *out)
{
	const struct aggregate *aggregate = states->aggregate;

	switch (aggregate->kind) {
	case AGGREGATE_COUNT:
		out->n.u[g] = state->weight;
		break;
	case AGGREGATE_AVG:
		out->n.f[g] = state->number / (double)state->weight; /* nan of nothing */
		break;
	case AGGREGATE_QUANTILE:
		out->n.f[g] = state->sketch == NULL
				  ? NAN
				  : sketch_quantile(state->sketch, aggregate->levels[0]);
		break;
	case AGGREGATE_UNIQ:
		out->n.u[g] = state->set.count;
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

int
aggregate_finish(struct aggregate_states *states, uint32_t groups_count,
		 struct evaluation *evaluation, struct data *out)
{
	const struct aggregate *aggregate = states->aggregate;
	int result = aggregate_reserve(states, groups_count);

	if (result != 0)
		return expression_no_memory(evaluation->error);
	if (aggregate->kind == AGGREGATE_QUANTILES)
		return finish_quantiles(states, groups_count, evaluation, out);
	if ((result = data_allocate(evaluation, aggregate->type, groups_count, out)) != 0)
		return result;
	if (aggregate->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t g = 0; g < groups_count; g++) {
		finish_one(states, &states->states[g], g, out);
		if (out->nulls != NULL)
			out->nulls[g] = states->states[g].weight == 0;
	}
	return 0;
}
