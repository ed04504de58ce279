/*
 * wal_record.h: decoding WAL payloads. Between wal_read.c and recovery; must
 * not believe a length, nor touch files.
 */
#include <string.h>

#include "bytes.h"
#include "wal_record_inside.h"

static bool
get_long_varint(struct wal_cursor *cursor, uint64_t *value)
{
	*value = 0;
	for (uint32_t shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
		unsigned char byte = *cursor->at++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Most have one byte. */
static inline bool
get_varint(struct wal_cursor *cursor, uint64_t *value)
{
	if (cursor->at == cursor->end || *cursor->at >= 0x80)
		return get_long_varint(cursor, value);
	*value = *cursor->at++;
	return true;
}

static inline bool
get_signed(struct wal_cursor *cursor, int64_t *value)
{
	uint64_t zigzag;

	if (!get_varint(cursor, &zigzag))
		return false;
	*value = (int64_t)(zigzag >> 1 ^ (0 - (zigzag & 1)));
	return true;
}

static inline bool
get_bytes(struct wal_cursor *cursor, size_t size, const unsigned char **bytes)
{
	if ((size_t)(cursor->end - cursor->at) < size)
		return false;
	*bytes = cursor->at;
	cursor->at += size;
	return true;
}

static inline bool
get_fixed64(struct wal_cursor *cursor, uint64_t *value)
{
	const unsigned char *bytes;

	if (!get_bytes(cursor, 8, &bytes))
		return false;
	*value = bytes_get64(bytes);
	return true;
}

static inline bool
get_uint32(struct wal_cursor *cursor, uint32_t *value)
{
	uint64_t wide;

	if (!get_varint(cursor, &wide) || wide > UINT32_MAX)
		return false;
	*value = (uint32_t)wide;
	return true;
}

static inline bool
get_string(struct wal_cursor *cursor, struct store_str *string)
{
	const unsigned char *bytes;

	if (!get_uint32(cursor, &string->size) || !get_bytes(cursor, string->size, &bytes))
		return false;
	string->bytes = (const char *)bytes;
	return true;
}

int
wal_record_get_request(struct wal_cursor *cursor, struct store_request *request, bool *has_request)
{
	const unsigned char *key, *body;
	uint64_t has;

	memset(request, 0, sizeof *request);
	if (!get_varint(cursor, &has) || has > 1)
		return STORE_ECORRUPT;
	*has_request = has == 1;
	if (!*has_request)
		return 0;
	if (!get_bytes(cursor, sizeof request->key, &key) ||
	    !get_bytes(cursor, sizeof request->body, &body) ||
	    !get_signed(cursor, &request->received_ms) || !get_uint32(cursor, &request->note) ||
	    !get_uint32(cursor, &request->stored_count) ||
	    !get_uint32(cursor, &request->repeated_count) ||
	    !get_uint32(cursor, &request->late_count))
		return STORE_ECORRUPT;
	memcpy(request->key, key, sizeof request->key);
	memcpy(request->body, body, sizeof request->body);
	return 0;
}

int
wal_record_get_erasure(struct wal_cursor *cursor, struct store_erasure *erasure)
{
	uint64_t by_sort;

	memset(erasure, 0, sizeof *erasure);
	if (!get_varint(cursor, &by_sort) || by_sort > 1)
		return STORE_ECORRUPT;
	if (by_sort == 1)
		return get_string(cursor, &erasure->sort) ? 0 : STORE_ECORRUPT;
	return get_varint(cursor, &erasure->number) ? 0 : STORE_ECORRUPT;
}

int
wal_record_get_count(struct wal_cursor *cursor, uint32_t *entries_count)
{
	return get_uint32(cursor, entries_count) ? 0 : STORE_ECORRUPT;
}

int
wal_record_get_end(const struct wal_cursor *cursor)
{
	return cursor->at == cursor->end ? 0 : STORE_ECORRUPT;
}

static int
get_pair(struct wal_cursor *cursor, struct store_arena *arena, struct store_cell *cell)
{
	struct store_pair *pair = store_arena_alloc(arena, sizeof *pair);

	if (pair == NULL)
		return STORE_ENOMEM;
	cell->value.pair = pair;
	return get_string(cursor, &pair->key) && get_string(cursor, &pair->value) ? 0
										  : STORE_ECORRUPT;
}

/* Of all types but MAP. */
static inline bool
get_plain(struct wal_cursor *cursor, enum store_type type, struct store_cell *cell)
{
	uint64_t bits;

	switch (type) {
	case STORE_TIME:
		return get_signed(cursor, &cell->value.i);
	case STORE_UINT:
		return get_varint(cursor, &cell->value.u);
	case STORE_FLOAT:
		if (!get_fixed64(cursor, &bits))
			return false;
		memcpy(&cell->value.f, &bits, sizeof bits);
		return true;
	case STORE_STRING:
		return get_string(cursor, &cell->value.s);
	case STORE_MAP:
		break;
	}
	return false;
}

static inline int
get_value(struct wal_cursor *cursor, enum store_type type, struct store_arena *arena,
	  struct store_cell *cell)
{
	if (type == STORE_MAP)
		return get_pair(cursor, arena, cell);
	return get_plain(cursor, type, cell) ? 0 : STORE_ECORRUPT;
}

/* *known is false when the schema no longer has the table. */
static int
get_row(struct wal_cursor *cursor, struct store_arena *arena, struct store_row *row, bool *known)
{
	const struct file_table *table;
	uint32_t number, count, kept = 0;
	struct store_cell *cells;

	if (!get_uint32(cursor, &number) || number >= cursor->columns->tables_count ||
	    !get_uint32(cursor, &count) || count > (size_t)(cursor->end - cursor->at))
		return STORE_ECORRUPT;
	table = &cursor->columns->tables[number];
	cells = store_arena_alloc(arena, (size_t)count * sizeof *cells);
	if (cells == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t column;
		int result;

		if (!get_uint32(cursor, &column) || column >= table->columns_count)
			return STORE_ECORRUPT;
		result = get_value(cursor, table->columns[column].type, arena, &cells[kept]);
		if (result != 0)
			return result;
		cells[kept].column = table->columns[column].column;
		kept += cells[kept].column != UNKNOWN;
	}
	*row = (struct store_row){table->table, (uint16_t)kept, cells};
	*known = table->table != UNKNOWN;
	return 0;
}

int
wal_record_get_entry(struct wal_cursor *cursor, struct store_arena *arena, struct wal_entry *entry)
{
	uint64_t flags, version = 0;
	uint32_t count, kept = 0;
	struct store_row *rows;
	int result;

	memset(entry, 0, sizeof *entry);
	if (!get_varint(cursor, &flags) || flags > ENTRY_FLAGS ||
	    (flags != 0 && !(flags & ENTRY_KEYED)) ||
	    (flags & ENTRY_HAS_ROW && flags & (ENTRY_DROPPED | ENTRY_SUM)))
		return STORE_ECORRUPT;
	entry->keyed = flags & ENTRY_KEYED;
	entry->view.has_row = flags & ENTRY_HAS_ROW;
	entry->view.had_row = flags & ENTRY_HAD_ROW;
	entry->view.dropped = flags & ENTRY_DROPPED;
	if (entry->keyed &&
	    (!get_fixed64(cursor, &entry->view.key[0]) ||
	     !get_fixed64(cursor, &entry->view.key[1]) ||
	     !get_varint(cursor, &entry->view.seen[0]) ||
	     !get_varint(cursor, &entry->view.seen[1]) ||
	     !get_varint(cursor, &entry->view.seen[2]) ||
	     !get_varint(cursor, &entry->view.seen[3]) || !get_varint(cursor, &version) ||
	     version > UINT8_MAX || !get_signed(cursor, &entry->view.last_ms) ||
	     (flags & ENTRY_SUM && !get_varint(cursor, &entry->view.sum))))
		return STORE_ECORRUPT;
	entry->view.version = (uint8_t)version;
	if (!get_uint32(cursor, &count) || count > (size_t)(cursor->end - cursor->at) ||
	    (entry->view.has_row && count == 0))
		return STORE_ECORRUPT;
	if ((rows = store_arena_alloc(arena, (size_t)count * sizeof *rows)) == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		bool known;

		if ((result = get_row(cursor, arena, &rows[kept], &known)) != 0)
			return result;
		kept += known;
		/* Its table is gone: the next row is not the view's. */
		if (i == 0 && !known)
			entry->view.has_row = false;
	}
	entry->rows = rows;
	entry->rows_count = kept;
	return 0;
}
