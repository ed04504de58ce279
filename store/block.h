/*
 * At most BLOCK_ROWS_MAX rows of one table, in a segment or in the memtable:
 * what a query reads. Borrowed from a snapshot (snapshot.h).
 */
#ifndef BLOCK_H
#define BLOCK_H

#include "vector.h"

struct block;

uint32_t block_rows_count(const struct block *block);

/* Which of rows[first, first + count) are visible: NULL when all are, else a
 * bitmap (bit set: visible) allocated in the arena. */
int block_visible(const struct block *block, uint32_t first, uint32_t count,
		  struct store_arena *arena, const uint64_t **bitmap, struct store_error *error);

/* Blocks of one source share their dictionaries; NULL: those may still grow. */
const void *block_source(const struct block *block);

/* Blocks with the same two numbers have the same visible rows, ever. */
void block_identity(const struct block *block, uint64_t out[2]);
/* As segment_times, of the block's source, which must not be NULL. */
bool block_source_times(const struct block *block, uint16_t column, int64_t times[2]);

/* Bounds of the physical values of a numeric column among non-NULL rows; false
 * when they are not known (in the memtable only those of TIME are) or there is
 * nothing but NULL. UINT of 64 bits
 * compare as unsigned, unscaled floats are never known. */
bool block_range(const struct block *block, uint16_t column, int64_t *min, int64_t *max);

/* Whether no row of a column is NULL, and whether all are; false: not known to
 * be so. */
bool block_has_no_nulls(const struct block *block, uint16_t column);
bool block_is_all_null(const struct block *block, uint16_t column);

/* Codes of a string column (`key` as in block_read): 1 when those of all rows
 * that are not NULL are within *min ... *max of *dictionary, which is NULL where
 * all are ''; 0 when that is not known, as in the memtable; else an error. */
int block_codes(const struct block *block, uint16_t column, struct store_str key,
		const struct dictionary **dictionary, uint32_t *min, uint32_t *max,
		struct store_error *error);

/* As segment_distinct; *count is 0 in the memtable. */
int block_distinct(const struct block *block, uint16_t column, struct store_arena *arena,
		   const int64_t **values, uint32_t *count, struct store_error *error);

/* Number of encoded bytes that reading the column costs (statistics). */
uint64_t block_column_bytes(const struct block *block, uint16_t column, struct store_str key);

/* The column will be read soon: what of it is on the disk may begin to come into memory. */
void block_want(const struct block *block, uint16_t column, struct store_str key);

/* Decodes a column; `key` is empty except for MAP columns. A column that the
 * block's segment does not have reads as all_null. Arrays live in the arena or
 * in the snapshot. */
int block_read(const struct block *block, uint16_t column, struct store_str key,
	       struct store_arena *arena, struct vector *out, struct store_error *error);

/* The same a slice at a time, in order: what fits a processor's cache is
 * decoded just before it is used. `narrow`: 32-bit numbers where they serve. */
struct block_reader;
int
block_reader_open(const struct block *block, uint16_t column, struct store_str key, bool narrow,
		  struct store_arena *arena, struct block_reader **out, struct store_error *error);
/* rows[first, first + count) of the block: first is a multiple of 64 and not
 * before the end of the slice read last. Arrays live in the arena given here, in that
 * of block_reader_open, or in the snapshot. */
int block_reader_read(struct block_reader *reader, uint32_t first, uint32_t count,
		      struct store_arena *arena, struct vector *out, struct store_error *error);
/* Bounds of rows[first, first + count) of a numeric column, as signed integers, where those
 * can be told without decoding them; else false. */
bool block_reader_bounds(struct block_reader *reader, uint32_t first, uint32_t count, int64_t *min,
			 int64_t *max);

#endif
