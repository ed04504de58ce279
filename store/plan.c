/*
 * plan.h: from the parsed query to the plan, clause by clause. Between parser
 * and execution; neither this nor the other plan_*.c may read any data.
 */
#include <stdio.h>
#include <string.h>

#include "plan_inside.h"

int
plan_error(struct store_error *error, int code, int number, const char *name, const char *format,
	   ...)
{
	va_list arguments;

	if (error == NULL)
		return code;
	error->code = code;
	error->clickhouse = number;
	error->name = name;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	return code;
}

void *
plan_not_implemented(struct planner *planner, const char *what)
{
	plan_error(planner->error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED", "%s is not implemented",
		   what);
	return NULL;
}

/* An error is where the innermost node that failed is. */
void *
plan_fail_at(struct planner *planner, uint32_t offset)
{
	if (planner->error != NULL && planner->error->offset == 0)
		planner->error->offset = offset;
	return NULL;
}

struct expression *
plan_make(struct planner *planner, enum expression_kind kind, const struct sql_node *node)
{
	struct expression *expression = store_arena_zalloc(planner->arena, sizeof *expression);

	if (expression == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	expression->kind = kind;
	expression->offset = node == NULL ? 0 : node->offset;
	return expression;
}

/* ---- any node -------------------------------------------------------- */

static struct expression *
build_any(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct aggregate_name *aggregate;
	struct expression *key;
	struct sql_node array;
	bool has_condition, is_margin;

	if (phase == PHASE_GROUP && (key = plan_find_key(planner, node)) != NULL)
		return key;
	switch (node->kind) {
	case SQL_NUMBER_UINT:
	case SQL_NUMBER_FLOAT:
	case SQL_TEXT:
	case SQL_NULL:
		return plan_literal(planner, node);
	case SQL_NAME:
		return plan_name(planner, node, phase);
	case SQL_PARAMETER:
		return plan_parameter(planner, node, phase);
	case SQL_INTERVAL:
		return plan_interval(planner, node, phase);
	case SQL_CALL:
		break;
	case SQL_SUBQUERY:
		return plan_scalar(planner, node);
	case SQL_LIST:
		return plan_not_implemented(planner, "a tuple");
	case SQL_ARRAY:
		array = *node;
		array.kind = SQL_CALL;
		array.text = (struct store_str){"array", 5};
		return plan_call(planner, &array, phase);
	case SQL_STAR:
		return plan_not_implemented(planner, "* in an expression");
	}
	aggregate = aggregate_find(node->text, &has_condition);
	is_margin = sql_is_word(node->text, "margin");
	if (aggregate == NULL && !is_margin)
		return plan_call(planner, node, phase);
	if (phase == PHASE_ROW && !planner->in_aggregate) {
		plan_error(planner->error, STORE_ETYPE, 184, "ILLEGAL_AGGREGATION",
			   "Aggregate function %.*s is found in WHERE or GROUP BY",
			   EXPRESSION_SHOWN(node->text));
		return NULL;
	}
	return is_margin ? plan_margin(planner, node)
			 : plan_aggregate(planner, node, aggregate, has_condition);
}

/* To look at the clock takes as long as to build a few of them. */
#define WATCHED_NODES 256u

/* The parser bounds each tree; aliases within aliases add theirs up, and a
 * name that stands twice in each doubles it. */
static int
check_size(struct planner *planner)
{
	int result =
	    planner->built % WATCHED_NODES == 0 ? watch_check(planner->watch, planner->error) : 0;

	if (result != 0)
		return result;
	if (++planner->built > SQL_TREE_SIZE_MAX)
		return plan_error(planner->error, STORE_EINVAL, 168, "TOO_BIG_AST",
				  "With its aliases put in the query has more than %u nodes",
				  SQL_TREE_SIZE_MAX);
	if (planner->depth >= SQL_TREE_DEPTH_MAX)
		return plan_error(planner->error, STORE_EINVAL, 167, "TOO_DEEP_AST",
				  "With its aliases put in the query is more than %u nodes deep",
				  SQL_TREE_DEPTH_MAX);
	return 0;
}

struct expression *
plan_build(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	/* Its alias is not visible inside itself. */
	bool expands = node->alias.size > 0 && planner->expanding_count < PLAN_EXPANSIONS_MAX;
	struct expression *expression;

	if (check_size(planner) != 0)
		return plan_fail_at(planner, node->offset);
	if (expands)
		planner->expanding[planner->expanding_count++] = node;
	planner->depth++;
	expression = build_any(planner, node, phase);
	planner->depth--;
	planner->expanding_count -= expands;
	return expression != NULL ? expression : plan_fail_at(planner, node->offset);
}

/* ---- clauses --------------------------------------------------------- */

static int
find_table(struct planner *planner)
{
	const struct store_schema *schema = snapshot_schema(planner->snapshot);
	const struct sql_query *query = planner->query;
	const char *near = NULL;

	planner->plan->relation = query->relation;
	if (query->relation != NULL || query->table.size == 0)
		return 0;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		if (strlen(schema->tables[i].name) == query->table.size &&
		    memcmp(schema->tables[i].name, query->table.bytes, query->table.size) == 0) {
			planner->plan->table = &schema->tables[i];
			planner->plan->table_index = i;
			return 0;
		}
		if (function_is_near(query->table, schema->tables[i].name))
			near = schema->tables[i].name;
	}
	return plan_error(
	    planner->error, STORE_EUNKNOWN, 60, "UNKNOWN_TABLE", "Unknown table %.*s%s%s",
	    EXPRESSION_SHOWN(query->table),
	    near == NULL ? " (see SHOW TABLES)" : ", maybe you meant: ", near == NULL ? "" : near);
}

