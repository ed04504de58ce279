/*
 * What stands between the operators of an expression: literals, names, calls,
 * CASE, CAST, brackets, and the [] and :: after them; units of time are
 * sql_parse_time.c's. Must not know which operator binds tighter:
 * sql_parse_expression.c does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sql_parse_inside.h"

/* ---- nodes ----------------------------------------------------------- */

struct sql_node *
sql_parse_make(struct sql_parser *parser, enum sql_kind kind, uint32_t offset)
{
	struct sql_node *node = sql_parse_alloc(parser, sizeof *node);

	if (node == NULL)
		return NULL;
	node->kind = kind;
	node->offset = offset;
	node->depth = 1;
	node->size = 1;
	return node;
}

struct sql_node *
sql_parse_make_call(struct sql_parser *parser, const char *name, uint32_t offset,
		    struct sql_node *a, struct sql_node *b)
{
	struct sql_node *call = sql_parse_make(parser, SQL_CALL, offset);

	if (call == NULL || a == NULL)
		return NULL;
	call->args = sql_parse_alloc(parser, 2 * sizeof *call->args);
	if (call->args == NULL)
		return NULL;
	call->text = (struct store_str){name, (uint32_t)strlen(name)};
	call->args[0] = a;
	call->args[1] = b;
	call->args_count = b == NULL ? 1 : 2;
	return sql_parse_deepen(parser, call);
}

/* ---- literals and names ---------------------------------------------- */

static struct sql_node *
parse_number(struct sql_parser *parser)
{
	struct store_str text = parser->token.text;
	struct sql_node *node = sql_parse_make(parser, SQL_NUMBER_UINT, parser->token.offset);
	bool hexadecimal = text.size > 2 && (text.bytes[1] == 'x' || text.bytes[1] == 'X');
	char digits[400], *end;

	if (node == NULL)
		return NULL;
	if (text.size >= sizeof digits)
		return sql_parse_fail(parser, "a shorter number");
	memcpy(digits, text.bytes, text.size);
	digits[text.size] = '\0';
	errno = 0;
	node->u = strtoull(digits, &end, hexadecimal ? 16 : 10);
	if (*end != '\0' || errno == ERANGE) {
		node->kind = SQL_NUMBER_FLOAT;
		node->f = strtod(digits, &end);
		if (*end != '\0' || node->f > 1.7976931348623157e308)
			return sql_parse_fail(parser, "a number within Float64");
	}
	node->text = text;
	sql_parse_advance(parser);
	return node;
}

static struct sql_node *
text_node(struct sql_parser *parser, struct store_str text, uint32_t offset)
{
	struct sql_node *node = sql_parse_make(parser, SQL_TEXT, offset);

	if (node != NULL)
		node->text = text;
	return node;
}

/* A type's name with its arguments, as written: DateTime64(3). */
static bool
parse_type(struct sql_parser *parser, struct store_str *type)
{
	uint32_t from = parser->token.offset, end, depth = 0;

	if (parser->token.type != SQL_WORD)
		return sql_parse_fail(parser, "a type") != NULL;
	do {
		end = parser->token.offset + parser->token.text.size;
		depth += sql_parse_at(parser, "(");
		depth -= sql_parse_at(parser, ")");
		sql_parse_advance(parser);
	} while (!parser->failed && parser->token.type != SQL_END &&
		 (depth > 0 || sql_parse_at(parser, "(")));
	*type = (struct store_str){parser->lexer.text.bytes + from, end - from};
	return !parser->failed;
}

/* {name:Type} */
struct sql_node *
sql_parse_parameter(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node = sql_parse_make(parser, SQL_PARAMETER, offset);

	if (node == NULL || !sql_parse_identifier(parser, &node->text) ||
	    !sql_parse_expect(parser, ":") || !parse_type(parser, &node->type) ||
	    !sql_parse_expect(parser, "}"))
		return NULL;
	return node;
}

static struct sql_node *
parse_name(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;
	struct store_str name = parser->token.text;
	struct sql_node *node;

	sql_parse_advance(parser);
	if (sql_parse_take(parser, "("))
		return sql_parse_at_part(parser, name) ? sql_parse_part(parser, offset)
						       : sql_parse_call(parser, name, offset);
	if ((node = sql_parse_make(parser, SQL_NAME, offset)) == NULL)
		return NULL;
	while (sql_parse_take(parser, ".")) { /* table.column: the column counts */
		if (!sql_parse_identifier(parser, &name))
			return NULL;
	}
	node->text = name;
	return node;
}

