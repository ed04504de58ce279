/*
 * Goal: blocks that cannot match are not read, nor columns of blocks whose rows
 * are all out or all in, and errors count only in rows that reach them. Method:
 * fixed queries on a day of three blocks, whose blocks, rows and bytes read are
 * known.
 */
#include "prune.h"

#define BLOCK_ROWS 65536u
#define MANY_ROWS (BLOCK_ROWS * 3u)
#define GROUP_ROWS 4096u

/* One day of three blocks, sorted by site: 'a' has one and a half of them, 'b'
 * the rest. Row i of the day is at BASE_MS + 100 i, its size i / 10 * 10, its
 * ratio i, its flag i mod 3, NULL in the second block. */
static struct store *
fill_blocks(char *directory)
{
	static struct store_cell cells[GROUP_ROWS][7];
	static struct store_row rows[GROUP_ROWS];
	static const struct store_table plain[] = {{"t", columns, COLUMNS, false}};
	static const struct store_schema unkeyed = {plain, 1};
	struct store *store = query_open(&unkeyed, directory);

	for (uint32_t first = 0; first < MANY_ROWS; first += GROUP_ROWS) {
		struct store_entry entry = {.rows = rows, .rows_count = GROUP_ROWS};
		struct store_commit commit = {.entries = &entry, .entries_count = 1};

		for (uint32_t i = 0; i < GROUP_ROWS; i++) {
			uint32_t row = first + i;
			struct store_cell *cell = cells[i];

			*cell++ = (struct store_cell){.column = TS,
						      .value.i = BASE_MS + (int64_t)row * 100};
			*cell++ = (struct store_cell){
			    .column = SITE, .value.s = {row < BLOCK_ROWS * 3 / 2 ? "a" : "b", 1}};
			*cell++ = (struct store_cell){.column = VIEW, .value.u = row};
			*cell++ = (struct store_cell){.column = SIZE, .value.u = row / 10 * 10};
			*cell++ = (struct store_cell){.column = RATIO, .value.f = row};
			*cell++ = (struct store_cell){
			    .column = NAME, .value.s = {row % 2 ? "odd" : "even", row % 2 ? 3 : 4}};
			if (row / BLOCK_ROWS != 1)
				*cell++ = (struct store_cell){.column = FLAG, .value.u = row % 3};
			rows[i] = (struct store_row){.cells = cells[i],
						     .cells_count = (uint16_t)(cell - cells[i])};
		}
		assert_int_equal(store_append(store, &commit, 1, NULL), 0);
		assert_int_equal(commit.result, 0);
	}
	assert_int_equal(store_flush(store, NULL), 0);
	return store;
}

/* The result's counters. */
static void
run(struct store *store, const char *query, uint64_t *first_cell, uint64_t *rows, uint64_t *bytes)
{
	struct store_result *result = NULL;
	struct store_error error = {0};

	if (query_run(store, query, &result, &error) != 0)
		fail_msg("%s: %s", query, error.text);
	*first_cell = result->values[0][0].v.u;
	*rows = result->rows_read;
	*bytes = result->bytes_read;
	store_result_free(result);
}

