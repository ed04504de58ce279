/*
 * Comparisons of a column with constants as spans of its stored integers, exactly as
 * function_compare() would decide them. Below scan_condition.c; must not know blocks.
 */
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "scan_inside.h"

/* The order of a stored value of the column, which is of this type, and the constant. */
static int
order_of(const struct store_column *column, struct type type, int64_t stored,
	 const struct data *constant)
{
	struct data value = {.type = type, .count = 1, .constant = true};
	double number = (double)stored / (double)column->scale;

	if (column->type == STORE_FLOAT)
		value.n.f = &number;
	else
		value.n.i = &stored;
	return function_compare(&value, constant, 0);
}

/* The least key whose value is not below the constant, or, with `beyond`, is
 * above it; false: there is none. Values ascend with keys. */
static bool
find_bound(const struct plan *plan, const struct scan_condition *condition,
	   const struct data *constant, bool beyond, uint64_t *bound)
{
	const struct store_column *column = &plan->table->columns[condition->column];
	struct type type = plan_type_of(column);
	uint64_t low = 0, high = UINT64_MAX, bias = condition->bias;

	if (order_of(column, type, (int64_t)(high ^ bias), constant) < beyond)
		return false;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (order_of(column, type, (int64_t)(middle ^ bias), constant) < beyond)
			low = middle + 1;
		else
			high = middle;
	}
	*bound = low;
	return true;
}

static void
add_span(struct scan_condition *condition, uint64_t first, uint64_t last)
{
	condition->spans[condition->spans_count++] = (struct scan_span){first, last};
}

/* Keys of the values for which the operation holds. */
static void
add_comparison(const struct plan *plan, struct scan_condition *condition,
	       const struct data *constant, const char *operation)
{
	bool is_below = strcmp(operation, "less") == 0;
	bool is_above = strcmp(operation, "greater") == 0;
	bool to_equal = strcmp(operation, "lessOrEquals") == 0;
	bool from_equal = strcmp(operation, "greaterOrEquals") == 0;
	uint64_t least = 0, above = 0;
	bool has_least =
	    !is_above && !to_equal && find_bound(plan, condition, constant, false, &least);
	bool has_above =
	    !is_below && !from_equal && find_bound(plan, condition, constant, true, &above);

	if (is_below) {
		if (!has_least || least > 0)
			add_span(condition, 0, has_least ? least - 1 : UINT64_MAX);
	} else if (to_equal) {
		if (!has_above || above > 0)
			add_span(condition, 0, has_above ? above - 1 : UINT64_MAX);
	} else if (is_above) {
		if (has_above)
			add_span(condition, above, UINT64_MAX);
	} else if (from_equal) {
		if (has_least)
			add_span(condition, least, UINT64_MAX);
	} else if (has_least && (!has_above || least < above)) { /* equals, and of IN */
		add_span(condition, least, has_above ? above - 1 : UINT64_MAX);
	}
}

static int
compare_spans(const void *a, const void *b)
{
	const struct scan_span *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* In order, none touching another; one that is all but an end is turned round
 * rather than negated. */
static void
settle_spans(struct scan_condition *condition)
{
	struct scan_span *spans = condition->spans;
	uint32_t kept = 0;

	qsort(spans, condition->spans_count, sizeof *spans, compare_spans);
	for (uint32_t i = 0; i < condition->spans_count; i++) {
		if (kept > 0 && (spans[kept - 1].last == UINT64_MAX ||
				 spans[i].first <= spans[kept - 1].last + 1)) {
			if (spans[i].last > spans[kept - 1].last)
				spans[kept - 1].last = spans[i].last;
		} else {
			spans[kept++] = spans[i];
		}
	}
	condition->spans_count = kept;
	if (!condition->negated || kept > 1)
		return;
	if (kept == 0)
		spans[0] = (struct scan_span){0, UINT64_MAX};
	else if (spans[0].first == 0 && spans[0].last == UINT64_MAX)
		condition->spans_count = 0;
	else if (spans[0].first == 0)
		spans[0] = (struct scan_span){spans[0].last + 1, UINT64_MAX};
	else if (spans[0].last == UINT64_MAX)
		spans[0] = (struct scan_span){0, spans[0].first - 1};
	else
		return;
	if (kept == 0)
		condition->spans_count = 1;
	condition->negated = false;
}

bool
scan_has_order(const struct plan *plan, const struct expression *expression)
{
	const struct store_column *column;

	if (expression->kind != EXPRESSION_COLUMN || expression->key.size != 0 ||
	    plan->table == NULL)
		return false;
	column = &plan->table->columns[expression->column];
	return column->type == STORE_TIME || column->type == STORE_UINT ||
	       (column->type == STORE_FLOAT && column->scale != 0);
}

bool
scan_is_null(const struct expression *expression)
{
	return expression->kind == EXPRESSION_CONSTANT && expression->constant.nulls != NULL &&
	       expression->constant.nulls[0];
}

/* Something that a value of the column is less than, equal to or greater than. */
static bool
is_comparable(const struct plan *plan, const struct scan_condition *condition,
	      const struct expression *expression)
{
	const struct store_column *column = &plan->table->columns[condition->column];

	return expression->kind == EXPRESSION_CONSTANT && !scan_is_null(expression) &&
	       expression->type.type != STORE_R_STRING &&
	       order_of(column, plan_type_of(column), 0, &expression->constant) != 2;
}

const char *
scan_turned(const char *operation)
{
	static const char *const names[][2] = {{"less", "greater"},
					       {"lessOrEquals", "greaterOrEquals"},
					       {"greater", "less"},
					       {"greaterOrEquals", "lessOrEquals"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(operation, names[i][0]) == 0)
			return names[i][1];
	}
	return operation;
}

const char *
scan_operation_of(const struct expression *call, bool *negated)
{
	static const char *const names[] = {"equals",  "notEquals",       "less", "lessOrEquals",
					    "greater", "greaterOrEquals", "in",   "notIn"};
	const char *name = NULL;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(call->function->name, names[i]) == 0)
			name = names[i];
	}
	*negated = name != NULL && strncmp(name, "not", 3) == 0;
	return name != NULL && *negated ? (name[3] == 'E' ? "equals" : "in") : name;
}

int
scan_make_spans(const struct plan *plan, struct scan_condition *condition,
		struct store_arena *arena)
{
	const struct expression *call = condition->comparison, *column;
	bool negated;
	const char *operation = scan_operation_of(call, &negated);
	bool is_list = operation != NULL && strcmp(operation, "in") == 0;
	uint32_t at; /* of the column among the arguments */

	if (operation == NULL || call->set != NULL || (!is_list && call->args_count != 2))
		return 0;
	at = !is_list && !scan_has_order(plan, call->args[0]) ? 1 : 0;
	column = call->args[at];
	if (!scan_has_order(plan, column))
		return 0;
	condition->column = column->column;
	condition->bias =
	    plan->table->columns[column->column].type == STORE_UINT ? 0 : (uint64_t)1 << 63;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (i != at && !(is_list && scan_is_null(call->args[i])) &&
		    !is_comparable(plan, condition, call->args[i]))
			return 0;
	}
	condition->spans =
	    store_arena_alloc(arena, (call->args_count + 1u) * sizeof *condition->spans);
	if (condition->spans == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (i != at && !scan_is_null(call->args[i]))
			add_comparison(plan, condition, &call->args[i]->constant,
				       at == 1 ? scan_turned(operation) : operation);
	}
	condition->kind = SCAN_SPANS;
	condition->negated ^= negated;
	settle_spans(condition);
	return 1;
}
