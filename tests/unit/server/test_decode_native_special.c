/*
 * Goal: members with rules of their own are taken exactly when the protocol
 * allows it, and what is refused is refused with the member's name.
 * Method: goldens for ids, sites, addresses, words, tags and lists, from both
 * sides of every bound.
 */
#include "decoded.h"

static void
ids(void **state)
{
	static const char *const names[] = {"view", "session"};
	static const char *const bad[] = {"\"\"",
					  "\"9f86d081884c7d6\"",
					  "\"9f86d081884c7d655\"",
					  "\"9F86D081884C7D65\"",
					  "\"9f86d081884c7d6g\"",
					  "\"9f86d081884c7d6\\u0000\"",
					  "\" 9f86d081884c7d6\"",
					  "\"0x86d081884c7d65\"",
					  "\"9f86d081-84c7d65\""};

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		char reason[64];

		snprintf(reason, sizeof reason, "%s: expected 16 lower-case hex digits", names[n]);
		for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
			check_refused(beacon_with(names[n], bad[i]), reason);
		check_taken(beacon_with(names[n], "\"00000000000000ff\""));
		check_taken(beacon_with(names[n], "\"ffffffffffffffff\""));
	}
	check_taken(beacon_with("session", "\"0123456789abcdef\""));
	assert_true(decoded.event->view_id == 0x9f86d081884c7d65u);
	assert_true(decoded.event->session_id == 0x0123456789abcdefu);
}

static void
sites(void **state)
{
	char value[256];

	(void)state;
	check_refused(beacon_with("site", "\"\""), "site: expected 1 to 64 bytes");
	check_refused(beacon_with("site", "\"a\\nb\""),
		      "site: expected 1 to 64 bytes, no control characters");
	check_refused(beacon_with("site", "\"a\\u0000\""),
		      "site: expected 1 to 64 bytes, no control characters");
	check_refused(beacon_with("site", "\"\\u007f\""),
		      "site: expected 1 to 64 bytes, no control characters");
	memset(value, 's', sizeof value);
	value[0] = '"';
	strcpy(value + 65, "\"");
	check_taken(beacon_with("site", value));
	assert_int_equal(event_site(decoded.event).size, 64);
	strcpy(value + 65, "s\"");
	check_refused(beacon_with("site", value), "site: expected 1 to 64 bytes");
	/* A character across the bound must not shorten the key to a valid one. */
	for (int fill = 60; fill <= 64; fill++) {
		memset(value, 's', sizeof value);
		value[0] = '"';
		snprintf(value + 1 + fill, 16, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"");
		check_refused(beacon_with("site", value), "site: expected 1 to 64 bytes");
	}
}

static void
addresses(void **state)
{
	static const char *const taken[] = {"http://a", "https://a.example/p?q=1",
					    "HTTPS://A.EXAMPLE", "HtTp://[::1]:80/"};
	static const char *const refused[] = {"",
					      "/p/42",
					      "//a.example/",
					      "http:/a",
					      "https://",
					      "http://",
					      "file:///x",
					      "javascript:alert(1)",
					      " https://a.example",
					      "https:a.example"};
	char value[64];

	(void)state;
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		snprintf(value, sizeof value, "\"%s\"", taken[i]);
		check_taken(beacon_with("url", value));
		beacon_assert_str(decoded.event->url, taken[i]);
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		snprintf(value, sizeof value, "\"%s\"", refused[i]);
		check_refused(beacon_with("url", value),
			      "url: expected an address that begins with https:// or http://");
	}
}

static void
check_words(const char *path, const char *const *words, int table, int column)
{
	char value[64], reason[64];

	snprintf(reason, sizeof reason, "%s: expected one of: ", path);
	for (; *words != NULL; words++) {
		snprintf(value, sizeof value, "\"%s\"", *words);
		check_taken(beacon_with(path, value));
		beacon_assert_str(row_of(table)->cells[column].value.s, *words);
		assert_true(row_of(table)->present[column]);
		snprintf(value, sizeof value, "\"%s\\u0000x\"", *words);
		check_refused(beacon_with(path, value), reason);
		snprintf(value, sizeof value, "\"%s \"", *words);
		check_refused(beacon_with(path, value), reason);
		snprintf(value, sizeof value, "\"%.*s\"", (int)strlen(*words) - 1, *words);
		check_refused(beacon_with(path, value), reason);
	}
	check_refused(beacon_with(path, "\"\""), reason);
	check_refused(beacon_with(path, "\" \""), reason);
	check_refused(beacon_with(path, "\"no such word, and a rather long text at that\""),
		      reason);
}

