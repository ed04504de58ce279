/*
 * Goal: retention takes whole days, per table, and never by a clock that
 * jumped; columns added later read as NULL or default in what was written
 * before, through WAL, flush and merge, and an older program takes none away;
 * queries beside merges see every row once, and afterwards a day is one segment
 * sorted by site and time; of a day that is not over 16 segments are merged, or 64
 * that have a block of rows; merges take no more segments than their strings have
 * memory. Method: rows of known days against a naive model;
 * one directory opened with several schemas; queries whose answer must not
 * change while segments are merged under them. The Makefile links this test
 * with --wrap=clock_gettime, so that clocks can be set.
 */
#include "store_model.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "store/state.h"

#define DAY_MS 86400000LL
#define TODAY_MS (BASE_MS / DAY_MS * DAY_MS)

/* ---- clocks -------------------------------------------------------------- */

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

static _Atomic int64_t wall_ahead_ms, monotonic_ahead_ms;

int
__wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	int64_t ahead_ms = clock == CLOCK_REALTIME ? wall_ahead_ms : monotonic_ahead_ms;
	int result = __real_clock_gettime(clock, out);
	int64_t ms = (int64_t)out->tv_sec * 1000 + out->tv_nsec / 1000000 + ahead_ms;

	out->tv_sec = (time_t)(ms / 1000);
	out->tv_nsec = ms % 1000 * 1000000;
	return result;
}

/* ---- rows ---------------------------------------------------------------- */

static char directory[256];

