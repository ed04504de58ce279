/*
 * Between function.c and function_monotone.c: calling a kernel for every row, and
 * calling it for few of them. Nothing else includes this.
 */
#ifndef FUNCTION_MONOTONE_H
#define FUNCTION_MONOTONE_H

#include "function.h"

/* function.c: the kernel for all rows, and the NULL rule. 0 or an error, which is set. */
int function_evaluate_rows(struct evaluation *evaluation, const struct expression *call,
			   const struct data *args, struct data *out);

/* Of a call that function_is_monotone, whose first argument is neither constant nor nullable: the
 * same, and constant when the earliest and the latest time give the same. */
int function_evaluate_monotone(struct evaluation *evaluation, const struct expression *call,
			       const struct data *args, struct data *out);

#endif
