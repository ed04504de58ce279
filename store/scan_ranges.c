/*
 * Shares of a column's values within ranges: count(lcp), countIf(lcp <= 2500),
 * countIf(lcp > 2500 AND lcp <= 4000) ... of one query cut the column's stored
 * integers into classes; scan_classes.c counts each row once, in its group and class,
 * and every aggregate is a sum of classes at the end. Beside aggregate_add(), which
 * gives the same one aggregate after the other.
 */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "function.h"
#include "scan_inside.h"

/* ---- conditions to ranges of stored integers --------------------------------- */

/* first <= stored < end; `open`: no upper end. */
struct range {
	int64_t first, end;
	bool open;
};

/* Whether stored / scale <= limit, or < limit when `strict`, as a comparison of
 * the column's values decides it. */
static bool
is_below(int64_t stored, uint32_t scale, long double limit, bool strict)
{
	long double value =
	    scale == 0 ? (long double)stored : (long double)((double)stored / scale);

	return strict ? value < limit : value <= limit;
}

/* The least stored integer that is not below the limit; false: all are. */
static bool
find_end(uint32_t scale, long double limit, bool strict, int64_t *end)
{
	int64_t low = INT64_MIN, high = INT64_MAX;

	if (is_below(high, scale, limit, strict))
		return false;
	while (low < high) {
		int64_t middle = low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);

		if (is_below(middle, scale, limit, strict))
			low = middle + 1;
		else
			high = middle;
	}
	*end = low;
	return true;
}

static void
cut(struct range *range, int64_t first, bool has_end, int64_t end)
{
	range->first = first > range->first ? first : range->first;
	if (has_end && (range->open || end < range->end)) {
		range->end = end;
		range->open = false;
	}
}

/* One comparison of the column with a constant number. */
static bool
cut_by_comparison(const struct expression *call, uint32_t scale, struct range *range)
{
	const struct data *constant = &call->args[1]->constant;
	const char *name = call->function->name;
	int64_t least = INT64_MIN, beyond = INT64_MAX;
	bool has_least, has_beyond;
	long double limit;

	if (call->args[1]->kind != EXPRESSION_CONSTANT || constant->nulls != NULL ||
	    !data_type_is_number(constant->type.type))
		return false;
	limit = data_number(constant, 0);
	if (limit != limit)
		return false;
	has_least = find_end(scale, limit, true, &least);
	has_beyond = find_end(scale, limit, false, &beyond);
	if (strcmp(name, "less") == 0)
		cut(range, INT64_MIN, has_least, least);
	else if (strcmp(name, "lessOrEquals") == 0)
		cut(range, INT64_MIN, has_beyond, beyond);
	else if (strcmp(name, "greater") == 0 && has_beyond)
		cut(range, beyond, false, 0);
	else if (strcmp(name, "greaterOrEquals") == 0 && has_least)
		cut(range, least, false, 0);
	else if (strcmp(name, "equals") == 0 && has_least)
		cut(range, least, has_beyond, beyond);
	else
		return false;
	return true;
}

/* Numbers that compare as their stored integers do. */
static bool
is_counted_column(const struct plan *plan, const struct expression *expression)
{
	const struct store_column *column;

	if (expression->kind != EXPRESSION_COLUMN || expression->key.size != 0 ||
	    !data_type_is_number(expression->type.type))
		return false;
	column = &plan->table->columns[expression->column];
	return (column->type == STORE_FLOAT && column->scale != 0) ||
	       (data_type_is_integer(expression->type.type) &&
		data_type_bytes(expression->type.type) < 8);
}

/* Comparisons of one column, joined by AND. */
static bool
cut_by_condition(const struct plan *plan, const struct expression *condition,
		 const struct expression **column, struct range *range)
{
	if (condition->kind != EXPRESSION_CALL)
		return false;
	if (strcmp(condition->function->name, "and") == 0) {
		for (uint32_t i = 0; i < condition->args_count; i++) {
			if (!cut_by_condition(plan, condition->args[i], column, range))
				return false;
		}
		return true;
	}
	if (condition->args_count != 2 || !is_counted_column(plan, condition->args[0]) ||
	    (*column != NULL && (*column)->column != condition->args[0]->column))
		return false;
	*column = condition->args[0];
	return cut_by_comparison(condition, plan->table->columns[(*column)->column].scale, range);
}

