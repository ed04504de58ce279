/*
 * CASE x WHEN a THEN b ... ELSE c END, which the parser and ClickHouse call
 * caseWithExpression(x, a, b, ..., c): what it means in other calls. Beside plan_call.c.
 */
#include "plan_inside.h"

static struct sql_node *
call_of(struct planner *planner, const char *name, struct sql_node *a, struct sql_node *b)
{
	struct sql_node *call =
	    a == NULL ? NULL : plan_make_call(planner, a, name, b == NULL ? 1 : 2);

	if (call == NULL)
		return NULL;
	call->args[0] = a;
	if (b != NULL)
		call->args[1] = b;
	return call;
}

/* NULL is met by NULL, as in ClickHouse and unlike x = NULL. */
static struct sql_node *
condition_of(struct planner *planner, struct sql_node *subject, struct sql_node *when)
{
	struct sql_node *equal, *subject_null, *when_null, *both;

	if (when->kind == SQL_NULL)
		return call_of(planner, "isNull", subject, NULL);
	equal = call_of(planner, "equals", subject, when);
	if (plan_is_literal(when) || equal == NULL)
		return equal;
	subject_null = call_of(planner, "isNull", subject, NULL);
	when_null = call_of(planner, "isNull", when, NULL);
	both = when_null == NULL ? NULL : call_of(planner, "and", subject_null, when_null);
	return both == NULL ? NULL : call_of(planner, "or", equal, both);
}

const struct sql_node *
plan_case(struct planner *planner, const struct sql_node *node)
{
	uint32_t count = node->args_count;
	struct sql_node *call;

	if (!sql_is_word(node->text, "caseWithExpression") || count < 4 || count % 2 != 0)
		return node;
	if ((call = plan_make_call(planner, node, "multiIf", count - 1)) == NULL)
		return NULL;
	for (uint32_t i = 1; i < count; i++) {
		bool is_condition = i % 2 == 1 && i + 1 < count;

		call->args[i - 1] = is_condition
					? condition_of(planner, node->args[0], node->args[i])
					: node->args[i];
		if (call->args[i - 1] == NULL)
			return NULL;
	}
	return call;
}
