/*
 * What snapshot.c and block.c share, and nobody else.
 */
#ifndef SNAPSHOT_INSIDE_H
#define SNAPSHOT_INSIDE_H

#include "memtable.h"
#include "snapshot.h"

struct open_segment;
struct store;

struct block {
	const struct snapshot *snapshot;
	uint32_t table;
	const struct segment *segment; /* or NULL: the memtable's */
	struct open_segment *open;     /* that it belongs to; pinned by the snapshot */
	uint32_t index;                /* block in the segment */
	const struct memtable *memtable;
	uint32_t first_row; /* in the memtable */
	uint32_t rows_count;
};

struct snapshot_table {
	struct block *blocks; /* owned */
	uint32_t blocks_count;
};

struct snapshot {
	struct store *store; /* borrowed */
	const struct store_schema *schema;
	uint64_t commit;                /* rows born <= commit < died are visible */
	struct open_segment **segments; /* owned references */
	uint32_t segments_count;
	struct memtable **memtables; /* owned references */
	uint32_t memtables_count;
	struct snapshot_table *tables; /* owned */
};

#endif
