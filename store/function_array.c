/*
 * Arrays and maps: making an array, taking one element or value, looking for
 * one. Their cells are lists of struct store_value. Below every clause.
 */
#include <string.h>

#include "function.h"

/* ---- [a, b] ---------------------------------------------------------- */

/* The narrowest type that holds both; numbers widen, others must be equal. */
static bool
widen(enum store_result_type a, enum store_result_type b, enum store_result_type *out)
{
	bool sa = data_type_is_signed(a), sb = data_type_is_signed(b);
	uint32_t bytes_a, bytes_b;

	*out = a;
	if (a == b)
		return a != STORE_R_MAP && a != STORE_R_ARRAY;
	if (!data_type_is_number(a) || !data_type_is_number(b))
		return false;
	*out = STORE_R_FLOAT64;
	if (data_type_is_float(a) || data_type_is_float(b))
		return true;
	bytes_a = data_type_bytes(a) << (sb && !sa);
	bytes_b = data_type_bytes(b) << (sa && !sb);
	*out = data_type_of_integer(sa || sb, bytes_a > bytes_b ? bytes_a : bytes_b);
	return bytes_a <= 8 && bytes_b <= 8;
}

static bool
infer_array(const struct expression *call, struct type *out)
{
	out->type = STORE_R_ARRAY;
	out->element = call->args_count == 0 ? STORE_R_UINT8 : call->args[0]->type.type;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (call->args[i]->type.nullable ||
		    !widen(out->element, call->args[i]->type.type, &out->element))
			return false;
	}
	return true;
}

static int
evaluate_array(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	uint32_t count = call->args_count;
	struct store_value *values =
	    store_arena_zalloc(evaluation->arena, (out->count + 1u) * sizeof *values);
	struct store_value *items = store_arena_zalloc(
	    evaluation->arena, ((size_t)out->count * count + 1u) * sizeof *items);

	if (values == NULL || items == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < out->count; i++, items += count) {
		values[i].v.list.items = items;
		values[i].v.list.count = count;
		for (uint32_t a = 0; a < count; a++) {
			items[a] = data_value(&args[a], i);
			if (data_type_is_float(call->type.element))
				items[a].v.f = data_double(&args[a], i);
		}
	}
	out->values = values;
	return 0;
}

/* ---- one element ----------------------------------------------------- */

static bool
infer_element(const struct expression *call, struct type *out)
{
	const struct type *list = &call->args[0]->type, *index = &call->args[1]->type;

	if (list->type == STORE_R_MAP) {
		out->type = STORE_R_STRING;
		return index->type == STORE_R_STRING;
	}
	out->type = list->element;
	return list->type == STORE_R_ARRAY && data_type_is_integer(index->type);
}

static void
set_cell(struct data *out, uint32_t row, const struct store_value *value)
{
	static const struct store_value nothing;

	if (value == NULL)
		value = &nothing;
	if (out->s != NULL)
		out->s[row] = value->v.s;
	else
		out->n.u[row] = value->v.u;
}

static const struct store_value *
find_key(const struct store_value *map, struct store_str key)
{
	for (uint32_t i = 0; i < map->v.list.count; i++) {
		struct store_str other = map->v.list.items[i * 2].v.s;

		if (other.size == key.size &&
		    (key.size == 0 || memcmp(other.bytes, key.bytes, key.size) == 0))
			return &map->v.list.items[i * 2 + 1];
	}
	return NULL;
}

/* From 1, or -1 from the end; what is not there is 0 or ''. */
static int
evaluate_element(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	bool is_map = call->args[0]->type.type == STORE_R_MAP;

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		const struct store_value *list = &args[0].values[data_index(&args[0], i)];
		int64_t count = list->v.list.count, index;

		if (is_map) {
			set_cell(out, i, find_key(list, data_string(&args[1], i)));
			continue;
		}
		index = args[1].n.i[data_index(&args[1], i)];
		index = index < 0 ? count + index : index - 1;
		set_cell(out, i, index >= 0 && index < count ? &list->v.list.items[index] : NULL);
	}
	return 0;
}

/* ---- looking for one ------------------------------------------------- */

static bool
infer_has(const struct expression *call, struct type *out)
{
	const struct type *list = &call->args[0]->type, *value = &call->args[1]->type;

	out->type = STORE_R_UINT8;
	if (call->function->name[0] == 'm')
		return list->type == STORE_R_MAP && value->type == STORE_R_STRING;
	return list->type == STORE_R_ARRAY && function_set_fits(value->type, list->element);
}

static bool
is_same(const struct expression *call, const struct store_value *item, const struct data *data,
	uint32_t row)
{
	enum store_result_type element = call->args[0]->type.element, type = data->type.type;
	struct store_value value = data_value(data, row);
	bool a, b;

	if ((element == type && !data_type_is_float(type)) || data_type_is_time(type))
		return data_compare(element, item, &value) == 0;
	if (!data_type_is_float(element) && !data_type_is_float(type)) {
		a = data_type_is_signed(element) && item->v.i < 0;
		b = data_type_is_signed(type) && value.v.i < 0;
		return a == b && item->v.u == value.v.u;
	}
	if (data_type_is_float(element))
		return item->v.f == data_double(data, row);
	return value.v.f == (data_type_is_signed(element) ? (double)item->v.i : (double)item->v.u);
}

static int
evaluate_has(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	     struct data *out)
{
	bool is_map = call->function->name[0] == 'm';
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		const struct store_value *list = &args[0].values[data_index(&args[0], i)];

		out->n.u[i] = 0;
		result = expression_work(evaluation, list->v.list.count);
		if (data_is_null(&args[1], i)) /* it is in no list */
			continue;
		if (is_map) {
			out->n.u[i] = find_key(list, data_string(&args[1], i)) != NULL;
			continue;
		}
		for (uint32_t j = 0; !out->n.u[i] && j < list->v.list.count; j++)
			out->n.u[i] = is_same(call, &list->v.list.items[j], &args[1], i);
	}
	return result;
}

/* ---- keys and values of maps ----------------------------------------- */

static bool
infer_half(const struct expression *call, struct type *out)
{
	out->type = STORE_R_ARRAY;
	out->element = STORE_R_STRING;
	return call->args[0]->type.type == STORE_R_MAP;
}

static int
evaluate_half(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	uint32_t half = call->function->name[3] == 'V';
	struct store_value *values =
	    store_arena_zalloc(evaluation->arena, (out->count + 1u) * sizeof *values);

	if (values == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < out->count; i++) {
		const struct store_value *map = &args[0].values[data_index(&args[0], i)];
		uint32_t count = map->v.list.count;
		struct store_value *items =
		    store_arena_zalloc(evaluation->arena, (count + 1u) * sizeof *items);

		if (items == NULL)
			return expression_no_memory(evaluation->error);
		for (uint32_t j = 0; j < count; j++)
			items[j] = map->v.list.items[j * 2 + half];
		values[i].v.list.items = items;
		values[i].v.list.count = count;
	}
	out->values = values;
	return 0;
}

const struct function function_array_table[] = {
    {"array", false, 0, 255, true, infer_array, evaluate_array},
    {"arrayElement", false, 2, 2, false, infer_element, evaluate_element},
    {"has", false, 2, 2, true, infer_has, evaluate_has},
    {"mapContains", false, 2, 2, true, infer_has, evaluate_has},
    {"mapKeys", false, 1, 1, false, infer_half, evaluate_half},
    {"mapValues", false, 1, 1, false, infer_half, evaluate_half},
    {NULL, false, 0, 0, false, NULL, NULL},
};
