/*
 * plan.h. Between parser and execution; must not read any data.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "plan.h"
#include "sql_parse.h"

#define EXPANSIONS_MAX 64u /* aliases within aliases */

enum phase {
	PHASE_ROW,   /* over rows of the table */
	PHASE_GROUP, /* over groups: keys and aggregates */
};

struct planner {
	struct plan *plan;
	const struct sql_query *query;
	const struct snapshot *snapshot;
	const struct store_query *request;
	struct store_arena *arena;
	struct store_error *error;
	const struct sql_node *expanding[EXPANSIONS_MAX];
	uint32_t expanding_count;
	const struct sql_node *key_nodes[PLAN_KEYS_MAX];
	struct store_str key_texts[PLAN_KEYS_MAX];
	bool names_weight, in_aggregate;
};

int
plan_error(struct store_error *error, int code, int number, const char *name, const char *format,
	   ...)
{
	va_list arguments;

	if (error == NULL)
		return code;
	error->code = code;
	error->clickhouse = number;
	error->name = name;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	return code;
}

#define SHOWN(text) (int)((text).size > 80 ? 80 : (text).size), (text).bytes

static struct expression *
build(struct planner *planner, const struct sql_node *node, enum phase phase);

static void *
fail(struct planner *planner, int code)
{
	if (planner->error != NULL && planner->error->code == 0)
		planner->error->code = code;
	return NULL;
}

static void *
not_implemented(struct planner *planner, const char *what)
{
	plan_error(planner->error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED", "%s is not implemented",
		   what);
	return NULL;
}

static struct expression *
make(struct planner *planner, enum expression_kind kind, const struct sql_node *node)
{
	struct expression *expression = store_arena_zalloc(planner->arena, sizeof *expression);

	if (expression == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	expression->kind = kind;
	expression->offset = node == NULL ? 0 : node->offset;
	return expression;
}

/* ---- constants ------------------------------------------------------- */

static struct expression *
make_constant(struct planner *planner, const struct sql_node *node, struct type type)
{
	struct expression *expression = make(planner, EXPRESSION_CONSTANT, node);
	struct evaluation evaluation = {.arena = planner->arena, .error = planner->error};

	if (expression == NULL || data_allocate(&evaluation, type, 1, &expression->constant) != 0)
		return NULL;
	expression->type = type;
	expression->constant.constant = true;
	return expression;
}

static enum store_result_type
type_of_literal(uint64_t value)
{
	return value <= UINT8_MAX    ? STORE_R_UINT8
	       : value <= UINT16_MAX ? STORE_R_UINT16
	       : value <= UINT32_MAX ? STORE_R_UINT32
				     : STORE_R_UINT64;
}

/* -5 is an Int8, as its own literal: not a negated UInt8, which is an Int16. */
static struct expression *
build_negative(struct planner *planner, const struct sql_node *node, uint64_t magnitude)
{
	struct type type = {.type = magnitude == 0            ? STORE_R_UINT8
				    : magnitude <= 1ull << 7  ? STORE_R_INT8
				    : magnitude <= 1ull << 15 ? STORE_R_INT16
				    : magnitude <= 1ull << 31 ? STORE_R_INT32
				    : magnitude <= 1ull << 63 ? STORE_R_INT64
							      : STORE_R_FLOAT64};
	struct expression *expression = make_constant(planner, node, type);

	if (expression != NULL && type.type == STORE_R_FLOAT64)
		expression->constant.n.f[0] = -(double)magnitude;
	else if (expression != NULL)
		expression->constant.n.u[0] = 0 - magnitude;
	return expression;
}

static struct expression *
build_literal(struct planner *planner, const struct sql_node *node)
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
	if ((expression = make_constant(planner, node, type)) == NULL)
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

static bool
starts_with(struct store_str text, const char *prefix)
{
	return text.size >= strlen(prefix) && memcmp(text.bytes, prefix, strlen(prefix)) == 0;
}

static void *
bad_parameter(struct planner *planner, const struct sql_node *node)
{
	plan_error(planner->error, STORE_EINVAL, 457, "BAD_QUERY_PARAMETER",
		   "Value of query parameter %.*s cannot be parsed as %.*s", SHOWN(node->text),
		   SHOWN(node->type));
	return NULL;
}

static struct expression *
parameter_number(struct planner *planner, const struct sql_node *node, struct store_str value)
{
	bool is_float = starts_with(node->type, "Float"),
	     is_signed = starts_with(node->type, "Int");
	char digits[64], *end;
	struct type type = {.type = is_float    ? STORE_R_FLOAT64
				    : is_signed ? STORE_R_INT64
						: STORE_R_UINT64};
	struct expression *expression = make_constant(planner, node, type);

	if (expression == NULL)
		return NULL;
	if (value.size == 0 || value.size >= sizeof digits)
		return bad_parameter(planner, node);
	memcpy(digits, value.bytes, value.size);
	digits[value.size] = '\0';
	if (is_float)
		expression->constant.n.f[0] = strtod(digits, &end);
	else if (is_signed)
		expression->constant.n.i[0] = strtoll(digits, &end, 10);
	else
		expression->constant.n.u[0] = strtoull(digits, &end, 10);
	return *end == '\0' ? expression : bad_parameter(planner, node);
}

/* {name:Type} */
static struct expression *
build_parameter(struct planner *planner, const struct sql_node *node)
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
			   SHOWN(node->text), SHOWN(node->text));
		return NULL;
	}
	if (starts_with(node->type, "UInt") || starts_with(node->type, "Int") ||
	    starts_with(node->type, "Float"))
		return parameter_number(planner, node, value);
	if (starts_with(node->type, "String")) {
		expression = make_constant(planner, node, (struct type){.type = STORE_R_STRING});
		if (expression != NULL)
			expression->constant.s[0] = value;
		return expression;
	}
	if (!starts_with(node->type, "Date"))
		return not_implemented(planner, "a query parameter of that type");
	expression = make_constant(planner, node, (struct type){.type = STORE_R_DATETIME64});
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

