/*
 * Goal: arrays and maps are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row array_rows[] = {
    {"[1, 2, 3]", "Array(UInt8)", "[1,2,3]"},
    {"[1, -1]", "Array(Int16)", "[1,-1]"},
    {"[1.5, 2.5]", "Array(Float64)", "[1.5,2.5]"},
    {"[true, false]", "Array(Bool)", "[true,false]"},
    {"[1, 2, 3][1]", "UInt8", "1"},
    {"[1, 2, 3][-1]", "UInt8", "3"},
    {"[1, 2, 3][4]", "UInt8", "0"},
    {"[1, 2, 3][-4]", "UInt8", "0"},
    {"['a'][2]", "String", ""},
    {"[1.5][9]", "Float64", "0"},
    {"length([1, 2])", "UInt64", "2"},
    {"empty([1])", "UInt8", "0"},
    {"notEmpty([1])", "UInt8", "1"},
    {"has([1, 2], 2)", "UInt8", "1"},
    {"has([1, 2], 2.0)", "UInt8", "1"},
    {"has([0, 1], nullIf(1, 1))", "UInt8", "0"},
    {"has([1.5], 1)", "UInt8", "0"},
    {"has(['a'], 'a')", "UInt8", "1"},
    {"has([-1], 255)", "UInt8", "0"},
    {"has([toDate('2026-01-02')], toDate('2026-01-02'))", "UInt8", "1"},
    {"2 IN [1, 2]", "UInt8", "1"},
};
ROWS_TEST(array_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_array_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
