/*
 * Rows that are not in segments yet, one generation at a time: columnar,
 * append-only, in chunks that never move. One writer appends; any number of
 * readers read rows below memtable_rows_count without a lock. Rows are
 * immutable but for `died`.
 *
 * Call order: memtable_create, memtable_add ... memtable_settle ..., then (sealed) only
 * readers; memtable_release when the last reader and the store let go.
 */
#ifndef MEMTABLE_H
#define MEMTABLE_H

#include "segment.h"
#include "vector.h"

#define MEMTABLE_ALIVE UINT64_MAX

struct memtable;

/* NULL when malloc fails. `secret` keys the hashes; schema is borrowed. The
 * caller holds the first reference. */
struct memtable *memtable_create(const struct store_schema *schema, uint64_t secret);
void memtable_retain(struct memtable *memtable);
void memtable_release(struct memtable *memtable);

/* Writer: appends a row (cells as in struct store_row) born at `commit`. Readers
 * see it from memtable_settle on; until then its cells must stay as they are.
 * STORE_ENOMEM: this row was not appended. STORE_ELIMIT: nor was it, for the
 * generation is full. Either may be of rows before it that are not settled:
 * these are dead then, as after a memtable_settle that fails. */
int memtable_add(struct memtable *memtable, const struct store_row *row, uint64_t commit,
		 uint32_t *row_index);
/* Writer: all rows that were added are whole. On error, as of memtable_add,
 * those that were not settled are there, incomplete and dead at their birth.
 * Values of maps beyond 1,024 keys, and of an empty key, are left out. */
int memtable_settle(struct memtable *memtable);
/* Writer: any `rows_count` rows surely fit in this generation. */
bool memtable_has_room(const struct memtable *memtable, uint64_t rows_count);
/* Writer: the row is replaced (or undone) at `commit`; MEMTABLE_ALIVE undoes
 * that. */
void memtable_set_died(struct memtable *memtable, uint32_t table, uint32_t row, uint64_t commit);

/* Writer: the row, which is settled, as cells in the arena, for writing it again. */
int memtable_row(const struct memtable *memtable, uint32_t table, uint32_t row,
		 struct store_arena *arena, struct store_row *out);

/* Any thread. */
uint32_t memtable_rows_count(const struct memtable *memtable, uint32_t table);
/* Bounds of the rows' TIME, of rows that are not visible too; false: no rows. */
bool memtable_times(const struct memtable *memtable, uint32_t table, int64_t *min, int64_t *max);
size_t memtable_bytes(const struct memtable *memtable);
uint64_t memtable_born(const struct memtable *memtable, uint32_t table, uint32_t row);
uint64_t memtable_died(const struct memtable *memtable, uint32_t table, uint32_t row);

/* Columns that have any value; the array is the arena's. */
int memtable_columns(const struct memtable *memtable, uint32_t table, struct store_arena *arena,
		     const struct segment_column **columns, uint32_t *count);

/* Gathers rows rows[count] (or first .. first+count-1 when rows is NULL) of a
 * column into arrays of the arena. `key` as in block_read. */
int memtable_read(const struct memtable *memtable, uint32_t table, uint16_t column,
		  struct store_str key, const uint32_t *rows, uint32_t first, uint32_t count,
		  struct store_arena *arena, struct vector *out);

#endif
