/*
 * view_index.h: linear probing with backward-shift deletion (Knuth 6.4,
 * algorithm R), keys already being keyed hashes. Must not look into memtables.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "view_index.h"

#define SLOT_NONE UINT32_MAX
#define VIEWS_MIN 256u

void
view_index_clear(struct view_index *index)
{
	free(index->views);
	free(index->slots);
	memset(index, 0, sizeof *index);
}

static uint32_t
home(const struct view_index *index, const uint64_t key[2])
{
	return (uint32_t)key[0] & (index->slots_count - 1);
}

static uint32_t
find_slot(const struct view_index *index, const uint64_t key[2])
{
	uint32_t slot;

	if (index->slots_count == 0)
		return SLOT_NONE;
	for (slot = home(index, key); index->slots[slot] != 0;
	     slot = (slot + 1) & (index->slots_count - 1)) {
		const struct view *view = &index->views[index->slots[slot] - 1];

		if (view->state.key[0] == key[0] && view->state.key[1] == key[1])
			return slot;
	}
	return SLOT_NONE;
}

struct view *
view_index_find(const struct view_index *index, const uint64_t key[2])
{
	uint32_t slot = find_slot(index, key);

	return slot == SLOT_NONE ? NULL : &index->views[index->slots[slot] - 1];
}

static void
place(struct view_index *index, uint32_t view)
{
	uint32_t slot = home(index, index->views[view].state.key);

	while (index->slots[slot] != 0)
		slot = (slot + 1) & (index->slots_count - 1);
	index->slots[slot] = view + 1;
}

/* Room for views_max, at least as many as there are. */
static int
resize(struct view_index *index, uint32_t views_max)
{
	uint32_t *slots = calloc((size_t)views_max * 2, sizeof *slots);
	struct view *views;

	assert(views_max >= index->count);
	if (slots == NULL)
		return STORE_ENOMEM;
	if ((views = realloc(index->views, views_max * sizeof *views)) == NULL) {
		free(slots);
		return STORE_ENOMEM;
	}
	free(index->slots);
	index->views = views;
	index->slots = slots;
	index->views_max = views_max;
	index->slots_count = views_max * 2;
	for (uint32_t i = 0; i < index->count; i++)
		place(index, i);
	return 0;
}

static int
grow(struct view_index *index)
{
	if (index->count < index->views_max)
		return 0;
	if (index->views_max > UINT32_MAX / 4)
		return STORE_ENOMEM;
	return resize(index, index->views_max == 0 ? VIEWS_MIN : index->views_max * 2);
}

int
view_index_put(struct view_index *index, const struct view *view)
{
	struct view *found = view_index_find(index, view->state.key);

	if (found != NULL) {
		*found = *view;
		return 0;
	}
	if (grow(index) != 0)
		return STORE_ENOMEM;
	index->views[index->count] = *view;
	place(index, index->count++);
	return 0;
}

/* Closes the gap at `hole` by moving later members of its run. */
static void
shift_back(struct view_index *index, uint32_t hole)
{
	uint32_t mask = index->slots_count - 1;

	for (uint32_t slot = (hole + 1) & mask; index->slots[slot] != 0; slot = (slot + 1) & mask) {
		uint32_t want = home(index, index->views[index->slots[slot] - 1].state.key);

		if (((slot - want) & mask) >= ((slot - hole) & mask)) {
			index->slots[hole] = index->slots[slot];
			hole = slot;
		}
	}
	index->slots[hole] = 0;
}

void
view_index_remove(struct view_index *index, const uint64_t key[2])
{
	uint32_t slot = find_slot(index, key), last = index->count - 1, removed;

	if (slot == SLOT_NONE)
		return;
	removed = index->slots[slot] - 1;
	shift_back(index, slot);
	if (removed != last) {
		uint32_t last_slot = find_slot(index, index->views[last].state.key);

		assert(last_slot != SLOT_NONE);
		index->slots[last_slot] = removed + 1;
		index->views[removed] = index->views[last];
	}
	index->count--;
	/* Where there is no memory for that it stays large. */
	if (index->views_max > VIEWS_MIN && index->count < index->views_max / 8)
		(void)resize(index, index->views_max / 2);
}

size_t
view_index_bytes(const struct view_index *index)
{
	return index->views_max * sizeof *index->views + index->slots_count * sizeof *index->slots;
}
