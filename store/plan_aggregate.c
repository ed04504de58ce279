/*
 * Aggregate functions of a query: arguments over rows, a slot over groups.
 * Between plan.c and aggregate.h.
 */
#include <string.h>

#include "plan_inside.h"

/* ---- parameters ------------------------------------------------------ */

static void *
bad_aggregate(struct planner *planner, const struct sql_node *node, const char *why)
{
	plan_error(planner->error, STORE_ETYPE, 42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
		   "Aggregate function %.*s %s", EXPRESSION_SHOWN(node->text), why);
	return NULL;
}

static bool
is_of_levels(enum aggregate_kind kind)
{
	return kind == AGGREGATE_QUANTILES || kind == AGGREGATE_QUANTILES_EXACT;
}

static bool
set_levels(struct planner *planner, const struct sql_node *node, struct aggregate *aggregate)
{
	aggregate->levels[0] = 0.5;
	aggregate->levels_count = 1;
	if (node->parameters_count > AGGREGATE_LEVELS_MAX ||
	    (!is_of_levels(aggregate->kind) && node->parameters_count > 1))
		return bad_aggregate(planner, node, "has too many levels") != NULL;
	if (is_of_levels(aggregate->kind) && node->parameters_count == 0)
		return bad_aggregate(planner, node, "needs levels: quantiles(0.5, 0.75)(x)") !=
		       NULL;
	for (uint32_t i = 0; i < node->parameters_count; i++) {
		const struct sql_node *level = node->parameters[i];

		aggregate->levels_count = i + 1;
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

#define TOP_K_DEFAULT 10u
#define ELEMENTS_MAX 65536u

/* topK(n), groupArray(n) */
static bool
set_elements(struct planner *planner, const struct sql_node *node, struct aggregate *aggregate)
{
	const struct sql_node *count = node->parameters_count == 0 ? NULL : node->parameters[0];

	aggregate->elements_max = aggregate->kind == AGGREGATE_TOP_K ? TOP_K_DEFAULT : UINT32_MAX;
	if (count == NULL)
		return true;
	if (node->parameters_count > 1)
		return bad_aggregate(planner, node, "takes one number of elements") != NULL;
	if (count->kind != SQL_NUMBER_UINT || count->u == 0 || count->u > ELEMENTS_MAX) {
		plan_error(planner->error, STORE_EINVAL, 69, "ARGUMENT_OUT_OF_BOUND",
			   "Aggregate function %.*s needs a number of elements from 1 to %u",
			   EXPRESSION_SHOWN(node->text), ELEMENTS_MAX);
		return false;
	}
	aggregate->elements_max = (uint32_t)count->u;
	return true;
}

static bool
set_parameters(struct planner *planner, const struct sql_node *node, struct aggregate *aggregate)
{
	if (aggregate->kind >= AGGREGATE_QUANTILE && aggregate->kind <= AGGREGATE_QUANTILES_EXACT)
		return set_levels(planner, node, aggregate);
	if (aggregate->kind >= AGGREGATE_TOP_K && aggregate->kind <= AGGREGATE_GROUP_UNIQ_ARRAY)
		return set_elements(planner, node, aggregate);
	return node->parameters_count == 0 ||
	       bad_aggregate(planner, node, "takes no parameters") != NULL;
}

/* ---- types ----------------------------------------------------------- */

static bool
illegal_type(struct planner *planner, const struct sql_node *node, const char *why)
{
	plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
		   "Illegal type of argument for aggregate function %.*s%s",
		   EXPRESSION_SHOWN(node->text), why);
	return false;
}

/* Of numbers: the sums and everything that has a mean. */
static bool
set_number_type(struct aggregate *aggregate)
{
	enum store_result_type argument = aggregate->argument->type.type;

	if (!data_type_is_number(argument))
		return false;
	aggregate->type.nullable = aggregate->argument->type.nullable;
	aggregate->type.type = STORE_R_FLOAT64;
	if (aggregate->kind == AGGREGATE_SUM)
		aggregate->type.type = data_type_is_float(argument)    ? STORE_R_FLOAT64
				       : data_type_is_signed(argument) ? STORE_R_INT64
								       : STORE_R_UINT64;
	if (aggregate->kind == AGGREGATE_QUANTILES)
		aggregate->type = (struct type){.type = STORE_R_ARRAY, .element = STORE_R_FLOAT64};
	return true;
}

static bool
set_aggregate_type(struct planner *planner, const struct sql_node *node,
		   struct aggregate *aggregate)
{
	const struct expression *argument = aggregate->argument;
	struct type *type = &aggregate->type;

	*type = (struct type){.type = STORE_R_UINT64};
	if (aggregate->kind == AGGREGATE_COUNT)
		return true;
	if (argument->type.type == STORE_R_MAP || argument->type.type == STORE_R_ARRAY ||
	    argument->unit.size > 0)
		return illegal_type(planner, node, "");
	switch (aggregate->kind) {
	case AGGREGATE_UNIQ:
	case AGGREGATE_UNIQ_EXACT:
		return true;
	case AGGREGATE_QUANTILE_EXACT:
	case AGGREGATE_QUANTILES_EXACT:
		if (argument->type.type == STORE_R_STRING)
			return illegal_type(planner, node, "");
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
	case AGGREGATE_ANY:
	case AGGREGATE_ANY_LAST:
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
	case AGGREGATE_TOP_K:
	case AGGREGATE_GROUP_ARRAY:
	case AGGREGATE_GROUP_UNIQ_ARRAY:
		break;
	default:
		return set_number_type(aggregate) || illegal_type(planner, node, "");
	}
	*type = argument->type;
	type->dictionary = false;
	type->nullable |= aggregate->second != NULL && aggregate->second->type.nullable;
	if (aggregate->kind == AGGREGATE_QUANTILES_EXACT ||
	    (aggregate->kind >= AGGREGATE_TOP_K && aggregate->kind <= AGGREGATE_GROUP_UNIQ_ARRAY))
		*type = (struct type){.type = STORE_R_ARRAY, .element = argument->type.type};
	return true;
}

/* The second argument and the condition. */
static bool
check_others(struct planner *planner, const struct sql_node *node,
	     const struct aggregate *aggregate)
{
	const struct expression *second = aggregate->second;

	if (aggregate->condition != NULL && !data_type_is_number(aggregate->condition->type.type))
		return illegal_type(planner, node, ": the last must be a condition");
	if (second == NULL)
		return true;
	if (aggregate->name->has_weight && second->type.type > STORE_R_UINT64)
		return illegal_type(planner, node, ": the weight must be an unsigned integer");
	return second->type.type < STORE_R_MAP || illegal_type(planner, node, "");
}

/* ---- aggregates ------------------------------------------------------ */

/* argument, second and condition, as far as they are there. */
static bool
build_arguments(struct planner *planner, const struct sql_node *node, bool has_condition,
		struct aggregate *aggregate)
{
	uint32_t count = node->args_count, wanted = aggregate->name->has_second ? 2 : 1;
	struct expression **out[] = {&aggregate->argument, &aggregate->second};

	if (has_condition) {
		if (count == 0)
			return bad_aggregate(planner, node, "needs a condition") != NULL;
		count--;
	}
	if (count == 1 && node->args[0]->kind == SQL_STAR && aggregate->kind == AGGREGATE_COUNT)
		count = 0;
	if (count != wanted && !(count == 0 && aggregate->kind == AGGREGATE_COUNT))
		return bad_aggregate(planner, node, "has a wrong number of arguments") != NULL;
	planner->in_aggregate = true;
	for (uint32_t i = 0; i < count; i++) {
		if ((*out[i] = plan_build(planner, node->args[i], PHASE_ROW)) == NULL)
			return false;
	}
	if (has_condition && (aggregate->condition = plan_build(
				  planner, node->args[node->args_count - 1], PHASE_ROW)) == NULL)
		return false;
	planner->in_aggregate = false;
	return true;
}

/* The slot of what was built at plan->aggregates[aggregates_count], or of an
 * aggregate that is there already. */
static struct expression *
add_aggregate(struct planner *planner, const struct sql_node *node)
{
	struct plan *plan = planner->plan;
	struct expression *slot = plan_make(planner, EXPRESSION_SLOT, node);
	uint32_t built = plan->aggregates_count, a = 0;

	if (slot == NULL)
		return NULL;
	while (a < built && !plan_is_same_aggregate(&plan->aggregates[a], &plan->aggregates[built]))
		a++;
	slot->slot = plan->keys_count + a;
	slot->type = plan->aggregates[a].type;
	plan->aggregates_count += a == built;
	return slot;
}

/* f(DISTINCT x): uniqExact, or a function that does not care. */
static const struct aggregate_name *
distinct_of(struct planner *planner, const struct sql_node *node, const struct aggregate_name *name)
{
	static const struct store_str exact = {"uniqExact", 9};
	bool has_condition;

	if (!node->distinct || name->kind == AGGREGATE_MIN || name->kind == AGGREGATE_MAX ||
	    name->kind == AGGREGATE_ANY || name->kind == AGGREGATE_UNIQ ||
	    name->kind == AGGREGATE_UNIQ_EXACT || name->kind == AGGREGATE_GROUP_UNIQ_ARRAY)
		return name;
	if (name->kind == AGGREGATE_COUNT && node->args_count > 0)
		return aggregate_find(exact, &has_condition);
	return plan_not_implemented(planner, "DISTINCT inside this aggregate function");
}

/* At plan->aggregates[aggregates_count], for add_aggregate(). */
static struct aggregate *
build_aggregate(struct planner *planner, const struct sql_node *node,
		const struct aggregate_name *name, bool has_condition)
{
	struct plan *plan = planner->plan;
	struct aggregate *aggregate = &plan->aggregates[plan->aggregates_count];

	if (planner->in_aggregate) {
		plan_error(planner->error, STORE_ETYPE, 184, "ILLEGAL_AGGREGATION",
			   "Aggregate function %.*s is inside another aggregate function",
			   EXPRESSION_SHOWN(node->text));
		return NULL;
	}
	if (plan->aggregates_count == PLAN_AGGREGATES_MAX)
		return plan_not_implemented(planner, "a query with more than 128 aggregates");
	if ((name = distinct_of(planner, node, name)) == NULL)
		return NULL;
	*aggregate = (struct aggregate){.name = name,
					.kind = name->kind,
					.weighted = plan->weight_column >= 0 &&
						    aggregate_weighs(name->kind)};
	if (!build_arguments(planner, node, has_condition, aggregate) ||
	    !check_others(planner, node, aggregate) || !set_parameters(planner, node, aggregate) ||
	    !set_aggregate_type(planner, node, aggregate))
		return NULL;
	if (aggregate_may_approximate(name) && aggregate->argument->kind == EXPRESSION_COLUMN &&
	    plan->table != NULL &&
	    plan->table->columns[aggregate->argument->column].type == STORE_FLOAT)
		aggregate->scale = plan->table->columns[aggregate->argument->column].scale;
	return aggregate;
}

struct expression *
plan_aggregate(struct planner *planner, const struct sql_node *node,
	       const struct aggregate_name *name, bool has_condition)
{
	return build_aggregate(planner, node, name, has_condition) == NULL
		   ? NULL
		   : add_aggregate(planner, node);
}

/* Rows of a table that is not keyed share the draw of their view. */
static bool
set_view(struct planner *planner, struct aggregate *aggregate)
{
	const struct store_table *table = planner->plan->table;

	for (uint32_t i = 0; table != NULL && !table->keyed && aggregate->second == NULL &&
			     i < table->columns_count;
	     i++) {
		struct sql_node name = {
		    .kind = SQL_NAME,
		    .text = {table->columns[i].name, (uint32_t)strlen(table->columns[i].name)}};

		if ((table->columns[i].flags & STORE_ROLE_KEY) &&
		    (aggregate->second = plan_column(planner, &name, PHASE_ROW)) == NULL)
			return false;
	}
	return true;
}

/* margin(count()): half the width of its confidence interval. */
struct expression *
plan_margin(struct planner *planner, const struct sql_node *node)
{
	const struct sql_node *of =
	    node->args_count == 1 ? plan_resolve(planner, node->args[0]) : node;
	const struct aggregate_name *name = NULL;
	bool has_condition;
	struct aggregate *aggregate;

	if (of->kind == SQL_CALL)
		name = aggregate_find(of->text, &has_condition);
	if (name == NULL || name->has_weight || of->distinct ||
	    !(name->kind == AGGREGATE_COUNT || name->kind == AGGREGATE_SUM ||
	      name->kind == AGGREGATE_AVG || name->kind == AGGREGATE_QUANTILE))
		return bad_aggregate(
		    planner, node,
		    "takes one call of count, sum, avg or quantile, without DISTINCT");
	if ((aggregate = build_aggregate(planner, of, name, has_condition)) == NULL)
		return NULL;
	aggregate->margin = true;
	if (!set_view(planner, aggregate))
		return NULL;
	aggregate->type = (struct type){.type = STORE_R_FLOAT64};
	return add_aggregate(planner, of);
}

/* ---- whether there is one -------------------------------------------- */

bool
plan_is_aggregate(const struct sql_node *node)
{
	bool condition;

	return node->kind == SQL_CALL && (aggregate_find(node->text, &condition) != NULL ||
					  sql_is_word(node->text, "margin"));
}

static bool
contains(const struct sql_node *node)
{
	if (node == NULL)
		return false;
	if (plan_is_aggregate(node))
		return true;
	for (uint32_t i = 0; i < node->args_count; i++) {
		if (contains(node->args[i]))
			return true;
	}
	return false;
}

bool
plan_has_aggregate(const struct planner *planner)
{
	const struct sql_query *query = planner->query;
	bool found = contains(query->having);

	for (uint32_t i = 0; i < query->with_count; i++)
		found |= contains(query->with[i]);
	for (uint32_t i = 0; i < query->items_count; i++)
		found |= contains(query->items[i]);
	for (uint32_t i = 0; i < query->order_count; i++)
		found |= contains(query->order[i].node);
	return found;
}
