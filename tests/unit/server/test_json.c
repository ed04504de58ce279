/*
 * Goal: the pull parser takes exactly JSON (RFC 8259) within its bounds, gives
 * the values that stand there, and never recovers from an error. Method:
 * tables of strings and numbers; every code point, raw and as an escape;
 * random doubles printed and read; random token soup and random values, judged
 * by yajl too.
 */
#include "beacon.h"

#include <float.h>
#include <math.h>

#include "opinion.h"
#include "server/json.h"

static struct store_arena *arena;

static int
set_up(void **state)
{
	(void)state;
	arena = store_arena_create(0);
	return arena == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_arena_free(arena);
	return 0;
}

/* The whole text is one value. */
static bool
takes(struct store_str text, struct json *json)
{
	store_arena_reset(arena);
	json_init(json, text, arena);
	return json_skip(json) && json_end(json);
}

/* ---- strings --------------------------------------------------------- */

static void
check_string(const char *text, const char *expected, uint32_t expected_size)
{
	struct store_str got;
	struct json json;

	store_arena_reset(arena);
	json_init(&json, beacon_str(text), arena);
	if (expected == NULL) {
		if (json_string(&json, &got) && json_end(&json))
			fail_msg("taken: %s", text);
		assert_non_null(json.error);
		return;
	}
	if (!json_string(&json, &got) || !json_end(&json))
		fail_msg("%s: %s", json.error, text);
	assert_int_equal(got.size, expected_size);
	if (expected_size > 0)
		assert_memory_equal(got.bytes, expected, expected_size);
}

static void
strings(void **state)
{
	(void)state;
	check_string("\"\"", "", 0);
	check_string(" \t\r\n\"a b\" ", "a b", 3);
	check_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	check_string("\"\\u0000\\u0041\\u00E4\\u20ac\"", "\0A\xc3\xa4\xe2\x82\xac", 7);
	check_string("\"x\\uD83D\\uDE00y\"", "x\xf0\x9f\x98\x80y", 6);
	check_string("\"\\ud800\"", "\xef\xbf\xbd", 3); /* a lone surrogate */
	check_string("\"\\udc00x\"", "\xef\xbf\xbdx", 4);
	check_string("\"\\ud800\\u0041\"",
		     "\xef\xbf\xbd"
		     "A",
		     4);
	check_string("\"\\ud800\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7);
	check_string("\"\x7f\"", "\x7f", 1);
	check_string("\"", NULL, 0);
	check_string("\"\\\"", NULL, 0);
	check_string("\"\\", NULL, 0);
	check_string("\"\\x41\"", NULL, 0);
	check_string("\"\\U0041\"", NULL, 0);
	check_string("\"\\u004\"", NULL, 0);
	check_string("\"\\u004g\"", NULL, 0);
	check_string("\"\\ud800\\u12\"", NULL, 0);
	check_string("\"\\ud800\\", NULL, 0);
	check_string("\"a\nb\"", NULL, 0);
	check_string("\"a\x1f\"", NULL, 0);
	check_string("'a'", NULL, 0);
	check_string("\"a\" x", NULL, 0);
}

static uint32_t
encode(uint32_t code, char out[4])
{
	uint32_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (uint32_t i = size; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(lead[size] | code);
	return size;
}

static void
code_points(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x1fffff; code++) {
		bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
		char raw[4], text[32];
		struct store_str bytes = {raw, encode(code, raw)}, got;
		struct json json;
		size_t size;

		if (json_is_utf8(bytes) != valid)
			fail_msg("U+%X", code);
		for (uint32_t cut = 1; cut < bytes.size; cut++)
			assert_false(json_is_utf8((struct store_str){raw, cut}));
		if (!valid || code % 7 != 0)
			continue; /* a seventh of them as escapes too */
		if (code < 0x10000)
			size = (size_t)snprintf(text, sizeof text, "\"\\u%04x\"", code);
		else
			size = (size_t)snprintf(text, sizeof text, "\"\\u%04X\\u%04x\"",
						0xd800 + ((code - 0x10000) >> 10),
						0xdc00 + ((code - 0x10000) & 0x3ff));
		store_arena_reset(arena);
		json_init(&json, (struct store_str){text, (uint32_t)size}, arena);
		assert_true(json_string(&json, &got) && json_end(&json));
		assert_int_equal(got.size, bytes.size);
		assert_memory_equal(got.bytes, raw, bytes.size);
	}
}

static void
bad_utf8(void **state)
{
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xe0\x80\x80",
					  "\xe0\x9f\xbf",
					  "\xf0\x80\x80\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "\xed\xa0\x80",
					  "\xc3",
					  "\xc3\xc3",
					  "\xe2\x82",
					  "\xe2\x82x",
					  "a\xc3(b"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[32];

		assert_false(json_is_utf8(beacon_str(bad[i])));
		snprintf(text, sizeof text, "\"%s\"", bad[i]);
		check_string(text, NULL, 0);
		snprintf(text, sizeof text, "\"\\n%s\"", bad[i]);
		check_string(text, NULL, 0);
	}
	assert_true(json_is_utf8(beacon_str("")));
}

