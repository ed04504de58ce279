/*
 * Goal: a request is known by its key for 24 hours, with the answer that was put
 * last, and forgotten then or when too many came after it. Method: random
 * requests at random times (seeded) against an array of all that ever came; the
 * bound on their number; taking the youngest back.
 */
#include "check.h"

#include "store/requests.h"

static struct store_request
request_of(uint32_t number, int64_t received_ms, uint32_t note)
{
	struct store_request request = {.received_ms = received_ms, .note = note};

	/* Keys that differ in one byte only, wherever it is. */
	request.key[number % 16] = (uint8_t)(1 + number / 16 % 255);
	request.key[(number + 1) % 16] = (uint8_t)(number / 16 / 255);
	return request;
}

static void
check_found(const struct requests *requests, uint32_t number, bool there, int64_t received_ms,
	    uint32_t note)
{
	struct store_request wanted = request_of(number, received_ms, note);
	const struct store_request *found = requests_find(requests, wanted.key);

	assert_int_equal(found != NULL, there);
	if (!there)
		return;
	assert_memory_equal(found->key, wanted.key, sizeof wanted.key);
	assert_true(found->received_ms == received_ms);
	assert_int_equal(found->note, note);
}

#define NUMBERS 400

static void
test_random(void **state)
{
	struct random random = random_seeded("random");

	(void)state;
	for (int round = 0; round < 6; round++) {
		struct {
			bool there;
			int64_t received_ms;
			uint32_t note;
		} model[NUMBERS] = {0};
		struct requests requests = {0};
		int64_t now_ms = 1780000000000;

		for (uint32_t step = 0; step < 500; step++) {
			uint32_t number = (uint32_t)random_below(&random, NUMBERS);
			struct store_request request;

			/* About 20 of them a day, in the order of time. */
			now_ms += (int64_t)random_below(&random, (uint64_t)REQUESTS_KEEP_MS / 10);
			request = request_of(number, now_ms, step);
			assert_int_equal(requests_put(&requests, &request), 0);
			for (uint32_t i = 0; i < NUMBERS; i++)
				model[i].there &= model[i].received_ms >= now_ms - REQUESTS_KEEP_MS;
			model[number].there = true;
			model[number].received_ms = now_ms;
			model[number].note = step;
			for (uint32_t i = 0; i < NUMBERS; i++)
				check_found(&requests, i, model[i].there, model[i].received_ms,
					    model[i].note);
			for (uint32_t i = 1; i < requests.count; i++)
				assert_true(requests_at(&requests, i - 1)->received_ms <=
					    requests_at(&requests, i)->received_ms);
		}
		requests_clear(&requests);
		assert_null(requests_find(&requests, (const uint8_t[16]){0}));
	}
}

/* The clock went back: a key that comes again is the youngest, so that taking it
 * back takes no other one. */
static void
test_again_and_back(void **state)
{
	struct requests requests = {0};
	const int64_t day = REQUESTS_KEEP_MS;
	struct store_request request;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		request = request_of(i, i == 0 ? 5 * day : 2 * day + i, i);
		assert_int_equal(requests_put(&requests, &request), 0);
	}
	request = request_of(1, 4 * day, 9);
	assert_int_equal(requests_put(&requests, &request), 0);
	assert_int_equal(requests.count, 3);
	check_found(&requests, 1, true, 4 * day, 9);
	requests_remove_last(&requests);
	check_found(&requests, 0, true, 5 * day, 0);
	check_found(&requests, 1, false, 0, 0);
	check_found(&requests, 2, true, 2 * day + 2, 2);

	/* The same once more, as every WAL file has it, changes nothing. */
	request = request_of(2, 2 * day + 2, 2);
	assert_int_equal(requests_put(&requests, &request), 0);
	assert_int_equal(requests.count, 2);
	assert_int_equal(requests_at(&requests, 1)->note, 2);
	requests_clear(&requests);
}

/* The ring, once around and on: the oldest goes. */
static void
test_bound(void **state)
{
	struct requests requests = {0};

	(void)state;
	for (uint32_t i = 0; i < REQUESTS_MAX + 100; i++) {
		struct store_request request = request_of(i, i, i);

		assert_int_equal(requests_put(&requests, &request), 0);
		assert_int_equal(requests.count, i < REQUESTS_MAX ? i + 1 : REQUESTS_MAX);
		assert_int_equal(requests_at(&requests, requests.count - 1)->note, i);
		assert_int_equal(requests_at(&requests, 0)->note, i + 1 - requests.count);
	}
	check_found(&requests, 99, false, 0, 0);
	check_found(&requests, 100, true, 100, 100);
	requests_clear(&requests);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_again_and_back),
	    cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
