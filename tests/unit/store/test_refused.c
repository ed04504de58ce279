/*
 * Goal: what is repeated takes no files, and a commit that fails takes no memory for good.
 * Method: a full ring of requests; a commit of many rows that fails with its last entry.
 */
#include <dirent.h>

#include "store_model.h"

#include "store/requests.h"
#include "store/state.h"

static uint32_t
count_wal(const char *directory)
{
	char path[512];
	struct dirent *entry;
	uint32_t count = 0;
	DIR *wal;

	snprintf(path, sizeof path, "%s/wal", directory);
	wal = opendir(path);
	while ((entry = readdir(wal)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(wal);
	return count;
}

static int
no_sync(struct io *io, int fd)
{
	(void)io, (void)fd;
	return 0;
}

/* Requests alone are more than a WAL file has at least; groups that only repeat begin none. */
static void
test_repeats_begin_files(void **state)
{
	static struct store_request requests[REQUESTS_MAX];
	static struct store_commit commits[REQUESTS_MAX];
	struct io io = *io_posix();
	char directory[256];
	struct store *store;
	struct store_commit repeat;
	uint32_t before;

	(void)state;
	io.sync = no_sync;
	scratch_make(directory);
	store = open_store(directory, &io);
	for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
		requests[i].received_ms = BASE_MS + i;
		memcpy(requests[i].key, &i, sizeof i);
		commits[i] = (struct store_commit){.request = &requests[i]};
	}
	assert_int_equal(store_append(store, commits, REQUESTS_MAX, NULL), 0);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_store(directory, &io); /* as after any restart */
	before = count_wal(directory);
	for (uint32_t i = 0; i < 50; i++) { /* the sender repeats what it had sent */
		repeat = (struct store_commit){.request = &requests[i]};
		assert_int_equal(store_append(store, &repeat, 1, NULL), 0);
		assert_int_equal(repeat.result, 0);
		assert_true(requests[i].repeated);
	}
	assert_int_equal(store_flush(store, NULL), 0);
	assert_true(count_wal(directory) <= before + 1);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* ---- dead rows ---------------------------------------------------------- */

#define ROWS 60000u

/* A commit that fails leaves more of them than memory may have: the next one has them
 * flushed. */
static void
test_dead_rows_fill_memory(void **state)
{
	static struct store_entry entries[ROWS + 1];
	static struct store_row rows[ROWS];
	static struct store_cell cells[ROWS][5];
	static char messages[ROWS][24];
	char directory[256];
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.memtable_bytes_max = (size_t)4 << 20,
					.no_maintenance = true,
					.log = print_log};
	struct store_commit commit = {.entries = entries, .entries_count = ROWS + 1};
	struct built built;
	struct store_commit small = {.entries = &built.entry, .entries_count = 1};
	struct store_error error = {0};
	struct store *store;

	(void)state;
	scratch_make(directory);
	assert_int_equal(store_open(&options, &store, NULL), 0);
	build(&built, &(struct beacon){.view = 0, .lcp = 1});
	assert_int_equal(store_append(store, &small, 1, NULL), 0);
	assert_int_equal(store_flush(store, NULL), 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		int size = snprintf(messages[i], sizeof messages[i], "message %u", i);

		cells[i][0] = (struct store_cell){.column = TS, .value.i = BASE_MS};
		cells[i][1] = (struct store_cell){.column = SITE, .value.s = {"shop", 4}};
		cells[i][2] = (struct store_cell){.column = VIEW, .value.u = 1};
		cells[i][3] = (struct store_cell){.column = SESSION, .value.u = 1};
		cells[i][4] =
		    (struct store_cell){.column = 4, .value.s = {messages[i], (uint32_t)size}};
		rows[i] = (struct store_row){1, 5, cells[i]};
		entries[i] = (struct store_entry){.rows = &rows[i], .rows_count = 1};
	}
	build(&built, &(struct beacon){.view = 0, .lcp = 1, .version = 1});
	entries[ROWS] = built.entry;
	/* Lookups are over their rate: the last entry fails. */
	pthread_mutex_lock(&store->writer_mutex);
	store->budget.left_ns = -1000000000000;
	store->budget.filled_ns = state_monotonic_ns();
	pthread_mutex_unlock(&store->writer_mutex);
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, STORE_EBUSY);
	build(&built, &(struct beacon){.view = 3, .lcp = 1});
	if (store_append(store, &small, 1, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_repeats_begin_files),
					   cmocka_unit_test(test_dead_rows_fill_memory)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
