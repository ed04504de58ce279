/*
 * What comes out and in which order: group keys, the select list, ORDER BY and
 * LIMIT. Called by plan.c when the table is known; plan_keys first, because
 * over groups every node may be a key.
 */
#include <string.h>

#include "plan_inside.h"

static int
refuse(struct planner *planner, uint32_t offset, const char *what)
{
	plan_not_implemented(planner, what);
	plan_fail_at(planner, offset);
	return STORE_ENOTIMPL;
}

/* ---- group keys ------------------------------------------------------ */

static struct store_str
real_name(struct store_str name)
{
	const struct function *function = function_find(name);

	return function == NULL
		   ? name
		   : (struct store_str){function->name, (uint32_t)strlen(function->name)};
}

/* A text that nodes of one meaning share: YEAR(ts) is toYear(ts). */
static struct store_str
meaning_of(struct planner *planner, const struct sql_node *node)
{
	return sql_print_named(node, real_name, planner->arena);
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
	return plan_fail_at(planner, node->offset);
}

int
plan_keys(struct planner *planner)
{
	const struct sql_query *query = planner->query;
	bool has_aggregate = plan_has_aggregate(planner);
	/* GROUP BY ALL of a query without aggregates is DISTINCT, but for constants. */
	bool is_distinct = query->distinct && query->group_count == 0 && !has_aggregate;
	bool is_all = query->group_all && !is_distinct;
	struct sql_node **nodes = query->group;
	uint32_t count = query->group_count, keys = 0;
	int result = is_distinct || is_all ? plan_all(planner, is_distinct, &nodes, &count) : 0;

	if (result != 0)
		return result;
	if (count > PLAN_KEYS_MAX)
		return refuse(planner, nodes[PLAN_KEYS_MAX]->offset,
			      "GROUP BY of more than 32 expressions");
	planner->plan->is_grouped |= count > 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct sql_node *node =
		    is_distinct || is_all ? nodes[i] : positional(planner, nodes[i]);

		if (node == NULL)
			return STORE_EINVAL;
		node = plan_resolve(planner, node);
		planner->key_nodes[keys] = node;
		planner->key_texts[keys] = meaning_of(planner, node);
		planner->plan->keys[keys] = plan_build(planner, node, PHASE_ROW);
		if (planner->plan->keys[keys] == NULL)
			return STORE_EINVAL;
		if (planner->plan->keys[keys]->type.type == STORE_R_MAP)
			return refuse(planner, node->offset, "GROUP BY a Map");
		/* ALL is what varies: of constants alone there is one group, rows or none. */
		keys += !is_all || planner->plan->keys[keys]->kind != EXPRESSION_CONSTANT;
	}
	planner->plan->keys_count = keys;
	if (is_all)
		planner->plan->is_grouped = keys > 0 || has_aggregate;
	if (query->totals && !planner->plan->is_grouped)
		return refuse(planner, query->items[0]->offset, "WITH TOTALS without groups");
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
			text = meaning_of(planner, plan_resolve(planner, node));
		if (node != planner->key_nodes[i] &&
		    (text.size != planner->key_texts[i].size ||
		     memcmp(text.bytes, planner->key_texts[i].bytes, text.size) != 0))
			continue;
		if ((slot = plan_make(planner, EXPRESSION_SLOT, node)) == NULL)
			return NULL;
		slot->slot = i;
		slot->type = planner->plan->keys[i]->type;
		slot->unit = planner->plan->keys[i]->unit;
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
	if (plan->columns_count == PLAN_COLUMNS_MAX)
		return refuse(planner, expression->offset, "a result of more than 512 columns");
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
plan_star(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	if (planner->plan->table == NULL && planner->plan->relation == NULL)
		return refuse(planner, node->offset, "* without FROM");
	for (uint32_t i = 0; i < plan_columns_count(planner->plan); i++) {
		struct store_str name = plan_column_name(planner->plan, i);
		struct sql_node column = {
		    .kind = SQL_NAME, .offset = node->offset, .text = name, .is_column = true};
		struct expression *expression = plan_find_key(planner, &column);
		int result;

		if (expression == NULL)
			expression = plan_column(planner, &column, phase);
		if (expression == NULL)
			plan_fail_at(planner, node->offset);
		if ((result = add_result(planner, expression, name)) != 0)
			return result;
	}
	return 0;
}

/* Then no two groups give the same row. */
static bool
shows_all_keys(const struct plan *plan)
{
	for (uint32_t k = 0; k < plan->keys_count; k++) {
		bool found = false;

		for (uint32_t c = 0; c < plan->columns_count; c++)
			found |= plan->columns[c]->kind == EXPRESSION_SLOT &&
				 plan->columns[c]->slot == k;
		if (!found)
			return false;
	}
	return true;
}

