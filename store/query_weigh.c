/*
 * A query as ClickHouse would have to be asked, so that it weighs sampled rows
 * as this engine does by itself: what EXPLAIN SYNTAX shows. From tree to tree;
 * must not read rows.
 */
#include <string.h>

#include "query_weigh.h"

#define Z95 1.959963984540054

struct weighing {
	struct store_arena *arena;
	const struct store_schema *schema;
	struct store_str weight; /* the column's name */
	bool by_itself;          /* the statement names it: rows are rows */
	bool failed;             /* no memory */
	bool shares_views;       /* rows of one view are one draw */
	const char *missing;     /* what has no such query, or NULL */
};

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

/* ---- making nodes ---------------------------------------------------- */

static struct sql_node *
make(struct weighing *weighing, enum sql_kind kind)
{
	static struct sql_node nothing;
	struct sql_node *node = store_arena_zalloc(weighing->arena, sizeof *node);

	if (node == NULL) {
		weighing->failed = true;
		return &nothing;
	}
	node->kind = kind;
	return node;
}

static struct sql_node *
call(struct weighing *weighing, const char *name, struct sql_node *a, struct sql_node *b)
{
	struct sql_node *node = make(weighing, SQL_CALL);
	struct sql_node **args = store_arena_zalloc(weighing->arena, 2 * sizeof *args);

	if (args == NULL) {
		weighing->failed = true;
		return node;
	}
	if (weighing->failed)
		return node;
	node->text = str(name);
	node->args = args;
	args[0] = a;
	args[1] = b;
	node->args_count = a == NULL ? 0 : b == NULL ? 1 : 2;
	return node;
}

static struct sql_node *
number(struct weighing *weighing, double value)
{
	struct sql_node *node =
	    make(weighing, value == (double)(uint64_t)value ? SQL_NUMBER_UINT : SQL_NUMBER_FLOAT);

	if (!weighing->failed) {
		node->u = (uint64_t)value;
		node->f = value;
	}
	return node;
}

static struct sql_node *
weight(struct weighing *weighing)
{
	struct sql_node *node = make(weighing, SQL_NAME);

	if (!weighing->failed)
		node->text = weighing->weight;
	return node;
}

static struct sql_node *
times(struct weighing *weighing, struct sql_node *a, struct sql_node *b)
{
	return call(weighing, "multiply", a, b);
}

/* ---- aggregates ------------------------------------------------------ */

struct parts {
	const struct aggregate_name *name;
	struct sql_node *x, *second, *condition; /* or NULL */
	const struct sql_node *node;
};

/* sum or sumIf of `what` over the rows that count. */
static struct sql_node *
sum_of(struct weighing *weighing, const struct parts *parts, struct sql_node *what)
{
	struct sql_node *condition = parts->condition;

	if (parts->x != NULL) {
		struct sql_node *present = call(weighing, "isNotNull", parts->x, NULL);

		condition = condition == NULL ? present : call(weighing, "and", present, condition);
	}
	return call(weighing, condition == NULL ? "sum" : "sumIf", what, condition);
}

static struct sql_node *
moment(struct weighing *weighing, const struct parts *parts, int power, struct sql_node *of)
{
	for (int i = 0; i < power; i++)
		of = times(weighing, parts->x, of);
	return sum_of(weighing, parts, of);
}

static struct sql_node *
mean(struct weighing *weighing, const struct parts *parts)
{
	return call(weighing, "divide", moment(weighing, parts, 1, weight(weighing)),
		    moment(weighing, parts, 0, weight(weighing)));
}

static struct sql_node *
square(struct weighing *weighing, struct sql_node *node)
{
	return call(weighing, "pow", node, number(weighing, 2));
}

static struct sql_node *
not_negative(struct weighing *weighing, struct sql_node *node)
{
	return call(weighing, "greatest", number(weighing, 0), node);
}

