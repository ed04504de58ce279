/*
 * Goal: regular expressions are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row pattern_rows[] = {
    {"match('hello', 'h.l+o')", "UInt8", "1"},
    {"match('hello', '^e')", "UInt8", "0"},
    {"match('a\\nb', 'a.b')", "UInt8", "1"},
    {"match('HELLO', '(?i)hel')", "UInt8", "1"},
    {"match('abc', '[a-c]{3}$')", "UInt8", "1"},
    {"match('x', '')", "UInt8", "1"},
    {"match('abc', 'b|d')", "UInt8", "1"},
    {"match('a', '\\\\d')", "UInt8", "0"},
    {"match('é', '^.$')", "UInt8", "1"},
    {"match('aaa', 'a{2,}?')", "UInt8", "1"},
    {"match('foo', '(?:o){2}')", "UInt8", "1"},
    {"match('foo', '\\\\bfoo\\\\b')", "UInt8", "1"},
    {"match('a\\n', 'a$')", "UInt8", "0"},
    {"match('b\\na', '^a')", "UInt8", "0"},
    {"match('b\\na', '(?m)^a')", "UInt8", "1"},
    {"match('a.c', 'a\\\\.c')", "UInt8", "1"},
    {"match('a]', '[]]')", "UInt8", "1"},
    {"match('É', '(?i)é')", "UInt8", "1"},
    {"match('', '^$')", "UInt8", "1"},
    {"match('ab', '(a|ab)(c|bcd)?$')", "UInt8", "1"},
    {"match('x{', 'x{')", "UInt8", "1"},
    {"match('x-1', '[[:alpha:]]-[[:digit:]]')", "UInt8", "1"},
    {"match('abc', '(?P<n>b)')", "UInt8", "1"},
    {"match('a', '[^[:alpha:]]')", "UInt8", "0"},
    {"match('\\t', '\\\\s')", "UInt8", "1"},
    {"match('a b', 'a\\\\x20b')", "UInt8", "1"},
    {"extract('abc123', '[0-9]+')", "String", "123"},
    {"extract('abc123', '([a-z]+)[0-9]')", "String", "abc"},
    {"extract('abc', 'x')", "String", ""},
    {"replaceRegexpOne('hello', 'l', 'L')", "String", "heLlo"},
    {"replaceRegexpAll('hello world', 'o', '0')", "String", "hell0 w0rld"},
    {"replaceRegexpAll('abc', '(.)', '\\\\1\\\\1')", "String", "aabbcc"},
    {"replaceRegexpAll('abc', '', '-')", "String", "abc"},
    {"replaceRegexpAll('aaa', 'a*', 'x')", "String", "xx"},
    {"replaceRegexpAll('baaac', 'a*', 'x')", "String", "xbxxcx"},
    {"replaceRegexpAll('/p/123/q/45', '[0-9]+', 'N')", "String", "/p/N/q/N"},
    {"replaceRegexpAll('abc', 'b', '[\\\\0]')", "String", "a[b]c"},
    {"replaceRegexpAll('ab', '$', 'x')", "String", "abx"},
    {"replaceRegexpAll('aXbX', 'X', '')", "String", "ab"},
    {"replaceRegexpAll('abcd', '(a)(z)?', '[\\\\2]')", "String", "[]bcd"},
    {"replaceRegexpAll('foobar', '(o)(o)', '\\\\2-\\\\1')", "String", "fo-obar"},
};
ROWS_TEST(pattern_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_pattern_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
