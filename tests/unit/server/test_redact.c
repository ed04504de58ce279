/*
 * Goal: what must not be stored leaves a text, and nothing else does; whatever
 * the text, the time is in proportion to its size. Method: a table of texts as
 * pages and browsers write them; random texts (seeded) with canaries put in
 * anywhere; texts made to be slow, against the same text twice as long.
 */
#include "beacon.h"

#include <time.h>

#include "server/redact.h"

#define ADDRESS "203.0.113.77"
#define JWT "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r"
#define HEX "9f86d081884c7d659a2feaa0c55ad015"

/* Of 256 KiB: some 7 ms at most; 64 bytes looked at again for each would be 0.2 s. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SECONDS_MAX 1.5
#else
#define SECONDS_MAX 0.1
#endif

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

static struct store_str
redacted(struct store_str text)
{
	struct redact_address address = redact_address(beacon_str(ADDRESS));
	struct store_str out;

	assert_true(redact(text, &address, arena, &out));
	return out;
}

static const struct {
	const char *text, *expected; /* NULL: as it is */
} table[] = {
    /* e-mail addresses */
    {"no user joe@example.com here", "no user [email] here"},
    {"joe.doe+tag@mail.example.co.uk", "[email]"},
    {"joe%40example.com", "[email]"},
    {"<joe@example.com>,ann@example.org", "<[email]>,[email]"},
    {"J\xc3\xb6rg@b\xc3\xbc"
     "cher.example!",
     "[email]!"},
    {"decorator @media and a@b", NULL},
    {"at f@https://a.example/x.js:1:2", NULL},
    /* tokens */
    {"Bearer " JWT " expired", "Bearer [redacted] expired"},
    {"got " JWT, "got [token]"},
    {"key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "key [token]"},
    {"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[token]"},
    {"AKIAIOSFODNN7EXAMPLE is a name", NULL},
    /* hex and numbers */
    {"session " HEX " is gone", "session [hex] is gone"},
    {"order 550e8400-e29b-41d4-a716-446655440000", "order [hex]"},
    {"card 4111111111111111", "card [hex]"},
    {"at 1780000000000, line 1234567", NULL},
    {"deadbeefdeadbeef", "deadbeefdeadbeef"},
    {"color #ff00ff0a", NULL},
    /* values beside names */
    {"password=hunter2&x=1", "password=[redacted]&x=1"},
    {"{\"password\": \"hunter2\", \"a\": 1}", "{\"password\": \"[redacted]\", \"a\": 1}"},
    {"{\"user_token\":\"abc\"}", "{\"user_token\":\"[redacted]\"}"},
    {"API_KEY=abc123", "API_KEY=[redacted]"},
    {"Authorization: Bearer abc123", "Authorization: Bearer [redacted]"},
    {"JSESSIONID=abc;x", "JSESSIONID=[redacted];x"},
    {"Unexpected token: name", NULL},
    {"Unexpected token < in JSON at position 0", NULL},
    {"Unexpected token } in JSON", NULL},
    {"the password field", NULL},
    {"password = hunter2", "password = [redacted]"},
    {"token = name", NULL},
    {"Unexpected token = in JSON", NULL},
    {"SyntaxError: Unexpected token '='. Expected", NULL},
    {"{\"password\" : \"hunter\"}", "{\"password\" : \"[redacted]\"}"},
    {"{\"password\":\n  \"hunter\"}", "{\"password\":\n  \"[redacted]\"}"},
    {"{\"password\":\"right horse & staple; a, b\",\"a\":1}",
     "{\"password\":\"[redacted]\",\"a\":1}"},
    {"{\"password\":\"a \\\"quote\\\" b\"}", "{\"password\":\"[redacted]\"}"},
    {"password='right horse' now", "password='[redacted]' now"},
    {"password='right ho", "password='[redacted]"},
    {"password='right\nat f", "password='[redacted]\nat f"},
    {"'password' => 'hunter'", "'password' => '[redacted]'"},
    {"user[password]=hunter&a=1", "user[password]=[redacted]&a=1"},
    {"password[]=hunter", "password[]=[redacted]"},
    {"<ns:password>hunter</ns:password>", "<ns:password>[redacted]</ns:password>"},
    {"Authorization:Bearer abcdef", "Authorization:Bearer [redacted]"},
    {"{\"Authorization\":\"Bearer abcdef\"}", "{\"Authorization\":\"[redacted]\"}"},
    {"Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted]"},
    {"authorization: please log in", NULL},
    {"input[name=\"password\"]:hover>a", NULL},
    /* texts within texts */
    {"{\\\"password\\\":\\\"hunter b\\\",\\\"a\\\":1}",
     "{\\\"password\\\":\\\"[redacted]\\\",\\\"a\\\":1}"},
    {"{\\\\\\\"password\\\\\\\": \\\\\\\"a \\\\\\\\\\\"b\\\\\\\"}",
     "{\\\\\\\"password\\\\\\\": \\\\\\\"[redacted]\\\\\\\"}"},
    {"password%3Dhunter%26a%3D1", "password%3D[redacted]%26a%3D1"},
    {"password%253Dhunter%2526a%253D1", "password%253D[redacted]%2526a%253D1"},
    {"%7B%22password%22%3A%22hunter%22%2C", "%7B%22password%22%3A%22[redacted]%22%2C"},
    {"Authorization%3A%20Bearer%20abcdef%0A", "Authorization%3A%20Bearer%20[redacted]%0A"},
    {"joe%2540example.com", "[email]"},
    {"{\"a\":\"joe\\u0040example.com\"}", "{\"a\":\"[email]\"}"},
    {"joe\\\\u0040example.com", "[email]"},
    {"joe\\x40example.com", "[email]"},
    {"joe%40a-company-with-a-name-that-has-more-letters-than-most.example", "[email]"},
    {"https:\\/\\/joe:pw@shop.example\\/p?id=7 x", "https:\\/\\/shop.example\\/p x"},
    {"https%3A%2F%2Fjoe%3Apw%40shop%2Fp%3Fid%3D7 x", "https%3A%2F%2Fshop%2Fp x"},
    {"https%253A%252F%252Fjoe%253Apw%2540shop%252Fp x", "https%253A%252F%252Fshop%252Fp x"},
    {"https://a.example/to/%2Fp%3Fid%3D7 x", "https://a.example/to/%2Fp x"},
    {"https://a.example/50%25/100%3F x", NULL},
    /* URLs in text */
    {"GET /p?id=7 failed", "GET /p failed"},
    {"a[href=\"/p?id=7&a=1\"]", "a[href=\"/p\"]"},
    {"either/or? x=1", NULL},
    {"GET https://joe:pw@shop.example/p?id=7#top failed", "GET https://shop.example/p failed"},
    {"at f (https://shop.example/app.js?v=3:10:5)", "at f (https://shop.example/app.js:10:5)"},
    {"at f (https://shop.example/app.js:10:5)", NULL},
    {"https://shop.example/app." HEX ".js:1:2", NULL},
    {"https://shop.example/u/" HEX "/app.js:1:2", "https://shop.example/u/[hex]/app.js:1:2"},
    {"https://shop.example/" HEX ".jpg", "https://shop.example/[hex].jpg"},
    {"https://a.example/x?y=\"1", "https://a.example/x\"1"},
    {"https://a.example/;sessionid=abc/x?y=1&z=2", "https://a.example/;sessionid=[redacted]/x"},
    {"https://a.example/u?filter[name]=joe&city=x failed", "https://a.example/u failed"},
    {"https://a.example/u?ids[]=5&name=joe", "https://a.example/u"},
    {"https://a.example/u?q={name:joe}&x=1", "https://a.example/u"},
    {"https://a.example/u?q=(joe)+bob|x", "https://a.example/u"},
    {"https://a.example/u(5)/[id]/a|b?name=joe x", "https://a.example/u(5)/[id]/a|b x"},
    {"(see https://a.example/u?q=(joe)), or [https://a.example/u?q=1]",
     "(see https://a.example/u)), or [https://a.example/u]"},
    {"[https://a.example] or `https://a.example/`#1", NULL},
    {"https://a.example/it's?name=joe x", "https://a.example/it's x"},
    {"'https://a.example/p?id=7' and `/p?id=7`", "'https://a.example/p' and `/p`"},
    {"fetch('/p?id=7').then(f)", "fetch('/p').then(f)"},
    {"(in https://a.example/app.js?v=1:3:14)", "(in https://a.example/app.js:3:14)"},
    {"eval at f (https://a.example/app.js?v=1:1:1), <anonymous>:1:1",
     "eval at f (https://a.example/app.js:1:1), <anonymous>:1:1"},
    {"at f (https://a.example/app.js?user[name]=joe:3:14)", "at f (https://a.example/app.js:3:14)"},
    {"a[href='https://a.example/?u[n]=joe']>b", "a[href='https://a.example/']>b"},
    {"https://joe:p(w)|[x@a.example/p (https://a.example) x",
     "https://a.example/p (https://a.example) x"},
    {"https://joe:pw@[::1]:80/p?id=7 x", "https://[::1]:80/p x"},
    {"GET /u?filter[name]=joe failed", "GET /u failed"},
    {"GET /u?all&user.name=joe failed", "GET /u failed"},
    {"GET /u(5)?name=joe failed", "GET /u(5) failed"},
    {"https%3A%2F%2Fa.example%2Fp%3Ff[name]%3Djoe x", "https%3A%2F%2Fa.example%2Fp x"},
    {"/p%3Ff%5Bname%5D%3Djoe x", "/p x"},
    {"is it? or #1: no", NULL},
    {"https://a.example/?q=https://joe:pw@b.example/", "https://a.example/"},
    {"https://a.example/https://joe:pw@b.example/?q=1 x", "https://a.example/https://b.example/ x"},
    /* the client's address */
    {"blocked " ADDRESS ".", "blocked [address]."},
    {"blocked 203.0.113.7 and " ADDRESS "0", NULL},
    {"ip-" ADDRESS ", ip_" ADDRESS ":80", "ip-[address], ip_[address]:80"},
    {"Chrome/124.0.0.0", NULL},
    /* plain */
    {"", NULL},
    {"x is \"undefined\"", NULL},
    {"#hero>img.product-card__image--large", NULL},
    {"checkout_complete", NULL},
    {"cdn-cache;desc=HIT, edge;dur=3", NULL},
    {"\xe4\xb8\xad\xe6\x96\x87 \xff\xfe", NULL},
};

static void
texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct store_str text = beacon_str(table[i].text), out = redacted(text);

		beacon_assert_str(out,
				  table[i].expected == NULL ? table[i].text : table[i].expected);
		if (table[i].expected == NULL)
			assert_ptr_equal(out.bytes, text.bytes); /* not copied */
		/* Once more changes nothing. */
		beacon_assert_str(redacted(out),
				  table[i].expected == NULL ? table[i].text : table[i].expected);
		store_arena_reset(arena);
	}
}

