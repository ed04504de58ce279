/*
 * Goal: a segment gives back the rows that were written, column by column and
 * block by block, also to a schema that has changed since; and writing leaves a
 * whole file or none. Method: random rows (seeded) of every type, with NULLs,
 * MAP keys, defaults and several blocks, compared with plain arrays; file calls
 * that fail in turn; threads that read at once. Damage is test_segment_damage's
 * part.
 */
#include "failing_io.h"
#include "segment_model.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#define TIME_MS 1780000000000

static char directory[256], path[300];

static int
setup(void **state)
{
	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/a.seg", directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static struct segment *
write_and_open(struct model *model, const struct store_table *table,
	       struct segment_summary *summary)
{
	struct segment_source source = model_source(model);
	struct store_error error = {0};
	struct segment *segment = NULL;

	if (segment_write(io_posix(), directory, "a.seg", &source, summary, &error) != 0 ||
	    segment_open(io_posix(), path, table, summary->footer_checksum, &segment, &error) != 0)
		fail_msg("%s", error.text);
	return segment;
}

static void
check_summary(const struct model *model, const struct segment *segment,
	      const struct segment_summary *written)
{
	const int64_t *times = model->columns[TS].values;
	struct segment_summary read;
	struct stat status;
	int64_t of_all[2];

	assert_false(segment_times(segment, SITE, of_all));
	assert_true(segment_times(segment, TS, of_all));
	assert_true(of_all[0] == (model->rows == 0 ? INT64_MAX : times[0]));
	assert_true(of_all[1] == (model->rows == 0 ? INT64_MIN : times[model->rows - 1]));
	segment_summary(segment, &read);
	assert_memory_equal(&read, written, sizeof read);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(read.file_bytes, status.st_size);
	assert_int_equal(read.rows_count, model->rows);
	if (model->rows == 0)
		return;
	assert_true(read.time_min == times[0]);
	assert_true(read.time_max == times[model->rows - 1]);
}

/* The narrowest range that is right, or none. */
static void
check_ranges(const struct model *model, const struct segment *segment)
{
	for (uint16_t c = 0; c < SCHEMA_COLUMNS; c++) {
		uint64_t first = 0;

		for (uint32_t b = 0; b < segment_blocks_count(segment); b++) {
			uint32_t rows = segment_block_rows_count(segment, b);
			int64_t min, max, lowest = 0, highest = 0;
			bool any = false;

			for (uint64_t row = first; row < first + rows; row++) {
				int64_t value = model->columns[c].values[row];
				bool as_unsigned = model_schema[c].type == STORE_UINT;

				if (model->columns[c].nulls[row])
					continue;
				if (!any || (as_unsigned ? (uint64_t)value < (uint64_t)lowest
							 : value < lowest))
					lowest = value;
				if (!any || (as_unsigned ? (uint64_t)value > (uint64_t)highest
							 : value > highest))
					highest = value;
				any = true;
			}
			first += rows;
			if (model_is_string(&model->columns[c]) || c == RATIO || !any) {
				assert_false(segment_range(segment, b, c, &min, &max));
				continue;
			}
			assert_true(segment_range(segment, b, c, &min, &max));
			assert_true(min == lowest && max == highest);
		}
	}
}

static void
test_round_trip(void **state)
{
	static const uint32_t counts[] = {0,    1,    2,     63,    64,    65,
					  1023, 1024, 20000, 65536, 65537, 150000};
	struct random random = random_seeded("round trip");

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct model *model = model_create(counts[i], &random);
		struct store_error error = {0};
		struct segment_summary summary;
		struct segment *segment = write_and_open(model, &model_table, &summary);

		assert_int_equal(segment_blocks_count(segment), (counts[i] + 65535) / 65536);
		check_summary(model, segment, &summary);
		model_check(model, segment);
		model_check(model, segment); /* from what the first pass has loaded */
		check_ranges(model, segment);
		if (segment_verify(segment, &error) != 0)
			fail_msg("%s", error.text);
		segment_close(segment);
		model_free(model);
	}
}

