/*
 * Arithmetic, on numbers and on times with intervals. Result types widen as
 * ClickHouse's do.
 */
#include <math.h>
#include <string.h>

#include "function_arithmetic.h"

static bool
all_numbers(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (!data_type_is_number(type_at(call, i)))
			return false;
	}
	return true;
}

static uint32_t
widest(const struct expression *call)
{
	uint32_t bytes = 1;

	for (uint32_t i = 0; i < call->args_count; i++) {
		if (data_type_bytes(type_at(call, i)) > bytes)
			bytes = data_type_bytes(type_at(call, i));
	}
	return bytes;
}

/* UInt8 + UInt8 is UInt16: one step wider, as far as 64 bits. */
static bool
infer_wider(const struct expression *call, struct type *out)
{
	if (!all_numbers(call))
		return false;
	out->type = any_float(call) ? STORE_R_FLOAT64
				    : data_type_of_integer(any_signed(call), widest(call) * 2);
	return true;
}

static bool
infer_signed_wider(const struct expression *call, struct type *out)
{
	if (!all_numbers(call))
		return false;
	out->type =
	    any_float(call) ? STORE_R_FLOAT64 : data_type_of_integer(true, widest(call) * 2);
	return true;
}

static bool
infer_float(const struct expression *call, struct type *out)
{
	out->type = STORE_R_FLOAT64;
	return all_numbers(call);
}

/* The remainder has the size of the divisor and the sign of the dividend. */
static bool
infer_modulo(const struct expression *call, struct type *out)
{
	bool is_signed = data_type_is_signed(type_at(call, 0));
	uint32_t bytes = data_type_bytes(type_at(call, 1));

	if (!all_numbers(call))
		return false;
	out->type = any_float(call)
			? STORE_R_FLOAT64
			: data_type_of_integer(is_signed, is_signed ? bytes * 2 : bytes);
	return true;
}

static int
evaluate_multiply(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	return function_arithmetic(evaluation, call, args, out, MULTIPLY);
}

static int
evaluate_divide(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	return function_arithmetic(evaluation, call, args, out, DIVIDE);
}

static int
evaluate_modulo(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	return function_arithmetic(evaluation, call, args, out, MODULO);
}

static int
evaluate_int_div(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	return function_arithmetic(evaluation, call, args, out, INT_DIV);
}

static bool
infer_int_div(const struct expression *call, struct type *out)
{
	if (!all_numbers(call))
		return false;
	out->type = data_type_of_integer(any_signed(call) || any_float(call),
					 data_type_bytes(type_at(call, 0)));
	return true;
}

/* ---- plus and minus, with times and intervals ------------------------ */

/* Which argument is the time: time + 5 and 5 + time are the same. */
static uint32_t
time_argument(const struct expression *call)
{
	return data_type_is_time(type_at(call, 0)) ? 0 : 1;
}

static bool
infer_shift(const struct expression *call, struct type *out, bool minus)
{
	uint32_t t = time_argument(call);
	enum store_result_type time = type_at(call, t), amount = type_at(call, 1 - t);
	struct store_str unit = call->args[1 - t]->unit;

	if (!data_type_is_time(time))
		return minus ? infer_signed_wider(call, out) : infer_wider(call, out);
	if (unit.size > 0) {
		bool fine = unit.bytes[0] == 's' || unit.bytes[0] == 'h' ||
			    (unit.size == 6 && unit.bytes[1] == 'i'); /* of a day */

		out->type = time == STORE_R_DATE && fine ? STORE_R_DATETIME : time;
		return !minus || t == 0;
	}
	if (minus && time == amount && time != STORE_R_DATETIME64) {
		out->type = STORE_R_INT32;
		return true;
	}
	out->type = time;
	return data_type_is_number(amount) && (!minus || t == 0);
}

static bool
infer_plus(const struct expression *call, struct type *out)
{
	return infer_shift(call, out, false);
}

