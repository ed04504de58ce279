/*
 * Goal: User-Agents give the browser, system and device that they mean, hints
 * win where they are present, the cache and threads change nothing, and no
 * header costs much. Method: a table of User-Agents as browsers and bots send
 * them; every regex compiled and tried on all of them, to see that a
 * word that spares it is in every match; hostile strings.
 */
#include "beacon.h"

#include <ctype.h>
#include <pthread.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "server/useragent.h"
#include "server/useragent_table.h"

#define NO_HINT ((struct store_str){NULL, 0})

struct expectation {
	const char *user_agent, *browser, *browser_version, *os, *os_version, *device, *bot;
};

static const struct expectation table[] = {
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/124.0.0.0 Safari/537.36",
     "Chrome", "124", "Windows", "10", "desktop", ""},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/124.0.0.0 Safari/537.36",
     "Chrome", "124", "macOS", "10.15", "desktop", ""},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
     "Safari/537.36",
     "Chrome", "124", "Linux", "", "desktop", ""},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/124.0.0.0 Safari/537.36",
     "Chrome", "124", "Chrome OS", "14541.0", "desktop", ""},
    {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
     "Mobile Safari/537.36",
     "Chrome", "124", "Android", "10", "mobile", ""},
    {"Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/124.0.0.0 Safari/537.36",
     "Chrome", "124", "Android", "13", "tablet", ""},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) CriOS/124.0.6367.68 Mobile/15E148 Safari/604.1",
     "Chrome", "124", "iOS", "17.4", "mobile", ""},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
     "Safari", "17", "iOS", "17.4", "mobile", ""},
    {"Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.4 Mobile/15E148 Safari/604.1",
     "Safari", "17", "iOS", "17.4", "tablet", ""},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.4 Safari/605.1.15",
     "Safari", "17", "macOS", "10.15", "desktop", ""},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0", "Firefox",
     "125", "Windows", "10", "desktop", ""},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "Firefox",
     "125", "Ubuntu", "", "desktop", ""},
    {"Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0", "Firefox", "125",
     "Android", "14", "mobile", ""},
    {"Mozilla/5.0 (Android 14; Tablet; rv:125.0) Gecko/125.0 Firefox/125.0", "Firefox", "125",
     "Android", "14", "tablet", ""},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) FxiOS/125.0 Mobile/15E148 Safari/605.1.15",
     "Firefox", "125", "iOS", "17.4", "mobile", ""},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
     "Edge", "124", "Windows", "10", "desktop", ""},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/123.0.0.0 Safari/537.36 OPR/109.0.0.0",
     "Opera", "109", "Windows", "10", "desktop", ""},
    {"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
     "Samsung Internet", "24", "Android", "13", "mobile", ""},
    {"Mozilla/5.0 (Linux; Android 13; SM-A536B Build/TP1A.220624.014; wv) AppleWebKit/537.36 "
     "(KHTML, like Gecko) Version/4.0 Chrome/124.0.6367.82 Mobile Safari/537.36",
     "Chrome", "124", "Android", "13", "mobile", ""},
    {"Mozilla/5.0 (Linux; Android 12; Pixel 6) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/124.0.6367.82 Mobile Safari/537.36 EdgA/124.0.2478.50",
     "Edge", "124", "Android", "12", "mobile", ""},
    {"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "IE", "11", "Windows",
     "10", "desktop", ""},
    {"Mozilla/5.0 (Linux; U; Android 12; en-US; RMX3085 Build/SP1A) AppleWebKit/537.36 (KHTML, "
     "like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.0.1306 Mobile Safari/537.36",
     "UC Browser", "13", "Android", "12", "mobile", ""},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "HeadlessChrome/124.0.0.0 Safari/537.36",
     "HeadlessChrome", "124", "Linux", "", "desktop", "HeadlessChrome"},
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", "2",
     "", "", "other", "Googlebot"},
    {"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like "
     "Gecko) Chrome/124.0.6367.60 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
     "+http://www.google.com/bot.html)",
     "Googlebot", "2", "Android", "6.0", "mobile", "Googlebot"},
    {"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot", "2", "",
     "", "other", "bingbot"},
    {"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "YandexBot", "3", "", "",
     "other", "YandexBot"},
    {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
     "+https://openai.com/gptbot)",
     "GPTBot", "1", "", "", "other", "GPTBot"},
    {"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "FacebookBot",
     "1", "", "", "other", "FacebookBot"},
    {"curl/8.5.0", "curl", "8", "", "", "other", "curl"},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
     "Safari/537.36 Chrome-Lighthouse",
     "Chrome", "124", "Linux", "", "desktop", "chrome-lighthouse"},
    {"python-requests/2.31.0", "Python Requests", "2", "", "", "other", "python-requests"},
    {"Mozilla/5.0 (Linux; Android 9; AFTMM) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.3 like "
     "Chrome/120.0 Safari/537.36",
     "Amazon Silk", "120", "Android", "9", "tablet", ""},
    {"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) "
     "76.0.3809.146/6.0 TV Safari/537.36",
     "Safari", "", "Tizen", "6.0", "other", ""},
    {"Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/13.0 Safari/605.1.15",
     "Safari", "13", "", "", "other", ""},
    {"Mozilla/5.0 (Mobile; Nokia_800_Tough; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.2.2",
     "Firefox", "48", "KaiOS", "2.5", "mobile", ""},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Mobile/15E148 "
     "[FBAN/FBIOS;FBAV/457.0.0.38.109;FBBV/584;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.4;FBSS/"
     "3;FBID/phone;FBLC/de_DE;FBOP/5]",
     "Facebook", "457", "iOS", "17.4", "mobile", ""},
    {"Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0", "Firefox",
     "115", "Windows", "7", "desktop", ""},
    {"nonsense", "", "", "", "", "other", "bot"},

};

