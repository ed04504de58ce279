/*
 * Goal: a segment of any bytes is refused with a reason, or read without
 * leaving it: codes are within the dictionary, which ascends, and a segment
 * that segment_verify finds right has no column that cannot be read, nor one
 * that is not within its range. Method: the input as it is, and with right
 * checksums, so that the fuzzer gets behind them; both as either table of the
 * golden files.
 */
#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "memory_io.h"
#include "store/bytes.h"
#include "store/codec.h"
#include "store/segment.h"
#include "store/segment_format.h"
#include "tests/golden/schema.h"

#define NAME "1.seg"
#define FILE_BYTES_MAX 65536u
#define ARENA_BYTES_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
compare(struct store_str a, struct store_str b)
{
	int order = memcmp(a.bytes, b.bytes, a.size < b.size ? a.size : b.size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static void
check_dictionary(const struct dictionary *dictionary)
{
	for (uint32_t i = 1; i < dictionary->count; i++) {
		struct store_str before = dictionary_entry(dictionary, i - 1);
		struct store_str entry = dictionary_entry(dictionary, i);

		assert(before.size == 0 ? entry.size > 0 : compare(before, entry) < 0);
	}
}

static void
check_range(const struct segment *segment, uint32_t block, uint16_t column, enum store_type type,
	    const struct vector *vector)
{
	int64_t min, max;

	if (!segment_range(segment, block, column, &min, &max))
		return;
	for (uint32_t i = 0; i < vector->rows_count && !vector->all_null; i++) {
		int64_t value = vector->values[vector->constant ? 0 : i];

		if (vector->nulls == NULL || !bitmap_get(vector->nulls, i))
			assert(!segment_less(type, value, min) && !segment_less(type, max, value));
	}
}

static void
read_column(const struct segment *segment, const struct store_table *table, uint32_t block,
	    const struct segment_column *column, bool is_right)
{
	enum store_type type = table->columns[column->column].type;
	struct store_arena *arena = store_arena_create(ARENA_BYTES_MAX);
	struct store_error error = {0};
	struct vector vector;
	int result;

	assert(arena != NULL);
	result = segment_read(segment, block, column->column, column->key, arena, &vector, &error);
	assert(result == 0 || (!is_right && error.code == result));
	if (result == 0 && vector.codes != NULL) {
		check_dictionary(vector.dictionary);
		for (uint32_t i = 0; i < (vector.constant ? 1 : vector.rows_count); i++)
			assert(vector.codes[i] < vector.dictionary->count);
	} else if (result == 0 && is_right && !segment_is_string(type)) {
		check_range(segment, block, column->column, type, &vector);
	}
	store_arena_free(arena);
}

/* In slices of 32 bits where that is possible: the same modulo 2^32. */
static void
read_narrow(const struct segment *segment, uint32_t block, const struct segment_column *column)
{
	struct store_arena *arena = store_arena_create(ARENA_BYTES_MAX);
	struct vector whole, slice = {.rows_count = 0};
	struct segment_reader *reader;
	uint32_t rows = segment_block_rows_count(segment, block);

	assert(arena != NULL);
	if (segment_read(segment, block, column->column, column->key, arena, &whole, NULL) != 0)
		rows = 0;
	else
		assert(segment_reader_open(segment, block, column->column, column->key, true, arena,
					   &reader, NULL) == 0);
	for (uint32_t first = 0; first < rows; first += slice.rows_count) {
		uint32_t count = rows - first < 192 ? rows - first : 192;

		assert(segment_reader_read(reader, first, count, arena, &slice, NULL) == 0);
		assert(slice.rows_count == count && slice.constant == whole.constant);
		for (uint32_t i = 0; slice.bytes != NULL && i < count; i++)
			assert(slice.bytes[i] == whole.codes[first + i]);
		for (uint32_t i = 0; slice.narrow != NULL && i < count; i++) {
			if (whole.nulls != NULL && bitmap_get(whole.nulls, first + i))
				assert(slice.narrow[i] == VECTOR_NARROW_NULL);
			else
				assert(slice.narrow[i] == (uint32_t)whole.values[first + i]);
		}
	}
	store_arena_free(arena);
}

static void
run(const uint8_t *data, size_t size, const struct store_table *table)
{
	const struct segment_column *columns;
	struct store_error error = {0};
	struct segment *segment;
	uint32_t columns_count;
	int result;

	memory_put(NAME, data, size);
	result = segment_open(&memory_io, NAME, table, 0, &segment, &error);
	assert(result == 0 || (error.code == result && error.text[0] != '\0'));
	if (result == 0) {
		bool is_right = segment_verify(segment, &error) == 0;

		columns = segment_columns(segment, &columns_count);
		for (uint32_t block = 0; block < segment_blocks_count(segment); block++) {
			for (uint32_t i = 0; i < columns_count; i++) {
				read_column(segment, table, block, &columns[i], is_right);
				read_narrow(segment, block, &columns[i]);
			}
		}
		segment_close(segment);
	}
	memory_clear();
}

/* ---- right checksums ----------------------------------------------------- */

struct sealing {
	unsigned char *bytes, *at, *end; /* at, end: of the footer */
	size_t section_at;               /* sections lie in the footer's order */
};

static unsigned char *
take(struct sealing *sealing, size_t size)
{
	unsigned char *at = sealing->at;

	if ((size_t)(sealing->end - at) < size)
		return NULL;
	sealing->at += size;
	return at;
}

static void
seal_section(struct sealing *sealing, size_t size, unsigned char *checksum)
{
	size_t at = segment_aligned(sealing->section_at);
	size_t room = (size_t)(sealing->end - sealing->bytes);

	if (at > room || size > room - at)
		return;
	bytes_put64(checksum, XXH3_64bits(sealing->bytes + at, size));
	sealing->section_at = at + size;
}

static bool
seal_column(struct sealing *sealing, uint32_t blocks)
{
	unsigned char *column = take(sealing, SEGMENT_COLUMN_BYTES), *at;

	if (column == NULL ||
	    take(sealing, (size_t)bytes_get16(column + 10) + bytes_get16(column + 12)) == NULL)
		return false;
	if (column[0] == STORE_STRING || column[0] == STORE_MAP) {
		if ((at = take(sealing, SEGMENT_DICTIONARY_BYTES)) == NULL)
			return false;
		if (bytes_get32(at + 1) != 0)
			seal_section(sealing, bytes_get32(at + 5), at + 13);
	}
	while (blocks-- > 0) {
		if ((at = take(sealing, SEGMENT_CHUNK_ABSENT_BYTES)) == NULL)
			return false;
		if (at[0] == CODEC_ABSENT)
			continue;
		at = take(sealing, SEGMENT_CHUNK_BYTES - SEGMENT_CHUNK_ABSENT_BYTES);
		if (at == NULL)
			return false;
		seal_section(sealing, (size_t)bytes_get32(at + 5) + bytes_get32(at + 9), at + 17);
	}
	return true;
}

static void
seal(unsigned char *bytes, size_t size)
{
	unsigned char *tail = bytes + size - SEGMENT_TAIL_BYTES, *head;
	uint32_t footer_bytes = bytes_get32(tail), columns, blocks;
	struct sealing sealing = {bytes, tail, tail, SEGMENT_MAGIC_BYTES};

	if (footer_bytes > size - SEGMENT_TAIL_BYTES)
		return;
	sealing.at = tail - footer_bytes;
	if ((head = take(&sealing, SEGMENT_HEAD_BYTES)) == NULL)
		return;
	columns = bytes_get32(head);
	blocks = bytes_get32(head + 4);
	if (take(&sealing, (size_t)blocks * 4) != NULL) {
		while (columns-- > 0 && seal_column(&sealing, blocks))
			continue;
	}
	bytes_put64(tail + 8, XXH3_64bits(tail - footer_bytes, footer_bytes));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t sealed[FILE_BYTES_MAX];

	if (size > sizeof sealed)
		return 0;
	for (uint32_t i = 0; i < golden_schema.tables_count; i++)
		run(data, size, &golden_tables[i]);
	if (size < SEGMENT_TAIL_BYTES)
		return 0;
	memcpy(sealed, data, size);
	seal(sealed, size);
	for (uint32_t i = 0; i < golden_schema.tables_count; i++)
		run(sealed, size, &golden_tables[i]);
	return 0;
}
