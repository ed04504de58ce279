/*
 * format.h. After the query, on its worker thread; must not touch the store.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "format.h"
#include "json.h"

#define BYTES_MAX ((size_t)128 << 20)

struct writer {
	char *bytes; /* owned */
	size_t size, size_max, limit;
	bool failed;
	bool quote_64bit;
	bool in_quotes; /* of CSV: a double quote is written twice */
};

static void
put(struct writer *writer, const char *bytes, size_t size)
{
	if (writer->failed)
		return;
	if (size > writer->limit - writer->size) {
		writer->failed = true;
		return;
	}
	if (writer->size + size > writer->size_max) {
		size_t size_max = writer->size_max == 0 ? 4096 : writer->size_max;
		char *grown;

		while (size_max < writer->size + size)
			size_max *= 2;
		if ((grown = realloc(writer->bytes, size_max)) == NULL) {
			writer->failed = true;
			return;
		}
		writer->bytes = grown;
		writer->size_max = size_max;
	}
	if (size > 0)
		memcpy(writer->bytes + writer->size, bytes, size);
	writer->size += size;
}

static void
put_text(struct writer *writer, const char *text)
{
	put(writer, text, strlen(text));
}

/* ---- numbers and times ----------------------------------------------- */

static bool
is_time(enum store_result_type type)
{
	return type == STORE_R_DATE || type == STORE_R_DATETIME || type == STORE_R_DATETIME64;
}

static void
put_time(struct writer *writer, enum store_result_type type, const struct store_value *value)
{
	int64_t ms = type == STORE_R_DATE       ? (int64_t)value->v.u * 86400000
		     : type == STORE_R_DATETIME ? (int64_t)value->v.u * 1000
						: value->v.i;
	int part_ms = (int)(ms % 1000) + (ms % 1000 < 0 ? 1000 : 0);
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	char text[48];
	struct tm tm;
	size_t size;

	gmtime_r(&seconds, &tm);
	size = strftime(text, sizeof text, type == STORE_R_DATE ? "%Y-%m-%d" : "%Y-%m-%d %H:%M:%S",
			&tm);
	if (type == STORE_R_DATETIME64)
		size += (size_t)snprintf(text + size, 8, ".%03d", part_ms);
	put(writer, text, size);
}

static void
put_number(struct writer *writer, enum store_result_type type, const struct store_value *value)
{
	char text[40];
	size_t size;

	if (type == STORE_R_FLOAT64)
		size = store_print_double(value->v.f, text);
	else if (type == STORE_R_BOOL)
		size = (size_t)sprintf(text, value->v.u ? "true" : "false");
	else if (type >= STORE_R_INT8 && type <= STORE_R_INT64)
		size = (size_t)sprintf(text, "%" PRId64, value->v.i);
	else
		size = (size_t)sprintf(text, "%" PRIu64, value->v.u);
	put(writer, text, size);
}

/* ---- JSON ------------------------------------------------------------ */

/* What stands for byte c in a string, or NULL for the byte itself. */
static const char *
json_escape(unsigned char c, char out[8])
{
	static const char from[] = "\"\\/\b\f\n\r\t", to[] = "\"\\/bfnrt";
	const char *found = c == 0 ? NULL : strchr(from, c);

	if (found != NULL)
		snprintf(out, 8, "\\%c", to[found - from]);
	else if (c < 0x20)
		snprintf(out, 8, "\\u%04X", c);
	else
		return NULL;
	return out;
}

/* Functions cut strings at bytes: what is no UTF-8 becomes U+FFFD. */
static void
put_json_string(struct writer *writer, struct store_str text)
{
	uint32_t begin = 0, size;

	put(writer, "\"", 1);
	for (uint32_t i = 0; i < text.size; i += size) {
		char escape[8];
		const char *instead = json_escape((unsigned char)text.bytes[i], escape);

		if ((size = json_utf8_bytes(text, i)) == 0) {
			size = 1;
			instead = "\xef\xbf\xbd";
		}
		if (instead == NULL)
			continue;
		put(writer, text.bytes + begin, i - begin);
		put_text(writer, instead);
		begin = i + size;
	}
	if (begin < text.size)
		put(writer, text.bytes + begin, text.size - begin);
	put(writer, "\"", 1);
}

