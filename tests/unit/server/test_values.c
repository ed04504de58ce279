/*
 * Goal: a column takes as many different values a day as it may, and knows them
 * again; floods leave other sites alone and memory bounded. Method:
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
	/* What still comes of the day before is the present day's. */
	for (uint64_t i = 0; i < 99; i++)
		assert_true(take(values, "shop", 5 + i % 2, 1, i, 0));
	assert_true(take(values, "docs", 5, 1, 0, 0));
	assert_false(take(values, "shop", 5, 1, 101, 0));
	assert_false(take(values, "shop", 6, 1, 101, 0));
	/* A clock that was set back by more begins another. */
	assert_true(take(values, "shop", 4, 1, 101, 0));
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

static uint32_t
shard_of(struct values *values, const char *site)
{
	struct values_site locked = values_lock(values, beacon_str(site), 5);

	values_unlock(&locked);
	return locked.shard;
}

/* Floods of some sites' every column leave the others room, and none of it on the day
 * after, though these sites send no more. */
static void
others(void **state)
{
	struct values *values = values_create(50000);
	char site[16];
	uint32_t shop = shard_of(values, "shop"), flooded = 0;

	(void)state;
	assert_true(take(values, "shop", 5, 1, 0, 0));
	for (uint32_t s = 0; s < 40; s++) {
		snprintf(site, sizeof site, "site%u", s);
		if (shard_of(values, site) == shop)
			continue;
		for (uint64_t column = 0; column < 60; column++) {
			for (uint64_t i = 0; i < 2500; i++)
				take(values, site, 5, column, i << 8 | column, 0);
		}
		flooded++;
	}
	assert_true(flooded > 10);
	assert_true(values_bytes(values) > (size_t)40 << 20);
	for (uint64_t i = 0; i < 12000; i++)
		assert_true(take(values, "shop", 5, 1, i, 0));
	assert_true(values_bytes(values) <= (size_t)64 << 20);
	assert_true(take(values, "shop", 6, 1, 0, 0));
	assert_true(values_bytes(values) < 1 << 16);
	values_free(values);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counted),
	    cmocka_unit_test(flood),
	    cmocka_unit_test(floods),
	    cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
