/*
 * Statements and their clauses. What lists contain comes from
 * sql_parse_expression.c.
 */
#include "sql_parse_inside.h"

/* ---- items ----------------------------------------------------------- */

struct sql_node *
sql_parse_item(struct sql_parser *parser)
{
	struct sql_node *node = sql_parse_expression(parser);

	if (node == NULL)
		return NULL;
	if (sql_parse_take_word(parser, "AS"))
		return sql_parse_identifier(parser, &node->alias) ? node : NULL;
	if (parser->token.type == SQL_IDENTIFIER ||
	    (parser->token.type == SQL_WORD && !sql_parse_is_reserved(parser->token.text) &&
	     !sql_parse_is_unsupported(parser)))
		return sql_parse_identifier(parser, &node->alias) ? node : NULL;
	return node;
}

struct sql_node *
sql_parse_item_or_star(struct sql_parser *parser)
{
	uint32_t offset = parser->token.offset;

	return sql_parse_take(parser, "*") ? sql_parse_make(parser, SQL_STAR, offset)
					   : sql_parse_item(parser);
}

bool
sql_parse_items(struct sql_parser *parser, struct sql_list *list, bool trailing)
{
	do {
		struct sql_node *node;

		if (trailing && list->count > 0 &&
		    (parser->token.type == SQL_END || sql_parse_at(parser, ")") ||
		     sql_parse_at_word(parser, "FROM")))
			return true;
		node = trailing ? sql_parse_item_or_star(parser) : sql_parse_item(parser);
		if (!sql_parse_push(parser, list, node))
			return false;
	} while (sql_parse_take(parser, ","));
	return !parser->failed;
}

/* ---- clauses --------------------------------------------------------- */

static bool
parse_table_name(struct sql_parser *parser, struct sql_query *query)
{
	query->table_offset = parser->token.offset;
	if (sql_parse_take(parser, "{"))
		return (query->table_parameter =
			    sql_parse_parameter(parser, query->table_offset)) != NULL;
	if (!sql_parse_identifier(parser, &query->table))
		return false;
	if (sql_parse_take(parser, ".")) {
		query->database = query->table;
		if (parser->token.type != SQL_WORD) /* system.settings too */
			return sql_parse_identifier(parser, &query->table);
		query->table = parser->token.text;
		sql_parse_advance(parser);
		return !parser->failed;
	}
	return true;
}

static bool
parse_from(struct sql_parser *parser, struct sql_query *query)
{
	struct store_str alias;
	uint32_t offset = parser->token.offset;

	if (sql_parse_take(parser, "(")) {
		query->from_query = sql_parse_subquery(parser, offset);
		if (query->from_query == NULL)
			return false;
	} else if (!parse_table_name(parser, query)) {
		return false;
	}
	if (sql_parse_take_word(parser, "AS") || parser->token.type == SQL_IDENTIFIER ||
	    (parser->token.type == SQL_WORD && !sql_parse_is_reserved(parser->token.text)))
		return sql_parse_identifier(parser, &alias);
	return true;
}

static bool
parse_direction(struct sql_parser *parser, struct sql_order *order)
{
	order->descending = sql_parse_take_word(parser, "DESC");
	if (!order->descending)
		sql_parse_take_word(parser, "ASC");
	if (sql_parse_take_word(parser, "NULLS")) {
		order->nulls_first = sql_parse_take_word(parser, "FIRST");
		if (!order->nulls_first && !sql_parse_expect_word(parser, "LAST"))
			return false;
	}
	return !parser->failed;
}

static bool
parse_order_item(struct sql_parser *parser, struct sql_order *order)
{
	if ((order->node = sql_parse_expression(parser)) == NULL || !parse_direction(parser, order))
		return false;
	if (sql_parse_at_word(parser, "WITH")) {
		sql_parse_advance(parser);
		if (!sql_parse_expect_word(parser, "FILL"))
			return false;
		order->fill = true;
		if (sql_parse_take_word(parser, "FROM"))
			order->from = sql_parse_expression(parser);
		if (sql_parse_take_word(parser, "TO"))
			order->to = sql_parse_expression(parser);
		if (sql_parse_take_word(parser, "STEP"))
			order->step = sql_parse_expression(parser);
	}
	return !parser->failed;
}

#define ORDER_MAX 64u

/* ORDER BY ALL: by each place in the select list. */
static bool
parse_order_all(struct sql_parser *parser, struct sql_query *query)
{
	struct sql_order all = {0};
	uint32_t offset = parser->token.offset;

	sql_parse_advance(parser);
	query->order_all = true;
	if (query->items_count > ORDER_MAX)
		return sql_parse_fail(parser, "at most 64 sort keys") != NULL;
	if (!parse_direction(parser, &all))
		return false;
	while (query->order_count < query->items_count) {
		if ((all.node = sql_parse_make(parser, SQL_NUMBER_UINT, offset)) == NULL)
			return false;
		all.node->u = query->order_count + 1;
		query->order[query->order_count++] = all;
	}
	return true;
}

