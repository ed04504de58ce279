/*
 * Goal: of groups whose syncs are under way together, queries see what is
 * durable and no more; what is acknowledged is there after a power cut; what is
 * refused leaves nothing, though later ones were applied on top of it; and a
 * file of which a sync failed is not believed again. Method: syncs that wait
 * until they are let go, or fail as often as asked for; random groups on a
 * simulated disk, up to STORE_APPENDS_MAX at once, of whose calls each fails in
 * turn, once or from then on, or is the last before a power cut, against the
 * model. Memory is test_malloc's, threads are test_threads'.
 */
#include "large.h"

#define GROUPS 6
/* Of which one fails: more than it takes to refuse all that are under way. */
#define FAILURES_MAX 14

/* Sanitizers make it ten times as long: there every 40th fault is tried, from a
 * random one on. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 40
#else
#define STRIDE 1
#endif

/* ---- syncs that wait, or fail ---------------------------------------- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool held;
	uint32_t failures; /* so many to come */
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int
gated_sync(struct io *io, int fd)
{
	struct disk *disk = disk_of(io);
	bool fails;

	pthread_mutex_lock(&gate.mutex);
	while (gate.held)
		pthread_cond_wait(&gate.changed, &gate.mutex);
	if ((fails = gate.failures > 0))
		gate.failures--;
	pthread_mutex_unlock(&gate.mutex);
	if (!fails)
		return disk_io_sync(io, fd);
	pthread_mutex_lock(&disk->mutex);
	disk->open[fd]->poisoned = true; /* a second sync would say 0 */
	pthread_mutex_unlock(&disk->mutex);
	return -EIO;
}

static void
set_gate(bool held, uint32_t failures)
{
	pthread_mutex_lock(&gate.mutex);
	gate.held = held;
	gate.failures = failures;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.mutex);
}

static struct disk *
create_gated(void)
{
	struct disk *disk = disk_create();

	disk->io.sync = gated_sync;
	set_gate(false, 0);
	return disk;
}

/* A group of which something is new after the model's, which it is then added to: one
 * that only repeats waits, when it begins, for the syncs of those that it repeats. */
static void
build_new(struct large *group, struct random *random, struct model *model)
{
	for (bool some = false; !some;) {
		large_build(group, random);
		for (size_t c = 0; c < group->count; c++) {
			for (uint32_t j = 0; j < group->commits[c].entries_count; j++)
				some |= model_apply(model, &group->beacons[c][j]) == STORE_STORED;
		}
	}
}

static bool
begin(struct store *store, struct large *group)
{
	return store_append_begin(store, group->commits, group->count, NULL) == 0;
}

/* True when the oldest, which this is, was acknowledged. */
static bool
end(struct store *store, struct large *group)
{
	bool acknowledged = store_append_end(store, NULL) == 0;

	for (size_t i = 0; acknowledged && i < group->count; i++)
		assert_int_equal(group->commits[i].result, 0);
	return acknowledged;
}

/* Without closing well: nothing more is written. */
static struct store *
open_after_power_cut(struct disk *disk, struct store *store, struct random *random)
{
	(void)disk_fail(disk, 1, true);
	(void)store_close(store, NULL);
	disk_crash(disk, random);
	return open_store("/d", &disk->io);
}

/* ---- what may be found ----------------------------------------------- */

/* Each view as the model has it after some of the groups, the last of them as
 * far as one of its commits. */
static void
check_some_of(struct store *store, const struct model *model, const struct large *const *groups,
	      uint32_t count)
{
	bool equal[VIEWS] = {false};
	struct found found;

	scan(store, &found);
	for (uint32_t which = 0; which < 1u << count; which++) {
		struct model with = *model;

		for (int i = 0; i < VIEWS; i++)
			equal[i] = equal[i] || large_is_equal(&found, &with, i);
		for (uint32_t g = 0; g < count; g++) {
			for (size_t c = 0; (which >> g & 1) && c < groups[g]->count; c++) {
				for (uint32_t j = 0; j < groups[g]->commits[c].entries_count; j++)
					(void)model_apply(&with, &groups[g]->beacons[c][j]);
				for (int i = 0; i < VIEWS; i++)
					equal[i] = equal[i] || large_is_equal(&found, &with, i);
			}
		}
	}
	for (int i = 0; i < VIEWS; i++)
		assert_true(equal[i]);
}

