/*
 * Goal: whatever fails, one thing after the other or several at once: what was acknowledged
 * is there, once, as it was acknowledged last, and stays; what was refused is not, unless an
 * opening finds it, and then it stays; what was erased does not come back. Method: random
 * lives (seeded) of a store on the simulated disk: groups of views and updates, alone and
 * begun ahead, flushes, merges, erasures; a disk that is full for a while, calls that fail
 * once or all; closings, kills and power cuts in between.
 */
#include "disk.h"
#include "life.h"

#include "store/state.h"

#define LIVES (150 / STRIDE)
#define OPENINGS 3
#define STEPS_OF_ONE 60
#define GROUP_MAX 24
#define KEYS_MAX 4000
#define BEGUN_MAX 4
#define TEXT_BYTES_MAX 6000
#define SESSION_KEYS 4

enum fate {
	ABSENT,
	REFUSED, /* the next opening may find it */
	ACKNOWLEDGED,
	ERASED,
	MAYBE_ERASED,
};

/* What was tried, and what became of it: printed where a life fails. */
static char trail[1 << 18];
static size_t trail_size;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(trail + trail_size, sizeof trail - trail_size, format, arguments);
	va_end(arguments);
	if (size > 0 && (size_t)size < sizeof trail - trail_size)
		trail_size += (size_t)size;
}

static void
say_logged(void *context, const char *line)
{
	(void)context;
	say("    | %.200s\n", line);
}

struct one {
	struct built built;
	char text[TEXT_BYTES_MAX];
};

struct group {
	struct one ones[GROUP_MAX];
	uint32_t keys[GROUP_MAX];
	uint32_t lcps[GROUP_MAX]; /* of an update; 0: a new view, whose lcp is 1 */
	struct store_commit commits[GROUP_MAX];
	struct store_request requests[GROUP_MAX];
	uint32_t count;
};

struct told_view {
	enum fate fate;
	uint32_t lcp;
	uint32_t refused_lcp; /* the next opening may find it; 0: none */
	uint8_t version;      /* the highest that was tried */
	bool is_updated;      /* by a group under way */
};

struct story {
	struct random *random;
	struct disk *disk;
	struct store *store;
	struct told_view views[KEYS_MAX]; /* by key */
	uint32_t keys_count;
	uint32_t updates_count;
	uint64_t requests_count;
	struct group *begun[BEGUN_MAX]; /* owned, oldest first */
	uint32_t begun_count;
};

/* ---- what is there -------------------------------------------------------- */

/* Rows of each key by table, and its lcp. */
static void
count_rows(struct store *store, uint32_t counts[2][KEYS_MAX], uint32_t lcps[KEYS_MAX])
{
	const struct store_str no_key = {NULL, 0};
	struct store_error error = {0};
	struct snapshot *snapshot;

	memset(counts, 0, 2 * sizeof *counts);
	assert_int_equal(snapshot_open(store, &snapshot, &error), 0);
	for (uint32_t table = 0; table < 2; table++) {
		for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, table); i++) {
			const struct block *block = snapshot_block(snapshot, table, i);
			struct store_arena *arena = store_arena_create(0);
			uint32_t rows = block_rows_count(block);
			const uint64_t *visible;
			struct vector view, lcp = {0};

			assert_int_equal(block_visible(block, 0, rows, arena, &visible, &error), 0);
			if (block_read(block, VIEW, no_key, arena, &view, &error) != 0 ||
			    (table == 0 &&
			     block_read(block, LCP, no_key, arena, &lcp, &error) != 0))
				fail_msg("%s", error.text);
			for (uint32_t row = 0; row < rows; row++) {
				if (visible != NULL && !bitmap_get(visible, row))
					continue;
				counts[table][at(&view, row)]++;
				if (table == 0)
					lcps[at(&view, row)] = (uint32_t)(at(&lcp, row) / 10);
			}
			store_arena_free(arena);
		}
	}
	snapshot_close(snapshot);
}

static void
fail_life(const char *what, uint32_t key)
{
	fputs(trail, stdout);
	fail_msg("%s: key %u", what, key);
}

static void
check(struct story *story, bool is_opening)
{
	static uint32_t counts[2][KEYS_MAX], lcps[KEYS_MAX];

	count_rows(story->store, counts, lcps);
	for (uint32_t key = 0; key < story->keys_count; key++) {
		struct told_view *view = &story->views[key];
		uint32_t count = counts[0][key];

		if (count > 1 || counts[1][key] > 1)
			fail_life("there twice", key);
		if (view->fate == MAYBE_ERASED)
			continue;
		if (count != counts[1][key])
			fail_life("in one table", key);
		if (view->fate == REFUSED && is_opening)
			view->fate = count == 1 ? ACKNOWLEDGED : ABSENT;
		if (view->fate == ACKNOWLEDGED && count != 1)
			fail_life("acknowledged and lost", key);
		if (view->fate != ACKNOWLEDGED && count != 0)
			fail_life(view->fate == ERASED ? "erased and there" : "refused and there",
				  key);
		if (count == 1 && is_opening && lcps[key] == view->refused_lcp)
			view->lcp = lcps[key];
		if (is_opening)
			view->refused_lcp = 0;
		if (count == 1 && lcps[key] != view->lcp)
			fail_life("not as it was acknowledged last", key);
	}
}

