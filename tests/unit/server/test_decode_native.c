/*
 * Goal: a beacon is taken exactly when the protocol allows it, its values
 * reach their columns, and what is refused is refused with the member's name.
 * Method: an own table of every member with its type and bounds, against which
 * values of every JSON type and from both sides of every bound are sent;
 * goldens for ids, words, tags and lists; random mutations of a whole beacon,
 * decoded twice and compared with yajl's opinion of the same bytes.
 */
#include "beacon.h"

#include "opinion.h"
#include "server/redact.h"

enum kind {
	TEXT,
	NUMBER,
	INTEGER,
	FLAG,
	OBJECT,
	ARRAY,
};

struct rule {
	const char *path;
	enum kind kind;
	double min, max; /* of numbers */
	int table;       /* -1: no column of its own */
	int column;
	uint32_t bytes_max; /* longer text is cut; 0: not tested here */
};

#define DAY 86400000.0
#define YEAR_9999 253402300799999.0
#define NONE -1, 0, 0
#define VIEW(name) EVENT_PAGEVIEWS, PAGEVIEWS_##name, 0
#define VIEW_TEXT(name, size) 0, 0, EVENT_PAGEVIEWS, PAGEVIEWS_##name, size
#define ERROR(name) EVENT_ERRORS, ERRORS_##name, 0
#define ERROR_TEXT(name, size) 0, 0, EVENT_ERRORS, ERRORS_##name, size
#define EVENT_TEXT(name, size) 0, 0, EVENT_EVENTS, EVENTS_##name, size

