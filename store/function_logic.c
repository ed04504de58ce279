/*
 * Comparisons, three-valued logic, IN, conditions and NULL handling.
 */
#include <string.h>

#include "codec.h"
#include "function.h"

static const struct data *
arg(const struct data *args, uint32_t i)
{
	return &args[i];
}

/* ---- comparisons ----------------------------------------------------- */

static bool
comparable(const struct type *a, const struct type *b)
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
	return comparable(&call->args[0]->type, &call->args[1]->type);
}

static int
compare_strings(struct store_str a, struct store_str b)
{
	uint32_t size = a.size < b.size ? a.size : b.size;
	int order = size == 0 ? 0 : memcmp(a.bytes, b.bytes, size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

int
function_compare(const struct data *a, const struct data *b, uint32_t row)
{
	if (a->type.type == STORE_R_STRING) {
		int order = compare_strings(data_string(a, row), data_string(b, row));

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

/* Wide loops for what conditions mostly are: a column against a constant. */
CODEC_CLONES static void
compare_integers(const int64_t *values, int64_t with, uint32_t count, const struct rule *rule,
		 uint64_t *out)
{
	uint64_t less = rule->less, equal = rule->equal, greater = rule->greater;

	for (uint32_t i = 0; i < count; i++)
		out[i] = ((uint64_t)(values[i] < with) & less) |
			 ((uint64_t)(values[i] > with) & greater) |
			 ((uint64_t)(values[i] == with) & equal);
}

CODEC_CLONES static void
compare_floats(const double *values, double with, uint32_t count, const struct rule *rule,
	       uint64_t *out)
{
	uint64_t less = rule->less, equal = rule->equal, greater = rule->greater;
	uint64_t unordered = rule->unordered;

	for (uint32_t i = 0; i < count; i++)
		out[i] = ((uint64_t)(values[i] < with) & less) |
			 ((uint64_t)(values[i] > with) & greater) |
			 ((uint64_t)(values[i] == with) & equal) |
			 ((uint64_t)(values[i] != values[i] || with != with) & unordered);
}

/* false: not of a kind that the loops serve. */
static bool
compare_column(const struct data *a, const struct data *b, uint32_t count, const struct rule *rule,
	       uint64_t *out)
{
	enum store_result_type type = a->type.type;
	bool is_signed = data_type_is_signed(type) || type == STORE_R_DATETIME64;
	long double number;

	if (a->constant || !b->constant || (b->nulls != NULL && b->nulls[0]) ||
	    b->type.type == STORE_R_STRING)
		return false;
	if (data_type_is_time(type) && data_type_is_time(b->type.type) &&
	    data_time_unit_ms(type) == 1) {
		compare_integers(a->n.i, data_time_ms(b, 0), count, rule, out);
		return true;
	}
	if (!data_type_is_number(type) || !data_type_is_number(b->type.type))
		return false;
	number = data_number(b, 0);
	if (data_type_is_float(type) && number == (long double)(double)number) {
		compare_floats(a->n.f, (double)number, count, rule, out);
		return true;
	}
	/* Unsigned ones below 2^63 compare as signed ones; UInt64 may be above. */
	if (data_type_is_integer(type) && data_type_is_integer(b->type.type) &&
	    (is_signed || data_type_bytes(type) < 8) && number >= -9223372036854775808.0L &&
	    number <= 9223372036854775807.0L) {
		compare_integers(a->n.i, (int64_t)b->n.u[0], count, rule, out);
		return true;
	}
	return false;
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

	(void)evaluation;
	while (strcmp(rules[rule].name, call->function->name) != 0)
		rule++;
	if (compare_column(&args[0], &args[1], out->count, &rules[rule], out->n.u))
		return 0;
	for (uint32_t i = 0; i < out->count; i++) {
		int order;

		if (data_is_null(arg(args, 0), i) || data_is_null(arg(args, 1), i)) {
			out->n.u[i] = 0;
			continue;
		}
		order = function_compare(arg(args, 0), arg(args, 1), i);
		out->n.u[i] = order == 2   ? rules[rule].unordered
			      : order < 0  ? rules[rule].less
			      : order == 0 ? rules[rule].equal
					   : rules[rule].greater;
	}
	return 0;
}

/* ---- and, or, not ---------------------------------------------------- */

static bool
infer_logic(const struct expression *call, struct type *out)
{
	out->type = STORE_R_UINT8;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (!data_type_is_number(call->args[i]->type.type))
			return false;
		out->nullable |= call->args[i]->type.nullable;
		if (call->args[i]->type.type == STORE_R_BOOL)
			out->type = STORE_R_BOOL;
	}
	return true;
}

CODEC_CLONES static void
join(const uint64_t *values, uint32_t count, bool is_and, uint64_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = is_and ? out[i] & (values[i] != 0) : out[i] | (values[i] != 0);
}

/* The plain case: integers, NULL in the same rows or nowhere. */
static bool
logic_of_columns(const struct expression *call, const struct data *args, struct data *out,
		 bool deciding)
{
	for (uint32_t a = 0; a < call->args_count; a++) {
		if (args[a].constant || data_type_is_float(args[a].type.type) ||
		    args[a].nulls != args[0].nulls)
			return false;
	}
	for (uint32_t i = 0; i < out->count; i++)
		out->n.u[i] = !deciding;
	for (uint32_t a = 0; a < call->args_count; a++)
		join(args[a].n.u, out->count, !deciding, out->n.u);
	out->nulls = args[0].nulls;
	return true;
}

/* `deciding` settles it whatever the others are: false for AND, true for OR. */
static int
logic(struct evaluation *evaluation, const struct expression *call, const struct data *args,
      struct data *out, bool deciding)
{
	if (logic_of_columns(call, args, out, deciding))
		return 0;
	if (call->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		bool decided = false, unknown = false;

		for (uint32_t a = 0; a < call->args_count; a++) {
			if (data_is_null(&args[a], i))
				unknown = true;
			else if (data_true(&args[a], i) == deciding)
				decided = true;
		}
		out->n.u[i] = decided ? deciding : !deciding;
		if (out->nulls != NULL)
			out->nulls[i] = !decided && unknown;
	}
	return 0;
}

static int
evaluate_and(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	     struct data *out)
{
	return logic(evaluation, call, args, out, false);
}

static int
evaluate_or(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	    struct data *out)
{
	return logic(evaluation, call, args, out, true);
}

static int
evaluate_not(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	     struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.u[i] = !data_true(&args[0], i);
	return 0;
}

/* ---- IN -------------------------------------------------------------- */

/* The list's members are the arguments after the first; NULL members never
 * match. */
static bool
infer_in(const struct expression *call, struct type *out)
{
	out->type = STORE_R_UINT8;
	for (uint32_t i = 1; i < call->args_count; i++) {
		if (!comparable(&call->args[0]->type, &call->args[i]->type) &&
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

	if (out->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		bool found = false;

		if (out->nulls != NULL && data_is_null(&args[0], i))
			out->nulls[i] = 1;
		for (uint32_t a = 1; a < call->args_count && !found; a++)
			found = !data_is_null(&args[0], i) && !data_is_null(&args[a], i) &&
				function_compare(&args[0], &args[a], i) == 0;
		out->n.u[i] = found != negated;
	}
	return 0;
}

/* ---- NULL and conditions --------------------------------------------- */

static bool
infer_is_null(const struct expression *call, struct type *out)
{
	(void)call;
	out->type = STORE_R_UINT8;
	return true;
}

static int
evaluate_is_null(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	bool negated = call->function->name[2] == 'N' && call->function->name[3] == 'o';

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.u[i] = data_is_null(&args[0], i) != negated;
	return 0;
}

static bool
is_null(const struct expression *expression)
{
	return expression->kind == EXPRESSION_CONSTANT && expression->constant.nulls != NULL &&
	       expression->constant.nulls[0];
}

/* The type that holds both; false when there is none. A bare NULL (Nullable of
 * nothing, kept as a nullable UInt8 constant) takes the other's type. */
static bool
common(const struct expression *a, const struct expression *b, struct type *out)
{
	const struct type *x = &a->type, *y = &b->type;
	bool nullable = x->nullable || y->nullable;

	if (x->type == STORE_R_MAP || x->type == STORE_R_ARRAY || y->type == STORE_R_MAP ||
	    y->type == STORE_R_ARRAY)
		return false;
	if (is_null(a))
		*out = *y;
	else if (is_null(b))
		*out = *x;
	else if (x->type == y->type)
		*out = *x;
	else if (data_type_is_number(x->type) && data_type_is_number(y->type)) {
		bool sx = data_type_is_signed(x->type), sy = data_type_is_signed(y->type);
		/* An unsigned one needs twice its bytes when the other is signed. */
		uint32_t bx = data_type_bytes(x->type) << (sy && !sx);
		uint32_t by = data_type_bytes(y->type) << (sx && !sy);

		if (data_type_is_float(x->type) || data_type_is_float(y->type))
			*out = (struct type){.type = STORE_R_FLOAT64};
		else if (bx > 8 || by > 8)
			return false; /* UInt64 and a signed one */
		else
			*out = (struct type){.type =
						 data_type_of_integer(sx || sy, bx > by ? bx : by)};
	} else if (data_type_is_time(x->type) && data_type_is_time(y->type)) {
		out->type = x->type > y->type ? x->type : y->type; /* the finer */
	} else {
		return false;
	}
	out->nullable = nullable;
	out->dictionary = false;
	return true;
}

/* Widens `merged`, which starts as one of the arguments, by another. */
static bool
merge(struct expression *merged, const struct expression *arg, struct type *out)
{
	bool both_null = is_null(merged) && is_null(arg);

	if (!common(arg, merged, out))
		return false;
	merged->type = *out;
	if (!both_null)
		merged->kind = EXPRESSION_CALL;
	return true;
}

/* Conditions and values in turn, then the otherwise: if and multiIf. */
static bool
infer_if(const struct expression *call, struct type *out)
{
	uint32_t last = call->args_count - 1;
	struct expression merged = *call->args[last];

	if (call->args_count % 2 == 0)
		return false;
	for (uint32_t i = 0; i < last; i += 2) {
		if (!data_type_is_number(call->args[i]->type.type) ||
		    !merge(&merged, call->args[i + 1], out))
			return false;
	}
	return true;
}

/* Copies one cell, converting between number types. */
static void
copy_cell(const struct data *from, struct data *to, uint32_t row)
{
	if (data_is_null(from, row)) {
		to->nulls[row] = 1;
		if (to->s != NULL)
			to->s[row] = (struct store_str){NULL, 0};
		else
			to->n.u[row] = 0;
	} else if (to->s != NULL) {
		to->s[row] = data_string(from, row);
	} else if (data_type_is_float(to->type.type)) {
		to->n.f[row] = data_double(from, row);
	} else if (data_type_is_time(to->type.type)) {
		to->n.i[row] = data_time_ms(from, row) / data_time_unit_ms(to->type.type);
	} else {
		to->n.u[row] = from->n.u[data_index(from, row)];
	}
}

static int
evaluate_if(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	    struct data *out)
{
	if (call->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t a = 0;

		while (a + 1 < call->args_count &&
		       (data_is_null(&args[a], i) || !data_true(&args[a], i)))
			a += 2;
		copy_cell(&args[a + 1 < call->args_count ? a + 1 : a], out, i);
	}
	return 0;
}

static bool
infer_coalesce(const struct expression *call, struct type *out)
{
	struct expression merged = *call->args[0];
	bool nullable = true;

	if (!common(&merged, &merged, out))
		return false;
	for (uint32_t i = 0; i < call->args_count && nullable; i++) {
		if (!merge(&merged, call->args[i], out))
			return false;
		nullable = call->args[i]->type.nullable; /* no later one counts else */
	}
	out->nullable = nullable;
	return true;
}

static int
evaluate_coalesce(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	if (call->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t a = 0;

		while (a + 1 < call->args_count && data_is_null(&args[a], i))
			a++;
		copy_cell(&args[a], out, i);
	}
	return 0;
}

static bool
infer_null_if(const struct expression *call, struct type *out)
{
	*out = call->args[0]->type;
	out->nullable = true;
	out->dictionary = false;
	return comparable(&call->args[0]->type, &call->args[1]->type);
}

static int
evaluate_null_if(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	(void)call;
	if (data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		copy_cell(&args[0], out, i);
		if (!data_is_null(&args[0], i) && !data_is_null(&args[1], i) &&
		    function_compare(&args[0], &args[1], i) == 0)
			out->nulls[i] = 1;
	}
	return 0;
}

/* ---- least and greatest ---------------------------------------------- */

static bool
infer_extreme(const struct expression *call, struct type *out)
{
	struct expression merged = *call->args[0];
	bool nullable = false;

	for (uint32_t i = 0; i < call->args_count; i++) {
		if (!merge(&merged, call->args[i], out))
			return false;
		nullable |= call->args[i]->type.nullable;
	}
	out->nullable = nullable;
	return true;
}

/* NULLs do not count; of unordered values (NaN) the later one wins. */
static int
evaluate_extreme(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	int wanted = call->function->name[0] == 'g' ? 1 : -1;

	if (call->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t best = 0;

		for (uint32_t a = 1; a < call->args_count; a++) {
			if (!data_is_null(&args[a], i) &&
			    (data_is_null(&args[best], i) ||
			     function_compare(&args[best], &args[a], i) != wanted))
				best = a;
		}
		copy_cell(&args[best], out, i);
	}
	return 0;
}

const struct function function_logic_table[] = {
    {"equals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"notEquals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"less", false, 2, 2, false, infer_compare, evaluate_compare},
    {"lessOrEquals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"greater", false, 2, 2, false, infer_compare, evaluate_compare},
    {"greaterOrEquals", false, 2, 2, false, infer_compare, evaluate_compare},
    {"and", true, 2, 255, true, infer_logic, evaluate_and},
    {"or", true, 2, 255, true, infer_logic, evaluate_or},
    {"not", true, 1, 1, false, infer_logic, evaluate_not},
    {"in", false, 1, 255, true, infer_in, evaluate_in},
    {"notIn", false, 1, 255, true, infer_in, evaluate_in},
    {"isNull", true, 1, 1, true, infer_is_null, evaluate_is_null},
    {"isNotNull", true, 1, 1, true, infer_is_null, evaluate_is_null},
    {"if", true, 3, 3, true, infer_if, evaluate_if},
    {"multiIf", false, 3, 255, true, infer_if, evaluate_if},
    {"coalesce", true, 1, 255, true, infer_coalesce, evaluate_coalesce},
    {"ifNull", true, 2, 2, true, infer_coalesce, evaluate_coalesce},
    {"nullIf", true, 2, 2, true, infer_null_if, evaluate_null_if},
    {"least", true, 2, 16, true, infer_extreme, evaluate_extreme},
    {"greatest", true, 2, 16, true, infer_extreme, evaluate_extreme},
    {NULL, false, 0, 0, false, NULL, NULL},
};