#define TABLE_COUNT (sizeof table / sizeof *table)

static struct useragent_parser *parser;

static int
set_up(void **state)
{
	(void)state;
	parser = useragent_open();
	return parser == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	useragent_close(parser);
	return 0;
}

static bool
is_expected(const struct useragent *got, const struct expectation *expected)
{
	return strcmp(got->browser, expected->browser) == 0 &&
	       strcmp(got->browser_version, expected->browser_version) == 0 &&
	       strcmp(got->os, expected->os) == 0 &&
	       strcmp(got->os_version, expected->os_version) == 0 &&
	       strcmp(got->device, expected->device) == 0 && strcmp(got->bot, expected->bot) == 0;
}

static void
known(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) { /* the second from the cache */
		for (size_t i = 0; i < TABLE_COUNT; i++) {
			struct useragent got;

			useragent_parse(parser, beacon_str(table[i].user_agent), NO_HINT, NO_HINT,
					&got);
			if (!is_expected(&got, &table[i]))
				fail_msg("%s: %s %s, %s %s, %s, bot `%s`", table[i].user_agent,
					 got.browser, got.browser_version, got.os, got.os_version,
					 got.device, got.bot);
		}
	}
}

static void
hints(void **state)
{
	static const char windows[] =
	    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
	    "(KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36";
	static const char android[] = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 "
				      "(KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";
	static const struct {
		const char *user_agent, *mobile, *platform;
		const char *os, *os_version, *device;
	} cases[] = {{windows, "?0", "\"Windows\"", "Windows", "10", "desktop"},
		     {windows, "?0", "\"macOS\"", "macOS", "", "desktop"},
		     {windows, "?1", "\"Android\"", "Android", "", "mobile"},
		     {windows, "", "\"Chromium OS\"", "Chrome OS", "", "desktop"},
		     {windows, "?0", "\"Unknown\"", "Windows", "10", "desktop"},
		     {windows, "nonsense", "nonsense", "Windows", "10", "desktop"},
		     {windows, "", "\"\"", "Windows", "10", "desktop"},
		     {windows, "", "\"joe@example.com\"", "Windows", "10", "desktop"},
		     {windows, "", "\"", "Windows", "10", "desktop"},
		     {windows, "", "\"a name that is longer than any system has\"", "Windows", "10",
		      "desktop"},
		     {windows, "", "\"W\xc3\xa4\n\"", "W???", "", "desktop"},
		     {android, "?1", "\"Android\"", "Android", "10", "mobile"},
		     {android, "?0", "\"Android\"", "Android", "10", "tablet"},
		     {"", "?1", "\"Android\"", "Android", "", "mobile"},
		     {"", "", "", "", "", "other"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct useragent got;

		useragent_parse(parser, beacon_str(cases[i].user_agent),
				beacon_str(cases[i].mobile), beacon_str(cases[i].platform), &got);
		assert_string_equal(got.os, cases[i].os);
		assert_string_equal(got.os_version, cases[i].os_version);
		assert_string_equal(got.device, cases[i].device);
	}
}

/* Whole and cut, what a client puts in place of names is not kept. */
static void
secrets(void **state)
{
#define APP(name) name "/3.0 CFNetwork/1240.0.4 Darwin/20.6.0"
#define HEX "8d7f3a9b2c1e4f60a1b2c3d4e5f60718"
	static const struct {
		const char *user_agent, *browser, *browser_version, *os_version, *bot;
	} cases[] = {{APP("MyApp"), "MyApp", "3", "14.8", ""},
		     {APP("joe@example.com"), "", "3", "14.8", "bot"},
		     {APP("4eC39HqLyjWDarjtT1zdp7dcApp"), "", "3", "14.8", ""},
		     {"joe@example.com/1.0", "", "", "", "bot"},
		     {"4eC39HqLyjWDarjtT1zdp7dcbot/2.1", "", "2", "", "bot"},
		     {HEX HEX "bot/1.0", "", "1", "", "bot"},
		     {"MyBot/" HEX, "MyBot", "", "", "MyBot"},
		     {"Googlebot/2.1 (joe@example.com)", "Googlebot", "2", "", "Googlebot"}};
#undef APP
#undef HEX

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int times = 0; times < 2; times++) { /* the second is kept */
			struct useragent got;

			useragent_parse(parser, beacon_str(cases[i].user_agent), beacon_str(""),
					beacon_str(""), &got);
			assert_string_equal(got.browser, cases[i].browser);
			assert_string_equal(got.browser_version, cases[i].browser_version);
			assert_string_equal(got.os_version, cases[i].os_version);
			assert_string_equal(got.bot, cases[i].bot);
		}
	}
}

