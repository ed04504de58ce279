/*
 * Goal: whether quantiles and distinct values are counted at once, or only for the
 * groups that the limit leaves, by reading the rows again, nobody can tell. Method:
 * random rows (seeded) of many paths, in segments and in memory, sampled or not;
 * queries with every kind of aggregate, WHERE, HAVING, ORDER BY with ties, LIMIT and
 * OFFSET, each in both ways, on one thread and several, byte for byte; the same while
 * rows are added, where two ways of counting a group's views must agree. What may not
 * wait does not: errors of rows that the limit cuts off.
 */
#include "query_text.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TS, SITE, PATH, COUNTRY, VIEW, WEIGHT, LCP, BYTES, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "path", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "country", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64},
    {.name = "interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "bytes", .type = STORE_UINT, .bits = 32},
};
static const struct store_table tables[] = {{"pageviews", columns, COLUMNS, false}};
static const struct store_schema schema = {tables, 1};

#define PICK(random, list) (list)[random_below(random, sizeof(list) / sizeof *(list))]
#define ROWS_COUNT 20000u
#define COMMIT_ROWS 1000u
#define PATHS 3000u
#define BASE_MS 1780000000000

static void
put_string(struct store_row *row, struct store_cell *cells, uint16_t column, const char *text)
{
	cells[row->cells_count].column = column;
	cells[row->cells_count++].value.s = (struct store_str){text, (uint32_t)strlen(text)};
}

static void
put_number(struct store_row *row, struct store_cell *cells, uint16_t column, uint64_t number)
{
	cells[row->cells_count].column = column;
	cells[row->cells_count++].value.u = number;
}

/* Half of the rows are of the first hundredth of the paths. */
static void
build(struct random *random, uint64_t view, uint64_t weight_max, char *path,
      struct store_cell *cells, struct store_row *row)
{
	static const char *const sites[] = {"shop", "shop", "blog"};
	static const char *const countries[] = {"DE", "FR", "US", "PL", "JP"};
	uint64_t paths = random_below(random, 2) == 0 ? PATHS / 100 : PATHS;

	*row = (struct store_row){0, 0, cells};
	snprintf(path, 16, "/p/%u", (uint32_t)random_below(random, paths));
	put_number(row, cells, TS, BASE_MS + view * 13000 + random_below(random, 9999));
	put_string(row, cells, SITE, PICK(random, sites));
	if (random_below(random, 50) != 0)
		put_string(row, cells, PATH, path);
	put_string(row, cells, COUNTRY, PICK(random, countries));
	put_number(row, cells, VIEW, view);
	put_number(row, cells, WEIGHT, 1 + random_below(random, weight_max));
	put_number(row, cells, BYTES, random_below(random, 1000));
	if (random_below(random, 6) != 0) {
		cells[row->cells_count].column = LCP;
		cells[row->cells_count++].value.f = (double)random_below(random, 60000) / 10;
	}
}

