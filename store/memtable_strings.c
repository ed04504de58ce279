/*
 * memtable_strings.h: from the strings of cells to codes, a dozen times a row.
 * Must not move a string that a reader may look at.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "codec_vector.h"
#include "memtable_strings.h"
#include "recycle.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

#define SHORT_MAX 16u /* bytes of a string that a slot has whole */
#define SLOTS_MIN 32u
#define AHEAD 4u /* strings whose bytes are on their way to the cache */
#define SLAB_BYTES_MIN ((size_t)32 << 10)
#define ALIGNMENT 64u /* a line of the cache */

/* ---- memory ---------------------------------------------------------- */

/* At the beginning of the memory it describes. */
struct memtable_slab {
	struct memtable_slab *next; /* owned; older */
	size_t size, used;          /* the head included */
};

/* They double, so that small memtables stay small. */
static struct memtable_slab *
add_slab(struct memtable_memory *memory, size_t size)
{
	size_t slab_bytes = memory->slabs == NULL ? SLAB_BYTES_MIN : memory->slabs->size * 2;
	struct memtable_slab *slab;

	if (slab_bytes > RECYCLE_BYTES_MIN)
		slab_bytes = RECYCLE_BYTES_MIN;
	if (slab_bytes < size + 2 * (size_t)ALIGNMENT)
		slab_bytes = size + 2 * (size_t)ALIGNMENT;
	if ((slab = recycle_alloc(slab_bytes)) == NULL)
		return NULL;
	slab->next = memory->slabs;
	slab->size = slab_bytes;
	slab->used = sizeof *slab;
	memory->slabs = slab;
	return slab;
}

static size_t
aligned_from(const struct memtable_slab *slab)
{
	uintptr_t at = (uintptr_t)slab + slab->used;

	return (size_t)(((at + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1)) - (uintptr_t)slab);
}

void *
memtable_memory_take(struct memtable_memory *memory, size_t size)
{
	struct memtable_slab *slab = memory->slabs;
	size_t from = slab == NULL ? 0 : aligned_from(slab);

	if (slab == NULL || from > slab->size || slab->size - from < size) {
		if ((slab = add_slab(memory, size)) == NULL)
			return NULL;
		from = aligned_from(slab);
	}
	assert(from + size <= slab->size);
	slab->used = from + size;
	atomic_fetch_add_explicit(&memory->bytes, size, memory_order_relaxed);
	/* Just before it is used: then it is in the cache. */
	return memset((unsigned char *)slab + from, 0, size);
}

void
memtable_memory_clear(struct memtable_memory *memory)
{
	while (memory->slabs != NULL) {
		struct memtable_slab *slab = memory->slabs;

		memory->slabs = slab->next;
		recycle_free(slab, slab->size);
	}
	store_arena_free(memory->arena);
	memory->arena = NULL;
}

/* ---- strings --------------------------------------------------------- */

static inline uint64_t
load64(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof word);
	return word;
}

static inline uint64_t
load32(const char *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof word);
	return word;
}

/* Of a longer string than a slot has whole. */
static inline struct memtable_slot
long_slot(const struct memtable_memory *memory, struct store_str string)
{
	return (struct memtable_slot){
	    .head = XXH3_64bits_withSeed(string.bytes, string.size, memory->secret),
	    .size = string.size};
}

/* The others: the string itself, and zeros behind it. */
static inline struct memtable_slot
short_slot(struct store_str string)
{
	const char *bytes = string.bytes;
	uint32_t size = string.size;
	struct memtable_slot slot = {.size = size};

	if (size >= 8) {
		slot.head = load64(bytes);
		slot.tail = size == 8 ? 0 : load64(bytes + size - 8) >> (128 - size * 8);
	} else if (size >= 4) {
		slot.head = load32(bytes) | load32(bytes + size - 4) << (size * 8 - 32);
	} else if (size > 0) {
		slot.head = (uint64_t)(unsigned char)bytes[0] |
			    (uint64_t)(unsigned char)bytes[size / 2] << size / 2 * 8 |
			    (uint64_t)(unsigned char)bytes[size - 1] << (size * 8 - 8);
	}
	return slot;
}

static void
make_slots_plain(const struct memtable_memory *memory, const struct store_str *strings,
		 uint32_t count, struct memtable_slot *slots)
{
	for (uint32_t i = 0; i < count; i++)
		slots[i] = strings[i].size > SHORT_MAX ? long_slot(memory, strings[i])
						       : short_slot(strings[i]);
}

#if CODEC_HAS_AVX2
/* Sizes come in any order, and no branch by them is foreseen. */
CODEC_AVX512 static void
make_slots_avx512(const struct memtable_memory *memory, const struct store_str *strings,
		  uint32_t count, struct memtable_slot *slots)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t size = strings[i].size;
		/* To load nothing from nowhere would be slow. */
		const char *bytes = size == 0 ? "" : strings[i].bytes;
		__m128i both;

		if (size > SHORT_MAX) {
			slots[i] = long_slot(memory, strings[i]);
			continue;
		}
		both = _mm_maskz_loadu_epi8((__mmask16)_bzhi_u32(UINT16_MAX, size), bytes);
		slots[i] = (struct memtable_slot){.head = (uint64_t)_mm_cvtsi128_si64(both),
						  .tail = (uint64_t)_mm_extract_epi64(both, 1),
						  .size = size};
	}
}
#endif

/* All but the codes. Of up to 16 bytes, no two strings of a size are alike. */
static void
make_slots(const struct memtable_memory *memory, const struct store_str *strings, uint32_t count,
	   struct memtable_slot *slots)
{
#if CODEC_HAS_AVX2
	if (codec_has_avx512()) {
		make_slots_avx512(memory, strings, count, slots);
		return;
	}
#endif
	make_slots_plain(memory, strings, count, slots);
}

