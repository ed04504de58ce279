/* Random expressions as trees that know their SQL, and their value for one row
 * at a time: no vectors, no dictionaries, nothing of the engine. */
#ifndef QUERY_EXPRESSION_H
#define QUERY_EXPRESSION_H

#include "query_model.h"

enum kind { INTEGER, FLOAT, STRING, TIME };

struct value {
	bool null;
	int64_t i; /* INTEGER; TIME in ms */
	double f;
	char s[64];
};

enum operation {
	LITERAL,
	COLUMN,
	PLUS,
	MINUS,
	TIMES,
	DIVIDE,
	ROUND,
	FLOOR,
	LENGTH,
	HOUR,
	WEEKDAY,
	LOWER,
	UPPER,
	CONCAT,
	SUBSTRING,
	START,
	IF,
	COALESCE,
	EQUAL,
	NOT_EQUAL,
	LESS,
	LESS_EQUAL,
	GREATER,
	GREATER_EQUAL,
	IN,
	NOT_IN,
	LIKE,
	NOT_LIKE,
	ILIKE,
	IS_NULL,
	IS_NOT_NULL,
	NOT,
	AND,
	OR,
	BETWEEN,
	NOT_BETWEEN,
};

#define ARGS_MAX 4

struct node {
	enum operation operation;
	enum kind kind;
	bool nullable, names_weight;
	bool is_stored; /* a stored number itself: its quantiles may be sketched */
	int column;
	const char *key; /* of TAGS */
	const char *start;
	struct value literal;
	struct node *args[ARGS_MAX];
	int args_count;
	char text[1200];
};

/* All nodes of one query. */
struct nodes {
	struct node list[400];
	int count;
	struct random random;
};

/* ---- values ---------------------------------------------------------- */

static inline double
value_number(enum kind kind, const struct value *value)
{
	return kind == FLOAT ? value->f : (double)value->i;
}

/* <0, 0, >0; 2 when one is NaN. Neither is NULL. */
static inline int
value_compare(enum kind kind_a, const struct value *a, enum kind kind_b, const struct value *b)
{
	if (kind_a == STRING) {
		int order = strcmp(a->s, b->s);

		return (order > 0) - (order < 0);
	}
	if (kind_a == FLOAT || kind_b == FLOAT) {
		double x = value_number(kind_a, a), y = value_number(kind_b, b);

		return isnan(x) || isnan(y) ? 2 : (x > y) - (x < y);
	}
	return (a->i > b->i) - (a->i < b->i);
}

static inline bool
like_matches(const char *text, const char *pattern, bool fold)
{
	unsigned char t = (unsigned char)*text, p = (unsigned char)*pattern;

	if (p == '\0')
		return t == '\0';
	if (p == '%')
		return like_matches(text, pattern + 1, fold) ||
		       (t != '\0' && like_matches(text + 1, pattern, fold));
	if (p == '\\' && pattern[1] != '\0')
		p = (unsigned char)*++pattern;
	else if (p == '_' && t != '\0')
		p = t;
	if (fold && t < 128 && p < 128)
		t = (unsigned char)(t | (t >= 'A' && t <= 'Z' ? 32 : 0)),
		p = (unsigned char)(p | (p >= 'A' && p <= 'Z' ? 32 : 0));
	return t == p && like_matches(text + 1, pattern + 1, fold);
}

static inline int64_t
start_of(const char *unit, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	tm.tm_sec = 0;
	if (strcmp(unit, "toStartOfMinute") == 0)
		return (int64_t)timegm(&tm) * 1000;
	if (strcmp(unit, "toStartOfFifteenMinutes") == 0) {
		tm.tm_min -= tm.tm_min % 15;
		return (int64_t)timegm(&tm) * 1000;
	}
	tm.tm_min = 0;
	if (strcmp(unit, "toStartOfHour") == 0)
		return (int64_t)timegm(&tm) * 1000;
	tm.tm_hour = 0;
	if (strcmp(unit, "toMonday") == 0)
		tm.tm_mday -= (tm.tm_wday + 6) % 7;
	else if (strcmp(unit, "toStartOfWeek") == 0)
		tm.tm_mday -= tm.tm_wday;
	else if (strcmp(unit, "toStartOfMonth") == 0)
		tm.tm_mday = 1;
	return (int64_t)timegm(&tm) * 1000; /* toDate, toStartOfDay */
}

/* ---- evaluating ------------------------------------------------------ */

static inline struct value
column_value(const struct node *node, const struct model_row *row)
{
	struct value value = {0};

	switch (node->column) {
	case TS:
		value.i = row->ts;
		break;
	case VIEW:
		value.i = (int64_t)row->view;
		break;
	case WEIGHT:
		value.i = row->weight;
		break;
	case LCP:
		value = (struct value){.null = !row->has_lcp, .f = row->lcp};
		break;
	case CLS:
		value = (struct value){.null = !row->has_cls, .f = row->cls};
		break;
	case RATIO:
		value.f = row->ratio;
		break;
	case BYTES:
		value.i = row->bytes;
		break;
	case SAVE:
		value = (struct value){.null = !row->has_save, .i = row->save};
		break;
	case ERRORS:
		value.i = row->errors;
		break;
	default:
		strcpy(value.s, node->column == SITE             ? row->site
				: node->column == COUNTRY        ? row->country
				: node->column == PATH           ? row->path
				: strcmp(node->key, "plan") == 0 ? row->plan
				: strcmp(node->key, "step") == 0 ? row->step
								 : "");
	}
	return value;
}

