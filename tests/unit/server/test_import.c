/*
 * Goal: an import finds out what each record is, takes what can be taken,
 * tells of the rest which it was and why, and keeps nothing that points into
 * memory which is used again. Method: one text with a record of every kind, the
 * tables that its entries go to; the same as a JSON array; refusals with their
 * numbers; more records than one arena's chunk, read back after the scratch
 * memory is gone; no string of copied entries lies in the text.
 */
#include "dump.h"

#include "server/import.h"
#include "server/join.h"

#define NOW_MS 1795255300000
#define NATIVE                                                                                    \
	"{\"v\":1,\"site\":\"shop\",\"view\":\"00000000000000aa\",\"url\":\"https://a.example/p/" \
	"1\"}"
#define LOGGED "192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \\\"GET /l HTTP/1.1\\\" 200 1"

static struct store_arena *arena;
static struct enricher *enricher;
static struct join *join;
static struct import_options options;
static struct import_batch batch;

static void
ignore_line(void *context, const char *line)
{
	(void)context, (void)line;
}

static int
setup(void **state)
{
	(void)state;
	arena = store_arena_create(0);
	enricher = enricher_open(NULL, 0, ignore_line, NULL);
	join = join_create();
	options = (struct import_options){
	    .enricher = enricher, .join = join, .now_ms = NOW_MS, .rejects_max = 100};
	return arena == NULL || enricher == NULL || join == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	store_arena_free(arena);
	enricher_close(enricher);
	join_destroy(join);
	return 0;
}

/* site and tables of each entry, then the rejects; a line each. */
static const char *
import(const char *text)
{
	static struct dump dump;

	assert_int_equal(import_decode(beacon_str(text), &options, arena, &batch), 0);
	dump.size = 0;
	dump.text[0] = '\0';
	for (uint32_t i = 0; i < batch.entries_count; i++) {
		const struct store_entry *entry = &batch.entries[i];

		dump_put(&dump, "%.*s", (int)entry->sort.size, entry->sort.bytes);
		for (uint32_t r = 0; r < entry->rows_count; r++)
			dump_put(&dump, " %s", event_schema()->tables[entry->rows[r].table].name);
		dump_put(&dump, "\n");
	}
	for (uint32_t i = 0; i < batch.rejects_count; i++)
		dump_put(&dump, "%s %u: %s\n", batch.record_name, batch.rejects[i].number,
			 batch.rejects[i].reason);
	return dump.text;
}

