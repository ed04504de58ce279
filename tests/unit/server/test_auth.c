/*
 * Goal: only a token that was made opens anything, with its role and no other;
 * no file holds a token in clear but the development one; headers give the
 * token that the client meant. Method: tokens in a scratch directory; near
 * misses of each; tables of headers; files damaged by hand.
 */
#include "beacon.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "full_disk.h"

#include "server/auth.h"

static char directory[256], error[256];

static int
set_up(void **state)
{
	(void)state;
	unsetenv("DRUM_TOKEN");
	scratch_make(directory);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static struct auth *
open_good(void)
{
	struct auth *auth = NULL;

	if (!auth_open(directory, &auth, error))
		fail_msg("%s", error);
	return auth;
}

/* A file of the directory, NUL-terminated. */
static const char *
contents(const char *name, mode_t *mode)
{
	static char bytes[65536];
	char path[300];
	struct stat status;
	FILE *file;
	size_t size;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	*mode = status.st_mode & 07777;
	size = fread(bytes, 1, sizeof bytes - 1, file);
	bytes[size] = '\0';
	fclose(file);
	return bytes;
}

static void
write_tokens(const char *text)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof path, "%s/tokens", directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* ---- tokens ---------------------------------------------------------- */

static void
development(void **state)
{
	struct auth *auth = open_good();
	char token[AUTH_TOKEN_BYTES + 1];
	mode_t mode;

	(void)state;
	strcpy(token, auth_development_token(auth));
	assert_int_equal(strlen(token), AUTH_TOKEN_BYTES);
	assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_"),
			 AUTH_TOKEN_BYTES);
	assert_int_equal(auth_check(auth, beacon_str(token)), AUTH_ADMIN);
	auth_close(auth);
	assert_memory_equal(contents("token", &mode), token, AUTH_TOKEN_BYTES);
	assert_int_equal(mode, 0600);
	auth = open_good(); /* the same again */
	assert_string_equal(auth_development_token(auth), token);
	auth_close(auth);
}

static void
roles(void **state)
{
	static const struct {
		const char *name;
		unsigned role;
	} table[] = {{"query", AUTH_QUERY}, {"import", AUTH_IMPORT}, {"admin", AUTH_ADMIN}};
	char tokens[3][AUTH_TOKEN_BYTES + 1];
	struct auth *auth;
	mode_t mode;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(auth_add(directory, table[i].name, "a name", tokens[i], error));
		assert_null(strstr(contents("tokens", &mode), tokens[i]));
		assert_int_equal(mode, 0600);
	}
	auth = open_good();
	for (int i = 0; i < 3; i++) {
		char near[AUTH_TOKEN_BYTES + 2];

		assert_int_equal(auth_check(auth, beacon_str(tokens[i])), table[i].role);
		for (size_t c = 0; c < AUTH_TOKEN_BYTES; c++) {
			strcpy(near, tokens[i]);
			near[c] = near[c] == 'A' ? 'B' : 'A';
			assert_int_equal(auth_check(auth, beacon_str(near)), AUTH_NONE);
		}
		snprintf(near, sizeof near, "%s ", tokens[i]);
		assert_int_equal(auth_check(auth, beacon_str(near)), AUTH_NONE);
		near[AUTH_TOKEN_BYTES - 1] = '\0';
		assert_int_equal(auth_check(auth, beacon_str(near)), AUTH_NONE);
	}
	assert_int_equal(auth_check(auth, beacon_str("")), AUTH_NONE);
	assert_int_equal(auth_check(auth, (struct store_str){NULL, 0}), AUTH_NONE);
	auth_close(auth);
}

static void
allowed(void **state)
{
	static const enum auth_role all[] = {AUTH_QUERY, AUTH_IMPORT, AUTH_ADMIN};

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_false(auth_allows(AUTH_NONE, all[i]));
		assert_true(auth_allows(AUTH_ADMIN, all[i]));
		assert_true(auth_allows(all[i], all[i]));
		assert_int_equal(auth_allows(AUTH_QUERY | AUTH_IMPORT, all[i]),
				 all[i] != AUTH_ADMIN);
	}
	assert_false(auth_allows(AUTH_QUERY, AUTH_IMPORT));
	assert_false(auth_allows(AUTH_IMPORT, AUTH_QUERY));
}