static bool
infer_minus(const struct expression *call, struct type *out)
{
	return infer_shift(call, out, true);
}

static bool
is_of_months(struct store_str unit)
{
	return unit.size > 0 && (unit.bytes[0] == 'q' || unit.bytes[0] == 'y' ||
				 (unit.bytes[0] == 'm' && unit.bytes[1] == 'o'));
}

/* Past its end a Date or DateTime begins again, as in ClickHouse; but years ago,
 * and months, are never before 1970: `now() - INTERVAL 100 YEAR` means everything. */
static void
set_time(struct data *out, uint32_t row, int64_t ms, bool is_months)
{
	int64_t divisor = data_time_unit_ms(out->type.type);

	ms = is_months && ms < 0 && out->type.type != STORE_R_DATETIME64 ? 0 : data_time_within(ms);
	out->n.i[row] = data_wrap(out->type.type, ms / divisor - (ms % divisor < 0));
}

static int64_t
whole(const struct data *data, uint32_t row)
{
	double value = data_double(data, row);

	if (!data_type_is_float(data->type.type))
		return data->n.i[data_index(data, row)];
	return fabs(value) < 9.2e18 ? (int64_t)value : 0;
}

static int
shift(struct evaluation *evaluation, const struct expression *call, const struct data *args,
      struct data *out, int sign)
{
	uint32_t t = time_argument(call);
	const struct data *time = &args[t], *amount = &args[1 - t];
	struct store_str unit = call->args[1 - t]->unit;
	int64_t step_ms = time->type.type == STORE_R_DATE ? 86400000 : 1000;

	if (!data_type_is_time(time->type.type))
		return function_arithmetic(evaluation, call, args, out, sign > 0 ? PLUS : MINUS);
	for (uint32_t i = 0; i < out->count; i++) {
		int64_t ms = data_time_ms(time, i), count;

		if (data_type_is_time(amount->type.type)) {
			out->n.i[i] =
			    data_wrap(out->type.type, (ms - data_time_ms(amount, i)) / step_ms);
			continue;
		}
		count = whole(amount, i);
		count = count == INT64_MIN ? 0 : sign * count;
		set_time(out, i,
			 unit.size == 0 ? function_add_time(ms, count, step_ms)
					: function_add_interval(ms, count, unit),
			 is_of_months(unit));
	}
	return 0;
}

static int
evaluate_plus(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	return shift(evaluation, call, args, out, 1);
}

static int
evaluate_minus(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	return shift(evaluation, call, args, out, -1);
}

static bool
infer_negate(const struct expression *call, struct type *out)
{
	enum store_result_type type = type_at(call, 0);

	if (!data_type_is_number(type))
		return false;
	out->type = data_type_is_float(type) ? type
		    : data_type_is_signed(type)
			? type
			: data_type_of_integer(true, data_type_bytes(type) * 2);
	return true;
}

static int
evaluate_negate(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++) {
		if (data_type_is_float(out->type.type))
			out->n.f[i] = -data_double(&args[0], i);
		else
			out->n.i[i] = data_wrap(
			    out->type.type, (int64_t)(0 - args[0].n.u[data_index(&args[0], i)]));
	}
	return 0;
}

const struct function function_number_table[] = {
    {"plus", false, 2, 2, false, infer_plus, evaluate_plus},
    {"minus", false, 2, 2, false, infer_minus, evaluate_minus},
    {"multiply", false, 2, 2, false, infer_wider, evaluate_multiply},
    {"divide", false, 2, 2, false, infer_float, evaluate_divide},
    {"modulo", false, 2, 2, false, infer_modulo, evaluate_modulo},
    {"intDiv", false, 2, 2, false, infer_int_div, evaluate_int_div},
    {"negate", false, 1, 1, false, infer_negate, evaluate_negate},
    {NULL, false, 0, 0, false, NULL, NULL},
};
