/*
 * Arithmetic, on numbers and on times with intervals. Result types widen as
 * ClickHouse's do.
 */
#include <math.h>
#include <string.h>

#include "function.h"

static enum store_result_type
type_at(const struct expression *call, uint32_t i)
{
	return call->args[i]->type.type;
}

static bool
all_numbers(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (!data_type_is_number(type_at(call, i)))
			return false;
	}
	return true;
}

static bool
any_float(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (data_type_is_float(type_at(call, i)))
			return true;
	}
	return false;
}

static bool
any_signed(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (data_type_is_signed(type_at(call, i)))
			return true;
	}
	return false;
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

enum operation { PLUS, MINUS, MULTIPLY, DIVIDE, MODULO, INT_DIV };

static double
on_doubles(enum operation operation, double a, double b)
{
	switch (operation) {
	case PLUS:
		return a + b;
	case MINUS:
		return a - b;
	case MULTIPLY:
		return a * b;
	case DIVIDE:
		return a / b;
	case MODULO:
		return fmod(a, b);
	default:
		return trunc(a / b);
	}
}

static int64_t
on_integers(enum operation operation, bool is_signed, uint64_t a, uint64_t b)
{
	switch (operation) {
	case PLUS:
		return (int64_t)(a + b);
	case MINUS:
		return (int64_t)(a - b);
	case MULTIPLY:
		return (int64_t)(a * b);
	default:
		break;
	}
	if (is_signed && b == UINT64_MAX) /* INT64_MIN / -1 traps */
		return operation == MODULO ? 0 : (int64_t)(0 - a);
	if (operation == MODULO)
		return is_signed ? (int64_t)a % (int64_t)b : (int64_t)(a % b);
	return is_signed ? (int64_t)a / (int64_t)b : (int64_t)(a / b);
}

static __int128
wide_of(const struct data *data, uint32_t row)
{
	uint32_t index = data_index(data, row);

	return data_type_is_signed(data->type.type) ? (__int128)data->n.i[index]
						    : (__int128)data->n.u[index];
}

/* Of an unsigned and a signed number, neither of which has room for both. */
static int64_t
on_mixed(enum operation operation, const struct data *args, uint32_t row)
{
	__int128 a = wide_of(&args[0], row), b = wide_of(&args[1], row);

	return (int64_t)(operation == MODULO ? a % b : a / b);
}

/* Whether an integer type has room for the number; not for NaN. */
static bool
fits(enum store_result_type type, double value)
{
	double bound = ldexp(1, (int)data_type_bytes(type) * 8 - data_type_is_signed(type));

	return value < bound && value >= (data_type_is_signed(type) ? -bound : 0);
}

static int
bad_division(struct evaluation *evaluation, const char *what)
{
	if (evaluation->error != NULL) {
		evaluation->error->clickhouse = 153;
		evaluation->error->name = "ILLEGAL_DIVISION";
	}
	return store_error_set(evaluation->error, STORE_ETYPE, "%s", what);
}

static bool
is_minimum(const struct data *data, uint32_t row)
{
	uint32_t bits = data_type_bytes(data->type.type) * 8;

	return data_type_is_signed(data->type.type) &&
	       data->n.i[data_index(data, row)] == INT64_MIN >> (64 - bits);
}

/* Sums, differences and products of integers, in which no row can be an error;
 * the loop is inlined once for each operation. */
static inline __attribute__((always_inline)) void
integers_of(enum operation operation, const struct data *args, struct data *out)
{
	for (uint32_t i = 0; i < out->count; i++)
		out->n.i[i] = on_integers(operation, false, args[0].n.u[data_index(&args[0], i)],
					  args[1].n.u[data_index(&args[1], i)]);
}

static void
on_integer_columns(enum operation operation, const struct expression *call, const struct data *args,
		   struct data *out)
{
	if (operation == PLUS)
		integers_of(PLUS, args, out);
	else if (operation == MINUS)
		integers_of(MINUS, args, out);
	else
		integers_of(MULTIPLY, args, out);
	for (uint32_t i = 0; data_type_bytes(call->type.type) < 8 && i < out->count; i++)
		out->n.i[i] = data_wrap(call->type.type, out->n.i[i]);
	for (uint32_t i = 0; (args[0].nulls != NULL || args[1].nulls != NULL) && i < out->count;
	     i++) {
		if (data_is_null(&args[0], i) || data_is_null(&args[1], i))
			out->n.u[i] = 0;
	}
}

static int
arithmetic(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	   struct data *out, enum operation operation)
{
	bool floats = any_float(call) || operation == DIVIDE, is_signed = any_signed(call);
	bool is_mixed =
	    data_type_is_signed(type_at(call, 0)) != data_type_is_signed(type_at(call, 1));

	if (!floats && operation <= MULTIPLY) {
		on_integer_columns(operation, call, args, out);
		return 0;
	}
	for (uint32_t i = 0; i < out->count; i++) {
		if (data_is_null(&args[0], i) || data_is_null(&args[1], i)) {
			out->n.u[i] = 0;
		} else if (floats && operation != INT_DIV) {
			out->n.f[i] = on_doubles(operation, data_double(&args[0], i),
						 data_double(&args[1], i));
		} else if (floats) {
			double value = on_doubles(operation, data_double(&args[0], i),
						  data_double(&args[1], i));

			bool is_fit = fits(call->type.type, value);

			if (!is_fit && expression_is_active(evaluation, i))
				return bad_division(
				    evaluation, isfinite(value) ? "Quotient too large for its type"
								: "Division by zero");
			out->n.i[i] = is_fit ? (int64_t)value : 0;
		} else {
			uint64_t b = args[1].n.u[data_index(&args[1], i)];

			const char *bad = operation <= MULTIPLY ? NULL
					  : b == 0              ? "Division by zero"
					  : is_minimum(&args[0], i) &&
						  data_type_is_signed(type_at(call, 1)) &&
						  b == UINT64_MAX
					      ? "Division of minimal signed number by minus one"
					      : NULL;

			if (bad != NULL && expression_is_active(evaluation, i))
				return bad_division(evaluation, bad);
			if (bad != NULL) {
				out->n.i[i] = 0;
				continue;
			}
			out->n.i[i] = data_wrap(
			    call->type.type,
			    is_mixed ? on_mixed(operation, args, i)
				     : on_integers(operation, is_signed,
						   args[0].n.u[data_index(&args[0], i)], b));
		}
	}
	return 0;
}

static int
evaluate_multiply(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	return arithmetic(evaluation, call, args, out, MULTIPLY);
}

static int
evaluate_divide(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	return arithmetic(evaluation, call, args, out, DIVIDE);
}

static int
evaluate_modulo(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	return arithmetic(evaluation, call, args, out, MODULO);
}

static int
evaluate_int_div(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	return arithmetic(evaluation, call, args, out, INT_DIV);
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
		return arithmetic(evaluation, call, args, out, sign > 0 ? PLUS : MINUS);
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
