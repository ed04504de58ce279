/*
 * Typed expressions over columns of rows: built by plan.c from the parsed
 * query, evaluated a block (or all groups) at a time. Values are arrays; NULLs
 * are a byte per row; strings of dictionary columns stay codes as long as they
 * can.
 */
#ifndef EXPRESSION_H
#define EXPRESSION_H

#include "block.h"
#include "sql_ast.h"
#include "watch.h"

/* For "%.*s": a text of the query, cut to what a message has room for. */
#define EXPRESSION_SHOWN(text) \
	(int)((text).size > 80 ? 80 : (text).size), (text).size == 0 ? "" : (text).bytes

struct type {
	enum store_result_type type;
	enum store_result_type element; /* STORE_R_ARRAY */
	bool nullable, dictionary;
};

/* rows[count] values of one type. With `constant` the arrays hold one. */
struct data {
	struct type type;
	uint32_t count;
	bool constant;
	union { /* numbers and times: [count] */
		int64_t *i;
		uint64_t *u;
		double *f;
	} n;
	/* [count] in place of `n`: only from expression_read_narrow */
	const uint32_t *narrow;
	bool narrow_nulls;     /* some may be VECTOR_NARROW_NULL; `nulls` is NULL */
	struct store_str *s;   /* strings; NULL when coded */
	const uint32_t *codes; /* coded strings */
	const uint8_t *bytes;  /* the same, in place of `codes`: see struct vector */
	const struct dictionary *dictionary;
	uint8_t *nulls;                   /* NULL: none */
	const struct store_value *values; /* MAP and ARRAY: [count] */
};

enum expression_kind {
	EXPRESSION_COLUMN,   /* of the table; `key` for one map value */
	EXPRESSION_CONSTANT, /* `constant` has one row */
	EXPRESSION_CALL,
	EXPRESSION_SLOT, /* a group key or an aggregate's result */
};

struct function;
struct function_set;
struct relation;
struct slice;
struct evaluation;

struct expression {
	enum expression_kind kind;
	struct type type;
	uint32_t offset; /* in the query, for errors */
	uint16_t column;
	struct store_str key;
	struct data constant;
	const struct function *function;
	struct expression **args;
	uint32_t args_count;
	uint32_t slot;
	struct store_str unit; /* of an interval argument */
	/* The only string column that it reads, when it reads nothing else:
	 * evaluated once per dictionary entry. NULL otherwise. */
	const struct expression *only_string;
	const struct function_set *set;     /* of those of function_set.c */
	const struct function_set *members; /* of a long list after IN; or NULL */
	/* Of memberNumber: the call of IN that is true where it is not 0. */
	const struct expression *membership;
	bool may_fail; /* for some values: division, conversions */
};

/* Rows to evaluate over: some or all rows of a slice, or slots. */
struct evaluation {
	const struct store_table *table; /* of the block */
	struct slice *slice;             /* of the block; or NULL */
	const uint32_t *rows;            /* selected rows of the slice; NULL: all */
	uint32_t count;                  /* of rows */
	struct data *slots;              /* for EXPRESSION_SLOT */
	struct store_arena *arena;
	struct store_error *error;
	struct crew *crew;         /* may help with aggregates; or NULL */
	const struct watch *watch; /* or NULL: it takes as long as it takes */
	uint64_t work_count;       /* steps since expression_work looked at it */
	int64_t now_ms;
	/* Columns of a materialised relation in place of table and block: rows
	 * relation_first ... of it. */
	const struct relation *relation;
	uint32_t relation_first;
	/* [count]: rows whose errors count, for `if` and its like evaluate what
	 * they do not take; NULL: all. */
	const uint8_t *active;
	/* In place of the block's columns; `context` is its own. */
	int (*read_column)(struct evaluation *evaluation, const struct expression *expression,
			   struct data *out);
	const void *context;
	/* Set while an expression runs over dictionary entries. */
	const struct expression *entry_column;
	const struct data *entries;
};

/* 0 or a negative code with evaluation->error set. */
int expression_evaluate(struct evaluation *evaluation, const struct expression *expression,
			struct data *out);

/* A call that reads one string column only (only_string): its value per entry
 * of a dictionary of that column in the slice's block, or, where that is NULL,
 * for the one entry ''. *per_entry is NULL where that cannot serve: more entries
 * than rows, or an error for some entry. Borrowed until the next evaluation. */
int expression_entries(struct evaluation *evaluation, const struct expression *expression,
		       const struct dictionary *dictionary, const struct data **per_entry);

/* A monotone function (function_is_monotone) of the slice's block's TIME by the
 * earliest and the latest: two values, between which those
 * of all rows lie.
 * *known is false where that cannot be told. */
int expression_ends(struct evaluation *evaluation, const struct expression *expression,
		    struct data *out, bool *known);

/* The runs of the rows by a monotone function of TIME, where the slice's times are known to
 * ascend and there are not more of them; else runs->count is 0. */
struct function_runs;
int expression_runs(struct evaluation *evaluation, const struct expression *expression,
		    struct function_runs *runs);

/* A numeric column's stored integers (value * scale) in n.i, which must not be
 * written to. */
int expression_read_stored(struct evaluation *evaluation, const struct expression *expression,
			   struct data *out);