static void
kinds(void **state)
{
	static const struct {
		const char *record, *entries;
	} records[] = {
	    {NATIVE, "shop pageviews\n"},
	    {" {\"site\":\"shop\",\"view\":\"00000000000000aa\",\"v\":1,\"url\":\"https://"
	     "a.example/\"}\r",
	     "shop pageviews\n"},
	    {"{\"meta\":{\"page\":{\"url\":\"https://f.example/\"}},\"measurements\":[]}",
	     "f.example pageviews\n"},
	    {"{\"meta\":{\"page\":{\"url\":\"https://f.example/"
	     "\"}},\"exceptions\":[{\"value\":\"x\"}],"
	     "\"site\":\"told\"}",
	     "told pageviews errors\n"},
	    {"{\"name\":\"LCP\",\"value\":1,\"id\":\"v6-1795255200000-1\",\"url\":\"https://"
	     "w.example/\"}",
	     "w.example pageviews\n"},
	    {"{\"type\":\"crash\",\"age\":1,\"url\":\"https://r.example/\",\"body\":{}}",
	     "r.example reports\n"},
	    {"{\"csp-report\":{\"document-uri\":\"https://c.example/\"}}", "c.example reports\n"},
	    {"{\"pid\":\"1\",\"u\":\"https://b.example/?a=b&c\",\"t_done\":5}",
	     "b.example pageviews\n"},
	    {"u=https%3A%2F%2Fb.example%2F&pid=1&t_done=7", "b.example pageviews\n"},
	    {"https://rum.example/boomerang?u=https%3A%2F%2Fb.example%2F&pid=1",
	     "b.example pageviews\n"},
	    {"{\"lcp\":900,\"sessionId\":\"s\",\"url\":\"https://p.example/\"}",
	     "p.example pageviews\n"},
	    {"{\"type\":\"javascript_error\",\"message\":\"x\",\"sessionId\":\"s\",\"url\":\"https:"
	     "//p.example/\"}",
	     "p.example pageviews errors\n"},
	    {"{\"type\":\"click\",\"element\":\"A\",\"sessionId\":\"s\",\"site\":\"p\"}",
	     "p pageviews events\n"},
	    {"{\"sessionId\":\"s\",\"timeOnPage\":5,\"url\":\"https://p.example/\"}",
	     "p.example pageviews events\n"},
	    {"{\"type\":\"sale\",\"amount\":5,\"sessionId\":\"s\",\"url\":\"https://p.example/\"}",
	     "p.example pageviews events\n"},
	    {"l.example:80 "
	     "192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \"GET /l HTTP/1.1\" 200 1",
	     "l.example events\n"},
	    {"{\"msec\":1795255200,\"request\":\"GET / "
	     "HTTP/1.1\",\"status\":200,\"host\":\"j.example\",\"pid\":7}",
	     "j.example events\n"},
	    {"{\"date\":1,\"log\":\"l.example:80 " LOGGED "\\n\"}", "l.example events\n"},
	    {"{\"message\":\"l.example:80 " LOGGED "\",\"timestamp\":\"x\",\"type\":\"log\"}",
	     "l.example events\n"},
	    {"{\"MESSAGE\":\"{\\\"msec\\\":1795255200,\\\"request\\\":\\\"GET / HTTP/1.1\\\","
	     "\\\"status\\\":200,\\\"host\\\":\\\"j.example\\\"}\"}",
	     "j.example events\n"},
	    {"{\"msec\":1795255200,\"request\":\"GET /\xff HTTP/1.1\",\"status\":200,\"host\":"
	     "\"j.example\",\"http_user_agent\":\"\xe4\xc3\"}",
	     "j.example events\n"},
	    {"192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \"GET /x.css HTTP/1.1\" 200 1", ""},
	};
	char array[4096];

	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		if (strcmp(import(records[i].record), records[i].entries) != 0)
			fail_msg("%s: %s", records[i].record, import(records[i].record));
		if (records[i].record[0] != '{' || strchr(records[i].record, '\xff') != NULL)
			continue; /* arrays are JSON or nothing */
		snprintf(array, sizeof array, " [%s,\n %s] ", records[i].record, records[i].record);
		if (strcmp(import(array), "") == 0 || batch.rejected_count > 0)
			fail_msg("%s: %s", array, import(array));
		assert_int_equal(batch.entries_count, 2);
	}
	assert_int_equal(batch.skipped_count, 1);
}

static void
refusals(void **state)
{
	(void)state;
	assert_string_equal(
	    import("\xef\xbb\xbf" NATIVE
		   "\n\n{\"v\":1}\nhello\n{}\n{\"message\":\"{\\\"log\\\":\\\"{}\\\"}\"}\n"
		   "192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1"),
	    "shop pageviews\n"
	    "line 3: site: missing\n"
	    "line 4: neither JSON nor an access log's line: no [day/Mon/year:...] \"request\"\n"
	    "line 5: an object of no known shape: neither a beacon nor a log's line\n"
	    "line 6: an object of no known shape: neither a beacon nor a log's line\n"
	    "line 7: site: the record names no host: tell the site (?site=, --site)\n");
	assert_int_equal(batch.rejected_count, 5);
	assert_int_equal(batch.rejects[1].record.size, 5);
	assert_memory_equal(batch.rejects[1].record.bytes, "hello", 5);
	options.rejects_max = 1;
	assert_string_equal(import("x\ny\n"), "line 1: neither JSON nor an access log's line: no "
					      "[day/Mon/year:...] \"request\"\n");
	assert_int_equal(batch.rejected_count, 2);
	options.rejects_max = 100;
	/* An array's faults: of an element it is left out, of the array all. */
	assert_string_equal(import("[" NATIVE ",{\"v\":1},[" NATIVE "]]"),
			    "shop pageviews\nelement 2: site: missing\nelement 3: expected a JSON "
			    "object\n");
	assert_string_equal(import("[" NATIVE "]\n[" NATIVE "]\n" NATIVE),
			    "shop pageviews\nshop pageviews\nshop pageviews\n");
	import("[" NATIVE ",");
	assert_true(batch.entries_count == 0 && batch.rejected_count == 1);
	assert_string_equal(batch.record_name, "byte");
	import("[" NATIVE "]]");
	assert_true(batch.entries_count == 0 && batch.rejected_count == 1);
	assert_string_equal(import(" \n \n"), "");
	assert_string_equal(import(""), "");
}

