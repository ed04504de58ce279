/*
 * Goal: patterns match what they say, wherever it is, in time linear in the
 * text; broken and huge ones are refused. Method: random patterns of two
 * letters against the C library's regexec, which knows the same operators;
 * captures by a table; patterns that make backtracking explode, on long texts,
 * with steps bounded by the test's own time.
 */
#include "check.h"

#include <regex.h>

#include "store/pattern.h"

#define TEXT_MAX 200u

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

/* Appends a random pattern; `depth` bounds it. */
static void
random_pattern(struct random *random, char *out, int depth)
{
	static const char *const atoms[] = {"a", "b", ".", "[ab]", "[^a]", "ab"};
	static const char *const suffixes[] = {"", "", "*", "+", "?", "{2}", "{1,2}"};
	size_t size = strlen(out);

	if (size > TEXT_MAX - 40)
		return;
	switch (depth == 0 ? 0 : random_below(random, 4)) {
	case 0:
		strcat(out, atoms[random_below(random, 6)]);
		break;
	case 1:
		strcat(out, "(");
		random_pattern(random, out, depth - 1);
		strcat(out, ")");
		break;
	case 2:
		random_pattern(random, out, depth - 1);
		strcat(out, "|");
		random_pattern(random, out, depth - 1);
		return;
	default:
		random_pattern(random, out, depth - 1);
		random_pattern(random, out, depth - 1);
		return;
	}
	strcat(out, suffixes[random_below(random, 7)]);
}

static bool
find(const char *pattern, const char *text, struct pattern_span spans[PATTERN_GROUPS_MAX])
{
	struct store_arena *arena = store_arena_create(0);
	struct pattern *compiled;
	struct pattern_machine *machine;
	const char *why = "";
	bool found;

	if (pattern_compile(str(pattern), arena, &compiled, &why) != 0)
		fail_msg("%s: %s", pattern, why);
	machine = pattern_machine_create(compiled, NULL, arena);
	assert_non_null(machine);
	found = pattern_find(machine, str(text), 0, spans);
	store_arena_free(arena);
	return found;
}

static void
same_as_regexec(void **state)
{
	struct random random = random_seeded("patterns");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char pattern[TEXT_MAX * 2] = "", text[12] = "";
		struct pattern_span spans[PATTERN_GROUPS_MAX];
		regmatch_t match;
		regex_t regex;
		bool wanted, got;

		random_pattern(&random, pattern, 4);
		if (regcomp(&regex, pattern, REG_EXTENDED) != 0)
			continue;
		for (uint64_t c = random_below(&random, 10); c > 0; c--)
			strcat(text, random_below(&random, 2) ? "a" : "b");
		wanted = regexec(&regex, text, 1, &match, 0) == 0;
		got = find(pattern, text, spans);
		regfree(&regex);
		/* POSIX takes the longest match there, RE2 the first alternative's. */
		if (got != wanted || (got && (spans[0].from != (uint32_t)match.rm_so ||
					      spans[0].to > (uint32_t)match.rm_eo)))
			fail_msg("%s on %s: %d %u..%u instead of %d %d..%d", pattern, text, got,
				 spans[0].from, spans[0].to, wanted, (int)match.rm_so,
				 (int)match.rm_eo);
	}
}

static void
captures(void **state)
{
	static const struct {
		const char *pattern, *text;
		uint32_t group;
		const char *wanted; /* NULL: took no part */
	} rows[] = {{"(a+)(b+)", "xaabbb", 1, "aa"},    {"(a+)(b+)", "xaabbb", 2, "bbb"},
		    {"(a)|(b)", "b", 1, NULL},          {"(a)|(b)", "b", 2, "b"},
		    {"(a|ab)(c|bcd)", "abcd", 1, "a"},  {"(a|ab)(c|bcd)", "abcd", 2, "bcd"},
		    {"(a*?)b", "aab", 1, "aa"},         {"(?:x)(y)", "xy", 1, "y"},
		    {"((a)b)*", "abab", 2, "a"},        {"^(.*)/", "a/b/c", 1, "a/b"},
		    {"(?P<name>\\d+)", "x42", 1, "42"}, {"(é)", "caf\u00e9", 1, "é"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pattern_span spans[PATTERN_GROUPS_MAX], span;

		assert_true(find(rows[i].pattern, rows[i].text, spans));
		span = spans[rows[i].group];
		if (rows[i].wanted == NULL) {
			assert_true(span.from > span.to);
			continue;
		}
		assert_int_equal(span.to - span.from, strlen(rows[i].wanted));
		assert_memory_equal(rows[i].text + span.from, rows[i].wanted, span.to - span.from);
	}
}

static void
linear_time(void **state)
{
	static const char *const patterns[] = {"(a*)*b", "(a|aa)+$b", "(a?){20}a{20}b",
					       "(.*)*x(.*)*y", "(a+)+b"};
	uint32_t size = 50000;
	char *text = malloc(size + 1u);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', size);
	text[size] = '\0';
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		assert_false(find(patterns[i], text, NULL));
	free(text);
}

static void
refused(void **state)
{
	static const char *const patterns[] = {"(",
					       ")",
					       "[",
					       "[a",
					       "a{2,1}",
					       "*",
					       "a**b(",
					       "\\",
					       "(?=a)",
					       "(?<!a)",
					       "\\1",
					       "(?P<n>a",
					       "[b-a]",
					       "(a{1000}){1000}",
					       "((((a{100}){100}){100}){100})"};

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct store_arena *arena = store_arena_create(0);
		struct pattern *compiled;
		const char *why = NULL;

		if (pattern_compile(str(patterns[i]), arena, &compiled, &why) != STORE_EINVAL)
			fail_msg("%s is taken", patterns[i]);
		assert_non_null(why);
		store_arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_as_regexec),
	    cmocka_unit_test(captures),
	    cmocka_unit_test(linear_time),
	    cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
