/*
 * Whether two things that were planned are the same, so that one of them is enough:
 * an alias is planned wherever it stands. Beside plan_aggregate.c; looks at what
 * was planned, never at its text, of which the same can mean two things.
 */
#include <string.h>

#include "plan_inside.h"

static bool
is_same_string(struct store_str a, struct store_str b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

static bool
is_same_type(const struct type *a, const struct type *b)
{
	return a->type == b->type && a->element == b->element && a->nullable == b->nullable &&
	       a->dictionary == b->dictionary;
}

/* Constants of one row; arrays and maps are never known to be. */
static bool
is_same_constant(const struct data *a, const struct data *b)
{
	if (a->values != NULL || b->values != NULL || data_is_null(a, 0) != data_is_null(b, 0))
		return false;
	if (data_is_null(a, 0))
		return true;
	if (a->type.type == STORE_R_STRING)
		return is_same_string(data_string(a, 0), data_string(b, 0));
	return a->n.u[0] == b->n.u[0];
}

/* Both NULL, or the same. */
static bool
is_same(const struct expression *a, const struct expression *b)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL || a->kind != b->kind || !is_same_type(&a->type, &b->type))
		return false;
	switch (a->kind) {
	case EXPRESSION_COLUMN:
		return a->column == b->column && is_same_string(a->key, b->key);
	case EXPRESSION_CONSTANT:
		return is_same_string(a->unit, b->unit) &&
		       is_same_constant(&a->constant, &b->constant);
	case EXPRESSION_SLOT:
		return a->slot == b->slot;
	case EXPRESSION_CALL:
		break;
	}
	if (a->function != b->function || a->set != b->set || a->args_count != b->args_count ||
	    !is_same_string(a->unit, b->unit))
		return false;
	for (uint32_t i = 0; i < a->args_count; i++) {
		if (!is_same(a->args[i], b->args[i]))
			return false;
	}
	return true;
}

bool
plan_is_same_aggregate(const struct aggregate *a, const struct aggregate *b)
{
	return a->name == b->name && a->kind == b->kind && a->margin == b->margin &&
	       a->weighted == b->weighted && a->scale == b->scale &&
	       a->elements_max == b->elements_max && is_same_type(&a->type, &b->type) &&
	       a->levels_count == b->levels_count &&
	       memcmp(a->levels, b->levels, a->levels_count * sizeof *a->levels) == 0 &&
	       is_same(a->argument, b->argument) && is_same(a->second, b->second) &&
	       is_same(a->condition, b->condition);
}