static bool
parse_order(struct sql_parser *parser, struct sql_query *query)
{
	query->order = sql_parse_alloc(parser, ORDER_MAX * sizeof *query->order);
	if (query->order == NULL)
		return false;
	if (sql_parse_at_word(parser, "ALL"))
		return parse_order_all(parser, query);
	do {
		if (query->order_count == ORDER_MAX)
			return sql_parse_fail(parser, "at most 64 sort keys") != NULL;
		if (!parse_order_item(parser, &query->order[query->order_count++]))
			return false;
	} while (sql_parse_take(parser, ","));
	return true;
}

/* LIMIT n [OFFSET m] [BY ...] and LIMIT m, n; either may follow the other. */
static bool
parse_limit(struct sql_parser *parser, struct sql_query *query)
{
	struct sql_node *count = sql_parse_expression(parser), *offset = NULL;
	struct sql_list list = {0};

	if (count == NULL)
		return false;
	if (sql_parse_take(parser, ",")) {
		offset = count;
		count = sql_parse_expression(parser);
	} else if (sql_parse_take_word(parser, "OFFSET")) {
		offset = sql_parse_expression(parser);
	}
	if (parser->failed)
		return false;
	if (!sql_parse_take_word(parser, "BY")) {
		query->limit = count;
		query->offset = offset;
		return true;
	}
	query->limit_by_count = count;
	query->limit_by_offset = offset;
	if (!sql_parse_items(parser, &list, false))
		return false;
	query->limit_by = list.nodes;
	query->limit_by_keys_count = list.count;
	return !sql_parse_take_word(parser, "LIMIT") || parse_limit(parser, query);
}

static bool
parse_group(struct sql_parser *parser, struct sql_query *query)
{
	struct sql_list list = {0};

	if (!sql_parse_expect_word(parser, "BY"))
		return false;
	query->group_all = sql_parse_take_word(parser, "ALL");
	if (!query->group_all && !sql_parse_items(parser, &list, false))
		return false;
	query->group = list.nodes;
	query->group_count = list.count;
	if (sql_parse_take_word(parser, "WITH")) {
		query->totals = true;
		return sql_parse_expect_word(parser, "TOTALS");
	}
	return true;
}

static bool
parse_clauses(struct sql_parser *parser, struct sql_query *query)
{
	struct sql_list settings = {0};

	if (sql_parse_take_word(parser, "FROM") && !parse_from(parser, query))
		return false;
	if (sql_parse_take_word(parser, "PREWHERE") &&
	    (query->prewhere = sql_parse_expression(parser)) == NULL)
		return false;
	if (sql_parse_take_word(parser, "WHERE") &&
	    (query->where = sql_parse_expression(parser)) == NULL)
		return false;
	if (sql_parse_take_word(parser, "GROUP") && !parse_group(parser, query))
		return false;
	if (sql_parse_take_word(parser, "HAVING") &&
	    (query->having = sql_parse_expression(parser)) == NULL)
		return false;
	if (sql_parse_take_word(parser, "ORDER") &&
	    (!sql_parse_expect_word(parser, "BY") || !parse_order(parser, query)))
		return false;
	if (sql_parse_take_word(parser, "LIMIT") && !parse_limit(parser, query))
		return false;
	if (sql_parse_take_word(parser, "OFFSET") &&
	    (query->offset = sql_parse_expression(parser)) == NULL)
		return false;
	if (sql_parse_take_word(parser, "SETTINGS")) {
		if (!sql_parse_items(parser, &settings, false))
			return false;
		query->settings = settings.nodes;
		query->settings_count = settings.count;
	}
	return !parser->failed;
}

/* WITH e AS name, and name AS (SELECT ...), which FROM can name. */
static bool
parse_with(struct sql_parser *parser, struct sql_list *list)
{
	do {
		struct sql_lexer ahead = parser->lexer;
		struct sql_token as = sql_lex(&ahead), bracket = sql_lex(&ahead);
		bool is_table =
		    (parser->token.type == SQL_WORD || parser->token.type == SQL_IDENTIFIER) &&
		    as.type == SQL_WORD && sql_is_word(as.text, "AS") &&
		    bracket.type == SQL_PUNCTUATION && bracket.text.bytes[0] == '(';
		uint32_t offset = parser->token.offset;
		struct store_str name;
		struct sql_node *node;

		if (is_table) {
			if (!sql_parse_identifier(parser, &name))
				return false;
			sql_parse_advance(parser); /* AS ( */
			sql_parse_advance(parser);
			if ((node = sql_parse_subquery(parser, offset)) != NULL) {
				node->alias = name;
				node->is_table = true;
			}
		} else {
			node = sql_parse_item(parser);
		}
		if (!sql_parse_push(parser, list, node))
			return false;
	} while (sql_parse_take(parser, ","));
	return !parser->failed;
}

