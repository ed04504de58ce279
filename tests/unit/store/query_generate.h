/* Random expressions of the dialect over the model's columns. */
#ifndef QUERY_GENERATE_H
#define QUERY_GENERATE_H

#include "query_expression.h"

static inline struct node *
make_node(struct nodes *nodes, enum operation operation, enum kind kind)
{
	struct node *node = &nodes->list[nodes->count++];

	assert_true(nodes->count < 400);
	memset(node, 0, sizeof *node);
	node->operation = operation;
	node->kind = kind;
	return node;
}

static inline struct node *
add_arg(struct node *node, struct node *arg)
{
	node->args[node->args_count++] = arg;
	node->nullable |= arg->nullable;
	node->names_weight |= arg->names_weight;
	return node;
}

static inline void __attribute__((format(printf, 2, 3)))
set_text(struct node *node, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	assert_true(vsnprintf(node->text, sizeof node->text, format, arguments) <
		    (int)sizeof node->text);
	va_end(arguments);
}

/* ---- leaves ---------------------------------------------------------- */

static inline struct node *
integer_literal(struct nodes *nodes, int64_t value)
{
	struct node *node = make_node(nodes, LITERAL, INTEGER);

	node->literal.i = value;
	set_text(node, "%lld", (long long)value);
	return node;
}

static inline struct node *
float_literal(struct nodes *nodes, double value)
{
	struct node *node = make_node(nodes, LITERAL, FLOAT);
	char digits[STORE_DOUBLE_BYTES_MAX];

	store_print_double(value, digits);
	node->literal.f = value;
	set_text(node, "%s%s", digits, strpbrk(digits, ".e") == NULL ? ".0" : "");
	return node;
}

static inline struct node *
string_literal(struct nodes *nodes, const char *value)
{
	struct node *node = make_node(nodes, LITERAL, STRING);

	strcpy(node->literal.s, value);
	set_text(node, "'%s'", value);
	return node;
}

static inline struct node *
time_literal(struct nodes *nodes)
{
	struct node *node = make_node(nodes, LITERAL, TIME);
	int64_t seconds =
	    (MODEL_BASE_MS + (int64_t)random_below(&nodes->random, MODEL_PERIOD_MS)) / 1000;
	time_t time = (time_t)seconds;
	char digits[32];
	struct tm tm;

	gmtime_r(&time, &tm);
	strftime(digits, sizeof digits, "%Y-%m-%d %H:%M:%S", &tm);
	node->literal.i = seconds * 1000;
	if (random_below(&nodes->random, 2))
		set_text(node, "'%s'", digits);
	else
		set_text(node, "toDateTime('%s')", digits);
	return node;
}

static inline struct node *
column_node(struct nodes *nodes, int column)
{
	enum store_type type = model_columns[column].type;
	struct node *node = make_node(nodes, COLUMN,
				      type == STORE_TIME    ? TIME
				      : type == STORE_UINT  ? INTEGER
				      : type == STORE_FLOAT ? FLOAT
							    : STRING);

	node->column = column;
	node->nullable = model_columns[column].flags & STORE_NULLABLE;
	node->names_weight = column == WEIGHT;
	node->is_stored = node->kind == FLOAT && model_columns[column].scale > 0;
	set_text(node, "%s", model_columns[column].name);
	return node;
}

static inline struct node *
number_column(struct nodes *nodes)
{
	static const int columns[] = {LCP, LCP, LCP, CLS, RATIO, BYTES, SAVE, ERRORS};

	if (random_below(&nodes->random, 60) == 0)
		return column_node(nodes, WEIGHT);
	return column_node(nodes, PICK(&nodes->random, columns));
}

static inline struct node *
string_column(struct nodes *nodes)
{
	static const int columns[] = {SITE, COUNTRY, PATH, TAGS, TAGS};
	static const char *const keys[] = {"plan", "step", "none"};
	struct node *node = column_node(nodes, PICK(&nodes->random, columns));

	if (node->column == TAGS) {
		node->key = PICK(&nodes->random, keys);
		set_text(node, "tags['%s']", node->key);
	}
	return node;
}

