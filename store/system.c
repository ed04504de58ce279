/*
 * The system database: what clients ask about the server before they ask for
 * rows. Tables are made when they are read. Above the schema; must not read
 * rows of the store.
 */
#include <stdio.h>
#include <string.h>

#include "function.h"
#include "query_inside.h"
#include "state.h"

#define COLUMNS_MAX 24u

/* A table as it is being filled. */
struct table {
	struct query_run *run;
	struct relation *relation;
	uint64_t row; /* that is being filled */
};

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

struct store_str
system_type_text(struct type type, struct store_arena *arena)
{
	const char *name = function_type_name(type.type);
	char text[80], *copy;
	int size;

	if (type.type == STORE_R_ARRAY)
		size = snprintf(text, sizeof text, "Array(%s)", function_type_name(type.element));
	else
		size = snprintf(text, sizeof text, "%s%s%s%s%s",
				type.dictionary ? "LowCardinality(" : "",
				type.nullable ? "Nullable(" : "", name, type.nullable ? ")" : "",
				type.dictionary ? ")" : "");
	if ((copy = store_arena_alloc(arena, (size_t)size)) == NULL)
		return str("");
	memcpy(copy, text, (size_t)size);
	return (struct store_str){copy, (uint32_t)size};
}

/* ---- filling --------------------------------------------------------- */

/* "name:type" each; a type is s (String), u (UInt64), b (UInt8), with ? before
 * it when it is Nullable, then NULL. */
static int
begin(struct table *table, const char *const *columns, uint64_t rows_count)
{
	struct relation_column list[COLUMNS_MAX] = {0};
	uint32_t count = 0;

	for (; columns[count] != NULL; count++) {
		const char *colon = strchr(columns[count], ':'), *type = colon + 1;

		list[count].type.nullable = *type == '?';
		type += *type == '?';
		list[count].name =
		    (struct store_str){columns[count], (uint32_t)(colon - columns[count])};
		list[count].type.type = *type == 's'   ? STORE_R_STRING
					: *type == 'u' ? STORE_R_UINT64
						       : STORE_R_UINT8;
	}
	table->relation = relation_create(table->run->arena, list, count, rows_count);
	if (table->relation == NULL)
		return expression_no_memory(table->run->error);
	for (uint32_t c = 0; c < count; c++) { /* NULL unless it is set */
		struct data *data = &table->relation->columns[c].data;

		if (data->nulls != NULL)
			memset(data->nulls, 1, rows_count);
	}
	return 0;
}

static struct data *
cell(struct table *table, const char *column)
{
	int index = relation_find(table->relation, str(column));
	struct data *data = &table->relation->columns[index].data;

	if (data->nulls != NULL)
		data->nulls[table->row] = 0;
	return data;
}

static void
set_str(struct table *table, const char *column, struct store_str value)
{
	cell(table, column)->s[table->row] = value;
}

static void
set_text(struct table *table, const char *column, const char *value)
{
	set_str(table, column, str(value));
}

static void
set_number(struct table *table, const char *column, uint64_t value)
{
	cell(table, column)->n.u[table->row] = value;
}

/* ---- the tables ------------------------------------------------------ */

static int
fill_one(struct table *table)
{
	static const char *const columns[] = {"dummy:b", NULL};

	return begin(table, columns, 1);
}

static int
fill_databases(struct table *table)
{
	static const char *const columns[] = {"name:s",          "engine:s", "data_path:s",
					      "metadata_path:s", "uuid:s",   "engine_full:s",
					      "comment:s",       NULL};
	static const char *const names[] = {"default", "system"};
	int result = begin(table, columns, 2);

	for (table->row = 0; result == 0 && table->row < 2; table->row++) {
		set_text(table, "name", names[table->row]);
		set_text(table, "engine", "Atomic");
		set_text(table, "engine_full", "Atomic");
		set_text(table, "uuid", "00000000-0000-0000-0000-000000000000");
	}
	return result;
}

static const char *const table_names[] = {"columns", "databases", "functions",
					  "one",     "settings",  "tables"};
#define TABLES_COUNT (sizeof table_names / sizeof *table_names)

