/*
 * GROUP BY ALL: what the select list has outside of its aggregates; and DISTINCT: all of
 * it. For plan_select.c, which makes keys of it.
 */
#include "plan_inside.h"

struct all {
	struct planner *planner;
	struct sql_node **nodes; /* [PLAN_KEYS_MAX + 1] */
	uint32_t count;
	bool are_columns[PLAN_KEYS_MAX + 1]; /* [count]: no alias's */
};

static void
add_key(struct all *all, const struct sql_node *node, bool is_column)
{
	if (all->count > PLAN_KEYS_MAX)
		return;
	all->are_columns[all->count] = is_column;
	all->nodes[all->count++] = (struct sql_node *)(uintptr_t)node;
}

/* A name that is no alias, or stands inside what the alias of that name stands for. */
static int
keep_columns(struct all *all)
{
	for (uint32_t i = 0; i < all->count; i++) {
		const struct sql_node *name = all->nodes[i];
		struct sql_node *column;

		if (!all->are_columns[i])
			continue;
		if ((column = store_arena_alloc(all->planner->arena, sizeof *column)) == NULL)
			return expression_no_memory(all->planner->error);
		*column = *name;
		column->is_column = true;
		all->nodes[i] = column;
	}
	return 0;
}

/* One value for all rows, or what is none outside of IN. */
static bool
is_no_key(const struct sql_node *node)
{
	return node->kind == SQL_NUMBER_UINT || node->kind == SQL_NUMBER_FLOAT ||
	       node->kind == SQL_TEXT || node->kind == SQL_NULL || node->kind == SQL_SUBQUERY ||
	       plan_parameter_is_array(node);
}

/* Whether an aggregate is in the node. Where none is, the node is a key and its parts are
 * not; a tuple's parts are, for it is no value. */
static bool
add_parts(struct all *all, const struct sql_node *node)
{
	struct planner *planner = all->planner;
	const struct sql_node *meant = plan_resolve(planner, node);
	bool found = plan_is_aggregate(meant), expands = meant->alias.size > 0;
	uint32_t before = all->count;

	if (found || is_no_key(meant))
		return found;
	/* What is too large or deep fails when it is built. */
	if (++planner->built > SQL_TREE_SIZE_MAX || planner->depth >= SQL_TREE_DEPTH_MAX ||
	    planner->expanding_count == PLAN_EXPANSIONS_MAX)
		return true;
	/* As plan_build does: an alias is not visible inside what it stands for. */
	if (expands)
		planner->expanding[planner->expanding_count++] = meant;
	planner->depth++;
	for (uint32_t i = 0; i < meant->args_count; i++)
		found |= add_parts(all, meant->args[i]);
	planner->depth--;
	planner->expanding_count -= expands;
	if (found || plan_is_tuple(meant))
		return found;
	all->count = before;
	add_key(all, meant->kind == SQL_NAME ? meant : node, meant->kind == SQL_NAME);
	return false;
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
		add_key(all, &nodes[i], true);
	}
	return 0;
}

int
plan_all(struct planner *planner, bool is_distinct, struct sql_node ***nodes, uint32_t *count)
{
	const struct sql_query *query = planner->query;
	struct all all = {.planner = planner};
	uint32_t built = planner->built;
	int result = 0;

	all.nodes = store_arena_alloc(planner->arena, (PLAN_KEYS_MAX + 1u) * sizeof *all.nodes);
	if (all.nodes == NULL)
		return expression_no_memory(planner->error);
	for (uint32_t i = 0; result == 0 && i < query->items_count; i++) {
		if (query->items[i]->kind == SQL_STAR)
			result = add_columns(&all, query->items[i]);
		else if (is_distinct)
			add_key(&all, query->items[i], false);
		else
			add_parts(&all, query->items[i]);
	}
	planner->built = built; /* nothing was */
	*nodes = all.nodes;
	*count = all.count;
	return result == 0 ? keep_columns(&all) : result;
}