static void
test_blocks_left_out(void **state)
{
	static const struct {
		const char *where;
		uint32_t blocks;
		uint64_t count;
	} table[] = {
	    {"1", 3, MANY_ROWS},
	    {"0", 0, 0},
	    {"NULL", 0, 0},
	    {"site = 'a'", 2, BLOCK_ROWS * 3 / 2},
	    {"site = 'b'", 2, BLOCK_ROWS * 3 / 2},
	    {"site != 'a'", 2, BLOCK_ROWS * 3 / 2},
	    {"NOT (site = 'a' OR site = 'c')", 2, BLOCK_ROWS * 3 / 2},
	    {"site IN ('b', 'c')", 2, BLOCK_ROWS * 3 / 2},
	    {"site IN (SELECT 'c')", 3, 0}, /* subqueries are not run to explain */
	    {"site = 'c'", 0, 0},
	    {"site LIKE 'b%' AND size < 65000", 0, 0},
	    {"site = 'b' OR size < 65000", 3, BLOCK_ROWS * 3 / 2 + 65000},
	    {"name = 'none'", 0, 0},
	    {"name = 'odd'", 3, MANY_ROWS / 2},
	    {"tags['plan'] = 'x'", 0, 0},
	    {"tags['plan'] = ''", 3, MANY_ROWS},
	    {"label = 'x'", 3, 0}, /* NULL everywhere, but that is for strings not told */
	    {"size >= 131080", 1, MANY_ROWS - 131080},
	    {"size > 196607.5", 0, 0},
	    {"size IN (5, 15, 70000)", 2, 10},
	    {"size BETWEEN 10 AND 19.5", 1, 10},
	    {"(size, site) IN ((10, 'a'), (20, 'b'), (190000, 'b'))", 2, 20},
	    {"(site, name, flag) IN (('a', 'odd', 1), ('a', 'even', NULL))", 1, BLOCK_ROWS / 6 + 1},
	    {"(site, toDate(ts)) IN (('a', '2026-05-29'), ('c', '2026-05-28'))", 2, 0},
	    {"(site, size * 2) IN (('b', 200000), ('b', 300000), ('c', 0))", 2, 20},
	    {"(size, site) IN ((10, 'b')) OR (size, site) IN ((20, 'a'))", 1, 10},
	    {"(size, site) NOT IN ((10, 'a'), (20, 'b'), (190000, 'b'))", 3, MANY_ROWS - 20},
	    {"-1 < size", 3, MANY_ROWS},
	    {"size != size", 3, 0},
	    {"flag IS NULL", 1, BLOCK_ROWS},
	    {"flag IS NOT NULL", 2, BLOCK_ROWS * 2},
	    {"flag < 3", 2, BLOCK_ROWS * 2},
	    {"flag > 2", 0, 0},
	    {"NOT flag > 2", 2, BLOCK_ROWS * 2},
	    {"speed > 0", 0, 0},
	    {"id = 0", 3, MANY_ROWS},
	    {"id > 0", 0, 0},
	    {"ratio < 10", 3, 10},
	    {"ts < '2026-05-28 00:00:01'", 1, 10},
	    {"ts >= '2026-05-28' AND ts < '2026-05-29'", 3, MANY_ROWS},
	    {"ts >= '2026-05-29'", 0, 0},
	    {"ts < '2026-05-28 00:00:01' AND site = 'b'", 0, 0},
	    {"toDate(ts) = '2026-05-28'", 3, MANY_ROWS},
	    {"toDate(ts) != '2026-05-28'", 0, 0},
	    {"toDate(ts) IN ('2026-05-27', '2026-05-29')", 0, 0},
	    {"toStartOfHour(ts) < '2026-05-28 01:00:00'", 1, 36000},
	    {"toStartOfHour(ts) NOT IN ('2026-05-28 00:00:00')", 3, MANY_ROWS - 36000},
	    {"NOT toDate(ts) >= '2026-05-28'", 0, 0},
	    {"toUnixTimestamp(ts) < 1779926401", 1, 10},
	    {"'2026-05-28 01:00:00' <= toStartOfHour(ts) AND size < 36010", 1, 10},
	    /* Constants that might have failed to be made, and calls that cannot fail. */
	    {"toStartOfHour(ts) < toDateTime('2026-05-28 01:00:00')", 1, 36000},
	    {"toDate(ts) IN (toDate('2026-05-27'), CAST('2026-05-29' AS Date))", 0, 0},
	    {"size < intDiv(20, 2) AND ts < toDateTime(1779926400 + modulo(11, 10))", 1, 10},
	    {"ts < toDateTime('2026-05-28 00:00:01') OR size >= toInt32('131080')", 2,
	     MANY_ROWS - 131080 + 10},
	    {"toString(name) = 'none'", 0, 0},
	    {"toStartOfHour(toDateTime(ts)) < '2026-05-28 01:00:00'", 1, 36000},
	    {"toUnixTimestamp(toStartOfInterval(toDateTime(ts), INTERVAL 1 HOUR)) < 1779930000", 1,
	     36000},
	    {"toUnixTimestamp64Milli(ts) < 1779926400005", 1, 1},
	    {"toDateTime(ts) = '2026-05-28 00:00:00' AND toYear(ts) >= 2026", 1, 10},
	    {"toYYYYMM(ts) != 202605 OR toYYYYMMDD(toDate(ts)) < 20260528", 0, 0},
	    {"toHour(ts) < 30 AND size < 10", 1, 10},
	};
	char directory[256];
	struct store *store = fill_blocks(directory);

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint64_t count, rows, bytes;
		struct text text = {0};
		uint32_t read, all;
		bool has_subquery = strstr(table[i].where, "SELECT") != NULL;

		text_add(&text, "SELECT count() FROM t WHERE %s", table[i].where);
		run(store, text.bytes, &count, &rows, &bytes);
		read = blocks_read(store, text.bytes, &all);
		if (count != table[i].count || read != table[i].blocks || all != 3 ||
		    (!has_subquery && rows != (uint64_t)read * BLOCK_ROWS))
			fail_msg("%s: %llu rows of %u blocks, %llu read", table[i].where,
				 (unsigned long long)count, read, (unsigned long long)rows);
	}
	query_close(store, directory);
}

