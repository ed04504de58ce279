/*
 * Goal: names mean what ClickHouse has them mean, what cannot be planned is
 * refused with ClickHouse's number at the place that is wrong, and no query
 * makes a plan without bound. Method: tables of queries over an empty table
 * with a column of every kind; chains of aliases of growing length.
 */
#include "query_text.h"

static const struct store_column columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "tags", .type = STORE_MAP},
    {.name = "_sample_interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
};
static const struct store_table tables[] = {
    {"pageviews", columns, sizeof columns / sizeof *columns, true}};
static const struct store_schema schema = {tables, 1};

static struct store *store;
static char directory[256];

static int
open_store(void **state)
{
	(void)state;
	store = query_open(&schema, directory);
	return 0;
}

static int
close_store(void **state)
{
	(void)state;
	query_close(store, directory);
	return 0;
}

/* ---- answers --------------------------------------------------------- */

static const struct {
	const char *query, *text;
} answered[] = {
    /* aliases */
    {"SELECT a + 1 AS b, 2 AS a", "3\t2\n"},
    {"WITH 3 AS k SELECT k * 2", "6\n"},
    {"SELECT 1 AS x WHERE x = 1", "1\n"},
    {"SELECT 1 AS x WHERE x = 2", ""},
    {"SELECT count() AS lcp FROM pageviews WHERE site = 'a'", "0\n"},
    {"SELECT max(lcp) AS lcp, lcp IS NULL FROM pageviews", "\\N\t1\n"},
    {"SELECT site AS lcp, count() FROM pageviews GROUP BY lcp", ""},
    {"SELECT lcp + 1 AS lcp FROM pageviews ORDER BY lcp", ""},
    {"SELECT true AS false, false", "true\ttrue\n"},
    {"SELECT 1 AS site, * FROM pageviews", ""},
    {"SELECT * FROM pageviews GROUP BY ts, site, view_id, lcp, tags['a'], _sample_interval", NULL},
    /* one row without FROM, for WHERE to keep or not */
    {"SELECT 1 WHERE 0", ""},
    {"SELECT 1 WHERE NULL", ""},
    {"SELECT 1 WHERE 2", "1\n"},
    {"SELECT 1 PREWHERE 1 WHERE 0", ""},
    {"SELECT count() WHERE 0", "0\n"},
    {"SELECT count(), sum(3)", "1\t3\n"},
    {"SELECT 'x' GROUP BY 1 HAVING 0", ""},
    {"SELECT 1 LIMIT 1 + 1", "1\n"},
    {"SELECT 1 LIMIT 1 OFFSET 1", ""},
    {"SELECT DISTINCT 5", "5\n"},
    {"SELECT DISTINCT 2, 7", "2\t7\n"},
    {"SELECT DISTINCT count()", "1\n"},
    {"SELECT DISTINCT count(), site FROM pageviews GROUP BY site", ""},
    {"SELECT 1 ORDER BY 1, 2 DESC", NULL},
    /* keys by place, name and text */
    {"SELECT upper(site), count() FROM pageviews GROUP BY 1", ""},
    {"SELECT upper(site) AS u, length(u) FROM pageviews GROUP BY u", ""},
    {"SELECT length(upper(site)) FROM pageviews GROUP BY upper(site)", ""},
    {"SELECT tags['a'] AS t, count() FROM pageviews GROUP BY t ORDER BY tags['a']", ""},
    /* texts beside times and numbers */
    {"SELECT count() FROM pageviews WHERE ts > '2026-01-01' AND lcp > '2.5'", "0\n"},
    {"SELECT count() FROM pageviews WHERE view_id IN ('1', '2')", "0\n"},
    {"SELECT toDateTime('2026-01-31 00:00:00') + INTERVAL '2' HOUR", "2026-01-31 02:00:00\n"},
};

static void
answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
		struct store_error error = {0};
		struct store_result *result = NULL;
		struct text text = {0};

		if (query_run(store, answered[i].query, &result, &error) != 0) {
			if (answered[i].text != NULL)
				fail_msg("%s: %s", answered[i].query, error.text);
			continue;
		}
		if (answered[i].text == NULL)
			fail_msg("%s: taken", answered[i].query);
		text_add_result(&text, result);
		if (strcmp(text.bytes, answered[i].text) != 0)
			fail_msg("%s:\n%sinstead of\n%s", answered[i].query, text.bytes,
				 answered[i].text);
		store_result_free(result);
	}
}