static int
setup(void **state)
{
	(void)state;
	wall_ahead_ms = monotonic_ahead_ms = 0;
	scratch_make(directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

/* No sync: nothing here outlives the machine. */
static int
no_sync(struct io *io, int fd)
{
	(void)io, (void)fd;
	return 0;
}

static int
no_sync_directory(struct io *io, const char *path)
{
	(void)io, (void)path;
	return 0;
}

static struct io quick;

/* A view and an error at that time. */
static void
append_at(struct store *store, uint32_t view, int64_t time_ms)
{
	struct beacon beacon = {.view = view, .lcp = view, .errors = 1};
	struct store_commit commit = {.entries_count = 1};
	struct built built;

	build(&built, &beacon);
	built.view[TS].value.i = built.error[0][TS].value.i = time_ms;
	built.entry.began_ms = time_ms;
	commit.entries = &built.entry;
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

/* The single number that a query answers. */
static uint64_t
ask(struct store *store, const char *text)
{
	struct store_query query = {
	    .text = {text, (uint32_t)strlen(text)}, .threads = 2, .thread_rows_min = 1};
	struct store_error error = {0};
	struct store_result *result;
	uint64_t answer;

	if (store_query(store, &query, &result, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	assert_int_equal(result->rows_count, 1);
	answer = result->values[0][0].v.u;
	store_result_free(result);
	return answer;
}

static struct store *
open_with(const struct store_schema *with, const uint32_t *days, bool maintenance)
{
	struct store_options options = {.directory = directory,
					.schema = with,
					.io = &quick,
					.retention_days = days,
					.no_maintenance = !maintenance,
					.log = print_log};
	struct store_error error = {0};
	struct store *store = NULL;

	if (store_open(&options, &store, &error) != 0)
		fail_msg("store_open: %s", error.text);
	return store;
}

/* ---- retention ----------------------------------------------------------- */

#define DAYS 8

/* Rows at the first and last millisecond of each day. */
static void
test_retention(void **state)
{
	static const uint32_t days[2] = {3, 5};
	static const uint32_t none[2] = {0, 0};
	struct store *store = open_with(&schema, none, false);
	struct store_stats stats;
	uint64_t expired = 0;

	(void)state;
	for (uint32_t day = 0; day < DAYS; day++) {
		append_at(store, 2 * day, TODAY_MS - day * DAY_MS);
		append_at(store, 2 * day + 1, TODAY_MS - day * DAY_MS + DAY_MS - 1);
	}
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_retain(store, TODAY_MS + 1000 * DAY_MS, NULL), 0);
	assert_int_equal(ask(store, "SELECT count() FROM pageviews"), 2 * DAYS);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_with(&schema, days, false);
	for (int64_t later = 0; later < DAYS + 1; later++) {
		int64_t now_ms = TODAY_MS + later * DAY_MS;

		/* Its last moment changes nothing yet. */
		for (int moment = 0; moment < 2; moment++, now_ms += DAY_MS - 1) {
			uint64_t views = later < 4 ? 2 * (4 - (uint64_t)later) : 0;
			uint64_t errors = later < 6 ? 2 * (6 - (uint64_t)later) : 0;

			assert_int_equal(store_retain(store, now_ms, NULL), 0);
			assert_int_equal(ask(store, "SELECT count() FROM pageviews"), views);
			assert_int_equal(ask(store, "SELECT count() FROM errors"), errors);
			expired = 4 * DAYS - views - errors;
			store_stats(store, &stats);
			assert_int_equal(stats.rows_expired, expired);
			assert_int_equal(stats.partitions_expired, expired / 2);
		}
	}
	assert_int_equal(store_close(store, NULL), 0);
	store = open_with(&schema, none, false); /* gone for good */
	assert_int_equal(ask(store, "SELECT count() FROM pageviews"), 0);
	assert_int_equal(store_close(store, NULL), 0);
}

/* ---- clocks that jump ---------------------------------------------------- */

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t log_changed = PTHREAD_COND_INITIALIZER;
static char logged[8192];

static void
keep_log(void *context, const char *line)
{
	size_t used;

	print_log(context, line);
	pthread_mutex_lock(&log_mutex);
	used = strlen(logged);
	snprintf(logged + used, sizeof logged - used, "%s\n", line);
	pthread_cond_signal(&log_changed);
	pthread_mutex_unlock(&log_mutex);
}

/* Waits for a line of the maintenance thread, and forgets what there was. The
 * thread is woken until it has spoken: a signal that comes while it works is
 * lost, and its own deadlines are by the clock that was set. */
static void
wait_for(struct store *store, const char *text)
{
	struct timespec now, deadline;

	__real_clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 120;
	pthread_mutex_lock(&log_mutex);
	while (strstr(logged, text) == NULL) {
		pthread_cond_signal(&store->maintenance_wanted);
		__real_clock_gettime(CLOCK_REALTIME, &now);
		if (now.tv_sec > deadline.tv_sec) {
			pthread_mutex_unlock(&log_mutex);
			fail_msg("no line with '%s':\n%s", text, logged);
		}
		now.tv_nsec += 20000000;
		now.tv_sec += now.tv_nsec / 1000000000;
		now.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&log_changed, &log_mutex, &now);
	}
	logged[0] = '\0';
	pthread_mutex_unlock(&log_mutex);
}

static void
set_wall(int64_t wall_ms)
{
	struct timespec now;

	__real_clock_gettime(CLOCK_REALTIME, &now);
	wall_ahead_ms = wall_ms - (int64_t)now.tv_sec * 1000;
}

/* Both clocks, as time does. */
static void
pass(int64_t ms)
{
	wall_ahead_ms += ms;
	monotonic_ahead_ms += ms;
}

static struct store *
open_maintained(void)
{
	static const uint32_t days[2] = {30, 30};
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.io = &quick,
					.retention_days = days,
					.log = keep_log};
	struct store *store = NULL;

	assert_int_equal(store_open(&options, &store, NULL), 0);
	return store;
}

/* A directory with views of today, of 20 days ago, and of 40, which the first
 * look at the clock lets go. */
static void
fill_with_ages(void)
{
	static const uint32_t none[2] = {0, 0};
	struct store *store;

	teardown(NULL);
	scratch_make(directory);
	store = open_with(&schema, none, false);
	append_at(store, 1, TODAY_MS);
	append_at(store, 2, TODAY_MS - 20 * DAY_MS);
	append_at(store, 3, TODAY_MS - 40 * DAY_MS);
	assert_int_equal(store_close(store, NULL), 0);
}

/* Closing waits for the thread: what it did then is seen. */
static void
check_views_after(struct store *store, uint64_t expected)
{
	static const uint32_t none[2] = {0, 0};

	assert_int_equal(store_close(store, NULL), 0);
	store = open_with(&schema, none, false);
	assert_int_equal(ask(store, "SELECT count() FROM pageviews"), expected);
	assert_int_equal(store_close(store, NULL), 0);
}

/* 15: while it runs, the clock jumps by a year, forwards or backwards. */
static void
test_jumps(void **state)
{
	static const int64_t jumps_ms[] = {365 * DAY_MS, -365 * DAY_MS, 2 * 3600000};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct store *store;

		fill_with_ages();
		set_wall(TODAY_MS + 3600000);
		store = open_maintained();
		wait_for(store, "retention: ");
		wall_ahead_ms += jumps_ms[i];
		pass(61000);
		wait_for(store, "the wall clock jumped");
		check_views_after(store, 2);
	}
}

/* Time that passes is no jump; a jump that nobody corrects counts after a day. */
static void
test_time_passes(void **state)
{
	struct store *store;

	(void)state;
	fill_with_ages();
	set_wall(TODAY_MS + 3600000);
	store = open_maintained();
	wait_for(store, "retention: ");
	pass(15 * DAY_MS);
	wait_for(store, "retention: ");
	check_views_after(store, 1);

	fill_with_ages();
	set_wall(TODAY_MS + 3600000);
	store = open_maintained();
	wait_for(store, "retention: ");
	wall_ahead_ms += 15 * DAY_MS;
	pass(61000);
	wait_for(store, "the wall clock jumped");
	pass(25 * 3600000);
	wait_for(store, "retention: ");
	check_views_after(store, 1);
}

/* The clock was wrong already when the program began. */
static void
test_wrong_from_the_start(void **state)
{
	struct store *store;

	(void)state;
	fill_with_ages();
	set_wall(TODAY_MS + 365 * DAY_MS);
	store = open_maintained();
	wait_for(store, "the newest row is over 30 days old");
	check_views_after(store, 3);
}

/* ---- schemas ------------------------------------------------------------- */

/* The columns of store_model.h, in another order, and more. */
static const struct store_column later_columns[] = {
    {.name = "added_first", .type = STORE_UINT, .bits = 32},
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "_sample_interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "added_null", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "session_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_ERASE},
    {.name = "error_count", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_SUM},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "added_text", .type = STORE_STRING, .flags = STORE_NULLABLE},
    {.name = "added_tags", .type = STORE_MAP},
};
enum {
	L_FIRST,
	L_TS,
	L_WEIGHT,
	L_VIEW,
	L_SITE,
	L_NULL,
	L_SESSION,
	L_ERRORS,
	L_LCP,
	L_TEXT,
	L_TAGS
};

