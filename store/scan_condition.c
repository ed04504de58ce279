/*
 * WHERE made ready for blocks: AND and OR in a tree, NOT moved down to the
 * leaves, which are of the kinds that blocks can be judged by. After the plan,
 * before any block; must not read one.
 */
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

/* ---- leaves ------------------------------------------------------------- */

/* A monotone function of the time, compared with constants: SCAN_ENDS. */
static bool
make_ends(struct scan_condition *condition)
{
	const struct expression *call = condition->comparison;
	bool negated;
	const char *operation = scan_operation_of(call, &negated);
	bool is_list = operation != NULL && strcmp(operation, "in") == 0;
	uint32_t at = !is_list && operation != NULL && !function_is_monotone(call->args[0]);

	if (operation == NULL || call->set != NULL || (!is_list && call->args_count != 2) ||
	    !function_is_monotone(call->args[at]))
		return false;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (i != at && (call->args[i]->kind != EXPRESSION_CONSTANT ||
				(scan_is_null(call->args[i]) && !is_list)))
			return false;
	}
	condition->kind = SCAN_ENDS;
	condition->ends = at;
	condition->operation = at == 1 ? scan_turned(operation) : operation;
	condition->is_contrary = negated;
	return true;
}

static bool
make_nulls(const struct builder *builder, struct scan_condition *condition)
{
	const struct expression *call = condition->comparison;
	bool is_not = is_call(call, "isNotNull");

	if ((!is_not && !is_call(call, "isNull")) || !scan_has_order(builder->plan, call->args[0]))
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
	if ((result = scan_make_spans(builder->plan, condition, builder->arena)) != 0)
		return result < 0 ? result : 0;
	if (!make_nulls(builder, condition) && !make_ends(condition) &&
	    expression->only_string != NULL && (builder->has_sets || !asks_set(expression)))
		condition->kind = SCAN_ENTRIES;
	return 0;
}

/* ---- the tree ------------------------------------------------------------ */

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
	if (part->kind != SCAN_SPANS || part->negated || part->spans_count > 1)
		return false;
	for (uint32_t i = 0; parent->kind == SCAN_AND && i < parent->parts_count; i++) {
		struct scan_condition *other = &parent->parts[i];
		struct scan_span *span = other->spans;

		if (other->kind != SCAN_SPANS || part->column != other->column || other->negated ||
		    other->spans_count > 1)
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
