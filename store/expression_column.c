/*
 * expression.h: columns of a slice's rows as data, in place where that is
 * possible. Between slice.c's vectors and expression.c. Must not write into a
 * vector, nor decode one twice.
 */
#include <string.h>

#include "codec.h"
#include "expression_inside.h"
#include "slice.h"

static uint32_t
row_of(const struct evaluation *evaluation, uint32_t i)
{
	return evaluation->rows == NULL ? i : evaluation->rows[i];
}

/* bytes[count] = the bits. */
static void
spread_bits(const uint64_t *bitmap, uint32_t count, uint8_t *bytes)
{
	uint32_t i = 0;

	/* Byte b of eight copies keeps bit b, and is 0x80 or above when 0x7f is
	 * added to what is not 0. */
	for (; i + 8 <= count; i += 8) {
		uint64_t eight = bitmap[i / 64] >> (i % 64) & 0xff;

		eight = eight * 0x0101010101010101u & 0x8040201008040201u;
		eight = (eight + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
		memcpy(bytes + i, &eight, sizeof eight);
	}
	for (; i < count; i++)
		bytes[i] = bitmap_get(bitmap, i);
}

static int
gather_nulls(struct evaluation *evaluation, const struct vector *vector, struct data *out)
{
	if (!out->type.nullable || (vector->nulls == NULL && !vector->all_null))
		return 0;
	if (data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	if (vector->all_null) {
		memset(out->nulls, 1, out->count);
		return 0;
	}
	for (uint32_t i = 0; evaluation->rows != NULL && i < out->count; i++)
		out->nulls[i] = bitmap_get(vector->nulls, evaluation->rows[i]);
	if (evaluation->rows == NULL)
		spread_bits(vector->nulls, out->count, out->nulls);
	return 0;
}

/* The stored integers of 32 bits, in place where that is possible. */
static int
gather_narrow(struct evaluation *evaluation, const struct vector *vector, struct type type,
	      struct data *out)
{
	const uint32_t *rows = evaluation->rows;
	uint32_t *values, count = evaluation->count;

	*out = (struct data){.type = type,
			     .count = count,
			     .narrow = vector->narrow,
			     .narrow_nulls = vector->nulls != NULL};
	if (rows == NULL)
		return 0;
	values = store_arena_alloc(evaluation->arena, (count + 1u) * sizeof *values);
	if (values == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < count; i++)
		values[i] = vector->narrow[rows[i]];
	out->narrow = values;
	return 0;
}

CODEC_CLONES static void
widen(const uint32_t *narrow, const uint32_t *rows, uint32_t count, int64_t *values)
{
	for (uint32_t i = 0; rows == NULL && i < count; i++)
		values[i] = narrow[i];
	for (uint32_t i = 0; rows != NULL && i < count; i++)
		values[i] = narrow[rows[i]];
}

CODEC_CLONES static void
divide(const uint32_t *narrow, uint32_t count, double scale, double *values)
{
	for (uint32_t i = 0; i < count; i++)
		values[i] = narrow[i] / scale;
}

/* The stored integers, in place where that is possible. */
static int
gather_stored(struct evaluation *evaluation, const struct vector *vector, struct type type,
	      struct data *out)
{
	const uint32_t *narrow = vector->narrow;
	int64_t *values;
	uint32_t count = evaluation->count;
	int result;

	*out = (struct data){.type = type, .count = count};
	if ((result = gather_nulls(evaluation, vector, out)) != 0)
		return result;
	if (evaluation->rows == NULL && vector->values != NULL && !vector->constant) {
		out->n.i = (int64_t *)(uintptr_t)vector->values; /* read only, as arguments are */
		return 0;
	}
	out->constant = (vector->constant || vector->all_null) && out->nulls == NULL;
	values = store_arena_alloc(evaluation->arena, (count + 1u) * sizeof *values);
	if (values == NULL)
		return expression_no_memory(evaluation->error);
	out->n.i = values;
	if (vector->all_null)
		memset(values, 0, (out->constant ? 1 : count) * sizeof *values);
	if (narrow != NULL)
		widen(narrow, evaluation->rows, count, values);
	for (uint32_t i = 0; vector->values != NULL && i < (out->constant ? 1 : count); i++)
		values[i] = vector->values[vector->constant ? 0 : row_of(evaluation, i)];
	return 0;
}

/* Scaled floats by their scale; unscaled ones are there as their bits. */
static int
gather_numbers(struct evaluation *evaluation, const struct store_column *column,
	       const struct vector *vector, struct type type, struct data *out)
{
	double scale = column->scale, *values;
	bool scaled = column->type == STORE_FLOAT && column->scale != 0;
	struct data narrow = {.count = 0};
	uint32_t count;
	int result;

	if (!scaled || vector->narrow == NULL) {
		result = gather_stored(evaluation, vector, type, out);
	} else {
		*out = (struct data){.type = type, .count = evaluation->count};
		if ((result = gather_nulls(evaluation, vector, out)) == 0)
			result = gather_narrow(evaluation, vector, type, &narrow);
	}
	if (result != 0 || !scaled)
		return result;
	count = out->constant ? 1 : out->count;
	if ((values = store_arena_alloc(evaluation->arena, (count + 1u) * sizeof *values)) == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; narrow.narrow == NULL && i < count; i++)
		values[i] = (double)out->n.i[i] / scale;
	if (narrow.narrow != NULL)
		divide(narrow.narrow, count, scale, values);
	out->n.f = values;
	return 0;
}

static const struct store_str empty_entry[1];
static const struct store_str *const empty_chunks[1] = {empty_entry};
const struct dictionary expression_no_strings = {1, empty_chunks};

static int
gather_codes(struct evaluation *evaluation, const struct vector *vector, struct type type,
	     struct data *out)
{
	uint32_t *codes;

	*out = (struct data){.type = type, .count = evaluation->count};
	if (!vector->all_null && !vector->constant && evaluation->rows == NULL) {
		out->codes = vector->codes;
		out->bytes = vector->bytes;
		out->dictionary = vector->dictionary;
		return 0;
	}
	if (vector->all_null || vector->constant) {
		codes = store_arena_zalloc(evaluation->arena, sizeof *codes);
		out->constant = true;
	} else {
		codes = store_arena_alloc(evaluation->arena, (out->count + 1u) * sizeof *codes);
	}
	if (codes == NULL)
		return expression_no_memory(evaluation->error);
	if (!vector->all_null && vector->constant)
		codes[0] = vector->codes[0];
	for (uint32_t i = 0; !out->constant && vector->bytes == NULL && i < out->count; i++)
		codes[i] = vector->codes[row_of(evaluation, i)];
	for (uint32_t i = 0; !out->constant && vector->bytes != NULL && i < out->count; i++)
		codes[i] = vector->bytes[row_of(evaluation, i)];
	out->codes = codes;
	out->dictionary = vector->all_null ? &expression_no_strings : vector->dictionary;
	return 0;
}

/* Strings of which some are NULL have no codes: those are never NULL. */
static int
gather_strings(struct evaluation *evaluation, const struct vector *vector, struct type type,
	       struct data *out)
{
	int result = data_allocate(evaluation, type, evaluation->count, out);

	if (result != 0 || (result = gather_nulls(evaluation, vector, out)) != 0)
		return result;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t row = vector->constant ? 0 : row_of(evaluation, i);

		out->s[i] = out->nulls[i]
				? (struct store_str){"", 0}
				: dictionary_entry(vector->dictionary, vector->codes[row]);
	}
	return 0;
}

int
expression_read_column(struct evaluation *evaluation, const struct expression *expression,
		       struct data *out)
{
	const struct store_column *column = &evaluation->table->columns[expression->column];
	const struct vector *vector;
	struct slice_column *read;
	int result = slice_read(evaluation->slice, expression->column, expression->key, &read,
				evaluation->error);

	if (result != 0)
		return result;
	vector = &read->vector;
	if (read->has_values && read->values.type.type == expression->type.type) {
		*out = read->values;
		return 0;
	}
	if (expression->type.type == STORE_R_STRING && expression->type.nullable &&
	    (vector->nulls != NULL || vector->all_null))
		result = gather_strings(evaluation, vector, expression->type, out);
	else if (expression->type.type == STORE_R_STRING)
		result = gather_codes(evaluation, vector, expression->type, out);
	else
		result = gather_numbers(evaluation, column, vector, expression->type, out);
	read->values = *out;
	read->has_values = result == 0;
	return result;
}

int
expression_read_stored(struct evaluation *evaluation, const struct expression *expression,
		       struct data *out)
{
	struct slice_column *read;
	int result = slice_read(evaluation->slice, expression->column, expression->key, &read,
				evaluation->error);

	if (result == 0 && !read->has_stored) {
		result = gather_stored(evaluation, &read->vector, expression->type, &read->stored);
		read->has_stored = result == 0;
	}
	if (result == 0)
		*out = read->stored;
	return result;
}

int
expression_read_narrow(struct evaluation *evaluation, const struct expression *expression,
		       struct data *out)
{
	struct slice_column *read;
	int result = slice_read(evaluation->slice, expression->column, expression->key, &read,
				evaluation->error);

	if (result != 0)
		return result;
	if (read->vector.narrow == NULL)
		return expression_read_stored(evaluation, expression, out);
	if (!read->has_narrow) {
		result = gather_narrow(evaluation, &read->vector, expression->type, &read->narrow);
		read->has_narrow = result == 0;
	}
	*out = read->narrow;
	return result;
}
