/*
 * WHERE made ready for blocks: AND and OR in a tree, NOT moved down to the
 * leaves, comparisons of a column with constants as spans of its stored
 * integers, exactly as function_compare() would decide them. After the plan,
 * before any block; must not read one.
 */
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "scan_inside.h"

struct builder {
	const struct plan *plan;
	struct store_arena *arena;
	bool has_sets;
};

static bool
is_call(const struct expression *expression, const char *name)
{
	return expression->kind == EXPRESSION_CALL && strcmp(expression->function->name, name) == 0;
}

/* ---- spans ------------------------------------------------------------- */

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
find_bound(const struct builder *builder, const struct scan_condition *condition,
	   const struct data *constant, bool beyond, uint64_t *bound)
{
	const struct store_column *column = &builder->plan->table->columns[condition->column];
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
add_comparison(const struct builder *builder, struct scan_condition *condition,
	       const struct data *constant, const char *operation)
{
	bool is_below = strcmp(operation, "less") == 0;
	bool is_above = strcmp(operation, "greater") == 0;
	bool to_equal = strcmp(operation, "lessOrEquals") == 0;
	bool from_equal = strcmp(operation, "greaterOrEquals") == 0;
	uint64_t least = 0, above = 0;
	bool has_least =
	    !is_above && !to_equal && find_bound(builder, condition, constant, false, &least);
	bool has_above =
	    !is_below && !from_equal && find_bound(builder, condition, constant, true, &above);

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

/* Whether a column's values ascend with its stored integers. */
static bool
has_order(const struct builder *builder, const struct expression *expression)
{
	const struct store_column *column;

	if (expression->kind != EXPRESSION_COLUMN || expression->key.size != 0 ||
	    builder->plan->table == NULL)
		return false;
	column = &builder->plan->table->columns[expression->column];
	return column->type == STORE_TIME || column->type == STORE_UINT ||
	       (column->type == STORE_FLOAT && column->scale != 0);
}

static bool
is_null(const struct expression *expression)
{
	return expression->kind == EXPRESSION_CONSTANT && expression->constant.nulls != NULL &&
	       expression->constant.nulls[0];
}

/* Something that a value of the column is less than, equal to or greater than. */
static bool
is_comparable(const struct builder *builder, const struct scan_condition *condition,
	      const struct expression *expression)
{
	const struct store_column *column = &builder->plan->table->columns[condition->column];

	return expression->kind == EXPRESSION_CONSTANT && !is_null(expression) &&
	       expression->type.type != STORE_R_STRING &&
	       order_of(column, plan_type_of(column), 0, &expression->constant) != 2;
}

static const char *
turned(const char *operation)
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

/* The operation on its left argument, of a comparison or IN; NULL: none. */
static const char *
operation_of(const struct expression *call, bool *negated)
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

/* Makes a SCAN_SPANS of it where it is one. 1, 0, or STORE_ELIMIT. */
static int
make_spans(const struct builder *builder, struct scan_condition *condition)
{
	const struct expression *call = condition->comparison, *column;
	bool negated;
	const char *operation = operation_of(call, &negated);
	bool is_list = operation != NULL && strcmp(operation, "in") == 0;
	uint32_t at; /* of the column among the arguments */

	if (operation == NULL || call->set != NULL || (!is_list && call->args_count != 2))
		return 0;
	at = !is_list && !has_order(builder, call->args[0]) ? 1 : 0;
	column = call->args[at];
	if (!has_order(builder, column))
		return 0;
	condition->column = column->column;
	condition->bias = builder->plan->table->columns[column->column].type == STORE_UINT
			      ? 0
			      : (uint64_t)1 << 63;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (i != at && !(is_list && is_null(call->args[i])) &&
		    !is_comparable(builder, condition, call->args[i]))
			return 0;
	}
	condition->spans =
	    store_arena_alloc(builder->arena, (call->args_count + 1u) * sizeof *condition->spans);
	if (condition->spans == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (i != at && !is_null(call->args[i]))
			add_comparison(builder, condition, &call->args[i]->constant,
				       at == 1 ? turned(operation) : operation);
	}
	condition->kind = SCAN_SPANS;
	condition->negated ^= negated;
	settle_spans(condition);
	return 1;
}

/* A monotone function of the time, compared with constants: SCAN_ENDS. */
static bool
make_ends(struct scan_condition *condition)
{
	const struct expression *call = condition->comparison;
	bool negated;
	const char *operation = operation_of(call, &negated);
	bool is_list = operation != NULL && strcmp(operation, "in") == 0;
	uint32_t at = !is_list && operation != NULL && !function_is_monotone(call->args[0]);

	if (operation == NULL || call->set != NULL || (!is_list && call->args_count != 2) ||
	    !function_is_monotone(call->args[at]))
		return false;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (i != at && (call->args[i]->kind != EXPRESSION_CONSTANT ||
				(is_null(call->args[i]) && !is_list)))
			return false;
	}
	condition->kind = SCAN_ENDS;
	condition->ends = at;
	condition->operation = at == 1 ? turned(operation) : operation;
	condition->is_contrary = negated;
	return true;
}

