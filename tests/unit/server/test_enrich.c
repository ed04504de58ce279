/*
 * Goal: what the server adds to a beacon is right: time, weight, place,
 * language, URLs, fingerprints; nothing that it must not keep stays. Method:
 * beacons decoded from text, enriched for clients of every kind, and their
 * cells read; a GeoIP file that the test writes; canaries for the address and
 * for secrets in URLs.
 */
#include "mmdb.h"

#include <math.h>

#define NOW 1780000000000
#define HOUR 3600000LL
#define DAY (24 * HOUR)
#define MINUTE 60000LL
#define ADDRESS "198.51.100.7"

static char directory[256];
static struct store_arena *arena;
static struct enricher *enricher;
static struct event_error error;

static void
no_line(void *context, const char *line)
{
	(void)context;
	fail_msg("%s", line);
}

/* A country alone: the continent must follow from it. */
static void
write_countries(const char *path)
{
	static struct mmdb mmdb;
	static unsigned char bytes[32768];
	uint32_t offset, size;
	FILE *file;

	mmdb_init(&mmdb, 4);
	offset = mmdb.data_size;
	mmdb_strings(&mmdb, (const char *const[]){"country_code", "BR", "state1", "Bahia", NULL});
	mmdb_add(&mmdb, (unsigned char[]){198, 51, 100, 0}, 24, offset);
	offset = mmdb.data_size;
	mmdb_strings(&mmdb, (const char *const[]){"country_code", "JP", NULL});
	mmdb_add(&mmdb, (unsigned char[]){203, 0, 113, 0}, 24, offset);
	offset = mmdb.data_size;
	mmdb_strings(&mmdb, (const char *const[]){"country_code", "XX", NULL});
	mmdb_add(&mmdb, (unsigned char[]){192, 0, 2, 0}, 24, offset);
	size = mmdb_write(&mmdb, bytes, sizeof bytes);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static int
set_up(void **state)
{
	char path[300];
	const char *files[] = {path};

	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/countries.mmdb", directory);
	write_countries(path);
	arena = store_arena_create(0);
	enricher = enricher_open(files, 1, no_line, NULL);
	return arena == NULL || enricher == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	enricher_close(enricher);
	store_arena_free(arena);
	scratch_remove(directory);
	return 0;
}

/* The required members and `more`, which begins with a comma or is "". */
static struct event *
decoded(const char *more)
{
	char *text = store_arena_alloc(arena, strlen(more) + 200);
	struct event *event;

	snprintf(text, strlen(more) + 200,
		 "{\"v\":1,\"site\":\"shop\",\"view\":\"" BEACON_ID "\"%s%s}",
		 strstr(more, "\"url\"") != NULL ? "" : ",\"url\":\"https://shop.example/\"", more);
	if (decode_native(beacon_str(text), arena, &event, &error) != 0)
		fail_msg("%s: %s", error.text, text);
	return event;
}

static struct event_client
live(void)
{
	return (struct event_client){.address = beacon_str(ADDRESS), .received_ms = NOW};
}

static struct event *
enriched(const char *more, const struct event_client *client)
{
	struct event *event;

	store_arena_reset(arena);
	event = decoded(more);
	if (enrich(enricher, event, client, arena, &error) != 0)
		fail_msg("%s: %s", error.text, more);
	return event;
}

static void
check_string(const struct event_row *row, int column, const char *expected)
{
	beacon_assert_str(row->present[column] ? row->cells[column].value.s
					       : (struct store_str){"", 0},
			  expected);
}

/* ---- time ------------------------------------------------------------ */

static int64_t
time_of(const char *format, int64_t t, const struct event_client *client)
{
	char more[64];

	snprintf(more, sizeof more, format, (long long)t);
	return enriched(more, client)->view.cells[PAGEVIEWS_ts].value.i;
}

static void
live_times(void **state)
{
	struct event_client client = live();

	(void)state;
	assert_true(time_of("", 0, &client) == NOW);
	assert_true(time_of(",\"t\":%lld", NOW - 5000, &client) == NOW - 5000);
	assert_true(time_of(",\"t\":%lld", NOW - DAY, &client) == NOW - DAY);
	assert_true(time_of(",\"t\":%lld", NOW - DAY - 1, &client) == NOW);
	assert_true(time_of(",\"t\":%lld", NOW + 5 * MINUTE, &client) == NOW + 5 * MINUTE);
	assert_true(time_of(",\"t\":%lld", NOW + 5 * MINUTE + 1, &client) == NOW);
	assert_true(time_of(",\"t\":%lld", 0, &client) == NOW);
	assert_true(time_of(",\"t\":%lld", 253402300799999, &client) == NOW);
}

static void
imported_times(void **state)
{
	static const uint32_t retention[EVENT_TABLES_COUNT] = {30, 7, 0, 0};
	struct event_client client = live();
	char more[200];
	struct event *event;

	(void)state;
	client.imported = true;
	assert_true(time_of("", 0, &client) == NOW);
	assert_true(time_of(",\"t\":%lld", 0, &client) == 0);
	assert_true(time_of(",\"t\":%lld", NOW + 5 * MINUTE, &client) == NOW + 5 * MINUTE);
	snprintf(more, sizeof more, ",\"t\":%lld", NOW + 5 * MINUTE + 1);
	assert_int_equal(enrich(enricher, decoded(more), &client, arena, &error), STORE_EINVAL);
	assert_memory_equal(error.text, "t: more than 5 minutes ahead", 28);
	client.retention_days = retention;
	assert_true(time_of(",\"t\":%lld", NOW - 30 * DAY, &client) == NOW - 30 * DAY);
	snprintf(more, sizeof more, ",\"t\":%lld", NOW - 30 * DAY - 1);
	assert_int_equal(enrich(enricher, decoded(more), &client, arena, &error), STORE_EINVAL);
	assert_memory_equal(error.text, "t: older than the retention of 30 days", 38);
	/* Errors are kept for less long: they go, events and the view stay. */
	snprintf(more, sizeof more, ",\"t\":%lld,\"errors\":[{},{\"t\":%lld}],\"events\":[{}]",
		 NOW - 8 * DAY, NOW - 6 * DAY);
	event = enriched(more, &client);
	assert_int_equal(event->errors_count, 1);
	assert_int_equal(event->events_count, 1);
	assert_int_equal(event_expired_count(event), 1);
}

static void
row_times(void **state)
{
	struct event_client client = live();
	static const struct {
		int64_t t;
		bool kept;
	} table[] = {{NOW, true},
		     {NOW - 25 * HOUR, true},
		     {NOW - 26 * HOUR - 1, false},
		     {NOW + 5 * MINUTE, true},
		     {NOW + 5 * MINUTE + 1, false},
		     {0, false}};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char more[200];
		struct event *event;

		snprintf(more, sizeof more,
			 ",\"t\":%lld,\"errors\":[{\"t\":%lld}],\"events\":[{\"t\":%lld}]",
			 NOW - 2 * HOUR, (long long)table[i].t, (long long)table[i].t);
		event = enriched(more, &client);
		assert_int_equal(event->errors[0].present[ERRORS_ts], table[i].kept);
		assert_int_equal(event->events[0].present[EVENTS_ts], table[i].kept);
	}
}

