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

/* function_name.c: another name of a function or aggregate. */
struct function_alias {
	const char *name, *of;
	bool any_case;
};

/* They by number; NULL past the last. */
const struct function_alias *function_alias_at(uint32_t index);
/* The name that stands in the tables for this one; the same when it is no other name. */
struct store_str function_real_name(struct store_str name);

/* NULL when there is none of that name, or of that other name. */
const struct function *function_find(struct store_str name);
/* The functions by number; NULL past the last. */
const struct function *function_at(uint32_t index);
/* The nearest known name, for error messages; NULL when none is near. */
const char *function_nearest(struct store_str name);
/* Whether it is a ClickHouse function that this engine does not have. */
bool function_is_planned(struct store_str name);
/* Whether it may leave out arguments: if, multiIf, and, or. */
bool function_is_lazy(const struct function *function);
/* Whether some values of the arguments' types are errors; of a call whose type is set. */
bool function_may_fail(const struct expression *call);
/* A call that never falls while the time that is its first argument grows; the
 * others, of FUNCTION_MONOTONE_ARGS_MAX in all, are constants. */
#define FUNCTION_MONOTONE_ARGS_MAX 4u
bool function_is_monotone(const struct expression *call);
/* The column of times that such a call is of, or such a call of such a call; else NULL. */
const struct expression *function_time_of(const struct expression *call);
/* The same call of other times, `count` of them in place of those of `time`, which is that
 * column, or the call's first argument. 0 or an error, which is set. */
int function_evaluate_times(struct evaluation *evaluation, const struct expression *call,
			    const struct expression *time, int64_t *times, uint32_t count,
			    struct data *out);
/* Rows in turn for which a call gives the same. */
struct function_runs {
	uint32_t *firsts; /* [max] */
	int64_t *values;  /* [max] */
	uint32_t count, max;
};

/* Of such a call, whose column's values, `times`, have no NULL and ascend: runs->count is 0
 * where there are too many. */
int function_find_runs(struct evaluation *evaluation, const struct expression *call,
		       const struct data *times, struct function_runs *runs);
/* After the arguments up to `a`: which rows want argument a + 1 of a lazy call;
 * `active` (or NULL) are those that want the call. */
void function_mask(const struct expression *call, const struct data *args, uint32_t a,
		   const uint8_t *active, uint32_t count, uint8_t *out);
int function_evaluate(struct evaluation *evaluation, const struct expression *call,
		      const struct data *args, struct data *out);

/* function_*.c: their parts of the table, ended by a NULL name. */
extern const struct function function_number_table[];
extern const struct function function_compare_table[];
extern const struct function function_logic_table[];
extern const struct function function_string_table[];
extern const struct function function_round_table[];
extern const struct function function_convert_table[];
extern const struct function function_time_table[];
extern const struct function function_cast_table[];
extern const struct function function_math_table[];
extern const struct function function_pattern_table[];
extern const struct function function_url_table[];
extern const struct function function_calendar_table[];
extern const struct function function_text_table[];
extern const struct function function_server_table[];
extern const struct function function_array_table[];

/* function_interval.c: days since 1970 to civil date (month 1 .. 12) and back. */
int64_t function_days_of(int64_t year, int64_t month, int64_t day);
void function_civil_of(int64_t days, int64_t *year, int64_t *month, int64_t *day);
/* ms + count * unit_ms, which stays where it is when it is beyond all time. */
int64_t function_add_time(int64_t ms, int64_t count, int64_t unit_ms);
/* The same by a unit of INTERVAL; months end at their last day. */
int64_t function_add_interval(int64_t ms, int64_t count, struct store_str unit);

/* A type by its name in the query, and back. */
bool function_type_of(struct store_str text, struct type *out);
const char *function_type_name(enum store_result_type type);

/* A whole text as a number, Bool or time, into out's row; false when it is none
 * that the type can hold. */
bool function_parse_cell(struct store_str text, struct data *out, uint32_t row);
/* Whether cells of the type have a text; and that text, as toString gives it. */
bool function_has_text(enum store_result_type type);
int function_text(struct evaluation *evaluation, const struct data *data, uint32_t row,
		  struct store_str *out);

/* function_compare.c: whether values of the types can be compared. */
bool function_comparable(const struct type *a, const struct type *b);
/* The row's values, neither of them NULL, as comparisons take them: -1, 0, 1; 2
 * when unordered (NaN). */
int function_compare(const struct data *a, const struct data *b, uint32_t row);

/* function_set.c: the values of a column, NULLs and NaN left out; in the arena.
 * NULL when memory runs out. */
struct function_set *function_set_create(const struct data *data, struct store_arena *arena);
/* Whether values of one type can be in a set of the other. */
bool function_set_fits(enum store_result_type value, enum store_result_type member);
/* Of constants that fit: strings or not. */
struct function_set *function_set_of_constants(bool strings, struct expression *const *constants,
					       uint32_t count, struct store_arena *arena);
/* Whether the row's value, which fits, is in a set that is not of tuples. */
bool function_set_has(const struct function_set *set, const struct data *data, uint32_t row);
/* Of `count` tuples, members[width][count] of them, and lists[width] that hold those of
 * each place. */
struct function_set *function_set_of_tuples(const struct function_set *const *lists, uint32_t width,
					    struct expression *const *const *members,
					    uint32_t count, struct store_arena *arena);
/* Calls of one argument, with `set`. */
extern const struct function function_in_set, function_not_in_set;
/* The argument's number in such a list, 0 where it is not there; and whether the arguments,
 * of which each is one of those, are a tuple of the set. */
extern const struct function function_member_number, function_in_tuples;

/* Edit distance at most 2 or so: used for "did you mean". */
bool function_is_near(struct store_str a, const char *b);

#endif