/* ---- the tree ------------------------------------------------------------ */

static bool
make_nulls(const struct builder *builder, struct scan_condition *condition)
{
	const struct expression *call = condition->comparison;
	bool is_not = is_call(call, "isNotNull");

	if ((!is_not && !is_call(call, "isNull")) || !has_order(builder, call->args[0]))
		return false;
	condition->kind = SCAN_NULLS;
	condition->column = call->args[0]->column;
	condition->negated ^= is_not;
	return true;
}

/* x IN (SELECT ...), in some argument too. */
static bool
asks_set(const struct expression *expression)
{
	if (expression->function == &function_in_set ||
	    expression->function == &function_not_in_set)
		return true;
	for (uint32_t i = 0; expression->kind == EXPRESSION_CALL && i < expression->args_count;
	     i++) {
		if (asks_set(expression->args[i]))
			return true;
	}
	return false;
}

static int
make_leaf(const struct builder *builder, struct scan_condition *condition)
{
	const struct expression *expression = condition->expression;
	int result;

	condition->kind = SCAN_OTHER;
	if (expression->kind == EXPRESSION_CONSTANT) {
		bool holds = !data_is_null(&expression->constant, 0) &&
			     data_true(&expression->constant, 0) != condition->negated;

		condition->kind = holds ? SCAN_AND : SCAN_OR;
		return 0;
	}
	if (expression->kind != EXPRESSION_CALL || builder->plan->table == NULL)
		return 0;
	condition->comparison =
	    expression->membership == NULL ? expression : expression->membership;
	if ((result = make_spans(builder, condition)) != 0)
		return result < 0 ? result : 0;
	if (!make_nulls(builder, condition) && !make_ends(condition) &&
	    expression->only_string != NULL && (builder->has_sets || !asks_set(expression)))
		condition->kind = SCAN_ENTRIES;
	return 0;
}

/* NOT, which does not fail, is taken off. */
static const struct expression *
strip_not(const struct expression *expression, bool *negated)
{
	while (is_call(expression, "not")) {
		*negated = !*negated;
		expression = expression->args[0];
	}
	return expression;
}

static enum scan_condition_kind
kind_of(const struct expression *expression, bool negated)
{
	if (is_call(expression, "and"))
		return negated ? SCAN_OR : SCAN_AND;
	if (is_call(expression, "or"))
		return negated ? SCAN_AND : SCAN_OR;
	return SCAN_OTHER;
}

/* Of tuples in a list, each value is in the list of its place, which is told by blocks and
 * by entries. Should some value be an error, it is to be one in every row. */
static bool
has_places(const struct expression *expression, bool negated)
{
	return expression->kind == EXPRESSION_CALL && !negated && !expression->may_fail &&
	       expression->function == &function_in_tuples;
}

/* How many parts an AND within an AND, or an OR within an OR, gives. */
static uint32_t
count_parts(const struct expression *expression, bool negated, enum scan_condition_kind kind)
{
	uint32_t count = 0;

	expression = strip_not(expression, &negated);
	if (has_places(expression, negated) && kind == SCAN_AND)
		return expression->args_count + 1;
	if (kind_of(expression, negated) != kind)
		return 1;
	for (uint32_t i = 0; i < expression->args_count; i++)
		count += count_parts(expression->args[i], negated, kind);
	return count;
}

