/*
 * Goal: memory of any size is the caller's alone, zeroed when asked for, though
 * large blocks are used again; and no more of them are kept than the bound says.
 * Method: blocks of sizes around the least that is kept, taken, filled and given back at
 * random (seeded) by two threads; the process's resident pages afterwards.
 */
#include "check.h"

#include <pthread.h>
#include <stdbool.h>

#include "store/recycle.h"

#define BLOCKS 12
#define STEPS 400

static size_t
random_size(struct random *random)
{
	static const size_t sizes[] = {1, 4096, RECYCLE_BYTES_MIN - 1, RECYCLE_BYTES_MIN,
				       2 * RECYCLE_BYTES_MIN};

	return sizes[random_below(random, sizeof sizes / sizeof *sizes)];
}

/* Each 512th byte, and the last. */
static bool
is_filled(const unsigned char *bytes, size_t size, unsigned char with)
{
	for (size_t i = 0; i < size; i += 512) {
		if (bytes[i] != with)
			return false;
	}
	return bytes[size - 1] == with;
}

static void *
take_and_give(void *context)
{
	struct random random = {*(uint64_t *)context};
	unsigned char *blocks[BLOCKS] = {NULL};
	size_t sizes[BLOCKS] = {0};

	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t i = (uint32_t)random_below(&random, BLOCKS);
		bool zeroed = random_below(&random, 2) == 0;

		if (blocks[i] != NULL) {
			assert_true(is_filled(blocks[i], sizes[i], (unsigned char)(i + 1)));
			recycle_free(blocks[i], sizes[i]);
		}
		sizes[i] = random_size(&random);
		blocks[i] = zeroed ? recycle_zalloc(sizes[i]) : recycle_alloc(sizes[i]);
		assert_non_null(blocks[i]);
		if (zeroed)
			assert_true(is_filled(blocks[i], sizes[i], 0));
		memset(blocks[i], (int)i + 1, sizes[i]);
	}
	for (uint32_t i = 0; i < BLOCKS; i++)
		recycle_free(blocks[i], sizes[i]);
	return NULL;
}

static void
test_blocks(void **state)
{
	struct random random = random_seeded("recycle");
	uint64_t seed = random_next(&random), other = random_next(&random);
	pthread_t thread;

	(void)state;
	recycle_free(NULL, 1);
	recycle_free(NULL, RECYCLE_BYTES_MIN);
	assert_int_equal(pthread_create(&thread, NULL, take_and_give, &other), 0);
	take_and_give(&seed);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static size_t
mapped_bytes(void)
{
	FILE *in = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	assert_non_null(in);
	assert_int_equal(fscanf(in, "%lu", &pages), 1);
	fclose(in);
	return pages * 4096;
}

static void
test_bound(void **state)
{
	enum { MANY = 100 };
	void *blocks[MANY];
	size_t before = mapped_bytes();

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		assert_non_null(blocks[i] = recycle_alloc(i % 2 == 0 ? RECYCLE_BYTES_MIN
								     : 2 * RECYCLE_BYTES_MIN));
	for (uint32_t i = 0; i < MANY; i++)
		recycle_free(blocks[i], i % 2 == 0 ? RECYCLE_BYTES_MIN : 2 * RECYCLE_BYTES_MIN);
	assert_true(mapped_bytes() <= before + RECYCLE_KEPT_BYTES_MAX);
	blocks[0] = recycle_alloc(2 * RECYCLE_KEPT_BYTES_MAX);
	assert_non_null(blocks[0]);
	recycle_free(blocks[0], 2 * RECYCLE_KEPT_BYTES_MAX);
	assert_true(mapped_bytes() <= before + RECYCLE_KEPT_BYTES_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks),
					   cmocka_unit_test(test_bound)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
