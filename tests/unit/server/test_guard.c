/*
 * Goal: token buckets let through what they should, whoever asks and however
 * often; the table of addresses forgets only who is idle; a request's head has
 * one reading. Method: buckets against a model that counts tokens, by one thread
 * and by several; more addresses than the table holds; heads by hand, every cut
 * of one, and random changes of one in buffers of their exact size.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#include "tests/unit/store/check.h"

#include "server/guard_address.h"
#include "server/guard_http1.h"

/* ---- buckets --------------------------------------------------------- */

#define SECOND_NS INT64_C(1000000000)

static void
bucket_like_model(void **state)
{
	struct random random = random_seeded("guard");

	(void)state;
	for (int times = 0; times < 200; times++) {
		uint32_t per_s = 1 + (uint32_t)random_below(&random, 5000);
		uint32_t burst = 1 + (uint32_t)random_below(&random, 5000);
		int64_t token_ns = SECOND_NS / per_s, now = 12345 * (int64_t)SECOND_NS, full = now;
		_Atomic int64_t bucket = 0;

		for (int i = 0; i < 2000; i++) {
			/* The model: the bucket is full at `full`; tokens taken move it on. */
			bool fits;

			now += (int64_t)random_below(&random, 3 * (uint64_t)token_ns);
			full = full < now ? now : full;
			fits = full + token_ns - now <= token_ns * burst;
			assert_int_equal(guard_bucket_take(&bucket, now, per_s, burst), fits);
			full += fits ? token_ns : 0;
		}
	}
}

/* What is owed beyond what there is must have come before the next one is given. */
static void
bucket_in_debt(void **state)
{
	_Atomic int64_t bucket = 0;
	int64_t now = 7 * (int64_t)SECOND_NS;

	(void)state;
	assert_true(guard_bucket_take(&bucket, now, 10, 10));
	guard_bucket_owe(&bucket, now, 10, 29); /* 30 of 10 */
	assert_false(guard_bucket_take(&bucket, now, 10, 10));
	assert_false(guard_bucket_take(&bucket, now + 2 * (int64_t)SECOND_NS, 10, 10));
	assert_true(guard_bucket_take(&bucket, now + 21 * (int64_t)SECOND_NS / 10, 10, 10));
	guard_bucket_owe(&bucket, now, UINT32_MAX, 29);
	guard_bucket_owe(&bucket, now, 0, 1);
	assert_false(guard_bucket_take(&bucket, now, 0, 0));
}

/* With more tokens a second than nanoseconds there is always one, also for who has
 * looked at the clock before the last one was taken. */
static void
bucket_without_end(void **state)
{
	_Atomic int64_t bucket = 0;

	(void)state;
	assert_true(guard_bucket_take(&bucket, 2000, UINT32_MAX, UINT32_MAX));
	assert_true(guard_bucket_take(&bucket, 1000, UINT32_MAX, UINT32_MAX));
}

static void
bucket_counts(void **state)
{
	_Atomic int64_t bucket = 0;
	int64_t now = 1000 * (int64_t)SECOND_NS;
	int taken = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) /* at once: the burst */
		taken += guard_bucket_take(&bucket, now, 100, 50);
	assert_int_equal(taken, 50);
	taken = 0;
	for (int i = 0; i < 10000; i++) /* ten seconds at 1,000 a second */
		taken += guard_bucket_take(&bucket, now + i * (SECOND_NS / 1000), 100, 50);
	assert_in_range(taken, 999, 1001);
	/* A clock that stands, or limits of 0, do no harm. */
	assert_true(guard_bucket_take(&bucket, now + 3600 * (int64_t)SECOND_NS, 0, 0));
}

struct takers {
	_Atomic int64_t bucket;
	_Atomic int taken;
	int64_t now;
};

static void *
take_many(void *argument)
{
	struct takers *takers = argument;

	for (int i = 0; i < 20000; i++)
		takers->taken += guard_bucket_take(&takers->bucket, takers->now, 1000, 30000);
	return NULL;
}

static void
bucket_threads(void **state)
{
	struct takers takers = {.now = 77 * (int64_t)SECOND_NS};
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(takers.taken, 30000);
}

/* ---- addresses ------------------------------------------------------- */

static struct sockaddr_storage
v4(uint32_t address)
{
	struct sockaddr_storage out = {0};

	out.ss_family = AF_INET;
	((struct sockaddr_in *)&out)->sin_addr.s_addr = htonl(address);
	return out;
}

static struct sockaddr_storage
v6(const char *text)
{
	struct sockaddr_storage out = {0};

	out.ss_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&out)->sin6_addr), 1);
	return out;
}

static struct guard_address *
acquire(struct sockaddr_storage address)
{
	return guard_address_acquire((struct sockaddr *)&address);
}

