/*
 * Goal: the first rule that fits decides, rows are kept as often as it says and
 * stand for the right number, whatever the rate; a budget follows the traffic;
 * and what a sampled store answers lies within its stated margin as often as
 * it should. Method: entries by hand under rules by hand; counts over random
 * draws (seeded); a thousand samples of one population in one store, a site
 * each, whose weighted answers and 95 % margins are compared with the truth.
 */
#include "beacon.h"

#include <math.h>

#include "server/sampling.h"

#define NOW 1780000000000
#define RULES_MAX 8

static struct store_arena *arena;
static char error[512];

static int
set_up(void **state)
{
	(void)state;
	arena = store_arena_create(0);
	return arena == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_arena_free(arena);
	return 0;
}

/* ---- rules and entries ----------------------------------------------- */

/* Ends with an empty rule. */
static struct sampling *
made(const struct config_rule *rules)
{
	struct config config = {.sampling = (struct config_rule *)(uintptr_t)rules};
	struct sampling *sampling;

	while (rules[config.sampling_count].keep != NULL ||
	       rules[config.sampling_count].max_per_second != 0)
		config.sampling_count++;
	if ((sampling = sampling_create(&config, NULL, error)) == NULL)
		fail_msg("%s", error);
	return sampling;
}

struct one {
	struct store_cell view[8], error[5];
	struct store_row rows[2];
	struct store_entry entry;
};

/* A view, and an error of it when it has some. */
static void
build(struct one *one, const char *site, uint64_t view, double lcp, uint32_t errors,
      uint32_t interval)
{
	struct store_str name = beacon_str(site);
	uint16_t n = 0;

	*one = (struct one){0};
	one->view[n++] = (struct store_cell){.column = PAGEVIEWS_ts, .value.i = NOW};
	one->view[n++] = (struct store_cell){.column = PAGEVIEWS_site, .value.s = name};
	one->view[n++] = (struct store_cell){.column = PAGEVIEWS_view_id, .value.u = view};
	one->view[n++] =
	    (struct store_cell){.column = PAGEVIEWS__sample_interval, .value.u = interval};
	memcpy(one->error, one->view, n * sizeof *one->view);
	one->error[n] = (struct store_cell){.column = ERRORS_kind, .value.s = beacon_str("error")};
	one->view[n++] = (struct store_cell){.column = PAGEVIEWS_lcp, .value.f = lcp};
	if (errors > 0)
		one->view[n++] =
		    (struct store_cell){.column = PAGEVIEWS_error_count, .value.u = errors};
	one->rows[0] = (struct store_row){EVENT_PAGEVIEWS, n, one->view};
	one->rows[1] = (struct store_row){EVENT_ERRORS, 5, one->error};
	one->entry = (struct store_entry){.keyed = true,
					  .sort = name,
					  .key = view,
					  .began_ms = NOW,
					  .received_ms = NOW,
					  .rows = one->rows,
					  .rows_count = errors > 0 ? 2 : 1};
}

static uint32_t
interval_of(const struct store_row *row)
{
	for (uint32_t i = 0; i < row->cells_count; i++) {
		if (row->cells[i].column == PAGEVIEWS__sample_interval)
			return (uint32_t)row->cells[i].value.u;
	}
	return 0;
}

/* The view's interval, 0: dropped. */
static uint32_t
applied(struct sampling *sampling, struct one *one, uint64_t draw)
{
	assert_int_equal(sampling_apply(sampling, draw, true, &one->entry, arena), 0);
	store_arena_reset(arena);
	assert_true(one->entry.rows_count > 0);
	return one->entry.dropped ? 0 : interval_of(&one->rows[0]);
}

/* ---- which rule ------------------------------------------------------ */

static void
check_rule(struct sampling *sampling, struct one *one, uint32_t row, uint32_t number,
	   const char *text)
{
	char shown[256];

	assert_int_equal(sampling_explain(sampling, one->entry.sort, &one->rows[row], arena, shown),
			 number);
	assert_string_equal(shown, text);
}

