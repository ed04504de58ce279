/*
 * Conversions to numbers and times: toUInt8 and its like, their OrZero and
 * OrNull, toDate, toDateTime64 and CAST. Below every clause; texts of cells are
 * function_convert.c's. What a cell cannot become is an error that names it,
 * never a wrong number.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "function.h"

#define DAYS_MAX UINT16_MAX /* toDate of more than that: seconds */
#define DIGITS_MAX 64u

enum otherwise { OTHERWISE_FAIL, OTHERWISE_ZERO, OTHERWISE_NULL };

/* ---- types by name --------------------------------------------------- */

static const struct {
	const char *name;
	enum store_result_type type;
} types[] = {{"UInt8", STORE_R_UINT8},       {"UInt16", STORE_R_UINT16},
	     {"UInt32", STORE_R_UINT32},     {"UInt64", STORE_R_UINT64},
	     {"Int8", STORE_R_INT8},         {"Int16", STORE_R_INT16},
	     {"Int32", STORE_R_INT32},       {"Int64", STORE_R_INT64},
	     {"Float64", STORE_R_FLOAT64},   {"Bool", STORE_R_BOOL},
	     {"String", STORE_R_STRING},     {"Date", STORE_R_DATE},
	     {"DateTime", STORE_R_DATETIME}, {"DateTime64(3)", STORE_R_DATETIME64}};

/* SQL's own names for them, in any case. */
static const struct {
	const char *name;
	enum store_result_type type;
} words[] = {
    {"INT", STORE_R_INT32},         {"INTEGER", STORE_R_INT32},     {"BIGINT", STORE_R_INT64},
    {"SMALLINT", STORE_R_INT16},    {"TINYINT", STORE_R_INT8},      {"DOUBLE", STORE_R_FLOAT64},
    {"BOOLEAN", STORE_R_BOOL},      {"BOOL", STORE_R_BOOL},         {"VARCHAR", STORE_R_STRING},
    {"CHAR", STORE_R_STRING},       {"TEXT", STORE_R_STRING},       {"DATE", STORE_R_DATE},
    {"DATETIME", STORE_R_DATETIME}, {"TIMESTAMP", STORE_R_DATETIME}};

/* The text between `prefix` and its last ')', or false. */
static bool
unwrap(struct store_str *text, const char *prefix)
{
	uint32_t size = (uint32_t)strlen(prefix);

	if (text->size <= size || memcmp(text->bytes, prefix, size) != 0 ||
	    text->bytes[text->size - 1] != ')')
		return false;
	text->bytes += size;
	text->size -= size + 1;
	return true;
}

bool
function_type_of(struct store_str text, struct type *out)
{
	*out = (struct type){0};
	if (unwrap(&text, "LowCardinality("))
		out->dictionary = true;
	if (unwrap(&text, "Nullable("))
		out->nullable = true;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strlen(types[i].name) == text.size &&
		    memcmp(types[i].name, text.bytes, text.size) == 0) {
			out->type = types[i].type;
			return !out->dictionary || out->type == STORE_R_STRING;
		}
	}
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strlen(words[i].name) == text.size &&
		    strncasecmp(words[i].name, text.bytes, text.size) == 0) {
			out->type = words[i].type;
			return !out->dictionary || out->type == STORE_R_STRING;
		}
	}
	return false;
}

const char *
function_type_name(enum store_result_type type)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (types[i].type == type)
			return types[i].name;
	}
	return type == STORE_R_MAP ? "Map(String, String)" : "Array";
}

/* ---- texts to values ------------------------------------------------- */

static bool
parse_float(struct store_str text, int64_t *bits)
{
	char digits[DIGITS_MAX], *end;
	double number;

	if (text.size == 0 || text.size >= sizeof digits || (unsigned char)text.bytes[0] <= ' ')
		return false;
	memcpy(digits, text.bytes, text.size);
	digits[text.size] = '\0';
	number = strtod(digits, &end);
	memcpy(bits, &number, sizeof number);
	return end == digits + text.size && strpbrk(digits, "xXpP") == NULL;
}

/* Whole text as an integer of the type; false when it is none. Those beyond the
 * type wrap, as in ClickHouse, unless `strict`. */
