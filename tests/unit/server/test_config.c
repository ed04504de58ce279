/*
 * Goal: every key of a configuration reaches its field, absent ones get their
 * defaults, and what is wrong is told with file, line and key. Method: files
 * written to a scratch directory, whole, empty and wrong in each way.
 */
#include "beacon.h"

#include "server/config.h"

static char directory[256], path[300], error[512];

static int
set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/drum.yaml", directory);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static struct config *
load(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	return config_load(path, error);
}

static struct config *
load_good(const char *text)
{
	struct config *config = load(text);

	if (config == NULL)
		fail_msg("%s", error);
	return config;
}

static void
check_defaults(struct config *config)
{
	assert_non_null(config);
	assert_string_equal(config->data, "data");
	assert_int_equal(config->listeners_count, 2);
	assert_string_equal(config->listeners[0].address, "127.0.0.1:8080");
	assert_false(config->listeners[0].tls);
	assert_string_equal(config->listeners[1].address, "127.0.0.1:8443");
	assert_true(config->listeners[1].tls);
	for (int i = 0; i < 2; i++)
		assert_int_equal(config->listeners[i].roles, CONFIG_PUBLIC | CONFIG_PRIVATE);
	assert_int_equal(config->sites_count, 0);
	assert_int_equal(config->geoip_count, 0);
	assert_null(config->certificate);
	assert_int_equal(config->limits.connections, 10000);
	assert_int_equal(config->limits.query_s, 30);
	assert_int_equal(config->limits.memtable_mb, 256);
	for (int i = 0; i < EVENT_TABLES_COUNT; i++)
		assert_int_equal(config->retention_days[i], 30);
	config_free(config);
}

static void
defaults(void **state)
{
	(void)state;
	check_defaults(config_load(NULL, error));
	check_defaults(load(""));
	check_defaults(load("# nothing yet\n"));
	check_defaults(load("{}\n"));
	check_defaults(load("sites: []\ngeoip: []\n"));
}

static void
whole(void **state)
{
	struct config *config =
	    load_good("data: /var/lib/drum\n"
		      "listeners:\n"
		      "  - address: 0.0.0.0:443\n"
		      "    tls: true\n"
		      "    roles: [public]\n"
		      "  - {address: \"[::1]:8080\", tls: no, roles: [private]}\n"
		      "  - address: 127.0.0.1:0\n"
		      "sites:\n"
		      "  - key: shop\n"
		      "    hosts: [shop.example, www.shop.example]\n"
		      "    origins: [\"https://shop.example\"]\n"
		      "  - key: blog\n"
		      "geoip: [a.mmdb, b.mmdb]\n"
		      "certificate: c.pem\n"
		      "certificate_key: k.pem\n"
		      "limits:\n"
		      "  connections: 1\n  in_flight: 2\n  connection_idle_s: 3\n  sites: 4\n"
		      "  query_s: 5\n  query_memory_mb: 6\n  queries: 7\n  memtable_mb: 8\n"
		      "retention_days: {pageviews: 0, errors: 1, events: 2, reports: 3}\n");

	(void)state;
	assert_string_equal(config->data, "/var/lib/drum");
	assert_int_equal(config->listeners_count, 3);
	assert_true(config->listeners[0].tls);
	assert_int_equal(config->listeners[0].roles, CONFIG_PUBLIC);
	assert_string_equal(config->listeners[1].address, "[::1]:8080");
	assert_false(config->listeners[1].tls);
	assert_int_equal(config->listeners[1].roles, CONFIG_PRIVATE);
	assert_int_equal(config->listeners[2].roles, CONFIG_PUBLIC | CONFIG_PRIVATE);
	assert_int_equal(config->sites_count, 2);
	assert_string_equal(config->sites[0].key, "shop");
	assert_int_equal(config->sites[0].hosts_count, 2);
	assert_string_equal(config->sites[0].hosts[1], "www.shop.example");
	assert_string_equal(config->sites[0].origins[0], "https://shop.example");
	assert_int_equal(config->sites[1].hosts_count, 0);
	assert_string_equal(config->geoip[1], "b.mmdb");
	assert_string_equal(config->certificate, "c.pem");
	assert_string_equal(config->certificate_key, "k.pem");
	assert_int_equal(config->limits.connections, 1);
	assert_int_equal(config->limits.in_flight, 2);
	assert_int_equal(config->limits.connection_idle_s, 3);
	assert_int_equal(config->limits.sites, 4);
	assert_int_equal(config->limits.query_s, 5);
	assert_int_equal(config->limits.query_memory_mb, 6);
	assert_int_equal(config->limits.queries, 7);
	assert_int_equal(config->limits.memtable_mb, 8);
	for (uint32_t i = 0; i < EVENT_TABLES_COUNT; i++)
		assert_int_equal(config->retention_days[i], i);
	config_free(config);
}

static void
some_limits(void **state)
{
	struct config *config = load_good("limits:\n  queries: 3\n");

	(void)state;
	assert_int_equal(config->limits.queries, 3);
	assert_int_equal(config->limits.connections, 10000);
	config_free(config);
}

