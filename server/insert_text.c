/*
 * TabSeparated and CSV, with or without lines of names and types: lines to
 * rows. Must not decide what a value means: texts go to insert_row.c.
 */
#include <string.h>

#include "insert_row.h"

struct line_reader {
	struct store_str data;
	uint32_t at;
	bool commas;
	struct store_arena *arena;
};

/* What ended a field. */
enum ending { FIELD_ENDED, LINE_ENDED, FAILED };

static enum ending
end_of(struct line_reader *reader)
{
	const char *bytes = reader->data.bytes;
	uint32_t left = reader->data.size - reader->at;

	if (left > 0 && bytes[reader->at] == '\r' && (left == 1 || bytes[reader->at + 1] == '\n'))
		reader->at++;
	if (reader->at == reader->data.size)
		return LINE_ENDED;
	if (bytes[reader->at] == (reader->commas ? ',' : '\t')) {
		reader->at++;
		return FIELD_ENDED;
	}
	if (bytes[reader->at] != '\n')
		return FAILED;
	reader->at++;
	return LINE_ENDED;
}

static bool
is_null(struct store_str raw)
{
	return raw.size == 2 && memcmp(raw.bytes, "\\N", 2) == 0;
}

static struct store_str
rest_until(struct line_reader *reader, const char *ends)
{
	const char *begin = reader->data.bytes + reader->at;
	uint32_t size = 0, left = reader->data.size - reader->at;

	while (size < left && strchr(ends, begin[size]) == NULL)
		size++;
	reader->at += size;
	return (struct store_str){begin, size};
}

/* "a ""b""" */
static struct store_str
quoted(struct line_reader *reader)
{
	const char *bytes = reader->data.bytes;
	uint32_t begin = ++reader->at, size = 0;
	struct store_str found = {NULL, 0};
	char *out;

	while (reader->at < reader->data.size) {
		if (bytes[reader->at] == '"' &&
		    (reader->at + 1 == reader->data.size || bytes[reader->at + 1] != '"'))
			break;
		reader->at += bytes[reader->at] == '"' ? 2 : 1;
	}
	if (reader->at >= reader->data.size ||
	    (out = store_arena_alloc(reader->arena, reader->at - begin + 1)) == NULL)
		return found;
	for (uint32_t i = begin; i < reader->at; i++) {
		out[size++] = bytes[i];
		i += bytes[i] == '"';
	}
	reader->at++;
	return (struct store_str){out, size};
}

static struct store_str
unescaped(struct line_reader *reader, struct store_str raw)
{
	struct store_str found = {NULL, 0};
	uint32_t size = 0;
	char *out;

	if (memchr(raw.bytes, '\\', raw.size) == NULL)
		return raw;
	if ((out = store_arena_alloc(reader->arena, raw.size)) == NULL)
		return found;
	for (uint32_t i = 0; i < raw.size; i++) {
		char c = raw.bytes[i];

		if (c == '\\' && i + 1 < raw.size)
			c = insert_row_escaped(raw.bytes[++i]);
		out[size++] = c;
	}
	return (struct store_str){out, size};
}

/* bytes NULL: no memory, or a quote that does not end. `escaped`: of a map, whose
 * texts have their own escapes, and no others around them. */
static enum ending
next_field(struct line_reader *reader, bool escaped, struct store_str *out, bool *null)
{
	*null = false;
	if (reader->commas && reader->at < reader->data.size &&
	    reader->data.bytes[reader->at] == '"') {
		*out = quoted(reader);
		return out->bytes == NULL ? FAILED : end_of(reader);
	}
	*out = rest_until(reader, reader->commas ? ",\r\n" : "\t\r\n");
	*null = is_null(*out);
	if (!reader->commas && !escaped && (*out = unescaped(reader, *out)).bytes == NULL)
		return FAILED;
	return end_of(reader);
}

static int
read_row(struct insert_row *row, struct line_reader *reader)
{
	const struct insert_head *head = &row->head;
	enum ending ending = FIELD_ENDED;
	struct store_str field;
	uint32_t count;
	int result;
	bool null;

	for (count = 0; ending == FIELD_ENDED; count++) {
		const struct store_column *columns = row->table->columns;
		bool is_map;

		if (count == head->columns_count)
			return insert_row_refuse(row, -1, "more fields than columns");
		is_map = columns[head->columns[count]].type == STORE_MAP;
		if ((ending = next_field(reader, is_map, &field, &null)) == FAILED)
			return insert_row_refuse(row, head->columns[count], "a field does not end");
		if (null || (field.size == 0 && reader->commas))
			continue;
		if ((result = insert_row_set(row, head->columns[count], field)) != 0)
			return result;
	}
	return count == head->columns_count
		   ? 0
		   : insert_row_refuse(row, -1, "fewer fields than columns");
}

/* The line of names, or (head NULL) one that is read over. */
static int
read_header(struct insert_row *row, struct line_reader *reader, struct insert_head *head)
{
	enum ending ending = FIELD_ENDED;
	struct store_str field;
	bool null;

	if (head != NULL)
		head->columns_count = 0;
	while (ending == FIELD_ENDED) {
		int column;

		if ((ending = next_field(reader, false, &field, &null)) == FAILED)
			return insert_row_refuse(row, -1, "the header does not end");
		if (head == NULL)
			continue;
		column = insert_row_column(row->table, field);
		for (uint32_t i = 0; i < head->columns_count; i++)
			column = head->columns[i] == column ? -1 : column;
		if (column < 0)
			return insert_row_refuse(row, -1,
						 "the header names an unknown column, or "
						 "one twice");
		head->columns[head->columns_count++] = (uint16_t)column;
	}
	return 0;
}

int
insert_text(struct insert_row *row, struct store_str data, unsigned flags)
{
	struct line_reader reader = {
	    .data = data, .commas = flags & INSERT_COMMAS, .arena = row->context->arena};
	int result = 0;

	if ((flags & INSERT_NAMES) && reader.at < data.size)
		result = read_header(row, &reader, &row->head);
	if (result == 0 && (flags & INSERT_TYPES) && reader.at < data.size)
		result = read_header(row, &reader, NULL);
	while (result == 0 && reader.at < data.size) {
		insert_row_begin(row);
		if ((result = read_row(row, &reader)) == 0)
			result = insert_row_end(row);
	}
	return result;
}