/* ---- groups ---------------------------------------------------------------- */

/* A key whose view can be updated, or that of a new view. */
static uint32_t
choose_key(struct story *story)
{
	uint32_t key = (uint32_t)random_below(story->random, story->keys_count + 1);
	bool may_update = key < story->keys_count && story->views[key].fate == ACKNOWLEDGED &&
			  story->views[key].refused_lcp == 0 && !story->views[key].is_updated;

	return may_update && random_below(story->random, 2) == 0 ? key : story->keys_count++;
}

/* A view with an error row that has `text_size` bytes, or an update without; one in four
 * with a request's key. */
static void
make_one(struct story *story, struct group *group, uint32_t i, size_t text_size)
{
	struct one *one = &group->ones[i];
	struct built *built = &one->built;
	uint32_t next = story->keys_count, key = choose_key(story);
	struct told_view *view = &story->views[key];
	bool is_new = key == next;

	group->keys[i] = key;
	group->lcps[i] = is_new ? 0 : 2 + story->updates_count++;
	view->is_updated = !is_new;
	build(built, &(struct beacon){.view = key % 60,
				      .lcp = is_new ? 1 : group->lcps[i],
				      .errors = is_new,
				      .version = is_new ? 0 : ++view->version});
	built->entry.key = built->view[2].value.u = built->error[0][2].value.u = key;
	built->view[3].value.u = built->error[0][3].value.u = 1000000 + key / SESSION_KEYS;
	for (size_t at = 0; at < text_size; at++)
		one->text[at] = (char)('a' + random_below(story->random, 26));
	if (text_size > 0)
		built->error[0][4].value.s = (struct store_str){one->text, (uint32_t)text_size};
	group->commits[i] = (struct store_commit){.entries = &built->entry, .entries_count = 1};
	if (random_below(story->random, 4) != 0)
		return;
	story->requests_count++;
	group->requests[i].received_ms = BASE_MS + (int64_t)story->requests_count;
	memcpy(group->requests[i].key, &story->requests_count, sizeof story->requests_count);
	group->commits[i].request = &group->requests[i];
}

static struct group *
make_group(struct story *story)
{
	struct random *random = story->random;
	bool is_large = random_below(random, 4) == 0, has_text = random_below(random, 3) == 0;
	size_t text_size = has_text ? random_below(random, TEXT_BYTES_MAX) : 0;
	struct group *group = calloc(1, sizeof *group);

	assert_non_null(group);
	group->count = 1 + (uint32_t)random_below(random, is_large ? GROUP_MAX : 3);
	for (uint32_t i = 0; i < group->count; i++)
		make_one(story, group, i, text_size);
	return group;
}

static void
settle_update(struct told_view *view, uint32_t lcp, int result, const struct store_commit *commit)
{
	view->is_updated = false;
	if (result != 0)
		view->refused_lcp = lcp;
	else if (commit->result == 0 && commit->entries[0].outcome == STORE_STORED)
		view->lcp = lcp;
}

/* The group's end. What follows a success in the WAL has nothing refused before it. */
static void
settle(struct story *story, struct group *group, int result)
{
	for (uint32_t key = 0; result == 0 && key < story->keys_count; key++) {
		if (story->views[key].fate == REFUSED)
			story->views[key].fate = ABSENT;
		story->views[key].refused_lcp = 0;
	}
	for (uint32_t i = 0; i < group->count; i++) {
		struct told_view *view = &story->views[group->keys[i]];

		if (group->lcps[i] != 0) {
			settle_update(view, group->lcps[i], result, &group->commits[i]);
			continue;
		}
		view->lcp = 1;
		view->fate = result != 0                     ? REFUSED
			     : group->commits[i].result == 0 ? ACKNOWLEDGED
							     : ABSENT;
	}
	say("  group of %u from %u: %d\n", group->count, group->keys[0], result);
	free(group);
}

static void
end_begun(struct story *story)
{
	for (uint32_t i = 0; i < story->begun_count; i++)
		settle(story, story->begun[i], store_append_end(story->store, NULL));
	story->begun_count = 0;
}

static void
append(struct story *story)
{
	struct group *group;

	end_begun(story);
	group = make_group(story);
	settle(story, group, store_append(story->store, group->commits, group->count, NULL));
}

