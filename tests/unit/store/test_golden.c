/*
 * Goal: what earlier versions of the formats have written stays readable, to
 * the last row and value, by this program and by those whose schema has fewer or
 * more columns. Method: tests/golden, whose files are compared with checksums
 * noted here (nobody may write them anew), opened read-only, each row compared
 * with rows.tsv; a copy opened for writing; store_check --deep; and a look at
 * the chunks, that every codec and flag is among them. Runs in the repository's
 * root.
 */
#include "check.h"

#include <sys/stat.h>
#include <xxhash.h>

#include "store/io.h"
#include "store/segment_file.h"
#include "tests/golden/schema.h"

#define LINES_MAX 4096u
#define LINE_BYTES 1024u
#define FIELDS_MAX 32u

#define FILES_COUNT 8u

struct golden_file {
	const char *name;
	uint64_t checksum; /* XXH3-64 */
};

/* By the number that a release of the formats has: the highest of its files'. */
static const struct golden {
	const char *directory;
	struct golden_file files[FILES_COUNT];
} goldens[] = {
    {"tests/golden/v1",
     {{"MANIFEST", 0xf25419fb26057065},
      {"errors/2026-05-28/0000000000000003.seg", 0xa200cf0d2399eab2},
      {"pageviews/2026-05-28/0000000000000002.seg", 0x69e4c72f6fe0e93f},
      {"pageviews/2026-05-29/0000000000001005.seg", 0xc652b587614bab2b},
      {"rows.tsv", 0x08995a1a955f46ed},
      {"wal/0000000000001004.wal", 0xdf880e7887ec0b53},
      {"wal/0000000000001006.wal", 0x7a25b41d5e5215ab},
      {"wal/0000000000002006.wal", 0x293633b3feb1f229}}},
    {"tests/golden/v2",
     {{"MANIFEST", 0xf25419fb26057065},
      {"errors/2026-05-28/0000000000000003.seg", 0xa200cf0d2399eab2},
      {"pageviews/2026-05-28/0000000000000002.seg", 0x69e4c72f6fe0e93f},
      {"pageviews/2026-05-29/0000000000001005.seg", 0xc652b587614bab2b},
      {"rows.tsv", 0x639506c8de2e552f},
      {"wal/0000000000001004.wal", 0xee3a67d98a0e0ebb},
      {"wal/0000000000001006.wal", 0x452496026dd23538},
      {"wal/0000000000002006.wal", 0x88a56f4a29d76f0a}}},
};

static const struct golden *golden; /* the one of the test */

static const char advice[] = "files of earlier versions must stay readable: bump the version, keep "
			     "reading the old one, and see tests/golden/README.md";

static void
print_log(void *context, const char *line)
{
	bool *damaged = context;

	if (damaged != NULL && strstr(line, "DAMAGED") != NULL)
		*damaged = true;
	printf("# %s\n", line);
}

/* ---- rows as lines --------------------------------------------------- */

struct lines {
	char *list[LINES_MAX]; /* owned */
	uint32_t count;
};

static void
add_line(struct lines *lines, const char *line)
{
	assert_true(lines->count < LINES_MAX);
	assert_non_null(lines->list[lines->count++] = strdup(line));
}

