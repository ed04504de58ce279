/*
 * Expressions: precedence climbing over the tokens (Pratt 1973). Binding
 * powers, loose to tight: ?: < OR < AND < NOT < comparison, IN, LIKE, BETWEEN,
 * IS < || < + - < * / % < unary minus < [] and ::.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql_parse_inside.h"

enum power {
	POWER_NONE,
	POWER_TERNARY,
	POWER_OR,
	POWER_AND,
	POWER_NOT,
	POWER_COMPARE,
	POWER_CONCAT,
	POWER_ADD,
	POWER_MULTIPLY,
	POWER_UNARY,
};

static struct sql_node *parse_at_power(struct sql_parser *parser, enum power minimum);

static struct sql_node *
make_node(struct sql_parser *parser, enum sql_kind kind, uint32_t offset)
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

static struct sql_node *
make_call(struct sql_parser *parser, const char *name, uint32_t offset, struct sql_node *a,
	  struct sql_node *b)
{
	struct sql_node *call = make_node(parser, SQL_CALL, offset);

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

/* ---- primary expressions --------------------------------------------- */

static struct sql_node *
parse_number(struct sql_parser *parser)
{
	struct store_str text = parser->token.text;
	struct sql_node *node = make_node(parser, SQL_NUMBER_UINT, parser->token.offset);
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

/* The arguments of a call, after its opening bracket. */
static bool
parse_arguments(struct sql_parser *parser, struct sql_list *list)
{
	if (sql_parse_take(parser, ")"))
		return true;
	do {
		struct sql_node *node;

		if (sql_parse_at(parser, "*")) {
			node = make_node(parser, SQL_STAR, parser->token.offset);
			sql_parse_advance(parser);
		} else {
			node = sql_parse_item(parser);
		}
		if (!sql_parse_push(parser, list, node))
			return false;
	} while (sql_parse_take(parser, ","));
	return sql_parse_expect(parser, ")");
}

static struct sql_node *
parse_call(struct sql_parser *parser, struct store_str name, uint32_t offset)
{
	struct sql_node *node = make_node(parser, SQL_CALL, offset);
	struct sql_list list = {0};

	if (node == NULL)
		return NULL;
	node->text = name;
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
	return sql_parse_deepen(parser, node);
}

static struct sql_node *
text_node(struct sql_parser *parser, struct store_str text, uint32_t offset)
{
	struct sql_node *node = make_node(parser, SQL_TEXT, offset);

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
	return make_call(parser, "CAST", offset, value, text_node(parser, type, type_offset));
}

/* CASE [x] WHEN a THEN b ... [ELSE c] END becomes multiIf. */
static struct sql_node *
parse_case(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *subject = NULL, *node = make_node(parser, SQL_CALL, offset), *otherwise;
	struct sql_list list = {0};

	if (node == NULL)
		return NULL;
	if (!sql_parse_at_word(parser, "WHEN") && (subject = sql_parse_expression(parser)) == NULL)
		return NULL;
	if (!sql_parse_at_word(parser, "WHEN"))
		return sql_parse_fail(parser, "WHEN");
	while (sql_parse_take_word(parser, "WHEN")) {
		uint32_t at = parser->token.offset;
		struct sql_node *condition = sql_parse_expression(parser);

		if (condition != NULL && subject != NULL)
			condition = make_call(parser, "equals", at, subject, condition);
		if (!sql_parse_push(parser, &list, condition) ||
		    !sql_parse_expect_word(parser, "THEN") ||
		    !sql_parse_push(parser, &list, sql_parse_expression(parser)))
			return NULL;
	}
	otherwise = sql_parse_take_word(parser, "ELSE") ? sql_parse_expression(parser)
							: make_node(parser, SQL_NULL, offset);
	if (!sql_parse_push(parser, &list, otherwise) || !sql_parse_expect_word(parser, "END"))
		return NULL;
	node->text = (struct store_str){"multiIf", 7};
	node->args = list.nodes;
	node->args_count = list.count;
	return sql_parse_deepen(parser, node);
}

static struct sql_node *
parse_interval(struct sql_parser *parser, uint32_t offset)
{
	static const char *const units[] = {"second", "minute", "hour",    "day",
					    "week",   "month",  "quarter", "year"};
	struct sql_node *node = make_node(parser, SQL_INTERVAL, offset);
	struct store_str unit;

	if (node == NULL || (node->args = sql_parse_alloc(parser, sizeof *node->args)) == NULL ||
	    (node->args[0] = parse_at_power(parser, POWER_ADD)) == NULL)
		return NULL;
	node->args_count = 1;
	unit = parser->token.text;
	if (parser->token.type != SQL_WORD)
		return sql_parse_fail(parser, "a unit of time (second, minute, hour, day ...)");
	if (unit.size > 1 && (unit.bytes[unit.size - 1] | 0x20) == 's')
		unit.size--;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (sql_is_word(unit, units[i]))
			node->text = (struct store_str){units[i], (uint32_t)strlen(units[i])};
	}
	if (node->text.size == 0)
		return sql_parse_fail(parser, "a unit of time (second, minute, hour, day ...)");
	sql_parse_advance(parser);
	return sql_parse_deepen(parser, node);
}