/* ---- numbers --------------------------------------------------------- */

static bool
read_number(const char *text, double *number, bool *is_integer)
{
	struct json json;

	json_init(&json, beacon_str(text), arena);
	return json_number(&json, number, is_integer) && json_end(&json);
}

static void
numbers(void **state)
{
	static const struct {
		const char *text;
		double value;
		bool is_integer;
	} good[] = {{"0", 0, true},
		    {"-0", 0, true},
		    {"7", 7, true},
		    {"-12", -12, true},
		    {"9007199254740993", 9007199254740992, true},
		    {"0.5", 0.5, false},
		    {"-0.25e2", -25, false},
		    {"1e3", 1000, false},
		    {"1E+3", 1000, false},
		    {"1e-3", 0.001, false},
		    {"0e0", 0, false},
		    {"1.7976931348623157e308", DBL_MAX, false},
		    {"1e-400", 0, false},
		    {" 1 ", 1, true}};
	static const char *const bad[] = {"",      "-",        "+1",
					  "01",    "-01",      "00",
					  "1.",    ".5",       "1.e1",
					  "1e",    "1e+",      "0x1",
					  "1a",    "1 2",      "--1",
					  "1-2",   "Infinity", "-Inf",
					  "NaN",   "nan",      "1_0",
					  "1,",    "e1",       "1e1.5",
					  "1e999", "-1e999",   "1.7976931348623159e308"};
	double number;
	bool is_integer;
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!read_number(good[i].text, &number, &is_integer))
			fail_msg("refused: %s", good[i].text);
		assert_true(number == good[i].value && is_integer == good[i].is_integer);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (read_number(bad[i], &number, &is_integer))
			fail_msg("taken: %s", bad[i]);
	}
	memset(text, '1', sizeof text);
	text[64] = '\0';
	assert_true(read_number(text, &number, &is_integer));
	text[64] = '1';
	text[65] = '\0';
	assert_false(read_number(text, &number, &is_integer));
}

static void
random_numbers(void **state)
{
	struct random random = random_seeded("random_numbers");

	(void)state;
	for (int i = 0; i < 50000; i++) {
		uint64_t bits = random_next(&random);
		double number, got;
		bool is_integer;
		char text[40];

		memcpy(&number, &bits, sizeof number);
		if (!isfinite(number))
			continue;
		snprintf(text, sizeof text, "%.17g", number);
		assert_true(read_number(text, &got, &is_integer));
		assert_true(got == number);
	}
}

/* What the short way takes, json_number takes as the same, and ends where it does. */
static bool
take_short(struct store_str text)
{
	double number = -1, expected = -2;
	bool is_integer = false, expected_integer = true;
	struct json json, model;

	json_init(&json, text, arena);
	json_init(&model, text, arena);
	if (!json_short_number(&json, &number, &is_integer)) {
		assert_int_equal(json.at, 0);
		assert_null(json.error);
		return false;
	}
	assert_true(json_number(&model, &expected, &expected_integer));
	if (number != expected || is_integer != expected_integer || json.at != model.at)
		fail_msg("%.*s: %.17g instead of %.17g", (int)text.size, text.bytes, number,
			 expected);
	return true;
}

/* What is found at once is what is found one by one. */
static void
check_digits(const char *text)
{
	struct json_digits found = json_digits_at_once(text);
	struct json_digits model = json_digits_by_one(text, text + JSON_DIGITS_BYTES);

	if (found.size > 0 && (found.size != model.size || found.value != model.value ||
			       found.fraction != model.fraction))
		fail_msg("%.16s: %zu bytes, %lu", text, found.size, (unsigned long)found.value);
}

