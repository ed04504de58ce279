/*
 * Goal: Native is what ClickHouse writes, for each revision that a client may
 * tell, and nothing is lost in it. Method: goldens, byte for byte as
 * ClickHouse 26 answers the query that stands beside them; random results of
 * every type, read back by a reader that follows the format's description and
 * compared value by value.
 */
#include <time.h>

#include <xxhash.h>

#include "sheet.h"

static struct store_value
text(const char *value)
{
	return (struct store_value){.v.s = beacon_str(value)};
}

static void
check_bytes(uint64_t revision, const char *expected, size_t expected_size)
{
	struct format_options options = {.client_revision = revision};
	size_t size;
	char *bytes;

	assert_int_equal(format_result(FORMAT_NATIVE, &sheet.result, &options, &bytes, &size), 0);
	assert_int_equal(size, expected_size);
	assert_memory_equal(bytes, expected, size);
	free(bytes);
}

#define CHECK(revision, expected) check_bytes(revision, expected, sizeof(expected) - 1)

/* ---- goldens --------------------------------------------------------- */

/* SELECT 1 AS check: what drivers ask to see which revisions are known. */
static void
revisions(void **state)
{
	(void)state;
	sheet_clear(1);
	sheet_add("check", STORE_R_UINT8, (struct store_value){.v.u = 1});
	CHECK(0, "\1\1\5check\5UInt8\1");
	CHECK(51902, "\1\1\5check\5UInt8\1");
	CHECK(54405, "\1\0\2\xff\xff\xff\xff\0\1\1\5check\5UInt8\1");
	CHECK(54454, "\1\0\2\xff\xff\xff\xff\0\1\1\5check\5UInt8\0\1");
	CHECK(54480, "\1\0\2\xff\xff\xff\xff\3\0\0\1\1\5check\5UInt8\0\1");
	sheet_clear(0);
	sheet_add("check", STORE_R_UINT8, (struct store_value){0});
	CHECK(54480, "");
}

/* SELECT toLowCardinality(arrayJoin(['q', '', 'q', 'z'])) AS l */
static void
low_cardinality(void **state)
{
	static const char *const texts[] = {"q", "", "q", "z"};

	(void)state;
	sheet_clear(4);
	sheet_add("l", STORE_R_STRING, text(""))->dictionary = true;
	for (int r = 0; r < 4; r++)
		sheet.cells[0][r] = text(texts[r]);
	CHECK(0, "\1\4\1l\x16LowCardinality(String)\1\0\0\0\0\0\0\0\0\6\0\0\0\0\0\0"
		 "\3\0\0\0\0\0\0\0\0\1q\1z\4\0\0\0\0\0\0\0\1\0\1\2");
	CHECK(54404, "\1\0\2\xff\xff\xff\xff\0\1\4\1l\6String\1q\0\1q\1z");
}

/* SELECT toLowCardinality(arrayJoin([NULL, 'q', '', 'q'])) AS l */
static void
low_cardinality_nullable(void **state)
{
	static const char *const texts[] = {"", "q", "", "q"};

	(void)state;
	sheet_clear(4);
	sheet_add("l", STORE_R_STRING, text(""))->dictionary = true;
	sheet.columns[0].nullable = true;
	for (int r = 0; r < 4; r++)
		sheet.cells[0][r] = text(texts[r]);
	sheet.cells[0][0].null = true;
	CHECK(0, "\1\4\1l\x20LowCardinality(Nullable(String))\1\0\0\0\0\0\0\0\0\6\0\0\0\0\0\0"
		 "\3\0\0\0\0\0\0\0\0\0\1q\4\0\0\0\0\0\0\0\0\2\1\2");
	CHECK(54404, "\1\0\2\xff\xff\xff\xff\0\1\4\1l\x10Nullable(String)\1\0\0\0\0\1q\0\1q");
}

/* SELECT map('a', 'b') AS m, ['x', 'y'] AS y, arrayJoin([NULL, 1]) AS n */
static void
lists_and_nulls(void **state)
{
	static struct store_value map[2], array[2];

	(void)state;
	map[0] = text("a");
	map[1] = text("b");
	array[0] = text("x");
	array[1] = text("y");
	sheet_clear(2);
	sheet_add("m", STORE_R_MAP, (struct store_value){.v.list = {map, 1}});
	sheet_add("y", STORE_R_ARRAY, (struct store_value){.v.list = {array, 2}})->element =
	    STORE_R_STRING;
	sheet_add("n", STORE_R_UINT8, (struct store_value){.null = true})->nullable = true;
	sheet.cells[0][1] = sheet.cells[0][0];
	sheet.cells[1][1] = sheet.cells[1][0];
	sheet.cells[2][1].v.u = 1;
	CHECK(0, "\3\2\1m\x13Map(String, String)\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1a\1a\1b\1b"
		 "\1y\x0d"
		 "Array(String)\2\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\1x\1y\1x\1y"
		 "\1n\x0fNullable(UInt8)\1\0\0\1");
}

