/*
 * Goal: rows whose group keys come in runs, as hours and sites of sorted rows do,
 * give what the same rows give without groups. Method: random rows (seeded);
 * queries by times and sites, with every kind of aggregate; each group's row must
 * be that of a query for its rows alone.
 */
#include "query_model.h"

#define ROWS_COUNT 12000u

/* A key of times, how many ms each of its groups lasts, and how a value of it is
 * counted in ms. */
struct key {
	const char *text;
	int64_t group_ms, unit_ms;
};

static const struct key keys[] = {{"toDate(ts)", 86400000, 86400000},
				  {"toStartOfHour(ts)", 3600000, 1000},
				  {"toStartOfInterval(ts, INTERVAL 6 HOUR)", 21600000, 1000},
				  {"toStartOfMinute(ts)", 60000, 1000}};
static const char *const lists[] = {
    "count(), count(lcp), quantile(0.75)(lcp), quantiles(0, 0.5, 1)(cls)",
    "quantile(0.5)(lcp), quantile(0.9)(bytes), sum(error_count), uniq(country)",
    "countIf(lcp > 200), countIf(lcp <= 200), quantileIf(0.5)(lcp, save = 1), min(path)",
    "uniq(view_id), max(site), argMax(path, bytes), quantileExact(0.5)(bytes), sum(bytes)",
    "quantileIf(0.75)(lcp, country = 'DE'), sumIf(bytes, cls > 0.4), topK(2)(country)",
};
static const char *const conditions[] = {"1", "site = 'shop'", "lcp > 20", "country != 'FR'"};

static struct store_result *
run(struct store *store, const char *text)
{
	struct store_query query = {.text = {text, (uint32_t)strlen(text)}, .now_ms = TEST_NOW_MS};

	return query_answer(store, &query);
}

/* The row's last columns, from `first` on. */
static void
add_row(struct text *text, const struct store_result *result, uint64_t row, uint32_t first)
{
	for (uint32_t c = first; c < result->columns_count; c++) {
		text_add_value(text, result->columns[c].type, result->columns[c].element,
			       &result->values[c][row], false);
		text_add(text, "\t");
	}
}

static void
check_groups(struct store *store, const struct key *key, bool by_site, const char *list,
	     const char *condition, struct random *random)
{
	struct text text = {0};
	struct store_result *all;

	text_add(&text, "SELECT %s, %s, %s FROM pageviews WHERE %s GROUP BY %s%s", key->text,
		 by_site ? "site" : "'any'", list, condition, key->text, by_site ? ", site" : "");
	all = run(store, text.bytes);
	assert_true(all->rows_count > 0);
	for (uint64_t i = 0; i < all->rows_count; i++) {
		int64_t from = all->values[0][i].v.i * key->unit_ms;
		struct store_str site = all->values[1][i].v.s;
		struct text one = {0}, found = {0}, wanted = {0};
		struct store_result *alone;

		if (all->rows_count > 20 && random_below(random, all->rows_count) > 20)
			continue;
		text_add(&one,
			 "SELECT %s FROM pageviews WHERE (%s) AND "
			 "toUnixTimestamp64Milli(ts) >= %lld AND toUnixTimestamp64Milli(ts) < %lld",
			 list, condition, (long long)from, (long long)(from + key->group_ms));
		if (by_site)
			text_add(&one, " AND site = '%.*s'", (int)site.size, site.bytes);
		alone = run(store, one.bytes);
		add_row(&found, all, i, 2);
		add_row(&wanted, alone, 0, 0);
		if (strcmp(found.bytes, wanted.bytes) != 0)
			fail_msg("%s\n%s\n%s\ninstead of\n%s", text.bytes, one.bytes, found.bytes,
				 wanted.bytes);
		store_result_free(alone);
	}
	store_result_free(all);
}

static void
check_store(const char *name, uint32_t weight_max)
{
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded(name);
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	model_fill(store, &random, rows, ROWS_COUNT, weight_max);
	assert_int_equal(store_merge(store, NULL), 0);
	for (int i = 0; i < 40; i++)
		check_groups(store, &PICK(&random, keys), random_below(&random, 2) == 0,
			     PICK(&random, lists), PICK(&random, conditions), &random);
	query_close(store, directory);
}

static void
test_plain(void **state)
{
	(void)state;
	check_store("plain", 1);
}

static void
test_weighted(void **state)
{
	(void)state;
	check_store("weighted", 100);
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
