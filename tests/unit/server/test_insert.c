/*
 * Goal: an INSERT's text becomes the rows that it means, or an error that names
 * row and column. Method: tables of heads; the same rows written in every
 * format must give the same cells; tables of values by type, good and bad;
 * random strings through every format; random damage, which may only be
 * refused or give cells that keep the store's contract.
 */
#include "beacon.h"

#include "server/insert.h"
#include "server/json.h"

#define NOW_MS 1780000000000
#define NOW_TEXT "2026-05-28 20:26:40"

static struct store_arena *arena;
static struct insert_rows rows;
static struct insert_error error;

static int
set_up(void **state)
{
	(void)state;
	arena = store_arena_create((size_t)1 << 30);
	return arena == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_arena_free(arena);
	return 0;
}

/* The whole statement; 0 or the error's number. */
static int
insert_bytes(const char *bytes, size_t size)
{
	static const uint32_t retention_days[EVENT_TABLES_COUNT] = {30, 30, 0, 30};
	struct insert_context context = {NOW_MS, retention_days, arena, false};
	struct store_str text = {bytes, (uint32_t)size};
	struct insert_head head;
	int code;

	memset(&error, 0, sizeof error);
	if ((code = insert_parse(text, &head, &error)) == 0) {
		text.bytes += head.bytes;
		text.size -= head.bytes;
		code = insert_decode(&head, head.format, text, &context, &rows, &error);
	}
	assert_true(code == 0 || code == STORE_EINVAL);
	assert_int_equal(code != 0, error.number != 0);
	return error.number;
}

static int
insert(const char *text)
{
	store_arena_reset(arena);
	return insert_bytes(text, strlen(text));
}

static bool
has_key(const struct store_cell *cell, const char *key)
{
	struct store_str own = cell->value.pair->key;

	return own.size == strlen(key) && memcmp(own.bytes, key, own.size) == 0;
}

static const struct store_cell *
cell_of(uint32_t row, const char *column, const char *key)
{
	const struct store_row *stored = rows.entries[row].rows;
	const struct store_table *table = &event_schema()->tables[stored->table];

	assert_true(row < rows.count);
	for (uint32_t i = 0; i < stored->cells_count; i++) {
		const struct store_cell *cell = &stored->cells[i];

		if (strcmp(table->columns[cell->column].name, column) == 0 &&
		    (key == NULL || has_key(cell, key)))
			return cell;
	}
	return NULL;
}

static void
check_text(uint32_t row, const char *column, const char *expected)
{
	const struct store_cell *cell = cell_of(row, column, NULL);

	assert_non_null(cell);
	beacon_assert_str(cell->value.s, expected);
}

/* ---- heads ----------------------------------------------------------- */