/* ---- weight ---------------------------------------------------------- */

static uint32_t
interval(const char *rate, uint64_t view)
{
	struct event_client client = live();
	char more[64];
	struct event *event;

	snprintf(more, sizeof more, ",\"rate\":%s", rate);
	store_arena_reset(arena);
	event = decoded(more);
	event->view_id = view;
	assert_int_equal(enrich(enricher, event, &client, arena, &error), 0);
	return (uint32_t)event->view.cells[PAGEVIEWS__sample_interval].value.u;
}

static void
weights(void **state)
{
	static const char *const whole[] = {"1",
					    "0.5",
					    "0.25",
					    "0.2",
					    "0.1",
					    "0.05",
					    "0.01",
					    "0.001",
					    "0.3333333333333333",
					    "0.14285714285714285"};
	double sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		for (uint64_t view = 0; view < 50; view++)
			assert_int_equal(interval(whole[i], view), lround(1 / atof(whole[i])));
	}
	for (uint64_t view = 1; view <= 20000; view++) { /* 1/0.3 = 3 1/3 */
		uint32_t one = interval("0.3", view);

		assert_in_range(one, 3, 4);
		sum += one;
		if (view % 1000 == 0)
			assert_int_equal(interval("0.3", view), one);
	}
	assert_true(fabs(sum / 20000 - 1 / 0.3) < 0.02); /* six standard errors */
}

