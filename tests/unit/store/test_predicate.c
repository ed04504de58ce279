/*
 * Goal: a condition says of a row that is not stored yet what a query says of
 * it afterwards; what is no condition is refused with its place. Method: random
 * rows (seeded) and expressions: store_predicate_matches against the views that
 * SELECT ... WHERE finds; columns that a table lacks; texts that are refused.
 */
#include "store_model.h"

#define ROWS 400

static char directory[256];
static struct store_arena *arena;

static const struct store_column wide_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "id", .type = STORE_UINT, .bits = 32},
    {.name = "path", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "message", .type = STORE_STRING},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "value", .type = STORE_FLOAT, .flags = STORE_NULLABLE},
    {.name = "width", .type = STORE_UINT, .bits = 16, .flags = STORE_NULLABLE},
    {.name = "count", .type = STORE_UINT, .bits = 64},
    {.name = "tags", .type = STORE_MAP},
};
static const struct store_column other_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "kind", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "width", .type = STORE_UINT, .bits = 8},
};
static const struct store_table wide_tables[] = {
    {"wide", wide_columns, 10, false},
    {"other", other_columns, 4, false},
};
static const struct store_schema wide_schema = {wide_tables, 2};

static int
setup(void **state)
{
	(void)state;
	scratch_make(directory);
	arena = store_arena_create(0);
	return arena == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_arena_free(arena);
	scratch_remove(directory);
	return 0;
}

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

/* ---- rows ------------------------------------------------------------ */

struct wide {
	struct store_cell cells[11];
	struct store_pair tags[2];
	struct store_row row;
};

static struct store_str
pick(struct random *random, const char *const *from, uint32_t count)
{
	return str(from[random_below(random, count)]);
}

/* Every column is sometimes absent, but for those that the store needs. */
static void
make_row(struct random *random, uint32_t id, struct wide *out)
{
	static const char *const paths[] = {"/", "/checkout", "/checkout/pay", "/p/:id"};
	static const char *const plans[] = {"pro", "free", "pro2"};
	uint16_t n = 0;

	out->cells[n++] = (struct store_cell){.column = 0, .value.i = BASE_MS + id * 1000};
	out->cells[n++] = (struct store_cell){.column = 1, .value.s = pick(random, sites, 3)};
	out->cells[n++] = (struct store_cell){.column = 2, .value.u = id};
	if (random_below(random, 4))
		out->cells[n++] =
		    (struct store_cell){.column = 3, .value.s = pick(random, paths, 4)};
	if (random_below(random, 2))
		out->cells[n++] =
		    (struct store_cell){.column = 4, .value.s = pick(random, paths, 4)};
	if (random_below(random, 4))
		out->cells[n++] = (struct store_cell){
		    .column = 5, .value.f = (double)random_below(random, 800000) / 100};
	if (random_below(random, 2))
		out->cells[n++] =
		    (struct store_cell){.column = 6, .value.f = (double)random_below(random, 10)};
	if (random_below(random, 2))
		out->cells[n++] =
		    (struct store_cell){.column = 7, .value.u = random_below(random, 2000)};
	if (random_below(random, 2))
		out->cells[n++] = (struct store_cell){.column = 8, .value.u = random_next(random)};
	out->tags[0] = (struct store_pair){str("plan"), pick(random, plans, 3)};
	out->tags[1] = (struct store_pair){str("x"), str("y")};
	for (int i = 0; i < 2; i++) {
		if (random_below(random, 2))
			out->cells[n++] =
			    (struct store_cell){.column = 9, .value.pair = &out->tags[i]};
	}
	out->row = (struct store_row){0, n, out->cells};
}

