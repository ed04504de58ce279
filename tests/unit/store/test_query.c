/*
 * Goal: clauses, names and aliases mean what they mean in ClickHouse, and a
 * result carries what the formats need. Method: five rows, two of them in a
 * segment; queries and their whole answers, which ClickHouse 26.7 printed.
 */
#include "query_text.h"

enum { TS, SITE, VIEW, WEIGHT, BYTES, LCP, TAGS, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME, .comment = "when"},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "_sample_interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
    {.name = "bytes", .type = STORE_UINT, .bits = 32},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE, .unit = "ms"},
    {.name = "tags", .type = STORE_MAP},
};
static const struct store_table tables[] = {{"t", columns, COLUMNS, true}};
static const struct store_schema schema = {tables, 1};

struct asked {
	const char *query, *answer;
};

static const struct asked table[] = {
    {"SELECT bytes + 1 AS bytes, count() FROM t GROUP BY bytes ORDER BY bytes", "11\t1\n"
										"21\t1\n"
										"31\t1\n"
										"41\t1\n"
										"51\t1\n"},
    {"SELECT bytes + 1 AS bytes FROM t ORDER BY 1 LIMIT 2", "11\n"
							    "21\n"},
    {"SELECT bytes + 1 AS bytes FROM t ORDER BY bytes DESC LIMIT 2", "51\n"
								     "41\n"},
    {"SELECT bytes + 1 AS bytes FROM t WHERE bytes = 11", "11\n"},
    {"SELECT bytes AS b, b + 1 AS c, c * 2 AS d FROM t WHERE d > 82", "50\t51\t102\n"},
    {"SELECT site AS lcp, max(lcp) FROM t GROUP BY lcp", "docs\tdocs\n"
							 "blog\tblog\n"
							 "shop\tshop\n"},
    {"SELECT sum(bytes) AS s, s / count() FROM t", "150\t30\n"},
    {"SELECT sum(bytes) AS bytes FROM t", "150\n"},
    {"WITH bytes * 2 AS twice SELECT sum(twice) FROM t", "300\n"},
    {"WITH 'shop' AS s SELECT count() FROM t WHERE site = s", "2\n"},
    {"SELECT DISTINCT site FROM t ORDER BY site", "blog\n"
						  "docs\n"
						  "shop\n"},
    {"SELECT DISTINCT site, lcp IS NULL AS n FROM t ORDER BY site, n LIMIT 3", "blog\t0\n"
									       "docs\t1\n"
									       "shop\t0\n"},
    {"SELECT tags FROM t ORDER BY view_id", "{'plan':'pro'}\n"
					    "{}\n"
					    "{'plan':'free','step':'1'}\n"
					    "{}\n"
					    "{'step':'2'}\n"},
    {"SELECT tags['plan'] AS p, count() FROM t GROUP BY p ORDER BY p", "\t3\n"
								       "free\t1\n"
								       "pro\t1\n"},
    {"SELECT mapKeys(tags) AS k, count() FROM t GROUP BY k ORDER BY count() DESC, max(view_id)",
     "[]\t2\n"
     "['plan']\t1\n"
     "['plan','step']\t1\n"
     "['step']\t1\n"},
    {"SELECT DISTINCT [bytes > 10, 1] AS k FROM t ORDER BY k[1]", "[0,1]\n"
								  "[1,1]\n"},
    {"SELECT site, mapValues(tags) AS k, sum(bytes) FROM t GROUP BY site, k WITH TOTALS ORDER BY "
     "sum(bytes) LIMIT 1",
     "shop\t['pro']\t10\n"},
    {"SELECT k[1] AS z, sum(c) FROM (SELECT mapKeys(tags) AS k, count() AS c FROM t GROUP BY k) "
     "GROUP BY z ORDER BY z",
     "\t2\n"
     "plan\t2\n"
     "step\t1\n"},
    {"SELECT view_id FROM t ORDER BY lcp, view_id", "1\n"
						    "4\n"
						    "3\n"
						    "2\n"
						    "5\n"},
    {"SELECT view_id FROM t ORDER BY lcp DESC, view_id", "3\n"
							 "4\n"
							 "1\n"
							 "2\n"
							 "5\n"},
    {"SELECT view_id FROM t ORDER BY lcp NULLS FIRST, view_id", "2\n"
								"5\n"
								"1\n"
								"4\n"
								"3\n"},
    {"SELECT view_id FROM t ORDER BY view_id LIMIT 1, 2", "2\n"
							  "3\n"},
    {"SELECT view_id FROM t ORDER BY view_id LIMIT 2 OFFSET 3", "4\n"
								"5\n"},
    {"SELECT view_id FROM t ORDER BY view_id OFFSET 3", "4\n"
							"5\n"},
    {"SELECT view_id FROM t ORDER BY view_id LIMIT 0", ""},
    {"SELECT count() FROM t WHERE 0", "0\n"},
    {"SELECT site, count() FROM t WHERE 0 GROUP BY site", ""},
    {"SELECT 1 FROM t", "1\n"
			"1\n"
			"1\n"
			"1\n"
			"1\n"},
    {"SELECT sum(lcp), avg(lcp), min(lcp), count(lcp), quantile(0.5)(lcp) FROM t WHERE site = "
     "'docs'",
     "\\N\t\\N\t\\N\t0\t\\N\n"},
    {"SELECT sum(bytes), avg(bytes), min(bytes), max(site), min(view_id), quantile(0.5)(bytes) "
     "FROM t WHERE 0",
     "0\tnan\t0\t\t0\tnan\n"},
    {"SELECT quantileExact(1)(view_id + 18446744073709551610), "
     "quantileExact(0.5)(view_id + 9007199254740992), quantileExact(0)(ts - INTERVAL 60 YEAR) < "
     "'1970-01-01' FROM t",
     "18446744073709551615\t9007199254740995\t1\n"},
    {"SELECT site, quantiles(0.5, 0.9)(lcp) FROM t GROUP BY site ORDER BY site",
     "blog\t[250.1,290.02]\n"
     "docs\t[nan,nan]\n"
     "shop\t[100.5,100.5]\n"},
    {"SELECT lcp, count() FROM t GROUP BY lcp ORDER BY lcp", "100.5\t1\n"
							     "200.2\t1\n"
							     "300\t1\n"
							     "\\N\t2\n"},
    {"SELECT site, sum(bytes) AS s FROM t GROUP BY site HAVING s > 30 ORDER BY s", "docs\t50\n"
										   "blog\t70\n"},
    {"SELECT site FROM t GROUP BY site HAVING count() > 1 AND max(lcp) > 250 ORDER BY site",
     "blog\n"},
    {"SELECT count() FROM t HAVING count() > 100", ""},
    {"SELECT upper(site) FROM t GROUP BY site ORDER BY upper(site)", "BLOG\n"
								     "DOCS\n"
								     "SHOP\n"},
    {"SELECT concat(site, '!') AS x FROM t GROUP BY site, x ORDER BY x DESC", "shop!\n"
									      "docs!\n"
									      "blog!\n"},
    {"SELECT sum(bytes) * 2 + count() FROM t GROUP BY site ORDER BY sum(bytes) DESC", "142\n"
										      "101\n"
										      "62\n"},
    {"SELECT if(count() > 1, 'many', site) FROM t GROUP BY site ORDER BY site", "many\n"
										"docs\n"
										"many\n"},
    {"SELECT t.site FROM t ORDER BY t.site LIMIT 1", "blog\n"},
    {"SELECT \"site\", `bytes` FROM t ORDER BY view_id LIMIT 1", "shop\t10\n"},
    {"SELECT site, FROM t ORDER BY view_id LIMIT 1", "shop\n"},
    {"SELECT count() c FROM t", "5\n"},
    {"SELECT 1, 'a', 1 AS b", "1\ta\t1\n"},
    {"SELECT max(site) = 'shop' FROM t", "1\n"},
    {"SELECT lcp > 150, count() FROM t GROUP BY lcp > 150 ORDER BY 1", "0\t1\n"
								       "1\t2\n"
								       "\\N\t2\n"},
    {"SELECT NOT lcp > 150, count() FROM t GROUP BY 1 ORDER BY 1", "0\t2\n"
								   "1\t1\n"
								   "\\N\t2\n"},
    {"SELECT lcp IN (300, 100.5) AS i, count() FROM t GROUP BY i ORDER BY i", "0\t1\n"
									      "1\t2\n"
									      "\\N\t2\n"},
    {"SELECT view_id FROM t WHERE lcp NOT IN (300) ORDER BY 1", "1\n"
								"4\n"},
    {"SELECT count(*), COUNT(1), count(lcp) FROM t", "5\t5\t3\n"},
    {"SELECT count() FROM t PREWHERE bytes > 15 WHERE bytes < 45", "3\n"},
    {"SELECT * FROM t ORDER BY view_id LIMIT 3",
     "2026-05-28 20:26:40.001\tshop\t1\t1\t10\t100.5\t{'plan':'pro'}\n"
     "2026-05-28 20:26:40.002\tshop\t2\t1\t20\t\\N\t{}\n"
     "2026-05-28 20:26:40.003\tblog\t3\t1\t30\t300\t{'plan':'free','step':'1'}\n"},
    {"SELECT site, count() FROM t GROUP BY site WITH TOTALS ORDER BY site",
     "blog\t2\ndocs\t1\nshop\t2\n"},
    {"SELECT view_id, site FROM t ORDER BY view_id LIMIT 1 BY site", "1\tshop\n3\tblog\n5\tdocs\n"},
    {"SELECT view_id FROM t ORDER BY view_id LIMIT 1 OFFSET 1 BY site LIMIT 1", "2\n"},
    {"SELECT DISTINCT count() > 0 FROM t GROUP BY site", "1\n"},
    {"SELECT view_id * 2 AS v, site FROM t ORDER BY v WITH FILL TO 12 STEP 1 LIMIT 1, 2",
     "3\t\n4\tshop\n"},
    {"SELECT nullIf(view_id, 2) AS v FROM t ORDER BY v WITH FILL FROM 0 TO 8",
     "0\n1\n2\n3\n4\n5\n6\n7\n\\N\n"},
    {"SELECT nullIf(view_id, 2) AS v FROM t ORDER BY v NULLS FIRST WITH FILL FROM 0 TO 8",
     "\\N\n0\n1\n2\n3\n4\n5\n6\n7\n"},
    {"SELECT bytes AS view_id, view_id AS bytes, count() FROM t GROUP BY 1, 2 ORDER BY 1 LIMIT 2",
     "1\t10\t1\n2\t20\t1\n"},
    {"SELECT quantilesExact(0.5, 1)(lcp), quantileExact(0.5)(lcp) FROM t WHERE view_id > 99",
     "[0,0]\t\\N\n"},
    {"SELECT bytes FROM t ORDER BY bytes DESC WITH FILL FROM 60 TO 35 STEP -5",
     "60\n55\n50\n45\n40\n30\n20\n10\n"},
    {"SELECT site, view_id FROM t WHERE view_id > 2 ORDER BY site, view_id WITH FILL FROM 2 TO 5",
     "blog\t2\nblog\t3\nblog\t4\ndocs\t2\ndocs\t3\ndocs\t4\ndocs\t5\n"},
    {"SELECT s, sum(b) FROM (SELECT site AS s, bytes AS b FROM t) GROUP BY s ORDER BY s",
     "blog\t70\ndocs\t50\nshop\t30\n"},
    {"SELECT max(c) FROM (SELECT count() AS c FROM t GROUP BY site)", "2\n"},
    {"SELECT view_id FROM t WHERE site IN (SELECT site FROM t GROUP BY site ORDER BY count() DESC, "
     "site "
     "LIMIT 1) ORDER BY 1",
     "3\n4\n"},
    {"SELECT count() FROM t WHERE bytes NOT IN (SELECT view_id * 20 FROM t)", "3\n"},
    {"SELECT (SELECT max(bytes) FROM t) - 1", "49\n"},
    {"SELECT (SELECT bytes FROM t WHERE 0) IS NULL", "1\n"},
    {"WITH a AS (SELECT bytes AS b FROM t), 3 AS k SELECT sum(b) + k FROM a", "153\n"},
    {"WITH 10 AS k SELECT x FROM (SELECT k + 1 AS x)", "11\n"},
    {"SELECT m['plan'] FROM (SELECT view_id, tags AS m FROM t) ORDER BY view_id LIMIT 1", "pro\n"},
    {"SELECT name FROM system.columns WHERE table = 't' AND comment != ''", "ts\nlcp\n"},
    {"SELECT database, total_rows FROM system.tables WHERE name = 't'", "default\t5\n"},
    {"SELECT * FROM system.one", "0\n"},
    {"SELECT name, is_aggregate, case_insensitive, alias_to FROM system.functions WHERE name IN "
     "('YEAR', 'countDistinct', 'toYear') ORDER BY name",
     "YEAR\t0\t1\ttoYear\ncountDistinct\t1\t0\tuniqExact\ntoYear\t0\t0\t\n"},
    {"SHOW TABLES LIKE 'x%'", ""},
    {"EXISTS t", "1\n"},
    {"EXISTS TABLE nosuch", "0\n"},
    {"EXISTS system.columns", "1\n"},
    {"DESCRIBE (SELECT 1 AS a)", "a\tUInt8\t\t\t\t\t\n"},
    {"EXPLAIN SELECT site, count() FROM t WHERE bytes > 1 GROUP BY site ORDER BY site LIMIT 1",
     "Limit 1 offset 0\n  Sort by site\n    Group by 1 keys, 1 aggregates, rows weighted\n"
     "      Filter greater(bytes, 1)\n        Read t: 2 of 2 blocks\n"},
    {"EXPLAIN SYNTAX SELECT count(), sum(bytes) AS s FROM t WHERE site = 'a'",
     "SELECT sum(_sample_interval) AS `count()`, sum(multiply(bytes, _sample_interval)) AS s FROM "
     "t WHERE equals(site, 'a')\n"},
    {"EXPLAIN SYNTAX SELECT quantileIf(0.5)(lcp, bytes > 1) FROM (SELECT * FROM t)",
     "SELECT quantileExactWeightedInterpolatedIf(0.5)(lcp, _sample_interval, greater(bytes, 1)) AS "
     "`quantileIf(0.5)(lcp, greater(bytes, 1))` FROM (SELECT * FROM t)\n"},
    /* The weights that a subquery is given are in no * around it. */
    {"EXPLAIN SYNTAX SELECT *, count() FROM (SELECT site, lower(site) FROM t) GROUP BY ALL",
     "SELECT site, `lower(site)`, sum(_sample_interval) AS `count()` FROM (SELECT site, "
     "lower(site), _sample_interval FROM t) GROUP BY ALL\n"},
    {"EXPLAIN SYNTAX SELECT count() FROM (SELECT * FROM (SELECT site FROM t))",
     "SELECT sum(_sample_interval) AS `count()` FROM (SELECT site, _sample_interval FROM (SELECT "
     "site, _sample_interval FROM t))\n"},
    {"EXPLAIN SYNTAX WITH a AS (SELECT site FROM t) SELECT * FROM a ORDER BY ALL",
     "WITH a AS (SELECT site, _sample_interval FROM t) SELECT site FROM a ORDER BY ALL ASC\n"},
    {"EXPLAIN SYNTAX SELECT site AS `all` FROM t GROUP BY `all`",
     "SELECT site AS `all` FROM t GROUP BY `all`\n"},
    {"EXPLAIN SELECT site FROM t ORDER BY ALL", "Sort by ALL\n  Read t: 2 of 2 blocks\n"},
    {"SELECT site, count() IN (2, 6) AS x, 'k' FROM t GROUP BY ALL ORDER BY ALL LIMIT 1 OFFSET 2",
     "shop\t1\tk\n"},
    {"SELECT DISTINCT upper('x') FROM t GROUP BY ALL", "X\n"},
    {"SELECT DISTINCT * FROM (SELECT site FROM t) ORDER BY ALL", "blog\ndocs\nshop\n"},
    {"SELECT toDate(max(ts)) + toIntervalDay(view_id) AS x FROM t WHERE view_id < 3 GROUP BY "
     "toIntervalDay(view_id) ORDER BY x",
     "2026-05-29\n2026-05-30\n"},
    {"SHOW TABLES", "t\n"},
    {"SHOW DATABASES", "default\nsystem\n"},
    {"DESCRIBE TABLE t", "ts\tDateTime64(3)\t\t\twhen\t\t\n"
			 "site\tLowCardinality(String)\t\t\t\t\t\n"
			 "view_id\tUInt64\t\t\t\t\t\n"
			 "_sample_interval\tUInt32\t\t\t\t\t\n"
			 "bytes\tUInt32\t\t\t\t\t\n"
			 "lcp\tNullable(Float64)\t\t\t[ms]\t\t\n"
			 "tags\tMap(String, String)\t\t\t\t\t\n"},
};

