/*
 * Goal: the log has the last queries in order, whole but for the cut of long
 * texts, and stays bounded; threads may add and read at once. Method: random
 * entries against a list that forgets nothing; threads that write entries whose
 * texts say what they are, which a reader checks (also under ThreadSanitizer).
 */
#include "beacon.h"

#include <pthread.h>
#include <stdatomic.h>

#include "server/json.h"
#include "server/query_log.h"

#define ADDED_MAX 3000u

static const struct store_value *
cell(const struct store_result *result, const char *column, uint64_t row)
{
	for (uint32_t i = 0; i < result->columns_count; i++) {
		if (result->columns[i].name.size == strlen(column) &&
		    memcmp(result->columns[i].name.bytes, column, strlen(column)) == 0)
			return &result->values[i][row];
	}
	fail_msg("no column %s", column);
	return NULL;
}

static void
like_a_list(void **state)
{
	struct random random = random_seeded("like_a_list");
	struct query_log *log = query_log_create();
	struct store_arena *arena = store_arena_create(0);
	static uint64_t rows[ADDED_MAX];
	static uint32_t sizes[ADDED_MAX];
	char text[QUERY_LOG_TEXT_BYTES_MAX + 100];
	uint32_t added = 0;

	(void)state;
	memset(text, 'x', sizeof text);
	while (added < ADDED_MAX) {
		struct store_result result = {.arena = arena};
		uint64_t kept;

		for (uint64_t n = random_below(&random, 700); n > 0 && added < ADDED_MAX; n--) {
			struct query_log_entry entry = {.kind = "Select", .began_ms = added};

			rows[added] = entry.read_rows = random_next(&random);
			sizes[added] = (uint32_t)random_below(&random, sizeof text);
			entry.query = (struct store_str){text, sizes[added]};
			entry.user = beacon_str("token");
			entry.exception_code = added % 3 == 0 ? 62 : 0;
			query_log_add(log, &entry);
			added++;
		}
		assert_int_equal(query_log_fill(&(struct query_log_view){log, NULL}, &result), 0);
		kept = added < QUERY_LOG_ENTRIES ? added : QUERY_LOG_ENTRIES;
		assert_int_equal(result.rows_count, kept);
		for (uint64_t i = 0; i < kept; i++) {
			uint64_t at = added - kept + i;
			uint32_t size = sizes[at] < QUERY_LOG_TEXT_BYTES_MAX
					    ? sizes[at]
					    : QUERY_LOG_TEXT_BYTES_MAX;

			assert_true(cell(&result, "query_start_time_ms", i)->v.i == (int64_t)at);
			assert_true(cell(&result, "read_rows", i)->v.u == rows[at]);
			assert_int_equal(cell(&result, "query", i)->v.s.size, size);
			beacon_assert_str(cell(&result, "user", i)->v.s, "token");
			beacon_assert_str(cell(&result, "type", i)->v.s,
					  at % 3 == 0 ? "ExceptionWhileProcessing" : "QueryFinish");
		}
		store_arena_reset(arena);
	}
	store_arena_free(arena);
	query_log_destroy(log);
}

static void
times(void **state)
{
	struct query_log *log = query_log_create();
	struct store_arena *arena = store_arena_create(0);
	struct store_result result = {.arena = arena};
	struct query_log_entry entry = {
	    .kind = "Insert", .began_ms = 1780000000500, .elapsed_us = 1500250, .cached = true};

	(void)state;
	query_log_add(log, &entry);
	assert_int_equal(query_log_fill(&(struct query_log_view){log, NULL}, &result), 0);
	assert_true(cell(&result, "query_start_time", 0)->v.u == 1780000000);
	assert_true(cell(&result, "event_time", 0)->v.u == 1780000002);
	assert_true(cell(&result, "event_date", 0)->v.u == 20601);
	assert_true(cell(&result, "query_duration_ms", 0)->v.u == 1500);
	assert_true(cell(&result, "query_duration_us", 0)->v.u == 1500250);
	assert_true(cell(&result, "is_cached", 0)->v.u == 1);
	beacon_assert_str(cell(&result, "query_kind", 0)->v.s, "Insert");
	store_arena_free(arena);
	query_log_destroy(log);
}