/* Rows of all blocks, those that are not visible included. */
static uint64_t
rows_of(const struct snapshot *snapshot, uint32_t table)
{
	uint64_t rows = 0;

	for (uint32_t i = 0; i < snapshot_blocks_count(snapshot, table); i++)
		rows += block_rows_count(snapshot_block(snapshot, table, i));
	return rows;
}

static void
set_system_table(struct table *table, const char *name)
{
	set_text(table, "database", "system");
	set_text(table, "name", name);
	set_text(table, "engine", "System");
	table->row++;
}

static int
fill_tables(struct table *table)
{
	static const char *const columns[] = {
	    "database:s",     "name:s",          "uuid:s",
	    "engine:s",       "is_temporary:b",  "create_table_query:s",
	    "engine_full:s",  "partition_key:s", "sorting_key:s",
	    "primary_key:s",  "sampling_key:s",  "total_rows:?u",
	    "total_bytes:?u", "comment:s",       NULL};
	const struct store_query *request = table->run->request;
	const struct store_schema *schema = table->run->store->schema;
	int result =
	    begin(table, columns, schema->tables_count + TABLES_COUNT + request->tables_count);

	if (result != 0)
		return result;
	for (uint32_t i = 0; i < schema->tables_count; i++, table->row++) {
		set_text(table, "database", "default");
		set_text(table, "name", schema->tables[i].name);
		set_text(table, "engine", "MergeTree");
		set_number(table, "total_rows", rows_of(table->run->snapshot, i));
	}
	for (size_t i = 0; i < TABLES_COUNT; i++)
		set_system_table(table, table_names[i]);
	for (uint32_t i = 0; i < request->tables_count; i++)
		set_system_table(table, request->tables[i].name);
	for (uint64_t i = 0; i < table->row; i++)
		table->relation->columns[2].data.s[i] = str("00000000-0000-0000-0000-000000000000");
	return 0;
}

/* "Largest Contentful Paint [ms]" */
static struct store_str
comment_of(const struct store_column *column, struct store_arena *arena)
{
	const char *comment = column->comment == NULL ? "" : column->comment;
	const char *unit = column->unit == NULL ? "" : column->unit;
	size_t size = strlen(comment) + strlen(unit) + 4;
	char *text;

	if (*unit == '\0' || (text = store_arena_alloc(arena, size)) == NULL)
		return str(comment);
	snprintf(text, size, "%s%s[%s]", comment, *comment == '\0' ? "" : " ", unit);
	return str(text);
}

static int
fill_columns(struct table *table)
{
	static const char *const columns[] = {"database:s",
					      "table:s",
					      "name:s",
					      "type:s",
					      "position:u",
					      "default_kind:s",
					      "default_expression:s",
					      "data_compressed_bytes:u",
					      "data_uncompressed_bytes:u",
					      "marks_bytes:u",
					      "comment:s",
					      "is_in_partition_key:b",
					      "is_in_sorting_key:b",
					      "is_in_primary_key:b",
					      "is_in_sampling_key:b",
					      "compression_codec:s",
					      NULL};
	const struct store_schema *schema = table->run->store->schema;
	struct store_arena *arena = table->run->arena;
	uint64_t count = 0;
	int result;

	for (uint32_t t = 0; t < schema->tables_count; t++)
		count += schema->tables[t].columns_count;
	if ((result = begin(table, columns, count)) != 0)
		return result;
	for (uint32_t t = 0; t < schema->tables_count; t++) {
		for (uint32_t c = 0; c < schema->tables[t].columns_count; c++, table->row++) {
			const struct store_column *column = &schema->tables[t].columns[c];
			bool is_key = column->flags & (STORE_ROLE_TIME | STORE_ROLE_SORT);

			set_text(table, "database", "default");
			set_text(table, "table", schema->tables[t].name);
			set_text(table, "name", column->name);
			set_str(table, "type", system_type_text(plan_type_of(column), arena));
			set_number(table, "position", c + 1);
			set_str(table, "comment", comment_of(column, arena));
			set_number(table, "is_in_partition_key",
				   (column->flags & STORE_ROLE_TIME) != 0);
			set_number(table, "is_in_sorting_key", is_key);
			set_number(table, "is_in_primary_key", is_key);
		}
	}
	return 0;
}

