/*
 * {name:Type}: the request's value in place of the parameter, read by its type.
 * Beside plan_constant.c. A value is data: nothing in it is ever part of the
 * query, but for the literals of an Array, each of which is checked.
 */
#include <stdlib.h>
#include <string.h>

#include "plan_inside.h"

static bool
starts_with(struct store_str text, const char *prefix)
{
	return text.size >= strlen(prefix) && memcmp(text.bytes, prefix, strlen(prefix)) == 0;
}

static void *
bad_parameter(struct planner *planner, const struct sql_node *node)
{
	plan_error(planner->error, STORE_EINVAL, 457, "BAD_QUERY_PARAMETER",
		   "Value of query parameter %.*s cannot be parsed as %.*s",
		   EXPRESSION_SHOWN(node->text), EXPRESSION_SHOWN(node->type));
	return NULL;
}

bool
plan_parameter_value(const struct store_query *request, const struct sql_node *node,
		     struct store_str *value, struct store_error *error)
{
	for (uint32_t i = 0; i < request->parameters_count; i++) {
		const struct store_parameter *parameter = &request->parameters[i];

		if (parameter->name.size == node->text.size &&
		    memcmp(parameter->name.bytes, node->text.bytes, node->text.size) == 0) {
			*value = parameter->value;
			return true;
		}
	}
	plan_error(error, STORE_EINVAL, 456, "UNKNOWN_QUERY_PARAMETER",
		   "Query parameter %.*s was not set: add param_%.*s= to the request",
		   EXPRESSION_SHOWN(node->text), EXPRESSION_SHOWN(node->text));
	return false;
}

/* ---- types ----------------------------------------------------------- */

/* Also those that clients name and that differ in what is kept only. */
static bool
type_of(struct store_str text, struct type *out)
{
	static const struct {
		const char *begins, *as;
	} others[] = {{"Float32", "Float64"},   {"DateTime64", "DateTime64(3)"},
		      {"DateTime", "DateTime"}, {"FixedString", "String"},
		      {"Enum", "String"},       {"Date32", "Date"}};

	if (function_type_of(text, out))
		return true;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (starts_with(text, others[i].begins)) {
			text = (struct store_str){others[i].as, (uint32_t)strlen(others[i].as)};
			return function_type_of(text, out);
		}
	}
	return false;
}

/* Seconds since 1970, maybe with a fraction, as clients send times. */
static bool
parse_seconds(struct store_str text, struct data *out)
{
	char digits[40], *end;
	double seconds;

	if (text.size == 0 || text.size >= sizeof digits || (unsigned char)text.bytes[0] <= ' ')
		return false;
	memcpy(digits, text.bytes, text.size);
	digits[text.size] = '\0';
	seconds = strtod(digits, &end);
	if (*end != '\0' || strpbrk(digits, "xXnN") != NULL || seconds < -1e11 || seconds > 1e12)
		return false;
	data_set_time(out, 0, (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5)));
	return true;
}

static struct expression *
build_scalar(struct planner *planner, const struct sql_node *node, struct store_str value)
{
	struct expression *expression;
	struct data *data;
	struct type type;
	bool is_null;

	if (!type_of(node->type, &type))
		return plan_not_implemented(planner, "a query parameter of that type");
	if ((expression = plan_constant(planner, node, type)) == NULL)
		return NULL;
	data = &expression->constant;
	is_null = value.size == 2 && memcmp(value.bytes, "\\N", 2) == 0;
	if (type.type != STORE_R_STRING)
		is_null |= value.size == 0 || sql_is_word(value, "NULL");
	if (type.nullable && is_null) {
		if ((data->nulls = store_arena_alloc(planner->arena, 1)) == NULL) {
			expression_no_memory(planner->error);
			return NULL;
		}
		data->nulls[0] = 1;
		if (data->s != NULL)
			data->s[0] = (struct store_str){NULL, 0};
		else
			data->n.u[0] = 0;
		return expression;
	}
	if (type.type == STORE_R_STRING)
		data->s[0] = value;
	else if (!function_parse_cell(value, data, 0) &&
		 !(data_type_is_time(type.type) && type.type != STORE_R_DATE &&
		   parse_seconds(value, data)))
		return bad_parameter(planner, node);
	return expression;
}

