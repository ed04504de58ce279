/*
 * wal_record.h: the schema in a WAL file's head, as it was written, and what it
 * is in the program's. Between wal_*.c and the payloads; must not touch files.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "wal_record_inside.h"

/* Tables u16; per table: name (size u8), columns u16; per column: type u8, bits
 * u8, scale u32, name (size u8). */
size_t
wal_record_schema_bytes(const struct store_schema *schema)
{
	size_t size = 2;

	for (uint32_t i = 0; i < schema->tables_count; i++) {
		size += 1 + strlen(schema->tables[i].name) + 2;
		for (uint32_t j = 0; j < schema->tables[i].columns_count; j++)
			size += 7 + strlen(schema->tables[i].columns[j].name);
	}
	return size;
}

static unsigned char *
put_name(unsigned char *out, const char *name)
{
	size_t size = strlen(name);

	assert(size > 0 && size <= UINT8_MAX);
	*out = (unsigned char)size;
	memcpy(out + 1, name, size);
	return out + 1 + size;
}

void
wal_record_put_schema(const struct store_schema *schema, unsigned char *out)
{
	bytes_put16(out, (uint16_t)schema->tables_count);
	out += 2;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		const struct store_table *table = &schema->tables[i];

		out = put_name(out, table->name);
		bytes_put16(out, (uint16_t)table->columns_count);
		out += 2;
		for (uint32_t j = 0; j < table->columns_count; j++) {
			out[0] = (unsigned char)table->columns[j].type;
			out[1] = table->columns[j].bits;
			bytes_put32(out + 2, table->columns[j].scale);
			out = put_name(out + 6, table->columns[j].name);
		}
	}
}

struct span {
	const unsigned char *at, *end;
};

static const unsigned char *
span_take(struct span *span, size_t size)
{
	const unsigned char *at = span->at;

	if ((size_t)(span->end - at) < size)
		return NULL;
	span->at += size;
	return at;
}

static bool
take_name(struct span *span, struct store_str *name)
{
	const unsigned char *size = span_take(span, 1), *bytes;

	if (size == NULL || (bytes = span_take(span, *size)) == NULL)
		return false;
	*name = (struct store_str){(const char *)bytes, *size};
	return true;
}

static bool
is_named(struct store_str name, const char *other)
{
	return strlen(other) == name.size && memcmp(other, name.bytes, name.size) == 0;
}

static bool
take_column(struct span *span, const struct store_table *table, struct file_column *out)
{
	const unsigned char *at = span_take(span, 6);
	struct store_str name;

	if (at == NULL || at[0] > STORE_MAP || !take_name(span, &name))
		return false;
	out->type = (enum store_type)at[0];
	out->column = UNKNOWN;
	for (uint32_t i = 0; table != NULL && i < table->columns_count; i++) {
		if (is_named(name, table->columns[i].name) && table->columns[i].type == out->type &&
		    at[1] <= table->columns[i].bits)
			out->column = (uint16_t)i;
	}
	return true;
}

static bool
take_table(struct span *span, const struct store_schema *schema, struct file_table *out)
{
	const struct store_table *table = NULL;
	const unsigned char *at;
	struct store_str name;

	if (!take_name(span, &name) || (at = span_take(span, 2)) == NULL)
		return false;
	out->table = UNKNOWN;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		if (is_named(name, schema->tables[i].name)) {
			table = &schema->tables[i];
			out->table = (uint16_t)i;
		}
	}
	out->columns_count = bytes_get16(at);
	out->columns = calloc((size_t)out->columns_count + 1, sizeof *out->columns);
	if (out->columns == NULL)
		return false;
	for (uint32_t i = 0; i < out->columns_count; i++) {
		if (!take_column(span, table, &out->columns[i]))
			return false;
	}
	return true;
}

struct wal_columns *
wal_record_columns(const unsigned char *bytes, size_t size, const struct store_schema *schema)
{
	struct span span = {bytes, bytes + size};
	const unsigned char *at = span_take(&span, 2);
	struct wal_columns *columns = calloc(1, sizeof *columns);

	if (columns == NULL || at == NULL)
		goto failed;
	columns->tables_count = bytes_get16(at);
	columns->tables = calloc((size_t)columns->tables_count + 1, sizeof *columns->tables);
	if (columns->tables == NULL)
		goto failed;
	for (uint32_t i = 0; i < columns->tables_count; i++) {
		if (!take_table(&span, schema, &columns->tables[i]))
			goto failed;
	}
	if (span.at != span.end)
		goto failed;
	return columns;

failed:
	wal_record_columns_free(columns);
	return NULL;
}

void
wal_record_columns_free(struct wal_columns *columns)
{
	if (columns == NULL)
		return;
	for (uint32_t i = 0; columns->tables != NULL && i < columns->tables_count; i++)
		free(columns->tables[i].columns);
	free(columns->tables);
	free(columns);
}