static void
append(struct store *store, uint64_t view, const char *site, double lcp, const char *plan,
       const char *step, uint32_t weight)
{
	const struct store_pair tags[2] = {{{"plan", 4}, {plan, (uint32_t)strlen(plan)}},
					   {{"step", 4}, {step, (uint32_t)strlen(step)}}};
	struct store_cell cells[8] = {{.column = TS, .value.i = 1780000000000 + (int64_t)view},
				      {.column = SITE, .value.s = {site, (uint32_t)strlen(site)}},
				      {.column = VIEW, .value.u = view},
				      {.column = WEIGHT, .value.u = weight},
				      {.column = BYTES, .value.u = view * 10}};
	struct store_row row = {.cells = cells, .cells_count = 5};
	struct store_entry entry = {.keyed = true,
				    .sort = cells[1].value.s,
				    .key = view,
				    .began_ms = cells[0].value.i,
				    .received_ms = cells[0].value.i,
				    .rows = &row,
				    .rows_count = 1};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	if (lcp != 0)
		cells[row.cells_count++] = (struct store_cell){.column = LCP, .value.f = lcp};
	if (plan[0] != '\0')
		cells[row.cells_count++] =
		    (struct store_cell){.column = TAGS, .value.pair = &tags[0]};
	if (step[0] != '\0')
		cells[row.cells_count++] =
		    (struct store_cell){.column = TAGS, .value.pair = &tags[1]};
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

static struct store *
open_five(char *directory, uint32_t weight)
{
	struct store *store = query_open(&schema, directory);

	append(store, 3, "blog", 300, "free", "1", weight);
	append(store, 1, "shop", 100.5, "pro", "", weight);
	assert_int_equal(store_flush(store, NULL), 0);
	append(store, 5, "docs", 0, "", "2", weight);
	append(store, 2, "shop", 0, "", "", weight);
	append(store, 4, "blog", 200.2, "", "", weight);
	return store;
}

/* Lines of a query without ORDER BY may come in any order. */
static bool
is_answer(const char *query, const char *found, const char *wanted)
{
	char line[256];

	if (strstr(query, "GROUP BY lcp") == NULL || strstr(query, "ORDER BY") != NULL)
		return strcmp(found, wanted) == 0;
	for (const char *at = wanted; *at != '\0'; at += strlen(line)) {
		snprintf(line, sizeof line, "%.*s", (int)(strchr(at, '\n') + 1 - at), at);
		if (strstr(found, line) == NULL)
			return false;
	}
	return strlen(found) == strlen(wanted);
}

static void
test_answers(void **state)
{
	char directory[256];
	struct store *store = open_five(directory, 1);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct store_result *result = NULL;
		struct store_error error = {0};
		struct text found = {0};

		if (query_run(store, table[i].query, &result, &error) != 0) {
			print_error("%s: %s\n", table[i].query, error.text);
			wrong++;
			continue;
		}
		text_add_result(&found, result);
		if (!is_answer(table[i].query, found.bytes, table[i].answer)) {
			print_error("%s gives\n%sinstead of\n%s", table[i].query, found.bytes,
				    table[i].answer);
			wrong++;
		}
		store_result_free(result);
	}
	assert_int_equal(wrong, 0);
	query_close(store, directory);
}

