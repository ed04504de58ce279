/*
 * What sql_parse.c (statements), sql_parse_expression.c (operators),
 * sql_parse_operand.c, sql_parse_call.c, sql_parse_time.c (units of time) and,
 * below them, sql_parse_token.c share.
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
/* A leaf; depth and size are those of one. */
struct sql_node *sql_parse_make(struct sql_parser *parser, enum sql_kind kind, uint32_t offset);
/* name(a) or name(a, b): NULL when `a` is; `b` NULL means one argument. */
struct sql_node *sql_parse_make_call(struct sql_parser *parser, const char *name, uint32_t offset,
				     struct sql_node *a, struct sql_node *b);
/* What stands between operators. */
struct sql_node *sql_parse_operand(struct sql_parser *parser);
struct sql_node *sql_parse_expression(struct sql_parser *parser);
/* A call, its name and opening bracket taken, with FILTER after it. */
struct sql_node *sql_parse_call(struct sql_parser *parser, struct store_str name, uint32_t offset);
/* DATE '2026-05-29' as toDate(...), and TIMESTAMP; NULL, without an error, when the
 * token begins neither. */
struct sql_node *sql_parse_date(struct sql_parser *parser);
/* INTERVAL 1 DAY, its word taken. */
struct sql_node *sql_parse_interval(struct sql_parser *parser, uint32_t offset);
/* The function that SQL's other names (DATE_ADD, TIMESTAMPDIFF ...) are; else `name`. */
struct store_str sql_parse_time_name(struct store_str name);
/* Takes the unit and the comma that begin the arguments of such a function; "" when
 * there are none, as in dateDiff('day', a, b). */
struct store_str sql_parse_first_unit(struct sql_parser *parser, struct store_str name);
/* The call that began so, with the arguments after its unit. */
struct sql_node *
sql_parse_of_unit(struct sql_parser *parser, struct sql_node *call, struct store_str unit);
/* Whether EXTRACT(part FROM ...) begins, its bracket taken; and that, as toYear(...). */
bool sql_parse_at_part(const struct sql_parser *parser, struct store_str name);
struct sql_node *sql_parse_part(struct sql_parser *parser, uint32_t offset);
/* An expression as far as the first + or - or looser operator. */
struct sql_node *sql_parse_product(struct sql_parser *parser);
/* An expression with an optional alias. */
struct sql_node *sql_parse_item(struct sql_parser *parser);
/* The same, or * as of a select list and count(*). */
struct sql_node *sql_parse_item_or_star(struct sql_parser *parser);
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