/* ---- the table from uap-core ----------------------------------------- */

/* Whether one of the words, each with a newline behind it, is in the text. */
static bool
has_word(const char *words, const char *text)
{
	char word[200];

	for (const char *end; (end = strchr(words, '\n')) != NULL; words = end + 1) {
		assert_true(end - words >= 3 && end - words < (ptrdiff_t)sizeof word);
		snprintf(word, sizeof word, "%.*s", (int)(end - words), words);
		for (const char *c = word; *c != '\0'; c++)
			assert_false(isupper((unsigned char)*c));
		if (strcasestr(text, word) != NULL)
			return true;
	}
	return false;
}

static void
check_text(const struct useragent_regex *entry, pcre2_code *code, pcre2_match_data *data,
	   const char *text)
{
	if (pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL) < 0)
		return;
	if (strcasestr(text, entry->literal) == NULL)
		fail_msg("`%s` is not in %s, which %s matches", entry->literal, text, entry->regex);
	if (entry->words[0] != '\0' && !has_word(entry->words, text))
		fail_msg("no word of %s, which matches, is in %s", entry->regex, text);
}

/* Texts in which words of other entries stand where a browser has its own. */
#define MADE_EACH 12u

static void
check_regexes(const struct useragent_regex *entries, size_t count)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);

	for (size_t r = 0; r < count; r++) {
		PCRE2_SIZE offset;
		int error;
		pcre2_code *code = pcre2_compile(
		    (PCRE2_SPTR)entries[r].regex, PCRE2_ZERO_TERMINATED,
		    entries[r].ignore_case ? PCRE2_CASELESS : 0, &error, &offset, NULL);

		if (code == NULL)
			fail_msg("does not compile: %s", entries[r].regex);
		for (size_t i = 0; i < TABLE_COUNT; i++)
			check_text(&entries[r], code, data, table[i].user_agent);
		for (size_t i = r % MADE_EACH; i < count; i += MADE_EACH) {
			const char *word = entries[i].words;
			int size = (int)strcspn(word, "\n");
			char text[600];

			snprintf(text, sizeof text,
				 "Mozilla/5.0 (Linux; Android 9; %.*s Build/1A) %.*s/1.2.3 "
				 "Mobile %.*s Bot/2.0",
				 size, word, size, word, size, word);
			check_text(&entries[r], code, data, text);
			check_text(&entries[r], code, data, text + sizeof "Mozilla/5.0 (" - 1);
		}
		for (const char *c = entries[r].literal; *c != '\0'; c++)
			assert_false(isupper((unsigned char)*c));
		pcre2_code_free(code);
	}
	pcre2_match_data_free(data);
}

