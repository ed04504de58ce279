/*
 * wal_record.h: encoding and decoding of WAL payloads. Between store_append or
 * recovery and wal_*.c; must not touch files. Integers are LEB128 varints,
 * signed ones zigzag; doubles are 8 bytes; strings have their size in front.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "wal_record.h"

#define VARINT_BYTES_MAX 10u
#define ENTRY_KEYED 0x01u
#define ENTRY_HAS_ROW 0x02u
#define ENTRY_HAD_ROW 0x04u
#define ENTRY_DROPPED 0x08u
#define ENTRY_SUM 0x10u /* the sum stands in no row of the entry */
#define ENTRY_FLAGS (ENTRY_KEYED | ENTRY_HAS_ROW | ENTRY_HAD_ROW | ENTRY_DROPPED | ENTRY_SUM)

/* ---- writing --------------------------------------------------------- */

static unsigned char *
reserve(struct wal_buffer *buffer, size_t size)
{
	size_t size_max = buffer->size_max == 0 ? 4096 : buffer->size_max;
	unsigned char *grown;

	if (buffer->failed)
		return NULL;
	while (size_max < buffer->size + size)
		size_max *= 2;
	if (size_max != buffer->size_max) {
		if ((grown = realloc(buffer->bytes, size_max)) == NULL) {
			buffer->failed = true;
			return NULL;
		}
		buffer->bytes = grown;
		buffer->size_max = size_max;
	}
	return buffer->bytes + buffer->size;
}

void
wal_record_put_bytes(struct wal_buffer *buffer, const void *bytes, size_t size)
{
	unsigned char *at = reserve(buffer, size);

	if (at == NULL || size == 0)
		return;
	memcpy(at, bytes, size);
	buffer->size += size;
}

static void
put_varint(struct wal_buffer *buffer, uint64_t value)
{
	unsigned char *at = reserve(buffer, VARINT_BYTES_MAX);

	if (at == NULL)
		return;
	for (; value >= 0x80; value >>= 7) {
		*at++ = (unsigned char)(value | 0x80);
		buffer->size++;
	}
	*at = (unsigned char)value;
	buffer->size++;
}

