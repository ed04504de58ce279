/*
 * GROUP BY one string of many values where rows are only counted, as those of the
 * first pass of a top-N query are: by the codes of its dictionary, whose counters fit
 * the first cache, where groups' states do not. Groups get what was counted when
 * another dictionary comes, or no more blocks do. Beside scan_group.c's counting in
 * states; must give the same, groups in the same order too.
 */
#include <string.h>

#include "scan_inside.h"

/* Of fewer ones, rows of one value wait for one another's increments: aggregate_tally()
 * knows better. */
#define ENTRIES_MIN 256u
/* So many rows are counted before it is asked whether all their groups are known. */
#define ROWS_AT_ONCE SCAN_CODES_ROWS
/* In the counter of a code whose group is known when counting begins; below are rows. */
#define KNOWN (1u << 30)

static bool
only_counts_rows(const struct aggregate *aggregate)
{
	return aggregate->kind == AGGREGATE_COUNT && !aggregate->margin &&
	       aggregate->argument == NULL && aggregate->condition == NULL;
}

static bool
is_counted(const struct scan *scan, uint32_t a)
{
	return scan->shares[a] == a && !scan->again.later[a];
}

void
scan_tally_prepare(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	bool serves = scan->groups.are_strings && scan->ranges_count == 0, some = false;

	for (uint32_t a = 0; serves && a < plan->aggregates_count; a++) {
		if (!is_counted(scan, a))
			continue;
		serves = only_counts_rows(&plan->aggregates[a]);
		some = true;
	}
	scan->tally.serves = serves && some;
}

int
scan_tally_settle(struct scan *scan)
{
	struct scan_tally *tally = &scan->tally;
	const uint32_t *groups = scan->dense.table;
	uint32_t entries = tally->entries;

	tally->entries = 0;
	for (uint32_t a = 0; entries > 0 && a < scan->plan->aggregates_count; a++) {
		if (!is_counted(scan, a))
			continue;
		if (aggregate_reserve(scan->states[a], scan->groups.count) != 0)
			return scan_no_memory(scan);
		for (uint32_t i = 0; i < entries; i++) {
			uint32_t rows = tally->counts[i] & (KNOWN - 1);

			if (rows > 0)
				aggregate_add_weight(scan->states[a], groups[i], rows);
		}
	}
	return 0;
}

/* Counters for the table of now, of so many entries. */
static int
open_tally(struct scan *scan, const uint32_t *groups, uint32_t entries, uint32_t rows)
{
	struct scan_tally *tally = &scan->tally;
	int result;

	if (tally->entries > 0 && tally->rows + rows < KNOWN) {
		tally->rows += rows;
		return 0;
	}
	if ((result = scan_tally_settle(scan)) != 0)
		return result;
	if (tally->max < entries) {
		tally->max = entries + entries / 2; /* of dictionaries that grow */
		tally->counts = store_arena_alloc(scan->arena, tally->max * sizeof *tally->counts);
	}
	if (tally->counts == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < entries; i++)
		tally->counts[i] = groups[i] == SCAN_UNKNOWN ? 0 : KNOWN;
	tally->entries = entries;
	tally->rows = rows;
	return 0;
}

/* Whether a counter was 0. */
static bool
count_codes(const uint32_t *codes, uint32_t count, uint32_t *counts)
{
	uint32_t before_all = 0;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < count; i++) {
		uint32_t before = counts[codes[i]];

		counts[codes[i]] = before + 1;
		before_all |= before - 1;
	}
	return before_all > UINT32_MAX / 2;
}

int
scan_tally_slice(struct scan *scan, struct evaluation *evaluation, bool *taken)
{
	uint32_t count = evaluation->count, end;
	struct scan_runs runs;
	const uint32_t *groups;
	struct data key;
	int result;

	*taken = false;
	if (evaluation->slice == NULL)
		return 0;
	result = expression_evaluate(evaluation, scan->plan->keys[0], &key);
	if (result != 0 || key.constant || key.codes == NULL || key.dictionary->count < ENTRIES_MIN)
		return result;
	if ((result = scan_runs_find(scan, &key, 1, count, &runs)) != 0 || runs.count > 0 ||
	    (result = scan_codes_of_key(scan, &key, &groups)) != 0 || groups == NULL ||
	    (result = open_tally(scan, groups, key.dictionary->count, count)) != 0)
		return result;
	for (uint32_t first = 0; result == 0 && first < count; first = end) {
		end = count - first < ROWS_AT_ONCE ? count : first + ROWS_AT_ONCE;
		if (count_codes(key.codes + first, end - first, scan->tally.counts))
			result = scan_codes_new(scan, &key, first, end);
	}
	*taken = true;
	return result;
}
