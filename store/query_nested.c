/*
 * Subqueries: each is run before the query around it is planned, innermost
 * first, on the same snapshot and under the same limits; its rows hang on its
 * node. Between query.c and plan.c; must not know what the rows are for.
 */
#include <string.h>

#include "query_inside.h"

static int nest_node(struct query_run *run, struct sql_query *query, struct sql_node *node);

static int
nest_nodes(struct query_run *run, struct sql_query *query, struct sql_node *const *nodes,
	   uint32_t count)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < count; i++)
		result = nest_node(run, query, nodes[i]);
	return result;
}

/* Its rows, or in a dry run its columns. */
static int
run_subquery(struct query_run *run, struct sql_query *outer, struct sql_node *node)
{
	struct store_result result = {.arena = run->arena};
	struct relation *relation;
	struct plan *plan;
	int code;

	node->query->outer = outer;
	if ((code = query_nest(run, node->query)) != 0 ||
	    (code = query_select(run, node->query, &result, &plan)) != 0)
		return code;
	result.columns = plan->results;
	result.columns_count = plan->columns_count;
	relation = relation_of_result(&result, plan->keeps_weights, run->arena);
	if (relation == NULL)
		return expression_no_memory(run->error);
	relation->is_grouped =
	    plan->is_grouped || (plan->relation != NULL && plan->relation->is_grouped);
	relation->is_weighted =
	    result.weighted || (plan->relation != NULL && plan->relation->is_weighted);
	node->relation = relation;
	return 0;
}

static int
nest_node(struct query_run *run, struct sql_query *query, struct sql_node *node)
{
	int result;

	if (node == NULL)
		return 0;
	if (node->kind == SQL_SUBQUERY) /* CASE and BETWEEN show one node twice */
		return node->relation != NULL ? 0 : run_subquery(run, query, node);
	if ((result = nest_nodes(run, query, node->args, node->args_count)) != 0)
		return result;
	return nest_nodes(run, query, node->parameters, node->parameters_count);
}

/* WITH name AS (SELECT ...) of this query or one around. */
static struct sql_node *
find_with(const struct sql_query *query, struct store_str name)
{
	for (; query != NULL; query = query->outer) {
		for (uint32_t i = 0; i < query->with_count; i++) {
			struct sql_node *node = query->with[i];

			if (node->is_table && node->alias.size == name.size &&
			    memcmp(node->alias.bytes, name.bytes, name.size) == 0 &&
			    node->relation != NULL)
				return node;
		}
	}
	return NULL;
}

static int
find_relation(struct query_run *run, struct sql_query *query)
{
	struct sql_node *node = NULL;
	struct relation *relation = NULL;
	int result;

	if (query->table_parameter != NULL &&
	    !plan_parameter_value(run->request, query->table_parameter, &query->table, run->error))
		return STORE_EINVAL;
	if (query->from_query != NULL) {
		query->relation = query->from_query->relation;
		return 0;
	}
	if (sql_is_word(query->database, "system")) {
		if ((result = system_table(run, query->table, &relation)) != 0)
			return result;
		query->relation = relation;
		if (relation != NULL)
			return 0;
		run->error->offset = query->table_offset;
		return plan_error(run->error, STORE_EUNKNOWN, 60, "UNKNOWN_TABLE",
				  "Unknown table system.%.*s (see SHOW TABLES FROM system)",
				  EXPRESSION_SHOWN(query->table));
	}
	if (query->table.size > 0 && query->database.size == 0)
		node = find_with(query, query->table);
	query->relation = node == NULL ? NULL : node->relation;
	return 0;
}

int
query_nest(struct query_run *run, struct sql_query *query)
{
	int result = nest_nodes(run, query, query->with, query->with_count);

	if (result == 0)
		result = nest_node(run, query, query->from_query);
	if (result == 0)
		result = find_relation(run, query);
	if (result == 0)
		result = nest_nodes(run, query, query->items, query->items_count);
	if (result == 0)
		result = nest_node(run, query, query->prewhere);
	if (result == 0)
		result = nest_node(run, query, query->where);
	if (result == 0)
		result = nest_nodes(run, query, query->group, query->group_count);
	if (result == 0)
		result = nest_node(run, query, query->having);
	for (uint32_t i = 0; result == 0 && i < query->order_count; i++)
		result = nest_node(run, query, query->order[i].node);
	if (result == 0)
		result = nest_nodes(run, query, query->limit_by, query->limit_by_keys_count);
	return result;
}