static void
environment(void **state)
{
	struct auth *auth;

	(void)state;
	setenv("DRUM_TOKEN", "from outside", 1);
	auth = open_good();
	assert_int_equal(auth_check(auth, beacon_str("from outside")), AUTH_ADMIN);
	assert_int_equal(auth_check(auth, beacon_str("from outsid")), AUTH_NONE);
	auth_close(auth);
	setenv("DRUM_TOKEN", "", 1); /* empty is not a token */
	auth = open_good();
	assert_int_equal(auth_check(auth, beacon_str("")), AUTH_NONE);
	auth_close(auth);
	unsetenv("DRUM_TOKEN");
}

static void
refused(void **state)
{
	char token[AUTH_TOKEN_BYTES + 1];

	(void)state;
	assert_false(auth_add(directory, "root", "x", token, error));
	assert_string_equal(error, "unknown role root: use query, import or admin");
	assert_false(auth_add(directory, "", "x", token, error));
	/* A name cannot bring a line of its own. */
	assert_false(auth_add(directory, "query", "x\nhash admin y", token, error));
	assert_false(auth_add(directory, "query", "x\ry", token, error));
	assert_false(auth_is_role("root"));
	assert_false(auth_add("/none/at/all", "query", "x", token, error));
	assert_non_null(strstr(error, "no data directory /none/at/all"));
	assert_false(auth_add("/dev/null/none", "query", "x", token, error));
	assert_non_null(strstr(error, "/dev/null/none"));
	assert_false(auth_open("/dev/null/none", &(struct auth *){NULL}, error));
	assert_true(error[0] != '\0');
}

/* ---- damaged files --------------------------------------------------- */

#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static void
damaged_tokens(void **state)
{
	static const struct {
		const char *text;
		int line; /* 0: taken */
	} table[] = {
	    {"", 0},
	    {"# a comment\n\n", 0},
	    {HASH " query a name\n", 0},
	    {HASH " query\n", 0},
	    {HASH "\n", 1},
	    {HASH " root x\n", 1},
	    {"# c\n" HASH " query x\nnonsense\n", 3},
	    {"9f86 query x\n", 1},
	    {HASH "00 query x\n", 1},
	    {"zz86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 query x\n", 1}};
	struct auth *auth;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char place[320];

		write_tokens(table[i].text);
		if (table[i].line == 0) {
			auth_close(open_good());
			continue;
		}
		if (auth_open(directory, &auth, error))
			fail_msg("taken: %s", table[i].text);
		snprintf(place, sizeof place, "%s/tokens line %d: ", directory, table[i].line);
		assert_memory_equal(error, place, strlen(place));
	}
	write_tokens(HASH " query test\n"); /* SHA-256 of "test" */
	auth = open_good();
	assert_int_equal(auth_check(auth, beacon_str("test")), AUTH_QUERY);
	auth_close(auth);
}

static void
too_many_tokens(void **state)
{
	char *text = malloc(1100 * 80), *at = text;
	struct auth *auth;

	(void)state;
	for (int i = 0; i < 1024; i++)
		at += sprintf(at, HASH " import t%d\n", i);
	write_tokens(text);
	auth = open_good();
	assert_int_equal(auth_check(auth, beacon_str("test")), AUTH_IMPORT);
	assert_int_equal(auth_check(auth, beacon_str(auth_development_token(auth))), AUTH_ADMIN);
	auth_close(auth);
	strcpy(at, HASH " import one too many\n");
	write_tokens(text);
	assert_false(auth_open(directory, &auth, error));
	assert_non_null(strstr(error, "tokens"));
	free(text);
}

static void
damaged_development(void **state)
{
	char path[300];
	struct auth *auth;

	(void)state;
	snprintf(path, sizeof path, "%s/token", directory);
	auth_close(open_good());
	assert_int_equal(truncate(path, 20), 0);
	assert_false(auth_open(directory, &auth, error));
	assert_memory_equal(error, path, strlen(path));
	assert_non_null(strstr(error, "cut short"));
}

/* ---- headers --------------------------------------------------------- */

