/*
 * What plan*.c share: the planner's state and the ways between its parts.
 * plan.c goes through the clauses and hands every node of the query to
 * plan_build, which hands it on by its kind; the parts call plan_build again
 * for what is below. Nothing else includes this.
 */
#ifndef PLAN_INSIDE_H
#define PLAN_INSIDE_H

#include "function.h"
#include "plan.h"
#include "sql_parse.h"

#define PLAN_EXPANSIONS_MAX 64u /* aliases within aliases */

enum phase {
	PHASE_ROW,   /* over rows of the table */
	PHASE_GROUP, /* over groups: keys and aggregates */
};

struct planner {
	struct plan *plan;
	/* Borrowed until plan_create returns; the plan keeps parts of the first. */
	const struct sql_query *query;
	const struct snapshot *snapshot;
	const struct store_query *request;
	struct store_arena *arena;
	struct store_error *error; /* or NULL */
	const struct watch *watch; /* the query's: constants may take long */
	/* Nodes with an alias that are being built, outermost first. */
	const struct sql_node *expanding[PLAN_EXPANSIONS_MAX];
	uint32_t expanding_count;
	/* [keys_count]: what plan->keys were made of, and how it prints. */
	const struct sql_node *key_nodes[PLAN_KEYS_MAX];
	struct store_str key_texts[PLAN_KEYS_MAX];
	uint32_t depth;    /* nodes that are being built, one inside the other */
	uint32_t built;    /* nodes in all, aliases counted wherever they are put in */
	uint32_t lazy;     /* calls around that may not take this argument */
	bool in_aggregate; /* an aggregate's arguments are being built */
};

/*
 * All that return a pointer return NULL with *planner->error set when they
 * fail; what they make lives in the planner's arena.
 */

/* plan.c */
struct expression *
plan_build(struct planner *planner, const struct sql_node *node, enum phase phase);
/* An empty expression; `node` (or NULL) gives its place in the query. */
struct expression *
plan_make(struct planner *planner, enum expression_kind kind, const struct sql_node *node);
void *plan_not_implemented(struct planner *planner, const char *what);
/* An error is where the innermost node that failed is: keeps an earlier place. */
void *plan_fail_at(struct planner *planner, uint32_t offset);

/* plan_constant.c */
/* One value of that type, for the caller to set. */
struct expression *
plan_constant(struct planner *planner, const struct sql_node *node, struct type type);
/* A number, text or NULL as it stands in the query. */
struct expression *plan_literal(struct planner *planner, const struct sql_node *node);
/* The integer -magnitude. */
struct expression *
plan_negative(struct planner *planner, const struct sql_node *node, uint64_t magnitude);
/* A constant text as a time; anything else as it is. `is_date` is for the
 * message only. */
struct expression *
plan_coerce_to_time(struct planner *planner, struct expression *expression, bool is_date);
/* Constant texts among arguments that are compared with times or numbers
 * become such; false when one cannot. */
bool plan_coerce_texts(struct planner *planner, struct expression *call);

/* plan_parameter.c */
/* Whether it is a number, a text, true or false, as it is written: never NULL. */
bool plan_is_literal(const struct sql_node *node);
/* {name:Type}, with the value that the request gives it. */
struct expression *
plan_parameter(struct planner *planner, const struct sql_node *node, enum phase phase);
/* {name:Array(T)}; and its value as an array of literals, each cast to T. */
bool plan_parameter_is_array(const struct sql_node *node);
const struct sql_node *plan_parameter_array(struct planner *planner, const struct sql_node *node);

/* plan_name.c */
/* What an alias stands for in place of its name; other nodes as they are. */
const struct sql_node *plan_resolve(const struct planner *planner, const struct sql_node *node);
/* A name that can only be a column's. */
struct expression *
plan_column(struct planner *planner, const struct sql_node *node, enum phase phase);
struct expression *
plan_name(struct planner *planner, const struct sql_node *node, enum phase phase);
/* Columns of the table or relation; 0 without FROM. */
uint32_t plan_columns_count(const struct plan *plan);
struct store_str plan_column_name(const struct plan *plan, uint32_t column);
/* arrayElement(map column, text); NULL, without an error, when it is none. */
struct expression *
plan_map_value(struct planner *planner, const struct sql_node *node, enum phase phase);

