/*
 * Goal: a WAL file of any bytes is read to its end: each record it gives lies
 * within the file and is whole, and what a record says can be said again.
 * Method: the input as it is, and with right checksums and salts, so that the
 * fuzzer gets behind them; entries are encoded again and decoded again, which
 * must give the same bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memory_io.h"
#include "store/bytes.h"
#include "store/crc32c.h"
#include "store/wal.h"
#include "store/wal_record.h"
#include "tests/golden/schema.h"

#define NAME "1.wal"
#define FILE_BYTES_MAX 65536u
#define ARENA_BYTES_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wal_columns *own_columns; /* of the program's schema; never freed */

static void
make_own_columns(void)
{
	size_t size = wal_record_schema_bytes(&golden_schema);
	unsigned char *bytes = malloc(size);

	assert(bytes != NULL);
	wal_record_put_schema(&golden_schema, bytes);
	own_columns = wal_record_columns(bytes, size, &golden_schema);
	assert(own_columns != NULL);
	free(bytes);
}

/* ---- records ------------------------------------------------------------- */

/* Encodes an entry, decodes that, encodes it again: the same bytes. */
static void
check_again(const struct wal_entry *entry, struct store_arena *arena)
{
	struct wal_buffer once = {0}, twice = {0};
	struct wal_cursor cursor;
	struct wal_entry again;

	wal_record_put_entry(&once, &golden_schema, entry);
	assert(!once.failed);
	cursor = (struct wal_cursor){once.bytes, once.bytes + once.size, own_columns};
	assert(wal_record_get_entry(&cursor, arena, &again) == 0);
	assert(wal_record_get_end(&cursor) == 0);
	wal_record_put_entry(&twice, &golden_schema, &again);
	assert(once.size == twice.size && memcmp(once.bytes, twice.bytes, once.size) == 0);
	free(once.bytes);
	free(twice.bytes);
}

static void
check_commit(struct wal_cursor cursor, struct store_arena *arena)
{
	struct store_request request;
	bool has_request;
	uint32_t count;

	if (wal_record_get_request(&cursor, &request, &has_request) != 0 ||
	    wal_record_get_count(&cursor, &count) != 0 || count > cursor.end - cursor.at)
		return;
	while (count-- > 0) {
		struct wal_entry entry;
		int result = wal_record_get_entry(&cursor, arena, &entry);

		assert(cursor.at <= cursor.end);
		if (result != 0)
			return;
		for (uint32_t i = 0; i < entry.rows_count; i++) {
			const struct store_row *row = &entry.rows[i];

			assert(row->table < golden_schema.tables_count);
			for (uint32_t c = 0; c < row->cells_count; c++)
				assert(row->cells[c].column <
				       golden_tables[row->table].columns_count);
		}
		check_again(&entry, arena);
	}
	(void)wal_record_get_end(&cursor);
}

static void
check_record(const struct wal_record *record, const struct wal_columns *columns)
{
	struct wal_cursor cursor = {record->payload, record->payload + record->size, columns};
	struct store_arena *arena = store_arena_create(ARENA_BYTES_MAX);
	struct store_erasure erasure;

	assert(arena != NULL);
	if (record->type == WAL_ERASE)
		(void)wal_record_get_erasure(&cursor, &erasure);
	else
		check_commit(cursor, arena);
	store_arena_free(arena);
}

/* ---- files --------------------------------------------------------------- */

static void
read_all(struct wal_reader *reader, size_t file_bytes)
{
	struct store_error error = {0};
	struct wal_record record;
	struct wal_columns *columns;
	const unsigned char *schema, *last = NULL;
	size_t schema_bytes;
	int result;

	schema = wal_reader_schema(reader, &schema_bytes);
	assert(schema_bytes <= file_bytes);
	columns = wal_record_columns(schema, schema_bytes, &golden_schema);
	while ((result = wal_reader_next(reader, &record, &error)) != 0) {
		if (result != 1) {
			assert(result == STORE_ECORRUPT && error.offset < file_bytes);
			continue;
		}
		assert(record.size > 0 && record.size < file_bytes);
		assert(last == NULL || record.payload >= last);
		last = record.payload + record.size;
		assert(last <= schema - WAL_HEAD_BYTES + file_bytes);
		if (columns != NULL)
			check_record(&record, columns);
	}
	assert(wal_reader_valid_bytes(reader) <= file_bytes);
	wal_record_columns_free(columns);
}

static void
run(const uint8_t *data, size_t size)
{
	uint64_t id = size >= WAL_HEAD_BYTES ? bytes_get64(data + 16) : 0;
	struct store_error error = {0};
	struct wal_reader *reader;
	int result;

	memory_put(NAME, data, size);
	result = wal_reader_open(&memory_io, NAME, id, &reader, &error);
	if (result == 0) {
		read_all(reader, size);
		wal_reader_close(reader);
	} else {
		assert(error.code == result && error.text[0] != '\0');
	}
	memory_clear();
}

/* Right checksums and salts for all that lies where records would. */
static void
seal(unsigned char *bytes, size_t size)
{
	uint32_t schema_bytes = bytes_get32(bytes + 12), crc;
	size_t at = WAL_HEAD_BYTES + (size_t)schema_bytes;

	if (at > size)
		return;
	crc = crc32c(0, bytes, WAL_HEAD_CRC_AT);
	crc = crc32c(crc, bytes + WAL_HEAD_BYTES, schema_bytes);
	bytes_put32(bytes + WAL_HEAD_CRC_AT, crc);
	while (size - at >= WAL_RECORD_HEAD_BYTES) {
		unsigned char *head = bytes + at;
		uint32_t payload = bytes_get32(head);

		if (payload > size - at - WAL_RECORD_HEAD_BYTES)
			break;
		memcpy(head + 16, bytes + 40, 8);
		crc = crc32c(0, head, WAL_RECORD_CRC_AT);
		crc = crc32c(crc, head + WAL_RECORD_HEAD_BYTES, payload);
		bytes_put32(head + WAL_RECORD_CRC_AT, crc);
		at += WAL_RECORD_HEAD_BYTES + payload;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t sealed[FILE_BYTES_MAX];

	if (size > sizeof sealed)
		return 0;
	if (own_columns == NULL)
		make_own_columns();
	run(data, size);
	if (size < WAL_HEAD_BYTES)
		return 0;
	memcpy(sealed, data, size);
	seal(sealed, size);
	run(sealed, size);
	return 0;
}