static void
test_columns(void **state)
{
	struct random random = random_seeded("columns");
	struct model *model = model_create(100, &random);
	struct segment_summary summary;
	struct segment *segment = write_and_open(model, &model_table, &summary);
	const struct segment_column *columns;
	struct store_str unknown = {"unknown", 7};
	struct store_arena *arena = store_arena_create(0), *small = store_arena_create(64);
	struct store_error error = {0};
	struct vector vector;
	uint32_t count;

	(void)state;
	columns = segment_columns(segment, &count);
	assert_int_equal(count, MODEL_COLUMNS);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(columns[i].column, i < TAGS ? i : TAGS);
	assert_int_equal(columns[TAGS].key.size, 0);
	assert_memory_equal(columns[TAGS + 1].key.bytes, "plan", 4);
	assert_memory_equal(columns[TAGS + 2].key.bytes, "planet", 6);
	assert_int_equal(segment_read(segment, 0, TAGS, unknown, arena, &vector, &error), 0);
	assert_true(vector.all_null && vector.rows_count == 100);
	assert_int_equal(segment_column_bytes(segment, 0, TAGS, unknown), 0);
	assert_true(segment_column_bytes(segment, 0, VIEW, (struct store_str){NULL, 0}) >= 800);
	assert_int_equal(
	    segment_read(segment, 0, PATH, (struct store_str){NULL, 0}, small, &vector, &error),
	    STORE_ELIMIT);
	store_arena_free(arena);
	store_arena_free(small);
	segment_close(segment);
	model_free(model);
}

/* ---- a schema that has changed --------------------------------------------- */

static void
test_grown_schema(void **state)
{
	static const struct store_column grown[] = {
	    {.name = "new", .type = STORE_UINT, .bits = 32},
	    {.name = "newer", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
	    {.name = "error_count", .type = STORE_UINT, .bits = 64},
	    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
	    {.name = "lcp", .type = STORE_FLOAT, .scale = 10},
	    {.name = "note", .type = STORE_STRING},
	};
	static const struct store_table table = {"pageviews", grown, 6, false};
	struct random random = random_seeded("grown schema");
	struct model *model = model_create(5000, &random);
	struct segment_summary summary;
	struct segment *segment = write_and_open(model, &table, &summary);
	struct store_arena *arena = store_arena_create(0);
	struct store_str none = {NULL, 0};
	struct store_error error = {0};
	struct vector vector;
	int64_t min, max;

	(void)state;
	assert_int_equal(segment_read(segment, 0, 0, none, arena, &vector, &error), 0);
	assert_true(vector.all_null);
	assert_true(segment_range(segment, 0, 0, &min, &max) && min == 0 && max == 0);
	assert_false(segment_range(segment, 0, 1, &min, &max));
	assert_int_equal(segment_read(segment, 0, 2, none, arena, &vector, &error), 0);
	for (uint32_t i = 0; i < 5000; i++)
		assert_true(vector.values[i] == model->columns[ERRORS].values[i]);
	/* No longer nullable: NULL reads as 0 and ''. */
	assert_int_equal(segment_read(segment, 0, 4, none, arena, &vector, &error), 0);
	assert_null(vector.nulls);
	for (uint32_t i = 0; i < 5000; i++)
		assert_true(vector.values[i] ==
			    (model->columns[LCP].nulls[i] ? 0 : model->columns[LCP].values[i]));
	assert_true(segment_range(segment, 0, 4, &min, &max) && min == 0);
	assert_int_equal(segment_read(segment, 0, 5, none, arena, &vector, &error), 0);
	assert_null(vector.nulls);
	for (uint32_t i = 0; i < 5000; i++) {
		if (model->columns[NOTE].nulls[i])
			assert_int_equal(dictionary_entry(vector.dictionary, vector.codes[i]).size,
					 0);
	}
	assert_int_equal(segment_verify(segment, &error), 0); /* the unknown ones too */
	store_arena_free(arena);
	segment_close(segment);
	model_free(model);
}

static void
test_other_type(void **state)
{
	static const struct store_column others[] = {
	    {.name = "lcp", .type = STORE_UINT, .bits = 32},
	    {.name = "lcp", .type = STORE_FLOAT, .scale = 100},
	    {.name = "path", .type = STORE_MAP},
	    {.name = "error_count", .type = STORE_UINT, .bits = 16},
	};
	struct random random = random_seeded("other type");
	struct model *model = model_create(10, &random);
	struct segment_summary summary;
	struct segment *segment = write_and_open(model, &model_table, &summary);

	(void)state;
	segment_close(segment);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct store_table table = {"pageviews", &others[i], 1, false};
		struct store_error error = {0};

		assert_int_equal(segment_open(io_posix(), path, &table, 0, &segment, &error),
				 STORE_ECORRUPT);
		assert_null(segment);
		assert_non_null(strstr(error.text, others[i].name));
	}
	model_free(model);
}

/* ---- sizes ------------------------------------------------------------------- */

static int
read_nothing(void *context, uint32_t index, uint64_t first, uint32_t rows, struct vector *out,
	     struct store_error *error)
{
	(void)context;
	(void)index;
	(void)first;
	(void)error;
	*out = (struct vector){.rows_count = rows, .all_null = true};
	return 0;
}

