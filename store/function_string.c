/*
 * Functions of strings. Bytes, not characters, but for LIKE's underscore;
 * nothing here backtracks without bound.
 */
#include <ctype.h>
#include <string.h>

#include "function.h"

static bool
all_strings(const struct expression *call)
{
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (call->args[i]->type.type != STORE_R_STRING)
			return false;
	}
	return true;
}

static bool
infer_flag(const struct expression *call, struct type *out)
{
	out->type = STORE_R_UINT8;
	return all_strings(call);
}

static bool
infer_size(const struct expression *call, struct type *out)
{
	out->type = STORE_R_UINT64;
	return all_strings(call);
}

static bool
infer_string(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	return all_strings(call);
}

/* ---- LIKE ------------------------------------------------------------ */

static int
fold(char c, bool fold_case)
{
	return fold_case && (c & 0x80) == 0 ? tolower((unsigned char)c) : (unsigned char)c;
}

static uint32_t
character_bytes(char first)
{
	unsigned char c = (unsigned char)first;

	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* % and _ with \ as escape. Only the last % is ever retried, so the time is at
 * most size of text times size of pattern. *is_like is false before. */
static int
like(struct evaluation *evaluation, struct store_str text, struct store_str pattern, bool fold_case,
     bool *is_like)
{
	uint32_t t = 0, p = 0, retry_t = 0, retry_p = UINT32_MAX;
	int result = expression_work(evaluation, (uint64_t)text.size + pattern.size);

	while (result == 0 && t < text.size) {
		bool escaped = p + 1 < pattern.size && pattern.bytes[p] == '\\' &&
			       memchr("%_\\", pattern.bytes[p + 1], 3) != NULL;
		char c = p < pattern.size ? pattern.bytes[p + escaped] : '\0';

		if (p < pattern.size && !escaped && c == '%') {
			retry_p = ++p;
			retry_t = t;
		} else if (p < pattern.size && !escaped && c == '_') {
			t += character_bytes(text.bytes[t]);
			p++;
		} else if (p < pattern.size &&
			   fold(c, fold_case) == fold(text.bytes[t], fold_case)) {
			t++;
			p += 1u + escaped;
		} else if (retry_p != UINT32_MAX) {
			result = expression_work(evaluation, t - retry_t);
			retry_t += character_bytes(text.bytes[retry_t]);
			t = retry_t;
			p = retry_p;
		} else {
			return result;
		}
	}
	while (p < pattern.size && pattern.bytes[p] == '%')
		p++;
	*is_like = p == pattern.size && t == text.size;
	return result;
}

/* A \ that takes nothing is an error, as in ClickHouse; of patterns that are no constants,
 * which may be of rows that nobody asks for, it stands for itself. */
static int
check_pattern(struct evaluation *evaluation, const struct expression *pattern)
{
	struct store_str text;
	uint32_t count = 0;

	if (pattern->kind != EXPRESSION_CONSTANT || data_is_null(&pattern->constant, 0))
		return 0;
	text = data_string(&pattern->constant, 0);
	while (count < text.size && text.bytes[text.size - 1 - count] == '\\')
		count++;
	if (count % 2 == 0)
		return 0;
	if (evaluation->error != NULL) {
		evaluation->error->clickhouse = 25;
		evaluation->error->name = "CANNOT_PARSE_ESCAPE_SEQUENCE";
	}
	return store_error_set(evaluation->error, STORE_ETYPE,
			       "The pattern %.*s ends in a \\ that takes nothing",
			       EXPRESSION_SHOWN(text));
}

static int
evaluate_like(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	const char *name = call->function->name;
	bool negated = name[0] == 'n', fold_case = name[0] == 'i' || (negated && name[3] == 'I');
	int result = check_pattern(evaluation, call->args[1]);

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		bool is_like = false;

		result = like(evaluation, data_string(&args[0], i), data_string(&args[1], i),
			      fold_case, &is_like);
		out->n.u[i] = is_like != negated;
	}
	return result;
}

/* ---- parts ----------------------------------------------------------- */

static int
evaluate_starts_with(struct evaluation *evaluation, const struct expression *call,
		     const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str a = data_string(&args[0], i), b = data_string(&args[1], i);

		out->n.u[i] =
		    b.size == 0 || (a.size >= b.size && memcmp(a.bytes, b.bytes, b.size) == 0);
		result = expression_work(evaluation, b.size);
	}
	return result;
}

static int
evaluate_ends_with(struct evaluation *evaluation, const struct expression *call,
		   const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str a = data_string(&args[0], i), b = data_string(&args[1], i);

		out->n.u[i] = b.size == 0 || (a.size >= b.size && memcmp(a.bytes + a.size - b.size,
									 b.bytes, b.size) == 0);
		result = expression_work(evaluation, b.size);
	}
	return result;
}

