/*
 * A scripted life of a store on a simulated disk, for tests that make something
 * fail in the middle of it: appends, updates, flushes, a merge, an erasure,
 * queries, a backup, a close, a check. Whatever its caller was told must hold
 * when the faults are over.
 */
#ifndef LIFE_H
#define LIFE_H

#include "disk.h"
#include "store_model.h"

#define STEPS 14
#define BACKUP_STEP 8
#define ERASED_SESSION 0 /* of views 0 .. 3 */

/* A sanitizer makes a life ten times as long: there every tenth fault is tried,
 * from a random one on. */
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 10
#else
#define STRIDE 1
#endif

/* The first fault to try. */
static inline long
first_fault(struct random *random)
{
	return 1 + (long)random_below(random, STRIDE);
}

/* What the caller was told. */
struct told {
	bool acknowledged[STEPS]; /* view i, by store_append */
	bool updated[STEPS];      /* its second beacon */
	bool erase_begun, erased, backed_up;
};

/* Retention only where it is asked for. */
static const uint32_t life_days[] = {30, 30};

static inline struct store *
try_open(struct disk *disk, const char *directory)
{
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.io = &disk->io,
					.retention_days = life_days,
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

static inline bool
append_one(struct store *store, const struct beacon *beacon)
{
	struct built built;
	struct store_commit commit = {.entries = &built.entry, .entries_count = 1};

	build(&built, beacon);
	return store_append(store, &commit, 1, NULL) == 0 && commit.result == 0;
}

static inline void
erase_session(struct store *store, struct told *told)
{
	struct store_erasure erasure = {.number = session_of(ERASED_SESSION * 4)};
	uint64_t rows_count;

	told->erase_begun = true;
	told->erased = store_erase(store, &erasure, &rows_count, NULL) == 0;
}

/* An answer is right or an error, never wrong. */
static inline void
ask(struct store *store, const struct told *told)
{
	static const char text[] =
	    "SELECT site, count() AS n, uniq(view_id), quantile(0.5)(lcp) FROM pageviews "
	    "WHERE lcp >= 0 AND site LIKE '%o%' GROUP BY site ORDER BY n DESC, upper(site)";
	struct store_query query = {
	    .text = {text, sizeof text - 1}, .threads = 2, .thread_rows_min = 1};
	struct store_error error = {0};
	struct store_result *result;
	uint64_t expected = 0, found = 0;

	if (store_query(store, &query, &result, &error) != 0) {
		assert_true(error.text[0] != '\0');
		return;
	}
	for (uint32_t i = 0; i < STEPS; i++)
		expected += told->acknowledged[i];
	for (uint64_t i = 0; i < result->rows_count; i++) {
		assert_int_equal(result->values[1][i].v.u, result->values[2][i].v.u);
		found += result->values[1][i].v.u;
	}
	store_result_free(result);
	if (!told->erase_begun)
		assert_int_equal(found, expected);
	else
		assert_true(found <= expected && found + 4 >= expected);
}

static inline void
check_at_end(struct disk *disk)
{
	struct store_options options = {.directory = "/d", .schema = &schema, .io = &disk->io};
	uint64_t problems;

	(void)store_check(&options, true, print_log, NULL, &problems, NULL);
}

/* Goes through all of it, whatever fails. */
static inline void
live(struct disk *disk, struct told *told)
{
	struct store *store = try_open(disk, "/d");

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
		if (i == BACKUP_STEP)
			told->backed_up = store_backup(store, "/b", NULL, NULL) == 0;
		if (i == 9)
			(void)store_merge(store, NULL);
		if (i == 10)
			erase_session(store, told);
		if (i % 4 == 1)
			ask(store, told);
	}
	(void)store_close(store, NULL);
	check_at_end(disk);
}

/* Of the views below `end`. */
static inline void
check_told(struct store *store, const struct told *told, uint32_t end, long k)
{
	struct found found;

	scan(store, &found);
	for (uint32_t i = 0; i < end; i++) {
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

/* The copy has what was acknowledged before it was made. */
static inline void
check_backup(struct disk *disk, const struct told *told, long k)
{
	struct told then = *told;
	struct store *store = try_open(disk, "/b");

	then.erase_begun = then.erased = false;
	assert_non_null(store);
	check_told(store, &then, BACKUP_STEP + 1, k);
	assert_int_equal(store_close(store, NULL), 0);
}

/* Opens, compares, goes on working, and is the same after another opening. */
static inline void
check_alive(struct disk *disk, const struct told *told, long k)
{
	struct beacon beacon = {.view = 40, .lcp = 1};
	struct store *store;

	for (int times = 0; times < 2; times++) {
		struct store_stats stats;
		struct found found;

		store = try_open(disk, "/d");
		assert_non_null(store);
		store_stats(store, &stats);
		assert_int_equal(stats.corrupt_files, 0);
		check_told(store, told, STEPS, k);
		scan(store, &found);
		assert_int_equal(found.views[40], times);
		if (times == 0)
			assert_true(append_one(store, &beacon));
		assert_int_equal(store_close(store, NULL), 0);
	}
	if (told->backed_up)
		check_backup(disk, told, k);
}

/* Without faults; gives the number of file calls. */
static inline long
calls_of_a_life(void)
{
	struct disk *disk = disk_create();
	struct told told;
	long calls;

	live(disk, &told);
	calls = disk->calls;
	for (uint32_t i = 0; i < STEPS; i++)
		assert_true(told.acknowledged[i] && told.updated[i]);
	assert_true(told.erased && told.backed_up);
	check_alive(disk, &told, 0);
	disk_free(disk);
	return calls;
}

#endif