static const struct store_table later_tables[] = {
    {"errors", error_columns, 5, false},
    {"pageviews", later_columns, sizeof later_columns / sizeof *later_columns, true},
};
static const struct store_schema later = {later_tables, 2};

/* By the later program: with the columns that the earlier one has not. */
static void
append_later(struct store *store, uint32_t view)
{
	static const struct store_pair plan = {{"plan", 4}, {"pro", 3}};
	const struct store_cell cells[] = {
	    {.column = L_FIRST, .value.u = view},
	    {.column = L_TS, .value.i = began_of(view)},
	    {.column = L_WEIGHT, .value.u = 1},
	    {.column = L_VIEW, .value.u = view},
	    {.column = L_SITE, .value.s = {"shop", 4}},
	    {.column = L_NULL, .value.f = view},
	    {.column = L_SESSION, .value.u = session_of(view)},
	    {.column = L_LCP, .value.f = view},
	    {.column = L_TEXT, .value.s = {"", 0}},
	    {.column = L_TAGS, .value.pair = &plan},
	};
	struct store_row row = {1, sizeof cells / sizeof *cells, cells};
	struct store_entry entry = {.keyed = true,
				    .sort = {"shop", 4},
				    .key = view,
				    .began_ms = began_of(view),
				    .received_ms = BASE_MS,
				    .rows = &row,
				    .rows_count = 1};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

/* Views 0 to 9 are of the earlier program, 10 to 14 of the later one. */
static void
check_as_later(struct store *store, uint64_t added)
{
	assert_int_equal(ask(store, "SELECT count() FROM pageviews"), 10 + added);
	assert_int_equal(ask(store, "SELECT sum(view_id = lcp) FROM pageviews"), 10 + added);
	assert_int_equal(ask(store, "SELECT countIf(added_first = 0 AND added_null IS NULL AND "
				    "added_text IS NULL AND added_tags['plan'] = '') "
				    "FROM pageviews WHERE view_id < 10"),
			 10);
	assert_int_equal(ask(store, "SELECT countIf(added_first = view_id AND added_null = view_id "
				    "AND added_text = '' AND added_tags['plan'] = 'pro') "
				    "FROM pageviews WHERE view_id >= 10"),
			 added);
	assert_int_equal(ask(store, "SELECT sum(error_count) FROM pageviews"), 10);
	assert_int_equal(ask(store, "SELECT count() FROM errors WHERE message = 'boom'"), 10);
}

/* Ends as a killed process does: what is opened next is the copy. */
static void
kill_store(struct store *store)
{
	char copy[256], command[700];

	scratch_make(copy);
	snprintf(command, sizeof command, "cp -r '%s/.' '%s'", directory, copy);
	scratch_run(command);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
	memcpy(directory, copy, sizeof copy);
}

static void
test_schema_growth(void **state)
{
	static const uint32_t none[2] = {0, 0};
	struct store *store = open_with(&schema, none, false);

	(void)state;
	for (uint32_t view = 0; view < 10; view++) {
		if (view == 5)
			assert_int_equal(store_flush(store, NULL), 0);
		append_at(store, view, began_of(view));
	}
	kill_store(store); /* 5 views in segments, 5 in the WAL */
	store = open_with(&later, none, false);
	check_as_later(store, 0);
	for (uint32_t view = 10; view < 15; view++)
		append_later(store, view);
	check_as_later(store, 5);
	assert_int_equal(store_flush(store, NULL), 0);
	check_as_later(store, 5);
	kill_store(store);

	/* The earlier program again: it reads what it knows, and loses nothing. */
	store = open_with(&schema, none, false);
	assert_int_equal(ask(store, "SELECT count() FROM pageviews"), 15);
	assert_int_equal(ask(store, "SELECT sum(view_id = lcp) FROM pageviews"), 15);
	assert_int_equal(store_merge(store, NULL), 0);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_with(&later, none, false);
	check_as_later(store, 5);
	assert_int_equal(store_merge(store, NULL), 0);
	check_as_later(store, 5);
	kill_store(store);
	store = open_with(&later, none, false);
	check_as_later(store, 5);
	assert_int_equal(store_close(store, NULL), 0);
}

/* ---- erasing ------------------------------------------------------------- */

/* Memory is at its bound, so that no row comes in before a flush; an erasure,
 * for which flushes wait, must not wait for one. */
static void
test_erasure_without_memory(void **state)
{
	static const uint32_t none[2] = {0, 0};
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.io = &quick,
					.memtable_bytes_max = 1,
					.no_maintenance = true,
					.log = print_log};
	struct store_erasure erasure = {.number = session_of(0)};
	struct store *store = open_with(&schema, none, false);
	struct store_error error = {0};
	uint64_t rows_count;

	(void)state;
	for (uint32_t view = 0; view < 10; view++)
		append_at(store, view, began_of(view));
	assert_int_equal(store_close(store, NULL), 0);
	assert_int_equal(store_open(&options, &store, &error), 0);
	append_at(store, 20, began_of(20)); /* the first has room, the next none */
	if (store_erase(store, &erasure, &rows_count, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(rows_count, 8); /* of 4 views */
	assert_int_equal(ask(store, "SELECT count() FROM pageviews"), 7);
	assert_int_equal(store_close(store, NULL), 0);
}

/* ---- merges -------------------------------------------------------------- */

#define FLUSHES 40u
#define VIEWS_A_FLUSH 25u
#define MERGED_DAYS 2u

struct reading {
	struct store *store;
	_Atomic bool done;
	_Atomic uint64_t answers, wrong;
};

static void *
read_on(void *argument)
{
	struct reading *reading = argument;
	uint64_t views = FLUSHES * VIEWS_A_FLUSH;

	while (!reading->done) {
		uint64_t count = ask(reading->store, "SELECT count() FROM pageviews");
		uint64_t sum = ask(reading->store, "SELECT sum(view_id) FROM pageviews");
		uint64_t errors = ask(reading->store, "SELECT uniqExact(view_id) FROM errors");

		reading->wrong +=
		    count != views || sum != views * (views - 1) / 2 || errors != views;
		reading->answers++;
	}
	return NULL;
}

static void
fill_with_segments(struct store *store)
{
	for (uint32_t i = 0; i < FLUSHES; i++) {
		for (uint32_t j = 0; j < VIEWS_A_FLUSH; j++) {
			uint32_t view = i * VIEWS_A_FLUSH + j;

			append_at(store, view,
				  TODAY_MS + view % MERGED_DAYS * DAY_MS + view * 7919 % 86400000);
		}
		assert_int_equal(store_flush(store, NULL), 0);
	}
}

/* Rows of the one segment that each day has come in the order of site, time. */
static void
check_sorted(struct store *store)
{
	static const char text[] = "SELECT toDate(ts) AS day, site, ts FROM pageviews";
	struct store_query query = {.text = {text, sizeof text - 1}};
	struct store_result *result;
	uint32_t breaks = 0;

	assert_int_equal(store_query(store, &query, &result, NULL), 0);
	for (uint64_t i = 1; i < result->rows_count; i++) {
		const struct store_value *day = result->values[0], *site = result->values[1];
		const struct store_value *ts = result->values[2];
		int order = memcmp(site[i - 1].v.s.bytes, site[i].v.s.bytes, 4);

		if (day[i].v.u != day[i - 1].v.u)
			breaks++;
		else
			assert_true(order < 0 || (order == 0 && ts[i - 1].v.i <= ts[i].v.i));
	}
	assert_int_equal(breaks, MERGED_DAYS - 1);
	store_result_free(result);
}

static void
test_merges_beside_queries(void **state)
{
	static const uint32_t none[2] = {0, 0};
	struct reading reading = {.store = open_with(&schema, none, false)};
	struct store_stats stats;
	pthread_t threads[2];
	uint64_t before;

	(void)state;
	fill_with_segments(reading.store);
	store_stats(reading.store, &stats);
	assert_int_equal(stats.segments, 2 * MERGED_DAYS * FLUSHES);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reading), 0);
	while (reading.answers < 2)
		sched_yield();
	assert_int_equal(store_merge(reading.store, NULL), 0);
	before = reading.answers;
	while (reading.answers < before + 4)
		sched_yield();
	reading.done = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(reading.wrong, 0);
	store_stats(reading.store, &stats);
	assert_int_equal(stats.segments, 2 * MERGED_DAYS);
	assert_true(stats.merges >= 2 * MERGED_DAYS && stats.merge_failures == 0);
	check_sorted(reading.store);
	assert_int_equal(store_close(reading.store, NULL), 0);
}

