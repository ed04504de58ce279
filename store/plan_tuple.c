/*
 * (a, b) IN ((1, 'x'), (2, 'y')): members compared one by one, for tuples are no values
 * here. Beside plan_call.c, which builds what comes of it.
 */
#include <string.h>

#include "plan_inside.h"

bool
plan_is_tuple(const struct sql_node *node)
{
	return node->kind == SQL_LIST ||
	       (node->kind == SQL_CALL && sql_is_word(node->text, "tuple"));
}

static struct sql_node *
make_call(struct planner *planner, const struct sql_node *at, const char *name, uint32_t count)
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

/* What IN takes after one value, and a member of a tuple is not. */
static bool
is_list(const struct sql_node *node)
{
	return node->kind == SQL_LIST || node->kind == SQL_ARRAY || plan_parameter_is_array(node);
}

/* in(a, 1) AND in(b, 'x'), so that texts are read as what they are compared with. */
static struct sql_node *
equal_to(struct planner *planner, const struct sql_node *tuple, const struct sql_node *member)
{
	struct sql_node *all = make_call(planner, member, "and", tuple->args_count);
	uint32_t count = plan_is_tuple(member) ? member->args_count : 1;

	if (all == NULL)
		return NULL;
	if (count != tuple->args_count) {
		plan_error(planner->error, STORE_ETYPE, 124, "INCORRECT_ELEMENT_OF_SET",
			   "The tuple before IN has %u members, this one %u", tuple->args_count,
			   count);
		return plan_fail_at(planner, member->offset);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (is_list(member->args[i]) &&
		    !plan_is_tuple(plan_resolve(planner, tuple->args[i]))) {
			plan_error(planner->error, STORE_ETYPE, 53, "TYPE_MISMATCH",
				   "A member of a tuple is one value, not a list");
			return plan_fail_at(planner, member->args[i]->offset);
		}
		if ((all->args[i] = make_call(planner, member->args[i], "in", 2)) == NULL)
			return NULL;
		all->args[i]->args[0] = tuple->args[i];
		all->args[i]->args[1] = member->args[i];
	}
	return count == 1 ? all->args[0] : all; /* AND takes two at least */
}

/* Never NULL, as in ClickHouse: a tuple that holds one is in no list. */
const struct sql_node *
plan_tuple_in(struct planner *planner, const struct sql_node *node)
{
	const struct sql_node *tuple = plan_resolve(planner, node->args[0]), *list = node->args[1];
	bool is_single =
	    plan_is_tuple(list) && list->args_count > 0 && !plan_is_tuple(list->args[0]);
	struct sql_node *any, *known, *zero, *negated;
	uint32_t count = is_single ? 1 : list->args_count;

	if (!plan_is_tuple(tuple) || (!plan_is_tuple(list) && list->kind != SQL_ARRAY))
		return node;
	if (count == 0 || tuple->args_count == 0)
		return plan_not_implemented(planner, "IN of a tuple and an empty list");
	if ((any = make_call(planner, node, "or", count)) == NULL ||
	    (known = make_call(planner, node, "ifNull", 2)) == NULL ||
	    (zero = store_arena_zalloc(planner->arena, sizeof *zero)) == NULL ||
	    (negated = make_call(planner, node, "not", 1)) == NULL)
		return NULL;
	zero->kind = SQL_NUMBER_UINT;
	for (uint32_t i = 0; i < count; i++) {
		const struct sql_node *member = is_single ? list : list->args[i];

		any->args[i] = member->kind == SQL_NULL ? list->args[i] /* of no tuple */
							: equal_to(planner, tuple, member);
		if (any->args[i] == NULL)
			return NULL;
	}
	known->args[0] = count > 1 ? any : any->args[0];
	known->args[1] = zero;
	negated->args[0] = known;
	return sql_is_word(node->text, "notIn") ? negated : known;
}