static void
heads(void **state)
{
	static const char *const good[] = {
	    "INSERT INTO events FORMAT JSONEachRow {\"site\":\"s\"}",
	    "insert into table default.events (site) settings a=1, b = 'x, y' format TSV\ns\n",
	    "INSERT INTO events (site) SETTINGS a='x -- y', b = '/*', c='\\' FORMAT CSV' FORMAT "
	    "TSV\ns",
	    "INSERT INTO events (site) SETTINGS a='it''s', b = '', c = '''' FORMAT TSV\ns",
	    "/* why */ INSERT -- so\nINTO `events` (`site`) FORMAT \"CSV\"\n\"s\"",
	    "INSERT INTO \"default\".\"events\"(site)FORMAT JSONCompactEachRow[\"s\"]",
	    "INSERT INTO events FORMAT JSONEachRow;\n[{\"site\":\"s\"}]",
	};
	static const struct {
		const char *text;
		int number;
	} bad[] = {{"INSERT", 62},
		   {"INSERT INTO", 62},
		   {"INSERT INTO (site) FORMAT TSV", 62},
		   {"INSERT INTO events (site FORMAT TSV", 62},
		   {"INSERT INTO events () FORMAT TSV", 62},
		   {"INSERT INTO events (site, site) FORMAT TSV", 62},
		   {"INSERT INTO events SETTINGS FORMAT TSV", 62},
		   {"INSERT INTO events SETTINGS a = FORMAT", 73},
		   {"INSERT INTO events SETTINGS a = 'b FORMAT TSV", 62},
		   {"INSERT INTO events SETTINGS a = 'b\\' FORMAT TSV", 62},
		   {"INSERT INTO events SETTINGS a = 'b'' FORMAT TSV", 62},
		   {"INSERT INTO events FORMAT", 62},
		   {"INSERT INTO `events FORMAT TSV", 62},
		   {"INSERT INTO /* events", 62},
		   {"INSERT INTO nowhere FORMAT TSV", 60},
		   {"INSERT INTO other.events FORMAT TSV", 81},
		   {"INSERT INTO system.events FORMAT TSV", 81},
		   {"INSERT INTO events (nothing) FORMAT TSV", 16},
		   {"INSERT INTO events (path) FORMAT Parquet", 73},
		   {"INSERT INTO events FORMAT Values (1)", 73},
		   {"INSERT INTO events VALUES (1)", 48},
		   {"INSERT INTO events SELECT 1", 48},
		   {"INSERT INTO FUNCTION url('x') FORMAT TSV", 48}};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (insert(good[i]) != 0)
			fail_msg("%s: %s", good[i], error.text);
		assert_int_equal(rows.count, 1);
		check_text(0, "site", "s");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (insert(bad[i].text) != bad[i].number)
			fail_msg("%s: %d, not %d: %s", bad[i].text, error.number, bad[i].number,
				 error.text);
	}
	assert_true(insert_is(beacon_str(" \n/**/insert into")));
	assert_false(insert_is(beacon_str("SELECT 'INSERT'")));
	assert_false(insert_is(beacon_str("inserted")));
	assert_false(insert_is((struct store_str){NULL, 0}));
}

/* ---- formats --------------------------------------------------------- */

#define COLUMNS "ts,site,path,view_id,tags,lcp,save_data,device"
#define HEAD "INSERT INTO pageviews (" COLUMNS ") FORMAT "

/* Two rows, the second with absent values. */
static const char *const formats[] = {
    HEAD "JSONEachRow\n"
	 "{\"ts\":\"2026-05-28 20:00:00.125\",\"site\":\"s\\u00e4\\t\\\"x\\\"\",\"path\":\"/a\","
	 "\"view_id\":18446744073709551615,\"tags\":{\"plan\":\"pro\",\"it's\":\"a\\nb\"},"
	 "\"lcp\":0.5,\"save_data\":true,\"device\":\"mobile\"}\n{\"site\":\"t\",\"lcp\":null}",
    HEAD
    "JSONEachRow [\n"
    "{\"ts\":1779998400125,\"site\":\"s\\u00e4\\t\\\"x\\\"\",\"path\":\"/a\","
    "\"view_id\":\"18446744073709551615\",\"tags\":{\"plan\":\"pro\",\"it's\":\"a\\nb\"},"
    "\"lcp\":\"0.5\",\"save_data\":1,\"device\":\"mobile\"}, {\"site\":\"t\",\"tags\":{}}\n]\n",
    HEAD "JSONCompactEachRow\n"
	 "[1779998400.125,\"s\xc3\xa4\\t\\\"x\\\"\",\"/a\",\"18446744073709551615\","
	 "{\"plan\":\"pro\",\"it's\":\"a\\nb\"},5e-1,1,\"mobile\"],\n"
	 "[null,\"t\",null,null,{},null,null,\"\"]",
    "INSERT INTO pageviews FORMAT JSONCompactEachRowWithNamesAndTypes\n"
    "[\"device\",\"ts\",\"site\",\"path\",\"view_id\",\"tags\",\"lcp\",\"save_data\"]\n"
    "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]\n"
    "[\"mobile\",\"2026-05-28T20:00:00.125Z\",\"s\xc3\xa4\\t\\\"x\\\"\",\"/a\","
    "18446744073709551615,{\"plan\":\"pro\",\"it's\":\"a\\nb\"},0.5,1]\n"
    "[\"\",null,\"t\",\"\",null,{},null,null]",
    HEAD "TabSeparated\n"
	 "2026-05-28 20:00:00.125\ts\xc3\xa4\\t\"x\"\t/a\t18446744073709551615\t"
	 "{'plan':'pro','it\\'s':'a\\nb'}\t0.5\t1\tmobile\n"
	 "\\N\tt\t\t\\N\t{}\t\\N\t\\N\t\n",
    HEAD "TabSeparatedWithNames\n"
	 "device\tts\tsite\tpath\tview_id\ttags\tlcp\tsave_data\r\n"
	 "mobile\t1779998400125\ts\xc3\xa4\\t\"x\"\t/a\t18446744073709551615\t"
	 "{'plan':'pro','it\\'s':'a\\nb'}\t0.5\t1\r\n"
	 "\t\\N\tt\t\t\\N\t{}\t\\N\t\\N",
    HEAD "CSV\n"
	 "\"2026-05-28 20:00:00.125\",\"s\xc3\xa4\t\"\"x\"\"\",\"/a\",18446744073709551615,"
	 "\"{'plan':'pro', 'it\\'s':'a\\nb'}\",0.5,1,mobile\n"
	 "\\N,t,,\\N,{},,,\r\n",
    HEAD "CSVWithNamesAndTypes\n" COLUMNS "\n\"a, b\",c,d,e,f,g,h,i\n"
	 "2026-05-28 20:00:00.125,\"s\xc3\xa4\t\"\"x\"\"\",/a,18446744073709551615,"
	 "\"{'plan':'pro','it\\'s':'a\\nb'}\",0.5,1,\"mobile\"\n"
	 ",t,\"\",,\"{}\",,,\"\"",
};

