/*
 * JSON documents (JSON, JSONCompact) and lines (JSONEachRow and its kin).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format_writer.h"
#include "json.h"

struct json_writer {
	struct format_writer *out;
	struct format_writer scratch; /* bytes owned */
	unsigned map_indent;          /* tabs before a map's members; 0: on one line */
};

/* ---- strings --------------------------------------------------------- */

/* What stands for the character at text.bytes[at], or NULL for itself. Line
 * separators are escaped as they end lines in JavaScript; functions cut
 * strings at bytes: what is no UTF-8 becomes U+FFFD. */
static const char *
escape_at(struct store_str text, uint32_t at, uint32_t *size, char out[8])
{
	static const char from[] = "\"\\/\b\f\n\r\t", to[] = "\"\\/bfnrt";
	unsigned char c = (unsigned char)text.bytes[at];
	const char *found;

	*size = 1;
	if (c < 0x80) {
		if (c != 0 && (found = strchr(from, c)) != NULL)
			snprintf(out, 8, "\\%c", to[found - from]);
		else if (c < 0x20)
			snprintf(out, 8, "\\u%04X", c);
		else
			return NULL;
		return out;
	}
	if ((*size = json_utf8_bytes(text, at)) == 0) {
		*size = 1;
		return "\xef\xbf\xbd";
	}
	if (*size == 3 && memcmp(text.bytes + at, "\xe2\x80\xa8", 3) == 0)
		return "\\u2028";
	return *size == 3 && memcmp(text.bytes + at, "\xe2\x80\xa9", 3) == 0 ? "\\u2029" : NULL;
}

static bool
is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '/' && c != '\\';
}

static void
put_string(struct format_writer *out, struct store_str text)
{
	uint32_t begin = 0, size;

	format_put(out, "\"", 1);
	for (uint32_t i = 0; i < text.size; i += size) {
		const char *instead = NULL;
		char escape[8];

		size = 1;
		if (is_plain(text.bytes[i]) ||
		    (instead = escape_at(text, i, &size, escape)) == NULL)
			continue;
		format_put(out, text.bytes + begin, i - begin);
		format_put_text(out, instead);
		begin = i + size;
	}
	if (begin < text.size)
		format_put(out, text.bytes + begin, text.size - begin);
	format_put(out, "\"", 1);
}

/* ---- values ---------------------------------------------------------- */

static void
put_scalar(struct format_writer *out, enum store_result_type type, const struct store_value *value)
{
	bool denormal = type == STORE_R_FLOAT64 && !value->null && !isfinite(value->v.f);
	bool quoted = format_is_time(type) || (denormal && out->options->quote_denormals) ||
		      (out->options->quote_64bit_integers &&
		       (type == STORE_R_UINT64 || type == STORE_R_INT64));

	if (value->null || (denormal && !out->options->quote_denormals)) {
		format_put_text(out, "null");
		return;
	}
	if (type == STORE_R_STRING) {
		put_string(out, value->v.s);
		return;
	}
	format_put(out, "\"", quoted ? 1 : 0);
	if (format_is_time(type))
		format_put_time(out, type, value);
	else
		format_put_number(out, type, value);
	format_put(out, "\"", quoted ? 1 : 0);
}

static void
put_line(struct format_writer *out, unsigned tabs)
{
	format_put(out, "\n\t\t\t\t\t", tabs + 1);
}

static void
put_map(struct json_writer *writer, const struct store_value *value)
{
	struct format_writer *out = writer->out;
	uint32_t count = value->v.list.count;

	format_put(out, "{", 1);
	for (uint32_t i = 0; i < count; i++) {
		format_put(out, ",", i > 0 ? 1 : 0);
		if (writer->map_indent > 0)
			put_line(out, writer->map_indent);
		put_scalar(out, STORE_R_STRING, &value->v.list.items[2 * i]);
		format_put_text(out, writer->map_indent > 0 ? ": " : ":");
		put_scalar(out, STORE_R_STRING, &value->v.list.items[2 * i + 1]);
	}
	if (writer->map_indent > 0 && count > 0)
		put_line(out, writer->map_indent - 1);
	format_put(out, "}", 1);
}

static void
put_value(struct json_writer *writer, const struct store_result_column *column,
	  const struct store_value *value)
{
	struct format_writer *out = writer->out;

	if (out->flags & FORMAT_STRINGS) {
		put_string(out, format_plain(out, &writer->scratch, column, value));
	} else if (value->null || (column->type != STORE_R_MAP && column->type != STORE_R_ARRAY)) {
		put_scalar(out, column->type, value);
	} else if (column->type == STORE_R_MAP) {
		put_map(writer, value);
	} else {
		format_put(out, "[", 1);
		for (uint32_t i = 0; i < value->v.list.count; i++) {
			format_put(out, ",", i > 0 ? 1 : 0);
			put_scalar(out, column->element, &value->v.list.items[i]);
		}
		format_put(out, "]", 1);
	}
}

/* ---- rows ------------------------------------------------------------ */

