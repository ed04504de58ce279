/*
 * Scalar functions: one table of name, arity, result type and kernel.
 */
#ifndef FUNCTION_H
#define FUNCTION_H

#include "expression.h"

struct function {
	const char *name;
	bool any_case; /* SQL-standard names only */
	uint8_t args_min, args_max;
	bool takes_null; /* the kernel handles NULLs itself; else NULL in, NULL out */
	/* Result type for these arguments; false when they do not fit. */
	bool (*infer)(const struct expression *call, struct type *out);
	int (*evaluate)(struct evaluation *evaluation, const struct expression *call,
			const struct data *args, struct data *out);
};

/* NULL when there is none of that name. */
const struct function *function_find(struct store_str name);
/* The nearest known name, for error messages; NULL when none is near. */
const char *function_nearest(struct store_str name);
/* Whether it is a ClickHouse function that this engine does not have. */
bool function_is_planned(struct store_str name);
int function_evaluate(struct evaluation *evaluation, const struct expression *call,
		      const struct data *args, struct data *out);

/* function_*.c: their parts of the table, ended by a NULL name. */
extern const struct function function_number_table[];
extern const struct function function_logic_table[];
extern const struct function function_string_table[];
extern const struct function function_round_table[];
extern const struct function function_convert_table[];
extern const struct function function_time_table[];

/* Whether cells of the type have a text; and that text, as toString gives it. */
bool function_has_text(enum store_result_type type);
int function_text(struct evaluation *evaluation, const struct data *data, uint32_t row,
		  struct store_str *out);

/* Edit distance at most 2 or so: used for "did you mean". */
bool function_is_near(struct store_str a, const char *b);

#endif
