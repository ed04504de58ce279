/*
 * A condition of the query language on one row that is not stored yet: what
 * sampling rules ask. Parser and planner make the expression, as for a query;
 * the columns come from the row's cells instead of a block. Must not read any
 * data of a store.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_inside.h"

#define TEXT_BYTES_MAX 4096u
#define PREFIX "SELECT "

struct store_predicate {
	const struct store_schema *schema; /* borrowed */
	struct store_arena *arena;         /* owned: everything below */
	struct expression *expression;
	struct store_table table; /* the columns that it may read */
	uint16_t **places; /* [tables_count][table.columns_count]: the column in that table */
};

#define NOWHERE UINT16_MAX

/* ---- columns --------------------------------------------------------- */

static int
find_column(const struct store_table *table, const char *name)
{
	for (uint32_t i = 0; i < table->columns_count; i++) {
		if (strcmp(table->columns[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* Columns of all tables by name, those of `first` before the others. What some
 * table lacks may be NULL. */
static int
unite_columns(struct store_predicate *predicate, uint32_t first)
{
	const struct store_schema *schema = predicate->schema;
	struct store_table *out = &predicate->table;
	struct store_column *columns;
	uint32_t columns_max = 0;

	for (uint32_t t = 0; t < schema->tables_count; t++)
		columns_max += schema->tables[t].columns_count;
	columns = store_arena_alloc(predicate->arena, columns_max * sizeof *columns);
	if (columns == NULL)
		return STORE_ENOMEM;
	out->columns = columns;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		const struct store_table *table =
		    &schema->tables[(first + i) % schema->tables_count];

		for (uint32_t c = 0; c < table->columns_count; c++) {
			if (find_column(out, table->columns[c].name) < 0)
				columns[out->columns_count++] = table->columns[c];
		}
	}
	for (uint32_t c = 0; c < out->columns_count; c++) {
		for (uint32_t t = 0; t < schema->tables_count; t++) {
			if (find_column(&schema->tables[t], columns[c].name) < 0)
				columns[c].flags |= STORE_NULLABLE;
		}
	}
	return 0;
}

/* A column of the same name and another type is none. */
static uint16_t
place_of(const struct store_table *table, const struct store_column *column)
{
	int place = find_column(table, column->name);

	if (place < 0 || table->columns[place].type != column->type ||
	    table->columns[place].bits != column->bits)
		return NOWHERE;
	return (uint16_t)place;
}

static int
place_columns(struct store_predicate *predicate)
{
	const struct store_schema *schema = predicate->schema;
	uint32_t count = predicate->table.columns_count;

	predicate->places =
	    store_arena_alloc(predicate->arena, schema->tables_count * sizeof *predicate->places);
	if (predicate->places == NULL)
		return STORE_ENOMEM;
	for (uint32_t t = 0; t < schema->tables_count; t++) {
		uint16_t *places = store_arena_alloc(predicate->arena, count * sizeof *places);

		if (places == NULL)
			return STORE_ENOMEM;
		for (uint32_t c = 0; c < count; c++)
			places[c] = place_of(&schema->tables[t], &predicate->table.columns[c]);
		predicate->places[t] = places;
	}
	return 0;
}

/* ---- what may stand in it -------------------------------------------- */

static int
refuse(struct store_error *error, const struct sql_node *node, const char *what)
{
	error->offset = node->offset;
	return plan_error(error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
			  "%s cannot stand in a condition on one row", what);
}

static bool
is_map(const struct store_table *table, const struct sql_node *node)
{
	for (uint32_t i = 0; node->kind == SQL_NAME && i < table->columns_count; i++) {
		if (strlen(table->columns[i].name) == node->text.size &&
		    memcmp(table->columns[i].name, node->text.bytes, node->text.size) == 0)
			return table->columns[i].type == STORE_MAP;
	}
	return false;
}

static bool
is_time_of_day(const struct function *function)
{
	return function != NULL &&
	       (strcmp(function->name, "now") == 0 || strcmp(function->name, "today") == 0 ||
		strcmp(function->name, "yesterday") == 0);
}

static int
check_node(const struct store_predicate *predicate, const struct sql_node *node,
	   struct store_error *error)
{
	bool condition, is_element = sql_is_word(node->text, "arrayElement");
	int result = 0;

	if (node->kind == SQL_SUBQUERY || node->kind == SQL_PARAMETER)
		return refuse(error, node, "a subquery or parameter");
	if (is_map(&predicate->table, node))
		return refuse(error, node, "a whole map");
	if (node->kind == SQL_CALL && aggregate_find(node->text, &condition) != NULL)
		return refuse(error, node, "an aggregate");
	if (node->kind == SQL_CALL && is_time_of_day(function_find(node->text)))
		return refuse(error, node, "the time of day"); /* it would be folded */
	for (uint32_t i = 0; result == 0 && i < node->args_count; i++) {
		if (!(is_element && i == 0 && node->kind == SQL_CALL &&
		      is_map(&predicate->table, node->args[0])))
			result = check_node(predicate, node->args[i], error);
	}
	return result;
}

/* The text is one expression and nothing behind it. */
static int
check_query(const struct sql_query *query, struct store_error *error)
{
	if (query->statement == SQL_SELECT && query->items_count == 1 && !query->distinct &&
	    query->table.size == 0 && query->from_query == NULL && query->where == NULL &&
	    query->prewhere == NULL && query->group_count == 0 && !query->group_all &&
	    query->having == NULL && query->order_count == 0 && query->limit == NULL &&
	    query->limit_by == NULL && query->settings_count == 0 && query->format.size == 0)
		return 0;
	return plan_error(error, STORE_ESYNTAX, 62, "SYNTAX_ERROR",
			  "A condition is one expression, without clauses");
}

static int
plan_text(struct store_predicate *predicate, struct store_str text, struct store_error *error)
{
	struct store_query request = {.text = {NULL, 0}};
	struct planner planner = {.request = &request, .arena = predicate->arena, .error = error};
	size_t prefix = sizeof PREFIX - 1;
	char *bytes = store_arena_alloc(predicate->arena, prefix + text.size);
	struct sql_query *query;
	int result;

	if (bytes == NULL ||
	    (planner.plan = store_arena_zalloc(predicate->arena, sizeof *planner.plan)) == NULL)
		return expression_no_memory(error);
	memcpy(bytes, PREFIX, prefix);
	memcpy(bytes + prefix, text.bytes, text.size);
	request.text = (struct store_str){bytes, (uint32_t)prefix + text.size};
	result = sql_parse(request.text, predicate->arena, &query, error);
	if (result != 0 || (result = check_query(query, error)) != 0 ||
	    (result = check_node(predicate, query->items[0], error)) != 0)
		return result;
	planner.query = query;
	planner.plan->table = &predicate->table;
	predicate->expression = plan_build(&planner, query->items[0], PHASE_ROW);
	if (predicate->expression == NULL)
		return error->code != 0 ? error->code : STORE_EINVAL;
	if (!data_type_is_number(predicate->expression->type.type))
		return plan_error(error, STORE_ETYPE, 59, "ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER",
				  "A condition is needed, something that is true or false");
	return 0;
}

static int
find_table(const struct store_schema *schema, const char *name, uint32_t *out,
	   struct store_error *error)
{
	*out = 0;
	for (uint32_t t = 0; name != NULL && t < schema->tables_count; t++) {
		if (strcmp(schema->tables[t].name, name) == 0) {
			*out = t;
			return 0;
		}
	}
	return name == NULL ? 0
			    : plan_error(error, STORE_EUNKNOWN, 60, "UNKNOWN_TABLE",
					 "Unknown table %.80s", name);
}

int
store_predicate_create(const struct store_schema *schema, const char *table, struct store_str text,
		       struct store_predicate **out, struct store_error *error)
{
	struct store_predicate *predicate;
	struct store_error local = {0};
	uint32_t first;
	int result;

	error = error == NULL ? &local : error;
	memset(error, 0, sizeof *error);
	if ((result = find_table(schema, table, &first, error)) != 0)
		return result;
	if (text.size > TEXT_BYTES_MAX)
		return plan_error(error, STORE_ELIMIT, 62, "SYNTAX_ERROR",
				  "A condition has at most %u bytes", TEXT_BYTES_MAX);
	if ((predicate = calloc(1, sizeof *predicate)) == NULL ||
	    (predicate->arena = store_arena_create(0)) == NULL) {
		store_predicate_free(predicate);
		return store_error_set(error, STORE_ENOMEM, "out of memory");
	}
	predicate->schema = schema;
	predicate->table.name = table == NULL ? NULL : schema->tables[first].name;
	if ((result = unite_columns(predicate, first)) != 0 ||
	    (result = place_columns(predicate)) != 0)
		store_error_set(error, result, "out of memory");
	else
		result = plan_text(predicate, text, error);
	if (result != 0) {
		error->offset -=
		    error->offset < sizeof PREFIX - 1 ? error->offset : sizeof PREFIX - 1;
		store_predicate_free(predicate);
		return result;
	}
	*out = predicate;
	return 0;
}

void
store_predicate_free(struct store_predicate *predicate)
{
	if (predicate == NULL)
		return;
	store_arena_free(predicate->arena);
	free(predicate);
}

/* ---- one row --------------------------------------------------------- */

struct reading {
	const struct store_predicate *predicate;
	const struct store_row *row;
};

static inline bool
has_key(const struct store_cell *cell, struct store_str key)
{
	const struct store_str *own = &cell->value.pair->key;

	return own->size == key.size && memcmp(own->bytes, key.bytes, key.size) == 0;
}

/* A map comes with a key: whole ones are refused. */
static const struct store_cell *
find_cell(const struct reading *reading, const struct expression *expression)
{
	uint16_t place = reading->predicate->places[reading->row->table][expression->column];

	for (uint32_t i = 0; place != NOWHERE && i < reading->row->cells_count; i++) {
		const struct store_cell *cell = &reading->row->cells[i];

		if (cell->column == place &&
		    (expression->key.size == 0 || has_key(cell, expression->key)))
			return cell;
	}
	return NULL;
}

/* Whether an absent cell is NULL, and not 0 or ''. */
static bool
is_null(const struct reading *reading, const struct expression *expression)
{
	uint16_t place = reading->predicate->places[reading->row->table][expression->column];

	return expression->key.size == 0 &&
	       (place == NOWHERE ||
		reading->predicate->schema->tables[reading->row->table].columns[place].flags &
		    STORE_NULLABLE);
}

static struct store_str
text_of(const struct store_column *column, const struct store_cell *cell)
{
	if (cell == NULL)
		return (struct store_str){"", 0};
	return column->type == STORE_MAP ? cell->value.pair->value : cell->value.s;
}

/* As the store would keep it: rounded to its scale. */
static double
kept_float(const struct store_column *column, double value)
{
	return column->scale == 0 ? value
				  : (double)llround(value * column->scale) / (double)column->scale;
}

static int
read_cell(struct evaluation *evaluation, const struct expression *expression, struct data *out)
{
	const struct reading *reading = evaluation->context;
	const struct store_column *column = &reading->predicate->table.columns[expression->column];
	const struct store_cell *cell = find_cell(reading, expression);
	struct type type = expression->type;
	int result;

	type.dictionary = false; /* a text by itself */
	result = data_allocate(evaluation, type, 1, out);
	if (result == 0 && cell == NULL && is_null(reading, expression) &&
	    (result = data_allocate_nulls(evaluation, out)) == 0)
		out->nulls[0] = 1;
	if (result != 0)
		return result;
	if (out->s != NULL)
		out->s[0] = text_of(column, cell);
	else if (column->type == STORE_FLOAT)
		out->n.f[0] = cell == NULL ? 0 : kept_float(column, cell->value.f);
	else
		out->n.u[0] = cell == NULL ? 0 : cell->value.u;
	return 0;
}

int
store_predicate_matches(const struct store_predicate *predicate, const struct store_row *row,
			struct store_arena *arena)
{
	struct reading reading = {predicate, row};
	struct store_error error = {0};
	struct evaluation evaluation = {.table = &predicate->table,
					.count = 1,
					.arena = arena,
					.error = &error,
					.read_column = read_cell,
					.context = &reading};
	struct data value;
	int result = expression_evaluate(&evaluation, predicate->expression, &value);

	if (result != 0)
		return result == STORE_ELIMIT ? STORE_ENOMEM : 0;
	return !data_is_null(&value, 0) && data_true(&value, 0);
}
