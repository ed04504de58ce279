/*
 * (a, b) IN ((1, 'x'), (2, 'y')): tuples are no values here. Of constants, such as can be
 * looked up, a set is made (function_set.c), also of a long list of values; others are
 * compared one by one. Beside plan_call.c, which builds what comes of the latter.
 */
#include <string.h>

#include "plan_inside.h"

bool
plan_is_tuple(const struct sql_node *node)
{
	return node->kind == SQL_LIST ||
	       (node->kind == SQL_CALL && sql_is_word(node->text, "tuple"));
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
	struct sql_node *all = plan_make_call(planner, member, "and", tuple->args_count);
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
		if ((all->args[i] = plan_make_call(planner, member->args[i], "in", 2)) == NULL)
			return NULL;
		all->args[i]->args[0] = tuple->args[i];
		all->args[i]->args[1] = member->args[i];
	}
	return count == 1 ? all->args[0] : all; /* AND takes two at least */
}

/* ---- sets --------------------------------------------------------------- */

struct tuples {
	const struct sql_node *tuple;        /* before IN */
	const struct sql_node *const *nodes; /* [count] */
	uint32_t count;
	const struct function_set **lists;  /* [tuple->args_count] */
	struct expression *const **members; /* [tuple->args_count][count] */
};

/* Whether all are tuples of so many plain values as stand before IN. */
static bool
are_plain(const struct planner *planner, const struct tuples *tuples)
{
	uint32_t width = tuples->tuple->args_count;

	for (uint32_t i = 0; i < width; i++) {
		if (plan_is_tuple(plan_resolve(planner, tuples->tuple->args[i])))
			return false;
	}
	for (uint32_t m = 0; m < tuples->count; m++) {
		const struct sql_node *member = tuples->nodes[m];

		if (!plan_is_tuple(member) || member->args_count != width)
			return false;
		for (uint32_t i = 0; i < width; i++) {
			if (is_list(member->args[i]))
				return false;
		}
	}
	return width > 0 && tuples->count > 0;
}

/* The constant, read as what it is compared with; NULL, perhaps without an error, where it
 * cannot be looked up. */
static struct expression *
build_member(struct planner *planner, struct expression *value, const struct sql_node *node,
	     enum phase phase)
{
	struct expression *args[] = {value, plan_build(planner, node, phase)};
	struct expression pair = {.kind = EXPRESSION_CALL, .args = args, .args_count = 2};

	if (args[1] == NULL || args[1]->kind != EXPRESSION_CONSTANT || args[1]->unit.size > 0 ||
	    !plan_coerce_texts(planner, &pair) || args[0] != value)
		return NULL;
	return data_is_null(&args[1]->constant, 0) ||
		       function_set_fits(value->type.type, args[1]->type.type)
		   ? args[1]
		   : NULL;
}

/* memberNumber(value), and the call of IN beside it. */
static struct expression *
build_place(struct planner *planner, struct tuples *tuples, uint32_t place, enum phase phase)
{
	const struct sql_node *node = tuples->tuple->args[place];
	struct expression *in = plan_make(planner, EXPRESSION_CALL, node);
	struct expression *number = plan_make(planner, EXPRESSION_CALL, node);

	if (in == NULL || number == NULL)
		return NULL;
	in->args_count = tuples->count + 1;
	in->args = store_arena_alloc(planner->arena, in->args_count * sizeof *in->args);
	if (in->args == NULL)
		return NULL;
	if ((in->args[0] = plan_build(planner, node, phase)) == NULL)
		return NULL;
	for (uint32_t m = 0; m < tuples->count; m++) {
		in->args[m + 1] =
		    build_member(planner, in->args[0], tuples->nodes[m]->args[place], phase);
		if (in->args[m + 1] == NULL)
			return NULL;
	}
	in->function = function_find((struct store_str){"in", 2});
	in->type.type = STORE_R_UINT8;
	tuples->members[place] = in->args + 1;
	tuples->lists[place] = number->set = function_set_of_constants(
	    in->args[0]->type.type == STORE_R_STRING, in->args + 1, tuples->count, planner->arena);
	number->function = &function_member_number;
	number->membership = in;
	number->args = in->args;
	number->args_count = 1;
	return number->set == NULL ? NULL : plan_finish_call(planner, number);
}

