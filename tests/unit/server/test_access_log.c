/*
 * Goal: what web servers write of a request is read as they meant it, whatever
 * a client put into it, and becomes a beacon, a page or nothing. Method: lines
 * as nginx, Apache, Caddy and Traefik write them, each field as text; every
 * escape; lines of hostile clients; then the events, as rows. (Any bytes at
 * all: tests/fuzz.)
 */
#include <time.h>

#include "dump.h"

#include "server/access_log.h"

#define STAMP "[21/Nov/2026:10:00:00 +0000]"
#define STAMP_MS 1795255200000
#define CHROME "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36"

static struct store_arena *arena;
static struct access_log_line line;
static struct event_error error;
static struct event_batch batch;

static int
setup(void **state)
{
	(void)state;
	arena = store_arena_create(0);
	return arena == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	store_arena_free(arena);
	return 0;
}

static void
is(struct store_str text, const char *expected)
{
	assert_int_equal(text.size, strlen(expected));
	assert_memory_equal(text.bytes, expected, text.size);
}

static void
takes(const char *text)
{
	int result = text[0] == '{' ? access_log_parse_json(beacon_str(text), arena, &line, &error)
				    : access_log_parse(beacon_str(text), arena, &line, &error);

	if (result != 0)
		fail_msg("%s: %s", text, error.text);
}

static void
refuses(const char *text, const char *expected)
{
	int result = text[0] == '{' ? access_log_parse_json(beacon_str(text), arena, &line, &error)
				    : access_log_parse(beacon_str(text), arena, &line, &error);

	assert_int_equal(result, STORE_EINVAL);
	assert_string_equal(error.text, expected);
}

/* ---- lines ----------------------------------------------------------- */

static void
combined(void **state)
{
	(void)state;
	takes("192.0.2.7 - alice " STAMP
	      " \"GET /p/42?q=1 HTTP/1.1\" 200 512 \"https://a.example/\" \"" CHROME "\"");
	is(line.address, "192.0.2.7");
	is(line.host, "");
	is(line.method, "GET");
	is(line.target, "/p/42?q=1");
	is(line.referrer, "https://a.example/");
	is(line.user_agent, CHROME);
	assert_int_equal(line.status, 200);
	assert_true(line.has_time && line.time_ms == STAMP_MS && !line.has_duration);
	/* Virtual host first; an IPv6 address; further fields at the end. */
	takes("shop.example:443 2001:db8::1 - - " STAMP
	      " \"POST / HTTP/2.0\" 304 - \"-\" \"-\" \"10.0.0.1\" 0.003");
	is(line.host, "shop.example:443");
	is(line.address, "2001:db8::1");
	is(line.referrer, "");
	is(line.user_agent, "");
	assert_int_equal(line.status, 304);
	/* Common, without referrer and agent; a client's name. */
	takes("client.example - - " STAMP " \"GET /x HTTP/1.0\" 404 17");
	is(line.address, "client.example");
	is(line.host, "");
	is(line.user_agent, "");
	/* HTTP/0.9; a target with spaces. */
	takes("192.0.2.7 - - " STAMP " \"GET /x\" 200 1 \"-\" \"-\"");
	is(line.target, "/x");
	takes("192.0.2.7 - - " STAMP " \"GET /a b c HTTP/1.1\" 400 1 \"-\" \"-\"");
	is(line.target, "/a b c");
}

