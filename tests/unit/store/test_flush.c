/*
 * Goal: a flush writes each living row once, into a segment of its day, by site,
 * then time, and rows that have both in common in the order in which they came,
 * wherever in time the days lie and however many sites there are. Method: random
 * rows, read back in the order of the file, and compared with their neighbours. And
 * while a flush is under way, however long, intake waits before memory has more
 * than two generations and a half, unless it takes too long: flushes are held up, and
 * what is in memory is counted after each commit.
 */
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "check.h"

#include "store/append_group.h"
#include "store/partition.h"
#include "store/snapshot.h"
#include "store/state.h"

#define ROWS 6000u
#define SITES_MAX 3000u

enum { TS, SITE, NUMBER };

static const struct store_column columns[] = {
    [TS] = {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    [SITE] = {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    [NUMBER] = {.name = "number", .type = STORE_UINT, .bits = 32},
};
static const struct store_table table = {"hits", columns, 3, false};
static const struct store_schema schema = {&table, 1};

struct times {
	const char *name;
	int64_t first_day, days; /* days of rows: first_day + [0, days) */
	int64_t steps_ms;        /* times of a day: multiples of it */
	uint32_t sites;
};

static const struct times all_times[] = {
    {"one day", 20000, 1, 1, 10},
    {"equal times", 20000, 2, 6 * 3600000, 3},
    {"around 1970", -3, 6, 1000, 500},
    {"many sites", 19000, 3, 1, SITES_MAX},
    {"too many days for one key", -2000000000, 4000000000, 40000000, SITES_MAX},
    {"beyond the last day", 2147483640, 20, 1000, 10},
    {"far beyond it", 3000000000, 20, 1000, SITES_MAX},
    {"before the first day", -2147483660, 20, 1000, 10},
};

static void
append_rows(struct store *store, const struct times *times, struct random *random)
{
	static struct store_entry entries[ROWS];
	static struct store_row rows[ROWS];
	static struct store_cell cells[ROWS][3];
	static char sites[ROWS][16];
	struct store_commit commit = {.entries = entries, .entries_count = ROWS};
	int64_t days[8]; /* so few that segments have several rows */

	for (uint32_t i = 0; i < 8; i++)
		days[i] = times->first_day + (int64_t)random_below(random, (uint64_t)times->days);
	for (uint32_t i = 0; i < ROWS; i++) {
		int64_t steps = PARTITION_DAY_MS / times->steps_ms;
		int64_t day = days[random_below(random, 8)];
		int size = snprintf(sites[i], sizeof sites[i], "%u",
				    (unsigned)random_below(random, times->sites));

		cells[i][0] = (struct store_cell){.column = TS};
		cells[i][0].value.i =
		    day * PARTITION_DAY_MS +
		    (int64_t)random_below(random, (uint64_t)steps) * times->steps_ms;
		cells[i][1] = (struct store_cell){.column = SITE};
		cells[i][1].value.s = (struct store_str){sites[i], (uint32_t)size};
		cells[i][2] = (struct store_cell){.column = NUMBER, .value.u = i};
		rows[i] = (struct store_row){0, 3, cells[i]};
		entries[i] = (struct store_entry){.rows = &rows[i], .rows_count = 1};
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

static struct vector
read_column(const struct block *block, uint16_t column, struct store_arena *arena)
{
	struct vector vector;

	assert_int_equal(
	    block_read(block, column, (struct store_str){NULL, 0}, arena, &vector, NULL), 0);
	return vector;
}

static int64_t
number_at(const struct vector *vector, uint32_t row)
{
	return vector->all_null ? 0 : vector->values[vector->constant ? 0 : row];
}

static struct store_str
site_at(const struct vector *vector, uint32_t row)
{
	return dictionary_entry(vector->dictionary, vector->codes[vector->constant ? 0 : row]);
}

static void
check_block(const struct block *block, bool *found, struct store_arena *arena)
{
	struct vector ts = read_column(block, TS, arena), site = read_column(block, SITE, arena);
	struct vector number = read_column(block, NUMBER, arena);

	for (uint32_t i = 0; i < block_rows_count(block); i++) {
		int order;

		assert_true(number_at(&number, i) < ROWS && !found[number_at(&number, i)]);
		found[number_at(&number, i)] = true;
		if (i == 0)
			continue;
		assert_int_equal(partition_day(number_at(&ts, i)),
				 partition_day(number_at(&ts, i - 1)));
		order = string_compare(site_at(&site, i - 1), site_at(&site, i));
		assert_true(order <= 0);
		if (order < 0)
			continue;
		assert_true(number_at(&ts, i - 1) <= number_at(&ts, i));
		if (number_at(&ts, i - 1) == number_at(&ts, i))
			assert_true(number_at(&number, i - 1) < number_at(&number, i));
	}
}

static void
check_times(const struct times *times, struct random *random)
{
	static bool found[ROWS];
	char directory[256];
	struct store_options options = {
	    .directory = directory, .schema = &schema, .no_maintenance = true};
	struct store_arena *arena = store_arena_create(0);
	struct store_error error = {0};
	struct snapshot *snapshot;
	struct store *store;

	scratch_make(directory);
	assert_int_equal(store_open(&options, &store, &error), 0);
	append_rows(store, times, random);
	if (store_flush(store, &error) != 0)
		fail_msg("%s: %s", times->name, error.text);
	assert_int_equal(snapshot_open(store, &snapshot, &error), 0);
	assert_in_range(snapshot_blocks_count(snapshot, 0), 1, 8);
	memset(found, 0, sizeof found);
	for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, 0); i++)
		check_block(snapshot_block(snapshot, 0, i), found, arena);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_true(found[i]);
	snapshot_close(snapshot);
	assert_int_equal(store_close(store, &error), 0);
	scratch_remove(directory);
	store_arena_free(arena);
}

static void
test_order(void **state)
{
	struct random random = random_seeded("order");

	(void)state;
	for (size_t i = 0; i < sizeof all_times / sizeof *all_times; i++)
		check_times(&all_times[i], &random);
}

/* ---- intake in the meantime -------------------------------------------- */

#define MEMORY_BYTES ((size_t)8 << 20)
#define HIGH_BYTES (MEMORY_BYTES / 8 * 5)
#define COMMIT_BYTES ((size_t)512 << 10) /* at most, of ROWS */
#define STILL_MS 300

static _Atomic bool flushes_held, flushes_fail;

static int
held_rename(struct io *io, const char *from, const char *to)
{
	(void)io;
	while (atomic_load(&flushes_held) && strstr(to, ".seg") != NULL)
		usleep(1000);
	if (atomic_load(&flushes_fail) && strstr(to, ".seg") != NULL)
		return -EIO;
	return io_posix()->rename(io_posix(), from, to);
}

static int
no_sync(struct io *io, int fd)
{
	(void)io;
	(void)fd;
	return 0;
}

struct keeper {
	struct store *store;
	_Atomic uint32_t stops;
	_Atomic bool ends;
};

static size_t
bytes_in_memory(struct store *store)
{
	size_t bytes;

	pthread_mutex_lock(&store->writer_mutex);
	pthread_mutex_lock(&store->state_mutex);
	bytes = state_memtable_bytes(store);
	pthread_mutex_unlock(&store->state_mutex);
	pthread_mutex_unlock(&store->writer_mutex);
	return bytes;
}

static bool
flushes_stall(struct store *store)
{
	bool stall;

	pthread_mutex_lock(&store->state_mutex);
	stall = store->flush_stalls;
	pthread_mutex_unlock(&store->state_mutex);
	return stall;
}

/* When intake stands still, the flush goes on. */
static void *
keep(void *argument)
{
	struct keeper *keeper = argument;
	struct store *store = keeper->store;
	size_t before = 0;

	while (!atomic_load(&keeper->ends)) {
		size_t bytes = bytes_in_memory(store);

		if (bytes < HIGH_BYTES || bytes != before || !atomic_load(&flushes_held)) {
			before = bytes;
			usleep(STILL_MS * 1000);
			continue;
		}
		atomic_fetch_add(&keeper->stops, 1);
		atomic_store(&flushes_held, false);
	}
	return NULL;
}

static struct store *
open_held(struct io *io, const char *directory)
{
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.io = io,
					.memtable_bytes_max = MEMORY_BYTES,
					.no_maintenance = true};
	struct store *store;

	*io = *io_posix();
	io->rename = held_rename;
	io->sync = no_sync;
	assert_int_equal(store_open(&options, &store, NULL), 0);
	atomic_store(&flushes_held, true);
	return store;
}

static void
test_waiting(void **state)
{
	struct random random = random_seeded("waiting");
	struct keeper keeper = {0};
	char directory[256];
	pthread_t thread;
	struct io io;

	(void)state;
	scratch_make(directory);
	keeper.store = open_held(&io, directory);
	assert_int_equal(pthread_create(&thread, NULL, keep, &keeper), 0);
	for (uint32_t i = 0; i < 400; i++) {
		append_rows(keeper.store, &all_times[0], &random);
		assert_true(bytes_in_memory(keeper.store) < HIGH_BYTES + COMMIT_BYTES);
	}
	atomic_store(&keeper.ends, true);
	pthread_join(thread, NULL);
	assert_int_equal(keeper.stops, 1);
	assert_int_equal(store_close(keeper.store, NULL), 0);
	scratch_remove(directory);
}

/* After some seconds in vain the rest of memory is used, without more of them,
 * until a flush succeeds. */
static void
test_not_for_ever(void **state)
{
	struct random random = random_seeded("not for ever");
	char directory[256];
	struct io io;
	struct store *store;

	(void)state;
	scratch_make(directory);
	store = open_held(&io, directory);
	while (bytes_in_memory(store) < HIGH_BYTES)
		append_rows(store, &all_times[0], &random);
	assert_false(flushes_stall(store));
	while (bytes_in_memory(store) < MEMORY_BYTES)
		append_rows(store, &all_times[0], &random);
	assert_true(flushes_stall(store));
	atomic_store(&flushes_held, false);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_false(flushes_stall(store));
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* What is sealed is less than flushes are due for, as open views let it, and intake
 * waits for it nevertheless. */
static void
test_early(void **state)
{
	struct random random = random_seeded("early");
	struct store_stats stats;
	char directory[256];
	struct io io;
	struct store *store;

	(void)state;
	scratch_make(directory);
	store = open_held(&io, directory);
	atomic_store(&flushes_held, false);
	for (size_t i = 1; i <= 2; i++) { /* sealed by age */
		while (bytes_in_memory(store) < i * 7 * MEMORY_BYTES / 32)
			append_rows(store, &all_times[0], &random);
		pthread_mutex_lock(&store->state_mutex);
		store->active->created_ms -= store->options.seal_age_ms;
		pthread_mutex_unlock(&store->state_mutex);
	}
	store_stats(store, &stats);
	assert_int_equal(stats.flushes, 0);
	while (bytes_in_memory(store) < HIGH_BYTES)
		append_rows(store, &all_times[0], &random);
	append_rows(store, &all_times[0], &random);
	assert_false(flushes_stall(store));
	store_stats(store, &stats);
	assert_int_equal(stats.flushes, 1);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* A flush that fails is tried again by a group that memory is full for, and then at its
 * leisure: not as soon as it has failed. */
static void
test_failing(void **state)
{
	struct random random = random_seeded("failing");
	struct store_stats before, after;
	char directory[256];
	struct io io;
	struct store *store;
	int result;

	(void)state;
	scratch_make(directory);
	store = open_held(&io, directory);
	atomic_store(&flushes_fail, true);
	atomic_store(&flushes_held, false);
	while (bytes_in_memory(store) < MEMORY_BYTES)
		append_rows(store, &all_times[0], &random);
	store_stats(store, &before);
	pthread_mutex_lock(&store->writer_mutex);
	result = append_wait_for_memory(store, NULL);
	pthread_mutex_unlock(&store->writer_mutex);
	assert_int_equal(result, STORE_ENOMEM);
	store_stats(store, &after);
	assert_in_range(after.flush_failures - before.flush_failures, 1, 2);
	atomic_store(&flushes_fail, false);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),        cmocka_unit_test(test_waiting),
	    cmocka_unit_test(test_not_for_ever), cmocka_unit_test(test_early),
	    cmocka_unit_test(test_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
