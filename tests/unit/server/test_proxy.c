/*
 * Goal: the client's address is the one that a trusted proxy saw, and bytes that
 * are no such header never are taken for one. Method: goldens; every prefix of a
 * good PROXY header is incomplete, every change of its fixed bytes is refused;
 * random bytes, in buffers of their exact size, consume no more than there is;
 * random chains of X-Forwarded-For against a model; IPv4 addresses against inet_pton.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/unit/store/check.h"

#include "server/address.h"
#include "server/proxy.h"

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage out = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		out.ss_family = AF_INET;
		return out;
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	out.ss_family = AF_INET6;
	return out;
}

/* Texts that are addresses, and such with a byte changed, put in or left out, are what
 * inet_pton says. */
static void
v4(void **state)
{
	static const char bytes[] = "0123456789..../ +-x:";
	struct random random = random_seeded("proxy");

	(void)state;
	for (uint32_t i = 0; i < 300000; i++) {
		char text[32];
		uint8_t expected[4] = {0}, got[4] = {0};
		uint32_t size = (uint32_t)snprintf(
		    text, 20, "%u.%u.%u.%u", (unsigned)random_below(&random, 300),
		    (unsigned)random_below(&random, 30), (unsigned)random_below(&random, 258),
		    (unsigned)random_below(&random, 300));
		uint32_t at = (uint32_t)random_below(&random, size);
		char with = bytes[random_below(&random, sizeof bytes - 1)];
		bool taken;

		switch (random_below(&random, 4)) {
		case 0:
			text[at] = with;
			break;
		case 1:
			memmove(text + at + 1, text + at, size + 1 - at);
			text[at] = with;
			break;
		case 2:
			memmove(text + at, text + at + 1, size - at);
			break;
		default:
			break;
		}
		taken = inet_pton(AF_INET, text, expected) == 1;
		if (address_parse_v4(text, strlen(text), got) != taken)
			fail_msg("'%s': expected %d", text, taken);
		if (taken)
			assert_memory_equal(got, expected, 4);
	}
}

static void
check_address(const struct sockaddr_storage *got, const char *expected)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (got->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)got)->sin_addr, text, sizeof text);
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)got)->sin6_addr, text,
			  sizeof text);
	assert_string_equal(text, expected);
}

static bool
is_in(const char *range, const char *peer)
{
	struct proxy_range parsed;
	struct sockaddr_storage from = address(peer);

	assert_true(proxy_parse_range(range, &parsed));
	return proxy_is_trusted(&parsed, 1, (struct sockaddr *)&from);
}

