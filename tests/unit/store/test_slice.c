/*
 * Goal: what is told of a slice's times without decoding them, and parts of a slice that
 * was decoded, give what the rows give. Method: many rows (seeded) of few sites and days, so
 * that hours are longer than slices and sites begin and end within them, merged; queries by
 * minute, hour, day and ranges of time on one thread and several, counted row by row beside;
 * many times in one condition, with little memory.
 */
#include <time.h>

#include "query_model.h"

#define ROWS_COUNT 40000u
#define HOUR_MS 3600000
#define SPAN_MS (30 * (int64_t)HOUR_MS)
#define GROUPS_MAX 4000u
#define TIMES_COUNT 2000u

static struct model_row rows[ROWS_COUNT];
static uint32_t rows_count;

/* rows[rows_count] */
static void
append_rows(struct store *store)
{
	static struct model_group group;

	group.store = store;
	for (uint32_t i = 0; i < rows_count; i++)
		model_append(&group, &rows[i], 0);
	model_append_group(&group);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_merge(store, NULL), 0);
}

static void
fill_store(struct store *store, struct random *random)
{
	rows_count = ROWS_COUNT;
	for (uint32_t i = 0; i < rows_count; i++) {
		rows[i] = model_random_row(random, i + 1, 1);
		rows[i].ts = MODEL_BASE_MS / HOUR_MS * HOUR_MS +
			     (int64_t)random_below(random, (uint64_t)SPAN_MS);
	}
	append_rows(store);
}

/* What is grouped by, how long a group lasts, and how its value is counted in ms. */
struct key {
	const char *text;
	int64_t group_ms, unit_ms;
};

/* A slice has one or two days or hours, some tens of five minutes, and too many minutes. */
static const struct key keys[] = {
    {"toDate(ts)", 24 * HOUR_MS, 24 * HOUR_MS},
    {"toStartOfHour(ts)", HOUR_MS, 1000},
    {"toStartOfInterval(toDateTime(ts), INTERVAL 3600 SECOND)", HOUR_MS, 1000},
    {"toUnixTimestamp64Milli(toDateTime64(toStartOfHour(toDateTime(ts)), 3))", HOUR_MS, 1},
    {"toStartOfFiveMinutes(ts)", HOUR_MS / 12, 1000},
    {"toUnixTimestamp(toStartOfInterval(ts, INTERVAL 20 MINUTE))", HOUR_MS / 3, 1000},
    {"toStartOfMinute(ts)", HOUR_MS / 60, 1000}};

struct counted {
	uint64_t rows, lcp, errors, slow;
};

static void
add_time(struct text *text, const char *before, int64_t ms)
{
	time_t seconds = ms / 1000;
	struct tm tm;
	char shown[32];

	gmtime_r(&seconds, &tm);
	strftime(shown, sizeof shown, "%Y-%m-%d %H:%M:%S", &tm);
	text_add(text, " AND ts %s '%s.%03d'", before, shown, (int)(ms % 1000));
}

/* Rows of the site, or of all, from one time to before another; by the key. */
static void
check_groups(struct store *store, const struct key *key, const char *site, int64_t from,
	     int64_t end, bool negated, struct store_query query)
{
	struct counted wanted[GROUPS_MAX] = {{0}};
	int64_t first_group = MODEL_BASE_MS / HOUR_MS * HOUR_MS / key->group_ms;
	bool ends_first = end / HOUR_MS % 2 == 1;
	struct text text = {0}, range = {0};
	struct store_result *result;
	uint64_t row = 0;

	for (uint32_t i = 0; i < rows_count; i++) {
		struct counted *of = &wanted[rows[i].ts / key->group_ms - first_group];
		bool within = rows[i].ts >= from && rows[i].ts < end;

		if ((site != NULL && strcmp(site, rows[i].site) != 0) || within == negated)
			continue;
		of->rows++;
		of->lcp += rows[i].has_lcp;
		of->errors += rows[i].errors;
		of->slow += rows[i].has_lcp && rows[i].lcp > 200;
	}
	add_time(&range, ends_first ? "<" : ">=", ends_first ? end : from);
	add_time(&range, ends_first ? ">=" : "<", ends_first ? from : end);
	text_add(&text,
		 "SELECT %s AS h, count(), count(lcp), sum(error_count), countIf(lcp > 200), "
		 "countIf(lcp * 2 > 400), quantile(0.5)(lcp) FROM pageviews WHERE ",
		 key->text);
	text_add(&text, "%s (1%s)", negated ? "NOT" : "", range.bytes);
	if (site != NULL)
		text_add(&text, " AND site = '%s'", site);
	text_add(&text, " GROUP BY h ORDER BY h");
	query.text = (struct store_str){text.bytes, (uint32_t)strlen(text.bytes)};
	result = query_answer(store, &query);
	for (uint32_t h = 0; h < GROUPS_MAX; h++) {
		const struct store_value *values[6];

		if (wanted[h].rows == 0)
			continue;
		assert_true(row < result->rows_count);
		for (int c = 0; c < 6; c++)
			values[c] = &result->values[c][row];
		row++;
		if (values[0]->v.i != (first_group + h) * key->group_ms / key->unit_ms ||
		    values[1]->v.u != wanted[h].rows || values[2]->v.u != wanted[h].lcp ||
		    values[3]->v.u != wanted[h].errors || values[4]->v.u != wanted[h].slow ||
		    values[5]->v.u != wanted[h].slow)
			fail_msg("%s\ngroup %u: %llu rows instead of %llu", text.bytes, h,
				 (unsigned long long)values[1]->v.u,
				 (unsigned long long)wanted[h].rows);
	}
	assert_int_equal(row, result->rows_count);
	store_result_free(result);
}

