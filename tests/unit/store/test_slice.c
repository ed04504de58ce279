/*
 * Goal: what is told of a slice's times without decoding them, and parts of a slice that
 * was decoded, give what the rows give. Method: many rows (seeded) of few sites and days, so
 * that hours are longer than slices and sites begin and end within them, merged; queries by
 * hour, day and ranges of time on one thread and several, counted row by row beside.
 */
#include <time.h>

#include "query_model.h"

#define ROWS_COUNT 40000u
#define HOUR_MS 3600000
#define SPAN_MS (30 * (int64_t)HOUR_MS)
#define HOURS 40u

static struct model_row rows[ROWS_COUNT];

static void
fill_store(struct store *store, struct random *random)
{
	static struct model_group group;

	group.store = store;
	for (uint32_t i = 0; i < ROWS_COUNT; i++) {
		rows[i] = model_random_row(random, i + 1, 1);
		rows[i].ts = MODEL_BASE_MS / HOUR_MS * HOUR_MS +
			     (int64_t)random_below(random, (uint64_t)SPAN_MS);
		model_append(&group, &rows[i], 0);
	}
	model_append_group(&group);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_merge(store, NULL), 0);
}

struct counted {
	uint64_t rows, lcp, errors;
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

/* Rows of the site, or of all, from one time to before another; by hour. */
static void
check_hours(struct store *store, const char *site, int64_t from, int64_t end, bool negated,
	    struct store_query query)
{
	struct counted wanted[HOURS] = {{0}};
	int64_t first_hour = MODEL_BASE_MS / HOUR_MS;
	struct text text = {0}, range = {0};
	struct store_result *result;
	uint64_t row = 0;

	for (uint32_t i = 0; i < ROWS_COUNT; i++) {
		struct counted *of = &wanted[rows[i].ts / HOUR_MS - first_hour];
		bool within = rows[i].ts >= from && rows[i].ts < end;

		if ((site != NULL && strcmp(site, rows[i].site) != 0) || within == negated)
			continue;
		of->rows++;
		of->lcp += rows[i].has_lcp;
		of->errors += rows[i].errors;
	}
	add_time(&range, ">=", from);
	add_time(&range, "<", end);
	text_add(&text, "SELECT toStartOfHour(ts) AS h, count(), count(lcp), sum(error_count), "
			"quantile(0.5)(lcp) FROM pageviews WHERE ");
	text_add(&text, "%s (1%s)", negated ? "NOT" : "", range.bytes);
	if (site != NULL)
		text_add(&text, " AND site = '%s'", site);
	text_add(&text, " GROUP BY h ORDER BY h");
	query.text = (struct store_str){text.bytes, (uint32_t)strlen(text.bytes)};
	result = query_answer(store, &query);
	for (uint32_t h = 0; h < HOURS; h++) {
		const struct store_value *values[4];

		if (wanted[h].rows == 0)
			continue;
		assert_true(row < result->rows_count);
		for (int c = 0; c < 4; c++)
			values[c] = &result->values[c][row];
		row++;
		if (values[0]->v.i != (first_hour + h) * 3600 || values[1]->v.u != wanted[h].rows ||
		    values[2]->v.u != wanted[h].lcp || values[3]->v.u != wanted[h].errors)
			fail_msg("%s\nhour %u: %llu rows instead of %llu", text.bytes, h,
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
	for (int i = 0; i < 150; i++) {
		struct store_query query = {.now_ms = TEST_NOW_MS,
					    .threads = 1 + (uint32_t)random_below(&random, 3),
					    .thread_rows_min = 1};
		int64_t unit = random_below(&random, 2) ? HOUR_MS : 1;
		int64_t from = base + (int64_t)random_below(&random, (uint64_t)SPAN_MS);
		int64_t end = from + (int64_t)random_below(&random, (uint64_t)SPAN_MS);

		if (random_below(&random, 4) == 0)
			from = base, end = base + SPAN_MS;
		check_hours(store, PICK(&random, sites), from / unit * unit, end / unit * unit,
			    random_below(&random, 4) == 0, query);
	}
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hours)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
