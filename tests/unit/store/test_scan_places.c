/*
 * Goal: quantiles by few combinations of strings are the same whether rows are
 * counted by their codes or by the groups they are looked up in. Method: rows
 * (seeded) of days whose dictionaries are alike, then others, with NULLs, with
 * weights and without, enough of them that counting by codes begins; each query
 * is asked as it is and with a condition that all rows meet, which takes the way by
 * groups; on one thread and on two. The totals of all groups are what a query without
 * groups answers.
 */
#include "query_text.h"

enum { TS, SITE, COUNTRY, DEVICE, WEIGHT, LCP, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "country", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "device", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
};
static const struct store_table tables[] = {{"pageviews", columns, COLUMNS, false}};
static const struct store_schema schema = {tables, 1};

#define DAYS 8
#define PART_ROWS 6000u
#define BASE_MS 1780000000000

/* Countries c<first> and so many more; watches in some of them, but always in the first. */
struct day {
	uint64_t first, countries, watches_first, watches_end;
	uint32_t rows;
};

/* Four with the same strings, in the middle of which combinations of them are new,
 * in whatever order days are read, and a small one with others between the last of them. */
static const struct day days[DAYS] = {
    {0, 12, 0, 0, 60000}, {0, 12, 1, 6, 60000},  {0, 12, 6, 12, 60000}, {9, 5, 9, 14, 6000},
    {0, 12, 0, 0, 60000}, {6, 12, 0, 12, 60000}, {3, 40, 0, 0, 60000},  {6, 12, 6, 12, 60000}};

/* In tenths; one in many is beyond what has buckets. */
static uint64_t
draw_lcp(struct random *random)
{
	return random_below(random, 30000) == 0 ? 3000000000 : random_below(random, 60000);
}

static uint16_t
build(struct random *random, const struct day *day, int64_t ts, bool weighted,
      struct store_cell *cells, char *country)
{
	static const char *const devices[] = {"desktop", "mobile", "tablet", "watch"};
	uint64_t number = random_below(random, day->countries);
	bool watch = number == 0 || (number >= day->watches_first && number < day->watches_end);
	const char *device = devices[random_below(random, watch ? 4 : 3)];
	uint16_t count = 4;

	snprintf(country, 12, "c%03u", (unsigned)(day->first + number));
	cells[0] = (struct store_cell){.column = TS, .value.i = ts};
	cells[1] =
	    (struct store_cell){.column = COUNTRY, .value.s = {country, (uint32_t)strlen(country)}};
	cells[2] =
	    (struct store_cell){.column = DEVICE, .value.s = {device, (uint32_t)strlen(device)}};
	cells[3] = (struct store_cell){
	    .column = WEIGHT,
	    .value.u = weighted && random_below(random, 3) == 0 ? 1 + random_below(random, 50) : 1};
	if (random_below(random, 5) != 0)
		cells[count++] =
		    (struct store_cell){.column = LCP, .value.f = (double)draw_lcp(random) / 10};
	return count;
}

static void
append_part(struct store *store, struct random *random, int number, bool weighted)
{
	static struct store_cell cells[PART_ROWS][COLUMNS];
	static struct store_row rows[PART_ROWS];
	static char countries[PART_ROWS][12];
	int64_t day = BASE_MS + number * (int64_t)86400000;
	struct store_entry entry = {.rows = rows, .rows_count = PART_ROWS, .received_ms = day};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	for (uint32_t i = 0; i < PART_ROWS; i++) {
		int64_t ts = day + (int64_t)random_below(random, 3600000);
		uint16_t count = build(random, &days[number], ts, weighted, cells[i], countries[i]);

		rows[i] = (struct store_row){0, count, cells[i]};
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

static struct store_result *
ask(struct store *store, const char *keys, const char *suffix, const char *where,
    const char *condition, uint32_t threads)
{
	struct store_query query = {.now_ms = BASE_MS, .threads = threads};
	struct text text = {0};

	text_add(&text,
		 "SELECT %s, quantiles%s(0.5, 0.75, 0.95, 0.99)(lcp%s) FROM pageviews WHERE %s "
		 "GROUP BY %s WITH TOTALS ORDER BY %s",
		 keys, suffix, condition, where, keys, keys);
	query.text = (struct store_str){text.bytes, (uint32_t)strlen(text.bytes)};
	return query_answer(store, &query);
}

/* One array of quantiles. */
static void
add_quantiles(struct text *text, const struct store_result_column *column,
	      const struct store_value *value)
{
	text->size = 0;
	text_add_value(text, column->type, column->element, value, false);
}

/* Of all rows, without groups. */
static void
check_totals(struct store *store, const char *where, uint32_t threads,
	     const struct store_result *grouped)
{
	static struct text totals, whole;
	uint32_t last = grouped->columns_count - 1;
	struct store_query query = {.now_ms = BASE_MS, .threads = threads};
	struct store_result *result;
	struct text text = {0};

	text_add(&text, "SELECT quantiles(0.5, 0.75, 0.95, 0.99)(lcp) FROM pageviews WHERE %s",
		 where);
	query.text = (struct store_str){text.bytes, (uint32_t)strlen(text.bytes)};
	result = query_answer(store, &query);
	assert_int_equal(result->rows_count, 1);
	assert_non_null(grouped->totals);
	add_quantiles(&whole, &result->columns[0], &result->values[0][0]);
	add_quantiles(&totals, &grouped->columns[last], &grouped->totals[last]);
	assert_string_equal(totals.bytes, whole.bytes);
	store_result_free(result);
}

static void
check_query(struct store *store, const char *keys, uint32_t groups_min, const char *where,
	    uint32_t threads)
{
	static struct text by_codes, by_groups;
	struct store_result *result = ask(store, keys, "", where, "", threads);

	by_codes.size = by_groups.size = 0;
	assert_true(result->rows_count >= groups_min);
	text_add_result(&by_codes, result);
	check_totals(store, where, threads, result);
	store_result_free(result);
	result = ask(store, keys, "If", where, ", ts > 0", threads);
	text_add_result(&by_groups, result);
	store_result_free(result);
	assert_string_equal(by_codes.bytes, by_groups.bytes);
}

static void
check_store(const char *name, bool weighted)
{
	/* Of devices there are so few that they have counters of their own. */
	static const char *const keys[] = {"country, device", "device, country", "country",
					   "device"};
	static const uint32_t groups_min[] = {17, 17, 17, 3};
	/* The last of rows that follow one another, from and to the middle of a day's. */
	static const char *const wheres[] = {
	    "1", "lcp > 30", "device != 'tablet'",
	    "ts >= '2026-05-28 20:36:40' AND ts < '2026-06-02 20:50:00'"};
	struct random random = random_seeded(name);
	char directory[256];
	struct store *store = query_open(&schema, directory);

	for (int day = 0; day < DAYS; day++) {
		for (uint32_t rows = 0; rows < days[day].rows; rows += PART_ROWS)
			append_part(store, &random, day, weighted);
		if (day + 1 < DAYS)
			assert_int_equal(store_flush(store, NULL), 0);
	}
	for (int k = 0; k < 4; k++) {
		for (int w = 0; w < 4; w++) {
			for (uint32_t threads = 1; threads <= 2; threads++)
				check_query(store, keys[k], groups_min[k], wheres[w], threads);
		}
	}
	query_close(store, directory);
}

static void
test_plain(void **state)
{
	(void)state;
	check_store("plain", false);
}

static void
test_weighted(void **state)
{
	(void)state;
	check_store("weighted", true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_weighted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
