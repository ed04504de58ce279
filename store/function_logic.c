/*
 * Three-valued logic, conditions and NULL handling.
 */
#include <math.h>
#include <string.h>

#include "codec.h"
#include "function.h"

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

/* NULL as it stands in the query, which has no type of its own. */
static bool
is_bare_null(const struct expression *expression)
{
	return is_null(expression) && expression->function == NULL;
}

/* The type that holds values of both; false when there is none. */
static bool
common_type(const struct type *x, const struct type *y, struct type *out)
{
	if (x->type == y->type) {
		*out = *x;
	} else if (data_type_is_number(x->type) && data_type_is_number(y->type)) {
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
	return true;
}

/* The type that holds both; false when there is none. A bare NULL (Nullable of
 * nothing, kept as a nullable UInt8 constant) takes the other's type, and so does one
 * whose own does not go with it. */
static bool
common(const struct expression *a, const struct expression *b, struct type *out)
{
	const struct type *x = &a->type, *y = &b->type;
	bool nullable = x->nullable || y->nullable;

	if (x->type == STORE_R_MAP || x->type == STORE_R_ARRAY || y->type == STORE_R_MAP ||
	    y->type == STORE_R_ARRAY)
		return false;
	if (is_bare_null(a))
		*out = *y;
	else if (is_bare_null(b))
		*out = *x;
	else if (!common_type(x, y, out)) {
		if (!is_null(a) && !is_null(b))
			return false;
		*out = is_null(a) ? *y : *x;
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
	else if (merged->function == NULL)
		merged->function = arg->function;
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

/* Rows where the condition is true take argument `a`. */
CODEC_CLONES static void
choose(const struct data *condition, uint16_t a, uint32_t count, uint16_t *chosen)
{
	bool is_float = data_type_is_float(condition->type.type);
	const uint8_t *nulls = condition->nulls;

	if (condition->constant) {
		for (uint32_t i = 0;
		     data_true(condition, 0) && (nulls == NULL || !nulls[0]) && i < count; i++)
			chosen[i] = a;
		return;
	}
	for (uint32_t i = 0; is_float && i < count; i++)
		chosen[i] = condition->n.f[i] != 0 && (nulls == NULL || !nulls[i]) ? a : chosen[i];
	for (uint32_t i = 0; !is_float && nulls == NULL && i < count; i++)
		chosen[i] = condition->n.u[i] != 0 ? a : chosen[i];
	for (uint32_t i = 0; !is_float && nulls != NULL && i < count; i++)
		chosen[i] = condition->n.u[i] != 0 && !nulls[i] ? a : chosen[i];
}

/* Conditions and values in turn; the last is the value of the other rows. */
static int
evaluate_if(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	    struct data *out)
{
	uint32_t last = call->args_count - 1;
	uint16_t *chosen = store_arena_alloc(evaluation->arena, (out->count + 1u) * sizeof *chosen);

	if (chosen == NULL || (call->type.nullable && data_allocate_nulls(evaluation, out) != 0))
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < out->count; i++)
		chosen[i] = (uint16_t)last;
	for (uint32_t a = last; a >= 2; a -= 2)
		choose(&args[a - 2], (uint16_t)(a - 1), out->count, chosen);
	for (uint32_t i = 0; i < out->count; i++)
		copy_cell(&args[chosen[i]], out, i);
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
	return function_comparable(&call->args[0]->type, &call->args[1]->type);
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

/* As if(isFinite(x), x, y): also where x is NULL. */
static bool
infer_if_not_finite(const struct expression *call, struct type *out)
{
	return data_type_is_number(call->args[0]->type.type) &&
	       data_type_is_number(call->args[1]->type.type) &&
	       common(call->args[0], call->args[1], out);
}

static int
evaluate_if_not_finite(struct evaluation *evaluation, const struct expression *call,
		       const struct data *args, struct data *out)
{
	if (call->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		bool finite = !data_is_null(&args[0], i) && isfinite(data_double(&args[0], i));

		copy_cell(&args[finite ? 0 : 1], out, i);
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

/* NULLs do not count. Of unordered values (NaN) the later one wins where there are two that
 * cannot be NULL, else the one that is a number: as in ClickHouse. */
static bool
is_better(const struct data *best, const struct data *other, uint32_t row, int wanted, bool general)
{
	int order = function_compare(best, other, row);

	if (!general)
		return order != wanted;
	return order == 2 ? isnan(data_double(best, row)) : order == -wanted;
}

static int
evaluate_extreme(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	int wanted = call->function->name[0] == 'g' ? 1 : -1;
	bool general = call->type.nullable || call->args_count > 2;

	if (call->type.nullable && data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t best = 0;

		for (uint32_t a = 1; a < call->args_count; a++) {
			if (!data_is_null(&args[a], i) &&
			    (data_is_null(&args[best], i) ||
			     is_better(&args[best], &args[a], i, wanted, general)))
				best = a;
		}
		copy_cell(&args[best], out, i);
	}
	return 0;
}

const struct function function_logic_table[] = {
    {"and", true, 2, 255, true, infer_logic, evaluate_and},
    {"or", true, 2, 255, true, infer_logic, evaluate_or},
    {"not", true, 1, 1, false, infer_logic, evaluate_not},
    {"isNull", true, 1, 1, true, infer_is_null, evaluate_is_null},
    {"isNotNull", true, 1, 1, true, infer_is_null, evaluate_is_null},
    {"if", true, 3, 3, true, infer_if, evaluate_if},
    {"multiIf", false, 3, 255, true, infer_if, evaluate_if},
    {"coalesce", true, 1, 255, true, infer_coalesce, evaluate_coalesce},
    {"ifNull", true, 2, 2, true, infer_coalesce, evaluate_coalesce},
    {"nullIf", true, 2, 2, true, infer_null_if, evaluate_null_if},
    {"ifNotFinite", false, 2, 2, true, infer_if_not_finite, evaluate_if_not_finite},
    {"least", true, 2, 16, true, infer_extreme, evaluate_extreme},
    {"greatest", true, 2, 16, true, infer_extreme, evaluate_extreme},
    {NULL, false, 0, 0, false, NULL, NULL},
};
