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
 * Where a new segment's rows come from, already sorted. The writer pulls column
 * by column, block by block, in ascending order, the blocks of a string column of
 * over 1 Mi rows twice (the dictionary first); vectors need to live only until the next call.
 * All vectors of one string column share one dictionary of distinct entries
 * (the same `chunks`), which lives until segment_write returns. NULL rows of a
 * string column may have any valid code; they are read back with that of ''.
 */
struct segment_source {
	const struct store_table *table;      /* borrowed */
	uint64_t rows_count;                  /* <= 2^32; 0 is an empty segment */
	const struct segment_column *columns; /* those with any value, each once */
	uint32_t columns_count;
	bool thorough; /* LZ4HC: smaller, slower to write */
	/* The dictionary of a string column if its entries ascend and each but '' occurs
	 * in some row: then the column is read once. *out is NULL if that is not known.
	 * May be NULL. */
	int (*dictionary)(void *context, uint32_t column_index, const struct dictionary **out,
			  struct store_error *error);
	int (*read)(void *context, uint32_t column_index, uint64_t first_row, uint32_t rows_count,
		    struct vector *out, struct store_error *error);
	void *context;
};

struct segment_summary {
	uint64_t rows_count, file_bytes;
	int64_t time_min, time_max; /* of the TIME column; 0 when there is none */
	uint64_t footer_checksum;   /* XXH3-64, also kept in the manifest */
};

/* Writes directory/name durably (temporary name, sync, rename, directory
 * sync) into a directory that is there. Takes about 9 MB besides the largest
 * dictionary. On error nothing with that name exists. */
int segment_write(struct io *io, const char *directory, const char *name,
		  const struct segment_source *source, struct segment_summary *summary,
		  struct store_error *error);

struct segment;

/*
 * Maps the file, checks size, magic, version and footer; dictionaries and
 * chunks are checked when first read. `table` is borrowed. A footer_checksum of
 * 0 is not compared. Columns are matched by name: those that the table lacks
 * are ignored, UINT may have grown more bits, any other change of type is
 * STORE_ECORRUPT. A file of a newer format is STORE_EVERSION.
 */
int segment_open(struct io *io, const char *path, const struct store_table *table,
		 uint64_t footer_checksum, struct segment **out, struct store_error *error);
void segment_close(struct segment *segment);

void segment_summary(const struct segment *segment, struct segment_summary *out);
uint32_t segment_blocks_count(const struct segment *segment);
uint32_t segment_block_rows_count(const struct segment *segment, uint32_t block);
/* The columns that both file and table have, ascending by (column, key);
 * borrowed. */
const struct segment_column *segment_columns(const struct segment *segment, uint32_t *count);

/*
 * As block_range, block_column_bytes and block_read of block.h; safe from
 * several threads. Columns that the file lacks, and blocks in which every row
 * is NULL or the column's default (0, ''), read as all_null. The values of NULL
 * rows are unspecified; where the table's column is not NULLABLE, NULL rows
 * read as 0 or '' and there is no bitmap. Arrays lie in the arena or in the
 * mapping. Errors: STORE_ECORRUPT, STORE_ELIMIT (the arena's bound),
 * STORE_ENOMEM.
 */
bool segment_range(const struct segment *segment, uint32_t block, uint16_t column, int64_t *min,
		   int64_t *max);
/* The same of all blocks, of the table's time only: false for another column. INT64_MAX and
 * INT64_MIN where there is no block, INT64_MIN and INT64_MAX where a block tells none. */
bool segment_times(const struct segment *segment, uint16_t column, int64_t times[2]);
/* The distinct values of a numeric column's rows, of which none is NULL, where
 * the chunk lists them: *count is 0 where it does not. In the arena. 0 or
 * negative. */
int segment_distinct(const struct segment *segment, uint32_t block, uint16_t column,
		     struct store_arena *arena, const int64_t **values, uint32_t *count,
		     struct store_error *error);
/* Which rows of a block are NULL, as they are shown. */
enum segment_nulls { SEGMENT_NULLS_NONE, SEGMENT_NULLS_SOME, SEGMENT_NULLS_ALL };
enum segment_nulls segment_nulls(const struct segment *segment, uint32_t block, uint16_t column);
/* The least and greatest codes of a string column's rows that are not NULL; of a
 * column that is not NULLABLE, of all rows. *dictionary is NULL where every one
 * is ''. 0, STORE_ECORRUPT or STORE_ENOMEM. */
int segment_codes(const struct segment *segment, uint32_t block, uint16_t column,
		  struct store_str key, const struct dictionary **dictionary, uint32_t *min,
		  uint32_t *max, struct store_error *error);
uint64_t segment_column_bytes(const struct segment *segment, uint32_t block, uint16_t column,
			      struct store_str key);
int
segment_read(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key,
	     struct store_arena *arena, struct vector *out, struct store_error *error);

/* The same in slices: as block_reader of block.h. */
struct segment_reader;
int segment_reader_open(const struct segment *segment, uint32_t block, uint16_t column,
			struct store_str key, bool narrow, struct store_arena *arena,
			struct segment_reader **out, struct store_error *error);
int segment_reader_read(struct segment_reader *reader, uint32_t first, uint32_t count,
			struct store_arena *arena, struct vector *out, struct store_error *error);
/* Bounds of rows[first, first + count) of a column of numbers, signed, without decoding
 * them, where values are stored as differences that are none of them negative; else false. */
bool segment_reader_bounds(struct segment_reader *reader, uint32_t first, uint32_t count,
			   int64_t *min, int64_t *max);

/* The sorted dictionary of a string column, borrowed; *out is NULL where no row
 * has a value. STORE_ECORRUPT or STORE_ENOMEM. */
int segment_dictionary(const struct segment *segment, uint16_t column, struct store_str key,
		       const struct dictionary **out, struct store_error *error);
/* The same for who reads column after column from end to end: in memory until it
 * is released, if queries do not want it. What segment_reader_open_held reads
 * must be held. */
int segment_hold(const struct segment *segment, uint16_t column, struct store_str key,
		 const struct dictionary **out, struct store_error *error);
void segment_release(const struct segment *segment, uint16_t column, struct store_str key);
/* A column of a block will be read soon: what of it was never read while the segment
 * was open begins to come into memory. Any thread. */
void
segment_want(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key);
/* Nobody who reads like that will read the column again: its bytes leave the
 * process's memory. Whoever else reads it gets them back. Any thread. */
void segment_forget(const struct segment *segment, uint16_t column, struct store_str key);
int segment_reader_open_held(const struct segment *segment, uint32_t block, uint16_t column,
			     struct store_str key, struct store_arena *arena,
			     struct segment_reader **out, struct store_error *error);
/* What it takes: entries, and bytes with their lengths. 0 where no row has a value. */
void segment_dictionary_size(const struct segment *segment, uint16_t column, struct store_str key,
			     uint32_t *count, uint32_t *raw_bytes);
/* Some block has no value of the column. */
bool segment_has_gaps(const struct segment *segment, uint16_t column, struct store_str key);
/* The file has columns that the table lacks: a merge would lose them. */
bool segment_has_unknown_columns(const struct segment *segment);

/* STORE_ECORRUPT when some of it could not be read since it was opened: what
 * segment_read gave may be wrong where it lies in the mapping. Else 0. Any
 * thread. */
int segment_check_lost(const struct segment *segment, struct store_error *error);

/* Reads and checks every byte, columns that the table lacks included. */
int segment_verify(const struct segment *segment, struct store_error *error);

#endif
