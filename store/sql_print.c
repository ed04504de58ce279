/*
 * Expressions as ClickHouse writes them in column names.
 */
#include <stdio.h>
#include <string.h>

#include "sql_print_inside.h"

void
sql_print_bytes(struct sql_printer *printer, const char *bytes, uint32_t size)
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

void
sql_print_text(struct sql_printer *printer, const char *text)
{
	sql_print_bytes(printer, text, (uint32_t)strlen(text));
}

static void
put_quoted(struct sql_printer *printer, struct store_str text)
{
	static const char from[] = "'\\\n\t\r\b\f", to[] = "'\\ntrbf0";

	sql_print_bytes(printer, "'", 1);
	for (uint32_t i = 0; i < text.size && !printer->failed; i++) {
		char c = text.bytes[i];
		const char *found = memchr(from, c, sizeof from);

		if (found != NULL)
			sql_print_bytes(printer, "\\", 1);
		sql_print_bytes(printer, found == NULL ? &c : &to[found - from], 1);
	}
	sql_print_bytes(printer, "'", 1);
}

/* 1000. has its point, as in ClickHouse. */
static void
put_float(struct sql_printer *printer, double value)
{
	char text[STORE_DOUBLE_BYTES_MAX];

	store_print_double(value, text);
	sql_print_text(printer, text);
	if (strpbrk(text, ".en") == NULL)
		sql_print_bytes(printer, ".", 1);
}

/* An argument with an alias is known by it. */
static void
print_list(struct sql_printer *printer, struct sql_node *const *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count && !printer->failed; i++) {
		if (i > 0)
			sql_print_bytes(printer, ", ", 2);
		if (nodes[i]->alias.size > 0 && !printer->in_full) {
			sql_print_bytes(printer, nodes[i]->alias.bytes, nodes[i]->alias.size);
			continue;
		}
		sql_print_node(printer, nodes[i]);
		if (nodes[i]->alias.size > 0) {
			sql_print_text(printer, " AS ");
			sql_print_name(printer, nodes[i]->alias);
		}
	}
}

static void
print_call(struct sql_printer *printer, const struct sql_node *node)
{
	struct store_str name;

	if (sql_is_word(node->text, "negate") && node->args_count == 1 &&
	    node->args[0]->kind <= SQL_NUMBER_FLOAT) {
		sql_print_bytes(printer, "-", 1);
		sql_print_node(printer, node->args[0]);
		return;
	}
	name = printer->name_of == NULL ? node->text : printer->name_of(node->text);
	sql_print_bytes(printer, name.bytes, name.size);
	if (node->distinct && !printer->in_full) /* countDistinct(x) */
		sql_print_text(printer, "Distinct");
	if (node->parameters_count > 0) {
		sql_print_bytes(printer, "(", 1);
		print_list(printer, node->parameters, node->parameters_count);
		sql_print_bytes(printer, ")", 1);
	}
	sql_print_bytes(printer, "(", 1);
	if (node->distinct && printer->in_full)
		sql_print_text(printer, "DISTINCT ");
	print_list(printer, node->args, node->args_count);
	sql_print_bytes(printer, ")", 1);
}

void
sql_print_node(struct sql_printer *printer, const struct sql_node *node)
{
	char unit[32];

	if (printer->failed)
		return;
	switch (node->kind) {
	case SQL_NUMBER_UINT:
		snprintf(unit, sizeof unit, "%llu", (unsigned long long)node->u);
		sql_print_text(printer, unit);
		break;
	case SQL_NUMBER_FLOAT:
		put_float(printer, node->f);
		break;
	case SQL_NAME:
		if (printer->in_full)
			sql_print_name(printer, node->text);
		else
			sql_print_bytes(printer, node->text.bytes, node->text.size);
		break;
	case SQL_TEXT:
		put_quoted(printer, node->text);
		break;
	case SQL_NULL:
		sql_print_text(printer, "NULL");
		break;
	case SQL_STAR:
		sql_print_text(printer, "*");
		break;
	case SQL_CALL:
		print_call(printer, node);
		break;
	case SQL_LIST:
	case SQL_ARRAY:
		sql_print_bytes(printer, node->kind == SQL_LIST ? "(" : "[", 1);
		print_list(printer, node->args, node->args_count);
		sql_print_bytes(printer, node->kind == SQL_LIST ? ")" : "]", 1);
		break;
	case SQL_INTERVAL:
		snprintf(unit, sizeof unit, "toInterval%c%.*s(", node->text.bytes[0] - 'a' + 'A',
			 (int)node->text.size - 1, node->text.bytes + 1);
		sql_print_text(printer, unit);
		print_list(printer, node->args, node->args_count);
		sql_print_bytes(printer, ")", 1);
		break;
	case SQL_SUBQUERY:
		if (printer->in_full) {
			sql_print_text(printer, "(");
			sql_print_query(printer, node->query);
			sql_print_text(printer, ")");
			break;
		}
		snprintf(unit, sizeof unit, "_subquery_%u", node->number);
		sql_print_text(printer, unit);
		break;
	case SQL_PARAMETER:
		sql_print_bytes(printer, "{", 1);
		sql_print_bytes(printer, node->text.bytes, node->text.size);
		sql_print_bytes(printer, ":", 1);
		sql_print_bytes(printer, node->type.bytes, node->type.size);
		sql_print_bytes(printer, "}", 1);
		break;
	}
}

struct store_str
sql_print(const struct sql_node *node, struct store_arena *arena)
{
	return sql_print_named(node, NULL, arena);
}

struct store_str
sql_print_named(const struct sql_node *node, struct store_str (*name_of)(struct store_str),
		struct store_arena *arena)
{
	struct sql_printer printer = {.arena = arena, .name_of = name_of};

	sql_print_node(&printer, node);
	return printer.failed ? (struct store_str){NULL, 0}
			      : (struct store_str){printer.bytes, printer.size};
}