static struct sql_node *
parse_bracketed(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node;
	struct sql_list list = {0};

	if (sql_parse_at_word(parser, "SELECT") || sql_parse_at_word(parser, "WITH")) {
		if ((node = make_node(parser, SQL_SUBQUERY, offset)) == NULL ||
		    (node->query = sql_parse_select(parser)) == NULL)
			return NULL;
		return sql_parse_expect(parser, ")") ? node : NULL;
	}
	if (!sql_parse_items(parser, &list, false) || !sql_parse_expect(parser, ")"))
		return NULL;
	if (list.count == 1) {
		list.nodes[0]->joined = false; /* (a AND b) AND c stays as it is */
		return list.nodes[0];
	}
	if ((node = make_node(parser, SQL_LIST, offset)) == NULL)
		return NULL;
	node->args = list.nodes;
	node->args_count = list.count;
	return sql_parse_deepen(parser, node);
}

static struct sql_node *
parse_array(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node = make_node(parser, SQL_ARRAY, offset);
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

/* {name:Type} */
static struct sql_node *
parse_parameter(struct sql_parser *parser, uint32_t offset)
{
	struct sql_node *node = make_node(parser, SQL_PARAMETER, offset);

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
		return parse_call(parser, name, offset);
	if ((node = make_node(parser, SQL_NAME, offset)) == NULL)
		return NULL;
	while (sql_parse_take(parser, ".")) { /* table.column: the column counts */
		if (!sql_parse_identifier(parser, &name))
			return NULL;
	}
	node->text = name;
	return node;
}

static struct sql_node *
parse_word(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;
	struct store_str word = parser->token.text;
	struct sql_node *node;

	if (sql_is_word(word, "NULL") || sql_is_word(word, "TRUE") || sql_is_word(word, "FALSE")) {
		sql_parse_advance(parser);
		node = make_node(parser, sql_is_word(word, "NULL") ? SQL_NULL : SQL_NAME, offset);
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
		return parse_interval(parser, offset);
	}
	if (sql_is_word(word, "CAST")) {
		sql_parse_advance(parser);
		return sql_parse_expect(parser, "(") ? parse_cast(parser, offset) : NULL;
	}
	if (sql_parse_is_reserved(word))
		return sql_parse_fail(parser, "an expression");
	return parse_name(parser);
}

static struct sql_node *
parse_primary(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;
	struct store_str text = parser->token.text;

	switch (parser->token.type) {
	case SQL_NUMBER:
		return parse_number(parser);
	case SQL_STRING:
		sql_parse_advance(parser);
		return text_node(parser, text, offset);
	case SQL_IDENTIFIER:
		return parse_name(parser);
	case SQL_WORD:
		return parse_word(parser);
	default:
		break;
	}
	if (sql_parse_take(parser, "("))
		return parse_bracketed(parser, offset);
	if (sql_parse_take(parser, "["))
		return parse_array(parser, offset);
	if (sql_parse_take(parser, "{"))
		return parse_parameter(parser, offset);
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
			node = make_call(parser, "arrayElement", offset, node, index);
		} else if (sql_parse_take(parser, "::")) {
			if (!parse_type(parser, &type))
				return NULL;
			node = make_call(parser, "CAST", offset, node, text_node(parser, type, at));
		} else {
			break;
		}
	}
	return node;
}