static void
escapes(void **state)
{
	(void)state;
	takes("192.0.2.7 - - " STAMP " \"GET /\\x22\\x5C\\xc3\\xa4\\x7f HTTP/1.1\" 200 1 \"-\" "
	      "\"a\\\"b\\\\c\\n\\t\\r\\b\\v\\fd\\x1b\"");
	is(line.target, "/\"\\\xc3\xa4\x7f");
	is(line.user_agent, "a\"b\\c\n\t\r\b\v\fd\x1b");
	/* What is no escape stays. */
	takes("192.0.2.7 - - " STAMP " \"GET /\\q\\xg1\\x HTTP/1.1\" 200 1 \"-\" \"\\x4\"");
	is(line.target, "/\\q\\xg1\\x");
	is(line.user_agent, "\\x4");
	/* Bytes that are no UTF-8 become what a URL has for them. */
	takes("192.0.2.7 - - " STAMP " \"GET /\\xff\\xc3 HTTP/1.1\" 200 1 \"\\xfe\" \"\\xff\"");
	is(line.target, "/%FF%C3");
	is(line.referrer, "%FE");
	is(line.user_agent, "\xff");
	/* A closing quote alone does not end a field that escapes it. */
	takes("192.0.2.7 - - " STAMP " \"GET / HTTP/1.1\" 200 1 \"x\\\" 404 1 \\\"y\" \"\\\\\"");
	is(line.referrer, "x\" 404 1 \"y");
	is(line.user_agent, "\\");
}

static void
hostile(void **state)
{
	static const char no_line[] =
	    "neither JSON nor an access log's line: no [day/Mon/year:...] \"request\"";

	(void)state;
	/* A user's name is what its client says; it cannot make up a request. */
	takes("192.0.2.7 - x [01/Jan/2020:00:00:00 +0000] \\x22GET /fake HTTP/1.1\\x22 200 1 " STAMP
	      " \"GET /true HTTP/1.1\" 200 1 \"-\" \"-\"");
	is(line.target, "/true");
	is(line.address, "192.0.2.7");
	assert_true(line.time_ms == STAMP_MS);
	/* No HTTP: a line all the same. */
	takes("192.0.2.7 - - " STAMP " \"\\x16\\x03\\x01\" 400 150 \"-\" \"-\"");
	is(line.method, "");
	takes("192.0.2.7 - - " STAMP " \"\" 400 0 \"-\" \"-\"");
	is(line.method, "");
	takes("192.0.2.7 - - " STAMP " \"get / HTTP/1.1\" 400 0 \"-\" \"-\"");
	is(line.method, "");
	takes("192.0.2.7 - - " STAMP " \"GET / HTTP/1.1\" 200 0 \"no end");
	is(line.referrer, "");
	refuses("", no_line);
	refuses("hello", no_line);
	refuses(STAMP " \"GET / HTTP/1.1\" 200 1", no_line);
	refuses("a - - [21/Nov/2026:10:00:00 +0000", no_line);
	refuses("a - - [32/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1", no_line);
	refuses("a - - [21/Nov/2026:24:00:00 +0000] \"GET / HTTP/1.1\" 200 1", no_line);
	refuses("a - - [21/Nov/2026:10:00:00 0000Z] \"GET / HTTP/1.1\" 200 1", no_line);
	refuses("a - - [21/Nov/1926:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1", no_line);
	refuses("a - - [21/Foo/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1", no_line);
	refuses("a - - " STAMP " \"GET / HTTP/1.1", "the request has no closing quote");
	refuses("a - - " STAMP " \"GET / HTTP/1.1\\\" 200", "the request has no closing quote");
	refuses("a - - " STAMP " \"GET / HTTP/1.1\" 20 1",
		"expected a status of three digits after the request");
	refuses("a - - " STAMP " \"GET / HTTP/1.1\"",
		"expected a status of three digits after the request");
}