static inline struct node *
some_string(struct nodes *nodes)
{
	static const char *const values[] = {"shop", "DE",  "Éire",       "",
					     "free", "pro", "/product/7", "/Blog_50%/3"};

	return string_literal(nodes, PICK(&nodes->random, values));
}

static inline struct node *
number_literal(struct nodes *nodes)
{
	struct random *random = &nodes->random;

	switch (random_below(random, 4)) {
	case 0:
		return integer_literal(nodes, (int64_t)random_below(random, 10) - 3);
	case 1:
		return integer_literal(nodes, (int64_t)random_below(random, 3000));
	case 2:
		return float_literal(nodes, (double)random_below(random, 90000) / 10);
	default:
		return float_literal(nodes, (double)random_below(random, 9000) / 10000);
	}
}

/* ---- calls ----------------------------------------------------------- */

static inline struct node *random_condition(struct nodes *nodes, int depth);
static inline struct node *random_number(struct nodes *nodes, int depth);

static inline struct node *
unary(struct nodes *nodes, enum operation operation, enum kind kind, const char *name,
      struct node *arg)
{
	struct node *node = add_arg(make_node(nodes, operation, kind), arg);

	set_text(node, "%s(%s)", name, arg->text);
	return node;
}

static inline struct node *
infix(struct nodes *nodes, enum operation operation, enum kind kind, const char *symbol,
      struct node *a, struct node *b)
{
	struct node *node = add_arg(add_arg(make_node(nodes, operation, kind), a), b);

	set_text(node, "(%s %s %s)", a->text, symbol, b->text);
	return node;
}

/* Leaves only: of UInt64 and Int64 there is no common type. */
static inline struct node *
random_if(struct nodes *nodes, int depth)
{
	struct node *condition = random_condition(nodes, depth - 1), *yes = number_column(nodes);
	struct node *no = number_column(nodes);
	enum kind kind = yes->kind == FLOAT || no->kind == FLOAT ? FLOAT : INTEGER;
	struct node *node = make_node(nodes, IF, kind);

	add_arg(add_arg(add_arg(node, condition), yes), no);
	node->nullable = yes->nullable || no->nullable;
	set_text(node, random_below(&nodes->random, 2) ? "if(%s, %s, %s)" : "(%s ? %s : %s)",
		 condition->text, yes->text, no->text);
	return node;
}

static inline struct node *
random_coalesce(struct nodes *nodes)
{
	struct node *column = column_node(nodes, random_below(&nodes->random, 2) ? LCP : SAVE);
	struct node *value = integer_literal(nodes, (int64_t)random_below(&nodes->random, 100));
	struct node *node = make_node(nodes, COALESCE, column->kind);

	add_arg(add_arg(node, column), value);
	node->nullable = false;
	set_text(node, "coalesce(%s, %s)", column->text, value->text);
	return node;
}

static inline struct node *
random_arithmetic(struct nodes *nodes, int depth)
{
	static const struct {
		enum operation operation;
		const char *symbol;
	} kinds[] = {{PLUS, "+"}, {MINUS, "-"}, {TIMES, "*"}, {DIVIDE, "/"}};
	size_t i = random_below(&nodes->random, 4);
	struct node *a = random_number(nodes, depth - 1);
	struct node *b = i == 2 ? integer_literal(nodes, (int64_t)random_below(&nodes->random, 50))
			 : random_below(&nodes->random, 2) ? number_literal(nodes)
							   : random_number(nodes, depth - 1);
	enum kind kind = i == 3 || a->kind == FLOAT || b->kind == FLOAT ? FLOAT : INTEGER;

	return infix(nodes, kinds[i].operation, kind, kinds[i].symbol, a, b);
}

