/*
 * Goal: patterns name the paths that they match and no others, wrong ones are
 * refused with their place, and only listed parameters are kept. Method: tables
 * of patterns and paths under configurations made by hand.
 */
#include "beacon.h"

#include "server/page.h"

static struct store_arena *arena;
static char error[512];

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

/* expected NULL: no pattern matches. */
static void
check(const struct page_rules *rules, const char *site, const char *path, const char *expected)
{
	struct store_str out;
	bool found;

	assert_true(page_name(rules, beacon_str(site), beacon_str(path), arena, &out, &found));
	if (found != (expected != NULL))
		fail_msg("%s: %s", path, found ? "matched" : "did not match");
	if (found)
		beacon_assert_str(out, expected);
}

static void
names(void **state)
{
	struct config_path paths[] = {
	    {.match = "/u/*/settings", .as = "/u/:name/settings"},
	    {.match = "/blog/*/*", .as = "/blog/*/:slug"},
	    {.match = "/docs/**", .as = "/docs"},
	    {.match = "/files/*/**", .as = "/files/*/**", .site = "shop"},
	    {.match = "/exact", .as = "/other"},
	};
	struct config config = {.paths = paths, .paths_count = 5};
	struct page_rules *rules = page_rules_create(&config, NULL, error);

	(void)state;
	assert_non_null(rules);
	check(rules, "shop", "/u/joe/settings", "/u/:name/settings");
	check(rules, "shop", "/u/joe/settings/", NULL);
	check(rules, "shop", "/u//settings", NULL);
	check(rules, "shop", "/u/joe/x/settings", NULL);
	check(rules, "shop", "/u/joe", NULL);
	check(rules, "shop", "/blog/2026/hello", "/blog/:id/:slug"); /* numbers are ids */
	check(rules, "shop", "/blog/news/hello", "/blog/news/:slug");
	check(rules, "shop", "/docs/a/b/c", "/docs");
	check(rules, "shop", "/docs/", NULL);
	check(rules, "shop", "/files/a/b/joe@example.com", "/files/a/b/:email");
	check(rules, "docs", "/files/a/b", NULL);
	check(rules, "shop", "/exact", "/other");
	check(rules, "shop", "/exactly", NULL);
	check(rules, "shop", "", NULL);
	check(NULL, "shop", "/exact", NULL);
	page_rules_free(rules);
}

static void
long_names(void **state)
{
	struct config_path path = {.match = "/**", .as = "/x/**"};
	struct config config = {.paths = &path, .paths_count = 1};
	struct page_rules *rules = page_rules_create(&config, NULL, error);
	static char text[60000];
	struct store_str out;
	bool found;

	(void)state;
	memset(text, 'a', sizeof text);
	text[0] = '/';
	assert_true(page_name(rules, beacon_str("shop"), (struct store_str){text, sizeof text},
			      arena, &out, &found));
	assert_true(found);
	assert_true(out.size <= 500);
	page_rules_free(rules);
}

static void
refused(void **state)
{
	static const struct {
		const char *match, *as, *reason;
	} cases[] = {
	    {"u/*", "/u", "paths[0].match: expected a path"},
	    {"/u*", "/u", "paths[0].match: expected a path"},
	    {"/*u", "/u", "paths[0].match: expected a path"},
	    {"/**/u", "/u", "paths[0].match: expected a path"},
	    {"/***", "/u", "paths[0].match: expected a path"},
	    {"/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*", "/u", "paths[0].match: expected a path"},
	    {"/u", "u", "paths[0].as: expected a path"},
	    {"/u/*", "/u/*/*", "paths[0].as: expected a path"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config_path path = {.match = (char *)(uintptr_t)cases[i].match,
					   .as = (char *)(uintptr_t)cases[i].as};
		struct config config = {.paths = &path, .paths_count = 1};

		assert_null(page_rules_create(&config, NULL, error));
		if (strstr(error, cases[i].reason) == NULL)
			fail_msg("%s: %s", cases[i].match, error);
	}
}

static void
parameters(void **state)
{
	char *list[] = {"ref", "utm_*", "*x"};
	struct config config = {.privacy = {.query_parameters = list, .query_parameters_count = 3}};
	struct page_rules *rules = page_rules_create(&config, NULL, error);

	(void)state;
	assert_true(page_keeps(NULL, beacon_str("utm_source")));
	assert_false(page_keeps(NULL, beacon_str("utm")));
	assert_false(page_keeps(NULL, beacon_str("ref")));
	assert_true(page_keeps(rules, beacon_str("ref")));
	assert_false(page_keeps(rules, beacon_str("referrer")));
	assert_true(page_keeps(rules, beacon_str("utm_")));
	assert_false(page_keeps(rules, beacon_str("xx")));
	assert_false(page_keeps(rules, beacon_str("")));
	config.privacy.query_parameters_count = 0;
	assert_false(page_keeps(rules, beacon_str("utm_source")));
	page_rules_free(rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(long_names),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(parameters),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