static struct store_predicate *
made(const char *table, const char *text)
{
	struct store_predicate *predicate;
	struct store_error error;

	if (store_predicate_create(&wide_schema, table, str(text), &predicate, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	return predicate;
}

/* ---- as a query ------------------------------------------------------ */

static const char *const texts[] = {
    "lcp > 4000",
    "lcp <= 4000.05",
    "lcp = 4000",
    "not (lcp > 4000)",
    "lcp is null",
    "lcp is not null and width > 800",
    "path = '/checkout'",
    "path like '/checkout%' or lcp > 7000",
    "path in ('/', '/p/:id')",
    "path = ''",
    "message != ''",
    "tags['plan'] = 'pro'",
    "tags['plan'] like 'pro%' and tags['x'] != 'y'",
    "tags['none'] = ''",
    "site = 'shop' and (width between 100 and 900 or value >= 5)",
    "count > 9223372036854775807",
    "count % 3 = 1",
    "if(width is null, value, width) > 4",
    "lower(path) = '/checkout/pay'",
    "length(path) > 5",
    "intDiv(width, value) > 100",
    "ts >= '2026-05-28 20:30:00'",
    "value",
    "1",
    "0",
    "null",
    "lcp + width > 3000",
    "toHour(ts) = 20",
};

/* The ids that a query finds, as set bits. */
static void
ask(struct store *store, const char *text, bool found[ROWS])
{
	char sql[400];
	struct store_query query;
	struct store_result *result;
	struct store_error error = {0};

	snprintf(sql, sizeof sql, "SELECT id FROM wide WHERE %s", text);
	query = (struct store_query){.text = str(sql)};
	memset(found, 0, ROWS);
	if (store_query(store, &query, &result, &error) != 0) {
		/* intDiv by zero is an error of the query, and false of a row. */
		assert_non_null(strstr(text, "intDiv"));
		return;
	}
	for (uint64_t i = 0; i < result->rows_count; i++)
		found[result->values[0][i].v.u] = true;
	store_result_free(result);
}

static void
as_queries_say(void **state)
{
	static struct wide rows[ROWS];
	static struct store_entry entries[ROWS];
	struct store_options options = {
	    .directory = directory, .schema = &wide_schema, .no_maintenance = true};
	struct random random = random_seeded("predicates");
	struct store_commit commit = {.entries = entries, .entries_count = ROWS};
	struct store *store;
	uint32_t trues = 0;

	(void)state;
	assert_int_equal(store_open(&options, &store, NULL), 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		make_row(&random, i, &rows[i]);
		entries[i] = (struct store_entry){.rows = &rows[i].row, .rows_count = 1};
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
		struct store_predicate *predicate = made(t % 2 ? "wide" : NULL, texts[t]);
		bool found[ROWS];

		ask(store, texts[t], found);
		for (uint32_t i = 0; i < ROWS; i++) {
			int result = store_predicate_matches(predicate, &rows[i].row, arena);

			store_arena_reset(arena);
			assert_in_range(result, 0, 1);
			if (strstr(texts[t], "intDiv") == NULL && result != found[i])
				fail_msg("%s: row %u: %d, the query says %d", texts[t], i, result,
					 found[i]);
			trues += (uint32_t)result;
		}
		store_predicate_free(predicate);
	}
	assert_true(trues > ROWS);
	assert_int_equal(store_close(store, NULL), 0);
}

/* ---- other tables ---------------------------------------------------- */

static void
check_other(const char *table, const char *text, int expected)
{
	const struct store_cell cells[] = {
	    {.column = 0, .value.i = BASE_MS},
	    {.column = 1, .value.s = str("shop")},
	    {.column = 2, .value.s = str("rejection")},
	    {.column = 3, .value.u = 9},
	};
	const struct store_row row = {1, 4, cells};
	struct store_predicate *predicate = made(table, text);

	if (store_predicate_matches(predicate, &row, arena) != expected)
		fail_msg("%s of %s: not %d", text, table == NULL ? "any" : table, expected);
	store_predicate_free(predicate);
}

static void
lacking_columns_are_null(void **state)
{
	(void)state;
	check_other(NULL, "kind = 'rejection'", 1);
	check_other(NULL, "site = 'shop' or lcp > 1", 1);
	check_other(NULL, "lcp > 1", 0);
	check_other(NULL, "not (lcp > 1)", 0);
	check_other(NULL, "lcp is null", 1);
	check_other(NULL, "message = ''", 0);
	check_other(NULL, "message is null", 1);
	check_other(NULL, "count = 0", 0);
	check_other(NULL, "tags['plan'] = ''", 1);
	/* The same name with another type is another column. */
	check_other(NULL, "width = 9", 0);
	check_other("other", "width = 9", 1);
	check_other("other", "lcp is null", 1);
}

/* ---- refused --------------------------------------------------------- */

static void
refused(void **state)
{
	static const struct {
		const char *text, *reason;
		uint64_t offset;
	} cases[] = {
	    {"lcpp > 1", "Unknown column lcpp", 0},
	    {"lcp > 1 and widht > 2", "Unknown column widht", 12},
	    {"xyz == 1", "Unknown column xyz in any table", 0},
	    {"path == \"/p\"", "; a text is written in 'single quotes'", 8},
	    {"lcp >", "Syntax error", 5},
	    {"", "Syntax error", 0},
	    {"lcp > 1 LIMIT 1", "one expression", 0},
	    {"lcp > 1 FROM wide", "one expression", 0},
	    {"lcp, path", "one expression", 0},
	    {"lcp > 1; SELECT 1", "Syntax error", 0},
	    {"count() > 1", "aggregate", 0},
	    {"lcp > avg(lcp)", "aggregate", 6},
	    {"lcp in (SELECT 1)", "subquery", 0},
	    {"lcp > {x:Float64}", "parameter", 6},
	    {"ts > now()", "time of day", 5},
	    {"ts > CURRENT_TIMESTAMP()", "time of day", 5},
	    {"DATE(ts) > curdate()", "time of day", 11},
	    {"tags", "whole map", 0},
	    {"length(tags) > 1", "whole map", 7},
	    {"path", "condition", 0},
	    {"nothing(lcp)", "nothing", 0},
	    {"*", "*", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct store_predicate *predicate;
		struct store_error error;
		int result = store_predicate_create(&wide_schema, NULL, str(cases[i].text),
						    &predicate, &error);

		if (result >= 0)
			fail_msg("%s was taken", cases[i].text);
		if (strstr(error.text, cases[i].reason) == NULL)
			fail_msg("%s: %s", cases[i].text, error.text);
		if (cases[i].offset > 0 && error.offset != cases[i].offset)
			fail_msg("%s: at %llu", cases[i].text, (unsigned long long)error.offset);
	}
}

static void
refused_whole(void **state)
{
	struct store_predicate *predicate;
	static char text[5000];
	struct store_error error;

	(void)state;
	memset(text, ' ', sizeof text);
	assert_int_equal(store_predicate_create(&wide_schema, NULL,
						(struct store_str){text, sizeof text}, &predicate,
						&error),
			 STORE_ELIMIT);
	assert_int_equal(store_predicate_create(&wide_schema, "wyde", str("1"), &predicate, &error),
			 STORE_EUNKNOWN);
	assert_int_equal(store_predicate_create(&wide_schema, NULL, str("lcp >"), &predicate, NULL),
			 STORE_ESYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(as_queries_say, setup, teardown),
	    cmocka_unit_test_setup_teardown(lacking_columns_are_null, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused_whole, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
