/*
 * Goal: aggregates of one row or none, and their types, are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row aggregates[] = {
    {"count()", "UInt64", "1"},
    {"count(*)", "UInt64", "1"},
    {"count(NULL)", "UInt64", "0"},
    {"countIf(1)", "UInt64", "1"},
    {"countIf(NULL)", "UInt64", "0"},
    {"countIf(1, 2)", "UInt64", "1"},
    {"sum(1)", "UInt64", "1"},
    {"sum(-1)", "Int64", "-1"},
    {"sum(1.5)", "Float64", "1.5"},
    {"sum(true)", "UInt64", "1"},
    {"sum(NULL)", "Nullable(UInt64)", "\\N"},
    {"sumIf(1, 0)", "UInt64", "0"},
    {"sumIf(1, NULL)", "UInt64", "0"},
    {"avg(1)", "Float64", "1"},
    {"avgIf(1, 0)", "Float64", "nan"},
    {"min(1)", "UInt8", "1"},
    {"min(true)", "Bool", "true"},
    {"min(toDate('2026-01-02'))", "Date", "2026-01-02"},
    {"minIf(1, 0)", "UInt8", "0"},
    {"max(nan)", "Float64", "nan"},
    {"max(NULL)", "Nullable(UInt8)", "\\N"},
    {"maxIf('a', 0)", "String", ""},
    {"quantile(0.5)(1)", "Float64", "1"},
    {"quantile(nan)", "Float64", "nan"},
    {"quantileIf(0.5)(1, 0)", "Float64", "nan"},
    {"quantiles(0.5, 0.9)(1)", "Array(Float64)", "[1,1]"},
    {"quantilesIf(0.5, 0.9)(1, 0)", "Array(Float64)", "[nan,nan]"},
    {"median(3)", "Float64", "3"},
    {"uniq(1)", "UInt64", "1"},
    {"uniq(NULL)", "UInt64", "0"},
    {"uniqIf(1, 0)", "UInt64", "0"},
    {"SUM(1)", "UInt64", "1"},
};
ROWS_TEST(aggregates)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_aggregates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
