/*
 * The head of an INSERT statement: table, columns, format. Before the rows;
 * must not read them.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "insert_row.h"

struct head_parser {
	struct store_str text;
	uint32_t at;
	struct insert_head *head;
	struct insert_error *error;
};

void
insert_fail(struct insert_error *error, int number, const char *name, const char *format, ...)
{
	va_list arguments;

	error->number = number;
	error->name = name;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
}

/* White space and comments. */
static void
skip_space(struct head_parser *parser)
{
	const char *bytes = parser->text.bytes;
	uint32_t size = parser->text.size;

	while (parser->at < size) {
		uint32_t at = parser->at, left = size - at;
		const char *end = NULL;

		if (isspace((unsigned char)bytes[at])) {
			parser->at++;
			continue;
		}
		if (left >= 2 && memcmp(bytes + at, "--", 2) == 0)
			end = memchr(bytes + at, '\n', left);
		else if (left >= 4 && memcmp(bytes + at, "/*", 2) == 0 &&
			 (end = memmem(bytes + at + 2, left - 2, "*/", 2)) != NULL)
			end++;
		else
			return;
		parser->at = end == NULL ? size : (uint32_t)(end - bytes) + 1;
	}
}

static bool
is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* A word or an identifier in quotes; "" when something else comes. */
static struct store_str
next_name(struct head_parser *parser)
{
	const char *bytes = parser->text.bytes, *end;
	uint32_t begin;

	skip_space(parser);
	begin = parser->at;
	if (begin < parser->text.size && (bytes[begin] == '`' || bytes[begin] == '"')) {
		end = memchr(bytes + begin + 1, bytes[begin], parser->text.size - begin - 1);
		if (end == NULL)
			return (struct store_str){"", 0};
		parser->at = (uint32_t)(end - bytes) + 1;
		return (struct store_str){bytes + begin + 1, parser->at - begin - 2};
	}
	while (parser->at < parser->text.size && is_word_byte(bytes[parser->at]))
		parser->at++;
	return (struct store_str){bytes + begin, parser->at - begin};
}

static bool
is(struct store_str name, const char *word)
{
	return strlen(word) == name.size && strncasecmp(word, name.bytes, name.size) == 0;
}

/* Consumes the word if it comes. */
static bool
take_word(struct head_parser *parser, const char *word)
{
	uint32_t at = parser->at;

	if (is(next_name(parser), word))
		return true;
	parser->at = at;
	return false;
}

static bool
take(struct head_parser *parser, char c)
{
	skip_space(parser);
	if (parser->at == parser->text.size || parser->text.bytes[parser->at] != c)
		return false;
	parser->at++;
	return true;
}

static int
expected(struct head_parser *parser, const char *what)
{
	insert_fail(parser->error, 62, "SYNTAX_ERROR",
		    "Syntax error at byte %u of INSERT: expected %s", parser->at, what);
	return STORE_EINVAL;
}

/* ---- the parts ------------------------------------------------------- */

static int
parse_table(struct head_parser *parser)
{
	const struct store_schema *schema = event_schema();
	struct store_str name = next_name(parser);

	if (is(name, "FUNCTION")) {
		insert_fail(parser->error, 48, "NOT_IMPLEMENTED",
			    "INSERT INTO FUNCTION is not implemented");
		return STORE_EINVAL;
	}
	if (name.size > 0 && take(parser, '.')) {
		if (!is(name, "default")) {
			insert_fail(parser->error, 81, "UNKNOWN_DATABASE",
				    "Unknown database %.*s: there is only default",
				    (int)(name.size < 64 ? name.size : 64), name.bytes);
			return STORE_EINVAL;
		}
		name = next_name(parser);
	}
	if (name.size == 0)
		return expected(parser, "a table");
	for (uint16_t i = 0; i < schema->tables_count; i++) {
		if (is(name, schema->tables[i].name)) {
			parser->head->table = i;
			return 0;
		}
	}
	insert_fail(parser->error, 60, "UNKNOWN_TABLE", "Unknown table %.*s (see SHOW TABLES)",
		    (int)(name.size < 64 ? name.size : 64), name.bytes);
	return STORE_EINVAL;
}