static void
same_in_every_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (insert(formats[i]) != 0)
			fail_msg("format %zu: %s", i, error.text);
		assert_int_equal(rows.count, 2);
		assert_true(cell_of(0, "ts", NULL)->value.i == 1779998400125);
		check_text(0, "site", "s\xc3\xa4\t\"x\"");
		check_text(0, "path", "/a");
		check_text(0, "device", "mobile");
		assert_true(cell_of(0, "view_id", NULL)->value.u == UINT64_MAX);
		beacon_assert_str(cell_of(0, "tags", "plan")->value.pair->value, "pro");
		beacon_assert_str(cell_of(0, "tags", "it's")->value.pair->value, "a\nb");
		assert_true(cell_of(0, "lcp", NULL)->value.f == 0.5);
		assert_true(cell_of(0, "save_data", NULL)->value.u == 1);
		assert_true(cell_of(0, "_sample_interval", NULL)->value.u == 1);
		check_text(1, "site", "t");
		assert_true(cell_of(1, "ts", NULL)->value.i == NOW_MS);
		assert_int_equal(rows.entries[1].rows[0].cells_count, 3);
		assert_false(rows.entries[1].keyed);
	}
}

/* What SELECT writes of these, in both. */
static void
tags_are_escaped_once(void **state)
{
	static const struct {
		const char *written, *value;
		size_t size;
	} table[] = {{"C:\\\\new", "C:\\new", 6}, {"it\\'s", "it's", 4},
		     {"\\\\N", "\\N", 2},         {"a\\nb\\tc\\rd", "a\nb\tc\rd", 7},
		     {"a\\bb\\fc", "a\bb\fc", 5}, {"a\\0b", "a\0b", 3}};
	char text[200];

	(void)state;
	for (size_t i = 0; i < 2 * sizeof table / sizeof *table; i++) {
		const struct store_cell *cell;

		snprintf(text, sizeof text,
			 i % 2 == 0
			     ? "INSERT INTO events (tags, site) FORMAT TSV\n{'k':'%s'}\ts\n"
			     : "INSERT INTO events (tags, site) FORMAT CSV\n\"{'k':'%s'}\",s\n",
			 table[i / 2].written);
		if (insert(text) != 0)
			fail_msg("%s: %s", text, error.text);
		cell = cell_of(0, "tags", "k");
		assert_int_equal(cell->value.pair->value.size, table[i / 2].size);
		assert_memory_equal(cell->value.pair->value.bytes, table[i / 2].value,
				    table[i / 2].size);
	}
}

/* ---- values ---------------------------------------------------------- */