/* A text that is compared with a time becomes one. */
static struct expression *
coerce_to_time(struct planner *planner, struct expression *expression, bool is_date)
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
		    SHOWN(expression->constant.s[0]));
		return NULL;
	}
	time = make_constant(planner, NULL, (struct type){.type = STORE_R_DATETIME64});
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
		number = make_constant(planner, &node, (struct type){.type = STORE_R_FLOAT64});
		if (number != NULL)
			number->constant.n.f[0] = strtod(digits, &end);
	} else {
		node.u = strtoull(digits + is_negative, &end, 10);
		node.kind = SQL_NUMBER_UINT;
		number = is_negative ? build_negative(planner, &node, node.u)
				     : build_literal(planner, &node);
	}
	if (text.size > 0 && *digits > ' ' && end == digits + text.size)
		return number;
	plan_error(planner->error, STORE_ETYPE, 53, "TYPE_MISMATCH",
		   "Cannot convert string '%.*s' to a number", SHOWN(text));
	return NULL;
}

/* ---- columns --------------------------------------------------------- */

static struct type
type_of_column(const struct store_column *column)
{
	struct type type = {.nullable = column->flags & STORE_NULLABLE,
			    .dictionary = column->flags & STORE_DIMENSION};

	switch (column->type) {
	case STORE_TIME:
		type.type = STORE_R_DATETIME64;
		break;
	case STORE_UINT:
		type.type = data_type_of_integer(false, column->bits / 8u);
		break;
	case STORE_FLOAT:
		type.type = STORE_R_FLOAT64;
		break;
	case STORE_STRING:
		type.type = STORE_R_STRING;
		break;
	case STORE_MAP:
		type.type = STORE_R_MAP;
		type.element = STORE_R_STRING;
		break;
	}
	return type;
}

static int
find_column(const struct store_table *table, struct store_str name)
{
	for (uint32_t i = 0; table != NULL && i < table->columns_count; i++) {
		if (strlen(table->columns[i].name) == name.size &&
		    memcmp(table->columns[i].name, name.bytes, name.size) == 0)
			return (int)i;
	}
	return -1;
}

static void *
unknown_column(struct planner *planner, struct store_str name)
{
	const struct store_table *table = planner->plan->table;
	const char *near = NULL;

	for (uint32_t i = 0; table != NULL && near == NULL && i < table->columns_count; i++) {
		if (function_is_near(name, table->columns[i].name))
			near = table->columns[i].name;
	}
	plan_error(planner->error, STORE_EUNKNOWN, 47, "UNKNOWN_IDENTIFIER",
		   "Unknown column %.*s%s%s%s%s%s", SHOWN(name), table == NULL ? "" : " in table ",
		   table == NULL ? "" : table->name,
		   near == NULL ? "" : ", maybe you meant: ", near == NULL ? "" : near,
		   near == NULL && table != NULL ? " (see DESCRIBE TABLE)" : "");
	return NULL;
}

static struct expression *
make_column(struct planner *planner, const struct sql_node *node, uint16_t column)
{
	struct expression *expression = make(planner, EXPRESSION_COLUMN, node);

	if (expression == NULL)
		return NULL;
	expression->column = column;
	expression->type = type_of_column(&planner->plan->table->columns[column]);
	if (expression->type.type == STORE_R_STRING)
		expression->only_string = expression;
	return expression;
}

static struct expression *
make_map_value(struct planner *planner, const struct sql_node *node, uint16_t column,
	       struct store_str key)
{
	struct expression *expression = make_column(planner, node, column);

	if (expression != NULL) {
		expression->type = (struct type){.type = STORE_R_STRING};
		expression->key = key;
		expression->only_string = expression;
	}
	return expression;
}