static const struct rule rules[] = {
    {"v", INTEGER, 1, 1, NONE},
    {"site", TEXT, 0, 0, NONE},
    {"view", TEXT, 0, 0, NONE},
    {"session", TEXT, 0, 0, NONE},
    {"seq", INTEGER, 0, 255, NONE},
    {"t", INTEGER, 0, YEAR_9999, NONE},
    {"rate", NUMBER, 0.001, 1, NONE},
    {"url", TEXT, 0, 0, NONE},
    {"referrer", TEXT, 0, 0, NONE},
    {"nav", TEXT, 0, 0, NONE},
    {"errors", ARRAY, 0, 0, NONE},
    {"events", ARRAY, 0, 0, NONE},
    {"tags", OBJECT, 0, 0, NONE},
    {"ip", TEXT, 0, 0, NONE},
    {"ua", TEXT, 0, 0, NONE},
    {"again", FLAG, 0, 0, NONE},
    {"trace", TEXT, VIEW_TEXT(trace_id, 64)},
    {"serverTiming", TEXT, VIEW_TEXT(server_timing, 500)},
    {"release", TEXT, VIEW_TEXT(release, 100)},
    {"env", TEXT, VIEW_TEXT(environment, 100)},
    {"lang", TEXT, VIEW_TEXT(language, 35)},
    {"visible", NUMBER, 0, DAY * 31, VIEW(visible_time)},
    {"blocking", NUMBER, 0, DAY * 31, VIEW(blocking_time)},
    {"net", OBJECT, 0, 0, NONE},
    {"dev", OBJECT, 0, 0, NONE},
    {"timing", OBJECT, 0, 0, NONE},
    {"vitals", OBJECT, 0, 0, NONE},
    {"why", OBJECT, 0, 0, NONE},
    {"net.type", TEXT, VIEW_TEXT(connection, 20)},
    {"net.rtt", NUMBER, 0, DAY, VIEW(rtt)},
    {"net.downlink", NUMBER, 0, 1e6, VIEW(downlink)},
    {"net.save", FLAG, 0, 0, VIEW(save_data)},
    {"dev.vw", INTEGER, 0, 65535, VIEW(viewport_width)},
    {"dev.vh", INTEGER, 0, 65535, VIEW(viewport_height)},
    {"dev.dpr", NUMBER, 0, 100, VIEW(dpr)},
    {"dev.mem", NUMBER, 0, 65536, VIEW(device_memory)},
    {"dev.cpu", INTEGER, 0, 65535, VIEW(cpu)},
    {"timing.redirect", NUMBER, 0, DAY, VIEW(redirect)},
    {"timing.dns", NUMBER, 0, DAY, VIEW(dns)},
    {"timing.tcp", NUMBER, 0, DAY, VIEW(tcp)},
    {"timing.tls", NUMBER, 0, DAY, VIEW(tls)},
    {"timing.ttfb", NUMBER, 0, DAY, VIEW(ttfb)},
    {"timing.download", NUMBER, 0, DAY, VIEW(download)},
    {"timing.domInteractive", NUMBER, 0, DAY, VIEW(dom_interactive)},
    {"timing.domContentLoaded", NUMBER, 0, DAY, VIEW(dom_content_loaded)},
    {"timing.load", NUMBER, 0, DAY, VIEW(load)},
    {"timing.protocol", TEXT, VIEW_TEXT(protocol, 20)},
    {"timing.bytes", INTEGER, 0, 1e15, VIEW(transfer_bytes)},
    {"vitals.fcp", NUMBER, 0, DAY, VIEW(fcp)},
    {"vitals.lcp", NUMBER, 0, DAY, VIEW(lcp)},
    {"vitals.inp", NUMBER, 0, DAY, VIEW(inp)},
    {"vitals.cls", NUMBER, 0, 1e6, VIEW(cls)},
    {"why.lcp", OBJECT, 0, 0, NONE},
    {"why.inp", OBJECT, 0, 0, NONE},
    {"why.cls", OBJECT, 0, 0, NONE},
    {"why.lcp.element", TEXT, VIEW_TEXT(lcp_element, 200)},
    {"why.lcp.url", TEXT, VIEW_TEXT(lcp_url, 500)},
    {"why.lcp.loadDelay", NUMBER, 0, DAY, VIEW(lcp_load_delay)},
    {"why.lcp.loadTime", NUMBER, 0, DAY, VIEW(lcp_load_time)},
    {"why.lcp.renderDelay", NUMBER, 0, DAY, VIEW(lcp_render_delay)},
    {"why.inp.target", TEXT, VIEW_TEXT(inp_target, 200)},
    {"why.inp.type", TEXT, VIEW_TEXT(inp_type, 20)},
    {"why.inp.inputDelay", NUMBER, 0, DAY, VIEW(inp_input_delay)},
    {"why.inp.processing", NUMBER, 0, DAY, VIEW(inp_processing)},
    {"why.inp.presentation", NUMBER, 0, DAY, VIEW(inp_presentation)},
    {"why.inp.script", TEXT, VIEW_TEXT(inp_script, 500)},
    {"why.cls.element", TEXT, VIEW_TEXT(cls_element, 200)},
    {"errors[].kind", TEXT, 0, 0, NONE},
    {"errors[].type", TEXT, ERROR_TEXT(type, 100)},
    {"errors[].message", TEXT, ERROR_TEXT(message, 1000)},
    {"errors[].source", TEXT, ERROR_TEXT(source, 2000)},
    {"errors[].line", INTEGER, 0, UINT32_MAX, ERROR(line)},
    {"errors[].column", INTEGER, 0, UINT32_MAX, ERROR(column)},
    {"errors[].stack", TEXT, ERROR_TEXT(stack, 4000)},
    {"errors[].t", INTEGER, 0, YEAR_9999, ERROR(ts)},
    {"errors[].handled", FLAG, 0, 0, ERROR(handled)},
    {"errors[].count", INTEGER, 0, 1000000, ERROR(occurrences)},
    {"events[].category", TEXT, 0, 0, NONE},
    {"events[].name", TEXT, EVENT_TEXT(name, 200)},
    {"events[].target", TEXT, EVENT_TEXT(target, 200)},
    {"events[].value", NUMBER, -1.7e308, 1.7e308, EVENT_EVENTS, EVENTS_value, 0},
    {"events[].text", TEXT, EVENT_TEXT(text, 500)},
    {"events[].t", INTEGER, 0, YEAR_9999, EVENT_EVENTS, EVENTS_ts, 0},
};

#define RULES_COUNT (sizeof rules / sizeof *rules)