/* Of a subquery that does not group: its rows' weights, for the query around. */
int
plan_keep_weights(struct planner *planner)
{
	static const struct store_str no_name = {"", 0};
	struct plan *plan = planner->plan;
	struct expression *weights;

	if (planner->query->outer == NULL || plan->is_grouped || plan->weight_column < 0)
		return 0;
	if ((weights = plan_make(planner, EXPRESSION_COLUMN, NULL)) == NULL)
		return STORE_ELIMIT;
	weights->column = (uint16_t)plan->weight_column;
	weights->type = (struct type){.type = STORE_R_UINT32};
	plan->keeps_weights = true;
	return add_result(planner, weights, no_name);
}

int
plan_items(struct planner *planner, enum phase phase)
{
	for (uint32_t i = 0; i < planner->query->items_count; i++) {
		const struct sql_node *node = planner->query->items[i];
		struct expression *expression;
		int result;

		if (node->kind == SQL_STAR) {
			if ((result = plan_star(planner, node, phase)) != 0)
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
	planner->plan->is_distinct = planner->query->distinct && !shows_all_keys(planner->plan);
	return 0;
}

/* ---- order and limit ------------------------------------------------- */

/* Columns of the answer that are what an order is of, by their text. */
static void
find_shown_orders(struct planner *planner)
{
	const struct sql_query *query = planner->query;
	struct plan *plan = planner->plan;

	for (uint32_t c = 0; c < query->items_count && c < plan->columns_count; c++) {
		const struct sql_node *item = plan_resolve(planner, query->items[c]);
		struct store_str text = meaning_of(planner, item);

		if (item->kind == SQL_STAR) /* moves the columns after it */
			return;
		for (uint32_t i = 0; i < query->order_count; i++) {
			const struct sql_node *node = positional(planner, query->order[i].node);
			struct store_str other = meaning_of(planner, plan_resolve(planner, node));

			if (text.size > 0 && text.size == other.size &&
			    memcmp(text.bytes, other.bytes, text.size) == 0)
				plan->shows_order[c] = i + 1;
		}
	}
}

/* ORDER BY ALL: the answer's columns in turn. */
static int
order_by_all(struct planner *planner)
{
	const struct sql_order *order = &planner->query->order[0];
	struct plan *plan = planner->plan;

	for (uint32_t i = 0; i < plan->columns_count - plan->keeps_weights; i++) {
		enum store_result_type type = plan->columns[i]->type.type;

		if (i == PLAN_ORDERS_MAX)
			return refuse(planner, order->node->offset,
				      "ORDER BY of more than 64 expressions");
		if (type == STORE_R_MAP || type == STORE_R_ARRAY)
			return refuse(planner, order->node->offset, "ORDER BY a Map or Array");
		plan->orders[plan->orders_count++] =
		    (struct plan_order){.expression = plan->columns[i],
					.descending = order->descending,
					.nulls_first = order->nulls_first};
	}
	return 0;
}

int
plan_orders(struct planner *planner, enum phase phase)
{
	if (planner->query->order_all)
		return order_by_all(planner);
	if (planner->query->order_count > PLAN_ORDERS_MAX)
		return refuse(planner, planner->query->order[PLAN_ORDERS_MAX].node->offset,
			      "ORDER BY of more than 64 expressions");
	for (uint32_t i = 0; i < planner->query->order_count; i++) {
		const struct sql_order *order = &planner->query->order[i];
		const struct sql_node *node = positional(planner, order->node);
		struct plan_order *out = &planner->plan->orders[i];

		if (node == NULL || (out->expression = plan_build(planner, node, phase)) == NULL)
			return STORE_EINVAL;
		if (out->expression->type.type == STORE_R_MAP ||
		    out->expression->type.type == STORE_R_ARRAY)
			return refuse(planner, order->node->offset, "ORDER BY a Map or Array");
		out->descending = order->descending;
		out->nulls_first = order->nulls_first;
		if (order->fill) {
			int result = plan_fill(planner, order, out);

			if (result != 0)
				return result;
			planner->plan->is_filled = true;
		}
		planner->plan->orders_count++;
	}
	if (planner->plan->is_filled)
		find_shown_orders(planner);
	return 0;
}

int
plan_limit_by(struct planner *planner, enum phase phase)
{
	const struct sql_query *query = planner->query;
	struct plan *plan = planner->plan;
	int result;

	if (query->limit_by_keys_count > PLAN_KEYS_MAX)
		return refuse(planner, query->limit_by[PLAN_KEYS_MAX]->offset,
			      "LIMIT BY of more than 32 expressions");
	for (uint32_t i = 0; i < query->limit_by_keys_count; i++) {
		const struct sql_node *node = positional(planner, query->limit_by[i]);

		if (node == NULL || (plan->limit_by[i] = plan_build(planner, node, phase)) == NULL)
			return STORE_EINVAL;
	}
	plan->limit_by_count = query->limit_by_keys_count;
	plan->limit_by_limit = UINT64_MAX;
	if ((result = plan_count(planner, query->limit_by_count, &plan->limit_by_limit)) != 0)
		return result;
	return plan_count(planner, query->limit_by_offset, &plan->limit_by_offset);
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