/* Two spans of one column, joined by AND, are one. */
static bool
intersect(struct scan_condition *parent, const struct scan_condition *part)
{
	for (uint32_t i = 0; parent->kind == SCAN_AND && i < parent->parts_count; i++) {
		struct scan_condition *other = &parent->parts[i];
		struct scan_span *span = other->spans;

		if (part->kind != SCAN_SPANS || other->kind != SCAN_SPANS ||
		    part->column != other->column || part->negated || other->negated ||
		    part->spans_count > 1 || other->spans_count > 1)
			continue;
		if (part->spans_count == 0 || other->spans_count == 0 ||
		    part->spans->first > span->last || part->spans->last < span->first) {
			other->spans_count = 0;
			return true;
		}
		span->first = part->spans->first > span->first ? part->spans->first : span->first;
		span->last = part->spans->last < span->last ? part->spans->last : span->last;
		return true;
	}
	return false;
}

static void
add_part(struct scan_condition *parent, const struct scan_condition *part)
{
	if (!intersect(parent, part))
		parent->parts[parent->parts_count++] = *part;
}

/* What costs as much to ask as the tuple itself is left out. */
static int
add_places(const struct builder *builder, const struct expression *tuple,
	   struct scan_condition *parent)
{
	struct scan_condition part;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i <= tuple->args_count; i++) {
		bool is_place = i < tuple->args_count;

		part = (struct scan_condition){.expression = is_place ? tuple->args[i] : tuple};
		result = make_leaf(builder, &part);
		if (result == 0 && (!is_place || part.kind != SCAN_OTHER))
			add_part(parent, &part);
	}
	return result;
}

static int build(const struct builder *builder, const struct expression *expression, bool negated,
		 struct scan_condition *out);

static int
add_parts(const struct builder *builder, const struct expression *expression, bool negated,
	  struct scan_condition *parent)
{
	struct scan_condition part;
	int result = 0;

	expression = strip_not(expression, &negated);
	if (has_places(expression, negated) && parent->kind == SCAN_AND)
		return add_places(builder, expression, parent);
	if (kind_of(expression, negated) == parent->kind) {
		for (uint32_t i = 0; result == 0 && i < expression->args_count; i++)
			result = add_parts(builder, expression->args[i], negated, parent);
		return result;
	}
	result = build(builder, expression, negated, &part);
	if (result == 0)
		add_part(parent, &part);
	return result;
}

static int
build(const struct builder *builder, const struct expression *expression, bool negated,
      struct scan_condition *out)
{
	enum scan_condition_kind kind;

	expression = strip_not(expression, &negated);
	kind = has_places(expression, negated) ? SCAN_AND : kind_of(expression, negated);
	*out = (struct scan_condition){.kind = kind,
				       .expression = expression,
				       .negated = negated,
				       .may_fail = expression->may_fail};
	if (kind == SCAN_OTHER)
		return make_leaf(builder, out);
	out->parts = store_arena_alloc(builder->arena,
				       count_parts(expression, negated, kind) * sizeof *out->parts);
	return out->parts == NULL ? STORE_ELIMIT : add_parts(builder, expression, negated, out);
}

struct scan_condition *
scan_condition_create(const struct plan *plan, bool has_sets, struct store_arena *arena)
{
	struct builder builder = {plan, arena, has_sets};
	struct scan_condition *root = store_arena_zalloc(arena, sizeof *root), *part;

	if (root == NULL)
		return NULL;
	if (plan->where == NULL) {
		root->verdict = SCAN_ALL;
		return root;
	}
	if (build(&builder, plan->where, false, root) != 0)
		return NULL;
	if (root->kind == SCAN_AND)
		return root;
	/* One condition alone is an AND of one, so that callers know one shape. */
	if ((part = store_arena_alloc(arena, sizeof *part)) == NULL)
		return NULL;
	*part = *root;
	*root = (struct scan_condition){
	    .kind = SCAN_AND, .may_fail = part->may_fail, .parts = part, .parts_count = 1};
	return root;
}
