/*
 * What a WAL record says: the outcome of one commit, in full, so that replaying
 * it needs nothing but the records since the floor. Columns are numbered by the
 * schema in the file's head and translated by name when read.
 */
#ifndef WAL_RECORD_H
#define WAL_RECORD_H

#include "store.h"

/* Where a view stands after an entry (view_index.h keeps it). */
struct wal_view {
	uint64_t key[2];  /* keyed hash of (site, view id) */
	uint64_t seen[4]; /* bit set: this version was received */
	uint8_t version;  /* the highest */
	bool has_row;     /* in an entry: rows[0] is the view's row */
	bool had_row;     /* in an entry: it had a row before */
	bool dropped;     /* sampled out: it has no row */
	uint64_t sum;     /* what its versions add up to in the SUM column */
	int64_t last_ms;  /* receipt of the last one */
};

struct wal_entry {
	bool keyed;
	struct wal_view view; /* when keyed */
	const struct store_row *rows;
	uint32_t rows_count;
};

/* A growing buffer for payloads; zero it to begin, free `bytes` at the end. */
struct wal_buffer {
	unsigned char *bytes; /* owned */
	size_t size, size_max;
	bool failed; /* malloc did; later puts do nothing */
};

/* Any bytes. */
void wal_record_put_bytes(struct wal_buffer *buffer, const void *bytes, size_t size);

size_t wal_record_schema_bytes(const struct store_schema *schema);
void wal_record_put_schema(const struct store_schema *schema, unsigned char *out);

/* A WAL_ERASE payload. */
void wal_record_put_erasure(struct wal_buffer *buffer, const struct store_erasure *erasure);

/* A WAL_COMMIT payload is: request or not, number of entries, entries. */
void wal_record_put_request(struct wal_buffer *buffer, const struct store_request *request);
void wal_record_put_count(struct wal_buffer *buffer, uint32_t entries_count);
void wal_record_put_entry(struct wal_buffer *buffer, const struct store_schema *schema,
			  const struct wal_entry *entry);

/* Numbers of a file's schema in terms of the program's. */
struct wal_columns;
struct wal_columns *
wal_record_columns(const unsigned char *bytes, size_t size, const struct store_schema *schema);
void wal_record_columns_free(struct wal_columns *columns);

struct wal_cursor {
	const unsigned char *at, *end;
	const struct wal_columns *columns; /* borrowed */
};

int wal_record_get_erasure(struct wal_cursor *cursor, struct store_erasure *erasure);
/* 0, STORE_ECORRUPT or STORE_ENOMEM. *has_request tells whether there is one. */
int
wal_record_get_request(struct wal_cursor *cursor, struct store_request *request, bool *has_request);
int wal_record_get_count(struct wal_cursor *cursor, uint32_t *entries_count);
/* STORE_ECORRUPT when something is left. */
int wal_record_get_end(const struct wal_cursor *cursor);
/* Rows and cells live in the arena, strings in the payload. Columns that the
 * schema no longer has are left out. */
int
wal_record_get_entry(struct wal_cursor *cursor, struct store_arena *arena, struct wal_entry *entry);

#endif
