/*
 * What a name means: an alias of the query before a column of the table, and
 * true, false, nan and inf last; with map columns and their values. Must not
 * know functions, except to say which name was perhaps meant.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plan_inside.h"
#include "relation.h"

/* ---- columns --------------------------------------------------------- */

struct type
plan_type_of(const struct store_column *column)
{
	struct type type = {.nullable = column->flags & STORE_NULLABLE,
			    .dictionary = column->flags & STORE_DIMENSION};

	switch (column->type) {
	case STORE_TIME:
		type.type = STORE_R_DATETIME64;
		break;
	case STORE_UINT:
		type.type = data_type_of_integer(false, column->bits / 8u);
		break;
	case STORE_FLOAT:
		type.type = STORE_R_FLOAT64;
		break;
	case STORE_STRING:
		type.type = STORE_R_STRING;
		break;
	case STORE_MAP:
		type.type = STORE_R_MAP;
		type.element = STORE_R_STRING;
		break;
	}
	return type;
}

static int
find_column(const struct plan *plan, struct store_str name)
{
	const struct store_table *table = plan->table;

	if (plan->relation != NULL)
		return relation_find(plan->relation, name);
	for (uint32_t i = 0; table != NULL && i < table->columns_count; i++) {
		if (strlen(table->columns[i].name) == name.size &&
		    memcmp(table->columns[i].name, name.bytes, name.size) == 0)
			return (int)i;
	}
	return -1;
}

uint32_t
plan_columns_count(const struct plan *plan)
{
	return plan->relation != NULL ? plan->relation->columns_count
	       : plan->table != NULL  ? plan->table->columns_count
				      : 0;
}

struct store_str
plan_column_name(const struct plan *plan, uint32_t column)
{
	const char *name;

	if (plan->relation != NULL)
		return plan->relation->columns[column].name;
	name = plan->table->columns[column].name;
	return (struct store_str){name, (uint32_t)strlen(name)};
}

/* As texts are, elsewhere. */
static bool
is_in_double_quotes(const struct planner *planner, const struct sql_node *node)
{
	struct store_str text = planner->request->text;

	return node->offset < text.size && text.bytes[node->offset] == '"';
}

static void *
unknown_column(struct planner *planner, const struct sql_node *node)
{
	const struct store_table *table = planner->plan->table;
	struct store_str name = node->text;
	const char *near = NULL, *where = "", *hint = "";
	char text[64];

	for (uint32_t i = 0; near == NULL && i < plan_columns_count(planner->plan); i++) {
		struct store_str column = plan_column_name(planner->plan, i);

		snprintf(text, sizeof text, "%.*s", EXPRESSION_SHOWN(column));
		if (function_is_near(name, text))
			near = text;
	}
	if (table != NULL)
		where = table->name == NULL ? " in any table" : " in table ";
	if (near != NULL)
		hint = ", maybe you meant: ";
	else if (is_in_double_quotes(planner, node))
		hint = "; a text is written in 'single quotes'";
	else if (table != NULL && table->name != NULL)
		hint = " (see DESCRIBE TABLE)";
	plan_error(planner->error, STORE_EUNKNOWN, 47, "UNKNOWN_IDENTIFIER",
		   "Unknown column %.*s%s%s%s%s", EXPRESSION_SHOWN(name), where,
		   table == NULL || table->name == NULL ? "" : table->name, hint,
		   near == NULL ? "" : near);
	return NULL;
}

static void *
not_an_aggregate(struct planner *planner, struct store_str name)
{
	plan_error(planner->error, STORE_ETYPE, 215, "NOT_AN_AGGREGATE",
		   "Column %.*s is not under an aggregate function and not in GROUP BY",
		   EXPRESSION_SHOWN(name));
	return NULL;
}

static struct expression *
make_column(struct planner *planner, const struct sql_node *node, uint16_t column)
{
	struct expression *expression = plan_make(planner, EXPRESSION_COLUMN, node);

	if (expression == NULL)
		return NULL;
	expression->column = column;
	if (planner->plan->relation != NULL) {
		expression->type = planner->plan->relation->columns[column].type;
		return expression;
	}
	expression->type = plan_type_of(&planner->plan->table->columns[column]);
	if (expression->type.type == STORE_R_STRING)
		expression->only_string = expression;
	return expression;
}

static struct expression *
make_map_value(struct planner *planner, const struct sql_node *node, uint16_t column,
	       struct store_str key)
{
	struct expression *expression = make_column(planner, node, column);

	if (expression != NULL) {
		expression->type = (struct type){.type = STORE_R_STRING};
		expression->key = key;
		expression->only_string = expression;
	}
	return expression;
}