/* The whole map: an argument per key that any row has. */
static struct expression *
build_map(struct planner *planner, const struct sql_node *node, uint16_t column)
{
	struct expression *map = make_column(planner, node, column);
	const struct store_str *keys;

	if (map == NULL)
		return NULL;
	if (snapshot_map_keys(planner->snapshot, planner->plan->table_index, column, planner->arena,
			      &keys, &map->args_count) != 0 ||
	    (map->args = store_arena_alloc(planner->arena,
					   (map->args_count + 1u) * sizeof *map->args)) == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	for (uint32_t i = 0; i < map->args_count; i++) {
		if ((map->args[i] = make_map_value(planner, node, column, keys[i])) == NULL)
			return NULL;
	}
	return map;
}

/* ---- names ----------------------------------------------------------- */

static const struct sql_node *
find_alias(const struct planner *planner, struct store_str name)
{
	const struct sql_query *query = planner->query;

	for (uint32_t i = 0; i < query->items_count + query->with_count; i++) {
		const struct sql_node *node =
		    i < query->items_count ? query->items[i] : query->with[i - query->items_count];

		if (node->alias.size == name.size && name.size > 0 &&
		    memcmp(node->alias.bytes, name.bytes, name.size) == 0)
			return node;
	}
	return NULL;
}

static bool
is_expanding(const struct planner *planner, const struct sql_node *node)
{
	for (uint32_t i = 0; i < planner->expanding_count; i++) {
		if (planner->expanding[i] == node)
			return true;
	}
	return false;
}

/* An alias's expression in place of its name; an alias inside itself is the
 * column of that name. */
static const struct sql_node *
resolve(const struct planner *planner, const struct sql_node *node)
{
	for (uint32_t i = 0; i < EXPANSIONS_MAX && node->kind == SQL_NAME; i++) {
		const struct sql_node *alias = find_alias(planner, node->text);

		if (alias == NULL || alias == node || is_expanding(planner, alias))
			return node;
		node = alias;
	}
	return node;
}

static struct expression *
build_name(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct sql_node *alias = find_alias(planner, node->text);
	struct expression *expression;
	int column;

	if (alias != NULL && alias != node && !is_expanding(planner, alias) &&
	    planner->expanding_count < EXPANSIONS_MAX)
		return build(planner, alias, phase);
	column = find_column(planner->plan->table, node->text);
	if (column < 0 && (sql_is_word(node->text, "true") || sql_is_word(node->text, "false"))) {
		expression = make_constant(planner, node, (struct type){.type = STORE_R_BOOL});
		if (expression != NULL)
			expression->constant.n.u[0] = sql_is_word(node->text, "true");
		return expression;
	}
	if (column < 0 && (sql_is_word(node->text, "nan") || sql_is_word(node->text, "inf"))) {
		expression = make_constant(planner, node, (struct type){.type = STORE_R_FLOAT64});
		if (expression != NULL)
			expression->constant.n.f[0] =
			    sql_is_word(node->text, "nan") ? NAN : INFINITY;
		return expression;
	}
	if (column < 0)
		return unknown_column(planner, node->text);
	if (phase == PHASE_GROUP) {
		plan_error(planner->error, STORE_ETYPE, 215, "NOT_AN_AGGREGATE",
			   "Column %.*s is not under an aggregate function and not in GROUP BY",
			   SHOWN(node->text));
		return NULL;
	}
	if (planner->plan->table->columns[column].type == STORE_MAP)
		return build_map(planner, node, (uint16_t)column);
	return make_column(planner, node, (uint16_t)column);
}

/* ---- calls ----------------------------------------------------------- */

static bool
is_constant(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (call->args[i]->kind != EXPRESSION_CONSTANT)
			return false;
	}
	return true;
}

/* The one string column that all arguments read; others must be constants. */
static const struct expression *
only_string_of(const struct expression *call)
{
	const struct expression *only = NULL;

	if (call->type.type == STORE_R_MAP || call->type.type == STORE_R_ARRAY)
		return NULL;
	for (uint32_t i = 0; i < call->args_count; i++) {
		const struct expression *arg = call->args[i];

		if (arg->kind == EXPRESSION_CONSTANT)
			continue;
		if (arg->only_string == NULL ||
		    (only != NULL &&
		     (only->column != arg->only_string->column ||
		      only->key.size != arg->only_string->key.size ||
		      (only->key.size > 0 &&
		       memcmp(only->key.bytes, arg->only_string->key.bytes, only->key.size) != 0))))
			return NULL;
		only = arg->only_string;
	}
	return only;
}

static struct expression *
fold(struct planner *planner, struct expression *call)
{
	struct evaluation evaluation = {.arena = planner->arena,
					.error = planner->error,
					.count = 1,
					.now_ms = planner->request->now_ms};
	struct data value;

	if (!is_constant(call))
		return call;
	if (expression_evaluate(&evaluation, call, &value) != 0)
		return NULL;
	value.constant = true;
	call->constant = value;
	call->kind = EXPRESSION_CONSTANT;
	return call;
}

static void *
bad_types(struct planner *planner, const struct expression *call)
{
	static const char *const names[] = {
	    "UInt8",  "UInt16", "UInt32",   "UInt64",        "Int8",
	    "Int16",  "Int32",  "Int64",    "Float64",       "Bool",
	    "String", "Date",   "DateTime", "DateTime64(3)", "Map(String, String)",
	    "Array"};
	char list[200] = "";

	for (uint32_t i = 0; i < call->args_count && i < 4; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
			 i == 0 ? "" : ", ", names[call->args[i]->type.type]);
	plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
		   "Illegal types of arguments of function %s: (%s)", call->function->name, list);
	return NULL;
}

/* Type, NULL rule and folding of a call whose function and arguments are set. */
static struct expression *
finish_call(struct planner *planner, struct expression *call)
{
	static const struct sql_node null = {.kind = SQL_NULL};
	struct type type = {0};

	for (uint32_t i = 0; !call->function->takes_null && i < call->args_count; i++) {
		if (call->args[i]->kind == EXPRESSION_CONSTANT &&
		    call->args[i]->constant.nulls != NULL && call->args[i]->constant.nulls[0])
			return build_literal(planner, &null); /* whatever the others are */
	}
	if (!call->function->infer(call, &type))
		return bad_types(planner, call);
	for (uint32_t i = 0; !call->function->takes_null && i < call->args_count; i++)
		type.nullable |= call->args[i]->type.nullable;
	call->type = type;
	call->only_string = only_string_of(call);
	return fold(planner, call);
}

