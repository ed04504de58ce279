/*
 * Goal: membership in the rows of a subquery are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row set_rows[] = {
    {"1 IN (SELECT 1)", "UInt8", "1"},
    {"1 IN (SELECT 2)", "UInt8", "0"},
    {"1 NOT IN (SELECT 2)", "UInt8", "1"},
    {"'a' IN (SELECT 'a')", "UInt8", "1"},
    {"'a' IN (SELECT 'b')", "UInt8", "0"},
    {"'' IN (SELECT '')", "UInt8", "1"},
    {"1.0 IN (SELECT 1)", "UInt8", "1"},
    {"1 IN (SELECT 1.5)", "UInt8", "0"},
    {"-1 IN (SELECT -1)", "UInt8", "1"},
    {"18446744073709551615 IN (SELECT 18446744073709551615)", "UInt8", "1"},
    {"toDate('2026-01-02') IN (SELECT toDate('2026-01-02'))", "UInt8", "1"},
    {"nullIf(1, 1) IN (SELECT 1)", "Nullable(UInt8)", "\\N"},
    {"1 IN (SELECT nullIf(1, 1))", "UInt8", "0"},
    {"1 IN (SELECT 1 WHERE 0)", "UInt8", "0"},
    {"toUInt64(1) IN (SELECT toInt8(1))", "UInt8", "1"},
};
ROWS_TEST(set_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_set_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
