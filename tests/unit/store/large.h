/*
 * Groups with commits of hundreds of entries, whose records are written by a
 * thread of their own, between small ones; and the model of what they come to.
 */
#ifndef LARGE_H
#define LARGE_H

#include "disk.h"
#include "store_model.h"

#define LARGE_COMMITS_MAX 5
#define LARGE_ENTRIES_MIN 256
#define LARGE_ENTRIES_MAX 320
/* Of an error's message: with a dozen of them in a commit, some of a group is in
 * the file before its sync. */
#define LARGE_TEXT_BYTES (24u << 10)

struct large {
	struct beacon beacons[LARGE_COMMITS_MAX][LARGE_ENTRIES_MAX];
	struct built built[LARGE_COMMITS_MAX][LARGE_ENTRIES_MAX];
	struct store_entry entries[LARGE_COMMITS_MAX][LARGE_ENTRIES_MAX];
	struct store_commit commits[LARGE_COMMITS_MAX];
	size_t count;
};

/* Three commits of four are large. */
static inline void
large_build(struct large *large, struct random *random)
{
	static char text[LARGE_TEXT_BYTES];

	large->count = 2 + random_below(random, LARGE_COMMITS_MAX - 1);
	for (size_t i = 0; i < large->count; i++) {
		bool small = random_below(random, 4) == 0;
		size_t count =
		    small ? 1 + random_below(random, 3)
			  : LARGE_ENTRIES_MIN +
				random_below(random, LARGE_ENTRIES_MAX - LARGE_ENTRIES_MIN);

		for (size_t j = 0; j < count; j++) {
			large->beacons[i][j] =
			    (struct beacon){.view = (uint32_t)random_below(random, VIEWS),
					    .version = (uint8_t)random_below(random, 256),
					    .lcp = (uint32_t)random_below(random, 5000),
					    .errors = random_below(random, 20) == 0};
			build(&large->built[i][j], &large->beacons[i][j]);
			if (large->beacons[i][j].errors > 0)
				large->built[i][j].error[0][4].value.s =
				    (struct store_str){text, sizeof text};
			large->entries[i][j] = large->built[i][j].entry;
		}
		large->commits[i] = (struct store_commit){.entries = large->entries[i],
							  .entries_count = (uint32_t)count};
	}
}

/* The first `count` commits. */
static inline void
large_apply(const struct large *large, size_t count, struct model *model)
{
	for (size_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < large->commits[i].entries_count; j++)
			(void)model_apply(model, &large->beacons[i][j]);
	}
}

/* True when it was acknowledged, with all its commits. */
static inline bool
large_append(struct store *store, struct large *large)
{
	bool acknowledged = store_append(store, large->commits, large->count, NULL) == 0;

	for (size_t i = 0; acknowledged && i < large->count; i++)
		acknowledged = large->commits[i].result == 0;
	return acknowledged;
}

static inline bool
large_is_equal(const struct found *found, const struct model *model, int i)
{
	const struct model_view *view = &model->views[i];

	return found->views[i] == view->exists &&
	       (!view->exists || (found->lcp[i] == view->lcp && found->errors[i] == view->errors));
}

/* The model; or, where a group was not acknowledged (NULL: none was), each view
 * as one of its commits left it: of records that the power was cut in, those
 * that are whole are used. */
static inline void
large_check(struct store *store, const struct model *model, const struct large *refused)
{
	struct model with[LARGE_COMMITS_MAX + 1];
	size_t count = refused == NULL ? 0 : refused->count;
	struct found found;

	scan(store, &found);
	for (size_t i = 0; i <= count; i++) {
		with[i] = *model;
		if (i > 0)
			large_apply(refused, i, &with[i]);
	}
	for (int i = 0; i < VIEWS; i++) {
		bool equal = false;

		for (size_t j = 0; j <= count; j++)
			equal = equal || large_is_equal(&found, &with[j], i);
		assert_true(equal);
		assert_in_range(found.error_rows[i], model->error_rows[i],
				with[count].error_rows[i]);
	}
}

#endif
