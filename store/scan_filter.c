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

static void
keep_visible(struct evaluation *evaluation, const uint64_t *visible, uint32_t *rows)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < evaluation->count; i++) {
		rows[count] = i;
		count += bitmap_get(visible, i);
	}
	evaluation->rows = rows;
	evaluation->count = count;
}

static bool
holds(const struct data *condition, uint32_t i)
{
	return !data_is_null(condition, i) && data_true(condition, i);
}

/* rows[] of those that the condition keeps; may be the array that
 * evaluation->rows is. */
static void
keep_true(struct evaluation *evaluation, const struct data *condition, uint32_t *rows)
{
	const uint32_t *from = evaluation->rows;
	uint32_t count = 0;

	if (condition->constant && holds(condition, 0))
		return;
	for (uint32_t i = 0; !condition->constant && i < evaluation->count; i++) {
		rows[count] = from == NULL ? i : from[i];
		count += holds(condition, i);
	}
	evaluation->rows = rows;
	evaluation->count = count;
}

/* The same with a condition per entry of a dictionary. */
static void
keep_entries(struct evaluation *evaluation, const struct data *coded, const struct data *per_entry,
	     uint32_t *rows)
{
	const uint32_t *from = evaluation->rows, *codes = coded->codes;
	bool plain = !per_entry->constant && per_entry->nulls == NULL &&
		     !data_type_is_float(per_entry->type.type);
	uint32_t count = 0;

	for (uint32_t i = 0; plain && i < evaluation->count; i++) {
		rows[count] = from == NULL ? i : from[i];
		count += per_entry->n.u[codes[i]] != 0;
	}
	for (uint32_t i = 0; !plain && i < evaluation->count; i++) {
		rows[count] = from == NULL ? i : from[i];
		count += holds(per_entry, codes[i]);
	}
	evaluation->rows = rows;
	evaluation->count = count;
}

/* What AND joins is asked in turn, each only of the rows that are left. */
static int
keep_matching(struct scan *scan, struct evaluation *evaluation, const struct expression *where,
	      uint32_t *rows)
{
	uint32_t before = evaluation->count;
	const struct data *per_entry;
	struct data condition;
	int result = 0;

	if (where->kind == EXPRESSION_CALL && strcmp(where->function->name, "and") == 0) {
		for (uint32_t i = 0; result == 0 && evaluation->count > 0 && i < where->args_count;
		     i++)
			result = keep_matching(scan, evaluation, where->args[i], rows);
		return result;
	}
	result = expression_by_entry(evaluation, where, &condition, &per_entry);
	if (result == 0 && per_entry != NULL && !condition.constant) {
		keep_entries(evaluation, &condition, per_entry, rows);
	} else {
		if (result == 0)
			result = expression_evaluate(evaluation, where, &condition);
		if (result != 0)
			return result;
		keep_true(evaluation, &condition, rows);
	}
	if (evaluation->count < before && evaluation->slice != NULL)
		slice_select(evaluation->slice);
	return 0;
}

int
scan_select(struct scan *scan, struct evaluation *evaluation)
{
	const struct expression *where = scan->plan->where;
	const struct slice *slice = evaluation->slice;
	const uint64_t *visible = NULL;
	uint32_t total = evaluation->count, *rows;
	int result = 0;

	if (slice != NULL)
		result = block_visible(slice->block, slice->first, slice->count, scan->scratch,
				       &visible, scan->error);
	if (result != 0)
		return result == STORE_ELIMIT ? scan_no_memory(scan) : result;
	if (where == NULL && visible == NULL)
		return 0;
	if ((rows = store_arena_alloc(scan->scratch, (total + 1u) * sizeof *rows)) == NULL)
		return scan_no_memory(scan);
	if (visible != NULL)
		keep_visible(evaluation, visible, rows);
	if (where != NULL)
		result = keep_matching(scan, evaluation, where, rows);
	if (evaluation->count == total)
		evaluation->rows = NULL;
	return result;
}