static void *
unknown_function(struct planner *planner, struct store_str name)
{
	const char *near = function_nearest(name);
	char what[120];
	bool condition;

	if (function_is_planned(name)) {
		snprintf(what, sizeof what, "function %.*s", SHOWN(name));
		return not_implemented(planner, what);
	}
	(void)condition;
	plan_error(planner->error, STORE_EUNKNOWN, 46, "UNKNOWN_FUNCTION",
		   "Unknown function %.*s%s%s", SHOWN(name),
		   near == NULL ? "" : ", maybe you meant: ", near == NULL ? "" : near);
	return NULL;
}

/* Texts among the arguments of a comparison become what they are compared
 * with. A bare NULL is no number. */
static bool
coerce_texts(struct planner *planner, struct expression *call)
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
		call->args[i] = times ? coerce_to_time(planner, arg, dates)
				      : coerce_to_number(planner, arg, floats);
		if (call->args[i] == NULL)
			return false;
	}
	return true;
}

static bool
is_comparison(const struct function *function)
{
	static const char *const names[] = {"equals",  "notEquals",       "less", "lessOrEquals",
					    "greater", "greaterOrEquals", "in",   "notIn"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(function->name, names[i]) == 0)
			return true;
	}
	return strcmp(function->name, "toDate") == 0 || strcmp(function->name, "toDateTime") == 0;
}

/* tags['plan'] */
static struct expression *
build_element(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct sql_node *map = resolve(planner, node->args[0]), *key = node->args[1];
	int column = map->kind == SQL_NAME ? find_column(planner->plan->table, map->text) : -1;

	if (column < 0 || planner->plan->table->columns[column].type != STORE_MAP)
		return not_implemented(planner, "[] on anything but a Map column");
	if (key->kind != SQL_TEXT)
		return not_implemented(planner, "a map key that is no text");
	if (phase == PHASE_GROUP) {
		plan_error(planner->error, STORE_ETYPE, 215, "NOT_AN_AGGREGATE",
			   "Column %.*s is not under an aggregate function and not in GROUP BY",
			   SHOWN(map->text));
		return NULL;
	}
	if (key->text.size == 0)
		return not_implemented(planner, "an empty map key");
	return make_map_value(planner, node, (uint16_t)column, key->text);
}

/* x IN (a, b): the members become arguments. */
static const struct sql_node *const *
arguments_of(struct planner *planner, const struct sql_node *node, uint32_t *count)
{
	const struct sql_node *list = node->args_count == 2 ? node->args[1] : NULL, **args;

	*count = node->args_count;
	if ((!sql_is_word(node->text, "in") && !sql_is_word(node->text, "notIn")) || list == NULL)
		return (const struct sql_node *const *)node->args;
	if (list->kind == SQL_SUBQUERY)
		return not_implemented(planner, "IN (SELECT ...)");
	if (list->kind != SQL_LIST && list->kind != SQL_ARRAY)
		return (const struct sql_node *const *)node->args;
	if ((args = store_arena_alloc(planner->arena, (list->args_count + 1u) * sizeof *args)) ==
	    NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	args[0] = node->args[0];
	for (uint32_t i = 0; i < list->args_count; i++)
		args[i + 1] = list->args[i];
	*count = list->args_count + 1;
	return args;
}

static struct expression *
build_call(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct function *function = function_find(node->text);
	const struct sql_node *const *nodes;
	struct expression *call;
	uint32_t count;

	if (sql_is_word(node->text, "arrayElement") && node->args_count == 2)
		return build_element(planner, node, phase);
	if (sql_is_word(node->text, "negate") && node->args_count == 1 &&
	    node->args[0]->kind == SQL_NUMBER_UINT)
		return build_negative(planner, node, node->args[0]->u);
	if (function == NULL)
		return unknown_function(planner, node->text);
	if ((nodes = arguments_of(planner, node, &count)) == NULL && count > 0)
		return NULL;
	if (count < function->args_min ||
	    (count > function->args_max && function->args_max < 255)) {
		plan_error(
		    planner->error, STORE_ETYPE, 42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
		    "Number of arguments for function %s doesn't match: passed %u, should be %u%s",
		    function->name, count, function->args_min,
		    function->args_max > function->args_min ? " or more" : "");
		return NULL;
	}
	if ((call = make(planner, EXPRESSION_CALL, node)) == NULL)
		return NULL;
	call->function = function;
	call->args_count = count;
	if ((call->args = store_arena_alloc(planner->arena, (count + 1u) * sizeof *call->args)) ==
	    NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		if ((call->args[i] = build(planner, nodes[i], phase)) == NULL)
			return NULL;
	}
	if (is_comparison(function) && !coerce_texts(planner, call))
		return NULL;
	if (function->name[0] == 't' && call->args_count == 1 &&
	    (strcmp(function->name, "toDate") == 0 || strcmp(function->name, "toDateTime") == 0) &&
	    (call->args[0] = coerce_to_time(planner, call->args[0],
					    strcmp(function->name, "toDate") == 0)) == NULL)
		return NULL;
	return finish_call(planner, call);
}

static struct expression *
build_interval(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	struct expression *amount = build(planner, node->args[0], phase), *copy;
	struct evaluation evaluation = {.arena = planner->arena, .error = planner->error};

	if (amount == NULL)
		return NULL;
	if (amount->type.type == STORE_R_STRING && amount->kind == EXPRESSION_CONSTANT) {
		char digits[32] = "";
		struct store_str text = amount->constant.s[0];

		if (text.size < sizeof digits)
			memcpy(digits, text.bytes, text.size);
		amount = make_constant(planner, node, (struct type){.type = STORE_R_INT64});
		if (amount != NULL)
			amount->constant.n.i[0] = strtoll(digits, NULL, 10);
	}
	(void)evaluation;
	if (amount == NULL || (copy = make(planner, amount->kind, node)) == NULL)
		return NULL;
	*copy = *amount;
	copy->unit = node->text;
	if (!data_type_is_integer(copy->type.type)) {
		plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
			   "INTERVAL needs a whole number");
		return NULL;
	}
	return copy;
}

