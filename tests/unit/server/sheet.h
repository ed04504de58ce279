/*
 * Query results made by hand, for the tests of formats.
 */
#ifndef SHEET_H
#define SHEET_H

#include <math.h>

#include "beacon.h"
#include "server/format.h"

#define SHEET_COLUMNS_MAX 20u
#define SHEET_ROWS_MAX 8u

/* A result under construction. */
struct sheet {
	struct store_result_column columns[SHEET_COLUMNS_MAX];
	struct store_value cells[SHEET_COLUMNS_MAX][SHEET_ROWS_MAX], *values[SHEET_COLUMNS_MAX];
	struct store_result result;
};

static struct sheet sheet;

static inline void
sheet_clear(uint64_t rows)
{
	memset(&sheet, 0, sizeof sheet);
	for (uint32_t c = 0; c < SHEET_COLUMNS_MAX; c++)
		sheet.values[c] = sheet.cells[c];
	sheet.result.columns = sheet.columns;
	sheet.result.values = sheet.values;
	sheet.result.rows_count = rows;
}

/* Adds a column whose first row has the value. */
static inline struct store_result_column *
sheet_add(const char *name, enum store_result_type type, struct store_value value)
{
	struct store_result_column *column = &sheet.columns[sheet.result.columns_count];

	column->name = beacon_str(name);
	column->type = type;
	sheet.cells[sheet.result.columns_count++][0] = value;
	return column;
}

/* NUL-terminated copy; the caller frees it. */
static inline char *
written(enum format format, bool quote_64bit, size_t *size_out)
{
	struct format_options options = {.quote_64bit_integers = quote_64bit};
	char *bytes, *copy;
	size_t size;

	assert_int_equal(format_result(format, &sheet.result, &options, &bytes, &size), 0);
	copy = malloc(size + 1);
	assert_non_null(copy);
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	free(bytes);
	if (size_out != NULL)
		*size_out = size;
	return copy;
}

static inline void
check_written(enum format format, bool quote_64bit, const char *expected)
{
	char *got = written(format, quote_64bit, NULL);

	assert_string_equal(got, expected);
	free(got);
}

static const struct store_value list_numbers[] = {{.v.f = 1.5}, {.v.f = NAN}, {.v.f = -0.25}};
static struct store_value list_strings[4];

/* A column of each type, with a row of values and one of NULLs. */
static inline void
fill_all_types(void)
{
	static const char *const texts[] = {"plan", "it's \"pro\"\t/x", "k\\", ""};

	sheet_clear(2);
	for (int i = 0; i < 4; i++)
		list_strings[i].v.s = beacon_str(texts[i]);
	sheet_add("u8", STORE_R_UINT8, (struct store_value){.v.u = 255});
	sheet_add("u16", STORE_R_UINT16, (struct store_value){.v.u = 65535});
	sheet_add("u32", STORE_R_UINT32, (struct store_value){.v.u = 4294967295});
	sheet_add("u64", STORE_R_UINT64, (struct store_value){.v.u = UINT64_MAX});
	sheet_add("i8", STORE_R_INT8, (struct store_value){.v.i = -128});
	sheet_add("i16", STORE_R_INT16, (struct store_value){.v.i = -32768});
	sheet_add("i32", STORE_R_INT32, (struct store_value){.v.i = -2147483648});
	sheet_add("i64", STORE_R_INT64, (struct store_value){.v.i = INT64_MIN});
	sheet_add("f", STORE_R_FLOAT64, (struct store_value){.v.f = 0.1});
	sheet_add("b", STORE_R_BOOL, (struct store_value){.v.u = 1});
	sheet_add("s\t\"x\"", STORE_R_STRING,
		  (struct store_value){.v.s = beacon_str("a \"b\"\t'c'\\\n/\x01\xc3\xa4")});
	sheet_add("d", STORE_R_DATE, (struct store_value){.v.u = 20602});
	sheet_add("dt", STORE_R_DATETIME, (struct store_value){.v.u = 1780000000});
	sheet_add("dt64", STORE_R_DATETIME64, (struct store_value){.v.i = 1780000000005});
	sheet_add("m", STORE_R_MAP, (struct store_value){.v.list = {list_strings, 2}});
	sheet_add("a", STORE_R_ARRAY, (struct store_value){.v.list = {list_numbers, 3}})->element =
	    STORE_R_FLOAT64;
	for (uint32_t c = 0; c < sheet.result.columns_count; c++)
		sheet.cells[c][1].null = true;
}

#endif
