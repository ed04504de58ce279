/*
 * Immutable columnar files: written once from sorted rows, then read by block
 * and column. One file holds one table's rows of one partition (UTC day),
 * sorted by (SORT, TIME). Format: FORMAT.md.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "io.h"
#include "vector.h"

/* A column as a segment has it: a schema column, or one key of a MAP. */
struct segment_column {
	uint16_t column;      /* index in the schema's table */
	struct store_str key; /* MAP key, else empty */
};

/*
 * Where a new segment's rows come from, already sorted. The writer pulls
 * column by column, block by block, in ascending order; vectors need to live
 * only until the next call. All vectors of one string column share one
 * dictionary.
 */
struct segment_source {
	const struct store_table *table;
	uint64_t rows_count;
	const struct segment_column *columns; /* those with any value */
	uint32_t columns_count;
	int (*read)(void *context, uint32_t column_index, uint64_t first_row, uint32_t rows_count,
		    struct vector *out, struct store_error *error);
	void *context;
};

struct segment_summary {
	uint64_t rows_count, file_bytes;
	int64_t time_min, time_max; /* of the TIME column */
	uint64_t footer_checksum;   /* XXH3-64, also kept in the manifest */
};

/* Writes directory/name durably (temporary name, sync, rename, directory
 * sync). On error nothing with that name exists. */
int segment_write(struct io *io, const char *directory, const char *name,
		  const struct segment_source *source, struct segment_summary *summary,
		  struct store_error *error);

struct segment;

/* Maps the file, checks size, magic, version and footer; dictionaries and
 * chunks are checked when first read. `table` is borrowed. */
int segment_open(struct io *io, const char *path, const struct store_table *table,
		 uint64_t footer_checksum, struct segment **out, struct store_error *error);
void segment_close(struct segment *segment);

void segment_summary(const struct segment *segment, struct segment_summary *out);
uint32_t segment_blocks_count(const struct segment *segment);
uint32_t segment_block_rows_count(const struct segment *segment, uint32_t block);
/* The columns the file has; borrowed. */
const struct segment_column *segment_columns(const struct segment *segment, uint32_t *count);

/* As block_range, block_column_bytes and block_read of snapshot.h; safe from
 * several threads. */
bool segment_range(const struct segment *segment, uint32_t block, uint16_t column, int64_t *min,
		   int64_t *max);
uint64_t segment_column_bytes(const struct segment *segment, uint32_t block, uint16_t column,
			      struct store_str key);
int
segment_read(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key,
	     struct store_arena *arena, struct vector *out, struct store_error *error);

/* Reads and checks every byte. */
int segment_verify(const struct segment *segment, struct store_error *error);

#endif
