/*
 * store_query: parse, snapshot, subqueries, plan, scan. The store's reading
 * half.
 */

#include "query_inside.h"
#include "state.h"

#define MEMORY_BYTES_MAX ((size_t)256 << 20)
#define ROWS_MAX 1000000u
/* Starting a thread and merging its groups takes about as long as reading these. */
#define THREAD_ROWS_MIN (2u * BLOCK_ROWS_MAX)
#define ATTEMPTS_MAX 100u /* segments that one query may find damaged, and one more */

int
query_select(struct query_run *run, const struct sql_query *query, struct store_result *result,
	     struct plan **plan)
{
	int code = plan_create(query, run->snapshot, run->request, &run->limits->watch, run->arena,
			       plan, run->error);

	if (code != 0 || run->dry)
		return code;
	if (result == run->result && run->reads == QUERY_READS_PLAN &&
	    query_digest_is_known(run, *plan))
		return 0;
	code = scan_run(*plan, run->snapshot, run->limits, run->request->now_ms, run->store->secret,
			run->arena, result, run->error);
	if (code == 0 && result != run->result) {
		run->result->rows_read += result->rows_read;
		run->result->bytes_read += result->bytes_read;
		run->result->weighted |= result->weighted;
	}
	return code;
}

static int
run_statement(struct query_run *run, struct sql_query *query)
{
	struct plan *plan;
	int code;

	switch (query->statement) {
	case SQL_SELECT:
		run->reads = query_digest_reads(run);
		if (run->reads == QUERY_READS_ALL && query_digest_is_known(run, NULL))
			return 0;
		if ((code = query_nest(run, query)) != 0)
			return code;
		return query_select(run, query, run->result, &plan);
	case SQL_SHOW_TABLES:
	case SQL_SHOW_DATABASES:
	case SQL_DESCRIBE:
	case SQL_EXISTS:
		return query_show(run, query);
	case SQL_EXPLAIN:
	case SQL_EXPLAIN_SYNTAX:
		return query_explain(run, query);
	case SQL_INSERT:
		break;
	}
	return plan_error(run->error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
			  "INSERT is not implemented here: rows go to POST /import, or to "
			  "POST /query with their data");
}

static int
run(struct store *store, const struct store_query *request, struct sql_query *query,
    int64_t began_ns, struct store_result *result, bool *is_known, struct store_error *error)
{
	size_t memory =
	    request->memory_bytes_max != 0 ? request->memory_bytes_max : MEMORY_BYTES_MAX;
	uint64_t timeout_ns = request->timeout_ns != 0 ? request->timeout_ns : WATCH_TIMEOUT_NS;
	struct scan_limits limits = {
	    .watch = {began_ns + (int64_t)timeout_ns, request->cancel},
	    .groups_max = request->groups_max != 0 ? request->groups_max : ROWS_MAX,
	    .result_rows_max = request->result_rows_max != 0 ? request->result_rows_max : ROWS_MAX,
	    .threads = request->threads,
	    .thread_rows_min =
		request->thread_rows_min != 0 ? request->thread_rows_min : THREAD_ROWS_MIN,
	    .again_groups_min = request->again_groups_min,
	    .memory_bytes_max = memory,
	    .crew = store->crew};
	struct query_run statement = {.store = store,
				      .request = request,
				      .limits = &limits,
				      .arena = result->arena,
				      .result = result,
				      .error = error};
	int code = snapshot_open(store, &statement.snapshot, error);

	if (code != 0)
		return code;
	code = query_settings(&statement, query, &limits, began_ns);
	if (code == 0)
		code = run_statement(&statement, query);
	if (code != 0 && error != NULL)
		query_settings_name(&statement, error);
	*is_known = statement.is_known;
	if (snapshot_check(statement.snapshot, error) != 0)
		code = STORE_ECORRUPT; /* whatever came of it */
	snapshot_close(statement.snapshot);
	return code;
}

static int
attempt(struct store *store, const struct store_query *query, int64_t began_ns,
	struct store_result **out, struct store_error *error)
{
	size_t memory = query->memory_bytes_max != 0 ? query->memory_bytes_max : MEMORY_BYTES_MAX;
	struct store_arena *arena = store_arena_create(memory);
	struct store_result *result =
	    arena == NULL ? NULL : store_arena_zalloc(arena, sizeof *result);
	struct sql_query *parsed;
	bool is_known = false;
	int code;

	*out = NULL;
	error->code = 0;
	error->clickhouse = 0;
	error->name = NULL;
	error->offset = 0;
	error->file[0] = '\0';
	if (result == NULL) {
		store_arena_free(arena);
		return expression_no_memory(error);
	}
	result->arena = arena;
	code = sql_parse(query->text, arena, &parsed, error);
	if (code == 0)
		code = run(store, query, parsed, began_ns, result, &is_known, error);
	if (code != 0 || is_known) {
		store_arena_free(arena);
		return code;
	}
	result->format = parsed->format;
	result->elapsed_ns = (uint64_t)(state_monotonic_ns() - began_ns);
	result->memory_peak_bytes = store_arena_bytes(arena);
	*out = result;
	return 0;
}

int
store_query(struct store *store, const struct store_query *query, struct store_result **out,
	    struct store_error *error)
{
	int64_t began_ns = state_monotonic_ns();
	struct store_error local = {0};
	int code = 0;

	if (error == NULL)
		error = &local;
	/* A segment found damaged is left out of the next snapshot. */
	for (uint32_t tries = 0; tries < ATTEMPTS_MAX; tries++) {
		code = attempt(store, query, began_ns, out, error);
		if (code != STORE_ECORRUPT)
			break;
	}
	return code;
}

void
store_result_free(struct store_result *result)
{
	if (result != NULL)
		store_arena_free(result->arena);
}