static void put_json(struct writer *writer, enum store_result_type type,
		     enum store_result_type element, const struct store_value *value);

static void
put_json_list(struct writer *writer, enum store_result_type type, enum store_result_type element,
	      const struct store_value *value)
{
	bool map = type == STORE_R_MAP;
	uint32_t count = value->v.list.count * (map ? 2u : 1u);

	put(writer, map ? "{" : "[", 1);
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			put(writer, map && i % 2 == 1 ? ":" : ",", 1);
		put_json(writer, map ? STORE_R_STRING : element, STORE_R_STRING,
			 &value->v.list.items[i]);
	}
	put(writer, map ? "}" : "]", 1);
}

static void
put_json(struct writer *writer, enum store_result_type type, enum store_result_type element,
	 const struct store_value *value)
{
	bool quoted = is_time(type) ||
		      (writer->quote_64bit && (type == STORE_R_UINT64 || type == STORE_R_INT64));

	if (value->null || (type == STORE_R_FLOAT64 && !isfinite(value->v.f))) {
		put_text(writer, "null");
	} else if (type == STORE_R_STRING) {
		put_json_string(writer, value->v.s);
	} else if (type == STORE_R_MAP || type == STORE_R_ARRAY) {
		put_json_list(writer, type, element, value);
	} else {
		if (quoted)
			put(writer, "\"", 1);
		if (is_time(type))
			put_time(writer, type, value);
		else
			put_number(writer, type, value);
		if (quoted)
			put(writer, "\"", 1);
	}
}

static void
type_name(const struct store_result_column *column, char *out, size_t out_size)
{
	static const char *const names[] = {
	    "UInt8",  "UInt16", "UInt32",   "UInt64",        "Int8",
	    "Int16",  "Int32",  "Int64",    "Float64",       "Bool",
	    "String", "Date",   "DateTime", "DateTime64(3)", "Map(String, String)"};
	if (column->type == STORE_R_ARRAY)
		snprintf(out, out_size, "Array(%s)", names[column->element]);
	else if (column->dictionary && column->nullable)
		snprintf(out, out_size, "LowCardinality(Nullable(%s))", names[column->type]);
	else
		snprintf(out, out_size,
			 column->dictionary ? "LowCardinality(%s)"
			 : column->nullable ? "Nullable(%s)"
					    : "%s",
			 names[column->type]);
}

static void
put_json_row(struct writer *writer, const struct store_result *result, uint64_t row,
	     const char *indent, const char *between)
{
	for (uint32_t c = 0; c < result->columns_count; c++) {
		const struct store_result_column *column = &result->columns[c];

		if (c > 0)
			put_text(writer, between);
		put_text(writer, indent);
		put_json_string(writer, column->name);
		put_text(writer, indent[0] == '\0' ? ":" : ": ");
		put_json(writer, column->type, column->element, &result->values[c][row]);
	}
}