static int
fill_functions(struct table *table)
{
	static const char *const columns[] = {"name:s",     "is_aggregate:b", "case_insensitive:b",
					      "alias_to:s", "origin:s",       "description:s",
					      NULL};
	uint32_t scalars = 0, aggregates = 0, aliases = 0;
	int result;

	while (function_at(scalars) != NULL)
		scalars++;
	while (aggregate_at(aggregates) != NULL)
		aggregates++;
	while (function_alias_at(aliases) != NULL)
		aliases++;
	result = begin(table, columns, scalars + aggregates + aliases);
	for (uint32_t i = 0; result == 0 && i < scalars + aggregates; i++, table->row++) {
		bool is_aggregate = i >= scalars;
		const struct aggregate_name *name = is_aggregate ? aggregate_at(i - scalars) : NULL;

		set_text(table, "name", is_aggregate ? name->name : function_at(i)->name);
		set_number(table, "is_aggregate", is_aggregate);
		set_number(table, "case_insensitive",
			   is_aggregate ? name->any_case : function_at(i)->any_case);
		set_text(table, "origin", "System");
	}
	for (uint32_t i = 0; result == 0 && i < aliases; i++, table->row++) {
		const struct function_alias *alias = function_alias_at(i);

		set_text(table, "name", alias->name);
		set_number(table, "is_aggregate", function_find(str(alias->name)) == NULL);
		set_number(table, "case_insensitive", alias->any_case);
		set_text(table, "alias_to", alias->of);
		set_text(table, "origin", "System");
	}
	return result;
}

static struct store_str
number_text(struct store_arena *arena, uint64_t number)
{
	char *text = store_arena_alloc(arena, 24);

	if (text == NULL)
		return str("");
	snprintf(text, 24, "%llu", (unsigned long long)number);
	return str(text);
}

/* What a request may set, with what holds for this one. */
static int
fill_settings(struct table *table)
{
	static const char *const columns[] = {"name:s",        "value:s", "changed:b",
					      "description:s", "min:?s",  "max:?s",
					      "readonly:b",    "type:s",  NULL};
	const struct scan_limits *limits = table->run->limits;
	const struct {
		const char *name, *description;
		uint64_t value;
	} settings[] = {
	    {"max_execution_time", "Seconds that a query may take",
	     (table->run->request->timeout_ns + 999999999) / 1000000000},
	    {"max_memory_usage", "Bytes that a query may use", limits->memory_bytes_max},
	    {"max_result_rows", "Rows that an answer may have", limits->result_rows_max},
	    {"max_rows_to_group_by", "Groups that a query may have", limits->groups_max}};
	int result = begin(table, columns, sizeof settings / sizeof *settings);

	for (; result == 0 && table->row < sizeof settings / sizeof *settings; table->row++) {
		set_text(table, "name", settings[table->row].name);
		set_text(table, "description", settings[table->row].description);
		set_str(table, "value", number_text(table->run->arena, settings[table->row].value));
		set_number(table, "readonly", table->row > 0);
		set_text(table, "type", "UInt64");
	}
	return result;
}

static int
fill_callers(struct table *table, const struct store_system_table *from)
{
	struct store_result result = {.arena = table->run->arena};
	int code = from->fill(from->context, &result);

	if (code != 0)
		return expression_no_memory(table->run->error);
	table->relation = relation_of_result(&result, false, table->run->arena);
	return table->relation == NULL ? expression_no_memory(table->run->error) : 0;
}

int
system_table(struct query_run *run, struct store_str name, struct relation **out)
{
	static int (*const fill[TABLES_COUNT])(struct table * table) = {
	    fill_columns, fill_databases, fill_functions, fill_one, fill_settings, fill_tables};
	struct table table = {.run = run};
	int result = 0;

	for (size_t i = 0; i < TABLES_COUNT; i++) {
		if (strlen(table_names[i]) == name.size &&
		    memcmp(table_names[i], name.bytes, name.size) == 0)
			result = fill[i](&table);
	}
	for (uint32_t i = 0; i < run->request->tables_count; i++) {
		const struct store_system_table *from = &run->request->tables[i];

		if (strlen(from->name) == name.size &&
		    memcmp(from->name, name.bytes, name.size) == 0)
			result = fill_callers(&table, from);
	}
	*out = table.relation;
	return result;
}
