/*
 * Rows counted by group and by the class of a column's stored integer, for the
 * aggregates of scan_ranges.c. Where nothing else needs the rows' groups, a block is
 * counted by its keys' codes, and only the counts are added to groups. Must not know
 * aggregates.
 */
#include <string.h>

#include "codec.h"
#include "codec_vector.h"
#include "scan_inside.h"

uint32_t
scan_classes_of(const struct scan_ranges *ranges, int64_t limit)
{
	uint32_t class = 0;

	while (class < ranges->limits_count && ranges->limits[class] <= limit)
		class ++;
	return class;
}

uint32_t
scan_classes_count(const struct scan_ranges *ranges)
{
	return ranges->limits_count + 2;
}

/* cells[i] = how many limits are at most values[i]. */
CODEC_CLONES static void
classify(const struct scan_ranges *ranges, const int64_t *values, uint32_t count, uint32_t *cells)
{
	for (uint32_t i = 0; i < count; i++)
		cells[i] = 0;
	for (uint32_t l = 0; l < ranges->limits_count; l++) {
		int64_t limit = ranges->limits[l];

		for (uint32_t i = 0; i < count; i++)
			cells[i] += values[i] >= limit;
	}
}

/* The limits as narrow values have them, and that of NULLs, behind which no value is. */
static uint32_t
narrow_limits(const struct scan_ranges *ranges, uint32_t *limits)
{
	for (uint32_t l = 0; l < ranges->limits_count; l++) {
		int64_t limit = ranges->limits[l];

		/* No value is UINT32_MAX. */
		limits[l] = limit < 0 ? 0 : limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
	}
	limits[ranges->limits_count] = VECTOR_NARROW_NULL;
	return ranges->limits_count + 1;
}

/* The same of narrow values, NULLs to the last place, in one pass with the groups:
 * those of `groups` or of `bytes`, or else of the first. */
static inline __attribute__((always_inline)) void
classify_rows(const uint32_t *limits, uint32_t limits_count, const uint32_t *values,
	      const uint32_t *groups, const uint8_t *bytes, uint32_t count, uint32_t *cells)
{
	uint32_t stride = limits_count + 1;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = values[i], class = 0;

#pragma GCC unroll 4
		for (uint32_t l = 0; l < limits_count; l++)
			class += value >= limits[l];
		cells[i] = class + (bytes != NULL    ? bytes[i] * stride
				    : groups != NULL ? groups[i] * stride
						     : 0);
	}
}

/* What is constant makes loops of their own. */
CODEC_CLONES static void
classify_narrow(const struct scan_ranges *ranges, const uint32_t *values, const uint32_t *groups,
		const uint8_t *bytes, uint32_t count, uint32_t *cells)
{
	uint32_t limits[SCAN_LIMITS_MAX + 1], limits_count = narrow_limits(ranges, limits);

	if (limits_count == 1 && bytes != NULL)
		classify_rows(limits, 1, values, NULL, bytes, count, cells);
	else if (limits_count == 1)
		classify_rows(limits, 1, values, groups, NULL, count, cells);
	else if (limits_count == 3 && bytes != NULL) /* good, needs improvement, poor */
		classify_rows(limits, 3, values, NULL, bytes, count, cells);
	else if (limits_count == 3)
		classify_rows(limits, 3, values, groups, NULL, count, cells);
	else if (bytes != NULL)
		classify_rows(limits, limits_count, values, NULL, bytes, count, cells);
	else
		classify_rows(limits, limits_count, values, groups, NULL, count, cells);
}

/* The weight of the values that are not below the limit. */
CODEC_CLONES static uint64_t
sum_beyond(const uint32_t *values, const uint32_t *weights, uint32_t limit, uint32_t count)
{
	uint64_t sum = 0;
	uint32_t rows = 0;

	for (uint32_t i = 0; weights != NULL && i < count; i++)
		sum += values[i] >= limit ? weights[i] : 0;
	for (uint32_t i = 0; weights == NULL && i < count; i++)
		rows += values[i] >= limit;
	return sum + rows;
}

/* Narrow values of one group to counts[classes]: rows have no cells then, whose increments
 * would wait for one another. */
static void
count_narrow(const struct scan_ranges *ranges, const uint32_t *values, const uint32_t *weights,
	     uint32_t count, uint64_t *counts)
{
	uint32_t limits[SCAN_LIMITS_MAX + 1], limits_count = narrow_limits(ranges, limits);
	uint64_t before = sum_beyond(values, weights, 0, count);

	for (uint32_t l = 0; l < limits_count; l++) {
		uint64_t beyond = sum_beyond(values, weights, limits[l], count);

		counts[l] += before - beyond;
		before = beyond;
	}
	counts[limits_count] += before;
}