/* Wherever a canary stands between other words, it goes, and they stay. */
static void
canaries(void **state)
{
	static const char *const secrets[] = {
	    "canary.bird@example.com",         JWT, HEX, ADDRESS, "4111111111111111",
	    "sk_live_4eC39HqLyjWDarjtT1zdp7dc"};
	static const char *const words[] = {"TypeError:", "x", "is",   "(undefined)", "\"a\"",
					    "at",         "f", "line", "3,",          "\n"};
	struct random random = random_seeded("canaries");

	(void)state;
	for (uint32_t round = 0; round < 20000; round++) {
		const char *secret = secrets[random_below(&random, 6)];
		uint32_t count = (uint32_t)random_below(&random, 8), place;
		char text[1000] = "", expected[1000] = "";
		struct store_str out;

		place = (uint32_t)random_below(&random, count + 1);
		for (uint32_t i = 0; i <= count; i++) {
			const char *word = i == place ? secret : words[random_below(&random, 10)];

			strcat(strcat(text, word), " ");
			strcat(strcat(expected, i == place ? "\x01" : word), " ");
		}
		out = redacted(beacon_str(text));
		if (memmem(out.bytes, out.size, secret, strlen(secret)) != NULL)
			fail_msg("%s in %s", secret, text);
		/* Before and behind it nothing changed. */
		assert_memory_equal(out.bytes, expected, strcspn(expected, "\x01"));
		place = (uint32_t)strlen(strchr(expected, 1) + 1);
		assert_memory_equal(out.bytes + out.size - place, strchr(expected, 1) + 1, place);
		store_arena_reset(arena);
	}
}

