/*
 * Expressions as ClickHouse writes them in column names.
 */
#include <stdio.h>
#include <string.h>

#include "sql_parse.h"

struct printer {
	struct store_arena *arena;
	char *bytes;
	uint32_t size, max;
	bool failed;
};

static void
put(struct printer *printer, const char *bytes, uint32_t size)
{
	if (printer->size + size > printer->max) {
		uint32_t max = printer->max == 0 ? 128 : printer->max * 2;
		char *grown;

		while (max < printer->size + size)
			max *= 2;
		if ((grown = store_arena_alloc(printer->arena, max)) == NULL) {
			printer->failed = true;
			return;
		}
		if (printer->size > 0)
			memcpy(grown, printer->bytes, printer->size);
		printer->bytes = grown;
		printer->max = max;
	}
	memcpy(printer->bytes + printer->size, bytes, size);
	printer->size += size;
}

static void
put_text(struct printer *printer, const char *text)
{
	put(printer, text, (uint32_t)strlen(text));
}

static void
put_quoted(struct printer *printer, struct store_str text)
{
	put(printer, "'", 1);
	for (uint32_t i = 0; i < text.size && !printer->failed; i++) {
		char c = text.bytes[i];

		if (c == '\'' || c == '\\')
			put(printer, "\\", 1);
		if (c == '\n')
			put(printer, "\\n", 2);
		else if (c == '\t')
			put(printer, "\\t", 2);
		else
			put(printer, &c, 1);
	}
	put(printer, "'", 1);
}

/* 1000. has its point, as in ClickHouse. */
static void
put_float(struct printer *printer, double value)
{
	char text[STORE_DOUBLE_BYTES_MAX];

	store_print_double(value, text);
	put_text(printer, text);
	if (strpbrk(text, ".en") == NULL)
		put(printer, ".", 1);
}

static void print(struct printer *printer, const struct sql_node *node);

/* An argument with an alias is known by it. */
static void
print_list(struct printer *printer, struct sql_node *const *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count && !printer->failed; i++) {
		if (i > 0)
			put(printer, ", ", 2);
		if (nodes[i]->alias.size > 0)
			put(printer, nodes[i]->alias.bytes, nodes[i]->alias.size);
		else
			print(printer, nodes[i]);
	}
}

static void
print_call(struct printer *printer, const struct sql_node *node)
{
	if (sql_is_word(node->text, "negate") && node->args_count == 1 &&
	    node->args[0]->kind <= SQL_NUMBER_FLOAT) {
		put(printer, "-", 1);
		print(printer, node->args[0]);
		return;
	}
	put(printer, node->text.bytes, node->text.size);
	if (node->parameters_count > 0) {
		put(printer, "(", 1);
		print_list(printer, node->parameters, node->parameters_count);
		put(printer, ")", 1);
	}
	put(printer, "(", 1);
	if (node->distinct)
		put_text(printer, "DISTINCT ");
	print_list(printer, node->args, node->args_count);
	put(printer, ")", 1);
}

static void
print(struct printer *printer, const struct sql_node *node)
{
	char unit[32];

	if (printer->failed)
		return;
	switch (node->kind) {
	case SQL_NUMBER_UINT:
		snprintf(unit, sizeof unit, "%llu", (unsigned long long)node->u);
		put_text(printer, unit);
		break;
	case SQL_NUMBER_FLOAT:
		put_float(printer, node->f);
		break;
	case SQL_NAME:
		put(printer, node->text.bytes, node->text.size);
		break;
	case SQL_TEXT:
		put_quoted(printer, node->text);
		break;
	case SQL_NULL:
		put_text(printer, "NULL");
		break;
	case SQL_STAR:
		put_text(printer, "*");
		break;
	case SQL_CALL:
		print_call(printer, node);
		break;
	case SQL_LIST:
	case SQL_ARRAY:
		put(printer, node->kind == SQL_LIST ? "(" : "[", 1);
		print_list(printer, node->args, node->args_count);
		put(printer, node->kind == SQL_LIST ? ")" : "]", 1);
		break;
	case SQL_INTERVAL:
		snprintf(unit, sizeof unit, "toInterval%c%.*s(", node->text.bytes[0] - 'a' + 'A',
			 (int)node->text.size - 1, node->text.bytes + 1);
		put_text(printer, unit);
		print_list(printer, node->args, node->args_count);
		put(printer, ")", 1);
		break;
	case SQL_SUBQUERY:
		put_text(printer, "_subquery");
		break;
	case SQL_PARAMETER:
		put(printer, "{", 1);
		put(printer, node->text.bytes, node->text.size);
		put(printer, ":", 1);
		put(printer, node->type.bytes, node->type.size);
		put(printer, "}", 1);
		break;
	}
}

struct store_str
sql_print(const struct sql_node *node, struct store_arena *arena)
{
	struct printer printer = {.arena = arena};

	print(&printer, node);
	return printer.failed ? (struct store_str){NULL, 0}
			      : (struct store_str){printer.bytes, printer.size};
}
