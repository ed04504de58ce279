/*
 * view_index.h: linear probing, keys already being keyed hashes. A slot has
 * half of the hash beside the index, so that looking for a view that is not
 * there touches one line of memory. Must not look into memtables.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "huge.h"
#include "view_index.h"

#define VIEWS_MIN 256u

void
view_index_clear(struct view_index *index)
{
	huge_free(index->views, index->views_max * sizeof *index->views);
	huge_free(index->slots, index->slots_count * sizeof *index->slots);
	memset(index, 0, sizeof *index);
}

static uint32_t
hash_of(const uint64_t key[2])
{
	return (uint32_t)key[0];
}

/* The slot that has the key, or the free one where it would be. */
static uint32_t
slot_of(const struct view_index *index, const uint64_t key[2])
{
	uint32_t mask = index->slots_count - 1, hash = hash_of(key), slot = hash & mask;

	for (; index->slots[slot] != 0; slot = (slot + 1) & mask) {
		const struct view *view;

		if (index->slots[slot] >> 32 != hash)
			continue;
		view = &index->views[(uint32_t)index->slots[slot] - 1];
		if (view->state.key[0] == key[0] && view->state.key[1] == key[1])
			break;
	}
	return slot;
}

struct view *
view_index_search(const struct view_index *index, const uint64_t key[2])
{
	uint64_t slot = index->slots[slot_of(index, key)];

	return slot == 0 ? NULL : &index->views[(uint32_t)slot - 1];
}

static int
grow(struct view_index *index)
{
	uint32_t views_max = index->views_max == 0 ? VIEWS_MIN : index->views_max * 2;
	uint32_t mask = views_max * 2 - 1;
	struct view *views;
	uint64_t *slots;

	if (index->count < index->views_max)
		return 0;
	if ((slots = huge_zalloc((size_t)views_max * 2 * sizeof *slots)) == NULL)
		return STORE_ENOMEM;
	if ((views = huge_alloc(views_max * sizeof *views)) == NULL) {
		huge_free(slots, (size_t)views_max * 2 * sizeof *slots);
		return STORE_ENOMEM;
	}
	for (uint32_t i = 0; i < index->slots_count; i++) {
		uint32_t slot = (uint32_t)(index->slots[i] >> 32) & mask;

		if (index->slots[i] == 0)
			continue;
		while (slots[slot] != 0)
			slot = (slot + 1) & mask;
		slots[slot] = index->slots[i];
	}
	if (index->count > 0)
		memcpy(views, index->views, index->count * sizeof *views);
	huge_free(index->slots, index->slots_count * sizeof *slots);
	huge_free(index->views, index->views_max * sizeof *views);
	index->views = views;
	index->slots = slots;
	index->views_max = views_max;
	index->slots_count = views_max * 2;
	return 0;
}

int
view_index_add(struct view_index *index, const struct view *view)
{
	uint32_t slot;

	if (grow(index) != 0)
		return STORE_ENOMEM;
	slot = slot_of(index, view->state.key);
	assert(index->slots[slot] == 0);
	index->views[index->count++] = *view;
	index->slots[slot] = (uint64_t)hash_of(view->state.key) << 32 | index->count;
	return 0;
}

/* Backward-shift deletion (Knuth 6.4, algorithm R). */
void
view_index_remove_last(struct view_index *index)
{
	uint32_t mask = index->slots_count - 1, hole;

	assert(index->count > 0);
	hole = slot_of(index, index->views[index->count - 1].state.key);
	assert((uint32_t)index->slots[hole] == index->count);
	for (uint32_t slot = (hole + 1) & mask; index->slots[slot] != 0; slot = (slot + 1) & mask) {
		uint32_t home = (uint32_t)(index->slots[slot] >> 32) & mask;

		if (((slot - home) & mask) < ((slot - hole) & mask))
			continue;
		index->slots[hole] = index->slots[slot];
		hole = slot;
	}
	index->slots[hole] = 0;
	index->count--;
}

size_t
view_index_bytes(const struct view_index *index)
{
	return index->views_max * sizeof *index->views + index->slots_count * sizeof *index->slots;
}