/* What decoding gave, with the arena it lives in. */
struct decoded {
	struct store_arena *arena;
	struct event *event;
	struct event_error error;
	int result;
	char text[16384]; /* the beacon */
};

static struct decoded decoded;

static int
set_up(void **state)
{
	(void)state;
	decoded.arena = store_arena_create(0);
	return decoded.arena == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_arena_free(decoded.arena);
	return 0;
}

static int
decode(const char *text)
{
	store_arena_reset(decoded.arena);
	decoded.result =
	    decode_native(beacon_str(text), decoded.arena, &decoded.event, &decoded.error);
	return decoded.result;
}

static void
check_taken(const char *text)
{
	if (decode(text) != 0)
		fail_msg("refused with `%s`: %.300s", decoded.error.text, text);
}

/* The reason begins with `prefix`. */
static void
check_refused(const char *text, const char *prefix)
{
	if (decode(text) != STORE_EINVAL)
		fail_msg("result %d for %.300s", decoded.result, text);
	if (strncmp(decoded.error.text, prefix, strlen(prefix)) != 0)
		fail_msg("reason `%s` instead of `%s`: %.300s", decoded.error.text, prefix, text);
	assert_true(strlen(decoded.error.text) <= 200);
	assert_null(strchr(decoded.error.text, '\n'));
}

/* The required members, and `value` at `path`; into decoded.text. */
static const char *
beacon_with(const char *path, const char *value)
{
	static const char *const required[][2] = {{"v", "1"},
						  {"site", "\"shop\""},
						  {"view", "\"" BEACON_ID "\""},
						  {"url", "\"https://shop.example/\""}};
	char *out = decoded.text, close[8] = "";
	size_t size = 0, room = sizeof decoded.text, closing = 0;

	size += (size_t)snprintf(out, room, "{");
	for (size_t i = 0; i < 4; i++) {
		if (strcmp(path, required[i][0]) != 0)
			size += (size_t)snprintf(out + size, room - size, "\"%s\":%s,",
						 required[i][0], required[i][1]);
	}
	for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
		int list = dot[-1] == ']' ? 2 : 0;

		size += (size_t)snprintf(out + size, room - size, "\"%.*s\":%s{",
					 (int)(dot - path) - list, path, list ? "[" : "");
		close[closing++] = '}';
		if (list)
			close[closing++] = ']';
	}
	snprintf(out + size, room - size, "\"%s\":%s%s}", path, value, close);
	return out;
}

/* ---- types and bounds ------------------------------------------------ */

static const char *
expected_of(const struct rule *rule)
{
	static const char *const texts[] = {"a string",      "a number",  "an integer",
					    "true or false", "an object", "an array"};

	return texts[rule->kind];
}

static void
types(void **state)
{
	static const struct {
		const char *value, *name;
		int kind;
	} values[] = {{"\"x\"", "a string", TEXT}, {"1", "a number", NUMBER},
		      {"true", "true", FLAG},      {"false", "false", FLAG},
		      {"{}", "an object", OBJECT}, {"[]", "an array", ARRAY}};

	(void)state;
	for (size_t r = 0; r < RULES_COUNT; r++) {
		bool required =
		    strcmp(rules[r].path, "v") == 0 || strcmp(rules[r].path, "site") == 0 ||
		    strcmp(rules[r].path, "view") == 0 || strcmp(rules[r].path, "url") == 0;
		for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
			bool fits = values[i].kind == (int)rules[r].kind ||
				    (values[i].kind == NUMBER && rules[r].kind == INTEGER);
			char reason[200];

			if (fits)
				continue; /* values that fit are the other tests' business */
			snprintf(reason, sizeof reason, "%s: expected %s, got %s", rules[r].path,
				 expected_of(&rules[r]), values[i].name);
			check_refused(beacon_with(rules[r].path, values[i].value), reason);
		}
		if (required)
			check_refused(beacon_with(rules[r].path, "null"), rules[r].path);
		else
			check_taken(beacon_with(rules[r].path, "null"));
	}
}