static void
some_retention(void **state)
{
	struct config *config = load_good("retention_days: {errors: 0}\n");

	(void)state;
	assert_int_equal(config->retention_days[EVENT_ERRORS], 0);
	assert_int_equal(config->retention_days[EVENT_EVENTS], 30);
	config_free(config);
}

/* What is wrong with a text, and in which line; 0: the message has none. */
static const struct {
	const char *text;
	int line;
	const char *words[2];
} wrong_texts[] = {
    {"dat: x\n", 1, {"unknown key dat, maybe you meant: data"}},
    {"data: x\nlimitz: 1\n", 2, {"unknown key limitz, maybe you meant: limits"}},
    {"# data: y\n\ndata: x\n\n# limitz: 2\nlimitz: 1\n", 6, {"unknown key limitz"}},
    {"limits:\n  queries: 1\n  # more\n  queriez: 2\n", 4, {"queriez in limits", "queries"}},
    {"limits:\n  conections: 2\n", 2, {"conections in limits, maybe you meant: connections"}},
    {"sites:\n  - key: a\n  - keyy: b\n", 3, {"unknown key keyy in sites[1]", "key"}},
    {"sites:\n  - key: a\n    secret: [b]\n", 3, {"known are key, hosts, origins"}},
    {"listeners:\n  - address: 1.1.1.1:1\n    \"tsl\": true\n", 3, {"unknown key tsl", "tls"}},
    {"? [a]\n: b\n", 1, {"unknown key"}},
    {"limits:\n  queries: many\n", 2, {"limits.queries: expected a whole number", "'many'"}},
    {"limits:\n  queries: -1\n", 2, {"from 0 to 4294967295, got '-1'", "limits.queries"}},
    {"limits:\n  queries: 4294967296\n", 2, {"4294967296", "queries"}},
    {"limits:\n  queries: 010\n", 2, {"got '010'"}},
    {"limits:\n  queries:\n", 2, {"got nothing"}},
    {"limits: {queries: [1]}\n", 1, {"got a list of 1"}},
    {"retention_days:\n  pageviews: -1\n", 2, {"-1", "retention_days.pageviews"}},
    {"retention_days:\n  views: 1\n", 2, {"unknown key views"}},
    {"data: x\nretention_days: 7\n", 2, {"retention_days: expected keys with values", "'7'"}},
    {"data: x\nlimits: 7\n", 2, {"limits: expected keys with values"}},
    {"data: {a: b}\n", 1, {"data: expected text", "got keys with values"}},
    {"data: \"a\\0b\"\n", 1, {"data: expected text"}},
    {"hello\n", 1, {"the configuration: expected keys with values, got 'hello'"}},
    {"listeners: 5\n", 1, {"listeners: expected a list"}},
    {"listeners: []\n", 1, {"listeners: expected a list of 1 to 16 entries, got a list of 0"}},
    {"listeners:\n  - tls: true\n", 2, {"listeners[0].address is missing"}},
    {"listeners:\n  - address: 1.1.1.1:1\n    tls: maybe\n",
     3,
     {"listeners[0].tls: expected one of true, yes, on, false, no, off, got 'maybe'"}},
    {"listeners:\n  - address: 1.1.1.1:1\n    roles: [public, all]\n",
     3,
     {"listeners[0].roles: expected one of public, private, got 'all'"}},
    {"listeners:\n  - address: 1.1.1.1:1\n    roles: public\n", 3, {"roles: expected a list"}},
    {"listeners:\n  - address: \":80\"\n  - address: localhost\n",
     3,
     {"listeners[1].address: expected ADDR:PORT", "got 'localhost'"}},
    {"listeners:\n  - address: 1.1.1.1:99999\n", 2, {"port from 0 to 65535"}},
    {"listeners:\n  - address: ::1:80\n", 2, {"in brackets"}},
    {"listeners:\n  - address: shop.example:80\n", 2, {"numeric", "shop.example:80"}},
    {"sites:\n  - key: \"\"\n", 2, {"sites[0].key: expected text of 1 to 64 bytes"}},
    {"sites:\n  - key: a\n  - key: b\n  - key: a\n", 4, {"'a' is there already, on line 2"}},
    {"sites:\n  - key: a\n    hosts: [a.example, 'http://b.example']\n",
     3,
     {"sites[0].hosts[1]: expected a host", "got 'http://b.example'"}},
    {"sites:\n  - key: a\n    hosts: [\"*\"]\n", 3, {"sites[0].hosts[0]: expected a host"}},
    {"sites:\n  - key: a\n    hosts: [\"localhost:3000\"]\n", 3, {"without scheme and port"}},
    {"sites:\n  - key: a\n    hosts: [\"m\303\274ller.example\"]\n", 3, {"other letters as xn--"}},
    {"sites:\n  - key: a\n    origins: ['https://a.example:443']\n", 3, {"the scheme's own port"}},
    {"sites:\n  - key: a\n    origins: ['http://a.example:80']\n", 3, {"the scheme's own port"}},
    {"sites:\n  - key: a\n    origins: [a.example]\n", 3, {"sites[0].origins[0]: expected scheme"}},
    {"sites:\n  - key: a\n    origins: ['https://a.example/']\n", 3, {"got 'https://a.example/'"}},
    {"sites:\n  - key: a\n    origins: ['https://*.a.example']\n", 3, {"expected scheme and host"}},
    {"data: x\ndata: y\n", 2, {"data: this key is there already"}},
    {"limits: {queries: 1}\nsites: []\nlimits: {sites: 2}\n", 3, {"limits: this key is there"}},
    {"data: x\n\tsites: []\n", 2, {"no YAML", "a tab"}},
    {"data: x\nsites:\n\t- key: a\n", 3, {"no YAML", "a tab"}},
    {"data: x\nlimits:\n  queries: 1\n bad\n", 4, {"no YAML"}},
    {"sites: []\ndata: \"x\n\n\n", 2, {"no YAML", "unexpected end"}},
    {"data: x\n\xff\xfe\n", 2, {"UTF-8"}},
    {"\x7f"
     "ELF\x02\x01\x01",
     1,
     {"no UTF-8 text"}},
    {"data: x\n---\ndata: y\n", 2, {"second document"}},
    {"data: *x\n", 1, {"alias"}},
    {"certificate: c.pem\n", 1, {"certificate_key"}},
    {"data: x\ncertificate_key: k.pem\n", 2, {"certificate"}}};