/* ---- aggregates ------------------------------------------------------ */

static void *
bad_aggregate(struct planner *planner, const struct sql_node *node, const char *why)
{
	plan_error(planner->error, STORE_ETYPE, 42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
		   "Aggregate function %.*s %s", SHOWN(node->text), why);
	return NULL;
}

static bool
set_levels(struct planner *planner, const struct sql_node *node, struct aggregate *aggregate)
{
	aggregate->levels[0] = 0.5;
	aggregate->levels_count = 1;
	if (node->parameters_count == 0)
		return true;
	if (node->parameters_count > AGGREGATE_LEVELS_MAX ||
	    (aggregate->kind == AGGREGATE_QUANTILE && node->parameters_count > 1))
		return bad_aggregate(planner, node, "has too many levels") != NULL;
	aggregate->levels_count = node->parameters_count;
	for (uint32_t i = 0; i < node->parameters_count; i++) {
		const struct sql_node *level = node->parameters[i];

		aggregate->levels[i] =
		    level->kind == SQL_NUMBER_FLOAT ? level->f : (double)level->u;
		if (level->kind > SQL_NUMBER_FLOAT || aggregate->levels[i] > 1) {
			plan_error(planner->error, STORE_EINVAL, 12, "PARAMETER_OUT_OF_BOUND",
				   "A quantile's level must be a number from 0 to 1");
			return false;
		}
	}
	return true;
}

static bool
set_aggregate_type(struct planner *planner, const struct sql_node *node,
		   struct aggregate *aggregate)
{
	const struct type *argument =
	    aggregate->argument == NULL ? NULL : &aggregate->argument->type;
	struct type *type = &aggregate->type;

	*type = (struct type){.type = STORE_R_UINT64};
	if (aggregate->kind == AGGREGATE_COUNT)
		return true;
	if (argument->type == STORE_R_MAP || argument->type == STORE_R_ARRAY)
		goto illegal;
	if (aggregate->kind == AGGREGATE_UNIQ)
		return true;
	if (aggregate->kind == AGGREGATE_MIN || aggregate->kind == AGGREGATE_MAX) {
		*type = *argument;
		type->dictionary = false;
		return true;
	}
	if (!data_type_is_number(argument->type))
		goto illegal;
	type->nullable = argument->nullable;
	if (aggregate->kind == AGGREGATE_SUM)
		type->type = data_type_is_float(argument->type)    ? STORE_R_FLOAT64
			     : data_type_is_signed(argument->type) ? STORE_R_INT64
								   : STORE_R_UINT64;
	else
		type->type = STORE_R_FLOAT64;
	if (aggregate->kind == AGGREGATE_QUANTILES)
		*type = (struct type){.type = STORE_R_ARRAY, .element = STORE_R_FLOAT64};
	return true;

illegal:
	plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
		   "Illegal type of argument for aggregate function %.*s", SHOWN(node->text));
	return false;
}

static struct expression *
build_aggregate(struct planner *planner, const struct sql_node *node, int kind, bool has_condition)
{
	struct plan *plan = planner->plan;
	struct aggregate *aggregate = &plan->aggregates[plan->aggregates_count];
	uint32_t arguments = node->args_count - (has_condition && node->args_count > 0);
	struct expression *slot;

	if (planner->in_aggregate) {
		plan_error(planner->error, STORE_ETYPE, 184, "ILLEGAL_AGGREGATION",
			   "Aggregate function %.*s is inside another aggregate function",
			   SHOWN(node->text));
		return NULL;
	}
	if (plan->aggregates_count == PLAN_AGGREGATES_MAX)
		return not_implemented(planner, "a query with more than 128 aggregates");
	if (node->distinct)
		return not_implemented(planner, "DISTINCT inside an aggregate function");
	*aggregate = (struct aggregate){.kind = (enum aggregate_kind)kind,
					.weighted = plan->weight_column >= 0};
	if (arguments == 1 && node->args[0]->kind == SQL_STAR && kind == AGGREGATE_COUNT)
		arguments = 0;
	if (arguments > 1 || (arguments == 0 && kind != AGGREGATE_COUNT) ||
	    (has_condition && node->args_count == 0))
		return bad_aggregate(planner, node, "has a wrong number of arguments");
	planner->in_aggregate = true;
	if (arguments == 1)
		aggregate->argument = build(planner, node->args[0], PHASE_ROW);
	if (has_condition)
		aggregate->condition = build(planner, node->args[node->args_count - 1], PHASE_ROW);
	planner->in_aggregate = false;
	if ((arguments == 1 && aggregate->argument == NULL) ||
	    (has_condition && aggregate->condition == NULL))
		return NULL;
	if (has_condition && !data_type_is_number(aggregate->condition->type.type)) {
		plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
			   "Aggregate function %.*s needs a condition as its last argument",
			   SHOWN(node->text));
		return NULL;
	}
	if (!set_levels(planner, node, aggregate) || !set_aggregate_type(planner, node, aggregate))
		return NULL;
	if (aggregate->argument != NULL && aggregate->argument->kind == EXPRESSION_COLUMN &&
	    plan->table->columns[aggregate->argument->column].type == STORE_FLOAT)
		aggregate->scale = plan->table->columns[aggregate->argument->column].scale;
	if ((slot = make(planner, EXPRESSION_SLOT, node)) == NULL)
		return NULL;
	slot->slot = plan->keys_count + plan->aggregates_count++;
	slot->type = aggregate->type;
	return slot;
}

