/*
 * Goal: blocks that are taken whole give what their rows give. Method: sessions
 * of a few views each (seeded), flushed now and then, so that blocks differ in
 * days, sites, weights and NULLs, some in memory; every query a second time in
 * words that ask for the rows. Once with a day's sessions listed exactly, once
 * with so many that they are estimated; and fewer bytes must have been read.
 */
#include "query_text.h"

enum { TS, SITE, SESSION, WEIGHT, LCP, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "session", .type = STORE_UINT, .bits = 64},
    {.name = "interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
};
static const struct store_table tables[] = {{"pageviews", columns, COLUMNS, false}};
static const struct store_schema schema = {tables, 1};

#define PICK(random, list) (list)[random_below(random, sizeof(list) / sizeof *(list))]

#define PART_ROWS 4096u
#define BASE_MS 1780000000000

/* Rows of one day, most of one site; may be sampled, may lack lcp. */
static void
append_part(struct store *store, struct random *random, uint32_t sessions)
{
	static struct store_cell cells[PART_ROWS][COLUMNS];
	static struct store_row rows[PART_ROWS];
	static const struct store_str sites[] = {{"blog", 4}, {"docs", 4}, {"shop", 4}};
	int64_t day = BASE_MS + (int64_t)random_below(random, 3) * 86400000;
	uint64_t site = random_below(random, 3), weight = 1 + random_below(random, 2) * 9;
	bool mixed = random_below(random, 3) == 0, has_nulls = random_below(random, 2);
	struct store_entry entry = {.rows = rows, .rows_count = PART_ROWS, .received_ms = day};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	for (uint32_t i = 0; i < PART_ROWS; i++) {
		uint64_t session = (random_below(random, sessions) + 1) * 0x9e3779b97f4a7c15u;
		uint16_t count = 0;

		memset(cells[i], 0, sizeof cells[i]);
		cells[i][count].value.i = day + (int64_t)random_below(random, 3600000);
		cells[i][count++].column = TS;
		cells[i][count].value.s = sites[mixed ? random_below(random, 3) : site];
		cells[i][count++].column = SITE;
		cells[i][count].value.u = session;
		cells[i][count++].column = SESSION;
		cells[i][count].value.u = weight;
		cells[i][count++].column = WEIGHT;
		if (!has_nulls || random_below(random, 2)) {
			cells[i][count].value.f = (double)random_below(random, 50000) / 10;
			cells[i][count++].column = LCP;
		}
		rows[i] = (struct store_row){0, count, cells[i]};
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

static struct store_result *
run(struct store *store, const char *text)
{
	struct store_query query = {.text = {text, (uint32_t)strlen(text)},
				    .now_ms = BASE_MS,
				    .threads = 2,
				    .thread_rows_min = 1};

	return query_answer(store, &query);
}

/* Bytes read of the first query less than of the second? Their rows are the same. */
static bool
check_same(struct store *store, const char *whole, const char *by_rows)
{
	struct store_result *a = run(store, whole), *b = run(store, by_rows);
	bool less = a->bytes_read < b->bytes_read;

	assert_int_equal(a->rows_count, b->rows_count);
	assert_int_equal(a->rows_read, b->rows_read);
	assert_int_equal(a->weighted, b->weighted);
	for (uint64_t row = 0; row < a->rows_count; row++) {
		struct text wanted = {0}, found = {0};

		for (uint32_t c = 0; c < a->columns_count; c++) {
			text_add_value(&found, a->columns[c].type, 0, &a->values[c][row], false);
			text_add_value(&wanted, b->columns[c].type, 0, &b->values[c][row], false);
			text_add(&found, "\t");
			text_add(&wanted, "\t");
		}
		if (strcmp(found.bytes, wanted.bytes) != 0)
			fail_msg("%s\n%s\ninstead of\n%s", whole, found.bytes, wanted.bytes);
	}
	store_result_free(a);
	store_result_free(b);
	return less;
}

/* With each list of aggregates its other words: a condition that all rows meet,
 * of which only rows tell. */
static void
check(uint32_t parts, uint32_t sessions)
{
	static const char *const lists[][2] = {
	    {"uniq(session)", "uniqIf(session, session > 0)"},
	    {"count(), uniq(session)", "countIf(session > 0), uniqIf(session, session > 0)"},
	    {"count(lcp), count(session)",
	     "countIf(session > 0 AND lcp IS NOT NULL), countIf(session > 0)"},
	    {"count()", "countIf(session > 0)"},
	    {"uniq(session), uniq(lcp)", "uniqIf(session, session > 0), uniqIf(lcp, session > 0)"},
	};
	static const char *const keys[] = {"toDate(ts)",        "site",      "toDate(ts), site",
					   "toStartOfHour(ts)", "lcp > 100", "'a'"};
	static const char *const wheres[] = {"", "WHERE site = 'shop'", "WHERE session > 0",
					     "WHERE ts < toDateTime(1780086400)"};
	struct random random = random_seeded("whole");
	char directory[256];
	struct store *store = query_open(&schema, directory);
	uint32_t fewer = 0;

	for (uint32_t i = 0; i < parts; i++) {
		append_part(store, &random, sessions);
		if (i + 1 < parts)
			assert_int_equal(store_flush(store, NULL), 0);
	}
	for (int i = 0; i < 60; i++) {
		const char *const *list = PICK(&random, lists);
		const char *key = PICK(&random, keys), *where = PICK(&random, wheres);
		struct text whole = {0}, by_rows = {0};

		for (int other = 0; other < 2; other++) {
			struct text *text = other ? &by_rows : &whole;

			if (i % 5 == 0)
				text_add(text, "SELECT %s FROM pageviews %s", list[other], where);
			else
				text_add(text,
					 "SELECT %s, %s FROM pageviews %s GROUP BY %s ORDER BY %s",
					 key, list[other], where, key, key);
		}
		fewer += check_same(store, whole.bytes, by_rows.bytes);
	}
	assert_true(fewer > 0); /* mostly more than 5 of 60 */
	query_close(store, directory);
}

static void
test_few(void **state)
{
	(void)state;
	check(12, 1000);
}

static void
test_many(void **state)
{
	(void)state;
	check(40, 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_few), cmocka_unit_test(test_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
