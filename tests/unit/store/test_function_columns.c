/*
 * Goal: what is computed of columns at once is what is computed of each row's values.
 * Method: rows with NULLs, zeros, signs, inf and NaN; expressions of columns and constants
 * in both places, asked of all rows, and once more for each row with its values in place of
 * the columns.
 */
#include "query_text.h"

#define ROWS_COUNT 67u
#define BASE_MS INT64_C(1780012800000)

enum { TS, SITE, ID, I, X, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "i", .type = STORE_UINT, .bits = 32},
    {.name = "x", .type = STORE_FLOAT, .flags = STORE_NULLABLE},
};
static const struct store_table tables[] = {{"t", columns, COLUMNS, false}};
static const struct store_schema schema = {tables, 1};

static int64_t
time_of(uint32_t row)
{
	return BASE_MS + (int64_t)row * row * 1234567;
}

static uint32_t
i_of(uint32_t row)
{
	return row * 37 % 23;
}

static bool
is_null(uint32_t row)
{
	return row % 7 == 3;
}

static double
x_of(uint32_t row)
{
	return row % 11 == 5 ? 1e300 : ((double)(row * 13 % 40) - 20) / 4;
}

static struct store *
fill(char *directory)
{
	static struct store_cell cells[ROWS_COUNT][COLUMNS];
	static struct store_row rows[ROWS_COUNT];
	struct store_entry entry = {.rows = rows, .rows_count = ROWS_COUNT};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};
	struct store *store = query_open(&schema, directory);

	for (uint32_t row = 0; row < ROWS_COUNT; row++) {
		struct store_cell *cell = cells[row];

		*cell++ = (struct store_cell){.column = TS, .value.i = time_of(row)};
		*cell++ = (struct store_cell){.column = SITE, .value.s = {"a", 1}};
		*cell++ = (struct store_cell){.column = ID, .value.u = row};
		*cell++ = (struct store_cell){.column = I, .value.u = i_of(row)};
		if (!is_null(row))
			*cell++ = (struct store_cell){.column = X, .value.f = x_of(row)};
		rows[row] = (struct store_row){.cells = cells[row],
					       .cells_count = (uint16_t)(cell - cells[row])};
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
	return store;
}

/* Operands: of a column, or of the row's value in its place. */
enum operand { OF_X, OF_I, OF_SIGNED, OF_INFINITE, OF_THREE, OF_LESS, OF_FRACTION, OPERANDS };

static void
put_operand(struct text *text, enum operand operand, bool by_row, uint32_t row)
{
	char x[64] = "x", i[32] = "i";

	if (by_row) {
		snprintf(i, sizeof i, "toUInt32(%u)", i_of(row));
		snprintf(x, sizeof x,
			 is_null(row) ? "CAST(NULL AS Nullable(Float64))" : "toFloat64(%.17g)",
			 x_of(row));
	}
	switch (operand) {
	case OF_X:
		text_add(text, "%s", x);
		break;
	case OF_I:
		text_add(text, "%s", i);
		break;
	case OF_SIGNED:
		text_add(text, "(toInt64(%s) - 10)", i);
		break;
	case OF_INFINITE:
		text_add(text, "(%s / 0)", x);
		break;
	case OF_THREE:
		text_add(text, "3");
		break;
	case OF_LESS:
		text_add(text, "-3");
		break;
	default:
		text_add(text, "-2.5");
	}
}

/* A and B are put in. `divides`: B must be no 0, nor A too large. */
static const struct {
	const char *text;
	bool divides;
} forms[] = {
    {"A + B", false},
    {"A - B", false},
    {"A * B", false},
    {"A / B", false},
    {"toFloat64(A) % B", false},
    {"intDiv(A, B)", true},
    {"A % B", true},
    {"toUInt8(A)", true},
    {"toInt16(A * 9999) + B", true},
    {"toUInt64(toFloat64(A))", true},
    {"A = B", false},
    {"A != B", false},
    {"A < B", false},
    {"A <= B", false},
    {"A > B", false},
    {"A >= B", false},
    {"if(A < B, 'less', 'more')", false},
    {"multiIf(A < B, 'less', A = B, 'same', A > 5, 'high', NULL)", false},
    {"multiIf(A, 1, B < 2, A, 2.5)", false},
    {"round(A)", false},
    {"floor(A + B, 1)", false},
    {"ceil(A, -1)", false},
    {"round(B, 2)", false},
};

static bool
is_safe(size_t form, enum operand a, enum operand b)
{
	return !forms[form].divides ||
	       ((a == OF_I || a == OF_SIGNED || a == OF_THREE || a == OF_LESS) && b >= OF_THREE);
}

