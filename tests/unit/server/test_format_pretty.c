/*
 * Goal: tables for people look as ClickHouse's do, and take no longer than what
 * is in them. Method: goldens, as ClickHouse 26 answers the query that stands
 * beside them; a text of many lines against the clock.
 */
#include <time.h>

#include "sheet.h"

/* SELECT 'ab\ncd' a, 'ü€' b, 1 c, NULL d UNION ALL SELECT 'z', '漢', 22, 'zz' */
static void
fill(void)
{
	sheet_clear(2);
	sheet_add("a", STORE_R_STRING, (struct store_value){.v.s = beacon_str("ab\ncd")});
	sheet_add("b", STORE_R_STRING, (struct store_value){.v.s = beacon_str("ü€")});
	sheet_add("c", STORE_R_UINT8, (struct store_value){.v.u = 1});
	sheet_add("d", STORE_R_STRING, (struct store_value){.null = true});
	sheet.cells[0][1].v.s = beacon_str("z");
	sheet.cells[1][1].v.s = beacon_str("漢");
	sheet.cells[2][1].v.u = 22;
	sheet.cells[3][1].v.s = beacon_str("zz");
}

static void
pretty(void **state)
{
	(void)state;
	fill();
	check_written(FORMAT_PRETTY, false,
		      "   ┏━━━━┳━━━━┳━━━━┳━━━━━━┓\n"
		      "   ┃ a  ┃ b  ┃  c ┃ d    ┃\n"
		      "   ┡━━━━╇━━━━╇━━━━╇━━━━━━┩\n"
		      "1. │ ab↴│ ü€ │  1 │ ᴺᵁᴸᴸ │\n"
		      "   │↳cd │    │    │      │\n"
		      "   ├────┼────┼────┼──────┤\n"
		      "2. │ z  │ 漢 │ 22 │ zz   │\n"
		      "   └────┴────┴────┴──────┘\n");
	check_written(FORMAT_PRETTY_COMPACT, false,
		      "   ┌─a──┬─b──┬──c─┬─d────┐\n"
		      "1. │ ab↴│ ü€ │  1 │ ᴺᵁᴸᴸ │\n"
		      "   │↳cd │    │    │      │\n"
		      "2. │ z  │ 漢 │ 22 │ zz   │\n"
		      "   └────┴────┴────┴──────┘\n");
	check_written(FORMAT_VERTICAL, false,
		      "Row 1:\n──────\na: ab\ncd\nb: ü€\nc: 1\nd: ᴺᵁᴸᴸ\n\n"
		      "Row 2:\n──────\na: z\nb: 漢\nc: 22\nd: zz\n");
}

static void
totals(void **state)
{
	static struct store_value values[1] = {{.v.u = 40}};

	(void)state;
	sheet_clear(1);
	sheet_add("n", STORE_R_UINT64, (struct store_value){.v.u = 7});
	sheet.result.totals = values;
	check_written(FORMAT_PRETTY_COMPACT, false,
		      "   ┌─n─┐\n1. │ 7 │\n   └───┘\n\nTotals:\n   ┌──n─┐\n1. │ 40 │\n   └────┘\n");
	check_written(FORMAT_VERTICAL, false,
		      "Row 1:\n──────\nn: 7\n\n\nTotals:\n───────\nn: 40\n");
}

/* SELECT number FROM numbers(rows) */
static char *
numbers(enum format format, uint64_t rows)
{
	struct store_result_column column = {.name = beacon_str("number"), .type = STORE_R_UINT64};
	struct store_value *values = calloc(rows + 1, sizeof *values);
	struct store_result result = {
	    .columns_count = 1, .rows_count = rows, .columns = &column, .values = &values};
	struct format_options options = {0};
	char *bytes, *copy;
	size_t size;

	assert_non_null(values);
	for (uint64_t r = 0; r < rows; r++)
		values[r].v.u = r;
	assert_int_equal(format_result(format, &result, &options, &bytes, &size), 0);
	copy = strndup(bytes, size);
	assert_non_null(copy);
	free(bytes);
	free(values);
	return copy;
}

static void
check_has(enum format format, uint64_t rows, const char *expected)
{
	char *got = numbers(format, rows);

	if (strstr(got, expected) == NULL)
		fail_msg("expected\n%s\nin\n%s", expected, got);
	free(got);
}

static void
long_tables(void **state)
{
	char *empty = numbers(FORMAT_PRETTY, 0);

	(void)state;
	assert_string_equal(empty, "");
	free(empty);
	check_has(FORMAT_PRETTY_COMPACT, 49, "\n49. │     48 │\n    └────────┘\n");
	check_has(FORMAT_PRETTY_COMPACT, 50, "\n50. │     49 │\n    └─number─┘\n");
	check_has(FORMAT_PRETTY, 50,
		  "\n50. │     49 │\n    ┢━━━━━━━━┪\n    ┃ number ┃\n    ┗━━━━━━━━┛\n");
	check_has(FORMAT_PRETTY_COMPACT, 1000, "\n 501. │    500 │\n");
	check_has(FORMAT_PRETTY_COMPACT, 2000,
		  "\n 500. │    499 │\n      ─ ─ ─ ─ ─ \n1501. │   1500 │\n");
	check_has(FORMAT_PRETTY_COMPACT, 2000,
		  "\n2000. │   1999 │\n      └─number─┘\nShowed 1000 out of 2000 rows.\n");
	check_has(FORMAT_PRETTY, 2000,
		  "\n 500. │    499 │\n      ├────────┤\n      ─ ─ ─ ─ ─ \n      ├────────┤\n"
		  "1501. │   1500 │\n");
}

/* A text of many lines, as visitors may send a stack trace, is walked through once. */
static void
many_lines(void **state)
{
	enum { LINES = 100000 };
	static char text[LINES];
	struct format_options options = {0};
	clock_t began;
	size_t size;
	char *bytes;

	(void)state;
	memset(text, '\n', sizeof text);
	sheet_clear(1);
	sheet_add("a", STORE_R_STRING, (struct store_value){.v.s = {text, LINES}});
	sheet_add("b", STORE_R_STRING, (struct store_value){.v.s = beacon_str("b\n")});
	began = clock();
	assert_int_equal(
	    format_result(FORMAT_PRETTY_COMPACT, &sheet.result, &options, &bytes, &size), 0);
	assert_true(clock() - began < 3 * CLOCKS_PER_SEC);
	assert_memory_equal(bytes,
			    "   ┌─a─┬─b─┐\n"
			    "1. │  ↴│ b↴│\n"
			    "   │↳ ↴│↳  │\n"
			    "   │↳ ↴│   │\n",
			    sizeof "   ┌─a─┬─b─┐\n"
				   "1. │  ↴│ b↴│\n"
				   "   │↳ ↴│↳  │\n"
				   "   │↳ ↴│   │\n" -
				1);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pretty),
	    cmocka_unit_test(totals),
	    cmocka_unit_test(long_tables),
	    cmocka_unit_test(many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