/* ---- words that begin an expression ---------------------------------- */

static struct sql_node *
parse_cast(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *value = sql_parse_expression(parser);
	struct store_str type;
	uint32_t type_offset = parser->token.offset;

	if (value == NULL)
		return NULL;
	if (sql_parse_take(parser, ",")) {
		type = parser->token.text;
		if (parser->token.type != SQL_STRING)
			return sql_parse_fail(parser, "a type in quotes");
		sql_parse_advance(parser);
	} else if (!sql_parse_expect_word(parser, "AS") || !parse_type(parser, &type)) {
		return NULL;
	}
	if (!sql_parse_expect(parser, ")"))
		return NULL;
	return sql_parse_make_call(parser, "CAST", offset, value,
				   text_node(parser, type, type_offset));
}

/* CASE WHEN a THEN b ... [ELSE c] END becomes multiIf(a, b, ..., c), CASE x WHEN
 * caseWithExpression(x, a, b, ..., c). */
static struct sql_node *
parse_case(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *subject = NULL, *node = sql_parse_make(parser, SQL_CALL, offset),
			*otherwise;
	struct sql_list list = {0};

	if (node == NULL)
		return NULL;
	if (!sql_parse_at_word(parser, "WHEN") &&
	    ((subject = sql_parse_expression(parser)) == NULL ||
	     !sql_parse_push(parser, &list, subject)))
		return NULL;
	if (!sql_parse_at_word(parser, "WHEN"))
		return sql_parse_fail(parser, "WHEN");
	while (sql_parse_take_word(parser, "WHEN")) {
		if (!sql_parse_push(parser, &list, sql_parse_expression(parser)) ||
		    !sql_parse_expect_word(parser, "THEN") ||
		    !sql_parse_push(parser, &list, sql_parse_expression(parser)))
			return NULL;
	}
	otherwise = sql_parse_take_word(parser, "ELSE") ? sql_parse_expression(parser)
							: sql_parse_make(parser, SQL_NULL, offset);
	if (!sql_parse_push(parser, &list, otherwise) || !sql_parse_expect_word(parser, "END"))
		return NULL;
	node->text = subject == NULL ? (struct store_str){"multiIf", 7}
				     : (struct store_str){"caseWithExpression", 18};
	node->args = list.nodes;
	node->args_count = list.count;
	return sql_parse_deepen(parser, node);
}

/* and(a, b), as sql_print.c writes a AND b: the function's name when the word
 * is an operator's and a bracket follows, else NULL. */
static const char *
operator_function(const struct sql_parser *parser)
{
	static const char *const names[] = {"and", "or", "in", "like", "ilike"};
	struct sql_lexer ahead = parser->lexer;
	struct sql_token following = sql_lex(&ahead);

	if (following.type != SQL_PUNCTUATION || following.text.bytes[0] != '(')
		return NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (sql_is_word(parser->token.text, names[i]))
			return names[i];
	}
	return NULL;
}

/* left(...) and right(...), whose names are words of joins. */
static bool
is_function_too(const struct sql_parser *parser)
{
	struct sql_lexer ahead = parser->lexer;
	struct sql_token next = sql_lex(&ahead);

	return (sql_parse_at_word(parser, "LEFT") || sql_parse_at_word(parser, "RIGHT")) &&
	       next.type == SQL_PUNCTUATION && next.text.bytes[0] == '(';
}

