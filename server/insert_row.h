/*
 * One row of an INSERT under construction: what the readers of its formats
 * share.
 */
#ifndef INSERT_ROW_H
#define INSERT_ROW_H

#include "insert.h"

struct insert_row {
	const struct store_table *table;
	struct insert_head head; /* a header line names its columns anew */
	const struct insert_context *context;
	struct insert_rows *out;
	uint32_t out_max;
	struct insert_error *error;
	uint32_t number; /* from 1 on, for messages */
	bool present[INSERT_COLUMNS_MAX];
	struct store_cell cells[INSERT_COLUMNS_MAX];
	struct store_pair tags[INSERT_TAGS_MAX];
	uint32_t tags_count;
};

/* Index of the column, or -1. */
int insert_row_column(const struct store_table *table, struct store_str name);
/* A row with nothing in it. */
void insert_row_begin(struct insert_row *row);
/* Sets a column to the text of its value; NULL and '' of numbers leave it out.
 * All return 0, STORE_ENOMEM or STORE_EINVAL with the error set. */
int insert_row_set(struct insert_row *row, uint32_t column, struct store_str text);
int insert_row_add_tag(struct insert_row *row, struct store_str name, struct store_str value);
/* What a backslash before `c` makes of it. */
char insert_row_escaped(char c);
/* Checks the row as a whole and adds it to `out`. */
int insert_row_end(struct insert_row *row);
/* The error gets `row N: `, and the column unless it is negative. */
int insert_row_refuse(struct insert_row *row, int column, const char *why);

/* The readers: insert_json.c, insert_text.c. */
enum { INSERT_LISTS = 1, INSERT_NAMES = 2, INSERT_TYPES = 4, INSERT_COMMAS = 8 };
int insert_json(struct insert_row *row, struct store_str data, unsigned flags);
int insert_text(struct insert_row *row, struct store_str data, unsigned flags);

#endif