/* ---- any node -------------------------------------------------------- */

/* In a grouped query: the key that this node is, or NULL. */
static struct expression *
build_key(struct planner *planner, const struct sql_node *node)
{
	struct store_str text = {NULL, 0};
	struct expression *slot;

	for (uint32_t i = 0; i < planner->plan->keys_count; i++) {
		if (node != planner->key_nodes[i] && text.bytes == NULL)
			text = sql_print(resolve(planner, node), planner->arena);
		if (node != planner->key_nodes[i] &&
		    (text.size != planner->key_texts[i].size ||
		     memcmp(text.bytes, planner->key_texts[i].bytes, text.size) != 0))
			continue;
		if ((slot = make(planner, EXPRESSION_SLOT, node)) == NULL)
			return NULL;
		slot->slot = i;
		slot->type = planner->plan->keys[i]->type;
		return slot;
	}
	return NULL;
}

static struct expression *
build_any(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	struct expression *key;
	bool has_condition;
	int aggregate;

	if (phase == PHASE_GROUP && (key = build_key(planner, node)) != NULL)
		return key;
	switch (node->kind) {
	case SQL_NUMBER_UINT:
	case SQL_NUMBER_FLOAT:
	case SQL_TEXT:
	case SQL_NULL:
		return build_literal(planner, node);
	case SQL_NAME:
		return build_name(planner, node, phase);
	case SQL_PARAMETER:
		return build_parameter(planner, node);
	case SQL_INTERVAL:
		return build_interval(planner, node, phase);
	case SQL_CALL:
		break;
	case SQL_SUBQUERY:
		return not_implemented(planner, "a subquery in an expression");
	case SQL_LIST:
		return not_implemented(planner, "a tuple");
	case SQL_ARRAY:
		return not_implemented(planner, "an array literal outside IN");
	case SQL_STAR:
		return not_implemented(planner, "* in an expression");
	}
	aggregate = aggregate_find(node->text, &has_condition);
	if (aggregate < 0)
		return build_call(planner, node, phase);
	if (phase == PHASE_ROW && !planner->in_aggregate) {
		plan_error(planner->error, STORE_ETYPE, 184, "ILLEGAL_AGGREGATION",
			   "Aggregate function %.*s is found in WHERE or GROUP BY",
			   SHOWN(node->text));
		return NULL;
	}
	return build_aggregate(planner, node, aggregate, has_condition);
}

/* An error is where the innermost node that failed is. */
static void *
fail_at(struct planner *planner, uint32_t offset)
{
	if (planner->error != NULL && planner->error->offset == 0)
		planner->error->offset = offset;
	return NULL;
}

static struct expression *
build(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	/* Its alias is not visible inside itself. */
	bool expands = node->alias.size > 0 && planner->expanding_count < EXPANSIONS_MAX;
	struct expression *expression;

	if (expands)
		planner->expanding[planner->expanding_count++] = node;
	expression = build_any(planner, node, phase);
	planner->expanding_count -= expands;
	return expression != NULL ? expression : fail_at(planner, node->offset);
}

/* ---- clauses --------------------------------------------------------- */

/* Whether an aggregate, or the weight column, occurs in the tree. */
static bool
contains(const struct planner *planner, const struct sql_node *node, const char *weight)
{
	bool condition;

	if (node == NULL)
		return false;
	if (weight != NULL && node->kind == SQL_NAME && sql_is_word(node->text, weight))
		return true;
	if (weight == NULL && node->kind == SQL_CALL && aggregate_find(node->text, &condition) >= 0)
		return true;
	for (uint32_t i = 0; i < node->args_count; i++) {
		if (contains(planner, node->args[i], weight))
			return true;
	}
	return false;
}

static bool
any_contains(const struct planner *planner, const char *weight)
{
	const struct sql_query *query = planner->query;

	for (uint32_t i = 0; i < query->with_count; i++) {
		if (contains(planner, query->with[i], weight))
			return true;
	}
	for (uint32_t i = 0; i < query->items_count; i++) {
		if (contains(planner, query->items[i], weight))
			return true;
	}
	for (uint32_t i = 0; i < query->order_count; i++) {
		if (contains(planner, query->order[i].node, weight))
			return true;
	}
	for (uint32_t i = 0; weight != NULL && i < query->group_count; i++) {
		if (contains(planner, query->group[i], weight))
			return true;
	}
	return contains(planner, query->having, weight) ||
	       (weight != NULL && (contains(planner, query->where, weight) ||
				   contains(planner, query->prewhere, weight)));
}

