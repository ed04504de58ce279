/*
 * Goal: a beacon is taken exactly when it is JSON with the required members,
 * however it is written; others are refused, each time alike.
 * Method: goldens; every prefix of a whole beacon; the same beacon written
 * otherwise; too little memory; random mutations, decoded twice and compared
 * with yajl's opinion of the same bytes.
 */
#include "decoded.h"

#include "opinion.h"

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

/* With another byte in a name, it is what json_member makes of it: no other member is
 * taken for it by a part of its name. */
static void
other_names(void **state)
{
	static char text[sizeof beacon_whole], spaced[3 * sizeof beacon_whole];
	struct store_arena *arena = store_arena_create(0);
	struct event_error error, expected_error;
	struct store_entry expected, entry;
	struct event *event;
	uint32_t tried = 0, taken = 0;

	(void)state;
	for (size_t at = 1; at + 1 < sizeof beacon_whole; at++) {
		int result;

		memcpy(text, beacon_whole, sizeof text);
		text[at] = text[at] == '~' ? '-' : '~';
		rewrite(text, true, false, spaced);
		store_arena_reset(arena);
		result = decode_native(beacon_str(spaced), arena, &event, &expected_error);
		assert_int_equal(result == 0 ? event_entry(event, arena, &expected) : STORE_EINVAL,
				 result);
		assert_int_equal(decode_native(beacon_str(text), arena, &event, &error), result);
		tried++;
		if (result != 0)
			continue;
		taken++;
		assert_int_equal(event_entry(event, arena, &entry), 0);
		assert_int_equal(entry.rows_count, expected.rows_count);
		for (uint32_t i = 0; i < entry.rows_count; i++)
			beacon_assert_same_row(&entry.rows[i], &expected.rows[i]);
	}
	assert_in_range(taken, tried / 4, tried - 10);
	store_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(required),
	    cmocka_unit_test(unknown_members),
	    cmocka_unit_test(whole),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(memory),
	    cmocka_unit_test(mutations),
	    cmocka_unit_test(written_otherwise),
	    cmocka_unit_test(other_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
