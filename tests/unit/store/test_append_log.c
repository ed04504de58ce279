/*
 * Goal: records that are written beside the next commit are those that would
 * have been written at once, in order; what is acknowledged is there after a
 * power cut, and what is refused leaves nothing, whichever call fails. Method:
 * the same jobs both ways, byte by byte; random groups of large and small
 * commits on a simulated disk, of whose calls each fails in turn, against the
 * model; a record that is too large. Memory is test_malloc's.
 */
#include "large.h"

#include "store/append_log.h"

/* Sanitizers make it ten times as long: there every fifth fault is tried, from a
 * random one on. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 5
#else
#define STRIDE 1
#endif

static struct wal *
create_wal(struct disk *disk, uint64_t id)
{
	struct store_error error = {0};
	struct wal *wal;

	if (wal_create(&disk->io, "/d", id, 0, 0, &schema, &wal, &error) != 0)
		fail_msg("wal_create: %s", error.text);
	return wal;
}

/* Records but for the salt and the checksum, which differ. */
static void
check_same_records(struct disk *disk, uint64_t a, uint64_t b)
{
	struct wal_reader *readers[2];
	struct wal_record records[2];
	int results[2];
	uint32_t count = 0;
	char path[64];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(wal_path("/d", i == 0 ? a : b, path, sizeof path), 0);
		assert_int_equal(
		    wal_reader_open(&disk->io, path, i == 0 ? a : b, &readers[i], NULL), 0);
	}
	for (;; count++) {
		for (int i = 0; i < 2; i++)
			results[i] = wal_reader_next(readers[i], &records[i], NULL);
		assert_int_equal(results[0], results[1]);
		if (results[0] == 0)
			break;
		assert_int_equal(results[0], 1);
		assert_int_equal(records[0].commit, count + 1);
		assert_int_equal(records[1].commit, count + 1);
		assert_int_equal(records[0].size, records[1].size);
		assert_memory_equal(records[0].payload, records[1].payload, records[0].size);
	}
	assert_int_equal(count, 50);
	wal_reader_close(readers[0]);
	wal_reader_close(readers[1]);
}