static struct sql_node *
parse_prefix(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;

	if (sql_parse_take_word(parser, "NOT"))
		return make_call(parser, "not", offset, parse_at_power(parser, POWER_NOT), NULL);
	if (sql_parse_take(parser, "-"))
		return make_call(parser, "negate", offset, parse_at_power(parser, POWER_UNARY),
				 NULL);
	return parse_suffix(parser, parse_primary(parser), offset);
}

/* ---- operators ------------------------------------------------------- */

struct operation {
	const char *symbol, *function;
	enum power power;
};

static const struct operation operators[] = {
    {"OR", "or", POWER_OR},
    {"AND", "and", POWER_AND},
    {"=", "equals", POWER_COMPARE},
    {"==", "equals", POWER_COMPARE},
    {"!=", "notEquals", POWER_COMPARE},
    {"<>", "notEquals", POWER_COMPARE},
    {"<", "less", POWER_COMPARE},
    {"<=", "lessOrEquals", POWER_COMPARE},
    {">", "greater", POWER_COMPARE},
    {">=", "greaterOrEquals", POWER_COMPARE},
    {"LIKE", "like", POWER_COMPARE},
    {"ILIKE", "ilike", POWER_COMPARE},
    {"||", "concat", POWER_CONCAT},
    {"+", "plus", POWER_ADD},
    {"-", "minus", POWER_ADD},
    {"*", "multiply", POWER_MULTIPLY},
    {"/", "divide", POWER_MULTIPLY},
    {"%", "modulo", POWER_MULTIPLY},
};

static const struct operation *
find_operator(const struct sql_parser *parser)
{
	if (parser->token.type != SQL_WORD && parser->token.type != SQL_PUNCTUATION)
		return NULL;
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		if (sql_is_word(parser->token.text, operators[i].symbol))
			return &operators[i];
	}
	return NULL;
}

static struct sql_node *
parse_in(struct sql_parser *parser, struct sql_node *left, bool negated, uint32_t offset)
{
	struct sql_node *right = parse_at_power(parser, POWER_CONCAT);

	return right == NULL ? NULL
			     : make_call(parser, negated ? "notIn" : "in", offset, left, right);
}

static struct sql_node *
parse_between(struct sql_parser *parser, struct sql_node *left, bool negated, uint32_t offset)
{
	struct sql_node *low = parse_at_power(parser, POWER_CONCAT), *high, *above, *below;

	if (low == NULL || !sql_parse_expect_word(parser, "AND") ||
	    (high = parse_at_power(parser, POWER_CONCAT)) == NULL)
		return NULL;
	above = make_call(parser, negated ? "less" : "greaterOrEquals", offset, left, low);
	below = make_call(parser, negated ? "greater" : "lessOrEquals", offset, left, high);
	return make_call(parser, negated ? "or" : "and", offset, above, below);
}

/* LIKE, IN, BETWEEN and IS, with their NOT; NULL with *none set when the token
 * is none of them. */