static void
first_match_wins(void **state)
{
	static const struct config_rule rules[] = {
	    {.table = "errors", .keep = "1"},
	    {.site = "docs", .table = "pageviews", .keep = "0"},
	    {.table = "pageviews", .when = "error_count > 0 or lcp > 4000", .keep = "1/10"},
	    {.table = "pageviews", .max_per_second = 500, .when = "lcp > 3000"},
	    {.when = "lcp is null", .keep = "0.5"},
	    {0}};
	struct sampling *sampling = made(rules);
	struct one one;

	(void)state;
	build(&one, "shop", 1, 5000, 2, 1);
	check_rule(sampling, &one, 0, 3, "keep 1/10 (error_count > 0 or lcp > 4000)");
	check_rule(sampling, &one, 1, 1, "keep 1");
	build(&one, "docs", 1, 5000, 2, 1);
	check_rule(sampling, &one, 0, 2, "keep 0");
	check_rule(sampling, &one, 1, 1, "keep 1");
	build(&one, "doc", 1, 4000, 0, 1);
	check_rule(sampling, &one, 0, 4, "keep 1, at most 500 a second (lcp > 3000)");
	build(&one, "shop", 1, 3000, 0, 1);
	check_rule(sampling, &one, 0, 0, "keep 1");
	one.rows[0].table = EVENT_EVENTS; /* which has no lcp */
	check_rule(sampling, &one, 0, 5, "keep 0.5 (lcp is null)");
	sampling_free(sampling);
}

static void
refused(void **state)
{
	static const struct {
		struct config_rule rule;
		const char *text;
	} cases[] = {
	    {{.table = "views", .keep = "1"}, "sampling: sampling[0].table: use pageviews"},
	    {{.table = "errors"}, "sampling: sampling[0]: keep or max_per_second is needed"},
	    {{.keep = "2"}, "sampling[0].keep: expected 0 to 1, or 1/N"},
	    {{.keep = "-0.5"}, "keep: expected"},
	    {{.keep = "1/0"}, "keep: expected"},
	    {{.keep = "1/-3"}, "keep: expected"},
	    {{.keep = "1/x"}, "keep: expected"},
	    {{.keep = "half"}, "keep: expected"},
	    {{.keep = "1 "}, "keep: expected"},
	    {{.keep = "nan"}, "keep: expected"},
	    {{.keep = "1/1000001"}, "keep: expected"},
	    {{.keep = "1/10", .when = "lcpp > 1"}, "when: Unknown column lcpp"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config_rule rule = cases[i].rule;
		struct config config = {.sampling = &rule, .sampling_count = 1};

		assert_null(sampling_create(&config, NULL, error));
		if (strstr(error, cases[i].text) == NULL)
			fail_msg("%s is not in: %s", cases[i].text, error);
	}
}

static void
no_rules_no_change(void **state)
{
	static const struct config_rule rules[] = {{0}};
	struct sampling *sampling = made(rules);
	struct one one;

	(void)state;
	assert_false(sampling_has_rules(sampling));
	build(&one, "shop", 1, 5000, 2, 7);
	assert_int_equal(applied(sampling, &one, UINT64_MAX), 7);
	assert_int_equal(one.entry.rows_count, 2);
	assert_null(one.entry.judge);
	sampling_free(sampling);
}

/* ---- how often ------------------------------------------------------- */

/* Kept rows must add up to the number of draws, and be as many as the rate. */
static void
check_rate(struct random *random, const char *keep, double rate)
{
	const struct config_rule rules[] = {{.keep = (char *)(uintptr_t)keep}, {0}};
	struct sampling *sampling = made(rules);
	uint32_t draws = 200000, kept = 0;
	double total = 0, spread;
	struct one one;

	for (uint32_t i = 0; i < draws; i++) {
		uint32_t interval;

		build(&one, "shop", i, 1, 0, 1);
		interval = applied(sampling, &one, random_next(random));
		if (interval == 0)
			continue;
		kept++;
		total += interval;
		assert_true(interval >= floor(1 / rate - 1e-9) && interval <= ceil(1 / rate));
	}
	spread = 5 * sqrt(draws * rate * (1 - rate)) + 1e-9;
	if (fabs(kept - draws * rate) > spread)
		fail_msg("keep %s: %u of %u", keep, kept, draws);
	if (fabs(total - draws) > (rate > 0 ? spread / rate * 1.2 : draws))
		fail_msg("keep %s: %f stands for %u", keep, total, draws);
	sampling_free(sampling);
}

static void
rates(void **state)
{
	struct random random = random_seeded("rates");

	(void)state;
	check_rate(&random, "1", 1);
	check_rate(&random, "0", 0);
	check_rate(&random, "1/10", 0.1);
	check_rate(&random, "0.1", 0.1);
	check_rate(&random, "1/2", 0.5);
	check_rate(&random, "0.3", 0.3);
	check_rate(&random, "0.75", 0.75);
	check_rate(&random, "0.9999", 0.9999);
	check_rate(&random, "1/1000", 0.001);
	check_rate(&random, "1/2.5", 0.4);
}

static void
nested(void **state)
{
	static const char *const keeps[] = {"1", "0.9", "1/2", "0.3", "1/10", "1/100", "0"};
	struct sampling *samplings[7];
	struct random random = random_seeded("nested");
	struct one one;

	(void)state;
	for (int i = 0; i < 7; i++)
		samplings[i] =
		    made((struct config_rule[]){{.keep = (char *)(uintptr_t)keeps[i]}, {0}});
	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t draw = i == 0 ? 0 : i == 1 ? UINT64_MAX : random_next(&random);
		bool before = true;

		for (int k = 0; k < 7; k++) {
			bool kept;

			build(&one, "shop", i, 1, 0, 1);
			kept = applied(samplings[k], &one, draw) > 0;
			assert_true(before || !kept);
			before = kept;
		}
	}
	for (int i = 0; i < 7; i++)
		sampling_free(samplings[i]);
}

