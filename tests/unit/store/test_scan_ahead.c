/*
 * Goal: what a query is going to read begins to come from the disk before it is read,
 * and only once. Method: a store of many days is opened by an io that notes mappings
 * and what of them is wanted; each chunk and dictionary that a query by country reads
 * is wanted when it is read, and before that, too, unless it is in a thread's first
 * block; the same query again wants nothing, and without that io the answer is the same.
 */
#include <pthread.h>

#include "query_model.h"

#include "store/io.h"

#define DAYS 24u
#define ROWS_A_DAY 60u
#define RANGES_MAX 1000u
#define THREADS 2u
/* Of two dictionary columns a chunk and a dictionary each, and a chunk of numbers. */
#define RANGES_A_DAY 5u

struct range {
	uintptr_t first, end;
	uint32_t times;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct range mapped[RANGES_MAX], wanted[RANGES_MAX];
static uint32_t mapped_count, wanted_count, wants;

static int
note_map(struct io *io, int fd, size_t size, const void **address)
{
	int result = io_posix()->map(io, fd, size, address);

	pthread_mutex_lock(&mutex);
	assert_true(mapped_count < RANGES_MAX);
	if (result == 0 && size > 0)
		mapped[mapped_count++] =
		    (struct range){(uintptr_t)*address, (uintptr_t)*address + size, 1};
	pthread_mutex_unlock(&mutex);
	return result;
}

static void
note_want(struct io *io, const void *address, size_t size)
{
	struct range range = {(uintptr_t)address, (uintptr_t)address + size, 1};
	uint32_t at = 0;

	pthread_mutex_lock(&mutex);
	while (at < wanted_count && wanted[at].first != range.first)
		at++;
	assert_true(at < RANGES_MAX);
	if (at == wanted_count)
		wanted[wanted_count++] = range;
	else
		wanted[at].times++;
	wants++;
	pthread_mutex_unlock(&mutex);
	io_posix()->want(io, address, size);
}

static struct io
noting_io(void)
{
	struct io io = *io_posix();

	io.map = note_map;
	io.want = note_want;
	return io;
}

static void
fill(struct store *store)
{
	static struct model_group group;
	struct random random = random_seeded("ahead");

	group.store = store;
	for (uint32_t i = 0; i < DAYS * ROWS_A_DAY; i++) {
		struct model_row row = model_random_row(&random, i + 1, 1);

		row.ts = MODEL_BASE_MS + i / ROWS_A_DAY * (int64_t)86400000;
		model_append(&group, &row, 0);
	}
	model_append_group(&group);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_merge(store, NULL), 0);
}

static struct store *
reopen(const char *directory, struct io *io)
{
	struct store_options options = {
	    .directory = directory, .schema = &model_schema, .io = io, .no_maintenance = true};
	struct store_error error = {0};
	struct store *store = NULL;

	if (store_open(&options, &store, &error) != 0)
		fail_msg("%s", error.text);
	return store;
}

static struct store_result *
ask(struct store *store)
{
	struct store_query query = {
	    .text = model_str("SELECT country, count(), sum(bytes) FROM pageviews "
			      "WHERE site = 'shop' GROUP BY country ORDER BY country"),
	    .threads = THREADS,
	    .thread_rows_min = 1,
	    .now_ms = TEST_NOW_MS};

	return query_answer(store, &query);
}

static void
check_wanted(void)
{
	uint32_t before = 0;

	assert_int_equal(wanted_count, DAYS * RANGES_A_DAY);
	for (uint32_t i = 0; i < wanted_count; i++) {
		bool within = false;

		for (uint32_t m = 0; m < mapped_count; m++)
			within |=
			    wanted[i].first >= mapped[m].first && wanted[i].end <= mapped[m].end;
		assert_true(within);
		before += wanted[i].times > 1;
	}
	/* Which blocks have rows of the site is asked of its dictionaries beforehand. */
	assert_true(before >= (DAYS - THREADS) * (RANGES_A_DAY - 1));
}

static void
test_ahead(void **state)
{
	char directory[256];
	struct io io = noting_io(), unable = noting_io();
	struct store *store = query_open(&model_schema, directory);
	struct store_result *first, *again, *without;
	struct store_error error = {0};
	uint32_t wants_of_first;

	(void)state;
	fill(store);
	assert_int_equal(store_close(store, &error), 0);
	store = reopen(directory, &io);
	first = ask(store);
	check_wanted();
	wants_of_first = wants;
	again = ask(store);
	assert_int_equal(wants, wants_of_first);
	assert_int_equal(store_close(store, &error), 0);

	unable.want = NULL;
	store = reopen(directory, &unable);
	without = ask(store);
	assert_int_equal(wants, wants_of_first);
	assert_int_equal(first->rows_count, without->rows_count);
	for (uint64_t row = 0; row < first->rows_count; row++) {
		assert_int_equal(first->values[1][row].v.u, without->values[1][row].v.u);
		assert_int_equal(first->values[2][row].v.u, without->values[2][row].v.u);
	}
	store_result_free(first);
	store_result_free(again);
	store_result_free(without);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ahead)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
