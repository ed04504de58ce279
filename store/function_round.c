/*
 * round, floor, ceil: floats half to even, integers half away from zero, both
 * as ClickHouse has it.
 */
#include <math.h>

#include "codec.h"
#include "function.h"

enum rounding { ROUND, FLOOR, CEIL };

/* The type of x stays. */
static bool
infer_round(const struct expression *call, struct type *out)
{
	enum store_result_type type = call->args[0]->type.type;

	out->type = type == STORE_R_BOOL ? STORE_R_UINT8 : type;
	return data_type_is_number(type) &&
	       (call->args_count < 2 || data_type_is_integer(call->args[1]->type.type));
}

/* Digits behind the point, or zeros before it: 1e-5 is no double, 1e5 is one. */
static inline double
round_double(double value, double power, bool is_zeros, enum rounding rounding)
{
	double scaled = is_zeros ? value / power : value * power, rounded;

	if (is_zeros && isinf(power))
		return isfinite(value) ? 0 : value;
	if (!isfinite(scaled))
		return value;
	rounded = rounding == ROUND   ? nearbyint(scaled) /* half to even */
		  : rounding == FLOOR ? floor(scaled)
				      : ceil(scaled);
	return is_zeros ? rounded * power : rounded / power;
}

/* To 10^zeros; 0 when the type does not reach so far. */
static int64_t
round_integer(enum store_result_type type, int64_t value, double zeros, enum rounding rounding)
{
	bool is_negative = data_type_is_signed(type) && value < 0;
	uint64_t magnitude = is_negative ? 0 - (uint64_t)value : (uint64_t)value, power = 1, rest;
	uint64_t max = UINT64_MAX >> (64 - data_type_bytes(type) * 8 + data_type_is_signed(type));

	for (double i = 0; i < zeros; i++) {
		if (power > max / 10)
			return 0;
		power *= 10;
	}
	rest = magnitude % power;
	magnitude -= rest;
	if (rest > 0 && (rounding == ROUND   ? rest >= power - rest
			 : rounding == FLOOR ? is_negative
					     : !is_negative))
		magnitude += power;
	return data_wrap(type, (int64_t)(is_negative ? 0 - magnitude : magnitude));
}

/* Inlined once for each kind of rounding. */
static inline __attribute__((always_inline)) void
round_doubles(const double *values, double power, bool is_zeros, uint32_t count,
	      enum rounding rounding, double *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = round_double(values[i], power, is_zeros, rounding);
}

static inline __attribute__((always_inline)) void
round_all(const double *values, double power, bool is_zeros, uint32_t count, enum rounding rounding,
	  double *out)
{
	if (rounding == ROUND)
		round_doubles(values, power, is_zeros, count, ROUND, out);
	else if (rounding == FLOOR)
		round_doubles(values, power, is_zeros, count, FLOOR, out);
	else
		round_doubles(values, power, is_zeros, count, CEIL, out);
}

/* A column, to as many digits in all rows. */
CODEC_CLONES static void
round_column(const double *values, double digits, uint32_t count, enum rounding rounding,
	     double *out)
{
	double power = pow(10, fabs(digits));

	if (digits < 0)
		round_all(values, power, true, count, rounding, out);
	else
		round_all(values, power, false, count, rounding, out);
}

static int
evaluate_round(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	char first = call->function->name[0];
	enum rounding rounding = first == 'r' ? ROUND : first == 'f' ? FLOOR : CEIL;

	(void)evaluation;
	if (data_type_is_float(out->type.type) && !args[0].constant &&
	    (call->args_count == 1 || args[1].constant)) {
		round_column(args[0].n.f, call->args_count == 1 ? 0 : data_double(&args[1], 0),
			     out->count, rounding, out->n.f);
		return 0;
	}
	for (uint32_t i = 0; i < out->count; i++) {
		double digits = call->args_count > 1 ? data_double(&args[1], i) : 0;
		uint32_t index = data_index(&args[0], i);

		if (data_type_is_float(out->type.type))
			out->n.f[i] = round_double(args[0].n.f[index], pow(10, fabs(digits)),
						   digits < 0, rounding);
		else
			out->n.i[i] =
			    round_integer(out->type.type, args[0].n.i[index], -digits, rounding);
	}
	return 0;
}

const struct function function_round_table[] = {
    {"round", true, 1, 2, false, infer_round, evaluate_round},
    {"floor", true, 1, 2, false, infer_round, evaluate_round},
    {"ceil", true, 1, 2, false, infer_round, evaluate_round},
    {NULL, false, 0, 0, false, NULL, NULL},
};