/* Errors under their own rule, by the view's draw; the sender's own rate. */
static void
rows_of_a_view(void **state)
{
	static const struct config_rule rules[] = {
	    {.table = "errors", .keep = "1/2"}, {.table = "pageviews", .keep = "1/10"}, {0}};
	struct sampling *sampling = made(rules);
	struct one one;

	(void)state;
	build(&one, "shop", 1, 1, 1, 4);
	assert_int_equal(applied(sampling, &one, 0), 40);
	assert_int_equal(one.entry.rows_count, 2);
	assert_int_equal(interval_of(&one.rows[1]), 8);
	build(&one, "shop", 1, 1, 1, 4);
	assert_int_equal(applied(sampling, &one, UINT64_MAX / 3), 0);
	assert_int_equal(one.entry.rows_count, 2); /* the view's stays for its sums */
	assert_int_equal(interval_of(&one.rows[1]), 8);
	build(&one, "shop", 1, 1, 1, 4);
	assert_int_equal(applied(sampling, &one, UINT64_MAX), 0);
	assert_int_equal(one.entry.rows_count, 1);
	build(&one, "shop", 1, 1, 0, 1u << 31);
	assert_true(applied(sampling, &one, 0) == UINT32_MAX);
	sampling_free(sampling);
}

static void
judged_with_earlier_errors(void **state)
{
	static const struct config_rule rules[] = {
	    {.table = "pageviews", .when = "error_count > 2", .keep = "1/2"}, {.keep = "0"}, {0}};
	struct sampling *sampling = made(rules);
	struct one one, merged;

	(void)state;
	build(&one, "shop", 1, 1, 1, 3);
	assert_int_equal(sampling_apply(sampling, 5, true, &one.entry, arena), 0);
	assert_true(one.entry.dropped);
	assert_non_null(one.entry.judge);
	build(&merged, "shop", 1, 1, 2, 3);
	assert_int_equal(one.entry.judge(one.entry.judge_context, &one.entry, &merged.rows[0]), 0);
	build(&merged, "shop", 1, 1, 3, 3);
	assert_int_equal(one.entry.judge(one.entry.judge_context, &one.entry, &merged.rows[0]), 6);
	store_arena_reset(arena);
	sampling_free(sampling);
}

/* ---- budgets --------------------------------------------------------- */

/* A second of `offered` views; what is kept of them, and what it stands for. */
static uint32_t
offer(struct sampling *sampling, struct random *random, uint32_t second, uint32_t offered,
      double *total, bool live)
{
	uint32_t kept = 0;

	*total = 0;
	for (uint32_t i = 0; i < offered; i++) {
		struct one one;

		build(&one, "shop", i, 1, 0, 1);
		one.entry.received_ms = NOW + second * 1000 + (int64_t)i * 1000 / offered;
		assert_int_equal(
		    sampling_apply(sampling, random_next(random), live, &one.entry, arena), 0);
		store_arena_reset(arena);
		if (one.entry.dropped)
			continue;
		kept++;
		*total += interval_of(&one.rows[0]);
	}
	return kept;
}

