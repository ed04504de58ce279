/* What the query tests share: a store in a directory of its own, one query at a
 * time, types and cells as ClickHouse's TabSeparated prints them. */
#ifndef QUERY_TEXT_H
#define QUERY_TEXT_H

#include "check.h"

#include <math.h>
#include <time.h>

#include "store/store.h"

struct text {
	char bytes[16384];
	size_t size;
};

static inline void __attribute__((format(printf, 2, 3)))
text_add(struct text *text, const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size =
	    vsnprintf(text->bytes + text->size, sizeof text->bytes - text->size, format, arguments);
	va_end(arguments);
	assert_true(size >= 0 && (size_t)size < sizeof text->bytes - text->size);
	text->size += (size_t)size;
}

static inline void
text_add_float(struct text *text, double value)
{
	char digits[STORE_DOUBLE_BYTES_MAX];

	store_print_double(value, digits);
	text_add(text, "%s", digits);
}

static inline void
text_add_time(struct text *text, enum store_result_type type, const struct store_value *value)
{
	int64_t unit = type == STORE_R_DATE ? 86400000 : type == STORE_R_DATETIME ? 1000 : 1;
	int64_t ms = value->v.i * unit;
	time_t seconds = (time_t)((ms - ((ms % 1000) + 1000) % 1000) / 1000);
	char bytes[32];
	struct tm tm;

	assert_non_null(gmtime_r(&seconds, &tm));
	strftime(bytes, sizeof bytes, type == STORE_R_DATE ? "%Y-%m-%d" : "%Y-%m-%d %H:%M:%S", &tm);
	text_add(text, "%s", bytes);
	if (type == STORE_R_DATETIME64)
		text_add(text, ".%03d", (int)(ms - (int64_t)seconds * 1000));
}

/* Inside arrays and maps strings are quoted. */
static inline void
text_add_value(struct text *text, enum store_result_type type, enum store_result_type element,
	       const struct store_value *value, bool quoted)
{
	const char *quote = quoted ? "'" : "";

	if (value->null) {
		text_add(text, "%s", quoted ? "NULL" : "\\N");
	} else if (type == STORE_R_STRING) {
		text_add(text, "%s%.*s%s", quote, (int)value->v.s.size,
			 value->v.s.size == 0 ? "" : value->v.s.bytes, quote);
	} else if (type == STORE_R_BOOL) {
		text_add(text, "%s", value->v.u ? "true" : "false");
	} else if (type == STORE_R_FLOAT64) {
		text_add_float(text, value->v.f);
	} else if (type >= STORE_R_INT8 && type <= STORE_R_INT64) {
		text_add(text, "%lld", (long long)value->v.i);
	} else if (type <= STORE_R_UINT64) {
		text_add(text, "%llu", (unsigned long long)value->v.u);
	} else if (type == STORE_R_MAP || type == STORE_R_ARRAY) {
		uint32_t per = type == STORE_R_MAP ? 2 : 1;

		text_add(text, "%c", type == STORE_R_MAP ? '{' : '[');
		for (uint32_t i = 0; i < value->v.list.count * per; i++) {
			text_add(text, "%s", i == 0 ? "" : i % per == 1 ? ":" : ",");
			text_add_value(text, element, element, &value->v.list.items[i], true);
		}
		text_add(text, "%c", type == STORE_R_MAP ? '}' : ']');
	} else {
		text_add_time(text, type, value);
	}
}

static inline void
text_add_type(struct text *text, const struct store_result_column *column)
{
	static const char *const names[] = {
	    "UInt8",  "UInt16", "UInt32",   "UInt64",        "Int8",
	    "Int16",  "Int32",  "Int64",    "Float64",       "Bool",
	    "String", "Date",   "DateTime", "DateTime64(3)", "Map(String, String)",
	    "Array"};

	text_add(text, "%s%s%s", column->dictionary ? "LowCardinality(" : "",
		 column->nullable ? "Nullable(" : "", names[column->type]);
	if (column->type == STORE_R_ARRAY)
		text_add(text, "(%s)", names[column->element]);
	text_add(text, "%s%s", column->nullable ? ")" : "", column->dictionary ? ")" : "");
}

/* All rows, a tab between cells and a newline after each row. */
static inline void
text_add_result(struct text *text, const struct store_result *result)
{
	for (uint64_t r = 0; r < result->rows_count; r++) {
		for (uint32_t c = 0; c < result->columns_count; c++) {
			text_add(text, "%s", c == 0 ? "" : "\t");
			text_add_value(text, result->columns[c].type, result->columns[c].element,
				       &result->values[c][r], false);
		}
		text_add(text, "\n");
	}
}

/* What now() is in these tests: 2026-05-28 20:26:40.123. */
#define TEST_NOW_MS 1780000000123

static inline int
query_run(struct store *store, const char *text, struct store_result **result,
	  struct store_error *error)
{
	/* On one thread, two or three, and with aggregates that wait for the limit, or
	 * not: the answer must be the same. */
	struct store_query query = {.text = {text, (uint32_t)strlen(text)},
				    .now_ms = TEST_NOW_MS,
				    .threads = 1 + (uint32_t)strlen(text) % 3,
				    .thread_rows_min = 1,
				    .again_groups_min = strlen(text) % 5 < 3};

	return store_query(store, &query, result, error);
}

/* Its answer; the test fails where there is none. */
static inline struct store_result *
query_answer(struct store *store, const struct store_query *query)
{
	struct store_result *result = NULL;
	struct store_error error = {0};

	if (store_query(store, query, &result, &error) != 0)
		fail_msg("%.*s\n%s", (int)query->text.size, query->text.bytes, error.text);
	return result;
}

static inline struct store *
query_open(const struct store_schema *schema, char *directory)
{
	/* Blocks are the same from one query to the next. */
	struct store_options options = {.schema = schema, .no_maintenance = true};
	struct store_error error = {0};
	struct store *store = NULL;

	scratch_make(directory);
	options.directory = directory;
	if (store_open(&options, &store, &error) != 0)
		fail_msg("store_open: %s", error.text);
	return store;
}

static inline void
query_close(struct store *store, const char *directory)
{
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(directory);
}

/* A row of an answer, its cells apart by tabs. */
static inline void
text_add_row(struct text *text, const struct store_result *result, uint64_t row)
{
	for (uint32_t c = 0; c < result->columns_count; c++) {
		text_add_value(text, result->columns[c].type, result->columns[c].element,
			       &result->values[c][row], false);
		text_add(text, "\t");
	}
}

/* The rows of `some` are those of `all` from `offset` on. */
static inline void
check_rows(const char *query, const struct store_result *some, const struct store_result *all,
	   uint64_t offset)
{
	for (uint64_t i = 0; i < some->rows_count; i++) {
		struct text found = {0}, wanted = {0};

		text_add_row(&found, some, i);
		text_add_row(&wanted, all, offset + i);
		if (strcmp(found.bytes, wanted.bytes) != 0)
			fail_msg("%s\nrow %llu: %s\ninstead of\n%s", query, (unsigned long long)i,
				 found.bytes, wanted.bytes);
	}
}

#endif
