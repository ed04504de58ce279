/*
 * requests.h: a ring searched from the youngest, since imports are a few a
 * second at most. Must not judge a repeat; append_commit.c does.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "requests.h"

void
requests_clear(struct requests *requests)
{
	free(requests->ring);
	memset(requests, 0, sizeof *requests);
}

static struct store_request *
slot(const struct requests *requests, uint32_t index)
{
	return &requests->ring[(requests->first + index) % REQUESTS_MAX];
}

const struct store_request *
requests_at(const struct requests *requests, uint32_t index)
{
	assert(index < requests->count);
	return slot(requests, index);
}

const struct store_request *
requests_find(const struct requests *requests, const uint8_t key[16])
{
	for (uint32_t i = requests->count; i-- > 0;) {
		const struct store_request *request = requests_at(requests, i);

		if (memcmp(request->key, key, sizeof request->key) == 0)
			return request;
	}
	return NULL;
}

/* Keeps the order of the others. */
static void
forget(struct requests *requests, const uint8_t key[16])
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < requests->count; i++) {
		const struct store_request *request = slot(requests, i);

		if (memcmp(request->key, key, sizeof request->key) != 0)
			*slot(requests, kept++) = *request;
	}
	requests->count = kept;
}

int
requests_put(struct requests *requests, const struct store_request *request)
{
	const struct store_request *known;

	if (requests->ring == NULL &&
	    (requests->ring = calloc(REQUESTS_MAX, sizeof *requests->ring)) == NULL)
		return STORE_ENOMEM;
	known = requests_find(requests, request->key);
	if (known != NULL && known->received_ms == request->received_ms)
		return 0; /* the same again, as each WAL file has it */
	if (known != NULL)
		forget(requests, request->key);
	while (requests->count > 0 &&
	       (requests->count == REQUESTS_MAX ||
		slot(requests, 0)->received_ms < request->received_ms - REQUESTS_KEEP_MS)) {
		requests->first = (requests->first + 1) % REQUESTS_MAX;
		requests->count--;
	}
	*slot(requests, requests->count++) = *request;
	return 0;
}

void
requests_remove_last(struct requests *requests)
{
	assert(requests->count > 0);
	requests->count--;
}
