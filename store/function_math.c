/*
 * Mathematical functions of numbers, all in doubles but abs, sign and
 * intDivOrZero.
 */
#include <math.h>
#include <string.h>

#include "function.h"

static bool
infer_double(const struct expression *call, struct type *out)
{
	out->type = STORE_R_FLOAT64;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (!data_type_is_number(call->args[i]->type.type))
			return false;
	}
	return true;
}

static bool
infer_flag(const struct expression *call, struct type *out)
{
	bool fits = infer_double(call, out);

	out->type = STORE_R_UINT8;
	return fits;
}

/* The unsigned type of the same size. */
static bool
infer_abs(const struct expression *call, struct type *out)
{
	enum store_result_type type = call->args[0]->type.type;

	out->type =
	    data_type_is_float(type) ? type : data_type_of_integer(false, data_type_bytes(type));
	return data_type_is_number(type);
}

static bool
infer_sign(const struct expression *call, struct type *out)
{
	out->type = STORE_R_INT8;
	return data_type_is_number(call->args[0]->type.type);
}

/* The C library's may be a bit off where the root is whole. */
static double
cube_root(double x)
{
	return (double)cbrtl((long double)x);
}

static const struct {
	const char *name;
	double (*function)(double);
} unary[] = {{"log", log}, {"ln", log},    {"log2", log2}, {"log10", log10},
	     {"exp", exp}, {"exp2", exp2}, {"sqrt", sqrt}, {"cbrt", cube_root},
	     {"sin", sin}, {"cos", cos},   {"tan", tan},   {"atan", atan}};

static int
evaluate_unary(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	size_t f = 0;

	(void)evaluation;
	while (strcmp(unary[f].name, call->function->name) != 0)
		f++;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.f[i] = unary[f].function(data_double(&args[0], i));
	return 0;
}

static int
evaluate_pow(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	     struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.f[i] = pow(data_double(&args[0], i), data_double(&args[1], i));
	return 0;
}

static int
evaluate_constant(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)args;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.f[i] = call->function->name[0] == 'p' ? M_PI : M_E;
	return 0;
}

static int
evaluate_abs(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	     struct data *out)
{
	bool is_signed = data_type_is_signed(args[0].type.type);

	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t index = data_index(&args[0], i);

		if (data_type_is_float(out->type.type))
			out->n.f[i] = fabs(args[0].n.f[index]);
		else
			out->n.u[i] = is_signed && args[0].n.i[index] < 0 ? 0 - args[0].n.u[index]
									  : args[0].n.u[index];
	}
	return 0;
}

static int
evaluate_sign(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++) {
		double value = data_double(&args[0], i);

		out->n.i[i] = value < 0 ? -1 : value != 0; /* of NaN 1, as in ClickHouse */
	}
	return 0;
}

static int
evaluate_is(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	    struct data *out)
{
	char which = call->function->name[2];

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		double value = data_double(&args[0], i);

		out->n.u[i] = which == 'N'   ? (uint64_t)(isnan(value) != 0)
			      : which == 'F' ? (uint64_t)(isfinite(value) != 0)
					     : (uint64_t)(isinf(value) != 0);
	}
	return 0;
}

#define UNARY(name, any_case)                                             \
	{                                                                 \
		name, any_case, 1, 1, false, infer_double, evaluate_unary \
	}

const struct function function_math_table[] = {
    UNARY("log", true),
    UNARY("ln", true),
    UNARY("log2", true),
    UNARY("log10", true),
    UNARY("exp", true),
    UNARY("exp2", false),
    UNARY("sqrt", true),
    UNARY("cbrt", false),
    UNARY("sin", true),
    UNARY("cos", true),
    UNARY("tan", true),
    UNARY("atan", true),
    {"pow", true, 2, 2, false, infer_double, evaluate_pow},
    {"power", true, 2, 2, false, infer_double, evaluate_pow},
    {"pi", true, 0, 0, false, infer_double, evaluate_constant},
    {"e", false, 0, 0, false, infer_double, evaluate_constant},
    {"abs", true, 1, 1, false, infer_abs, evaluate_abs},
    {"sign", true, 1, 1, false, infer_sign, evaluate_sign},
    {"isNaN", false, 1, 1, false, infer_flag, evaluate_is},
    {"isFinite", false, 1, 1, false, infer_flag, evaluate_is},
    {"isInfinite", false, 1, 1, false, infer_flag, evaluate_is},
    {NULL, false, 0, 0, false, NULL, NULL},
};
