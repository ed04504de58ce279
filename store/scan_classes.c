/*
 * Rows counted by group and by the class of a column's stored integer, for the
 * aggregates of scan_ranges.c. Must not know aggregates.
 */
#include <string.h>

#include "codec.h"
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
	uint32_t stride = scan_classes_count(ranges), last = stride - 1,
		 first = assigned->group * stride;
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
	uint32_t stride = scan_classes_count(ranges);

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
		uint32_t place = data_is_null(&data, 0) ? scan_classes_count(ranges) - 1
							: scan_classes_of(ranges, data.n.i[0]);

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
scan_classes_slice(struct scan *scan, struct evaluation *evaluation,
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
