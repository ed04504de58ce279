/*
 * Shares of a column's values within ranges: count(lcp), countIf(lcp <= 2500),
 * countIf(lcp > 2500 AND lcp <= 4000) ... of one query cut the column's stored
 * integers into classes; each row is counted once, in its group and class, and
 * every aggregate is a sum of classes at the end. Beside aggregate_add(), which
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

/* The class that begins at the limit. */
static uint32_t
class_of(const struct scan_ranges *ranges, int64_t limit)
{
	uint32_t class = 0;

	while (class < ranges->limits_count && ranges->limits[class] <= limit)
		class ++;
	return class;
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

	for (uint32_t a = 0; plan->table != NULL && a < plan->aggregates_count; a++) {
		struct range range;
		const struct expression *column =
		    scan->shares[a] != a ? NULL : range_of(plan, &plan->aggregates[a], &range);
		struct scan_ranges *ranges = column == NULL ? NULL : find_ranges(scan, column);

		scan->by_ranges[a] = ranges != NULL &&
				     (range.first == INT64_MIN || add_limit(ranges, range.first)) &&
				     (range.open || add_limit(ranges, range.end));
	}
}

/* ---- counting ------------------------------------------------------------------ */

/* Of a group: a place per class, and one for NULLs, which nobody reads. */
static uint32_t
places_count(const struct scan_ranges *ranges)
{
	return ranges->limits_count + 2;
}

/* places[i] = how many limits are at most values[i]. */
CODEC_CLONES static void
classify(const struct scan_ranges *ranges, const int64_t *values, uint32_t count, uint32_t *places)
{
	for (uint32_t i = 0; i < count; i++)
		places[i] = 0;
	for (uint32_t l = 0; l < ranges->limits_count; l++) {
		int64_t limit = ranges->limits[l];

		for (uint32_t i = 0; i < count; i++)
			places[i] += values[i] >= limit;
	}
}

/* The same of narrow values, NULLs to the last place, in one pass with the groups
 * where they are told. */
static inline __attribute__((always_inline)) void
classify_rows(const struct scan_ranges *ranges, const uint32_t *values,
	      const struct scan_assigned *assigned, uint32_t limits_count, uint32_t count,
	      uint32_t *places)
{
	uint32_t stride = places_count(ranges), last = stride - 1, first = assigned->group * stride;
	const uint32_t *groups = assigned->groups;
	uint32_t limits[SCAN_LIMITS_MAX];

	for (uint32_t l = 0; l < limits_count; l++) {
		int64_t limit = ranges->limits[l];

		/* No value is UINT32_MAX. */
		limits[l] = limit < 0 ? 0 : limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = values[i], class = 0;

#pragma GCC unroll 4
		for (uint32_t l = 0; l < limits_count; l++)
			class += value >= limits[l];
		class = value == VECTOR_NARROW_NULL ? last : class;
		places[i] = class + (groups == NULL ? first : groups[i] * stride);
	}
}

CODEC_CLONES static void
classify_narrow(const struct scan_ranges *ranges, const uint32_t *values,
		const struct scan_assigned *assigned, uint32_t count, uint32_t *places)
{
	if (ranges->limits_count == 2) /* good, needs improvement, poor */
		classify_rows(ranges, values, assigned, 2, count, places);
	else
		classify_rows(ranges, values, assigned, ranges->limits_count, count, places);
}

/* places[i]: of all groups, not of the row's. */
CODEC_CLONES static void
add_groups(const struct scan_ranges *ranges, const uint8_t *nulls,
	   const struct scan_assigned *assigned, uint32_t count, uint32_t *places)
{
	uint32_t stride = places_count(ranges);

	if (nulls != NULL) {
		for (uint32_t i = 0; i < count; i++)
			places[i] = nulls[i] ? stride - 1 : places[i];
	}
	if (assigned->groups == NULL) {
		for (uint32_t i = 0; i < count; i++)
			places[i] += assigned->group * stride;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		places[i] += assigned->groups[i] * stride;
}

static int
reserve(struct scan *scan, struct scan_ranges *ranges)
{
	uint32_t stride = places_count(ranges),
		 max = ranges->groups_max == 0 ? 64 : ranges->groups_max;
	uint64_t *counts;

	if (scan->groups.count <= ranges->groups_max)
		return 0;
	while (max < scan->groups.count)
		max *= 2;
	counts = store_arena_zalloc(scan->arena, (size_t)max * stride * sizeof *counts);
	if (counts == NULL)
		return scan_no_memory(scan);
	if (ranges->groups_max > 0)
		memcpy(counts, ranges->counts,
		       (size_t)ranges->groups_max * stride * sizeof *counts);
	ranges->counts = counts;
	ranges->groups_max = max;
	return 0;
}

static int
count_slice(struct scan *scan, struct scan_ranges *ranges, struct evaluation *evaluation,
	    const struct scan_assigned *assigned, const uint64_t *weights, uint32_t *places)
{
	uint32_t count = evaluation->count;
	struct data data;
	int result = expression_read_narrow(evaluation, ranges->column, &data);

	if (result != 0 || (result = reserve(scan, ranges)) != 0)
		return result;
	if (data.narrow != NULL) {
		classify_narrow(ranges, data.narrow, assigned, count, places);
	} else if (data.constant) {
		uint32_t place = data_is_null(&data, 0) ? places_count(ranges) - 1
							: class_of(ranges, data.n.i[0]);

		for (uint32_t i = 0; i < count; i++)
			places[i] = place;
		add_groups(ranges, NULL, assigned, count, places);
	} else {
		classify(ranges, data.n.i, count, places);
		add_groups(ranges, data.nulls, assigned, count, places);
	}
	for (uint32_t i = 0; weights == NULL && i < count; i++)
		ranges->counts[places[i]]++;
	for (uint32_t i = 0; weights != NULL && i < count; i++)
		ranges->counts[places[i]] += weights[i];
	return 0;
}

int
scan_ranges_slice(struct scan *scan, struct evaluation *evaluation,
		  const struct scan_assigned *assigned, const uint64_t *weights)
{
	uint32_t *places;
	int result = 0;

	if (scan->ranges_count == 0)
		return 0;
	places = store_arena_alloc(scan->scratch, (evaluation->count + 1u) * sizeof *places);
	if (places == NULL)
		return scan_no_memory(scan);
	for (uint32_t r = 0; result == 0 && r < scan->ranges_count; r++)
		result = count_slice(scan, &scan->ranges[r], evaluation, assigned, weights, places);
	return result;
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
		first = range.first == INT64_MIN ? 0 : class_of(ranges, range.first);
		end = range.open ? ranges->limits_count + 1 : class_of(ranges, range.end);
		if (aggregate_reserve(scan->states[a], scan->groups.count) != 0)
			return scan_no_memory(scan);
		for (uint32_t g = 0; g < scan->groups.count && g < ranges->groups_max; g++) {
			const uint64_t *counts = ranges->counts + (size_t)g * places_count(ranges);

			for (uint32_t class = first; class < end; class ++)
				aggregate_add_weight(scan->states[a], g, counts[class]);
		}
	}
	return 0;
}