static void
put_forms(struct text *text, enum operand a, enum operand b, bool by_row, uint32_t row)
{
	text_add(text, "SELECT 1");
	for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
		if (!is_safe(f, a, b))
			continue;
		text_add(text, ", ");
		for (const char *c = forms[f].text; *c != '\0'; c++) {
			if (*c == 'A' || *c == 'B')
				put_operand(text, *c == 'A' ? a : b, by_row, row);
			else
				text_add(text, "%c", *c);
		}
	}
	if (!by_row)
		text_add(text, " FROM t ORDER BY id");
}

static struct store_result *
answer(struct store *store, const char *query)
{
	struct store_result *result = NULL;
	struct store_error error = {0};

	if (query_run(store, query, &result, &error) != 0)
		fail_msg("%s: %s", query, error.text);
	return result;
}

/* The row of `all` is that of `one`, which has no other. */
static void
check_row(const char *query, const struct store_result *all, uint64_t row,
	  const struct store_result *one)
{
	assert_int_equal(all->columns_count, one->columns_count);
	for (uint32_t c = 0; c < all->columns_count; c++) {
		struct text got = {0}, wanted = {0};

		text_add_value(&got, all->columns[c].type, all->columns[c].element,
			       &all->values[c][row], false);
		text_add_value(&wanted, one->columns[c].type, one->columns[c].element,
			       &one->values[c][0], false);
		if (strcmp(got.bytes, wanted.bytes) != 0)
			fail_msg("%s\ncolumn %u: %s instead of %s", query, c, got.bytes,
				 wanted.bytes);
	}
}

static void
test_numbers(void **state)
{
	char directory[256];
	struct store *store = fill(directory);

	(void)state;
	for (enum operand a = 0; a < OPERANDS; a++) {
		for (enum operand b = 0; b < OPERANDS; b++) {
			struct text query = {0};
			struct store_result *all;

			put_forms(&query, a, b, false, 0);
			all = answer(store, query.bytes);
			assert_int_equal(all->rows_count, ROWS_COUNT);
			for (uint32_t row = 0; row < ROWS_COUNT; row++) {
				struct text of_row = {0};
				struct store_result *one;

				put_forms(&of_row, a, b, true, row);
				one = answer(store, of_row.bytes);
				check_row(of_row.bytes, all, row, one);
				store_result_free(one);
			}
			store_result_free(all);
		}
	}
	query_close(store, directory);
}

/* Texts of times that are alike are printed once; %s is the time. */
static void
test_times(void **state)
{
	static const char *const texts[] = {
	    "formatDateTime(%s, '%%F')",
	    "formatDateTime(%s, '%%Y %%b %%j %%W %%V')",
	    "formatDateTime(%s, '%%H x')",
	    "formatDateTime(%s, '%%y-%%m %%I %%p')",
	    "formatDateTime(%s, '%%R')",
	    "formatDateTime(%s, '%%d %%i')",
	    "formatDateTime(%s, '%%T')",
	    "formatDateTime(%s, '%%S %%%%f')",
	    "formatDateTime(%s, '%%f')",
	    "formatDateTime(%s, '%%r %%e')",
	    "toUInt32(%s)",
	    "toInt16(%s)",
	    "toFloat64(%s)",
	    "toInt64(toDateTime(%s))",
	    "toUInt8(toDate(%s))",
	    "CAST(%s AS Date)",
	    "CAST(%s AS DateTime)",
	    "toDateTime(%s) = toDateTime(1780012801)",
	    "toStartOfHour(%s) >= toDateTime('2026-05-29 11:00:00')",
	};
	char directory[256], time[64];
	struct store *store = fill(directory);

	(void)state;
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
		struct text expression = {0}, query = {0};
		struct store_result *all;

		text_add(&expression, texts[t], "ts");
		text_add(&query, "SELECT %s FROM t ORDER BY id", expression.bytes);
		all = answer(store, query.bytes);
		for (uint32_t row = 0; row < ROWS_COUNT; row++) {
			struct text of_row = {0};
			struct store_result *one;

			snprintf(time, sizeof time, "fromUnixTimestamp64Milli(%lld)",
				 (long long)time_of(row));
			text_add(&of_row, "SELECT ");
			text_add(&of_row, texts[t], time);
			one = answer(store, of_row.bytes);
			check_row(of_row.bytes, all, row, one);
			store_result_free(one);
		}
		store_result_free(all);
	}
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
					   cmocka_unit_test(test_times)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
