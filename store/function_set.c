/*
 * x IN (SELECT ...): the subquery's values as a sorted list, searched by halves.
 * The planner makes the calls; no name of the query leads here.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"

/* A number or time so that equal ones are equal whatever their types: int64,
 * uint64 above that, else a double's bits. */
struct key {
	uint64_t bits;
	uint8_t tag;
};

struct function_set {
	struct store_str *strings; /* [count], or NULL */
	struct key *keys;          /* [count], or NULL */
	uint64_t count;
};

static int
compare_strings(const void *a, const void *b)
{
	return string_compare(*(const struct store_str *)a, *(const struct store_str *)b);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return (x->bits > y->bits) - (x->bits < y->bits);
}

/* False for NaN, which is equal to nothing. */
static bool
key_of(const struct data *data, uint32_t row, struct key *out)
{
	uint64_t bits = data->n.u[data_index(data, row)];
	double number;

	*out = (struct key){.bits = bits};
	if (data_type_is_time(data->type.type)) {
		out->bits = (uint64_t)data_time_ms(data, row);
		return true;
	}
	if (!data_type_is_float(data->type.type)) {
		out->tag = !data_type_is_signed(data->type.type) && bits > INT64_MAX;
		return true;
	}
	number = data->n.f[data_index(data, row)];
	/* cppcheck-suppress incorrectLogicOperator ; it does not read hex floats */
	if (number == floor(number) && number >= -0x1p63 && number < 0x1p63)
		out->bits = (uint64_t)(int64_t)number;
	else if (number == floor(number) && number >= 0 && number < 0x1p64)
		*out = (struct key){(uint64_t)number, 1};
	else
		out->tag = 2;
	return !isnan(number);
}

bool
function_set_fits(enum store_result_type value, enum store_result_type member)
{
	if (value == STORE_R_STRING || member == STORE_R_STRING)
		return value == member;
	if (data_type_is_time(value) || data_type_is_time(member))
		return data_type_is_time(value) && data_type_is_time(member);
	return data_type_is_number(value) && data_type_is_number(member);
}

struct function_set *
function_set_create(const struct data *data, struct store_arena *arena)
{
	struct function_set *set = store_arena_zalloc(arena, sizeof *set);
	bool strings = data->s != NULL;
	size_t bytes = (data->count + 1u) * (strings ? sizeof *set->strings : sizeof *set->keys);

	if (set == NULL)
		return NULL;
	if (strings)
		set->strings = store_arena_alloc(arena, bytes);
	else
		set->keys = store_arena_alloc(arena, bytes);
	if (set->strings == NULL && set->keys == NULL)
		return NULL;
	for (uint32_t i = 0; i < data->count; i++) {
		if (data_is_null(data, i))
			continue;
		if (strings)
			set->strings[set->count++] = data_string(data, i);
		else
			set->count += key_of(data, i, &set->keys[set->count]);
	}
	if (strings)
		qsort(set->strings, set->count, sizeof *set->strings, compare_strings);
	else
		qsort(set->keys, set->count, sizeof *set->keys, compare_keys);
	return set;
}

/* ---- calling --------------------------------------------------------- */

static bool
infer_in_set(const struct expression *call, struct type *out)
{
	(void)call;
	out->type = STORE_R_UINT8;
	return true;
}

static bool
is_in_set(const struct function_set *set, const struct data *data, uint32_t row)
{
	struct store_str string;
	struct key key;

	if (set->count == 0 || data_is_null(data, row))
		return false;
	if (set->strings == NULL)
		return key_of(data, row, &key) &&
		       bsearch(&key, set->keys, set->count, sizeof key, compare_keys) != NULL;
	string = data_string(data, row);
	return bsearch(&string, set->strings, set->count, sizeof string, compare_strings) != NULL;
}

static int
evaluate_in_set(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	bool negated = call->function == &function_not_in_set;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		out->n.u[i] = is_in_set(call->set, &args[0], i) != negated;
		if (call->set->strings != NULL)
			result = expression_work(evaluation, data_string(&args[0], i).size);
	}
	return result;
}

const struct function function_in_set = {"in", false, 1, 1, false, infer_in_set, evaluate_in_set};
const struct function function_not_in_set = {"notIn",      false,          1, 1, false,
					     infer_in_set, evaluate_in_set};