static void
begin(struct story *story)
{
	struct group *group;
	int result;

	if (story->begun_count == BEGUN_MAX)
		end_begun(story);
	group = make_group(story);
	result = store_append_begin(story->store, group->commits, group->count, NULL);
	if (result != 0) {
		settle(story, group, result);
		return;
	}
	say("  begun %u from %u\n", group->count, group->keys[0]);
	story->begun[story->begun_count++] = group;
}

static void
erase_some(struct story *story)
{
	uint32_t session =
	    (uint32_t)random_below(story->random, story->keys_count + 1) / SESSION_KEYS;
	struct store_erasure erasure = {.number = 1000000 + session};
	uint64_t rows;
	int result;

	end_begun(story);
	result = store_erase(story->store, &erasure, &rows, NULL);
	say("  erase session %u: %d\n", session, result);
	for (uint32_t key = session * SESSION_KEYS;
	     key < (session + 1) * SESSION_KEYS && key < story->keys_count; key++) {
		enum fate *fate = &story->views[key].fate;

		if (*fate == ACKNOWLEDGED || *fate == MAYBE_ERASED)
			*fate = result == 0 ? ERASED : MAYBE_ERASED;
	}
}

/* ---- lives ------------------------------------------------------------------ */

static void
choose_fault(struct story *story)
{
	static const int numbers[] = {EIO, ENOSPC, EMFILE, EDQUOT};
	struct disk *disk = story->disk;
	uint64_t kind = random_below(story->random, 5);
	long ahead = 1 + (long)random_below(story->random, 60);

	disk_forget_faults(disk);
	pthread_mutex_lock(&disk->mutex);
	disk->space = 0;
	if (kind == 0) {
		disk->space = disk->used + random_below(story->random, 6000);
		say("room for %zu bytes\n", disk->space - disk->used);
	} else if (kind <= 2) {
		disk->fail_errno = numbers[random_below(story->random, 4)];
		disk->fail_at = disk->calls + ahead;
		disk->fail_for_good = kind == 2;
		say("call +%ld%s: %s\n", ahead, kind == 2 ? " and all after it" : "",
		    strerror(disk->fail_errno));
	} else {
		say("no fault\n");
	}
	pthread_mutex_unlock(&disk->mutex);
}

static void
take_step(struct story *story)
{
	uint64_t kind = random_below(story->random, 20);

	if (random_below(story->random, 8) == 0)
		choose_fault(story);
	if (kind < 8)
		append(story);
	else if (kind < 14)
		begin(story);
	else if (kind < 16)
		say("  flush: %d\n", store_flush(story->store, NULL));
	else if (kind < 17)
		say("  merge: %d\n", store_merge(story->store, NULL));
	else if (kind < 18)
		erase_some(story);
	else if (story->begun_count == 0)
		check(story, false);
}

static void
open_again(struct story *story)
{
	struct store_options options = {.directory = "/d",
					.schema = &schema,
					.io = &story->disk->io,
					.no_maintenance = true,
					.log = say_logged};
	struct store_error error = {0};

	if (store_open(&options, &story->store, &error) != 0)
		fail_life(error.text, 0);
	say("opened\n");
	check(story, true);
}

/* By a closing; as if killed, without another call; or by a power cut. */
static void
end_life(struct story *story)
{
	uint64_t kind = random_below(story->random, 3);
	struct disk *disk = story->disk;

	if (kind != 0) {
		pthread_mutex_lock(&disk->mutex);
		disk->fail_at = 1;
		disk->fail_errno = EIO;
		disk->fail_for_good = true;
		pthread_mutex_unlock(&disk->mutex);
	}
	say("close: %d%s\n", store_close(story->store, NULL),
	    kind == 2   ? ", power cut"
	    : kind == 1 ? ", killed"
			: "");
	if (kind == 2)
		disk_crash(disk, story->random);
	disk_forget_faults(disk);
	disk->space = 0;
}

static void
live_once(struct random *random)
{
	struct story *story = calloc(1, sizeof *story);

	assert_non_null(story);
	trail_size = 0;
	say("this life alone: SEED=%llu LIVES=1\n", (unsigned long long)random->state);
	story->random = random;
	story->disk = disk_create();
	story->disk->syncs_again = true;
	for (uint32_t opening = 0; opening < OPENINGS; opening++) {
		open_again(story);
		for (uint32_t i = 0; i < STEPS_OF_ONE; i++) {
			if (story->keys_count + GROUP_MAX < KEYS_MAX)
				take_step(story);
		}
		end_begun(story);
		check(story, false);
		end_life(story);
	}
	open_again(story);
	assert_int_equal(store_flush(story->store, NULL), 0);
	check(story, false);
	assert_int_equal(store_close(story->store, NULL), 0);
	disk_free(story->disk);
	free(story);
}

static void
test_lives(void **state)
{
	struct random random = random_seeded("lives");
	long lives = getenv("LIVES") != NULL ? strtol(getenv("LIVES"), NULL, 10) : LIVES;

	(void)state;
	for (long i = 0; i < lives; i++)
		live_once(&random);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lives)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
