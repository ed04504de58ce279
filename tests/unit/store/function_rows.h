/* Tables of expression, type and text, checked with SELECT expression. The
 * expected ones were printed by ClickHouse 26.7, but for NULLs that are of no
 * type there (Nullable(Nothing)): here those are Nullable(UInt8). */
#ifndef FUNCTION_ROWS_H
#define FUNCTION_ROWS_H

#include "query_text.h"

struct row {
	const char *expression, *type, *text;
};

static const struct store_column rows_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
};
static const struct store_table rows_tables[] = {{"pageviews", rows_columns, 3, true}};
static const struct store_schema rows_schema = {rows_tables, 1};

static inline void
rows_check(const struct row *rows, size_t count)
{
	char directory[256];
	struct store *store = query_open(&rows_schema, directory);
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		struct text query = {0}, type = {0}, text = {0};
		struct store_error error = {0};
		struct store_result *result = NULL;

		text_add(&query, "SELECT %s", rows[i].expression);
		if (query_run(store, query.bytes, &result, &error) != 0) {
			print_error("%s: %s\n", rows[i].expression, error.text);
			wrong++;
			continue;
		}
		assert_int_equal(result->columns_count, 1);
		assert_int_equal(result->rows_count, 1);
		text_add_type(&type, &result->columns[0]);
		text_add_value(&text, result->columns[0].type, result->columns[0].element,
			       &result->values[0][0], false);
		if (strcmp(type.bytes, rows[i].type) != 0 ||
		    strcmp(text.bytes, rows[i].text) != 0) {
			print_error("%s: %s %s instead of %s %s\n", rows[i].expression, type.bytes,
				    text.bytes, rows[i].type, rows[i].text);
			wrong++;
		}
		store_result_free(result);
	}
	query_close(store, directory);
	assert_int_equal(wrong, 0);
}

#define ROWS_TEST(table)                                             \
	static void check_##table(void **state)                      \
	{                                                            \
		(void)state;                                         \
		rows_check(table, sizeof(table) / sizeof(*(table))); \
	}

#endif
