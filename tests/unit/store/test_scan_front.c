/*
 * Goal: the first rows of an order are those of the whole order, whatever is left
 * out on the way, and cost no more memory than they need. Method: random rows
 * (seeded) in several segments and in memory; queries of rows with every kind of
 * sort key, NULLs first and last, ties, WHERE, LIMIT and OFFSET, compared with
 * the query without limit; a query that holds all rows hits a limit of memory,
 * the same with LIMIT does not; blocks that cannot have any of the first rows
 * are not read.
 */
#include "query_model.h"

#define ROWS_COUNT 6000u
#define MEMORY ((size_t)2 << 20)
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static int
run(struct store *store, const char *text, size_t memory, struct store_result **out,
    struct store_error *error)
{
	struct store_query query = {.text = {text, (uint32_t)strlen(text)},
				    .now_ms = TEST_NOW_MS,
				    .memory_bytes_max = memory};

	return store_query(store, &query, out, error);
}

static struct store_result *
run_well(struct store *store, const char *text, size_t memory)
{
	struct store_error error = {0};
	struct store_result *result = NULL;

	if (run(store, text, memory, &result, &error) != 0)
		fail_msg("%s\n%s", text, error.text);
	return result;
}

static void
check_limit(struct store *store, const char *query, uint64_t limit, uint64_t offset)
{
	struct store_result *all = run_well(store, query, 0), *some;
	uint64_t left = offset < all->rows_count ? all->rows_count - offset : 0;
	uint64_t count = limit < left ? limit : left;
	struct text text = {0};

	text_add(&text, "%s LIMIT %llu OFFSET %llu", query, (unsigned long long)limit,
		 (unsigned long long)offset);
	some = run_well(store, text.bytes, 0);
	if (some->rows_count != count || some->rows_before_limit > all->rows_count ||
	    some->rows_before_limit < count || !some->limited)
		fail_msg("%s\n%llu rows of %llu, not %llu of %llu", text.bytes,
			 (unsigned long long)some->rows_count,
			 (unsigned long long)some->rows_before_limit, (unsigned long long)count,
			 (unsigned long long)all->rows_count);
	check_rows(text.bytes, some, all, offset);
	store_result_free(all);
	store_result_free(some);
}

static void
test_orders(void **state)
{
	static const char *const columns[] = {"*", "view_id, ts, site, path, lcp",
					      "path, tags['plan'], lcp / 2, upper(country)"};
	static const char *const keys[] = {"ts",
					   "lcp",
					   "site",
					   "path",
					   "view_id",
					   "bytes",
					   "country",
					   "ratio",
					   "save",
					   "cls",
					   "-lcp",
					   "toStartOfHour(ts)",
					   "_sample_interval",
					   "concat(site, path)",
					   "bytes % 7",
					   "tags['plan']"};
	static const char *const directions[] = {"", " DESC", " NULLS FIRST", " DESC NULLS FIRST"};
	static const char *const wheres[] = {"",
					     " WHERE site = 'shop'",
					     " WHERE lcp > 100",
					     " WHERE bytes % 3 = 0",
					     " WHERE view_id = 17",
					     " WHERE lcp IS NULL",
					     " WHERE ts < '1999-01-01'"};
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded("orders");
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	(void)state;
	model_fill(store, &random, rows, ROWS_COUNT, 10);
	for (int i = 0; i < 300; i++) {
		struct text text = {0};
		uint64_t orders = 1 + random_below(&random, 3);

		text_add(&text, "SELECT %s FROM pageviews%s ORDER BY ", PICK(&random, columns),
			 PICK(&random, wheres));
		for (uint64_t k = 0; k < orders; k++)
			text_add(&text, "%s%s%s", k > 0 ? ", " : "", PICK(&random, keys),
				 PICK(&random, directions));
		check_limit(store, text.bytes, random_below(&random, i % 10 == 0 ? 5000 : 30),
			    random_below(&random, 4) * 13);
	}
	query_close(store, directory);
}

static void
test_memory(void **state)
{
	static const char whole[] = "SELECT * FROM pageviews ORDER BY %s";
	static const char *const keys[] = {"ts",
					   "ts DESC",
					   "path DESC, ts",
					   "lcp DESC",
					   "view_id",
					   "view_id DESC",
					   "concat(toString(ts), '" LONG "') DESC"};
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded("memory");
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	(void)state;
	model_fill(store, &random, rows, ROWS_COUNT, 1);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct store_result *result = NULL;
		struct store_error error = {0};
		struct text text = {0};

		text_add(&text, whole, keys[i]);
		assert_int_equal(run(store, text.bytes, MEMORY, &result, &error), STORE_ELIMIT);
		/* So many that the strings of those that came and went would be too large. */
		text_add(&text, " LIMIT %d", i + 1 < sizeof keys / sizeof *keys ? 5 : 300);
		store_result_free(run_well(store, text.bytes, MEMORY));
	}
	query_close(store, directory);
}

static void
test_blocks(void **state)
{
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded("blocks");
	char directory[256];
	struct store *store = query_open(&model_schema, directory);
	struct store_result *all, *some;

	(void)state;
	model_fill(store, &random, rows, ROWS_COUNT, 1);
	assert_int_equal(store_flush(store, NULL), 0);
	all = run_well(store, "SELECT count() FROM pageviews WHERE lcp > -1", 0);
	some = run_well(store, "SELECT * FROM pageviews ORDER BY ts DESC LIMIT 3", 0);
	if (some->rows_read >= all->rows_read / 2)
		fail_msg("%llu rows were read of %llu", (unsigned long long)some->rows_read,
			 (unsigned long long)all->rows_read);
	store_result_free(all);
	store_result_free(some);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_orders),
	    cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