static void
times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} table[] = {{"2026-05-01", 1777593600000},
		     {"2026-05-01 00:00:01", 1777593601000},
		     {"2026-05-01T00:00:01.5Z", 1777593601500},
		     {"2026-05-01 00:00:01.123456", 1777593601123},
		     {"1777593600", 1777593600000},
		     {"1777593600.25", 1777593600250},
		     {"1777593600250", 1777593600250},
		     {"2026-13-01", -1},
		     {"2026-05-32", -1},
		     {"2026-05-01 24:00:00", -1},
		     {"2026-05-01 00:60:00", -1},
		     {"2026-05-01 00:00", -1},
		     {"2026-05-01 00:00:00+02:00", -1},
		     {"2026-05-01Z", -1},
		     {"1969-12-31", -1},
		     {"-1", -1},
		     {"1e300", -1},
		     {"nan", -1},
		     {"soon", -1},
		     {"", -1}};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		snprintf(text, sizeof text,
			 "INSERT INTO events FORMAT JSONEachRow {\"site\":\"s\","
			 "\"ts\":\"%s\"}",
			 table[i].text);
		if (insert(text) != (table[i].ms < 0 ? 27 : 0))
			fail_msg("%s: %s", table[i].text, error.text);
		assert_true(table[i].ms < 0 || cell_of(0, "ts", NULL)->value.i == table[i].ms);
	}
}

static void
refused(void **state)
{
	static const struct {
		const char *values, *text;
	} table[] = {
	    {"{}", "Row 2: site: missing"},
	    {"{\"site\":\"\"}", "Row 2: site: missing"},
	    {"{\"site\":\"s\",\"asn\":4294967296}", "Row 2: asn: expected an integer in the range"},
	    {"{\"site\":\"s\",\"asn\":-1}", "Row 2: asn: expected an integer in the range"},
	    {"{\"site\":\"s\",\"asn\":1.5}", "Row 2: asn: expected an integer in the range"},
	    {"{\"site\":\"s\",\"asn\":\"\"}", "Row 2: asn: expected an integer in the range"},
	    {"{\"site\":\"s\",\"view_id\":18446744073709551616}",
	     "Row 2: view_id: expected an int"},
	    {"{\"site\":\"s\",\"save_data\":256}", "Row 2: save_data: expected an integer in"},
	    {"{\"site\":\"s\",\"lcp\":\"nan\"}", "Row 2: lcp: expected a finite number"},
	    {"{\"site\":\"s\",\"lcp\":\"0x10\"}", "Row 2: lcp: expected a finite number"},
	    {"{\"site\":\"s\",\"lcp\":1e999}", "Row 2: a number is too large"},
	    {"{\"site\":\"s\",\"lcp\":[1]}", "Row 2: lcp: expected a value, got a list or object"},
	    {"{\"site\":\"s\",\"site\":\"s\"}", "Row 2: site: given twice"},
	    {"{\"site\":\"s\",\"_sample_interval\":0}", "Row 2: _sample_interval: at least 1"},
	    {"{\"site\":\"s\",\"ts\":\"2026-05-29\"}", "Row 2: ts: more than 5 minutes ahead"},
	    {"{\"site\":\"s\",\"ts\":\"2026-04-31\"}", "Row 2: ts: expected YYYY-MM-DD"},
	    {"{\"site\":\"s\",\"ts\":\"2025-02-29\"}", "Row 2: ts: expected YYYY-MM-DD"},
	    {"{\"site\":\"s\",\"ts\":\"2025-12-31\"}", "Row 2: ts: older than"},
	    {"{\"site\":\"s\",\"ts\":\"2024-02-29\"}", "Row 2: ts: older than"},
	    {"{\"site\":\"s\",\"ts\":\"2026-04-01\"}", "Row 2: ts: older than the retention of 30"},
	    {"{\"site\":\"s\",\"tags\":{\"\":\"x\"}}", "Row 2: tags: names of 1 to 64 bytes"},
	    {"{\"site\":\"s\",\"tags\":\"{'a':'b'\"}", "Row 2: tags: expected {'name':'value'}"},
	    {"{\"site\":\"s\",\"tags\":\"{'a':'b' 'c':'d'}\"}", "Row 2: tags: expected {'name'"},
	    {"{\"site\":\"s\",\"tags\":{\"a\":\"b\",\"a\":\"c\"}}", "Row 2: tags: a name twice"},
	    {"{\"site\":\"\xff\"}", "Row 2: "},
	    {"{\"site\":\"s\"", "Row 2: "},
	    {"[\"s\"]", "Row 2: "},
	    {"hello", "Row 2: "},
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		snprintf(text, sizeof text,
			 "INSERT INTO pageviews FORMAT JSONEachRow "
			 "{\"site\":\"s\"} %s",
			 table[i].values);
		if (insert(text) == 0 ||
		    strncmp(error.text, table[i].text, strlen(table[i].text)) != 0)
			fail_msg("%s: %s", table[i].values, error.text);
	}
	assert_int_equal(insert("INSERT INTO events FORMAT JSONEachRow {\"site\":\"s\",\"lcp\":1}"),
			 117);
	assert_int_equal(insert("INSERT INTO events (name) FORMAT JSONEachRow {\"site\":\"s\"}"),
			 117);
	assert_int_equal(insert("INSERT INTO events (site, name) FORMAT TSV\ns\n"), 27);
	assert_int_equal(insert("INSERT INTO events (site) FORMAT TSV\ns\tt\n"), 27);
	assert_int_equal(insert("INSERT INTO events (site) FORMAT CSV\n\"s\n"), 27);
	assert_int_equal(insert("INSERT INTO events (site, name) FORMAT TSV\ns\r\tn\n"), 27);
	assert_int_equal(insert("INSERT INTO events (site, name) FORMAT CSV\ns\r,n\n"), 27);
	assert_int_equal(insert("INSERT INTO events FORMAT CSVWithNames\nsite,sites\n"), 27);
	assert_int_equal(insert("INSERT INTO events (site) FORMAT JSONCompactEachRow [\"s\",1]"),
			 27);
	assert_int_equal(
	    insert("INSERT INTO events (site, name) FORMAT JSONCompactEachRow [\"s\"]"), 27);
	assert_int_equal(insert("INSERT INTO events FORMAT JSONEachRow [{\"site\":\"s\"}"), 27);
	assert_int_equal(insert("INSERT INTO events FORMAT JSONEachRow"), 0);
	assert_int_equal(rows.count, 0);
}