static void
one_entry_a_client(void **state)
{
	struct guard_address *one = acquire(v6("2001:db8:1:2::1")), *four = acquire(v4(0xc0000201));

	(void)state;
	assert_ptr_equal(acquire(v6("2001:db8:1:2:ffff:ffff:ffff:ffff")), one);
	assert_ptr_not_equal(acquire(v6("2001:db8:1:3::1")), one);
	assert_ptr_equal(acquire(v6("::ffff:192.0.2.1")), four);
	assert_ptr_not_equal(acquire(v4(0xc0000202)), four);
	assert_null(acquire((struct sockaddr_storage){.ss_family = AF_UNIX}));
	guard_address_release(NULL);
}

static void
which_are_limited(void **state)
{
	struct config_limits limits = {0};
	struct sockaddr_storage inner = v4(0x7f000102), outer = v4(0xc0000201), six = v6("::1"),
				mapped = v6("::ffff:127.0.0.1");

	(void)state;
	for (int loopback = 0; loopback < 2; loopback++) {
		limits.loopback = loopback;
		assert_int_equal(guard_address_is_limited((struct sockaddr *)&inner, &limits),
				 loopback);
		assert_int_equal(guard_address_is_limited((struct sockaddr *)&six, &limits),
				 loopback);
		assert_int_equal(guard_address_is_limited((struct sockaddr *)&mapped, &limits),
				 loopback);
		assert_true(guard_address_is_limited((struct sockaddr *)&outer, &limits));
	}
}

/* Ten times as many as the table holds come by; those with references stay. */
static void
table_is_bounded(void **state)
{
	static struct guard_address *held[1000];
	struct config_limits limits = {.address_in_flight = 1};
	uint32_t untracked = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		held[i] = acquire(v4(0x0a000000 + i));
		assert_non_null(held[i]);
		assert_true(guard_address_enter(held[i], &limits));
		assert_false(guard_address_enter(held[i], &limits));
		guard_address_release(held[i]); /* the beacon in flight holds it */
	}
	for (uint32_t i = 0; i < 655360; i++) {
		struct guard_address *passing = acquire(v4(0x0b000000 + i));

		untracked += passing == NULL;
		guard_address_release(passing);
	}
	assert_int_equal(untracked, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		struct guard_address *again = acquire(v4(0x0a000000 + i));

		assert_ptr_equal(again, held[i]);
		assert_false(guard_address_enter(again, &limits));
		guard_address_leave(held[i]);
		assert_true(guard_address_enter(again, &limits));
		guard_address_leave(again);
		guard_address_release(again);
	}
}

static void
what_one_may_have(void **state)
{
	struct config_limits limits = {.address_connections = 3,
				       .address_connections_per_s = 1000,
				       .address_requests_per_s = 5};
	struct guard_address *address = acquire(v4(0xc0000299));
	int taken = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_ptr_equal(acquire(v4(0xc0000299)), address);
		assert_int_equal(guard_address_connect(address, &limits), i < 3);
	}
	for (int i = 0; i < 5; i++)
		guard_address_disconnect(address);
	assert_ptr_equal(acquire(v4(0xc0000299)), address);
	assert_true(guard_address_connect(address, &limits));
	guard_address_disconnect(address);
	for (int i = 0; i < 100; i++)
		taken += guard_address_request(address, &limits, guard_bucket_now_ns());
	assert_in_range(taken, 5, 6);
	assert_int_equal(guard_address_buffer(address, 1000), 1000);
	assert_int_equal(guard_address_buffer(address, 24), 1024);
	assert_int_equal(guard_address_buffer(address, -1024), 0);
	guard_address_release(address);
}

/* ---- heads ----------------------------------------------------------- */

#define HEAD "POST /beacon HTTP/1.1\r\nHost: a\r\n"

static const char *
check(const char *head, size_t size, bool *is_chunked)
{
	char *exact = malloc(size == 0 ? 1 : size);
	const char *why;

	assert_non_null(exact);
	memcpy(exact, head, size);
	why = guard_http1_check(exact, size, is_chunked);
	free(exact);
	return why;
}

