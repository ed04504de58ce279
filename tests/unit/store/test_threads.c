/*
 * Goal: whatever runs beside the writer (queries, flushes, merges, erasures,
 * backups, counters), a query sees each view once, and in the end each view is
 * there once that was not erased. Method: all of it at once on one store, with
 * little memory, until the writer is done; ThreadSanitizer, where it is built
 * in, sees what the answers do not show.
 */
#include "store_model.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define GROUPS 600
#define GROUP_SIZE 5u
#define NEW_VIEWS (GROUPS * GROUP_SIZE)
#define ERASED_EVERY 8 /* sessions, of four views */

struct shared {
	struct store *store;
	char directory[256];
	_Atomic bool done;
	_Atomic uint32_t begun;      /* views */
	_Atomic uint32_t changes;    /* rounds of change_on */
	_Atomic(const char *) wrong; /* static */
};

/* No sync: what is tested here is memory. */
static int
no_sync(struct io *io, int fd)
{
	(void)io;
	(void)fd;
	return 0;
}

static int
no_sync_directory(struct io *io, const char *path)
{
	(void)io;
	(void)path;
	return 0;
}

static void
expect(struct shared *shared, bool right, const char *what)
{
	if (!right)
		shared->wrong = what;
}

/* ---- beside the writer ----------------------------------------------- */

/* The answer's only row, two numbers. */
static bool
ask(struct store *store, const char *text, uint64_t *first, uint64_t *second)
{
	struct store_query query = {
	    .text = {text, (uint32_t)strlen(text)}, .threads = 2, .thread_rows_min = 1};
	struct store_error error = {0};
	struct store_result *result;
	bool right;

	if (store_query(store, &query, &result, &error) != 0)
		return false;
	right = result->rows_count == 1 && result->columns_count == 2;
	if (right) {
		*first = result->values[0][0].v.u;
		*second = result->values[1][0].v.u;
	}
	store_result_free(result);
	return right;
}

static void *
query_on(void *argument)
{
	struct shared *shared = argument;

	while (!shared->done && shared->wrong == NULL) {
		uint64_t rows = 0, views = 0, begun;

		expect(shared,
		       ask(shared->store, "SELECT count(), uniq(view_id) FROM pageviews", &rows,
			   &views),
		       "a query failed");
		begun = shared->begun;
		expect(shared, rows == views, "a view was there twice");
		expect(shared, rows <= begun, "a view was there before it began");
		expect(shared,
		       ask(shared->store,
			   "SELECT count(), uniq(site) FROM errors WHERE message = 'boom'", &rows,
			   &views),
		       "a query of errors failed");
		expect(shared, views <= 3, "a site was there that never was");
	}
	return NULL;
}

static void *
count_on(void *argument)
{
	struct shared *shared = argument;

	while (!shared->done && shared->wrong == NULL) {
		struct store_stats stats;

		store_stats(shared->store, &stats);
		expect(shared, stats.corrupt_files == 0, "damage");
		expect(shared, store_flush(shared->store, NULL) == 0, "a flush failed");
	}
	return NULL;
}

static void *
change_on(void *argument)
{
	struct shared *shared = argument;

	for (uint32_t session = 0; !shared->done && shared->wrong == NULL;) {
		char to[300];

		expect(shared, store_merge(shared->store, NULL) == 0, "a merge failed");
		expect(shared, store_retain(shared->store, 0, NULL) == 0, "retention failed");
		/* Views that get no more beacons. */
		if (session * 4 + 100 < shared->begun) {
			struct store_erasure erasure = {.number = session_of(session * 4)};
			uint64_t rows;

			expect(shared, store_erase(shared->store, &erasure, &rows, NULL) == 0,
			       "an erasure failed");
			expect(shared, rows >= 4, "an erasure found too little");
			session += ERASED_EVERY;
		}
		snprintf(to, sizeof to, "%s/backup", shared->directory);
		expect(shared, store_backup(shared->store, to, NULL, NULL) == 0, "a backup failed");
		scratch_remove(to);
		shared->changes++;
	}
	return NULL;
}

/* ---- the writer ------------------------------------------------------ */

