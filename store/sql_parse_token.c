/*
 * What all parts of the parser stand on: the next token, taken or expected, the
 * first error, and nodes with the bounds on their depth and number. Knows no
 * grammar but the words that end an alias, and those that are refused by name.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sql_parse_inside.h"

bool
sql_is_word(struct store_str text, const char *word)
{
	return sql_begins_as(text, word) && strlen(word) == text.size &&
	       strncasecmp(text.bytes, word, text.size) == 0;
}

/* ---- tokens ---------------------------------------------------------- */

/* What stands at `offset`, on one line, for messages, without the space that it ends with. */
static void
excerpt(struct store_str text, uint32_t offset, char out[41])
{
	uint32_t size = text.size - offset > 40 ? 40 : text.size - offset;

	for (uint32_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text.bytes[offset + i];

		out[i] = (char)(c < ' ' ? ' ' : c > 126 ? '?' : c);
	}
	while (size > 0 && out[size - 1] == ' ')
		size--;
	out[size] = '\0';
}

static void
fail_at(struct sql_parser *parser, uint32_t offset, const char *what, const char *detail)
{
	struct store_str text = parser->lexer.text;
	uint32_t line = 1, column = 1;
	char at[41];

	if (parser->failed)
		return;
	parser->failed = 1;
	for (uint32_t i = 0; i < offset; i++) {
		column = text.bytes[i] == '\n' ? 1 : column + 1;
		line += text.bytes[i] == '\n';
	}
	excerpt(text, offset, at);
	store_error_set(parser->error, STORE_ESYNTAX,
			"Syntax error: failed at position %u (line %u, column %u)%s%s: %s%s",
			offset + 1, line, column, offset < text.size ? ": " : " (end of query)", at,
			what, detail);
	if (parser->error != NULL) {
		parser->error->clickhouse = 62;
		parser->error->name = "SYNTAX_ERROR";
		parser->error->offset = offset;
	}
}

void
sql_parse_advance(struct sql_parser *parser)
{
	parser->token = sql_lex(&parser->lexer);
	if (parser->token.type == SQL_BAD) {
		char reason[128];

		snprintf(reason, sizeof reason, "%.*s", (int)parser->token.text.size,
			 parser->token.text.bytes);
		fail_at(parser, parser->token.offset, reason, "");
	}
}

static bool
is_one_of(struct sql_token token, const char *const *words)
{
	for (; *words != NULL; words++) {
		if ((token.type == SQL_WORD || token.type == SQL_PUNCTUATION) &&
		    sql_is_word(token.text, *words))
			return true;
	}
	return false;
}

/* LEFT ANY JOIN and the like. */
static bool
begins_join(const struct sql_parser *parser)
{
	static const char *const kinds[] = {"INNER", "LEFT",   "RIGHT", "FULL",  "CROSS",
					    "ANY",   "ASOF",   "SEMI",  "ANTI",  "OUTER",
					    "ALL",   "GLOBAL", "ARRAY", "PASTE", NULL};
	static const char *const join[] = {"JOIN", NULL};
	struct sql_lexer ahead = parser->lexer;
	struct sql_token token = parser->token;

	for (int i = 0; i < 3 && is_one_of(token, kinds); i++) {
		token = sql_lex(&ahead);
		if (is_one_of(token, join))
			return true;
	}
	return false;
}

bool
sql_parse_is_unsupported(const struct sql_parser *parser)
{
	static const char *const joins[] = {"JOIN", NULL}, *const windows[] = {"OVER", NULL};
	static const char *const unions[] = {"UNION", "INTERSECT", "EXCEPT", NULL};
	static const char *const selects[] = {"ALL", "DISTINCT", "SELECT", "WITH", "(", NULL};
	static const char *const bracket[] = {"(", NULL};
	struct sql_lexer ahead = parser->lexer;
	struct sql_token next = sql_lex(&ahead);
	bool named = next.type == SQL_IDENTIFIER ||
		     (next.type == SQL_WORD && !sql_parse_is_reserved(next.text)) ||
		     is_one_of(next, bracket);

	return begins_join(parser) ||
	       (is_one_of(parser->token, unions) && is_one_of(next, selects)) ||
	       (named && (is_one_of(parser->token, joins) || is_one_of(parser->token, windows)));
}

static void
refuse_unsupported(struct sql_parser *parser)
{
	struct store_str word = parser->token.text;

	parser->failed = 1;
	store_error_set(parser->error, STORE_ENOTIMPL, "%.*s is not implemented", (int)word.size,
			word.bytes);
	if (parser->error != NULL) {
		parser->error->clickhouse = 48;
		parser->error->name = "NOT_IMPLEMENTED";
		parser->error->offset = parser->token.offset;
	}
}

