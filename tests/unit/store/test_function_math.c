/*
 * Goal: arithmetic of floats are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row math_rows[] = {
    {"log(10)", "Float64", "2.302585092994046"},
    {"ln(1)", "Float64", "0"},
    {"log2(8)", "Float64", "3"},
    {"log10(100)", "Float64", "2"},
    {"exp(1)", "Float64", "2.718281828459045"},
    {"exp2(3)", "Float64", "8"},
    {"sqrt(2)", "Float64", "1.4142135623730951"},
    {"cbrt(27)", "Float64", "3"},
    {"pow(2, 10)", "Float64", "1024"},
    {"power(2, 0.5)", "Float64", "1.4142135623730951"},
    {"pow(-1, 0.5)", "Float64", "nan"},
    {"abs(-3)", "UInt8", "3"},
    {"abs(-1.5)", "Float64", "1.5"},
    {"abs(toUInt8(3))", "UInt8", "3"},
    {"sign(-2)", "Int8", "-1"},
    {"sign(0)", "Int8", "0"},
    {"sign(3.5)", "Int8", "1"},
    {"sign(nan)", "Int8", "1"},
    {"sign(-inf)", "Int8", "-1"},
    {"isNaN(nan)", "UInt8", "1"},
    {"isNaN(1)", "UInt8", "0"},
    {"isFinite(inf)", "UInt8", "0"},
    {"isFinite(1.5)", "UInt8", "1"},
    {"isInfinite(-inf)", "UInt8", "1"},
    {"ifNotFinite(1 / 0, 7)", "Float64", "7"},
    {"ifNotFinite(nullIf(1, 1), 7)", "Nullable(UInt8)", "7"},
    {"ifNotFinite(3, 700)", "UInt16", "3"},
    {"ifNotFinite(2.5, 7)", "Float64", "2.5"},
    {"log(0)", "Float64", "-inf"},
    {"log(-1)", "Float64", "nan"},
    {"pi()", "Float64", "3.141592653589793"},
    {"e()", "Float64", "2.718281828459045"},
    {"sqrt(NULL)", "Nullable(UInt8)", "\\N"},
    {"round(sin(1), 10)", "Float64", "0.8414709848"},
    {"round(cos(1), 10)", "Float64", "0.5403023059"},
    {"round(tan(1), 10)", "Float64", "1.5574077247"},
    {"round(atan(1), 10)", "Float64", "0.7853981634"},
};
ROWS_TEST(math_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_math_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