static void
times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"21/Nov/2026:10:00:00 +0000", STAMP_MS},
		    {"21/Nov/2026:12:30:00 +0230", STAMP_MS},
		    {"20/Nov/2026:23:00:00 -1100", STAMP_MS},
		    {"2026-11-21T10:00:00Z", STAMP_MS},
		    {"2026-11-21T11:00:00+01:00", STAMP_MS},
		    {"2026-11-21 11:00:00,25+0100", STAMP_MS + 250},
		    {"2026-11-21T10:00:00.123456789Z", STAMP_MS + 123},
		    {"1795255200", STAMP_MS},
		    {"1795255200.125", STAMP_MS + 125},
		    {"1795255200125", STAMP_MS + 125},
		    {"29/Feb/2024:00:00:00 +0000", 1709164800000}};
	static const char *const bad[] = {"",
					  "now",
					  "-1",
					  "0",
					  "1e400",
					  "1e300",
					  "2026-11-21T10:00:00",
					  "2026-11-21T10:00:00.",
					  "2026-13-21T10:00:00Z",
					  "2026-11-21T10:00:0xZ",
					  "2026-11-21T10:00:00+25:00",
					  "2026-11-21T10:00:00+1",
					  "21/Nov/2026 10:00:00 +0000",
					  "21/Nov/2026:10:00:00 +00:0"};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!access_log_time(beacon_str(good[i].text), &ms) || ms != good[i].ms)
			fail_msg("%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (access_log_time(beacon_str(bad[i]), &ms))
			fail_msg("%s is taken", bad[i]);
	}
}

static void
json(void **state)
{
	(void)state;
	takes("{\"time_local\":\"x\",\"msec\":1795255200.5,\"remote_addr\":\"192.0.2.7\","
	      "\"request\":\"GET /p/1?a=b HTTP/2.0\",\"status\":\"200\",\"request_time\":\"0.25\","
	      "\"host\":\"a.example\",\"http_host\":\"b.example\",\"http_referer\":\"-\","
	      "\"http_user_agent\":\"\\u00e4 \\\"q\\\"\",\"sent_http_content_type\":"
	      "\"text/html\",\"further\":{\"a\":[1,null]}}");
	is(line.target, "/p/1?a=b");
	is(line.method, "GET");
	is(line.host, "a.example");
	is(line.referrer, "");
	is(line.user_agent, "\xc3\xa4 \"q\"");
	is(line.content_type, "text/html");
	assert_true(line.time_ms == STAMP_MS + 500 && line.has_duration);
	assert_true(line.duration_ms == 250 && line.status == 200);
	takes("{\"time_iso8601\":\"2026-11-21T10:00:00+00:00\",\"request_method\":\"GET\","
	      "\"uri\":\"/p\",\"args\":\"a=b\",\"status\":304,\"duration_us\":1500}");
	is(line.target, "/p");
	is(line.query, "a=b");
	assert_true(line.duration_ms == 1.5 && line.status == 304);
	/* Caddy */
	takes(
	    "{\"ts\":1795255200.25,\"request\":{\"remote_ip\":\"10.0.0.1\",\"client_ip\":"
	    "\"192.0.2.7\",\"method\":\"GET\",\"host\":\"c.example\",\"uri\":\"/q?a\",\"headers\":"
	    "{\"User-Agent\":[\"Firefox\",\"other\"],\"Referer\":[],\"Sec-Fetch-Dest\":"
	    "[\"document\"]}},\"duration\":0.002,\"status\":200}");
	is(line.address, "192.0.2.7");
	is(line.user_agent, "Firefox");
	is(line.destination, "document");
	is(line.target, "/q?a");
	assert_true(line.duration_ms == 2);
	/* Traefik */
	takes("{\"ClientHost\":\"192.0.2.7\",\"RequestMethod\":\"GET\",\"RequestPath\":\"/t\","
	      "\"RequestHost\":\"t.example\",\"DownstreamStatus\":200,\"StartUTC\":"
	      "\"2026-11-21T10:00:00.1Z\",\"request_User-Agent\":\"x\"}");
	is(line.host, "t.example");
	is(line.user_agent, "x");
	refuses("{\"request\":\"GET / HTTP/1.1\"}",
		"no time: a log has `msec`, `time_iso8601`, `time_local` or `ts`");
	refuses("{\"msec\":1795255200}", "no request: a log has `request`, `request_uri` or `uri`");
	refuses("{\"msec\":1795255200,\"uri\":\"/\"", "malformed JSON");
	refuses("{\"msec\":1795255200,\"uri\":\"/\"}x", "malformed JSON");
	refuses("{\"request\":{\"headers\":{\"a\":[1,}}}", "malformed JSON");
	takes("{\"msec\":1795255200,\"request\":\"-\",\"uri\":\"/\",\"status\":9e9}");
	assert_int_equal(line.status, 0);
}

