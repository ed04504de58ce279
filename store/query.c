/*
 * store_query: parse, plan, snapshot, scan; and the statements that read no
 * rows. The store's reading half.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "sql_parse.h"
#include "state.h"

#define MEMORY_BYTES_MAX ((size_t)256 << 20)
#define ROWS_MAX 1000000u
#define ATTEMPTS_MAX 100u /* segments that one query may find damaged, and one more */

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

/* ---- statements about the schema ------------------------------------- */

#define META_COLUMNS_MAX 4u

/* A small table of strings; cells[row * columns + column]. */
static int
fill_strings(struct store_result *result, const char *const *names, uint32_t columns,
	     const struct store_str *cells, uint64_t rows, struct store_error *error)
{
	struct store_result_column *meta =
	    store_arena_zalloc(result->arena, META_COLUMNS_MAX * sizeof *meta);
	struct store_value **values =
	    store_arena_zalloc(result->arena, META_COLUMNS_MAX * sizeof *values);

	if (meta == NULL || values == NULL)
		return expression_no_memory(error);
	for (uint32_t c = 0; c < columns; c++) {
		meta[c] =
		    (struct store_result_column){.name = str(names[c]), .type = STORE_R_STRING};
		if ((values[c] = store_arena_zalloc(result->arena, (rows + 1) * sizeof **values)) ==
		    NULL)
			return expression_no_memory(error);
		for (uint64_t r = 0; r < rows; r++)
			values[c][r].v.s = cells[r * columns + c];
	}
	result->columns = meta;
	result->columns_count = columns;
	result->values = values;
	result->rows_count = rows;
	return 0;
}

static int
show_tables(const struct store *store, const struct sql_query *query, struct store_result *result,
	    struct store_error *error)
{
	const char *const names[] = {"name"};
	struct store_str cells[64];
	uint32_t count = 0;

	if (query->like.size > 0)
		return plan_error(error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
				  "SHOW TABLES LIKE is not implemented");
	for (uint32_t i = 0; i < store->schema->tables_count && count < 64; i++)
		cells[count++] = str(store->schema->tables[i].name);
	return fill_strings(result, names, 1, cells, count, error);
}

static struct store_str
type_name(const struct store_column *column, struct store_arena *arena)
{
	char name[64], *copy;
	const char *base = column->type == STORE_TIME    ? "DateTime64(3)"
			   : column->type == STORE_FLOAT ? "Float64"
			   : column->type == STORE_MAP   ? "Map(String, String)"
							 : "String";

	if (column->type == STORE_UINT)
		snprintf(name, sizeof name,
			 column->flags & STORE_NULLABLE ? "Nullable(UInt%u)" : "UInt%u",
			 column->bits);
	else if (column->flags & STORE_DIMENSION)
		snprintf(name, sizeof name, "LowCardinality(%s)", base);
	else
		snprintf(name, sizeof name, column->flags & STORE_NULLABLE ? "Nullable(%s)" : "%s",
			 base);
	if ((copy = store_arena_alloc(arena, strlen(name) + 1)) == NULL)
		return (struct store_str){"", 0};
	strcpy(copy, name);
	return str(copy);
}

static int
describe(const struct store *store, const struct sql_query *query, struct store_result *result,
	 struct store_error *error)
{
	const char *const names[] = {"name", "type", "unit", "comment"};
	const struct store_table *table = NULL;
	struct store_str *cells;

	for (uint32_t i = 0; i < store->schema->tables_count; i++) {
		if (strlen(store->schema->tables[i].name) == query->table.size &&
		    memcmp(store->schema->tables[i].name, query->table.bytes, query->table.size) ==
			0)
			table = &store->schema->tables[i];
	}
	if (table == NULL) {
		error->offset = query->table_offset;
		return plan_error(error, STORE_EUNKNOWN, 60, "UNKNOWN_TABLE",
				  "Unknown table %.*s (see SHOW TABLES)", (int)query->table.size,
				  query->table.bytes);
	}
	cells = store_arena_alloc(result->arena, table->columns_count * 4u * sizeof *cells);
	if (cells == NULL)
		return expression_no_memory(error);
	for (uint32_t i = 0; i < table->columns_count; i++) {
		const struct store_column *column = &table->columns[i];

		cells[i * 4] = str(column->name);
		cells[i * 4 + 1] = type_name(column, result->arena);
		cells[i * 4 + 2] = str(column->unit == NULL ? "" : column->unit);
		cells[i * 4 + 3] = str(column->comment == NULL ? "" : column->comment);
	}
	return fill_strings(result, names, 4, cells, table->columns_count, error);
}