/* A 128-bit product, folded: who does not know the secret cannot choose strings
 * that meet. */
static inline uint32_t
hash_of(const struct memtable_memory *memory, const struct memtable_slot *slot)
{
	uint64_t tail = slot->size > SHORT_MAX ? 0 : slot->tail;
	unsigned __int128 product = (unsigned __int128)(slot->head ^ memory->secret) *
				    (tail ^ ~memory->secret * 0x9e3779b97f4a7c15u ^ slot->size);

	return (uint32_t)(product >> 64) ^ (uint32_t)product;
}

/* Where the string is, or the free slot where it would be. */
static inline struct memtable_slot *
find_slot(const struct memtable_strings *strings, uint32_t hash, const struct memtable_slot *wanted,
	  const char *bytes)
{
	uint32_t mask = strings->slots_count - 1;

	for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
		struct memtable_slot *slot = &strings->slots[at];

		if (slot->code == 0)
			return slot;
		if (slot->head != wanted->head || slot->size != wanted->size)
			continue;
		if (slot->size > SHORT_MAX
			? memcmp((const char *)(uintptr_t)slot->tail, bytes, slot->size) == 0
			: slot->tail == wanted->tail)
			return slot;
	}
}

static int
grow(struct memtable_memory *memory, struct memtable_strings *strings)
{
	uint32_t old_count = strings->slots_count;
	uint32_t count = old_count == 0 ? SLOTS_MIN : old_count * 2;
	struct memtable_slot *slots = recycle_zalloc(count * sizeof *slots);

	if (slots == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < old_count; i++) {
		uint32_t at = hash_of(memory, &strings->slots[i]) & (count - 1);

		if (strings->slots[i].code == 0)
			continue;
		while (slots[at].code != 0)
			at = (at + 1) & (count - 1);
		slots[at] = strings->slots[i];
	}
	recycle_free(strings->slots, old_count * sizeof *slots);
	atomic_fetch_add_explicit(&memory->bytes, (count - old_count) * sizeof *slots,
				  memory_order_relaxed);
	strings->slots = slots;
	strings->slots_count = count;
	return 0;
}

/* As code `count`, which readers see last. */
static int
add(struct memtable_memory *memory, struct memtable_strings *strings, struct store_str string)
{
	uint32_t count = strings->count, chunk = count >> DICTIONARY_CHUNK_BITS;
	char *bytes;

	if (chunk >= MEMTABLE_STRING_CHUNKS_MAX)
		return STORE_ELIMIT;
	if (strings->chunks[chunk] == NULL &&
	    (strings->chunks[chunk] = memtable_memory_take(
		 memory, DICTIONARY_CHUNK_SIZE * sizeof(struct store_str))) == NULL)
		return STORE_ENOMEM;
	if ((bytes = store_arena_alloc(memory->arena, string.size)) == NULL)
		return STORE_ENOMEM;
	atomic_fetch_add_explicit(&memory->bytes, string.size + 16u, memory_order_relaxed);
	if (string.size > 0)
		memcpy(bytes, string.bytes, string.size);
	strings->chunks[chunk][count & (DICTIONARY_CHUNK_SIZE - 1)] =
	    (struct store_str){bytes, string.size};
	atomic_store_explicit(&strings->count, count + 1, memory_order_release);
	return 0;
}

static const char *
last_added(const struct memtable_strings *strings)
{
	return memtable_strings_at(strings, strings->count - 1).bytes;
}

/* The slot is in the cache by now; what it points to may not be. */
static inline void
prefetch_bytes(const struct memtable_slot *slot)
{
	if (slot->size > SHORT_MAX)
		__builtin_prefetch((const char *)(uintptr_t)slot->tail);
}

/* Those of all are looked for together, so that waits for memory overlap. */
int
memtable_strings_codes(struct memtable_memory *memory, struct memtable_strings *strings,
		       const struct store_str *wanted, uint32_t count, uint32_t *codes)
{
	struct memtable_slot slots[MEMTABLE_LOOKS_MAX] __attribute__((uninitialized));
	uint32_t hashes[MEMTABLE_LOOKS_MAX] __attribute__((uninitialized));
	int result;

	assert(count <= MEMTABLE_LOOKS_MAX);
	while ((strings->count + count) * 2 > strings->slots_count) {
		if (grow(memory, strings) != 0)
			return STORE_ENOMEM;
	}
	make_slots(memory, wanted, count, slots);
	for (uint32_t i = 0; i < count; i++) {
		hashes[i] = hash_of(memory, &slots[i]);
		__builtin_prefetch(&strings->slots[hashes[i] & (strings->slots_count - 1)]);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct memtable_slot *slot;

		if (i + AHEAD < count)
			prefetch_bytes(
			    &strings->slots[hashes[i + AHEAD] & (strings->slots_count - 1)]);
		slot = find_slot(strings, hashes[i], &slots[i], wanted[i].bytes);
		if (slot->code == 0) {
			if ((result = add(memory, strings, wanted[i])) != 0)
				return result;
			*slot = slots[i];
			slot->code = strings->count;
			if (slot->size > SHORT_MAX)
				slot->tail = (uintptr_t)last_added(strings);
		}
		codes[i] = slot->code - 1;
	}
	return 0;
}

void
memtable_strings_clear(struct memtable_strings *strings)
{
	recycle_free(strings->slots, strings->slots_count * sizeof *strings->slots);
	strings->slots = NULL;
	strings->slots_count = 0;
}
