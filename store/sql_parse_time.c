/*
 * Times where SQL writes them as words: DATE '2026-05-29', INTERVAL 1 DAY,
 * DATE_ADD(day, 1, t), DATEDIFF(hour, a, b), EXTRACT(month FROM t). All become the nodes that
 * ClickHouse makes of them. Beside sql_parse_operand.c; must not know what the functions do.
 */
#include <string.h>

#include "sql_parse_inside.h"

#define NAMES_MAX 6u

/* Each as it is called, then its other names. */
static const char *const units[][NAMES_MAX] = {
    {"millisecond", "milliseconds", "ms"},
    {"second", "seconds", "sql_tsi_second", "ss", "s"},
    {"minute", "minutes", "sql_tsi_minute", "mi", "n"},
    {"hour", "hours", "sql_tsi_hour", "hh", "h"},
    {"day", "days", "sql_tsi_day", "dd", "d"},
    {"week", "weeks", "sql_tsi_week", "wk", "ww"},
    {"month", "months", "sql_tsi_month", "mm", "m"},
    {"quarter", "quarters", "sql_tsi_quarter", "qq", "q"},
    {"year", "years", "sql_tsi_year", "yyyy", "yy"}};

struct store_str
sql_time_unit(struct store_str word)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		for (size_t n = 0; n < NAMES_MAX && units[i][n] != NULL; n++) {
			if (sql_is_word(word, units[i][n]))
				return (struct store_str){units[i][0],
							  (uint32_t)strlen(units[i][0])};
		}
	}
	return (struct store_str){"", 0};
}

/* The unit that the token is; "" when it is none. */
static struct store_str
unit_at(const struct sql_parser *parser)
{
	return parser->token.type == SQL_WORD ? sql_time_unit(parser->token.text)
					      : (struct store_str){"", 0};
}

static struct sql_token
token_after(const struct sql_parser *parser)
{
	struct sql_lexer ahead = parser->lexer;

	return sql_lex(&ahead);
}

struct sql_node *
sql_parse_interval(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node = sql_parse_make(parser, SQL_INTERVAL, offset);

	if (node == NULL || (node->args = sql_parse_alloc(parser, sizeof *node->args)) == NULL ||
	    (node->args[0] = sql_parse_product(parser)) == NULL)
		return NULL;
	node->args_count = 1;
	node->text = unit_at(parser);
	if (node->text.size == 0 || sql_is_word(node->text, "millisecond"))
		return sql_parse_fail(parser, "a unit of time (second, minute, hour, day ...)");
	sql_parse_advance(parser);
	return sql_parse_deepen(parser, node);
}

struct sql_node *
sql_parse_date(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;
	bool is_date = sql_parse_at_word(parser, "DATE");
	struct sql_node *text;

	if ((!is_date && !sql_parse_at_word(parser, "TIMESTAMP")) ||
	    token_after(parser).type != SQL_STRING)
		return NULL;
	sql_parse_advance(parser);
	if ((text = sql_parse_make(parser, SQL_TEXT, parser->token.offset)) == NULL)
		return NULL;
	text->text = parser->token.text;
	sql_parse_advance(parser);
	return sql_parse_make_call(parser, is_date ? "toDate" : "toDateTime", offset, text, NULL);
}

/* ---- calls ----------------------------------------------------------- */

