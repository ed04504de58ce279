/*
 * Expressions: precedence climbing over the tokens (Pratt 1973). Binding
 * powers, loose to tight: ?: < OR < AND < NOT < comparison, IN, LIKE, BETWEEN,
 * IS < || < + - < * / % < unary minus < [] and ::. Operators become calls by
 * their function's name; what they join comes from sql_parse_operand.c.
 */
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

/* ---- before an operand ----------------------------------------------- */

static struct sql_node *
parse_prefix(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;

	if (sql_parse_take_word(parser, "NOT"))
		return sql_parse_make_call(parser, "not", offset, parse_at_power(parser, POWER_NOT),
					   NULL);
	if (sql_parse_take(parser, "-"))
		return sql_parse_make_call(parser, "negate", offset,
					   parse_at_power(parser, POWER_UNARY), NULL);
	return sql_parse_operand(parser);
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
    {"MOD", "modulo", POWER_MULTIPLY},
    {"DIV", "intDiv", POWER_MULTIPLY},
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

	return right == NULL
		   ? NULL
		   : sql_parse_make_call(parser, negated ? "notIn" : "in", offset, left, right);
}

static struct sql_node *
parse_between(struct sql_parser *parser, struct sql_node *left, bool negated, uint32_t offset)
{
	struct sql_node *low = parse_at_power(parser, POWER_CONCAT), *high, *above, *below;

	if (low == NULL || !sql_parse_expect_word(parser, "AND") ||
	    (high = parse_at_power(parser, POWER_CONCAT)) == NULL)
		return NULL;
	above =
	    sql_parse_make_call(parser, negated ? "less" : "greaterOrEquals", offset, left, low);
	below =
	    sql_parse_make_call(parser, negated ? "greater" : "lessOrEquals", offset, left, high);
	return sql_parse_make_call(parser, negated ? "or" : "and", offset, above, below);
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
		return sql_parse_make_call(parser, negated ? "isNotNull" : "isNull", offset, left,
					   NULL);
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
		return right == NULL ? NULL
				     : sql_parse_make_call(parser, like ? "notLike" : "notILike",
							   offset, left, right);
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
	if ((call = sql_parse_make_call(parser, "if", offset, condition, yes)) == NULL)
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
		call = sql_parse_make_call(parser, operation->function, offset, left, right);
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

struct sql_node *
sql_parse_product(struct sql_parser *parser)
{
	return parse_at_power(parser, POWER_ADD);
}
