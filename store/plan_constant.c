/*
 * Constants of a query: literals, {name:Type} parameters, and texts that stand
 * beside times or numbers. Everything here has one value and no column; what
 * the request says is taken as text and never trusted to have a form.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan_inside.h"

struct expression *
plan_constant(struct planner *planner, const struct sql_node *node, struct type type)
{
	struct expression *expression = plan_make(planner, EXPRESSION_CONSTANT, node);
	struct evaluation evaluation = {.arena = planner->arena, .error = planner->error};

	if (expression == NULL || data_allocate(&evaluation, type, 1, &expression->constant) != 0)
		return NULL;
	expression->type = type;
	expression->constant.constant = true;
	return expression;
}

/* ---- literals -------------------------------------------------------- */

static enum store_result_type
type_of_literal(uint64_t value)
{
	return value <= UINT8_MAX    ? STORE_R_UINT8
	       : value <= UINT16_MAX ? STORE_R_UINT16
	       : value <= UINT32_MAX ? STORE_R_UINT32
				     : STORE_R_UINT64;
}

/* -5 is an Int8, as its own literal: not a negated UInt8, which is an Int16. */
struct expression *
plan_negative(struct planner *planner, const struct sql_node *node, uint64_t magnitude)
{
	struct type type = {.type = magnitude == 0            ? STORE_R_UINT8
				    : magnitude <= 1ull << 7  ? STORE_R_INT8
				    : magnitude <= 1ull << 15 ? STORE_R_INT16
				    : magnitude <= 1ull << 31 ? STORE_R_INT32
				    : magnitude <= 1ull << 63 ? STORE_R_INT64
							      : STORE_R_FLOAT64};
	struct expression *expression = plan_constant(planner, node, type);

	if (expression != NULL && type.type == STORE_R_FLOAT64)
		expression->constant.n.f[0] = -(double)magnitude;
	else if (expression != NULL)
		expression->constant.n.u[0] = 0 - magnitude;
	return expression;
}

struct expression *
plan_literal(struct planner *planner, const struct sql_node *node)
{
	struct type type = {.type = STORE_R_UINT8};
	struct expression *expression;

	if (node->kind == SQL_NUMBER_UINT)
		type.type = type_of_literal(node->u);
	else if (node->kind == SQL_NUMBER_FLOAT)
		type.type = STORE_R_FLOAT64;
	else if (node->kind == SQL_TEXT)
		type.type = STORE_R_STRING;
	type.nullable = node->kind == SQL_NULL;
	if ((expression = plan_constant(planner, node, type)) == NULL)
		return NULL;
	if (node->kind == SQL_TEXT) {
		expression->constant.s[0] = node->text;
	} else if (node->kind == SQL_NUMBER_FLOAT) {
		expression->constant.n.f[0] = node->f;
	} else {
		expression->constant.n.u[0] = node->kind == SQL_NULL ? 0 : node->u;
	}
	if (node->kind == SQL_NULL) {
		expression->constant.nulls = store_arena_alloc(planner->arena, 1);
		if (expression->constant.nulls == NULL)
			return NULL;
		expression->constant.nulls[0] = 1;
	}
	return expression;
}

/* ---- texts beside times and numbers ---------------------------------- */

/* A text that is compared with a time becomes one. */
struct expression *
plan_coerce_to_time(struct planner *planner, struct expression *expression, bool is_date)
{
	struct expression *time;
	int64_t ms;

	if (expression->kind != EXPRESSION_CONSTANT || expression->type.type != STORE_R_STRING)
		return expression;
	if (!function_parse_time(expression->constant.s[0], is_date, &ms)) {
		plan_error(
		    planner->error, STORE_ETYPE, is_date ? 38 : 41,
		    is_date ? "CANNOT_PARSE_DATE" : "CANNOT_PARSE_DATETIME",
		    "Cannot convert '%.*s' to a time: write 'YYYY-MM-DD' or 'YYYY-MM-DD hh:mm:ss'",
		    EXPRESSION_SHOWN(expression->constant.s[0]));
		return plan_fail_at(planner, expression->offset);
	}
	time = plan_constant(planner, NULL, (struct type){.type = STORE_R_DATETIME64});
	if (time != NULL)
		time->constant.n.i[0] = ms;
	return time;
}

/* A text that is compared with a number becomes one. */
static struct expression *
coerce_to_number(struct planner *planner, struct expression *expression, bool is_float)
{
	struct store_str text = expression->constant.s[0];
	struct sql_node node = {.offset = expression->offset, .text = {"", 0}};
	bool is_negative = text.size > 0 && text.bytes[0] == '-';
	char digits[64] = "", *end = digits;
	struct expression *number;

	if (text.size > 0 && text.size < sizeof digits)
		memcpy(digits, text.bytes, text.size);
	if (is_float) {
		number = plan_constant(planner, &node, (struct type){.type = STORE_R_FLOAT64});
		if (number != NULL)
			number->constant.n.f[0] = strtod(digits, &end);
	} else {
		node.u = strtoull(digits + is_negative, &end, 10);
		node.kind = SQL_NUMBER_UINT;
		number = is_negative ? plan_negative(planner, &node, node.u)
				     : plan_literal(planner, &node);
	}
	if ((is_float || isdigit((unsigned char)digits[is_negative])) && text.size > 0 &&
	    *digits > ' ' && end == digits + text.size)
		return number;
	plan_error(planner->error, STORE_ETYPE, 53, "TYPE_MISMATCH",
		   "Cannot convert string '%.*s' to a number", EXPRESSION_SHOWN(text));
	return plan_fail_at(planner, expression->offset);
}

/* Texts among the arguments of a comparison become what they are compared
 * with. A bare NULL is no number. */
bool
plan_coerce_texts(struct planner *planner, struct expression *call)
{
	bool times = false, numbers = false, floats = false, dates = true;

	for (uint32_t i = 0; i < call->args_count; i++) {
		const struct expression *arg = call->args[i];

		times |= data_type_is_time(arg->type.type);
		dates &= !data_type_is_time(arg->type.type) || arg->type.type == STORE_R_DATE;
		floats |= data_type_is_float(arg->type.type);
		numbers |= data_type_is_number(arg->type.type) &&
			   (arg->kind != EXPRESSION_CONSTANT || arg->constant.nulls == NULL ||
			    arg->function != NULL);
	}
	for (uint32_t i = 0; i < call->args_count; i++) {
		struct expression *arg = call->args[i];

		if (arg->type.type != STORE_R_STRING || arg->kind != EXPRESSION_CONSTANT ||
		    arg->constant.nulls != NULL || (!times && !numbers))
			continue;
		call->args[i] = times ? plan_coerce_to_time(planner, arg, dates)
				      : coerce_to_number(planner, arg, floats);
		if (call->args[i] == NULL)
			return false;
	}
	return true;
}