static void
regexes(void **state)
{
	(void)state;
	assert_true(useragent_table_browsers_count > 200);
	assert_true(useragent_table_systems_count > 100);
	assert_true(useragent_table_devices_count > 500);
	check_regexes(useragent_table_browsers, useragent_table_browsers_count);
	check_regexes(useragent_table_systems, useragent_table_systems_count);
	check_regexes(useragent_table_devices, useragent_table_devices_count);
	assert_true(useragent_table_bots_count > 100);
	check_regexes(useragent_table_bots, useragent_table_bots_count);
}

/* ---- threads and strangers ------------------------------------------- */

static void *
parse_all(void *argument)
{
	uint64_t *wrong = argument;
	struct random random = {*wrong};

	*wrong = 0;
	for (int i = 0; i < 2000; i++) {
		const struct expectation *one = &table[random_below(&random, TABLE_COUNT)];
		struct useragent got;

		useragent_parse(parser, beacon_str(one->user_agent), NO_HINT, NO_HINT, &got);
		*wrong += !is_expected(&got, one);
	}
	return NULL;
}

static void
threads(void **state)
{
	uint64_t wrong[4] = {1, 2, 3, 4};
	pthread_t started[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&started[i], NULL, parse_all, &wrong[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(started[i], NULL), 0);
		assert_true(wrong[i] == 0);
	}
}

static void
check_printable(const char *text, size_t size)
{
	assert_true(strlen(text) < size);
	for (; *text != '\0'; text++)
		assert_true(*text >= ' ' && *text <= '~');
}

static void
check_stranger(const char *bytes, uint32_t size)
{
	char *exact = malloc(size + 1u); /* so that reading past the end is seen */
	struct useragent got;

	assert_non_null(exact);
	memcpy(exact, bytes, size);
	useragent_parse(parser, (struct store_str){exact, size}, (struct store_str){exact, size},
			(struct store_str){exact, size}, &got);
	check_printable(got.browser, sizeof got.browser);
	check_printable(got.browser_version, sizeof got.browser_version);
	check_printable(got.os, sizeof got.os);
	check_printable(got.os_version, sizeof got.os_version);
	check_printable(got.bot, sizeof got.bot);
	assert_true(strcmp(got.device, "mobile") == 0 || strcmp(got.device, "tablet") == 0 ||
		    strcmp(got.device, "desktop") == 0 || strcmp(got.device, "other") == 0);
	free(exact);
}

/* Damaged User-Agents, and more of them than the cache holds. */
static void
damaged(void **state)
{
	struct random random = random_seeded("damaged");

	(void)state;
	for (int i = 0; i < 10000; i++) {
		const char *from = table[random_below(&random, TABLE_COUNT)].user_agent;
		uint32_t size = (uint32_t)strlen(from);
		char bytes[512];

		memcpy(bytes, from, size);
		for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--)
			bytes[random_below(&random, size)] = (char)random_next(&random);
		check_stranger(bytes, size);
	}
}

/* What makes backtracking costly: long runs of what the regexes repeat. */
static void
hostile(void **state)
{
	static const char *const runs[] = {
	    "a",        "1",       ".",  " ", "bot",        "/1.",   "; ", "Android ",
	    "Mozilla/", "Safari/", "1a", "(", "Version/1.", "; U; ", "x-", "spider/"};
	static const char *const before[] = {"", "Mozilla/5.0 (Linux; Android 1; ", "bot/1.",
					     "Opera/"};

	(void)state;
	for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
		for (size_t b = 0; b < sizeof before / sizeof *before; b++) {
			char bytes[4096];
			uint32_t size = (uint32_t)strlen(before[b]);

			memcpy(bytes, before[b], size);
			while (size + strlen(runs[r]) <= sizeof bytes) {
				memcpy(bytes + size, runs[r], strlen(runs[r]));
				size += (uint32_t)strlen(runs[r]);
			}
			check_stranger(bytes, size);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(secrets), cmocka_unit_test(known),   cmocka_unit_test(hints),
	    cmocka_unit_test(regexes), cmocka_unit_test(threads), cmocka_unit_test(damaged),
	    cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