struct store_str
sql_parse_time_name(struct store_str name)
{
	static const char *const names[][5] = {
	    {"plus", "dateAdd", "date_add", "timestampAdd", "timestamp_add"},
	    {"minus", "dateSub", "date_sub", "timestampSub", "timestamp_sub"},
	    {"dateDiff", "dateDiff", "date_diff", "timestampDiff", "timestamp_diff"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		for (size_t n = 1; n < sizeof *names / sizeof **names; n++) {
			if (sql_is_word(name, names[i][n]))
				return (struct store_str){names[i][0],
							  (uint32_t)strlen(names[i][0])};
		}
	}
	return name;
}

struct store_str
sql_parse_first_unit(struct sql_parser *parser, struct store_str name)
{
	struct store_str unit = unit_at(parser);
	struct sql_token next = token_after(parser);

	if (unit.size == 0 || next.type != SQL_PUNCTUATION || next.text.bytes[0] != ',' ||
	    sql_parse_time_name(name).bytes == name.bytes)
		return (struct store_str){"", 0};
	sql_parse_advance(parser);
	sql_parse_advance(parser);
	return unit;
}

struct sql_node *
sql_parse_of_unit(struct sql_parser *parser, struct sql_node *call, struct store_str unit)
{
	bool is_difference = sql_is_word(call->text, "dateDiff");
	struct sql_node *of =
	    sql_parse_make(parser, is_difference ? SQL_TEXT : SQL_INTERVAL, call->offset);
	struct sql_list list = {0};

	if (of == NULL)
		return NULL;
	of->text = unit;
	if (is_difference) {
		if (!sql_parse_push(parser, &list, of))
			return NULL;
		for (uint32_t i = 0; i < call->args_count; i++) {
			if (!sql_parse_push(parser, &list, call->args[i]))
				return NULL;
		}
		call->args = list.nodes;
		call->args_count = list.count;
		return sql_parse_deepen(parser, call);
	}
	if (call->args_count != 2)
		return sql_parse_fail(parser, "a number and a time after the unit");
	of->args = &call->args[0]; /* date_add(unit, n, t): t + INTERVAL n unit */
	of->args_count = 1;
	if (!sql_parse_push(parser, &list, call->args[1]) ||
	    !sql_parse_push(parser, &list, sql_parse_deepen(parser, of)))
		return NULL;
	call->args = list.nodes;
	call->args_count = list.count;
	return sql_parse_deepen(parser, call);
}

/* ---- EXTRACT --------------------------------------------------------- */

bool
sql_parse_at_part(const struct sql_parser *parser, struct store_str name)
{
	struct sql_token next = token_after(parser);

	return sql_is_word(name, "extract") && parser->token.type == SQL_WORD &&
	       next.type == SQL_WORD && sql_is_word(next.text, "FROM");
}

struct sql_node *
sql_parse_part(struct sql_parser *parser, uint32_t offset)
{
	static const char *const parts[][2] = {
	    {"second", "toSecond"},   {"minute", "toMinute"},    {"hour", "toHour"},
	    {"day", "toDayOfMonth"},  {"week", "toISOWeek"},     {"month", "toMonth"},
	    {"quarter", "toQuarter"}, {"year", "toYear"},        {"epoch", "toUnixTimestamp"},
	    {"dow", "toDayOfWeek"},   {"isodow", "toDayOfWeek"}, {"doy", "toDayOfYear"}};
	struct store_str unit = unit_at(parser);
	bool is_sunday_first = sql_parse_at_word(parser, "dow");
	const char *function = NULL;
	struct sql_node *time, *mode = NULL;

	if (unit.size == 0)
		unit = parser->token.text;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (sql_is_word(unit, parts[i][0]))
			function = parts[i][1];
	}
	if (function == NULL)
		return sql_parse_fail(parser, "second, minute, hour, day, dow, isodow, doy, week, "
					      "month, quarter, year or epoch");
	sql_parse_advance(parser); /* the part, and FROM */
	sql_parse_advance(parser);
	if (is_sunday_first) {
		if ((mode = sql_parse_make(parser, SQL_NUMBER_UINT, offset)) == NULL)
			return NULL;
		mode->u = 2; /* toDayOfWeek's: Sunday is 0 */
	}
	time = sql_parse_expression(parser);
	if (time == NULL || !sql_parse_expect(parser, ")"))
		return NULL;
	return sql_parse_make_call(parser, function, offset, time, mode);
}