static void
headers(void **state)
{
	static const struct {
		const char *authorization, *key, *password;
		const char *token; /* NULL: refused */
	} table[] = {{"", "", "", ""},
		     {"Bearer abc", "", "", "abc"},
		     {"bearer abc", "", "", "abc"},
		     {"Bearer   abc", "", "", "abc"},
		     {"", "abc", "", "abc"},
		     {"", "", "abc", "abc"},
		     {"Basic ZGVmYXVsdDphYmM=", "", "", "abc"}, /* default:abc */
		     {"basic ZGVmYXVsdDphYmM=", "", "", "abc"},
		     {"Basic   ZGVmYXVsdDphYmM=", "", "", "abc"},
		     {"Basic ZGVmYXVsdDo=", "", "", ""}, /* default: */
		     {"Basic OmE6Yg==", "", "", "a:b"},  /* :a:b */
		     {"Basic ZGVmYXVsdA==", "", "", NULL},
		     {"Basic ====", "", "", NULL},
		     {"Basic *!$%", "", "", NULL},
		     {"Basic ZGVm", "", "", NULL},
		     {"Basic ZGVmYXVsdDphYmM", "", "", NULL},
		     {"Basic ", "", "", NULL},
		     {"Basic", "", "", NULL},
		     {"Bearer", "", "", NULL},
		     {"Digest abc", "", "", NULL},
		     {"abc", "", "", NULL},
		     {"Bearer a", "b", "", NULL},
		     {"Bearer a", "", "b", NULL},
		     {"", "a", "b", NULL},
		     {"Bearer a", "b", "c", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct auth_headers given = {beacon_str(table[i].authorization),
					     beacon_str(table[i].key),
					     beacon_str(table[i].password)};
		struct store_str token;
		char buffer[512];

		if (auth_token(&given, buffer, &token) != (table[i].token != NULL))
			fail_msg("%zu: %s", i, table[i].authorization);
		if (table[i].token != NULL)
			beacon_assert_str(token, table[i].token);
	}
}

static void
long_headers(void **state)
{
	struct random random = random_seeded("long_headers");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		static const char digits[] = "ABCDwxyz0123+/=:= \t*";
		uint32_t size = (uint32_t)random_below(&random, i % 2 ? 1000 : 12);
		char *header = malloc(6 + size + 1), buffer[512];
		struct auth_headers given = {{header, 6 + size}, {"", 0}, {"", 0}};
		struct store_str token;

		memcpy(header, "Basic ", 6);
		for (uint32_t c = 0; c < size; c++)
			header[6 + c] = digits[random_below(&random, sizeof digits - 1)];
		if (auth_token(&given, buffer, &token))
			assert_true(token.size < sizeof buffer);
		free(header);
	}
}

/* ---- a full disk ------------------------------------------------------- */

/* Of DATA/token and DATA/tokens there is the whole or nothing: with half a line no server
 * would start. */
static void
cut_off(void **state)
{
	char token[AUTH_TOKEN_BYTES + 1], second[AUTH_TOKEN_BYTES + 1], path[300], before[4096];
	struct auth *auth = NULL;
	mode_t mode;

	(void)state;
	full_disk_begin(10);
	assert_false(auth_open(directory, &auth, error));
	full_disk_end();
	snprintf(path, sizeof path, "%s/token", directory);
	assert_int_equal(access(path, F_OK), -1);
	auth_close(open_good());
	assert_true(auth_add(directory, "query", "first", token, error));
	snprintf(before, sizeof before, "%s", contents("tokens", &mode));
	full_disk_begin(strlen(before) + 10);
	assert_false(auth_add(directory, "query", "second", second, error));
	full_disk_end();
	assert_non_null(strstr(error, "tokens"));
	assert_string_equal(contents("tokens", &mode), before);
	auth = open_good();
	assert_int_equal(auth_check(auth, beacon_str(token)), AUTH_QUERY);
	auth_close(auth);
}

/* A token is not written behind a line that an editor left without an end. */
static void
line_without_end(void **state)
{
	char token[AUTH_TOKEN_BYTES + 1];
	struct auth *auth;

	(void)state;
	write_tokens("# those of the shop");
	assert_true(auth_add(directory, "query", "a", token, error));
	auth = open_good();
	assert_int_equal(auth_check(auth, beacon_str(token)), AUTH_QUERY);
	auth_close(auth);
}

/* A file that cannot be read is not one without tokens. */
static void
unreadable(void **state)
{
	struct auth *auth = NULL;
	char path[300];

	(void)state;
	snprintf(path, sizeof path, "%s/tokens", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(auth_open(directory, &auth, error));
	assert_non_null(strstr(error, "tokens"));
}

int
main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    IN_SCRATCH(development),
	    IN_SCRATCH(roles),
	    cmocka_unit_test(allowed),
	    IN_SCRATCH(environment),
	    IN_SCRATCH(refused),
	    IN_SCRATCH(damaged_tokens),
	    IN_SCRATCH(too_many_tokens),
	    IN_SCRATCH(damaged_development),
	    IN_SCRATCH(cut_off),
	    IN_SCRATCH(line_without_end),
	    IN_SCRATCH(unreadable),
	    cmocka_unit_test(headers),
	    cmocka_unit_test(long_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
