/*
 * Goal: whatever the order of beacons, updates, retries, flushes, merges,
 * erasures, crashes and failing file calls, the store's rows are those of a naive model: one row
 * per view with the values of its highest version and the sum of all errors, and every error row
 * once. Method: random histories (seeded) against the model; a crash is a copy of the directory as
 * it is on disk, opened elsewhere; file calls fail at every k-th write and sync, once and from then
 * on.
 */
#include "store_model.h"

#include <errno.h>
#include <pthread.h>

/* ---- histories ------------------------------------------------------- */

static void
erase_some(struct store *store, struct random *random, struct model *model)
{
	bool by_site = random_below(random, 2) == 0;
	uint32_t which = (uint32_t)random_below(random, by_site ? 3 : VIEWS / 4);
	struct store_erasure erasure = {.number = session_of(which * 4)};
	uint64_t expected = 0, erased;

	if (by_site)
		erasure.sort = (struct store_str){sites[which], (uint32_t)strlen(sites[which])};
	for (uint32_t i = 0; i < VIEWS; i++) {
		if ((by_site ? i % 3 : i / 4) == which)
			expected += model->views[i].exists + model->error_rows[i];
	}
	assert_int_equal(store_erase(store, &erasure, &erased, NULL), 0);
	assert_int_equal(erased, expected);
	model_erase(model, by_site, which);
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
			case 3:
				assert_int_equal(store_merge(store, NULL), 0);
				break;
			case 4:
				erase_some(store, &random, &model);
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
	struct store_options options = {
	    .schema = &schema, .io = &failing.io, .no_maintenance = true, .log = print_log};
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

/* A weight that 32 bits do not hold would be cut off in sums: its schema is refused
 * before there is anything on disk. */
static void
test_wide_weight(void **state)
{
	struct store_column columns[3];
	struct store_table table = {.name = "t", .columns = columns, .columns_count = 3};
	struct store_schema own = {.tables = &table, .tables_count = 1};
	struct store_options options = {.schema = &own};
	struct store *store;
	char directory[256];

	(void)state;
	scratch_make(directory);
	options.directory = directory;
	for (int kind = 0; kind < 4; kind++) {
		struct store_error error = {0};

		columns[0] = (struct store_column){
		    .name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT};
		columns[1] = (struct store_column){
		    .name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME};
		columns[2] = (struct store_column){.name = "w",
						   .type = kind == 2 ? STORE_FLOAT : STORE_UINT,
						   .bits = kind == 0 ? 64 : 32,
						   .flags = STORE_ROLE_WEIGHT |
							    (kind == 1 ? STORE_NULLABLE : 0)};
		if (kind == 3) {
			assert_int_equal(store_open(&options, &store, &error), 0);
			store_close(store, NULL);
			continue;
		}
		assert_int_equal(store_open(&options, &store, &error), STORE_EINVAL);
		assert_non_null(strstr(error.text, "t.w"));
		assert_non_null(strstr(error.text, "32 bits"));
	}
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_histories), cmocka_unit_test(test_failing_calls),
	    cmocka_unit_test(test_requests),  cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_lock),      cmocka_unit_test(test_wide_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
