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

struct partition_cleaned {
	uint32_t deleted, renamed;
};

/*
 * After a crash: removes unfinished files, and segments that the manifest does
 * not list. Those with an id that it covers are what a flush left that was cut
 * short (its rows are in the WAL), or what a merge replaced: they go. Others
 * are not this manifest's, nor is anything when it is not `current` (the WAL
 * file that it begins with is gone): they are renamed to NAME.orphan.
 */
int partition_clean(struct io *io, const char *directory, const struct store_schema *schema,
		    const struct manifest *manifest, bool current, struct partition_cleaned *out,
		    struct store_error *error);

/* Tells the path of each file among the segments that the manifest does not list. */
int partition_strays(struct io *io, const char *directory, const struct store_schema *schema,
		     const struct manifest *manifest, void (*tell)(void *context, const char *path),
		     void *context, struct store_error *error);

/* 1 when a table has a directory, 0, or -errno: for telling a new store from
 * one that lost its manifest. */
int partition_any(struct io *io, const char *directory, const struct store_schema *schema);

#endif