static bool
parse_integer(struct store_str text, enum store_result_type type, bool strict, int64_t *bits)
{
	bool is_negative = text.size > 0 && text.bytes[0] == '-', wrapped_negative, beyond = false;
	bool has_sign = is_negative || (text.size > 0 && text.bytes[0] == '+');
	uint64_t magnitude = 0;

	if (text.size <= has_sign || (has_sign && !data_type_is_signed(type)))
		return false;
	for (uint32_t i = has_sign; i < text.size; i++) {
		unsigned digit = (unsigned)text.bytes[i] - '0';

		if (digit > 9)
			return false;
		beyond |= magnitude > (UINT64_MAX - digit) / 10;
		magnitude = magnitude * 10 + digit;
	}
	*bits = data_wrap(type, (int64_t)(is_negative ? 0 - magnitude : magnitude));
	wrapped_negative = data_type_is_signed(type) && *bits < 0;
	return !strict || (!beyond && wrapped_negative == (is_negative && magnitude > 0) &&
			   (is_negative ? 0 - (uint64_t)*bits : (uint64_t)*bits) == magnitude);
}

static bool
parse_bool(struct store_str text, int64_t *bits)
{
	static const char *const pairs[][2] = {{"false", "true"},
					       {"0", "1"},
					       {"f", "t"},
					       {"n", "y"},
					       {"no", "yes"},
					       {"off", "on"},
					       {"disable", "enable"},
					       {"disabled", "enabled"}};

	for (size_t i = 0; i < 2 * sizeof pairs / sizeof *pairs; i++) {
		const char *word = pairs[i / 2][i % 2];

		*bits = (int64_t)(i % 2);
		if (strlen(word) == text.size && strncasecmp(word, text.bytes, text.size) == 0)
			return true;
	}
	return false;
}

static bool
parse_cell(struct store_str text, bool strict, struct data *out, uint32_t row)
{
	int64_t ms;

	if (out->type.type == STORE_R_BOOL)
		return parse_bool(text, &out->n.i[row]);
	if (data_type_is_float(out->type.type))
		return parse_float(text, &out->n.i[row]);
	if (!data_type_is_time(out->type.type))
		return parse_integer(text, out->type.type, strict, &out->n.i[row]);
	if (!function_parse_time(text, out->type.type == STORE_R_DATE, &ms))
		return false;
	data_set_time(out, row, ms);
	return true;
}

bool
function_parse_cell(struct store_str text, struct data *out, uint32_t row)
{
	return parse_cell(text, true, out, row);
}

static int
bad_cell(struct evaluation *evaluation, int clickhouse, const char *name, const char *text)
{
	if (evaluation->error != NULL) {
		evaluation->error->clickhouse = clickhouse;
		evaluation->error->name = name;
	}
	return store_error_set(evaluation->error, STORE_ETYPE, "%s", text);
}

/* With the codes that ClickHouse has for it. */
static int
cannot_parse(struct evaluation *evaluation, struct store_str text, enum store_result_type type)
{
	bool is_float = data_type_is_float(type);
	char what[160];

	snprintf(what, sizeof what, "Cannot parse '%.*s' as %s", EXPRESSION_SHOWN(text),
		 function_type_name(type));
	if (type == STORE_R_DATE)
		return bad_cell(evaluation, 38, "CANNOT_PARSE_DATE", what);
	if (data_type_is_time(type))
		return bad_cell(evaluation, 41, "CANNOT_PARSE_DATETIME", what);
	if (type == STORE_R_BOOL)
		return bad_cell(evaluation, 467, "CANNOT_PARSE_BOOL", what);
	if (text.size == 0 && !is_float)
		return bad_cell(evaluation, 32, "ATTEMPT_TO_READ_AFTER_EOF", what);
	/* A number, but more behind it, or none at all. */
	if (is_float ? memchr("0123456789.+-", text.size == 0 ? 'x' : text.bytes[0], 13) == NULL
		     : text.bytes[0] == '-')
		return bad_cell(evaluation, 72, "CANNOT_PARSE_NUMBER", what);
	return bad_cell(evaluation, 6, "CANNOT_PARSE_TEXT", what);
}

/* ---- values to values ------------------------------------------------ */

static int
cast_to_time(struct evaluation *evaluation, const struct data *from, uint32_t row, struct data *out)
{
	bool is_wide = out->type.type == STORE_R_DATETIME64;
	long double value, least = is_wide ? DATA_TIME_MS_MIN / 1000 : 0;
	long double most = is_wide ? DATA_TIME_MS_MAX / 1000 : UINT32_MAX;

	if (data_type_is_time(from->type.type)) {
		data_set_time(out, row, data_time_ms(from, row));
		return 0;
	}
	value = data_number(from, row);
	if (is_wide && isnan(value) && expression_is_active(evaluation, row))
		return bad_cell(evaluation, 407, "DECIMAL_OVERFLOW",
				"NaN cannot become a DateTime64(3)");
	value = value >= least ? value : isnan(value) ? 0 : least;
	value = value > most ? most : value;
	if (is_wide)
		out->n.i[row] =
		    (int64_t)((double)value * 1000); /* 56.87 as 56.870, as in ClickHouse */
	else
		data_set_time(out, row,
			      (int64_t)value * (out->type.type == STORE_R_DATE && value <= DAYS_MAX
						    ? 86400000
						    : 1000));
	return 0;
}