/* cells[i]: of all groups, not of the row's. */
CODEC_CLONES static void
add_groups(const struct scan_ranges *ranges, const uint8_t *nulls,
	   const struct scan_assigned *assigned, uint32_t count, uint32_t *cells)
{
	uint32_t stride = scan_classes_count(ranges);

	if (nulls != NULL) {
		for (uint32_t i = 0; i < count; i++)
			cells[i] = nulls[i] ? stride - 1 : cells[i];
	}
	for (uint32_t i = 0; assigned->bytes != NULL && i < count; i++)
		cells[i] += assigned->bytes[i] * stride;
	if (assigned->bytes != NULL)
		return;
	if (assigned->groups == NULL) {
		for (uint32_t i = 0; i < count; i++)
			cells[i] += assigned->group * stride;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		cells[i] += assigned->groups[i] * stride;
}

static int
reserve(struct scan *scan, struct scan_ranges *ranges)
{
	uint32_t stride = scan_classes_count(ranges),
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

/* cells[count]: the group's and the row's class, of ranges->counts. */
static void
find_cells(const struct scan_ranges *ranges, const struct data *data,
	   const struct scan_assigned *assigned, uint32_t count, uint32_t *cells)
{
	if (data->narrow != NULL) {
		classify_narrow(ranges, data->narrow, assigned->groups, assigned->bytes, count,
				cells);
	} else if (data->constant) {
		uint32_t class = data_is_null(data, 0) ? scan_classes_count(ranges) - 1
						       : scan_classes_of(ranges, data->n.i[0]);

		for (uint32_t i = 0; i < count; i++)
			cells[i] = class;
		add_groups(ranges, NULL, assigned, count, cells);
	} else {
		classify(ranges, data->n.i, count, cells);
		add_groups(ranges, data->nulls, assigned, count, cells);
	}
}

/* Run by run, or all in one group; false: neither, or the values are not narrow. */
static bool
count_runs(const struct scan_ranges *ranges, const struct data *data,
	   const struct scan_assigned *assigned, const uint32_t *weights, uint32_t count)
{
	const struct scan_runs *runs = &assigned->runs;
	uint32_t classes = scan_classes_count(ranges);

	if (data->narrow == NULL || (runs->count == 0 && assigned->groups != NULL))
		return false;
	if (runs->count == 0)
		count_narrow(ranges, data->narrow, weights, count,
			     ranges->counts + (size_t)assigned->group * classes);
	for (uint32_t r = 0; r < runs->count; r++) {
		uint32_t first = runs->firsts[r];

		count_narrow(ranges, data->narrow + first, weights == NULL ? NULL : weights + first,
			     runs->firsts[r + 1] - first,
			     ranges->counts + (size_t)runs->groups[r] * classes);
	}
	return true;
}

/* With more cells, rows hardly wait for one another's increments. */
#define WAYS 4u
#define WAYS_CELLS_MAX 512u
/* Zeroing and adding the arrays should be little of it. */
#define ROWS_PER_CELL 16u

/* Where cells are few, rows of the same one come soon after one another, and an increment
 * waits for the one before it: they take several arrays in turn. */
static void
count_in_turn(const uint32_t *cells, uint32_t count, uint32_t cells_count, uint64_t *counts)
{
	CODEC_UNSET uint32_t ways[WAYS][WAYS_CELLS_MAX];
	uint32_t i = 0;

	for (uint32_t w = 0; w < WAYS; w++)
		memset(ways[w], 0, cells_count * sizeof ways[w][0]);
	for (; i + WAYS <= count; i += WAYS) {
		ways[0][cells[i]]++;
		ways[1][cells[i + 1]]++;
		ways[2][cells[i + 2]]++;
		ways[3][cells[i + 3]]++;
	}
	for (; i < count; i++)
		ways[0][cells[i]]++;
	for (uint32_t c = 0; c < cells_count; c++)
		counts[c] += (uint64_t)ways[0][c] + ways[1][c] + ways[2][c] + ways[3][c];
}

/* counts[cells_count] */
static void
count_cells(const uint32_t *cells, const uint32_t *weights, uint32_t count, uint32_t cells_count,
	    uint64_t *counts)
{
	if (weights == NULL && cells_count <= WAYS_CELLS_MAX &&
	    cells_count <= count / ROWS_PER_CELL) {
		count_in_turn(cells, count, cells_count, counts);
		return;
	}
	/* Unrolled, processors do not take each load for one of what was just stored. */
#pragma GCC unroll 8
	for (uint32_t i = 0; weights == NULL && i < count; i++)
		counts[cells[i]]++;
	for (uint32_t i = 0; weights != NULL && i < count; i++)
		counts[cells[i]] += weights[i];
}

int
scan_classes_slice(struct scan *scan, struct evaluation *evaluation,
		   const struct scan_assigned *assigned, const uint32_t *weights)
{
	uint32_t count = evaluation->count, *cells;
	struct data data;
	int result;

	if (scan->ranges_count == 0)
		return 0;
	cells = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *cells);
	if (cells == NULL)
		return scan_no_memory(scan);
	for (uint32_t r = 0; r < scan->ranges_count; r++) {
		struct scan_ranges *ranges = &scan->ranges[r];
		uint32_t cells_count = scan->groups.count * scan_classes_count(ranges);

		if ((result = expression_read_narrow(evaluation, ranges->column, &data)) != 0 ||
		    (result = reserve(scan, ranges)) != 0)
			return result;
		if (count_runs(ranges, &data, assigned, weights, count))
			continue;
		find_cells(ranges, &data, assigned, count, cells);
		count_cells(cells, weights, count, cells_count, ranges->counts);
	}
	return 0;
}

/* ---- by places ---------------------------------------------------------------- */

static bool
has_rows(const struct scan_ranges *ranges, uint32_t place)
{
	uint32_t classes = scan_classes_count(ranges);
	uint64_t any = 0;

	for (uint32_t c = 0; c < classes; c++)
		any |= ranges->waiting[(size_t)place * classes + c];
	return any != 0;
}

/* Groups of the places that rows of the evaluation are the first to have. */
static int
find_new_groups(struct scan *scan, struct evaluation *evaluation, const struct scan_places *places)
{
	uint32_t *groups = scan->waiting.groups, unknown = 0;
	struct scan_assigned assigned;
	int result;

	for (uint32_t p = 0; p < places->count; p++)
		unknown += groups[p] == SCAN_UNKNOWN;
	for (uint32_t p = 0; unknown > 0 && p < places->count; p++) {
		if (groups[p] != SCAN_UNKNOWN || !has_rows(&scan->ranges[0], p))
			continue;
		if (places->groups[p] == SCAN_UNKNOWN &&
		    (result = scan_assign(scan, evaluation, &assigned)) != 0)
			return result;
		groups[p] = places->groups[p];
	}
	return 0;
}

int
scan_classes_settle(struct scan *scan)
{
	struct scan_waiting *waiting = &scan->waiting;
	int result = 0;

	for (uint32_t r = 0; waiting->count > 0 && r < scan->ranges_count; r++) {
		struct scan_ranges *ranges = &scan->ranges[r];
		uint32_t classes = scan_classes_count(ranges);
		const uint64_t *counts = ranges->waiting;

		if ((result = reserve(scan, ranges)) != 0)
			break;
		for (uint32_t p = 0; p < waiting->count; p++, counts += classes) {
			uint64_t *sums = ranges->counts + (size_t)waiting->groups[p] * classes;

			for (uint32_t c = 0; waiting->groups[p] != SCAN_UNKNOWN && c < classes; c++)
				sums[c] += counts[c];
		}
	}
	waiting->count = 0;
	return result;
}

/* Room for the places' counts. A block's slices mostly have the same; but the
 * strings of one in memory become more while it is read. */
static int
open_waiting(struct scan *scan, const struct scan_places *places)
{
	struct store_arena *arena = scan->slice.block_arena;
	struct scan_waiting *waiting = &scan->waiting;
	int result;

	if (waiting->count == places->count && waiting->emptied == scan->dense.emptied)
		return 0;
	if ((result = scan_classes_settle(scan)) != 0)
		return result;
	waiting->groups = store_arena_alloc(arena, places->count * sizeof *waiting->groups);
	if (waiting->groups == NULL)
		return scan_no_memory(scan);
	memcpy(waiting->groups, places->groups, places->count * sizeof *waiting->groups);
	for (uint32_t r = 0; r < scan->ranges_count; r++) {
		struct scan_ranges *ranges = &scan->ranges[r];
		size_t cells = (size_t)places->count * scan_classes_count(ranges);

		ranges->waiting = store_arena_zalloc(arena, cells * sizeof *ranges->waiting);
		if (ranges->waiting == NULL)
			return scan_no_memory(scan);
	}
	waiting->count = places->count;
	waiting->emptied = scan->dense.emptied;
	return 0;
}

int
scan_classes_by_places(struct scan *scan, struct evaluation *evaluation, const uint32_t *weights,
		       bool *taken)
{
	struct scan_places places;
	struct scan_assigned assigned;
	struct data data;
	uint32_t *cells;
	int result = scan_assign_places(scan, evaluation, &places);

	*taken = result == 0 && places.count > 0;
	if (!*taken || (result = open_waiting(scan, &places)) != 0)
		return result;
	assigned = (struct scan_assigned){.groups = places.list, .bytes = places.bytes};
	cells = store_arena_alloc(scan->scratch, (evaluation->count + 1u) * sizeof *cells);
	if (cells == NULL)
		return scan_no_memory(scan);
	for (uint32_t r = 0; result == 0 && r < scan->ranges_count; r++) {
		struct scan_ranges *ranges = &scan->ranges[r];

		result = expression_read_narrow(evaluation, ranges->column, &data);
		if (result != 0)
			return result;
		find_cells(ranges, &data, &assigned, evaluation->count, cells);
		count_cells(cells, weights, evaluation->count,
			    places.count * scan_classes_count(ranges), ranges->waiting);
	}
	return result != 0 ? result : find_new_groups(scan, evaluation, &places);
}
