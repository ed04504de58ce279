/*
 * Goal: membership in the rows of a subquery, and of tuples in a list, is as in ClickHouse.
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

static const struct row tuple_rows[] = {
    {"(1, 'a') IN ((1, 'b'), (2, 'a'), (1, 'a'))", "UInt8", "1"},
    {"(1, 'a') IN ((1, 'b'), (2, 'a'))", "UInt8", "0"},
    {"(1, 'a') NOT IN ((1, 'b'), (2, 'a'))", "UInt8", "1"},
    {"(1, 'a') NOT IN ((1, 'a'), (1, 'a'))", "UInt8", "0"},
    {"(1, 2) IN (2, 1)", "UInt8", "0"},
    {"(1, 2) IN [(2, 1), (1, 2)]", "UInt8", "1"},
    {"(1.0, -1) IN ((1, -1))", "UInt8", "1"},
    {"(toUInt64(18446744073709551615), 1) IN ((-1, 1))", "UInt8", "0"},
    {"(9007199254740993, 1) IN ((9007199254740992.0, 1))", "UInt8", "0"},
    {"(0.0, '') IN ((-0.0, ''))", "UInt8", "1"},
    {"(nan, 1) IN ((nan, 1))", "UInt8", "0"},
    {"(inf, 1) IN ((-inf, 1), (inf, 1))", "UInt8", "1"},
    {"(NULL, 1) IN ((NULL, 1))", "UInt8", "0"},
    {"(NULL, 1) NOT IN ((NULL, 1))", "UInt8", "1"},
    {"(nullIf(1, 1), 1) NOT IN ((1, 1))", "UInt8", "1"},
    {"(if(1 = 1, 1, NULL), 1) IN ((NULL, 1), (1, 1))", "UInt8", "1"},
    {"(toDate('2026-01-02'), 'x') IN (('2026-01-02', 'x'))", "UInt8", "1"},
    {"(toDateTime('2026-01-02 00:00:01'), 1) IN ((1767312001, 1))", "UInt8", "1"},
    {"(1, '2') IN ((1, '2'), (1, lower('X')))", "UInt8", "1"},
    {"tuple('a') IN (tuple('b'), tuple('a'))", "UInt8", "1"},
    {"((1, 2), 3) IN (((1, 2), 3), ((3, 4), 5))", "UInt8", "1"},
};
ROWS_TEST(tuple_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_set_rows),
	    cmocka_unit_test(check_tuple_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
