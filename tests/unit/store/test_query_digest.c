/*
 * Goal: the digest of what a query would read is the same only when its answer
 * is: nobody gets an old answer; and it is the same when nothing that it reads
 * has changed. Method: random appends, updates, flushes, merges, erasures and
 * retention; after each, queries are asked with a caller that knows every
 * digest it ever saw, and the answer must be the one it had then. Times that
 * nothing happens to must keep their digest through appends to other times.
 */
#include "query_text.h"

#include "store/function.h"

#define STEPS 1500
#define SEEN_MAX 20000u
#define HOUR_MS 3600000

static const struct store_column columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "session", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_ERASE},
    {.name = "n", .type = STORE_UINT, .bits = 32},
};
static const struct store_table tables[] = {{"views", columns, 5, true},
					    {"other", columns, 5, false}};
static const struct store_schema schema = {tables, 2};

static const char *const queries[] = {
    "SELECT count(), sum(n), max(view_id) FROM views",
    "SELECT count(), sum(n) FROM views WHERE ts < '2026-05-27 00:00:00'",
    "SELECT site, count(), sum(n) FROM views WHERE ts >= '2026-05-27 06:00:00' AND ts < "
    "'2026-05-27 18:00:00' GROUP BY site ORDER BY site",
    "SELECT count(), sum(n) FROM views WHERE ts >= '2026-05-28 00:00:00' AND n < 500",
    "SELECT count(), sum(n) FROM other",
    "SELECT count() FROM views WHERE n IN (SELECT n FROM other)",
    "SELECT sum(c) FROM (SELECT count() AS c FROM views WHERE ts < '2026-05-27 00:00:00' GROUP BY "
    "site)",
};
#define QUERIES (sizeof queries / sizeof *queries)

struct seen {
	uint64_t digest[2];
	size_t query;
	char answer[160];
};

static struct seen seen[SEEN_MAX];
static unsigned seen_count;

struct asked {
	uint64_t digest[2];
	unsigned calls;
	bool answer;
};

static bool
know(void *context, const uint64_t digest[2])
{
	struct asked *asked = context;

	memcpy(asked->digest, digest, sizeof asked->digest);
	asked->calls++;
	return asked->answer;
}

static void
ask(struct store *store, const char *query, struct asked *asked, struct store_result **out)
{
	struct store_query request = {.text = {query, (uint32_t)strlen(query)},
				      .now_ms = TEST_NOW_MS,
				      .known = know,
				      .known_context = asked};
	struct store_error error = {0};

	if (store_query(store, &request, out, &error) != 0)
		fail_msg("%s: %s", query, error.text);
}

static void
check_queries(struct store *store)
{
	for (size_t q = 0; q < QUERIES; q++) {
		struct asked asked = {0};
		struct store_result *result;
		struct text found = {0};
		struct seen *same = NULL;

		ask(store, queries[q], &asked, &result);
		assert_int_equal(asked.calls, 1);
		text_add_result(&found, result);
		store_result_free(result);
		for (unsigned i = 0; i < seen_count && same == NULL; i++) {
			if (seen[i].query == q &&
			    memcmp(seen[i].digest, asked.digest, sizeof asked.digest) == 0)
				same = &seen[i];
		}
		if (same != NULL) {
			assert_string_equal(same->answer, found.bytes);
			continue;
		}
		assert_true(seen_count < SEEN_MAX && strlen(found.bytes) < sizeof seen->answer);
		memcpy(seen[seen_count].digest, asked.digest, sizeof asked.digest);
		seen[seen_count].query = q;
		strcpy(seen[seen_count++].answer, found.bytes);
	}
}

#define VIEWS 400u

static void
append_view(struct store *store, struct random *random, uint32_t table, int64_t ts, uint64_t view)
{
	static const char *const sites[] = {"a", "b", "c"};
	const char *site = sites[random_below(random, 3)];
	uint64_t session = random_below(random, 20);
	struct store_cell cells[] = {
	    {.column = 0, .value.i = ts},
	    {.column = 1, .value.s = {site, 1}},
	    {.column = 2, .value.u = view},
	    {.column = 3, .value.u = session},
	    {.column = 4, .value.u = random_below(random, 1000)},
	};
	struct store_row row = {(uint16_t)table, 5, cells};
	struct store_entry entry = {.keyed = table == 0,
				    .version = (uint8_t)random_below(random, 200),
				    .sort = {site, 1},
				    .key = view,
				    .began_ms = ts,
				    .received_ms = TEST_NOW_MS,
				    .rows = &row,
				    .rows_count = 1};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_true(commit.result == 0 || commit.result == STORE_EBUSY);
}

static void
append(struct store *store, struct random *random, uint32_t table, int64_t ts)
{
	append_view(store, random, table, ts, random_below(random, VIEWS));
}