static void
test_same_records(void **state)
{
	static struct built built[50];
	struct random random = random_seeded("same records");
	struct disk *disk = disk_create();
	struct store *store = open_store("/d", &disk->io); /* the directories */
	struct append_log *log = append_log_create();
	struct store_arena *arena = store_arena_create(0);
	struct wal *beside = create_wal(disk, 100), *at_once = create_wal(disk, 101);

	(void)state;
	assert_non_null(log);
	for (uint32_t i = 0; i < 50; i++) {
		struct append_log_job job = {
		    .wal = beside, .schema = &schema, .entries_count = 1, .commit = i + 1};
		struct wal_entry *entry = store_arena_alloc(arena, sizeof *entry);

		build(&built[i], &(struct beacon){.view = (uint32_t)random_below(&random, VIEWS),
						  .errors = (uint32_t)random_below(&random, 8)});
		*entry = (struct wal_entry){
		    .rows = built[i].rows, .rows_count = built[i].entry.rows_count, .keyed = true};
		job.entries = entry;
		arena = append_log_give(log, &job, arena);
		job.wal = at_once;
		/* The entry stays only until it is written. */
		job.entries = &(struct wal_entry){
		    .rows = built[i].rows, .rows_count = built[i].entry.rows_count, .keyed = true};
		assert_int_equal(append_log_now(&job), 0);
	}
	assert_int_equal(append_log_settle(log), 0);
	assert_false(append_log_is_busy(log));
	assert_int_equal(wal_group_bytes(beside), wal_group_bytes(at_once));
	assert_int_equal(wal_commit(beside, NULL), 0);
	assert_int_equal(wal_commit(at_once, NULL), 0);
	check_same_records(disk, 100, 101);
	append_log_free(log);
	store_arena_free(arena);
	wal_close(beside);
	wal_close(at_once);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

static void
test_groups(void **state)
{
	static struct large large;
	struct random random = random_seeded("groups");

	(void)state;
	for (int life = 0; life < 10; life += STRIDE) {
		struct disk *disk = disk_create();
		struct store *store = open_store("/d", &disk->io);
		struct model model = {0};

		for (int i = 0; i < 6; i++) {
			large_build(&large, &random);
			assert_true(large_append(store, &large));
			large_apply(&large, large.count, &model);
			check_equal(store, &model);
		}
		/* The power goes: closing writes nothing more. */
		disk->fail_at = disk->calls + 1;
		disk->fail_for_good = true;
		(void)store_close(store, NULL);
		disk_crash(disk, &random);
		store = open_store("/d", &disk->io);
		check_equal(store, &model);
		assert_int_equal(store_close(store, NULL), 0);
		disk_free(disk);
	}
}

/* The k-th call of three groups fails. False: there were not so many. */
static bool
live_with_fault(long k, int mode, struct random *random)
{
	static struct large groups[3];
	struct disk *disk = disk_create();
	struct store *store = open_store("/d", &disk->io);
	struct model model = {0};
	const struct large *refused = NULL;
	bool more;

	disk->fail_at = disk->calls + k;
	disk->fail_for_good = mode == 1 || mode == 3;
	for (int i = 0; i < 3; i++) {
		large_build(&groups[i], random);
		if (large_append(store, &groups[i])) {
			large_apply(&groups[i], groups[i].count, &model);
			refused = NULL;
		} else if (refused == NULL) {
			refused = &groups[i];
		}
		if (refused != NULL && mode == 3)
			disk_forget_faults(disk);
		large_check(store, &model, NULL);
	}
	more = disk->fail_at == 0 || disk->calls >= disk->fail_at;
	if (mode >= 2) {
		disk->fail_at = disk->calls + 1;
		disk->fail_for_good = true;
	}
	(void)store_close(store, NULL);
	if (mode > 0)
		disk_crash(disk, random);
	else
		disk_forget_faults(disk);
	store = open_store("/d", &disk->io);
	large_check(store, &model, refused);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
	return more;
}

/* Once; from then on, and the power goes; once, and it goes later; until a group
 * was refused, and it goes later. */
static void
test_every_call_fails(void **state)
{
	struct random random = random_seeded("every call");
	bool more = true;

	(void)state;
	for (long k = 1 + (long)random_below(&random, STRIDE); more; k += STRIDE) {
		more = false;
		for (int mode = 0; mode < 4; mode++)
			more = live_with_fault(k, mode, &random) || more;
	}
}

/* It fails alone, though others of its group were applied after it. */
static void
test_record_too_large(void **state)
{
	static struct large large;
	struct random random = random_seeded("too large");
	size_t size = (size_t)5 << 18; /* some entries repeat others */
	char *text = calloc(1, size);
	struct disk *disk = disk_create();
	struct store *store = open_store("/d", &disk->io);
	struct model model = {0};

	(void)state;
	assert_non_null(text);
	do {
		large_build(&large, &random);
	} while (large.count < 3 || large.commits[1].entries_count < LARGE_ENTRIES_MIN);
	for (uint32_t j = 0; j < large.commits[1].entries_count; j++) {
		struct beacon beacon = {.view = j % VIEWS, .version = (uint8_t)j, .errors = 1};

		build(&large.built[1][j], &beacon);
		large.built[1][j].error[0][4].value.s = (struct store_str){text, (uint32_t)size};
		large.entries[1][j] = large.built[1][j].entry;
	}
	assert_int_equal(store_append(store, large.commits, large.count, NULL), 0);
	for (size_t i = 0; i < large.count; i++) {
		assert_int_equal(large.commits[i].result, i == 1 ? STORE_EINVAL : 0);
		if (i != 1)
			for (uint32_t j = 0; j < large.commits[i].entries_count; j++)
				(void)model_apply(&model, &large.beacons[i][j]);
	}
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_store("/d", &disk->io);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_records),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_every_call_fails),
	    cmocka_unit_test(test_record_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
