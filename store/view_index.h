/*
 * Open views of one generation: from the keyed hash of (site, view id) to where
 * the view stands and where its row is. Each generation has one, which goes
 * with it as a whole; of several entries for one view the youngest generation's
 * counts. Owner: the writer (store.writer_mutex).
 */
#ifndef VIEW_INDEX_H
#define VIEW_INDEX_H

#include "memtable.h"
#include "wal_record.h"

struct generation;

struct view {
	struct wal_view state;
	struct generation *generation; /* borrowed: whose index has it; with its row */
	uint32_t table, row;           /* when state.has_row */
};

struct view_index {
	struct view **chunks; /* owned, and what they point to: [chunks_count] */
	uint32_t chunks_count, chunks_max;
	uint64_t *slots;             /* owned: hash << 32 | index + 1, 0 free; [slots_count] */
	uint32_t count, slots_count; /* slots_count: a power of 2 */
};

void view_index_clear(struct view_index *index); /* frees; ready for use again */
/* As view_index_find, where the first slot is taken. */
struct view *view_index_search(const struct view_index *index, const uint64_t key[2]);

static inline uint64_t *
view_index_home(const struct view_index *index, const uint64_t key[2])
{
	return &index->slots[(uint32_t)key[0] & (index->slots_count - 1)];
}

/* NULL when it is not there; valid until the index is cleared. Mostly it is not
 * there, and the first slot says so. */
static inline struct view *
view_index_find(const struct view_index *index, const uint64_t key[2])
{
	if (index->slots_count == 0 || *view_index_home(index, key) == 0)
		return NULL;
	return view_index_search(index, key);
}

/* Fetches what find will look at first. */
static inline void
view_index_prefetch(const struct view_index *index, const uint64_t key[2])
{
	if (index->slots_count != 0)
		__builtin_prefetch(view_index_home(index, key), 1);
}

/* Adds one that is not there. STORE_ENOMEM leaves the index as it was. */
int view_index_add(struct view_index *index, const struct view *view);
/* Takes the one that was added last back. */
void view_index_remove_last(struct view_index *index);
/* In the order in which they were added, at < index->count. */
struct view *view_index_at(const struct view_index *index, uint32_t at);
size_t view_index_bytes(const struct view_index *index);

#endif