static void
secrets(void **state)
{
	(void)state;
	assert_int_equal(
	    insert("INSERT INTO pageviews FORMAT JSONEachRow {\"site\":\"s\",\"path\":"
		   "\"/u/me@shop.example?token=secret\",\"lcp_url\":"
		   "\"https://u:secret@a.example/x.js?secret#secret\",\"inp_script\":"
		   "\"https://a.example/y.js?secret\",\"tags\":{\"who\":\"me@shop.example, "
		   "password=secret1\"}} {\"site\":\"s\",\"path\":\"p/42\"}"),
	    0);
	check_text(0, "path", "/u/:email");
	check_text(0, "lcp_url", "https://a.example/x.js");
	check_text(0, "inp_script", "https://a.example/y.js");
	beacon_assert_str(cell_of(0, "tags", "who")->value.pair->value,
			  "[email], password=[redacted]");
	check_text(1, "path", "/p/:id");
	assert_int_equal(insert("INSERT INTO errors FORMAT JSONEachRow {\"site\":\"s\",\"source\":"
				"\"https://a.example/x.js?secret\"}"),
			 0);
	check_text(0, "source", "https://a.example/x.js");
}

/* ---- random ---------------------------------------------------------- */

static void
put_escaped(char *out, const char *text, const char *escaped, const char *with)
{
	for (out += strlen(out); *text != '\0'; text++) {
		const char *found = strchr(escaped, *text);

		if (found != NULL) {
			*out++ = '\\';
			*out++ = with[found - escaped];
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static void
random_strings(void **state)
{
	static const char letters[] = "ab,\"'\\\t\n\r {}[]:;N\x7f";
	struct random random = random_seeded("random_strings");

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char value[20] = "x", text[200];
		size_t size = random_below(&random, 18);

		for (size_t c = 0; c < size; c++)
			value[c] = letters[random_below(&random, sizeof letters - 1)];
		value[size == 0 ? 1 : size] = '\0';
		strcpy(text, "INSERT INTO events (site, name) FORMAT JSONEachRow {\"site\":\"s\","
			     "\"name\":\"");
		put_escaped(text, value, "\"\\\t\n\r", "\"\\tnr");
		strcat(text, "\"}");
		assert_int_equal(insert(text), 0);
		check_text(0, "name", value);
		strcpy(text, "INSERT INTO events (site, name) FORMAT TSV\ns\t");
		put_escaped(text, value, "\\\t\n\r'", "\\tnr'");
		assert_int_equal(insert(text), 0);
		check_text(0, "name", value);
		strcpy(text, "INSERT INTO events (name, site) FORMAT CSV\n\"");
		for (char *at = value, *to = text + strlen(text);; at++) {
			*to++ = *at;
			if (*at == '"')
				*to++ = '"';
			if (*at == '\0')
				break;
		}
		strcat(text, "\",s\n");
		assert_int_equal(insert(text), 0);
		check_text(0, "name", value);
	}
}

static void
check_contract(void)
{
	for (uint32_t r = 0; r < rows.count; r++) {
		const struct store_row *row = rows.entries[r].rows;
		const struct store_table *table = &event_schema()->tables[row->table];

		for (uint32_t c = 0; c < row->cells_count; c++) {
			const struct store_cell *cell = &row->cells[c];
			const struct store_column *column = &table->columns[cell->column];

			assert_true(cell->column < table->columns_count);
			assert_true(c == 0 || row->cells[c - 1].column < cell->column ||
				    column->type == STORE_MAP);
			if (column->type == STORE_STRING || column->type == STORE_MAP) {
				struct store_str text = column->type == STORE_MAP
							    ? cell->value.pair->value
							    : cell->value.s;

				assert_true(text.size > 0 && json_is_utf8(text));
			}
			if (column->type == STORE_UINT && column->bits < 64)
				assert_true(cell->value.u >> column->bits == 0);
		}
	}
}

static void
random_damage(void **state)
{
	struct random random = random_seeded("random_damage");
	unsigned taken = 0;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		const char *from = formats[random_below(&random, sizeof formats / sizeof *formats)];
		size_t size = strlen(from);
		char *text;

		if (random_below(&random, 4) == 0)
			size = random_below(&random, size + 1);
		text = malloc(size + 1); /* so that reading beyond is seen */
		memcpy(text, from, size);
		for (uint64_t n = random_below(&random, 3); n > 0 && size > 0; n--)
			text[random_below(&random, size)] = (char)random_below(&random, 256);
		store_arena_reset(arena);
		if (insert_bytes(text, size) == 0) {
			check_contract();
			taken++;
		}
		free(text);
	}
	assert_true(taken > 1000);
}

/* Rows of few columns, tags of long texts: what they take is their own size. */
static void
memory(void **state)
{
	enum { ROWS = 10000, ROW_BYTES_MAX = 1024, TAGS = 32, VALUE_BYTES = 1000 };
	static char text[ROWS * 2 + TAGS * (VALUE_BYTES + 32) + 100];
	size_t size = (size_t)sprintf(text, "INSERT INTO pageviews (site) FORMAT TSV\n");

	(void)state;
	for (int i = 0; i < ROWS; i++)
		size += (size_t)sprintf(text + size, "s\n");
	assert_int_equal(insert(text), 0);
	assert_int_equal(rows.count, ROWS);
	assert_true(store_arena_bytes(arena) < (size_t)ROWS * ROW_BYTES_MAX);

	size = (size_t)sprintf(text, "INSERT INTO pageviews (site, tags) FORMAT TSV\ns\t{");
	for (int i = 0; i < TAGS; i++)
		size += (size_t)sprintf(text + size, "%s'name%d':'%*s'", i == 0 ? "" : ",", i,
					VALUE_BYTES, "x");
	sprintf(text + size, "}\n");
	assert_int_equal(insert(text), 0);
	assert_int_equal(rows.entries[0].rows->cells_count, TAGS + 3);
	assert_true(store_arena_bytes(arena) < 8 * size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heads),
	    cmocka_unit_test(same_in_every_format),
	    cmocka_unit_test(times),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(secrets),
	    cmocka_unit_test(random_strings),
	    cmocka_unit_test(random_damage),
	    cmocka_unit_test(memory),
	    cmocka_unit_test(tags_are_escaped_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