/* ---- time ------------------------------------------------------------ */

static double
seconds_of(const char *unit, size_t size)
{
	char *text = malloc(size);
	struct redact_address address = redact_address(beacon_str(ADDRESS));
	struct timespec began, ended;
	struct store_str out;

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = unit[i % strlen(unit)];
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
	assert_true(redact((struct store_str){text, (uint32_t)size}, &address, arena, &out));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	assert_true(out.size <= size * 4 + 64);
	free(text);
	store_arena_reset(arena);
	return (double)(ended.tv_sec - began.tv_sec) +
	       (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
}

static void
hostile(void **state)
{
	static const char *const units[] = {"a",
					    "a.",
					    "a@",
					    "%40",
					    "a://",
					    "://@",
					    "a://?",
					    "password=",
					    "pwd=abc ",
					    "eyJ",
					    "?#",
					    "203.0.113.7",
					    "1-",
					    ":1",
					    "a@b.c ",
					    "\xff",
					    "token: \"",
					    "bearer ",
					    "%25",
					    "%",
					    "\\",
					    "token=\"a",
					    "token=\\\"a\n",
					    "%3A%2F%2F",
					    "/?a",
					    "token %3D%20",
					    "<token>"};

	(void)state;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		double seconds = seconds_of(units[i], 1 << 18);

		/* Four times what a beacon has. */
		if (seconds > SECONDS_MAX)
			fail_msg("256 KiB of %s: %.2f s", units[i], seconds);
	}
}