/* ---- place and person ------------------------------------------------ */

static void
places(void **state)
{
	struct event_client client = live();
	const struct event_row *row = &enriched("", &client)->view;

	(void)state;
	check_string(row, PAGEVIEWS_country, "BR");
	check_string(row, PAGEVIEWS_continent, "SA");
	check_string(row, PAGEVIEWS_region, "Bahia");
	client.address = beacon_str("192.0.2.1"); /* a country that is none */
	check_string(&enriched("", &client)->view, PAGEVIEWS_country, "XX");
	check_string(&enriched("", &client)->view, PAGEVIEWS_continent, "");
	client.address = beacon_str("127.0.0.1");
	check_string(&enriched("", &client)->view, PAGEVIEWS_country, "");
	/* The beacon's own address counts for imports alone. */
	client = live();
	row = &enriched(",\"ip\":\"203.0.113.5\"", &client)->view;
	check_string(row, PAGEVIEWS_country, "BR");
	client.imported = true;
	row = &enriched(",\"ip\":\"203.0.113.5\"", &client)->view;
	check_string(row, PAGEVIEWS_country, "JP");
	check_string(row, PAGEVIEWS_continent, "AS");
}

static void
agents(void **state)
{
	struct event_client client = live();
	const struct event_row *row;

	(void)state;
	client.user_agent = beacon_str("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 "
				       "Firefox/125.0");
	row = &enriched(",\"ua\":\"curl/8.5.0\"", &client)->view;
	check_string(row, PAGEVIEWS_browser, "Firefox");
	check_string(row, PAGEVIEWS_browser_version, "125");
	check_string(row, PAGEVIEWS_os, "Linux");
	check_string(row, PAGEVIEWS_device, "desktop");
	check_string(row, PAGEVIEWS_bot, "");
	check_string(row, PAGEVIEWS_bot, "");
	check_string(&enriched(",\"bot\":false", &client)->view, PAGEVIEWS_bot, "");
	check_string(&enriched(",\"bot\":true", &client)->view, PAGEVIEWS_bot, "webdriver");
	client.imported = true;
	row = &enriched(",\"ua\":\"curl/8.5.0\"", &client)->view;
	check_string(row, PAGEVIEWS_browser, "curl");
	/* The User-Agent's own name for it tells more. */
	row = &enriched(",\"bot\":true,\"ua\":\"Googlebot/2.1\"", &client)->view;
	check_string(row, PAGEVIEWS_bot, "Googlebot");
}

static void
languages(void **state)
{
	static const char *const table[][2] = {
	    {"", ""},        {"de-AT,de;q=0.9,en;q=0.8", "de-AT"},
	    {"en", "en"},    {"*", ""},
	    {";q=1", ""},    {"en_US", "en"},
	    {"\xc3\xa4", ""}};
	struct event_client client = live();

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		client.language = beacon_str(table[i][0]);
		check_string(&enriched("", &client)->view, PAGEVIEWS_language, table[i][1]);
		check_string(&enriched(",\"lang\":\"fr\"", &client)->view, PAGEVIEWS_language,
			     "fr");
	}
}

/* ---- URLs and errors ------------------------------------------------- */

