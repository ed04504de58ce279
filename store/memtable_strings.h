/*
 * The inside of a memtable: its memory and the distinct strings of its columns.
 * For memtable*.c alone. One writer; readers look strings up by code below
 * `count`, which is raised after the string is there.
 */
#ifndef MEMTABLE_STRINGS_H
#define MEMTABLE_STRINGS_H

#include <stdatomic.h>

#include "vector.h"

#define MEMTABLE_STRING_CHUNKS_MAX 512u /* 512 Ki distinct strings a column */
#define MEMTABLE_STRINGS_MAX (MEMTABLE_STRING_CHUNKS_MAX * DICTIONARY_CHUNK_SIZE)

struct memtable_slab;

/* Zero it to begin, but for `secret`. */
struct memtable_memory {
	uint64_t secret;             /* keys the hashes */
	_Atomic size_t bytes;        /* in use; any thread may read it */
	struct store_arena *arena;   /* owned: the strings' bytes */
	struct memtable_slab *slabs; /* owned: the rest, youngest first */
};

/* Zeroed, aligned to 64, freed with all the rest; NULL without memory. */
void *memtable_memory_take(struct memtable_memory *memory, size_t size);
void memtable_memory_clear(struct memtable_memory *memory);

/* A string in a hash table. Of up to 16 bytes, these are the string itself and
 * finding it looks nowhere else; of more, `head` is a hash and `tail` where the
 * bytes are. */
struct memtable_slot {
	uint64_t head, tail;
	uint32_t size;
	uint32_t code; /* + 1; 0: a free slot */
};

struct memtable_strings {
	struct store_str *chunks[MEMTABLE_STRING_CHUNKS_MAX]; /* the memory's; by code */
	_Atomic uint32_t count;
	struct memtable_slot *slots; /* owned, writer only */
	uint32_t slots_count;        /* a power of 2 */
};

/* Codes of count strings, at most MEMTABLE_LOOKS_MAX, new or known: 0,
 * STORE_ENOMEM, or STORE_ELIMIT when there are too many. */
#define MEMTABLE_LOOKS_MAX 32u
int memtable_strings_codes(struct memtable_memory *memory, struct memtable_strings *strings,
			   const struct store_str *wanted, uint32_t count, uint32_t *codes);
void memtable_strings_clear(struct memtable_strings *strings);

static inline struct store_str
memtable_strings_at(const struct memtable_strings *strings, uint32_t code)
{
	return strings->chunks[code >> DICTIONARY_CHUNK_BITS][code & (DICTIONARY_CHUNK_SIZE - 1)];
}

#endif
