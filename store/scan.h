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
	size_t memory_bytes_max; /* of what one thread needs, apart from the result */
};

/* Of a plan's table: blocks in all, and those that no range of times leaves out. */
void scan_count_blocks(const struct plan *plan, const struct snapshot *snapshot, uint32_t *all,
		       uint32_t *read);

/* Fills result's columns, values, counts and flags; everything lives in the
 * arena. */
int scan_run(const struct plan *plan, const struct snapshot *snapshot,
	     const struct scan_limits *limits, int64_t now_ms, uint64_t secret,
	     struct store_arena *arena, struct store_result *result, struct store_error *error);

/* Whether the block's range shows that no row can match `where` (or NULL). */
bool scan_is_pruned(const struct block *block, const struct expression *where);

#endif