/* ---- reading back ---------------------------------------------------- */

struct reader {
	const unsigned char *at, *end;
};

static uint64_t
little(struct reader *reader, unsigned bytes)
{
	uint64_t value = 0;

	assert_true((size_t)(reader->end - reader->at) >= bytes);
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)*reader->at++ << (8 * i);
	return value;
}

static uint64_t
varuint(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint64_t byte = little(reader, 1);

		value |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
}

static struct store_str
string(struct reader *reader)
{
	uint64_t size = varuint(reader);
	struct store_str out = {(const char *)reader->at, (uint32_t)size};

	assert_true((size_t)(reader->end - reader->at) >= size);
	reader->at += size;
	return out;
}

static void
assert_same(struct store_str got, struct store_str expected)
{
	assert_int_equal(got.size, expected.size);
	if (got.size > 0)
		assert_memory_equal(got.bytes, expected.bytes, got.size);
}

static void
check_scalar(struct reader *reader, enum store_result_type type, const struct store_value *value)
{
	static const unsigned bytes[] = {1, 2, 4, 8, 1, 2, 4, 8, 8, 1, 0, 2, 4, 8};
	uint64_t expected = value->null ? 0 : value->v.u;

	if (type == STORE_R_STRING) {
		assert_same(string(reader), value->null ? (struct store_str){"", 0} : value->v.s);
		return;
	}
	if (bytes[type] < 8)
		expected &= ((uint64_t)1 << (8 * bytes[type])) - 1;
	assert_int_equal(little(reader, bytes[type]), expected);
}

static void
check_dictionary(struct reader *reader, const struct store_result_column *column,
		 const struct store_value *values, uint64_t rows)
{
	struct store_str *keys;
	uint64_t flags, count;

	assert_int_equal(little(reader, 8), 1);
	flags = little(reader, 8);
	assert_int_equal(flags & ~3u, 0x600);
	count = little(reader, 8);
	keys = calloc(count, sizeof *keys);
	assert_non_null(keys);
	for (uint64_t i = 0; i < count; i++)
		keys[i] = string(reader);
	assert_int_equal(little(reader, 8), rows);
	for (uint64_t r = 0; r < rows; r++) {
		uint64_t index = little(reader, 1u << (flags & 3));

		assert_true(index < count);
		assert_int_equal(column->nullable && index == 0, values[r].null);
		if (!values[r].null)
			assert_same(keys[index], values[r].v.s);
	}
	free(keys);
}

static void
check_lists(struct reader *reader, const struct store_result_column *column,
	    const struct store_value *values, uint64_t rows)
{
	bool map = column->type == STORE_R_MAP;
	uint64_t end = 0;

	for (uint64_t r = 0; r < rows; r++)
		assert_int_equal(little(reader, 8), end += values[r].v.list.count);
	for (uint32_t part = 0; part < (map ? 2 : 1); part++) {
		for (uint64_t r = 0; r < rows; r++) {
			for (uint32_t i = 0; i < values[r].v.list.count; i++)
				check_scalar(reader, map ? STORE_R_STRING : column->element,
					     &values[r].v.list.items[map ? 2 * i + part : i]);
		}
	}
}

static void
check_column(struct reader *reader, const struct store_result_column *column,
	     const struct store_value *values, uint64_t rows)
{
	assert_same(string(reader), column->name);
	string(reader); /* the type: goldens */
	if (column->dictionary) {
		check_dictionary(reader, column, values, rows);
		return;
	}
	if (column->type == STORE_R_MAP || column->type == STORE_R_ARRAY) {
		check_lists(reader, column, values, rows);
		return;
	}
	for (uint64_t r = 0; column->nullable && r < rows; r++)
		assert_int_equal(little(reader, 1), values[r].null);
	for (uint64_t r = 0; r < rows; r++)
		check_scalar(reader, column->type, &values[r]);
}

static void
check_result(const struct store_result *result)
{
	struct format_options options = {0};
	struct reader reader;
	uint64_t at = 0;
	size_t size;
	char *bytes;

	assert_int_equal(format_result(FORMAT_NATIVE, result, &options, &bytes, &size), 0);
	reader = (struct reader){(const unsigned char *)bytes, (const unsigned char *)bytes + size};
	while (reader.at < reader.end) {
		uint64_t rows;

		assert_int_equal(varuint(&reader), result->columns_count);
		rows = varuint(&reader);
		assert_true(rows > 0 && rows <= 65536 && rows <= result->rows_count - at);
		for (uint32_t c = 0; c < result->columns_count; c++)
			check_column(&reader, &result->columns[c], result->values[c] + at, rows);
		at += rows;
	}
	assert_int_equal(at, result->rows_count);
	free(bytes);
}

/* ---- random results -------------------------------------------------- */

static char pool[4096];

