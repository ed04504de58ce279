/*
 * Goal: strings that are told apart by their dictionary's codes are as many as when each row's
 * string is hashed. Method: random rows (seeded) of several days, whose segments have
 * dictionaries of their own, and of a memtable; uniq and its kin of columns beside the same of
 * what is computed from them, which has no codes; with and without groups, weights, threads.
 */
#include "query_model.h"

#define ROWS_COUNT 12000u

/* Pairs that must be equal. */
#define PAIRS                                                                                \
	"uniq(path), uniq(concat(path, '')), uniqExact(path), uniqExact(concat(path, '')), " \
	"uniqIf(country, lcp > 200), uniqIf(concat(country, ''), lcp > 200), "               \
	"uniqExactIf(site, cls > 0.4), uniqExactIf(concat(site, ''), cls > 0.4)"
#define PAIRS_COUNT 4u

static const char *const keys[] = {"1", "save", "country", "toDate(ts)", "path", "bytes"};
static const char *const conditions[] = {"1", "site = 'shop'", "lcp > 20", "country != 'FR'"};

static void
check_pairs(struct store *store, const char *key, const char *condition, uint32_t threads)
{
	struct store_query query = {
	    .now_ms = TEST_NOW_MS, .threads = threads, .thread_rows_min = 1000};
	struct text text = {0};
	struct store_result *result;
	uint64_t most = 0;

	text_add(&text, "SELECT %s AS k, %s FROM pageviews WHERE %s GROUP BY k", key, PAIRS,
		 condition);
	query.text = (struct store_str){text.bytes, (uint32_t)strlen(text.bytes)};
	result = query_answer(store, &query);
	assert_true(result->rows_count > 0);
	for (uint64_t row = 0; row < result->rows_count; row++) {
		for (uint32_t pair = 0; pair < PAIRS_COUNT; pair++) {
			uint64_t coded = result->values[1 + 2 * pair][row].v.u;

			if (coded != result->values[2 + 2 * pair][row].v.u)
				fail_msg("%s\nrow %llu, pair %u", text.bytes,
					 (unsigned long long)row, pair);
			most = coded > most ? coded : most;
		}
	}
	assert_true(most > 1);
	store_result_free(result);
}

static void
check_store(const char *name, uint32_t weight_max)
{
	static struct model_row rows[ROWS_COUNT];
	struct random random = random_seeded(name);
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	model_fill(store, &random, rows, ROWS_COUNT, weight_max);
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
		for (size_t c = 0; c < sizeof conditions / sizeof *conditions; c++)
			for (uint32_t threads = 1; threads <= 3; threads += 2)
				check_pairs(store, keys[k], conditions[c], threads);
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
