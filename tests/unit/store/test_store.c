/*
 * Goal: whatever the order of beacons, updates, retries, flushes, crashes and
 * failing file calls, the store's rows are those of a naive model: one row per
 * view with the values of its highest version and the sum of all errors, and
 * every error row once. Method: random histories (seeded) against the model;
 * a crash is a copy of the directory as it is on disk, opened elsewhere; file
 * calls fail at every k-th write and sync, once and from then on.
 */
#include "check.h"

#include <errno.h>
#include <pthread.h>

#include "store/io.h"
#include "store/snapshot.h"

enum { TS, SITE, VIEW, LCP, ERRORS, WEIGHT };

static const struct store_column view_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "error_count", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_SUM},
    {.name = "_sample_interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
};
static const struct store_column error_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "message", .type = STORE_STRING},
};
static const struct store_table tables[] = {
    {"pageviews", view_columns, 6, true},
    {"errors", error_columns, 4, false},
};
static const struct store_schema schema = {tables, 2};

#define VIEWS 60
#define BASE_MS 1780000000000

static const char *const sites[] = {"shop", "blog", "docs"};

struct model_view {
	bool exists, closed;
	bool seen[256];
	int highest;
	uint32_t lcp, errors;
};

struct model {
	struct model_view views[VIEWS];
	uint32_t error_rows[VIEWS];
};

/* Views differ in day, so that several partitions are written. */
static int64_t
began_of(uint32_t view)
{
	return BASE_MS + (int64_t)view * 3600000;
}

struct beacon {
	uint32_t view, lcp, errors;
	uint8_t version;
};

struct built {
	struct store_cell view[6], error[8][4];
	struct store_row rows[9];
	struct store_entry entry;
};

static void
build(struct built *built, const struct beacon *beacon)
{
	const char *site = sites[beacon->view % 3];
	struct store_str name = {site, (uint32_t)strlen(site)};

	memset(built, 0, sizeof *built);
	built->view[0] = (struct store_cell){.column = TS, .value.i = began_of(beacon->view)};
	built->view[1] = (struct store_cell){.column = SITE, .value.s = name};
	built->view[2] = (struct store_cell){.column = VIEW, .value.u = beacon->view};
	built->view[3] = (struct store_cell){.column = LCP, .value.f = beacon->lcp};
	built->view[4] = (struct store_cell){.column = ERRORS, .value.u = beacon->errors};
	built->view[5] = (struct store_cell){.column = WEIGHT, .value.u = 1};
	built->rows[0] = (struct store_row){0, 6, built->view};
	for (uint32_t i = 0; i < beacon->errors; i++) {
		memcpy(built->error[i], built->view, 3 * sizeof *built->view);
		built->error[i][3] = (struct store_cell){.column = 3, .value.s = {"boom", 4}};
		built->rows[1 + i] = (struct store_row){1, 4, built->error[i]};
	}
	built->entry = (struct store_entry){.keyed = true,
					    .version = beacon->version,
					    .sort = name,
					    .key = beacon->view,
					    .began_ms = began_of(beacon->view),
					    .received_ms = BASE_MS,
					    .rows = built->rows,
					    .rows_count = 1 + beacon->errors};
}

static enum store_outcome
model_apply(struct model *model, const struct beacon *beacon)
{
	struct model_view *view = &model->views[beacon->view];

	if (view->exists && view->seen[beacon->version])
		return view->closed ? STORE_LATE : STORE_REPEATED;
	if (view->closed)
		return STORE_LATE;
	if (!view->exists || beacon->version > view->highest) {
		view->lcp = beacon->lcp;
		view->highest = beacon->version;
	}
	view->exists = true;
	view->seen[beacon->version] = true;
	view->errors += beacon->errors;
	model->error_rows[beacon->view] += beacon->errors;
	return STORE_STORED;
}

static void
model_close(struct model *model)
{
	for (int i = 0; i < VIEWS; i++)
		model->views[i].closed = model->views[i].exists;
}

/* ---- comparing ------------------------------------------------------- */

