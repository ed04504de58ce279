/*
 * Goal: several segments merge to the rows that one segment of all of them
 * would have, without those that a filter names. Method: the model's random
 * rows, sorted as segments are, dealt out to inputs in runs of random length
 * and to inputs that lack columns; the merge is written, read back and compared
 * with the rows that stay. Of what is read, most leaves the process's memory.
 */
#include "segment_model.h"

#include "store/segment_merge.h"

#define INPUTS_MAX 9u

static char directory[256];

/* The system's, but what is forgotten is counted. */
static struct io counting;
static size_t forgotten_bytes;

static void
count_forgotten(struct io *io, const void *address, size_t size)
{
	forgotten_bytes += size;
	io_posix()->forget(io, address, size);
}

static int
setup(void **state)
{
	(void)state;
	counting = *io_posix();
	counting.forget = count_forgotten;
	scratch_make(directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static const struct model *sorting;

static int
compare_sites(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct store_str *s = &sorting->strings[sorting->columns[SITE].values[x]];
	const struct store_str *t = &sorting->strings[sorting->columns[SITE].values[y]];
	uint32_t size = s->size < t->size ? s->size : t->size;
	int order = memcmp(s->bytes, t->bytes, size);

	if (order == 0)
		order = (s->size > t->size) - (s->size < t->size);
	return order != 0 ? order : (x > y) - (x < y); /* times ascend by row */
}

/* A model of rows rows[count] of another one; shares its strings. */
static struct model *
take(const struct model *from, const uint32_t *rows, uint32_t count)
{
	struct model *model = malloc(sizeof *model);

	assert_non_null(model);
	*model = *from;
	model->rows = count;
	for (uint32_t i = 0; i * DICTIONARY_CHUNK_SIZE < STRINGS_COUNT; i++)
		model->chunks[i] = model->strings + (size_t)i * DICTIONARY_CHUNK_SIZE;
	model->dictionary.chunks = model->chunks;
	for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
		struct model_column *column = &model->columns[c];

		column->values = calloc(count + 1u, sizeof *column->values);
		column->nulls = calloc(count + 1u, sizeof *column->nulls);
		assert_true(column->values != NULL && column->nulls != NULL);
		for (uint32_t i = 0; i < count; i++) {
			column->values[i] = from->columns[c].values[rows[i]];
			column->nulls[i] = from->columns[c].nulls[rows[i]];
		}
	}
	return model;
}

static void
release(struct model *model)
{
	for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
		free(model->columns[c].values);
		free(model->columns[c].nulls);
	}
	free(model);
}

static struct segment *
write_source(const struct segment_source *source, uint32_t number)
{
	struct segment_summary summary;
	struct store_error error = {0};
	struct segment *segment = NULL;
	char name[32], path[300];

	snprintf(name, sizeof name, "%u.seg", number);
	snprintf(path, sizeof path, "%s/%s", directory, name);
	if (segment_write(io_posix(), directory, name, source, &summary, &error) != 0 ||
	    segment_open(&counting, path, &model_table, summary.footer_checksum, &segment,
			 &error) != 0)
		fail_msg("%s", error.text);
	return segment;
}

struct deal {
	struct model *whole; /* sorted */
	uint32_t *rows[INPUTS_MAX], counts[INPUTS_MAX], inputs_count;
	struct segment *segments[INPUTS_MAX];
};

/* Such as the order of a merge writes in one byte, in two, in more. */
static uint32_t
run_rows(struct random *random)
{
	switch (random_below(random, 4)) {
	case 0:
		return 1 + (uint32_t)random_below(random, 3000);
	case 1:
		return 254 + (uint32_t)random_below(random, 6);
	default:
		return 1 + (uint32_t)random_below(random, 3);
	}
}

static void
deal_out(struct deal *deal, struct random *random)
{
	uint32_t which = 0, left = 0;

	for (uint32_t i = 0; i < deal->inputs_count; i++) {
		deal->rows[i] = malloc((deal->whole->rows + 1u) * sizeof(uint32_t));
		deal->counts[i] = 0;
		assert_non_null(deal->rows[i]);
	}
	for (uint32_t row = 0; row < deal->whole->rows; row++, left--) {
		if (left == 0) {
			which = (uint32_t)random_below(random, deal->inputs_count);
			left = run_rows(random);
		}
		deal->rows[which][deal->counts[which]++] = row;
	}
	for (uint32_t i = 0; i < deal->inputs_count; i++) {
		struct model *part = take(deal->whole, deal->rows[i], deal->counts[i]);
		struct segment_source source = model_source(part);

		deal->segments[i] = write_source(&source, i);
		release(part);
	}
}

