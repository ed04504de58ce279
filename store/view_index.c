/*
 * view_index.h: linear probing, keys already being keyed hashes. A slot has
 * half of the hash beside the index, so that looking for a view that is not
 * there touches one line of memory. Must not look into memtables.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recycle.h"
#include "view_index.h"

#define VIEWS_MIN 256u /* of the slots */
/* Views lie in chunks that never move: growing touches no fresh memory but what
 * it needs, nor does a chunk of few views, page by page. A chunk is a block, and
 * full: blocks go round, so what one has no use for is memory all the same. */
#define CHUNK_VIEWS ((uint32_t)(RECYCLE_BYTES_MIN / sizeof(struct view)))

static inline struct view *
view_at(const struct view_index *index, uint32_t at)
{
	return &index->chunks[at / CHUNK_VIEWS][at % CHUNK_VIEWS];
}

static size_t
slots_bytes(const struct view_index *index)
{
	return index->slots_count * sizeof *index->slots;
}

void
view_index_clear(struct view_index *index)
{
	for (uint32_t i = 0; i < index->chunks_count; i++)
		recycle_free(index->chunks[i], RECYCLE_BYTES_MIN);
	free(index->chunks);
	recycle_free(index->slots, slots_bytes(index));
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
		view = view_at(index, (uint32_t)index->slots[slot] - 1);
		if (view->state.key[0] == key[0] && view->state.key[1] == key[1])
			break;
	}
	return slot;
}

struct view *
view_index_search(const struct view_index *index, const uint64_t key[2])
{
	uint64_t slot = index->slots[slot_of(index, key)];

	return slot == 0 ? NULL : view_at(index, (uint32_t)slot - 1);
}

static int
grow_slots(struct view_index *index)
{
	uint32_t slots_count = index->slots_count == 0 ? VIEWS_MIN * 2 : index->slots_count * 2;
	uint32_t mask = slots_count - 1;
	uint64_t *slots = recycle_zalloc(slots_count * sizeof *slots);

	if (slots == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < index->slots_count; i++) {
		uint32_t slot = (uint32_t)(index->slots[i] >> 32) & mask;

		if (index->slots[i] == 0)
			continue;
		while (slots[slot] != 0)
			slot = (slot + 1) & mask;
		slots[slot] = index->slots[i];
	}
	recycle_free(index->slots, slots_bytes(index));
	index->slots = slots;
	index->slots_count = slots_count;
	return 0;
}

/* Room for one more view. */
static int
grow_chunks(struct view_index *index)
{
	uint32_t needed = index->count / CHUNK_VIEWS + 1;
	struct view **grown;

	if (needed <= index->chunks_count)
		return 0;
	if (index->chunks_count == index->chunks_max) {
		uint32_t chunks_max = index->chunks_max == 0 ? 4 : index->chunks_max * 2;

		if ((grown = realloc(index->chunks, chunks_max * sizeof *grown)) == NULL)
			return STORE_ENOMEM;
		index->chunks = grown;
		index->chunks_max = chunks_max;
	}
	index->chunks[index->chunks_count] = recycle_alloc(RECYCLE_BYTES_MIN);
	if (index->chunks[index->chunks_count] == NULL)
		return STORE_ENOMEM;
	index->chunks_count++;
	return 0;
}

int
view_index_add(struct view_index *index, const struct view *view)
{
	uint32_t slot;

	if ((index->count * 2 >= index->slots_count && grow_slots(index) != 0) ||
	    grow_chunks(index) != 0)
		return STORE_ENOMEM;
	slot = slot_of(index, view->state.key);
	assert(index->slots[slot] == 0);
	*view_at(index, index->count++) = *view;
	index->slots[slot] = (uint64_t)hash_of(view->state.key) << 32 | index->count;
	return 0;
}

/* Backward-shift deletion (Knuth 6.4, algorithm R). */
void
view_index_remove_last(struct view_index *index)
{
	uint32_t mask = index->slots_count - 1, hole;

	assert(index->count > 0);
	hole = slot_of(index, view_at(index, index->count - 1)->state.key);
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

struct view *
view_index_at(const struct view_index *index, uint32_t at)
{
	assert(at < index->count);
	return view_at(index, at);
}

size_t
view_index_bytes(const struct view_index *index)
{
	/* Of a chunk, pages are there from when they are used. */
	return index->count * sizeof(struct view) + slots_bytes(index);
}
