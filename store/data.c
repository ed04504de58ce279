/*
 * struct data of expression.h: types, cells and fresh arrays. Below every
 * kernel; must not evaluate anything.
 */
#include <string.h>

#include "expression.h"

/* ---- types ----------------------------------------------------------- */

bool
data_type_is_float(enum store_result_type type)
{
	return type == STORE_R_FLOAT64;
}

bool
data_type_is_signed(enum store_result_type type)
{
	return type >= STORE_R_INT8 && type <= STORE_R_INT64;
}

bool
data_type_is_integer(enum store_result_type type)
{
	return type <= STORE_R_INT64 || type == STORE_R_BOOL;
}

bool
data_type_is_number(enum store_result_type type)
{
	return data_type_is_integer(type) || data_type_is_float(type);
}

bool
data_type_is_time(enum store_result_type type)
{
	return type == STORE_R_DATE || type == STORE_R_DATETIME || type == STORE_R_DATETIME64;
}

uint32_t
data_type_bytes(enum store_result_type type)
{
	if (type <= STORE_R_UINT64)
		return 1u << (type - STORE_R_UINT8);
	if (type <= STORE_R_INT64)
		return 1u << (type - STORE_R_INT8);
	return type == STORE_R_BOOL ? 1 : 8;
}

enum store_result_type
data_type_of_integer(bool is_signed, uint32_t bytes)
{
	uint32_t step = bytes >= 8 ? 3 : bytes >= 4 ? 2 : bytes >= 2 ? 1 : 0;

	return (enum store_result_type)((is_signed ? STORE_R_INT8 : STORE_R_UINT8) + step);
}

/* ---- cells ----------------------------------------------------------- */

long double
data_number(const struct data *data, uint32_t row)
{
	uint32_t index = data_index(data, row);

	if (data_type_is_float(data->type.type))
		return data->n.f[index];
	if (data_type_is_time(data->type.type))
		return (long double)data_time_ms(data, row) / 1000;
	return data_type_is_signed(data->type.type) ? (long double)data->n.i[index]
						    : (long double)data->n.u[index];
}

int64_t
data_wrap(enum store_result_type type, int64_t value)
{
	uint32_t bytes = type == STORE_R_DATE       ? 2
			 : type == STORE_R_DATETIME ? 4
						    : data_type_bytes(type);
	uint32_t unused = 64 - bytes * 8;
	uint64_t bits = (uint64_t)value << unused;

	return data_type_is_signed(type) ? (int64_t)bits >> unused : (int64_t)(bits >> unused);
}

void
data_wrap_all(struct data *data)
{
	uint32_t unused = 64 - data_type_bytes(data->type.type) * 8;
	bool is_signed = data_type_is_signed(data->type.type);

	for (uint32_t i = 0; unused > 0 && is_signed && i < data->count; i++)
		data->n.i[i] = (int64_t)(data->n.u[i] << unused) >> unused;
	for (uint32_t i = 0; unused > 0 && !is_signed && i < data->count; i++)
		data->n.u[i] = data->n.u[i] << unused >> unused;
}

struct store_value
data_value(const struct data *data, uint32_t row)
{
	struct store_value value = {.null = data_is_null(data, row)};
	uint32_t index = data_index(data, row);

	if (value.null)
		return value;
	if (data->values != NULL)
		return data->values[index];
	if (data->type.type == STORE_R_STRING)
		value.v.s = data_string(data, row);
	else
		value.v.u = data->n.u[index];
	return value;
}

int
data_compare(enum store_result_type type, const struct store_value *a, const struct store_value *b)
{
	if (type == STORE_R_STRING)
		return string_compare(a->v.s, b->v.s);
	if (data_type_is_float(type))
		return (a->v.f > b->v.f) - (a->v.f < b->v.f);
	if (data_type_is_signed(type) || type == STORE_R_DATETIME64)
		return (a->v.i > b->v.i) - (a->v.i < b->v.i);
	return (a->v.u > b->v.u) - (a->v.u < b->v.u);
}

void
data_set_time(struct data *data, uint32_t row, int64_t ms)
{
	int64_t unit = data_time_unit_ms(data->type.type);
	int64_t max = data->type.type == STORE_R_DATE ? UINT16_MAX : UINT32_MAX;
	int64_t value = ms / unit;

	data->n.i[row] = data->type.type == STORE_R_DATETIME64 ? data_time_within(ms)
			 : ms < 0                              ? 0
			 : value > max                         ? max
							       : value;
}

int
data_allocate(struct evaluation *evaluation, struct type type, uint32_t count, struct data *out)
{
	size_t size = type.type == STORE_R_STRING ? sizeof *out->s : sizeof *out->n.i;
	void *bytes = store_arena_alloc(evaluation->arena, (count + 1u) * size);

	memset(out, 0, sizeof *out);
	if (bytes == NULL)
		return expression_no_memory(evaluation->error);
	out->type = type;
	out->count = count;
	if (type.type == STORE_R_STRING)
		out->s = bytes;
	else
		out->n.i = bytes;
	return 0;
}

int
data_allocate_nulls(struct evaluation *evaluation, struct data *data)
{
	data->nulls = store_arena_zalloc(evaluation->arena, (size_t)data->count + 1);
	return data->nulls == NULL ? expression_no_memory(evaluation->error) : 0;
}