static void
clear_lines(struct lines *lines)
{
	while (lines->count > 0)
		free(lines->list[--lines->count]);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
add_value(char *line, const struct store_column *column, const struct store_value *value)
{
	size_t used = strlen(line), room = LINE_BYTES - used;
	char *at = line + used;

	if (value->null)
		snprintf(at, room, "\\N");
	else if (column->type == STORE_TIME)
		snprintf(at, room, "%lld", (long long)value->v.i);
	else if (column->type == STORE_UINT)
		snprintf(at, room, "%llu", (unsigned long long)value->v.u);
	else if (column->type == STORE_FLOAT)
		store_print_double(value->v.f, at);
	else if (column->type == STORE_STRING)
		snprintf(at, room, "%.*s", (int)value->v.s.size,
			 value->v.s.size == 0 ? "" : value->v.s.bytes);
	for (uint32_t i = 0; column->type == STORE_MAP && i < value->v.list.count; i++) {
		struct store_str key = value->v.list.items[2 * i].v.s;
		struct store_str text = value->v.list.items[2 * i + 1].v.s;

		snprintf(line + strlen(line), LINE_BYTES - strlen(line), "%.*s=%.*s;",
			 (int)key.size, key.bytes, (int)text.size, text.bytes);
	}
}

/* The table's rows as the store gives them. */
static void
read_rows(struct store *store, const struct store_table *table, struct lines *lines)
{
	struct store_query query = {0};
	struct store_error error = {0};
	struct store_result *result;
	char text[100], line[LINE_BYTES];

	snprintf(text, sizeof text, "SELECT * FROM %s", table->name);
	query.text = (struct store_str){text, (uint32_t)strlen(text)};
	if (store_query(store, &query, &result, &error) != 0)
		fail_msg("%s: %s; %s", text, error.text, advice);
	assert_int_equal(result->columns_count, table->columns_count);
	for (uint64_t row = 0; row < result->rows_count; row++) {
		snprintf(line, sizeof line, "%s", table->name);
		for (uint32_t c = 0; c < table->columns_count; c++) {
			snprintf(line + strlen(line), LINE_BYTES - strlen(line), "\t");
			add_value(line, &table->columns[c], &result->values[c][row]);
		}
		add_line(lines, line);
	}
	store_result_free(result);
}

/* Cuts the line at its tabs. */
static uint32_t
split(char *line, char *fields[FIELDS_MAX])
{
	uint32_t count = 0;

	line[strcspn(line, "\n")] = '\0';
	while (line != NULL) {
		assert_true(count < FIELDS_MAX);
		fields[count++] = strsep(&line, "\t");
	}
	return count;
}

/* A line of rows.tsv with the columns of `table`; those that it lacks
 * have their defaults. */
static void
project(const struct store_table *table, char *const names[], char *const fields[], uint32_t count,
	char *line)
{
	snprintf(line, LINE_BYTES, "%s", table->name);
	for (uint32_t c = 0; c < table->columns_count; c++) {
		const struct store_column *column = &table->columns[c];
		bool is_text = column->type == STORE_STRING || column->type == STORE_MAP;
		const char *value = column->flags & STORE_NULLABLE ? "\\N" : is_text ? "" : "0";

		for (uint32_t i = 1; i < count; i++) {
			if (strcmp(names[i], column->name) == 0)
				value = fields[i];
		}
		snprintf(line + strlen(line), LINE_BYTES - strlen(line), "\t%s", value);
	}
}

/* The table's rows as rows.tsv has them. */
static void
expected_rows(const struct store_table *table, struct lines *lines)
{
	static char header[LINE_BYTES], text[LINE_BYTES], line[LINE_BYTES];
	char path[300];
	FILE *file;
	char *names[FIELDS_MAX], *fields[FIELDS_MAX];
	uint32_t names_count = 0;

	snprintf(path, sizeof path, "%s/rows.tsv", golden->directory);
	assert_non_null(file = fopen(path, "r"));
	while (fgets(text, sizeof text, file) != NULL) {
		uint32_t count = split(text, fields);

		if (strncmp(fields[0], "# ", 2) == 0 && strcmp(fields[0] + 2, table->name) == 0) {
			memcpy(header, text, sizeof header);
			for (uint32_t i = 0; i < count; i++)
				names[i] = header + (fields[i] - text);
			names_count = count;
		} else if (strcmp(fields[0], table->name) == 0) {
			assert_int_equal(count, names_count);
			project(table, names, fields, count, line);
			add_line(lines, line);
		}
	}
	fclose(file);
}

static void
check_rows(struct store *store, const struct store_schema *schema)
{
	for (uint32_t t = 0; t < schema->tables_count; t++) {
		struct lines found = {0}, expected = {0};

		read_rows(store, &schema->tables[t], &found);
		expected_rows(&schema->tables[t], &expected);
		assert_true(expected.count > 0);
		qsort(found.list, found.count, sizeof *found.list, compare_lines);
		qsort(expected.list, expected.count, sizeof *expected.list, compare_lines);
		for (uint32_t i = 0; i < found.count && i < expected.count; i++) {
			if (strcmp(found.list[i], expected.list[i]) != 0)
				fail_msg("golden row and row read differ; %s\n%s\n%s", advice,
					 expected.list[i], found.list[i]);
		}
		if (found.count != expected.count)
			fail_msg("%s: %u golden rows, %u read; %s", schema->tables[t].name,
				 expected.count, found.count, advice);
		clear_lines(&found);
		clear_lines(&expected);
	}
}

/* ---- tests ----------------------------------------------------------- */

static struct store *
open_golden(const char *directory, const struct store_schema *schema, bool read_only)
{
	bool damaged = false;
	struct store_options options = {.directory = directory,
					.schema = schema,
					.no_maintenance = true,
					.read_only = read_only,
					.log = print_log,
					.log_context = &damaged};
	struct store_error error = {0};
	struct store *store = NULL;

	if (store_open(&options, &store, &error) != 0)
		fail_msg("%s: %s; %s", directory, error.text, advice);
	if (damaged)
		fail_msg("%s was called damaged; %s", directory, advice);
	return store;
}

static size_t
load(const char *name, unsigned char *bytes, size_t size_max)
{
	char path[300];
	FILE *file;
	size_t size;

	snprintf(path, sizeof path, "%s/%s", golden->directory, name);
	if ((file = fopen(path, "rb")) == NULL)
		fail_msg("%s is missing: golden files stay for ever", path);
	size = fread(bytes, 1, size_max, file);
	fclose(file);
	assert_true(size < size_max);
	return size;
}

static void
test_files_are_those_of_then(void **state)
{
	static unsigned char bytes[1 << 20];

	(void)state;
	for (size_t i = 0; i < FILES_COUNT; i++) {
		const struct golden_file *file = &golden->files[i];
		uint64_t checksum = XXH3_64bits(bytes, load(file->name, bytes, sizeof bytes));

		if (checksum != file->checksum)
			fail_msg("%s/%s has changed (0x%016llx): it must stay as it was written",
				 golden->directory, file->name, (unsigned long long)checksum);
	}
}

static void
test_read_only(void **state)
{
	struct store *store = open_golden(golden->directory, &golden_schema, true);

	(void)state;
	check_rows(store, &golden_schema);
	assert_int_equal(store_close(store, NULL), 0);
	test_files_are_those_of_then(NULL);
}

/* An older program, or one whose table went. */
static void
test_smaller_schema(void **state)
{
	struct store_column columns[VIEW_COLUMNS];
	struct store_table table = {"pageviews", columns, 0, true};
	struct store_schema smaller = {&table, 1};
	struct store *store;

	(void)state;
	for (uint32_t c = 0; c < VIEW_COLUMNS; c++) {
		if (c != VIEW_EXTRA && c != VIEW_BUILD && c != VIEW_TAGS && c != VIEW_LCP)
			columns[table.columns_count++] = golden_views[c];
	}
	store = open_golden(golden->directory, &smaller, true);
	check_rows(store, &smaller);
	assert_int_equal(store_close(store, NULL), 0);
}

/* A newer program: columns in between and at the end, more bits. */
static void
test_larger_schema(void **state)
{
	static const struct store_column added[] = {
	    {.name = "added_float", .type = STORE_FLOAT, .flags = STORE_NULLABLE},
	    {.name = "added_string", .type = STORE_STRING, .flags = STORE_DIMENSION},
	    {.name = "added_uint", .type = STORE_UINT, .bits = 16},
	    {.name = "added_map", .type = STORE_MAP},
	};
	struct store_column columns[VIEW_COLUMNS + 4];
	struct store_table tables[] = {{"pageviews", columns, VIEW_COLUMNS + 4, true},
				       golden_tables[TABLE_ERRORS]};
	struct store_schema larger = {tables, 2};
	struct store *store;

	(void)state;
	memcpy(columns, golden_views, 3 * sizeof *columns);
	memcpy(columns + 3, added, 2 * sizeof *columns);
	memcpy(columns + 5, golden_views + 3, (VIEW_COLUMNS - 3) * sizeof *columns);
	memcpy(columns + VIEW_COLUMNS + 2, added + 2, 2 * sizeof *columns);
	columns[VIEW_STATUS + 2].bits = 32;
	columns[VIEW_SAVE + 2].bits = 64;
	store = open_golden(golden->directory, &larger, true);
	check_rows(store, &larger);
	assert_int_equal(store_close(store, NULL), 0);
}

/* A copy goes on as if its program had just been killed. */
static void
test_goes_on(void **state)
{
	struct store_request request = {.received_ms = GOLDEN_REQUEST_MS + 1};
	struct store_commit commit = {.request = &request};
	char copy[256], command[600];
	struct store *store;

	(void)state;
	scratch_make(copy);
	snprintf(command, sizeof command, "cp -r '%s/.' '%s'", golden->directory, copy);
	scratch_run(command);
	store = open_golden(copy, &golden_schema, false);
	check_rows(store, &golden_schema);
	memset(request.key, GOLDEN_REQUEST_KEY, sizeof request.key);
	memset(request.body, GOLDEN_REQUEST_BODY, sizeof request.body);
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_true(request.repeated);
	assert_int_equal(request.note, GOLDEN_REQUEST_NOTE);
	assert_int_equal(request.stored_count, 3);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_merge(store, NULL), 0);
	check_rows(store, &golden_schema);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_golden(copy, &golden_schema, false);
	check_rows(store, &golden_schema);
	assert_int_equal(store_close(store, NULL), 0);
	scratch_remove(copy);
}

