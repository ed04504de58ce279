/*
 * Subqueries whose rows are known, in the query around: as one value, as a set,
 * as FROM; and what weights mean across them. Between plan.c and relation.h;
 * query_nested.c ran them.
 */
#include "plan_inside.h"
#include "relation.h"

/* ---- values ---------------------------------------------------------- */

static const struct relation *
one_column(struct planner *planner, const struct sql_node *node)
{
	const struct relation *relation = node->relation;

	if (relation == NULL)
		return plan_not_implemented(planner, "a subquery here");
	if (relation->columns_count == 1)
		return relation;
	plan_error(planner->error, STORE_ETYPE, 20, "NUMBER_OF_COLUMNS_DOESNT_MATCH",
		   "A subquery of one column is needed; this one has %u", relation->columns_count);
	return NULL;
}

/* No row is NULL. */
struct expression *
plan_scalar(struct planner *planner, const struct sql_node *node)
{
	const struct relation *relation = one_column(planner, node);
	struct expression *constant;
	struct type type;
	const struct data *data;

	if (relation == NULL)
		return NULL;
	if (relation->rows_count > 1) {
		plan_error(planner->error, STORE_EINVAL, 125, "INCORRECT_RESULT_OF_SCALAR_SUBQUERY",
			   "A subquery that stands for a value has more than one row");
		return NULL;
	}
	data = &relation->columns[0].data;
	type = relation->columns[0].type;
	type.nullable = data->values == NULL; /* there may be no row */
	type.dictionary = false;
	if ((constant = plan_constant(planner, node, type)) == NULL)
		return NULL;
	constant->constant.values = data->values;
	if (constant->constant.s != NULL)
		constant->constant.s[0] = data->s[0];
	else if (data->n.u != NULL)
		constant->constant.n.u[0] = data->n.u[0];
	if (type.nullable && (relation->rows_count == 0 || data_is_null(data, 0))) {
		if ((constant->constant.nulls = store_arena_alloc(planner->arena, 1)) == NULL) {
			expression_no_memory(planner->error);
			return NULL;
		}
		constant->constant.nulls[0] = 1;
	}
	return constant;
}

struct expression *
plan_in_relation(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct relation *relation = one_column(planner, node->args[1]);
	struct expression *value, *call;

	if (relation == NULL || (value = plan_build(planner, node->args[0], phase)) == NULL)
		return NULL;
	if (!function_set_fits(value->type.type, relation->columns[0].type.type)) {
		plan_error(planner->error, STORE_ETYPE, 53, "TYPE_MISMATCH",
			   "%s IN a subquery of %s", function_type_name(value->type.type),
			   function_type_name(relation->columns[0].type.type));
		return NULL;
	}
	if ((call = plan_make(planner, EXPRESSION_CALL, node)) == NULL)
		return NULL;
	call->function = sql_is_word(node->text, "notIn") ? &function_not_in_set : &function_in_set;
	call->args_count = 1;
	call->args = store_arena_alloc(planner->arena, sizeof *call->args);
	call->set = function_set_create(&relation->columns[0].data, planner->arena);
	if (call->args == NULL || call->set == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	call->args[0] = value;
	return plan_finish_call(planner, call);
}

/* ---- weights --------------------------------------------------------- */

static bool query_names(const struct sql_query *query, const char *name);

static bool
names(const struct sql_node *node, const char *name)
{
	if (node == NULL)
		return false;
	if (node->kind == SQL_NAME && sql_is_word(node->text, name))
		return true;
	if (node->kind == SQL_SUBQUERY)
		return query_names(node->query, name);
	for (uint32_t i = 0; i < node->args_count; i++) {
		if (names(node->args[i], name))
			return true;
	}
	return false;
}

static bool
any_names(struct sql_node *const *nodes, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (names(nodes[i], name))
			return true;
	}
	return false;
}

static bool
query_names(const struct sql_query *query, const char *name)
{
	for (uint32_t i = 0; i < query->order_count; i++) {
		if (names(query->order[i].node, name))
			return true;
	}
	return any_names(query->with, query->with_count, name) ||
	       any_names(query->items, query->items_count, name) ||
	       any_names(query->group, query->group_count, name) ||
	       any_names(query->limit_by, query->limit_by_keys_count, name) ||
	       names(query->having, name) || names(query->where, name) ||
	       names(query->prewhere, name) || names(query->from_query, name);
}

const char *
plan_weight_name(const struct store_schema *schema)
{
	for (uint32_t t = 0; t < schema->tables_count; t++) {
		const struct store_table *table = &schema->tables[t];

		for (uint32_t c = 0; c < table->columns_count; c++) {
			if (table->columns[c].flags & STORE_ROLE_WEIGHT)
				return table->columns[c].name;
		}
	}
	return NULL;
}

bool
plan_weighs_by_itself(const struct sql_query *query, const struct store_schema *schema)
{
	const char *name = plan_weight_name(schema);

	while (query->outer != NULL)
		query = query->outer;
	return name == NULL || query_names(query, name);
}

void
plan_find_weight(struct planner *planner)
{
	struct plan *plan = planner->plan;

	plan->weight_column = -1;
	if (plan_weighs_by_itself(planner->query, snapshot_schema(planner->snapshot)))
		return;
	if (plan->relation != NULL && plan->relation->has_weights)
		plan->weight_column = (int)plan->relation->columns_count;
	for (uint32_t i = 0; plan->table != NULL && i < plan->table->columns_count; i++) {
		if (plan->table->columns[i].flags & STORE_ROLE_WEIGHT)
			plan->weight_column = (int)i;
	}
}

int
plan_check_nesting(struct planner *planner)
{
	const struct plan *plan = planner->plan;

	if (!plan->is_grouped || plan->relation == NULL || !plan->relation->is_grouped ||
	    !plan->relation->is_weighted ||
	    plan_weighs_by_itself(planner->query, snapshot_schema(planner->snapshot)))
		return 0;
	return plan_error(planner->error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
			  "An aggregate over a subquery that aggregates is not implemented for "
			  "sampled rows: groups have no weights; name %s to weigh by yourself",
			  plan_weight_name(snapshot_schema(planner->snapshot)));
}
