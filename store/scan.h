/*
 * Runs a plan over a snapshot: filter, group or collect, then sort and cut.
 */
#ifndef SCAN_H
#define SCAN_H

#include "plan.h"

/* What a query may use, from struct store_query with its defaults filled in. */
struct scan_limits {
	struct watch watch;
	uint64_t groups_max, result_rows_max;
	uint32_t threads;
	uint64_t thread_rows_min;  /* of each */
	uint64_t again_groups_min; /* store_query's */
	size_t memory_bytes_max;   /* of what one thread needs, apart from the result */
	struct crew *crew;         /* borrowed: threads beside the caller's */
};

/* Fills result's columns, values, counts and flags; everything lives in the
 * arena. */
int scan_run(const struct plan *plan, const struct snapshot *snapshot,
	     const struct scan_limits *limits, int64_t now_ms, uint64_t secret,
	     struct store_arena *arena, struct store_result *result, struct store_error *error);

/* Of a plan's table: blocks in all, and those that WHERE leaves to be read,
 * whatever the subqueries of IN, which were not run, would give. 0 or a negative
 * code. */
int scan_count_blocks(const struct plan *plan, const struct snapshot *snapshot,
		      const struct scan_limits *limits, int64_t now_ms, struct store_arena *arena,
		      uint32_t *all, uint32_t *read, struct store_error *error);

/* The plan's WHERE, in the arena; NULL: no memory. `has_sets`: the subqueries of
 * IN have been run. */
struct scan_condition;
struct scan_condition *
scan_condition_create(const struct plan *plan, bool has_sets, struct store_arena *arena);
/* Whether bounds of numbers and times alone show that no row of the block
 * matches; reads no rows and no dictionaries. */
bool scan_is_pruned(const struct block *block, struct scan_condition *where);

#endif