static struct store_value
random_value(struct random *random, enum store_result_type type, uint64_t distinct)
{
	struct store_value value = {.v.u = random_next(random)};
	uint64_t start;

	if (type == STORE_R_STRING) {
		start = random_below(random, distinct);
		value.v.s = (struct store_str){pool + start % 3000, (uint32_t)(start % 300)};
	} else if (type == STORE_R_BOOL) {
		value.v.u &= 1;
	}
	return value;
}

static void
fill_column(struct random *random, struct store_arena *arena, struct store_result_column *column,
	    struct store_value *values, uint64_t rows)
{
	uint64_t distinct = 1 + random_below(random, 100000);
	enum store_result_type item;

	*column = (struct store_result_column){
	    .name = beacon_str("column"),
	    .type = (enum store_result_type)random_below(random, STORE_R_ARRAY + 1)};
	column->element = (enum store_result_type)random_below(random, STORE_R_MAP);
	column->nullable = column->type < STORE_R_MAP && random_below(random, 2) == 0;
	column->dictionary = column->type == STORE_R_STRING && random_below(random, 2) == 0;
	item = column->type == STORE_R_MAP ? STORE_R_STRING : column->element;
	for (uint64_t r = 0; r < rows; r++) {
		uint32_t count = (uint32_t)random_below(random, 4);
		struct store_value *items;

		values[r] = random_value(random, column->type, distinct);
		values[r].null = column->nullable && random_below(random, 3) == 0;
		if (column->type < STORE_R_MAP)
			continue;
		items = store_arena_alloc(arena, 6 * sizeof *items);
		for (uint32_t i = 0; i < 6; i++)
			items[i] = random_value(random, item, distinct);
		values[r].v.list.items = items;
		values[r].v.list.count = count;
	}
}

static void
read_back(void **state)
{
	struct random random = random_seeded("native");
	struct store_arena *arena = store_arena_create(0);

	(void)state;
	for (size_t i = 0; i < sizeof pool; i++)
		pool[i] = (char)random_next(&random);
	for (int round = 0; round < 300; round++) {
		uint32_t columns = 1 + (uint32_t)random_below(&random, 6);
		uint64_t rows = round % 100 == 99 ? 65530 + random_below(&random, 70000)
						  : random_below(&random, 400);
		struct store_result_column meta[6];
		struct store_value *values[6];
		struct store_result result = {.columns_count = columns,
					      .rows_count = rows,
					      .columns = meta,
					      .values = values};

		store_arena_reset(arena);
		for (uint32_t c = 0; c < columns; c++) {
			values[c] = store_arena_alloc(arena, (rows + 1) * sizeof *values[c]);
			assert_non_null(values[c]);
			fill_column(&random, arena, &meta[c], values[c], rows);
		}
		check_result(&result);
	}
	store_arena_free(arena);
}

/* ---- aimed texts ----------------------------------------------------- */

enum { AIMED_ROWS = 32768, AIMED_SLOTS = 1 << 18, AIMED_AT = 2048, AIMED_BYTES = 16 };

/* CPU seconds for a column of different texts; `aimed`: those whose hash without a
 * seed, which anybody can compute, begins at one of few places. */
static double
seconds_of(bool aimed)
{
	static char texts[AIMED_ROWS][AIMED_BYTES];
	static struct store_value cells[AIMED_ROWS];
	struct store_value *values[] = {cells};
	struct store_result_column column = {
	    .name = beacon_str("l"), .type = STORE_R_STRING, .dictionary = true};
	struct store_result result = {
	    .columns = &column, .columns_count = 1, .rows_count = AIMED_ROWS, .values = values};
	struct format_options options = {0};
	clock_t began;
	size_t size;
	char *bytes;

	for (unsigned i = 0, row = 0; row < AIMED_ROWS; i++) {
		uint32_t text_size = (uint32_t)sprintf(texts[row], "/p/%u", i);
		XXH64_hash_t hash = XXH3_64bits(texts[row], text_size);

		if (aimed && (uint32_t)hash % AIMED_SLOTS >= AIMED_AT)
			continue;
		cells[row] = (struct store_value){.v.s = {texts[row], text_size}};
		row++;
	}
	began = clock();
	assert_int_equal(format_result(FORMAT_NATIVE, &result, &options, &bytes, &size), 0);
	free(bytes);
	return (double)(clock() - began) / CLOCKS_PER_SEC;
}

/* Paths are chosen by visitors: none may make an answer slow. */
static void
aimed(void **state)
{
	double usual, slow;

	(void)state;
	seconds_of(false); /* pages */
	usual = seconds_of(false);
	slow = seconds_of(true);
	if (slow > 10 * usual + 0.01)
		fail_msg("%.3f s instead of %.3f s", slow, usual);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(revisions),
	    cmocka_unit_test(low_cardinality),
	    cmocka_unit_test(low_cardinality_nullable),
	    cmocka_unit_test(lists_and_nulls),
	    cmocka_unit_test(read_back),
	    cmocka_unit_test(aimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
