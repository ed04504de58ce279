/*
 * GROUP BY ALL: what the select list has outside of its aggregates. For plan_select.c,
 * which makes keys of it.
 */
#include "plan_inside.h"

struct all {
	struct planner *planner;
	struct sql_node **nodes; /* [PLAN_KEYS_MAX + 1] */
	uint32_t count;
};

static bool holds_aggregate(struct planner *planner, const struct sql_node *node);

/* As plan_build does: an alias is not visible inside what it stands for. */
static bool
is_any_aggregate(struct planner *planner, const struct sql_node *node)
{
	bool expands = node->alias.size > 0 && planner->expanding_count < PLAN_EXPANSIONS_MAX;
	bool found = false;

	if (expands)
		planner->expanding[planner->expanding_count++] = node;
	planner->depth++;
	for (uint32_t i = 0; !found && i < node->args_count; i++)
		found = holds_aggregate(planner, node->args[i]);
	planner->depth--;
	planner->expanding_count -= expands;
	return found;
}

static bool
holds_aggregate(struct planner *planner, const struct sql_node *node)
{
	const struct sql_node *meant = plan_resolve(planner, node);

	/* What is too large or deep fails when it is built. */
	if (++planner->built > SQL_TREE_SIZE_MAX || planner->depth >= SQL_TREE_DEPTH_MAX ||
	    planner->expanding_count == PLAN_EXPANSIONS_MAX)
		return false;
	return plan_is_aggregate(meant) || is_any_aggregate(planner, meant);
}

static bool
is_literal(const struct sql_node *node)
{
	return node->kind == SQL_NUMBER_UINT || node->kind == SQL_NUMBER_FLOAT ||
	       node->kind == SQL_TEXT || node->kind == SQL_NULL;
}

static void
add_key(struct all *all, const struct sql_node *node)
{
	if (all->count <= PLAN_KEYS_MAX)
		all->nodes[all->count++] = (struct sql_node *)(uintptr_t)node;
}

/* The parts of a node that are under no aggregate, as large as they come. */
static void
add_parts(struct all *all, const struct sql_node *node)
{
	struct planner *planner = all->planner;
	const struct sql_node *meant = plan_resolve(planner, node);
	bool expands = meant->alias.size > 0 && planner->expanding_count < PLAN_EXPANSIONS_MAX;

	if (plan_is_aggregate(meant) || is_literal(meant) || all->count > PLAN_KEYS_MAX)
		return;
	if (!holds_aggregate(planner, node)) {
		add_key(all, node);
		return;
	}
	if (expands)
		planner->expanding[planner->expanding_count++] = meant;
	planner->depth++;
	for (uint32_t i = 0; i < meant->args_count; i++)
		add_parts(all, meant->args[i]);
	planner->depth--;
	planner->expanding_count -= expands;
}

static int
add_columns(struct all *all, const struct sql_node *star)
{
	uint32_t count = plan_columns_count(all->planner->plan);
	struct sql_node *nodes =
	    store_arena_zalloc(all->planner->arena, (count + 1u) * sizeof *nodes);

	if (nodes == NULL)
		return expression_no_memory(all->planner->error);
	for (uint32_t i = 0; i < count; i++) {
		nodes[i] = (struct sql_node){.kind = SQL_NAME,
					     .offset = star->offset,
					     .text = plan_column_name(all->planner->plan, i)};
		add_key(all, &nodes[i]);
	}
	return 0;
}

int
plan_all(struct planner *planner, struct sql_node ***nodes, uint32_t *count)
{
	const struct sql_query *query = planner->query;
	struct all all = {.planner = planner};
	int result = 0;

	all.nodes = store_arena_alloc(planner->arena, (PLAN_KEYS_MAX + 1u) * sizeof *all.nodes);
	if (all.nodes == NULL)
		return expression_no_memory(planner->error);
	for (uint32_t i = 0; result == 0 && i < query->items_count; i++) {
		if (query->items[i]->kind == SQL_STAR)
			result = add_columns(&all, query->items[i]);
		else
			add_parts(&all, query->items[i]);
	}
	*nodes = all.nodes;
	*count = all.count;
	return result;
}