/* Texts that are passed over at a glance, beside the same behind a space, which
 * are not. */
static void
at_a_glance(void **state)
{
	static const char *const parts[] = {"a",   ".",        "-",
					    "17",  ADDRESS,    "203.0",
					    "eyJ", "abcdefgh", "9f86d081884c7d65",
					    "_",   "token",    "/",
					    "#",   ">",        "@",
					    "%40", "=",        "x1y2z3",
					    "pwd", "?",        "ip-17-of"};
	struct random random = random_seeded("at_a_glance");
	uint32_t changed = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct redact_address address =
		    redact_address(beacon_str(i % 2 ? ADDRESS : "ip-17-of"));
		struct store_str plain, spaced;
		char text[256] = " ";

		for (uint64_t n = 1 + random_below(&random, 6); n > 0; n--)
			strcat(text, parts[random_below(&random, sizeof parts / sizeof *parts)]);
		store_arena_reset(arena);
		assert_true(redact(beacon_str(text), &address, arena, &spaced));
		assert_true(redact(beacon_str(text + 1), &address, arena, &plain));
		if (spaced.size != plain.size + 1 ||
		    memcmp(spaced.bytes + 1, plain.bytes, plain.size) != 0)
			fail_msg("%s: %.*s", text + 1, (int)plain.size, plain.bytes);
		changed += plain.size + 1 != strlen(text);
	}
	assert_in_range(changed, 10000, 90000);
}

/* Few texts again and again, with one address or another, beside each as if it
 * were the first: an address that is none of the usual ones makes nothing known. */
static void
known(void **state)
{
	static const char *const parts[] = {"https://", "shop",       ".",     "example",
					    "/app.js",  "#hero",      ">img",  "?a=b",
					    "17",       ":",          "::1",   "/",
					    "joe@x.y",  "2001:db8::", ADDRESS, "9f86d081884c7d65"};
	static const char *const addresses[] = {ADDRESS, "", "198.51.100.1", "2001:db8::1",
						"#hero"};
	struct random random = random_seeded("known");
	uint32_t changed = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct store_str address_text = beacon_str(addresses[random_below(&random, 5)]);
		struct redact_address address = redact_address(address_text),
				      unusual = {address_text, false};
		struct store_str out, expected;
		char text[256] = "";

		for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--)
			strcat(text, parts[random_below(&random, sizeof parts / sizeof *parts)]);
		store_arena_reset(arena);
		assert_true(redact(beacon_str(text), &address, arena, &out));
		assert_true(redact(beacon_str(text), &unusual, arena, &expected));
		if (out.size != expected.size || memcmp(out.bytes, expected.bytes, out.size) != 0)
			fail_msg("%s with %s: %.*s", text, address_text.bytes, (int)out.size,
				 out.bytes);
		changed += out.size != strlen(text);
	}
	assert_in_range(changed, 20000, 180000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),       cmocka_unit_test(canaries), cmocka_unit_test(hostile),
	    cmocka_unit_test(at_a_glance), cmocka_unit_test(known),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