/* An alias beats a column of its name, but * means the columns. */
static void
star(void **state)
{
	struct store_error error = {0};
	struct store_result *result = NULL;

	(void)state;
	assert_int_equal(query_run(store, "SELECT 1 AS site, * FROM pageviews", &result, &error),
			 0);
	assert_int_equal(result->columns_count, 1 + tables[0].columns_count);
	assert_int_equal(result->columns[0].type, STORE_R_UINT8);
	assert_int_equal(result->columns[1].type, STORE_R_DATETIME64);
	assert_int_equal(result->columns[2].type, STORE_R_STRING);
	store_result_free(result);
}

/* ---- refusals -------------------------------------------------------- */

static const struct {
	const char *query, *at; /* the query from the place that is wrong */
	int number;
	const char *hint; /* in the message */
} refused[] = {
    /* names */
    {"SELECT lpc FROM pageviews", "lpc", 47, "lcp"},
    {"SELECT 1 + lpc FROM pageviews", "lpc", 47, "pageviews"},
    {"SELECT x", "x", 47, "x"},
    {"SELECT *", "*", 48, "FROM"},
    {"SELECT 1 FROM pageview", "pageview", 60, "pageviews"},
    {"SELECT conut()", "conut", 46, "count"},
    {"SELECT 1, nothing_like_it(2)", "nothing_like_it", 46, "nothing_like_it"},
    {"SELECT {n:UInt8}", "{n", 456, "param_n"},
    /* groups */
    {"SELECT site, lcp FROM pageviews GROUP BY site", "lcp", 215, "GROUP BY"},
    {"SELECT count(), tags['a'] FROM pageviews", "tags['a']", 215, "tags"},
    {"SELECT * FROM pageviews GROUP BY site", "*", 215, "ts"},
    {"SELECT 1 FROM pageviews WHERE count() > 1", "count", 184, "WHERE"},
    {"SELECT sum(1 + sum(lcp)) FROM pageviews", "sum(lcp)", 184, "inside"},
    {"SELECT site FROM pageviews GROUP BY 2", "2", 36, "2"},
    {"SELECT 1 FROM pageviews GROUP BY tags", "tags", 48, "Map"},
    /* arguments and parameters */
    {"SELECT 1 + substring('a')", "substring", 42, "substring"},
    {"SELECT sum(lcp, 1) FROM pageviews", "sum", 42, "sum"},
    {"SELECT sum(site) FROM pageviews", "sum", 43, "sum"},
    {"SELECT quantile(1.5)(lcp) FROM pageviews", "quantile", 12, "0 to 1"},
    {"SELECT 'a' + 1", "+", 43, "String"},
    {"SELECT lcp['a'] FROM pageviews", "lcp['a']", 43, "arrayElement"},
    {"SELECT 1 FROM pageviews WHERE lcp > 'x'", "'x'", 53, "x"},
    {"SELECT 1 FROM pageviews WHERE ts > 'x'", "'x'", 41, "x"},
    /* clauses */
    {"SELECT 1 FROM pageviews WHERE site", "site", 59, "WHERE"},
    {"SELECT 1 FROM pageviews HAVING 2", "2", 48, "HAVING"},
    {"SELECT count() FROM pageviews HAVING 'a'", "'a'", 59, "HAVING"},
    {"SELECT 1 LIMIT -1", "-1", 440, "LIMIT"},
    {"SELECT 1 LIMIT 1 OFFSET 'a'", "'a'", 440, "OFFSET"},
    {"SELECT 1 FROM pageviews ORDER BY tags", "tags", 48, "Map"},
    {"SELECT site FROM pageviews GROUP BY site ORDER BY quantiles(0.5)(lcp)", "quantiles", 48,
     "Array"},
    {"SELECT site FROM pageviews WHERE site IN (SELECT 1)", "IN", 53, "IN a subquery"},
};

static void
refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const char *query = refused[i].query;
		struct store_error error = {0};
		struct store_result *result = NULL;

		if (query_run(store, query, &result, &error) == 0)
			fail_msg("%s: taken", query);
		assert_null(result);
		if (error.clickhouse != refused[i].number ||
		    strstr(error.text, refused[i].hint) == NULL)
			fail_msg("%s: %d %s", query, error.clickhouse, error.text);
		if (error.offset > strlen(query) ||
		    strncmp(query + error.offset, refused[i].at, strlen(refused[i].at)) != 0)
			fail_msg("%s: %s, at %d", query, error.text, (int)error.offset);
	}
}