static inline struct node *
random_number(struct nodes *nodes, int depth)
{
	struct node *arg;

	if (depth <= 0)
		return number_column(nodes);
	switch (random_below(&nodes->random, 12)) {
	case 0:
	case 1:
	case 2:
		return random_arithmetic(nodes, depth);
	case 3:
		return random_if(nodes, depth);
	case 4:
		return random_coalesce(nodes);
	case 5:
		return unary(nodes, LENGTH, INTEGER, "length", string_column(nodes));
	case 6:
		return random_below(&nodes->random, 2)
			   ? unary(nodes, HOUR, INTEGER, "toHour", column_node(nodes, TS))
			   : unary(nodes, WEEKDAY, INTEGER, "toDayOfWeek", column_node(nodes, TS));
	case 7:
		arg = random_number(nodes, depth - 1);
		if (arg->kind == FLOAT)
			return random_below(&nodes->random, 2)
				   ? unary(nodes, ROUND, FLOAT, "round", arg)
				   : unary(nodes, FLOOR, FLOAT, "floor", arg);
		return arg;
	default:
		return number_column(nodes);
	}
}

static inline struct node *
random_string(struct nodes *nodes)
{
	struct node *a = string_column(nodes), *b, *node;

	switch (random_below(&nodes->random, 8)) {
	case 0:
		return unary(nodes, LOWER, STRING, "lower", a);
	case 1:
		return unary(nodes, UPPER, STRING, "upper", a);
	case 2:
		b = random_below(&nodes->random, 2) ? some_string(nodes) : string_column(nodes);
		return infix(nodes, CONCAT, STRING, "||", a, b);
	case 3:
		node = make_node(nodes, SUBSTRING, STRING);
		add_arg(node, a);
		add_arg(node, integer_literal(nodes, 1 + (int64_t)random_below(&nodes->random, 4)));
		add_arg(node, integer_literal(nodes, (int64_t)random_below(&nodes->random, 6)));
		set_text(node, "substring(%s, %s, %s)", a->text, node->args[1]->text,
			 node->args[2]->text);
		return node;
	default:
		return a;
	}
}

static inline struct node *
random_time(struct nodes *nodes)
{
	static const char *const starts[] = {
	    "toStartOfHour", "toStartOfDay",  "toDate",         "toStartOfFifteenMinutes",
	    "toMonday",      "toStartOfWeek", "toStartOfMonth", "toStartOfMinute"};
	const char *start = PICK(&nodes->random, starts);
	struct node *node = unary(nodes, START, TIME, start, column_node(nodes, TS));

	node->start = start;
	return node;
}

/* ---- conditions ------------------------------------------------------ */

static inline struct node *
random_compare(struct nodes *nodes, int depth)
{
	static const struct {
		enum operation operation;
		const char *symbol;
	} kinds[] = {{EQUAL, "="},       {NOT_EQUAL, "!="}, {LESS, "<"},
		     {LESS_EQUAL, "<="}, {GREATER, ">"},    {GREATER_EQUAL, ">="}};
	size_t i = random_below(&nodes->random, 6);
	struct node *a, *b;

	switch (random_below(&nodes->random, 4)) {
	case 0:
		a = random_string(nodes);
		b = random_below(&nodes->random, 4) ? some_string(nodes) : random_string(nodes);
		break;
	case 1:
		a = random_below(&nodes->random, 3) ? column_node(nodes, TS) : random_time(nodes);
		b = time_literal(nodes);
		if (a->start != NULL && strcmp(a->start, "toStartOfHour") != 0)
			a = column_node(nodes, TS); /* a Date and a time of day: refused */
		break;
	default:
		a = random_number(nodes, depth - 1);
		b = random_below(&nodes->random, 3) ? number_literal(nodes)
						    : random_number(nodes, depth - 1);
		break;
	}
	return random_below(&nodes->random, 6) == 0
		   ? infix(nodes, kinds[i].operation, INTEGER, kinds[i].symbol, b, a)
		   : infix(nodes, kinds[i].operation, INTEGER, kinds[i].symbol, a, b);
}

