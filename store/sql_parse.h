/*
 * Query text to sql_ast.h: a Pratt parser for expressions, recursive descent
 * for the rest. The whole grammar of SQL.md parses; what is executed is
 * plan.h's business.
 */
#ifndef SQL_PARSE_H
#define SQL_PARSE_H

#include <string.h>

#include "sql_ast.h"

#define SQL_TEXT_BYTES_MAX (256u << 10)
#define SQL_DEPTH_MAX 200u        /* brackets and subqueries inside each other */
#define SQL_TREE_DEPTH_MAX 1000u  /* of an expression's tree: a + b + c ... */
#define SQL_TREE_SIZE_MAX 500000u /* nodes of one: CASE and BETWEEN repeat theirs */

/* 0, STORE_ESYNTAX (code 62 with the position and what was expected) or
 * STORE_ELIMIT (too long, or out of memory). Everything in the result lives in the arena; strings
 * may point into `text`. */
int sql_parse(struct store_str text, struct store_arena *arena, struct sql_query **out,
	      struct store_error *error);

/* Whether they begin with the same letter, of any case: most of a table's names do not. */
static inline bool
sql_begins_as(struct store_str text, const char *word)
{
	return text.size > 0 && ((text.bytes[0] ^ word[0]) & ~0x20) == 0;
}

/* Whether the text is the word, in any case. */
bool sql_is_word(struct store_str text, const char *word);
/* Whether it is the name of a table: as it is written there, or in any case. */
static inline bool
sql_is_name(struct store_str text, const char *name, bool any_case)
{
	if (!sql_begins_as(text, name))
		return false;
	return any_case ? sql_is_word(text, name)
			: strlen(name) == text.size && memcmp(name, text.bytes, text.size) == 0;
}

/* sql_parse_time.c: the unit that SQL's word for it means ("hh": "hour"), in small
 * letters and no plural; "" when it is none. */
struct store_str sql_time_unit(struct store_str word);

/* sql_print.c: ClickHouse's canonical text of an expression, as unaliased
 * columns are named: quantile(0.75)(lcp), plus(a, 1). size 0 with NULL bytes
 * when memory runs out. */
struct store_str sql_print(const struct sql_node *node, struct store_arena *arena);
/* The same, but functions have the names that `name_of` gives for those in the query. */
struct store_str
sql_print_named(const struct sql_node *node, struct store_str (*name_of)(struct store_str),
		struct store_arena *arena);
/* sql_statement.c: the whole SELECT as ClickHouse reads it, operators as calls,
 * on one line; the same when memory runs out. */
struct store_str sql_statement_print(const struct sql_query *query, struct store_arena *arena);

#endif
