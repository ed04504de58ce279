/*
 * Goal: of a URL only host and normalised path are kept; ids, addresses and
 * tokens become placeholders, words stay; userinfo, query and fragment never
 * come out. Method: goldens; random URLs with a canary in each place that must
 * go; and the bounds on sizes.
 */
#include "beacon.h"

#include "server/json.h"
#include "server/url.h"

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

static void
check_split(const char *url, const char *host, const char *path)
{
	struct store_str got_host, got_path, alone;

	store_arena_reset(arena);
	assert_true(url_split(beacon_str(url), arena, &got_host, &got_path, NULL));
	assert_true(url_host(beacon_str(url), arena, &alone));
	beacon_assert_str(got_host, host);
	beacon_assert_str(alone, host);
	beacon_assert_str(got_path, path);
}

static void
check_path(const char *path, const char *expected)
{
	char url[1024];

	snprintf(url, sizeof url, "https://shop.example%s", path);
	check_split(url, "shop.example", expected);
}

static void
hosts(void **state)
{
	(void)state;
	check_split("https://shop.example/a", "shop.example", "/a");
	check_split("https://Shop.EXAMPLE:8443/a", "shop.example", "/a");
	check_split("http://shop.example", "shop.example", "/");
	check_split("http://shop.example?x=1", "shop.example", "/");
	check_split("http://shop.example#x", "shop.example", "/");
	check_split("https://user:pass@shop.example/a", "shop.example", "/a");
	check_split("https://a@b@shop.example/a@b", "shop.example", "/a@b");
	check_split("https://[2001:DB8::1]:443/a", "[2001:db8::1]", "/a");
	check_split("https://user@[::1]/a", "[::1]", "/a");
	check_split("https://[::1", "[::1", "/");
	check_split("https://user:pass@", "", "");
	check_split("https://", "", "");
	check_split("", "", "");
	check_split("about:blank", "", "about:blank");
	check_split("/only/a/path?q", "", "/only/a/path");
	check_split("https://shop.example\\@other.example/", "shop.example", ":email/");
}

static void
dropped(void **state)
{
	(void)state;
	check_path("/a?token=secret", "/a");
	check_path("/a#secret", "/a");
	check_path("/a?x#y?z", "/a");
	check_path("/a#y?z", "/a");
	check_path("?a/b", "/");
}

