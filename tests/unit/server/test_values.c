/*
 * Goal: a column takes as many different values a day as it may, and knows them
 * again; one site's flood leaves the others alone and memory bounded. Method:
 * counted values of several sites, columns and days; ten million made-up paths
 * (fewer where a sanitizer makes it slow).
 */
#include "beacon.h"

#include "server/values.h"

#ifdef __SANITIZE_ADDRESS__
#define FLOOD 1000000u
#else
#define FLOOD 10000000u
#endif

static bool
take(struct values *values, const char *site, int64_t day, uint64_t column, uint64_t number,
     uint32_t max)
{
	struct values_site locked = values_lock(values, beacon_str(site), day);
	bool taken = values_take(&locked, column,
				 (struct store_str){(const char *)&number, sizeof number}, max);

	values_unlock(&locked);
	return taken;
}

static void
counted(void **state)
{
	struct values *values = values_create(100);

	(void)state;
	assert_non_null(values);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 100; i++) {
			assert_true(take(values, "shop", 5, 1, i, 0));
			assert_true(take(values, "shop", 5, 2, i, 0));
			assert_true(take(values, "docs", 5, 1, i + 1000, 0));
		}
		assert_false(take(values, "shop", 5, 1, 100, 0));
		assert_false(take(values, "shop", 5, 2, 100, 0));
		assert_false(take(values, "docs", 5, 1, 5, 0));
	}
	/* A bound of its own. */
	for (uint64_t i = 0; i < 32; i++)
		assert_true(take(values, "shop", 5, 3, i, 32));
	assert_false(take(values, "shop", 5, 3, 32, 32));
	assert_true(take(values, "shop", 5, 3, 31, 32));
	/* The next day forgets. */
	assert_true(take(values, "shop", 6, 1, 100, 0));
	assert_true(take(values, "shop", 6, 3, 32, 32));
	values_free(values);
}

static void
flood(void **state)
{
	struct values *values = values_create(50000);
	uint32_t taken = 0;

	(void)state;
	for (uint64_t i = 0; i < FLOOD; i++)
		taken += take(values, "shop", 5, 1, i, 0);
	assert_int_equal(taken, 50000);
	assert_true(values_bytes(values) < 8 << 20);
	assert_true(take(values, "docs", 5, 1, FLOOD, 0));
	values_free(values);
}

/* Floods of many sites: memory is bounded, and what is known stays known. */
static void
floods(void **state)
{
	struct values *values = values_create(1000000);
	char site[16];

	(void)state;
	for (uint32_t s = 0; s < 200; s++) {
		snprintf(site, sizeof site, "site%u", s);
		for (uint64_t i = 0; i < FLOOD / 200; i++)
			take(values, site, 5, 1, i, 0);
	}
	assert_true(values_bytes(values) <= (size_t)64 << 20);
	assert_true(take(values, "site0", 5, 1, 0, 0));
	for (uint32_t s = 0; s < 200; s++) {
		snprintf(site, sizeof site, "site%u", s);
		assert_true(take(values, site, 6, 1, 7, 0));
	}
	assert_true(values_bytes(values) < 1 << 20);
	values_free(values);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counted),
	    cmocka_unit_test(flood),
	    cmocka_unit_test(floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