static const struct store_value *
cell(const struct store_result *result, uint32_t column, uint64_t row, bool totals)
{
	return totals ? &result->totals[column] : &result->values[column][row];
}

static void
put_array_row(struct json_writer *writer, const struct store_result *result, uint64_t row,
	      bool totals)
{
	format_put(writer->out, "[", 1);
	for (uint32_t c = 0; c < result->columns_count; c++) {
		format_put(writer->out, ", ", c > 0 ? 2 : 0);
		put_value(writer, &result->columns[c], cell(result, c, row, totals));
	}
	format_put(writer->out, "]", 1);
}

/* `indent`: tabs before each member; 0: all on one line. */
static void
put_object_row(struct json_writer *writer, const struct store_result *result, uint64_t row,
	       bool totals, unsigned indent)
{
	format_put(writer->out, "{", 1);
	for (uint32_t c = 0; c < result->columns_count; c++) {
		format_put(writer->out, ",", c > 0 ? 1 : 0);
		if (indent > 0)
			put_line(writer->out, indent);
		put_string(writer->out, result->columns[c].name);
		format_put_text(writer->out, indent > 0 ? ": " : ":");
		put_value(writer, &result->columns[c], cell(result, c, row, totals));
	}
	if (indent > 0)
		put_line(writer->out, indent - 1);
	format_put(writer->out, "}", 1);
}

/* ---- documents ------------------------------------------------------- */

static void
put_meta(struct format_writer *out, const struct store_result *result)
{
	char type[FORMAT_TYPE_BYTES_MAX];

	format_put_text(out, "{\n\t\"meta\":\n\t[\n");
	for (uint32_t c = 0; c < result->columns_count; c++) {
		format_put_text(out,
				c == 0 ? "\t\t{\n\t\t\t\"name\": " : ",\n\t\t{\n\t\t\t\"name\": ");
		put_string(out, result->columns[c].name);
		format_put_text(out, ",\n\t\t\t\"type\": ");
		put_string(out, format_type_name(&result->columns[c], type));
		format_put_text(out, "\n\t\t}");
	}
	format_put_text(out, "\n\t],\n\n");
}

static void
put_statistics(struct format_writer *out, const struct store_result *result)
{
	char elapsed[STORE_DOUBLE_BYTES_MAX];

	format_printf(out, "\t\"rows\": %" PRIu64 ",\n\n", result->rows_count);
	if (result->limited)
		format_printf(out, "\t\"rows_before_limit_at_least\": %" PRIu64 ",\n\n",
			      result->rows_before_limit);
	store_print_double((double)result->elapsed_ns / 1e9, elapsed);
	format_printf(out,
		      "\t\"statistics\":\n\t{\n\t\t\"elapsed\": %s,\n\t\t\"rows_read\": %" PRIu64
		      ",\n\t\t\"bytes_read\": %" PRIu64 "\n\t}\n}\n",
		      elapsed, result->rows_read, result->bytes_read);
}

void
format_json(struct format_writer *out, const struct store_result *result)
{
	bool compact = (out->flags & FORMAT_COMPACT) != 0;
	struct json_writer writer = {.out = out, .map_indent = compact ? 0 : 4};

	put_meta(out, result);
	format_put_text(out, "\t\"data\":\n\t[\n");
	for (uint64_t r = 0; r < result->rows_count && out->failure == 0; r++) {
		format_put_text(out, r == 0 ? "\t\t" : ",\n\t\t");
		if (compact)
			put_array_row(&writer, result, r, false);
		else
			put_object_row(&writer, result, r, false, 3);
	}
	format_put_text(out, "\n\t],\n\n");
	writer.map_indent = 0;
	if (result->totals != NULL) {
		format_put_text(out, compact ? "\t\"totals\": " : "\t\"totals\":\n\t");
		if (compact)
			put_array_row(&writer, result, 0, true);
		else
			put_object_row(&writer, result, 0, true, 2);
		format_put_text(out, ",\n\n");
	}
	put_statistics(out, result);
	free(writer.scratch.bytes);
}

/* ---- lines ----------------------------------------------------------- */

static void
put_header(struct format_writer *out, const struct store_result *result, bool types)
{
	char type[FORMAT_TYPE_BYTES_MAX];

	format_put(out, "[", 1);
	for (uint32_t c = 0; c < result->columns_count; c++) {
		format_put(out, ", ", c > 0 ? 2 : 0);
		put_string(out, types ? format_type_name(&result->columns[c], type)
				      : result->columns[c].name);
	}
	format_put(out, "]\n", 2);
}

void
format_json_lines(struct format_writer *out, const struct store_result *result)
{
	struct json_writer writer = {.out = out};

	if (out->flags & FORMAT_NAMES)
		put_header(out, result, false);
	if (out->flags & FORMAT_TYPES)
		put_header(out, result, true);
	for (uint64_t r = 0; r < result->rows_count && out->failure == 0; r++) {
		if (out->flags & FORMAT_COMPACT)
			put_array_row(&writer, result, r, false);
		else
			put_object_row(&writer, result, r, false, 0);
		format_put(out, "\n", 1);
	}
	free(writer.scratch.bytes);
}
