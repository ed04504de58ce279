/* What the segment tests share: random rows as plain arrays, the source that
 * hands them to segment_write, and the comparison of a segment with them. */
#ifndef SEGMENT_MODEL_H
#define SEGMENT_MODEL_H

#include "check.h"

#include "store/segment.h"

enum { TS, SITE, VIEW, LCP, RATIO, ERRORS, SAVE, PATH, NOTE, TAGS, SCHEMA_COLUMNS };

static const struct store_column model_schema[SCHEMA_COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "ratio", .type = STORE_FLOAT, .flags = STORE_NULLABLE},
    {.name = "error_count", .type = STORE_UINT, .bits = 32},
    {.name = "save", .type = STORE_UINT, .bits = 8, .flags = STORE_NULLABLE},
    {.name = "path", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "note", .type = STORE_STRING, .flags = STORE_NULLABLE},
    {.name = "tags", .type = STORE_MAP},
};
static const struct store_table model_table = {"pageviews", model_schema, SCHEMA_COLUMNS, true};

#define STRINGS_COUNT 3000u
#define MODEL_COLUMNS (SCHEMA_COLUMNS + 2u)

/* One column of the file: the schema's, and three keys of `tags`. */
struct model_column {
	struct segment_column which;
	int64_t *values; /* [rows]; of strings the code */
	bool *nulls;     /* [rows] */
};

struct model {
	uint32_t rows;
	struct model_column columns[MODEL_COLUMNS];
	struct segment_column which[MODEL_COLUMNS];
	struct store_str strings[STRINGS_COUNT]; /* distinct, in no order; [0] is '' */
	const struct store_str *chunks[STRINGS_COUNT / DICTIONARY_CHUNK_SIZE + 1];
	struct dictionary dictionary;
	struct random random;
	/* of one read */
	int64_t block_values[BLOCK_ROWS_MAX];
	uint32_t block_codes[BLOCK_ROWS_MAX];
	uint64_t block_nulls[BLOCK_ROWS_MAX / 64];
};

static inline bool
model_is_string(const struct model_column *column)
{
	enum store_type type = model_schema[column->which.column].type;

	return type == STORE_STRING || type == STORE_MAP;
}

static inline bool
model_is_nullable(const struct model_column *column)
{
	return model_schema[column->which.column].flags & STORE_NULLABLE;
}

static inline int64_t
model_value(struct model *model, uint16_t column, uint32_t row)
{
	struct random *random = &model->random;
	double ratio = (double)random_below(random, 1000) / 7 - 50;
	int64_t bits;

	switch (column) {
	case TS:
		return 1780000000000 + (int64_t)row * 1000 + (int64_t)random_below(random, 900);
	case SITE:
		return 5 + row / 1500;
	case VIEW:
		return (int64_t)random_next(random);
	case LCP:
		return (int64_t)(random_below(random, 300) * random_below(random, 300));
	case RATIO:
		memcpy(&bits, &ratio, sizeof bits);
		return bits;
	case ERRORS: /* a whole block of the default */
		return row / BLOCK_ROWS_MAX == 1 ? 0 : (int64_t)(random_below(random, 30) == 0);
	case SAVE:
		return 1; /* constant, with NULLs */
	case TAGS:        /* mostly without the key */
		return random_below(random, 20) == 0 ? (int64_t)random_below(random, 9) : 0;
	default:
		return (int64_t)random_below(random, STRINGS_COUNT);
	}
}

static inline bool
model_null(struct model *model, uint16_t column, uint32_t row)
{
	/* Few NULLs, many, and a block of nothing else. */
	switch (column) {
	case LCP:
		return random_below(&model->random, 30) == 0;
	case RATIO:
		return random_below(&model->random, 3) != 0;
	case SAVE:
		return row / BLOCK_ROWS_MAX == 1 || random_below(&model->random, 2) != 0;
	case NOTE:
		return random_below(&model->random, 5) == 0;
	default:
		return false;
	}
}

static inline struct model *
model_create(uint32_t rows, struct random *random)
{
	static const char *const keys[] = {"plan", "", "planet"};
	struct model *model = calloc(1, sizeof *model);

	assert_non_null(model);
	model->rows = rows;
	model->random = *random;
	random_next(random);
	for (uint32_t i = 0; i < STRINGS_COUNT; i++) {
		char *bytes = malloc(32);

		assert_non_null(bytes);
		/* Byte order, not the order of creation; NUL and high bytes too. */
		model->strings[i] = (struct store_str){
		    bytes, i == 0
			       ? 0
			       : (uint32_t)snprintf(bytes, 32, "/%llx/\xc3\xa9%c%u",
						    (unsigned long long)random_next(random) & 0xfff,
						    i % 2 ? '\0' : 'z', i)};
	}
	for (uint32_t i = 0; i * DICTIONARY_CHUNK_SIZE < STRINGS_COUNT; i++)
		model->chunks[i] = model->strings + (size_t)i * DICTIONARY_CHUNK_SIZE;
	model->dictionary = (struct dictionary){STRINGS_COUNT, model->chunks};
	for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
		struct model_column *column = &model->columns[c];
		uint16_t index = (uint16_t)(c < TAGS ? c : TAGS);
		const char *key = c < TAGS ? "" : keys[c - TAGS];

		column->which = (struct segment_column){index, {key, (uint32_t)strlen(key)}};
		model->which[c] = column->which;
		column->values = calloc(rows + 1u, sizeof *column->values);
		column->nulls = calloc(rows + 1u, sizeof *column->nulls);
		assert_true(column->values != NULL && column->nulls != NULL);
		for (uint32_t row = 0; row < rows; row++) {
			column->values[row] = model_value(model, index, row);
			column->nulls[row] = model_null(model, index, row);
		}
	}
	return model;
}

