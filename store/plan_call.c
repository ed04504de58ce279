/*
 * Calls of scalar functions: the name to its kernel, the arguments to a result
 * type, and a call of constants to its value. Between plan.c and function.h;
 * aggregates are plan_aggregate.c's, intervals and units of time plan_time.c's.
 */
#include <stdio.h>
#include <string.h>

#include "plan_inside.h"

/* ---- type and value -------------------------------------------------- */

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
	struct store_error error = {0};
	struct evaluation evaluation = {.arena = planner->arena,
					.count = 1,
					.watch = planner->watch,
					.now_ms = planner->request->now_ms};
	struct data value;
	int result;

	if (!is_constant(call))
		return call;
	evaluation.error = &error;
	result = expression_evaluate(&evaluation, call, &value);
	if (result == STORE_ETYPE && planner->lazy > 0)
		return call; /* perhaps nobody takes it */
	if (result != 0) {
		if (planner->error != NULL)
			*planner->error = error;
		return NULL;
	}
	value.constant = true;
	call->constant = value;
	call->kind = EXPRESSION_CONSTANT;
	call->may_fail = false;
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
		snprintf(
		    list + strlen(list), sizeof list - strlen(list), "%s%s", i == 0 ? "" : ", ",
		    call->args[i]->unit.size > 0 ? "Interval" : names[call->args[i]->type.type]);
	plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
		   "Illegal types of arguments of function %s: (%s)", call->function->name, list);
	return NULL;
}

/* Numbers that have a unit are added to times, and nothing else: one day and one hour
 * are not two of anything. */
static bool
takes_units(const struct expression *call)
{
	const char *name = call->function->name;
	bool has_unit = false, has_time = false;

	for (uint32_t i = 0; i < call->args_count; i++) {
		has_unit |= call->args[i]->unit.size > 0;
		has_time |= data_type_is_time(call->args[i]->type.type);
	}
	return !has_unit || (has_time && (strcmp(name, "plus") == 0 || strcmp(name, "minus") == 0 ||
					  strcmp(name, "toStartOfInterval") == 0));
}

/* NULL of the call's type. The literal NULL has none of its own, whatever the other
 * arguments are. */
static struct expression *
null_of(struct planner *planner, struct expression *call, bool is_bare)
{
	static const struct sql_node null = {.kind = SQL_NULL};
	struct expression *value = plan_literal(planner, &null);
	struct type type = {0};

	if (value == NULL || is_bare || !call->function->infer(call, &type) ||
	    type.type == STORE_R_MAP || type.type == STORE_R_ARRAY)
		return value;
	type.nullable = true;
	if (type.type == STORE_R_STRING) {
		struct expression *text = plan_constant(planner, NULL, type);

		if (text == NULL)
			return NULL;
		text->constant.s[0] = (struct store_str){NULL, 0};
		text->constant.nulls = value->constant.nulls;
		value = text;
	}
	value->type = value->constant.type = type;
	value->function = call->function; /* so it is no literal */
	return value;
}

struct expression *
plan_finish_call(struct planner *planner, struct expression *call)
{
	bool is_null = false, is_bare = false;
	struct type type = {0};

	for (uint32_t i = 0; !call->function->takes_null && i < call->args_count; i++) {
		if (call->args[i]->kind == EXPRESSION_CONSTANT &&
		    call->args[i]->constant.nulls != NULL && call->args[i]->constant.nulls[0]) {
			is_null = true;
			is_bare |= call->args[i]->function == NULL;
		}
	}
	if (is_null)
		return null_of(planner, call, is_bare);
	if (!takes_units(call) || !call->function->infer(call, &type))
		return bad_types(planner, call);
	for (uint32_t i = 0; !call->function->takes_null && i < call->args_count; i++)
		type.nullable |= call->args[i]->type.nullable;
	call->type = type;
	call->only_string = only_string_of(call);
	call->may_fail = function_may_fail(call);
	for (uint32_t i = 0; i < call->args_count; i++)
		call->may_fail |= call->args[i]->may_fail;
	return fold(planner, call);
}

/* ---- calls ----------------------------------------------------------- */

