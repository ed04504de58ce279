/*
 * Goal: strings by byte and by character: hex, trim, left, replace and their like are as in
 * ClickHouse. Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row text_rows[] = {
    {"hex('abc')", "String", "616263"},
    {"hex('')", "String", ""},
    {"hex(255)", "String", "FF"},
    {"hex(toUInt32(255))", "String", "FF"},
    {"hex(0)", "String", "00"},
    {"hex(-1)", "String", "FF"},
    {"hex(1.5)", "String", "000000000000F83F"},
    {"hex(toDate('2026-01-01'))", "String", "4FE6"},
    {"hex(toDateTime('2026-01-01 00:00:00'))", "String", "6955B900"},
    {"unhex('414243')", "String", "ABC"},
    {"unhex('')", "String", ""},
    {"empty('')", "UInt8", "1"},
    {"empty('x')", "UInt8", "0"},
    {"notEmpty('x')", "UInt8", "1"},
    {"notEmpty('')", "UInt8", "0"},
    {"trim('  a b ')", "String", "a b"},
    {"trimBoth(' a ')", "String", "a"},
    {"trimLeft('  a ')", "String", "a "},
    {"trimRight(' a  ')", "String", " a"},
    {"trimLeft('   ')", "String", ""},
    {"left('abc', 2)", "String", "ab"},
    {"left('abc', 0)", "String", ""},
    {"left('abc', -1)", "String", "ab"},
    {"left('abc', 10)", "String", "abc"},
    {"right('abc', 2)", "String", "bc"},
    {"right('abc', -1)", "String", "bc"},
    {"right('abc', 10)", "String", "abc"},
    {"lengthUTF8('')", "UInt64", "0"},
    {"lengthUTF8('héllo')", "UInt64", "5"},
    {"reverse('abc')", "String", "cba"},
    {"reverse('')", "String", ""},
    {"replaceAll('aXbX', 'X', '--')", "String", "a--b--"},
    {"replaceAll('aXbX', '', '-')", "String", "aXbX"},
    {"replaceAll('', 'a', 'b')", "String", ""},
    {"replaceAll('aaa', 'aa', 'b')", "String", "ba"},
    {"replaceOne('aXbX', 'X', '--')", "String", "a--bX"},
    {"replace('abc', 'b', '')", "String", "ac"},
    {"empty(NULL)", "Nullable(UInt8)", "\\N"},
    {"hex(NULL)", "Nullable(UInt8)", "\\N"},
};
ROWS_TEST(text_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_text_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