static void
test_hours(void **state)
{
	static const char *const sites[] = {NULL, "shop", "blog", "docs"};
	struct random random = random_seeded("hours");
	int64_t base = MODEL_BASE_MS / HOUR_MS * HOUR_MS;
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	(void)state;
	fill_store(store, &random);
	for (int i = 0; i < 300; i++) {
		struct store_query query = {.now_ms = TEST_NOW_MS,
					    .threads = 1 + (uint32_t)random_below(&random, 3),
					    .thread_rows_min = 1};
		int64_t unit = random_below(&random, 2) ? HOUR_MS : 1;
		int64_t from = base + (int64_t)random_below(&random, (uint64_t)SPAN_MS);
		int64_t end = from + (int64_t)random_below(&random, (uint64_t)SPAN_MS);

		if (random_below(&random, 4) == 0)
			from = base, end = base + SPAN_MS;
		else if (random_below(&random, 3) == 0) /* mostly within a slice */
			end = from + (int64_t)random_below(&random, HOUR_MS);
		check_groups(store, &PICK(&random, keys), PICK(&random, sites), from / unit * unit,
			     end / unit * unit, random_below(&random, 4) == 0, query);
	}
	query_close(store, directory);
}

/* Few rows of three sites, the first and last of the same hour, those between not. */
static void
test_sites(void **state)
{
	static const char *const sites[] = {"blog", "docs", "shop"};
	struct store_query query = {.now_ms = TEST_NOW_MS};
	struct random random = random_seeded("sites");
	int64_t day_ms = 24 * (int64_t)HOUR_MS, base = MODEL_BASE_MS / day_ms * day_ms + day_ms;
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	(void)state;
	rows_count = 60;
	for (uint32_t i = 0; i < rows_count; i++) {
		rows[i] = model_random_row(&random, i + 1, 1);
		rows[i].site = sites[i / 20];
		rows[i].ts = base + (i < 40 ? i % 20 * HOUR_MS : 0) + i;
	}
	append_rows(store);
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
		check_groups(store, &keys[k], NULL, base, base + day_ms, false, query);
	query_close(store, directory);
}

/* Each of many conditions is about some rows of a slice: memory does not grow with them. */
static void
test_many_times(void **state)
{
	static char text[128 << 10];
	struct store_query query = {.now_ms = TEST_NOW_MS, .memory_bytes_max = (size_t)8 << 20};
	struct random random = random_seeded("many times");
	char directory[256];
	struct store *store = query_open(&model_schema, directory);
	struct store_result *result;
	uint64_t count = 0;
	size_t size;

	(void)state;
	fill_store(store, &random);
	size = (size_t)snprintf(text, sizeof text, "SELECT count() FROM pageviews WHERE 0");
	for (uint32_t i = 0; i < TIMES_COUNT; i++) {
		struct text time = {0};

		add_time(&time, "=", rows[i].ts);
		size += (size_t)snprintf(text + size, sizeof text - size, " OR %s",
					 time.bytes + sizeof " AND " - 1);
	}
	for (uint32_t i = 0; i < rows_count; i++) {
		uint32_t k = 0;

		while (k < TIMES_COUNT && rows[k].ts != rows[i].ts)
			k++;
		count += k < TIMES_COUNT;
	}
	query.text = (struct store_str){text, (uint32_t)size};
	result = query_answer(store, &query);
	assert_int_equal(result->values[0][0].v.u, count);
	store_result_free(result);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hours),
					   cmocka_unit_test(test_sites),
					   cmocka_unit_test(test_many_times)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
