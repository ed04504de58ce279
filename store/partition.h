/*
 * Directories of segments: TABLE/YYYY-MM-DD below the store's directory.
 */
#ifndef PARTITION_H
#define PARTITION_H

#include "manifest.h"

#define PARTITION_DAY_MS 86400000LL

/* Day of a time, also before 1970. */
int32_t partition_day(int64_t time_ms);

/* Makes the segment's directory, durably, and gives its path. */
int partition_make(struct io *io, const char *directory, const struct store_schema *schema,
		   const struct manifest_segment *segment, char *path, size_t path_size,
		   struct store_error *error);

/* After a crash: removes unfinished files, and renames segments that the
 * manifest does not list to NAME.orphan. Returns how many were renamed, or a
 * negative code. */
int partition_clean(struct io *io, const char *directory, const struct store_schema *schema,
		    const struct manifest *manifest, struct store_error *error);

#endif
