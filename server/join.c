/*
 * join.h. Between decoding and enrichment of foreign beacons; keeps hashes of
 * clients in memory only.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "event_row.h"
#include "join.h"

#define SETS 4096u
#define WAYS 8u
#define KEEP_MS (30 * 60 * 1000LL) /* since its last beacon */

struct known {
	uint64_t key; /* 0: free */
	uint64_t view_id;
	uint64_t metrics[EVENT_METRICS_COUNT];
	int64_t began_ms, last_ms;
};

struct join {
	pthread_mutex_t mutex;          /* guards the table */
	struct known known[SETS][WAYS]; /* 3 MiB */
};

struct join *
join_create(void)
{
	struct join *join = calloc(1, sizeof *join);

	if (join != NULL)
		pthread_mutex_init(&join->mutex, NULL);
	return join;
}

void
join_destroy(struct join *join)
{
	if (join == NULL)
		return;
	pthread_mutex_destroy(&join->mutex);
	free(join);
}

static uint64_t
key_of(const struct event *event, const struct event_client *client)
{
	uint64_t key = XXH3_64bits_withSeed(event->site.bytes, event->site.size, event->join_key);

	if (event->join_client) {
		key = XXH3_64bits_withSeed(client->address.bytes, client->address.size, key);
		key = XXH3_64bits_withSeed(client->user_agent.bytes, client->user_agent.size, key);
	}
	return key == 0 ? 1 : key;
}

/* Metrics in common: above 0 the view is this one for sure; below, another. */
static int
compare(const struct known *known, const struct event *event)
{
	int same = 0;

	for (uint32_t i = 0; i < EVENT_METRICS_COUNT; i++) {
		if (known->metrics[i] == 0 || event->metrics[i] == 0)
			continue;
		if (known->metrics[i] != event->metrics[i])
			return -1;
		same++;
	}
	return same;
}

/* The view with a metric of this one's, else the youngest that could be. */
static struct known *
find(struct known *set, uint64_t key, const struct event *event, int64_t now)
{
	struct known *best = NULL;
	int best_same = 0;

	for (uint32_t w = 0; w < WAYS; w++) {
		int same;

		if (set[w].key != key || set[w].last_ms < now - KEEP_MS)
			continue;
		same = compare(&set[w], event);
		if (same > best_same ||
		    (same == best_same && (best == NULL || set[w].began_ms > best->began_ms))) {
			best = &set[w];
			best_same = same;
		}
	}
	return best;
}

static struct known *
begin(struct known *set, uint64_t key, const struct event *event, int64_t now)
{
	struct known *oldest = &set[0];
	uint64_t parts[3] = {key, (uint64_t)now, 0};

	for (uint32_t w = 1; w < WAYS && oldest->key != 0; w++) {
		if (set[w].key == 0 || set[w].last_ms < oldest->last_ms)
			oldest = &set[w];
	}
	for (uint32_t i = 0; i < EVENT_METRICS_COUNT; i++)
		parts[2] ^= event->metrics[i];
	memset(oldest, 0, sizeof *oldest);
	oldest->key = key;
	oldest->view_id = XXH3_64bits(parts, sizeof parts);
	oldest->began_ms = event->has_time ? event->time_ms : now;
	return oldest;
}

void
join_view(struct join *join, struct event *event, const struct event_client *client)
{
	int64_t now = client->received_ms;
	struct known *set, *known;
	uint64_t key;

	if (event->join_key == 0)
		return;
	key = key_of(event, client);
	set = join->known[key % SETS];
	pthread_mutex_lock(&join->mutex);
	if ((known = find(set, key, event, now)) != NULL)
		event->again = true; /* its row may have gone to a segment */
	else
		known = begin(set, key, event, now);
	for (uint32_t i = 0; i < EVENT_METRICS_COUNT; i++) {
		if (event->metrics[i] != 0)
			known->metrics[i] = event->metrics[i];
	}
	known->last_ms = now;
	event->view_id = known->view_id;
	event->time_ms = known->began_ms;
	event->has_time = true;
	pthread_mutex_unlock(&join->mutex);
}