static void
heads(void **state)
{
	static const char *const good[] = {
	    HEAD "\r\n",
	    "\r\n" HEAD "Content-Length: 5\r\n\r\nhello",
	    HEAD "content-length:5 \r\n\r\n",
	    "GET / HTTP/1.0\r\n\r\n",
	    HEAD "X-Content-Length: a\r\nContent-Length-X: b\r\nContent-Length: 1\r\n\r\n",
	    HEAD "A: \t\r\n\r\nTransfer-Encoding: not in the head\n"};
	static const char *const bad[] = {
	    "",
	    "\r\n",
	    HEAD,
	    HEAD "Content-Length: 5\r\n",
	    HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
	    HEAD "Content-Length: 5\r\nTRANSFER-ENCODING: chunked\r\n\r\n",
	    HEAD "Content-Length: 5, 5\r\n\r\n",
	    HEAD "Content-Length: \r\n\r\n",
	    HEAD "Content-Length: 1234567890123456789\r\n\r\n",
	    HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n",
	    HEAD "Transfer-Encoding: \"chunked\"\r\n\r\n",
	    HEAD "A: b\r\n c\r\n\r\n",
	    HEAD "A\r\n\r\n",
	    HEAD ": b\r\n\r\n",
	    HEAD "Host: b\r\n\r\n",
	    "POST /beacon HTTP/1.1\r\n\r\n",
	    "POST /beacon HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
	    HEAD "A: b\n\r\n",
	    HEAD "\n"};
	bool is_chunked;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_null(check(good[i], strlen(good[i]), &is_chunked));
		assert_false(is_chunked);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(check(bad[i], strlen(bad[i]), &is_chunked));
	assert_null(
	    check(HEAD "Transfer-Encoding:\tChunked\r\n\r\n", sizeof HEAD + 29, &is_chunked));
	assert_true(is_chunked);
}

/* A head of so many bytes, which `prefix` begins and `end` ends, and then a body; of
 * both `size` bytes have come. */
static bool
is_too_long(const char *prefix, size_t head_bytes, const char *end, size_t size, bool queries)
{
	char *exact = malloc(size);
	size_t prefix_size = strlen(prefix), end_size = strlen(end);
	bool result;

	assert_non_null(exact);
	assert_true(head_bytes >= prefix_size + end_size);
	memset(exact, 'x', size);
	memcpy(exact, prefix, prefix_size);
	for (size_t i = 0; i < end_size && head_bytes - end_size + i < size; i++)
		exact[head_bytes - end_size + i] = end[i];
	result = guard_http1_is_too_long(exact, size, queries);
	free(exact);
	return result;
}

static void
long_heads(void **state)
{
	const size_t most = GUARD_HTTP1_HEAD_BYTES_MAX;
	static const char *const ends[] = {"\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n"};
	static const char *const others[] = {
	    "GET /beacon?/query?",  "GET /queryx?", "GET /query ", "GET /./query?",
	    "POSTPOSTPOST /query?", "/query?",      "GET  /query?"};

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		/* Not before it is certain; then whatever has come behind it. */
		for (size_t size = most - 8; size <= most; size++)
			assert_false(is_too_long(HEAD "X: ", most + 1, ends[i], size, false));
		for (size_t size = most + 1; size <= most + 8; size++)
			assert_true(is_too_long(HEAD "X: ", most + 1, ends[i], size, false));
		for (size_t size = most - 8; size <= most + 8; size++)
			assert_false(is_too_long(HEAD "X: ", most, ends[i], size, false));
		assert_false(is_too_long(HEAD "X: ", 200, ends[i], 10 * most, false));
	}
	assert_true(is_too_long("GET /query?", 2 * most, "\r\n\r\n", 2 * most, false));
	assert_false(is_too_long("GET /query?", 2 * most, "\r\n\r\n", 2 * most, true));
	assert_false(is_too_long("OPTIONS /?", 2 * most, "\r\n\r\n", 2 * most, true));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_true(is_too_long(others[i], 2 * most, "\r\n\r\n", 2 * most, true));
}

static void
cut_and_changed(void **state)
{
	static const char head[] = HEAD "Content-Length: 12\r\nX-A: b\r\n\r\n";
	struct random random = random_seeded("guard");
	bool is_chunked;

	(void)state;
	for (size_t size = 0; size < sizeof head - 1; size++)
		assert_non_null(check(head, size, &is_chunked));
	for (int times = 0; times < 100000; times++) {
		char changed[sizeof head - 1];

		memcpy(changed, head, sizeof changed);
		for (uint64_t i = 1 + random_below(&random, 3); i-- > 0;)
			changed[random_below(&random, sizeof changed)] =
			    (char)random_below(&random, 256);
		check(changed, random_below(&random, sizeof changed + 1), &is_chunked);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bucket_like_model),  cmocka_unit_test(bucket_in_debt),
	    cmocka_unit_test(bucket_without_end), cmocka_unit_test(bucket_counts),
	    cmocka_unit_test(bucket_threads),     cmocka_unit_test(one_entry_a_client),
	    cmocka_unit_test(which_are_limited),  cmocka_unit_test(table_is_bounded),
	    cmocka_unit_test(what_one_may_have),  cmocka_unit_test(heads),
	    cmocka_unit_test(long_heads),         cmocka_unit_test(cut_and_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
