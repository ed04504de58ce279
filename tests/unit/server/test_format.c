/*
 * Goal: results are written as ClickHouse writes them, and every string comes
 * back from every format as it was. Method: one row of every type, one of
 * NULLs, as goldens of each format; tables of numbers and times; random
 * strings read back by small readers of JSON, CSV and TSV that know nothing of
 * the writer.
 */
#include "beacon.h"

#include <math.h>

#include "opinion.h"
#include "server/json.h"
#include "sheet.h"

/* ---- goldens --------------------------------------------------------- */

static void
json_lines(void **state)
{
	(void)state;
	fill_all_types();
	check_written(
	    FORMAT_JSON_EACH_ROW, false,
	    "{\"u8\":255,\"u16\":65535,\"u32\":4294967295,\"u64\":18446744073709551615,"
	    "\"i8\":-128,\"i16\":-32768,\"i32\":-2147483648,\"i64\":-9223372036854775808,"
	    "\"f\":0.1,\"b\":true,\"s\\t\\\"x\\\"\":\"a \\\"b\\\"\\t'c'\\\\\\n\\/\\u0001\xc3\xa4\","
	    "\"d\":\"2026-05-29\",\"dt\":\"2026-05-28 20:26:40\","
	    "\"dt64\":\"2026-05-28 20:26:40.005\","
	    "\"m\":{\"plan\":\"it's \\\"pro\\\"\\t\\/x\",\"k\\\\\":\"\"},\"a\":[1.5,null,-0.25]}\n"
	    "{\"u8\":null,\"u16\":null,\"u32\":null,\"u64\":null,\"i8\":null,\"i16\":null,"
	    "\"i32\":null,\"i64\":null,\"f\":null,\"b\":null,\"s\\t\\\"x\\\"\":null,\"d\":null,"
	    "\"dt\":null,\"dt64\":null,\"m\":null,\"a\":null}\n");
}

static void
quoted_64bit(void **state)
{
	(void)state;
	sheet_clear(1);
	sheet_add("u", STORE_R_UINT64, (struct store_value){.v.u = 1});
	sheet_add("i", STORE_R_INT64, (struct store_value){.v.i = -1});
	sheet_add("w", STORE_R_UINT32, (struct store_value){.v.u = 1});
	check_written(FORMAT_JSON_EACH_ROW, true, "{\"u\":\"1\",\"i\":\"-1\",\"w\":1}\n");
	check_written(FORMAT_CSV, true, "1,-1,1\n");
}

static void
json_document(void **state)
{
	(void)state;
	sheet_clear(2);
	sheet_add("n", STORE_R_UINT64, (struct store_value){.v.u = 7});
	sheet_add("s", STORE_R_STRING, (struct store_value){.v.s = beacon_str("x")})->dictionary =
	    true;
	sheet.cells[0][1].v.u = 8;
	sheet.cells[1][1].v.s = beacon_str("");
	sheet.result.limited = true;
	sheet.result.rows_before_limit = 99;
	sheet.result.elapsed_ns = 1500000;
	sheet.result.rows_read = 100;
	sheet.result.bytes_read = 1000;
	check_written(FORMAT_JSON, false,
		      "{\n\t\"meta\":\n\t[\n"
		      "\t\t{\n\t\t\t\"name\": \"n\",\n\t\t\t\"type\": \"UInt64\"\n\t\t},\n"
		      "\t\t{\n\t\t\t\"name\": \"s\",\n"
		      "\t\t\t\"type\": \"LowCardinality(String)\"\n\t\t}\n\t],\n\n"
		      "\t\"data\":\n\t[\n"
		      "\t\t{\n\t\t\t\"n\": 7,\n\t\t\t\"s\": \"x\"\n\t\t},\n"
		      "\t\t{\n\t\t\t\"n\": 8,\n\t\t\t\"s\": \"\"\n\t\t}\n\t],\n\n"
		      "\t\"rows\": 2,\n\n\t\"rows_before_limit_at_least\": 99,\n\n"
		      "\t\"statistics\":\n\t{\n\t\t\"elapsed\": 0.0015,\n"
		      "\t\t\"rows_read\": 100,\n\t\t\"bytes_read\": 1000\n\t}\n}\n");
}