/* ---- before a day is over ---------------------------------------------------- */

#define SMALL_MERGED 16u
#define LARGE_MERGED 64u
#define BLOCK_ROWS 65536u
#define MERGED_ROWS (16u << 20) /* at most */

/* Says of every segment that it has so many rows. */
static void
claim_rows(struct store *store, uint64_t rows_count)
{
	pthread_mutex_lock(&store->state_mutex);
	for (uint32_t i = 0; i < store->segments_count; i++)
		store->segments[i]->entry.summary.rows_count = rows_count;
	pthread_mutex_unlock(&store->state_mutex);
}

/* Of segments of today so many are merged but `left`, and none of one less. */
static void
check_merged_at(struct store *store, uint32_t expected, uint64_t rows_count, uint32_t left)
{
	struct store_stats stats;

	for (uint32_t i = 1; i <= expected; i++) {
		append_at(store, i, TODAY_MS);
		assert_int_equal(store_flush(store, NULL), 0);
		claim_rows(store, rows_count);
		store_stats(store, &stats);
		assert_int_equal(stats.segments, 2 * i);
		assert_int_equal(merge_one(store, false, NULL), i == expected);
	}
	assert_int_equal(merge_one(store, false, NULL), 1); /* of the other table */
	assert_int_equal(merge_one(store, false, NULL), 0);
	store_stats(store, &stats);
	assert_int_equal(stats.segments, 2 + 2 * left);
	assert_int_equal(ask(store, "SELECT uniqExact(view_id) FROM pageviews"), expected);
	assert_int_equal(ask(store, "SELECT uniqExact(view_id) FROM errors"), expected);
}

