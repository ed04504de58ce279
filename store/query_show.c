/*
 * Statements that read no rows of the store: SHOW, DESCRIBE and EXISTS. SHOW is
 * a query of the system database. Beside query.c.
 */
#include <stdio.h>
#include <string.h>

#include "query_inside.h"

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

/* A text as it stands in a query. */
static struct store_str
quoted(struct query_run *run, struct store_str text)
{
	struct sql_node node = {.kind = SQL_TEXT, .text = text};

	return sql_print(&node, run->arena);
}

/* The statement's answer is that of another. */
static int
answer_query(struct query_run *run, const char *text)
{
	struct sql_query *query;
	struct plan *plan;
	int code = sql_parse(str(text), run->arena, &query, run->error);

	if (code == 0)
		code = query_nest(run, query);
	return code == 0 ? query_select(run, query, run->result, &plan) : code;
}

static int
show(struct query_run *run, const struct sql_query *query)
{
	bool tables = query->statement == SQL_SHOW_TABLES;
	struct store_str database = query->database.size > 0 ? query->database : str("default");
	struct store_str name = quoted(run, database), like = {"'%'", 3};
	size_t size = 200;
	char *text;

	if (query->like.size > 0)
		like = quoted(run, query->like);
	size += name.size + like.size;
	if (name.bytes == NULL || like.bytes == NULL ||
	    (text = store_arena_alloc(run->arena, size)) == NULL)
		return expression_no_memory(run->error);
	if (tables)
		snprintf(text, size,
			 "SELECT name FROM system.tables WHERE database = %.*s AND name LIKE %.*s "
			 "ORDER BY name",
			 (int)name.size, name.bytes, (int)like.size, like.bytes);
	else
		snprintf(text, size,
			 "SELECT name FROM system.databases WHERE name LIKE %.*s ORDER BY name",
			 (int)like.size, like.bytes);
	return answer_query(run, text);
}

static int
unknown_table(struct query_run *run, const struct sql_query *query)
{
	run->error->offset = query->table_offset;
	return plan_error(run->error, STORE_EUNKNOWN, 60, "UNKNOWN_TABLE",
			  "Unknown table %.*s (see SHOW TABLES)", EXPRESSION_SHOWN(query->table));
}

static bool
is_stored(const struct query_run *run, const struct sql_query *query)
{
	const struct store_schema *schema = snapshot_schema(run->snapshot);

	for (uint32_t i = 0; i < schema->tables_count; i++) {
		if (strlen(schema->tables[i].name) == query->table.size &&
		    memcmp(schema->tables[i].name, query->table.bytes, query->table.size) == 0)
			return true;
	}
	return false;
}

/* A table of the store: from system.columns. */
static int
describe_stored(struct query_run *run, const struct sql_query *query)
{
	struct store_str name = quoted(run, query->table);
	size_t size = 300 + name.size;
	char *text = store_arena_alloc(run->arena, size);

	if (text == NULL || name.bytes == NULL)
		return expression_no_memory(run->error);
	snprintf(text, size,
		 "SELECT name, type, default_kind AS default_type, default_expression, comment, "
		 "'' AS codec_expression, '' AS ttl_expression FROM system.columns "
		 "WHERE table = %.*s ORDER BY position",
		 (int)name.size, name.bytes);
	return answer_query(run, text);
}

/* A table of the system database, or a subquery. */
static int
describe_relation(struct query_run *run, const struct relation *of)
{
	static const char *const names[] = {"name",          "type",
					    "default_type",  "default_expression",
					    "comment",       "codec_expression",
					    "ttl_expression"};
	struct relation_column columns[7] = {0};
	struct relation *relation;

	for (int i = 0; i < 7; i++) {
		columns[i].name = str(names[i]);
		columns[i].type.type = STORE_R_STRING;
	}
	relation = relation_create(run->arena, columns, 7, of->columns_count);
	if (relation == NULL)
		return expression_no_memory(run->error);
	for (uint32_t i = 0; i < of->columns_count; i++) {
		relation->columns[0].data.s[i] = of->columns[i].name;
		relation->columns[1].data.s[i] = system_type_text(of->columns[i].type, run->arena);
	}
	return relation_to_result(relation, run->result) == 0 ? 0
							      : expression_no_memory(run->error);
}

static int
describe(struct query_run *run, struct sql_query *query)
{
	int code;

	if (query->from_query == NULL && !sql_is_word(query->database, "system"))
		return is_stored(run, query) ? describe_stored(run, query)
					     : unknown_table(run, query);
	run->dry = true;
	if ((code = query_nest(run, query)) != 0)
		return code;
	return describe_relation(run, query->relation);
}

static int
exists(struct query_run *run, const struct sql_query *query)
{
	struct relation_column column = {.name = str("result"), .type = {.type = STORE_R_UINT8}};
	struct relation *found = NULL, *relation = relation_create(run->arena, &column, 1, 1);
	bool is_there = is_stored(run, query);
	int code;

	if (relation == NULL)
		return expression_no_memory(run->error);
	if (sql_is_word(query->database, "system")) {
		if ((code = system_table(run, query->table, &found)) != 0)
			return code;
		is_there = found != NULL;
	}
	relation->columns[0].data.n.u[0] = is_there;
	return relation_to_result(relation, run->result) == 0 ? 0
							      : expression_no_memory(run->error);
}

int
query_answer_lines(struct query_run *run, const char *name, const struct store_str *lines,
		   uint32_t count)
{
	struct relation_column column = {.name = str(name), .type = {.type = STORE_R_STRING}};
	struct relation *relation = relation_create(run->arena, &column, 1, count);

	for (uint32_t i = 0; relation != NULL && i < count; i++)
		relation->columns[0].data.s[i] = lines[i];
	if (relation == NULL || relation_to_result(relation, run->result) != 0)
		return expression_no_memory(run->error);
	return 0;
}

int
query_show(struct query_run *run, struct sql_query *query)
{
	if (query->statement == SQL_DESCRIBE)
		return describe(run, query);
	if (query->statement == SQL_EXISTS)
		return exists(run, query);
	return show(run, query);
}