static void
type_names(void **state)
{
	static const char *const names[] = {
	    "UInt8",  "UInt16", "UInt32",   "UInt64",        "Int8",
	    "Int16",  "Int32",  "Int64",    "Float64",       "Bool",
	    "String", "Date",   "DateTime", "DateTime64(3)", "Map(String, String)"};
	char *got, expected[80];

	(void)state;
	for (int nullable = 0; nullable < 2; nullable++) {
		for (int type = 0; type <= STORE_R_MAP; type++) {
			sheet_clear(0);
			sheet_add("x", (enum store_result_type)type, (struct store_value){0})
			    ->nullable = nullable == 1;
			got = written(FORMAT_JSON, false, NULL);
			snprintf(expected, sizeof expected,
				 nullable ? "\"type\": \"Nullable(%s)\"" : "\"type\": \"%s\"",
				 names[type]);
			assert_non_null(strstr(got, expected));
			assert_true(opinion_takes(beacon_str(got)));
			free(got);
		}
	}
	sheet_clear(0);
	sheet_add("x", STORE_R_ARRAY, (struct store_value){0})->element = STORE_R_FLOAT64;
	got = written(FORMAT_JSON, false, NULL);
	assert_non_null(strstr(got, "\"type\": \"Array(Float64)\""));
	free(got);
	sheet.columns[0] = (struct store_result_column){beacon_str("x"), STORE_R_STRING,
							STORE_R_UINT8, true, true};
	got = written(FORMAT_JSON, false, NULL);
	assert_non_null(strstr(got, "\"type\": \"LowCardinality(Nullable(String))\""));
	free(got);
}

static void
csv(void **state)
{
	static const char rows[] =
	    "255,65535,4294967295,18446744073709551615,-128,-32768,-2147483648,"
	    "-9223372036854775808,0.1,true,\"a \"\"b\"\"\t'c'\\\n/\x01\xc3\xa4\",\"2026-05-29\","
	    "\"2026-05-28 20:26:40\",\"2026-05-28 20:26:40.005\","
	    "\"{'plan':'it\\'s \"\"pro\"\"\\t/x','k\\\\':''}\",\"[1.5,nan,-0.25]\"\n"
	    "\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N\n";
	char with_names[1024];

	(void)state;
	fill_all_types();
	check_written(FORMAT_CSV, false, rows);
	snprintf(with_names, sizeof with_names,
		 "\"u8\",\"u16\",\"u32\",\"u64\",\"i8\",\"i16\",\"i32\",\"i64\",\"f\",\"b\","
		 "\"s\t\"\"x\"\"\",\"d\",\"dt\",\"dt64\",\"m\",\"a\"\n%s",
		 rows);
	check_written(FORMAT_CSV_WITH_NAMES, false, with_names);
}

static void
tsv(void **state)
{
	static const char rows[] =
	    "255\t65535\t4294967295\t18446744073709551615\t-128\t-32768\t-2147483648\t"
	    "-9223372036854775808\t0.1\ttrue\ta \"b\"\\t\\'c\\'\\\\\\n/\x01\xc3\xa4\t2026-05-29\t"
	    "2026-05-28 20:26:40\t2026-05-28 20:26:40.005\t"
	    "{'plan':'it\\'s \"pro\"\\t/x','k\\\\':''}\t[1.5,nan,-0.25]\n"
	    "\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n";
	char with_names[1024];

	(void)state;
	fill_all_types();
	check_written(FORMAT_TSV, false, rows);
	snprintf(with_names, sizeof with_names,
		 "u8\tu16\tu32\tu64\ti8\ti16\ti32\ti64\tf\tb\ts\\t\"x\"\td\tdt\tdt64\tm\ta\n%s",
		 rows);
	check_written(FORMAT_TSV_WITH_NAMES, false, with_names);
}

/* ---- numbers and times ----------------------------------------------- */

static void
doubles(void **state)
{
	static const struct {
		double value;
		const char *text;
	} table[] = {{0, "0"},
		     {-0.0, "-0"},
		     {1, "1"},
		     {-1, "-1"},
		     {0.1, "0.1"},
		     {0.3, "0.3"},
		     {0.1 + 0.2, "0.30000000000000004"},
		     {1824.5, "1824.5"},
		     {123456789, "123456789"},
		     {1e15, "1000000000000000"},
		     {1e20, "100000000000000000000"},
		     {1e21, "1e21"},
		     {1.5e21, "1.5e21"},
		     {-1.25e300, "-1.25e300"},
		     {0.001, "0.001"},
		     {0.000001, "0.000001"},
		     {1e-7, "1e-7"},
		     {1e-9, "1e-9"},
		     {-2.5e-9, "-2.5e-9"},
		     {5e-324, "5e-324"},
		     {1.7976931348623157e308, "1.7976931348623157e308"},
		     {NAN, "nan"},
		     {INFINITY, "inf"},
		     {-INFINITY, "-inf"}};
	struct random random = random_seeded("doubles");
	char text[STORE_DOUBLE_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		assert_int_equal(store_print_double(table[i].value, text), strlen(table[i].text));
		assert_string_equal(text, table[i].text);
	}
	for (int i = 0; i < 50000; i++) {
		uint64_t bits = random_next(&random);
		double value;

		memcpy(&value, &bits, sizeof value);
		if (i % 2 == 0) /* of everyday size */
			value = (double)(int64_t)random_below(&random, 100000000) / 1000;
		if (!isfinite(value))
			continue;
		assert_true(store_print_double(value, text) < sizeof text);
		assert_true(strtod(text, NULL) == value);
	}
}