static void
urls(void **state)
{
	struct event_client client = live();
	const struct event *event =
	    enriched(",\"url\":\"https://u:CANARY@Shop.Example:81/p/42?CANARY#CANARY\","
		     "\"referrer\":\"https://CANARY@news.example/CANARY?CANARY\","
		     "\"why\":{\"lcp\":{\"url\":\"https://a/b.avif?CANARY\"},"
		     "\"inp\":{\"script\":\"https://CANARY@a/b.js#CANARY\"}},"
		     "\"errors\":[{\"source\":\"https://a/c.js?CANARY\"}]",
		     &client);

	(void)state;
	check_string(&event->view, PAGEVIEWS_host, "shop.example");
	check_string(&event->view, PAGEVIEWS_path, "/p/:id");
	check_string(&event->view, PAGEVIEWS_referrer_host, "news.example");
	check_string(&event->view, PAGEVIEWS_lcp_url, "https://a/b.avif");
	check_string(&event->view, PAGEVIEWS_inp_script, "https://a/b.js");
	check_string(&event->errors[0], ERRORS_source, "https://a/c.js");
}

/* No cell has the address, nor what URLs must lose. */
static void
canaries(void **state)
{
	struct event_client client = live();
	struct store_entry entry;
	struct event *event = enriched(
	    ",\"url\":\"https://u:CANARY@shop.example/p?CANARY\",\"ip\":\"" ADDRESS "\","
	    "\"referrer\":\"https://CANARY@news.example/CANARY\",\"errors\":[{}],\"events\":[{}]",
	    &client);

	(void)state;
	assert_int_equal(event_entry(event, arena, &entry), 0);
	for (uint32_t r = 0; r < entry.rows_count; r++) {
		const struct store_row *row = &entry.rows[r];

		for (uint32_t c = 0; c < row->cells_count; c++) {
			struct store_str text = row->cells[c].value.s;
			uint32_t column = row->cells[c].column;

			if (event_schema()->tables[row->table].columns[column].type != STORE_STRING)
				continue;
			assert_null(memmem(text.bytes, text.size, ADDRESS, strlen(ADDRESS)));
			assert_null(memmem(text.bytes, text.size, "CANARY", 6));
		}
	}
}

static uint64_t
fingerprint(const char *type, const char *message, const char *stack)
{
	struct event_client client = live();
	char more[3000];

	snprintf(more, sizeof more,
		 ",\"errors\":[{\"type\":\"%s\",\"message\":\"%s\",\"stack\":\"%s\"}]", type,
		 message, stack);
	return enriched(more, &client)->errors[0].cells[ERRORS_fingerprint].value.u;
}

static void
fingerprints(void **state)
{
	static const char frames[] = "at f (https://a.example/x.js?v=1:1:2)\\nat g (y.js:3:4)";
	uint64_t first = fingerprint("TypeError", "item 42 is missing", frames);

	(void)state;
	assert_true(fingerprint("TypeError", "item 42 is missing", frames) == first);
	assert_true(fingerprint("TypeError", "item 7 is missing", frames) == first);
	assert_true(fingerprint("TypeError", "item 42 is missing",
				"at f (https://b.example/x.js?v=3:10:20)\\nat g (y.js:30:4)") ==
		    first);
	assert_true(
	    fingerprint("TypeError", "item 42 is missing",
			"at f (https://a.example/x.js?v=1:1:2)\\nat g (y.js:3:4)\\nat h\\nat i") !=
	    first); /* a third frame counts */
	assert_true(fingerprint("E", "m", "at f\\nat g\\nat h\\nat i") ==
		    fingerprint("E", "m", "at f\\nat g\\nat h\\nat j")); /* a fourth does not */
	assert_true(fingerprint("RangeError", "item 42 is missing", frames) != first);
	assert_true(fingerprint("TypeError", "item 42 is broken", frames) != first);
	assert_true(fingerprint("TypeError", "item 42 is missing", "at f (z.js:1:2)") != first);
	assert_true(fingerprint("a", "b", "") != fingerprint("ab", "", ""));
	assert_true(fingerprint("", "", "") == fingerprint("", "", ""));
}