static void
sites(void **state)
{
	(void)state;
	options.site = beacon_str("told");
	assert_string_equal(
	    import("192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n"
		   "u=https%3A%2F%2Fb.example%2F&pid=1\n" NATIVE),
	    "told events\ntold pageviews\nshop pageviews\n");
}

static void
forced(void **state)
{
	enum import_format format;

	(void)state;
	assert_true(import_format_find(beacon_str("ndjson"), &format) && format == IMPORT_AUTO);
	assert_true(import_format_find(beacon_str("json"), &format) && format == IMPORT_AUTO);
	assert_true(import_format_find(beacon_str("json-log"), &format) &&
		    format == IMPORT_JSON_LOG);
	assert_true(import_format_find(beacon_str("web-vitals"), &format) &&
		    format == IMPORT_VITALS);
	assert_false(import_format_find(beacon_str("xml"), &format));
	assert_false(import_format_find(beacon_str(""), &format));
	options.format = IMPORT_FARO;
	assert_string_equal(import(NATIVE), "line 1: meta: expected an object\n");
	assert_string_equal(import("x"), "line 1: expected a JSON object\n");
	options.format = IMPORT_COMBINED;
	assert_string_equal(import(NATIVE), "line 1: neither JSON nor an access log's line: no "
					    "[day/Mon/year:...] \"request\"\n");
	options.format = IMPORT_JSON_LOG;
	options.site = beacon_str("s");
	assert_string_equal(
	    import("{\"msec\":1795255200,\"request\":\"GET /\xff HTTP/1.1\","
		   "\"status\":200}\n" NATIVE),
	    "s events\nline 2: no time: a log has `msec`, `time_iso8601`, `time_local` or "
	    "`ts`\n");
	options.format = IMPORT_NATIVE;
	assert_string_equal(import("{\"lcp\":900,\"sessionId\":\"s\"}"), "line 1: v: missing\n");
}

/* Neither pages of the far past nor a request beyond retention is stored. */
static void
times(void **state)
{
	const uint32_t days[] = {30, 30, 1, 30};

	(void)state;
	options.retention_days = days;
	assert_string_equal(
	    import(
		"a.example:80 1.2.3.4 - - [21/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n"
		"a.example:80 1.2.3.4 - - [11/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n"
		"a.example:80 1.2.3.4 - - [11/Nov/2025:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n"
		"a.example:80 1.2.3.4 - - [11/Nov/2027:09:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n"),
	    "a.example events\n"
	    "line 3: t: older than the retention of 30 days\n"
	    "line 4: t: more than 5 minutes ahead of the clock\n");
	assert_int_equal(batch.expired_count, 3);
}

static const struct store_cell *
cell_of(const struct store_row *row, uint32_t column)
{
	for (uint32_t i = 0; i < row->cells_count; i++) {
		if (row->cells[i].column == column)
			return &row->cells[i];
	}
	fail_msg("no column %u", column);
	return NULL;
}

