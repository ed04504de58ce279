/*
 * Goal: any query text either parses or is refused with a position in it, and
 * the canonical text of an expression means the expression: parsed again it
 * prints the same. Method: parse twice and compare; print each item of the
 * select list, parse the print, print again; the same with whole SELECTs as EXPLAIN
 * SYNTAX prints them. Left out of the first are expressions whose
 * canonical text is by design no source text: those with subqueries, aliases
 * within, and names in quotes.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql_parse.h"

/* Operators become brackets in print, of which the parser takes SQL_DEPTH_MAX. */
#define PRINTED_DEPTH_MAX (SQL_DEPTH_MAX / 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_source(const struct sql_node *node);

static bool
are_source(struct sql_node *const *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (nodes[i]->alias.size > 0 || !is_source(nodes[i]))
			return false;
	}
	return true;
}

static bool
is_source(const struct sql_node *node)
{
	return node->kind != SQL_SUBQUERY && are_source(node->args, node->args_count) &&
	       are_source(node->parameters, node->parameters_count);
}

static bool
same(struct store_str a, struct store_str b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* "SELECT " and the text. */
static struct store_str
select_of(struct store_str text, struct store_arena *arena)
{
	char *bytes = store_arena_alloc(arena, text.size + 7u);

	assert(bytes != NULL);
	memcpy(bytes, "SELECT ", 7);
	memcpy(bytes + 7, text.bytes, text.size);
	return (struct store_str){bytes, text.size + 7};
}

static void
differ(struct store_str printed, struct store_str again)
{
	fprintf(stderr, "%.*s\nagain: %.*s\n", (int)printed.size, printed.bytes, (int)again.size,
		again.bytes);
	abort();
}

static void
check_item(const struct sql_node *item, struct store_arena *arena)
{
	struct store_str printed = sql_print(item, arena), again;
	struct store_error error = {0};
	struct sql_query *query;

	assert(printed.bytes != NULL);
	if (printed.size > SQL_TEXT_BYTES_MAX - 7 || item->depth > PRINTED_DEPTH_MAX ||
	    !is_source(item))
		return;
	if (sql_parse(select_of(printed, arena), arena, &query, &error) != 0)
		differ(printed, (struct store_str){error.text, (uint32_t)strlen(error.text)});
	assert(query->items_count == 1);
	again = sql_print(query->items[0], arena);
	if (!same(printed, again))
		differ(printed, again);
}

/* A whole SELECT printed, parsed and printed again is the same, unless the
 * print's brackets are more than the parser takes. */
static void
check_statement(const struct sql_query *query, struct store_arena *arena)
{
	struct store_str printed = sql_statement_print(query, arena), again;
	struct store_error error = {0};
	struct sql_query *other;

	assert(printed.bytes != NULL);
	if (sql_parse(printed, arena, &other, &error) != 0) {
		if (error.code == STORE_ELIMIT || strstr(error.text, "less nesting") != NULL ||
		    strstr(error.text, "a smaller expression") != NULL)
			return;
		differ(printed, (struct store_str){error.text, (uint32_t)strlen(error.text)});
	}
	again = sql_statement_print(other, arena);
	if (!same(printed, again))
		differ(printed, again);
}

static bool
is_select(const struct sql_query *query)
{
	return query->statement == SQL_SELECT || query->statement == SQL_EXPLAIN ||
	       query->statement == SQL_EXPLAIN_SYNTAX;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_arena *arena = store_arena_create((size_t)1 << 30);
	struct store_str text = {(const char *)data, (uint32_t)size};
	struct store_error error = {0}, other_error = {0};
	struct sql_query *query, *other;
	int result;

	assert(arena != NULL);
	result = sql_parse(text, arena, &query, &error);
	assert(result == sql_parse(text, arena, &other, &other_error));
	if (result != 0) {
		assert(result == STORE_ESYNTAX || result == STORE_ELIMIT);
		assert(error.code == result && error.offset <= size && error.text[0] != '\0');
		assert(strcmp(error.text, other_error.text) == 0);
	} else {
		if (is_select(query))
			check_statement(query, arena);
	}
	if (result == 0 && memchr(data, '`', size) == NULL && memchr(data, '"', size) == NULL) {
		for (uint32_t i = 0; i < query->items_count; i++)
			check_item(query->items[i], arena);
	}
	store_arena_free(arena);
	return 0;
}
