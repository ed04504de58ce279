/*
 * Goal: a view that is sampled out has no row but stays open: an update may
 * bring it back or end it, its errors are counted all the while, and a restart
 * changes none of it. Method: random beacons in random order (seeded), some of
 * them dropped, against a model of one line a view; from time to time a backup
 * is opened in the store's place, which replays its WAL, or a flush closes all
 * views.
 */
#include "store_model.h"

static char directory[256];
static uint32_t opened; /* which directory it is in */

static int
setup(void **state)
{
	(void)state;
	scratch_make(directory);
	opened = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static struct store *
open_next(void)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%u", directory, opened);
	return open_store(path, NULL);
}

/* What replay makes of the log. */
static struct store *
replayed(struct store *store)
{
	struct store_error error = {0};
	char path[300];

	snprintf(path, sizeof path, "%s/%u", directory, ++opened);
	if (store_backup(store, path, NULL, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(store_close(store, NULL), 0);
	return open_next();
}

/* ---- the rule and its model ------------------------------------------ */

#define WEIGHT_OF_FAST 10u

/* Views with errors are kept, and one in ten of the others' kind: those with an
 * odd lcp. */
static uint32_t
weight_of(uint32_t lcp, uint64_t errors)
{
	return errors > 0 ? 1 : lcp % 2 == 1 ? WEIGHT_OF_FAST : 0;
}

struct line {
	struct model_view view; /* as if nothing were dropped */
	uint32_t weight;        /* 0: no row */
};

static void
apply_to_model(struct line *line, const struct beacon *beacon)
{
	struct model_view *view = &line->view;
	bool newest = !view->exists || beacon->version > view->highest;

	if (view->closed || (view->exists && view->seen[beacon->version]))
		return;
	if (newest) {
		view->lcp = beacon->lcp;
		view->highest = beacon->version;
	}
	view->seen[beacon->version] = true;
	view->exists = true;
	view->errors += beacon->errors;
	/* Of an older one only the errors count, and they bring nothing back. */
	if (newest || (line->weight > 0 && beacon->errors > 0))
		line->weight = weight_of(view->lcp, view->errors);
}

static uint32_t
judge(void *context, const struct store_entry *entry, const struct store_row *row)
{
	uint32_t lcp = 0;
	uint64_t errors = 0;

	assert_ptr_equal(context, directory);
	assert_true(entry->keyed);
	for (uint32_t i = 0; i < row->cells_count; i++) {
		if (row->cells[i].column == LCP)
			lcp = (uint32_t)row->cells[i].value.f;
		if (row->cells[i].column == ERRORS)
			errors = row->cells[i].value.u;
	}
	return weight_of(lcp, errors);
}

static void
send(struct store *store, const struct beacon *beacon)
{
	struct built built;
	struct store_commit commit = {.entries = &built.entry, .entries_count = 1};
	uint32_t weight = weight_of(beacon->lcp, beacon->errors);

	build(&built, beacon);
	built.view[6].value.u = weight;
	built.entry.dropped = weight == 0;
	built.entry.judge = judge;
	built.entry.judge_context = directory;
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	come_again(store, &commit);
	assert_int_equal(commit.result, 0);
}

static void
check_lines(struct store *store, const struct line *lines)
{
	static const char sql[] =
	    "SELECT view_id, lcp, error_count, _sample_interval FROM pageviews";
	struct store_query query = {.text = {sql, sizeof sql - 1}};
	uint32_t rows = 0, expected = 0;
	struct store_result *result;
	struct store_error error = {0};

	if (store_query(store, &query, &result, &error) != 0)
		fail_msg("%s", error.text);
	for (uint64_t i = 0; i < result->rows_count; i++) {
		const struct line *line = &lines[result->values[0][i].v.u];

		assert_int_equal(result->values[1][i].v.f, line->view.lcp);
		assert_int_equal(result->values[2][i].v.u, line->view.errors);
		assert_int_equal(result->values[3][i].v.u, line->weight);
		rows++;
	}
	for (uint32_t i = 0; i < VIEWS; i++)
		expected += lines[i].weight > 0;
	assert_int_equal(rows, expected);
	store_result_free(result);
}

static void
histories(void **state)
{
	struct random random = random_seeded("dropped views");

	(void)state;
	for (uint32_t run = 0; run < 3; run++) {
		struct line lines[VIEWS] = {0};
		struct store *store = open_next();

		for (uint32_t i = 0; i < 600; i++) {
			struct beacon beacon = {.view = (uint32_t)random_below(&random, VIEWS),
						.version = (uint8_t)random_below(&random, 6),
						.lcp = (uint32_t)random_below(&random, 5000),
						.errors = random_below(&random, 4) == 0};

			send(store, &beacon);
			apply_to_model(&lines[beacon.view], &beacon);
			if (i % 40 == 0)
				check_lines(store, lines);
			if (random_below(&random, 60) == 0)
				store = replayed(store);
		}
		check_lines(store, lines);
		assert_int_equal(store_close(store, NULL), 0);
		store = open_next();
		check_lines(store, lines);
		assert_int_equal(store_close(store, NULL), 0);
		opened++;
	}
}

/* ---- by hand --------------------------------------------------------- */

static uint64_t
count_rows(struct store *store)
{
	static const char sql[] = "SELECT view_id, _sample_interval FROM pageviews";
	struct store_query query = {.text = {sql, sizeof sql - 1}};
	struct store_result *result;
	uint64_t count;

	assert_int_equal(store_query(store, &query, &result, NULL), 0);
	count = result->rows_count;
	store_result_free(result);
	return count;
}

static void
send_one(struct store *store, uint8_t version, uint32_t lcp, uint32_t errors)
{
	struct beacon beacon = {.view = 1, .version = version, .lcp = lcp, .errors = errors};

	send(store, &beacon);
}

static void
kept_and_dropped_by_turns(void **state)
{
	struct store *store = open_next();

	(void)state;
	send_one(store, 0, 1, 0);
	assert_int_equal(count_rows(store), 1);
	send_one(store, 1, 2, 0);
	assert_int_equal(count_rows(store), 0);
	store = replayed(store);
	assert_int_equal(count_rows(store), 0);
	send_one(store, 1, 3, 0); /* seen before */
	assert_int_equal(count_rows(store), 0);
	send_one(store, 3, 3, 0);
	assert_int_equal(count_rows(store), 1);
	send_one(store, 4, 2, 0);
	send_one(store, 2, 2, 1); /* older: the view's last state is not known here */
	assert_int_equal(count_rows(store), 0);
	store = replayed(store);
	send_one(store, 5, 2, 0); /* has the error of version 2 */
	assert_int_equal(count_rows(store), 1);
	assert_int_equal(store_close(store, NULL), 0);
}

/* Flushing closes views: a dropped one is forgotten, and then a new one. */
static void
dropped_then_flushed(void **state)
{
	struct store *store = open_next();

	(void)state;
	send_one(store, 0, 2, 0);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(count_rows(store), 0);
	send_one(store, 1, 3, 0);
	assert_int_equal(count_rows(store), 1);
	assert_int_equal(store_close(store, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(histories, setup, teardown),
	    cmocka_unit_test_setup_teardown(kept_and_dropped_by_turns, setup, teardown),
	    cmocka_unit_test_setup_teardown(dropped_then_flushed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