#define TWO_63 9223372036854775808.0

/* Bits of a float without its fraction; the least number where they have no room. */
static int64_t
whole_of(double value, enum store_result_type type)
{
	if (value >= TWO_63 && value < 2 * TWO_63 && type == STORE_R_UINT64)
		return (int64_t)(uint64_t)value;
	return value >= -TWO_63 && value < TWO_63 ? (int64_t)value : INT64_MIN;
}

static int
cast_to_number(struct evaluation *evaluation, const struct data *from, uint32_t row,
	       struct data *out)
{
	int64_t whole = from->n.i[data_index(from, row)];
	double value = data_double(from, row);

	if (data_type_is_float(out->type.type)) {
		out->n.f[row] = from->type.type == STORE_R_DATETIME64
				    ? (double)data_time_ms(from, row) / 1000
				    : value;
		return 0;
	}
	if (data_type_is_float(from->type.type) && out->type.type != STORE_R_BOOL &&
	    !isfinite(value) && expression_is_active(evaluation, row))
		return bad_cell(evaluation, 70, "CANNOT_CONVERT_TYPE",
				"inf and NaN cannot become integers");
	if (from->type.type == STORE_R_DATETIME64 && out->type.type != STORE_R_BOOL)
		whole /= 1000; /* towards 0, as floats, and as ClickHouse has it */
	if (data_type_is_float(from->type.type))
		whole = whole_of(value, out->type.type);
	out->n.i[row] = out->type.type == STORE_R_BOOL
			    ? (data_type_is_float(from->type.type) ? value != 0 : whole != 0)
			    : data_wrap(out->type.type, whole);
	return 0;
}

static int
cast_cell(struct evaluation *evaluation, const struct data *from, uint32_t row, struct data *out,
	  enum otherwise otherwise)
{
	struct store_str text;

	if (out->type.type == STORE_R_STRING)
		return function_text(evaluation, from, row, &out->s[row]);
	if (from->type.type != STORE_R_STRING)
		return data_type_is_time(out->type.type)
			   ? cast_to_time(evaluation, from, row, out)
			   : cast_to_number(evaluation, from, row, out);
	text = data_string(from, row);
	if (parse_cell(text, otherwise != OTHERWISE_FAIL, out, row))
		return 0;
	out->n.i[row] = 0;
	if (otherwise == OTHERWISE_NULL)
		out->nulls[row] = 1;
	if (otherwise != OTHERWISE_FAIL || !expression_is_active(evaluation, row))
		return 0;
	return cannot_parse(evaluation, text, out->type.type);
}

/* Integers as they are stored, of which each is this many; then cut to the type. */
static void
cast_integers(const struct data *from, int64_t per, struct data *out)
{
	for (uint32_t i = 0; per == 1 && i < out->count; i++)
		out->n.i[i] = from->n.i[i];
	for (uint32_t i = 0; per != 1 && i < out->count; i++)
		out->n.i[i] = from->n.i[i] / per;
	data_wrap_all(out);
}

/* Whole columns of what no row can be an error; false: not of a kind that this serves. */
static bool
cast_column(const struct data *from, struct data *out)
{
	enum store_result_type type = from->type.type, to = out->type.type;

	if (from->constant || (!data_type_is_integer(type) && !data_type_is_time(type)))
		return false;
	if (to == STORE_R_DATETIME && data_type_is_time(type)) {
		for (uint32_t i = 0; i < out->count; i++)
			data_set_time(out, i, data_time_ms(from, i));
	} else if (to == STORE_R_FLOAT64 && data_type_is_integer(type)) {
		for (uint32_t i = 0; i < out->count; i++)
			out->n.f[i] = data_double(from, i);
	} else if (data_type_is_integer(to) && to != STORE_R_BOOL) {
		cast_integers(from, type == STORE_R_DATETIME64 ? 1000 : 1, out);
	} else {
		return false;
	}
	for (uint32_t i = 0; from->nulls != NULL && i < out->count; i++)
		out->n.u[i] = from->nulls[i] ? 0 : out->n.u[i];
	return true;
}

