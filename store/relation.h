/*
 * Rows that are not in the store: the answer of a subquery, a table of the
 * system database. Read by expressions as blocks are.
 */
#ifndef RELATION_H
#define RELATION_H

#include "expression.h"

struct relation_column {
	struct store_str name;
	struct type type;
	struct data data; /* of all rows; not coded */
};

struct relation {
	/* [columns_count], and one more without a name when it has weights. */
	struct relation_column *columns;
	uint32_t columns_count;
	uint64_t rows_count;
	bool has_weights; /* rows stand for several, by the last column */
	bool is_grouped;  /* rows are groups: they have no weights to go by */
	bool is_weighted; /* an interval above 1 was read for it */
};

/* An empty one of so many columns and rows, its strings '' and numbers 0; in
 * the arena. NULL when memory runs out. */
struct relation *relation_create(struct store_arena *arena, const struct relation_column *columns,
				 uint32_t columns_count, uint64_t rows_count);
/* The answer as a relation; strings stay where they are. The last column is the
 * weights when `has_weights`. NULL when memory runs out. */
struct relation *
relation_of_result(const struct store_result *result, bool has_weights, struct store_arena *arena);
/* The relation as an answer; 0 or STORE_ELIMIT. */
int relation_to_result(const struct relation *relation, struct store_result *result);
/* Index of the column of that name, or -1. */
int relation_find(const struct relation *relation, struct store_str name);
/* The evaluation's rows of a column; 0 or a negative code. */
int
relation_read(struct evaluation *evaluation, const struct expression *expression, struct data *out);

#endif
