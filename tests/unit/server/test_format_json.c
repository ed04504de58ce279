/*
 * Goal: the formats built on JSON, and WITH TOTALS in every format, are what
 * ClickHouse writes. Method: goldens, as ClickHouse 26 answers the query that
 * stands beside them.
 */
#include "sheet.h"

static struct store_value map[4], dates[1] = {{.v.u = 20454}}, nulls[2], empty;
static struct store_value totals_row[5];

/* SELECT '0' k, 3 c, map('x', 'y', 'z', 'w') m, map() e, [toDate('2026-01-01')]
 * d, with 5 as the total of c. */
static void
fill(void)
{
	static const char *const texts[] = {"x", "y", "z", "w"};

	sheet_clear(1);
	for (int i = 0; i < 4; i++)
		map[i].v.s = beacon_str(texts[i]);
	sheet_add("k", STORE_R_STRING, (struct store_value){.v.s = beacon_str("0")});
	sheet_add("c", STORE_R_UINT64, (struct store_value){.v.u = 3});
	sheet_add("m", STORE_R_MAP, (struct store_value){.v.list = {map, 2}});
	sheet_add("e", STORE_R_MAP, (struct store_value){.v.list = {&empty, 0}});
	sheet_add("d", STORE_R_ARRAY, (struct store_value){.v.list = {dates, 1}})->element =
	    STORE_R_DATE;
	for (int c = 0; c < 5; c++)
		totals_row[c] = sheet.cells[c][0];
	totals_row[1].v.u = 5;
	sheet.result.totals = totals_row;
}

static void
check_has(enum format format, const char *expected)
{
	char *got = written(format, false, NULL);

	if (strstr(got, expected) == NULL)
		fail_msg("expected\n%s\nin\n%s", expected, got);
	free(got);
}

static void
documents(void **state)
{
	(void)state;
	fill();
	check_has(FORMAT_JSON,
		  "\t\"data\":\n\t[\n\t\t{\n\t\t\t\"k\": \"0\",\n\t\t\t\"c\": 3,\n\t\t\t\"m\": {\n"
		  "\t\t\t\t\"x\": \"y\",\n\t\t\t\t\"z\": \"w\"\n\t\t\t},\n\t\t\t\"e\": {},\n"
		  "\t\t\t\"d\": [\"2026-01-01\"]\n\t\t}\n\t],\n\n"
		  "\t\"totals\":\n\t{\n\t\t\"k\": \"0\",\n\t\t\"c\": 5,\n"
		  "\t\t\"m\": {\"x\":\"y\",\"z\":\"w\"},\n\t\t\"e\": {},\n"
		  "\t\t\"d\": [\"2026-01-01\"]\n\t},\n\n\t\"rows\": 1,\n");
	check_has(FORMAT_JSON_COMPACT,
		  "\t\"data\":\n\t[\n"
		  "\t\t[\"0\", 3, {\"x\":\"y\",\"z\":\"w\"}, {}, [\"2026-01-01\"]]\n\t],\n\n"
		  "\t\"totals\": [\"0\", 5, {\"x\":\"y\",\"z\":\"w\"}, {}, [\"2026-01-01\"]],\n\n"
		  "\t\"rows\": 1,\n");
	check_has(FORMAT_JSON_STRINGS, "\t\t\t\"c\": \"3\",\n"
				       "\t\t\t\"m\": \"{'x':'y','z':'w'}\",\n");
	sheet.result.rows_count = 0;
	sheet.result.totals = NULL;
	check_has(FORMAT_JSON, "\t\"data\":\n\t[\n\n\t],\n\n\t\"rows\": 0,\n");
}

#define ROW "[\"0\", 3, {\"x\":\"y\",\"z\":\"w\"}, {}, [\"2026-01-01\"]]\n"
#define NAMES "[\"k\", \"c\", \"m\", \"e\", \"d\"]\n"

static void
lines(void **state)
{
	(void)state;
	fill();
	check_written(FORMAT_JSON_COMPACT_EACH_ROW, false, ROW);
	check_written(FORMAT_JSON_COMPACT_EACH_ROW_WITH_NAMES, false, NAMES ROW);
	check_written(FORMAT_JSON_COMPACT_EACH_ROW_WITH_NAMES_AND_TYPES, false,
		      NAMES "[\"String\", \"UInt64\", \"Map(String, String)\", "
			    "\"Map(String, String)\", \"Array(Date)\"]\n" ROW);
	check_written(FORMAT_JSON_STRINGS_EACH_ROW, false,
		      "{\"k\":\"0\",\"c\":\"3\",\"m\":\"{'x':'y','z':'w'}\",\"e\":\"{}\","
		      "\"d\":\"['2026-01-01']\"}\n");
}

static void
totals_in_text(void **state)
{
	(void)state;
	fill();
	check_written(FORMAT_CSV, false,
		      "\"0\",3,\"{'x':'y','z':'w'}\",\"{}\",\"['2026-01-01']\"\n\n"
		      "\"0\",5,\"{'x':'y','z':'w'}\",\"{}\",\"['2026-01-01']\"\n");
	check_written(FORMAT_TSV_WITH_NAMES_AND_TYPES, false,
		      "k\tc\tm\te\td\n"
		      "String\tUInt64\tMap(String, String)\tMap(String, String)\tArray(Date)\n"
		      "0\t3\t{'x':'y','z':'w'}\t{}\t['2026-01-01']\n\n"
		      "0\t5\t{'x':'y','z':'w'}\t{}\t['2026-01-01']\n");
	check_written(FORMAT_NULL_, false, "");
}

/* Elements of an array may be NULL; numbers may be quoted. */
static void
elements(void **state)
{
	struct format_options options = {.quote_denormals = true};
	size_t size;
	char *bytes;

	(void)state;
	nulls[0] = (struct store_value){.null = true};
	nulls[1] = (struct store_value){.v.s = beacon_str("a'b")};
	sheet_clear(1);
	sheet_add("n", STORE_R_ARRAY, (struct store_value){.v.list = {nulls, 2}})->element =
	    STORE_R_STRING;
	sheet_add("x", STORE_R_FLOAT64, (struct store_value){.v.f = -INFINITY});
	check_written(FORMAT_JSON_EACH_ROW, false, "{\"n\":[null,\"a'b\"],\"x\":null}\n");
	check_written(FORMAT_TSV, false, "[NULL,'a\\'b']\t-inf\n");
	assert_int_equal(
	    format_result(FORMAT_JSON_COMPACT_EACH_ROW, &sheet.result, &options, &bytes, &size), 0);
	assert_int_equal(size, strlen("[[null,\"a'b\"], \"-inf\"]\n"));
	assert_memory_equal(bytes, "[[null,\"a'b\"], \"-inf\"]\n", size);
	free(bytes);
	sheet_clear(1);
	sheet_add("s", STORE_R_STRING,
		  (struct store_value){.v.s = beacon_str("|\xe2\x80\xa8|\xe2\x80\xa9|\x7f")});
	check_written(FORMAT_JSON_EACH_ROW, false, "{\"s\":\"|\\u2028|\\u2029|\x7f\"}\n");
	check_written(FORMAT_TSV_RAW, false, "|\xe2\x80\xa8|\xe2\x80\xa9|\x7f\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(documents),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(totals_in_text),
	    cmocka_unit_test(elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
