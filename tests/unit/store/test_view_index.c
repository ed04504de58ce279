/*
 * Goal: the index gives back the state that was put last for a key, and nothing
 * for one that was taken back, in memory that follows the number of views; and a
 * view stays open in the store as long as it should. Method: views added,
 * overwritten and taken back at random (seeded) against an array, with keys
 * that share their places; stores whose
 * generations end with each commit, whose hold time is long, over, or cut short
 * by memory.
 */
#include "store_model.h"

#include "store/recycle.h"
#include "store/state.h"

#define KEYS 700

struct model_entry {
	bool there;
	uint64_t number;
};

/* Keys of a few homes only, so that runs form, meet and wrap around. */
static void
key_of(uint32_t number, uint32_t homes, uint64_t key[2])
{
	key[0] = UINT64_MAX - number % homes + ((uint64_t)number << 40);
	key[1] = number / 2;
}

static struct view
view_of(uint32_t number, uint32_t homes, uint64_t value)
{
	struct view view = {.row = (uint32_t)value};

	key_of(number, homes, view.state.key);
	view.state.seen[0] = value;
	return view;
}

static void
check_index(const struct view_index *index, const struct model_entry *model, uint32_t homes)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		uint64_t key[2];
		const struct view *view;

		key_of(i, homes, key);
		view = view_index_find(index, key);
		assert_int_equal(view != NULL, model[i].there);
		count += model[i].there;
		if (view == NULL)
			continue;
		assert_true(view->state.key[0] == key[0] && view->state.key[1] == key[1]);
		assert_int_equal(view->row, model[i].number);
		assert_true(view->state.seen[0] == model[i].number);
	}
	assert_int_equal(index->count, count);
}

/* Adds the view, or overwrites it where it is. */
static void
put(struct view_index *index, const struct view *view, uint32_t number, uint32_t *order)
{
	struct view *found = view_index_find(index, view->state.key);

	if (found != NULL) {
		*found = *view;
		return;
	}
	order[index->count] = number;
	assert_int_equal(view_index_add(index, view), 0);
}

static void
test_random(void **state)
{
	struct random random = random_seeded("random");
	static const uint32_t homes[] = {1, 5, 300, KEYS};

	(void)state;
	for (int round = 0; round < 4; round++) {
		struct model_entry model[KEYS] = {0};
		struct view_index index = {0};
		uint32_t order[KEYS]; /* of adding */

		check_index(&index, model, homes[round]);
		for (uint64_t step = 0; step < 6000; step++) {
			uint32_t number = (uint32_t)random_below(&random, KEYS);
			/* Mostly growing, then mostly shrinking, in turn. */
			bool putting = random_below(&random, 10) < (step / 1500 % 2 ? 2u : 8u);
			struct view view = view_of(number, homes[round], step);

			if (putting) {
				put(&index, &view, number, order);
				model[number] = (struct model_entry){true, step};
			} else if (index.count > 0) {
				model[order[index.count - 1]].there = false;
				view_index_remove_last(&index);
			}
			if (step % 250 == 0)
				check_index(&index, model, homes[round]);
		}
		check_index(&index, model, homes[round]);
		view_index_clear(&index);
		assert_int_equal(view_index_bytes(&index), 0);
		memset(model, 0, sizeof model);
		check_index(&index, model, homes[round]);
	}
}

/* At most twice what the views need, which all go at once. */
static void
test_memory(void **state)
{
	const size_t view_bytes = sizeof(struct view) + 2 * sizeof(uint64_t);
	struct view_index index = {0};

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		struct view view = view_of(i, 1 << 20, i);

		assert_int_equal(view_index_add(&index, &view), 0);
		assert_true(view_index_bytes(&index) <= (2 * (i + 1u) + 256) * view_bytes);
	}
	assert_int_equal(index.count, 100000);
	/* Blocks are full, but for the last. */
	assert_true((index.chunks_count - 1) * (RECYCLE_BYTES_MIN - sizeof(struct view)) <=
		    index.count * sizeof(struct view));
	view_index_clear(&index);
	assert_int_equal(view_index_bytes(&index), 0);
}

/* ---- in the store ---------------------------------------------------- */

static struct store *
open_with(const char *directory, int64_t hold_ms, size_t memory)
{
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.memtable_bytes_max = memory,
					.hold_ms = hold_ms,
					.seal_age_ms = -1, /* a generation each commit */
					.no_maintenance = true};
	struct store *store = NULL;

	assert_int_equal(store_open(&options, &store, NULL), 0);
	return store;
}

