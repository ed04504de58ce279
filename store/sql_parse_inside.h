/*
 * What sql_parse.c (statements), sql_parse_expression.c (operators),
 * sql_parse_operand.c and, below them, sql_parse_token.c share.
 */
#ifndef SQL_PARSE_INSIDE_H
#define SQL_PARSE_INSIDE_H

#include "sql_lex.h"
#include "sql_parse.h"

struct sql_parser {
	struct sql_lexer lexer;
	struct sql_token token; /* the next, not yet taken */
	struct store_arena *arena;
	struct store_error *error;
	uint32_t depth;
	uint32_t subqueries_count;
	int failed; /* the first error; everything returns NULL after it */
};

/* A growing list of nodes; in the arena. */
struct sql_list {
	struct sql_node **nodes;
	uint32_t count, max;
};

void sql_parse_advance(struct sql_parser *parser);
/* Reports `expected` at the present token; returns NULL. */
void *sql_parse_fail(struct sql_parser *parser, const char *expected);
bool sql_parse_at_word(const struct sql_parser *parser, const char *word);
bool sql_parse_at(const struct sql_parser *parser, const char *punctuation);
/* Takes it if it is there. */
bool sql_parse_take_word(struct sql_parser *parser, const char *word);
bool sql_parse_take(struct sql_parser *parser, const char *punctuation);
bool sql_parse_expect(struct sql_parser *parser, const char *punctuation);
bool sql_parse_expect_word(struct sql_parser *parser, const char *word);
void *sql_parse_alloc(struct sql_parser *parser, size_t size);
/* Sets node's depth and size from its children. NULL when node is, or when it
 * is too deep or large. */
struct sql_node *sql_parse_deepen(struct sql_parser *parser, struct sql_node *node);
bool sql_parse_push(struct sql_parser *parser, struct sql_list *list, struct sql_node *node);
/* name(a) or name(a, b): NULL when `a` is; `b` NULL means one argument. */
struct sql_node *sql_parse_make_call(struct sql_parser *parser, const char *name, uint32_t offset,
				     struct sql_node *a, struct sql_node *b);
/* What stands between operators. */
struct sql_node *sql_parse_operand(struct sql_parser *parser);
struct sql_node *sql_parse_expression(struct sql_parser *parser);
/* An expression as far as the first + or - or looser operator. */
struct sql_node *sql_parse_product(struct sql_parser *parser);
/* An expression with an optional alias. */
struct sql_node *sql_parse_item(struct sql_parser *parser);
/* item {, item}; a trailing comma is taken when `trailing`. */
bool sql_parse_items(struct sql_parser *parser, struct sql_list *list, bool trailing);
struct sql_query *sql_parse_select(struct sql_parser *parser);
/* SELECT ... up to its bracket, as a node; the opening one is taken. */
struct sql_node *sql_parse_subquery(struct sql_parser *parser, uint32_t offset);
/* {name:Type}, its opening brace taken; NULL when it is not. */
struct sql_node *sql_parse_parameter(struct sql_parser *parser, uint32_t offset);
bool sql_parse_identifier(struct sql_parser *parser, struct store_str *out);
bool sql_parse_is_reserved(struct store_str word);
/* Whether the token begins what other engines have and this one has not: a
 * join, a union, a window. */
bool sql_parse_is_unsupported(const struct sql_parser *parser);

#endif
