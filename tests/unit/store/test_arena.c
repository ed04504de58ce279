/*
 * Goal: an arena hands out aligned memory that does not overlap, keeps to its
 * bound, and starts afresh after a reset. Method: seeded random sizes, each
 * piece filled with a pattern of its own and compared at the end; the same in
 * several threads, whose arenas come and go and leave their chunks to others.
 */
#include <pthread.h>

#include "check.h"

#include "store/store.h"

#define PIECES 3000

static void
test_pieces(void **state)
{
	struct random random = random_seeded("pieces");
	struct store_arena *arena = store_arena_create(0);
	static unsigned char *pieces[PIECES];
	static size_t sizes[PIECES];

	(void)state;
	assert_non_null(arena);
	for (int round = 0; round < 3; round++) {
		size_t sum = 0;

		for (int i = 0; i < PIECES; i++) {
			sizes[i] = random_below(&random, i % 100 == 0 ? 100000 : 200);
			pieces[i] = i % 2 ? store_arena_alloc(arena, sizes[i])
					  : store_arena_zalloc(arena, sizes[i]);
			assert_non_null(pieces[i]);
			assert_int_equal((uintptr_t)pieces[i] % (sizes[i] < 1024 ? 16 : 64), 0);
			for (size_t j = 0; i % 2 == 0 && j < sizes[i]; j++)
				assert_int_equal(pieces[i][j], 0);
			memset(pieces[i], i & 0xff, sizes[i]);
			sum += sizes[i];
		}
		for (int i = 0; i < PIECES; i++) {
			for (size_t j = 0; j < sizes[i]; j++)
				assert_int_equal(pieces[i][j], i & 0xff);
		}
		assert_true(store_arena_bytes(arena) >= sum);
		store_arena_reset(arena);
		assert_int_equal(store_arena_bytes(arena), 0);
	}
	store_arena_free(arena);
	store_arena_free(NULL);
}

/* An array that doubles a few times fits where all its sizes together do not. */
static void
test_release(void **state)
{
	size_t size = 1 << 20, most = (size_t)160 << 20;
	struct store_arena *arena = store_arena_create(most);
	unsigned char *array = store_arena_alloc(arena, size), *small, *grown;

	(void)state;
	assert_non_null(array);
	memset(array, 7, size);
	small = store_arena_alloc(arena, 100);
	memset(small, 9, 100);
	for (; size < (size_t)64 << 20; size *= 2) {
		assert_non_null(grown = store_arena_alloc(arena, size * 2));
		memcpy(grown, array, size);
		memset(grown + size, 7, size);
		store_arena_release(arena, array, size);
		array = grown;
	}
	for (size_t i = 0; i < size; i++)
		assert_true(array[i] == 7);
	store_arena_release(arena, small, 100); /* not alone in its chunk, perhaps */
	assert_true(store_arena_bytes(arena) < most);
	store_arena_release(arena, array, size);
	assert_true(store_arena_bytes(arena) < (size_t)32 << 20);
	store_arena_free(arena);
}

static void
test_bound(void **state)
{
	struct store_arena *arena = store_arena_create(1000);
	size_t given = 0;

	(void)state;
	assert_null(store_arena_alloc(arena, 1001));
	assert_null(store_arena_alloc(arena, SIZE_MAX));
	assert_null(store_arena_alloc(arena, SIZE_MAX - 8));
	while (store_arena_alloc(arena, 48) != NULL)
		given += 48;
	assert_true(given > 900 && given <= 1000);
	assert_true(store_arena_bytes(arena) <= 1000);
	store_arena_reset(arena);
	assert_non_null(store_arena_alloc(arena, 900));
	store_arena_free(arena);
}

#define THREADS 4
#define ARENAS 200
#define LARGE 20 /* pieces of an arena */

/* An arena after the other; the argument is replaced by the number of faults. */
static void *
come_and_go(void *argument)
{
	struct random random = {(uint64_t)(uintptr_t)argument};
	unsigned char *pieces[LARGE];
	size_t sizes[LARGE], faults = 0;

	for (int n = 0; n < ARENAS; n++) {
		struct store_arena *arena = store_arena_create(0);
		unsigned char pattern = (unsigned char)random_below(&random, 256);

		for (int i = 0; i < LARGE; i++) {
			sizes[i] = random_below(&random, 400000);
			if ((pieces[i] = store_arena_alloc(arena, sizes[i])) == NULL)
				return (void *)1;
			memset(pieces[i], pattern + i, sizes[i]);
		}
		for (int i = 0; i < LARGE; i++) {
			for (size_t j = 0; j < sizes[i]; j += 97)
				faults += pieces[i][j] != (unsigned char)(pattern + i);
		}
		if (n % 2)
			store_arena_reset(arena);
		store_arena_free(arena);
	}
	return (void *)faults;
}

static void
test_threads(void **state)
{
	struct random random = random_seeded("threads");
	pthread_t threads[THREADS];
	void *faults;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go,
						(void *)(uintptr_t)random_next(&random)),
				 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &faults);
		assert_null(faults);
	}
	store_arena_trim();
	store_arena_trim();
}

static void
test_error(void **state)
{
	struct store_error error = {0};

	(void)state;
	assert_int_equal(store_error_set(NULL, STORE_EIO, "nobody listens"), STORE_EIO);
	assert_int_equal(store_error_set(&error, STORE_EFULL, "%d of %s", 3, "them"), STORE_EFULL);
	assert_int_equal(error.code, STORE_EFULL);
	assert_string_equal(error.text, "3 of them");
	store_error_set(&error, STORE_EIO, "%0600d", 1); /* cut, not overrun */
	assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces), cmocka_unit_test(test_release),
	    cmocka_unit_test(test_bound),  cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
