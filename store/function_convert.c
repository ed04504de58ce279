/*
 * Cells as text: toString, and what concat and CAST need. Conversions to
 * numbers and times are function_cast.c's.
 */
#include <stdio.h>

#include "function.h"

#define TEXT_BYTES_MAX 40u
/* ---- to text --------------------------------------------------------- */

bool
function_has_text(enum store_result_type type)
{
	return type != STORE_R_MAP && type != STORE_R_ARRAY;
}

static int
print_time(const struct data *data, uint32_t row, char *text)
{
	enum store_result_type type = data->type.type;
	int64_t ms = data_time_ms(data, row), day_ms = ms % 86400000, year, month, day;
	int size, second;

	day_ms += day_ms < 0 ? 86400000 : 0;
	second = (int)(day_ms / 1000);
	function_civil_of((ms - day_ms) / 86400000, &year, &month, &day);
	size = snprintf(text, TEXT_BYTES_MAX, "%04d-%02d-%02d", (int)year, (int)month, (int)day);
	if (type != STORE_R_DATE)
		size += snprintf(text + size, TEXT_BYTES_MAX - (unsigned)size, " %02d:%02d:%02d",
				 second / 3600, second / 60 % 60, second % 60);
	if (type == STORE_R_DATETIME64)
		size += snprintf(text + size, TEXT_BYTES_MAX - (unsigned)size, ".%03d",
				 (int)(day_ms % 1000));
	return size;
}

static int
print_cell(const struct data *data, uint32_t row, char *text)
{
	enum store_result_type type = data->type.type;
	uint32_t index = data_index(data, row);

	if (data_type_is_time(type))
		return print_time(data, row, text);
	if (data_type_is_float(type))
		return (int)store_print_double(data->n.f[index], text);
	if (type == STORE_R_BOOL)
		return snprintf(text, TEXT_BYTES_MAX, data->n.u[index] != 0 ? "true" : "false");
	if (data_type_is_signed(type))
		return snprintf(text, TEXT_BYTES_MAX, "%lld", (long long)data->n.i[index]);
	return snprintf(text, TEXT_BYTES_MAX, "%llu", (unsigned long long)data->n.u[index]);
}

int
function_text(struct evaluation *evaluation, const struct data *data, uint32_t row,
	      struct store_str *out)
{
	char *text;

	*out = (struct store_str){NULL, 0};
	if (data_is_null(data, row))
		return 0;
	if (data->type.type == STORE_R_STRING) {
		*out = data_string(data, row);
		return 0;
	}
	if ((text = store_arena_alloc(evaluation->arena, TEXT_BYTES_MAX)) == NULL)
		return expression_no_memory(evaluation->error);
	*out = (struct store_str){text, (uint32_t)print_cell(data, row, text)};
	return 0;
}

static bool
infer_to_string(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	return function_has_text(call->args[0]->type.type);
}

static int
evaluate_to_string(struct evaluation *evaluation, const struct expression *call,
		   const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++)
		result = function_text(evaluation, &args[0], i, &out->s[i]);
	return result;
}

const struct function function_convert_table[] = {
    {"toString", false, 1, 1, false, infer_to_string, evaluate_to_string},
    {NULL, false, 0, 0, false, NULL, NULL},
};
