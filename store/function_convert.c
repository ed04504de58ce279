/*
 * Conversions between types. Texts become times in plan.c, where they are
 * constants.
 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "function.h"

#define TEXT_BYTES_MAX 40u
#define DAYS_MAX UINT16_MAX /* toDate of more than that: seconds */

static bool
has_number(const struct type *type)
{
	return data_type_is_number(type->type) || data_type_is_time(type->type);
}

/* ---- to numbers ------------------------------------------------------ */

static bool
infer_to_float(const struct expression *call, struct type *out)
{
	out->type = STORE_R_FLOAT64;
	return has_number(&call->args[0]->type);
}

static bool
infer_to_int(const struct expression *call, struct type *out)
{
	out->type = call->function->name[2] == 'U' ? STORE_R_UINT64 : STORE_R_INT64;
	return has_number(&call->args[0]->type);
}

static int
evaluate_to_float(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++) {
		if (args[0].type.type == STORE_R_DATETIME64)
			out->n.f[i] = (double)data_time_ms(&args[0], i) / 1000;
		else
			out->n.f[i] = data_double(&args[0], i);
	}
	return 0;
}

static int
evaluate_to_int(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++) {
		double value;

		out->n.i[i] = args[0].n.i[data_index(&args[0], i)];
		if (args[0].type.type == STORE_R_DATETIME64)
			out->n.i[i] = out->n.i[i] / 1000 - (out->n.i[i] % 1000 < 0);
		if (!data_type_is_float(args[0].type.type))
			continue;
		value = data_double(&args[0], i);
		out->n.i[i] = fabs(value) < 9.2e18 ? (int64_t)value : 0;
	}
	return 0;
}

/* ---- to times -------------------------------------------------------- */

static bool
infer_to_time(const struct expression *call, struct type *out)
{
	out->type = call->function->name[6] == '\0' ? STORE_R_DATE : STORE_R_DATETIME;
	return has_number(&call->args[0]->type);
}

/* Numbers are seconds since 1970, small ones for a Date days. */
static int
evaluate_to_time(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++) {
		int64_t ms;

		if (data_type_is_time(args[0].type.type)) {
			ms = data_time_ms(&args[0], i);
		} else {
			long double value = data_number(&args[0], i);

			value = value >= 0 ? value : 0; /* NaN too */
			value = value > UINT32_MAX ? UINT32_MAX : value;
			ms =
			    (int64_t)value *
			    (out->type.type == STORE_R_DATE && value <= DAYS_MAX ? 86400000 : 1000);
		}
		data_set_time(out, i, ms);
	}
	return 0;
}

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
	int64_t ms = data_time_ms(data, row), fraction = ms % 1000 + (ms % 1000 < 0 ? 1000 : 0);
	time_t seconds = (time_t)((ms - fraction) / 1000);
	struct tm tm;
	size_t size;

	if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900)
		return snprintf(text, TEXT_BYTES_MAX, "%lld", (long long)ms);
	size = strftime(text, TEXT_BYTES_MAX,
			type == STORE_R_DATE ? "%Y-%m-%d" : "%Y-%m-%d %H:%M:%S", &tm);
	if (type == STORE_R_DATETIME64)
		size +=
		    (size_t)snprintf(text + size, TEXT_BYTES_MAX - size, ".%03d", (int)fraction);
	return (int)size;
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
    {"toFloat64", false, 1, 1, false, infer_to_float, evaluate_to_float},
    {"toUInt64", false, 1, 1, false, infer_to_int, evaluate_to_int},
    {"toInt64", false, 1, 1, false, infer_to_int, evaluate_to_int},
    {"toDate", false, 1, 1, false, infer_to_time, evaluate_to_time},
    {"toDateTime", false, 1, 1, false, infer_to_time, evaluate_to_time},
    {"toString", false, 1, 1, false, infer_to_string, evaluate_to_string},
    {NULL, false, 0, 0, false, NULL, NULL},
};
