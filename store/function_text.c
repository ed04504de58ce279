/*
 * More functions of strings: hex, trimming, replacing, characters. Bytes, but
 * for those whose name ends in UTF8.
 */
#include <string.h>

#include "function.h"

static bool
infer_strings(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (call->args[i]->type.type != STORE_R_STRING)
			return false;
	}
	return true;
}

static bool
infer_size(const struct expression *call, struct type *out)
{
	bool fits = infer_strings(call, out);

	out->type = STORE_R_UINT64;
	return fits;
}

/* ---- hex ------------------------------------------------------------- */

static bool
infer_hex(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	return function_has_text(call->args[0]->type.type);
}

/* The bytes of a cell, highest first; a float's as they lie in memory. */
static uint32_t
bytes_of(const struct data *data, uint32_t row, unsigned char out[8])
{
	enum store_result_type type = data->type.type;
	uint32_t size = type == STORE_R_DATE       ? 2
			: type == STORE_R_DATETIME ? 4
						   : data_type_bytes(type);
	uint64_t bits = data->n.u[data_index(data, row)];
	bool is_whole = data_type_is_integer(type) || type == STORE_R_DATETIME;

	for (uint32_t i = 0; i < size; i++) {
		uint32_t shift = data_type_is_float(type) ? i : size - 1 - i;

		out[i] = (unsigned char)(bits >> shift * 8);
	}
	while (is_whole && size > 1 && out[0] == 0)
		memmove(out, out + 1, --size);
	return size;
}

static int
evaluate_hex(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	     struct data *out)
{
	static const char digits[] = "0123456789ABCDEF";
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		unsigned char number[8];
		struct store_str text;
		char *bytes;

		if (data_is_null(&args[0], i))
			text = (struct store_str){NULL, 0};
		else if (args[0].type.type == STORE_R_STRING)
			text = data_string(&args[0], i);
		else
			text = (struct store_str){(char *)number, bytes_of(&args[0], i, number)};
		if ((bytes = store_arena_alloc(evaluation->arena, (size_t)text.size * 2)) == NULL)
			return expression_no_memory(evaluation->error);
		for (uint32_t j = 0; j < text.size; j++) {
			bytes[j * 2] = digits[(unsigned char)text.bytes[j] >> 4];
			bytes[j * 2 + 1] = digits[(unsigned char)text.bytes[j] & 15];
		}
		out->s[i] = (struct store_str){bytes, text.size * 2};
		result = expression_work(evaluation, text.size);
	}
	return result;
}

static uint32_t
digit_of(char c)
{
	return c >= '0' && c <= '9'                     ? (uint32_t)(c - '0')
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (uint32_t)((c | 0x20) - 'a' + 10)
							: 0;
}

static int
evaluate_unhex(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		uint32_t odd = text.size & 1, size = text.size / 2 + odd;
		char *bytes = store_arena_alloc(evaluation->arena, size);

		if (bytes == NULL)
			return expression_no_memory(evaluation->error);
		for (uint32_t j = 0; j < size; j++) {
			uint32_t high = j == 0 && odd ? 0 : digit_of(text.bytes[j * 2 - odd]);

			bytes[j] = (char)(high << 4 | digit_of(text.bytes[j * 2 + 1 - odd]));
		}
		out->s[i] = (struct store_str){bytes, size};
		result = expression_work(evaluation, text.size);
	}
	return result;
}

/* ---- parts ----------------------------------------------------------- */

static int
evaluate_empty(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	bool negated = call->function->name[0] == 'n';

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.u[i] = (args[0].values != NULL
				   ? args[0].values[data_index(&args[0], i)].v.list.count == 0
				   : data_string(&args[0], i).size == 0) != negated;
	return 0;
}

static bool
infer_empty(const struct expression *call, struct type *out)
{
	enum store_result_type type = call->args[0]->type.type;

	out->type = STORE_R_UINT8;
	return type == STORE_R_STRING || type == STORE_R_ARRAY || type == STORE_R_MAP;
}

static int
evaluate_trim(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	char which = call->function->name[4]; /* trim, trimL..., trimR..., trimB... */
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		uint32_t size = text.size;

		for (; which != 'R' && text.size > 0 && text.bytes[0] == ' '; text.size--)
			text.bytes++;
		while (which != 'L' && text.size > 0 && text.bytes[text.size - 1] == ' ')
			text.size--;
		out->s[i] = text;
		result = expression_work(evaluation, size - text.size);
	}
	return result;
}

static bool
infer_side(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	return call->args[0]->type.type == STORE_R_STRING &&
	       data_type_is_integer(call->args[1]->type.type);
}