/* ---- tests ----------------------------------------------------------- */

static void
test_seen_when_durable(void **state)
{
	static struct large groups[STORE_APPENDS_MAX];
	struct random random = random_seeded("seen when durable");

	(void)state;
	for (int life = 0; life < 8; life += 1 + STRIDE / 10) {
		struct disk *disk = create_gated();
		struct store *store = open_store("/d", &disk->io);
		struct model model = {0};

		for (int times = 0; times < 3; times++) {
			uint32_t count = 1 + (uint32_t)random_below(&random, STORE_APPENDS_MAX);
			struct model with = model;

			set_gate(true, 0);
			for (uint32_t i = 0; i < count; i++) {
				build_new(&groups[i], &random, &with);
				assert_true(begin(store, &groups[i]));
				check_equal(store, &model);
			}
			set_gate(false, 0);
			for (uint32_t i = 0; i < count; i++) {
				assert_true(end(store, &groups[i]));
				large_apply(&groups[i], groups[i].count, &model);
			}
			check_equal(store, &model);
		}
		store = open_after_power_cut(disk, store, &random);
		check_equal(store, &model);
		assert_int_equal(store_close(store, NULL), 0);
		disk_free(disk);
	}
}

/* The sync fails when all have been applied; and so do so many after it, of
 * those that the groups are appended anew with. */
