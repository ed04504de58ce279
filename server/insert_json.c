/*
 * JSONEachRow and the JSONCompactEachRow family: JSON to rows. Must not decide
 * what a value means: texts go to insert_row.c.
 */
#include <string.h>

#include "insert_row.h"
#include "json.h"

static int
malformed(struct insert_row *row, const struct json *json)
{
	if (json->no_memory)
		return STORE_ENOMEM;
	return insert_row_refuse(row, -1, json->error == NULL ? "not JSON" : json->error);
}

static int
read_tags(struct insert_row *row, struct json *json)
{
	struct store_str name, value;
	int result;

	json_enter(json);
	for (bool first = true; json_member(json, first, &name); first = false) {
		if (!json_string(json, &value))
			return malformed(row, json);
		if ((result = insert_row_add_tag(row, name, value)) != 0)
			return result;
	}
	return json->error == NULL ? 0 : malformed(row, json);
}

static int
read_value(struct insert_row *row, struct json *json, uint32_t column)
{
	bool is_map = row->table->columns[column].type == STORE_MAP, flag;
	enum json_type type = json_peek(json);
	struct store_str text = {json->bytes + json->at, json->at};

	if (is_map && type == JSON_OBJECT)
		return read_tags(row, json);
	switch (type) {
	case JSON_STRING:
		if (!json_string(json, &text))
			return malformed(row, json);
		return insert_row_set(row, column, text);
	case JSON_NUMBER: /* as it is written: 64 bits do not fit a double */
		if (!json_skip(json))
			return malformed(row, json);
		text.size = json->at - text.size;
		return insert_row_set(row, column, text);
	case JSON_TRUE:
	case JSON_FALSE:
		if (!json_bool(json, &flag))
			return malformed(row, json);
		return insert_row_set(row, column, (struct store_str){flag ? "1" : "0", 1});
	case JSON_NULL:
		return json_skip(json) ? 0 : malformed(row, json);
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_ERROR:
		break;
	}
	return type == JSON_ERROR
		   ? malformed(row, json)
		   : insert_row_refuse(row, (int)column, "expected a value, got a list or object");
}

static bool
is_listed(const struct insert_head *head, int column)
{
	for (uint32_t i = 0; i < head->columns_count; i++) {
		if (head->columns[i] == column)
			return true;
	}
	return false;
}

static int
read_object(struct insert_row *row, struct json *json)
{
	struct store_str name;
	int result;

	if (!json_enter(json))
		return malformed(row, json);
	for (bool first = true; json_member(json, first, &name); first = false) {
		int column = insert_row_column(row->table, name);

		if (column < 0 || !is_listed(&row->head, column)) {
			insert_fail(row->error, 117, "INCORRECT_DATA",
				    "Row %u: unknown column %.*s in table %s", row->number,
				    (int)(name.size < 64 ? name.size : 64), name.bytes,
				    row->table->name);
			return STORE_EINVAL;
		}
		if (row->present[column])
			return insert_row_refuse(row, column, "given twice");
		if ((result = read_value(row, json, (uint32_t)column)) != 0)
			return result;
	}
	return json->error == NULL ? 0 : malformed(row, json);
}

static int
read_list(struct insert_row *row, struct json *json)
{
	uint32_t count = 0;
	int result;

	if (!json_enter(json))
		return malformed(row, json);
	for (; json_element(json, count == 0); count++) {
		if (count == row->head.columns_count)
			return insert_row_refuse(row, -1, "more values than columns");
		if ((result = read_value(row, json, row->head.columns[count])) != 0)
			return result;
	}
	if (json->error != NULL)
		return malformed(row, json);
	return count == row->head.columns_count
		   ? 0
		   : insert_row_refuse(row, -1, "fewer values than columns");
}

/* A list of names (or, read over, of types) before the rows. */
static int
read_header(struct insert_row *row, struct json *json, struct insert_head *head)
{
	struct store_str name;

	if (!json_enter(json))
		return malformed(row, json);
	if (head != NULL)
		head->columns_count = 0;
	for (bool first = true; json_element(json, first); first = false) {
		int column;

		if (!json_string(json, &name))
			return malformed(row, json);
		if (head == NULL)
			continue;
		if ((column = insert_row_column(row->table, name)) < 0 || is_listed(head, column))
			return insert_row_refuse(row, -1,
						 "the header names an unknown column, or "
						 "one twice");
		head->columns[head->columns_count++] = (uint16_t)column;
	}
	return json->error == NULL ? 0 : malformed(row, json);
}

static void
skip_between(struct store_str data, uint32_t *at)
{
	while (*at < data.size && strchr(" \t\r\n,;", data.bytes[*at]) != NULL &&
	       data.bytes[*at] != '\0')
		++*at;
}

/* Rows one after the other, with white space or commas between them; objects
 * may also be the elements of one array. */
int
insert_json(struct insert_row *row, struct store_str data, unsigned flags)
{
	bool lists = flags & INSERT_LISTS;
	unsigned headers = (flags & INSERT_NAMES ? 1u : 0) + (flags & INSERT_TYPES ? 1u : 0);
	uint32_t at = 0;
	int result = 0;

	skip_between(data, &at);
	if (!lists && at < data.size && data.bytes[at] == '[') {
		while (data.size > at && strchr(" \t\r\n;", data.bytes[data.size - 1]) != NULL)
			data.size--;
		if (data.bytes[data.size - 1] != ']')
			return insert_row_refuse(row, -1, "the array is cut short");
		data.size--;
		at++;
	}
	for (unsigned i = 0;; i++) {
		struct json json;

		skip_between(data, &at);
		if (result != 0 || at == data.size)
			return result;
		json_init(&json, (struct store_str){data.bytes + at, data.size - at},
			  row->context->arena);
		if (i < headers) {
			result = read_header(row, &json, i == 0 ? &row->head : NULL);
		} else {
			insert_row_begin(row);
			result = lists ? read_list(row, &json) : read_object(row, &json);
			if (result == 0)
				result = insert_row_end(row);
		}
		at += json.at;
	}
}