/* The first or last bytes; a negative number is how many are left out. */
static int
evaluate_side(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	bool right = call->function->name[0] == 'r';

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		double wanted = data_double(&args[1], i), size = text.size;

		wanted = wanted < 0 ? size + wanted : wanted;
		wanted = wanted < 0 ? 0 : wanted > size ? size : wanted;
		if (right && text.size > 0)
			text.bytes += text.size - (uint32_t)wanted;
		text.size = (uint32_t)wanted;
		out->s[i] = text;
	}
	return 0;
}

/* Bytes that are not the continuation of a character. */
static int
evaluate_characters(struct evaluation *evaluation, const struct expression *call,
		    const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);

		out->n.u[i] = 0;
		for (uint32_t j = 0; j < text.size; j++)
			out->n.u[i] += (text.bytes[j] & 0xc0) != 0x80;
		result = expression_work(evaluation, text.size);
	}
	return result;
}

/* ---- making strings -------------------------------------------------- */

static int
evaluate_reverse(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		char *bytes = store_arena_alloc(evaluation->arena, text.size);

		if (bytes == NULL)
			return expression_no_memory(evaluation->error);
		for (uint32_t j = 0; j < text.size; j++)
			bytes[j] = text.bytes[text.size - 1 - j];
		out->s[i] = (struct store_str){bytes, text.size};
		result = expression_work(evaluation, text.size);
	}
	return result;
}

static const char *
find(struct store_str text, uint32_t from, struct store_str what)
{
	return text.size == from
		   ? NULL
		   : memmem(text.bytes + from, text.size - from, what.bytes, what.size);
}

/* NULL when memory runs out. */
static char *
replace(struct store_arena *arena, struct store_str text, struct store_str what,
	struct store_str with, bool all, uint32_t *size)
{
	uint64_t places = 0, total;
	const char *found;
	char *bytes, *to;
	uint32_t from = 0;

	for (; (found = find(text, from, what)) != NULL && (all || places == 0); places++)
		from = (uint32_t)(found - text.bytes) + what.size;
	total = text.size + places * with.size - places * what.size;
	if (total > UINT32_MAX / 2 || (to = bytes = store_arena_alloc(arena, total)) == NULL)
		return NULL;
	for (from = 0; places > 0; places--) {
		uint32_t at = (uint32_t)(find(text, from, what) - text.bytes);

		memcpy(to, text.bytes + from, at - from);
		to += at - from;
		if (with.size > 0)
			memcpy(to, with.bytes, with.size);
		to += with.size;
		from = at + what.size;
	}
	if (text.size > from)
		memcpy(to, text.bytes + from, text.size - from);
	*size = (uint32_t)total;
	return bytes;
}

static int
evaluate_replace(struct evaluation *evaluation, const struct expression *call,
		 const struct data *args, struct data *out)
{
	bool all = strcmp(call->function->name, "replaceOne") != 0;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i), what = data_string(&args[1], i);

		out->s[i] = text;
		if (what.size == 0 || text.size == 0)
			continue;
		out->s[i].bytes = replace(evaluation->arena, text, what, data_string(&args[2], i),
					  all, &out->s[i].size);
		if (out->s[i].bytes == NULL)
			return expression_no_memory(evaluation->error);
		result =
		    expression_work(evaluation, (uint64_t)text.size + what.size + out->s[i].size);
	}
	return result;
}

const struct function function_text_table[] = {
    {"hex", true, 1, 1, false, infer_hex, evaluate_hex},
    {"unhex", true, 1, 1, false, infer_strings, evaluate_unhex},
    {"empty", false, 1, 1, false, infer_empty, evaluate_empty},
    {"notEmpty", false, 1, 1, false, infer_empty, evaluate_empty},
    {"trim", true, 1, 1, false, infer_strings, evaluate_trim},
    {"trimLeft", false, 1, 1, false, infer_strings, evaluate_trim},
    {"trimRight", false, 1, 1, false, infer_strings, evaluate_trim},
    {"trimBoth", false, 1, 1, false, infer_strings, evaluate_trim},
    {"left", true, 2, 2, false, infer_side, evaluate_side},
    {"right", true, 2, 2, false, infer_side, evaluate_side},
    {"lengthUTF8", false, 1, 1, false, infer_size, evaluate_characters},
    {"reverse", true, 1, 1, false, infer_strings, evaluate_reverse},
    {"replaceAll", false, 3, 3, false, infer_strings, evaluate_replace},
    {"replace", true, 3, 3, false, infer_strings, evaluate_replace},
    {"replaceOne", false, 3, 3, false, infer_strings, evaluate_replace},
    {NULL, false, 0, 0, false, NULL, NULL},
};
