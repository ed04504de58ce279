/*
 * Finding functions and calling their kernels with the NULL rule.
 */
#include <assert.h>
#include <string.h>

#include "codec.h"
#include "function_monotone.h"
#include "sql_parse.h"

#define NAME_BYTES_MAX 40u

static const struct function *const tables[] = {
    function_number_table, function_compare_table, function_logic_table,   function_string_table,
    function_time_table,   function_round_table,   function_convert_table, function_cast_table,
    function_math_table,   function_pattern_table, function_url_table,     function_calendar_table,
    function_text_table,   function_server_table,  function_array_table};

const struct function *
function_find(struct store_str name)
{
	name = function_real_name(name);
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		for (const struct function *f = tables[t]; f->name != NULL; f++) {
			if (sql_is_name(name, f->name, f->any_case))
				return f;
		}
	}
	return NULL;
}

const struct function *
function_at(uint32_t index)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		for (const struct function *f = tables[t]; f->name != NULL; f++) {
			if (index-- == 0)
				return f;
		}
	}
	return NULL;
}

static bool
is_same_letter(char a, char b)
{
	return (a | 0x20) == (b | 0x20);
}

/* By the edits of Damerau (1964): one letter changed, added, left out, or two
 * neighbours swapped. */
bool
function_is_near(struct store_str a, const char *b)
{
	/* The last three rows of the table, in turn. */
	uint32_t rows[3][NAME_BYTES_MAX + 1], size = (uint32_t)strlen(b);

	if (a.size > NAME_BYTES_MAX || size > NAME_BYTES_MAX || a.size == 0)
		return false;
	for (uint32_t j = 0; j <= size; j++)
		rows[0][j] = j;
	for (uint32_t i = 1; i <= a.size; i++) {
		uint32_t *row = rows[i % 3], *above = rows[(i + 2) % 3];

		row[0] = i;
		for (uint32_t j = 1; j <= size; j++) {
			uint32_t best = above[j - 1] + !is_same_letter(a.bytes[i - 1], b[j - 1]);

			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			best = above[j] + 1 < best ? above[j] + 1 : best;
			if (i > 1 && j > 1 && is_same_letter(a.bytes[i - 1], b[j - 2]) &&
			    is_same_letter(a.bytes[i - 2], b[j - 1]) &&
			    rows[(i + 1) % 3][j - 2] + 1 < best)
				best = rows[(i + 1) % 3][j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a.size % 3][size] <= (a.size > 4 ? 2u : 1u);
}

const char *
function_nearest(struct store_str name)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		for (const struct function *f = tables[t]; f->name != NULL; f++) {
			if (function_is_near(name, f->name))
				return f->name;
		}
	}
	return NULL;
}

bool
function_is_planned(struct store_str name)
{
	static const char *const names[] = {
	    "arrayCount",
	    "arrayExists",
	    "arrayFilter",
	    "arrayJoin",
	    "arrayMap",
	    "arraySort",
	    "cityHash64",
	    "corr",
	    "covarPop",
	    "covarSamp",
	    "dictGet",
	    "exponentialMovingAverage",
	    "geoDistance",
	    "groupBitmap",
	    "groupUniqArrayArray",
	    "IPv4NumToString",
	    "IPv4StringToNum",
	    "isIPAddressInRange",
	    "JSONExtract",
	    "JSONExtractFloat",
	    "JSONExtractInt",
	    "JSONExtractString",
	    "kurtPop",
	    "lag",
	    "lagInFrame",
	    "lead",
	    "leadInFrame",
	    "MD5",
	    "neighbor",
	    "parseDateTime",
	    "parseDateTime64BestEffort",
	    "parseDateTimeBestEffort",
	    "rand",
	    "rank",
	    "retention",
	    "rowNumberInAllBlocks",
	    "row_number",
	    "runningAccumulate",
	    "runningDifference",
	    "sequenceCount",
	    "sequenceMatch",
	    "simpleLinearRegression",
	    "sipHash64",
	    "skewPop",
	    "sumMap",
	    "toTypeName",
	    "tuple",
	    "uniqTheta",
	    "uniqUpTo",
	    "windowFunnel",
	    "xxHash64",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strlen(names[i]) == name.size && memcmp(names[i], name.bytes, name.size) == 0)
			return true;
	}
	return false;
}

/* ---- calling --------------------------------------------------------- */

bool
function_is_lazy(const struct function *function)
{
	static const char *const names[] = {"if", "multiIf", "and", "or"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], function->name) == 0)
			return true;
	}
	return false;
}

