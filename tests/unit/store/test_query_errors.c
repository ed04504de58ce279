/*
 * Goal: a query that cannot be answered says why with ClickHouse's number and
 * name, the place in the text, and what was meant when that can be guessed;
 * every limit holds, and a query after an error is none the worse. Method: a
 * table of queries in which @ marks the place; each limit just kept and just
 * broken.
 */
#include <time.h>

#include "query_model.h"

struct wrong {
	const char *query; /* @ before the place of the error */
	int code, clickhouse;
	const char *name, *says;
};

#define SYNTAX STORE_ESYNTAX, 62, "SYNTAX_ERROR"
#define NOT_IMPLEMENTED STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED"
#define COLUMN STORE_EUNKNOWN, 47, "UNKNOWN_IDENTIFIER"
#define FUNCTION STORE_EUNKNOWN, 46, "UNKNOWN_FUNCTION"
#define ARGUMENT STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT"
#define ARITY STORE_ETYPE, 42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH"

static const struct wrong syntax[] = {
    {"@", SYNTAX, "expected SELECT"},
    {"@SELEC 1", SYNTAX, "expected SELECT"},
    {"SELECT @", SYNTAX, "expected an expression"},
    {"SELECT 1 @1", SYNTAX, "expected the end"},
    {"SELECT (1 + 2@", SYNTAX, "expected )"},
    {"SELECT 1 + @FROM pageviews", SYNTAX, "expected an expression"},
    {"SELECT count() FROM @WHERE 1", SYNTAX, "expected an identifier"},
    {"SELECT count() FROM pageviews WHERE @", SYNTAX, "expected an expression"},
    {"SELECT 1 FROM pageviews WHERE @AND 1\n", SYNTAX, ": AND 1: expected an expression"},
    {"SELECT count() FROM pageviews GROUP @site", SYNTAX, "expected BY"},
    {"SELECT count() FROM pageviews LIMIT @", SYNTAX, "expected an expression"},
    {"SELECT @'abc", SYNTAX, "no end"},
    {"SELECT 1@ /* x", SYNTAX, ""},
    {"SELECT\n  1 +\n  @) FROM pageviews", SYNTAX, "line 3, column 3"},
    {"SELECT INTERVAL 1 @fortnight", SYNTAX, "a unit of time"},
    {"SELECT 1 FORMAT JSON @1", SYNTAX, "expected the end"},
};

static const struct wrong names[] = {
    {"SELECT @nosuch FROM pageviews", COLUMN, "Unknown column nosuch in table pageviews"},
    {"SELECT site, @contry FROM pageviews", COLUMN, "maybe you meant: country"},
    {"SELECT lower(concat(site, @nosuch)) FROM pageviews", COLUMN, "nosuch"},
    {"SELECT 1 FROM pageviews WHERE site = 'a' AND @x > 1", COLUMN, "Unknown column x"},
    {"SELECT 1 FROM pageviews WHERE site = @\"shop\"", COLUMN,
     "Unknown column shop in table pageviews; a text is written in 'single quotes'"},
    {"SELECT 1 FROM pageviews WHERE site = @shop", COLUMN, "pageviews (see DESCRIBE TABLE)"},
    {"SELECT @\"contry\" FROM pageviews", COLUMN, "maybe you meant: country"},
    {"SELECT count() FROM pageviews GROUP BY @x", COLUMN, "Unknown column x"},
    {"SELECT count() FROM pageviews ORDER BY @x", COLUMN, "Unknown column x"},
    {"SELECT site, count() AS n FROM pageviews GROUP BY site HAVING @m > 1", COLUMN, "column m"},
    {"SELECT @site", COLUMN, "Unknown column site"},
    {"SELECT 1 AS x, @x2", COLUMN, "Unknown column x2"},
    {"SELECT @nosuch(1)", FUNCTION, "Unknown function nosuch"},
    {"SELECT @lowr(site) FROM pageviews", FUNCTION, "maybe you meant: lower"},
    {"SELECT @toHuor(ts) FROM pageviews", FUNCTION, "maybe you meant: toHour"},
    {"SELECT @COUNTIF(1)", FUNCTION, "COUNTIF"},
    {"SELECT 1 FROM @nosuch", STORE_EUNKNOWN, 60, "UNKNOWN_TABLE", "Unknown table nosuch"},
    {"SELECT 1 FROM @pageview", STORE_EUNKNOWN, 60, "UNKNOWN_TABLE", "maybe you meant: pageviews"},
    {"SELECT name FROM @system.nosuch", STORE_EUNKNOWN, 60, "UNKNOWN_TABLE", "SHOW TABLES FROM"},
    {"SELECT @a1 FROM (SELECT 1 AS b1)", STORE_EUNKNOWN, 47, "UNKNOWN_IDENTIFIER", "meant: b1"},
    {"DESCRIBE TABLE @nosuch", STORE_EUNKNOWN, 60, "UNKNOWN_TABLE", "Unknown table nosuch"},
    {"SELECT @{p:UInt8}", STORE_EINVAL, 456, "UNKNOWN_QUERY_PARAMETER", "param_p="},
};

