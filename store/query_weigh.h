/*
 * Weights written out: from a query to the one that gives ClickHouse the same
 * answer.
 */
#ifndef QUERY_WEIGH_H
#define QUERY_WEIGH_H

#include "aggregate.h"
#include "relation.h"
#include "sql_parse.h"

/* In place. `by_itself`: the statement names the column and nothing changes.
 * *missing: what has no such query, or NULL. 0 or STORE_ELIMIT. */
int query_weigh(struct sql_query *query, const struct store_schema *schema, const char *weight_name,
		bool by_itself, struct store_arena *arena, const char **missing);

#endif