struct sql_node *
plan_make_call(struct planner *planner, const struct sql_node *at, const char *name, uint32_t count)
{
	struct sql_node *call = store_arena_zalloc(planner->arena, sizeof *call);

	if (call == NULL || (call->args = store_arena_zalloc(
				 planner->arena, (count + 1u) * sizeof *call->args)) == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	call->kind = SQL_CALL;
	call->offset = at->offset;
	call->text = (struct store_str){name, (uint32_t)strlen(name)};
	call->args_count = count;
	return call;
}

static void *
unknown_function(struct planner *planner, struct store_str name)
{
	const char *near = aggregate_nearest(name);
	char what[120];

	if (near == NULL)
		near = function_nearest(name);
	if (function_is_planned(name)) {
		snprintf(what, sizeof what, "function %.*s", EXPRESSION_SHOWN(name));
		return plan_not_implemented(planner, what);
	}
	plan_error(planner->error, STORE_EUNKNOWN, 46, "UNKNOWN_FUNCTION",
		   "Unknown function %.*s%s%s", EXPRESSION_SHOWN(name),
		   near == NULL ? "" : ", maybe you meant: ", near == NULL ? "" : near);
	return NULL;
}

static void *
bad_count(struct planner *planner, const struct function *function, uint32_t count)
{
	plan_error(planner->error, STORE_ETYPE, 42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
		   "Number of arguments for function %s doesn't match: passed %u, should be %u%s",
		   function->name, count, function->args_min,
		   function->args_max > function->args_min ? " or more" : "");
	return NULL;
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
	return false;
}

/* Texts among the arguments become times or numbers where the function needs
 * such. */
static bool
coerce_arguments(struct planner *planner, struct expression *call)
{
	bool to_date = strcmp(call->function->name, "toDate") == 0;

	if (is_comparison(call->function))
		return plan_coerce_texts(planner, call);
	if (!to_date && strcmp(call->function->name, "toDateTime") != 0)
		return true;
	call->args[0] = plan_coerce_to_time(planner, call->args[0], to_date);
	return call->args[0] != NULL;
}

static bool
is_in(struct store_str name)
{
	return sql_is_word(name, "in") || sql_is_word(name, "notIn");
}

/* x IN (a, b): the members become arguments. */
static const struct sql_node *const *
arguments_of(struct planner *planner, const struct sql_node *node, uint32_t *count)
{
	const struct sql_node *list = node->args_count == 2 ? node->args[1] : NULL, **args;

	*count = node->args_count;
	if (is_in(node->text) && list != NULL && plan_parameter_is_array(list) &&
	    (list = plan_parameter_array(planner, list)) == NULL)
		return NULL;
	if (!is_in(node->text) || list == NULL)
		return (const struct sql_node *const *)node->args;
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

struct expression *
plan_call(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct function *function = function_find(node->text);
	const struct sql_node *const *nodes;
	const struct sql_node *simpler = plan_simpler_time(planner, node, phase);
	struct expression *call;
	uint32_t count;

	if (simpler == node)
		simpler = plan_case(planner, node);
	if (simpler == NULL)
		return NULL;
	if (simpler != node)
		return plan_build(planner, simpler, phase);
	if (sql_is_word(node->text, "arrayElement") && node->args_count == 2) {
		call = plan_map_value(planner, node, phase);
		if (call != NULL || (planner->error != NULL && planner->error->code != 0))
			return call;
	}
	if (is_in(node->text) && node->args_count == 2) {
		if (node->args[1]->kind == SQL_SUBQUERY)
			return plan_in_relation(planner, node, phase);
		call = plan_tuple_set(planner, node, phase);
		if (call != NULL || (planner->error != NULL && planner->error->code != 0))
			return call;
		if ((simpler = plan_tuple_in(planner, node)) == NULL)
			return NULL;
		if (simpler != node)
			return plan_build(planner, simpler, phase);
	}
	if (sql_is_word(node->text, "negate") && node->args_count == 1 &&
	    node->args[0]->kind == SQL_NUMBER_UINT)
		return plan_negative(planner, node, node->args[0]->u);
	if (function == NULL)
		return unknown_function(planner, node->text);
	if ((nodes = arguments_of(planner, node, &count)) == NULL && count > 0)
		return NULL;
	if (count < function->args_min || (count > function->args_max && function->args_max < 255))
		return bad_count(planner, function, count);
	if ((call = plan_make(planner, EXPRESSION_CALL, node)) == NULL)
		return NULL;
	call->function = function;
	call->args_count = count;
	if ((call->args = store_arena_alloc(planner->arena, (count + 1u) * sizeof *call->args)) ==
	    NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		planner->lazy += function_is_lazy(function);
		call->args[i] = plan_build(planner, nodes[i], phase);
		planner->lazy -= function_is_lazy(function);
		if (call->args[i] == NULL)
			return NULL;
	}
	if (!coerce_arguments(planner, call) || (call = plan_finish_call(planner, call)) == NULL)
		return NULL;
	return is_in(node->text) ? plan_list_set(planner, call) : call;
}