struct sql_query *
sql_parse_select(struct sql_parser *parser)
{
	struct sql_query *query = sql_parse_alloc(parser, sizeof *query);
	struct sql_list with = {0}, items = {0};

	if (query == NULL)
		return NULL;
	if (++parser->depth > SQL_DEPTH_MAX)
		return sql_parse_fail(parser, "less nesting");
	if (sql_parse_take_word(parser, "WITH")) {
		if (!parse_with(parser, &with))
			return NULL;
		query->with = with.nodes;
		query->with_count = with.count;
	}
	if (!sql_parse_expect_word(parser, "SELECT"))
		return NULL;
	query->distinct = sql_parse_take_word(parser, "DISTINCT");
	if (!sql_parse_items(parser, &items, true))
		return NULL;
	query->items = items.nodes;
	query->items_count = items.count;
	if (!parse_clauses(parser, query))
		return NULL;
	parser->depth--;
	return query;
}

/* ---- statements ------------------------------------------------------ */

static struct sql_query *
parse_show(struct sql_parser *parser, struct sql_query *query)
{
	bool databases = sql_parse_take_word(parser, "DATABASES");

	query->statement = databases ? SQL_SHOW_DATABASES : SQL_SHOW_TABLES;
	if (!databases && !sql_parse_expect_word(parser, "TABLES"))
		return NULL;
	if (!databases &&
	    (sql_parse_take_word(parser, "FROM") || sql_parse_take_word(parser, "IN")) &&
	    !sql_parse_identifier(parser, &query->database))
		return NULL;
	if (sql_parse_take_word(parser, "LIKE")) {
		if (parser->token.type != SQL_STRING)
			return sql_parse_fail(parser, "a pattern in quotes");
		query->like = parser->token.text;
		sql_parse_advance(parser);
	}
	return query;
}

static struct sql_query *
parse_insert(struct sql_parser *parser, struct sql_query *query)
{
	struct sql_list list = {0};

	query->statement = SQL_INSERT;
	if (!sql_parse_expect_word(parser, "INTO") || !parse_table_name(parser, query))
		return NULL;
	if (sql_parse_take(parser, "(") &&
	    (!sql_parse_items(parser, &list, false) || !sql_parse_expect(parser, ")")))
		return NULL;
	query->insert_columns = list.nodes;
	query->insert_columns_count = list.count;
	return query;
}

static struct sql_query *
parse_statement(struct sql_parser *parser)
{
	struct sql_query *query;
	enum sql_statement explain;

	if (sql_parse_at_word(parser, "SELECT") || sql_parse_at_word(parser, "WITH"))
		return sql_parse_select(parser);
	if (sql_parse_take_word(parser, "EXPLAIN")) {
		explain = sql_parse_take_word(parser, "SYNTAX") ? SQL_EXPLAIN_SYNTAX : SQL_EXPLAIN;
		if ((query = sql_parse_select(parser)) != NULL)
			query->statement = explain;
		return query;
	}
	if ((query = sql_parse_alloc(parser, sizeof *query)) == NULL)
		return NULL;
	if (sql_parse_take_word(parser, "SHOW"))
		return parse_show(parser, query);
	if (sql_parse_take_word(parser, "INSERT"))
		return parse_insert(parser, query);
	if (sql_parse_take_word(parser, "DESCRIBE") || sql_parse_take_word(parser, "DESC")) {
		uint32_t offset = parser->token.offset;

		query->statement = SQL_DESCRIBE;
		sql_parse_take_word(parser, "TABLE");
		if (sql_parse_take(parser, "("))
			return (query->from_query = sql_parse_subquery(parser, offset)) != NULL
				   ? query
				   : NULL;
		return parse_table_name(parser, query) ? query : NULL;
	}
	if (sql_parse_take_word(parser, "EXISTS")) {
		query->statement = SQL_EXISTS;
		sql_parse_take_word(parser, "TABLE");
		return parse_table_name(parser, query) ? query : NULL;
	}
	return sql_parse_fail(parser, "SELECT, WITH, SHOW, DESCRIBE, EXISTS, EXPLAIN or INSERT");
}

int
sql_parse(struct store_str text, struct store_arena *arena, struct sql_query **out,
	  struct store_error *error)
{
	struct sql_parser parser = {.lexer = {text, 0, arena}, .arena = arena, .error = error};
	struct sql_query *query;

	if (text.size > SQL_TEXT_BYTES_MAX) {
		store_error_set(error, STORE_ELIMIT, "The query is longer than %u bytes",
				SQL_TEXT_BYTES_MAX);
		if (error != NULL) {
			error->clickhouse = 62;
			error->name = "SYNTAX_ERROR";
		}
		return STORE_ELIMIT;
	}
	sql_parse_advance(&parser);
	query = parser.failed ? NULL : parse_statement(&parser);
	if (query != NULL && sql_parse_take_word(&parser, "FORMAT"))
		sql_parse_identifier(&parser, &query->format);
	sql_parse_take(&parser, ";");
	if (!parser.failed && query != NULL && parser.token.type != SQL_END)
		sql_parse_fail(&parser, "the end of the query");
	if (parser.failed || query == NULL)
		return error != NULL && error->code != 0 ? error->code : STORE_ESYNTAX;
	*out = query;
	return 0;
}