/* Of rows that another condition of the same block leaves out, too, if it stands behind. */
static void
test_errors_stay(void **state)
{
	static const char *const wheres[] = {
	    "CAST(flag AS UInt8) < 3 AND size = 70001", "toInt32(name) = 5 AND size = 5",
	    "toInt32(ratio / 0) = 5 AND size = 5",      "intDiv(5, size) = 5 AND size = 5",
	    "size % (size - 10) = 5 AND size = 5",
	};
	char directory[256];
	struct store *store = fill_blocks(directory);

	(void)state;
	for (size_t i = 0; i < sizeof wheres / sizeof *wheres; i++) {
		struct store_result *result = NULL;
		struct store_error error = {0};
		struct text text = {0};

		text_add(&text, "SELECT count() FROM t WHERE %s", wheres[i]);
		if (query_run(store, text.bytes, &result, &error) == 0)
			fail_msg("%s is no error", wheres[i]);
		assert_int_equal(error.code, STORE_ETYPE);
	}
	query_close(store, directory);
}

/* Conditions that a whole block meets cost no bytes, nor do columns of blocks
 * that no row is left of. */
static void
test_bytes_left_out(void **state)
{
	char directory[256];
	struct store *store = fill_blocks(directory);
	uint64_t cell, rows, none, site, size, both;

	(void)state;
	run(store, "SELECT count() FROM t", &cell, &rows, &none);
	assert_int_equal(none, 0);
	run(store, "SELECT count() FROM t WHERE ts >= '2026-05-28' AND size >= 0 AND id = 0", &cell,
	    &rows, &none);
	assert_int_equal(none, 0);
	run(store, "SELECT toDate(ts) AS day, count() FROM t GROUP BY day", &cell, &rows, &none);
	assert_int_equal(none, 0); /* a day has segments of its own */
	assert_int_equal(cell, BASE_MS / DAY_MS);
	/* The first block is all 'a'; of the second some. */
	run(store, "SELECT count() FROM t WHERE size < 65000 AND site = 'a'", &cell, &rows, &size);
	run(store, "SELECT count() FROM t WHERE size < 65000", &cell, &rows, &both);
	assert_int_equal(size, both);
	run(store, "SELECT count() FROM t WHERE site = 'a'", &cell, &rows, &site);
	assert_true(site > 0 && site < 100); /* a bit set twice in groups of 1,024 */
	/* Within the bounds, but no such row: the sum's column is not opened. */
	run(store, "SELECT count() FROM t WHERE size = 131085", &cell, &rows, &size);
	run(store, "SELECT sum(ratio) FROM t WHERE size = 131085", &cell, &rows, &both);
	assert_int_equal(rows, BLOCK_ROWS);
	assert_true(size > 0);
	assert_int_equal(size, both);
	run(store, "SELECT sum(ratio) FROM t WHERE size = 131080", &cell, &rows, &both);
	assert_true(both > size);
	query_close(store, directory);
}