/* A column without any value takes a few bytes of the footer. */
static void
test_absent_columns(void **state)
{
	struct segment_column which[SCHEMA_COLUMNS];
	struct segment_source source = {.table = &model_table,
					.rows_count = 200000,
					.columns = which,
					.columns_count = SCHEMA_COLUMNS,
					.read = read_nothing};
	struct segment_summary summary;
	struct store_error error = {0};

	(void)state;
	for (uint16_t i = 0; i < SCHEMA_COLUMNS; i++)
		which[i] = (struct segment_column){i, {NULL, 0}};
	assert_int_equal(segment_write(io_posix(), directory, "a.seg", &source, &summary, &error),
			 0);
	assert_true(summary.file_bytes < 500);
	source.columns_count = 0;
	assert_int_equal(segment_write(io_posix(), directory, "a.seg", &source, &summary, &error),
			 0);
	assert_true(summary.file_bytes < 100);
}

/* The first block has no time. */
static int
read_times(void *context, uint32_t column, uint64_t first, uint32_t rows, struct vector *out,
	   struct store_error *error)
{
	static int64_t times[BLOCK_ROWS_MAX];

	(void)context;
	(void)column;
	(void)error;
	for (uint32_t i = 0; i < rows; i++)
		times[i] = TIME_MS + i;
	*out = (struct vector){.rows_count = rows, .all_null = first == 0, .values = times};
	return 0;
}

/* Times that are missing read as 0, which the summary leaves out. */
static void
test_absent_times(void **state)
{
	static const struct segment_column which = {TS, {NULL, 0}};
	struct segment_source source = {.table = &model_table,
					.rows_count = BLOCK_ROWS_MAX + 10,
					.columns = &which,
					.columns_count = 1,
					.read = read_times};
	struct segment_summary summary;
	struct store_error error = {0};
	struct segment *segment = NULL;
	int64_t times[2];

	(void)state;
	assert_int_equal(segment_write(io_posix(), directory, "a.seg", &source, &summary, &error),
			 0);
	assert_true(summary.time_min == TIME_MS);
	assert_int_equal(segment_open(io_posix(), path, &model_table, 0, &segment, &error), 0);
	assert_true(segment_times(segment, TS, times));
	assert_true(times[0] == 0 && times[1] == TIME_MS + 9);
	segment_close(segment);
}

/* ---- failing calls ------------------------------------------------------------ */

static int
failing_close(struct io *io, int fd)
{
	int result = io_posix()->close(io, fd);

	return failing_now() ? -EIO : result;
}

/* Also writes short, which is no failure. */
static ssize_t
failing_short_pwrite(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	if (failing_now())
		return -ENOSPC;
	return io_posix()->pwrite(io, fd, buffer, size > 1 ? size / 2 : size, offset);
}

static int
count_entry(void *context, const char *name)
{
	(void)name;
	++*(int *)context;
	return 0;
}

static void
test_failing_calls(void **state)
{
	struct random random = random_seeded("failing calls");
	struct model *model = model_create(300, &random);
	struct segment_source source = model_source(model);
	struct io io = failing_io();
	struct segment_summary summary;
	struct store_error error = {0};
	struct segment *segment;
	int result = -1, entries;

	(void)state;
	io.close = failing_close;
	io.pwrite = failing_short_pwrite;
	for (int k = 0; result != 0; k++) {
		entries = 0;
		failing_calls_left = k;
		result = segment_write(&io, directory, "a.seg", &source, &summary, &error);
		io_posix()->list(io_posix(), directory, count_entry, &entries);
		assert_true(k < 1000);
		assert_int_equal(entries, result == 0);
		if (result != 0)
			assert_true(error.text[0] != '\0' && error.code == result);
	}
	assert_int_equal(
	    segment_open(io_posix(), path, &model_table, summary.footer_checksum, &segment, &error),
	    0);
	model_check(model, segment);
	segment_close(segment);
	model_free(model);
}

/* ---- threads -------------------------------------------------------------------- */

struct reader {
	const struct model *model;
	const struct segment *segment;
};

static void *
read_all(void *argument)
{
	struct reader *reader = argument;

	model_check(reader->model, reader->segment);
	return NULL;
}

static void
test_threads(void **state)
{
	struct random random = random_seeded("threads");
	struct model *model = model_create(20000, &random);
	struct segment_summary summary;

	(void)state;
	for (int round = 0; round < 5; round++) {
		struct segment *segment = write_and_open(model, &model_table, &summary);
		struct reader reader = {model, segment};
		pthread_t threads[4];

		for (int i = 0; i < 4; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, read_all, &reader), 0);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		segment_close(segment);
	}
	model_free(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_columns, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_grown_schema, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other_type, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_absent_columns, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_absent_times, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failing_calls, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
