/*
 * Sums, products, quotients and remainders of columns: wide loops where rows cannot be
 * errors. Below function_number.c, which knows their types and names; must not know times.
 */
#include <math.h>

#include "codec.h"
#include "function_arithmetic.h"

static inline double
on_doubles(enum arithmetic operation, double a, double b)
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
on_integers(enum arithmetic operation, bool is_signed, uint64_t a, uint64_t b)
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
on_mixed(enum arithmetic operation, const struct data *args, uint32_t row)
{
	__int128 a = wide_of(&args[0], row), b = wide_of(&args[1], row);

	return (int64_t)(operation == MODULO ? a % b : a / b);
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

static bool
is_null(const struct data *args, uint32_t row)
{
	return data_is_null(&args[0], row) || data_is_null(&args[1], row);
}

static void
clear_nulls(const struct data *args, struct data *out)
{
	for (int a = 0; a < 2; a++) {
		const uint8_t *nulls = args[a].nulls;
		uint32_t step = !args[a].constant;

		for (uint32_t i = 0; nulls != NULL && i < out->count; i++)
			out->n.u[i] = nulls[(size_t)i * step] ? 0 : out->n.u[i];
	}
}

/* Sums, differences and products of integers, in which no row can be an error;
 * the loop is inlined once for each operation. */
static inline __attribute__((always_inline)) void
integers_of(enum arithmetic operation, const struct data *args, struct data *out)
{
	for (uint32_t i = 0; i < out->count; i++)
		out->n.i[i] = on_integers(operation, false, args[0].n.u[data_index(&args[0], i)],
					  args[1].n.u[data_index(&args[1], i)]);
}

static void
on_integer_columns(enum arithmetic operation, const struct data *args, struct data *out)
{
	if (operation == PLUS)
		integers_of(PLUS, args, out);
	else if (operation == MINUS)
		integers_of(MINUS, args, out);
	else
		integers_of(MULTIPLY, args, out);
	data_wrap_all(out);
	clear_nulls(args, out);
}

/* Numbers as floats: the column's own, or a copy in the arena; *step is 0 for a constant.
 * NULL: no memory. */
static const double *
as_doubles(struct evaluation *evaluation, const struct data *data, uint32_t count, uint32_t *step)
{
	uint32_t rows = data->constant ? 1 : count;
	double *doubles;

	*step = !data->constant;
	if (data_type_is_float(data->type.type))
		return data->n.f;
	doubles = store_arena_alloc(evaluation->arena, (rows + 1u) * sizeof *doubles);
	for (uint32_t i = 0; doubles != NULL && i < rows; i++)
		doubles[i] = data_double(data, i);
	return doubles;
}

/* Inlined once for each operation; not both are constant, mostly. */
static inline __attribute__((always_inline)) void
doubles_of(enum arithmetic operation, const double *a, uint32_t a_step, const double *b,
	   uint32_t b_step, uint32_t count, double *out)
{
	double first_a = a[0], first_b = b[0];

	for (uint32_t i = 0; i < count && a_step == 1 && b_step == 1; i++)
		out[i] = on_doubles(operation, a[i], b[i]);
	for (uint32_t i = 0; i < count && a_step == 1 && b_step == 0; i++)
		out[i] = on_doubles(operation, a[i], first_b);
	for (uint32_t i = 0; i < count && a_step == 0 && b_step == 1; i++)
		out[i] = on_doubles(operation, first_a, b[i]);
	for (uint32_t i = 0; i < count && a_step == 0 && b_step == 0; i++)
		out[i] = on_doubles(operation, first_a, first_b);
}

CODEC_CLONES static void
on_double_columns(enum arithmetic operation, const double *a, uint32_t a_step, const double *b,
		  uint32_t b_step, uint32_t count, double *out)
{
	switch (operation) {
	case PLUS:
		doubles_of(PLUS, a, a_step, b, b_step, count, out);
		break;
	case MINUS:
		doubles_of(MINUS, a, a_step, b, b_step, count, out);
		break;
	case MULTIPLY:
		doubles_of(MULTIPLY, a, a_step, b, b_step, count, out);
		break;
	case DIVIDE:
		doubles_of(DIVIDE, a, a_step, b, b_step, count, out);
		break;
	case MODULO:
		doubles_of(MODULO, a, a_step, b, b_step, count, out);
		break;
	case INT_DIV:
		doubles_of(INT_DIV, a, a_step, b, b_step, count, out);
		break;
	}
}

/* Of floats, and of all that divide() gives; intDiv's are whole, but not yet integers. */
static int
on_floats(struct evaluation *evaluation, const struct data *args, uint32_t count,
	  enum arithmetic operation, double *out)
{
	uint32_t a_step, b_step;
	const double *a = as_doubles(evaluation, &args[0], count, &a_step);
	const double *b = as_doubles(evaluation, &args[1], count, &b_step);

	if (a == NULL || b == NULL)
		return expression_no_memory(evaluation->error);
	on_double_columns(operation, a, a_step, b, b_step, count, out);
	return 0;
}

/* Whole floats, to integers, in place. */
static int
to_integers(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	    struct data *out)
{
	enum store_result_type type = call->type.type;
	double bound = ldexp(1, (int)data_type_bytes(type) * 8 - data_type_is_signed(type));
	double least = data_type_is_signed(type) ? -bound : 0;

	for (uint32_t i = 0; i < out->count; i++) {
		double value = out->n.f[i];
		bool is_fit = value < bound && value >= least; /* not NaN */

		if (!is_fit && !is_null(args, i) && expression_is_active(evaluation, i))
			return bad_division(evaluation, isfinite(value)
							    ? "Quotient too large for its type"
							    : "Division by zero");
		out->n.i[i] = !is_fit ? 0 : value < 0 ? (int64_t)value : (int64_t)(uint64_t)value;
	}
	return 0;
}

/* By one number above 0, which no row can be an error of. */
static void
divide_by(const struct data *from, uint64_t by, bool is_modulo, struct data *out)
{
	bool is_signed = data_type_is_signed(from->type.type);
	const uint64_t *a = from->n.u;
	int64_t signed_by = (int64_t)by;

	for (uint32_t i = 0; is_signed && is_modulo && i < out->count; i++)
		out->n.i[i] = (int64_t)a[i] % signed_by;
	for (uint32_t i = 0; is_signed && !is_modulo && i < out->count; i++)
		out->n.i[i] = (int64_t)a[i] / signed_by;
	for (uint32_t i = 0; !is_signed && is_modulo && i < out->count; i++)
		out->n.u[i] = a[i] % by;
	for (uint32_t i = 0; !is_signed && !is_modulo && i < out->count; i++)
		out->n.u[i] = a[i] / by;
}

/* Remainders and quotients of integers. */
static int
divide_integers(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out, enum arithmetic operation)
{
	bool is_signed = any_signed(call), is_b_signed = data_type_is_signed(type_at(call, 1));
	bool is_mixed = data_type_is_signed(type_at(call, 0)) != is_b_signed;

	if (!args[0].constant && args[1].constant && args[1].n.i[0] > 0) {
		divide_by(&args[0], args[1].n.u[0], operation == MODULO, out);
		clear_nulls(args, out);
		return 0;
	}
	for (uint32_t i = 0; i < out->count; i++) {
		uint64_t b = args[1].n.u[data_index(&args[1], i)];
		const char *bad = NULL;

		out->n.i[i] = 0;
		if (is_null(args, i))
			continue;
		if (b == 0)
			bad = "Division by zero";
		else if (b == UINT64_MAX && is_b_signed && is_minimum(&args[0], i))
			bad = "Division of minimal signed number by minus one";
		if (bad != NULL && expression_is_active(evaluation, i))
			return bad_division(evaluation, bad);
		if (bad == NULL)
			out->n.i[i] = is_mixed
					  ? on_mixed(operation, args, i)
					  : on_integers(operation, is_signed,
							args[0].n.u[data_index(&args[0], i)], b);
	}
	return 0;
}

int
function_arithmetic(struct evaluation *evaluation, const struct expression *call,
		    const struct data *args, struct data *out, enum arithmetic operation)
{
	bool floats = any_float(call) || operation == DIVIDE;
	int result;

	if (!floats && operation <= MULTIPLY) {
		on_integer_columns(operation, args, out);
		return 0;
	}
	if (floats) {
		result = on_floats(evaluation, args, out->count, operation, out->n.f);
		if (result == 0 && operation == INT_DIV)
			result = to_integers(evaluation, call, args, out);
		clear_nulls(args, out);
		return result;
	}
	result = divide_integers(evaluation, call, args, out, operation);
	data_wrap_all(out);
	return result;
}
