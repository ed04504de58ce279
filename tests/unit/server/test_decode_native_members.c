/*
 * Goal: each member's value reaches its column exactly when its type and range
 * allow it, and what is refused is refused with the member's name.
 * Method: an own table of every member with its type and bounds, against which
 * values of every JSON type and from both sides of every bound are sent, and
 * every member twice.
 */
#include "decoded.h"

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
		bytes_max = (uint32_t)rule->bytes_max;
		if (redact_applies((uint32_t)rule->table, (uint32_t)rule->column))
			bytes_max += REDACT_SECRET_BYTES;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types), cmocka_unit_test(bounds),  cmocka_unit_test(texts),
	    cmocka_unit_test(flags), cmocka_unit_test(repeats),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