static void
put_signed(struct wal_buffer *buffer, int64_t value)
{
	put_varint(buffer, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static void
put_string(struct wal_buffer *buffer, struct store_str string)
{
	put_varint(buffer, string.size);
	wal_record_put_bytes(buffer, string.bytes, string.size);
}

void
wal_record_put_request(struct wal_buffer *buffer, const struct store_request *request)
{
	put_varint(buffer, request != NULL);
	if (request == NULL)
		return;
	wal_record_put_bytes(buffer, request->key, sizeof request->key);
	wal_record_put_bytes(buffer, request->body, sizeof request->body);
	put_signed(buffer, request->received_ms);
	put_varint(buffer, request->note);
	put_varint(buffer, request->stored_count);
	put_varint(buffer, request->repeated_count);
	put_varint(buffer, request->late_count);
}

void
wal_record_put_count(struct wal_buffer *buffer, uint32_t entries_count)
{
	put_varint(buffer, entries_count);
}

/* A cell without its strings: column, value or sizes. */
#define CELL_BYTES_MAX (3 * VARINT_BYTES_MAX)
/* An entry without its rows: the key, and 9 numbers. */
#define ENTRY_BYTES_MAX (16 + 9 * VARINT_BYTES_MAX)

static inline unsigned char *
write_varint(unsigned char *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (unsigned char)(value | 0x80);
	*at++ = (unsigned char)value;
	return at;
}

static inline unsigned char *
write_signed(unsigned char *at, int64_t value)
{
	return write_varint(at, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static inline unsigned char *
write_string(unsigned char *at, struct store_str string)
{
	at = write_varint(at, string.size);
	/* Most are short, and a call would cost more than the bytes. */
	if (string.size > 16) {
		memcpy(at, string.bytes, string.size);
	} else if (string.size >= 8) {
		memcpy(at, string.bytes, 8);
		memcpy(at + string.size - 8, string.bytes + string.size - 8, 8);
	} else if (string.size >= 4) {
		memcpy(at, string.bytes, 4);
		memcpy(at + string.size - 4, string.bytes + string.size - 4, 4);
	} else {
		for (uint32_t i = 0; i < string.size; i++)
			at[i] = (unsigned char)string.bytes[i];
	}
	return at + string.size;
}

/* Below 128 it is a byte, as nearly all columns are. */
static inline unsigned char *
write_column(unsigned char *at, uint16_t column)
{
	if (column >= 0x80)
		return write_varint(at, column);
	*at = (unsigned char)column;
	return at + 1;
}

/* Room for the strings of a cell and for `cells_count` of them without, at `at`
 * or where the buffer is now. NULL: there is none. */
static inline unsigned char *
want_room(struct wal_buffer *buffer, unsigned char *at, size_t strings_bytes, size_t cells_count)
{
	size_t needed = strings_bytes + cells_count * CELL_BYTES_MAX;

	if ((size_t)(buffer->bytes + buffer->size_max - at) >= needed)
		return at;
	buffer->size = (size_t)(at - buffer->bytes);
	return reserve(buffer, needed);
}

/* Written through a pointer: a row has dozens of cells, and this is a third of
 * what appending it would cost by put_varint. There is always room for what is
 * left of the row without its strings, so only these ask for more. Cells of a
 * type stand side by side, which branches foresee better than a table of jumps. */
static void
put_row(struct wal_buffer *buffer, const struct store_schema *schema, const struct store_row *row)
{
	const struct store_column *columns = schema->tables[row->table].columns;
	const struct store_cell *cell = row->cells, *end = cell + row->cells_count;
	unsigned char *at =
	    reserve(buffer, 2 * VARINT_BYTES_MAX + row->cells_count * (size_t)CELL_BYTES_MAX);

	if (at == NULL)
		return;
	at = write_varint(at, row->table);
	at = write_varint(at, row->cells_count);
	for (; cell < end; cell++) {
		enum store_type type = columns[cell->column].type;

		if (type == STORE_FLOAT) {
			uint64_t bits;

			memcpy(&bits, &cell->value.f, sizeof bits);
			at = write_column(at, cell->column);
			bytes_put64(at, bits);
			at += 8;
		} else if (type == STORE_STRING || type == STORE_MAP) {
			size_t key_bytes = type == STORE_MAP ? cell->key.size : 0;

			at = want_room(buffer, at, key_bytes + cell->value.s.size,
				       (size_t)(end - cell));
			if (at == NULL)
				return;
			at = write_column(at, cell->column);
			if (type == STORE_MAP)
				at = write_string(at, cell->key);
			at = write_string(at, cell->value.s);
		} else {
			at = write_column(at, cell->column);
			at = type == STORE_TIME ? write_signed(at, cell->value.i)
						: write_varint(at, cell->value.u);
		}
	}
	buffer->size = (size_t)(at - buffer->bytes);
}

static uint32_t
flags_of(const struct wal_entry *entry)
{
	const struct wal_view *view = &entry->view;

	if (!entry->keyed)
		return 0;
	return ENTRY_KEYED | (view->has_row ? ENTRY_HAS_ROW : 0) |
	       (view->had_row ? ENTRY_HAD_ROW : 0) | (view->dropped ? ENTRY_DROPPED : 0) |
	       (view->sum > 0 && !view->has_row ? ENTRY_SUM : 0);
}

void
wal_record_put_entry(struct wal_buffer *buffer, const struct store_schema *schema,
		     const struct wal_entry *entry)
{
	const struct wal_view *view = &entry->view;
	uint32_t flags = flags_of(entry);
	unsigned char *at = reserve(buffer, ENTRY_BYTES_MAX);

	if (at == NULL)
		return;
	at = write_varint(at, flags);
	if (entry->keyed) {
		bytes_put64(at, view->key[0]);
		bytes_put64(at + 8, view->key[1]);
		at += 16;
		for (int i = 0; i < 4; i++)
			at = write_varint(at, view->seen[i]);
		at = write_varint(at, view->version);
		at = write_signed(at, view->last_ms);
	}
	if (flags & ENTRY_SUM)
		at = write_varint(at, view->sum);
	at = write_varint(at, entry->rows_count);
	buffer->size = (size_t)(at - buffer->bytes);
	for (uint32_t i = 0; i < entry->rows_count; i++)
		put_row(buffer, schema, &entry->rows[i]);
}

/* ---- the schema in the head ------------------------------------------ */

/* Tables u16; per table: name (size u8), columns u16; per column: type u8, bits
 * u8, scale u32, name (size u8). */
size_t
wal_record_schema_bytes(const struct store_schema *schema)
{
	size_t size = 2;

	for (uint32_t i = 0; i < schema->tables_count; i++) {
		size += 1 + strlen(schema->tables[i].name) + 2;
		for (uint32_t j = 0; j < schema->tables[i].columns_count; j++)
			size += 7 + strlen(schema->tables[i].columns[j].name);
	}
	return size;
}

static unsigned char *
put_name(unsigned char *out, const char *name)
{
	size_t size = strlen(name);

	assert(size > 0 && size <= UINT8_MAX);
	*out = (unsigned char)size;
	memcpy(out + 1, name, size);
	return out + 1 + size;
}

void
wal_record_put_schema(const struct store_schema *schema, unsigned char *out)
{
	bytes_put16(out, (uint16_t)schema->tables_count);
	out += 2;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		const struct store_table *table = &schema->tables[i];

		out = put_name(out, table->name);
		bytes_put16(out, (uint16_t)table->columns_count);
		out += 2;
		for (uint32_t j = 0; j < table->columns_count; j++) {
			out[0] = (unsigned char)table->columns[j].type;
			out[1] = table->columns[j].bits;
			bytes_put32(out + 2, table->columns[j].scale);
			out = put_name(out + 6, table->columns[j].name);
		}
	}
}

#define UNKNOWN UINT16_MAX

struct file_column {
	enum store_type type;
	uint16_t column; /* in the program's table, or UNKNOWN */
};

struct file_table {
	uint16_t table; /* in the program's schema, or UNKNOWN */
	uint32_t columns_count;
	struct file_column *columns; /* owned */
};

struct wal_columns {
	uint32_t tables_count;
	struct file_table *tables; /* owned */
};

struct span {
	const unsigned char *at, *end;
};

static const unsigned char *
span_take(struct span *span, size_t size)
{
	const unsigned char *at = span->at;

	if ((size_t)(span->end - at) < size)
		return NULL;
	span->at += size;
	return at;
}

static bool
take_name(struct span *span, struct store_str *name)
{
	const unsigned char *size = span_take(span, 1), *bytes;

	if (size == NULL || (bytes = span_take(span, *size)) == NULL)
		return false;
	*name = (struct store_str){(const char *)bytes, *size};
	return true;
}

static bool
is_named(struct store_str name, const char *other)
{
	return strlen(other) == name.size && memcmp(other, name.bytes, name.size) == 0;
}

static bool
take_column(struct span *span, const struct store_table *table, struct file_column *out)
{
	const unsigned char *at = span_take(span, 6);
	struct store_str name;

	if (at == NULL || at[0] > STORE_MAP || !take_name(span, &name))
		return false;
	out->type = (enum store_type)at[0];
	out->column = UNKNOWN;
	for (uint32_t i = 0; table != NULL && i < table->columns_count; i++) {
		if (is_named(name, table->columns[i].name) && table->columns[i].type == out->type &&
		    at[1] <= table->columns[i].bits)
			out->column = (uint16_t)i;
	}
	return true;
}

static bool
take_table(struct span *span, const struct store_schema *schema, struct file_table *out)
{
	const struct store_table *table = NULL;
	const unsigned char *at;
	struct store_str name;

	if (!take_name(span, &name) || (at = span_take(span, 2)) == NULL)
		return false;
	out->table = UNKNOWN;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		if (is_named(name, schema->tables[i].name)) {
			table = &schema->tables[i];
			out->table = (uint16_t)i;
		}
	}
	out->columns_count = bytes_get16(at);
	out->columns = calloc((size_t)out->columns_count + 1, sizeof *out->columns);
	if (out->columns == NULL)
		return false;
	for (uint32_t i = 0; i < out->columns_count; i++) {
		if (!take_column(span, table, &out->columns[i]))
			return false;
	}
	return true;
}

struct wal_columns *
wal_record_columns(const unsigned char *bytes, size_t size, const struct store_schema *schema)
{
	struct span span = {bytes, bytes + size};
	const unsigned char *at = span_take(&span, 2);
	struct wal_columns *columns = calloc(1, sizeof *columns);

	if (columns == NULL || at == NULL)
		goto failed;
	columns->tables_count = bytes_get16(at);
	columns->tables = calloc((size_t)columns->tables_count + 1, sizeof *columns->tables);
	if (columns->tables == NULL)
		goto failed;
	for (uint32_t i = 0; i < columns->tables_count; i++) {
		if (!take_table(&span, schema, &columns->tables[i]))
			goto failed;
	}
	if (span.at != span.end)
		goto failed;
	return columns;

failed:
	wal_record_columns_free(columns);
	return NULL;
}

void
wal_record_columns_free(struct wal_columns *columns)
{
	if (columns == NULL)
		return;
	for (uint32_t i = 0; columns->tables != NULL && i < columns->tables_count; i++)
		free(columns->tables[i].columns);
	free(columns->tables);
	free(columns);
}

void
wal_record_put_erasure(struct wal_buffer *buffer, const struct store_erasure *erasure)
{
	put_varint(buffer, erasure->sort.bytes != NULL);
	if (erasure->sort.bytes != NULL)
		put_string(buffer, erasure->sort);
	else
		put_varint(buffer, erasure->number);
}

/* ---- reading --------------------------------------------------------- */

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

static inline bool
get_value(struct wal_cursor *cursor, enum store_type type, struct store_cell *cell)
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
	case STORE_MAP:
		return get_string(cursor, &cell->key) && get_string(cursor, &cell->value.s);
	case STORE_STRING:
		return get_string(cursor, &cell->value.s);
	}
	return false;
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

		cells[kept].key = (struct store_str){NULL, 0};
		if (!get_uint32(cursor, &column) || column >= table->columns_count ||
		    !get_value(cursor, table->columns[column].type, &cells[kept]))
			return STORE_ECORRUPT;
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