static struct expression *
negate(struct planner *planner, struct expression *call)
{
	struct expression *not = plan_make(planner, EXPRESSION_CALL, NULL);

	if (not == NULL ||
	    (not ->args = store_arena_alloc(planner->arena, sizeof *not ->args)) == NULL)
		return NULL;
	not ->function = function_find((struct store_str){"not", 3});
	not ->args_count = 1;
	not ->args[0] = call;
	not ->offset = call->offset;
	return plan_finish_call(planner, not );
}

struct expression *
plan_tuple_set(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct sql_node *list = node->args[1];
	bool is_single =
	    plan_is_tuple(list) && list->args_count > 0 && !plan_is_tuple(list->args[0]);
	struct tuples tuples = {.tuple = plan_resolve(planner, node->args[0]),
				.nodes = is_single ? (const struct sql_node *const *)&node->args[1]
						   : (const struct sql_node *const *)list->args,
				.count = is_single ? 1 : list->args_count};
	struct expression *call;
	uint32_t width;

	if (!plan_is_tuple(tuples.tuple) || (!plan_is_tuple(list) && list->kind != SQL_ARRAY) ||
	    !are_plain(planner, &tuples))
		return NULL;
	width = tuples.tuple->args_count;
	call = plan_make(planner, EXPRESSION_CALL, node);
	tuples.lists = store_arena_alloc(planner->arena, width * sizeof *tuples.lists);
	tuples.members = store_arena_alloc(planner->arena, width * sizeof *tuples.members);
	if (call == NULL || tuples.lists == NULL || tuples.members == NULL ||
	    (call->args = store_arena_alloc(planner->arena, width * sizeof *call->args)) == NULL)
		return NULL;
	for (uint32_t i = 0; i < width; i++) {
		if ((call->args[i] = build_place(planner, &tuples, i, phase)) == NULL)
			return NULL;
	}
	call->function = &function_in_tuples;
	call->args_count = width;
	call->set = function_set_of_tuples(tuples.lists, width, tuples.members, tuples.count,
					   planner->arena);
	if (call->set == NULL || (call = plan_finish_call(planner, call)) == NULL)
		return NULL;
	return sql_is_word(node->text, "notIn") ? negate(planner, call) : call;
}

/* Tuned over 20 M rows: from three strings or numbers on, a search is quicker than comparing
 * with each. */
#define LIST_SET_FROM 3u

struct expression *
plan_list_set(struct planner *planner, struct expression *in)
{
	uint32_t count = in->kind == EXPRESSION_CALL ? in->args_count - 1 : 0;
	enum store_result_type type =
	    count < LIST_SET_FROM ? STORE_R_ARRAY : in->args[0]->type.type;

	for (uint32_t i = 1; i <= count; i++) {
		const struct expression *member = in->args[i];

		if (member->kind != EXPRESSION_CONSTANT ||
		    (!data_is_null(&member->constant, 0) &&
		     !function_set_fits(type, member->type.type)))
			return in;
	}
	if (count < LIST_SET_FROM)
		return in;
	in->members =
	    function_set_of_constants(type == STORE_R_STRING, in->args + 1, count, planner->arena);
	if (in->members == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	return in;
}

/* ---- one by one --------------------------------------------------------- */

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
	if ((any = plan_make_call(planner, node, "or", count)) == NULL ||
	    (known = plan_make_call(planner, node, "ifNull", 2)) == NULL ||
	    (zero = store_arena_zalloc(planner->arena, sizeof *zero)) == NULL ||
	    (negated = plan_make_call(planner, node, "not", 1)) == NULL)
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
