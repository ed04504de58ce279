/* What the store's tests share: a schema, random beacons, the naive model that
 * says which rows there must be, and the comparison of a store with it. */
#ifndef STORE_MODEL_H
#define STORE_MODEL_H

#include "check.h"

#include <time.h>

#include "store/io.h"
#include "store/snapshot.h"

enum { TS, SITE, VIEW, SESSION, LCP, ERRORS, WEIGHT };

static const struct store_column view_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "session_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_ERASE},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "error_count", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_SUM},
    {.name = "_sample_interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
};
static const struct store_column error_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "session_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_ERASE},
    {.name = "message", .type = STORE_STRING},
};
static const struct store_table tables[] = {
    {"pageviews", view_columns, 7, true},
    {"errors", error_columns, 5, false},
};
static const struct store_schema schema = {tables, 2};

#define VIEWS 60
#define BASE_MS 1780000000000

static const char *const sites[] = {"shop", "blog", "docs"};

struct model_view {
	bool exists, closed;
	bool seen[256];
	int highest;
	uint32_t lcp, errors;
};

struct model {
	struct model_view views[VIEWS];
	uint32_t error_rows[VIEWS];
};

/* Views differ in day, so that several partitions are written. */
static inline int64_t
began_of(uint32_t view)
{
	return BASE_MS + (int64_t)view * 3600000;
}

/* Sessions of four views, with numbers that no other bytes look like. */
static inline uint64_t
session_of(uint32_t view)
{
	return 0x5e55104e00c0ffee + view / 4;
}

struct beacon {
	uint32_t view, lcp, errors;
	uint8_t version;
};

struct built {
	struct store_cell view[7], error[8][5];
	struct store_row rows[9];
	struct store_entry entry;
};

static inline void
build(struct built *built, const struct beacon *beacon)
{
	const char *site = sites[beacon->view % 3];
	struct store_str name = {site, (uint32_t)strlen(site)};

	memset(built, 0, sizeof *built);
	built->view[0] = (struct store_cell){.column = TS, .value.i = began_of(beacon->view)};
	built->view[1] = (struct store_cell){.column = SITE, .value.s = name};
	built->view[2] = (struct store_cell){.column = VIEW, .value.u = beacon->view};
	built->view[3] =
	    (struct store_cell){.column = SESSION, .value.u = session_of(beacon->view)};
	built->view[4] = (struct store_cell){.column = LCP, .value.f = beacon->lcp};
	built->view[5] = (struct store_cell){.column = ERRORS, .value.u = beacon->errors};
	built->view[6] = (struct store_cell){.column = WEIGHT, .value.u = 1};
	built->rows[0] = (struct store_row){0, 7, built->view};
	for (uint32_t i = 0; i < beacon->errors; i++) {
		memcpy(built->error[i], built->view, 4 * sizeof *built->view);
		built->error[i][4] = (struct store_cell){.column = 4, .value.s = {"boom", 4}};
		built->rows[1 + i] = (struct store_row){1, 5, built->error[i]};
	}
	built->entry = (struct store_entry){.keyed = true,
					    .version = beacon->version,
					    .sort = name,
					    .key = beacon->view,
					    .began_ms = began_of(beacon->view),
					    .received_ms = BASE_MS,
					    .rows = built->rows,
					    .rows_count = 1 + beacon->errors};
}

static inline enum store_outcome
model_apply(struct model *model, const struct beacon *beacon)
{
	struct model_view *view = &model->views[beacon->view];

	if (view->exists && view->seen[beacon->version])
		return view->closed ? STORE_LATE : STORE_REPEATED;
	if (view->closed)
		return STORE_LATE;
	if (!view->exists || beacon->version > view->highest) {
		view->lcp = beacon->lcp;
		view->highest = beacon->version;
	}
	view->exists = true;
	view->seen[beacon->version] = true;
	view->errors += beacon->errors;
	model->error_rows[beacon->view] += beacon->errors;
	return STORE_STORED;
}

static inline void
model_close(struct model *model)
{
	for (int i = 0; i < VIEWS; i++)
		model->views[i].closed = model->views[i].exists;
}

/* An erasure flushes everything; what it erased is as if it had never been. */
static inline void
model_erase(struct model *model, bool by_site, uint32_t which)
{
	model_close(model);
	for (uint32_t i = 0; i < VIEWS; i++) {
		if ((by_site ? i % 3 : i / 4) != which)
			continue;
		memset(&model->views[i], 0, sizeof model->views[i]);
		model->error_rows[i] = 0;
	}
}

/* ---- comparing ------------------------------------------------------- */

struct found {
	uint32_t views[VIEWS], lcp[VIEWS], errors[VIEWS], error_rows[VIEWS];
};

static inline int64_t
at(const struct vector *vector, uint32_t row)
{
	return vector->all_null ? 0 : vector->values[vector->constant ? 0 : row];
}