static struct sql_node *
variance(struct weighing *weighing, const struct parts *parts)
{
	enum aggregate_kind kind = parts->name->kind;
	struct sql_node *rows = moment(weighing, parts, 0, weight(weighing));
	struct sql_node *squares =
	    call(weighing, "divide", moment(weighing, parts, 2, weight(weighing)), rows);
	struct sql_node *value = not_negative(
	    weighing, call(weighing, "minus", squares, square(weighing, mean(weighing, parts))));

	if (kind == AGGREGATE_VAR_SAMP || kind == AGGREGATE_STDDEV_SAMP)
		value = times(weighing, value,
			      call(weighing, "divide", rows,
				   call(weighing, "minus", rows, number(weighing, 1))));
	if (kind == AGGREGATE_STDDEV_POP || kind == AGGREGATE_STDDEV_SAMP)
		value = call(weighing, "sqrt", value, NULL);
	return value;
}

/* name[If](x, weight[, condition]) with the call's own parameters. */
static struct sql_node *
weighted_call(struct weighing *weighing, const struct parts *parts)
{
	struct sql_node *node = make(weighing, SQL_CALL);
	struct sql_node **args = store_arena_zalloc(weighing->arena, 3 * sizeof *args);
	size_t size = strlen(parts->name->weighted_name);
	char *name = store_arena_zalloc(weighing->arena, size + 3);

	if (args == NULL || name == NULL)
		weighing->failed = true;
	if (weighing->failed)
		return node;
	memcpy(name, parts->name->weighted_name, size);
	if (parts->condition != NULL)
		memcpy(name + size, "If", 2);
	*node = *parts->node;
	node->alias = (struct store_str){NULL, 0};
	node->text = str(name);
	node->args = args;
	args[0] = parts->x;
	args[1] = parts->second == NULL ? weight(weighing)
					: times(weighing, parts->second, weight(weighing));
	args[2] = parts->condition;
	node->args_count = parts->condition == NULL ? 2 : 3;
	return node;
}

static struct sql_node *
aggregate(struct weighing *weighing, const struct parts *parts, struct sql_node *as_it_is)
{
	switch (parts->name->kind) {
	case AGGREGATE_COUNT:
		return as_it_is->distinct ? as_it_is : moment(weighing, parts, 0, weight(weighing));
	case AGGREGATE_SUM:
		return call(weighing, parts->condition == NULL ? "sum" : "sumIf",
			    times(weighing, parts->x, weight(weighing)), parts->condition);
	case AGGREGATE_AVG:
		return mean(weighing, parts);
	case AGGREGATE_VAR_POP:
	case AGGREGATE_VAR_SAMP:
	case AGGREGATE_STDDEV_POP:
	case AGGREGATE_STDDEV_SAMP:
		return variance(weighing, parts);
	default:
		return parts->name->weighted_name == NULL ? as_it_is
							  : weighted_call(weighing, parts);
	}
}

/* See aggregate.c. */
static struct sql_node *
margin(struct weighing *weighing, const struct parts *parts)
{
	struct sql_node *extra =
	    times(weighing, weight(weighing),
		  call(weighing, "minus", weight(weighing), number(weighing, 1)));
	struct sql_node *value, *r;

	if (weighing->shares_views) {
		weighing->missing = "EXPLAIN SYNTAX of a margin of rows that share views";
		return extra;
	}
	if (parts->name->kind == AGGREGATE_COUNT) {
		value = moment(weighing, parts, 0, extra);
	} else if (parts->name->kind == AGGREGATE_SUM) {
		value = moment(weighing, parts, 2, extra);
	} else if (parts->name->kind == AGGREGATE_AVG) {
		r = mean(weighing, parts);
		value =
		    call(weighing, "plus",
			 call(weighing, "minus", moment(weighing, parts, 2, extra),
			      times(weighing, times(weighing, number(weighing, 2), r),
				    moment(weighing, parts, 1, extra))),
			 times(weighing, square(weighing, r), moment(weighing, parts, 0, extra)));
	} else {
		weighing->missing = "EXPLAIN SYNTAX of the margin of a quantile";
		return extra;
	}
	value = times(weighing, number(weighing, Z95),
		      call(weighing, "sqrt", not_negative(weighing, value), NULL));
	return parts->name->kind == AGGREGATE_AVG
		   ? call(weighing, "divide", value, moment(weighing, parts, 0, weight(weighing)))
		   : value;
}

