/*
 * The inside of a memtable, shared by memtable.c, which makes and reads it, and
 * memtable_append.c, which writes it. For these two alone.
 *
 * Publication: the writer fills a row's cells, then raises rows_count with
 * release; a reader that loads rows_count with acquire sees those cells. Chunk
 * pointers and the presence bits of a word are shared with rows that are still
 * being written, so these are atomics.
 */
#ifndef MEMTABLE_INSIDE_H
#define MEMTABLE_INSIDE_H

#include <stdatomic.h>

#include "memtable.h"
#include "memtable_strings.h"

#define CHUNK_ROWS 1024u
#define CHUNKS_MAX 512u /* 512 Ki rows a table and generation */
#define ROWS_MAX (CHUNKS_MAX * CHUNK_ROWS)
#define MAP_KEYS_MAX 1024u
/* Rows that are settled together. Of 16, a column's cells cost a fifth more; 64
 * are no faster, and their cells leave the first cache. */
#define MEMTABLE_PENDING_MAX 32u

struct number_chunk {
	int64_t values[CHUNK_ROWS];
	_Atomic uint64_t present[CHUNK_ROWS / 64];
};

/* 0: absent, or '' where that is the same; CODE_EMPTY: '' where it is not. The
 * rest keeps the chunks of a table's columns, one after the other in memory,
 * out of each other's lines of the cache: a row writes to all of them. */
struct code_chunk {
	uint32_t codes[CHUNK_ROWS];
	uint64_t unused[8];
};

#define CODE_EMPTY UINT32_MAX

enum kind { COLUMN_INTEGER, COLUMN_DOUBLE, COLUMN_SCALED, COLUMN_STRING };

struct column {
	uint16_t index;
	enum kind kind;
	uint32_t empty_code; /* of '': CODE_EMPTY when NULL is something else */
	double scale;
	struct store_str key;               /* MAP: in the arena */
	struct memtable_strings *strings;   /* of COLUMN_STRING; owned: its slots */
	_Atomic(void *) chunks[CHUNKS_MAX]; /* the memory's; NULL: all absent */
};

struct lifetimes {
	uint64_t born[CHUNK_ROWS];
	_Atomic uint64_t died[CHUNK_ROWS];
};

struct bucket;

/* A row that is added and not settled. */
struct pending_row {
	const struct store_cell *cells; /* borrowed until it is settled */
	uint32_t cells_count;
};

struct table {
	const struct store_table *schema;
	int time_column; /* or -1 */
	_Atomic uint32_t rows_count;
	_Atomic int64_t time_min, time_max;                 /* of rows below rows_count */
	_Atomic(struct lifetimes *) lifetimes[CHUNKS_MAX];  /* the memory's */
	_Atomic(struct column *) *columns;                  /* owned: [columns_count], lazily */
	_Atomic(struct column *) map_columns[MAP_KEYS_MAX]; /* the memory's */
	_Atomic uint32_t map_columns_count;
	/* Writer only: rows from rows_count on, of one chunk. */
	struct pending_row pending[MEMTABLE_PENDING_MAX];
	uint32_t pending_count;
	struct bucket *buckets; /* the memory's: [columns_count], lazily */
};

struct memtable {
	const struct store_schema *schema;
	_Atomic uint32_t references;
	struct memtable_memory memory;
	uint32_t strings_max; /* writer only: of the largest dictionary */
	struct table *tables; /* owned: [tables_count] */
};

/* Those that are not settled included. */
static inline uint32_t
memtable_rows_added(const struct table *table)
{
	return atomic_load_explicit(&table->rows_count, memory_order_relaxed) +
	       table->pending_count;
}

/* The column, or NULL when no row has a value there. */
struct column *memtable_column(const struct table *table, uint16_t index, struct store_str key);

#endif