static void
wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong_texts / sizeof *wrong_texts; i++) {
		char place[400];

		if (load(wrong_texts[i].text) != NULL)
			fail_msg("taken: %s", wrong_texts[i].text);
		snprintf(place, sizeof place, wrong_texts[i].line > 0 ? "%s line %d: " : "%s", path,
			 wrong_texts[i].line);
		if (strncmp(error, place, strlen(place)) != 0)
			fail_msg("expected `%s`: %s", place, error);
		for (int w = 0; w < 2 && wrong_texts[i].words[w] != NULL; w++) {
			if (strstr(error, wrong_texts[i].words[w]) == NULL)
				fail_msg("expected `%s`: %s", wrong_texts[i].words[w], error);
		}
		assert_null(strchr(error, '\n'));
	}
}

static void
no_file(void **state)
{
	char missing[320];

	(void)state;
	snprintf(missing, sizeof missing, "%s/none.yaml", directory);
	assert_null(config_load(missing, error));
	assert_non_null(strstr(error, missing));
	assert_non_null(strstr(error, "No such file"));
	assert_null(config_load(directory, error));
	assert_non_null(strstr(error, directory));
}

static void
flags(void **state)
{
	struct config *config = load_good("listeners:\n"
					  "  - {address: \"1.1.1.1:80\", roles: [public]}\n"
					  "  - {address: \"1.1.1.1:81\"}\n"
					  "  - {address: \"1.1.1.1:443\", tls: true}\n"
					  "geoip: [a]\n");

	(void)state;
	assert_true(config_set_data(config, "elsewhere"));
	assert_string_equal(config->data, "elsewhere");
	assert_true(config_set_listener(config, "127.0.0.1:0", false));
	assert_int_equal(config->listeners_count, 2); /* both plain ones went */
	assert_string_equal(config->listeners[0].address, "1.1.1.1:443");
	assert_string_equal(config->listeners[1].address, "127.0.0.1:0");
	assert_int_equal(config->listeners[1].roles, CONFIG_PUBLIC | CONFIG_PRIVATE);
	assert_true(config_set_listener(config, "127.0.0.1:1", true));
	assert_int_equal(config->listeners_count, 2);
	assert_true(config->listeners[1].tls);
	assert_true(config_add_geoip(config, "b") && config_add_geoip(config, "c"));
	assert_int_equal(config->geoip_count, 3);
	assert_string_equal(config->geoip[2], "c");
	config_free(config);
	config_free(NULL);
}

/* Random damage to a good file is an error or a configuration, never more. */
static void
damage(void **state)
{
	static const char good[] = "data: /x\nlisteners:\n  - address: 0.0.0.0:443\n    tls: true\n"
				   "sites:\n  - key: shop\n    hosts: [a, b]\nlimits:\n"
				   "  queries: 3\n";
	struct random random = random_seeded("damage");

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char text[sizeof good];
		struct config *config;

		memcpy(text, good, sizeof good);
		for (uint64_t n = 1 + random_below(&random, 3); n > 0; n--)
			text[random_below(&random, sizeof good - 1)] =
			    "\n :-[]{}\"'#&*!|>%@x0\t\xc3"[random_below(&random, 22)];
		config = load(text);
		if (config == NULL)
			assert_true(strstr(error, path) != NULL && strlen(error) < 511);
		config_free(config);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),    cmocka_unit_test(whole),
	    cmocka_unit_test(some_limits), cmocka_unit_test(some_retention),
	    cmocka_unit_test(wrong),       cmocka_unit_test(no_file),
	    cmocka_unit_test(flags),       cmocka_unit_test(damage),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