static inline struct node *
random_like(struct nodes *nodes)
{
	static const char *const patterns[] = {"/prod%", "%7",      "%uct/1_", "/blog%", "%%",
					       "",       "%\\_50%", "_%",      "%/%/%"};
	static const struct {
		enum operation operation;
		const char *name;
	} kinds[] = {{LIKE, "LIKE"}, {NOT_LIKE, "NOT LIKE"}, {ILIKE, "ILIKE"}};
	size_t i = random_below(&nodes->random, 3);

	return infix(nodes, kinds[i].operation, INTEGER, kinds[i].name, column_node(nodes, PATH),
		     string_literal(nodes, PICK(&nodes->random, patterns)));
}

static inline struct node *
random_in(struct nodes *nodes, int depth)
{
	bool negated = random_below(&nodes->random, 3) == 0,
	     strings = random_below(&nodes->random, 2) == 0;
	struct node *node = make_node(nodes, negated ? NOT_IN : IN, INTEGER);
	struct node *a = strings ? random_string(nodes) : random_number(nodes, depth - 1);

	add_arg(node, a);
	for (int i = 0; i < 3; i++)
		add_arg(node, strings ? some_string(nodes)
				      : integer_literal(
					    nodes, (int64_t)random_below(&nodes->random, 300)));
	set_text(node, "(%s %s (%s, %s, %s))", a->text, negated ? "NOT IN" : "IN",
		 node->args[1]->text, node->args[2]->text, node->args[3]->text);
	return node;
}

static inline struct node *
random_between(struct nodes *nodes, int depth)
{
	bool negated = random_below(&nodes->random, 3) == 0;
	bool times = random_below(&nodes->random, 2) == 0;
	struct node *node = make_node(nodes, negated ? NOT_BETWEEN : BETWEEN, INTEGER);
	struct node *a = times ? column_node(nodes, TS) : random_number(nodes, depth - 1);
	struct node *low = times ? time_literal(nodes) : number_literal(nodes);
	struct node *high = times ? time_literal(nodes) : number_literal(nodes);

	add_arg(add_arg(add_arg(node, a), low), high);
	set_text(node, "(%s %s %s AND %s)", a->text, negated ? "NOT BETWEEN" : "BETWEEN", low->text,
		 high->text);
	return node;
}

static inline struct node *
random_is_null(struct nodes *nodes, int depth)
{
	bool negated = random_below(&nodes->random, 2) == 0;
	struct node *a = random_number(nodes, depth - 1);
	struct node *node = add_arg(make_node(nodes, negated ? IS_NOT_NULL : IS_NULL, INTEGER), a);

	node->nullable = false;
	set_text(node, "(%s IS %sNULL)", a->text, negated ? "NOT " : "");
	return node;
}

static inline struct node *
random_condition(struct nodes *nodes, int depth)
{
	struct node *a;

	switch (random_below(&nodes->random, depth > 1 ? 12 : 8)) {
	case 0:
		return random_like(nodes);
	case 1:
		return random_in(nodes, depth);
	case 2:
		return random_between(nodes, depth);
	case 3:
		return random_is_null(nodes, depth);
	case 8:
	case 9:
		a = random_condition(nodes, depth - 1);
		return infix(nodes, AND, INTEGER, "AND", a, random_condition(nodes, depth - 1));
	case 10:
		a = random_condition(nodes, depth - 1);
		return infix(nodes, OR, INTEGER, "OR", a, random_condition(nodes, depth - 1));
	case 11:
		return unary(nodes, NOT, INTEGER, "NOT ", random_condition(nodes, depth - 1));
	default:
		return random_compare(nodes, depth);
	}
}

#endif