struct found {
	uint32_t views[VIEWS], lcp[VIEWS], errors[VIEWS], error_rows[VIEWS];
};

static int64_t
at(const struct vector *vector, uint32_t row)
{
	return vector->all_null ? 0 : vector->values[vector->constant ? 0 : row];
}

static void
scan_block(const struct block *block, uint32_t table, struct found *found)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_str none = {NULL, 0};
	struct store_error error = {0};
	const uint64_t *visible;
	struct vector view, lcp, errors;

	assert_int_equal(block_visible(block, arena, &visible, &error), 0);
	assert_int_equal(block_read(block, VIEW, none, arena, &view, &error), 0);
	if (table == 0) {
		assert_int_equal(block_read(block, LCP, none, arena, &lcp, &error), 0);
		assert_int_equal(block_read(block, ERRORS, none, arena, &errors, &error), 0);
	}
	for (uint32_t row = 0; row < block_rows_count(block); row++) {
		uint64_t id = (uint64_t)at(&view, row);

		if (visible != NULL && !bitmap_get(visible, row))
			continue;
		assert_in_range(id, 0, VIEWS - 1);
		if (table == 1) {
			found->error_rows[id]++;
			continue;
		}
		found->views[id]++;
		found->lcp[id] = (uint32_t)(at(&lcp, row) / 10);
		found->errors[id] = (uint32_t)at(&errors, row);
	}
	store_arena_free(arena);
}

static void
scan(struct store *store, struct found *found)
{
	struct store_error error = {0};
	struct snapshot *snapshot;

	memset(found, 0, sizeof *found);
	assert_int_equal(snapshot_open(store, &snapshot, &error), 0);
	for (uint32_t table = 0; table < 2; table++) {
		for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, table); i++)
			scan_block(snapshot_block(snapshot, table, i), table, found);
	}
	snapshot_close(snapshot);
}

static void
check_equal(struct store *store, const struct model *model)
{
	struct found found;

	scan(store, &found);
	for (int i = 0; i < VIEWS; i++) {
		assert_int_equal(found.views[i], model->views[i].exists);
		assert_int_equal(found.error_rows[i], model->error_rows[i]);
		if (!model->views[i].exists)
			continue;
		assert_int_equal(found.lcp[i], model->views[i].lcp);
		assert_int_equal(found.errors[i], model->views[i].errors);
	}
}

/* ---- histories ------------------------------------------------------- */

static void
print_log(void *context, const char *line)
{
	(void)context;
	if (getenv("VERBOSE") != NULL)
		printf("# %s\n", line);
}

static struct store *
open_store(const char *directory, struct io *io)
{
	struct store_options options = {
	    .directory = directory, .schema = &schema, .io = io, .log = print_log};
	struct store_error error = {0};
	struct store *store = NULL;

	if (store_open(&options, &store, &error) != 0)
		fail_msg("store_open: %s", error.text);
	return store;
}

static struct beacon
random_beacon(struct random *random, const struct model *model)
{
	struct beacon beacon = {.view = (uint32_t)random_below(random, VIEWS),
				.version = (uint8_t)random_below(random, 4),
				.lcp = (uint32_t)random_below(random, 5000),
				.errors = (uint32_t)random_below(random, 3)};

	/* Version 0 of a view in a segment is a new view to the store: not sent. */
	if (model->views[beacon.view].closed && beacon.version == 0)
		beacon.version = 1;
	return beacon;
}

static void
append_some(struct store *store, struct random *random, struct model *model)
{
	static struct built built[8];
	struct store_commit commits[8];
	enum store_outcome expected[8];
	uint32_t count = 1 + (uint32_t)random_below(random, 8);
	struct store_error error = {0};

	for (uint32_t i = 0; i < count; i++) {
		struct beacon beacon = random_beacon(random, model);

		build(&built[i], &beacon);
		commits[i] = (struct store_commit){.entries = &built[i].entry, .entries_count = 1};
		expected[i] = model_apply(model, &beacon);
	}
	assert_int_equal(store_append(store, commits, count, &error), 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(commits[i].result, 0);
		assert_int_equal(built[i].entry.outcome, expected[i]);
	}
}

