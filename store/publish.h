/*
 * Changing what the store consists of: new segments are written, then one
 * replacement of the manifest lists them, drops others and the generation that
 * was flushed; only then do snapshots see it, in one step. Used by flush, merge,
 * retention and erasure.
 *
 * Call order: publish_reserve, publish_write ..., then publish or
 * publish_abandon. The caller of publish_reserve and publish holds
 * manifest_mutex.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "state.h"

/* Zero it to begin; publish or publish_abandon ends it. */
struct publication {
	struct open_segment **added; /* owned */
	uint32_t added_count;
	struct open_segment *const *removed; /* borrowed: of store->segments */
	uint32_t removed_count;
	struct generation *flushed; /* the oldest generation, whose rows were added; or NULL */
	bool listed;                /* the manifest on disk may name `added` */
};

/* Makes sure that the manifest on disk covers the ids of segments that will be
 * written now: what a crash leaves of them is then known to be ours. */
int publish_reserve(struct store *store, struct store_error *error);

/* Writes a segment of `table` for that day and adds it. Holds no mutex. */
int publish_write(struct store *store, struct publication *publication, uint32_t table, int32_t day,
		  const struct segment_source *source, struct store_error *error);

/* All of it or nothing: STORE_EBUSY when one to be removed is no longer there.
 * After an error publish_abandon is due. Files of removed
 * segments are deleted; snapshots that read them go on. */
int publish(struct store *store, struct publication *publication, struct store_error *error);
void publish_abandon(struct store *store, struct publication *publication);

#endif