/* ---- toUInt8 ... toDateTime64 ---------------------------------------- */

static enum otherwise
otherwise_of(const char *name)
{
	const char *at = strstr(name, "Or");

	return at == NULL ? OTHERWISE_FAIL : at[2] == 'Z' ? OTHERWISE_ZERO : OTHERWISE_NULL;
}

static bool
infer_to(const struct expression *call, struct type *out)
{
	const char *name = call->function->name + 2, *end = strstr(name, "Or");
	size_t size = end == NULL ? strlen(name) : (size_t)(end - name);
	struct type type = call->args[0]->type;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strncmp(types[i].name, name, size) == 0 &&
		    (types[i].name[size] == '\0' || types[i].name[size] == '('))
			out->type = types[i].type;
	}
	out->nullable = otherwise_of(name) == OTHERWISE_NULL;
	if (end != NULL)
		return type.type == STORE_R_STRING;
	if (out->type == STORE_R_DATETIME64 &&
	    (call->args_count < 2 || call->args[1]->kind != EXPRESSION_CONSTANT ||
	     !data_type_is_integer(call->args[1]->type.type) ||
	     call->args[1]->constant.n.u[0] != 3))
		return false;
	return data_type_is_number(type.type) || data_type_is_time(type.type) ||
	       type.type == STORE_R_STRING;
}

static int
evaluate_to(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	    struct data *out)
{
	enum otherwise otherwise = otherwise_of(call->function->name);
	int result = 0;

	if (otherwise == OTHERWISE_NULL && (result = data_allocate_nulls(evaluation, out)) != 0)
		return result;
	if (cast_column(&args[0], out))
		return 0;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		if (data_is_null(&args[0], i))
			out->n.u[i] = 0;
		else
			result = cast_cell(evaluation, &args[0], i, out, otherwise);
	}
	return result;
}

/* ---- CAST ------------------------------------------------------------ */

static bool
infer_cast(const struct expression *call, struct type *out)
{
	const struct expression *type = call->args[1];

	return type->kind == EXPRESSION_CONSTANT && type->type.type == STORE_R_STRING &&
	       function_type_of(type->constant.s[0], out) &&
	       function_has_text(call->args[0]->type.type);
}

/* A text that is none of a Nullable type becomes NULL. */
static int
evaluate_cast(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	enum otherwise otherwise = call->type.nullable ? OTHERWISE_NULL : OTHERWISE_FAIL;
	int result = call->type.nullable ? data_allocate_nulls(evaluation, out) : 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		if (!data_is_null(&args[0], i)) {
			result = cast_cell(evaluation, &args[0], i, out, otherwise);
			continue;
		}
		if (out->s != NULL)
			out->s[i] = (struct store_str){NULL, 0};
		else
			out->n.u[i] = 0;
		if (out->nulls != NULL) {
			out->nulls[i] = 1;
		} else if (expression_is_active(evaluation, i)) {
			result = bad_cell(evaluation, 349, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
					  "Cannot convert NULL to a type that has none");
		}
	}
	return result;
}

#define TO(name, args_max)                                             \
	{                                                              \
		name, false, 1, args_max, false, infer_to, evaluate_to \
	}

const struct function function_cast_table[] = {
    TO("toUInt8", 1),
    TO("toUInt16", 1),
    TO("toUInt32", 1),
    TO("toUInt64", 1),
    TO("toInt8", 1),
    TO("toInt16", 1),
    TO("toInt32", 1),
    TO("toInt64", 1),
    TO("toFloat64", 1),
    TO("toBool", 1),
    TO("toDate", 1),
    TO("toDateTime", 1),
    TO("toDateTime64", 2),
    TO("toUInt8OrZero", 1),
    TO("toUInt16OrZero", 1),
    TO("toUInt32OrZero", 1),
    TO("toUInt64OrZero", 1),
    TO("toInt8OrZero", 1),
    TO("toInt16OrZero", 1),
    TO("toInt32OrZero", 1),
    TO("toInt64OrZero", 1),
    TO("toFloat64OrZero", 1),
    TO("toUInt8OrNull", 1),
    TO("toUInt16OrNull", 1),
    TO("toUInt32OrNull", 1),
    TO("toUInt64OrNull", 1),
    TO("toInt8OrNull", 1),
    TO("toInt16OrNull", 1),
    TO("toInt32OrNull", 1),
    TO("toInt64OrNull", 1),
    TO("toFloat64OrNull", 1),
    {"CAST", true, 2, 2, true, infer_cast, evaluate_cast},
    {NULL, false, 0, 0, false, NULL, NULL},
};
