/*
 * Region allocator: what one query, decode or flush needs lives in one arena
 * and goes at once. Large chunks are kept for the next arena. Must not abort:
 * NULL means memory or the bound is used up.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store.h"

#define ALIGNMENT 16u
/* Larger pieces begin with a line of the processor's cache: no vector of their
 * values lies in two, and decoding stores hardly anything else. */
#define LINE_BYTES 64u
#define LINES_BYTES_MIN ((size_t)1024)
#define CHUNK_BYTES_MIN 4096u
#define CHUNK_BYTES_MAX (1u << 20)
#define KEPT_BYTES_MAX ((size_t)16 << 20) /* by a reset */
/* Chunks of this size and more ask for pages of it: the buckets of hundreds of groups are
 * counted in here and there, and looking up where small pages lie takes 4 to 9 % of such a
 * query. */
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/* Chunks that were freed, for any arena: the kernel takes as long to give zeroed
 * pages as a small query takes for all else. Smaller ones malloc keeps. */
#define SPARE_BYTES_MIN ((size_t)64 << 10)
#define SPARE_CLASSES 9u /* 64 KiB, 128, ... 16 MiB */
#ifdef __SANITIZE_ADDRESS__
#define SPARE_BYTES_MAX ((size_t)0) /* whoever uses freed memory is found */
#else
#define SPARE_BYTES_MAX ((size_t)96 << 20) /* all together */
#endif

_Static_assert(SPARE_BYTES_MIN << (SPARE_CLASSES - 1) == KEPT_BYTES_MAX, "classes");

struct chunk {
	struct chunk *previous; /* owned */
	size_t size, used;      /* of `bytes` */
	unsigned char *bytes;   /* at a line; behind the struct, or: */
	void *apart;            /* owned; NULL */
};

struct store_arena {
	struct chunk *last; /* owned; its bytes are handed out next */
	size_t bytes_max;   /* 0: unbounded */
	size_t bytes;       /* handed out, with alignment */
};

static struct {
	pthread_mutex_t mutex;
	struct chunk *lists[SPARE_CLASSES]; /* by `previous` */
	size_t bytes;
} spare = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The class of chunks of that size; SPARE_CLASSES: they are not kept. */
static uint32_t
spare_class(size_t size)
{
	uint32_t class = 0;

	while (class < SPARE_CLASSES && SPARE_BYTES_MIN << class != size)
		class ++;
	return class;
}

static void
free_chunk(struct chunk *chunk)
{
	if (chunk != NULL)
		free(chunk->apart);
	free(chunk);
}