static inline struct value
string_value(const struct node *node, const struct value *args)
{
	struct value value = {0};

	if (node->operation == CONCAT) {
		snprintf(value.s, sizeof value.s, "%.30s%.30s", args[0].s, args[1].s);
	} else if (node->operation == SUBSTRING) {
		size_t size = strlen(args[0].s), from = (size_t)args[1].i - 1;

		snprintf(value.s, sizeof value.s, "%.*s", (int)args[2].i,
			 args[0].s + (from < size ? from : size));
	} else {
		bool lower = node->operation == LOWER;

		for (size_t i = 0; args[0].s[i] != '\0'; i++) {
			char c = args[0].s[i];

			if (lower ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z')
				c = (char)(c ^ 32);
			value.s[i] = c;
		}
	}
	return value;
}

static inline struct value
number_value(const struct node *node, const struct value *args)
{
	struct value value = {0};
	double x = value_number(node->args[0]->kind, &args[0]), y = 0;
	time_t seconds = (time_t)(args[0].i / 1000);
	struct tm tm;

	if (node->args_count > 1)
		y = value_number(node->args[1]->kind, &args[1]);
	switch (node->operation) {
	case PLUS:
		value = (struct value){.i = args[0].i + args[1].i, .f = x + y};
		break;
	case MINUS:
		value = (struct value){.i = args[0].i - args[1].i, .f = x - y};
		break;
	case TIMES:
		value = (struct value){.i = args[0].i * args[1].i, .f = x * y};
		break;
	case DIVIDE:
		value.f = x / y;
		break;
	case ROUND:
		value.f = nearbyint(x);
		break;
	case FLOOR:
		value.f = floor(x);
		break;
	case LENGTH:
		value.i = (int64_t)strlen(args[0].s);
		break;
	default:
		gmtime_r(&seconds, &tm);
		value.i = node->operation == HOUR ? tm.tm_hour : (tm.tm_wday + 6) % 7 + 1;
	}
	return value;
}

/* Three-valued: the arguments' own NULLs are handled by evaluate(). */
static inline bool
is_true(const struct node *node, const struct value *args)
{
	enum operation operation = node->operation;
	int order;

	if (operation == LIKE || operation == NOT_LIKE || operation == ILIKE)
		return like_matches(args[0].s, args[1].s, operation == ILIKE) !=
		       (operation == NOT_LIKE);
	if (operation == IN || operation == NOT_IN) {
		bool found = false;

		for (int i = 1; i < node->args_count; i++)
			found |= value_compare(node->args[0]->kind, &args[0], node->args[i]->kind,
					       &args[i]) == 0;
		return found == (operation == IN);
	}
	order = value_compare(node->args[0]->kind, &args[0], node->args[1]->kind, &args[1]);
	if (operation == BETWEEN || operation == NOT_BETWEEN) {
		int high =
		    value_compare(node->args[0]->kind, &args[0], node->args[2]->kind, &args[2]);

		return operation == BETWEEN
			   ? (order == 0 || order == 1) && (high == 0 || high == -1)
			   : order == -1 || high == 1;
	}
	return operation == EQUAL           ? order == 0
	       : operation == NOT_EQUAL     ? order != 0
	       : operation == LESS          ? order == -1
	       : operation == LESS_EQUAL    ? order == -1 || order == 0
	       : operation == GREATER       ? order == 1
	       : operation == GREATER_EQUAL ? order == 1 || order == 0
					    : false;
}

static inline struct value
logic_value(const struct node *node, const struct value *args)
{
	bool deciding = node->operation == OR, unknown = false;

	for (int i = 0; i < node->args_count; i++) {
		unknown |= args[i].null;
		if (!args[i].null && (args[i].i != 0) == deciding)
			return (struct value){.i = deciding};
	}
	return (struct value){.null = unknown, .i = !deciding};
}

/* An argument of another kind becomes the node's. */
static inline struct value
widened(const struct node *node, const struct node *arg, struct value value)
{
	if (node->kind == FLOAT && arg->kind == INTEGER)
		value.f = (double)value.i;
	return value;
}

static inline struct value
evaluate(const struct node *node, const struct model_row *row)
{
	struct value args[ARGS_MAX] = {0};
	bool any_null = false;

	if (node->operation == LITERAL)
		return node->literal;
	if (node->operation == COLUMN)
		return column_value(node, row);
	for (int i = 0; i < node->args_count; i++) {
		args[i] = evaluate(node->args[i], row);
		any_null |= args[i].null;
	}
	switch (node->operation) {
	case AND:
	case OR:
		return logic_value(node, args);
	case IS_NULL:
	case IS_NOT_NULL:
		return (struct value){.i = args[0].null == (node->operation == IS_NULL)};
	case IF:
		return !args[0].null && args[0].i != 0 ? widened(node, node->args[1], args[1])
						       : widened(node, node->args[2], args[2]);
	case COALESCE:
		return widened(node, node->args[args[0].null], args[args[0].null]);
	default:
		break;
	}
	if (any_null)
		return (struct value){.null = true};
	if (node->operation == NOT)
		return (struct value){.i = args[0].i == 0};
	if (node->operation == START)
		return (struct value){.i = start_of(node->start, args[0].i)};
	if (node->kind == STRING)
		return string_value(node, args);
	return node->operation >= EQUAL ? (struct value){.i = is_true(node, args)}
					: number_value(node, args);
}

#endif