/* What every answer says about itself. */
static void
test_result(void **state)
{
	char directory[256];
	struct store *store = open_five(directory, 1);
	struct store_result *result;

	(void)state;
	assert_int_equal(query_run(store,
				   "SELECT view_id AS v, plus(bytes, 1) FROM t ORDER BY v LIMIT 2 "
				   "FORMAT JSONCompact",
				   &result, NULL),
			 0);
	assert_int_equal(result->columns_count, 2);
	assert_int_equal(result->rows_count, 2);
	assert_memory_equal(result->columns[0].name.bytes, "v", 1);
	assert_int_equal(result->columns[1].name.size, strlen("plus(bytes, 1)"));
	assert_memory_equal(result->columns[1].name.bytes, "plus(bytes, 1)", 14);
	assert_true(result->limited);
	assert_int_equal(result->rows_before_limit, 5);
	assert_int_equal(result->format.size, 11);
	assert_memory_equal(result->format.bytes, "JSONCompact", 11);
	assert_int_equal(result->rows_read, 5);
	assert_true(result->bytes_read > 0 && result->memory_peak_bytes > 0);
	assert_false(result->weighted);
	store_result_free(result);
	query_close(store, directory);
}

static void
check_cell(struct store *store, const char *query, uint64_t wanted, bool weighted)
{
	struct store_result *result = NULL;
	struct store_error error = {0};

	if (query_run(store, query, &result, &error) != 0)
		fail_msg("%s: %s", query, error.text);
	assert_int_equal(result->values[0][0].v.u, wanted);
	assert_int_equal(result->weighted, weighted);
	store_result_free(result);
}