/* The same, for who can take them in 32 bits: out->narrow where the block's values
 * allow it, with NULL rows among them as VECTOR_NARROW_NULL; else n.i and nulls
 * as expression_read_stored gives them. */
int expression_read_narrow(struct evaluation *evaluation, const struct expression *expression,
			   struct data *out);

bool data_type_is_float(enum store_result_type type);
bool data_type_is_signed(enum store_result_type type);
bool data_type_is_integer(enum store_result_type type); /* Bool too */
bool data_type_is_number(enum store_result_type type);
bool data_type_is_time(enum store_result_type type); /* Date, DateTime, DateTime64 */
uint32_t data_type_bytes(enum store_result_type type);
enum store_result_type data_type_of_integer(bool is_signed, uint32_t bytes);

/* Whether an error in this row is one of the query. */
static inline bool
expression_is_active(const struct evaluation *evaluation, uint32_t row)
{
	return evaluation->active == NULL || evaluation->active[row];
}

#define EXPRESSION_WORK_MAX (1u << 20) /* well below 10 ms of any kernel */

/* Of kernels whose work for a row its size does not bound, for constants may be
 * long and the same text may stand in every row: so many bytes or steps more.
 * Looks at the watch now and then. */
static inline int
expression_work(struct evaluation *evaluation, uint64_t count)
{
	evaluation->work_count += count + 1;
	if (evaluation->work_count < EXPRESSION_WORK_MAX)
		return 0;
	evaluation->work_count = 0;
	return watch_check(evaluation->watch, evaluation->error);
}

/* Row access that hides `constant` and codes; inline, for it is what kernels do
 * per row. */
static inline uint32_t
data_index(const struct data *data, uint32_t row)
{
	return data->constant ? 0 : row;
}

static inline bool
data_is_coded(const struct data *data)
{
	return data->codes != NULL || data->bytes != NULL;
}

/* The code of a row, or the only one. */
static inline uint32_t
data_code(const struct data *data, uint32_t index)
{
	return data->bytes != NULL ? data->bytes[index] : data->codes[index];
}

static inline bool
data_is_null(const struct data *data, uint32_t row)
{
	return data->nulls != NULL && data->nulls[data_index(data, row)];
}

static inline struct store_str
data_string(const struct data *data, uint32_t row)
{
	uint32_t index = data_index(data, row);

	return data_is_coded(data) ? dictionary_entry(data->dictionary, data_code(data, index))
				   : data->s[index];
}

/* The number as a double. */
static inline double
data_double(const struct data *data, uint32_t row)
{
	uint32_t index = data_index(data, row);

	if (data->type.type == STORE_R_FLOAT64)
		return data->n.f[index];
	if (data_type_is_signed(data->type.type) || data->type.type == STORE_R_DATETIME64)
		return (double)data->n.i[index];
	return (double)data->n.u[index];
}

/* What a time type counts in. */
static inline int64_t
data_time_unit_ms(enum store_result_type type)
{
	return type == STORE_R_DATE ? 86400000 : type == STORE_R_DATETIME ? 1000 : 1;
}

/* A time as milliseconds. */
static inline int64_t
data_time_ms(const struct data *data, uint32_t row)
{
	return data->n.i[data_index(data, row)] * data_time_unit_ms(data->type.type);
}

/* Truth of a number. */
static inline bool
data_true(const struct data *data, uint32_t row)
{
	uint32_t index = data_index(data, row);

	if (data->type.type == STORE_R_FLOAT64)
		return data->n.f[index] != 0;
	return data->n.u[index] != 0;
}

/* The number exactly; a time in seconds. */
long double data_number(const struct data *data, uint32_t row);
/* The value cut to the type's bytes, Date and DateTime too. */
int64_t data_wrap(enum store_result_type type, int64_t value);
/* The same of a column of numbers, whose type it has. */
void data_wrap_all(struct data *data);
/* One cell; strings are not copied. */
struct store_value data_value(const struct data *data, uint32_t row);
/* <0, 0, >0; NaN is equal to everything, NULLs must not be given. */
int
data_compare(enum store_result_type type, const struct store_value *a, const struct store_value *b);
/* Times are within the years 0 and 9999, which have four digits; so beginnings of
 * weeks and differences of two never leave 64 bits. */
#define DATA_TIME_MS_MIN (-62167219200000)
#define DATA_TIME_MS_MAX 253402300799999

static inline int64_t
data_time_within(int64_t ms)
{
	return ms < DATA_TIME_MS_MIN   ? DATA_TIME_MS_MIN
	       : ms > DATA_TIME_MS_MAX ? DATA_TIME_MS_MAX
				       : ms;
}

/* Sets a time, as near as its type can hold it. */
void data_set_time(struct data *data, uint32_t row, int64_t ms);
/* Fresh arrays for `count` rows; 0 or STORE_ELIMIT. */
int
data_allocate(struct evaluation *evaluation, struct type type, uint32_t count, struct data *out);
int data_allocate_nulls(struct evaluation *evaluation, struct data *data);

/* 'YYYY-MM-DD[ hh:mm:ss[.mmm]]' (T and Z too) as ms; false when it is not. Of a Date
 * the 30th of February is the 2nd of March, as in ClickHouse; other types have none. */
bool function_parse_time(struct store_str text, bool is_date, int64_t *ms);
/* Memory ran out: sets error 241. */
int expression_no_memory(struct store_error *error);

#endif