static void
write_json(struct writer *writer, const struct store_result *result)
{
	char text[256], elapsed[40];

	put_text(writer, "{\n\t\"meta\":\n\t[\n");
	for (uint32_t c = 0; c < result->columns_count; c++) {
		type_name(&result->columns[c], text, sizeof text);
		put_text(writer, c == 0 ? "\t\t{\n\t\t\t\"name\": " : ",\n\t\t{\n\t\t\t\"name\": ");
		put_json_string(writer, result->columns[c].name);
		put_text(writer, ",\n\t\t\t\"type\": ");
		put_json_string(writer, (struct store_str){text, (uint32_t)strlen(text)});
		put_text(writer, "\n\t\t}");
	}
	put_text(writer, "\n\t],\n\n\t\"data\":\n\t[\n");
	for (uint64_t r = 0; r < result->rows_count; r++) {
		put_text(writer, r == 0 ? "\t\t{\n" : ",\n\t\t{\n");
		put_json_row(writer, result, r, "\t\t\t", ",\n");
		put_text(writer, "\n\t\t}");
	}
	put_text(writer, result->rows_count > 0 ? "\n\t],\n\n" : "\t],\n\n");
	snprintf(text, sizeof text, "\t\"rows\": %" PRIu64 ",\n\n", result->rows_count);
	put_text(writer, text);
	if (result->limited) {
		snprintf(text, sizeof text, "\t\"rows_before_limit_at_least\": %" PRIu64 ",\n\n",
			 result->rows_before_limit);
		put_text(writer, text);
	}
	store_print_double((double)result->elapsed_ns / 1e9, elapsed);
	snprintf(text, sizeof text,
		 "\t\"statistics\":\n\t{\n\t\t\"elapsed\": %s,\n\t\t\"rows_read\": %" PRIu64
		 ",\n\t\t\"bytes_read\": %" PRIu64 "\n\t}\n}\n",
		 elapsed, result->rows_read, result->bytes_read);
	put_text(writer, text);
}

static void
write_json_each_row(struct writer *writer, const struct store_result *result)
{
	for (uint64_t r = 0; r < result->rows_count; r++) {
		put(writer, "{", 1);
		put_json_row(writer, result, r, "", ",");
		put(writer, "}\n", 2);
	}
}

/* ---- CSV and TSV ----------------------------------------------------- */

static void
put_csv_string(struct writer *writer, struct store_str text)
{
	put(writer, "\"", 1);
	for (uint32_t i = 0; i < text.size; i++) {
		if (text.bytes[i] == '"')
			put(writer, "\"", 1);
		put(writer, text.bytes + i, 1);
	}
	put(writer, "\"", 1);
}

/* `quote`: inside a map or array, where strings stand in single quotes. */
static void
put_tsv_string(struct writer *writer, struct store_str text, bool quote)
{
	if (quote)
		put(writer, "'", 1);
	for (uint32_t i = 0; i < text.size; i++) {
		static const char from[] = "\b\f\n\r\t\\'", to[] = "bfnrt\\'";
		char c = text.bytes[i];
		const char *found = c == '\0' || (c == '\'' && !quote) ? NULL : strchr(from, c);

		if (c == '\0') {
			put(writer, "\\0", 2);
		} else if (found != NULL) {
			put(writer, "\\", 1);
			put(writer, &to[found - from], 1);
		} else {
			put(writer, "\"", c == '"' && writer->in_quotes ? 1 : 0);
			put(writer, &c, 1);
		}
	}
	if (quote)
		put(writer, "'", 1);
}

static void
put_list(struct writer *writer, const struct store_result_column *column,
	 const struct store_value *value)
{
	bool map = column->type == STORE_R_MAP;
	uint32_t count = value->v.list.count * (map ? 2u : 1u);
	enum store_result_type type = map ? STORE_R_STRING : column->element;

	put(writer, map ? "{" : "[", 1);
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			put(writer, map && i % 2 == 1 ? ":" : ",", 1);
		if (type == STORE_R_STRING)
			put_tsv_string(writer, value->v.list.items[i].v.s, true);
		else
			put_number(writer, type, &value->v.list.items[i]);
	}
	put(writer, map ? "}" : "]", 1);
}

