/*
 * Goal: a file that is cut short while it is mapped ends neither the process
 * nor other files' rows, gives no wrong answer, and is reported once; a SIGBUS
 * that is not about a mapping of the store is still fatal. Method: truncation
 * under a mapping, under running queries, under a merge and an erasure.
 */
#include "store_model.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGES 5
#define FLUSHES 12u
#define VIEWS_A_FLUSH 20u

static char directory[256];

static int
setup(void **state)
{
	(void)state;
	scratch_make(directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

/* ---- mappings ------------------------------------------------------------ */

/* A file of PAGES pages of 'x'; its descriptor. */
static int
make_file(size_t page)
{
	char path[300], *bytes = malloc(PAGES * page);
	int fd;

	snprintf(path, sizeof path, "%s/file", directory);
	assert_non_null(bytes);
	memset(bytes, 'x', PAGES * page);
	assert_true((fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)) >= 0);
	assert_int_equal(write(fd, bytes, PAGES * page), PAGES * page);
	free(bytes);
	return fd;
}

static void
test_mapping(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const volatile char *bytes[2];
	const _Atomic bool *lost[2];
	struct io *io = io_posix();

	(void)state;
	for (int times = 0; times < 3; times++) {
		int fd = make_file(page);

		for (int i = 0; i < 2; i++) {
			const void *mapped;

			assert_int_equal(io->map(io, fd, PAGES * page, &mapped), 0);
			assert_non_null(lost[i] = io->lost(io, mapped));
			bytes[i] = mapped;
			assert_false(*lost[i]);
		}
		assert_int_equal(ftruncate(fd, (off_t)(2 * page)), 0);
		assert_int_equal(bytes[0][2 * page - 1], 'x');
		assert_false(*lost[0]);
		for (size_t at = 2 * page; at < PAGES * page; at += page / 2)
			assert_int_equal(bytes[0][at], 0);
		assert_true(*lost[0]);
		assert_false(*lost[1]); /* nobody has looked */
		assert_int_equal(bytes[0][0], 'x');
		for (int i = 0; i < 2; i++)
			assert_int_equal(
			    io->unmap(io, (const void *)(uintptr_t)bytes[i], PAGES * page), 0);
		assert_int_equal(close(fd), 0);
	}
}

/* Another mapping of the process, once the handler is there. */
static void
test_not_ours(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = make_file(page), status;
	pid_t child;

	(void)state;
	fflush(NULL);
	assert_true((child = fork()) >= 0);
	if (child == 0) {
		const volatile char *theirs = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
		const void *ours;

		signal(SIGBUS, SIG_DFL);
		if (theirs == MAP_FAILED || io_posix()->map(io_posix(), fd, page, &ours) != 0 ||
		    ftruncate(fd, 0) != 0)
			_exit(1);
		_exit(theirs[0] == 0 ? 2 : 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	assert_int_equal(close(fd), 0);
}

/* ---- queries ------------------------------------------------------------- */

static _Atomic uint32_t damaged; /* lines */

static void
count_damage(void *context, const char *line)
{
	print_log(context, line);
	damaged += strstr(line, "DAMAGED") != NULL;
}

static struct store *
open_it(void)
{
	struct store_options options = {
	    .directory = directory, .schema = &schema, .no_maintenance = true, .log = count_damage};
	struct store *store = NULL;

	assert_int_equal(store_open(&options, &store, NULL), 0);
	return store;
}

/* Without order, so that a segment has them as they are, to be read in place:
 * no decoder sees that they have become zeros. */
static uint64_t
raw_session(uint32_t view)
{
	struct random random = {view};

	return random_next(&random);
}

/* Flush i has the views from i * VIEWS_A_FLUSH on, in a segment. */
static struct store *
open_filled(void)
{
	struct store *store = open_it();

	damaged = 0;
	for (uint32_t view = 0; view < FLUSHES * VIEWS_A_FLUSH; view++) {
		struct beacon beacon = {.view = view, .lcp = view};
		struct store_commit commit = {.entries_count = 1};
		struct built built;

		build(&built, &beacon);
		built.view[TS].value.i = built.entry.began_ms = BASE_MS + view;
		built.view[SESSION].value.u = raw_session(view);
		commit.entries = &built.entry;
		assert_int_equal(store_append(store, &commit, 1, NULL), 0);
		if (view % VIEWS_A_FLUSH == VIEWS_A_FLUSH - 1)
			assert_int_equal(store_flush(store, NULL), 0);
	}
	return store;
}

static char segments[FLUSHES + 1][300];
static uint32_t segments_count;

static int
add_segment(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	if (strstr(path, ".seg") != NULL && segments_count < FLUSHES)
		snprintf(segments[segments_count++], sizeof segments[0], "%s", path);
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* In the order of the flushes: ids ascend. */
static void
list_segments(void)
{
	segments_count = 0;
	assert_int_equal(nftw(directory, add_segment, 16, FTW_PHYS), 0);
	assert_int_equal(segments_count, FLUSHES);
	qsort(segments, segments_count, sizeof *segments, compare_names);
}

/* Each flush's views are all there or none; how many flushes are. */
static uint32_t
whole_flushes(struct store *store)
{
	static const char text[] =
	    "SELECT intDiv(view_id, 20) AS f, count(), sum(lcp), uniqExact(view_id), max(site) "
	    "FROM pageviews GROUP BY f";
	struct store_query query = {
	    .text = {text, sizeof text - 1}, .threads = 2, .thread_rows_min = 1};
	struct store_error error = {0};
	struct store_result *result;
	uint32_t count;

	if (store_query(store, &query, &result, &error) != 0)
		fail_msg("%s", error.text);
	count = (uint32_t)result->rows_count;
	for (uint64_t i = 0; i < result->rows_count; i++) {
		uint64_t flush = result->values[0][i].v.u;
		double first = (double)(flush * VIEWS_A_FLUSH), views = VIEWS_A_FLUSH;

		assert_in_range(flush, 0, FLUSHES - 1);
		assert_int_equal(result->values[1][i].v.u, VIEWS_A_FLUSH);
		assert_true(result->values[2][i].v.f == views * first + views * (views - 1) / 2);
		assert_int_equal(result->values[3][i].v.u, VIEWS_A_FLUSH);
		assert_memory_equal(result->values[4][i].v.s.bytes, "shop", 4);
	}
	store_result_free(result);
	return count;
}

/* Of those flushes that are there. */
static uint32_t
sessions(struct store *store)
{
	static const char text[] = "SELECT uniqExact(session_id), min(session_id) FROM pageviews";
	struct store_query query = {.text = {text, sizeof text - 1}};
	struct store_result *result;
	uint32_t count;

	assert_int_equal(store_query(store, &query, &result, NULL), 0);
	count = (uint32_t)result->values[0][0].v.u;
	assert_true(result->values[1][0].v.u != 0);
	store_result_free(result);
	return count;
}

struct reading {
	struct store *store;
	_Atomic bool done;
	_Atomic uint32_t answers;
};

static void *
read_on(void *argument)
{
	struct reading *reading = argument;

	while (!reading->done) {
		(void)whole_flushes(reading->store);
		reading->answers++;
	}
	return NULL;
}

/* 13: segments are cut to nothing, one after the other, under queries. */
static void
test_cut_under_queries(void **state)
{
	struct reading reading = {.store = open_filled()};
	struct store_stats stats;
	pthread_t threads[2];

	(void)state;
	list_segments();
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reading), 0);
	for (uint32_t i = 0; i < FLUSHES - 2; i++) {
		uint32_t before = reading.answers;

		while (reading.answers < before + 2)
			sched_yield();
		assert_int_equal(sessions(reading.store), (FLUSHES - i) * VIEWS_A_FLUSH);
		assert_int_equal(truncate(segments[i], 0), 0);
		assert_int_equal(sessions(reading.store), (FLUSHES - i - 1) * VIEWS_A_FLUSH);
		assert_true(whole_flushes(reading.store) <= FLUSHES - i - 1);
	}
	reading.done = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(whole_flushes(reading.store), 2);
	store_stats(reading.store, &stats);
	assert_int_equal(stats.corrupt_files, FLUSHES - 2);
	assert_int_equal(damaged, FLUSHES - 2); /* a line each */
	assert_int_equal(store_close(reading.store, NULL), 0);
}

/* What a merge and an erasure read of a lost file does not replace it. */
static void
test_cut_before_merge_and_erasure(void **state)
{
	struct store *store = open_filled();
	struct store_erasure erasure = {.number = raw_session(VIEWS_A_FLUSH)};
	uint64_t rows_count;

	(void)state;
	list_segments();
	assert_int_equal(sessions(store), FLUSHES * VIEWS_A_FLUSH); /* checked once */
	assert_int_equal(truncate(segments[0], 0), 0);
	assert_int_not_equal(store_merge(store, NULL), 0);
	assert_int_equal(access(segments[0], F_OK), 0);
	assert_int_equal(truncate(segments[1], 0), 0);
	assert_int_equal(store_erase(store, &erasure, &rows_count, NULL), STORE_ECORRUPT);
	assert_int_equal(access(segments[1], F_OK), 0);
	assert_int_equal(damaged, 2);
	assert_int_equal(truncate(segments[2], 0), 0);
	assert_int_equal(sessions(store), (FLUSHES - 3) * VIEWS_A_FLUSH);
	assert_int_equal(damaged, 3);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_it();
	assert_int_equal(damaged, 6);
	assert_int_equal(store_close(store, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_mapping),
	    TEST(test_not_ours),
	    TEST(test_cut_under_queries),
	    TEST(test_cut_before_merge_and_erasure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