/* ---- SELECT ---------------------------------------------------------- */

static int
run_select(struct store *store, const struct store_query *query, const struct sql_query *parsed,
	   int64_t began_ns, struct store_result *result, struct store_error *error)
{
	size_t memory = query->memory_bytes_max != 0 ? query->memory_bytes_max : MEMORY_BYTES_MAX;
	uint64_t timeout_ns = query->timeout_ns != 0 ? query->timeout_ns : WATCH_TIMEOUT_NS;
	struct scan_limits limits = {
	    .watch = {began_ns + (int64_t)timeout_ns, query->cancel},
	    .groups_max = query->groups_max != 0 ? query->groups_max : ROWS_MAX,
	    .result_rows_max = query->result_rows_max != 0 ? query->result_rows_max : ROWS_MAX,
	    .memory_bytes_max = memory};
	struct snapshot *snapshot;
	struct plan *plan;
	int code = snapshot_open(store, &snapshot, error);

	if (code != 0)
		return code;
	code = plan_create(parsed, snapshot, query, result->arena, &plan, error);
	if (code == 0)
		code = scan_run(plan, snapshot, &limits, query->now_ms, store->secret,
				result->arena, result, error);
	snapshot_close(snapshot);
	return code;
}

static int
run(struct store *store, const struct store_query *query, const struct sql_query *parsed,
    int64_t began_ns, struct store_result *result, struct store_error *error)
{
	static const char *const database[] = {"name"};
	const struct store_str name = {"default", 7};

	switch (parsed->statement) {
	case SQL_SELECT:
		return run_select(store, query, parsed, began_ns, result, error);
	case SQL_SHOW_TABLES:
		return show_tables(store, parsed, result, error);
	case SQL_SHOW_DATABASES:
		return fill_strings(result, database, 1, &name, 1, error);
	case SQL_DESCRIBE:
		return describe(store, parsed, result, error);
	case SQL_EXISTS:
	case SQL_EXPLAIN:
	case SQL_EXPLAIN_SYNTAX:
	case SQL_INSERT:
		break;
	}
	return plan_error(error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED", "%s is not implemented",
			  parsed->statement == SQL_INSERT   ? "INSERT (use POST /import)"
			  : parsed->statement == SQL_EXISTS ? "EXISTS"
							    : "EXPLAIN");
}

static int
attempt(struct store *store, const struct store_query *query, int64_t began_ns,
	struct store_result **out, struct store_error *error)
{
	size_t memory = query->memory_bytes_max != 0 ? query->memory_bytes_max : MEMORY_BYTES_MAX;
	struct store_arena *arena = store_arena_create(memory);
	struct store_result *result =
	    arena == NULL ? NULL : store_arena_zalloc(arena, sizeof *result);
	struct sql_query *parsed;
	int code;

	error->code = 0;
	error->clickhouse = 0;
	error->name = NULL;
	error->offset = 0;
	error->file[0] = '\0';
	if (result == NULL) {
		store_arena_free(arena);
		return expression_no_memory(error);
	}
	result->arena = arena;
	code = sql_parse(query->text, arena, &parsed, error);
	if (code == 0)
		code = run(store, query, parsed, began_ns, result, error);
	if (code != 0) {
		store_arena_free(arena);
		return code;
	}
	result->format = parsed->format;
	result->elapsed_ns = (uint64_t)(state_monotonic_ns() - began_ns);
	result->memory_peak_bytes = store_arena_bytes(arena);
	*out = result;
	return 0;
}

int
store_query(struct store *store, const struct store_query *query, struct store_result **out,
	    struct store_error *error)
{
	int64_t began_ns = state_monotonic_ns();
	struct store_error local = {0};
	int code = 0;

	if (error == NULL)
		error = &local;
	/* A segment found damaged is left out of the next snapshot. */
	for (uint32_t tries = 0; tries < ATTEMPTS_MAX; tries++) {
		code = attempt(store, query, began_ns, out, error);
		if (code != STORE_ECORRUPT)
			break;
	}
	return code;
}

void
store_result_free(struct store_result *result)
{
	if (result != NULL)
		store_arena_free(result->arena);
}
