/*
 * format_writer.h: the buffer, and values and types as text. Under the writers
 * of the formats; must not know which of them asks.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format_writer.h"

/* What stands for NULL in texts for people. */
static const char null_text[] = "\xe1\xb4\xba\xe1\xb5\x81\xe1\xb4\xb8\xe1\xb4\xb8";

/* ---- the buffer ------------------------------------------------------ */

void
format_put(struct format_writer *writer, const char *bytes, size_t size)
{
	if (writer->failure != 0 || size == 0)
		return;
	if (size > writer->limit - writer->size) {
		writer->failure = STORE_ELIMIT;
		return;
	}
	if (writer->size + size > writer->size_max) {
		size_t size_max = writer->size_max == 0 ? 4096 : writer->size_max;
		char *grown;

		while (size_max < writer->size + size)
			size_max *= 2;
		if ((grown = realloc(writer->bytes, size_max)) == NULL) {
			writer->failure = STORE_ENOMEM;
			return;
		}
		writer->bytes = grown;
		writer->size_max = size_max;
	}
	memcpy(writer->bytes + writer->size, bytes, size);
	writer->size += size;
}

void
format_put_text(struct format_writer *writer, const char *text)
{
	format_put(writer, text, strlen(text));
}

void
format_printf(struct format_writer *writer, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (size > 0)
		format_put(writer, text,
			   (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

/* ---- numbers and times ----------------------------------------------- */

bool
format_is_time(enum store_result_type type)
{
	return type == STORE_R_DATE || type == STORE_R_DATETIME || type == STORE_R_DATETIME64;
}

bool
format_is_number(enum store_result_type type)
{
	return type <= STORE_R_FLOAT64;
}

void
format_put_time(struct format_writer *writer, enum store_result_type type,
		const struct store_value *value)
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
	size = (size_t)snprintf(text, sizeof text, "%04d-%02d-%02d", tm.tm_year + 1900,
				tm.tm_mon + 1, tm.tm_mday);
	if (type != STORE_R_DATE)
		size += (size_t)snprintf(text + size, sizeof text - size, " %02d:%02d:%02d",
					 tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (type == STORE_R_DATETIME64)
		size += (size_t)snprintf(text + size, sizeof text - size, ".%03d", part_ms);
	format_put(writer, text, size);
}

void
format_put_number(struct format_writer *writer, enum store_result_type type,
		  const struct store_value *value)
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
	format_put(writer, text, size);
}

/* ---- texts and lists ------------------------------------------------- */

void
format_put_escaped(struct format_writer *writer, struct store_str text)
{
	static const char from[] = "\b\f\n\r\t\\'", to[] = "bfnrt\\'";
	uint32_t begin = 0;

	for (uint32_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.bytes[i];
		char escape[2] = {'\\', '0'};
		const char *found;

		if (c > '\\' || (c >= ' ' && c != '\'' && c != '\\'))
			continue;
		if (c != '\0') {
			if ((found = strchr(from, c)) == NULL)
				continue;
			escape[1] = to[found - from];
		}
		format_put(writer, text.bytes + begin, i - begin);
		format_put(writer, escape, 2);
		begin = i + 1;
	}
	if (begin < text.size)
		format_put(writer, text.bytes + begin, text.size - begin);
}

static void
put_item(struct format_writer *writer, enum store_result_type type, const struct store_value *value)
{
	bool quoted = type == STORE_R_STRING || format_is_time(type);

	if (value->null) {
		format_put_text(writer, "NULL");
		return;
	}
	if (quoted)
		format_put(writer, "'", 1);
	if (type == STORE_R_STRING)
		format_put_escaped(writer, value->v.s);
	else if (format_is_time(type))
		format_put_time(writer, type, value);
	else
		format_put_number(writer, type, value);
	if (quoted)
		format_put(writer, "'", 1);
}

void
format_put_list(struct format_writer *writer, const struct store_result_column *column,
		const struct store_value *value)
{
	bool map = column->type == STORE_R_MAP;
	uint32_t count = value->v.list.count * (map ? 2u : 1u);

	format_put(writer, map ? "{" : "[", 1);
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			format_put(writer, map && i % 2 == 1 ? ":" : ",", 1);
		put_item(writer, map ? STORE_R_STRING : column->element, &value->v.list.items[i]);
	}
	format_put(writer, map ? "}" : "]", 1);
}

struct store_str
format_plain(struct format_writer *writer, struct format_writer *scratch,
	     const struct store_result_column *column, const struct store_value *value)
{
	if (value->null)
		return (struct store_str){null_text, sizeof null_text - 1};
	if (column->type == STORE_R_STRING)
		return value->v.s;
	scratch->size = 0;
	scratch->limit = writer->limit;
	if (column->type == STORE_R_MAP || column->type == STORE_R_ARRAY)
		format_put_list(scratch, column, value);
	else if (format_is_time(column->type))
		format_put_time(scratch, column->type, value);
	else
		format_put_number(scratch, column->type, value);
	if (scratch->failure != 0) {
		writer->failure = scratch->failure;
		return (struct store_str){"", 0};
	}
	return (struct store_str){scratch->bytes, (uint32_t)scratch->size};
}

/* ---- types ----------------------------------------------------------- */

struct store_str
format_type_name(const struct store_result_column *column, char out[FORMAT_TYPE_BYTES_MAX])
{
	static const char *const names[] = {
	    "UInt8",  "UInt16", "UInt32",   "UInt64",        "Int8",
	    "Int16",  "Int32",  "Int64",    "Float64",       "Bool",
	    "String", "Date",   "DateTime", "DateTime64(3)", "Map(String, String)"};
	int size;

	if (column->type == STORE_R_ARRAY)
		size = snprintf(out, FORMAT_TYPE_BYTES_MAX, "Array(%s)", names[column->element]);
	else if (column->dictionary && column->nullable)
		size = snprintf(out, FORMAT_TYPE_BYTES_MAX, "LowCardinality(Nullable(%s))",
				names[column->type]);
	else
		size = snprintf(out, FORMAT_TYPE_BYTES_MAX,
				column->dictionary ? "LowCardinality(%s)"
				: column->nullable ? "Nullable(%s)"
						   : "%s",
				names[column->type]);
	return (struct store_str){out, (uint32_t)size};
}
