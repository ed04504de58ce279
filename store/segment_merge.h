/*
 * The rows of several segments of one table as one source for segment_write:
 * merged by (SORT, TIME), without those that an erasure names. Holds one byte
 * per row; of one column at a time a slice per segment and the dictionaries.
 *
 * Call order: segment_merge_open, segment_write with segment_merge_source,
 * segment_merge_close; the segments stay open meanwhile.
 */
#ifndef SEGMENT_MERGE_H
#define SEGMENT_MERGE_H

#include "segment.h"

#define SEGMENT_MERGE_INPUTS_MAX 64u

/* Rows whose column equals the value are left out. */
struct segment_merge_filter {
	uint16_t column;
	struct store_str string; /* of a STRING column */
	uint64_t number;         /* of a UINT column */
};

struct segment_merge;

/* inputs[inputs_count], 1 .. SEGMENT_MERGE_INPUTS_MAX, borrowed; `filter` may be
 * NULL. STORE_EINVAL when they have over 2^32 rows, STORE_ECORRUPT or
 * STORE_ENOMEM when an input cannot be read. */
int segment_merge_open(const struct store_table *table, struct segment *const *inputs,
		       uint32_t inputs_count, const struct segment_merge_filter *filter,
		       struct segment_merge **out, struct store_error *error);
void segment_merge_close(struct segment_merge *merge);

/* Borrowed; its rows_count is what remains, perhaps 0. */
const struct segment_source *segment_merge_source(const struct segment_merge *merge);
uint64_t segment_merge_left_out(const struct segment_merge *merge);

/* What merging a segment takes for strings, writing included: that of a merge is
 * at most the sum of its inputs'. */
uint64_t segment_merge_bytes(const struct segment *segment);

/* How many of a segment's rows the filter names; or a negative code. */
int64_t segment_merge_count(const struct segment *segment,
			    const struct segment_merge_filter *filter, struct store_error *error);

#endif
