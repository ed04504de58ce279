/*
 * The list of what the store consists of: live segments, the first WAL file
 * that recovery must replay, and counters. Replaced as a whole by rename;
 * format: FORMAT.md.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include "io.h"
#include "segment.h"

struct manifest_segment {
	uint32_t table;        /* index in the schema by name at reading */
	int32_t partition_day; /* days since 1970-01-01, UTC */
	uint64_t id;           /* file name: %016llx.seg in TABLE/YYYY-MM-DD/ */
	struct segment_summary summary;
};

#define MANIFEST_TABLE_NAME_BYTES_MAX 255u

/* Segments of tables that the schema lacks (an older program on a newer
 * store, or a table was taken out): not served, but carried along. */
struct manifest_kept {
	char (*tables)[MANIFEST_TABLE_NAME_BYTES_MAX + 1]; /* owned: names */
	uint32_t tables_count, segments_count;
	struct manifest_segment *segments; /* owned; table: index in tables */
};

struct manifest {
	uint64_t commit;                   /* all commits <= this are in segments */
	uint64_t wal_floor;                /* id of the first WAL file to replay */
	uint64_t next_file_id;             /* ids are never used twice */
	uint8_t secret[32];                /* random, made with the store: keyed hashes */
	struct manifest_segment *segments; /* owned, malloc */
	uint32_t segments_count;
	struct manifest_kept kept;
};

/* Reads directory/MANIFEST; manifest_clear frees what *out then owns.
 * STORE_EUNKNOWN when there is none, STORE_EVERSION when a newer program wrote
 * it, STORE_ECORRUPT when any byte is not what was written. */
int manifest_read(struct io *io, const char *directory, const struct store_schema *schema,
		  struct manifest *out, struct store_error *error);
/* Replaces it durably. Segment ids are below next_file_id, times in order. */
int manifest_write(struct io *io, const char *directory, const struct store_schema *schema,
		   const struct manifest *manifest, struct store_error *error);

/* A copy with arrays of its own; STORE_ENOMEM leaves *out empty. */
int manifest_copy(const struct manifest *manifest, struct manifest *out, struct store_error *error);
void manifest_clear(struct manifest *manifest); /* frees and zeroes */

/* DIRECTORY/TABLE/YYYY-MM-DD/ID.seg; STORE_EINVAL when it does not fit. */
int manifest_segment_path(const char *directory, const struct store_schema *schema,
			  const struct manifest_segment *segment, char *out, size_t out_size);

#endif