void *
sql_parse_fail(struct sql_parser *parser, const char *expected)
{
	if (!parser->failed && sql_parse_is_unsupported(parser))
		refuse_unsupported(parser);
	fail_at(parser, parser->token.offset, "expected ", expected);
	return NULL;
}

static int
too_large(struct store_error *error, const char *what)
{
	store_error_set(error, STORE_ELIMIT, "%s", what);
	if (error != NULL) {
		error->clickhouse = 241;
		error->name = "MEMORY_LIMIT_EXCEEDED";
	}
	return STORE_ELIMIT;
}

void *
sql_parse_alloc(struct sql_parser *parser, size_t size)
{
	void *bytes = store_arena_zalloc(parser->arena, size);

	if (bytes == NULL && !parser->failed) {
		parser->failed = 1;
		too_large(parser->error, "Memory limit exceeded while parsing the query");
	}
	return bytes;
}

static void
count_children(struct sql_node *const *children, uint32_t count, uint32_t *depth, uint64_t *size)
{
	for (uint32_t i = 0; i < count; i++) {
		if (children[i]->depth > *depth)
			*depth = children[i]->depth;
		*size += children[i]->size;
	}
}

struct sql_node *
sql_parse_deepen(struct sql_parser *parser, struct sql_node *node)
{
	uint32_t depth = 0;
	uint64_t size = 1;

	if (node == NULL)
		return NULL;
	count_children(node->args, node->args_count, &depth, &size);
	count_children(node->parameters, node->parameters_count, &depth, &size);
	if (depth >= SQL_TREE_DEPTH_MAX || size > SQL_TREE_SIZE_MAX)
		return sql_parse_fail(parser, "a smaller expression");
	node->depth = (uint16_t)(depth + 1);
	node->size = (uint32_t)size;
	return node;
}

bool
sql_parse_push(struct sql_parser *parser, struct sql_list *list, struct sql_node *node)
{
	if (node == NULL)
		return false;
	if (list->count == list->max) {
		uint32_t max = list->max == 0 ? 4 : list->max * 2;
		struct sql_node **nodes = sql_parse_alloc(parser, max * sizeof(struct sql_node *));

		if (nodes == NULL)
			return false;
		if (list->count > 0)
			memcpy(nodes, list->nodes, list->count * sizeof *nodes);
		list->nodes = nodes;
		list->max = max;
	}
	list->nodes[list->count++] = node;
	return true;
}

bool
sql_parse_at_word(const struct sql_parser *parser, const char *word)
{
	return parser->token.type == SQL_WORD && sql_is_word(parser->token.text, word);
}

bool
sql_parse_at(const struct sql_parser *parser, const char *punctuation)
{
	return parser->token.type == SQL_PUNCTUATION &&
	       sql_is_word(parser->token.text, punctuation);
}

bool
sql_parse_take_word(struct sql_parser *parser, const char *word)
{
	if (parser->failed || !sql_parse_at_word(parser, word))
		return false;
	sql_parse_advance(parser);
	return true;
}

bool
sql_parse_take(struct sql_parser *parser, const char *punctuation)
{
	if (parser->failed || !sql_parse_at(parser, punctuation))
		return false;
	sql_parse_advance(parser);
	return true;
}

bool
sql_parse_expect(struct sql_parser *parser, const char *punctuation)
{
	if (sql_parse_take(parser, punctuation))
		return true;
	sql_parse_fail(parser, punctuation);
	return false;
}

bool
sql_parse_expect_word(struct sql_parser *parser, const char *word)
{
	if (sql_parse_take_word(parser, word))
		return true;
	sql_parse_fail(parser, word);
	return false;
}

bool
sql_parse_is_reserved(struct store_str word)
{
	static const char *const words[] = {
	    "SELECT",   "FROM",   "WHERE",  "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT",
	    "SETTINGS", "FORMAT", "OFFSET", "AND",      "OR",    "NOT",    "AS",    "WITH",
	    "IN",       "LIKE",   "ILIKE",  "BETWEEN",  "IS",    "ASC",    "DESC",  "BY",
	    "NULLS",    "WHEN",   "THEN",   "ELSE",     "END",   "UNION",  "JOIN",  "TOTALS",
	    "DISTINCT", "INNER",  "LEFT",   "RIGHT",    "ON",    "USING"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (sql_is_word(word, words[i]))
			return true;
	}
	return false;
}

bool
sql_parse_identifier(struct sql_parser *parser, struct store_str *out)
{
	if (parser->token.type != SQL_IDENTIFIER &&
	    (parser->token.type != SQL_WORD || sql_parse_is_reserved(parser->token.text))) {
		sql_parse_fail(parser, "an identifier");
		return false;
	}
	*out = parser->token.text;
	sql_parse_advance(parser);
	return !parser->failed;
}