static void
long_errors(void **state)
{
	char message[900];

	(void)state;
	for (size_t size = 0; size < sizeof message - 1; size += 7) {
		memset(message, size % 2 == 0 ? 'x' : '?', size);
		message[size] = '\0';
		fingerprint("E", message, message);
	}
}

static void
error_counts(void **state)
{
	struct event_client client = live();
	const struct event *event =
	    enriched(",\"errors\":[{},{\"count\":0},{\"count\":5,\"kind\":\"console\"}]", &client);

	(void)state;
	assert_int_equal(event->view.cells[PAGEVIEWS_error_count].value.u, 7);
	assert_int_equal(event->errors[0].cells[ERRORS_occurrences].value.u, 1);
	assert_int_equal(event->errors[1].cells[ERRORS_occurrences].value.u, 1);
	check_string(&event->errors[0], ERRORS_kind, "error");
	check_string(&event->errors[2], ERRORS_kind, "console");
	assert_false(enriched("", &client)->view.present[PAGEVIEWS_error_count]);
}

/* ---- secrets at the end of what is kept ------------------------------- */

static void
check_no_canary(struct store_str text, const char *where, unsigned offset)
{
	if (text.size > 0 && memmem(text.bytes, text.size, "canary", 6) != NULL)
		fail_msg("%s at %u: %.*s", where, offset, (int)text.size, text.bytes);
}

static void
check_cell(const struct event_row *row, uint32_t column, const char *before, unsigned fill)
{
	if (row->present[column])
		check_no_canary(row->cells[column].value.s, before, fill);
}

/* The text would be cut within the secret, at every place of it: it goes
 * before the cut. */
static void
cut_secrets(void **state)
{
	static const struct {
		const char *before, *after; /* of the text, in the beacon */
		unsigned bytes_max;
	} places[] = {{",\"serverTiming\":\"", "\"", 500},
		      {",\"why\":{\"lcp\":{\"element\":\"", "\"}}", 200},
		      {",\"why\":{\"inp\":{\"target\":\"", "\"}}", 200},
		      {",\"why\":{\"cls\":{\"element\":\"", "\"}}", 200},
		      {",\"errors\":[{\"type\":\"", "\"}]", 100},
		      {",\"errors\":[{\"message\":\"", "\"}]", 1000},
		      {",\"errors\":[{\"stack\":\"", "\"}]", 4000},
		      {",\"events\":[{\"name\":\"", "\"}]", 200},
		      {",\"events\":[{\"text\":\"", "\"}]", 500},
		      {",\"tags\":{\"a\":\"", "\"}", 200},
		      {",\"url\":\"https://shop.example/?utm_source=", "\"", 200},
		      {",\"url\":\"https://shop.example/", "\"", 499}};
	static const char *const secrets[] = {"canary.bird@cage.example",
					      "eyJcanaryhbGciOiJIUzI1NiJ9.canary.canary",
					      "password=canarycanary1"};
	struct event_client client = live();

	(void)state;
	for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
		for (size_t i = 0; i < 3 * 50; i++) {
			const char *secret = secrets[i / 50];
			bool in_url = strstr(places[p].before, "\"url\"") != NULL;
			unsigned fill = places[p].bytes_max - (unsigned)(i % 50);
			char more[6000];
			int size = snprintf(more, sizeof more, "%s", places[p].before);
			struct event *event;

			for (unsigned n = 0; n < fill; n++) /* words, or parts of a path */
				more[size++] = n % 8 == 7 ? (in_url ? '/' : ' ') : 'x';
			snprintf(more + size, sizeof more - (size_t)size, "%s%s%s",
				 in_url ? "/" : " ", secret, places[p].after);
			event = enriched(more, &client);
			for (uint32_t c = 0; c < PAGEVIEWS_COUNT; c++) {
				if (event_schema()->tables[0].columns[c].type == STORE_STRING)
					check_cell(&event->view, c, places[p].before, fill);
			}
			if (event->errors_count > 0) {
				check_cell(&event->errors[0], ERRORS_type, places[p].before, fill);
				check_cell(&event->errors[0], ERRORS_message, places[p].before,
					   fill);
				check_cell(&event->errors[0], ERRORS_stack, places[p].before, fill);
			}
			if (event->events_count > 0) {
				check_cell(&event->events[0], EVENTS_name, places[p].before, fill);
				check_cell(&event->events[0], EVENTS_text, places[p].before, fill);
			}
			for (uint32_t t = 0; t < event->tags_count; t++) {
				check_no_canary(event->tag_values[t], places[p].before, fill);
				assert_true(event->tag_values[t].size <= 200);
			}
			assert_true(event->view.cells[PAGEVIEWS_path].value.s.size <= 500);
		}
	}
}

