/*
 * Whole partitions go when every row in them is older than their table's
 * retention. Between maintain.c and publish.h. Must not trust a clock that
 * jumped: that is maintain.c's to judge.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "partition.h"
#include "publish.h"

/* A day whose last moment is older than `days` before now. */
static bool
is_expired(const struct store *store, const struct manifest_segment *entry, int64_t now_ms)
{
	const uint32_t *days = store->options.retention_days;

	return days != NULL && days[entry->table] != 0 &&
	       (int64_t)entry->partition_day + 1 + days[entry->table] <= partition_day(now_ms);
}

int
retention_apply(struct store *store, int64_t now_ms, struct store_error *error)
{
	struct publication publication = {0};
	struct open_segment **expired;
	uint64_t rows = 0;
	uint32_t count = 0;
	int result = 0;

	pthread_mutex_lock(&store->maintenance_mutex);
	pthread_mutex_lock(&store->manifest_mutex);
	expired = malloc(((size_t)store->segments_count + 1) * sizeof *expired);
	if (expired == NULL)
		result = store_error_set(error, STORE_ENOMEM, "out of memory applying retention");
	for (uint32_t i = 0; result == 0 && i < store->segments_count; i++) {
		if (!is_expired(store, &store->segments[i]->entry, now_ms))
			continue;
		expired[count++] = store->segments[i];
		rows += store->segments[i]->entry.summary.rows_count;
	}
	if (result == 0 && count > 0) {
		publication.removed = expired;
		publication.removed_count = count;
		result = publish(store, &publication, error);
	}
	if (result == 0 && count > 0) {
		state_log(store, "retention: %u segments with %llu rows removed", count,
			  (unsigned long long)rows);
		pthread_mutex_lock(&store->state_mutex);
		store->stats.partitions_expired += count;
		store->stats.rows_expired += rows;
		pthread_mutex_unlock(&store->state_mutex);
	}
	free(expired);
	pthread_mutex_unlock(&store->manifest_mutex);
	pthread_mutex_unlock(&store->maintenance_mutex);
	return result;
}

int
store_retain(struct store *store, int64_t now_ms, struct store_error *error)
{
	return retention_apply(store, now_ms, error);
}
