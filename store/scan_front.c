/*
 * ORDER BY with a LIMIT over a table: the few rows that come first, without
 * holding the others. At first only WHERE and the sort keys are read, of the
 * blocks that promise most before the others; what cannot be among the first any
 * more is left out, row by row and block by block. Then the answer's columns are
 * read of the rows that are left. Beside scan.c's way for all other queries, and
 * must give the same rows.
 */
#include <stdlib.h>

#include "scan_inside.h"

#define FRONT_ROWS_MAX ((uint64_t)1 << 16) /* beyond, rows are collected and sorted */

/* A block, and the first sort key that its best row may have. */
struct promise {
	uint32_t block;
	bool known;
	struct store_value key;
};

struct front {
	struct scan *scan;
	struct scan_best best;       /* numbers are blocks << 32 | rows */
	struct promise *promises;    /* [blocks_count] */
	struct store_arena *strings; /* of the keys in the list */
	uint64_t matched;            /* rows that WHERE left of blocks that were read */
	uint32_t table, blocks_count;
};

bool
scan_front_serves(const struct scan *scan)
{
	const struct plan *plan = scan->plan;
	uint64_t wanted = scan_rows_wanted(plan);

	return plan->table != NULL && !plan->is_grouped && plan->orders_count > 0 &&
	       !plan->is_distinct && plan->limit_by_count == 0 && wanted > 0 &&
	       wanted <= FRONT_ROWS_MAX && plan->limit <= scan->limits->result_rows_max;
}

/* ---- which blocks first ----------------------------------------------------- */

/* Bounds know nothing of NULLs, which come first with NULLS FIRST, nor of
 * strings. */
static void
set_promise(const struct front *front, struct promise *promise)
{
	const struct plan_order *order = &front->scan->plan->orders[0];
	const struct expression *key = order->expression;
	const struct store_column *column;
	int64_t min, max, best;

	if (key->kind != EXPRESSION_COLUMN || key->type.type == STORE_R_STRING ||
	    key->type.type == STORE_R_MAP || order->nulls_first)
		return;
	column = &front->scan->plan->table->columns[key->column];
	promise->known =
	    block_range(snapshot_block(front->scan->snapshot, front->table, promise->block),
			key->column, &min, &max);
	if (!promise->known)
		return;
	best = order->descending ? max : min;
	if (column->type == STORE_FLOAT)
		promise->key.v.f = (double)best / column->scale;
	else
		promise->key.v.i = best;
}

/* Blocks of which nothing is known come first, then the best ones. */
static int
compare_promises(const void *a, const void *b, void *context)
{
	const struct promise *p = a, *q = b;
	const struct plan_order *order = &((const struct plan *)context)->orders[0];
	int result;

	if (p->known != q->known)
		return p->known ? 1 : -1;
	result = p->known ? data_compare(order->expression->type.type, &p->key, &q->key) : 0;
	if (result != 0)
		return order->descending ? -result : result;
	return (p->block > q->block) - (p->block < q->block);
}

static int
sort_blocks(struct front *front)
{
	struct scan *scan = front->scan;

	front->promises =
	    store_arena_zalloc(scan->arena, (front->blocks_count + 1u) * sizeof *front->promises);
	if (front->promises == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < front->blocks_count; i++) {
		front->promises[i].block = i;
		set_promise(front, &front->promises[i]);
	}
	qsort_r(front->promises, front->blocks_count, sizeof *front->promises, compare_promises,
		(void *)(uintptr_t)scan->plan);
	return 0;
}

/* ---- sort keys ---------------------------------------------------------------- */

static bool
has_string(const struct plan_order *order, const struct store_value *key)
{
	return order->expression->type.type == STORE_R_STRING && !key->null;
}

/* The strings of list[count] into `arena`. */
static int
copy_strings(struct front *front, uint64_t index, struct store_arena *arena)
{
	const struct plan *plan = front->scan->plan;
	struct store_value *keys = &front->best.list[index * front->best.width];

	for (uint32_t k = 0; k < plan->orders_count; k++) {
		if (!has_string(&plan->orders[k], &keys[k]))
			continue;
		keys[k].v.s = scan_copy_string(arena, keys[k].v.s);
		if (keys[k].v.s.bytes == NULL)
			return scan_no_memory(front->scan);
	}
	return 0;
}

/* Forgets the strings of those that were cut off. */
static int
renew_strings(struct front *front)
{
	struct store_arena *fresh = store_arena_create(front->scan->limits->memory_bytes_max);
	int result = fresh == NULL ? scan_no_memory(front->scan) : 0;

	for (uint64_t i = 0; result == 0 && i < front->best.count; i++)
		result = copy_strings(front, i, fresh);
	if (result != 0) {
		store_arena_free(fresh);
		return result;
	}
	store_arena_free(front->strings);
	front->strings = fresh;
	return 0;
}

