/*
 * A parsed query made executable: names resolved, types inferred, what must be
 * read, filtered, grouped and printed.
 */
#ifndef PLAN_H
#define PLAN_H

#include "aggregate.h"
#include "snapshot.h"
#include "sql_ast.h"

#define PLAN_KEYS_MAX 32u
#define PLAN_AGGREGATES_MAX 128u
#define PLAN_COLUMNS_MAX 512u
#define PLAN_ORDERS_MAX 64u

/* WITH FILL: values as the order's expression has them. */
struct plan_fill {
	bool wanted, has_from, has_to;
	struct store_value from, to, step;
	struct store_str unit; /* of an interval as step, else "" */
};

struct plan_order {
	struct expression *expression;
	bool descending, nulls_first;
	struct plan_fill fill;
};

struct plan {
	const struct store_table *table;
	uint32_t table_index;
	const struct relation *relation; /* in place of the table; neither: one row */
	struct expression *where;        /* or NULL */
	struct expression *keys[PLAN_KEYS_MAX];
	struct aggregate aggregates[PLAN_AGGREGATES_MAX];
	uint32_t keys_count, aggregates_count;
	bool is_grouped; /* slots 0..keys_count-1 are keys, then aggregates */
	struct expression *having;
	struct expression *columns[PLAN_COLUMNS_MAX];
	struct store_result_column results[PLAN_COLUMNS_MAX];
	uint32_t columns_count;
	struct plan_order orders[PLAN_ORDERS_MAX];
	uint32_t orders_count;
	/* [columns_count]: with WITH FILL, the order that a column shows, from 1. */
	uint32_t shows_order[PLAN_COLUMNS_MAX];
	bool is_filled;
	bool is_distinct; /* equal rows of the answer once, beyond grouping */
	bool has_totals;  /* one more row, of all groups that HAVING keeps */
	struct expression *limit_by[PLAN_KEYS_MAX];
	uint32_t limit_by_count;
	uint64_t limit_by_limit, limit_by_offset;
	uint64_t limit, offset; /* UINT64_MAX: no limit */
	int weight_column;      /* rows weigh this; -1: each row is one */
	/* The answer has the rows' weights as one more column, for the query
	 * around. */
	bool keeps_weights;
};

struct watch;

/* Everything lives in the arena; the snapshot must outlive the plan. 0 or a
 * negative code with *error set (ClickHouse's number and name too). */
int plan_create(const struct sql_query *query, const struct snapshot *snapshot,
		const struct store_query *request, const struct watch *watch,
		struct store_arena *arena, struct plan **out, struct store_error *error);

/* The name of the schema's weight column, or NULL; whether the statement that
 * the query is part of names it, and so weighs by itself. */
const char *plan_weight_name(const struct store_schema *schema);
bool plan_weighs_by_itself(const struct sql_query *query, const struct store_schema *schema);

/* plan_parameter.c: the request's value of {name:Type}; false, with *error set,
 * when it has none. */
bool plan_parameter_value(const struct store_query *request, const struct sql_node *node,
			  struct store_str *value, struct store_error *error);

/* What a column's cells are in expressions. */
struct type plan_type_of(const struct store_column *column);

/* Sets the error's ClickHouse number and name, and the text; returns code. */
int plan_error(struct store_error *error, int code, int number, const char *name,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
