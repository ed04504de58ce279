/*
 * Comparisons, and IN, which is several of them.
 */
#include <string.h>

#include "codec.h"
#include "function.h"

/* ---- comparisons ----------------------------------------------------- */

bool
function_comparable(const struct type *a, const struct type *b)
{
	if (a->type == STORE_R_STRING || b->type == STORE_R_STRING)
		return a->type == b->type;
	if (data_type_is_time(a->type) && data_type_is_time(b->type))
		return true;
	if (a->type == STORE_R_DATE || b->type == STORE_R_DATE)
		return false;
	if (data_type_is_time(a->type) || data_type_is_time(b->type)) /* seconds */
		return data_type_is_number(a->type) || data_type_is_number(b->type);
	return data_type_is_number(a->type) && data_type_is_number(b->type);
}

static bool
infer_compare(const struct expression *call, struct type *out)
{
	out->type = STORE_R_UINT8;
	return function_comparable(&call->args[0]->type, &call->args[1]->type);
}

int
function_compare(const struct data *a, const struct data *b, uint32_t row)
{
	if (a->type.type == STORE_R_STRING) {
		int order = string_compare(data_string(a, row), data_string(b, row));

		return (order > 0) - (order < 0);
	}
	if (data_type_is_time(a->type.type) && data_type_is_time(b->type.type)) {
		int64_t x = data_time_ms(a, row), y = data_time_ms(b, row);

		return (x > y) - (x < y);
	}
	if (!data_type_is_integer(a->type.type) || !data_type_is_integer(b->type.type)) {
		long double x = data_number(a, row), y = data_number(b, row);

		return x != x || y != y ? 2 : (x > y) - (x < y);
	}
	{
		uint64_t x = a->n.u[data_index(a, row)], y = b->n.u[data_index(b, row)];
		bool negative_x = data_type_is_signed(a->type.type) && (int64_t)x < 0;
		bool negative_y = data_type_is_signed(b->type.type) && (int64_t)y < 0;

		if (negative_x != negative_y)
			return negative_x ? -1 : 1;
		return negative_x ? ((int64_t)x > (int64_t)y) - ((int64_t)x < (int64_t)y)
				  : (x > y) - (x < y);
	}
}

struct rule {
	const char *name;
	bool less, equal, greater, unordered;
};

/* Wide loops for what conditions mostly are: a column against a constant (step 0), or
 * another column. */
CODEC_CLONES static void
compare_integers(const int64_t *values, const int64_t *with, uint32_t step, uint32_t count,
		 const struct rule *rule, uint64_t *out)
{
	uint64_t less = rule->less, equal = rule->equal, greater = rule->greater;
	int64_t first = with[0];

	for (uint32_t i = 0; i < count && step == 0; i++)
		out[i] = ((uint64_t)(values[i] < first) & less) |
			 ((uint64_t)(values[i] > first) & greater) |
			 ((uint64_t)(values[i] == first) & equal);
	for (uint32_t i = 0; i < count && step == 1; i++)
		out[i] = ((uint64_t)(values[i] < with[i]) & less) |
			 ((uint64_t)(values[i] > with[i]) & greater) |
			 ((uint64_t)(values[i] == with[i]) & equal);
}

CODEC_CLONES static void
compare_floats(const double *values, const double *with, uint32_t step, uint32_t count,
	       const struct rule *rule, uint64_t *out)
{
	uint64_t less = rule->less, equal = rule->equal, greater = rule->greater;
	uint64_t unordered = rule->unordered;
	double first = with[0];

	for (uint32_t i = 0; i < count && step == 0; i++)
		out[i] = ((uint64_t)(values[i] < first) & less) |
			 ((uint64_t)(values[i] > first) & greater) |
			 ((uint64_t)(values[i] == first) & equal) |
			 ((uint64_t)(values[i] != values[i] || first != first) & unordered);
	for (uint32_t i = 0; i < count && step == 1; i++)
		out[i] = ((uint64_t)(values[i] < with[i]) & less) |
			 ((uint64_t)(values[i] > with[i]) & greater) |
			 ((uint64_t)(values[i] == with[i]) & equal) |
			 ((uint64_t)(values[i] != values[i] || with[i] != with[i]) & unordered);
}

/* Stored integers that order as the values do; UInt64 may be above. */
static bool
is_of_integers(enum store_result_type type)
{
	return data_type_is_integer(type) &&
	       (data_type_is_signed(type) || data_type_bytes(type) < 8);
}