static const struct event_row *
row_of(int table)
{
	return table == EVENT_PAGEVIEWS ? &decoded.event->view
	       : table == EVENT_ERRORS  ? &decoded.event->errors[0]
					: &decoded.event->events[0];
}

static double
stored_number(const struct rule *rule)
{
	const struct event_row *row = row_of(rule->table);
	const struct store_column *column =
	    &event_schema()->tables[rule->table].columns[rule->column];

	assert_true(row->present[rule->column]);
	assert_int_equal(row->cells[rule->column].column, rule->column);
	return column->type == STORE_FLOAT  ? row->cells[rule->column].value.f
	       : column->type == STORE_UINT ? (double)row->cells[rule->column].value.u
					    : (double)row->cells[rule->column].value.i;
}

static void
bounds(void **state)
{
	(void)state;
	for (size_t r = 0; r < RULES_COUNT; r++) {
		const struct rule *rule = &rules[r];
		const double taken[] = {rule->min, rule->max, (rule->min + rule->max) / 2};
		char value[64], reason[64];

		if (rule->kind != NUMBER && rule->kind != INTEGER)
			continue;
		for (size_t i = 0; i < 3; i++) {
			double number =
			    rule->kind == INTEGER ? (double)(int64_t)taken[i] : taken[i];

			snprintf(value, sizeof value, "%.17g", number);
			check_taken(beacon_with(rule->path, value));
			if (rule->table >= 0)
				assert_true(stored_number(rule) == number);
		}
		snprintf(reason, sizeof reason, "%s: expected %s", rule->path,
			 rule->min >= rule->max  ? "" /* one value: it is named */
			 : rule->kind == INTEGER ? "an integer from "
						 : "a number from ");
		snprintf(value, sizeof value, "%.17g",
			 rule->kind == INTEGER ? rule->max + 1 : rule->max * 1.001);
		check_refused(beacon_with(rule->path, value), reason);
		if (rule->min >= 0) {
			snprintf(value, sizeof value, "%.17g", rule->min > 0 ? 0 : -0.001);
			if (rule->kind == NUMBER || rule->min > 0)
				check_refused(beacon_with(rule->path, value), reason);
			check_refused(beacon_with(rule->path, "-1"), reason);
		}
		if (rule->max < 1e308)
			check_refused(beacon_with(rule->path, "1e308"), reason);
		check_refused(beacon_with(rule->path, "1e999"), "malformed JSON");
		if (rule->kind == INTEGER) {
			check_refused(beacon_with(rule->path, "0.5"), rule->path);
			assert_non_null(strstr(decoded.error.text, ": expected an integer"));
		}
	}
}

static void
texts(void **state)
{
	char value[8192], expected[8192];

	(void)state;
	for (size_t r = 0; r < RULES_COUNT; r++) {
		const struct rule *rule = &rules[r];
		const struct store_str *stored;
		uint32_t bytes_max;

		if (rule->bytes_max == 0)
			continue;
		/* What is redacted is cut after that, by enrichment. */
		bytes_max = redact_before_cut((uint32_t)rule->table, (uint32_t)rule->column,
					      (uint32_t)rule->bytes_max);
		check_taken(beacon_with(rule->path, "\"a \\u00e4\\n\""));
		beacon_assert_str(row_of(rule->table)->cells[rule->column].value.s, "a \xc3\xa4\n");
		check_taken(beacon_with(rule->path, "\"\""));
		assert_false(row_of(rule->table)->present[rule->column]);
		/* One byte too many, in the middle of a character. */
		memset(value, 'x', sizeof value);
		snprintf(value + bytes_max, 8, "\xc3\xa4\"");
		value[0] = '"';
		check_taken(beacon_with(rule->path, value));
		stored = &row_of(rule->table)->cells[rule->column].value.s;
		snprintf(expected, sizeof expected, "%.*s", (int)bytes_max - 1, value + 1);
		beacon_assert_str(*stored, expected);
	}
}