/* ---- events ---------------------------------------------------------- */

static const char *
event_of(const char *text)
{
	static struct dump dump;

	takes(text);
	if (access_log_event(&line, arena, &batch, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	dump.size = 0;
	dump.text[0] = '\0';
	for (uint32_t i = 0; i < batch.count; i++)
		dump_event(&dump, batch.events[i]);
	return dump.text;
}

static void
pages(void **state)
{
	(void)state;
	assert_string_equal(
	    event_of("a.example:80 192.0.2.7 - - " STAMP
		     " \"GET /p/42?q=1 HTTP/1.1\" 200 5 \"https://b.example/\" \"" CHROME "\""),
	    "https://a.example:80/p/42?q=1 at 1795255200000\n"
	    "events category=request name=page target=200\n");
	is(batch.events[0]->imported_address, "192.0.2.7");
	is(batch.events[0]->imported_user_agent, CHROME);
	assert_true(batch.events[0]->view_id != 0);
	assert_string_equal(
	    event_of("{\"msec\":1795255200,\"scheme\":\"http\",\"host\":\"c.example\","
		     "\"uri\":\"/p\",\"args\":\"x=1\",\"method\":\"GET\","
		     "\"status\":200,\"request_time\":0.5}"),
	    "http://c.example/p?x=1 at 1795255200000\n"
	    "events category=request name=page target=200 value=500\n");
	/* No host at all: the site has to be told. */
	assert_string_equal(event_of("192.0.2.7 - - " STAMP " \"GET /p HTTP/1.1\" 304 5"),
			    "/p at 1795255200000\nevents category=request name=page target=304\n");
	assert_string_equal(
	    event_of("192.0.2.7 - - " STAMP " \"GET http://d.example/p HTTP/1.1\" 200 5"),
	    "http://d.example/p at 1795255200000\n"
	    "events category=request name=page target=200\n");
}

static void
no_pages(void **state)
{
	static const char *const requests[] = {"POST / HTTP/1.1\" 200",
					       "HEAD / HTTP/1.1\" 200",
					       "GET /a.css HTTP/1.1\" 200",
					       "GET /a.min.JS?v=1 HTTP/1.1\" 200",
					       "GET /x/logo.PNG HTTP/1.1\" 304",
					       "GET /f.woff2 HTTP/1.1\" 200",
					       "GET /app.webmanifest HTTP/1.1\" 200",
					       "GET / HTTP/1.1\" 301",
					       "GET / HTTP/1.1\" 404",
					       "GET / HTTP/1.1\" 204",
					       "GET / HTTP/1.1\" 206",
					       "GET / HTTP/1.1\" 500",
					       "GET * HTTP/1.1\" 200",
					       "\\x16\\x03\" 400",
					       "CONNECT a.example:443 HTTP/1.1\" 200"};
	static const char *const objects[] = {
	    "\"content_type\":1,\"sent_http_content_type\":\"application/json\"",
	    "\"http_sec_fetch_dest\":\"empty\"", "\"http_sec_fetch_dest\":\"script\""};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		snprintf(text, sizeof text, "192.0.2.7 - - " STAMP " \"%s 1 \"-\" \"-\"",
			 requests[i]);
		assert_string_equal(event_of(text), "");
	}
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
		snprintf(text, sizeof text,
			 "{\"msec\":1795255200,\"request\":\"GET / HTTP/1.1\",\"status\":200,%s}",
			 objects[i]);
		assert_string_equal(event_of(text), "");
	}
	/* What the log knows is better than an ending. */
	assert_string_not_equal(
	    event_of("{\"msec\":1795255200,\"request\":\"GET /a.txt HTTP/1.1\",\"status\":200,"
		     "\"sent_http_content_type\":\"text/html; charset=utf-8\"}"),
	    "");
	assert_string_not_equal(event_of("192.0.2.7 - - " STAMP " \"GET /v1.2 HTTP/1.1\" 200 5"),
				"");
}