/* ---- bounds ---------------------------------------------------------- */

#define CHAIN_BYTES_MAX 200000u

/* WITH each AS a0, a0... AS a1 and so on; 0 or the error's number. */
static int
run_chain(const char *unit, uint32_t repeats, uint32_t aliases)
{
	char *query = malloc(CHAIN_BYTES_MAX);
	struct store_error error = {0};
	struct store_result *result = NULL;
	size_t size;

	assert_non_null(query);
	size = (size_t)snprintf(query, CHAIN_BYTES_MAX, "WITH lcp AS a0");
	for (uint32_t i = 1; i <= aliases; i++) {
		size += (size_t)snprintf(query + size, CHAIN_BYTES_MAX - size, ", a%u", i - 1);
		for (uint32_t r = 0; r < repeats; r++) {
			size += (size_t)snprintf(query + size, CHAIN_BYTES_MAX - size, unit, i - 1);
			assert_true(size < CHAIN_BYTES_MAX);
		}
		size += (size_t)snprintf(query + size, CHAIN_BYTES_MAX - size, " AS a%u", i);
		assert_true(size < CHAIN_BYTES_MAX);
	}
	snprintf(query + size, CHAIN_BYTES_MAX - size, " SELECT a%u FROM pageviews", aliases);
	query_run(store, query, &result, &error);
	store_result_free(result);
	free(query);
	return error.clickhouse;
}

/* `head`, `item` followed by 0 to count - 1 and `end`, and `tail`. */
static int
run_list(const char *head, const char *item, const char *end, uint32_t count, const char *tail)
{
	struct text query = {0};
	struct store_error error = {0};
	struct store_result *result = NULL;

	text_add(&query, "%s", head);
	for (uint32_t i = 0; i < count; i++) {
		text_add(&query, "%s%s", i == 0 ? "" : ",", item);
		text_add(&query, "%u%s", i, end);
	}
	text_add(&query, "%s", tail);
	query_run(store, query.bytes, &result, &error);
	store_result_free(result);
	return error.clickhouse;
}

static void
counts(void **state)
{
	static const char from[] = " FROM pageviews";

	(void)state;
	assert_int_equal(run_list("SELECT ", "1+", "", 512, from), 0);
	assert_int_equal(run_list("SELECT ", "1+", "", 513, from), 48);
	assert_int_equal(run_list("SELECT 1 FROM pageviews GROUP BY ", "lcp+", "", 32, ""), 0);
	assert_int_equal(run_list("SELECT 1 FROM pageviews GROUP BY ", "lcp+", "", 33, ""), 48);
	assert_int_equal(run_list("SELECT 1 FROM pageviews ORDER BY ", "lcp+", "", 64, ""), 0);
	assert_int_equal(run_list("SELECT 1 FROM pageviews ORDER BY ", "lcp+", "", 65, ""), 62);
	assert_int_equal(run_list("SELECT ", "max(lcp + ", ")", 128, from), 0);
	assert_int_equal(run_list("SELECT ", "max(lcp + ", ")", 129, from), 48);
	assert_int_equal(run_list("SELECT ", "max(lcp) + ", "", 200, from), 0);
}

/* Aliases within aliases add their depth up, which would be the depth of the
 * planner's recursion: 60 times 900. */
static void
deep_chains(void **state)
{
	(void)state;
	assert_int_equal(run_chain(" + 1", 30, 30), 0);
	assert_int_equal(run_chain(" + 1", 40, 30), 167);
	assert_int_equal(run_chain(" + 1", 900, 1), 0);
	for (uint32_t aliases = 2; aliases <= 52; aliases += 10)
		assert_int_equal(run_chain(" + 1", 900, aliases), 167);
}

/* A name that stands twice in the next alias doubles what it stands for. */
static void
wide_chains(void **state)
{
	(void)state;
	assert_int_equal(run_chain(" + a%u", 1, 10), 0);
	assert_int_equal(run_chain(" + 1", 1, 63), 0);
	assert_int_equal(run_chain(" + 1", 1, 65), 48);
	for (uint32_t aliases = 20; aliases <= 60; aliases += 10)
		assert_int_equal(run_chain(" + a%u", 1, aliases), 168);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers), cmocka_unit_test(star),        cmocka_unit_test(refusals),
	    cmocka_unit_test(counts),  cmocka_unit_test(deep_chains), cmocka_unit_test(wide_chains),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
