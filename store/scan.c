/*
 * scan.h: the blocks of a snapshot one after the other, a slice of rows at a
 * time through the filter into groups or rows, afterwards the groups into rows.
 * A slice's scratch is freed before the next. Must not outlive its limits: time
 * and cancellation are checked at every block.
 */
#include <string.h>

#include "relation.h"
#include "scan_inside.h"
#include "state.h"

int
scan_no_memory(struct scan *scan)
{
	return expression_no_memory(scan->error);
}

struct store_str
scan_copy_string(struct store_arena *arena, struct store_str string)
{
	char *bytes = store_arena_alloc(arena, string.size);

	if (bytes != NULL && string.size > 0)
		memcpy(bytes, string.bytes, string.size);
	return (struct store_str){bytes, string.size};
}

static int
check_limits(struct scan *scan)
{
	return watch_check(&scan->limits->watch, scan->error);
}

/* The evaluation's rows, of which none is unwanted, into groups or the answer. */
static int
take_wanted(struct scan *scan, struct evaluation *evaluation)
{
	int result;

	if (scan->again.places != NULL)
		return scan_group_slice_again(scan, evaluation);
	if (scan->plan->is_grouped)
		return scan_group_slice(scan, evaluation);
	result = scan_rows_collect(scan, evaluation, NULL);
	return result != 0 ? result : scan_rows_trim(scan);
}

/* Of a slice of which all rows are wanted, at most. */
static uint32_t
slice_rows(const struct scan *scan)
{
	return scan_group_may_place(scan) ? SLICE_PLACES_ROWS : SLICE_ROWS;
}

/* The same of rows[first, end) of the block, in parts that fit the first cache. */
static int
take_parts(struct scan *scan, uint32_t first, uint32_t end)
{
	uint32_t step = slice_rows(scan);
	int result = 0;

	while (result == 0 && !scan->done && first < end) {
		uint32_t next = (first / step + 1) * step;
		uint32_t count = (next < end ? next : end) - first;
		struct evaluation evaluation = scan_evaluation(scan, count);

		slice_part(&scan->slice, first, count);
		result = take_wanted(scan, &evaluation);
		first += count;
	}
	return result;
}

/* Through the filter. */
static int
take_rows(struct scan *scan, struct evaluation *evaluation)
{
	uint32_t rows = evaluation->count, first;
	int result = scan_select(scan, evaluation, &first);

	if (result != 0 || evaluation->count == 0)
		return result;
	if (evaluation->slice == NULL || evaluation->rows != NULL ||
	    (rows <= slice_rows(scan) && evaluation->count == rows))
		return take_wanted(scan, evaluation);
	first += scan->slice.first;
	return take_parts(scan, first, first + evaluation->count);
}

struct evaluation
scan_evaluation(struct scan *scan, uint32_t count)
{
	return (struct evaluation){.table = scan->plan->table,
				   .slice = &scan->slice,
				   .count = count,
				   .arena = scan->scratch,
				   .error = scan->error,
				   .watch = &scan->limits->watch,
				   .now_ms = scan->now_ms};
}

int
scan_open_block(struct scan *scan, const struct block *block, enum scan_verdict *verdict)
{
	struct evaluation evaluation;

	*verdict = SCAN_NONE;
	if (scan_is_pruned(block, scan->where))
		return 0; /* as most blocks of a query of an hour */
	evaluation = scan_evaluation(scan, 0);
	store_arena_reset(scan->scratch);
	slice_set_block(&scan->slice, block);
	return scan_judge(scan, &evaluation, verdict);
}

static int
scan_block(struct scan *scan, const struct block *block)
{
	uint32_t rows = block_rows_count(block);
	enum scan_verdict verdict;
	int result = scan_open_block(scan, block, &verdict);
	uint32_t step = verdict == SCAN_ALL ? slice_rows(scan) : SLICE_FILTERED_ROWS;
	bool taken = false, again = scan->again.places != NULL;

	if (result == 0 && verdict != SCAN_NONE)
		result = check_limits(scan);
	if (result == 0 && verdict == SCAN_ALL && scan->plan->is_grouped && !again) {
		struct evaluation whole = scan_evaluation(scan, 0);

		result = scan_whole_block(scan, &whole, &taken);
	}
	if (result != 0 || verdict == SCAN_NONE)
		return result;
	for (uint32_t first = taken ? rows : 0; result == 0 && !scan->done && first < rows;
	     first += step) {
		uint32_t left = rows - first, count = left < step ? left : step;
		struct evaluation evaluation = scan_evaluation(scan, count);

		store_arena_reset(scan->scratch);
		slice_move(&scan->slice, first, count);
		result = take_rows(scan, &evaluation);
	}
	if (result == 0 && scan->plan->is_grouped)
		result = scan_classes_settle(scan);
	scan->result->rows_read += again ? 0 : rows;
	scan->result->bytes_read += scan->slice.bytes_read;
	return result;
}

/* Some rows of a relation, as a block's. */
static int
scan_relation(struct scan *scan, uint64_t first)
{
	uint64_t left = scan->plan->relation->rows_count - first;
	struct evaluation evaluation = {.relation = scan->plan->relation,
					.relation_first = (uint32_t)first,
					.count =
					    left < BLOCK_ROWS_MAX ? (uint32_t)left : BLOCK_ROWS_MAX,
					.arena = scan->scratch,
					.error = scan->error,
					.watch = &scan->limits->watch,
					.now_ms = scan->now_ms};

	store_arena_reset(scan->scratch);
	return take_rows(scan, &evaluation);
}

