/*
 * What comes out and in which order: group keys, the select list, ORDER BY and
 * LIMIT. Called by plan.c when the table is known; plan_keys first, because
 * over groups every node may be a key.
 */
#include <string.h>

#include "plan_inside.h"

/* ---- group keys ------------------------------------------------------ */

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
	return plan_fail_at(planner, node->offset);
}

int
plan_keys(struct planner *planner)
{
	const struct sql_query *query = planner->query;
	bool is_distinct = query->distinct && query->group_count == 0 && !planner->plan->is_grouped;
	struct sql_node *const *nodes = is_distinct ? query->items : query->group;
	uint32_t count = is_distinct ? query->items_count : query->group_count;

	if (count > PLAN_KEYS_MAX) {
		plan_not_implemented(planner, "GROUP BY of more than 32 expressions");
		return STORE_ENOTIMPL;
	}
	planner->plan->is_grouped |= count > 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct sql_node *node = positional(planner, nodes[i]);

		if (node == NULL)
			return STORE_EINVAL;
		node = plan_resolve(planner, node);
		planner->key_nodes[i] = node;
		planner->key_texts[i] = sql_print(node, planner->arena);
		planner->plan->keys[i] = plan_build(planner, node, PHASE_ROW);
		if (planner->plan->keys[i] == NULL)
			return STORE_EINVAL;
		if (planner->plan->keys[i]->type.type == STORE_R_MAP) {
			plan_not_implemented(planner, "GROUP BY a Map");
			plan_fail_at(planner, node->offset);
			return STORE_ENOTIMPL;
		}
	}
	planner->plan->keys_count = count;
	return 0;
}

/* In a grouped query: the key that this node is, or NULL. */
struct expression *
plan_find_key(struct planner *planner, const struct sql_node *node)
{
	struct store_str text = {NULL, 0};
	struct expression *slot;

	for (uint32_t i = 0; i < planner->plan->keys_count; i++) {
		if (node != planner->key_nodes[i] && text.bytes == NULL)
			text = sql_print(plan_resolve(planner, node), planner->arena);
		if (node != planner->key_nodes[i] &&
		    (text.size != planner->key_texts[i].size ||
		     memcmp(text.bytes, planner->key_texts[i].bytes, text.size) != 0))
			continue;
		if ((slot = plan_make(planner, EXPRESSION_SLOT, node)) == NULL)
			return NULL;
		slot->slot = i;
		slot->type = planner->plan->keys[i]->type;
		return slot;
	}
	return NULL;
}

/* ---- the select list ------------------------------------------------- */

static int
add_result(struct planner *planner, struct expression *expression, struct store_str name)
{
	struct plan *plan = planner->plan;

	if (expression == NULL)
		return STORE_EINVAL;
	if (plan->columns_count == PLAN_COLUMNS_MAX) {
		plan_not_implemented(planner, "a result of more than 512 columns");
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
			       plan_name(planner, &column,
					 planner->plan->is_grouped ? PHASE_GROUP : PHASE_ROW),
			       name);

		if (result != 0)
			return result;
	}
	return 0;
}

int
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
		expression = plan_build(planner, node, phase);
		result = add_result(planner, expression,
				    node->alias.size > 0 ? node->alias
							 : sql_print(node, planner->arena));
		if (result != 0)
			return result;
	}
	return 0;
}

/* ---- order and limit ------------------------------------------------- */

int
plan_orders(struct planner *planner, enum phase phase)
{
	for (uint32_t i = 0; i < planner->query->order_count; i++) {
		const struct sql_order *order = &planner->query->order[i];
		const struct sql_node *node = positional(planner, order->node);
		struct plan_order *out = &planner->plan->orders[i];

		if (node == NULL || (out->expression = plan_build(planner, node, phase)) == NULL)
			return STORE_EINVAL;
		out->descending = order->descending;
		out->nulls_first = order->nulls_first;
		planner->plan->orders_count++;
	}
	return 0;
}

int
plan_count(struct planner *planner, const struct sql_node *node, uint64_t *out)
{
	struct expression *expression;

	if (node == NULL)
		return 0;
	if ((expression = plan_build(planner, node, PHASE_ROW)) == NULL)
		return STORE_EINVAL;
	if (expression->kind != EXPRESSION_CONSTANT ||
	    !data_type_is_integer(expression->type.type) ||
	    (data_type_is_signed(expression->type.type) && expression->constant.n.i[0] < 0)) {
		plan_fail_at(planner, node->offset);
		return plan_error(planner->error, STORE_EINVAL, 440, "INVALID_LIMIT_EXPRESSION",
				  "LIMIT and OFFSET need whole numbers that are not negative");
	}
	*out = expression->constant.n.u[0];
	return 0;
}