static inline void
scan_block(const struct block *block, uint32_t table, struct found *found)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_str none = {NULL, 0};
	struct store_error error = {0};
	const uint64_t *visible;
	struct vector view, lcp, errors;

	assert_int_equal(block_visible(block, 0, block_rows_count(block), arena, &visible, &error),
			 0);
	assert_int_equal(block_read(block, VIEW, none, arena, &view, &error), 0);
	if (table == 0) {
		assert_int_equal(block_read(block, LCP, none, arena, &lcp, &error), 0);
		assert_int_equal(block_read(block, ERRORS, none, arena, &errors, &error), 0);
	}
	for (uint32_t row = 0; row < block_rows_count(block); row++) {
		uint64_t id = (uint64_t)at(&view, row);

		if (visible != NULL && !bitmap_get(visible, row))
			continue;
		assert_in_range(id, 0, VIEWS - 1);
		if (table == 1) {
			found->error_rows[id]++;
			continue;
		}
		found->views[id]++;
		found->lcp[id] = (uint32_t)(at(&lcp, row) / 10);
		found->errors[id] = (uint32_t)at(&errors, row);
	}
	store_arena_free(arena);
}

static inline void
scan(struct store *store, struct found *found)
{
	struct store_error error = {0};
	struct snapshot *snapshot;

	memset(found, 0, sizeof *found);
	assert_int_equal(snapshot_open(store, &snapshot, &error), 0);
	for (uint32_t table = 0; table < 2; table++) {
		for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, table); i++)
			scan_block(snapshot_block(snapshot, table, i), table, found);
	}
	snapshot_close(snapshot);
}

static inline void
check_equal(struct store *store, const struct model *model)
{
	struct found found;

	scan(store, &found);
	for (int i = 0; i < VIEWS; i++) {
		assert_int_equal(found.views[i], model->views[i].exists);
		assert_int_equal(found.error_rows[i], model->error_rows[i]);
		if (!model->views[i].exists)
			continue;
		assert_int_equal(found.lcp[i], model->views[i].lcp);
		assert_int_equal(found.errors[i], model->views[i].errors);
	}
}

/* ---- histories ------------------------------------------------------- */

static inline void
print_log(void *context, const char *line)
{
	(void)context;
	if (getenv("VERBOSE") != NULL)
		printf("# %s\n", line);
}

static inline struct store *
open_store(const char *directory, struct io *io)
{
	struct store_options options = {.directory = directory,
					.schema = &schema,
					.io = io,
					.no_maintenance = true,
					.log = print_log};
	struct store_error error = {0};
	struct store *store = NULL;

	if (store_open(&options, &store, &error) != 0)
		fail_msg("store_open: %s", error.text);
	return store;
}

static inline struct beacon
random_beacon(struct random *random, const struct model *model)
{
	struct beacon beacon = {.view = (uint32_t)random_below(random, VIEWS),
				.version = (uint8_t)random_below(random, 4),
				.lcp = (uint32_t)random_below(random, 5000),
				.errors = (uint32_t)random_below(random, 3)};

	/* Version 0 of a view in a segment is a new view to the store: not sent. */
	if (model->views[beacon.view].closed && beacon.version == 0)
		beacon.version = 1;
	return beacon;
}

/* Late updates are searched for a bounded time a second, which a busy machine may
 * use up: the sender comes again. */
static inline void
come_again(struct store *store, struct store_commit *commit)
{
	time_t end = time(NULL) + 120;

	while (commit->result == STORE_EBUSY && time(NULL) < end)
		assert_int_equal(store_append(store, commit, 1, NULL), 0);
}

static inline void
append_some(struct store *store, struct random *random, struct model *model)
{
	static struct built built[8];
	struct store_commit commits[8];
	enum store_outcome expected[8];
	uint32_t count = 1 + (uint32_t)random_below(random, 8);
	struct store_error error = {0};

	for (uint32_t i = 0; i < count; i++) {
		struct beacon beacon = random_beacon(random, model);

		build(&built[i], &beacon);
		commits[i] = (struct store_commit){.entries = &built[i].entry, .entries_count = 1};
		expected[i] = model_apply(model, &beacon);
	}
	assert_int_equal(store_append(store, commits, count, &error), 0);
	for (uint32_t i = 0; i < count; i++) {
		come_again(store, &commits[i]);
		assert_int_equal(commits[i].result, 0);
		assert_int_equal(built[i].entry.outcome, expected[i]);
	}
}

static inline void
check_copy(const char *directory, const struct model *model)
{
	char copy[256], command[700];
	struct store *store;

	scratch_make(copy);
	snprintf(command, sizeof command, "cp -r '%s/.' '%s'", directory, copy);
	for (int times = 0; times < 2; times++) { /* recovery twice gives the same */
		if (times == 0)
			scratch_run(command);
		store = open_store(copy, NULL);
		check_equal(store, model);
		assert_int_equal(store_close(store, NULL), 0);
	}
	scratch_remove(copy);
}

#endif