static void
infinities(void **state)
{
	static const double values[] = {NAN, INFINITY, -INFINITY};

	(void)state;
	sheet_clear(3);
	sheet_add("x", STORE_R_FLOAT64, (struct store_value){0});
	for (int i = 0; i < 3; i++)
		sheet.cells[0][i].v.f = values[i];
	check_written(FORMAT_JSON_EACH_ROW, false, "{\"x\":null}\n{\"x\":null}\n{\"x\":null}\n");
	check_written(FORMAT_CSV, false, "nan\ninf\n-inf\n");
	check_written(FORMAT_TSV, false, "nan\ninf\n-inf\n");
}

static void
times(void **state)
{
	(void)state;
	sheet_clear(4);
	sheet_add("t", STORE_R_DATETIME64, (struct store_value){.v.i = 0});
	sheet_add("d", STORE_R_DATE, (struct store_value){.v.u = 0});
	sheet.cells[0][1].v.i = -1;
	sheet.cells[0][2].v.i = 253402300799999;
	sheet.cells[0][3].v.i = -86400000;
	sheet.cells[1][1].v.u = 59;
	sheet.cells[1][2].v.u = 65535;
	sheet.cells[1][3].v.u = 19782;
	check_written(FORMAT_TSV, false,
		      "1970-01-01 00:00:00.000\t1970-01-01\n"
		      "1969-12-31 23:59:59.999\t1970-03-01\n"
		      "9999-12-31 23:59:59.999\t2149-06-06\n"
		      "1969-12-31 00:00:00.000\t2024-02-29\n");
	/* Nonsense does not break anything. */
	sheet.cells[0][0].v.i = INT64_MAX;
	sheet.cells[0][1].v.i = INT64_MIN;
	free(written(FORMAT_JSON, false, NULL));
}

/* ---- reading back ---------------------------------------------------- */

static uint32_t
random_string(struct random *random, char *out, bool utf8)
{
	static const char *const pieces[] = {
	    "a",    "\"", "'",   "\\", "\t",           "\n",   "\r",   ",", "\xc3\xa4",
	    "\x01", "=1", "\\N", "/",  "\xe2\x82\xac", "\b\f", "\x7f", "{", "]"};
	uint32_t size = 0;

	for (uint64_t n = random_below(random, 8); n > 0; n--) {
		const char *piece = pieces[random_below(random, sizeof pieces / sizeof *pieces)];

		if (random_below(random, 20) == 0) {
			out[size++] = utf8 ? '\0' : (char)random_next(random);
			continue;
		}
		memcpy(out + size, piece, strlen(piece));
		size += (uint32_t)strlen(piece);
	}
	return size;
}

/* A quoted CSV field at `at`; its text into `out`. Returns what follows. */
static const char *
read_csv(const char *at, const char *end, char *out, uint32_t *size)
{
	assert_true(at < end && *at == '"');
	for (at++, *size = 0; at < end; at++) {
		if (*at == '"' && (at + 1 == end || at[1] != '"'))
			return at + 1;
		at += *at == '"';
		out[(*size)++] = *at;
	}
	fail_msg("no closing quote");
	return NULL;
}

static const char *
read_tsv(const char *at, const char *end, char *out, uint32_t *size)
{
	static const char from[] = "bfnrt0\\'", to[] = "\b\f\n\r\t\0\\'";

	for (*size = 0; at < end && *at != '\t' && *at != '\n'; at++) {
		char c = *at;

		if (c == '\\') {
			const char *found = strchr(from, *++at);

			assert_non_null(found);
			c = to[found - from];
		}
		out[(*size)++] = c;
	}
	return at;
}

static void
check_read(const char *got, uint32_t got_size, uint32_t cell)
{
	struct store_str expected = sheet.cells[cell][0].v.s;

	assert_int_equal(got_size, expected.size);
	assert_memory_equal(got, expected.bytes, got_size);
}

static void
read_back(void **state)
{
	struct random random = random_seeded("read_back");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char bytes[3][128], out[256], *text;
		const char *at;
		uint32_t size;
		size_t text_size;

		sheet_clear(1);
		for (int c = 0; c < 3; c++) {
			size = random_string(&random, bytes[c], false);
			sheet_add("x", STORE_R_STRING,
				  (struct store_value){.v.s = {bytes[c], size}});
		}
		at = text = written(FORMAT_CSV, false, &text_size);
		for (uint32_t c = 0; c < 3; c++) {
			at = read_csv(at, text + text_size, out, &size);
			check_read(out, size, c);
			assert_int_equal(*at++, c < 2 ? ',' : '\n');
		}
		free(text);
		at = text = written(FORMAT_TSV, false, &text_size);
		for (uint32_t c = 0; c < 3; c++) {
			at = read_tsv(at, text + text_size, out, &size);
			check_read(out, size, c);
			assert_int_equal(*at++, c < 2 ? '\t' : '\n');
		}
		free(text);
	}
}

