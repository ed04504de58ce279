/*
 * Calls: f(x), f(levels)(x), f(DISTINCT x), and FILTER after them. Beside
 * sql_parse_operand.c; must not know which functions there are.
 */
#include <string.h>

#include "sql_parse_inside.h"

/* The arguments of a call, after its opening bracket. */
static bool
parse_arguments(struct sql_parser *parser, struct sql_list *list)
{
	if (sql_parse_take(parser, ")"))
		return true;
	do {
		if (!sql_parse_push(parser, list, sql_parse_item_or_star(parser)))
			return false;
	} while (sql_parse_take(parser, ","));
	return sql_parse_expect(parser, ")");
}

/* Names that ClickHouse's parser takes in any case, and does not keep. */
static struct store_str
parsed_name(struct store_str name)
{
	static const char *const names[][2] = {{"extract", "extract"},     {"position", "position"},
					       {"substring", "substring"}, {"trim", "trimBoth"},
					       {"ltrim", "trimLeft"},      {"rtrim", "trimRight"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (sql_is_word(name, names[i][0]))
			return (struct store_str){names[i][1], (uint32_t)strlen(names[i][1])};
	}
	return sql_parse_time_name(name);
}

/* ---- FILTER ----------------------------------------------------------- */

static bool
at_filter(const struct sql_parser *parser)
{
	struct sql_lexer ahead = parser->lexer;
	struct sql_token next = sql_lex(&ahead);

	return sql_parse_at_word(parser, "FILTER") && next.type == SQL_PUNCTUATION &&
	       next.text.bytes[0] == '(';
}

/* sum(x) FILTER (WHERE c) is sumIf(x, c), and count(DISTINCT x) countDistinctIf. */
static struct sql_node *
parse_filter(struct sql_parser *parser, struct sql_node *call)
{
	bool is_distinct = call->distinct && sql_is_word(call->text, "count");
	const char *suffix = is_distinct ? "DistinctIf" : "If";
	size_t size = strlen(suffix);
	struct sql_list list = {0};
	char *name = sql_parse_alloc(parser, call->text.size + size);

	sql_parse_advance(parser); /* FILTER and its bracket */
	sql_parse_advance(parser);
	if (name == NULL || !sql_parse_expect_word(parser, "WHERE"))
		return NULL;
	memcpy(name, call->text.bytes, call->text.size);
	memcpy(name + call->text.size, suffix, size);
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (!sql_parse_push(parser, &list, call->args[i]))
			return NULL;
	}
	if (!sql_parse_push(parser, &list, sql_parse_expression(parser)) ||
	    !sql_parse_expect(parser, ")"))
		return NULL;
	call->text = (struct store_str){name, call->text.size + (uint32_t)size};
	call->distinct &= !is_distinct;
	call->args = list.nodes;
	call->args_count = list.count;
	return sql_parse_deepen(parser, call);
}

/* ---- calls ------------------------------------------------------------ */

struct sql_node *
sql_parse_call(struct sql_parser *parser, struct store_str name, uint32_t offset)
{
	struct sql_node *node = sql_parse_make(parser, SQL_CALL, offset);
	struct sql_list list = {0};
	struct store_str unit;

	if (node == NULL)
		return NULL;
	node->text = parsed_name(name);
	unit = sql_parse_first_unit(parser, name);
	node->distinct = sql_parse_take_word(parser, "DISTINCT");
	if (!parse_arguments(parser, &list))
		return NULL;
	if (sql_parse_take(parser, "(")) {
		node->parameters = list.nodes;
		node->parameters_count = list.count;
		list = (struct sql_list){0};
		node->distinct = sql_parse_take_word(parser, "DISTINCT");
		if (!parse_arguments(parser, &list))
			return NULL;
	}
	node->args = list.nodes;
	node->args_count = list.count;
	if (list.count == 1 && list.nodes[0]->kind == SQL_STAR && sql_is_word(name, "count"))
		node->args_count = 0;
	if (unit.size > 0)
		return sql_parse_of_unit(parser, node, unit);
	return at_filter(parser) ? parse_filter(parser, node) : sql_parse_deepen(parser, node);
}
