/*
 * One query on several threads: each takes a run of the blocks that WHERE leaves
 * into groups of its own, which are merged at the end, in the blocks' order. Who
 * takes which does not depend on their speed, so that groups come in the same
 * order as from one thread, and sums of floats out the same each time; and runs
 * share dictionaries, and days, more than every n-th block does. Beside scan.c's
 * single thread; must give the same answer.
 */
#include "crew.h"
#include "function.h"
#include "scan_inside.h"

struct scan_worker {
	struct scan scan;
	struct store_arena *arena; /* owned */
	struct store_error error;
	struct store_result result; /* its counters */
	struct crew_job job;
	bool begun; /* and not ended */
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

bool
scan_may_share(const struct scan *scan)
{
	const struct plan *plan = scan->plan;

	return scan->limits->threads > 1 && plan->table != NULL && plan->is_grouped &&
	       is_without_order(plan);
}

/* Runs of blocks are of days in turn, so groups by time are hardly ever in two of them. */
static bool
has_own_groups(const struct plan *plan)
{
	for (uint32_t k = 0; k < plan->keys_count; k++) {
		if (function_is_monotone(plan->keys[k]))
			return true;
	}
	return false;
}

/* The scan's share of the blocks; what can be finished of its groups before others' are
 * merged into them is. */
static int
take_share(struct scan *scan)
{
	int result = scan_blocks(scan, scan->again.blocks, scan->again.blocks_count);

	for (uint32_t a = 0; result == 0 && a < scan->plan->aggregates_count; a++) {
		struct aggregate_states *states = scan->states[a];

		if (scan->shares[a] == a && aggregate_settle_places(states) != 0)
			result = scan_no_memory(scan);
		else if (has_own_groups(scan->plan) && scan->shares[a] == a &&
			 !scan->again.is_wanted &&
			 (aggregate_reserve(states, scan->groups.count) != 0 ||
			  aggregate_settle_large(states, scan->groups.count) != 0))
			result = scan_no_memory(scan);
	}
	return result;
}

static void
work(void *context)
{
	struct scan_worker *worker = context;

	worker->code = take_share(&worker->scan);
	if (worker->code == 0 && worker->scan.again.places == NULL)
		worker->code = scan_ranges_finish(&worker->scan);
}

static void
begin(struct scan_worker *worker)
{
	worker->job = (struct crew_job){.run = work, .context = worker};
	worker->begun = true;
	crew_begin(worker->scan.limits->crew, &worker->job);
}

static void
end(struct scan_worker *worker)
{
	if (worker->begun)
		crew_end(worker->scan.limits->crew, &worker->job);
	worker->begun = false;
}

static int
open_worker(struct scan *scan, const uint32_t *blocks, uint32_t count)
{
	struct scan_worker *worker = store_arena_zalloc(scan->arena, sizeof *worker);

	if (worker == NULL ||
	    (worker->arena = store_arena_create(scan->limits->memory_bytes_max)) == NULL)
		return scan_no_memory(scan);
	scan->workers[scan->workers_count++] = worker;
	worker->scan = (struct scan){.plan = scan->plan,
				     .snapshot = scan->snapshot,
				     .limits = scan->limits,
				     .arena = worker->arena,
				     .error = &worker->error,
				     .result = &worker->result,
				     .now_ms = scan->now_ms,
				     .secret = scan->secret,
				     .again = scan->again};
	worker->scan.again.blocks = blocks;
	worker->scan.again.blocks_count = count;
	if ((worker->code = scan_open(&worker->scan)) == 0)
		begin(worker);
	return 0;
}

/* Where each thread's run of the list begins: by rows, as even as blocks allow.
 * ends[threads]; returns how many threads there are. */
static uint32_t
share_out(const struct scan *scan, const uint32_t *list, uint32_t count, uint32_t *ends)
{
	uint32_t table = scan->plan->table_index, threads = scan->limits->threads, t = 0;
	uint64_t least = scan->limits->thread_rows_min, rows = 0, before = 0;

	for (uint32_t i = 0; i < count; i++)
		rows += block_rows_count(snapshot_block(scan->snapshot, table, list[i]));
	threads = rows / least < threads ? (uint32_t)(rows / least) : threads;
	threads = threads < SCAN_THREADS_MAX ? threads : SCAN_THREADS_MAX;
	threads = threads == 0 || !scan_may_share(scan) ? 1 : threads;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t of_block =
		    block_rows_count(snapshot_block(scan->snapshot, table, list[i]));

		while (t + 1 < threads && (before + of_block / 2) * threads >= rows * (t + 1))
			ends[t++] = i;
		before += of_block;
	}
	while (t < threads)
		ends[t++] = count;
	return threads;
}

