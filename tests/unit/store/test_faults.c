/*
 * Goal: no fault of a disk or a moment loses what was acknowledged, stores it
 * twice, or needs a restart by hand. The numbers are those of the faults in
 * DESIGN.md. Method: one scripted life of a store (appends, updates, flushes, a
 * merge, an erasure, a close) on a simulated disk; every call of it fails in
 * turn, once or from then on, or is the last before a power cut that keeps an
 * arbitrary part of what was not synced; then the store opens again and is
 * compared with what was acknowledged.
 */
#include "disk.h"
#include "store_model.h"

#define STEPS 14
#define ERASED_SESSION 0 /* of views 0 .. 3 */
#define CRASHES_PER_CALL 2

/* What the caller was told. */
struct told {
	bool acknowledged[STEPS]; /* view i, by store_append */
	bool updated[STEPS];      /* its second beacon */
	bool erase_begun, erased;
};

static struct store *
try_open(struct disk *disk)
{
	struct store_options options = {.directory = "/d",
					.schema = &schema,
					.io = &disk->io,
					.no_maintenance = true,
					.log = print_log};
	struct store *store = NULL;
	struct store_error error = {0};

	if (store_open(&options, &store, &error) == 0)
		return store;
	print_log(NULL, error.text);
	assert_int_not_equal(error.code, 0);
	assert_true(error.text[0] != '\0');
	return NULL;
}

static bool
append_one(struct store *store, const struct beacon *beacon)
{
	struct built built;
	struct store_commit commit = {.entries = &built.entry, .entries_count = 1};

	build(&built, beacon);
	return store_append(store, &commit, 1, NULL) == 0 && commit.result == 0;
}

static void
erase_session(struct store *store, struct told *told)
{
	struct store_erasure erasure = {.number = session_of(ERASED_SESSION * 4)};
	uint64_t rows_count;

	told->erase_begun = true;
	told->erased = store_erase(store, &erasure, &rows_count, NULL) == 0;
}

/* The scripted life. */
static void
live(struct disk *disk, struct told *told)
{
	struct store *store = try_open(disk);

	memset(told, 0, sizeof *told);
	if (store == NULL)
		return;
	for (uint32_t i = 0; i < STEPS; i++) {
		struct beacon beacon = {.view = i, .lcp = 100 + i, .errors = 1};

		told->acknowledged[i] = append_one(store, &beacon);
		beacon.version = 1;
		beacon.lcp = 200 + i;
		if (told->acknowledged[i])
			told->updated[i] = append_one(store, &beacon);
		if (i == 4 || i == 7)
			(void)store_flush(store, NULL);
		if (i == 9)
			(void)store_merge(store, NULL);
		if (i == 10)
			erase_session(store, told);
	}
	(void)store_close(store, NULL);
}

static void
check_told(struct store *store, const struct told *told, long k)
{
	struct found found;

	scan(store, &found);
	for (uint32_t i = 0; i < STEPS; i++) {
		bool maybe_erased = told->erase_begun && i / 4 == ERASED_SESSION;

		if (found.views[i] > 1)
			fail_msg("call %ld: view %u is there twice", k, i);
		if (told->erased && i / 4 == ERASED_SESSION &&
		    found.views[i] + found.error_rows[i] > 0)
			fail_msg("call %ld: view %u was erased and is there", k, i);
		if (maybe_erased)
			continue;
		if (told->acknowledged[i] && found.views[i] != 1)
			fail_msg("call %ld: view %u was acknowledged and is lost", k, i);
		if (told->updated[i] && (found.lcp[i] != 200 + i || found.error_rows[i] != 2))
			fail_msg("call %ld: view %u's update was acknowledged and is lost", k, i);
		assert_int_equal(found.errors[i], found.views[i] == 0 ? 0 : found.error_rows[i]);
	}
}

/* Opens, compares, goes on working, and is the same after another opening. */
static void
check_alive(struct disk *disk, const struct told *told, long k)
{
	struct beacon beacon = {.view = 40, .lcp = 1};
	struct store *store;

	for (int times = 0; times < 2; times++) {
		struct found found;

		store = try_open(disk);
		assert_non_null(store);
		check_told(store, told, k);
		scan(store, &found);
		assert_int_equal(found.views[40], times);
		if (times == 0)
			assert_true(append_one(store, &beacon));
		assert_int_equal(store_close(store, NULL), 0);
	}
}

static long
calls_of_a_life(void)
{
	struct disk *disk = disk_create();
	struct told told;
	long calls;

	live(disk, &told);
	for (uint32_t i = 0; i < STEPS; i++)
		assert_true(told.acknowledged[i] && told.updated[i]);
	assert_true(told.erased);
	check_alive(disk, &told, 0);
	calls = disk->calls;
	disk_free(disk);
	return calls;
}

