/* What expression*.c share. Nothing else includes this. */
#ifndef EXPRESSION_INSIDE_H
#define EXPRESSION_INSIDE_H

#include "expression.h"

/* A dictionary of '' alone: of a column that no row has. */
extern const struct dictionary expression_no_strings;

/* An EXPRESSION_COLUMN of the slice's block, not a whole map. */
int expression_read_column(struct evaluation *evaluation, const struct expression *expression,
			   struct data *out);

#endif