static void
put_cell(struct writer *writer, const struct store_result_column *column,
	 const struct store_value *value, bool csv)
{
	bool quoted = csv && (is_time(column->type) || column->type == STORE_R_MAP ||
			      column->type == STORE_R_ARRAY);

	if (value->null) {
		put(writer, "\\N", 2);
		return;
	}
	if (quoted)
		put(writer, "\"", 1);
	writer->in_quotes = quoted;
	if (column->type == STORE_R_STRING && csv)
		put_csv_string(writer, value->v.s);
	else if (column->type == STORE_R_STRING)
		put_tsv_string(writer, value->v.s, false);
	else if (column->type == STORE_R_MAP || column->type == STORE_R_ARRAY)
		put_list(writer, column, value);
	else if (is_time(column->type))
		put_time(writer, column->type, value);
	else
		put_number(writer, column->type, value);
	if (quoted)
		put(writer, "\"", 1);
}

static void
write_text(struct writer *writer, const struct store_result *result, bool csv, bool names)
{
	const char *separator = csv ? "," : "\t";

	for (uint32_t c = 0; names && c < result->columns_count; c++) {
		if (c > 0)
			put(writer, separator, 1);
		if (csv)
			put_csv_string(writer, result->columns[c].name);
		else
			put_tsv_string(writer, result->columns[c].name, false);
	}
	if (names)
		put(writer, "\n", 1);
	for (uint64_t r = 0; r < result->rows_count; r++) {
		for (uint32_t c = 0; c < result->columns_count; c++) {
			if (c > 0)
				put(writer, separator, 1);
			put_cell(writer, &result->columns[c], &result->values[c][r], csv);
		}
		put(writer, "\n", 1);
	}
}

/* ---- choosing -------------------------------------------------------- */

enum format
format_find(struct store_str name)
{
	static const struct {
		const char *name;
		enum format format;
	} known[] = {{"JSON", FORMAT_JSON},
		     {"JSONEachRow", FORMAT_JSON_EACH_ROW},
		     {"NDJSON", FORMAT_JSON_EACH_ROW},
		     {"JSONLines", FORMAT_JSON_EACH_ROW},
		     {"CSV", FORMAT_CSV},
		     {"CSVWithNames", FORMAT_CSV_WITH_NAMES},
		     {"TSV", FORMAT_TSV},
		     {"TabSeparated", FORMAT_TSV},
		     {"TSVWithNames", FORMAT_TSV_WITH_NAMES},
		     {"TabSeparatedWithNames", FORMAT_TSV_WITH_NAMES}};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strlen(known[i].name) == name.size &&
		    strncasecmp(known[i].name, name.bytes, name.size) == 0)
			return known[i].format;
	}
	return FORMAT_UNKNOWN;
}

const char *
format_content_type(enum format format)
{
	switch (format) {
	case FORMAT_JSON:
		return "application/json; charset=UTF-8";
	case FORMAT_JSON_EACH_ROW:
		return "application/x-ndjson; charset=UTF-8";
	case FORMAT_CSV:
		return "text/csv; charset=UTF-8; header=absent";
	case FORMAT_CSV_WITH_NAMES:
		return "text/csv; charset=UTF-8; header=present";
	default:
		return "text/tab-separated-values; charset=UTF-8";
	}
}

char *
format_result(enum format format, const struct store_result *result,
	      const struct format_options *options, size_t *size)
{
	struct writer writer = {.limit = options->bytes_max == 0 ? BYTES_MAX : options->bytes_max,
				.quote_64bit = options->quote_64bit_integers};

	switch (format) {
	case FORMAT_JSON:
		write_json(&writer, result);
		break;
	case FORMAT_JSON_EACH_ROW:
		write_json_each_row(&writer, result);
		break;
	default:
		write_text(&writer, result, format == FORMAT_CSV || format == FORMAT_CSV_WITH_NAMES,
			   format == FORMAT_CSV_WITH_NAMES || format == FORMAT_TSV_WITH_NAMES);
	}
	if (!writer.failed && writer.bytes == NULL)
		writer.bytes = calloc(1, 1);
	if (writer.failed) {
		free(writer.bytes);
		return NULL;
	}
	*size = writer.size;
	return writer.bytes;
}
