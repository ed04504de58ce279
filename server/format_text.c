/*
 * CSV and TabSeparated, with and without rows of names and types.
 */
#include <stdlib.h>
#include <string.h>

#include "format_writer.h"

static void
put_csv_string(struct format_writer *writer, struct store_str text)
{
	const char *at = text.size == 0 ? "" : text.bytes, *end = at + text.size, *quote;

	format_put(writer, "\"", 1);
	while (at < end && (quote = memchr(at, '"', (size_t)(end - at))) != NULL) {
		format_put(writer, at, (size_t)(quote + 1 - at));
		format_put(writer, "\"", 1);
		at = quote + 1;
	}
	if (at < end)
		format_put(writer, at, (size_t)(end - at));
	format_put(writer, "\"", 1);
}

static void
put_string(struct format_writer *writer, struct store_str text)
{
	if (writer->flags & FORMAT_COMMAS)
		put_csv_string(writer, text);
	else if (writer->flags & FORMAT_RAW)
		format_put(writer, text.bytes, text.size);
	else
		format_put_escaped(writer, text);
}

static void
put_cell(struct format_writer *writer, struct format_writer *scratch,
	 const struct store_result_column *column, const struct store_value *value)
{
	bool list = column->type == STORE_R_MAP || column->type == STORE_R_ARRAY;

	if (value->null)
		format_put(writer, "\\N", 2);
	else if (column->type == STORE_R_STRING)
		put_string(writer, value->v.s);
	else if ((writer->flags & FORMAT_COMMAS) && (list || format_is_time(column->type)))
		put_csv_string(writer, format_plain(writer, scratch, column, value));
	else if (list)
		format_put_list(writer, column, value);
	else if (format_is_time(column->type))
		format_put_time(writer, column->type, value);
	else
		format_put_number(writer, column->type, value);
}

static void
put_separator(struct format_writer *writer, uint32_t column)
{
	if (column > 0)
		format_put(writer, writer->flags & FORMAT_COMMAS ? "," : "\t", 1);
}

static void
put_header(struct format_writer *writer, const struct store_result *result)
{
	char type[FORMAT_TYPE_BYTES_MAX];

	for (uint32_t c = 0; (writer->flags & FORMAT_NAMES) && c < result->columns_count; c++) {
		put_separator(writer, c);
		put_string(writer, result->columns[c].name);
	}
	if (writer->flags & FORMAT_NAMES)
		format_put(writer, "\n", 1);
	for (uint32_t c = 0; (writer->flags & FORMAT_TYPES) && c < result->columns_count; c++) {
		put_separator(writer, c);
		put_string(writer, format_type_name(&result->columns[c], type));
	}
	if (writer->flags & FORMAT_TYPES)
		format_put(writer, "\n", 1);
}

void
format_text(struct format_writer *writer, const struct store_result *result)
{
	struct format_writer scratch = {.limit = writer->limit};

	put_header(writer, result);
	for (uint64_t r = 0; r < result->rows_count && writer->failure == 0; r++) {
		for (uint32_t c = 0; c < result->columns_count; c++) {
			put_separator(writer, c);
			put_cell(writer, &scratch, &result->columns[c], &result->values[c][r]);
		}
		format_put(writer, "\n", 1);
	}
	if (result->totals != NULL) {
		format_put(writer, "\n", 1);
		for (uint32_t c = 0; c < result->columns_count; c++) {
			put_separator(writer, c);
			put_cell(writer, &scratch, &result->columns[c], &result->totals[c]);
		}
		format_put(writer, "\n", 1);
	}
	free(scratch.bytes);
}