static void
ranges(void **state)
{
	static const char *const bad[] = {
	    "",  "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8",
	    "a", "::/129",      "/8",        "10.0.0.0 /8", "::1/0008"};
	struct proxy_range parsed;

	(void)state;
	assert_true(is_in("10.0.0.0/8", "10.255.1.2"));
	assert_false(is_in("10.0.0.0/8", "11.0.0.0"));
	assert_true(is_in("192.0.2.1", "192.0.2.1"));
	assert_false(is_in("192.0.2.1", "192.0.2.0"));
	assert_true(is_in("192.0.2.0/25", "192.0.2.127"));
	assert_false(is_in("192.0.2.0/25", "192.0.2.128"));
	assert_true(is_in("0.0.0.0/0", "203.0.113.9"));
	assert_false(is_in("0.0.0.0/0", "2001:db8::1"));
	assert_true(is_in("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(is_in("2001:db8::/33", "2001:db8:8000::1"));
	/* A dual-stack socket sees IPv4 clients in IPv6's clothes. */
	assert_true(is_in("10.0.0.0/8", "::ffff:10.1.2.3"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(proxy_parse_range(bad[i], &parsed));
}

static void
check_forwarded(const char *value, const char *expected, bool goes_on)
{
	struct proxy_range trusted[2];
	struct sockaddr_storage client = address("10.0.0.1");

	assert_true(proxy_parse_range("10.0.0.0/8", &trusted[0]));
	assert_true(proxy_parse_range("2001:db8::/32", &trusted[1]));
	assert_int_equal(proxy_forwarded(trusted, 2,
					 (struct store_str){value, (uint32_t)strlen(value)},
					 &client),
			 goes_on);
	check_address(&client, expected);
}

static void
forwarded(void **state)
{
	(void)state;
	check_forwarded("192.0.2.1", "192.0.2.1", true);
	check_forwarded("198.51.100.1, 192.0.2.1", "192.0.2.1", false);
	check_forwarded("198.51.100.1,192.0.2.1 , 10.2.3.4,\t2001:db8::7", "192.0.2.1", false);
	check_forwarded("10.9.9.9, 10.2.3.4", "10.9.9.9", true);
	check_forwarded("192.0.2.1:4711", "192.0.2.1", true);
	check_forwarded("[2001:db9::1]:4711", "2001:db9::1", true);
	check_forwarded("[2001:db9::1]", "2001:db9::1", true);
	check_forwarded("2001:db9::1", "2001:db9::1", true);
	/* What cannot be read hides whoever stands left of it. */
	check_forwarded("192.0.2.1, unknown", "10.0.0.1", false);
	check_forwarded("192.0.2.1, nonsense, 10.2.3.4", "10.2.3.4", false);
	check_forwarded("", "10.0.0.1", false);
	check_forwarded("192.0.2.1,", "10.0.0.1", false);
	check_forwarded("192.0.2.1, [", "10.0.0.1", false);
}

/* Of a chain of hops, the model says the first untrusted from the right. */
static void
chains(void **state)
{
	struct random random = random_seeded("proxy");

	(void)state;
	for (int times = 0; times < 5000; times++) {
		char value[512] = "", hop[32], expected[32] = "10.0.0.1";
		int hops = 1 + (int)random_below(&random, 8), found = 0;
		char all[8][32];

		for (int i = 0; i < hops; i++) {
			bool trusted = random_below(&random, 3) > 0;

			snprintf(hop, sizeof hop, "%s.%u.%u.%u", trusted ? "10" : "192",
				 (unsigned)random_below(&random, 256),
				 (unsigned)random_below(&random, 256),
				 (unsigned)random_below(&random, 256));
			strcpy(all[i], hop);
			snprintf(value + strlen(value), sizeof value - strlen(value), "%s%s",
				 i > 0 ? ", " : "", hop);
		}
		for (int i = hops; i-- > 0 && !found;) {
			strcpy(expected, all[i]);
			found = all[i][0] == '1' && all[i][1] == '9';
		}
		check_forwarded(value, expected, !found || strcmp(expected, all[0]) == 0);
	}
}

static const char text4[] = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
static const char text6[] = "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n";
static const char binary4[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1\xbb";

static ssize_t
parse(const void *bytes, size_t size, struct sockaddr_storage *client, socklen_t *client_size)
{
	uint8_t *exact = malloc(size == 0 ? 1 : size);
	ssize_t taken;

	assert_non_null(exact);
	memcpy(exact, bytes, size);
	taken = proxy_parse_header(exact, size, client, client_size);
	free(exact);
	return taken;
}

static void
check_header(const char *bytes, size_t size, const char *expected)
{
	struct sockaddr_storage client;
	socklen_t client_size;
	char longer[700];

	memset(longer, 'x', sizeof longer);
	memcpy(longer, bytes, size);
	for (size_t part = 0; part < size; part++)
		assert_int_equal(parse(bytes, part, &client, &client_size), 0);
	assert_int_equal(parse(bytes, size, &client, &client_size), size);
	assert_int_equal(parse(longer, sizeof longer, &client, &client_size), size);
	assert_int_equal(client_size > 0, expected != NULL);
	if (expected != NULL)
		check_address(&client, expected);
}

static void
headers(void **state)
{
	char binary6[16 + 36] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\x20\1\xd\xb8";
	char extended[16 + 12 + 20] = {0};

	(void)state;
	check_header(text4, sizeof text4 - 1, "192.0.2.1");
	check_header(text6, sizeof text6 - 1, "2001:db8::1");
	check_header(binary4, sizeof binary4 - 1, "192.0.2.1");
	check_header(binary6, sizeof binary6, "2001:db8::");
	check_header("PROXY UNKNOWN\r\n", 15, NULL);
	check_header("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", 35, NULL);
	check_header("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16, NULL);
	memcpy(extended, binary4, sizeof binary4 - 1); /* with further fields behind */
	extended[15] = 12 + 20;
	check_header(extended, sizeof extended, "192.0.2.1");
}

static void
refused(void **state)
{
	static const char *const bad[] = {"GET / HTTP/1.1\r\n",
					  "PROXY\r\n",
					  "PROXY \r\n",
					  "PROXY TCP4\r\n",
					  "PROXY TCP4 \r\n",
					  "proxy TCP4 ",
					  "PROXY TCP4 1.2.3.4\r\n",
					  "PROXY TCP4 1.2.3 2.3.4.5 1 2\r\n",
					  "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
					  "PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n"};
	struct sockaddr_storage client;
	socklen_t client_size;
	char endless[107];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse(bad[i], strlen(bad[i]), &client, &client_size), -1);
	memset(endless, ' ', sizeof endless);
	memcpy(endless, "PROXY TCP4", 10);
	assert_int_equal(parse(endless, sizeof endless, &client, &client_size), -1);
	for (size_t at = 0; at < 13; at++) {
		char changed[sizeof binary4 - 1];

		memcpy(changed, binary4, sizeof changed);
		changed[at] = (char)(changed[at] ^ 0x40);
		assert_int_equal(parse(changed, sizeof changed, &client, &client_size), -1);
	}
}

static void
noise(void **state)
{
	struct random random = random_seeded("proxy");

	(void)state;
	for (int times = 0; times < 200000; times++) {
		char bytes[600];
		size_t size = (size_t)random_below(&random, sizeof bytes);
		struct sockaddr_storage client;
		socklen_t client_size;
		ssize_t taken;

		for (size_t i = 0; i < size; i++)
			bytes[i] = (char)random_below(&random, 256);
		switch (random_below(&random, 3)) {
		case 0:
			memcpy(bytes, binary4, size < 13 ? size : 13);
			break;
		case 1:
			memcpy(bytes, text4, size < 20 ? size : 20);
			break;
		default:
			break;
		}
		taken = parse(bytes, size, &client, &client_size);
		assert_true(taken >= -1 && taken <= (ssize_t)size &&
			    taken <= (ssize_t)PROXY_HEADER_BYTES_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(v4),     cmocka_unit_test(ranges),  cmocka_unit_test(forwarded),
	    cmocka_unit_test(chains), cmocka_unit_test(headers), cmocka_unit_test(refused),
	    cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