static void
flags(void **state)
{
	(void)state;
	check_taken(beacon_with("net.save", "true"));
	assert_int_equal(decoded.event->view.cells[PAGEVIEWS_save_data].value.u, 1);
	check_taken(beacon_with("errors[].handled", "false"));
	assert_true(decoded.event->errors[0].present[ERRORS_handled]);
	assert_int_equal(decoded.event->errors[0].cells[ERRORS_handled].value.u, 0);
}

/* ---- members with rules of their own --------------------------------- */

static void
required(void **state)
{
	static const char *const names[] = {"v", "site", "view", "url"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char reason[32];

		beacon_with(names[i], "1");
		strcpy(strrchr(decoded.text, ','), "}");
		snprintf(reason, sizeof reason, "%s: missing", names[i]);
		check_refused(decoded.text, reason);
	}
	check_refused("{}", "v: missing");
	check_refused("[]", "expected a JSON object");
	check_refused("1", "expected a JSON object");
	check_refused("", "malformed JSON at byte 0");
	check_refused(" \n", "malformed JSON at byte 2");
}

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
repeats(void **state)
{
	(void)state;
	for (size_t r = 0; r < RULES_COUNT; r++) {
		static const char *const values[] = {"\"x\"", "1", "1", "true", "{}", "[]"};
		const char *path = rules[r].path, *name = strrchr(path, '.');
		char value[128], reason[128], parent[64];
		const char *one = values[rules[r].kind];

		if (strcmp(path, "view") == 0 || strcmp(path, "session") == 0)
			one = "\"" BEACON_ID "\"";
		else if (strcmp(path, "nav") == 0)
			one = "\"reload\"";
		else if (strcmp(path, "url") == 0)
			one = "\"http://a.example\"";
		else if (strcmp(path, "errors[].kind") == 0)
			one = "\"error\"";
		else if (strcmp(path, "events[].category") == 0)
			one = "\"mark\"";
		if (name == NULL) {
			snprintf(value, sizeof value, "%s,\"%s\":null", one, path);
			beacon_with(path, value);
		} else {
			bool list = name[-1] == ']';

			snprintf(parent, sizeof parent, "%.*s", (int)(name - path) - (list ? 2 : 0),
				 path);
			snprintf(value, sizeof value, "%s{\"%s\":null,\"%s\":%s}%s",
				 list ? "[" : "", name + 1, name + 1, one, list ? "]" : "");
			beacon_with(parent, value);
		}
		snprintf(reason, sizeof reason, "%s: a repeated member", path);
		check_refused(decoded.text, reason);
	}
	/* The same member in two elements is no repeat; nor is an unknown one. */
	check_taken(beacon_with("errors", "[{\"line\":1},{\"line\":1}]"));
	check_taken(beacon_with("new", "1,\"new\":2"));
}

static void
unknown_members(void **state)
{
	static const char *const paths[] = {"x",         "",      "V",          "net.x",
					    "why.lcp.x", "why.x", "errors[].x", "events[].x"};
	static const char *const values[] = {"1", "\"x\"", "null", "[1,[2,{\"a\":[]}]]",
					     "{\"v\":2,\"view\":{}}"};

	(void)state;
	for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
		for (size_t v = 0; v < sizeof values / sizeof *values; v++)
			check_taken(beacon_with(paths[p], values[v]));
		check_refused(beacon_with(paths[p], "[1,]"), "malformed JSON");
		check_refused(beacon_with(paths[p], "\"\\x\""), "malformed JSON");
	}
}

static void
whole(void **state)
{
	const struct event *event;

	(void)state;
	check_taken(beacon_whole);
	event = decoded.event;
	beacon_assert_str(event->site, "shop");
	assert_int_equal(event->seq, 3);
	assert_true(event->has_time && event->time_ms == 1780000000000);
	assert_true(event->rate == 0.5);
	beacon_assert_str(event->url, "https://shop.example/p/42?utm_source=x");
	beacon_assert_str(event->referrer, "https://news.example/");
	beacon_assert_str(event->imported_address, "192.0.2.1");
	beacon_assert_str(event->imported_user_agent, "Mozilla/5.0");
	assert_true(event->view.cells[PAGEVIEWS_lcp].value.f == 1824.5);
	beacon_assert_str(event->errors[0].cells[ERRORS_message].value.s, "x is \"undefined\"");
	beacon_assert_str(event->errors[0].cells[ERRORS_stack].value.s, "at f\n at g \xc3\xa4");
	assert_true(event->errors[0].cells[ERRORS_ts].value.i == 1780000000500);
	assert_true(event->events[0].cells[EVENTS_value].value.f == 99.5);
	check_taken(beacon_with("seq", "0"));
	assert_true(decoded.event->rate == 1 && !decoded.event->has_time);
}

