/* What segment_merge*.c share. Nothing else includes this. */
#ifndef SEGMENT_MERGE_INSIDE_H
#define SEGMENT_MERGE_INSIDE_H

#include "segment_merge.h"

/* In order[], run by run of rows: the input, and with it: */
#define SEGMENT_MERGE_LEFT_OUT 0x80u /* its next rows are skipped */
/* There are several: how many more than two follows in a byte, or after
 * SEGMENT_MERGE_COUNT_FOLLOWS the count, u32. So no run takes more bytes than it
 * has rows, and those of inputs that follow one another hardly any. */
#define SEGMENT_MERGE_SEVERAL 0x40u
#define SEGMENT_MERGE_COUNT_FOLLOWS 0xffu
#define SEGMENT_MERGE_RUN_BYTES_MAX 6u

_Static_assert(SEGMENT_MERGE_INPUTS_MAX <= SEGMENT_MERGE_SEVERAL,
	       "order[] has 6 bits for the input");

struct segment_merge_run {
	unsigned char which; /* input, SEGMENT_MERGE_LEFT_OUT */
	uint32_t count;      /* of rows */
};

/* One column of one input, read forward in slices of its blocks. */
struct cursor {
	const struct segment *segment;    /* borrowed */
	struct store_arena *block_arena;  /* owned: what of the block is not in slices */
	struct store_arena *arena;        /* owned: the slice at hand */
	struct segment_reader *reader;    /* of block block - 1 */
	struct vector vector;             /* the slice */
	uint32_t block, slice_first, row; /* next ones: of the segment, the block, the slice */
	const uint32_t *codes;            /* borrowed: from the input's to the union's */
	bool held;                        /* the column's dictionary is, if it has one */
};

/* The strings of one column of all inputs. */
struct merged_strings {
	struct dictionary dictionary;
	struct store_str *entries;                 /* owned: [dictionary.count] */
	const struct store_str **chunks;           /* owned: into entries */
	uint32_t *codes[SEGMENT_MERGE_INPUTS_MAX]; /* owned */
	/* The inputs' own, held meanwhile; NULL: it has none. */
	const struct dictionary *held[SEGMENT_MERGE_INPUTS_MAX];
};

struct segment_merge {
	const struct store_table *table; /* borrowed */
	struct cursor cursors[SEGMENT_MERGE_INPUTS_MAX];
	uint32_t inputs_count;
	unsigned char *order; /* owned: from which input the rows come */
	size_t order_bytes, order_max, order_at;
	struct segment_merge_run run;   /* what is left of the one before order_at */
	uint64_t order_count;           /* rows of all inputs */
	struct segment_column *columns; /* owned */
	struct segment_source source;
	struct merged_strings strings; /* of column strings_column */
	uint32_t strings_column;       /* UINT32_MAX: none */
	/* One block of output: */
	int64_t *values; /* owned: [BLOCK_ROWS_MAX] */
	uint32_t *codes; /* owned: [BLOCK_ROWS_MAX] */
	uint64_t *nulls; /* owned */
};

/* Sets *error and returns STORE_ENOMEM. */
int segment_merge_no_memory(struct store_error *error);

int segment_merge_open_cursor(struct cursor *cursor, const struct segment *segment);
void segment_merge_close_cursor(struct cursor *cursor);
bool segment_merge_is_end(const struct cursor *cursor);

/* Before the first rows of a column. */
void segment_merge_rewind(struct segment_merge *merge);
/* Makes sure that the cursor's next row is in its vector. */
int segment_merge_settle(struct cursor *cursor, uint16_t column, struct store_str key,
			 struct store_error *error);

/* The dictionaries of columns[column_index], united, for all its blocks. */
int segment_merge_load_strings(struct segment_merge *merge, uint32_t column_index,
			       struct store_error *error);
void segment_merge_free_strings(struct segment_merge *merge);

/* Fills order[] and source.rows_count; sort_index UINT32_MAX: no input has the
 * SORT column. */
int segment_merge_find_order(struct segment_merge *merge, const struct segment_merge_filter *filter,
			     uint16_t time_column, uint32_t sort_index, struct store_error *error);

#endif