/* The worker's groups and counters, when it has ended. */
static int
take_worker(struct scan *scan, struct scan_worker *worker)
{
	end(worker);
	scan->result->rows_read += worker->result.rows_read;
	scan->result->bytes_read += worker->result.bytes_read;
	scan->result->weighted |= worker->result.weighted;
	worker->result = (struct store_result){.rows_read = 0};
	if (worker->code != 0 && scan->error != NULL)
		*scan->error = worker->error;
	if (worker->code != 0)
		return worker->code;
	return scan->again.places == NULL ? scan_group_merge(scan, &worker->scan)
					  : scan_group_merge_again(scan, &worker->scan);
}

/* The scan's own share, then the workers'. */
static int
take_all(struct scan *scan)
{
	int result = 0;

	if (scan->workers_count == 0) /* nobody's groups come to these */
		return scan_blocks(scan, scan->again.blocks, scan->again.blocks_count);
	result = take_share(scan);
	for (uint32_t i = 0; result == 0 && i < scan->workers_count; i++)
		result = take_worker(scan, scan->workers[i]);
	return result;
}

int
scan_in_parallel(struct scan *scan)
{
	uint32_t blocks = snapshot_blocks_count(scan->snapshot, scan->plan->table_index);
	uint32_t *list = store_arena_alloc(scan->arena, (blocks + 1u) * sizeof *list);
	uint32_t ends[SCAN_THREADS_MAX], count, threads;
	int result;

	if (list == NULL)
		return scan_no_memory(scan);
	if ((result = scan_list_blocks(scan, list, &count)) != 0 ||
	    (result = scan_again_decide(scan, list, count)) != 0)
		return result;
	threads = share_out(scan, list, count, ends);
	for (uint32_t i = 1; result == 0 && i < threads; i++)
		result = open_worker(scan, list + ends[i - 1], ends[i] - ends[i - 1]);
	scan->again.blocks = list;
	scan->again.blocks_count = ends[0];
	return result == 0 ? take_all(scan) : result;
}

int
scan_in_parallel_again(struct scan *scan)
{
	for (uint32_t i = 0; i < scan->workers_count; i++) {
		struct scan *of = &scan->workers[i]->scan;
		uint32_t *places =
		    store_arena_alloc(of->arena, (of->groups.count + 1u) * sizeof *places);

		if (places == NULL)
			return scan_no_memory(scan);
		for (uint32_t g = 0; g < of->groups.count; g++)
			places[g] = scan->again.places[of->again.taken_as[g]];
		of->again.places = places;
		of->again.strings = scan->again.strings;
		of->again.groups_count = of->groups.count;
		of->again.places_count = scan->again.places_count;
		begin(scan->workers[i]);
	}
	return take_all(scan);
}

void
scan_close_workers(struct scan *scan)
{
	for (uint32_t i = 0; i < scan->workers_count; i++) {
		struct scan_worker *worker = scan->workers[i];

		end(worker); /* its groups are not wanted */
		scan_close(&worker->scan);
		store_arena_free(worker->arena);
	}
}