/* false: not of a kind that the loops serve. What NULL rows have is not looked at. */
static bool
compare_column(const struct data *a, const struct data *b, uint32_t count, const struct rule *rule,
	       uint64_t *out)
{
	enum store_result_type type = a->type.type, with = b->type.type;
	uint32_t step = !b->constant;
	int64_t whole;
	double number;

	if (a->constant || (b->constant && b->nulls != NULL && b->nulls[0]) ||
	    type == STORE_R_STRING || with == STORE_R_STRING)
		return false;
	if ((type == with && data_type_is_time(type)) ||
	    (is_of_integers(type) && is_of_integers(with))) {
		compare_integers(a->n.i, b->n.i, step, count, rule, out);
		return true;
	}
	if (data_type_is_float(type) && data_type_is_float(with)) {
		compare_floats(a->n.f, b->n.f, step, count, rule, out);
		return true;
	}
	if (!b->constant)
		return false;
	if (data_type_is_time(type) && data_type_is_time(with) && data_time_unit_ms(type) == 1) {
		whole = data_time_ms(b, 0);
		compare_integers(a->n.i, &whole, 0, count, rule, out);
		return true;
	}
	if (!data_type_is_number(type) || !data_type_is_number(with))
		return false;
	number = (double)data_number(b, 0);
	if (data_type_is_float(type) && data_number(b, 0) == (long double)number) {
		compare_floats(a->n.f, &number, 0, count, rule, out);
		return true;
	}
	if (is_of_integers(type) && data_type_is_integer(with) && b->n.u[0] <= INT64_MAX) {
		whole = (int64_t)b->n.u[0];
		compare_integers(a->n.i, &whole, 0, count, rule, out);
		return true;
	}
	return false;
}

/* What comparing the row's value may take. */
static int
work(struct evaluation *evaluation, const struct data *data, uint32_t row)
{
	return data->type.type == STORE_R_STRING
		   ? expression_work(evaluation, data_string(data, row).size)
		   : 0;
}

static int
evaluate_compare(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	static const struct rule rules[] = {
	    {"equals", false, true, false, false},  {"notEquals", true, false, true, true},
	    {"less", true, false, false, false},    {"lessOrEquals", true, true, false, false},
	    {"greater", false, false, true, false}, {"greaterOrEquals", false, true, true, false}};
	size_t rule = 0;
	int result = 0;

	while (strcmp(rules[rule].name, call->function->name) != 0)
		rule++;
	if (compare_column(&args[0], &args[1], out->count, &rules[rule], out->n.u))
		return 0;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		int order;

		if (data_is_null(&args[0], i) || data_is_null(&args[1], i)) {
			out->n.u[i] = 0;
			continue;
		}
		order = function_compare(&args[0], &args[1], i);
		result = work(evaluation, &args[0], i);
		out->n.u[i] = order == 2   ? rules[rule].unordered
			      : order < 0  ? rules[rule].less
			      : order == 0 ? rules[rule].equal
					   : rules[rule].greater;
	}
	return result;
}

/* ---- IN -------------------------------------------------------------- */

/* The list's members are the arguments after the first; NULL members never
 * match. Of many constants there is a set, too. */
static bool
infer_in(const struct expression *call, struct type *out)
{
	out->type = STORE_R_UINT8;
	for (uint32_t i = 1; i < call->args_count; i++) {
		if (!function_comparable(&call->args[0]->type, &call->args[i]->type) &&
		    !(call->args[i]->type.nullable && call->args[i]->kind == EXPRESSION_CONSTANT))
			return false;
	}
	out->nullable = call->args[0]->type.nullable;
	return true;
}

static int
evaluate_in(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	    struct data *out)
{
	bool negated = call->function->name[0] == 'n';
	int result = 0;

	if (out->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		bool found = false;

		if (out->nulls != NULL && data_is_null(&args[0], i))
			out->nulls[i] = 1;
		if (call->members != NULL) {
			found = function_set_has(call->members, &args[0], i);
			result = work(evaluation, &args[0], i);
		}
		for (uint32_t a = 1;
		     call->members == NULL && a < call->args_count && !found && result == 0; a++) {
			found = !data_is_null(&args[0], i) && !data_is_null(&args[a], i) &&
				function_compare(&args[0], &args[a], i) == 0;
			result = work(evaluation, &args[0], i);
		}
		out->n.u[i] = found != negated;
	}
	return result;
}

const struct function function_compare_table[] = {
    {"equals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"notEquals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"less", false, 2, 2, false, infer_compare, evaluate_compare},
    {"lessOrEquals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"greater", false, 2, 2, false, infer_compare, evaluate_compare},
    {"greaterOrEquals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"in", false, 1, 255, true, infer_in, evaluate_in},
    {"notIn", false, 1, 255, true, infer_in, evaluate_in},
    {NULL, false, 0, 0, false, NULL, NULL},
};