/* The rows' weights as one more column, when no * brings them. */
static void
add_weight(struct weighing *weighing, struct sql_query *query)
{
	struct sql_node **items =
	    store_arena_zalloc(weighing->arena, (query->items_count + 1u) * sizeof *items);

	for (uint32_t i = 0; items != NULL && i < query->items_count; i++) {
		if (query->items[i]->kind == SQL_STAR)
			return;
		items[i] = query->items[i];
	}
	if (items == NULL) {
		weighing->failed = true;
		return;
	}
	items[query->items_count++] = weight(weighing);
	query->items = items;
}

/* Of a subquery that got such a column, * stays what it was: its other ones. */
static void
spell_stars(struct weighing *weighing, struct sql_query *query)
{
	const struct relation *relation = query->relation;
	uint32_t stars = 0, count = 0;
	struct sql_node **items;

	for (uint32_t i = 0; i < query->items_count; i++)
		stars += query->items[i]->kind == SQL_STAR;
	if (stars == 0 || relation_find(relation, weighing->weight) >= 0)
		return;
	items = store_arena_zalloc(
	    weighing->arena,
	    (query->items_count + (size_t)stars * relation->columns_count + 1) * sizeof *items);
	for (uint32_t i = 0; items != NULL && i < query->items_count; i++) {
		bool is_star = query->items[i]->kind == SQL_STAR;

		if (!is_star)
			items[count++] = query->items[i];
		for (uint32_t c = 0; is_star && c < relation->columns_count; c++) {
			items[count] = make(weighing, SQL_NAME);
			if (!weighing->failed)
				items[count++]->text = relation->columns[c].name;
		}
	}
	weighing->failed |= items == NULL;
	if (!weighing->failed) {
		query->items = items;
		query->items_count = count;
	}
}

/* ---- trees ----------------------------------------------------------- */

static bool weigh_query(struct weighing *weighing, struct sql_query *query, bool needed);

/* A copy of the node, weighed when `weighs`. */
static struct sql_node *
copy(struct weighing *weighing, const struct sql_node *node, bool weighs)
{
	const struct sql_node *of = node;
	struct parts parts = {.node = node};
	struct sql_node *out, **args, *weighed;
	bool has_condition = false, is_margin;
	uint32_t given;

	if (node == NULL)
		return NULL;
	out = make(weighing, node->kind);
	args = store_arena_zalloc(weighing->arena, (node->args_count + 1u) * sizeof *args);
	if (args == NULL)
		weighing->failed = true;
	if (weighing->failed)
		return out;
	*out = *node;
	if (node->kind == SQL_SUBQUERY && weigh_query(weighing, out->query, node->is_table) &&
	    node->is_table)
		add_weight(weighing, out->query);
	is_margin = node->kind == SQL_CALL && sql_is_word(node->text, "margin") &&
		    node->args_count == 1 && node->args[0]->kind == SQL_CALL;
	of = is_margin ? node->args[0] : node;
	out->args = args;
	for (uint32_t i = 0; i < node->args_count; i++)
		args[i] = copy(weighing, node->args[i], weighs && !is_margin);
	if (of->kind == SQL_CALL)
		parts.name = aggregate_find(of->text, &has_condition);
	if (parts.name == NULL || !weighs)
		return out;
	given = of->args_count - (has_condition && of->args_count > 0);
	parts.x = given > 0 && of->args[0]->kind != SQL_STAR ? of->args[0] : NULL;
	parts.second = given > 1 ? of->args[1] : NULL;
	parts.condition = has_condition && of->args_count > 0 ? of->args[given] : NULL;
	parts.node = of;
	weighed = is_margin ? margin(weighing, &parts) : aggregate(weighing, &parts, out);
	if (weighed != out && !weighing->failed)
		weighed->alias = node->alias;
	return weighed;
}