static void
fail_syncs(uint32_t failures, uint32_t count, struct random *random)
{
	static struct large groups[STORE_APPENDS_MAX], last;
	struct disk *disk = create_gated();
	struct store *store = open_store("/d", &disk->io);
	struct model model = {0}, with;
	struct store_stats stats;
	uint32_t acknowledged = 0;

	large_build(&last, random);
	assert_true(large_append(store, &last));
	large_apply(&last, last.count, &model);
	with = model;
	set_gate(true, failures);
	for (uint32_t i = 0; i < count; i++) {
		build_new(&groups[i], random, &with);
		assert_true(begin(store, &groups[i]));
	}
	set_gate(false, failures);
	for (uint32_t i = 0; i < count; i++) {
		if (!end(store, &groups[i]))
			continue;
		acknowledged++;
		large_apply(&groups[i], groups[i].count, &model);
	}
	if (failures == 1)
		assert_int_equal(acknowledged, count);
	check_equal(store, &model);
	store_stats(store, &stats);
	assert_true(stats.wal_sync_failures > 0);
	set_gate(false, 0);
	/* Whatever there was, intake goes on, and what was refused is gone. */
	large_build(&last, random);
	assert_true(large_append(store, &last));
	large_apply(&last, last.count, &model);
	check_equal(store, &model);
	store = open_after_power_cut(disk, store, random);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

static void
test_syncs_fail(void **state)
{
	struct random random = random_seeded("syncs fail");

	(void)state;
	for (uint32_t failures = 1; failures <= FAILURES_MAX; failures += 1 + STRIDE / 4) {
		for (uint32_t count = 1; count <= STORE_APPENDS_MAX; count++)
			fail_syncs(failures, count, &random);
	}
}

static uint64_t
count_repeated(const struct large *group)
{
	uint64_t count = 0;

	for (size_t c = 0; c < group->count; c++) {
		const struct store_commit *commit = &group->commits[c];

		if (commit->request != NULL && commit->request->repeated)
			continue;
		for (uint32_t j = 0; j < commit->entries_count; j++)
			count += commit->entries[j].outcome == STORE_REPEATED;
	}
	return count;
}

/* A repeat of what is under way is one only when that becomes durable. */
static void
test_repeats(void **state)
{
	static struct large group, again;
	struct random random = random_seeded("repeats");
	bool refused = false;

	(void)state;
	for (uint32_t failures = 0; failures <= FAILURES_MAX; failures += 1 + STRIDE / 20) {
		struct disk *disk = create_gated();
		struct store *store = open_store("/d", &disk->io);
		struct store_request requests[2] = {{.received_ms = BASE_MS},
						    {.received_ms = BASE_MS}};
		struct model model = {0};
		struct store_stats stats;
		bool first, second;

		large_build(&group, &random);
		again = group;
		for (size_t i = 0; i < group.count; i++)
			again.commits[i].entries = again.entries[i];
		group.commits[0].request = &requests[0];
		again.commits[0].request = &requests[1];
		set_gate(false, failures);
		assert_true(begin(store, &group));
		second = begin(store, &again);
		first = end(store, &group);
		second = second && end(store, &again);
		refused = refused || !first;
		if (second) {
			assert_int_equal(requests[1].repeated, first);
			assert_int_equal(again.entries[group.count - 1][0].outcome,
					 first ? STORE_REPEATED
					       : group.entries[group.count - 1][0].outcome);
		}
		if (first || second)
			large_apply(&group, group.count, &model);
		check_equal(store, &model);
		store_stats(store, &stats);
		assert_int_equal(stats.repeated, (first ? count_repeated(&group) : 0) +
						     (second ? count_repeated(&again) : 0));
		set_gate(false, 0);
		store = open_after_power_cut(disk, store, &random);
		if (first || second)
			check_equal(store, &model);
		assert_int_equal(store_close(store, NULL), 0);
		disk_free(disk);
	}
	assert_true(refused);
}

/* It fails alone, though groups after its own were applied. */
static void
test_record_too_large(void **state)
{
	static struct large groups[3];
	struct random random = random_seeded("too large");
	size_t size = (size_t)5 << 18; /* some entries repeat others */
	char *text = calloc(1, size);
	struct disk *disk = create_gated();
	struct store *store = open_store("/d", &disk->io);
	struct model model = {0}, with = {0};

	(void)state;
	assert_non_null(text);
	build_new(&groups[0], &random, &with);
	do
		build_new(&groups[1], &random, &with);
	while (groups[1].commits[0].entries_count < LARGE_ENTRIES_MIN);
	for (uint32_t j = 0; j < groups[1].commits[0].entries_count; j++) {
		struct beacon beacon = {.view = j % VIEWS, .version = (uint8_t)j, .errors = 1};

		build(&groups[1].built[0][j], &beacon);
		groups[1].built[0][j].error[0][4].value.s =
		    (struct store_str){text, (uint32_t)size};
		groups[1].entries[0][j] = groups[1].built[0][j].entry;
		(void)model_apply(&with, &beacon);
	}
	build_new(&groups[2], &random, &with);
	set_gate(true, 0);
	for (int i = 0; i < 3; i++)
		assert_true(begin(store, &groups[i]));
	set_gate(false, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_append_end(store, NULL), 0);
		for (size_t c = 0; c < groups[i].count; c++) {
			bool large = i == 1 && c == 0;

			assert_int_equal(groups[i].commits[c].result, large ? STORE_EINVAL : 0);
			for (uint32_t j = 0; !large && j < groups[i].commits[c].entries_count; j++)
				(void)model_apply(&model, &groups[i].beacons[c][j]);
		}
	}
	check_equal(store, &model);
	store = open_after_power_cut(disk, store, &random);
	check_equal(store, &model);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
	free(text);
}

struct life {
	struct store *store;
	struct large *groups;
	uint32_t next, ended;               /* groups */
	bool begun[GROUPS];                 /* not refused at once */
	struct model model;                 /* of those acknowledged */
	const struct large *unsure[GROUPS]; /* refused or begun since the last of them */
	uint32_t unsure_count;
};

static void
end_one(struct life *life)
{
	struct large *group = &life->groups[life->ended];

	if (!life->begun[life->ended++])
		return;
	if (!end(life->store, group))
		return;
	/* None before it may be found any more, unless it was acknowledged. */
	large_apply(group, group->count, &life->model);
	life->unsure_count = 0;
	for (uint32_t i = life->ended; i < life->next; i++)
		life->unsure[life->unsure_count++] = &life->groups[i];
}

static void
begin_one(struct life *life, struct random *random)
{
	struct large *group = &life->groups[life->next];

	large_build(group, random);
	life->unsure[life->unsure_count++] = group;
	life->begun[life->next++] = begin(life->store, group);
}