/* plan_nested.c: subqueries whose rows are known. */
/* One value. */
struct expression *plan_scalar(struct planner *planner, const struct sql_node *node);
/* x IN (SELECT ...) */
struct expression *
plan_in_relation(struct planner *planner, const struct sql_node *node, enum phase phase);
/* Sets plan->weight_column. */
void plan_find_weight(struct planner *planner);
/* Refuses aggregates over groups of sampled rows. 0 or a negative code. */
int plan_check_nesting(struct planner *planner);

/* plan_call.c */
struct expression *
plan_call(struct planner *planner, const struct sql_node *node, enum phase phase);
/* Type, NULL rule and folding of a call whose function and arguments are set. */
struct expression *plan_finish_call(struct planner *planner, struct expression *call);

/* A node for it, of `count` arguments that are the caller's to set; `at` is its place. */
struct sql_node *plan_make_call(struct planner *planner, const struct sql_node *at,
				const char *name, uint32_t count);

/* plan_time.c */
struct expression *
plan_interval(struct planner *planner, const struct sql_node *node, enum phase phase);
/* What a call about time means in other functions; `node` when it needs none. */
const struct sql_node *
plan_simpler_time(struct planner *planner, const struct sql_node *node, enum phase phase);

/* plan_aggregate.c */
/* `name` and `has_condition` as aggregate_find says. */
struct expression *plan_aggregate(struct planner *planner, const struct sql_node *node,
				  const struct aggregate_name *name, bool has_condition);
struct expression *plan_margin(struct planner *planner, const struct sql_node *node);
bool plan_is_aggregate(const struct sql_node *node);
/* In the select list, WITH, HAVING or ORDER BY. */
bool plan_has_aggregate(const struct planner *planner);

/* plan_same.c */
bool plan_is_same_aggregate(const struct aggregate *a, const struct aggregate *b);

/* plan_tuple.c: x IN (...) of constant tuples; NULL, without an error, when it is none or
 * must be compared one by one. */
struct expression *
plan_tuple_set(struct planner *planner, const struct sql_node *node, enum phase phase);
/* With a set where a call of IN has a long list of constants: `in`; NULL: no memory. */
struct expression *plan_list_set(struct planner *planner, struct expression *in);
/* What x IN (...) of tuples means in other calls; `node` when there are none. */
const struct sql_node *plan_tuple_in(struct planner *planner, const struct sql_node *node);
/* (a, b) or tuple(a, b). */
bool plan_is_tuple(const struct sql_node *node);

/* plan_case.c: what CASE x WHEN means in other calls; `node` when it is none. */
const struct sql_node *plan_case(struct planner *planner, const struct sql_node *node);

/* plan_all.c: the keys of GROUP BY ALL, or of DISTINCT without groups, at most one more
 * than PLAN_KEYS_MAX. 0 or a negative code. */
int plan_all(struct planner *planner, bool is_distinct, struct sql_node ***nodes, uint32_t *count);

/* plan_select.c: 0 or a negative code. plan_keys comes first. */
int plan_keys(struct planner *planner);
/* The slot of the key that this node is; NULL, without an error, when it is
 * none. */
struct expression *plan_find_key(struct planner *planner, const struct sql_node *node);
int plan_items(struct planner *planner, enum phase phase);
int plan_keep_weights(struct planner *planner);
int plan_orders(struct planner *planner, enum phase phase);
/* LIMIT n BY. */
int plan_limit_by(struct planner *planner, enum phase phase);
/* plan_fill.c: the order's WITH FILL; its expression is built. */
int plan_fill(struct planner *planner, const struct sql_order *order, struct plan_order *out);
/* A constant of LIMIT or OFFSET; *out is kept when node is NULL. */
int plan_count(struct planner *planner, const struct sql_node *node, uint64_t *out);

#endif