static void
copy_list(struct weighing *weighing, struct sql_node **nodes, uint32_t count, bool weighs)
{
	for (uint32_t i = 0; i < count; i++)
		nodes[i] = copy(weighing, nodes[i], weighs);
}

/* A column keeps its name. */
static void
copy_items(struct weighing *weighing, struct sql_query *query, bool weighs)
{
	for (uint32_t i = 0; i < query->items_count; i++) {
		struct sql_node *before = query->items[i];
		struct sql_node *after = copy(weighing, before, weighs);
		struct store_str name = sql_print(before, weighing->arena);
		struct store_str now = sql_print(after, weighing->arena);

		if (name.bytes == NULL || now.bytes == NULL) {
			weighing->failed = true;
			return;
		}
		if (before->alias.size == 0 &&
		    (name.size != now.size || memcmp(name.bytes, now.bytes, name.size) != 0))
			after->alias = name;
		query->items[i] = after;
	}
}

static bool
is_aggregate(const struct sql_node *node)
{
	bool has_condition;

	if (node->kind == SQL_CALL && aggregate_find(node->text, &has_condition) != NULL)
		return true;
	for (uint32_t i = 0; i < node->args_count; i++) {
		if (is_aggregate(node->args[i]))
			return true;
	}
	return false;
}

static bool
is_grouped(const struct sql_query *query)
{
	bool grouped = query->group_count > 0 || query->group_all || query->distinct;

	for (uint32_t i = 0; i < query->items_count; i++)
		grouped |= is_aggregate(query->items[i]);
	return grouped;
}

/* Whether the rows of FROM have weights by that name; a subquery's only when
 * they are needed. */
static bool
from_weighs(struct weighing *weighing, struct sql_query *query, bool needed)
{
	const struct store_schema *schema = weighing->schema;

	if (query->from_query != NULL) {
		if (!weigh_query(weighing, query->from_query->query, needed))
			return false;
		if (needed) {
			add_weight(weighing, query->from_query->query);
			spell_stars(weighing, query);
		}
		return true;
	}
	for (uint32_t t = 0; query->relation == NULL && t < schema->tables_count; t++) {
		const struct store_table *table = &schema->tables[t];

		if (strlen(table->name) != query->table.size ||
		    memcmp(table->name, query->table.bytes, query->table.size) != 0)
			continue;
		weighing->shares_views = !table->keyed;
		for (uint32_t c = 0; c < table->columns_count; c++) {
			if (table->columns[c].flags & STORE_ROLE_WEIGHT)
				return true;
		}
	}
	if (query->relation == NULL || !query->relation->has_weights)
		return false;
	spell_stars(weighing, query); /* WITH name AS (SELECT ...) always gets them */
	return true;
}

/* Whether its answer has weights, which the query around `needed`; in place. */
static bool
weigh_query(struct weighing *weighing, struct sql_query *query, bool needed)
{
	bool grouped = is_grouped(query), weighs;

	if (query->is_weighed)
		return query->gives_weights;
	query->is_weighed = true;
	weighs = from_weighs(weighing, query, needed || grouped) && !weighing->by_itself;
	copy_list(weighing, query->with, query->with_count, weighs);
	copy_items(weighing, query, weighs);
	query->prewhere = copy(weighing, query->prewhere, false);
	query->where = copy(weighing, query->where, false);
	query->having = copy(weighing, query->having, weighs);
	copy_list(weighing, query->group, query->group_count, false);
	for (uint32_t i = 0; i < query->order_count; i++)
		query->order[i].node = copy(weighing, query->order[i].node, weighs);
	copy_list(weighing, query->limit_by, query->limit_by_keys_count, weighs);
	query->gives_weights = weighs && !grouped;
	return query->gives_weights;
}

int
query_weigh(struct sql_query *query, const struct store_schema *schema, const char *weight_name,
	    bool by_itself, struct store_arena *arena, const char **missing)
{
	struct weighing weighing = {
	    .arena = arena, .schema = schema, .weight = str(weight_name), .by_itself = by_itself};

	weigh_query(&weighing, query, false);
	*missing = weighing.missing;
	return weighing.failed ? STORE_ELIMIT : 0;
}