/* The whole map: an argument per key that any row has. */
static struct expression *
build_map(struct planner *planner, const struct sql_node *node, uint16_t column)
{
	struct expression *map = make_column(planner, node, column);
	const struct store_str *keys;

	if (map == NULL)
		return NULL;
	if (snapshot_map_keys(planner->snapshot, planner->plan->table_index, column, planner->arena,
			      &keys, &map->args_count) != 0 ||
	    (map->args = store_arena_alloc(planner->arena,
					   (map->args_count + 1u) * sizeof *map->args)) == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	for (uint32_t i = 0; i < map->args_count; i++) {
		if ((map->args[i] = make_map_value(planner, node, column, keys[i])) == NULL)
			return NULL;
	}
	return map;
}

/* tags['plan'] */
struct expression *
plan_map_value(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct store_table *table = planner->plan->table;
	const struct sql_node *map = plan_resolve(planner, node->args[0]), *key = node->args[1];
	int column =
	    table != NULL && map->kind == SQL_NAME ? find_column(planner->plan, map->text) : -1;

	if (column < 0 || table->columns[column].type != STORE_MAP || key->kind != SQL_TEXT ||
	    key->text.size == 0)
		return NULL;
	if (phase == PHASE_GROUP)
		return not_an_aggregate(planner, map->text);
	return make_map_value(planner, node, (uint16_t)column, key->text);
}

/* ---- names ----------------------------------------------------------- */

static const struct sql_node *
find_alias(const struct planner *planner, struct store_str name)
{
	const struct sql_query *query = planner->query;

	for (uint32_t i = 0; i < query->items_count + query->with_count; i++) {
		const struct sql_node *node =
		    i < query->items_count ? query->items[i] : query->with[i - query->items_count];

		if (node->alias.size == name.size && name.size > 0 &&
		    memcmp(node->alias.bytes, name.bytes, name.size) == 0)
			return node;
	}
	return NULL;
}

static bool
is_expanding(const struct planner *planner, const struct sql_node *node)
{
	for (uint32_t i = 0; i < planner->expanding_count; i++) {
		if (planner->expanding[i] == node)
			return true;
	}
	return false;
}

/* The name, as the column's. */
static const struct sql_node *
column_of(const struct planner *planner, const struct sql_node *name)
{
	struct sql_node *column = store_arena_alloc(planner->arena, sizeof *column);

	if (column == NULL)
		return name;
	*column = *name;
	column->is_column = true;
	return column;
}

static bool
is_among(const struct sql_node *node, const struct sql_node *const *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (nodes[i] == node)
			return true;
	}
	return false;
}

/* An alias's expression in place of its name; an alias inside itself is the column of that
 * name, also by way of others: SELECT a AS b, b AS a; should there be none, of the name
 * before it. */
const struct sql_node *
plan_resolve(const struct planner *planner, const struct sql_node *node)
{
	const struct sql_node *seen[PLAN_EXPANSIONS_MAX + 1] = {node};
	uint32_t count = 1;

	while (count <= PLAN_EXPANSIONS_MAX && node->kind == SQL_NAME && !node->is_column) {
		const struct sql_node *alias = find_alias(planner, node->text);

		if (alias == NULL || alias == node)
			return node;
		if (is_expanding(planner, alias) || is_among(alias, seen, count)) {
			while (count > 1 && find_column(planner->plan, node->text) < 0)
				node = seen[--count - 1];
			return column_of(planner, node);
		}
		node = seen[count++] = alias;
	}
	return node;
}

struct expression *
plan_column(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	int column = find_column(planner->plan, node->text);

	if (column < 0)
		return unknown_column(planner, node);
	if (phase == PHASE_GROUP)
		return not_an_aggregate(planner, node->text);
	if (planner->plan->table != NULL && planner->plan->table->columns[column].type == STORE_MAP)
		return build_map(planner, node, (uint16_t)column);
	return make_column(planner, node, (uint16_t)column);
}

/* true, false, nan and inf; NULL, without an error, for other names. */
static struct expression *
build_word(struct planner *planner, const struct sql_node *node)
{
	bool is_true = sql_is_word(node->text, "true"), is_nan = sql_is_word(node->text, "nan");
	bool is_bool = is_true || sql_is_word(node->text, "false");
	struct expression *expression;

	if (!is_bool && !is_nan && !sql_is_word(node->text, "inf"))
		return NULL;
	expression = plan_constant(planner, node,
				   (struct type){.type = is_bool ? STORE_R_BOOL : STORE_R_FLOAT64});
	if (expression != NULL && is_bool)
		expression->constant.n.u[0] = is_true;
	else if (expression != NULL)
		expression->constant.n.f[0] = is_nan ? NAN : INFINITY;
	return expression;
}

/* A name of WITH of a query around. */
static const struct sql_node *
find_outer(const struct planner *planner, struct store_str name)
{
	const struct sql_query *query = planner->query->outer;

	for (; query != NULL; query = query->outer) {
		for (uint32_t i = 0; i < query->with_count; i++) {
			const struct sql_node *node = query->with[i];

			if (node->alias.size == name.size && name.size > 0 &&
			    memcmp(node->alias.bytes, name.bytes, name.size) == 0)
				return is_expanding(planner, node) ? NULL : node;
		}
	}
	return NULL;
}

/* Whether it ends, by way of other aliases, in one that is being built, and in no column. */
static bool
leads_nowhere(const struct planner *planner, const struct sql_node *alias)
{
	for (uint32_t i = 0; i < PLAN_EXPANSIONS_MAX && alias->kind == SQL_NAME; i++) {
		const struct sql_node *next = find_alias(planner, alias->text);

		if (next == NULL || next == alias)
			return false;
		if (is_expanding(planner, next))
			return find_column(planner->plan, alias->text) < 0;
		alias = next;
	}
	return false;
}

struct expression *
plan_name(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct sql_node *alias = node->is_column ? NULL : find_alias(planner, node->text);
	struct expression *word;

	if (alias != NULL && alias != node && !is_expanding(planner, alias) &&
	    (find_column(planner->plan, node->text) < 0 || !leads_nowhere(planner, alias))) {
		if (planner->expanding_count == PLAN_EXPANSIONS_MAX)
			return plan_not_implemented(planner, "an alias inside 64 others");
		return plan_build(planner, alias, phase);
	}
	if (find_column(planner->plan, node->text) < 0) {
		if ((alias = find_outer(planner, node->text)) != NULL)
			return plan_build(planner, alias, phase);
		if ((word = build_word(planner, node)) != NULL)
			return word;
	}
	return plan_column(planner, node, phase);
}