/* In a few partitions a flush is short. */
static void
on_one_day(struct built *built, uint32_t view)
{
	int64_t time = BASE_MS + view;

	built->view[0].value.i = built->entry.began_ms = time;
	for (uint32_t i = 1; i < built->entry.rows_count; i++)
		built->error[i - 1][0].value.i = time;
}

struct group {
	struct built built[2 * GROUP_SIZE];
	struct store_commit commits[2 * GROUP_SIZE];
};

/* New views, and updates of those of the last groups. */
static void
build_group(struct group *group, uint32_t first, struct random *random)
{
	for (uint32_t i = 0; i < 2 * GROUP_SIZE; i++) {
		bool update = i >= GROUP_SIZE && first >= 20;
		uint32_t view =
		    update ? first - 20 + (uint32_t)random_below(random, 20) : first + i;
		struct beacon beacon = {.view = view,
					.version =
					    (uint8_t)(update ? 1 + random_below(random, 5) : 0),
					.errors = (uint32_t)random_below(random, 2)};

		if (i >= GROUP_SIZE && !update)
			beacon.view = view = first, beacon.version = (uint8_t)i;
		build(&group->built[i], &beacon);
		on_one_day(&group->built[i], view);
		group->commits[i] =
		    (struct store_commit){.entries = &group->built[i].entry, .entries_count = 1};
	}
}

static void
check_group(const struct group *group)
{
	for (uint32_t i = 0; i < GROUP_SIZE; i++)
		assert_int_equal(group->commits[i].result, 0);
}

/* One by one, or several on their way to the disk together. */
static void
write_groups(struct shared *shared, uint32_t count, struct random *random)
{
	static struct group groups[STORE_APPENDS_MAX];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t first = shared->begun;

		build_group(&groups[i], first, random);
		shared->begun = first + GROUP_SIZE;
		assert_int_equal((count == 1 ? store_append : store_append_begin)(
				     shared->store, groups[i].commits, 2 * GROUP_SIZE, NULL),
				 0);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (count > 1)
			assert_int_equal(store_append_end(shared->store, NULL), 0);
		check_group(&groups[i]);
	}
}

static void
test_everything_at_once(void **state)
{
	struct random random = random_seeded("everything_at_once");
	void *(*const bodies[])(void *) = {query_on, query_on, count_on, change_on};
	struct io quick = *io_posix();
	struct shared shared = {0};
	struct store_options options = {.directory = shared.directory,
					.schema = &schema,
					.io = &quick,
					.memtable_bytes_max = 8 << 20,
					.log = print_log};
	struct store_stats stats;
	uint64_t rows, views;
	pthread_t threads[4];

	(void)state;
	quick.sync = no_sync;
	quick.sync_directory = no_sync_directory;
	scratch_make(shared.directory);
	assert_int_equal(store_open(&options, &shared.store, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, bodies[i], &shared), 0);
	for (uint32_t i = 0; i < GROUPS && shared.wrong == NULL;) {
		uint32_t count = 1 + (uint32_t)random_below(&random, STORE_APPENDS_MAX);

		count = count < GROUPS - i ? count : GROUPS - i;
		write_groups(&shared, count, &random);
		i += count;
		/* Not faster than the others, on whatever machine. */
		while (shared.changes < i / 20 && shared.wrong == NULL)
			sched_yield();
	}
	shared.done = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	if (shared.wrong != NULL)
		fail_msg("%s", shared.wrong);
	store_stats(shared.store, &stats);
	printf("# %llu flushes, %llu merges, %llu erasures, %llu late\n",
	       (unsigned long long)stats.flushes, (unsigned long long)stats.merges,
	       (unsigned long long)stats.erasures, (unsigned long long)stats.late);
	assert_true(stats.flushes > 0 && stats.merges > 0 && stats.erasures > 0);
	for (int reopened = 0; reopened < 2; reopened++) {
		assert_true(ask(shared.store, "SELECT count(), uniq(view_id) FROM pageviews", &rows,
				&views));
		assert_int_equal(rows, views);
		assert_true(rows <= NEW_VIEWS && rows >= NEW_VIEWS / ERASED_EVERY * 7 - 8);
		assert_int_equal(store_close(shared.store, NULL), 0);
		if (reopened == 0)
			assert_int_equal(store_open(&options, &shared.store, NULL), 0);
	}
	scratch_remove(shared.directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