static void
placeholders(void **state)
{
	(void)state;
	check_path("/p/42", "/p/:id");
	check_path("/p/42/", "/p/:id/");
	check_path("/42/7", "/:id/:id");
	check_path("/p/9f86d081-884c-4d65-9a2f-eaa0c55ad015", "/p/:id");
	check_path("/p/9F86D081884C7D65", "/p/:id");
	check_path("/p/5f2b8c1d", "/p/:id");
	check_path("/u/jane.doe@mail.example", "/u/:email");
	check_path("/u/jane%40mail.example/edit", "/u/:email/edit");
	check_path("/v/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "/v/:token");
	check_path("/reset/Zm9vYmFyMTIzNDU2Nzg5QUJD", "/reset/:token");
	check_path("/k/sk-live-4242AbCdEf0123XyZ", "/k/:token");
	/* Words, versions, dates and files stay. */
	check_path("/", "/");
	check_path("//a//b/", "//a//b/");
	check_path("/deadbeef", "/deadbeef");
	check_path("/facade", "/facade");
	check_path("/v2/items", "/v2/items");
	check_path("/2024-05-17/news", "/2024-05-17/news");
	check_path("/app.3f2a.js", "/app.3f2a.js");
	check_path("/internationalization-of-everything", "/internationalization-of-everything");
	check_path("/Release-Notes-2024", "/Release-Notes-2024");
	check_path("/caf\xc3\xa9/42", "/caf\xc3\xa9/:id");
	check_path("/@handle", "/@handle");
	check_path("/a@b", "/a@b");
}

static void
check_strip(const char *url, const char *expected)
{
	struct store_str got;

	store_arena_reset(arena);
	assert_true(url_strip(beacon_str(url), arena, &got));
	beacon_assert_str(got, expected);
}

static void
stripped(void **state)
{
	(void)state;
	check_strip("https://cdn.example/app.js?v=1#x", "https://cdn.example/app.js");
	check_strip("https://user:pw@cdn.example:8443/a", "https://cdn.example:8443/a");
	check_strip("https://cdn.example", "https://cdn.example");
	check_strip("https://user@", "https://");
	check_strip("/app.js?secret", "/app.js");
	check_strip("app.js", "app.js");
	check_strip("?secret", "");
	check_strip("", "");
	check_strip("https://[::1]:80/a?b", "https://[::1]:80/a");
}

static void
sizes(void **state)
{
	char url[3000] = "https://", label[1100];
	struct store_str host, path;

	(void)state;
	/* A host longer than DNS allows is none. */
	memset(label, 'h', sizeof label);
	label[253] = '\0';
	snprintf(url, sizeof url, "https://%s/", label);
	assert_true(url_split(beacon_str(url), arena, &host, &path, NULL));
	assert_int_equal(host.size, 253);
	snprintf(url, sizeof url, "https://%sh/", label);
	assert_true(url_split(beacon_str(url), arena, &host, &path, NULL));
	assert_int_equal(host.size, 0);
	/* A long path is cut at a character, and nothing follows the cut; the 512
	 * bytes beyond 500 are for a secret to be known. */
	for (int fill = 1002; fill < 1017; fill++) {
		memset(label, 'g', sizeof label);
		snprintf(label + fill, 40, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80/more/of/it");
		snprintf(url, sizeof url, "https://a.example/%s", label);
		assert_true(url_split(beacon_str(url), arena, &host, &path, NULL));
		assert_in_range(path.size, 1009, 1012);
		assert_memory_equal(path.bytes, url + strlen("https://a.example"), path.size);
		assert_true(json_is_utf8(path));
	}
}

/* ---- canaries -------------------------------------------------------- */

#define CANARY "CANARYxyz"

static uint32_t
random_text(struct random *random, char *out, const char *alphabet)
{
	uint32_t size = (uint32_t)random_below(random, 12);

	for (uint32_t i = 0; i < size; i++)
		out[i] = alphabet[random_below(random, strlen(alphabet))];
	out[size] = '\0';
	return size;
}

static void
check_no_canary(struct store_str text, const char *url)
{
	if (text.size > 0 && memmem(text.bytes, text.size, CANARY, strlen(CANARY)) != NULL)
		fail_msg("%.*s of %s", (int)text.size, text.bytes, url);
}

static void
canaries(void **state)
{
	struct random random = random_seeded("canaries");

	(void)state;
	for (int i = 0; i < 50000; i++) {
		char user[16], path[16], query[16], fragment[16], url[300];
		struct store_str host, got, exact;
		char *copy;

		random_text(&random, user, "ab:@%.;=[]-");
		random_text(&random, path, "ab/:@%.;=1[]");
		random_text(&random, query, "ab/:@%.;=?&\\[]");
		random_text(&random, fragment, "ab/:@%.;=?&#\\[]");
		snprintf(url, sizeof url, "https://%s" CANARY "%s@host.example:81/%s%s%s%s%s%s",
			 user, user, path, random_below(&random, 2) ? "?" CANARY : "?", query, "#",
			 CANARY, fragment);
		copy = malloc(strlen(url)); /* without NUL, so that reading on is seen */
		memcpy(copy, url, strlen(url));
		exact = (struct store_str){copy, (uint32_t)strlen(url)};
		store_arena_reset(arena);
		assert_true(url_split(exact, arena, &host, &got, NULL));
		beacon_assert_str(host, "host.example");
		check_no_canary(got, url);
		assert_true(url_strip(exact, arena, &got));
		check_no_canary(got, url);
		/* Cut anywhere, it is another URL, but nothing breaks. */
		exact.size = (uint32_t)random_below(&random, exact.size);
		assert_true(url_split(exact, arena, &host, &got, NULL));
		assert_true(url_strip(exact, arena, &got));
		assert_true(got.size <= exact.size);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts),    cmocka_unit_test(dropped), cmocka_unit_test(placeholders),
	    cmocka_unit_test(stripped), cmocka_unit_test(sizes),   cmocka_unit_test(canaries),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