/* No proper prefix is taken. */
static void
prefixes(void **state)
{
	char *copy;

	(void)state;
	for (uint32_t size = 0; size < strlen(beacon_whole); size++) {
		copy = malloc(size + 1); /* of its own, so that reading on is seen */
		memcpy(copy, beacon_whole, size);
		store_arena_reset(decoded.arena);
		assert_int_equal(decode_native((struct store_str){copy, size}, decoded.arena,
					       &decoded.event, &decoded.error),
				 STORE_EINVAL);
		assert_true(decoded.error.text[0] != '\0' && decoded.error.offset <= size);
		free(copy);
	}
}

static void
memory(void **state)
{
	bool taken = false;

	(void)state;
	for (size_t limit = 64; limit < (1u << 20) && !taken; limit += limit / 8) {
		struct store_arena *arena = store_arena_create(limit);
		struct event *event;
		struct event_error error;
		int result = decode_native(beacon_str(beacon_whole), arena, &event, &error);

		assert_true(result == 0 || result == STORE_ENOMEM);
		taken = result == 0;
		store_arena_free(arena);
	}
	assert_true(taken);
}

/* ---- mutations ------------------------------------------------------- */

static uint32_t
mutate(struct random *random, char *bytes, uint32_t size, uint32_t size_max)
{
	static const char *const pieces[] = {"\"",
					     "\\",
					     "{",
					     "}",
					     "[",
					     "]",
					     ",",
					     ":",
					     "null",
					     "true",
					     "1e999",
					     "-",
					     "0",
					     ".5",
					     "\\ud800",
					     "\\u00",
					     "\xff",
					     "\xc3",
					     "\xe2\x82\xac",
					     "\x01",
					     " \t\r\n",
					     "\\u0000",
					     "1e5",
					     "00",
					     "[[[[[[[[[[[[[[[[",
					     "\"v\":1,",
					     "\"seq\":256",
					     "\\/",
					     "\xed\xa0\x80",
					     "-0",
					     "9.99e-400"};
	uint32_t at = (uint32_t)random_below(random, size + 1), count;
	const char *piece = pieces[random_below(random, sizeof pieces / sizeof *pieces)];

	switch (random_below(random, 5)) {
	case 0: /* one byte */
		if (at < size)
			bytes[at] = (char)random_next(random);
		return size;
	case 1: /* a run goes */
		count = (uint32_t)random_below(random, size - at + 1) % 40;
		memmove(bytes + at, bytes + at + count, size - at - count);
		return size - count;
	case 2: /* a run is repeated */
		count = (uint32_t)random_below(random, size - at + 1) % 40;
		if (size + count > size_max)
			return size;
		memmove(bytes + at + count, bytes + at, size - at);
		return size + count;
	case 3: /* a piece over what is there */
		count = (uint32_t)strlen(piece);
		if (at + count <= size)
			memcpy(bytes + at, piece, count);
		return size;
	default: /* a piece between */
		count = (uint32_t)strlen(piece);
		if (size + count > size_max)
			return size;
		memmove(bytes + at + count, bytes + at, size - at);
		memcpy(bytes + at, piece, count);
		return size + count;
	}
}