static struct chunk *
create_huge_chunk(size_t capacity)
{
	struct chunk *chunk = malloc(sizeof *chunk);
	size_t size = (capacity + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
	void *bytes = aligned_alloc(HUGE_PAGE_BYTES, size);

	if (chunk == NULL || bytes == NULL) {
		free(chunk);
		free(bytes);
		return NULL;
	}
	madvise(bytes, size, MADV_HUGEPAGE); /* small ones do, too */
	chunk->size = capacity;
	chunk->bytes = chunk->apart = bytes;
	return chunk;
}

static struct chunk *
create_chunk(size_t capacity)
{
	struct chunk *chunk;

	if (capacity >= HUGE_PAGE_BYTES)
		return create_huge_chunk(capacity);
	if ((chunk = malloc(sizeof *chunk + LINE_BYTES + capacity)) == NULL)
		return NULL;
	chunk->size = capacity;
	chunk->bytes = (unsigned char *)(chunk + 1);
	chunk->bytes += -(uintptr_t)chunk->bytes % LINE_BYTES;
	chunk->apart = NULL;
	return chunk;
}

static struct chunk *
take_chunk(size_t capacity)
{
	uint32_t class = spare_class(capacity);
	struct chunk *chunk = NULL;

	if (class < SPARE_CLASSES) {
		pthread_mutex_lock(&spare.mutex);
		if ((chunk = spare.lists[class]) != NULL) {
			spare.lists[class] = chunk->previous;
			spare.bytes -= capacity;
		}
		pthread_mutex_unlock(&spare.mutex);
	}
	return chunk != NULL ? chunk : create_chunk(capacity);
}

static void
drop_chunk(struct chunk *chunk)
{
	uint32_t class = spare_class(chunk->size);

	if (class < SPARE_CLASSES) {
		pthread_mutex_lock(&spare.mutex);
		if (spare.bytes + chunk->size <= SPARE_BYTES_MAX) {
			chunk->previous = spare.lists[class];
			spare.lists[class] = chunk;
			spare.bytes += chunk->size;
			chunk = NULL;
		}
		pthread_mutex_unlock(&spare.mutex);
	}
	free_chunk(chunk);
}

void
store_arena_trim(void)
{
	struct chunk *lists[SPARE_CLASSES];

	pthread_mutex_lock(&spare.mutex);
	memcpy(lists, spare.lists, sizeof lists);
	memset(spare.lists, 0, sizeof spare.lists);
	spare.bytes = 0;
	pthread_mutex_unlock(&spare.mutex);
	for (uint32_t class = 0; class < SPARE_CLASSES; class ++) {
		for (struct chunk *chunk = lists[class], *next; chunk != NULL; chunk = next) {
			next = chunk->previous;
			free_chunk(chunk);
		}
	}
}

struct store_arena *
store_arena_create(size_t bytes_max)
{
	struct store_arena *arena = calloc(1, sizeof *arena);

	if (arena != NULL)
		arena->bytes_max = bytes_max;
	return arena;
}

static void
free_chunks(struct chunk *chunk)
{
	while (chunk != NULL) {
		struct chunk *previous = chunk->previous;

		drop_chunk(chunk);
		chunk = previous;
	}
}

void
store_arena_free(struct store_arena *arena)
{
	if (arena == NULL)
		return;
	free_chunks(arena->last);
	free(arena);
}

/* Chunks double up to a bound, so that small arenas stay small. */
static struct chunk *
add_chunk(struct store_arena *arena, size_t size)
{
	size_t capacity = CHUNK_BYTES_MIN;
	struct chunk *chunk;

	while (arena->last != NULL && capacity <= arena->last->size && capacity < CHUNK_BYTES_MAX)
		capacity *= 2;
	while (capacity < size && capacity < KEPT_BYTES_MAX)
		capacity *= 2;
	if (capacity < size)
		capacity = size;
	if (capacity > SIZE_MAX - sizeof *chunk - HUGE_PAGE_BYTES ||
	    (chunk = take_chunk(capacity)) == NULL)
		return NULL;
	chunk->previous = arena->last;
	chunk->used = 0;
	arena->last = chunk;
	return chunk;
}

/* What a piece takes of its chunk. */
static size_t
rounded_size(size_t size)
{
	return size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* What lies between the pieces so far and one of that size. */
static inline size_t
gap_before(const struct chunk *chunk, size_t size)
{
	return chunk == NULL || size < LINES_BYTES_MIN ? 0 : -chunk->used % LINE_BYTES;
}

void *
store_arena_alloc(struct store_arena *arena, size_t size)
{
	struct chunk *chunk = arena->last;
	size_t rounded, gap;
	void *bytes;

	if (size > SIZE_MAX / 2)
		return NULL;
	rounded = rounded_size(size);
	gap = gap_before(chunk, size);
	if (arena->bytes_max != 0 &&
	    (arena->bytes > arena->bytes_max || rounded > arena->bytes_max - arena->bytes))
		return NULL;
	if (chunk == NULL || chunk->size - chunk->used < gap + rounded) {
		if ((chunk = add_chunk(arena, rounded)) == NULL)
			return NULL;
		gap = 0;
	}
	bytes = chunk->bytes + chunk->used + gap;
	chunk->used += gap + rounded;
	arena->bytes += gap + rounded;
	assert(((uintptr_t)bytes & (ALIGNMENT - 1)) == 0);
	return bytes;
}

void *
store_arena_zalloc(struct store_arena *arena, size_t size)
{
	void *bytes = store_arena_alloc(arena, size);

	return bytes == NULL ? NULL : memset(bytes, 0, size);
}

void
store_arena_release(struct store_arena *arena, void *bytes, size_t size)
{
	size_t rounded = rounded_size(size);

	if (rounded < CHUNK_BYTES_MAX)
		return;
	for (struct chunk **at = &arena->last; *at != NULL; at = &(*at)->previous) {
		struct chunk *chunk = *at;

		if (chunk->bytes != bytes)
			continue;
		if (chunk->used == rounded) {
			*at = chunk->previous;
			arena->bytes -= rounded;
			drop_chunk(chunk);
		}
		return;
	}
}

void
store_arena_lower(struct store_arena *arena, size_t bytes_max)
{
	if (arena->bytes_max == 0 || bytes_max < arena->bytes_max)
		arena->bytes_max = bytes_max;
}

size_t
store_arena_bytes(const struct store_arena *arena)
{
	return arena->bytes;
}

/* What one use needed in several chunks, the next finds in one: memory that
 * comes and goes at every block costs more in page faults than its use. */
void
store_arena_reset(struct store_arena *arena)
{
	struct chunk *kept = arena->last;
	size_t needed = arena->bytes;

	arena->bytes = 0;
	if (kept == NULL)
		return;
	if (kept->previous != NULL) {
		free_chunks(kept->previous);
		kept->previous = NULL;
		if (needed > KEPT_BYTES_MAX)
			needed = KEPT_BYTES_MAX;
		if (kept->size < needed) {
			drop_chunk(kept);
			arena->last = NULL;
			if ((kept = add_chunk(arena, needed)) == NULL)
				return;
		}
	}
	if (kept->size > KEPT_BYTES_MAX) {
		drop_chunk(kept);
		arena->last = NULL;
		return;
	}
	kept->used = 0;
}
