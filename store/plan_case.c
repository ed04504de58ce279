/*
 * CASE x WHEN a THEN b ... ELSE c END, which the parser and ClickHouse call
 * caseWithExpression(x, a, b, ..., c): what it means in other calls. Beside plan_call.c.
 */
#include "plan_inside.h"

/* WHEN NULL is met by NULL, as in ClickHouse and unlike x = NULL. */
static struct sql_node *
condition_of(struct planner *planner, struct sql_node *subject, struct sql_node *when)
{
	bool is_null = when->kind == SQL_NULL;
	struct sql_node *call =
	    plan_make_call(planner, when, is_null ? "isNull" : "equals", 2 - is_null);

	if (call == NULL)
		return NULL;
	call->args[0] = subject;
	if (!is_null)
		call->args[1] = when;
	return call;
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