static void
check_merge(struct deal *deal, const struct segment_merge_filter *filter, const uint32_t *kept,
	    uint32_t kept_count)
{
	struct model *wanted = take(deal->whole, kept, kept_count);
	struct segment_merge *merge = NULL;
	struct store_error error = {0};
	struct segment *merged;

	if (segment_merge_open(&model_table, deal->segments, deal->inputs_count, filter, &merge,
			       &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(segment_merge_source(merge)->rows_count, kept_count);
	assert_int_equal(segment_merge_left_out(merge), deal->whole->rows - kept_count);
	merged = write_source(segment_merge_source(merge), 1000);
	segment_merge_close(merge);
	model_check(wanted, merged);
	assert_int_equal(segment_verify(merged, &error), 0);
	segment_close(merged);
	release(wanted);
}

static struct model *
sorted_model(uint32_t rows, struct random *random)
{
	struct model *plain = model_create(rows, random), *sorted;
	uint32_t *order = malloc((rows + 1u) * sizeof *order);

	assert_non_null(order);
	for (uint32_t i = 0; i < rows; i++)
		order[i] = i;
	sorting = plain;
	qsort(order, rows, sizeof *order, compare_sites);
	sorted = take(plain, order, rows);
	free(order);
	for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
		free(plain->columns[c].values);
		free(plain->columns[c].nulls);
	}
	free(plain); /* the strings are the copy's now */
	return sorted;
}

static void
run(uint32_t rows, uint32_t inputs_count, struct random *random)
{
	struct deal deal = {.whole = sorted_model(rows, random), .inputs_count = inputs_count};
	uint32_t *kept = malloc((rows + 1u) * sizeof *kept), count = 0;
	/* A site, by its string, and a view by its number. */
	uint32_t chosen = rows == 0 ? 0 : (uint32_t)random_below(random, rows);
	struct segment_merge_filter by_site = {.column = SITE}, by_view = {.column = VIEW};
	struct store_error error = {0};
	uint64_t bytes = 0;
	int64_t counted = 0;

	assert_non_null(kept);
	deal_out(&deal, random);
	for (uint32_t i = 0; i < rows; i++)
		kept[i] = i;
	forgotten_bytes = 0;
	check_merge(&deal, NULL, kept, rows);
	for (uint32_t i = 0; i < inputs_count; i++) {
		struct segment_summary summary;

		segment_summary(deal.segments[i], &summary);
		bytes += rows < 5000 ? 0 : summary.file_bytes;
	}
	assert_true(forgotten_bytes >= bytes / 2);
	if (rows > 0) {
		by_site.string = deal.whole->strings[deal.whole->columns[SITE].values[chosen]];
		by_view.number = (uint64_t)deal.whole->columns[VIEW].values[chosen];
		for (uint32_t i = 0; i < rows; i++) {
			if (deal.whole->columns[SITE].values[i] !=
			    deal.whole->columns[SITE].values[chosen])
				kept[count++] = i;
		}
		check_merge(&deal, &by_site, kept, count);
		for (uint32_t i = 0; i < inputs_count; i++)
			counted += segment_merge_count(deal.segments[i], &by_site, &error);
		assert_int_equal(counted, rows - count);
		for (uint32_t i = count = 0; i < rows; i++) {
			if (i != chosen)
				kept[count++] = i;
		}
		check_merge(&deal, &by_view, kept, count);
	}
	for (uint32_t i = 0; i < inputs_count; i++) {
		segment_close(deal.segments[i]);
		free(deal.rows[i]);
	}
	free(kept);
	model_free(deal.whole);
}

static void
test_merge(void **state)
{
	struct random random = random_seeded("merge");

	(void)state;
	run(0, 1, &random);
	run(1, 3, &random);
	run(5000, 1, &random);
	for (uint32_t i = 0; i < 4; i++)
		run((uint32_t)random_below(&random, 30000), 2 + (uint32_t)random_below(&random, 7),
		    &random);
	run(150000, 4, &random);
}

/* An input of an older program: its rows read as NULL and default. */
static void
test_missing_columns(void **state)
{
	struct random random = random_seeded("missing columns");
	struct model *model = sorted_model(2000, &random);
	struct segment_source source = model_source(model);
	struct segment *inputs[2], *merged;
	struct segment_merge *merge = NULL;
	struct store_error error = {0};
	struct store_arena *arena = store_arena_create(0);
	struct store_str no_key = {NULL, 0};
	struct vector vector;
	uint32_t with_note = 0, without = 0;

	(void)state;
	assert_non_null(arena);
	inputs[0] = write_source(&source, 1);
	source.columns_count = PATH; /* no path, note, tags */
	inputs[1] = write_source(&source, 2);
	assert_int_equal(segment_merge_open(&model_table, inputs, 2, NULL, &merge, &error), 0);
	merged = write_source(segment_merge_source(merge), 3);
	segment_merge_close(merge);
	assert_int_equal(segment_read(merged, 0, NOTE, no_key, arena, &vector, &error), 0);
	assert_int_equal(vector.rows_count, 4000);
	for (uint32_t row = 0; row < 4000; row++) {
		with_note += !bitmap_get(vector.nulls, row);
		without += bitmap_get(vector.nulls, row);
	}
	for (uint32_t row = 0; row < 2000; row++)
		with_note -= !model->columns[NOTE].nulls[row];
	assert_int_equal(with_note, 0);
	assert_true(without >= 2000);
	assert_int_equal(segment_read(merged, 0, PATH, no_key, arena, &vector, &error), 0);
	assert_non_null(vector.codes);
	segment_close(merged);
	segment_close(inputs[0]);
	segment_close(inputs[1]);
	store_arena_free(arena);
	model_free(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_missing_columns),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