/* 1 a failed sync, 4 short writes and EINTR, 12 a full disk, 14 no descriptors:
 * each call, once and from then on. */
static void
test_every_call_fails(void **state)
{
	static const int numbers[] = {EIO, ENOSPC, EMFILE};
	long calls = calls_of_a_life();

	(void)state;
	for (long k = 1; k <= calls; k++) {
		for (uint32_t good = 0; good < 2; good++) {
			struct disk *disk = disk_create();
			struct told told;

			disk->fail_at = k;
			disk->fail_errno = numbers[(k + good) % 3];
			disk->fail_for_good = good;
			live(disk, &told);
			disk_forget_faults(disk);
			check_alive(disk, &told, k);
			disk_free(disk);
		}
	}
}

/* 4: signals interrupt, writes are short; nothing notices. */
static void
test_interrupted_and_short(void **state)
{
	long calls = calls_of_a_life();

	(void)state;
	for (uint32_t every = 1; every < 5; every++) {
		struct disk *disk = disk_create();
		struct told told;

		disk->short_every = every + 1;
		live(disk, &told);
		for (uint32_t i = 0; i < STEPS; i++)
			assert_true(told.acknowledged[i] && told.updated[i]);
		check_alive(disk, &told, 0);
		disk_free(disk);
	}
	for (long k = 1; k <= calls; k += 3) {
		struct disk *disk = disk_create();
		struct told told;

		disk->fail_at = k;
		disk->fail_errno = EINTR;
		live(disk, &told);
		disk_forget_faults(disk);
		check_alive(disk, &told, k);
		disk_free(disk);
	}
}

/* 2 unsynced data, 3 unsynced names, 8 prefix without holes, 9 zeros, 10 torn
 * sectors, 11 order of deletion: the power goes at every call. */
static void
test_power_cut_at_every_call(void **state)
{
	struct random random = random_seeded("power cut");
	long calls = calls_of_a_life();

	(void)state;
	for (long k = 1; k <= calls; k++) {
		for (int times = 0; times < CRASHES_PER_CALL; times++) {
			struct disk *disk = disk_create();
			struct told told;

			disk->fail_at = k;
			disk->fail_for_good = true;
			live(disk, &told);
			disk_crash(disk, &random);
			check_alive(disk, &told, k);
			disk_free(disk);
		}
	}
}

/* 8: the power goes again and again while recovering. */
static void
test_power_cuts_while_recovering(void **state)
{
	struct random random = random_seeded("recovering");

	(void)state;
	for (int life = 0; life < 40; life++) {
		struct disk *disk = disk_create();
		struct told told;

		disk->fail_at = 20 + (long)random_below(&random, 400);
		disk->fail_for_good = true;
		live(disk, &told);
		for (int times = 0; times < 6; times++) {
			struct store *store;

			disk_crash(disk, &random);
			disk->fail_at = disk->calls + 1 + (long)random_below(&random, 60);
			disk->fail_for_good = true;
			store = try_open(disk);
			(void)store_close(store, NULL);
		}
		disk_crash(disk, &random);
		check_alive(disk, &told, life);
		disk_free(disk);
	}
}

/* 12: a full disk refuses, queries go on, space comes back, intake resumes
 * without another opening. */
static void
test_full_disk(void **state)
{
	struct disk *disk = disk_create();
	struct store *store = try_open(disk);
	uint32_t refused = 0, view = 0;
	bool acknowledged[VIEWS] = {0};
	struct found found;

	(void)state;
	assert_non_null(store);
	disk->space = disk->used + 1500;
	for (; view < 30; view++) {
		struct beacon beacon = {.view = view, .lcp = view};

		acknowledged[view] = append_one(store, &beacon);
		refused += !acknowledged[view];
		scan(store, &found);
		for (uint32_t i = 0; i <= view; i++)
			assert_int_equal(found.views[i], acknowledged[i]);
	}
	assert_true(refused > 0 && refused < 30);
	disk->space = 0;
	for (; view < 40; view++) {
		struct beacon beacon = {.view = view, .lcp = view};

		assert_true(append_one(store, &beacon));
		acknowledged[view] = true;
	}
	assert_int_equal(store_close(store, NULL), 0);
	store = try_open(disk);
	assert_non_null(store);
	scan(store, &found);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(found.views[i], acknowledged[i]);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_call_fails),
	    cmocka_unit_test(test_interrupted_and_short),
	    cmocka_unit_test(test_power_cut_at_every_call),
	    cmocka_unit_test(test_power_cuts_while_recovering),
	    cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
