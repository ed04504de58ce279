/*
 * Goal: conversions are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row cast_rows[] = {
    {"toUInt8('12')", "UInt8", "12"},
    {"toInt32('-5')", "Int32", "-5"},
    {"toFloat64('1.5')", "Float64", "1.5"},
    {"toUInt64('18446744073709551615')", "UInt64", "18446744073709551615"},
    {"toUInt8(300)", "UInt8", "44"},
    {"toUInt8('300')", "UInt8", "44"},
    {"toInt8(200.7)", "Int8", "-56"},
    {"toUInt16(-1)", "UInt16", "65535"},
    {"toUInt64(1e19)", "UInt64", "10000000000000000000"},
    {"toInt64(-9.22e18)", "Int64", "-9220000000000000000"},
    {"toUInt64(1.9e19)", "UInt64", "9223372036854775808"},
    {"toUInt32(toDate('2026-01-01'))", "UInt32", "20454"},
    {"toBool(2)", "Bool", "true"},
    {"toBool('true')", "Bool", "true"},
    {"toBool(0)", "Bool", "false"},
    {"toUInt64OrZero('x')", "UInt64", "0"},
    {"toUInt64OrNull('x')", "Nullable(UInt64)", "\\N"},
    {"toUInt64OrNull('5')", "Nullable(UInt64)", "5"},
    {"toFloat64OrNull('1.5x')", "Nullable(Float64)", "\\N"},
    {"toInt8OrZero('-7')", "Int8", "-7"},
    {"toFloat64OrZero('')", "Float64", "0"},
    {"CAST(1 AS UInt8)", "UInt8", "1"},
    {"CAST('12', 'UInt32')", "UInt32", "12"},
    {"CAST(1.5 AS String)", "String", "1.5"},
    {"CAST('2026-01-01' AS Date)", "Date", "2026-01-01"},
    {"CAST('2026-01-01 00:00:00.5' AS DateTime64(3))", "DateTime64(3)", "2026-01-01 00:00:00.500"},
    {"CAST(NULL AS Nullable(UInt8))", "Nullable(UInt8)", "\\N"},
    {"CAST(1 AS Bool)", "Bool", "true"},
    {"CAST(2.9 AS UInt8)", "UInt8", "2"},
    {"CAST('5' AS Nullable(Int16))", "Nullable(Int16)", "5"},
    {"'7'::UInt8", "UInt8", "7"},
    {"1::String", "String", "1"},
    {"toDate(1767225600)", "Date", "2026-01-01"},
    {"toDate(20000)", "Date", "2024-10-04"},
    {"toDateTime(0)", "DateTime", "1970-01-01 00:00:00"},
    {"toDateTime('2026-01-01')", "DateTime", "2026-01-01 00:00:00"},
    {"toDateTime64(1767225600.5, 3)", "DateTime64(3)", "2026-01-01 00:00:00.500"},
    {"toDateTime64(toDate('2026-01-01'), 3)", "DateTime64(3)", "2026-01-01 00:00:00.000"},
    {"toInt64(toDateTime64('2026-01-01 00:00:01.9', 3))", "Int64", "1767225601"},
    {"toInt64(fromUnixTimestamp64Milli(-1500))", "Int64", "-1"},
    {"toInt64(fromUnixTimestamp64Milli(-500))", "Int64", "0"},
    {"toInt64(fromUnixTimestamp64Milli(-2000))", "Int64", "-2"},
    {"toInt8(fromUnixTimestamp64Milli(-1500))", "Int8", "-1"},
    {"CAST(fromUnixTimestamp64Milli(-500) AS Bool)", "Bool", "true"},
    {"CAST(fromUnixTimestamp64Milli(500) AS Bool)", "Bool", "true"},
    {"CAST(fromUnixTimestamp64Milli(0) AS Bool)", "Bool", "false"},
    {"toFloat64(toDateTime64('2026-01-01 00:00:01.5', 3))", "Float64", "1767225601.5"},
    {"toInt32('+5')", "Int32", "5"},
    {"toInt32OrNull('+')", "Nullable(Int32)", "\\N"},
    {"toUInt64('18446744073709551616')", "UInt64", "0"},
    {"toInt64('99999999999999999999999')", "Int64", "200376420520689663"},
    {"toUInt64OrNull('18446744073709551616')", "Nullable(UInt64)", "\\N"},
    {"toInt64OrNull('-9223372036854775809')", "Nullable(Int64)", "\\N"},
    {"toInt64OrNull('-9223372036854775808')", "Nullable(Int64)", "-9223372036854775808"},
    {"CAST('x' AS Nullable(UInt8))", "Nullable(UInt8)", "\\N"},
    {"CAST('300' AS Nullable(UInt8))", "Nullable(UInt8)", "\\N"},
    {"CAST('2026-13-01' AS Nullable(DateTime))", "Nullable(DateTime)", "\\N"},
    {"toBool('Yes')", "Bool", "true"},
    {"toBool('OFF')", "Bool", "false"},
    {"toBool(nan)", "Bool", "true"},
    {"toDateTime64(-1.5, 3)", "DateTime64(3)", "1969-12-31 23:59:58.500"},
    {"toDateTime64(4294967296, 3)", "DateTime64(3)", "2106-02-07 06:28:16.000"},
    {"toDateTime64(1e12, 3)", "DateTime64(3)", "9999-12-31 23:59:59.000"},
    {"toString(toDateTime64(-1e12, 3))", "String", "0000-01-01 00:00:00.000"},
    {"toDateTime64('1899-12-31 23:59:59', 3)", "DateTime64(3)", "1899-12-31 23:59:59.000"},
    {"toString(fromUnixTimestamp64Milli(-50000000000000))", "String", "0385-07-25 07:06:40.000"},
    {"toString(fromUnixTimestamp64Milli(9223372036854775807))", "String",
     "9999-12-31 23:59:59.999"},
    {"toInt64OrNull('a') + 1", "Nullable(Int64)", "\\N"},
    {"concat(nullIf(1, 1), 'a')", "Nullable(String)", "\\N"},
    {"toDateTime(nullIf(1, 1))", "Nullable(DateTime)", "\\N"},
    {"NULL + 1", "Nullable(UInt8)", "\\N"},
    {"CAST(1 AS Nullable(UInt8)) = '1'", "Nullable(UInt8)", "1"},
};
ROWS_TEST(cast_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_cast_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