static const char *
missing_clause(const struct sql_query *query, uint32_t *offset)
{
	if (query->from_query != NULL) {
		*offset = query->from_query->offset;
		return "FROM (SELECT ...)";
	}
	if (query->totals) {
		*offset = query->group[query->group_count - 1]->offset;
		return "WITH TOTALS";
	}
	if (query->limit_by != NULL) {
		*offset = query->limit_by[0]->offset;
		return "LIMIT BY";
	}
	for (uint32_t i = 0; i < query->order_count; i++) {
		*offset = query->order[i].node->offset;
		if (query->order[i].fill)
			return "WITH FILL";
	}
	return NULL;
}

static int
find_table(struct planner *planner)
{
	const struct store_schema *schema = snapshot_schema(planner->snapshot);
	const struct sql_query *query = planner->query;
	const char *near = NULL;

	if (query->table.size == 0)
		return 0;
	if (sql_is_word(query->database, "system")) {
		not_implemented(planner, "the system database");
		return STORE_ENOTIMPL;
	}
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		if (strlen(schema->tables[i].name) == query->table.size &&
		    memcmp(schema->tables[i].name, query->table.bytes, query->table.size) == 0) {
			planner->plan->table = &schema->tables[i];
			planner->plan->table_index = i;
			return 0;
		}
		if (function_is_near(query->table, schema->tables[i].name))
			near = schema->tables[i].name;
	}
	return plan_error(
	    planner->error, STORE_EUNKNOWN, 60, "UNKNOWN_TABLE", "Unknown table %.*s%s%s",
	    SHOWN(query->table),
	    near == NULL ? " (see SHOW TABLES)" : ", maybe you meant: ", near == NULL ? "" : near);
}

static void
find_weight(struct planner *planner)
{
	struct plan *plan = planner->plan;

	plan->weight_column = -1;
	for (uint32_t i = 0; plan->table != NULL && i < plan->table->columns_count; i++) {
		if ((plan->table->columns[i].flags & STORE_ROLE_WEIGHT) &&
		    !any_contains(planner, plan->table->columns[i].name))
			plan->weight_column = (int)i;
	}
}

/* A whole number in GROUP BY or ORDER BY is a place in the select list. */
static const struct sql_node *
positional(struct planner *planner, const struct sql_node *node)
{
	if (node->kind != SQL_NUMBER_UINT)
		return node;
	if (node->u >= 1 && node->u <= planner->query->items_count)
		return planner->query->items[node->u - 1];
	plan_error(planner->error, STORE_EINVAL, 36, "BAD_ARGUMENTS",
		   "Position %llu is not in the select list", (unsigned long long)node->u);
	return fail_at(planner, node->offset);
}

static int
plan_keys(struct planner *planner)
{
	const struct sql_query *query = planner->query;
	bool is_distinct = query->distinct && query->group_count == 0 && !planner->plan->is_grouped;
	struct sql_node *const *nodes = is_distinct ? query->items : query->group;
	uint32_t count = is_distinct ? query->items_count : query->group_count;

	if (count > PLAN_KEYS_MAX) {
		not_implemented(planner, "GROUP BY of more than 32 expressions");
		return STORE_ENOTIMPL;
	}
	planner->plan->is_grouped |= count > 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct sql_node *node = positional(planner, nodes[i]);

		if (node == NULL)
			return STORE_EINVAL;
		node = resolve(planner, node);
		planner->key_nodes[i] = node;
		planner->key_texts[i] = sql_print(node, planner->arena);
		planner->plan->keys[i] = build(planner, node, PHASE_ROW);
		if (planner->plan->keys[i] == NULL)
			return STORE_EINVAL;
		if (planner->plan->keys[i]->type.type == STORE_R_MAP) {
			not_implemented(planner, "GROUP BY a Map");
			return STORE_ENOTIMPL;
		}
	}
	planner->plan->keys_count = count;
	return 0;
}

static int
add_result(struct planner *planner, struct expression *expression, struct store_str name)
{
	struct plan *plan = planner->plan;

	if (expression == NULL)
		return STORE_EINVAL;
	if (plan->columns_count == PLAN_COLUMNS_MAX) {
		not_implemented(planner, "a result of more than 512 columns");
		return STORE_ENOTIMPL;
	}
	plan->columns[plan->columns_count] = expression;
	plan->results[plan->columns_count++] =
	    (struct store_result_column){.name = name,
					 .type = expression->type.type,
					 .element = expression->type.element,
					 .nullable = expression->type.nullable,
					 .dictionary = expression->type.dictionary};
	return 0;
}

static int
plan_star(struct planner *planner, const struct sql_node *node)
{
	const struct store_table *table = planner->plan->table;

	for (uint32_t i = 0; table != NULL && i < table->columns_count; i++) {
		struct store_str name = {table->columns[i].name,
					 (uint32_t)strlen(table->columns[i].name)};
		struct sql_node column = {.kind = SQL_NAME, .offset = node->offset, .text = name};
		int result =
		    add_result(planner,
			       build_name(planner, &column,
					  planner->plan->is_grouped ? PHASE_GROUP : PHASE_ROW),
			       name);

		if (result != 0)
			return result;
	}
	return 0;
}

