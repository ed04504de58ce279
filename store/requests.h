/*
 * Requests that must take effect once (import's Idempotency-Key): remembered
 * for 24 hours. Owner: the writer (store.writer_mutex).
 */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "store.h"

#define REQUESTS_KEEP_MS (24 * 3600 * 1000LL)
#define REQUESTS_MAX 16384u /* the oldest is forgotten beyond */

/* A ring in order of arrival; zero it to begin. */
struct requests {
	struct store_request *ring; /* owned: [REQUESTS_MAX] */
	uint32_t first, count;
};

void requests_clear(struct requests *requests);
/* NULL when the key is not known. */
const struct store_request *requests_find(const struct requests *requests, const uint8_t key[16]);
/* Adds as the youngest, in place of the one with the same key; forgets what is
 * older than REQUESTS_KEEP_MS before request->received_ms. */
int requests_put(struct requests *requests, const struct store_request *request);
/* Takes the youngest back (an append that failed). */
void requests_remove_last(struct requests *requests);
const struct store_request *requests_at(const struct requests *requests, uint32_t index);

#endif
