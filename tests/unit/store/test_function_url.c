/*
 * Goal: parts of URLs are as in ClickHouse.
 * Method: a table of expressions.
 */
#include "function_rows.h"

static const struct row url_rows[] = {
    {"domain('https://user@www.example.com:8080/a?b#c')", "String", "www.example.com"},
    {"domain('//x.y/z')", "String", "x.y"},
    {"domain('x.y/z')", "String", "x.y"},
    {"domain('/a/b')", "String", ""},
    {"domain('http:/a')", "String", ""},
    {"domain('')", "String", ""},
    {"domain('https://[::1]:80/')", "String", ""},
    {"domain('mailto:a@b.c')", "String", ""},
    {"domain('x')", "String", ""},
    {"domain('foo bar.com')", "String", ""},
    {"domain('http://a_b.com')", "String", "a_b.com"},
    {"domain('HTTP://EX.com.')", "String", ""},
    {"domain('http://localhost:80/')", "String", ""},
    {"domain('http://1.2.3.4/')", "String", "1.2.3.4"},
    {"domain('ftp://u:p@h.x:21/f')", "String", ""},
    {"domain('http://a..b/')", "String", "a..b"},
    {"domain('a.b:80/c')", "String", "a.b"},
    {"domainWithoutWWW('https://www.example.com/')", "String", "example.com"},
    {"domainWithoutWWW('https://wwww.example.com/')", "String", "wwww.example.com"},
    {"topLevelDomain('https://a.b.com/')", "String", "com"},
    {"topLevelDomain('https://localhost/')", "String", ""},
    {"protocol('https://x/')", "String", "https"},
    {"protocol('x.y')", "String", ""},
    {"protocol('')", "String", ""},
    {"path('https://x.y/a/b?c#d')", "String", "/a/b"},
    {"path('/a/b?c')", "String", "/a/b"},
    {"path('x.y')", "String", ""},
    {"path('http://x.y')", "String", ""},
    {"path('https:///a')", "String", "/a"},
    {"path('//x.y/a?b')", "String", "/a"},
    {"pathFull('https://x.y/a/b?c#d')", "String", "/a/b?c#d"},
    {"pathFull('https://x.y')", "String", ""},
    {"queryString('https://x.y/a?b=c#d')", "String", "b=c"},
    {"queryString('https://x.y/a')", "String", ""},
    {"queryString('?')", "String", ""},
    {"fragment('http://a/b#c')", "String", "c"},
    {"fragment('http://a/b')", "String", ""},
    {"cutFragment('http://a/b#c')", "String", "http://a/b"},
    {"cutQueryString('https://x.y/a?b=c#d')", "String", "https://x.y/a#d"},
    {"cutQueryString('x?')", "String", "x"},
    {"cutQueryStringAndFragment('https://x.y/a?b=c#d')", "String", "https://x.y/a"},
    {"extractURLParameter('http://x/?a=1&b=2', 'b')", "String", "2"},
    {"extractURLParameter('http://x/?a=1&b=2', 'a')", "String", "1"},
    {"extractURLParameter('http://x/?aa=1&a=2', 'a')", "String", "2"},
    {"extractURLParameter('http://x/', 'a')", "String", ""},
    {"extractURLParameter('a=1', 'a')", "String", ""},
};
ROWS_TEST(url_rows)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_url_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
