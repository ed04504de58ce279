/*
 * Goal: where memory ends, the store refuses and says so; it neither crashes
 * nor leaks, loses nothing acknowledged, gives no wrong answer and calls no
 * file damaged. Method: the scripted life of life.h, and the opening of a store
 * that had stopped, of which every allocation fails in turn, once or from then
 * on; then it opens again, with memory, and is compared with what was
 * acknowledged. The Makefile links this
 * test with --wrap for malloc and its kin.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

/* The simulated disk and the tests themselves always have memory. */
#define malloc __real_malloc
#define calloc __real_calloc
#define realloc __real_realloc
#include "large.h"
#include "life.h"
#undef malloc
#undef calloc
#undef realloc

static _Atomic long allocations; /* of the store so far */
static _Atomic long fail_at;     /* 0: never */
static _Atomic bool fail_for_good;

static bool
is_failing(void)
{
	long number = atomic_fetch_add(&allocations, 1) + 1;

	return fail_at != 0 && (fail_for_good ? number >= fail_at : number == fail_at);
}

void *
__wrap_malloc(size_t size)
{
	return is_failing() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return is_failing() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return is_failing() ? NULL : __real_realloc(old, size);
}

char *
__wrap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = is_failing() ? NULL : __real_malloc(size);

	return copy == NULL ? NULL : memcpy(copy, text, size);
}

static void
live_with_fault(long k, bool for_good)
{
	struct disk *disk = disk_create();
	struct told told;

	fail_for_good = for_good;
	allocations = 0;
	fail_at = k;
	live(disk, &told);
	fail_at = 0;
	check_alive(disk, &told, k);
	disk_free(disk);
}

static long
allocations_of_a_life(void)
{
	struct disk *disk = disk_create();
	struct told told;
	long count;

	allocations = 0;
	live(disk, &told);
	count = allocations;
	disk_free(disk);
	assert_true(count > 100);
	return count;
}

static void
test_every_allocation_fails_once(void **state)
{
	struct random random = random_seeded("once");
	long count = allocations_of_a_life();

	(void)state;
	for (long k = first_fault(&random); k <= count; k += STRIDE)
		live_with_fault(k, false);
	printf("# %ld allocations\n", count);
}

static void
test_every_allocation_fails_from_then_on(void **state)
{
	struct random random = random_seeded("from then on");
	long count = allocations_of_a_life();

	(void)state;
	for (long k = first_fault(&random); k <= count; k += STRIDE)
		live_with_fault(k, true);
}

/* A store that stopped near its end, without closing: segments of two tables,
 * a WAL, a backup. */
static struct disk *
stopped_store(struct told *told)
{
	static long calls;
	struct disk *disk = disk_create();

	if (calls == 0)
		calls = calls_of_a_life();
	disk->fail_at = calls * 4 / 5;
	disk->fail_for_good = true;
	live(disk, told);
	disk_forget_faults(disk);
	return disk;
}

/* Opening, recovery and the check are refused or go well. */
static long
open_with_fault(long k, bool for_good)
{
	struct told told;
	struct disk *disk = stopped_store(&told);
	struct store *store;
	long count;

	fail_for_good = for_good;
	allocations = 0;
	fail_at = k;
	check_at_end(disk);
	if ((store = try_open(disk, "/d")) != NULL) {
		struct store_stats stats;

		store_stats(store, &stats);
		assert_int_equal(stats.corrupt_files, 0);
		ask(store, &told);
		(void)store_close(store, NULL);
	}
	count = allocations;
	fail_at = 0;
	check_alive(disk, &told, k);
	disk_free(disk);
	return count;
}

static void
test_opening(void **state)
{
	struct random random = random_seeded("opening");
	long count = open_with_fault(0, false);

	(void)state;
	assert_true(count > 50);
	for (long k = first_fault(&random); k <= count; k += STRIDE) {
		open_with_fault(k, false);
		open_with_fault(k, true);
	}
}

/* Memory fails for the writer, or for the thread that writes its records: a
 * commit is refused, or the group, and leaves nothing. Gives the allocations of
 * the group. */
static long
append_large_with_fault(long k, bool for_good, struct random random)
{
	static struct large large;
	struct disk *disk = disk_create();
	struct store *store = open_store("/d", &disk->io);
	struct model model = {0};
	long count = 0;

	for (int i = 0; i < 2; i++) {
		bool appended;

		large_build(&large, &random);
		fail_for_good = for_good;
		allocations = 0;
		fail_at = i == 0 ? k : 0;
		appended = store_append(store, large.commits, large.count, NULL) == 0;
		fail_at = 0;
		count = i == 0 ? allocations : count;
		assert_true(appended || i == 0);
		for (size_t j = 0; appended && j < large.count; j++) {
			assert_true(large.commits[j].result == 0 || i == 0);
			for (uint32_t n = 0;
			     large.commits[j].result == 0 && n < large.commits[j].entries_count;
			     n++)
				(void)model_apply(&model, &large.beacons[j][n]);
		}
	}
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_store("/d", &disk->io);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
	return count;
}

