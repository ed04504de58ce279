/*
 * What the parser makes of a query. Everything lives in the arena it was given.
 */
#ifndef SQL_AST_H
#define SQL_AST_H

#include "store.h"

struct relation;

enum sql_kind {
	SQL_NUMBER_UINT,  /* u */
	SQL_NUMBER_FLOAT, /* f */
	SQL_TEXT,         /* text */
	SQL_NULL,
	SQL_NAME,      /* text: column or alias; a.b keeps the dot */
	SQL_STAR,      /* * */
	SQL_CALL,      /* text(args), parameters for quantile(0.75)(x) */
	SQL_LIST,      /* (a, b) */
	SQL_ARRAY,     /* [a, b] */
	SQL_INTERVAL,  /* args[0] text (unit, lower case, no plural) */
	SQL_SUBQUERY,  /* query */
	SQL_PARAMETER, /* {text:type} */
};

/*
 * Operators are calls by ClickHouse's function names: plus, equals, and, not,
 * in, like, if, isNull, arrayElement ... so that printing is one rule.
 */
struct sql_node {
	enum sql_kind kind;
	uint32_t offset; /* in the query */
	struct store_str text, type;
	uint64_t u;
	double f;
	bool distinct;  /* f(DISTINCT x) */
	bool is_table;  /* WITH name AS (SELECT ...): a name for FROM */
	bool is_column; /* a name that is no alias's: the planner's */
	bool joined;    /* made by AND, OR or ||: the next one joins it */
	uint32_t size;  /* nodes below and this, shared ones counted again */
	uint16_t depth; /* of the tree: a leaf has 1; at most SQL_TREE_DEPTH_MAX */
	struct sql_node **args, **parameters;
	uint32_t args_count, parameters_count;
	struct store_str alias; /* "" when there is none */
	struct sql_query *query;
	/* Of a subquery: its place among all of the statement, and its rows, which
	 * query_nested.c puts there. */
	uint32_t number;
	const struct relation *relation;
};

struct sql_order {
	struct sql_node *node;
	bool descending, nulls_first, fill;
	struct sql_node *from, *to, *step; /* WITH FILL */
};

enum sql_statement {
	SQL_SELECT,
	SQL_SHOW_TABLES,
	SQL_SHOW_DATABASES,
	SQL_DESCRIBE,
	SQL_EXISTS,
	SQL_EXPLAIN,
	SQL_EXPLAIN_SYNTAX,
	SQL_INSERT,
};

struct sql_query {
	enum sql_statement statement;
	struct sql_node **with;  /* aliased expressions */
	struct sql_node **items; /* the select list */
	struct sql_node **group, **limit_by, **insert_columns;
	struct sql_order *order;
	struct sql_node *from_query;      /* SQL_SUBQUERY, or NULL */
	struct store_str database, table; /* table "" without FROM */
	uint32_t table_offset;
	struct sql_node *table_parameter; /* FROM {name:Identifier}, or NULL */
	struct sql_node *prewhere, *where, *having;
	struct sql_node *limit, *offset, *limit_by_count, *limit_by_offset;
	struct sql_node **settings; /* equals(name, value) */
	struct store_str like;      /* SHOW TABLES LIKE */
	struct store_str format;
	uint32_t with_count, items_count, group_count, insert_columns_count;
	uint32_t order_count, settings_count, limit_by_keys_count;
	bool distinct, totals;
	bool group_all; /* GROUP BY ALL: what is not under an aggregate; group_count is 0 */
	bool order_all; /* ORDER BY ALL: order has a place for each item */
	/* Put there by query_nested.c: the query around, and the rows of FROM that
	 * are not the store's. */
	const struct sql_query *outer;
	bool is_weighed, gives_weights; /* query_weigh.c's */
	const struct relation *relation;
};

#endif
