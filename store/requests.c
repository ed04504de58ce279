/*
 * requests.h: a ring searched from the youngest, since imports are a few a
 * second at most. Must not judge a repeat; append.c does.
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

const struct store_request *
requests_at(const struct requests *requests, uint32_t index)
{
	assert(index < requests->count);
	return &requests->ring[(requests->first + index) % REQUESTS_MAX];
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

int
requests_put(struct requests *requests, const struct store_request *request)
{
	struct store_request *known;

	if (requests->ring == NULL &&
	    (requests->ring = calloc(REQUESTS_MAX, sizeof *requests->ring)) == NULL)
		return STORE_ENOMEM;
	while (requests->count > 0 &&
	       (requests->count == REQUESTS_MAX ||
		requests_at(requests, 0)->received_ms < request->received_ms - REQUESTS_KEEP_MS)) {
		requests->first = (requests->first + 1) % REQUESTS_MAX;
		requests->count--;
	}
	known = (struct store_request *)(uintptr_t)requests_find(requests, request->key);
	if (known != NULL) {
		*known = *request;
		return 0;
	}
	requests->ring[(requests->first + requests->count++) % REQUESTS_MAX] = *request;
	return 0;
}

void
requests_remove_last(struct requests *requests)
{
	assert(requests->count > 0);
	requests->count--;
}