int
insert_row_column(const struct store_table *table, struct store_str name)
{
	for (uint32_t i = 0; i < table->columns_count; i++) {
		if (strlen(table->columns[i].name) == name.size &&
		    memcmp(table->columns[i].name, name.bytes, name.size) == 0)
			return (int)i;
	}
	return -1;
}

static int
parse_columns(struct head_parser *parser)
{
	const struct store_table *table = &event_schema()->tables[parser->head->table];
	struct insert_head *head = parser->head;

	if (!take(parser, '(')) {
		head->columns_count = table->columns_count;
		for (uint32_t i = 0; i < table->columns_count; i++)
			head->columns[i] = (uint16_t)i;
		return 0;
	}
	do {
		struct store_str name = next_name(parser);
		int column = insert_row_column(table, name);

		if (name.size == 0)
			return expected(parser, "a column");
		if (column < 0) {
			insert_fail(parser->error, 16, "NO_SUCH_COLUMN_IN_TABLE",
				    "Unknown column %.*s in table %s",
				    (int)(name.size < 64 ? name.size : 64), name.bytes,
				    table->name);
			return STORE_EINVAL;
		}
		for (uint32_t i = 0; i < head->columns_count; i++) {
			if (head->columns[i] == column)
				return expected(parser, "each column once");
		}
		head->columns[head->columns_count++] = (uint16_t)column;
	} while (take(parser, ','));
	return take(parser, ')') ? 0 : expected(parser, ", or )");
}

/* Behind the quote that begins a text, in which two are one; false: none ends it. */
static bool
skip_text(struct head_parser *parser)
{
	const char *bytes = parser->text.bytes;
	uint32_t at = parser->at, size = parser->text.size;

	while (at < size && (bytes[at] != '\'' || (at + 1 < size && bytes[at + 1] == '\'')))
		at += bytes[at] == '\\' || bytes[at] == '\'' ? 2 : 1;
	parser->at = at < size ? at + 1 : size;
	return at < size;
}

/* k = v, ...: read over. */
static int
skip_settings(struct head_parser *parser)
{
	do {
		if (next_name(parser).size == 0 || !take(parser, '='))
			return expected(parser, "SETTINGS name = value");
		if (take(parser, '\'') ? !skip_text(parser) : next_name(parser).size == 0)
			return expected(parser, "a value");
	} while (take(parser, ','));
	return 0;
}

bool
insert_is(struct store_str text)
{
	struct head_parser parser = {.text = text};

	return take_word(&parser, "INSERT");
}

int
insert_parse(struct store_str text, struct insert_head *out, struct insert_error *error)
{
	struct head_parser parser = {.text = text, .head = out, .error = error};
	int result;

	memset(out, 0, sizeof *out);
	if (!take_word(&parser, "INSERT") || !take_word(&parser, "INTO"))
		return expected(&parser, "INSERT INTO");
	take_word(&parser, "TABLE");
	if ((result = parse_table(&parser)) != 0 || (result = parse_columns(&parser)) != 0)
		return result;
	if (take_word(&parser, "SETTINGS") && (result = skip_settings(&parser)) != 0)
		return result;
	if (take_word(&parser, "SELECT") || take_word(&parser, "WITH") ||
	    take_word(&parser, "VALUES")) {
		insert_fail(error, 48, "NOT_IMPLEMENTED",
			    "INSERT ... SELECT and VALUES are not implemented: use FORMAT with %s",
			    insert_formats());
		return STORE_EINVAL;
	}
	if (take_word(&parser, "FORMAT") && (out->format = next_name(&parser)).size == 0)
		return expected(&parser, "a format");
	out->bytes = parser.at;
	return 0;
}