static void
check_mutant(struct store_str text)
{
	struct event_error again;
	struct event *event;
	bool malformed;

	store_arena_reset(decoded.arena);
	decoded.result = decode_native(text, decoded.arena, &decoded.event, &decoded.error);
	assert_true(decoded.result == 0 || decoded.result == STORE_EINVAL);
	assert_int_equal(decode_native(text, decoded.arena, &event, &again), decoded.result);
	assert_string_equal(decoded.error.text, again.text);
	malformed = strncmp(decoded.error.text, "malformed", 9) == 0;
	if (decoded.result == 0 && !opinion_takes(text))
		fail_msg("taken, but yajl refuses: %.*s", (int)text.size, text.bytes);
	if (malformed && opinion_takes(text) &&
	    !opinion_is_laxer(decoded.error.text, decoded.error.offset, text))
		fail_msg("%s, but yajl takes: %.*s", decoded.error.text, (int)text.size,
			 text.bytes);
	if (decoded.result == 0) {
		struct store_entry entry;

		assert_int_equal(event_entry(decoded.event, decoded.arena, &entry), 0);
		for (uint32_t r = 0; r < entry.rows_count; r++) {
			for (uint32_t c = 1; c < entry.rows[r].cells_count; c++)
				assert_true(entry.rows[r].cells[c - 1].column <=
					    entry.rows[r].cells[c].column);
		}
	} else {
		assert_true(decoded.error.text[0] != '\0' && decoded.error.offset <= text.size);
	}
}

static void
mutations(void **state)
{
	struct random random = random_seeded("mutations");
	uint32_t size_max = 4096, taken = 0;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		uint32_t size = (uint32_t)strlen(beacon_whole);
		char bytes[4096], *exact;

		memcpy(bytes, beacon_whole, size);
		for (uint64_t n = 1 + random_below(&random, 3); n > 0; n--)
			size = mutate(&random, bytes, size, size_max);
		exact = malloc(size + 1); /* so that reading past the end is seen */
		memcpy(exact, bytes, size);
		check_mutant((struct store_str){exact, size});
		taken += decoded.result == 0;
		free(exact);
	}
	assert_in_range(taken, 300, 29000);
}

/* ---- written otherwise ------------------------------------------------ */

/* The text with white space around names, or their first letters escaped. */
static char *
rewrite(const char *text, bool spaces, bool escapes, char *out)
{
	bool in_string = false;

	for (; *text != '\0'; text++) {
		const char *end = in_string || *text != '"' ? NULL : strchr(text + 1, '"');
		bool is_name = end != NULL && end[1] == ':';

		if (*text == '"' && text[-1] != '\\')
			in_string = !in_string;
		if (spaces && is_name)
			out = stpcpy(out, "\n\t ");
		if (spaces && !in_string && (*text == ':' || *text == ',' || *text == '}'))
			*out++ = ' ';
		*out++ = *text;
		if (escapes && is_name)
			out += sprintf(out, "\\u%04x", (unsigned)*++text);
	}
	*out = '\0';
	return out;
}

static void
written_otherwise(void **state)
{
	static char text[3 * sizeof beacon_whole];
	struct store_arena *arena = store_arena_create(0);
	struct store_entry expected, entry;
	struct event *event;
	struct event_error error;

	(void)state;
	assert_int_equal(decode_native(beacon_str(beacon_whole), arena, &event, &error), 0);
	assert_int_equal(event_entry(event, arena, &expected), 0);
	for (int way = 1; way < 4; way++) {
		rewrite(beacon_whole, way & 1, way & 2, text);
		assert_true(strlen(text) > sizeof beacon_whole + 50);
		if (decode_native(beacon_str(text), arena, &event, &error) != 0)
			fail_msg("%s", error.text);
		assert_int_equal(event_entry(event, arena, &entry), 0);
		assert_int_equal(entry.rows_count, expected.rows_count);
		assert_true(entry.key == expected.key);
		for (uint32_t i = 0; i < entry.rows_count; i++)
			beacon_assert_same_row(&entry.rows[i], &expected.rows[i]);
	}
	store_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(written_otherwise),
	    cmocka_unit_test(types),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(flags),
	    cmocka_unit_test(required),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(sites),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(words),
	    cmocka_unit_test(tags),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(repeats),
	    cmocka_unit_test(unknown_members),
	    cmocka_unit_test(whole),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(memory),
	    cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
