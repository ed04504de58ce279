/*
 * relation.h. Beside block.c, for rows that are in memory as a whole; must not
 * know where they came from.
 */
#include <string.h>

#include "relation.h"

/* ---- making ---------------------------------------------------------- */

struct relation *
relation_create(struct store_arena *arena, const struct relation_column *columns,
		uint32_t columns_count, uint64_t rows_count)
{
	struct relation *relation = store_arena_zalloc(arena, sizeof *relation);
	size_t bytes = (columns_count + 1u) * sizeof *relation->columns;
	struct evaluation evaluation = {.arena = arena};

	if (relation == NULL || (relation->columns = store_arena_zalloc(arena, bytes)) == NULL)
		return NULL;
	relation->columns_count = columns_count;
	relation->rows_count = rows_count;
	for (uint32_t c = 0; c < columns_count; c++) {
		struct relation_column *column = &relation->columns[c];
		struct data *data = &column->data;

		*column = columns[c];
		if (column->type.type == STORE_R_MAP || column->type.type == STORE_R_ARRAY) {
			*data = (struct data){.type = column->type, .count = (uint32_t)rows_count};
			data->values =
			    store_arena_zalloc(arena, (rows_count + 1u) * sizeof *data->values);
			if (data->values == NULL)
				return NULL;
			continue;
		}
		if (data_allocate(&evaluation, column->type, (uint32_t)rows_count, data) != 0 ||
		    (column->type.nullable && data_allocate_nulls(&evaluation, data) != 0))
			return NULL;
		if (data->s != NULL)
			memset(data->s, 0, (rows_count + 1u) * sizeof *data->s);
		else
			memset(data->n.u, 0, (rows_count + 1u) * sizeof *data->n.u);
	}
	return relation;
}

static void
set_cell(struct data *data, uint64_t row, const struct store_value *value)
{
	if (data->nulls != NULL)
		data->nulls[row] = value->null;
	if (value->null)
		return;
	if (data->s != NULL)
		data->s[row] = value->v.s;
	else
		data->n.u[row] = value->v.u;
}

struct relation *
relation_of_result(const struct store_result *result, bool has_weights, struct store_arena *arena)
{
	struct relation_column *columns =
	    store_arena_zalloc(arena, (result->columns_count + 1u) * sizeof *columns);
	struct relation *relation;

	if (columns == NULL)
		return NULL;
	for (uint32_t c = 0; c < result->columns_count; c++) {
		columns[c].name = result->columns[c].name;
		columns[c].type = (struct type){.type = result->columns[c].type,
						.element = result->columns[c].element,
						.nullable = result->columns[c].nullable,
						.dictionary = result->columns[c].dictionary};
	}
	relation = relation_create(arena, columns, result->columns_count, result->rows_count);
	for (uint32_t c = 0; relation != NULL && c < result->columns_count; c++) {
		struct data *data = &relation->columns[c].data;

		if (data->values != NULL && result->rows_count > 0)
			data->values = result->values[c];
		for (uint64_t r = 0; data->values == NULL && r < result->rows_count; r++)
			set_cell(data, r, &result->values[c][r]);
	}
	if (relation != NULL && has_weights) {
		relation->has_weights = true;
		relation->columns_count--;
	}
	return relation;
}

int
relation_to_result(const struct relation *relation, struct store_result *result)
{
	uint32_t count = relation->columns_count;
	struct store_result_column *meta =
	    store_arena_zalloc(result->arena, (count + 1u) * sizeof *meta);
	struct store_value **values =
	    store_arena_zalloc(result->arena, (count + 1u) * sizeof *values);

	if (meta == NULL || values == NULL)
		return STORE_ELIMIT;
	for (uint32_t c = 0; c < count; c++) {
		const struct relation_column *column = &relation->columns[c];

		meta[c] = (struct store_result_column){.name = column->name,
						       .type = column->type.type,
						       .element = column->type.element,
						       .nullable = column->type.nullable,
						       .dictionary = column->type.dictionary};
		values[c] = store_arena_zalloc(result->arena,
					       (relation->rows_count + 1u) * sizeof **values);
		if (values[c] == NULL)
			return STORE_ELIMIT;
		for (uint64_t r = 0; r < relation->rows_count; r++)
			values[c][r] = data_value(&column->data, (uint32_t)r);
	}
	result->columns = meta;
	result->columns_count = count;
	result->values = values;
	result->rows_count = relation->rows_count;
	return 0;
}

/* ---- reading --------------------------------------------------------- */

int
relation_find(const struct relation *relation, struct store_str name)
{
	for (uint32_t i = 0; i < relation->columns_count; i++) {
		struct store_str other = relation->columns[i].name;

		if (other.size == name.size && memcmp(other.bytes, name.bytes, name.size) == 0)
			return (int)i;
	}
	return -1;
}

/* Rows that WHERE keeps, one by one. */
static int
gather(struct evaluation *evaluation, const struct data *from, struct data *out)
{
	const uint32_t *rows = evaluation->rows;
	uint32_t first = evaluation->relation_first;
	struct store_value *values;

	if (from->values != NULL) {
		values = store_arena_zalloc(evaluation->arena, (out->count + 1u) * sizeof *values);
		if (values == NULL)
			return expression_no_memory(evaluation->error);
		for (uint32_t i = 0; i < out->count; i++)
			values[i] = from->values[first + rows[i]];
		out->values = values;
		return 0;
	}
	if (data_allocate(evaluation, out->type, evaluation->count, out) != 0 ||
	    (from->nulls != NULL && data_allocate_nulls(evaluation, out) != 0))
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < out->count; i++) {
		if (out->nulls != NULL)
			out->nulls[i] = from->nulls[first + rows[i]];
		if (out->s != NULL)
			out->s[i] = from->s[first + rows[i]];
		else
			out->n.u[i] = from->n.u[first + rows[i]];
	}
	return 0;
}

int
relation_read(struct evaluation *evaluation, const struct expression *expression, struct data *out)
{
	const struct data *from = &evaluation->relation->columns[expression->column].data;
	uint32_t first = evaluation->relation_first;

	memset(out, 0, sizeof *out);
	out->type = expression->type;
	out->count = evaluation->count;
	if (evaluation->rows != NULL)
		return gather(evaluation, from, out);
	/* Read only, as all arguments are. */
	out->values = from->values == NULL ? NULL : from->values + first;
	out->s = from->s == NULL ? NULL : from->s + first;
	out->n.i = from->n.i == NULL ? NULL : from->n.i + first;
	out->nulls = from->nulls == NULL ? NULL : from->nulls + first;
	return 0;
}
