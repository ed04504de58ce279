/*
 * wal_record.h: encoding WAL payloads. Between store_append and wal_write.c;
 * must not touch files.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "wal_record_inside.h"

#define VARINT_BYTES_MAX 10u

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
			const struct store_pair *pair = type == STORE_MAP ? cell->value.pair : NULL;
			struct store_str text = pair == NULL ? cell->value.s : pair->value;

			at = want_room(buffer, at,
				       (size_t)text.size + (pair == NULL ? 0 : pair->key.size),
				       (size_t)(end - cell));
			if (at == NULL)
				return;
			at = write_column(at, cell->column);
			if (pair != NULL)
				at = write_string(at, pair->key);
			at = write_string(at, text);
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

void
wal_record_put_erasure(struct wal_buffer *buffer, const struct store_erasure *erasure)
{
	put_varint(buffer, erasure->sort.bytes != NULL);
	if (erasure->sort.bytes != NULL)
		put_string(buffer, erasure->sort);
	else
		put_varint(buffer, erasure->number);
}
