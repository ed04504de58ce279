/*
 * Goal: groups that a LIMIT cuts off need not be finished, and nobody can tell.
 * Method: random rows (seeded); queries with every kind of aggregate, HAVING,
 * ORDER BY with and without ties, LIMIT and OFFSET, whose rows must be those of
 * the query without limit, at their places, and as many before the limit.
 */
#include "query_model.h"

#define ROWS_COUNT 3000u

static struct store_result *
run(struct store *store, const char *text, uint32_t threads)
{
	struct store_query query = {.text = {text, (uint32_t)strlen(text)},
				    .now_ms = TEST_NOW_MS,
				    .threads = threads,
				    .thread_rows_min = 1};

	return query_answer(store, &query);
}

static void
check_limit(struct store *store, const char *query, uint32_t threads, uint64_t limit,
	    uint64_t offset)
{
	struct store_result *all = run(store, query, threads), *some;
	uint64_t left = offset < all->rows_count ? all->rows_count - offset : 0;
	uint64_t count = limit < left ? limit : left;
	struct text text = {0};

	text_add(&text, "%s LIMIT %llu OFFSET %llu", query, (unsigned long long)limit,
		 (unsigned long long)offset);
	some = run(store, text.bytes, threads);
	if (some->rows_count != count || some->rows_before_limit != all->rows_count ||
	    !some->limited)
		fail_msg("%s\n%llu rows of %llu, not %llu of %llu", text.bytes,
			 (unsigned long long)some->rows_count,
			 (unsigned long long)some->rows_before_limit, (unsigned long long)count,
			 (unsigned long long)all->rows_count);
	check_rows(text.bytes, some, all, offset);
	store_result_free(all);
	store_result_free(some);
}

static void
test_limits(void **state)
{
	static const char *const columns[] = {
	    "count() AS n, quantile(0.75)(lcp), quantiles(0.5, 0.9)(cls)",
	    "count(lcp) AS n, quantile(0.75)(lcp), avg(bytes), sum(error_count)",
	    "uniq(country) AS n, countIf(lcp > 200), countIf(lcp <= 200), median(lcp)",
	    "sum(bytes) AS n, min(lcp), max(site), any(path), argMax(path, bytes)",
	    "max(bytes) AS n, topK(2)(country), groupArray(3)(view_id), uniqExact(site)",
	    "quantile(0.5)(lcp) AS n, stddevPop(bytes), margin(avg(lcp)), quantileExact(0.5)(save)",
	    "quantile(0.9)(bytes) AS n, n / count() AS share, concat(toString(count()), 'x')",
	};
	static const char *const keys[] = {"view_id", "path, country", "toStartOfHour(ts), lcp"};
	static const char *const orders[] = {"", " ORDER BY n", " ORDER BY n DESC NULLS FIRST",
					     " ORDER BY n % 7 DESC, n", " ORDER BY -n, count()"};
	static const char *const havings[] = {"", " HAVING count() > 1", " HAVING max(lcp) > 100",
					      " HAVING n > 1000000000"};
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded("limits");
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	(void)state;
	model_fill(store, &random, rows, ROWS_COUNT, 10);
	for (int i = 0; i < 150; i++) {
		const char *list = PICK(&random, columns), *key = PICK(&random, keys);
		struct text text = {0};

		text_add(&text, "SELECT %s, %s FROM pageviews GROUP BY %s%s%s", key, list, key,
			 PICK(&random, havings), PICK(&random, orders));
		check_limit(store, text.bytes, 1 + (uint32_t)random_below(&random, 2),
			    random_below(&random, 30), random_below(&random, 4) * 13);
	}
	query_close(store, directory);
}

/* What fails in a group that is not shown fails all the same. */
static void
test_errors(void **state)
{
	static const char text[] = "SELECT view_id, intDiv(1, view_id - 2000) FROM pageviews "
				   "GROUP BY view_id ORDER BY view_id LIMIT 3";
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded("errors");
	struct store_result *result = NULL;
	struct store_error error = {0};
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	(void)state;
	model_fill(store, &random, rows, ROWS_COUNT, 1);
	assert_true(query_run(store, text, &result, &error) != 0);
	assert_int_equal(error.clickhouse, 153);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
