/*
 * Goal: rows of several commits that are settled together are all there or are
 * refused with their commit, also where the memtable is full in the middle of a
 * group; a commit that fails for another reason takes nothing with it. Method:
 * groups of small commits, with many for the same views, that begin just below
 * the bound of rows or of strings, against the naive model and against counts;
 * then the same of the store that opens again.
 */
#include "disk.h"
#include "store_model.h"

#define GROUP 200
#define ROWS_OF_GENERATION (512u * 1024u)
#define FILLING 4096u /* rows of a commit */

static uint64_t
errors_of(struct store *store)
{
	struct snapshot *snapshot;
	uint64_t count = 0;

	assert_int_equal(snapshot_open(store, &snapshot, NULL), 0);
	for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, 1); i++) {
		const struct block *block = snapshot_block(snapshot, 1, i);
		struct store_arena *arena = store_arena_create(0);
		uint32_t rows = block_rows_count(block);
		const uint64_t *visible;

		assert_int_equal(block_visible(block, 0, rows, arena, &visible, NULL), 0);
		for (uint32_t row = 0; row < rows; row++)
			count += visible == NULL || bitmap_get(visible, row);
		store_arena_free(arena);
	}
	snapshot_close(snapshot);
	return count;
}

/* A commit of `count` errors without a view; of different messages, if asked. */
static void
append_errors(struct store *store, uint32_t count, bool different)
{
	static struct store_cell cells[FILLING][5];
	static struct store_row rows[FILLING];
	static char messages[FILLING][16];
	static uint32_t number;
	struct store_entry entry = {.sort = {"shop", 4},
				    .began_ms = BASE_MS,
				    .received_ms = BASE_MS,
				    .rows = rows,
				    .rows_count = count};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	assert_in_range(count, 1, FILLING);
	for (uint32_t i = 0; i < count; i++) {
		int size = snprintf(messages[i], sizeof messages[i], "m%u", number);

		number += different;
		cells[i][0] = (struct store_cell){.column = TS, .value.i = BASE_MS};
		cells[i][1] = (struct store_cell){.column = SITE, .value.s = {"shop", 4}};
		cells[i][2] = (struct store_cell){.column = VIEW, .value.u = 1};
		cells[i][3] = (struct store_cell){.column = SESSION, .value.u = 1};
		cells[i][4] =
		    (struct store_cell){.column = 4, .value.s = {messages[i], (uint32_t)size}};
		rows[i] = (struct store_row){1, 5, cells[i]};
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

/* A generation is full by rows or strings, not by bytes. */
static struct store *
open_large(struct disk *disk)
{
	struct store_options options = {.directory = "/d",
					.schema = &schema,
					.io = &disk->io,
					.no_maintenance = true,
					.memtable_bytes_max = (size_t)1 << 30,
					.log = print_log};
	struct store *store = NULL;

	assert_int_equal(store_open(&options, &store, NULL), 0);
	return store;
}

struct group {
	struct beacon beacons[GROUP];
	struct built built[GROUP];
	struct store_commit commits[GROUP];
	char messages[GROUP][8][16];
};

/* Each commit has a beacon; few views, so that many replace a row that is not
 * settled yet, or add to what it says. */
static void
build_group(struct group *group, struct random *random, uint32_t views)
{
	static uint32_t number;

	for (int i = 0; i < GROUP; i++) {
		struct beacon *beacon = &group->beacons[i];
		struct built *built = &group->built[i];

		*beacon = (struct beacon){.view = (uint32_t)random_below(random, views),
					  .version = (uint8_t)random_below(random, 256),
					  .lcp = (uint32_t)random_below(random, 5000),
					  .errors = (uint32_t)random_below(random, 4)};
		build(built, beacon);
		for (uint32_t j = 0; j < beacon->errors; j++) {
			char *message = group->messages[i][j];
			int size = snprintf(message, sizeof group->messages[i][j], "e%u", number++);

			built->error[j][4].value.s = (struct store_str){message, (uint32_t)size};
		}
		group->commits[i] =
		    (struct store_commit){.entries = &built->entry, .entries_count = 1};
	}
}

/* Begun and ended, or at once. Gives how many errors they have that are stored. */
static uint32_t
append_group(struct store *store, struct group *group, struct model *model, bool begin)
{
	uint32_t errors = 0;

	if (begin) {
		assert_int_equal(store_append_begin(store, group->commits, GROUP, NULL), 0);
		assert_int_equal(store_append_end(store, NULL), 0);
	} else {
		assert_int_equal(store_append(store, group->commits, GROUP, NULL), 0);
	}
	for (int i = 0; i < GROUP; i++) {
		enum store_outcome expected = model_apply(model, &group->beacons[i]);

		assert_int_equal(group->commits[i].result, 0);
		assert_int_equal(group->built[i].entry.outcome, expected);
		errors += expected == STORE_STORED ? group->beacons[i].errors : 0;
	}
	return errors;
}

static void
test_small_commits(void **state)
{
	static struct group group;
	struct random random = random_seeded("small commits");

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct disk *disk = disk_create();
		struct store *store = open_store("/d", &disk->io);
		struct model model = {0};

		for (int i = 0; i < 3; i++) {
			build_group(&group, &random, 1 + (uint32_t)random_below(&random, VIEWS));
			(void)append_group(store, &group, &model, (round & 1) != 0);
			check_equal(store, &model);
		}
		assert_int_equal(store_close(store, NULL), 0);
		store = open_store("/d", &disk->io);
		check_equal(store, &model);
		assert_int_equal(store_close(store, NULL), 0);
		disk_free(disk);
	}
}

/* The bound comes in the middle of a group. */
static void
fill_and_append(struct random *random, bool strings, bool begin)
{
	static struct group group;
	struct disk *disk = disk_create();
	struct store *store = open_large(disk);
	struct model model = {0};
	uint64_t errors = ROWS_OF_GENERATION - 50 - random_below(random, 100);

	for (uint64_t left = errors; left > 0;) {
		uint32_t count = left < FILLING ? (uint32_t)left : FILLING;

		append_errors(store, count, strings);
		left -= count;
	}
	build_group(&group, random, VIEWS);
	errors += append_group(store, &group, &model, begin);
	assert_int_equal(errors_of(store), errors);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_large(disk);
	assert_int_equal(errors_of(store), errors);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

static void
test_full_in_the_middle(void **state)
{
	struct random random = random_seeded("full in the middle");

	(void)state;
	for (int i = 0; i < 4; i++)
		fill_and_append(&random, (i & 1) != 0, (i & 2) != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_small_commits),
	    cmocka_unit_test(test_full_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