static inline void
model_free(struct model *model)
{
	for (uint32_t i = 0; i < STRINGS_COUNT; i++)
		free((void *)(uintptr_t)model->strings[i].bytes);
	for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
		free(model->columns[c].values);
		free(model->columns[c].nulls);
	}
	free(model);
}

/* segment_source.read: as plain as can be, or all_null where that fits. */
static inline int
model_read(void *context, uint32_t index, uint64_t first, uint32_t rows, struct vector *out,
	   struct store_error *error)
{
	struct model *model = context;
	const struct model_column *column = &model->columns[index];
	bool any_null = false, all_null = true;

	(void)error;
	assert_true(first + rows <= model->rows && rows <= BLOCK_ROWS_MAX);
	memset(model->block_nulls, 0, sizeof model->block_nulls);
	for (uint32_t i = 0; i < rows; i++) {
		bool null = column->nulls[first + i];

		model->block_values[i] = column->values[first + i];
		model->block_codes[i] = (uint32_t)column->values[first + i];
		if (null)
			bitmap_set(model->block_nulls, i);
		any_null = any_null || null;
		all_null = all_null && null;
	}
	memset(out, 0, sizeof *out);
	out->rows_count = rows;
	out->all_null = all_null;
	if (all_null)
		return 0;
	out->nulls = any_null ? model->block_nulls : NULL;
	if (model_is_string(column)) {
		out->codes = model->block_codes;
		out->dictionary = &model->dictionary;
	} else {
		out->values = model->block_values;
	}
	return 0;
}

static inline struct segment_source
model_source(struct model *model)
{
	return (struct segment_source){.table = &model_table,
				       .rows_count = model->rows,
				       .columns = model->which,
				       .columns_count = MODEL_COLUMNS,
				       .read = model_read,
				       .context = model};
}

static inline int64_t
model_number(const struct vector *vector, uint32_t at)
{
	if (vector->all_null)
		return 0;
	return vector->narrow != NULL ? vector->narrow[at] : vector->values[at];
}

/* One block of one column against the arrays. */
static inline void
model_check_block(const struct model *model, const struct model_column *column,
		  const struct vector *vector, uint64_t first)
{
	for (uint32_t i = 0; i < vector->rows_count; i++) {
		uint32_t at = vector->constant ? 0 : i;
		bool null = column->nulls[first + i];
		int64_t value = column->values[first + i];
		struct store_str found = {"", 0}, wanted = {"", 0};
		bool read_null =
		    vector->all_null || (vector->nulls != NULL && bitmap_get(vector->nulls, i));

		if (model_is_nullable(column))
			assert_int_equal(read_null, null);
		if (!model_is_string(column)) {
			if (!null || !model_is_nullable(column))
				assert_true(model_number(vector, at) == (null ? 0 : value));
			else if (vector->narrow != NULL)
				assert_true(vector->narrow[i] == VECTOR_NARROW_NULL);
			continue;
		}
		if (!vector->all_null)
			found = dictionary_entry(vector->dictionary, vector->bytes != NULL
									 ? vector->bytes[at]
									 : vector->codes[at]);
		if (!null)
			wanted = model->strings[value];
		assert_int_equal(found.size, wanted.size);
		assert_memory_equal(found.bytes, wanted.bytes, wanted.size);
	}
}

/* The same block in slices, every third skipped; how many were narrow. */
static inline uint32_t
model_check_slices(const struct model *model, const struct model_column *column,
		   const struct segment *segment, uint32_t block, uint64_t first, bool narrow,
		   struct store_arena *arena)
{
	uint32_t narrow_count = 0;
	uint32_t rows = segment_block_rows_count(segment, block), slice = 64 + 64 * (block % 40);
	struct segment_reader *reader;
	struct store_error error = {0};
	struct vector vector;

	assert_int_equal(segment_reader_open(segment, block, column->which.column,
					     column->which.key, narrow, arena, &reader, &error),
			 0);
	for (uint32_t at = 0; at < rows; at += slice) {
		uint32_t count = rows - at < slice ? rows - at : slice;

		if (at / slice % 3 == 1)
			continue;
		if (segment_reader_read(reader, at, count, arena, &vector, &error) != 0)
			fail_msg("%s", error.text);
		assert_int_equal(vector.rows_count, count);
		assert_true(narrow || (vector.narrow == NULL && vector.bytes == NULL));
		narrow_count += vector.narrow != NULL;
		model_check_block(model, column, &vector, first + at);
	}
	return narrow_count;
}

/* How many slices were narrow. */
static inline uint32_t
model_check(const struct model *model, const struct segment *segment)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_error error = {0};
	struct vector vector;
	uint32_t narrow_count = 0;

	assert_non_null(arena);
	for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
		const struct model_column *column = &model->columns[c];
		uint64_t first = 0;

		for (uint32_t b = 0; b < segment_blocks_count(segment); b++) {
			if (segment_read(segment, b, column->which.column, column->which.key, arena,
					 &vector, &error) != 0)
				fail_msg("%s", error.text);
			assert_int_equal(vector.rows_count, segment_block_rows_count(segment, b));
			model_check_block(model, column, &vector, first);
			model_check_slices(model, column, segment, b, first, false, arena);
			narrow_count +=
			    model_check_slices(model, column, segment, b, first, true, arena);
			first += vector.rows_count;
			store_arena_reset(arena);
		}
		assert_int_equal(first, model->rows);
	}
	store_arena_free(arena);
	return narrow_count;
}

#endif