static void
change(struct store *store, struct random *random)
{
	struct store_erasure erasure = {.number = random_below(random, 20)};
	int64_t ts = TEST_NOW_MS - (int64_t)random_below(random, 72) * HOUR_MS;
	uint64_t rows;

	switch (random_below(random, 20)) {
	case 0:
		assert_int_equal(store_flush(store, NULL), 0);
		return;
	case 1:
		assert_int_equal(store_merge(store, NULL), 0);
		return;
	case 2:
		assert_int_equal(store_erase(store, &erasure, &rows, NULL), 0);
		return;
	case 3:
		assert_int_equal(store_retain(store, TEST_NOW_MS, NULL), 0);
		return;
	default:
		append(store, random, random_below(random, 5) == 0, ts);
	}
}

static void
no_old_answers(void **state)
{
	static const uint32_t days[] = {2, 0};
	struct random random = random_seeded("no_old_answers");
	struct store_options options = {
	    .schema = &schema, .retention_days = days, .no_maintenance = true};
	char directory[256];
	struct store *store;

	(void)state;
	scratch_make(directory);
	options.directory = directory;
	assert_int_equal(store_open(&options, &store, NULL), 0);
	for (int i = 0; i < STEPS; i++) {
		change(store, &random);
		if (i % 3 == 0)
			check_queries(store);
		if (i % 500 == 499) { /* what was seen before holds for a new process too */
			assert_int_equal(store_close(store, NULL), 0);
			assert_int_equal(store_open(&options, &store, NULL), 0);
		}
	}
	query_close(store, directory);
}

static void
other_times_keep_it(void **state)
{
	struct random random = random_seeded("other_times_keep_it");
	struct asked before = {0}, after = {0}, all = {0};
	struct store_result *result;
	char directory[256];
	struct store *store = query_open(&schema, directory);

	(void)state;
	for (int i = 0; i < 50; i++)
		append(store, &random, 0, TEST_NOW_MS - 48 * HOUR_MS);
	assert_int_equal(store_flush(store, NULL), 0);
	ask(store, queries[1], &before, &result);
	store_result_free(result);
	for (int i = 0; i < 50; i++)
		append(store, &random, 0, TEST_NOW_MS);
	ask(store, queries[1], &after, &result);
	store_result_free(result);
	assert_memory_equal(before.digest, after.digest, sizeof before.digest);
	assert_int_equal(store_flush(store, NULL), 0);
	after.answer = true;
	ask(store, queries[1], &after, &result);
	assert_null(result);
	assert_memory_equal(before.digest, after.digest, sizeof before.digest);
	append_view(store, &random, 0, TEST_NOW_MS - 48 * HOUR_MS, VIEWS); /* not an old version */
	ask(store, queries[1], &all, &result);
	assert_memory_not_equal(before.digest, all.digest, sizeof before.digest);
	store_result_free(result);
	query_close(store, directory);
}

/* Each other name of a function that tells the time. */
static void
other_names(struct store *store)
{
	const struct function_alias *alias;
	int found = 0;

	for (uint32_t i = 0; (alias = function_alias_at(i)) != NULL; i++) {
		struct asked asked = {.answer = true};
		struct store_result *result;
		char sql[200];

		if (strcmp(alias->of, "now") != 0 && strcmp(alias->of, "today") != 0 &&
		    strcmp(alias->of, "yesterday") != 0)
			continue;
		snprintf(sql, sizeof sql,
			 "SELECT count() FROM views WHERE toDate(ts) = toDate(%s())", alias->name);
		ask(store, sql, &asked, &result);
		assert_int_equal(asked.calls, 0);
		store_result_free(result);
		found++;
	}
	assert_true(found >= 4);
}

static void
not_asked(void **state)
{
	static const char *const untold[] = {
	    "SELECT count() FROM views WHERE ts < now()",
	    "SELECT count() FROM views WHERE toDate(ts) = today()",
	    "SELECT \"now\"(), count() FROM views",
	    "SELECT Current_Timestamp(), count() FROM views",
	    "SELECT count() FROM views WHERE n IN (SELECT 1 FROM system.one)",
	    "SELECT name FROM system.tables",
	    "SELECT 1",
	    "SHOW TABLES",
	    "DESCRIBE views",
	    "EXPLAIN SYNTAX SELECT count() FROM views",
	};
	char directory[256];
	struct store *store = query_open(&schema, directory);

	(void)state;
	for (size_t i = 0; i < sizeof untold / sizeof *untold; i++) {
		struct asked asked = {.answer = true};
		struct store_result *result;

		ask(store, untold[i], &asked, &result);
		assert_int_equal(asked.calls, 0);
		assert_non_null(result);
		store_result_free(result);
	}
	other_names(store);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_old_answers),
					   cmocka_unit_test(other_times_keep_it),
					   cmocka_unit_test(not_asked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
