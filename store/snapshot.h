/*
 * A consistent view of all tables at one commit: pins segments and memtable
 * generations until it is closed. Rows come in blocks of at most
 * BLOCK_ROWS_MAX; a row is in exactly one block. Any thread may open one, and
 * several threads may read different blocks of the same snapshot.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "block.h"

struct snapshot;

int snapshot_open(struct store *store, struct snapshot **out, struct store_error *error);
void snapshot_close(struct snapshot *snapshot);
/* Whether what was read from it is right: STORE_ECORRUPT when a segment's file
 * was lost meanwhile. Later snapshots leave it out. */
int snapshot_check(const struct snapshot *snapshot, struct store_error *error);

const struct store_schema *snapshot_schema(const struct snapshot *snapshot);
uint32_t snapshot_blocks_count(const struct snapshot *snapshot, uint32_t table);
const struct block *snapshot_block(const struct snapshot *snapshot, uint32_t table, uint32_t index);

/* Distinct keys of a MAP column over all blocks, sorted, in the arena. */
int
snapshot_map_keys(const struct snapshot *snapshot, uint32_t table, uint16_t column,
		  struct store_arena *arena, const struct store_str **keys, uint32_t *keys_count);

#endif