static void
words(void **state)
{
	static const char *const nav[] = {
	    "navigate",  "reload",          "back_forward", "back_forward_cache",
	    "prerender", "soft_navigation", "restore",      NULL};
	static const char *const kinds[] = {"error", "rejection", "console", "resource", NULL};
	static const char *const categories[] = {"interaction", "custom",    "mark",    "measure",
						 "business",    "heartbeat", "request", NULL};

	(void)state;
	check_words("nav", nav, EVENT_PAGEVIEWS, PAGEVIEWS_nav_type);
	check_words("errors[].kind", kinds, EVENT_ERRORS, ERRORS_kind);
	check_words("events[].category", categories, EVENT_EVENTS, EVENTS_category);
}

static void
tags(void **state)
{
	char value[8192] = "{";
	size_t size = 1;

	(void)state;
	check_taken(beacon_with("tags", "{\"plan\":\"pro\",\"none\":\"\",\"\\u00e4\":\"b\"}"));
	assert_int_equal(decoded.event->tags_count, 2);
	beacon_assert_str(decoded.event->tag_names[0], "plan");
	beacon_assert_str(decoded.event->tag_values[0], "pro");
	beacon_assert_str(decoded.event->tag_names[1], "\xc3\xa4");
	check_refused(beacon_with("tags", "{\"a\":1}"), "tags.a: expected a string, got a number");
	check_refused(beacon_with("tags", "{\"a\":{}}"),
		      "tags.a: expected a string, got an object");
	check_refused(beacon_with("tags", "{\"\":\"a\"}"), "tags: a name must have 1 to 64 bytes");
	check_refused(beacon_with("tags", "{\"a\":\"x\",\"a\":\"y\"}"),
		      "tags.a: a repeated member");
	check_refused(beacon_with("tags", "{\"a\":\"\",\"a\":\"y\"}"), "tags.a: a repeated member");
	check_refused(beacon_with("tags", "{\"a\":\"x\",\"\\u0061\":\"\"}"),
		      "tags.a: a repeated member");
	for (unsigned i = 0; i < EVENT_TAGS_MAX; i++)
		size += (size_t)snprintf(value + size, sizeof value - size, "%s\"k%u\":\"v\"",
					 i == 0 ? "" : ",", i);
	strcpy(value + size, "}");
	check_taken(beacon_with("tags", value));
	assert_int_equal(decoded.event->tags_count, EVENT_TAGS_MAX);
	strcpy(value + size, ",\"more\":\"v\"}");
	check_refused(beacon_with("tags", value), "tags: at most 32 members");
}

static void
lists(void **state)
{
	static const char *const names[] = {"errors", "events"};

	(void)state;
	for (int n = 0; n < 2; n++) {
		char value[512] = "[", reason[64];

		for (int i = 0; i < 50; i++)
			strcat(value, i == 0 ? "{}" : ",{}");
		strcat(value, "]");
		check_taken(beacon_with(names[n], value));
		assert_int_equal(decoded.event->errors_count, n == 0 ? 50 : 0);
		assert_int_equal(decoded.event->events_count, n == 0 ? 0 : 50);
		strcpy(value + strlen(value) - 1, ",{}]");
		snprintf(reason, sizeof reason, "%s: at most 50 elements", names[n]);
		check_refused(beacon_with(names[n], value), reason);
		snprintf(reason, sizeof reason, "%s: expected an array of objects, got a number",
			 names[n]);
		check_refused(beacon_with(names[n], "[{},1]"), reason);
	}
	check_taken(beacon_with("errors", "[{\"line\":1},{\"line\":2}]"));
	assert_int_equal(decoded.event->errors[1].cells[ERRORS_line].value.u, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids),   cmocka_unit_test(sites), cmocka_unit_test(addresses),
	    cmocka_unit_test(words), cmocka_unit_test(tags),  cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
