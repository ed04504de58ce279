/*
 * Goal: a view that comes in parts has one row with the newest value of every
 * part: what a part lacks stays, sums add up, the time is the first one's; also
 * after a crash, and when the row has gone to a segment.
 * Method: random parts to a store and to a model of each view's columns, with
 * the store reopened from its WAL in between; a few histories by hand.
 */
#include <sys/wait.h>

#include "store_model.h"

struct part {
	uint32_t view;
	bool has_lcp;
	uint32_t lcp, errors;
	bool again;
};

static struct store *
open_at(const char *directory, int64_t hold_ms)
{
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.hold_ms = hold_ms,
					.seal_age_ms = hold_ms < 0 ? -1 : 0,
					.no_maintenance = true};
	struct store *store = NULL;

	assert_int_equal(store_open(&options, &store, NULL), 0);
	return store;
}

static enum store_outcome
send_part(struct store *store, const struct part *part)
{
	struct beacon beacon = {.view = part->view, .lcp = part->lcp, .errors = part->errors};
	struct store_commit commit = {.entries_count = 1};
	struct built built;

	build(&built, &beacon);
	built.entry.merge = true;
	built.entry.again = part->again;
	if (!part->has_lcp) { /* the cell goes */
		memmove(&built.view[4], &built.view[5], 2 * sizeof *built.view);
		built.rows[0].cells_count--;
	}
	commit.entries = &built.entry;
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
	return built.entry.outcome;
}

/* A random part to the store, if there is one, and to the model. */
static void
step(struct random *random, struct store *store, struct model *model)
{
	struct part part = {.view = (uint32_t)random_below(random, VIEWS),
			    .lcp = (uint32_t)random_below(random, 5000),
			    .errors = (uint32_t)random_below(random, 3)};
	struct model_view *view = &model->views[part.view];

	/* The first has all: what a NULL reads as is nobody's business. */
	part.has_lcp = !view->exists || random_below(random, 2) == 0;
	if (store != NULL)
		assert_int_equal(send_part(store, &part), STORE_STORED);
	view->exists = true;
	view->lcp = part.has_lcp ? part.lcp : view->lcp;
	view->errors += part.errors;
	model->error_rows[part.view] += part.errors;
}

static void
parts(void **state)
{
	struct random random = random_seeded("parts");
	struct model model = {0};
	char directory[256];
	struct store *store;

	(void)state;
	scratch_make(directory);
	store = open_at(directory, 1 << 30);
	for (int i = 0; i < 1500; i++) {
		step(&random, store, &model);
		if (i % 100 == 0)
			check_equal(store, &model);
	}
	assert_int_equal(store_close(store, NULL), 0);
	store = open_at(directory, 1 << 30);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* The process ends without a word; what it was told is in the WAL, and parts
 * that come after that find the row. */
static void
crashed(void **state)
{
	struct random random = random_seeded("crashed"), same = random;
	struct model model = {0}, child_model = {0};
	char directory[256];
	struct store *store;
	pid_t child;
	int status;

	(void)state;
	scratch_make(directory);
	assert_true((child = fork()) >= 0);
	if (child == 0) {
		store = open_at(directory, 1 << 30);
		for (int i = 0; i < 500; i++)
			step(&random, store, &child_model);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (int i = 0; i < 500; i++)
		step(&same, NULL, &model);
	store = open_at(directory, 1 << 30);
	check_equal(store, &model);
	for (int i = 0; i < 500; i++)
		step(&same, store, &model);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* Parts of a view in a segment are late; without `again` nobody looks. */
static void
late(void **state)
{
	struct part part = {.view = 1, .has_lcp = true, .lcp = 7, .again = true};
	char directory[256];
	struct store *store;
	struct found found;

	(void)state;
	scratch_make(directory);
	store = open_at(directory, 1 << 30);
	assert_int_equal(send_part(store, &part), STORE_STORED);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_at(directory, 1 << 30);
	part.lcp = 8;
	assert_int_equal(send_part(store, &part), STORE_LATE);
	part.view = 2;
	assert_int_equal(send_part(store, &part), STORE_STORED);
	scan(store, &found);
	assert_int_equal(found.views[1], 1);
	assert_int_equal(found.lcp[1], 7);
	assert_int_equal(found.lcp[2], 8);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts),
	    cmocka_unit_test(crashed),
	    cmocka_unit_test(late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