/* Each row stands for ten, unless the query weights by itself. */
static void
test_weights(void **state)
{
	char directory[256];
	struct store *store = open_five(directory, 10);

	(void)state;
	check_cell(store, "SELECT count() FROM t", 50, true);
	check_cell(store, "SELECT sum(bytes) FROM t", 1500, true);
	check_cell(store, "SELECT uniq(site) FROM t", 3, true);
	check_cell(store, "SELECT max(bytes) FROM t", 50, true);
	check_cell(store, "SELECT sum(_sample_interval) FROM t", 50, false);
	check_cell(store, "SELECT sum(bytes * _sample_interval) FROM t", 1500, false);
	check_cell(store, "SELECT count() FROM t WHERE _sample_interval > 1", 5, false);
	check_cell(store, "SELECT count() FROM t GROUP BY _sample_interval", 5, false);
	check_cell(store, "SELECT count() FROM t ORDER BY max(_sample_interval)", 5, false);
	check_cell(store, "WITH _sample_interval AS w SELECT count() FROM t WHERE w > 1", 5, false);
	check_cell(store, "SELECT bytes FROM t ORDER BY view_id", 10, false);
	query_close(store, directory);
}

static void
check_parameter(struct store *store, const char *type, const char *value, int code, uint64_t wanted)
{
	struct store_parameter parameter = {.name = {"p", 1},
					    .value = {value, (uint32_t)strlen(value)}};
	struct store_result *result = NULL;
	struct store_error error = {0};
	struct text text = {0};
	struct store_query query = {.parameters = &parameter, .parameters_count = 1};
	int found;

	text_add(&text, "SELECT count() FROM t WHERE %s %s {p:%s}",
		 strstr(type, "String") != NULL ? "site"
		 : strcmp(type, "Date") == 0    ? "toDate(ts)"
		 : type[0] == 'D'               ? "toStartOfMinute(ts)"
						: "view_id",
		 type[0] == 'A' ? "IN" : "=", type);
	query.text = (struct store_str){text.bytes, (uint32_t)text.size};
	if ((found = store_query(store, &query, &result, &error)) != code)
		fail_msg("%s with '%s': %d instead of %d: %s", text.bytes, value, found, code,
			 error.text);
	if (code == 0)
		assert_int_equal(result->values[0][0].v.u, wanted);
	else if (code == STORE_EINVAL)
		assert_int_equal(error.clickhouse, 457);
	if (code == 0)
		store_result_free(result);
}

