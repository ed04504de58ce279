/*
 * Aggregate functions of a query: arguments over rows, a slot over groups; and
 * whether rows weigh their sample interval (they do, unless the query names
 * that column and so weighs by itself). Between plan.c and aggregate.h.
 */
#include "plan_inside.h"

/* ---- aggregates ------------------------------------------------------ */

static void *
bad_aggregate(struct planner *planner, const struct sql_node *node, const char *why)
{
	plan_error(planner->error, STORE_ETYPE, 42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
		   "Aggregate function %.*s %s", PLAN_SHOWN(node->text), why);
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
		   "Illegal type of argument for aggregate function %.*s", PLAN_SHOWN(node->text));
	return false;
}

struct expression *
plan_aggregate(struct planner *planner, const struct sql_node *node, int kind, bool has_condition)
{
	struct plan *plan = planner->plan;
	struct aggregate *aggregate = &plan->aggregates[plan->aggregates_count];
	uint32_t arguments = node->args_count - (has_condition && node->args_count > 0);
	struct expression *slot;

	if (planner->in_aggregate) {
		plan_error(planner->error, STORE_ETYPE, 184, "ILLEGAL_AGGREGATION",
			   "Aggregate function %.*s is inside another aggregate function",
			   PLAN_SHOWN(node->text));
		return NULL;
	}
	if (plan->aggregates_count == PLAN_AGGREGATES_MAX)
		return plan_not_implemented(planner, "a query with more than 128 aggregates");
	if (node->distinct)
		return plan_not_implemented(planner, "DISTINCT inside an aggregate function");
	*aggregate = (struct aggregate){.kind = (enum aggregate_kind)kind,
					.weighted = plan->weight_column >= 0};
	if (arguments == 1 && node->args[0]->kind == SQL_STAR && kind == AGGREGATE_COUNT)
		arguments = 0;
	if (arguments > 1 || (arguments == 0 && kind != AGGREGATE_COUNT) ||
	    (has_condition && node->args_count == 0))
		return bad_aggregate(planner, node, "has a wrong number of arguments");
	planner->in_aggregate = true;
	if (arguments == 1)
		aggregate->argument = plan_build(planner, node->args[0], PHASE_ROW);
	if (has_condition)
		aggregate->condition =
		    plan_build(planner, node->args[node->args_count - 1], PHASE_ROW);
	planner->in_aggregate = false;
	if ((arguments == 1 && aggregate->argument == NULL) ||
	    (has_condition && aggregate->condition == NULL))
		return NULL;
	if (has_condition && !data_type_is_number(aggregate->condition->type.type)) {
		plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
			   "Aggregate function %.*s needs a condition as its last argument",
			   PLAN_SHOWN(node->text));
		return NULL;
	}
	if (!set_levels(planner, node, aggregate) || !set_aggregate_type(planner, node, aggregate))
		return NULL;
	if (aggregate->argument != NULL && aggregate->argument->kind == EXPRESSION_COLUMN &&
	    plan->table->columns[aggregate->argument->column].type == STORE_FLOAT)
		aggregate->scale = plan->table->columns[aggregate->argument->column].scale;
	if ((slot = plan_make(planner, EXPRESSION_SLOT, node)) == NULL)
		return NULL;
	slot->slot = plan->keys_count + plan->aggregates_count++;
	slot->type = aggregate->type;
	return slot;
}

/* ---- what the query names -------------------------------------------- */

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

bool
plan_has_aggregate(const struct planner *planner)
{
	return any_contains(planner, NULL);
}

/* The column that rows weigh. A query that names it weighs by itself. */
void
plan_find_weight(struct planner *planner)
{
	struct plan *plan = planner->plan;

	plan->weight_column = -1;
	for (uint32_t i = 0; plan->table != NULL && i < plan->table->columns_count; i++) {
		if ((plan->table->columns[i].flags & STORE_ROLE_WEIGHT) &&
		    !any_contains(planner, plan->table->columns[i].name))
			plan->weight_column = (int)i;
	}
}