static void
budget_follows_traffic(void **state)
{
	struct sampling *sampling =
	    made((const struct config_rule[]){{.max_per_second = 100}, {0}});
	struct random random = random_seeded("budget");
	double total, all = 0;
	uint32_t kept;

	(void)state;
	assert_int_equal(offer(sampling, &random, 0, 99, &total, true), 99);
	kept = offer(sampling, &random, 1, 20000, &total, true); /* out of the blue */
	assert_in_range(kept, 100, 230);
	for (uint32_t second = 2; second < 42; second++) {
		kept = offer(sampling, &random, second, 20000, &total, true);
		assert_in_range(kept, 50, 160);
		all += total;
	}
	assert_true(fabs(all - 40 * 20000.0) < 0.1 * 40 * 20000);
	offer(sampling, &random, 42, 50, &total, true);
	assert_int_equal(offer(sampling, &random, 43, 50, &total, true), 50);
	assert_int_equal(total, 50);
	/* An import is no traffic. */
	assert_int_equal(offer(sampling, &random, 44, 20000, &total, false), 20000);
	sampling_free(sampling);
}

/* The rate of `keep`, until the budget asks for less. */
static void
budget_and_rate(void **state)
{
	struct sampling *sampling =
	    made((const struct config_rule[]){{.keep = "1/10", .max_per_second = 100}, {0}});
	struct random random = random_seeded("budget and rate");
	double total;

	(void)state;
	assert_in_range(offer(sampling, &random, 0, 500, &total, true), 20, 85);
	assert_int_equal((uint32_t)total % 10, 0);
	offer(sampling, &random, 1, 10000, &total, true);
	assert_in_range(offer(sampling, &random, 2, 10000, &total, true), 50, 160);
	sampling_free(sampling);
}

/* ---- margins --------------------------------------------------------- */

#define POPULATION 2000u
#ifdef __SANITIZE_ADDRESS__
#define DRAWS 100u /* a tenth of the work, and wider bounds */
#define COVERED_MIN 0.88
#define COVERED_MAX 1.0
#else
#define DRAWS 1000u
#define COVERED_MIN 0.93
#define COVERED_MAX 0.97
#endif
#define BATCH 50u /* draws in one commit */
#define Z 1.959964
#define P 0.75

struct person {
	double lcp;
	uint32_t errors;
};

struct sampled {
	double *values;
	uint32_t *weights;
	uint32_t count;
};

static int
compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Log-normal, as load times are; errors are rarer among fast views. */
static void
make_population(struct random *random, struct person *people)
{
	for (uint32_t i = 0; i < POPULATION; i++) {
		double sum = -6;

		for (int k = 0; k < 12; k++) /* near enough normal */
			sum += (double)(random_next(random) >> 11) * 0x1p-53;
		people[i].lcp = round(10 * 2000 * exp(0.6 * sum)) / 10;
		people[i].errors = random_below(random, people[i].lcp > 2500 ? 10 : 40) == 0;
	}
}

static void
append_draws(struct store *store, struct sampling *sampling, struct random *random,
	     const struct person *people, uint32_t first)
{
	struct one *ones = malloc(BATCH * POPULATION * sizeof *ones);
	struct store_entry *entries = malloc(BATCH * POPULATION * sizeof *entries);
	struct store_commit commit = {.entries = entries};
	static char names[BATCH][16];
	uint32_t kept = 0;

	assert_non_null(ones);
	assert_non_null(entries);
	for (uint32_t d = 0; d < BATCH; d++) {
		snprintf(names[d], sizeof names[d], "%u", first + d);
		for (uint32_t i = 0; i < POPULATION; i++) {
			build(&ones[kept], names[d], i, people[i].lcp, people[i].errors, 1);
			if (applied(sampling, &ones[kept], random_next(random)) == 0)
				continue;
			entries[kept] = ones[kept].entry;
			entries[kept].rows = ones[kept].rows;
			entries[kept].rows_count = 1;
			entries[kept].judge = NULL;
			kept++;
		}
	}
	commit.entries_count = kept;
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
	free(entries);
	free(ones);
}

static struct store_result *
ask(struct store *store, const char *sql)
{
	struct store_query query = {.text = beacon_str(sql)};
	struct store_result *result;
	struct store_error failure = {0};

	if (store_query(store, &query, &result, &failure) != 0)
		fail_msg("%s: %s", sql, failure.text);
	return result;
}

/* The value that a share p of the weight lies below. */
static double
weighted_quantile(const struct store_result *rows, uint64_t from, uint64_t to, double p)
{
	double total = 0, below = 0, value = 0;

	for (uint64_t i = from; i < to; i++)
		total += (double)rows->values[2][i].v.u;
	for (uint64_t i = from; i < to && below <= p * total; i++) { /* in order of lcp */
		below += (double)rows->values[2][i].v.u;
		value = rows->values[1][i].v.f;
	}
	return value;
}

struct truth {
	double average, quantile;
};

