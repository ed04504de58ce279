/*
 * Open views: from the keyed hash of (site, view id) to where the view stands
 * and where its row is. Owner: the writer (store.writer_mutex).
 */
#ifndef VIEW_INDEX_H
#define VIEW_INDEX_H

#include "memtable.h"
#include "wal_record.h"

struct view {
	struct wal_view state;
	uint64_t generation;       /* that its row, or its last entry, is in */
	struct memtable *memtable; /* borrowed from that generation */
	uint32_t table, row;       /* when state.has_row */
	bool closed;               /* its generation is being flushed */
};

struct view_index {
	struct view *views; /* owned: [count] */
	uint32_t *slots;    /* owned: index + 1, 0 free; [slots_count], a power of 2 */
	uint32_t count, views_max, slots_count;
};

void view_index_clear(struct view_index *index); /* frees; ready for use again */
/* NULL when it is not there; valid until the next put or remove. */
struct view *view_index_find(const struct view_index *index, const uint64_t key[2]);
/* Adds or overwrites. STORE_ENOMEM leaves the index as it was. */
int view_index_put(struct view_index *index, const struct view *view);
void view_index_remove(struct view_index *index, const uint64_t key[2]);
/* Memory; shrinks as views are removed. */
size_t view_index_bytes(const struct view_index *index);

#endif