/* What looking at blocks needs. */
static int
open_slice(struct scan *scan, bool has_sets)
{
	scan->scratch = store_arena_create(scan->limits->memory_bytes_max);
	scan->where = scan_condition_create(scan->plan, has_sets, scan->arena);
	if (scan->scratch == NULL || scan->where == NULL ||
	    slice_open(&scan->slice, scan->scratch, scan->limits->memory_bytes_max) != 0)
		return scan_no_memory(scan);
	return 0;
}

int
scan_open(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	int result = open_slice(scan, true);

	scan->rows.width = plan->columns_count + plan->orders_count + plan->limit_by_count;
	return result == 0 && plan->is_grouped ? scan_group_prepare(scan) : result;
}

void
scan_close(struct scan *scan)
{
	slice_close(&scan->slice);
	store_arena_free(scan->scratch);
}

/* To look at the clock takes half as long as to judge a block that is not read. */
#define JUDGED_BLOCKS 16u
/* So many blocks come from the disk while one is scanned. */
#define AHEAD_BLOCKS 8u

int
scan_blocks(struct scan *scan, const uint32_t *list, uint32_t count)
{
	uint32_t table = scan->plan->table_index, wanted = 1;
	int result = 0;

	scan->rows_ahead = 0;
	for (uint32_t i = 0; i < count; i++)
		scan->rows_ahead += block_rows_count(
		    snapshot_block(scan->snapshot, table, list == NULL ? i : list[i]));
	for (uint32_t i = 0; result == 0 && !scan->done && i < count; i++) {
		const struct block *block =
		    snapshot_block(scan->snapshot, table, list == NULL ? i : list[i]);

		if (i % JUDGED_BLOCKS == 0)
			result = check_limits(scan);
		if (result == 0)
			result = scan_block(scan, block);
		scan->rows_ahead -= block_rows_count(block);
		for (; list != NULL && wanted < count && wanted <= i + AHEAD_BLOCKS; wanted++)
			slice_want(&scan->slice,
				   snapshot_block(scan->snapshot, table, list[wanted]));
	}
	return result == 0 ? scan_tally_settle(scan) : result;
}

int
scan_list_blocks(struct scan *scan, uint32_t *list, uint32_t *count)
{
	uint32_t table = scan->plan->table_index;
	uint32_t blocks = snapshot_blocks_count(scan->snapshot, table);
	int result = 0;

	*count = 0;
	for (uint32_t i = 0; result == 0 && i < blocks; i++) {
		enum scan_verdict verdict = SCAN_NONE;

		if (i % JUDGED_BLOCKS == 0)
			result = check_limits(scan);
		if (result == 0)
			result = scan_open_block(scan, snapshot_block(scan->snapshot, table, i),
						 &verdict);
		if (result == 0 && verdict != SCAN_NONE)
			list[(*count)++] = i;
	}
	return result;
}

static int
scan_all(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	struct evaluation one = {.count = 1,
				 .arena = scan->arena,
				 .error = scan->error,
				 .watch = &scan->limits->watch,
				 .now_ms = scan->now_ms};
	int result = 0;

	if (plan->relation != NULL) {
		for (uint64_t first = 0;
		     result == 0 && !scan->done && first < plan->relation->rows_count;
		     first += BLOCK_ROWS_MAX) {
			if ((result = check_limits(scan)) == 0)
				result = scan_relation(scan, first);
		}
		return result;
	}
	if (plan->table == NULL)
		return take_rows(scan, &one);
	if (scan_front_serves(scan))
		return scan_front(scan);
	if (scan_may_share(scan) || scan_again_serves(scan))
		return scan_in_parallel(scan);
	return scan_blocks(scan, NULL, snapshot_blocks_count(scan->snapshot, plan->table_index));
}

int
scan_run(const struct plan *plan, const struct snapshot *snapshot, const struct scan_limits *limits,
	 int64_t now_ms, uint64_t secret, struct store_arena *arena, struct store_result *result,
	 struct store_error *error)
{
	struct scan *scan = store_arena_zalloc(arena, sizeof *scan);
	int code;

	if (scan == NULL)
		return expression_no_memory(error);
	*scan = (struct scan){.plan = plan,
			      .snapshot = snapshot,
			      .limits = limits,
			      .arena = arena,
			      .error = error,
			      .result = result,
			      .now_ms = now_ms,
			      .secret = secret};
	if ((code = scan_open(scan)) == 0 && (code = scan_all(scan)) == 0 && plan->is_grouped)
		code = scan_group_finish(scan);
	if (code == 0)
		code = scan_rows_finish(scan);
	scan_close_workers(scan);
	scan_close(scan);
	return code;
}

int
scan_count_blocks(const struct plan *plan, const struct snapshot *snapshot,
		  const struct scan_limits *limits, int64_t now_ms, struct store_arena *arena,
		  uint32_t *all, uint32_t *read, struct store_error *error)
{
	struct store_result result = {0};
	struct scan scan = {.plan = plan,
			    .snapshot = snapshot,
			    .limits = limits,
			    .arena = arena,
			    .error = error,
			    .result = &result,
			    .now_ms = now_ms};
	int code = open_slice(&scan, false);

	*all = snapshot_blocks_count(snapshot, plan->table_index);
	*read = 0;
	for (uint32_t i = 0; code == 0 && i < *all; i++) {
		enum scan_verdict verdict = SCAN_NONE;

		if (i % JUDGED_BLOCKS == 0)
			code = check_limits(&scan);
		if (code == 0)
			code = scan_open_block(
			    &scan, snapshot_block(snapshot, plan->table_index, i), &verdict);
		*read += code == 0 && verdict != SCAN_NONE;
	}
	scan_close(&scan);
	return code;
}