/* The column whose values in the range the aggregate counts; NULL: none. */
static const struct expression *
range_of(const struct plan *plan, const struct aggregate *aggregate, struct range *out)
{
	const struct expression *column = NULL;

	*out = (struct range){.first = INT64_MIN, .open = true};
	if (aggregate->kind != AGGREGATE_COUNT || aggregate->margin ||
	    (!aggregate->weighted && plan->weight_column >= 0))
		return NULL;
	if (aggregate->condition == NULL)
		return aggregate->argument != NULL && is_counted_column(plan, aggregate->argument)
			   ? aggregate->argument
			   : NULL;
	if (aggregate->argument != NULL && aggregate->argument->kind != EXPRESSION_CONSTANT)
		return NULL;
	if (aggregate->argument != NULL && aggregate->argument->constant.nulls != NULL)
		return NULL;
	return cut_by_condition(plan, aggregate->condition, &column, out) ? column : NULL;
}

/* ---- preparing ---------------------------------------------------------------- */

static bool
add_limit(struct scan_ranges *ranges, int64_t limit)
{
	uint32_t at = 0;

	while (at < ranges->limits_count && ranges->limits[at] < limit)
		at++;
	if (at < ranges->limits_count && ranges->limits[at] == limit)
		return true;
	if (ranges->limits_count == SCAN_LIMITS_MAX)
		return false;
	memmove(ranges->limits + at + 1, ranges->limits + at,
		(ranges->limits_count - at) * sizeof *ranges->limits);
	ranges->limits[at] = limit;
	ranges->limits_count++;
	return true;
}

static struct scan_ranges *
find_ranges(struct scan *scan, const struct expression *column)
{
	for (uint32_t i = 0; i < scan->ranges_count; i++) {
		if (scan->ranges[i].column->column == column->column)
			return &scan->ranges[i];
	}
	if (scan->ranges_count == SCAN_RANGES_MAX)
		return NULL;
	scan->ranges[scan->ranges_count] = (struct scan_ranges){.column = column};
	return &scan->ranges[scan->ranges_count++];
}

void
scan_ranges_prepare(struct scan *scan)
{
	const struct plan *plan = scan->plan;

	scan->ranges_count = 0;
	scan->only_ranges = true;
	for (uint32_t a = 0; plan->table != NULL && a < plan->aggregates_count; a++) {
		struct range range;
		const struct expression *column =
		    scan->shares[a] != a ? NULL : range_of(plan, &plan->aggregates[a], &range);
		struct scan_ranges *ranges = column == NULL ? NULL : find_ranges(scan, column);

		scan->by_ranges[a] = ranges != NULL &&
				     (range.first == INT64_MIN || add_limit(ranges, range.first)) &&
				     (range.open || add_limit(ranges, range.end));
		scan->only_ranges &=
		    scan->by_ranges[a] || scan->shares[a] != a || scan->again.later[a];
	}
	scan->only_ranges &= scan->ranges_count > 0;
}

/* ---- afterwards ----------------------------------------------------------------- */

int
scan_ranges_finish(struct scan *scan)
{
	const struct plan *plan = scan->plan;

	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		struct range range;
		const struct scan_ranges *ranges;
		uint32_t first, end;

		if (!scan->by_ranges[a])
			continue;
		ranges = find_ranges(scan, range_of(plan, &plan->aggregates[a], &range));
		first = range.first == INT64_MIN ? 0 : scan_classes_of(ranges, range.first);
		end = range.open ? ranges->limits_count + 1 : scan_classes_of(ranges, range.end);
		if (aggregate_reserve(scan->states[a], scan->groups.count) != 0)
			return scan_no_memory(scan);
		for (uint32_t g = 0; g < scan->groups.count && g < ranges->groups_max; g++) {
			const uint64_t *counts =
			    ranges->counts + (size_t)g * scan_classes_count(ranges);

			for (uint32_t class = first; class < end; class ++)
				aggregate_add_weight(scan->states[a], g, counts[class]);
		}
	}
	return 0;
}