static void
append(struct store *store, struct random *random, uint64_t first_view, uint64_t weight_max)
{
	static char paths[COMMIT_ROWS][16];
	static struct store_cell cells[COMMIT_ROWS][COLUMNS];
	static struct store_row rows[COMMIT_ROWS];
	struct store_entry entry = {
	    .rows = rows, .rows_count = COMMIT_ROWS, .received_ms = BASE_MS};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	memset(cells, 0, sizeof cells);
	for (uint32_t i = 0; i < COMMIT_ROWS; i++)
		build(random, first_view + i, weight_max, paths[i], cells[i], &rows[i]);
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

/* Segments of four days, and the last rows in memory. */
static void
fill(struct store *store, struct random *random, uint64_t weight_max)
{
	for (uint32_t i = 0; i < ROWS_COUNT; i += COMMIT_ROWS) {
		append(store, random, i, weight_max);
		if (i == ROWS_COUNT / 2 || i == ROWS_COUNT * 4 / 5)
			assert_int_equal(store_flush(store, NULL), 0);
	}
}

#define NEVER UINT64_MAX

static struct store_result *
run(struct store *store, const char *text, uint32_t threads, uint64_t groups_min)
{
	struct store_query query = {.text = {text, (uint32_t)strlen(text)},
				    .now_ms = BASE_MS,
				    .threads = threads,
				    .thread_rows_min = 1,
				    .again_groups_min = groups_min};

	return query_answer(store, &query);
}

/* ---- both ways ------------------------------------------------------------ */

/* Whether the rows were read again, as the bytes that were read tell. */
static bool
check(struct store *store, const char *text, uint32_t threads, uint64_t groups_min)
{
	struct store_result *once = run(store, text, 1, NEVER);
	struct store_result *twice = run(store, text, threads, groups_min);
	bool again = twice->bytes_read != once->bytes_read;
	struct text wanted = {0}, found = {0};

	assert_true(once->rows_count < 120); /* they fit the text */
	text_add_result(&wanted, once);
	text_add_result(&found, twice);
	if (strcmp(wanted.bytes, found.bytes) != 0)
		fail_msg("%s\n%u threads:\n%s\ninstead of\n%s", text, threads, found.bytes,
			 wanted.bytes);
	if (once->rows_read != twice->rows_read || once->weighted != twice->weighted ||
	    once->rows_before_limit != twice->rows_before_limit || once->limited != twice->limited)
		fail_msg("%s\n%u threads: %llu rows read, %llu before the limit", text, threads,
			 (unsigned long long)twice->rows_read,
			 (unsigned long long)twice->rows_before_limit);
	store_result_free(once);
	store_result_free(twice);
	return again;
}

static void
check_store(const char *name, uint64_t weight_max)
{
	static const char *const lists[] = {
	    "count() AS n, quantile(0.75)(lcp)",
	    "count(lcp) AS n, quantile(0.75)(lcp), count(lcp), quantiles(0.1, 0.9)(lcp)",
	    "countIf(lcp <= 2500) AS n, countIf(lcp > 4000), median(bytes), count(lcp)",
	    "sum(bytes) AS n, uniq(view_id), uniqIf(country, lcp > 100), uniqExact(site)",
	    "max(bytes) AS n, topK(2)(country), groupUniqArray(3)(country), any(view_id)",
	    "uniq(country) AS n, quantileExact(0.5)(bytes), quantileIf(0.5)(lcp, site = 'shop')",
	    "quantile(0.5)(lcp) AS n, quantile(0.9)(bytes), n / count()",
	    "min(lcp) AS n, margin(quantile(0.75)(lcp)), concat(toString(uniq(site)), 'x')",
	};
	static const char *const keys[] = {"path", "country", "site, path", "path, country, site"};
	static const char *const wheres[] = {"",
					     " WHERE site = 'shop'",
					     " WHERE lcp > 3000",
					     " WHERE path LIKE '/p/1%' OR country = 'DE'",
					     " WHERE ts >= '2026-05-30 00:00:00'",
					     " WHERE bytes > 5000"};
	static const char *const ends[] = {"",
					   " ORDER BY n",
					   " ORDER BY n DESC, path",
					   " HAVING n > 2 ORDER BY n DESC",
					   " HAVING n > 1000000",
					   " ORDER BY count() DESC NULLS FIRST"};
	static const uint64_t mins[] = {1, 1, 10, 0};
	struct random random = random_seeded(name);
	char directory[256];
	struct store *store = query_open(&schema, directory);
	uint32_t again = 0;

	fill(store, &random, weight_max);
	for (int i = 0; i < 150; i++) {
		const char *key = PICK(&random, keys), *end = PICK(&random, ends);
		struct text text = {0};

		if (strcmp(key, "country") == 0)
			end = "";
		text_add(&text, "SELECT %s, %s FROM pageviews%s GROUP BY %s%s LIMIT %u OFFSET %u",
			 key, PICK(&random, lists), PICK(&random, wheres), key, end,
			 (uint32_t)random_below(&random, 25), (uint32_t)random_below(&random, 3));
		again += check(store, text.bytes, 1 + (uint32_t)random_below(&random, 4),
			       PICK(&random, mins));
	}
	assert_in_range(again, 50, 140);
	query_close(store, directory);
}

static void
test_plain(void **state)
{
	(void)state;
	check_store("plain", 1);
}

static void
test_sampled(void **state)
{
	(void)state;
	check_store("sampled", 20);
}

/* ---- when ------------------------------------------------------------------- */

static bool
is_read_again(struct store *store, const char *what, uint64_t groups_min)
{
	struct text text = {0};

	text_add(&text, "SELECT path, count() AS n, %s", what);
	return check(store, text.bytes, 1, groups_min);
}

static void
test_when(void **state)
{
	struct random random = random_seeded("when");
	char directory[256];
	struct store *store = query_open(&schema, directory);

	(void)state;
	fill(store, &random, 1);
#define BY_PATH " FROM pageviews GROUP BY path "
	/* Many groups of which few are left; or few, or too many. */
	assert_true(is_read_again(store, "median(lcp)" BY_PATH "ORDER BY n LIMIT 5", 0));
	assert_false(is_read_again(
	    store, "median(lcp)" BY_PATH "ORDER BY n LIMIT 5 OFFSET 1000000000000", 0));
	assert_false(is_read_again(
	    store, "median(lcp) FROM pageviews WHERE path < '/p/11' GROUP BY path LIMIT 5", 0));
	/* Nothing waits that is asked for, or fails, or belongs to each row's order. */
	assert_false(is_read_again(store, "median(lcp) AS m" BY_PATH "ORDER BY m LIMIT 5", 1));
	assert_false(is_read_again(
	    store, "median(lcp)" BY_PATH "HAVING median(lcp) > 0 ORDER BY n LIMIT 5", 1));
	assert_false(is_read_again(store, "max(lcp)" BY_PATH "ORDER BY n LIMIT 5", 1));
	assert_false(
	    is_read_again(store, "median(lcp)" BY_PATH "ORDER BY n LIMIT 2 BY n LIMIT 3", 1));
	assert_false(
	    is_read_again(store, "median(lcp)" BY_PATH "WITH TOTALS ORDER BY n LIMIT 3", 1));
	assert_false(is_read_again(
	    store, "median(intDiv(bytes, bytes + 1))" BY_PATH "ORDER BY n LIMIT 3", 1));
#undef BY_PATH
	query_close(store, directory);
}

/* The row whose divisor is 0 is of a group that the limit cuts off. */
static void
test_errors(void **state)
{
	static const char text[] =
	    "SELECT path, median(intDiv(bytes, view_id - 11999)) FROM pageviews "
	    "GROUP BY path ORDER BY path LIMIT 1";
	struct random random = random_seeded("errors");
	struct store_result *result = NULL;
	struct store_error error = {0};
	char directory[256];
	struct store *store = query_open(&schema, directory);
	struct store_query query = {
	    .text = {text, sizeof text - 1}, .threads = 2, .again_groups_min = 1};

	(void)state;
	fill(store, &random, 1);
	assert_true(store_query(store, &query, &result, &error) != 0);
	assert_int_equal(error.clickhouse, 153);
	query_close(store, directory);
}

/* ---- while rows are added ------------------------------------------------------ */

struct writer {
	struct store *store;
	struct random random;
	_Atomic bool ended;
};

static void *
write_on(void *argument)
{
	struct writer *writer = argument;

	for (uint64_t i = 0; i < 24; i++) {
		append(writer->store, &writer->random, ROWS_COUNT + i * COMMIT_ROWS, 1);
		if (i % 10 == 9)
			assert_int_equal(store_flush(writer->store, NULL), 0);
	}
	writer->ended = true;
	return NULL;
}

/* The first pass counts rows, the second views, of which each row is another. */
static void
test_added(void **state)
{
	static const char text[] = "SELECT path, count() AS n, uniqExact(view_id) FROM pageviews "
				   "GROUP BY path ORDER BY n DESC, path LIMIT 30";
	struct writer writer = {.random = random_seeded("added")};
	char directory[256];
	pthread_t thread;
	uint32_t threads = 1;

	(void)state;
	writer.store = query_open(&schema, directory);
	fill(writer.store, &writer.random, 1);
	assert_int_equal(pthread_create(&thread, NULL, write_on, &writer), 0);
	for (bool ended = false; !ended; threads = threads % 3 + 1) {
		struct store_result *result;

		ended = writer.ended;
		result = run(writer.store, text, threads, 1);
		assert_int_equal(result->rows_count, 30);
		for (uint64_t i = 0; i < 30; i++)
			assert_int_equal(result->values[1][i].v.u, result->values[2][i].v.u);
		store_result_free(result);
	}
	pthread_join(thread, NULL);
	query_close(writer.store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain), cmocka_unit_test(test_sampled),
	    cmocka_unit_test(test_when),  cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