static void
beacons(void **state)
{
	(void)state;
	assert_string_equal(
	    event_of(
		"192.0.2.7 - - " STAMP
		" \"GET /boomerang?site=shop&pid=abc&n=1&u=https%3A%2F%2Fa.example%2Fp&t_done=7"
		"&rt.tstart=1795255199000 HTTP/1.1\" 204 0 \"-\" \"" CHROME "\""),
	    "https://a.example/p at 1795255199000\npageviews load=7\n");
	is(event_site(batch.events[0]), "shop");
	is(batch.events[0]->imported_address, "192.0.2.7");
	/* Any path and status; a clock that is wrong; the page from the referrer. */
	assert_string_equal(
	    event_of("192.0.2.7 - - " STAMP
		     " \"GET /pixel.gif?rt.start=navigation&pid=abc&rt.tstart=1 HTTP/1.1\" 404 0 "
		     "\"https://r.example/\" \"-\""),
	    "https://r.example/ at 1795255200000\npageviews\n");
	assert_string_equal(
	    event_of("{\"msec\":1795255200,\"method\":\"GET\",\"uri\":\"/b\",\"status\":200,"
		     "\"args\":\"u=https%3A%2F%2Fa.example%2F&pid=1&rt.tstart=1795999999000\"}"),
	    "https://a.example/ at 1795255200000\npageviews\n");
	/* No beacon's: a parameter of that name alone, or a part of one. */
	assert_string_equal(event_of("192.0.2.7 - - " STAMP " \"GET /p?pid=1 HTTP/1.1\" 200 5"),
			    "/p?pid=1 at 1795255200000\n"
			    "events category=request name=page target=200\n");
	assert_string_equal(
	    event_of("192.0.2.7 - - " STAMP " \"GET /p.js?xpid=1&u=2 HTTP/1.1\" 200 5"), "");
	/* A site's key that is none is left to others. */
	event_of("192.0.2.7 - - " STAMP " \"GET /b?site=a%00&pid=1&u=2 HTTP/1.1\" 200 5");
	is(event_site(batch.events[0]), "");
}

/* A line is looked at once, however many escapes it has: the square of 512 KiB would
 * take seconds. */
static void
many_escapes(void **state)
{
	enum { BYTES = 512 << 10 };
	static const char begin[] = "192.0.2.7 - - " STAMP " \"";
	static const struct {
		const char *again, *end;
		int result;
	} lines[] = {{"\\a", "", STORE_EINVAL},
		     {"\\a", "\" 200 5", 0},
		     {"\\\"", "", STORE_EINVAL},
		     {"\\\"", "\" 200 5", 0}};
	static char text[BYTES + 32];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		size_t size = (size_t)sprintf(text, "%s", begin);
		clock_t began;

		while (size < BYTES) {
			memcpy(text + size, lines[i].again, 2);
			size += 2;
		}
		strcpy(text + size, lines[i].end);
		began = clock();
		assert_int_equal(access_log_parse(beacon_str(text), arena, &line, &error),
				 lines[i].result);
		assert_true(clock() - began < CLOCKS_PER_SEC / 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(combined, setup, teardown),
	    cmocka_unit_test_setup_teardown(escapes, setup, teardown),
	    cmocka_unit_test_setup_teardown(hostile, setup, teardown),
	    cmocka_unit_test_setup_teardown(times, setup, teardown),
	    cmocka_unit_test_setup_teardown(json, setup, teardown),
	    cmocka_unit_test_setup_teardown(pages, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_pages, setup, teardown),
	    cmocka_unit_test_setup_teardown(beacons, setup, teardown),
	    cmocka_unit_test_setup_teardown(many_escapes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