/* By 0, and the least number by -1. */
static bool
may_not_divide(const struct expression *call)
{
	const struct expression *by = call->args[1];

	return data_type_is_float(call->args[0]->type.type) || by->kind != EXPRESSION_CONSTANT ||
	       !data_type_is_integer(by->type.type) || by->constant.n.i[0] == 0 ||
	       by->constant.n.i[0] == -1;
}

/* Texts that are no number or time; floats that no whole number is; NULL to a type that has
 * none. */
static bool
may_not_convert(const struct expression *call)
{
	enum store_result_type from = call->args[0]->type.type, to = call->type.type;

	return (call->args[0]->type.nullable && !call->type.nullable) ||
	       (from == STORE_R_STRING && to != STORE_R_STRING) ||
	       (data_type_is_float(from) && (data_type_is_integer(to) || data_type_is_time(to)));
}

bool
function_may_fail(const struct expression *call)
{
	const char *name = call->function->name;

	if (call->args_count == 0)
		return false;
	if (strcmp(name, "intDiv") == 0 || strcmp(name, "modulo") == 0)
		return may_not_divide(call);
	return (strcmp(name, "CAST") == 0 ||
		(strncmp(name, "to", 2) == 0 && strstr(name, "Or") == NULL)) &&
	       may_not_convert(call);
}

/* Of if and multiIf: argument n, a condition when n is even and not the last,
 * wants the rows that no condition before took; a value wants those that its
 * own condition took. Of and and or: rows that are not decided yet. */
void
function_mask(const struct expression *call, const struct data *args, uint32_t a,
	      const uint8_t *active, uint32_t count, uint8_t *out)
{
	bool is_logic = call->function->name[0] == 'a' || call->function->name[0] == 'o';
	bool is_value = !is_logic && a % 2 == 0;

	for (uint32_t i = 0; i < count; i++) {
		bool wanted = active == NULL || active[i];

		for (uint32_t c = 0; wanted && c <= a; c += is_logic ? 1 : 2) {
			bool known = !data_is_null(&args[c], i);
			bool is_true = known && data_true(&args[c], i);

			if (is_logic)
				wanted = !known || is_true == (call->function->name[0] == 'a');
			else
				wanted = is_true == (is_value && c == a);
		}
		out[i] = wanted;
	}
}

/* NULL where an argument is; one argument's array serves as it is. */
static int
merge_nulls(struct evaluation *evaluation, const struct data *args, uint32_t args_count,
	    struct data *out)
{
	uint8_t *shared = NULL;
	bool alone = out->nulls == NULL;

	for (uint32_t a = 0; a < args_count; a++) {
		alone =
		    alone && (args[a].nulls == NULL || shared == NULL || shared == args[a].nulls);
		alone = alone && !(args[a].nulls != NULL && args[a].constant);
		shared = args[a].nulls != NULL ? args[a].nulls : shared;
	}
	if (alone) {
		out->nulls = shared;
		return 0;
	}
	for (uint32_t a = 0; a < args_count; a++) {
		if (args[a].nulls == NULL)
			continue;
		if (out->nulls == NULL && data_allocate_nulls(evaluation, out) != 0)
			return STORE_ELIMIT;
		for (uint32_t i = 0; i < out->count; i++)
			out->nulls[i] |= data_is_null(&args[a], i);
	}
	return 0;
}

int
function_evaluate_rows(struct evaluation *evaluation, const struct expression *call,
		       const struct data *args, struct data *out)
{
	int result = data_allocate(evaluation, call->type, evaluation->count, out);

	if (result == 0)
		result = call->function->evaluate(evaluation, call, args, out);
	if (result == 0 && !call->function->takes_null)
		result = merge_nulls(evaluation, args, call->args_count, out);
	return result;
}

static bool
are_constant(const struct expression *call, const struct data *args)
{
	for (uint32_t a = 0; a < call->args_count; a++) {
		if (!args[a].constant)
			return false;
	}
	return call->args_count > 0;
}

int
function_evaluate(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	bool few = evaluation->count > 2 && evaluation->active == NULL &&
		   call->type.type != STORE_R_ARRAY && call->type.type != STORE_R_MAP;
	struct evaluation inner = *evaluation;
	int result;

	if (few && are_constant(call, args)) {
		inner.count = 1;
		result = function_evaluate_rows(&inner, call, args, out);
		out->count = evaluation->count;
		out->constant = true;
	} else if (few && function_is_monotone(call) && !args[0].constant &&
		   args[0].nulls == NULL) {
		result = function_evaluate_monotone(evaluation, call, args, out);
	} else {
		result = function_evaluate_rows(evaluation, call, args, out);
	}
	if (result != 0 && evaluation->error != NULL && evaluation->error->offset == 0)
		evaluation->error->offset = call->offset;
	return result;
}
