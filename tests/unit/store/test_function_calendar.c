/*
 * Goal: the calendar are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row calendar_rows[] = {
    {"toYear(toDate('2026-03-05'))", "UInt16", "2026"},
    {"toQuarter(toDate('2026-03-31'))", "UInt8", "1"},
    {"toQuarter(toDate('2026-04-01'))", "UInt8", "2"},
    {"toMonth(toDate('2026-12-05'))", "UInt8", "12"},
    {"toDayOfMonth(toDate('2026-03-05'))", "UInt8", "5"},
    {"toDayOfYear(toDate('2024-12-31'))", "UInt16", "366"},
    {"toISOWeek(toDate('2026-01-01'))", "UInt8", "1"},
    {"toISOWeek(toDate('2027-01-01'))", "UInt8", "53"},
    {"toSecond(toDateTime('2026-03-05 01:02:03'))", "UInt8", "3"},
    {"toYYYYMM(toDate('2026-03-05'))", "UInt32", "202603"},
    {"toYYYYMMDD(toDateTime('2026-03-05 01:02:03'))", "UInt32", "20260305"},
    {"toUnixTimestamp64Milli(toDateTime64('2026-03-05 01:12:03.5', 3))", "Int64", "1772673123500"},
    {"dateDiff('second', fromUnixTimestamp64Milli(-9223372036854775808), "
     "fromUnixTimestamp64Milli(9223372036854775807))",
     "Int64", "315569519999"},
    {"toStartOfWeek(fromUnixTimestamp64Milli(-9223372036854775808))", "Date", "1970-01-01"},
    {"fromUnixTimestamp64Milli(1767225600123)", "DateTime64(3)", "2026-01-01 00:00:00.123"},
    {"toStartOfQuarter(toDate('2026-03-05'))", "Date", "2026-01-01"},
    {"toStartOfYear(toDateTime('2026-03-05 01:02:03'))", "Date", "2026-01-01"},
    {"toStartOfInterval(toDateTime('2026-03-05 12:34:56'), INTERVAL 5 MINUTE)", "DateTime",
     "2026-03-05 12:30:00"},
    {"toStartOfInterval(toDateTime('2026-03-05 12:34:56'), INTERVAL 90 SECOND)", "DateTime",
     "2026-03-05 12:34:30"},
    {"toStartOfInterval(toDateTime('2026-03-05 12:34:56'), INTERVAL 5 HOUR)", "DateTime",
     "2026-03-05 10:00:00"},
    {"toStartOfInterval(toDateTime('2026-03-05 12:34:56'), INTERVAL 3 DAY)", "DateTime",
     "2026-03-05 00:00:00"},
    {"toStartOfInterval(toDateTime('2026-03-05 12:34:56'), INTERVAL 2 WEEK)", "Date", "2026-03-02"},
    {"toStartOfInterval(toDateTime('2026-03-05 12:34:56'), INTERVAL 7 MONTH)", "Date",
     "2026-01-01"},
    {"toStartOfInterval(toDateTime('2026-03-05 12:34:56'), INTERVAL 3 QUARTER)", "Date",
     "2026-01-01"},
    {"toStartOfInterval(toDate('2026-03-05'), INTERVAL 5 DAY)", "DateTime", "2026-03-03 00:00:00"},
    {"toStartOfInterval(toDateTime64('2026-03-05 12:34:56.789', 3), INTERVAL 1 YEAR)", "Date",
     "2026-01-01"},
    {"dateDiff('second', toDateTime('2026-03-05 01:12:03'), toDateTime('2026-03-05 01:12:04'))",
     "Int64", "1"},
    {"dateDiff('minute', toDateTime64('2026-03-05 01:12:03.9', 3), toDateTime('2026-03-05 "
     "01:14:00'))",
     "Int64", "2"},
    {"dateDiff('hour', toDateTime('2026-03-05 01:12:03'), toDateTime('2026-03-06 00:00:00'))",
     "Int64", "23"},
    {"dateDiff('day', toDate('2026-03-05'), toDate('2026-02-01'))", "Int64", "-32"},
    {"dateDiff('week', toDate('2026-03-01'), toDate('2026-03-02'))", "Int64", "1"},
    {"dateDiff('month', toDate('2026-03-31'), toDate('2026-04-01'))", "Int64", "1"},
    {"dateDiff('quarter', toDate('2026-03-05'), toDate('2026-07-01'))", "Int64", "2"},
    {"dateDiff('year', toDate('2025-12-31'), toDate('2026-01-01'))", "Int64", "1"},
    {"formatDateTime(toDateTime('2026-01-01 03:04:05'), '%Y-%m-%d %H:%i:%S')", "String",
     "2026-01-01 03:04:05"},
    {"formatDateTime(toDateTime('2026-03-05 15:04:05'), '%M %y %e %j %D %F %T %R %p %I %h %W %a %b "
     "%C')",
     "String", "March 26 5 064 03/05/26 2026-03-05 15:04:05 15:04 PM 03 03 Thursday Thu Mar 20"},
    {"formatDateTime(toDate('2026-01-01'), '%G %g %V %u %w %Q')", "String", "2026 26 01 4 4 1"},
    {"formatDateTime(toDateTime('2026-01-01 00:00:00'), '100%%')", "String", "100%"},
    {"formatDateTime(toDateTime64('2026-03-05 12:34:56.789', 3), '%f')", "String", "789000"},
};
ROWS_TEST(calendar_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_calendar_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