#define FILL STORE_EINVAL, 475, "INVALID_WITH_FILL_EXPRESSION"

#define NO_INTERVAL STORE_ETYPE, 6, "CANNOT_PARSE_TEXT"

static const struct wrong types[] = {
    {"SELECT toDate('2026-01-01') + @INTERVAL 'abc' DAY", NO_INTERVAL, "not 'abc'"},
    {"SELECT toDate('2026-01-01') + @INTERVAL '' DAY", NO_INTERVAL, "not ''"},
    {"SELECT @toIntervalDay('3x')", NO_INTERVAL, "not '3x'"},
    {"SELECT @toIntervalDay('1.5')", NO_INTERVAL, "not '1.5'"},
    {"SELECT @toIntervalDay('9223372036854775808')", NO_INTERVAL, "whole number"},
    {"SELECT @toIntervalDay('00000000000000000000000000000000001')", NO_INTERVAL, "whole number"},
    {"SELECT date_trunc(@'era', ts) FROM pageviews", STORE_EINVAL, 36, "BAD_ARGUMENTS",
     "no unit 'era': second, minute"},
    {"SELECT date_trunc(@'hh', ts) FROM pageviews", STORE_EINVAL, 36, "BAD_ARGUMENTS", "no unit"},
    {"SELECT dateDiff(@'era', ts, ts) FROM pageviews", STORE_EINVAL, 36, "BAD_ARGUMENTS",
     "dateDiff knows no unit"},
    {"SELECT date_trunc(@site, ts) FROM pageviews", ARGUMENT, "date_trunc needs a unit"},
    {"SELECT date_trunc(@NULL, ts) FROM pageviews", ARGUMENT, "as in 'hour'"},
    {"SELECT @date_trunc(ts) FROM pageviews", ARITY, "date_trunc('hour', ts)"},
    {"SELECT toHour(ts, @'Europe/Berlin') FROM pageviews", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
     "'Europe/Berlin' is not implemented: all times are UTC"},
    {"SELECT toTimeZone(ts, @'utc') FROM pageviews", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
     "toTimeZone in time zone 'utc'"},
    {"SELECT toHour(ts, @5) FROM pageviews", ARGUMENT, "toHour can only be a time zone"},
    {"SELECT date_trunc('hour', ts, @NULL) FROM pageviews", ARGUMENT, "as in 'UTC'"},
    {"SELECT @tags, count() FROM pageviews GROUP BY ALL", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
     "GROUP BY a Map"},
    {"SELECT tags FROM pageviews ORDER BY @ALL", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
     "ORDER BY a Map or Array"},
    {"SELECT (site, bytes) IN (('a', 1), @('b', 2, 3)) FROM pageviews", STORE_ETYPE, 124,
     "INCORRECT_ELEMENT_OF_SET", "has 2 members, this one 3"},
    {"SELECT (site, bytes) IN (('a', 1), ('b', @(2, 3))) FROM pageviews", STORE_ETYPE, 53,
     "TYPE_MISMATCH", "is one value, not a list"},
    {"SELECT @upper('x') FROM pageviews GROUP BY ALL WITH TOTALS", STORE_ENOTIMPL, 48,
     "NOT_IMPLEMENTED", "WITH TOTALS without groups"},
    {"SELECT date_trunc(@'yyyy', ts) FROM pageviews", STORE_EINVAL, 36, "BAD_ARGUMENTS", "no unit"},
    {"SELECT (site, bytes) IN (('a', 1), @5) FROM pageviews", STORE_ETYPE, 124,
     "INCORRECT_ELEMENT_OF_SET", "this one 1"},
    {"SELECT @lower(bytes) FROM pageviews", ARGUMENT, "lower: (UInt32)"},
    {"SELECT site @+ 1 FROM pageviews", ARGUMENT, "plus: (String, UInt8)"},
    {"SELECT 1 FROM pageviews WHERE site @= 5", ARGUMENT, "equals: (String, UInt8)"},
    {"SELECT @if(site, 1, 2) FROM pageviews", ARGUMENT, "if: (String, UInt8, UInt8)"},
    {"SELECT @coalesce(lcp, site) FROM pageviews", ARGUMENT, "coalesce"},
    {"SELECT @toHour(site) FROM pageviews", ARGUMENT, "toHour: (String)"},
    {"SELECT @sum(site) FROM pageviews", ARGUMENT, "sum"},
    {"SELECT @sum(INTERVAL 1 DAY) FROM pageviews", ARGUMENT, "sum"},
    {"SELECT @max(INTERVAL 1 DAY) FROM pageviews", ARGUMENT, "max"},
    {"SELECT @quantile(0.5)(tags) FROM pageviews", ARGUMENT, "quantile"},
    {"SELECT @uniq(tags) FROM pageviews", ARGUMENT, "uniq"},
    {"SELECT @countIf(site) FROM pageviews", ARGUMENT, "a condition"},
    {"SELECT @if(1, tags, tags) FROM pageviews", ARGUMENT, "if"},
    {"SELECT @length(site, 1) FROM pageviews", ARITY, "passed 2, should be 1"},
    {"SELECT @substring(site) FROM pageviews", ARITY, "substring"},
    {"SELECT @sum() FROM pageviews", ARITY, "sum"},
    {"SELECT @count(1, 2) FROM pageviews", ARITY, "count"},
    {"SELECT @countIf() FROM pageviews", ARITY, "countIf"},
    {"SELECT 1 FROM pageviews WHERE bytes = @'x'", STORE_ETYPE, 53, "TYPE_MISMATCH", "'x'"},
    {"SELECT 1 FROM pageviews WHERE ts > @'2026-02-30'", STORE_ETYPE, 41, "CANNOT_PARSE_DATETIME",
     "to a time"},
    {"SELECT 1 FROM pageviews WHERE ts > @'x'", STORE_ETYPE, 41, "CANNOT_PARSE_DATETIME",
     "YYYY-MM-DD"},
    {"SELECT site @LIKE 'a\\\\' FROM pageviews", STORE_ETYPE, 25, "CANNOT_PARSE_ESCAPE_SEQUENCE",
     "ends in a"},
    {"SELECT toDate(@'2026')", STORE_ETYPE, 38, "CANNOT_PARSE_DATE", "YYYY-MM-DD"},
    {"SELECT 1 FROM pageviews WHERE @site", STORE_ETYPE, 59, "ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER",
     "WHERE"},
    {"SELECT count() FROM pageviews HAVING @'a'", STORE_ETYPE, 59,
     "ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER", "HAVING"},
    {"SELECT @site, count() FROM pageviews", STORE_ETYPE, 215, "NOT_AN_AGGREGATE", "site"},
    {"SELECT site FROM pageviews GROUP BY site ORDER BY @bytes", STORE_ETYPE, 215,
     "NOT_AN_AGGREGATE", "bytes"},
    {"SELECT count() FROM pageviews WHERE @count() > 1", STORE_ETYPE, 184, "ILLEGAL_AGGREGATION",
     "WHERE"},
    {"SELECT 1 FROM pageviews GROUP BY @sum(bytes)", STORE_ETYPE, 184, "ILLEGAL_AGGREGATION",
     "sum"},
    {"SELECT sum(@avg(bytes)) FROM pageviews", STORE_ETYPE, 184, "ILLEGAL_AGGREGATION", "avg"},
    {"SELECT @quantile(1.5)(lcp) FROM pageviews", STORE_EINVAL, 12, "PARAMETER_OUT_OF_BOUND",
     "from 0 to 1"},
    {"SELECT 1 LIMIT @-1", STORE_EINVAL, 440, "INVALID_LIMIT_EXPRESSION", "not negative"},
    {"SELECT 1 LIMIT 1 OFFSET @'a'", STORE_EINVAL, 440, "INVALID_LIMIT_EXPRESSION", ""},
    {"SELECT site FROM pageviews ORDER BY @2", STORE_EINVAL, 36, "BAD_ARGUMENTS", "Position 2"},
    {"SELECT site FROM pageviews GROUP BY @0", STORE_EINVAL, 36, "BAD_ARGUMENTS", "Position 0"},
    {"SELECT @topK(0)(site) FROM pageviews", STORE_EINVAL, 69, "ARGUMENT_OUT_OF_BOUND",
     "from 1 to"},
    {"SELECT @sum(1)(bytes) FROM pageviews", ARITY, "no parameters"},
    {"SELECT @argMin(site) FROM pageviews", ARITY, "argMin"},
    {"SELECT @quantileExactWeighted(0.5)(lcp, lcp) FROM pageviews", ARGUMENT, "weight"},
    {"SELECT @margin(uniq(site)) FROM pageviews", ARITY, "count, sum, avg or quantile"},
    {"SELECT @margin(count(DISTINCT site)) FROM pageviews", ARITY, "without DISTINCT"},
    {"SELECT @margin(quantileExactWeightedInterpolated(0.5)(lcp, 5)) FROM pageviews", ARITY,
     "count, sum, avg or quantile"},
    {"SELECT 1 FROM pageviews WHERE site @IN (SELECT 1)", STORE_ETYPE, 53, "TYPE_MISMATCH",
     "String IN a subquery of UInt8"},
    {"SELECT @(SELECT bytes FROM pageviews LIMIT 2)", STORE_EINVAL, 125,
     "INCORRECT_RESULT_OF_SCALAR_SUBQUERY", "more than one row"},
    {"SELECT @(SELECT 1, 2)", STORE_ETYPE, 20, "NUMBER_OF_COLUMNS_DOESNT_MATCH", "has 2"},
    {"SELECT site FROM pageviews ORDER BY @site WITH FILL", FILL, "numbers or times"},
    {"SELECT bytes FROM pageviews ORDER BY bytes WITH FILL FROM @'a'", FILL, "constant"},
    {"SELECT bytes FROM pageviews ORDER BY bytes WITH FILL TO @ts", FILL, "constant"},
    {"SELECT bytes FROM pageviews ORDER BY bytes WITH FILL FROM @1.5", FILL, "column's type"},
    {"SELECT bytes FROM pageviews ORDER BY bytes WITH FILL TO @-1", FILL, "negative"},
    {"SELECT bytes FROM pageviews ORDER BY @bytes WITH FILL STEP -1", FILL, "direction"},
    {"SELECT bytes FROM pageviews ORDER BY @bytes DESC WITH FILL STEP 1", FILL, "direction"},
    {"@SELECT quantileExactWeighted(0.5)(lcp, 9223372036854775808) FROM pageviews", STORE_ETYPE,
     407, "DECIMAL_OVERFLOW", "weights"},
    {"@SELECT quantileExactWeighted(0.5)(view_id, 9223372036854775808) FROM pageviews", STORE_ETYPE,
     407, "DECIMAL_OVERFLOW", "weights"},
    {"@SELECT quantileExactWeightedInterpolated(0.5)(lcp, 18446744073709551615) FROM pageviews",
     STORE_ETYPE, 407, "DECIMAL_OVERFLOW", "weights"},
    {"@SELECT site, quantileExactWeighted(0.5)(lcp, 4000000000000000000) FROM pageviews "
     "GROUP BY site WITH TOTALS",
     STORE_ETYPE, 407, "DECIMAL_OVERFLOW", "weights"},
    {"@SELECT sum(9223372036854775807 + bytes * 0) FROM pageviews", STORE_ETYPE, 407,
     "DECIMAL_OVERFLOW", "toFloat64"},
    {"@SELECT sum(-9223372036854775807 - bytes * 0) FROM pageviews", STORE_ETYPE, 407,
     "DECIMAL_OVERFLOW", "toFloat64"},
    {"SELECT 1 SETTINGS @nosuch = 1", STORE_EUNKNOWN, 115, "UNKNOWN_SETTING",
     "Unknown setting nosuch in SETTINGS"},
    {"SELECT 1 @UNION ALL SELECT 2", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED", "UNION"},
    {"SELECT 1 @UNION (SELECT 2)", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED", "UNION"},
    {"SELECT 1 @UNION", SYNTAX, "the end of the query"},
    {"SELECT site FROM pageviews @LEFT JOIN events USING site", STORE_ENOTIMPL, 48,
     "NOT_IMPLEMENTED", "LEFT"},
    {"SELECT site FROM pageviews AS a @JOIN events AS b ON a.site = b.site", STORE_ENOTIMPL, 48,
     "NOT_IMPLEMENTED", "JOIN"},
    {"SELECT s FROM (SELECT site AS s FROM pageviews @JOIN events USING site)", STORE_ENOTIMPL, 48,
     "NOT_IMPLEMENTED", "JOIN"},
    {"SELECT sum(lcp) @OVER (ORDER BY ts) FROM pageviews", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
     "OVER"},
    {"SELECT 1 + sum(lcp) @OVER w AS s FROM pageviews", STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
     "OVER"},
    {"SELECT @JOIN", SYNTAX, "expected"},
    {"SELECT 1 SETTINGS 1 @= max_threads", STORE_ESYNTAX, 62, "SYNTAX_ERROR", "name = value"},
    {"SELECT site FROM pageviews GROUP BY site SETTINGS max_threads = 1, @max_rows = 1",
     STORE_EUNKNOWN, 115, "UNKNOWN_SETTING", ""},
    {"SELECT @intDiv(1, 0)", STORE_ETYPE, 153, "ILLEGAL_DIVISION", "by zero"},
    {"SELECT now() - (INTERVAL 1 DAY @+ INTERVAL 1 HOUR)", STORE_ETYPE, 43,
     "ILLEGAL_TYPE_OF_ARGUMENT", "plus: (Interval, Interval)"},
    {"SELECT @addDays(1, 1)", STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT", "(UInt8, Interval)"},
    {"SELECT bytes @% 0 FROM pageviews", STORE_ETYPE, 153, "ILLEGAL_DIVISION", "by zero"},
};

/* What the grammar has and the engine has not: named, never half done. */
static const struct wrong missing[] = {
    {"SELECT bytes FROM pageviews ORDER BY bytes WITH FILL, @lcp WITH FILL", NOT_IMPLEMENTED,
     "WITH FILL of more than one column"},
    {"@INSERT INTO pageviews FORMAT CSV", NOT_IMPLEMENTED, "INSERT"},
    {"SELECT @(1, 2)", NOT_IMPLEMENTED, "tuple"},
    {"SELECT @sum(DISTINCT bytes) FROM pageviews", NOT_IMPLEMENTED, "DISTINCT"},
    {"SELECT @arrayJoin(bytes) FROM pageviews", NOT_IMPLEMENTED, "arrayJoin"},
    {"SELECT @corr(bytes, lcp) FROM pageviews", NOT_IMPLEMENTED, "corr"},
    {"SELECT @parseDateTimeBestEffort('2026-05-28') FROM pageviews", NOT_IMPLEMENTED,
     "parseDateTimeBestEffort"},
    {"SELECT 1 FROM pageviews GROUP BY @tags", NOT_IMPLEMENTED, "GROUP BY a Map"},
};

/* ---- checking -------------------------------------------------------- */

static bool
is_right(struct store *store, const struct wrong *wrong)
{
	const char *mark = strchr(wrong->query, '@');
	struct store_result *result = NULL;
	struct store_error error = {.offset = 77, .clickhouse = 77};
	struct text query = {0};
	int code;

	assert_non_null(mark);
	text_add(&query, "%.*s%s", (int)(mark - wrong->query), wrong->query, mark + 1);
	code = query_run(store, query.bytes, &result, &error);
	if (code == wrong->code && error.code == code && error.clickhouse == wrong->clickhouse &&
	    error.name != NULL && strcmp(error.name, wrong->name) == 0 &&
	    error.offset == (uint64_t)(mark - wrong->query) &&
	    strstr(error.text, wrong->says) != NULL)
		return true;
	print_error("%s: %d, %d %s at %llu: %s\n", wrong->query, code, error.clickhouse,
		    error.name == NULL ? "(no name)" : error.name, (unsigned long long)error.offset,
		    error.text);
	if (code == 0)
		store_result_free(result);
	return false;
}

#define FEW_ROWS 50u

static struct model_row rows[3000];

static struct store *
open_filled(char *directory, uint32_t count)
{
	struct store *store = query_open(&model_schema, directory);
	struct random random = random_seeded("rows");

	model_fill(store, &random, rows, count, 1);
	return store;
}

static void
check_table(const struct wrong *table, size_t count)
{
	char directory[256];
	struct store *store = open_filled(directory, FEW_ROWS);
	size_t failures = 0;
	struct store_result *result;

	for (size_t i = 0; i < count; i++)
		failures += !is_right(store, &table[i]);
	assert_int_equal(failures, 0);
	assert_int_equal(query_run(store, "SELECT count() FROM pageviews", &result, NULL), 0);
	assert_int_equal(result->values[0][0].v.u, FEW_ROWS);
	store_result_free(result);
	query_close(store, directory);
}

#define TABLE_TEST(table)                                             \
	static void check_##table(void **state)                       \
	{                                                             \
		(void)state;                                          \
		check_table(table, sizeof(table) / sizeof(*(table))); \
	}
TABLE_TEST(syntax)
TABLE_TEST(names)
TABLE_TEST(types)
TABLE_TEST(missing)

/* ---- limits ---------------------------------------------------------- */

static void
check_limit(struct store *store, const char *text, struct store_query limits, int code,
	    int clickhouse, const char *name)
{
	struct store_result *result = NULL;
	struct store_error error = {0};
	int found;

	limits.text = model_str(text);
	limits.now_ms = TEST_NOW_MS;
	found = store_query(store, &limits, &result, &error);
	if (found != code)
		fail_msg("%.200s: %d instead of %d: %s", text, found, code, error.text);
	if (code == 0) {
		store_result_free(result);
		return;
	}
	assert_int_equal(error.clickhouse, clickhouse);
	assert_string_equal(error.name, name);
	assert_true(strlen(error.text) > 10);
}

#define MEMORY STORE_ELIMIT, 241, "MEMORY_LIMIT_EXCEEDED"
#define GROUPS STORE_ELIMIT, 158, "TOO_MANY_ROWS"
#define ROWS STORE_ELIMIT, 396, "TOO_MANY_ROWS_OR_BYTES"
#define TIMEOUT STORE_ETIMEOUT, 159, "TIMEOUT_EXCEEDED"
#define CANCELLED STORE_ECANCEL, 394, "QUERY_WAS_CANCELLED"
#define FINE 0, 0, ""

static void
check_limits(void **state)
{
	static const char *const wide = "SELECT view_id, count(), uniq(path) FROM pageviews GROUP "
					"BY view_id";
	static const char *const all = "SELECT view_id FROM pageviews";
	static const char *const sorted = "SELECT view_id FROM pageviews ORDER BY path";
	static const char *const coded = "SELECT country FROM pageviews GROUP BY country";
	const volatile int cancel = 1, go_on = 0;
	char directory[256];
	struct store_result *result;
	struct store *store;
	uint32_t groups;

	(void)state;
	store = open_filled(directory, 3000);
	check_limit(store, wide, (struct store_query){.groups_max = 2999}, GROUPS);
	check_limit(store, wide, (struct store_query){.groups_max = 3000}, FINE);
	check_limit(store, wide, (struct store_query){.result_rows_max = 2999}, ROWS);
	check_limit(store, all, (struct store_query){.result_rows_max = 2999}, ROWS);
	check_limit(store, all, (struct store_query){.result_rows_max = 3000}, FINE);
	check_limit(store, sorted, (struct store_query){.result_rows_max = 2999}, ROWS);
	check_limit(store, wide, (struct store_query){.timeout_ns = 1}, TIMEOUT);
	check_limit(store, all, (struct store_query){.cancel = &cancel}, CANCELLED);
	check_limit(store, all, (struct store_query){.cancel = &go_on}, FINE);
	/* All are in the first segment, whose strings are groups without a look at them. */
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(query_run(store, coded, &result, NULL), 0);
	groups = (uint32_t)result->rows_count;
	store_result_free(result);
	assert_true(groups > 1);
	check_limit(store, coded, (struct store_query){.groups_max = groups - 1}, GROUPS);
	check_limit(store, coded, (struct store_query){.groups_max = groups}, FINE);
	query_close(store, directory);
}

/* LIMIT keeps what is collected small: the limit on rows is one on the result. */
static void
check_limit_clause(void **state)
{
	struct store_query limits = {.result_rows_max = 10};
	char directory[256];
	struct store *store;

	(void)state;
	store = open_filled(directory, 3000);
	check_limit(store, "SELECT view_id FROM pageviews LIMIT 10", limits, FINE);
	check_limit(store, "SELECT view_id FROM pageviews LIMIT 11", limits, ROWS);
	check_limit(store, "SELECT view_id FROM pageviews ORDER BY path, view_id LIMIT 10", limits,
		    FINE);
	check_limit(store, "SELECT view_id, count() FROM pageviews GROUP BY 1 ORDER BY 1 LIMIT 10",
		    limits, FINE);
	query_close(store, directory);
}

/* Whatever the bound, a query gets an answer or error 241: also what is only
 * needed for a while counts. */
static void
check_memory(void **state)
{
	static char constant[60000];
	static const char *const queries[] = {
	    "SELECT view_id, uniq(path), quantile(0.5)(lcp) FROM pageviews GROUP BY view_id",
	    "SELECT *, path || site FROM pageviews ORDER BY path",
	    constant,
	};
	char directory[256];
	struct store *store;

	(void)state;
	store = open_filled(directory, 3000);
	memset(constant, 'x', sizeof constant - 1);
	memcpy(constant, "SELECT max(length(toString(view_id) || '", 40);
	memcpy(constant + sizeof constant - 20, "')) FROM pageviews", 19);
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		for (size_t bytes = 1000; bytes < 8000000; bytes = bytes * 5 / 4) {
			struct store_query limits = {.text = model_str(queries[i]),
						     .memory_bytes_max = bytes};
			struct store_result *result = NULL;
			struct store_error error = {0};
			int code = store_query(store, &limits, &result, &error);

			if (code == 0)
				store_result_free(result);
			else
				assert_int_equal(error.clickhouse, 241);
		}
	}
	check_limit(store, queries[0], (struct store_query){.memory_bytes_max = 100000}, MEMORY);
	check_limit(store, constant, (struct store_query){.memory_bytes_max = 8000000}, MEMORY);
	query_close(store, directory);
}

/* A text beyond 4 GiB, of parts that are one text. */
static void
check_long_text(void **state)
{
	struct text query = {0};
	char directory[256], bytes[1025] = {0};
	struct store *store;

	(void)state;
	store = open_filled(directory, 1);
	memset(bytes, 'x', sizeof bytes - 1);
	text_add(&query, "SELECT length(concat(m");
	for (int i = 1; i < 64; i++)
		text_add(&query, ", m");
	text_add(&query,
		 ")) FROM (SELECT replaceAll(replaceAll('%s', 'x', '%s'), 'x', '%.64s') AS m "
		 "FROM pageviews)",
		 bytes, bytes, bytes);
	check_limit(store, query.bytes, (struct store_query){0}, MEMORY);
	query_close(store, directory);
}

/* Time is looked at inside a block, a call and a search, and while constants
 * are made; undisturbed these would take minutes. */
static void
check_time_inside(void **state)
{
	static char constant[220000], matches[20000], conditions[200000], nested[200000];
	const volatile int cancel = 1;
	struct store_query soon = {.timeout_ns = 50000000};
	struct timespec began, ended;
	char directory[256];
	struct store *store;
	size_t size;

	(void)state;
	size = (size_t)sprintf(constant, "SELECT match('");
	memset(constant + size, 'x', 200000);
	sprintf(constant + size + 200000, "', '(x?){900}y')");
	size = (size_t)sprintf(matches, "SELECT count() FROM pageviews WHERE 0");
	for (int i = 0; i < 300; i++)
		size += (size_t)sprintf(matches + size,
					" OR match(concat(path, '%d'), '(.?){900}@')", i);
	size = (size_t)sprintf(conditions, "EXPLAIN SELECT count() FROM pageviews WHERE 0");
	for (int i = 0; i < 15000; i++)
		size += (size_t)sprintf(conditions + size, " OR path=''");
	size = (size_t)sprintf(nested, "SELECT 0");
	for (int i = 0; i < 200; i++) /* each is planned in a fraction of the time */
		size +=
		    (size_t)sprintf(nested + size, ", (SELECT match('%0100d', '(.?){900}@'))", i);
	store = open_filled(directory, 3000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
	check_limit(store, constant, soon, TIMEOUT);
	check_limit(store, matches, soon, TIMEOUT);
	check_limit(store, nested, soon, TIMEOUT);
	check_limit(store, constant, (struct store_query){.cancel = &cancel}, CANCELLED);
	check_limit(store, matches, (struct store_query){.cancel = &cancel}, CANCELLED);
	check_limit(store, conditions, (struct store_query){.cancel = &cancel}, CANCELLED);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	assert_true(ended.tv_sec - began.tv_sec < 10);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_syntax),    cmocka_unit_test(check_names),
	    cmocka_unit_test(check_types),     cmocka_unit_test(check_missing),
	    cmocka_unit_test(check_limits),    cmocka_unit_test(check_limit_clause),
	    cmocka_unit_test(check_memory),    cmocka_unit_test(check_time_inside),
	    cmocka_unit_test(check_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