/* ---- arrays ---------------------------------------------------------- */

bool
plan_is_literal(const struct sql_node *node)
{
	if (node->kind == SQL_CALL)
		return sql_is_word(node->text, "negate") && node->args_count == 1 &&
		       node->args[0]->kind <= SQL_NUMBER_FLOAT;
	return node->kind <= SQL_TEXT ||
	       (node->kind == SQL_NAME &&
		(sql_is_word(node->text, "true") || sql_is_word(node->text, "false")));
}

/* The value as the parser reads "SELECT value"; NULL when it does not. */
static struct sql_node *
parse_array(struct planner *planner, struct store_str value)
{
	struct store_error ignored;
	struct sql_query *query;
	struct sql_node *array;
	char *text = store_arena_alloc(planner->arena, value.size + 7u);

	if (text == NULL)
		return NULL;
	memcpy(text, "SELECT ", 7);
	if (value.size > 0)
		memcpy(text + 7, value.bytes, value.size);
	if (sql_parse((struct store_str){text, value.size + 7}, planner->arena, &query, &ignored) !=
		0 ||
	    query->items_count != 1 || query->items[0]->kind != SQL_ARRAY || query->table.size > 0)
		return NULL;
	array = query->items[0];
	for (uint32_t i = 0; i < array->args_count; i++) {
		if (!plan_is_literal(array->args[i]))
			return NULL;
	}
	return array;
}

const struct sql_node *
plan_parameter_array(struct planner *planner, const struct sql_node *node)
{
	struct store_str value, element = {node->type.bytes + 6, node->type.size - 7};
	struct sql_node *array, *casts, *type;
	struct sql_node **args;
	struct type known;

	if (!plan_parameter_value(planner->request, node, &value, planner->error))
		return NULL;
	if (!type_of(element, &known))
		return plan_not_implemented(planner, "a query parameter of that type");
	if ((array = parse_array(planner, value)) == NULL)
		return bad_parameter(planner, node);
	casts = store_arena_zalloc(planner->arena, (array->args_count + 1u) * sizeof *casts);
	args = store_arena_zalloc(planner->arena, (array->args_count * 2u + 1u) * sizeof(*args));
	type = store_arena_zalloc(planner->arena, sizeof *type);
	if (casts == NULL || args == NULL || type == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	known.nullable = known.dictionary = false;
	type->kind = SQL_TEXT;
	type->text.bytes = function_type_name(known.type);
	type->text.size = (uint32_t)strlen(type->text.bytes);
	for (uint32_t i = 0; i < array->args_count; i++) {
		struct sql_node *cast = &casts[i];

		cast->kind = SQL_CALL;
		cast->offset = node->offset;
		cast->text = (struct store_str){"CAST", 4};
		cast->args = args + (size_t)i * 2;
		cast->args[0] = array->args[i];
		cast->args[1] = type;
		cast->args_count = 2;
		array->args[i] = cast;
	}
	return array;
}

bool
plan_parameter_is_array(const struct sql_node *node)
{
	return node->kind == SQL_PARAMETER && starts_with(node->type, "Array(") &&
	       node->type.bytes[node->type.size - 1] == ')';
}

/* ---- any ------------------------------------------------------------- */

struct expression *
plan_parameter(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct sql_node *array;
	struct sql_node *name;
	struct store_str value;

	if (plan_parameter_is_array(node)) {
		array = plan_parameter_array(planner, node);
		return array == NULL ? NULL : plan_build(planner, array, phase);
	}
	if (!plan_parameter_value(planner->request, node, &value, planner->error))
		return NULL;
	if (!sql_is_word(node->type, "Identifier"))
		return build_scalar(planner, node, value);
	if ((name = store_arena_zalloc(planner->arena, sizeof *name)) == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	name->kind = SQL_NAME;
	name->offset = node->offset;
	name->text = value;
	return plan_name(planner, name, phase);
}