static struct sql_node *
parse_word(struct sql_parser *parser)
{
	const char *function;
	uint32_t offset = parser->token.offset;
	struct store_str word = parser->token.text;
	struct sql_node *node;

	if (sql_is_word(word, "NULL") || sql_is_word(word, "TRUE") || sql_is_word(word, "FALSE")) {
		sql_parse_advance(parser);
		node =
		    sql_parse_make(parser, sql_is_word(word, "NULL") ? SQL_NULL : SQL_NAME, offset);
		if (node != NULL && node->kind == SQL_NAME)
			node->text = sql_is_word(word, "TRUE") ? (struct store_str){"true", 4}
							       : (struct store_str){"false", 5};
		return node;
	}
	if (sql_is_word(word, "CASE")) {
		sql_parse_advance(parser);
		return parse_case(parser, offset);
	}
	if (sql_is_word(word, "INTERVAL")) {
		sql_parse_advance(parser);
		return sql_parse_interval(parser, offset);
	}
	if (sql_is_word(word, "CAST")) {
		sql_parse_advance(parser);
		return sql_parse_expect(parser, "(") ? parse_cast(parser, offset) : NULL;
	}
	if (sql_parse_is_reserved(word) && !is_function_too(parser)) {
		if ((function = operator_function(parser)) == NULL)
			return sql_parse_fail(parser, "an expression");
		sql_parse_advance(parser);
		sql_parse_advance(parser);
		return sql_parse_call(
		    parser, (struct store_str){function, (uint32_t)strlen(function)}, offset);
	}
	return parse_name(parser);
}

/* ---- brackets -------------------------------------------------------- */

struct sql_node *
sql_parse_subquery(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node = sql_parse_make(parser, SQL_SUBQUERY, offset);

	if (node == NULL)
		return NULL;
	node->number = ++parser->subqueries_count;
	if ((node->query = sql_parse_select(parser)) == NULL)
		return NULL;
	return sql_parse_expect(parser, ")") ? node : NULL;
}

static struct sql_node *
parse_bracketed(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node;
	struct sql_list list = {0};

	if (sql_parse_at_word(parser, "SELECT") || sql_parse_at_word(parser, "WITH"))
		return sql_parse_subquery(parser, offset);
	if (!sql_parse_items(parser, &list, false) || !sql_parse_expect(parser, ")"))
		return NULL;
	if (list.count == 1) {
		list.nodes[0]->joined = false; /* (a AND b) AND c stays as it is */
		return list.nodes[0];
	}
	if ((node = sql_parse_make(parser, SQL_LIST, offset)) == NULL)
		return NULL;
	node->args = list.nodes;
	node->args_count = list.count;
	return sql_parse_deepen(parser, node);
}

static struct sql_node *
parse_array(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node = sql_parse_make(parser, SQL_ARRAY, offset);
	struct sql_list list = {0};

	if (node == NULL)
		return NULL;
	if (!sql_parse_take(parser, "]") &&
	    (!sql_parse_items(parser, &list, false) || !sql_parse_expect(parser, "]")))
		return NULL;
	node->args = list.nodes;
	node->args_count = list.count;
	return sql_parse_deepen(parser, node);
}

/* ---- operands -------------------------------------------------------- */

static struct sql_node *
parse_primary(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;
	struct store_str text = parser->token.text;
	struct sql_node *date;

	switch (parser->token.type) {
	case SQL_NUMBER:
		return parse_number(parser);
	case SQL_STRING:
		sql_parse_advance(parser);
		return text_node(parser, text, offset);
	case SQL_IDENTIFIER:
		return parse_name(parser);
	case SQL_WORD:
		date = sql_parse_date(parser);
		return date != NULL || parser->failed ? date : parse_word(parser);
	default:
		break;
	}
	if (sql_parse_take(parser, "("))
		return parse_bracketed(parser, offset);
	if (sql_parse_take(parser, "["))
		return parse_array(parser, offset);
	if (sql_parse_take(parser, "{"))
		return sql_parse_parameter(parser, offset);
	return sql_parse_fail(parser, "an expression");
}

/* x[index] and x::Type, as often as they come. */
static struct sql_node *
parse_suffix(struct sql_parser *parser, struct sql_node *node, uint32_t offset)
{
	while (node != NULL) {
		uint32_t at = parser->token.offset;
		struct sql_node *index;
		struct store_str type;

		if (sql_parse_take(parser, "[")) {
			if ((index = sql_parse_expression(parser)) == NULL ||
			    !sql_parse_expect(parser, "]"))
				return NULL;
			node = sql_parse_make_call(parser, "arrayElement", offset, node, index);
		} else if (sql_parse_take(parser, "::")) {
			if (!parse_type(parser, &type))
				return NULL;
			node = sql_parse_make_call(parser, "CAST", offset, node,
						   text_node(parser, type, at));
		} else {
			break;
		}
	}
	return node;
}

struct sql_node *
sql_parse_operand(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;

	return parse_suffix(parser, parse_primary(parser), offset);
}