static void
short_numbers(void **state)
{
	static const char *const taken[] = {"0,",
					    "0}",
					    "7,",
					    "0.5,",
					    "0.0}",
					    "10,",
					    "12.25,",
					    "120,x",
					    "999999999999999,",
					    "1.00000000000000}",
					    "0.05}",
					    "65238}"};
	static const char *const left[] = {"",
					   "1",
					   "1 ,",
					   "-1,",
					   ",",
					   "01,",
					   "00.5,",
					   "1.,",
					   ".5,",
					   "1e3,",
					   "1.5E1}",
					   "1]",
					   "1.5]",
					   "\"1\",",
					   "1000000000000000,",
					   "0.0000000000000001,",
					   "1x",
					   " 1,",
					   "18446744073709551617,"};
	struct random random = random_seeded("short_numbers");
	uint32_t taken_count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		assert_true(take_short(beacon_str(taken[i])));
	for (size_t i = 0; i < sizeof left / sizeof *left; i++)
		assert_false(take_short(beacon_str(left[i])));
	for (int i = 0; i < 200000; i++) {
		static const char bytes[] = "000123456789999.,}e-";
		char text[20 + JSON_DIGITS_BYTES];
		uint32_t size = (uint32_t)random_below(&random, 20);

		for (uint32_t j = 0; j < sizeof text; j++) /* mostly digits */
			text[j] = bytes[random_below(
			    &random, random_below(&random, 8) == 0 ? sizeof bytes - 1 : 15)];
		taken_count += take_short((struct store_str){text, size});
		/* With more behind it all is read at once. */
		taken_count += take_short((struct store_str){text, sizeof text});
		check_digits(text);
	}
	assert_in_range(taken_count, 20000, 400000);
}

/* ---- walking --------------------------------------------------------- */

static void
walk(void **state)
{
	struct store_str name, string;
	double number;
	bool flag;
	struct json json;

	(void)state;
	json_init(&json, beacon_str(" { \"a\" : [ 1 , true, null,{}],\"b\\n\":\"x\" } "), arena);
	assert_int_equal(json_peek(&json), JSON_OBJECT);
	assert_true(json_enter(&json));
	assert_true(json_member(&json, true, &name));
	beacon_assert_str(name, "a");
	assert_int_equal(json_peek(&json), JSON_ARRAY);
	assert_true(json_enter(&json));
	assert_true(json_element(&json, true) && json_number(&json, &number, &flag));
	assert_true(json_element(&json, false) && json_bool(&json, &flag) && flag);
	assert_true(json_element(&json, false));
	assert_int_equal(json_peek(&json), JSON_NULL);
	assert_true(json_skip(&json));
	assert_true(json_element(&json, false));
	assert_int_equal(json_peek(&json), JSON_OBJECT);
	assert_true(json_skip(&json));
	assert_false(json_element(&json, false));
	assert_null(json.error);
	assert_true(json_member(&json, false, &name));
	beacon_assert_str(name, "b\n");
	assert_true(json_string(&json, &string));
	assert_false(json_member(&json, false, &name));
	assert_true(json_end(&json));
	assert_int_equal(json.depth, 0);
}

static void
wrong_types(void **state)
{
	struct store_str string;
	double number;
	bool flag;
	struct json json;

	(void)state;
	json_init(&json, beacon_str("1"), arena);
	assert_false(json_string(&json, &string));
	json_init(&json, beacon_str("\"1\""), arena);
	assert_false(json_number(&json, &number, &flag));
	json_init(&json, beacon_str("null"), arena);
	assert_false(json_bool(&json, &flag));
	/* An error stays. */
	assert_false(json_skip(&json));
	assert_int_equal(json_peek(&json), JSON_ERROR);
	assert_false(json_member(&json, true, &string));
	assert_false(json_element(&json, true));
	assert_false(json_end(&json));
	assert_string_equal(json.error, "expected true or false");
}