static void
many(void **state)
{
	static char text[400000];
	size_t size = 0;

	(void)state;
	for (int i = 0; i < 2000; i++)
		size += (size_t)sprintf(text + size,
					"h%d.example:443 1.2.3.4 - - [21/Nov/2026:10:00:%02d "
					"+0000] \"GET /p%d?utm_source=\\x73%d HTTP/1.1\" 200 1\n",
					i, i % 60, i, i);
	assert_int_equal(import_decode(beacon_str(text), &options, arena, &batch), 0);
	assert_int_equal(batch.entries_count, 2000);
	for (uint32_t i = 0; i < batch.entries_count; i++) {
		const struct store_row *row = batch.entries[i].rows;
		const struct store_cell *host = cell_of(row, EVENTS_host);
		const struct store_cell *tag = cell_of(row, EVENTS_tags);
		char expected[40];

		snprintf(expected, sizeof expected, "h%u.example", i);
		assert_int_equal(host->value.s.size, strlen(expected));
		assert_memory_equal(host->value.s.bytes, expected, host->value.s.size);
		snprintf(expected, sizeof expected, "s%u", i);
		assert_int_equal(tag->value.pair->value.size, strlen(expected));
		assert_memory_equal(tag->value.pair->value.bytes, expected,
				    tag->value.pair->value.size);
		assert_memory_equal(tag->value.pair->key.bytes, "utm_source", 10);
	}
}

static bool
is_within(struct store_str string, const char *text, size_t size)
{
	return string.bytes >= text && string.bytes < text + size;
}

/* Of the strings of the entries, how many lie in the text. */
static uint32_t
count_within(const char *text, size_t size)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < batch.entries_count; i++) {
		const struct store_row *row = batch.entries[i].rows;

		count += is_within(batch.entries[i].sort, text, size);
		for (uint32_t c = 0; c < row->cells_count; c++) {
			const struct store_cell *cell = &row->cells[c];
			enum store_type type =
			    event_schema()->tables[row->table].columns[cell->column].type;

			if (type == STORE_MAP) {
				count += is_within(cell->value.pair->key, text, size);
				count += is_within(cell->value.pair->value, text, size);
			} else if (type == STORE_STRING) {
				count += is_within(cell->value.s, text, size);
			}
		}
	}
	return count;
}

static void
copied(void **state)
{
	static const char text[] =
	    NATIVE "\n{\"v\":1,\"site\":\"shop\",\"view\":\"00000000000000ab\",\"env\":\"test\","
		   "\"url\":\"https://a.example/2\",\"tags\":{\"plan\":\"free\"}}\n";
	struct import_options copying = options;

	(void)state;
	assert_int_equal(import_decode(beacon_str(text), &options, arena, &batch), 0);
	assert_int_equal(batch.entries_count, 2);
	assert_true(count_within(text, sizeof text) > 4);
	copying.copies_texts = true;
	assert_int_equal(import_decode(beacon_str(text), &copying, arena, &batch), 0);
	assert_int_equal(batch.entries_count, 2);
	assert_int_equal(count_within(text, sizeof text), 0);
}

static void
too_long(void **state)
{
	static char text[IMPORT_RECORD_BYTES_MAX + 100];

	(void)state;
	memset(text, 'x', IMPORT_RECORD_BYTES_MAX + 1);
	strcpy(text + IMPORT_RECORD_BYTES_MAX + 1, "\n" NATIVE);
	assert_int_equal(import_decode(beacon_str(text), &options, arena, &batch), 0);
	assert_int_equal(batch.entries_count, 1);
	assert_string_equal(batch.rejects[0].reason, "longer than 512 KiB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(kinds, setup, teardown),
	    cmocka_unit_test_setup_teardown(refusals, setup, teardown),
	    cmocka_unit_test_setup_teardown(sites, setup, teardown),
	    cmocka_unit_test_setup_teardown(forced, setup, teardown),
	    cmocka_unit_test_setup_teardown(times, setup, teardown),
	    cmocka_unit_test_setup_teardown(many, setup, teardown),
	    cmocka_unit_test_setup_teardown(copied, setup, teardown),
	    cmocka_unit_test_setup_teardown(too_long, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