static void
check_copy(const char *directory, const struct model *model)
{
	char copy[256], command[700];
	struct store *store;

	scratch_make(copy);
	snprintf(command, sizeof command, "cp -r '%s/.' '%s'", directory, copy);
	for (int times = 0; times < 2; times++) { /* recovery twice gives the same */
		if (times == 0)
			scratch_run(command);
		store = open_store(copy, NULL);
		check_equal(store, model);
		assert_int_equal(store_close(store, NULL), 0);
	}
	scratch_remove(copy);
}

static void
test_histories(void **state)
{
	struct random random = random_seeded("histories");

	(void)state;
	for (int history = 0; history < 12; history++) {
		struct model model = {0};
		char directory[256];
		struct store *store;

		scratch_make(directory);
		store = open_store(directory, NULL);
		for (int step = 0; step < 60; step++) {
			append_some(store, &random, &model);
			check_equal(store, &model);
			switch (random_below(&random, 20)) {
			case 0:
				assert_int_equal(store_flush(store, NULL), 0);
				model_close(&model);
				break;
			case 1:
				assert_int_equal(store_close(store, NULL), 0);
				model_close(&model);
				store = open_store(directory, NULL);
				break;
			case 2:
				check_copy(directory, &model);
				break;
			default:
				break;
			}
			check_equal(store, &model);
		}
		assert_int_equal(store_close(store, NULL), 0);
		scratch_remove(directory);
	}
}

/* ---- failing file calls ---------------------------------------------- */

struct failing {
	struct io io;
	long countdown; /* the call that fails */
	bool for_good;
	int error;
};

static bool
is_failing(struct io *io)
{
	struct failing *failing = (struct failing *)io;

	failing->countdown--;
	return failing->countdown == 0 || (failing->for_good && failing->countdown < 0);
}

static ssize_t
failing_pwrite(struct io *io, int fd, const void *bytes, size_t size, uint64_t offset)
{
	/* A failing write leaves half of its bytes. */
	if (is_failing(io)) {
		(void)io_posix()->pwrite(io_posix(), fd, bytes, size / 2, offset);
		return -((struct failing *)io)->error;
	}
	return io_posix()->pwrite(io_posix(), fd, bytes, size, offset);
}

static int
failing_sync(struct io *io, int fd)
{
	return is_failing(io) ? -((struct failing *)io)->error : io_posix()->sync(io_posix(), fd);
}

static int
failing_open(struct io *io, const char *path, int flags, mode_t mode)
{
	return is_failing(io) ? -((struct failing *)io)->error
			      : io_posix()->open(io_posix(), path, flags, mode);
}

/* Acknowledged beacons must be found afterwards, each view once. */
static void
run_failing(long k, bool for_good, int number)
{
	struct failing failing = {*io_posix(), k, for_good, number};
	struct store_options options = {.schema = &schema, .io = &failing.io, .log = print_log};
	bool acknowledged[VIEWS] = {0};
	struct store *store = NULL;
	struct found found;
	char directory[256];

	scratch_make(directory);
	options.directory = directory;
	failing.io.pwrite = failing_pwrite;
	failing.io.sync = failing_sync;
	failing.io.open = failing_open;
	if (store_open(&options, &store, NULL) == 0) {
		for (uint32_t i = 0; i < 12; i++) {
			struct beacon beacon = {.view = i, .lcp = 100 + i, .errors = 1};
			struct built built;
			struct store_commit commit = {.entries = &built.entry, .entries_count = 1};

			build(&built, &beacon);
			acknowledged[i] =
			    store_append(store, &commit, 1, NULL) == 0 && commit.result == 0;
			if (i == 5)
				(void)store_flush(store, NULL);
			scan(store, &found);
			for (uint32_t j = 0; j <= i; j++)
				assert_int_equal(found.views[j], acknowledged[j]);
		}
		(void)store_close(store, NULL);
	}
	store = open_store(directory, NULL);
	scan(store, &found);
	for (uint32_t i = 0; i < 12; i++) {
		assert_true(found.views[i] <= 1);
		assert_int_equal(found.error_rows[i], found.views[i]);
		if (acknowledged[i] && found.views[i] != 1)
			fail_msg("call %ld failing (%s): view %u was acknowledged and is lost", k,
				 for_good ? "for good" : "once", i);
	}
	store_close(store, NULL);
	scratch_remove(directory);
}