/* The k-th call of some groups fails. False: there were not so many. */
static bool
live_with_fault(long k, int mode, struct random *random)
{
	static struct large groups[GROUPS];
	struct disk *disk = disk_create();
	struct life life = {.store = open_store("/d", &disk->io), .groups = groups};
	long fail_at;
	bool more;

	fail_at = disk_fail(disk, k, mode == 1 || mode == 3) + k;
	while (life.ended < GROUPS) {
		bool full = life.next - life.ended == STORE_APPENDS_MAX;

		if (life.next < GROUPS && !full && random_below(random, 3) > 0)
			begin_one(&life, random);
		else if (life.next > life.ended)
			end_one(&life);
		if (random_below(random, 6) == 0)
			check_some_of(life.store, &life.model, life.unsure, life.unsure_count);
		if (mode == 3 && disk_fail(disk, 0, false) >= fail_at + 6)
			disk_forget_faults(disk);
	}
	check_equal(life.store, &life.model);
	more = disk_fail(disk, 0, false) >= fail_at;
	if (mode >= 2)
		(void)disk_fail(disk, 1, true);
	(void)store_close(life.store, NULL);
	if (mode > 0)
		disk_crash(disk, random);
	else
		disk_forget_faults(disk);
	life.store = open_store("/d", &disk->io);
	check_some_of(life.store, &life.model, life.unsure, life.unsure_count);
	if (life.unsure_count == 0)
		check_equal(life.store, &life.model);
	assert_int_equal(store_close(life.store, NULL), 0);
	disk_free(disk);
	return more;
}

/* Once; from then on, and the power goes; once, and it goes later; for some
 * calls, and it goes later. */
static void
test_every_call_fails(void **state)
{
	struct random random = random_seeded("every call");
	bool more = true;

	(void)state;
	for (long k = 1 + (long)random_below(&random, STRIDE); more; k += STRIDE) {
		more = false;
		for (int mode = 0; mode < 4; mode++)
			more = live_with_fault(k, mode, &random) || more;
	}
}

/* The power goes while groups are under way: those that were not ended may be
 * found, those that were are. Whoever needs the WAL meanwhile, as a flush does,
 * makes them durable before. */
static void
test_others_between(void **state)
{
	static struct large groups[GROUPS];
	struct random random = random_seeded("others between");

	(void)state;
	for (int times = 0; times < 60; times += 1 + STRIDE / 4) {
		struct disk *disk = disk_create();
		struct life life = {.store = open_store("/d", &disk->io), .groups = groups};
		struct found before, after;
		uint64_t erased;

		for (int i = 0; i < 3; i++)
			begin_one(&life, &random);
		switch (random_below(&random, 4)) {
		case 0:
			assert_int_equal(store_flush(life.store, NULL), 0);
			break;
		case 1:
			assert_int_equal(store_erase(life.store,
						     &(struct store_erasure){.number = 1}, &erased,
						     NULL),
					 0);
			break;
		case 2:
			assert_int_equal(store_backup(life.store, "/copy", NULL, NULL), 0);
			break;
		default:
			break;
		}
		scan(life.store, &before);
		(void)disk_fail(disk, 1, true);
		while (life.ended < life.next)
			end_one(&life);
		(void)store_close(life.store, NULL);
		disk_crash(disk, &random);
		life.store = open_store("/d", &disk->io);
		/* What a query saw stays. */
		scan(life.store, &after);
		for (int i = 0; i < VIEWS; i++) {
			assert_true(after.views[i] >= before.views[i]);
			assert_true(after.errors[i] >= before.errors[i]);
			assert_true(after.error_rows[i] >= before.error_rows[i]);
		}
		check_some_of(life.store, &life.model, life.unsure, life.unsure_count);
		assert_int_equal(store_close(life.store, NULL), 0);
		disk_free(disk);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_seen_when_durable), cmocka_unit_test(test_syncs_fail),
	    cmocka_unit_test(test_repeats),           cmocka_unit_test(test_record_too_large),
	    cmocka_unit_test(test_every_call_fails),  cmocka_unit_test(test_others_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
