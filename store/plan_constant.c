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

/* ---- parameters ------------------------------------------------------ */

static bool
starts_with(struct store_str text, const char *prefix)
{
	return text.size >= strlen(prefix) && memcmp(text.bytes, prefix, strlen(prefix)) == 0;
}

static void *
bad_parameter(struct planner *planner, const struct sql_node *node)
{
	plan_error(planner->error, STORE_EINVAL, 457, "BAD_QUERY_PARAMETER",
		   "Value of query parameter %.*s cannot be parsed as %.*s", PLAN_SHOWN(node->text),
		   PLAN_SHOWN(node->type));
	return NULL;
}

/* 2 of Int16, UInt16; 8 of those wider than any of ours. */
static uint32_t
integer_bytes(struct store_str type, bool is_signed)
{
	struct store_str bits = {type.bytes + (is_signed ? 3 : 4), type.size - (is_signed ? 3 : 4)};

	return sql_is_word(bits, "8")    ? 1
	       : sql_is_word(bits, "16") ? 2
	       : sql_is_word(bits, "32") ? 4
					 : 8;
}

static struct expression *
parameter_number(struct planner *planner, const struct sql_node *node, struct store_str value)
{
	bool is_float = starts_with(node->type, "Float"),
	     is_signed = starts_with(node->type, "Int");
	uint32_t bytes = integer_bytes(node->type, is_signed);
	struct type type = {.type = is_float ? STORE_R_FLOAT64
					     : data_type_of_integer(is_signed, bytes)};
	struct expression *expression = plan_constant(planner, node, type);
	char digits[64], *end;
	int64_t read;

	if (expression == NULL)
		return NULL;
	if (value.size == 0 || value.size >= sizeof digits || value.bytes[0] <= ' ' ||
	    (value.bytes[0] == '-' && !is_signed && !is_float))
		return bad_parameter(planner, node);
	memcpy(digits, value.bytes, value.size);
	digits[value.size] = '\0';
	errno = 0;
	if (is_float)
		expression->constant.n.f[0] = strtod(digits, &end);
	else if (is_signed)
		expression->constant.n.i[0] = strtoll(digits, &end, 10);
	else
		expression->constant.n.u[0] = strtoull(digits, &end, 10);
	read = expression->constant.n.i[0];
	if (*end != '\0' || (!is_float && (errno == ERANGE || data_wrap(type.type, read) != read)))
		return bad_parameter(planner, node);
	return expression;
}

/* {name:Type} */
struct expression *
plan_parameter(struct planner *planner, const struct sql_node *node)
{
	struct expression *expression;
	struct store_str value = {NULL, 0};
	bool found = false;
	int64_t ms;

	for (uint32_t i = 0; i < planner->request->parameters_count; i++) {
		const struct store_parameter *parameter = &planner->request->parameters[i];

		if (parameter->name.size == node->text.size &&
		    memcmp(parameter->name.bytes, node->text.bytes, node->text.size) == 0) {
			value = parameter->value;
			found = true;
		}
	}
	if (!found) {
		plan_error(planner->error, STORE_EINVAL, 456, "UNKNOWN_QUERY_PARAMETER",
			   "Query parameter %.*s was not set: add param_%.*s= to the request",
			   PLAN_SHOWN(node->text), PLAN_SHOWN(node->text));
		return NULL;
	}
	if (starts_with(node->type, "UInt") || starts_with(node->type, "Int") ||
	    starts_with(node->type, "Float"))
		return parameter_number(planner, node, value);
	if (starts_with(node->type, "String")) {
		expression = plan_constant(planner, node, (struct type){.type = STORE_R_STRING});
		if (expression != NULL)
			expression->constant.s[0] = value;
		return expression;
	}
	if (!starts_with(node->type, "Date"))
		return plan_not_implemented(planner, "a query parameter of that type");
	expression = plan_constant(planner, node, (struct type){.type = STORE_R_DATETIME64});
	if (expression == NULL)
		return NULL;
	if (!function_parse_time(value, &ms)) {
		struct sql_node number = {.text = node->text, .type = {"Int64", 5}};
		struct expression *seconds = parameter_number(planner, &number, value);

		if (seconds == NULL)
			return NULL;
		ms = seconds->constant.n.i[0] * 1000;
	}
	expression->constant.n.i[0] = ms;
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
	if (!function_parse_time(expression->constant.s[0], &ms)) {
		plan_error(
		    planner->error, STORE_ETYPE, is_date ? 38 : 41,
		    is_date ? "CANNOT_PARSE_DATE" : "CANNOT_PARSE_DATETIME",
		    "Cannot convert '%.*s' to a time: write 'YYYY-MM-DD' or 'YYYY-MM-DD hh:mm:ss'",
		    PLAN_SHOWN(expression->constant.s[0]));
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

	if (text.size < sizeof digits)
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
		   "Cannot convert string '%.*s' to a number", PLAN_SHOWN(text));
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
			   (arg->kind != EXPRESSION_CONSTANT || arg->constant.nulls == NULL);
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
