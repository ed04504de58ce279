/*
 * Goal: no fault of a disk or a moment loses what was acknowledged, stores it
 * twice, or needs a restart by hand. The numbers are those of the faults in
 * DESIGN.md. Method: the scripted life of life.h on a simulated disk; every call
 * of it fails in turn, once or from then on, or is the last before a power cut
 * that keeps an arbitrary part of what was not synced; then the store opens
 * again and is compared with what was acknowledged.
 */
#include "life.h"

#define CRASHES_PER_CALL 2

/* 1 a failed sync, 4 short writes and EINTR, 12 a full disk, 14 no descriptors:
 * each call, once and from then on. */
static void
test_every_call_fails(void **state)
{
	static const int numbers[] = {EIO, ENOSPC, EMFILE};
	struct random random = random_seeded("every call");
	long calls = calls_of_a_life();

	(void)state;
	for (long k = first_fault(&random); k <= calls; k += STRIDE) {
		for (uint32_t good = 0; good < 2; good++) {
			struct disk *disk = disk_create();
			struct told told;

			disk->fail_at = k;
			disk->fail_errno = numbers[(k / STRIDE + good) % 3];
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
	struct random random = random_seeded("interrupted");
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
	for (long k = first_fault(&random); k <= calls; k += 3 * STRIDE) {
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
	for (long k = first_fault(&random); k <= calls; k += STRIDE) {
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

/* Groups so large that most of one is in the file before its sync. */
#define LARGE_COMMITS 6
#define LARGE_GROUPS 3
#define LARGE_TEXT_BYTES (300u << 10)

static bool
append_large(struct store *store, uint32_t group)
{
	static char text[LARGE_TEXT_BYTES];
	static struct built built[LARGE_COMMITS];
	struct store_commit commits[LARGE_COMMITS];
	bool acknowledged;

	for (uint32_t i = 0; i < LARGE_COMMITS; i++) {
		build(&built[i], &(struct beacon){.view = group * LARGE_COMMITS + i, .errors = 1});
		built[i].error[0][4].value.s = (struct store_str){text, sizeof text};
		commits[i] = (struct store_commit){.entries = &built[i].entry, .entries_count = 1};
	}
	acknowledged = store_append(store, commits, LARGE_COMMITS, NULL) == 0;
	for (uint32_t i = 0; i < LARGE_COMMITS; i++)
		assert_true(!acknowledged || commits[i].result == 0);
	return acknowledged;
}

/* What was acknowledged is there once, with all its rows; what was refused is
 * not, unless nothing was acknowledged after it; then each commit whole. */
static void
check_large(struct disk *disk, const bool acknowledged[LARGE_GROUPS])
{
	struct store *store;
	struct found found;
	bool any_later = false;

	store = try_open(disk, "/d");
	assert_non_null(store);
	scan(store, &found);
	for (uint32_t group = LARGE_GROUPS; group-- > 0;) {
		for (uint32_t i = 0; i < LARGE_COMMITS; i++) {
			uint32_t view = group * LARGE_COMMITS + i;

			assert_int_equal(found.views[view], found.error_rows[view]);
			assert_true(found.views[view] <= 1);
			if (acknowledged[group] || any_later)
				assert_int_equal(found.views[view], acknowledged[group]);
		}
		any_later = any_later || acknowledged[group];
	}
	assert_int_equal(store_close(store, NULL), 0);
}

static void
test_large_groups(void **state)
{
	struct random random = random_seeded("large groups");
	bool more = true;

	(void)state;
	for (long k = 1; more; k++) {
		/* Once; from then on, and the power goes; once, and it goes later. */
		for (int mode = 0; mode < 3; mode++) {
			struct disk *disk = disk_create();
			struct store *store = try_open(disk, "/d");
			bool acknowledged[LARGE_GROUPS];

			assert_non_null(store);
			disk->fail_at = disk->calls + k;
			disk->fail_for_good = mode == 1;
			for (uint32_t group = 0; group < LARGE_GROUPS; group++)
				acknowledged[group] = append_large(store, group);
			more = disk->calls >= disk->fail_at;
			if (mode == 2) {
				disk->fail_at = disk->calls + 1;
				disk->fail_for_good = true;
			}
			(void)store_close(store, NULL);
			if (mode > 0)
				disk_crash(disk, &random);
			else
				disk_forget_faults(disk);
			check_large(disk, acknowledged);
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
	for (int life = 0; life < 40; life += STRIDE) {
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
			store = try_open(disk, "/d");
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
	struct store *store = try_open(disk, "/d");
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
	store = try_open(disk, "/d");
	assert_non_null(store);
	scan(store, &found);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(found.views[i], acknowledged[i]);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

/* 12: a group that does not fit leaves the room to smaller ones. */
static void
test_room_of_a_refused_group(void **state)
{
	static struct built built[40];
	struct store_commit commits[40];
	struct disk *disk = disk_create();
	struct store *store = try_open(disk, "/d");

	(void)state;
	assert_non_null(store);
	for (uint32_t i = 0; i < 40; i++) {
		build(&built[i], &(struct beacon){.view = i, .lcp = i});
		commits[i] = (struct store_commit){.entries = &built[i].entry, .entries_count = 1};
	}
	for (int times = 0; times < 4; times++) {
		disk->space = disk->used + 1500;
		if (times == 3) { /* of a group that was begun ahead, too */
			assert_int_equal(store_append_begin(store, commits, 40, NULL), 0);
			assert_int_equal(store_append_end(store, NULL), STORE_EFULL);
		} else {
			assert_int_equal(store_append(store, commits, 40, NULL), STORE_EFULL);
		}
		assert_true(
		    append_one(store, &(struct beacon){.view = 50, .version = (uint8_t)times}));
	}
	disk->space = 0;
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

static struct io original;
static struct disk *killed; /* at its next sync */

/* The process ends: nothing fails, and nothing more is done. */
static int
sync_or_end(struct io *io, int fd)
{
	if (killed == NULL)
		return original.sync(io, fd);
	killed->fail_at = killed->calls + 1;
	killed->fail_errno = EIO;
	killed->fail_for_good = true;
	return -EIO;
}

/* 2: what was written and not synced before a kill is found again, so a repeat of it is
 * acknowledged: then it is there after a power cut, too. */
static void
test_kill_then_power_cut(void **state)
{
	struct random random = random_seeded("kill");

	(void)state;
	for (int times = 0; times < 30; times++) {
		struct disk *disk = disk_create();
		struct store *store = try_open(disk, "/d");
		struct found found;
		bool is_found;

		assert_non_null(store);
		original = disk->io;
		disk->io.sync = sync_or_end;
		assert_true(append_one(store, &(struct beacon){.view = 0, .lcp = 1}));
		killed = disk;
		assert_false(append_one(store, &(struct beacon){.view = 1, .lcp = 1}));
		assert_int_not_equal(store_close(store, NULL), 0);
		killed = NULL;
		disk_forget_faults(disk);
		assert_non_null(store = try_open(disk, "/d"));
		scan(store, &found);
		is_found = found.views[1] == 1;
		if (is_found)
			assert_true(append_one(store, &(struct beacon){.view = 1, .lcp = 1}));
		disk->fail_at = disk->calls + 1;
		disk->fail_errno = EIO;
		disk->fail_for_good = true;
		assert_int_not_equal(store_close(store, NULL), 0);
		disk_crash(disk, &random);
		assert_non_null(store = try_open(disk, "/d"));
		scan(store, &found);
		assert_int_equal(found.views[0], 1);
		assert_int_equal(found.views[1], is_found);
		assert_int_equal(store_close(store, NULL), 0);
		disk_free(disk);
	}
}

static size_t
bytes_of_reserve(struct disk *disk)
{
	const struct disk_name *name = disk_find(disk, "/d/RESERVE");

	return name == NULL || name->now == NULL ? 0 : name->now->now.size;
}

/* 12: with not a byte left, retention still gives room back, and intake goes on
 * without another opening. */
static void
test_retention_on_a_full_disk(void **state)
{
	struct disk *disk = disk_create();
	struct store *store = try_open(disk, "/d");
	struct found found;
	uint32_t view = 0;

	(void)state;
	assert_non_null(store);
	for (; view < 20; view++)
		assert_true(append_one(store, &(struct beacon){.view = view, .lcp = view}));
	assert_int_equal(store_flush(store, NULL), 0);
	/* Another WAL file, which has no zeros ahead yet and finds no room for any. */
	assert_int_equal(store_close(store, NULL), 0);
	assert_non_null(store = try_open(disk, "/d"));
	for (int times = 0; times < 3; times++) {
		disk->space = disk->used + 300;
		while (view < 30 && append_one(store, &(struct beacon){.view = view, .lcp = view}))
			view++;
		assert_true(view < 30); /* full */
	}
	disk->space = disk->used;
	assert_int_equal(store_retain(store, BASE_MS + 40LL * 86400000, NULL), 0);
	assert_true(append_one(store, &(struct beacon){.view = 30, .lcp = 1}));
	scan(store, &found);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(found.views[i], i >= 20 && i < view);
	assert_int_equal(found.views[30], 1);
	assert_int_equal(bytes_of_reserve(disk), 65536);
	disk->space = 0;
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
	    cmocka_unit_test(test_large_groups),
	    cmocka_unit_test(test_power_cuts_while_recovering),
	    cmocka_unit_test(test_kill_then_power_cut),
	    cmocka_unit_test(test_full_disk),
	    cmocka_unit_test(test_room_of_a_refused_group),
	    cmocka_unit_test(test_retention_on_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