static struct sql_node *
parse_predicate(struct sql_parser *parser, struct sql_node *left, bool *none)
{
	uint32_t offset = parser->token.offset;
	bool negated;

	*none = false;
	if (sql_parse_take_word(parser, "IS")) {
		negated = sql_parse_take_word(parser, "NOT");
		if (!sql_parse_expect_word(parser, "NULL"))
			return NULL;
		return make_call(parser, negated ? "isNotNull" : "isNull", offset, left, NULL);
	}
	negated = sql_parse_take_word(parser, "NOT");
	if (sql_parse_take_word(parser, "IN"))
		return parse_in(parser, left, negated, offset);
	if (sql_parse_take_word(parser, "BETWEEN"))
		return parse_between(parser, left, negated, offset);
	if (negated) {
		bool like = sql_parse_take_word(parser, "LIKE");
		struct sql_node *right;

		if (!like && !sql_parse_expect_word(parser, "ILIKE"))
			return NULL;
		right = parse_at_power(parser, POWER_CONCAT);
		return right == NULL
			   ? NULL
			   : make_call(parser, like ? "notLike" : "notILike", offset, left, right);
	}
	*none = true;
	return NULL;
}

static struct sql_node *
parse_ternary(struct sql_parser *parser, struct sql_node *condition, uint32_t offset)
{
	struct sql_node *yes = parse_at_power(parser, POWER_NONE), *no, *call;

	if (yes == NULL || !sql_parse_expect(parser, ":") ||
	    (no = parse_at_power(parser, POWER_NONE)) == NULL)
		return NULL;
	if ((call = make_call(parser, "if", offset, condition, yes)) == NULL)
		return NULL;
	if ((call->args = sql_parse_alloc(parser, 3 * sizeof *call->args)) == NULL)
		return NULL;
	call->args[0] = condition;
	call->args[1] = yes;
	call->args[2] = no;
	call->args_count = 3;
	return sql_parse_deepen(parser, call);
}

/* a AND b AND c is one call, as ClickHouse has it; so are OR and ||. The
 * arguments have room for a power of two. */
static struct sql_node *
join(struct sql_parser *parser, const struct operation *operation, uint32_t offset,
     struct sql_node *left, struct sql_node *right)
{
	bool joins = operation->power == POWER_OR || operation->power == POWER_AND ||
		     operation->power == POWER_CONCAT;
	struct sql_node **args, *call;

	if (right == NULL)
		return NULL;
	if (!joins || !left->joined || left->alias.size > 0 ||
	    !sql_is_word(left->text, operation->function)) {
		call = make_call(parser, operation->function, offset, left, right);
		if (call != NULL)
			call->joined = joins;
		return call;
	}
	if ((left->args_count & (left->args_count - 1)) == 0) {
		args = sql_parse_alloc(parser, (size_t)left->args_count * 2 * sizeof(*args));
		if (args == NULL)
			return NULL;
		memcpy(args, left->args, left->args_count * sizeof *args);
		left->args = args;
	}
	left->args[left->args_count++] = right;
	left->size += right->size;
	if (left->depth <= right->depth)
		left->depth = (uint16_t)(right->depth + 1);
	return left->size > SQL_TREE_SIZE_MAX || left->depth > SQL_TREE_DEPTH_MAX
		   ? sql_parse_fail(parser, "a smaller expression")
		   : left;
}

static struct sql_node *
parse_at_power(struct sql_parser *parser, enum power minimum)
{
	struct sql_node *left;

	if (++parser->depth > SQL_DEPTH_MAX) {
		parser->depth--;
		return sql_parse_fail(parser, "less nesting");
	}
	left = parse_prefix(parser);
	while (left != NULL) {
		const struct operation *operation = find_operator(parser);
		uint32_t offset = parser->token.offset;
		struct sql_node *predicate;
		bool none = true;

		if (operation != NULL && operation->power > minimum) {
			sql_parse_advance(parser);
			left = join(parser, operation, offset, left,
				    parse_at_power(parser, operation->power));
			continue;
		}
		if (operation == NULL && minimum < POWER_COMPARE) {
			predicate = parse_predicate(parser, left, &none);
			if (predicate != NULL || !none) {
				left = predicate;
				continue;
			}
		}
		if (minimum < POWER_TERNARY && sql_parse_take(parser, "?")) {
			left = parse_ternary(parser, left, offset);
			continue;
		}
		break;
	}
	parser->depth--;
	return parser->failed ? NULL : left;
}

struct sql_node *
sql_parse_expression(struct sql_parser *parser)
{
	return parse_at_power(parser, POWER_NONE);
}