static void
test_merges_of_today(void **state)
{
	static const uint32_t none[2] = {0, 0};
	static const struct {
		uint64_t rows_count;
		uint32_t segments, left;
	} cases[] = {{1, SMALL_MERGED, 0},
		     {BLOCK_ROWS - 1, SMALL_MERGED, 0},
		     {BLOCK_ROWS, LARGE_MERGED, 0},
		     {MERGED_ROWS / SMALL_MERGED, SMALL_MERGED + 1, 1}}; /* one has no room */

	(void)state;
	set_wall(TODAY_MS);
	for (uint32_t i = 0; i < 4; i++) {
		struct store *store = open_with(&schema, none, false);

		check_merged_at(store, cases[i].segments, cases[i].rows_count, cases[i].left);
		assert_int_equal(store_close(store, NULL), 0);
		scratch_remove(directory);
		scratch_make(directory);
	}
}

/* ---- strings of a merge ---------------------------------------------------- */

#define LONG_BYTES 4096u
#define LONG_FLUSHES 8u

/* A view with eight errors, whose messages are long and no others'. */
static void
append_long(struct store *store, uint32_t view)
{
	static char messages[8][LONG_BYTES];
	struct beacon beacon = {.view = view, .errors = 8};
	struct store_commit commit = {.entries_count = 1};
	struct built built;

	build(&built, &beacon);
	for (uint32_t i = 0; i < 8; i++) {
		for (uint32_t at = 0; at < LONG_BYTES; at += 16)
			snprintf(messages[i] + at, 16, "%5u %2u %6u", view, i, at * 7919 % 999983);
		built.error[i][4].value.s = (struct store_str){messages[i], LONG_BYTES};
		built.error[i][0].value.i = TODAY_MS + view;
	}
	built.view[TS].value.i = TODAY_MS + view;
	commit.entries = &built.entry;
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

/* As many segments as a quarter of the memory allows are merged, no more, and
 * with more memory the rest. */
static void
test_strings_of_a_merge(void **state)
{
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.io = &quick,
					.memtable_bytes_max = 4 * 2 * 4 * 8 * LONG_BYTES,
					.no_maintenance = true};
	struct store_stats stats;
	struct store *store = NULL;

	(void)state;
	assert_int_equal(store_open(&options, &store, NULL), 0);
	for (uint32_t i = 0; i < LONG_FLUSHES; i++) {
		append_long(store, i);
		assert_int_equal(store_flush(store, NULL), 0);
	}
	assert_int_equal(store_merge(store, NULL), 0);
	store_stats(store, &stats);
	assert_int_equal(stats.segments, 1 + LONG_FLUSHES / 2);
	assert_int_equal(ask(store, "SELECT uniqExact(message) FROM errors"), 8 * LONG_FLUSHES);
	assert_int_equal(store_close(store, NULL), 0);

	options.memtable_bytes_max *= LONG_FLUSHES;
	assert_int_equal(store_open(&options, &store, NULL), 0);
	assert_int_equal(store_merge(store, NULL), 0);
	store_stats(store, &stats);
	assert_int_equal(stats.segments, 2);
	assert_int_equal(ask(store, "SELECT uniqExact(message) FROM errors"), 8 * LONG_FLUSHES);
	assert_int_equal(ask(store, "SELECT count() FROM pageviews"), LONG_FLUSHES);
	assert_int_equal(store_close(store, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_retention),
	    TEST(test_jumps),
	    TEST(test_time_passes),
	    TEST(test_wrong_from_the_start),
	    TEST(test_schema_growth),
	    TEST(test_erasure_without_memory),
	    TEST(test_merges_beside_queries),
	    TEST(test_merges_of_today),
	    TEST(test_strings_of_a_merge),
	};

	quick = *io_posix();
	quick.sync = no_sync;
	quick.sync_directory = no_sync_directory;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