static void
one_users(void **state)
{
	static const char *const users[] = {"ann", "an", "anna", "", "ann"};
	static const char *const asked[] = {"ann", "an", "anna", "", "bob", "DRUM_TOKEN"};
	static const uint64_t counts[] = {2, 1, 1, 1, 0, 0};
	struct query_log *log = query_log_create();
	struct store_arena *arena = store_arena_create(0);
	struct store_result result = {.arena = arena};

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		struct query_log_entry entry = {
		    .kind = "Select", .user = beacon_str(users[i]), .read_rows = i};

		query_log_add(log, &entry);
	}
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(query_log_fill(&(struct query_log_view){log, asked[i]}, &result),
				 0);
		assert_int_equal(result.rows_count, counts[i]);
		if (counts[i] > 0)
			beacon_assert_str(cell(&result, "user", 0)->v.s, asked[i]);
	}
	query_log_fill(&(struct query_log_view){log, "ann"}, &result);
	assert_true(cell(&result, "read_rows", 0)->v.u == 0);
	assert_true(cell(&result, "read_rows", 1)->v.u == 4);
	store_arena_free(arena);
	query_log_destroy(log);
}

/* Characters are not cut apart. */
static void
cuts_characters(void **state)
{
	struct query_log *log = query_log_create();
	struct store_arena *arena = store_arena_create(0);
	struct store_result result = {.arena = arena};
	char text[QUERY_LOG_TEXT_BYTES_MAX + 3] = "x";
	struct query_log_entry entry = {.kind = "Select"};

	(void)state;
	for (size_t i = 1; i + 2 < sizeof text; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	entry.query = (struct store_str){text, sizeof text - 2};
	query_log_add(log, &entry);
	assert_int_equal(query_log_fill(&(struct query_log_view){log, NULL}, &result), 0);
	assert_true(json_is_utf8(cell(&result, "query", 0)->v.s));
	assert_int_equal(cell(&result, "query", 0)->v.s.size, QUERY_LOG_TEXT_BYTES_MAX - 1);
	store_arena_free(arena);
	query_log_destroy(log);
}

/* ---- threads --------------------------------------------------------- */

static struct query_log *shared;
static _Atomic int writing;

static void *
write_entries(void *argument)
{
	char text[64];

	for (uint64_t i = 0; i < 3000; i++) {
		struct query_log_entry entry = {.kind = "Select", .read_rows = i};

		snprintf(text, sizeof text, "%s %llu", (const char *)argument,
			 (unsigned long long)i);
		entry.query = beacon_str(text);
		query_log_add(shared, &entry);
	}
	atomic_fetch_sub(&writing, 1);
	return NULL;
}

static void
at_once(void **state)
{
	static char names[3][8] = {"one", "two", "three"};
	struct store_arena *arena = store_arena_create(0);
	pthread_t threads[3];
	char expected[64];
	int left = 3;

	(void)state;
	shared = query_log_create();
	atomic_store(&writing, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_entries, names[i]), 0);
	while (left > 0) {
		struct store_result result = {.arena = arena};

		left = atomic_load(&writing);
		assert_int_equal(query_log_fill(&(struct query_log_view){shared, NULL}, &result),
				 0);
		for (uint64_t i = 0; i < result.rows_count; i++) {
			struct store_str query = cell(&result, "query", i)->v.s;
			const char *space = memchr(query.bytes, ' ', query.size);

			assert_non_null(space);
			snprintf(expected, sizeof expected, "%llu",
				 (unsigned long long)cell(&result, "read_rows", i)->v.u);
			beacon_assert_str(
			    (struct store_str){space + 1,
					       (uint32_t)(query.bytes + query.size - space - 1)},
			    expected);
		}
		store_arena_reset(arena);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	store_arena_free(arena);
	query_log_destroy(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(like_a_list), cmocka_unit_test(times), cmocka_unit_test(one_users),
	    cmocka_unit_test(cuts_characters), cmocka_unit_test(at_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
