/*
 * Queries as text again: what EXPLAIN SYNTAX shows. The reverse of sql_parse.c;
 * expressions are sql_print.c's.
 */
#include <ctype.h>
#include <string.h>

#include "sql_parse_inside.h"
#include "sql_print_inside.h"

void
sql_print_name(struct sql_printer *printer, struct store_str name)
{
	/* GROUP BY ALL is by no name, though one may be called so. */
	bool plain = name.size > 0 && !isdigit((unsigned char)name.bytes[0]) &&
		     !sql_parse_is_reserved(name) && !sql_is_word(name, "ALL");

	for (uint32_t i = 0; plain && i < name.size; i++)
		plain = isalnum((unsigned char)name.bytes[i]) || name.bytes[i] == '_';
	if (plain) {
		sql_print_bytes(printer, name.bytes, name.size);
		return;
	}
	sql_print_text(printer, "`");
	for (uint32_t i = 0; i < name.size && !printer->failed; i++) {
		if (name.bytes[i] == '`' || name.bytes[i] == '\\')
			sql_print_text(printer, "\\");
		sql_print_bytes(printer, name.bytes + i, 1);
	}
	sql_print_text(printer, "`");
}

static void
print_items(struct sql_printer *printer, const char *clause, struct sql_node *const *nodes,
	    uint32_t count)
{
	for (uint32_t i = 0; i < count && !printer->failed; i++) {
		sql_print_text(printer, i == 0 ? clause : ", ");
		sql_print_node(printer, nodes[i]);
		if (nodes[i]->alias.size > 0) {
			sql_print_text(printer, " AS ");
			sql_print_name(printer, nodes[i]->alias);
		}
	}
}

static void
print_clause(struct sql_printer *printer, const char *clause, struct sql_node *node)
{
	if (node != NULL)
		print_items(printer, clause, &node, 1);
}

static void
print_from(struct sql_printer *printer, const struct sql_query *query)
{
	if (query->table_parameter != NULL) {
		print_clause(printer, " FROM ", query->table_parameter);
	} else if (query->from_query != NULL) {
		print_clause(printer, " FROM ", query->from_query);
	} else if (query->table.size > 0) {
		sql_print_text(printer, " FROM ");
		if (query->database.size > 0) {
			sql_print_name(printer, query->database);
			sql_print_text(printer, ".");
		}
		sql_print_name(printer, query->table);
	}
}

static void
print_order(struct sql_printer *printer, const struct sql_query *query)
{
	for (uint32_t i = 0; i < (query->order_all ? 1 : query->order_count); i++) {
		const struct sql_order *order = &query->order[i];

		sql_print_text(printer, i == 0 ? " ORDER BY " : ", ");
		if (query->order_all)
			sql_print_text(printer, "ALL");
		else
			sql_print_node(printer, order->node);
		sql_print_text(printer, order->descending ? " DESC" : " ASC");
		if (order->nulls_first)
			sql_print_text(printer, " NULLS FIRST");
		if (order->fill)
			sql_print_text(printer, " WITH FILL");
		print_clause(printer, " FROM ", order->from);
		print_clause(printer, " TO ", order->to);
		print_clause(printer, " STEP ", order->step);
	}
}

void
sql_print_query(struct sql_printer *printer, const struct sql_query *query)
{
	for (uint32_t i = 0; i < query->with_count; i++) {
		const struct sql_node *node = query->with[i];
		bool is_table = node->is_table;

		sql_print_text(printer, i == 0 ? "WITH " : ", ");
		if (is_table)
			sql_print_name(printer, node->alias);
		else
			sql_print_node(printer, node);
		sql_print_text(printer, " AS ");
		if (is_table)
			sql_print_node(printer, node);
		else
			sql_print_name(printer, node->alias);
	}
	if (query->with_count > 0)
		sql_print_text(printer, " ");
	print_items(printer, query->distinct ? "SELECT DISTINCT " : "SELECT ", query->items,
		    query->items_count);
	print_from(printer, query);
	print_clause(printer, " PREWHERE ", query->prewhere);
	print_clause(printer, " WHERE ", query->where);
	print_items(printer, " GROUP BY ", query->group, query->group_count);
	if (query->group_all)
		sql_print_text(printer, " GROUP BY ALL");
	if (query->totals)
		sql_print_text(printer, " WITH TOTALS");
	print_clause(printer, " HAVING ", query->having);
	print_order(printer, query);
	print_clause(printer, " LIMIT ", query->limit_by_count);
	print_clause(printer, " OFFSET ", query->limit_by_offset);
	print_items(printer, " BY ", query->limit_by, query->limit_by_keys_count);
	print_clause(printer, " LIMIT ", query->limit);
	print_clause(printer, " OFFSET ", query->offset);
}

struct store_str
sql_statement_print(const struct sql_query *query, struct store_arena *arena)
{
	struct sql_printer printer = {.arena = arena, .in_full = true};

	sql_print_query(&printer, query);
	return printer.failed ? (struct store_str){NULL, 0}
			      : (struct store_str){printer.bytes, printer.size};
}