static void
depth(void **state)
{
	struct json json;

	(void)state;
	for (uint32_t levels = 1; levels < 20; levels++) {
		char text[64] = "";

		memset(text, '[', levels);
		memset(text + levels, ']', levels);
		assert_true(takes(beacon_str(text), &json) == (levels <= JSON_DEPTH_MAX));
	}
	assert_true(
	    takes(beacon_str("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"), &json));
	{
		uint32_t size = 1000000;
		char *deep = malloc(size);

		memset(deep, '[', size);
		assert_false(takes((struct store_str){deep, size}, &json));
		assert_true(json.at < 100);
		free(deep);
	}
}

/* ---- against yajl ---------------------------------------------------- */

static void
check_opinion(struct store_str text)
{
	struct json json;
	bool taken = takes(text, &json), taken_by_yajl = opinion_takes(text);

	assert_true(taken == (json.error == NULL) && json.at <= text.size);
	if (taken && !taken_by_yajl)
		fail_msg("taken, but yajl refuses: %.*s", (int)text.size, text.bytes);
	if (!taken && taken_by_yajl && !opinion_is_laxer(json.error, json.at, text))
		fail_msg("%s at %u, but yajl takes: %.*s", json.error, json.at, (int)text.size,
			 text.bytes);
}

static void
token_soup(void **state)
{
	static const char *const tokens[] = {
	    "{",   "}",     "[",           "]",        ",",
	    ":",   "\"a\"", "\"\"",        "1",        "-1.5e3",
	    "0",   "true",  "false",       "null",     " ",
	    "\n",  "tru",   "nul",         "\"",       "\\",
	    "-",   "1.",    "\"\\u00e9\"", "\xc3\xa4", "\"\xc3\xa4\"",
	    "1e5", "\t"};
	struct random random = random_seeded("token_soup");

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[200];
		uint32_t size = 0;

		for (uint64_t n = 1 + random_below(&random, 9); n > 0; n--) {
			const char *token =
			    tokens[random_below(&random, sizeof tokens / sizeof *tokens)];

			memcpy(text + size, token, strlen(token));
			size += (uint32_t)strlen(token);
		}
		check_opinion((struct store_str){text, size});
	}
}

struct maker {
	struct random *random;
	char bytes[8192];
	uint32_t size;
};

static void
put(struct maker *maker, const char *text)
{
	size_t size = strlen(text);

	if (maker->size + size < sizeof maker->bytes) {
		memcpy(maker->bytes + maker->size, text, size);
		maker->size += (uint32_t)size;
	}
}

static void
make_value(struct maker *maker, int depth_left)
{
	static const char *const leaves[] = {"0",
					     "-1",
					     "2.5e-3",
					     "\"x\"",
					     "\"\\\\\"",
					     "\"\\n\"",
					     "\"\\ud83d\\ude00\"",
					     "true",
					     "false",
					     "null",
					     "\"\xe2\x82\xac\""};
	bool object = random_below(maker->random, 2) == 0;
	uint64_t count = random_below(maker->random, 4);

	if (depth_left == 0 || random_below(maker->random, 3) == 0) {
		put(maker, leaves[random_below(maker->random, sizeof leaves / sizeof *leaves)]);
		return;
	}
	put(maker, object ? "{" : "[ ");
	for (uint64_t i = 0; i < count; i++) {
		put(maker, i == 0 ? "" : " ,");
		put(maker, object ? "\"name\":" : "");
		make_value(maker, depth_left - 1);
	}
	put(maker, object ? "\n}" : "]");
}

static void
random_values(void **state)
{
	struct random random = random_seeded("random_values");
	struct maker maker = {.random = &random};
	struct json json;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct store_str text;

		maker.size = 0;
		make_value(&maker, 6);
		text = (struct store_str){maker.bytes, maker.size};
		if (!takes(text, &json))
			fail_msg("%s: %.*s", json.error, (int)text.size, text.bytes);
		assert_true(opinion_takes(text));
		maker.bytes[random_below(&random, maker.size)] = (char)random_next(&random);
		check_opinion(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strings),        cmocka_unit_test(code_points),
	    cmocka_unit_test(bad_utf8),       cmocka_unit_test(numbers),
	    cmocka_unit_test(random_numbers), cmocka_unit_test(short_numbers),
	    cmocka_unit_test(walk),           cmocka_unit_test(wrong_types),
	    cmocka_unit_test(depth),          cmocka_unit_test(token_soup),
	    cmocka_unit_test(random_values),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
