/*
 * What sql_print.c (expressions as ClickHouse names columns) and
 * sql_statement.c (whole queries) share.
 */
#ifndef SQL_PRINT_INSIDE_H
#define SQL_PRINT_INSIDE_H

#include "sql_parse.h"

struct sql_printer {
	struct store_arena *arena;
	char *bytes;
	uint32_t size, max;
	bool failed;
	bool in_full; /* aliases with what they stand for, subqueries, quotes */
	struct store_str (*name_of)(struct store_str); /* what to call a function; or NULL */
};

void sql_print_bytes(struct sql_printer *printer, const char *bytes, uint32_t size);
void sql_print_text(struct sql_printer *printer, const char *text);
void sql_print_node(struct sql_printer *printer, const struct sql_node *node);
/* sql_statement.c: a name, in backticks when it needs them. */
void sql_print_name(struct sql_printer *printer, struct store_str name);
/* sql_statement.c: without a line's end. */
void sql_print_query(struct sql_printer *printer, const struct sql_query *query);

#endif