static int
offer_rows(struct front *front, struct evaluation *evaluation, uint64_t first_number)
{
	const struct plan *plan = front->scan->plan;
	struct data keys[PLAN_ORDERS_MAX];
	int result = 0;

	for (uint32_t k = 0; result == 0 && k < plan->orders_count; k++)
		result = expression_evaluate(evaluation, plan->orders[k].expression, &keys[k]);
	for (uint32_t i = 0; result == 0 && i < evaluation->count; i++) {
		struct store_value *next = scan_best_next(&front->best);
		uint32_t row = evaluation->rows == NULL ? i : evaluation->rows[i];

		next[0] = data_value(&keys[0], i);
		if (scan_best_is_behind(&front->best, next))
			continue;
		for (uint32_t k = 1; k < plan->orders_count; k++)
			next[k] = data_value(&keys[k], i);
		next[plan->orders_count] = (struct store_value){.v.u = first_number + row};
		if (!scan_best_offers(&front->best))
			continue;
		result = copy_strings(front, front->best.count, front->strings);
		if (result == 0 && scan_best_take(&front->best))
			result = renew_strings(front);
	}
	return result;
}

static int
read_block(struct front *front, uint32_t index)
{
	struct scan *scan = front->scan;
	const struct block *block = snapshot_block(scan->snapshot, front->table, index);
	uint32_t rows = block_rows_count(block);
	enum scan_verdict verdict;
	int result = scan_open_block(scan, block, &verdict);

	if (result != 0 || verdict == SCAN_NONE)
		return result;
	for (uint32_t first = 0; result == 0 && first < rows; first += SLICE_ROWS) {
		uint32_t left = rows - first, count = left < SLICE_ROWS ? left : SLICE_ROWS;
		struct evaluation evaluation = scan_evaluation(scan, count);

		store_arena_reset(scan->scratch);
		slice_move(&scan->slice, first, count);
		if ((result = scan_select(scan, &evaluation, NULL)) != 0 || evaluation.count == 0)
			continue;
		front->matched += evaluation.count;
		result = offer_rows(front, &evaluation, (uint64_t)index << 32 | first);
	}
	scan->result->rows_read += rows;
	scan->result->bytes_read += scan->slice.bytes_read;
	return result;
}

/* ---- the rows ------------------------------------------------------------------ */

static int
compare_numbers(const void *a, const void *b)
{
	const uint64_t *p = a, *q = b;

	return (*p > *q) - (*p < *q);
}

/* Rows numbers[count] of a slice of the block that the scan is at. */
static int
collect_slice(struct scan *scan, const uint64_t *numbers, uint32_t count)
{
	uint32_t rows[SLICE_ROWS], all = block_rows_count(scan->slice.block);
	uint32_t first = (uint32_t)numbers[0] / SLICE_ROWS * SLICE_ROWS;
	uint32_t left = all - first;
	struct evaluation evaluation = scan_evaluation(scan, count);

	for (uint32_t i = 0; i < count; i++)
		rows[i] = (uint32_t)numbers[i] - first;
	store_arena_reset(scan->scratch);
	slice_move(&scan->slice, first, left < SLICE_ROWS ? left : SLICE_ROWS);
	evaluation.rows = rows;
	return scan_rows_collect(scan, &evaluation, NULL);
}

static int
collect(struct front *front)
{
	struct scan *scan = front->scan;
	uint64_t count = front->best.count, end;
	uint64_t *numbers = store_arena_alloc(scan->arena, (count + 1) * sizeof *numbers);
	int result = numbers == NULL ? scan_no_memory(scan) : 0;

	for (uint64_t i = 0; result == 0 && i < count; i++)
		numbers[i] = front->best.list[i * front->best.width + front->best.width - 1].v.u;
	if (result == 0)
		qsort(numbers, count, sizeof *numbers, compare_numbers);
	for (uint64_t i = 0; result == 0 && i < count; i = end) {
		uint64_t slice = numbers[i] / SLICE_ROWS;

		if (i == 0 || numbers[i] >> 32 != numbers[i - 1] >> 32)
			slice_set_block(&scan->slice, snapshot_block(scan->snapshot, front->table,
								     (uint32_t)(numbers[i] >> 32)));
		for (end = i + 1; end < count && numbers[end] / SLICE_ROWS == slice; end++)
			continue;
		if ((result = watch_check(&scan->limits->watch, scan->error)) == 0)
			result = collect_slice(scan, numbers + i, (uint32_t)(end - i));
	}
	scan->rows_left_out += front->matched - count;
	return result;
}

int
scan_front(struct scan *scan)
{
	uint32_t table = scan->plan->table_index;
	struct front front = {.scan = scan,
			      .strings = store_arena_create(scan->limits->memory_bytes_max),
			      .table = table,
			      .blocks_count = snapshot_blocks_count(scan->snapshot, table)};
	int result = front.strings == NULL ? scan_no_memory(scan) : sort_blocks(&front);
	uint64_t rows = 0;

	for (uint32_t i = 0; i < front.blocks_count; i++)
		rows += block_rows_count(snapshot_block(scan->snapshot, table, i));
	if (result == 0)
		result = scan_best_open(scan, rows, &front.best);
	for (uint32_t i = 0; result == 0 && i < front.blocks_count; i++) {
		const struct promise *promise = &front.promises[i];

		if (promise->known && scan_best_is_behind(&front.best, &promise->key)) {
			scan->result->limited = true;
			break; /* and all that follow */
		}
		if ((result = watch_check(&scan->limits->watch, scan->error)) == 0)
			result = read_block(&front, promise->block);
	}
	if (result == 0) {
		scan_best_sort(&front.best);
		result = collect(&front);
	}
	store_arena_free(front.strings);
	return result;
}