/* 1-based; 0 when it is not there. */
static int
evaluate_position(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str a = data_string(&args[0], i), b = data_string(&args[1], i);
		const char *found = b.size == 0   ? a.bytes
				    : a.size == 0 ? NULL
						  : memmem(a.bytes, a.size, b.bytes, b.size);

		out->n.u[i] = b.size == 0 ? 1 : found == NULL ? 0 : (uint64_t)(found - a.bytes) + 1;
		result = expression_work(evaluation, (uint64_t)a.size + b.size);
	}
	return result;
}

static int
evaluate_length(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.u[i] = args[0].values != NULL
				  ? args[0].values[data_index(&args[0], i)].v.list.count
				  : data_string(&args[0], i).size;
	return 0;
}

static bool
infer_length(const struct expression *call, struct type *out)
{
	enum store_result_type type = call->args[0]->type.type;

	out->type = STORE_R_UINT64;
	return type == STORE_R_STRING || type == STORE_R_ARRAY || type == STORE_R_MAP;
}

static bool
infer_substring(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	return call->args[0]->type.type == STORE_R_STRING &&
	       data_type_is_number(call->args[1]->type.type) &&
	       (call->args_count < 3 || data_type_is_number(call->args[2]->type.type));
}

static int64_t
whole(const struct data *data, uint32_t row)
{
	double value = data_double(data, row);

	return value > UINT32_MAX            ? UINT32_MAX
	       : value < -(double)UINT32_MAX ? -(int64_t)UINT32_MAX
					     : (int64_t)value;
}

/* From 1, or from the end when negative; so is a negative length. */
static int
evaluate_substring(struct evaluation *evaluation, const struct expression *call,
		   const struct data *args, struct data *out)
{
	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		int64_t from = whole(&args[1], i), to = text.size, length;

		out->s[i] = (struct store_str){text.bytes, 0};
		if (from == 0 || text.size == 0)
			continue;
		from = from > 0 ? from - 1 : text.size + from;
		if (call->args_count > 2) {
			length = whole(&args[2], i);
			to = length < 0 ? text.size + length : from + length;
		}
		from = from < 0 ? 0 : from;
		to = to > text.size ? text.size : to;
		if (from < to)
			out->s[i] = (struct store_str){text.bytes + from, (uint32_t)(to - from)};
	}
	return 0;
}

/* ---- making strings -------------------------------------------------- */

static int
evaluate_case(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	bool upper = call->function->name[0] == 'u';
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		char *bytes = store_arena_alloc(evaluation->arena, text.size);

		if (bytes == NULL)
			return expression_no_memory(evaluation->error);
		for (uint32_t j = 0; j < text.size; j++) {
			char c = text.bytes[j];

			if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z')
				c ^= 0x20;
			bytes[j] = c;
		}
		out->s[i] = (struct store_str){bytes, text.size};
		result = expression_work(evaluation, text.size);
	}
	return result;
}

static bool
infer_concat(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (!function_has_text(call->args[i]->type.type))
			return false;
	}
	return true;
}

static int
evaluate_concat(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	struct store_str *parts =
	    store_arena_alloc(evaluation->arena, call->args_count * sizeof *parts);
	int result = 0;

	if (parts == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		uint64_t size = 0;
		char *bytes;

		for (uint32_t a = 0; a < call->args_count; a++) {
			if (function_text(evaluation, &args[a], i, &parts[a]) != 0)
				return STORE_ELIMIT;
			size += parts[a].size;
		}
		if (size > UINT32_MAX / 2 ||
		    (bytes = store_arena_alloc(evaluation->arena, size)) == NULL)
			return expression_no_memory(evaluation->error);
		out->s[i] = (struct store_str){bytes, (uint32_t)size};
		result = expression_work(evaluation, size);
		for (uint32_t a = 0; a < call->args_count; a++) {
			if (parts[a].size > 0)
				memcpy(bytes, parts[a].bytes, parts[a].size);
			bytes += parts[a].size;
		}
	}
	return result;
}

const struct function function_string_table[] = {
    {"like", false, 2, 2, false, infer_flag, evaluate_like},
    {"notLike", false, 2, 2, false, infer_flag, evaluate_like},
    {"ilike", false, 2, 2, false, infer_flag, evaluate_like},
    {"notILike", false, 2, 2, false, infer_flag, evaluate_like},
    {"startsWith", false, 2, 2, false, infer_flag, evaluate_starts_with},
    {"endsWith", false, 2, 2, false, infer_flag, evaluate_ends_with},
    {"position", true, 2, 2, false, infer_size, evaluate_position},
    {"length", true, 1, 1, false, infer_length, evaluate_length},
    {"substring", true, 2, 3, false, infer_substring, evaluate_substring},
    {"lower", true, 1, 1, false, infer_string, evaluate_case},
    {"upper", true, 1, 1, false, infer_string, evaluate_case},
    {"concat", true, 1, 255, false, infer_concat, evaluate_concat},
    {NULL, false, 0, 0, false, NULL, NULL},
};
