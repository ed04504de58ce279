/*
 * Between function_number.c and function_arithmetic.c: the operations, and what both ask of
 * a call. Nothing else includes this.
 */
#ifndef FUNCTION_ARITHMETIC_H
#define FUNCTION_ARITHMETIC_H

#include "function.h"

enum arithmetic { PLUS, MINUS, MULTIPLY, DIVIDE, MODULO, INT_DIV };

/* Of two numbers, into out's rows, whose type is the call's; NULL rows are 0. 0 or an error
 * of some row that is wanted, which is set. */
int function_arithmetic(struct evaluation *evaluation, const struct expression *call,
			const struct data *args, struct data *out, enum arithmetic operation);

/* Of an argument. */
static inline enum store_result_type
type_at(const struct expression *call, uint32_t i)
{
	return call->args[i]->type.type;
}

static inline bool
any_float(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (data_type_is_float(type_at(call, i)))
			return true;
	}
	return false;
}

static inline bool
any_signed(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (data_type_is_signed(type_at(call, i)))
			return true;
	}
	return false;
}

#endif