/* `again`: as from the store of a sender that got no answer. */
static enum store_outcome
send_kept(struct store *store, uint32_t view, uint8_t version, bool again)
{
	struct beacon beacon = {.view = view, .version = version, .lcp = version};
	struct built built;
	struct store_commit commit = {.entries = &built.entry, .entries_count = 1};

	build(&built, &beacon);
	built.entry.again = again;
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	come_again(store, &commit);
	assert_int_equal(commit.result, 0);
	return built.entry.outcome;
}

static enum store_outcome
send(struct store *store, uint32_t view, uint8_t version)
{
	return send_kept(store, view, version, false);
}

/* Waits for the flush thread: until `flushes` are done, two minutes at most. */
static void
wait_for_flushes(struct store *store, uint64_t flushes)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += 120;
	pthread_mutex_lock(&store->state_mutex);
	while (store->stats.flushes < flushes)
		if (pthread_cond_timedwait(&store->flush_done, &store->state_mutex, &deadline) != 0)
			break;
	assert_true(store->stats.flushes >= flushes);
	pthread_mutex_unlock(&store->state_mutex);
}

/* Within the hold time a view is updated wherever its row is, each seq once. */
static void
test_held(void **state)
{
	struct store_stats stats;
	char directory[256];
	struct store *store;
	struct found found;

	(void)state;
	scratch_make(directory);
	store = open_with(directory, 1 << 30, 0);
	for (uint32_t view = 0; view < 5; view++)
		assert_int_equal(send(store, view, 7), STORE_STORED);
	for (uint32_t view = 0; view < 5; view++) {
		assert_int_equal(send(store, view, 7), STORE_REPEATED);
		for (unsigned version = 0; version < 256; version += 15) {
			uint8_t seq = (uint8_t)version;

			assert_int_equal(send(store, view, seq), STORE_STORED);
			assert_int_equal(send(store, view, seq), STORE_REPEATED);
		}
	}
	store_stats(store, &stats);
	assert_int_equal(stats.flushes, 0);
	/* Not once for each generation that has an entry of theirs. */
	assert_int_equal(stats.views_open, 5);
	scan(store, &found);
	for (uint32_t view = 0; view < 5; view++) {
		assert_int_equal(found.views[view], 1);
		assert_int_equal(found.lcp[view], 255);
	}
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* After it, the view is in a segment and gone from the index: late, once. */
static void
test_hold_over(void **state)
{
	struct store_stats stats;
	char directory[256];
	struct store *store;
	struct found found;

	(void)state;
	scratch_make(directory);
	store = open_with(directory, -1, 0);
	assert_int_equal(send(store, 1, 0), STORE_STORED);
	assert_int_equal(send(store, 2, 0), STORE_STORED); /* seals what has view 1 */
	wait_for_flushes(store, 1);
	/* As a search that took long leaves it: refused at first, found when time has come in. */
	store->budget =
	    (struct lookup_budget){.left_ns = -100000000, .filled_ns = state_monotonic_ns()};
	assert_int_equal(send(store, 1, 1), STORE_LATE);
	/* The first beacon of a view, sent again: looked for as well. */
	assert_int_equal(send_kept(store, 1, 0, true), STORE_LATE);
	assert_int_equal(send_kept(store, 3, 0, true), STORE_STORED);
	store_stats(store, &stats);
	assert_int_equal(stats.late, 2);
	scan(store, &found);
	for (uint32_t view = 1; view <= 3; view++) {
		assert_int_equal(found.views[view], 1);
		assert_int_equal(found.lcp[view], 0);
	}
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* Short of memory, views close before their time, the oldest first; nothing is
 * refused and none is doubled. */
static void
test_short_of_memory(void **state)
{
	struct store_stats stats;
	char directory[256];
	struct store *store;
	struct found found;

	(void)state;
	scratch_make(directory);
	store = open_with(directory, 1 << 30, 1 << 20);
	for (int round = 0; round < 5; round++) {
		for (uint32_t view = 0; view < VIEWS; view++)
			(void)send(store, view, (uint8_t)(2 * round + 1));
	}
	store_stats(store, &stats);
	assert_true(stats.flushes > 0);
	assert_true(stats.views_open < VIEWS);
	scan(store, &found);
	for (uint32_t view = 0; view < VIEWS; view++)
		assert_int_equal(found.views[view], 1);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_held),
	    cmocka_unit_test(test_hold_over),
	    cmocka_unit_test(test_short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