static void
test_check(void **state)
{
	struct store_options options = {.directory = golden->directory, .schema = &golden_schema};
	struct store_error error = {0};
	uint64_t problems = 1;

	(void)state;
	assert_int_equal(store_check(&options, true, print_log, NULL, &problems, &error), 0);
	if (problems != 0)
		fail_msg("drum check finds %llu problems; %s", (unsigned long long)problems,
			 advice);
}

struct seen {
	bool codecs[CODEC_LAST + 1][2]; /* [1]: with LZ4 */
	uint8_t flags, dictionary_flags, dictionaries;
	uint32_t nulls;
};

static void
see_segment(const char *name, const struct store_table *table, struct seen *seen)
{
	struct store_error error = {0};
	struct segment *segment;
	char path[300];

	snprintf(path, sizeof path, "%s/%s", golden->directory, name);
	if (segment_open(io_posix(), path, table, 0, &segment, &error) != 0)
		fail_msg("%s; %s", error.text, advice);
	for (uint32_t c = 0; c < segment->columns_count; c++) {
		const struct segment_file_column *column = &segment->columns[c];

		seen->dictionary_flags |= column->strings.flags;
		if (column->strings.count > 0)
			seen->dictionaries |= (uint8_t)(1u << column->strings.flags);
		for (uint32_t b = 0; b < segment->blocks_count; b++) {
			const struct segment_chunk *chunk = &column->chunks[b];

			seen->codecs[chunk->codec][(chunk->flags & SEGMENT_CHUNK_VALUES_LZ4) != 0] =
			    true;
			seen->flags |= chunk->flags;
			seen->nulls += chunk->null_count;
		}
	}
	segment_close(segment);
}