static void
read_back_json(void **state)
{
	struct random random = random_seeded("read_back_json");
	struct store_arena *arena = store_arena_create(0);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct store_str name, got;
		char bytes[128], *text;
		struct json json;
		bool utf8 = i % 2 == 0;
		uint32_t size = random_string(&random, bytes, utf8);
		size_t text_size;

		sheet_clear(1);
		sheet_add("x", STORE_R_STRING, (struct store_value){.v.s = {bytes, size}});
		text = written(FORMAT_JSON_EACH_ROW, false, &text_size);
		store_arena_reset(arena);
		json_init(&json, (struct store_str){text, (uint32_t)text_size}, arena);
		assert_true(json_enter(&json) && json_member(&json, true, &name) &&
			    json_string(&json, &got) && !json_member(&json, false, &name) &&
			    json_end(&json));
		assert_true(opinion_takes((struct store_str){text, (uint32_t)text_size}));
		if (utf8)
			check_read(got.bytes, got.size, 0);
		free(text);
	}
	store_arena_free(arena);
}

/* Strings that are no UTF-8, as substring() may make them. */
static void
bad_utf8(void **state)
{
	(void)state;
	sheet_clear(1);
	sheet_add("x", STORE_R_STRING,
		  (struct store_value){.v.s = beacon_str("a\xc3|\xe2\x82|\xff\xc3\xa4")});
	check_written(FORMAT_JSON_EACH_ROW, false,
		      "{\"x\":\"a\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xc3\xa4\"}\n");
	check_written(FORMAT_TSV, false, "a\xc3|\xe2\x82|\xff\xc3\xa4\n");
}

/* ---- names and bounds ------------------------------------------------ */

static void
find(void **state)
{
	static const struct {
		const char *name;
		enum format format;
	} table[] = {{"JSON", FORMAT_JSON},
		     {"json", FORMAT_JSON},
		     {"JSONEachRow", FORMAT_JSON_EACH_ROW},
		     {"NDJSON", FORMAT_JSON_EACH_ROW},
		     {"JSONLines", FORMAT_JSON_EACH_ROW},
		     {"CSV", FORMAT_CSV},
		     {"CSVWithNames", FORMAT_CSV_WITH_NAMES},
		     {"TabSeparated", FORMAT_TSV},
		     {"TSV", FORMAT_TSV},
		     {"TSVWithNames", FORMAT_TSV_WITH_NAMES},
		     {"TabSeparatedWithNames", FORMAT_TSV_WITH_NAMES},
		     {"", FORMAT_UNKNOWN},
		     {"JSO", FORMAT_UNKNOWN},
		     {"JSONx", FORMAT_UNKNOWN},
		     {"Native", FORMAT_NATIVE},
		     {"PrettyNoEscapes", FORMAT_PRETTY},
		     {"TSVRaw", FORMAT_TSV_RAW},
		     {",", FORMAT_UNKNOWN},
		     {"TSVRaw,Raw", FORMAT_UNKNOWN}};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(format_find(beacon_str(table[i].name)), table[i].format);
}

static void
bound(void **state)
{
	struct format_options options = {.bytes_max = 1000};
	char long_text[2000];
	size_t size;
	char *bytes;

	(void)state;
	memset(long_text, 'x', sizeof long_text);
	for (uint32_t text = 980; text < 1010; text++) {
		sheet_clear(1);
		sheet_add("x", STORE_R_STRING, (struct store_value){.v.s = {long_text, text}});
		if (format_result(FORMAT_TSV, &sheet.result, &options, &bytes, &size) == 0) {
			assert_true(text + 1 <= 1000);
			free(bytes);
		} else {
			assert_true(text + 1 > 1000);
		}
	}
	sheet_clear(0);
	assert_int_equal(format_result(FORMAT_TSV, &sheet.result, &options, &bytes, &size), 0);
	assert_int_equal(size, 0);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_lines),
	    cmocka_unit_test(quoted_64bit),
	    cmocka_unit_test(json_document),
	    cmocka_unit_test(type_names),
	    cmocka_unit_test(csv),
	    cmocka_unit_test(tsv),
	    cmocka_unit_test(doubles),
	    cmocka_unit_test(infinities),
	    cmocka_unit_test(times),
	    cmocka_unit_test(read_back),
	    cmocka_unit_test(read_back_json),
	    cmocka_unit_test(bad_utf8),
	    cmocka_unit_test(find),
	    cmocka_unit_test(bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