static struct expression *
build_filter(struct planner *planner, const struct sql_node *node, enum phase phase,
	     const char *clause)
{
	struct expression *filter = plan_build(planner, node, phase);

	if (filter == NULL || data_type_is_number(filter->type.type))
		return filter;
	plan_error(planner->error, STORE_ETYPE, 59, "ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER",
		   "%s needs a condition", clause);
	return plan_fail_at(planner, node->offset);
}

static int
plan_where(struct planner *planner)
{
	const struct sql_query *query = planner->query;
	struct sql_node *both[2] = {query->prewhere, query->where};
	struct sql_node conjunction = {
	    .kind = SQL_CALL, .text = {"and", 3}, .args = both, .args_count = 2};
	const struct sql_node *node = query->prewhere == NULL ? query->where
				      : query->where == NULL  ? query->prewhere
							      : &conjunction;

	if (node == NULL)
		return 0;
	planner->plan->where = build_filter(planner, node, PHASE_ROW, "WHERE");
	return planner->plan->where == NULL ? STORE_EINVAL : 0;
}

static int
plan_clauses(struct planner *planner)
{
	struct plan *plan = planner->plan;
	const struct sql_query *query = planner->query;
	enum phase phase;
	int result;

	if ((result = find_table(planner)) != 0) {
		plan_fail_at(planner, query->table_offset);
		return result;
	}
	plan_find_weight(planner);
	plan->is_grouped =
	    query->group_count > 0 || query->group_all || plan_has_aggregate(planner);
	if ((result = plan_check_nesting(planner)) != 0)
		return result;
	if ((result = plan_where(planner)) != 0 || (result = plan_keys(planner)) != 0)
		return result;
	phase = plan->is_grouped ? PHASE_GROUP : PHASE_ROW;
	if ((result = plan_items(planner, phase)) != 0)
		return result;
	if (query->having != NULL && !plan->is_grouped) {
		plan_not_implemented(planner, "HAVING without GROUP BY or aggregates");
		plan_fail_at(planner, query->having->offset);
		return STORE_ENOTIMPL;
	}
	if (query->having != NULL &&
	    (plan->having = build_filter(planner, query->having, phase, "HAVING")) == NULL)
		return STORE_EINVAL;
	plan->limit = UINT64_MAX;
	if ((result = plan_keep_weights(planner)) != 0)
		return result;
	plan->has_totals = query->totals;
	if ((result = plan_orders(planner, phase)) != 0 ||
	    (result = plan_limit_by(planner, phase)) != 0 ||
	    (result = plan_count(planner, query->limit, &plan->limit)) != 0)
		return result;
	return plan_count(planner, query->offset, &plan->offset);
}

int
plan_create(const struct sql_query *query, const struct snapshot *snapshot,
	    const struct store_query *request, const struct watch *watch, struct store_arena *arena,
	    struct plan **out, struct store_error *error)
{
	struct planner *planner = store_arena_zalloc(arena, sizeof *planner);
	int result;

	if (planner == NULL ||
	    (planner->plan = store_arena_zalloc(arena, sizeof *planner->plan)) == NULL)
		return expression_no_memory(error);
	planner->query = query;
	planner->snapshot = snapshot;
	planner->request = request;
	planner->arena = arena;
	planner->error = error;
	planner->watch = watch;
	if ((result = plan_clauses(planner)) != 0) {
		if (error != NULL && error->code == 0)
			error->code = result;
		return error != NULL ? error->code : result;
	}
	*out = planner->plan;
	return 0;
}