static int
plan_items(struct planner *planner, enum phase phase)
{
	for (uint32_t i = 0; i < planner->query->items_count; i++) {
		const struct sql_node *node = planner->query->items[i];
		struct expression *expression;
		int result;

		if (node->kind == SQL_STAR) {
			if ((result = plan_star(planner, node)) != 0)
				return result;
			continue;
		}
		expression = build(planner, node, phase);
		result = add_result(planner, expression,
				    node->alias.size > 0 ? node->alias
							 : sql_print(node, planner->arena));
		if (result != 0)
			return result;
	}
	return 0;
}

static int
plan_orders(struct planner *planner, enum phase phase)
{
	for (uint32_t i = 0; i < planner->query->order_count; i++) {
		const struct sql_order *order = &planner->query->order[i];
		const struct sql_node *node = positional(planner, order->node);
		struct plan_order *out = &planner->plan->orders[i];

		if (node == NULL || (out->expression = build(planner, node, phase)) == NULL)
			return STORE_EINVAL;
		out->descending = order->descending;
		out->nulls_first = order->nulls_first;
		planner->plan->orders_count++;
	}
	return 0;
}

static int
plan_count(struct planner *planner, const struct sql_node *node, uint64_t *out)
{
	struct expression *expression;

	if (node == NULL)
		return 0;
	if ((expression = build(planner, node, PHASE_ROW)) == NULL)
		return STORE_EINVAL;
	if (expression->kind != EXPRESSION_CONSTANT ||
	    !data_type_is_integer(expression->type.type) ||
	    (data_type_is_signed(expression->type.type) && expression->constant.n.i[0] < 0)) {
		fail_at(planner, node->offset);
		return plan_error(planner->error, STORE_EINVAL, 440, "INVALID_LIMIT_EXPRESSION",
				  "LIMIT and OFFSET need whole numbers that are not negative");
	}
	*out = expression->constant.n.u[0];
	return 0;
}

static struct expression *
build_filter(struct planner *planner, const struct sql_node *node, enum phase phase,
	     const char *clause)
{
	struct expression *filter = build(planner, node, phase);

	if (filter == NULL || data_type_is_number(filter->type.type))
		return filter;
	plan_error(planner->error, STORE_ETYPE, 59, "ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER",
		   "%s needs a condition", clause);
	return fail_at(planner, node->offset);
}

static int
plan_where(struct planner *planner)
{
	const struct sql_query *query = planner->query;
	struct sql_node *both[2] = {query->prewhere, query->where};
	struct sql_node conjunction = {
	    .kind = SQL_CALL, .text = {"and", 3}, .args = both, .args_count = 2};
	const struct sql_node *node = query->prewhere == NULL ? query->where
				      : query->where == NULL  ? query->prewhere
							      : &conjunction;

	if (node == NULL)
		return 0;
	planner->plan->where = build_filter(planner, node, PHASE_ROW, "WHERE");
	return planner->plan->where == NULL ? STORE_EINVAL : 0;
}

static int
plan_clauses(struct planner *planner)
{
	struct plan *plan = planner->plan;
	const struct sql_query *query = planner->query;
	enum phase phase;
	int result;

	if ((result = find_table(planner)) != 0) {
		fail_at(planner, query->table_offset);
		return result;
	}
	find_weight(planner);
	plan->is_grouped = query->group_count > 0 || any_contains(planner, NULL);
	if ((result = plan_where(planner)) != 0 || (result = plan_keys(planner)) != 0)
		return result;
	phase = plan->is_grouped ? PHASE_GROUP : PHASE_ROW;
	if ((result = plan_items(planner, phase)) != 0)
		return result;
	if (query->having != NULL && !plan->is_grouped) {
		not_implemented(planner, "HAVING without GROUP BY or aggregates");
		return STORE_ENOTIMPL;
	}
	if (query->having != NULL &&
	    (plan->having = build_filter(planner, query->having, phase, "HAVING")) == NULL)
		return STORE_EINVAL;
	plan->limit = UINT64_MAX;
	if ((result = plan_orders(planner, phase)) != 0 ||
	    (result = plan_count(planner, query->limit, &plan->limit)) != 0)
		return result;
	return plan_count(planner, query->offset, &plan->offset);
}

int
plan_create(const struct sql_query *query, const struct snapshot *snapshot,
	    const struct store_query *request, struct store_arena *arena, struct plan **out,
	    struct store_error *error)
{
	struct planner *planner = store_arena_zalloc(arena, sizeof *planner);
	uint32_t offset = 0;
	const char *missing = missing_clause(query, &offset);
	int result;

	if (planner == NULL ||
	    (planner->plan = store_arena_zalloc(arena, sizeof *planner->plan)) == NULL)
		return expression_no_memory(error);
	planner->query = query;
	planner->snapshot = snapshot;
	planner->request = request;
	planner->arena = arena;
	planner->error = error;
	if (missing != NULL) {
		not_implemented(planner, missing);
		fail_at(planner, offset);
		return STORE_ENOTIMPL;
	}
	if ((result = plan_clauses(planner)) != 0) {
		fail(planner, result);
		return error != NULL ? error->code : result;
	}
	*out = planner->plan;
	return 0;
}