/* The rows' weights are read only of blocks where some may be above 1. */
static void
test_weights_left_out(void **state)
{
	static const struct store_column weighed[] = {
	    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
	    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT},
	    {.name = "size", .type = STORE_UINT, .bits = 32},
	    {.name = "weight", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
	};
	static const struct store_table table[] = {{"t", weighed, 4, false}};
	static const struct store_schema with_weight = {table, 1};
	static const uint64_t sums[] = {4950, 4950, 2500 * 7};
	char directory[256];
	struct store *store = query_open(&with_weight, directory);
	uint64_t cell, rows, weighted, plain;

	(void)state;
	for (uint64_t i = 0; i < 300; i++) { /* of three days: none, 1, and 1 or 7 */
		uint64_t day = i / 100, weight = day == 2 ? 1 + 6 * (i % 2) : day;
		struct store_cell cells[] = {
		    {.column = 0, .value.i = BASE_MS + (int64_t)day * DAY_MS},
		    {.column = 2, .value.u = day == 2 && i % 2 == 0 ? 0 : i % 100},
		    {.column = 3, .value.u = weight}};
		struct store_row row = {.cells = cells, .cells_count = weight == 0 ? 2 : 3};
		struct store_entry entry = {.rows = &row, .rows_count = 1};
		struct store_commit commit = {.entries = &entry, .entries_count = 1};

		assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	}
	assert_int_equal(store_flush(store, NULL), 0);
	for (int day = 0; day < 3; day++) {
		struct text text = {0};

		text_add(&text, "SELECT     size  FROM t WHERE toDate(ts) = '2026-05-%d'",
			 28 + day);
		run(store, text.bytes, &cell, &rows, &plain);
		memcpy(text.bytes, "SELECT sum(size)", 16);
		run(store, text.bytes, &cell, &rows, &weighted);
		assert_int_equal(cell, sums[day]);
		assert_int_equal(weighted > plain, day == 2);
	}
	query_close(store, directory);
}

static int
code_of(struct store *store, const char *query)
{
	struct store_result *result = NULL;
	struct store_error error = {0};
	int code = query_run(store, query, &result, &error);

	store_result_free(result);
	return code == 0 ? 0 : error.clickhouse;
}

/* An error counts when its row reaches the condition that has it: those before
 * it keep their place, whatever they cost. */
static void
test_errors_in_order(void **state)
{
	char directory[256];
	struct store *store = fill_blocks(directory);

	(void)state;
	for (int i = 0; i < 3; i++) { /* the order is learnt from block to block */
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE intDiv(1, flag) = 1"),
				 153);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE flag > 0 AND "
						"intDiv(1, flag) = 1 AND name = 'odd'"),
				 0);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE name = 'odd' AND "
						"intDiv(1, flag) = 1 AND flag > 0"),
				 153);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE flag = 0 OR "
						"intDiv(1, flag) = 1 OR size >= 0"),
				 0);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE "
						"intDiv(1, flag) = 1 OR size >= 0"),
				 153);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE site = 'c' AND "
						"intDiv(1, flag) = 1"),
				 0);
	}
	/* Every row's value may be the error, not only those of tuples that may be found. */
	assert_int_equal(
	    code_of(store, "SELECT count() FROM t WHERE (site, intDiv(1, flag)) IN (('c', 1))"),
	    153);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_blocks_left_out), cmocka_unit_test(test_errors_stay),
	    cmocka_unit_test(test_bytes_left_out),  cmocka_unit_test(test_weights_left_out),
	    cmocka_unit_test(test_errors_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
