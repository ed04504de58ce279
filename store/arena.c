/*
 * Region allocator: what one query, decode or flush needs lives in one arena
 * and goes at once. Must not abort: NULL means memory or the bound is used up.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

#define ALIGNMENT 16u
#define CHUNK_BYTES_MIN 4096u
#define CHUNK_BYTES_MAX (1u << 20)
#define KEPT_BYTES_MAX ((size_t)16 << 20) /* by a reset */

struct chunk {
	struct chunk *previous; /* owned */
	size_t size, used;      /* of bytes[] */
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

struct store_arena {
	struct chunk *last; /* owned; its bytes are handed out next */
	size_t bytes_max;   /* 0: unbounded */
	size_t bytes;       /* handed out, with alignment */
};

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

		free(chunk);
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
	size_t capacity = arena->last == NULL ? CHUNK_BYTES_MIN : arena->last->size * 2;
	struct chunk *chunk;

	if (capacity > CHUNK_BYTES_MAX)
		capacity = CHUNK_BYTES_MAX;
	if (capacity < size)
		capacity = size;
	if (capacity > SIZE_MAX - sizeof *chunk ||
	    (chunk = malloc(sizeof *chunk + capacity)) == NULL)
		return NULL;
	chunk->previous = arena->last;
	chunk->size = capacity;
	chunk->used = 0;
	arena->last = chunk;
	return chunk;
}

void *
store_arena_alloc(struct store_arena *arena, size_t size)
{
	struct chunk *chunk = arena->last;
	size_t rounded;
	void *bytes;

	if (size > SIZE_MAX / 2)
		return NULL;
	rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (rounded == 0)
		rounded = ALIGNMENT;
	if (arena->bytes_max != 0 &&
	    (arena->bytes > arena->bytes_max || rounded > arena->bytes_max - arena->bytes))
		return NULL;
	if ((chunk == NULL || chunk->size - chunk->used < rounded) &&
	    (chunk = add_chunk(arena, rounded)) == NULL)
		return NULL;
	bytes = chunk->bytes + chunk->used;
	chunk->used += rounded;
	arena->bytes += rounded;
	assert(((uintptr_t)bytes & (ALIGNMENT - 1)) == 0);
	return bytes;
}

void *
store_arena_zalloc(struct store_arena *arena, size_t size)
{
	void *bytes = store_arena_alloc(arena, size);

	return bytes == NULL ? NULL : memset(bytes, 0, size);
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
			free(kept);
			arena->last = NULL;
			if ((kept = add_chunk(arena, needed)) == NULL)
				return;
		}
	}
	if (kept->size > KEPT_BYTES_MAX) {
		free(kept);
		arena->last = NULL;
		return;
	}
	kept->used = 0;
}