static void
test_failing_calls(void **state)
{
	(void)state;
	for (long k = 1; k <= 60; k++) {
		run_failing(k, false, EIO);
		run_failing(k, false, ENOSPC);
		run_failing(k, true, ENOSPC);
	}
}

/* ---- requests -------------------------------------------------------- */

static void
append_request(struct store *store, struct store_request *request, uint32_t view)
{
	struct beacon beacon = {.view = view, .lcp = 7};
	struct built built;
	struct store_commit commit = {
	    .entries = &built.entry, .entries_count = 1, .request = request};

	build(&built, &beacon);
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

static void
test_requests(void **state)
{
	struct store_request first = {.key = {1}, .body = {2}, .received_ms = BASE_MS, .note = 9};
	struct store_request again, other;
	struct found found;
	struct store *store;
	char directory[256];

	(void)state;
	scratch_make(directory);
	store = open_store(directory, NULL);
	append_request(store, &first, 1);
	assert_false(first.repeated);
	assert_int_equal(first.stored_count, 1);
	for (int reopened = 0; reopened < 3; reopened++) {
		again =
		    (struct store_request){.key = {1}, .body = {2}, .received_ms = BASE_MS + 1000};
		append_request(store, &again, 2);
		assert_true(again.repeated);
		assert_int_equal(again.note, 9);
		assert_int_equal(again.stored_count, 1);
		other =
		    (struct store_request){.key = {1}, .body = {3}, .received_ms = BASE_MS + 1000};
		append_request(store, &other, 2);
		assert_true(other.conflict);
		scan(store, &found);
		assert_int_equal(found.views[1], 1);
		assert_int_equal(found.views[2], 0);
		store_close(store, NULL);
		store = open_store(directory, NULL);
	}
	store_close(store, NULL);
	scratch_remove(directory);
}

/* ---- threads --------------------------------------------------------- */

struct shared {
	struct store *store;
	_Atomic int stop;
};

static void *
read_on(void *argument)
{
	struct shared *shared = argument;
	struct found found;

	while (!shared->stop) {
		scan(shared->store, &found);
		for (int i = 0; i < VIEWS; i++)
			assert_true(found.views[i] <= 1);
	}
	return NULL;
}

/* A reader sees each view at most once while rows are replaced and flushed. */
static void
test_threads(void **state)
{
	struct random random = random_seeded("threads");
	struct model model = {0};
	struct shared shared = {0};
	pthread_t reader;
	char directory[256];

	(void)state;
	scratch_make(directory);
	shared.store = open_store(directory, NULL);
	assert_int_equal(pthread_create(&reader, NULL, read_on, &shared), 0);
	for (int i = 0; i < 200; i++) {
		append_some(shared.store, &random, &model);
		if (i % 40 == 39) {
			assert_int_equal(store_flush(shared.store, NULL), 0);
			model_close(&model);
		}
	}
	shared.stop = 1;
	pthread_join(reader, NULL);
	check_equal(shared.store, &model);
	store_close(shared.store, NULL);
	scratch_remove(directory);
}

/* A second process is told who holds the directory. */
static void
test_lock(void **state)
{
	struct store_options options = {.schema = &schema};
	struct store_error error = {0};
	struct store *store, *second;
	char directory[256], pid[32];

	(void)state;
	scratch_make(directory);
	store = open_store(directory, NULL);
	options.directory = directory;
	assert_int_equal(store_open(&options, &second, &error), STORE_EBUSY);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	assert_non_null(strstr(error.text, pid));
	store_close(store, NULL);
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_histories), cmocka_unit_test(test_failing_calls),
	    cmocka_unit_test(test_requests),  cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
