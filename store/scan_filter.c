/*
 * Which rows of a block a query wants: none when the block's range of times
 * shows it, else those that the snapshot sees and WHERE keeps. Between a block
 * and what groups or collects; must not look at anything but WHERE.
 */
#include <string.h>

#include "function.h"
#include "scan_inside.h"
#include "slice.h"

/* ---- by the block's range -------------------------------------------- */

static bool
outside(const struct expression *literal, const char *operation, int64_t min, int64_t max)
{
	int64_t value = data_time_ms(&literal->constant, 0);

	if (strcmp(operation, "equals") == 0)
		return value < min || value > max;
	if (strcmp(operation, "less") == 0)
		return min >= value;
	if (strcmp(operation, "lessOrEquals") == 0)
		return min > value;
	if (strcmp(operation, "greater") == 0)
		return max <= value;
	return strcmp(operation, "greaterOrEquals") == 0 && max < value;
}

/* AND-ed comparisons of a time column with a constant. */
bool
scan_is_pruned(const struct block *block, const struct expression *where)
{
	int64_t min, max;

	if (where == NULL || where->kind != EXPRESSION_CALL)
		return false;
	if (strcmp(where->function->name, "and") == 0) {
		for (uint32_t i = 0; i < where->args_count; i++) {
			if (scan_is_pruned(block, where->args[i]))
				return true;
		}
		return false;
	}
	return where->args_count == 2 && where->args[0]->kind == EXPRESSION_COLUMN &&
	       where->args[0]->type.type == STORE_R_DATETIME64 &&
	       where->args[1]->kind == EXPRESSION_CONSTANT &&
	       where->args[1]->constant.nulls == NULL &&
	       data_type_is_time(where->args[1]->type.type) &&
	       block_range(block, where->args[0]->column, &min, &max) &&
	       outside(where->args[1], where->function->name, min, max);
}

/* ---- by row ---------------------------------------------------------- */

int
scan_select(struct scan *scan, struct evaluation *evaluation)
{
	const struct expression *where = scan->plan->where;
	const struct slice *slice = evaluation->slice;
	uint32_t *rows = NULL, count = 0, total = evaluation->count;
	const uint64_t *visible = NULL;
	struct data condition;
	int result = 0;

	if (slice != NULL)
		result = block_visible(slice->block, slice->first, slice->count, scan->scratch,
				       &visible, scan->error);
	if (result != 0)
		return result == STORE_ELIMIT ? scan_no_memory(scan) : result;
	if (where != NULL && (result = expression_evaluate(evaluation, where, &condition)) != 0)
		return result;
	if (where == NULL && visible == NULL)
		return 0;
	if ((rows = store_arena_alloc(scan->scratch, (total + 1u) * sizeof *rows)) == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < total; i++) {
		rows[count] = i;
		count +=
		    (visible == NULL || bitmap_get(visible, i)) &&
		    (where == NULL || (!data_is_null(&condition, i) && data_true(&condition, i)));
	}
	evaluation->count = count;
	if (count < total) {
		evaluation->rows = rows;
		if (slice != NULL)
			slice_select(evaluation->slice);
	}
	return 0;
}