/* The same of many commits of a beacon each, whose rows are settled together. */
static long
append_small_with_fault(long k, bool for_good, struct random random)
{
	enum { COMMITS = 120 };
	static struct beacon beacons[COMMITS];
	static struct built built[COMMITS];
	struct store_commit commits[COMMITS];
	struct disk *disk = disk_create();
	struct store *store = open_store("/d", &disk->io);
	struct model model = {0};
	bool appended;
	long count;

	for (int i = 0; i < COMMITS; i++) {
		beacons[i] = (struct beacon){.view = (uint32_t)random_below(&random, VIEWS),
					     .version = (uint8_t)random_below(&random, 256),
					     .lcp = (uint32_t)random_below(&random, 5000),
					     .errors = (uint32_t)random_below(&random, 3)};
		build(&built[i], &beacons[i]);
		commits[i] = (struct store_commit){.entries = &built[i].entry, .entries_count = 1};
	}
	fail_for_good = for_good;
	allocations = 0;
	fail_at = k;
	appended = store_append(store, commits, COMMITS, NULL) == 0;
	fail_at = 0;
	count = allocations;
	for (int i = 0; appended && i < COMMITS; i++) {
		if (commits[i].result == 0)
			(void)model_apply(&model, &beacons[i]);
	}
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_store("/d", &disk->io);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
	return count;
}

/* The same of groups whose syncs are under way together. */
static long
begin_large_with_fault(long k, bool for_good, struct random random)
{
	static struct large groups[STORE_APPENDS_MAX];
	struct disk *disk = disk_create();
	struct store *store = open_store("/d", &disk->io);
	bool begun[STORE_APPENDS_MAX];
	struct model model = {0};
	long count;

	for (int i = 0; i < STORE_APPENDS_MAX; i++)
		large_build(&groups[i], &random);
	fail_for_good = for_good;
	allocations = 0;
	fail_at = k;
	for (int i = 0; i < STORE_APPENDS_MAX; i++) {
		if (i == STORE_APPENDS_MAX - 1)
			fail_at = 0;
		begun[i] = store_append_begin(store, groups[i].commits, groups[i].count, NULL) == 0;
	}
	count = allocations;
	for (int i = 0; i < STORE_APPENDS_MAX; i++) {
		bool appended = begun[i] && store_append_end(store, NULL) == 0;

		assert_true(appended || i < STORE_APPENDS_MAX - 1);
		for (size_t j = 0; appended && j < groups[i].count; j++) {
			for (uint32_t n = 0; groups[i].commits[j].result == 0 &&
					     n < groups[i].commits[j].entries_count;
			     n++)
				(void)model_apply(&model, &groups[i].beacons[j][n]);
		}
	}
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_store("/d", &disk->io);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
	return count;
}

static void
test_begun_groups(void **state)
{
	struct random random = random_seeded("begun groups");
	long count = begin_large_with_fault(0, false, random);

	(void)state;
	assert_true(count > 20);
	for (long k = first_fault(&random); k <= count; k += STRIDE) {
		begin_large_with_fault(k, false, random);
		begin_large_with_fault(k, true, random);
	}
	printf("# %ld allocations\n", count);
}

static void
test_large_groups(void **state)
{
	struct random random = random_seeded("large groups");
	long count = append_large_with_fault(0, false, random);

	(void)state;
	assert_true(count > 20);
	for (long k = first_fault(&random); k <= count; k += STRIDE) {
		append_large_with_fault(k, false, random);
		append_large_with_fault(k, true, random);
	}
	printf("# %ld allocations\n", count);
}

static void
test_small_commits(void **state)
{
	struct random random = random_seeded("small commits");
	long count = append_small_with_fault(0, false, random);

	(void)state;
	assert_true(count > 5);
	for (long k = 1; k <= count; k++) {
		append_small_with_fault(k, false, random);
		append_small_with_fault(k, true, random);
	}
	printf("# %ld allocations\n", count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_opening),
	    cmocka_unit_test(test_large_groups),
	    cmocka_unit_test(test_begun_groups),
	    cmocka_unit_test(test_small_commits),
	    cmocka_unit_test(test_every_allocation_fails_once),
	    cmocka_unit_test(test_every_allocation_fails_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
