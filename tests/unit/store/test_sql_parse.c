/*
 * Goal: the grammar of SQL.md parses, with ClickHouse's precedence and its
 * canonical column names; errors say where and what was expected; hostile
 * queries cost time and memory in proportion to their size. Method: goldens of
 * text and canonical print; positions of errors; random token soup; very long
 * and very deep inputs.
 */
#include "check.h"

#include <time.h>

#include "store/sql_parse.h"

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

/* The first item of SELECT `expression`, printed. */
static void
check_print(const char *expression, const char *expected)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_error error = {0};
	struct sql_query *query;
	struct store_str printed;
	char text[2048];

	snprintf(text, sizeof text, "SELECT %s FROM t", expression);
	if (sql_parse(str(text), arena, &query, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	printed = sql_print(query->items[0], arena);
	snprintf(text, sizeof text, "%.*s", (int)printed.size, printed.bytes);
	assert_string_equal(text, expected);
	store_arena_free(arena);
}

static void
precedence(void **state)
{
	(void)state;
	check_print("1 + 2 * 3", "plus(1, multiply(2, 3))");
	check_print("(1 + 2) * 3", "multiply(plus(1, 2), 3)");
	check_print("1 - 2 - 3", "minus(minus(1, 2), 3)");
	check_print("a OR b AND c", "or(a, and(b, c))");
	check_print("NOT a = b", "not(equals(a, b))");
	check_print("NOT a AND b", "and(not(a), b)");
	check_print("a + 1 > b || 'x'", "greater(plus(a, 1), concat(b, 'x'))");
	check_print("DATE_ADD(day, 1, t)", "plus(t, toIntervalDay(1))");
	check_print("timestamp_sub(t, INTERVAL 1 hh)", "minus(t, toIntervalHour(1))");
	check_print("DATE '2026-05-29' + date", "plus(toDate('2026-05-29'), date)");
	check_print("timestamp 'x'", "toDateTime('x')");
	check_print("1 + a MOD b div 2", "plus(1, intDiv(modulo(a, b), 2))");
	check_print("COUNT(*) FILTER (WHERE a > 1)", "COUNTIf(greater(a, 1))");
	check_print("quantile(0.5)(a) filter(where b) + 1", "plus(quantileIf(0.5)(a, b), 1)");
	check_print("count(DISTINCT a) FILTER (WHERE b)", "countDistinctIf(a, b)");
	check_print("Trim(SUBSTRING(a, 1))", "trimBoth(substring(a, 1))");
	check_print("SUBSTR(a, 1)", "SUBSTR(a, 1)");
	check_print("DATEDIFF(wk, a, b)", "dateDiff('week', a, b)");
	check_print("plus(day, 1)", "plus(day, 1)");
	check_print("extract(dow FROM a + b)", "toDayOfWeek(plus(a, b), 2)");
	check_print("extract(hour, 'x')", "extract(hour, 'x')");
	check_print("- a * b", "multiply(negate(a), b)");
	check_print("a - -1", "minus(a, -1)");
	check_print("a = b IS NULL", "isNull(equals(a, b))");
	check_print("NOT x IS NOT NULL", "not(isNotNull(x))");
	check_print("a ? b : c ? d : e", "if(a, b, if(c, d, e))");
	check_print("a OR b ? 1 : 2", "if(or(a, b), 1, 2)");
	check_print("a AND b AND c OR d", "or(and(a, b, c), d)");
	check_print("(a AND b) AND c", "and(and(a, b), c)");
	check_print("a || b || c", "concat(a, b, c)");
	check_print("a % 2 == 0", "equals(modulo(a, 2), 0)");
	check_print("x BETWEEN 1 AND 2 AND y",
		    "and(and(greaterOrEquals(x, 1), lessOrEquals(x, 2)), y)");
	check_print("x NOT BETWEEN 1 AND 2", "or(less(x, 1), greater(x, 2))");
	check_print("a <> b", "notEquals(a, b)");
}

static void
canonical_names(void **state)
{
	(void)state;
	check_print("quantile(0.75)(lcp)", "quantile(0.75)(lcp)");
	check_print("quantiles(0.5, .75,0.950)(lcp)", "quantiles(0.5, 0.75, 0.95)(lcp)");
	check_print("count(*)", "count()");
	check_print("countIf(lcp<=2500)/n", "divide(countIf(lessOrEquals(lcp, 2500)), n)");
	check_print("a + INTERVAL 1 DAY", "plus(a, toIntervalDay(1))");
	check_print("a - interval '2' weeks", "minus(a, toIntervalWeek('2'))");
	check_print("tags['plan']", "arrayElement(tags, 'plan')");
	check_print("x IN (1, 2)", "in(x, (1, 2))");
	check_print("x NOT IN ('a')", "notIn(x, 'a')");
	check_print("x LIKE 'a%'", "like(x, 'a%')");
	check_print("x NOT ILIKE 'a%'", "notILike(x, 'a%')");
	check_print("and(a, or(b, NOT c), d)", "and(a, or(b, not(c)), d)");
	check_print("IN (x, (1, 2))", "in(x, (1, 2))");
	check_print("ilike(x, 'a') AND like(y, 'b')", "and(ilike(x, 'a'), like(y, 'b'))");
	check_print("CAST(a AS UInt8)", "CAST(a, 'UInt8')");
	check_print("CAST(a, 'Float64')", "CAST(a, 'Float64')");
	check_print("a::DateTime64(3)", "CAST(a, 'DateTime64(3)')");
	check_print("CASE WHEN a THEN 1 ELSE 2 END", "multiIf(a, 1, 2)");
	check_print("CASE x WHEN 1 THEN 'a' END", "caseWithExpression(x, 1, 'a', NULL)");
	check_print("[1, 2]", "[1, 2]");
	check_print("'it''s\\n'", "'it\\'s\\n'");
	check_print("1e3", "1000.");
	check_print("0.1", "0.1");
	check_print("0x10", "16");
	check_print("18446744073709551615", "18446744073709551615");
	check_print("t.lcp", "lcp");
	check_print("`a b`", "a b");
	check_print("(1 AS one) + 2", "plus(one, 2)");
	check_print("count(DISTINCT a)", "countDistinct(a)");
	check_print("true", "true");
	check_print("{id:UInt8}", "{id:UInt8}");
}

static struct sql_query *
parse(struct store_arena *arena, const char *text)
{
	struct store_error error = {0};
	struct sql_query *query;

	if (sql_parse(str(text), arena, &query, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	return query;
}

static void
clauses(void **state)
{
	struct store_arena *arena = store_arena_create(0);
	struct sql_query *query = parse(
	    arena, "WITH 1 AS one SELECT DISTINCT a, b AS c, FROM db.t AS x PREWHERE p WHERE w "
		   "GROUP BY a, b WITH TOTALS HAVING h ORDER BY a DESC NULLS FIRST, b ASC WITH "
		   "FILL FROM 1 TO 9 STEP 2 LIMIT 3 OFFSET 1 BY a LIMIT 4, 5 SETTINGS "
		   "max_threads = 2 FORMAT JSON;");

	(void)state;
	assert_int_equal(query->with_count, 1);
	assert_true(query->distinct && query->totals);
	assert_int_equal(query->items_count, 2);
	assert_memory_equal(query->items[1]->alias.bytes, "c", 1);
	assert_memory_equal(query->database.bytes, "db", 2);
	assert_memory_equal(query->table.bytes, "t", 1);
	assert_non_null(query->prewhere);
	assert_non_null(query->where);
	assert_non_null(query->having);
	assert_int_equal(query->group_count, 2);
	assert_int_equal(query->order_count, 2);
	assert_true(query->order[0].descending && query->order[0].nulls_first);
	assert_true(query->order[1].fill && query->order[1].step != NULL);
	assert_int_equal(query->limit_by_count->u, 3);
	assert_int_equal(query->limit_by_offset->u, 1);
	assert_int_equal(query->limit->u, 5);
	assert_int_equal(query->offset->u, 4);
	assert_int_equal(query->settings_count, 1);
	assert_memory_equal(query->format.bytes, "JSON", 4);
	store_arena_free(arena);
}

static void
statements(void **state)
{
	struct store_arena *arena = store_arena_create(0);

	(void)state;
	assert_int_equal(parse(arena, "show tables")->statement, SQL_SHOW_TABLES);
	assert_int_equal(parse(arena, "SHOW DATABASES")->statement, SQL_SHOW_DATABASES);
	assert_int_equal(parse(arena, "SHOW TABLES FROM default LIKE 'p%'")->like.size, 2);
	assert_int_equal(parse(arena, "DESC t FORMAT CSV")->statement, SQL_DESCRIBE);
	assert_int_equal(parse(arena, "DESCRIBE TABLE t")->statement, SQL_DESCRIBE);
	assert_int_equal(parse(arena, "EXISTS TABLE t")->statement, SQL_EXISTS);
	assert_int_equal(parse(arena, "EXPLAIN SYNTAX SELECT 1")->statement, SQL_EXPLAIN_SYNTAX);
	assert_int_equal(parse(arena, "EXPLAIN SELECT 1")->statement, SQL_EXPLAIN);
	assert_int_equal(parse(arena, "INSERT INTO t (a, b) FORMAT JSONEachRow")->statement,
			 SQL_INSERT);
	assert_non_null(parse(arena, "SELECT a FROM (SELECT 1 AS a) AS s")->from_query);
	assert_non_null(parse(arena, "SELECT a IN (SELECT 1)"));
	store_arena_free(arena);
}

static void
check_error(const char *text, uint32_t offset, const char *part)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_error error = {0};
	struct sql_query *query;

	assert_int_equal(sql_parse(str(text), arena, &query, &error), STORE_ESYNTAX);
	assert_int_equal(error.code, STORE_ESYNTAX);
	assert_int_equal(error.clickhouse, 62);
	assert_string_equal(error.name, "SYNTAX_ERROR");
	if (error.offset != offset || strstr(error.text, part) == NULL ||
	    strchr(error.text, '\n') != NULL)
		fail_msg("%s: at %llu: %s", text, (unsigned long long)error.offset, error.text);
	store_arena_free(arena);
}

static void
errors_have_positions(void **state)
{
	(void)state;
	check_error("", 0, "expected SELECT");
	check_error("SELECT", 6, "expected an expression");
	check_error("SELECT FROM t", 7, "expected an expression");
	check_error("SELECT a b c", 11, "expected the end of the query");
	check_error("SELECT a\nFROM t\nWHERE", 21, "line 3, column 6");
	check_error("SELECT (a", 9, "expected )");
	check_error("SELECT a FROM t GROUP a", 22, "expected BY");
	check_error("SELECT f(1", 10, "expected )");
	check_error("SELECT a FROM t LIMIT", 21, "expected an expression");
	check_error("SELECT CASE a END", 14, "expected WHEN");
	check_error("SELECT x BETWEEN 1", 18, "expected AND");
	check_error("SELECT INTERVAL 1 parsec", 18, "expected a unit of time");
	check_error("SELECT INTERVAL 1 ms", 18, "expected a unit of time");
	check_error("SELECT EXTRACT(era FROM t)", 15, "isodow, doy");
	check_error("SELECT EXTRACT(day FROM t", 25, "expected )");
	check_error("SELECT date_add(day, 1)", 23, "a number and a time");
	check_error("SELECT count() FILTER (a)", 23, "expected WHERE");
	check_error("SELECT count() FILTER (WHERE a", 30, "expected )");
	check_error("SELECT count() FILTER (WHERE)", 28, "expected an expression");
	check_error("SELECT 'abc", 7, "no end");
	check_error("DELETE FROM t", 0, "expected SELECT");
	check_error("SELECT a FROM t;;", 16, "expected the end");
	check_error("SELECT {a}", 9, "expected :");
	check_error("SELECT 1e999", 7, "number within Float64");
	check_error("SELECT a FROM t ORDER BY a NULLS", 32, "expected LAST");
}

static void
hostile(const char *prefix, const char *repeated, uint32_t times, const char *suffix, int expected)
{
	struct store_arena *arena = store_arena_create((size_t)256 << 20);
	struct store_error error = {0};
	size_t each = strlen(repeated), at = strlen(prefix);
	char *text = malloc(at + each * times + strlen(suffix) + 1);
	struct sql_query *query;
	clock_t began = clock();
	int code;

	strcpy(text, prefix);
	for (uint32_t i = 0; i < times; i++, at += each)
		memcpy(text + at, repeated, each);
	strcpy(text + at, suffix);
	code = sql_parse(str(text), arena, &query, &error);
	if (code != expected)
		fail_msg("%s x %u: %d %s", repeated, times, code, error.text);
	if (code == 0)
		assert_non_null(sql_print(query->items[0], arena).bytes);
	assert_true(error.code == code);
	assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 5);
	free(text);
	store_arena_free(arena);
}

static void
hostile_queries_are_bounded(void **state)
{
	(void)state;
	hostile("SELECT ", "(", 100000, "", STORE_ESYNTAX);
	hostile("SELECT ", "[", 100000, "", STORE_ESYNTAX);
	hostile("SELECT ", "NOT ", 60000, "1", STORE_ESYNTAX);
	hostile("SELECT ", "-", 1000, "1", STORE_ESYNTAX);
	hostile("SELECT ", "f(", 80000, "", STORE_ESYNTAX);
	hostile("", "SELECT ", 30000, "", STORE_ESYNTAX);
	hostile("", "SELECT 1 IN (", 10000, "", STORE_ESYNTAX);
	hostile("SELECT 1", "+1", 100000, "", STORE_ESYNTAX);
	hostile("SELECT a", "[1]", 50000, "", STORE_ESYNTAX);
	hostile("SELECT a", "::Int8", 40000, "", STORE_ESYNTAX);
	hostile("SELECT a", " IS NULL", 20000, "", STORE_ESYNTAX);
	hostile("SELECT a", " BETWEEN 1 AND 2", 30, "", STORE_ESYNTAX);
	hostile("SELECT ", "CASE ", 150, "1", STORE_ESYNTAX);
	hostile("SELECT 1", " AND 1", 40000, "", 0);
	hostile("SELECT 'a'", "||'\\n'", 30000, "", 0);
	hostile("SELECT x IN (1", ",1", 120000, ")", 0);
	hostile("SELECT x IN ('a'", ",'\\n'", 40000, ")", 0);
	hostile("SELECT 1", ",1", 120000, "", 0);
	hostile("SELECT 1", " ", 300000, "", STORE_ELIMIT);
}

/* Any order of tokens gives a query or an error, never anything else. */
static void
token_soup(void **state)
{
	static const char *const words[] = {
	    "SELECT", "FROM",  "t",       "a",    "(",     ")",        ",",    "+",     "-",
	    "1",      "'s'",   "AS",      "IN",   "NOT",   "AND",      "LIKE", "IS",    "NULL",
	    "CASE",   "WHEN",  "THEN",    "END",  "[",     "]",        "{",    "}",     ":",
	    "count",  "GROUP", "BY",      "WITH", "FILL",  "INTERVAL", "day",  "LIMIT", "::",
	    "?",      "CAST",  "BETWEEN", "*",    "WHERE", ".",        "||",   "ORDER", "FORMAT"};
	struct random random = random_seeded("token_soup");
	uint32_t parsed = 0;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		struct store_arena *arena = store_arena_create(0);
		struct store_error error = {0};
		struct sql_query *query;
		char text[512] = "SELECT ";
		uint32_t count = (uint32_t)random_below(&random, 14);

		for (uint32_t i = 0; i < count; i++) {
			strcat(text, words[random_below(&random, sizeof words / sizeof *words)]);
			strcat(text, " ");
		}
		if (sql_parse(str(text), arena, &query, &error) == 0) {
			parsed++;
			assert_non_null(sql_print(query->items[0], arena).bytes);
		} else {
			assert_int_equal(error.clickhouse, 62);
			assert_true(error.offset <= strlen(text));
		}
		store_arena_free(arena);
	}
	assert_true(parsed > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(precedence),
	    cmocka_unit_test(canonical_names),
	    cmocka_unit_test(clauses),
	    cmocka_unit_test(statements),
	    cmocka_unit_test(errors_have_positions),
	    cmocka_unit_test(hostile_queries_are_bounded),
	    cmocka_unit_test(token_soup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
