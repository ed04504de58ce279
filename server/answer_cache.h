/*
 * Answers that are kept, for the same query on the same rows: dashboards ask
 * again and again. Bounded in bytes; what was used longest ago goes first. Any
 * thread.
 */
#ifndef ANSWER_CACHE_H
#define ANSWER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct answer_cache;

/* Immutable once it is in a cache; freed when nobody has it any more. */
struct answer {
	const char *body, *headers; /* in the same block */
	size_t body_size, headers_size;
	const char *content_type; /* static */
	uint64_t rows_count;
};

/* bytes_max bounds keys and answers together; 0: nothing is kept. */
struct answer_cache *answer_cache_create(size_t bytes_max);
/* All answers must have been released. */
void answer_cache_destroy(struct answer_cache *cache);

/* The answer, to be released, or NULL. */
const struct answer *answer_cache_find(struct answer_cache *cache, struct store_str key);
void answer_cache_release(struct answer_cache *cache, const struct answer *answer);
/* Keeps a copy, unless it is more than an eighth of the bound, or memory runs
 * out. One with the same key is replaced. */
void
answer_cache_put(struct answer_cache *cache, struct store_str key, const struct answer *answer);

#endif