/* The goldens are worth something: all there is, is in them. */
static void
test_has_everything(void **state)
{
	struct seen seen = {0};

	(void)state;
	for (size_t i = 0; i < FILES_COUNT; i++) {
		const char *name = golden->files[i].name;

		if (strstr(name, ".seg") != NULL)
			see_segment(name, &golden_tables[strncmp(name, "errors", 6) == 0], &seen);
	}
	assert_true(seen.codecs[CODEC_ABSENT][0] && seen.codecs[CODEC_CONSTANT][0]);
	for (int codec = CODEC_RAW; codec <= CODEC_LAST; codec++) {
		for (int lz4 = 0; lz4 < 2; lz4++) {
			if (!seen.codecs[codec][lz4])
				fail_msg("no chunk of codec %d, LZ4 %d", codec, lz4);
		}
	}
	assert_int_equal(seen.flags, SEGMENT_CHUNK_FLAGS);
	assert_int_equal(seen.dictionaries, 1u << 0 | 1u << SEGMENT_DICTIONARY_LZ4);
	assert_true(seen.nulls > 0);
}

static void
test_all(void **state)
{
	for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
		golden = &goldens[i];
		printf("# %s\n", golden->directory);
		test_files_are_those_of_then(state);
		test_read_only(state);
		test_smaller_schema(state);
		test_larger_schema(state);
		test_goes_on(state);
		test_check(state);
		test_has_everything(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
