/*
 * Goal: what a merge holds for strings stays below what segment_merge_bytes says,
 * however many there are and however long; of one column at a time; and queries
 * keep what they have seen. Its dictionary has the entries that occur, no other.
 * Method: segments of distinct strings, short ones, ones near the cap and a few
 * long ones among short ones, are merged while every allocation is counted: the
 * Makefile links this test with --wrap for malloc and its kin.
 */
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "check.h"

#include "store/segment_merge.h"

#define INPUTS 4u
#define ROWS_MAX 70000u
/* Besides: what segment_write takes, and of each input a slice and what of its
 * block is not in slices. */
#define WRITING_BYTES ((size_t)9 << 20)
#define INPUT_BYTES ((size_t)1 << 20)

enum { TS, SITE, TEXT, NOTE, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "text", .type = STORE_STRING},
    {.name = "note", .type = STORE_STRING, .flags = STORE_NULLABLE},
};
static const struct store_table table = {"rows", columns, COLUMNS, true};
static const struct segment_column which[COLUMNS] = {
    {.column = TS}, {.column = SITE}, {.column = TEXT}, {.column = NOTE}};
static const struct store_str no_key = {NULL, 0};

static char directory[256];

/* ---- counting ---------------------------------------------------------- */

static _Atomic size_t used, most;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);

static void *
count(void *got)
{
	size_t now;

	if (got == NULL)
		return NULL;
	now = atomic_fetch_add(&used, malloc_usable_size(got)) + malloc_usable_size(got);
	if (now > most)
		most = now;
	return got;
}

void *
__wrap_malloc(size_t size)
{
	return count(__real_malloc(size));
}

void *
__wrap_calloc(size_t number, size_t size)
{
	return count(__real_calloc(number, size));
}

void *
__wrap_realloc(void *old, size_t size)
{
	used -= malloc_usable_size(old);
	return count(__real_realloc(old, size));
}

void
__wrap_free(void *old)
{
	used -= malloc_usable_size(old);
	__real_free(old);
}

/* ---- inputs ------------------------------------------------------------ */

/* Rows of one site with a text and a note each. */
struct rows {
	uint32_t count;
	int64_t first_ms, step_ms;
	bool without_texts;
	struct store_str *strings; /* [count] */
	const struct store_str *chunks[ROWS_MAX / DICTIONARY_CHUNK_SIZE + 1];
	struct dictionary texts, sites;
	/* of one read */
	int64_t times[BLOCK_ROWS_MAX];
	uint32_t codes[BLOCK_ROWS_MAX];
};

static const struct store_str site[1] = {{"shop", 4}};
static const struct store_str *const site_chunks[1] = {site};

static int
read_rows(void *context, uint32_t column, uint64_t first, uint32_t rows_count, struct vector *out,
	  struct store_error *error)
{
	struct rows *rows = context;

	(void)error;
	*out = (struct vector){.rows_count = rows_count};
	if (rows->without_texts && column >= TEXT) {
		out->all_null = true;
		return 0;
	}
	for (uint32_t i = 0; i < rows_count; i++) {
		rows->times[i] = rows->first_ms + (int64_t)(first + i) * rows->step_ms;
		rows->codes[i] = column == SITE ? 0 : (uint32_t)first + i;
	}
	if (column == TS) {
		out->values = rows->times;
		return 0;
	}
	out->codes = rows->codes;
	out->dictionary = column == SITE ? &rows->sites : &rows->texts;
	return 0;
}

static struct segment *
write_segment(const struct segment_source *source, const char *name)
{
	struct segment_summary summary;
	struct store_error error = {0};
	struct segment *segment = NULL;
	char path[300];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	if (segment_write(io_posix(), directory, name, source, &summary, &error) != 0 ||
	    segment_open(io_posix(), path, &table, summary.footer_checksum, &segment, &error) != 0)
		fail_msg("%s", error.text);
	return segment;
}

/* bytes_min .. bytes_max each, in random order; now and then one of bytes_rare. */
struct lengths {
	uint32_t rows, bytes_min, bytes_max, bytes_rare;
};

static struct segment *
make_input(struct random *random, uint32_t number, const struct lengths *lengths, struct rows *rows)
{
	struct segment_source source = {.table = &table,
					.rows_count = lengths->rows,
					.columns = which,
					.columns_count = COLUMNS,
					.read = read_rows,
					.context = rows};
	struct segment *segment;
	char name[32];

	rows->count = lengths->rows;
	rows->sites = (struct dictionary){1, site_chunks};
	rows->strings = calloc(rows->count, sizeof *rows->strings);
	assert_non_null(rows->strings);
	for (uint32_t i = 0; i < rows->count; i++) {
		uint32_t size =
		    lengths->bytes_min +
		    (uint32_t)random_below(random, lengths->bytes_max - lengths->bytes_min + 1);
		char *bytes;

		if (lengths->bytes_rare > 0 && i % 5000 == 7)
			size = lengths->bytes_rare;
		assert_non_null(bytes = malloc(size + 1));
		for (uint32_t at = 0; at < size; at += 8)
			snprintf(bytes + at, size + 1 - at < 9 ? size + 1 - at : 9, "%08x",
				 (unsigned)random_next(random));
		rows->strings[i] = (struct store_str){bytes, size};
	}
	for (uint32_t i = 0; i * DICTIONARY_CHUNK_SIZE < rows->count; i++)
		rows->chunks[i] = rows->strings + (size_t)i * DICTIONARY_CHUNK_SIZE;
	rows->texts = (struct dictionary){rows->count, rows->chunks};
	snprintf(name, sizeof name, "%u.seg", number);
	segment = write_segment(&source, name);
	for (uint32_t i = 0; i < rows->count; i++)
		free((void *)(uintptr_t)rows->strings[i].bytes);
	free(rows->strings);
	return segment;
}

