/*
 * One query on several threads: each takes every n-th block into groups of its
 * own, which are merged at the end. Which thread takes which block does not
 * depend on their speed, so that sums of floats come out the same each time.
 * Beside scan.c's single thread; must give the same answer.
 */
#include <pthread.h>

#include "scan_inside.h"

/* Fewer blocks are read sooner than a thread is started. */
#define BLOCKS_MIN 2u

struct scan_worker {
	struct scan scan;
	struct store_arena *arena; /* owned */
	struct store_error error;
	struct store_result result; /* its counters */
	uint32_t first, step;       /* blocks */
	bool started;
	pthread_t thread;
	int code;
};

/* Whether no aggregate asks for the first or last of rows. */
static bool
is_without_order(const struct plan *plan)
{
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		enum aggregate_kind kind = plan->aggregates[a].kind;

		if ((kind >= AGGREGATE_ANY && kind <= AGGREGATE_ARG_MAX) ||
		    (kind >= AGGREGATE_TOP_K && kind <= AGGREGATE_GROUP_UNIQ_ARRAY))
			return false;
	}
	return true;
}

uint32_t
scan_threads(const struct scan *scan, uint32_t blocks)
{
	const struct plan *plan = scan->plan;
	uint32_t threads = scan->limits->threads;

	if (plan->table == NULL || !plan->is_grouped || !is_without_order(plan))
		return 1;
	threads = blocks / BLOCKS_MIN < threads ? blocks / BLOCKS_MIN : threads;
	threads = threads < SCAN_THREADS_MAX ? threads : SCAN_THREADS_MAX;
	return threads == 0 ? 1 : threads;
}

static void *
work(void *argument)
{
	struct scan_worker *worker = argument;

	worker->code = scan_blocks(&worker->scan, worker->first, worker->step);
	if (worker->code == 0)
		worker->code = scan_ranges_finish(&worker->scan);
	return NULL;
}

static int
open_worker(struct scan *scan, uint32_t index, uint32_t threads)
{
	struct scan_worker *worker = store_arena_zalloc(scan->arena, sizeof *worker);

	if (worker == NULL ||
	    (worker->arena = store_arena_create(scan->limits->memory_bytes_max)) == NULL)
		return scan_no_memory(scan);
	scan->workers[scan->workers_count++] = worker;
	worker->first = index;
	worker->step = threads;
	worker->scan = (struct scan){.plan = scan->plan,
				     .snapshot = scan->snapshot,
				     .limits = scan->limits,
				     .arena = worker->arena,
				     .error = &worker->error,
				     .result = &worker->result,
				     .now_ms = scan->now_ms,
				     .secret = scan->secret};
	if ((worker->code = scan_open(&worker->scan)) != 0)
		return 0;
	worker->started = pthread_create(&worker->thread, NULL, work, worker) == 0;
	if (!worker->started)
		work(worker); /* no thread to be had: here and now */
	return 0;
}

int
scan_in_parallel(struct scan *scan, uint32_t threads)
{
	int result = 0;

	for (uint32_t i = 1; result == 0 && i < threads; i++)
		result = open_worker(scan, i, threads);
	if (result == 0)
		result = scan_blocks(scan, 0, threads);
	for (uint32_t i = 0; i < scan->workers_count; i++) {
		struct scan_worker *worker = scan->workers[i];

		if (worker->started)
			pthread_join(worker->thread, NULL);
		if (result == 0 && worker->code != 0) {
			result = worker->code;
			if (scan->error != NULL)
				*scan->error = worker->error;
		}
		scan->result->rows_read += worker->result.rows_read;
		scan->result->bytes_read += worker->result.bytes_read;
		scan->result->weighted |= worker->result.weighted;
		if (result == 0)
			result = scan_group_merge(scan, &worker->scan);
	}
	return result;
}

void
scan_close_workers(struct scan *scan)
{
	for (uint32_t i = 0; i < scan->workers_count; i++) {
		scan_close(&scan->workers[i]->scan);
		store_arena_free(scan->workers[i]->arena);
	}
}