static void
parameters(void **state)
{
	struct event_client client = live();
	struct event *event =
	    enriched(",\"url\":\"https://shop.example/?utm_source=a%2Bb+c%zz\"", &client);

	(void)state;
	assert_int_equal(event->tags_count, 1);
	beacon_assert_str(event->tag_names[0], "utm_source");
	beacon_assert_str(event->tag_values[0], "a+b c%zz");
}

/* Half a secret at the end of what is read of a text, which what is before it, and goes
 * when it is redacted, would bring forward. */
static void
shrunk_secrets(void **state)
{
	static const struct {
		const char *before, *after;
		unsigned read; /* of the text */
	} places[] = {{",\"serverTiming\":\"", "\"", 1012},
		      {",\"errors\":[{\"message\":\"", "\"}]", 1512},
		      {",\"events\":[{\"text\":\"", "\"}]", 1012},
		      {",\"tags\":{\"a\":\"", "\"}", 712},
		      {",\"url\":\"https://shop.example/?utm_source=", "\"", 712},
		      {",\"url\":\"https://shop.example/", "\"", 1012}};
	static const char *const secrets[] = {"canary.bird@cage.example", "canary4567890123456",
					      "password=canarycanary1"};
	struct event_client client = live();

	(void)state;
	for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
		for (unsigned i = 0; i < 3 * 30; i++) {
			const char *secret = secrets[i / 30];
			bool in_url = strstr(places[p].before, "\"url\"") != NULL;
			char more[6000];
			int begin = snprintf(more, sizeof more, "%s", places[p].before);
			int size = begin + snprintf(more + begin, sizeof more - (size_t)begin,
						    "a%s", in_url ? "," : " ");
			struct event *event;

			for (; (unsigned)(size - begin) < places[p].read - i % 30 - 1; size++)
				more[size] = (size - begin) % 60 == 59 ? (in_url ? ',' : ' ') : '7';
			snprintf(more + size, sizeof more - (size_t)size, "%s%s xxxxx%s",
				 in_url ? "/" : " ", secret, places[p].after);
			event = enriched(more, &client);
			for (uint32_t c = 0; c < PAGEVIEWS_COUNT; c++) {
				if (event_schema()->tables[0].columns[c].type == STORE_STRING)
					check_cell(&event->view, c, places[p].before, i);
			}
			if (event->errors_count > 0)
				check_cell(&event->errors[0], ERRORS_message, places[p].before, i);
			if (event->events_count > 0)
				check_cell(&event->events[0], EVENTS_text, places[p].before, i);
			for (uint32_t t = 0; t < event->tags_count; t++)
				check_no_canary(event->tag_values[t], places[p].before, i);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(live_times),  cmocka_unit_test(imported_times),
	    cmocka_unit_test(row_times),   cmocka_unit_test(weights),
	    cmocka_unit_test(places),      cmocka_unit_test(agents),
	    cmocka_unit_test(languages),   cmocka_unit_test(urls),
	    cmocka_unit_test(canaries),    cmocka_unit_test(fingerprints),
	    cmocka_unit_test(long_errors), cmocka_unit_test(error_counts),
	    cmocka_unit_test(cut_secrets), cmocka_unit_test(shrunk_secrets),
	    cmocka_unit_test(parameters),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
