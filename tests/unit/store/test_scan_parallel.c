/*
 * Goal: an answer does not depend on how many threads found it, nor does the
 * order of groups that nobody asked for, or what was read. Method: random rows
 * (seeded) in segments of several days and in memory; queries of every kind of
 * aggregate that several threads may share, each by one thread and by some, byte
 * for byte, without sums of floats, which depend on the order.
 */
#include "query_model.h"

#define ROWS_COUNT 4000u

static struct store_result *
run(struct store *store, const char *text, uint32_t threads, uint64_t rows_min)
{
	struct store_query query = {.text = {text, (uint32_t)strlen(text)},
				    .now_ms = TEST_NOW_MS,
				    .threads = threads,
				    .thread_rows_min = rows_min};

	return query_answer(store, &query);
}

static void
check(struct store *store, const char *query, uint32_t threads, uint64_t rows_min)
{
	struct store_result *one = run(store, query, 1, 1);
	struct store_result *several = run(store, query, threads, rows_min);

	if (one->rows_count != several->rows_count || one->rows_read != several->rows_read ||
	    one->rows_before_limit != several->rows_before_limit)
		fail_msg("%s\n%u threads: %llu rows instead of %llu", query, threads,
			 (unsigned long long)several->rows_count,
			 (unsigned long long)one->rows_count);
	for (uint64_t row = 0; row < one->rows_count; row++) {
		struct text wanted = {0}, found = {0};

		text_add_row(&wanted, one, row);
		text_add_row(&found, several, row);
		if (strcmp(wanted.bytes, found.bytes) != 0)
			fail_msg("%s\n%u threads:\n%s\ninstead of\n%s", query, threads, found.bytes,
				 wanted.bytes);
	}
	store_result_free(one);
	store_result_free(several);
}

static void
test_threads(void **state)
{
	static const char *const columns[] = {
	    "count() AS n, quantile(0.75)(lcp), quantiles(0.5, 0.9)(cls)",
	    "count(lcp) AS n, quantileIf(0.3)(lcp, country != 'DE'), sum(error_count)",
	    "uniq(view_id) AS n, uniq(country), countIf(lcp > 200), countIf(lcp <= 200)",
	    "sum(bytes) AS n, min(lcp), max(site), uniqExact(path)",
	    "median(bytes) AS n, quantileExact(0.5)(save), uniqIf(view_id, lcp > 100)",
	};
	static const char *const keys[] = {
	    "site", "path, country", "toStartOfHour(ts), lcp", "view_id", "toDate(ts)",
	    "1",    "mapKeys(tags)"};
	static const char *const wheres[] = {"", "WHERE site != 'x'", "WHERE lcp > 100",
					     "WHERE path LIKE '%a%'", "WHERE country = 'DE'"};
	static const char *const ends[] = {"", " HAVING n > 2", " ORDER BY n", " LIMIT 7",
					   " ORDER BY n DESC LIMIT 5"};
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded("threads");
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	(void)state;
	model_fill(store, &random, rows, ROWS_COUNT, 10);
	for (int i = 0; i < 200; i++) {
		const char *key = PICK(&random, keys);
		uint32_t threads = 2 + (uint32_t)random_below(&random, 5);
		struct text text = {0};

		text_add(&text, "SELECT %s, %s FROM pageviews %s GROUP BY %s%s", key,
			 PICK(&random, columns), PICK(&random, wheres), key, PICK(&random, ends));
		check(store, text.bytes, threads, 1 + random_below(&random, 500));
	}
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