static void
test_parameters(void **state)
{
	char directory[256];
	struct store *store = open_five(directory, 1);

	(void)state;
	check_parameter(store, "UInt64", "3", 0, 1);
	check_parameter(store, "Int32", "-3", 0, 0);
	check_parameter(store, "Float64", "3e0", 0, 1);
	check_parameter(store, "String", "shop", 0, 2);
	check_parameter(store, "String", "' OR 1", 0, 0);
	check_parameter(store, "DateTime", "1779999960", 0, 5);
	check_parameter(store, "DateTime", "1780000000", 0, 0);
	check_parameter(store, "DateTime", "2026-05-28 20:26:00", 0, 5);
	check_parameter(store, "Date", "2026-05-28", 0, 5);
	check_parameter(store, "DateTime64(3)", "1779999960.0", 0, 5);
	check_parameter(store, "Nullable(UInt8)", "3", 0, 1);
	check_parameter(store, "Nullable(UInt8)", "\\N", 0, 0);
	check_parameter(store, "Nullable(String)", "\\N", 0, 0);
	check_parameter(store, "Nullable(String)", "shop", 0, 2);
	check_parameter(store, "LowCardinality(String)", "shop", 0, 2);
	check_parameter(store, "Array(UInt64)", "[1,3]", 0, 2);
	check_parameter(store, "Array(String)", "['shop','it\\'s']", 0, 2);
	check_parameter(store, "Array(String)", "[]", 0, 0);
	check_parameter(store, "Array(String)", "['a'", STORE_EINVAL, 0);
	check_parameter(store, "Array(String)", "[site]", STORE_EINVAL, 0);
	check_parameter(store, "Array(String)", "['a'] FROM t", STORE_EINVAL, 0);
	check_parameter(store, "Array(UInt64)", "['x']", STORE_ETYPE, 0);
	check_parameter(store, "Identifier", "view_id", 0, 5);
	check_parameter(store, "Identifier", "nosuch", STORE_EUNKNOWN, 0);
	check_parameter(store, "Tuple(UInt8)", "(1)", STORE_ENOTIMPL, 0);
	check_parameter(store, "UInt64", "", STORE_EINVAL, 0);
	check_parameter(store, "UInt64", "3x", STORE_EINVAL, 0);
	check_parameter(store, "UInt64", "-3", STORE_EINVAL, 0);
	check_parameter(store, "UInt8", "300", STORE_EINVAL, 0);
	check_parameter(store, "UInt64", "18446744073709551616", STORE_EINVAL, 0);
	check_parameter(store, "UInt64", "18446744073709551615", 0, 0);
	check_parameter(store, "Int64", "-9223372036854775808", 0, 0);
	check_parameter(store, "Int64", "9223372036854775807", 0, 0);
	check_parameter(store, "Int64", "9223372036854775808", STORE_EINVAL, 0);
	check_parameter(store, "Int64", "-9223372036854775809", STORE_EINVAL, 0);
	check_parameter(store, "Int8", "-129", STORE_EINVAL, 0);
	check_parameter(store, "Float64", "x", STORE_EINVAL, 0);
	check_parameter(store, "DateTime", "x", STORE_EINVAL, 0);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_result),
	    cmocka_unit_test(test_weights),
	    cmocka_unit_test(test_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