/* Which of count, average and quantile are within their margins. */
static void
check_draw(const struct store_result *answers, uint64_t line, const struct store_result *rows,
	   uint64_t from, uint64_t to, const struct truth *truth, uint32_t covered[3])
{
	double count = (double)answers->values[1][line].v.u, average = answers->values[2][line].v.f;
	double quantile = answers->values[3][line].v.f;
	double spread = 0, around = 0, beside = 0, weight = 0, e, low, high;

	for (uint64_t i = from; i < to; i++) {
		double w = (double)rows->values[2][i].v.u;
		double value = rows->values[1][i].v.f, off = value - average;
		double share = (value <= quantile) - P;

		spread += w * (w - 1);
		around += off * off * w * (w - 1);
		weight += w;
		beside += share * share * w * (w - 1);
	}
	assert_true(weight == count);  /* count() adds the intervals up */
	e = Z * sqrt(beside) / weight; /* of the share below it (Woodruff 1952) */
	low = weighted_quantile(rows, from, to, P - e);
	high = weighted_quantile(rows, from, to, P + e);
	covered[0] += fabs(count - POPULATION) <= Z * sqrt(spread);
	covered[1] += fabs(average - truth->average) <= Z * sqrt(around) / weight;
	covered[2] += low <= truth->quantile && truth->quantile <= high;
	assert_true(low <= quantile && quantile <= high);
}

static void
check_coverage(struct store *store, const struct truth *truth)
{
	struct store_result *answers =
	    ask(store, "SELECT site, count(), avg(lcp), quantile(0.75)(lcp) FROM pageviews "
		       "GROUP BY site ORDER BY site");
	struct store_result *rows =
	    ask(store, "SELECT site, lcp, _sample_interval FROM pageviews ORDER BY site, lcp");
	static const char *const names[] = {"count", "average", "quantile"};
	uint32_t covered[3] = {0};
	uint64_t from = 0, to;

	assert_int_equal(answers->rows_count, DRAWS);
	for (uint64_t line = 0; line < DRAWS; line++, from = to) {
		struct store_str site = answers->values[0][line].v.s;

		for (to = from; to < rows->rows_count &&
				rows->values[0][to].v.s.size == site.size &&
				memcmp(rows->values[0][to].v.s.bytes, site.bytes, site.size) == 0;)
			to++;
		check_draw(answers, line, rows, from, to, truth, covered);
	}
	for (int i = 0; i < 3; i++) {
		double share = covered[i] / (double)DRAWS;

		printf("# %s: %.1f %% of %u within the margin\n", names[i], share * 100, DRAWS);
		if (share < COVERED_MIN || share > COVERED_MAX)
			fail_msg("%s: %.3f", names[i], share);
	}
	store_result_free(rows);
	store_result_free(answers);
}

static void
margins(void **state)
{
	static const struct config_rule rules[] = {{.when = "error_count > 0", .keep = "1"},
						   {.when = "lcp > 4000", .keep = "1/2"},
						   {.when = "lcp > 2500", .keep = "0.3"},
						   {.keep = "1/10"},
						   {0}};
	static struct person people[POPULATION];
	static double values[POPULATION];
	struct random random = {42}; /* the bounds are 2.9 standard errors wide */
	char directory[256];
	struct store_options options = {
	    .directory = directory, .schema = event_schema(), .no_maintenance = true};
	struct sampling *sampling = made(rules);
	struct truth truth = {0};
	struct store *store;

	(void)state;
	scratch_make(directory);
	assert_int_equal(store_open(&options, &store, NULL), 0);
	make_population(&random, people);
	for (uint32_t i = 0; i < POPULATION; i++) {
		values[i] = people[i].lcp;
		truth.average += people[i].lcp / POPULATION;
	}
	qsort(values, POPULATION, sizeof *values, compare_values);
	truth.quantile = values[(uint32_t)(P * POPULATION)];
	for (uint32_t first = 0; first < DRAWS; first += BATCH)
		append_draws(store, sampling, &random, people, first);
	check_coverage(store, &truth);
	assert_int_equal(store_close(store, NULL), 0);
	sampling_free(sampling);
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_match_wins),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(no_rules_no_change),
	    cmocka_unit_test(rates),
	    cmocka_unit_test(nested),
	    cmocka_unit_test(rows_of_a_view),
	    cmocka_unit_test(judged_with_earlier_errors),
	    cmocka_unit_test(budget_follows_traffic),
	    cmocka_unit_test(budget_and_rate),
	    cmocka_unit_test(margins),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
