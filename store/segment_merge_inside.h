/* What segment_merge*.c share. Nothing else includes this. */
#ifndef SEGMENT_MERGE_INSIDE_H
#define SEGMENT_MERGE_INSIDE_H

#include "segment_merge.h"

#define SEGMENT_MERGE_LEFT_OUT 0x80u /* in order[]: the input's next row is skipped */

_Static_assert(SEGMENT_MERGE_INPUTS_MAX <= SEGMENT_MERGE_LEFT_OUT,
	       "order[] has 7 bits for the input");

/* One column of one input, read forward. */
struct cursor {
	const struct segment *segment; /* borrowed */
	struct store_arena *arena;     /* owned: the block at hand */
	struct vector vector;          /* of block block - 1 */
	uint32_t block, row;           /* next ones */
	const uint32_t *codes;         /* borrowed: from the input's to the union's */
};

/* The strings of one column of all inputs. */
struct merged_strings {
	struct dictionary dictionary;
	struct store_str *entries;                 /* owned: [dictionary.count], '' first */
	const struct store_str **chunks;           /* owned: into entries */
	uint32_t *codes[SEGMENT_MERGE_INPUTS_MAX]; /* owned */
};

struct segment_merge {
	const struct store_table *table; /* borrowed */
	struct cursor cursors[SEGMENT_MERGE_INPUTS_MAX];
	uint32_t inputs_count;
	unsigned char *order; /* owned: [all rows of the inputs] the input of each */
	uint64_t order_count, order_at;
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

/* Before the first rows of a column. */
void segment_merge_rewind(struct segment_merge *merge);
/* Makes sure that the cursor's next row is in its vector. */
int segment_merge_settle(struct cursor *cursor, uint16_t column, struct store_str key,
			 struct store_error *error);

/* <0, 0, >0: by bytes, as dictionaries are sorted. */
int segment_merge_compare(struct store_str a, struct store_str b);
/* The dictionaries of columns[column_index], united, for all its blocks. */
int segment_merge_load_strings(struct segment_merge *merge, uint32_t column_index,
			       struct store_error *error);
void segment_merge_free_strings(struct merged_strings *strings);

/* Fills order[] and source.rows_count; sort_index UINT32_MAX: no input has the
 * SORT column. */
int segment_merge_find_order(struct segment_merge *merge, const struct segment_merge_filter *filter,
			     uint16_t time_column, uint32_t sort_index, struct store_error *error);

#endif