static struct segment *
merge(struct segment *const *inputs, uint32_t inputs_count)
{
	struct segment_merge *opened = NULL;
	struct store_error error = {0};
	struct segment *merged;

	if (segment_merge_open(&table, inputs, inputs_count, NULL, &opened, &error) != 0)
		fail_msg("%s", error.text);
	merged = write_segment(segment_merge_source(opened), "merged.seg");
	segment_merge_close(opened);
	assert_int_equal(segment_verify(merged, &error), 0);
	return merged;
}

static uint32_t
entries_count(const struct segment *segment, uint16_t column)
{
	uint32_t number, raw_bytes;

	segment_dictionary_size(segment, column, no_key, &number, &raw_bytes);
	return number;
}

/* ---- tests ------------------------------------------------------------- */

static void
check_bound(struct random *random, const struct lengths *lengths, bool one_without)
{
	static struct rows rows[INPUTS];
	struct segment *inputs[INPUTS], *merged;
	size_t before, allowed = WRITING_BYTES, strings = 0;

	for (uint32_t i = 0; i < INPUTS; i++) {
		rows[i].first_ms = 1780000000000 + i;
		rows[i].step_ms = INPUTS;
		rows[i].without_texts = one_without && i == 1;
		inputs[i] = make_input(random, i, lengths, &rows[i]);
		strings += segment_merge_bytes(inputs[i]);
		allowed += lengths->rows + INPUT_BYTES;
	}
	store_arena_trim();
	before = most = used;
	merged = merge(inputs, INPUTS);
	printf("# %u rows of %u to %u bytes: at most %.1f MiB for strings, %.1f in all\n",
	       lengths->rows * INPUTS, lengths->bytes_min, lengths->bytes_max,
	       (double)strings / (1 << 20), (double)(most - before) / (1 << 20));
	assert_true(most - before <= strings + allowed);
	assert_true(most - before >= strings / 4); /* or nothing was counted */
	segment_close(merged);
	store_arena_trim();
	assert_true(used < before + ((size_t)64 << 10)); /* they are in memory no longer */
	for (uint32_t i = 0; i < INPUTS; i++)
		segment_close(inputs[i]);
}

static void
test_bound(void **state)
{
	static const struct lengths cases[] = {
	    {60000, 8, 60, 0}, {70000, 36, 36, 0}, {300, 65000, 65536, 0}, {60000, 8, 60, 70000}};
	struct random random = random_seeded("bound");

	(void)state;
	for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		check_bound(&random, &cases[i], false);
		check_bound(&random, &cases[i], true);
	}
}

/* What a query has of a dictionary outlives a merge that held it, too. */
static void
test_kept(void **state)
{
	static const struct lengths lengths = {2000, 8, 60, 0};
	static struct rows rows;
	struct random random = random_seeded("kept");
	struct segment *input = make_input(&random, 0, &lengths, &rows);
	const struct dictionary *held = NULL, *kept = NULL;
	struct store_str last;

	(void)state;
	assert_int_equal(segment_hold(input, TEXT, no_key, &held, NULL), 0);
	assert_int_equal(segment_dictionary(input, TEXT, no_key, &kept, NULL), 0);
	assert_ptr_equal(held, kept);
	segment_release(input, TEXT, no_key);
	last = dictionary_entry(kept, kept->count - 1);
	assert_true(last.size > 0 && last.bytes[0] != '\0');
	assert_int_equal(segment_hold(input, NOTE, no_key, &held, NULL), 0);
	assert_int_equal(segment_hold(input, NOTE, no_key, &held, NULL), 0);
	segment_release(input, NOTE, no_key);
	last = dictionary_entry(held, held->count - 1);
	assert_true(last.size > 0 && last.bytes[0] != '\0');
	segment_release(input, NOTE, no_key);
	segment_close(input);
}

/* Rows without a value need '' among the entries. */
static void
test_gaps(void **state)
{
	static const struct lengths lengths = {3000, 8, 20, 0};
	static struct rows rows[2];
	struct random random = random_seeded("gaps");

	(void)state;
	for (uint32_t gaps = 0; gaps < 2; gaps++) {
		struct segment *inputs[2], *merged;

		for (uint32_t i = 0; i < 2; i++) {
			rows[i].first_ms = 1780000000000 + i;
			rows[i].step_ms = 2;
			rows[i].without_texts = gaps > 0 && i == 1;
			inputs[i] = make_input(&random, i, &lengths, &rows[i]);
			assert_int_equal(segment_has_gaps(inputs[i], TEXT, no_key),
					 rows[i].without_texts);
		}
		merged = merge(inputs, 2);
		assert_int_equal(entries_count(merged, TEXT), entries_count(inputs[0], TEXT) +
								  entries_count(inputs[1], TEXT) +
								  gaps);
		segment_close(merged);
		segment_close(inputs[0]);
		segment_close(inputs[1]);
	}
}

static int
setup(void **state)
{
	(void)state;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_kept),
	    cmocka_unit_test(test_gaps),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
