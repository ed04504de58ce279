/*
 * Goal: the examples of FORMAT.md are what this version writes, and what it
 * reads: neither page nor format changes alone. Method: the bytes are taken
 * from the page (so the test runs in the repository's root) and compared with
 * written files, then read back.
 */
#include "check.h"

#include <sys/random.h>
#include <sys/stat.h>

#include "store/codec.h"
#include "store/manifest.h"
#include "store/wal.h"
#include "store/wal_record.h"

static const struct store_column columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_DIMENSION | STORE_ROLE_SORT},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
};
static const struct store_table table = {"pageviews", columns, 3, true};
static const struct store_schema schema = {&table, 1};

static const int64_t times[] = {1780000000000, 1780000001000, 1780000003000};
static const int64_t lcp[] = {18245, 0, 9000};
static const uint64_t lcp_nulls[] = {1u << 1};
static const uint32_t sites[] = {1, 1, 0};
static const struct store_str strings[] = {{"shop", 4}, {"blog", 4}};
static const struct store_str *const chunks[] = {strings};
static const struct dictionary dictionary = {2, chunks};

static char directory[256];

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

/* Reads hexadecimal bytes up to a gap of three spaces or the line's end. */
static size_t
parse_line(const char *line, unsigned char *out)
{
	size_t size = 0;

	while (strncmp(line, "   ", 3) != 0) {
		unsigned byte;

		line += strspn(line, " ");
		if (sscanf(line, "%2x", &byte) != 1)
			break;
		out[size++] = (unsigned char)byte;
		line += 2;
	}
	return size;
}

/* The bytes of the first code block after the line with `marker`; each line is
 * an offset, two spaces, bytes. */
static size_t
read_example(const char *marker, unsigned char *out)
{
	FILE *page = fopen("store/FORMAT.md", "r");
	char line[512];
	int fences = -1;
	size_t size = 0;

	assert_non_null(page);
	while (fences < 2 && fgets(line, sizeof line, page) != NULL) {
		if (fences < 0 && strstr(line, marker) != NULL)
			fences = 0;
		else if (fences >= 0 && strncmp(line, "```", 3) == 0)
			fences++;
		else if (fences == 1) {
			assert_int_equal(strtoul(line, NULL, 16), size);
			size += parse_line(line + strcspn(line, " ") + 2, out + size);
		}
	}
	fclose(page);
	assert_int_equal(fences, 2);
	return size;
}

static void
check_file(const char *name, const unsigned char *wanted, size_t size)
{
	unsigned char found[1024];
	char path[300];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	assert_non_null(file = fopen(path, "rb"));
	assert_int_equal(fread(found, 1, sizeof found, file), size);
	fclose(file);
	assert_memory_equal(found, wanted, size);
}

static int
read_rows(void *context, uint32_t column, uint64_t first, uint32_t rows, struct vector *out,
	  struct store_error *error)
{
	(void)context;
	(void)first;
	(void)error;
	*out = (struct vector){.rows_count = rows};
	if (column == 0) {
		out->values = times;
	} else if (column == 1) {
		out->codes = sites;
		out->dictionary = &dictionary;
	} else {
		out->values = lcp;
		out->nulls = lcp_nulls;
	}
	return 0;
}

static void
write_segment(struct segment_summary *summary)
{
	static const struct segment_column which[] = {
	    {0, {NULL, 0}}, {1, {NULL, 0}}, {2, {NULL, 0}}};
	struct segment_source source = {.table = &table,
					.rows_count = 3,
					.columns = which,
					.columns_count = 3,
					.read = read_rows};
	struct store_error error = {0};

	assert_int_equal(segment_write(io_posix(), directory, "a.seg", &source, summary, &error),
			 0);
}

static void
test_segment(void **state)
{
	unsigned char example[1024];
	size_t size = read_example("(1780000003000, shop, 900.0).", example);
	struct store_arena *arena = store_arena_create(0);
	struct store_str no_key = {NULL, 0};
	struct store_error error = {0};
	struct segment_summary summary;
	struct segment *segment;
	struct vector vector;
	char path[300];

	(void)state;
	write_segment(&summary);
	check_file("a.seg", example, size);
	snprintf(path, sizeof path, "%s/a.seg", directory);
	assert_int_equal(
	    segment_open(io_posix(), path, &table, summary.footer_checksum, &segment, &error), 0);
	assert_int_equal(segment_verify(segment, &error), 0);
	assert_int_equal(segment_read(segment, 0, 0, no_key, arena, &vector, &error), 0);
	assert_memory_equal(vector.values, times, sizeof times);
	assert_int_equal(segment_read(segment, 0, 1, no_key, arena, &vector, &error), 0);
	for (int i = 0; i < 3; i++)
		assert_memory_equal(dictionary_entry(vector.dictionary, vector.codes[i]).bytes,
				    strings[sites[i]].bytes, 4);
	assert_int_equal(segment_read(segment, 0, 2, no_key, arena, &vector, &error), 0);
	assert_true(vector.nulls[0] == lcp_nulls[0]);
	assert_true(vector.values[0] == lcp[0] && vector.values[2] == lcp[2]);
	segment_close(segment);
	store_arena_free(arena);
}

static void
test_manifest(void **state)
{
	unsigned char example[1024];
	size_t size = read_example("(155 bytes).", example);
	struct manifest_segment entry = {.partition_day = 20601, .id = 4};
	struct manifest manifest = {.commit = 7,
				    .wal_floor = 3,
				    .next_file_id = 5,
				    .segments = &entry,
				    .segments_count = 1};
	struct store_error error = {0};

	(void)state;
	write_segment(&entry.summary);
	for (uint8_t i = 0; i < sizeof manifest.secret; i++)
		manifest.secret[i] = i;
	assert_int_equal(manifest_write(io_posix(), directory, &schema, &manifest, &error), 0);
	check_file("MANIFEST", example, size);
}

static void
test_packed(void **state)
{
	unsigned char example[64], written[64];
	size_t size = read_example("with 1100 at position 20", example);
	struct codec_plan plan;
	int64_t values[32], decoded[32];

	(void)state;
	for (int i = 0; i < 32; i++)
		values[i] = 100 + i % 4;
	values[20] = 1100;
	codec_packed_plan(values, 32, &plan);
	assert_int_equal(plan.bytes, size);
	codec_packed_write(values, 32, &plan, written);
	assert_memory_equal(written, example, size);
	assert_int_equal(codec_decode(CODEC_PACKED, example, size, 32, NULL, decoded), 0);
	assert_memory_equal(values, decoded, sizeof values);
}

/* In place of the system's, so that the WAL's salt is the example's. */
ssize_t
getrandom(void *buffer, size_t size, unsigned flags)
{
	(void)flags;
	for (size_t i = 0; i < size; i++)
		((unsigned char *)buffer)[i] = (unsigned char)(0xa0 + i);
	return (ssize_t)size;
}

static const struct store_cell wal_cells[] = {
    {.column = 0, .value.i = 1780000000000},
    {.column = 1, .value.s = {"blog", 4}},
    {.column = 2, .value.f = 1824.5},
};
static const struct store_row wal_row = {0, 3, wal_cells};

static void
write_wal(void)
{
	struct wal_entry entry = {.keyed = true,
				  .view = {.key = {1, 2},
					   .seen = {3, 0, 0, 0},
					   .version = 1,
					   .has_row = true,
					   .last_ms = 1780000005000},
				  .rows = &wal_row,
				  .rows_count = 1};
	struct store_request request = {
	    .received_ms = 1780000006000, .note = 200, .stored_count = 2};
	struct wal_buffer payload = {0};
	struct wal *wal;
	char path[300];

	snprintf(path, sizeof path, "%s/wal", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(wal_create(io_posix(), directory, 3, 2, 1000, &schema, &wal, NULL), 0);
	wal_record_put_request(&payload, NULL);
	wal_record_put_count(&payload, 1);
	wal_record_put_entry(&payload, &schema, &entry);
	assert_int_equal(wal_add(wal, WAL_COMMIT, 8, payload.bytes, payload.size), 0);
	payload.size = 0;
	memset(request.key, 0x11, sizeof request.key);
	memset(request.body, 0x22, sizeof request.body);
	wal_record_put_request(&payload, &request);
	assert_int_equal(wal_add(wal, WAL_REQUEST, 0, payload.bytes, payload.size), 0);
	assert_int_equal(wal_commit(wal, NULL), 0);
	wal_close(wal);
	free(payload.bytes);
}

static void
test_wal(void **state)
{
	unsigned char example[1024];
	size_t size = read_example("(1780000000000, blog, 1824.5), then", example), schema_size;
	struct store_arena *arena = store_arena_create(0);
	struct wal_reader *reader;
	const unsigned char *bytes;
	struct wal_columns *known;
	struct wal_record record;
	struct wal_cursor cursor;
	struct store_request request;
	struct wal_entry entry;
	bool has_request;
	uint32_t count;
	char path[300];

	(void)state;
	write_wal();
	check_file("wal/0000000000000003.wal", example, size);
	assert_int_equal(wal_path(directory, 3, path, sizeof path), 0);
	assert_int_equal(wal_reader_open(io_posix(), path, 3, &reader, NULL), 0);
	bytes = wal_reader_schema(reader, &schema_size);
	assert_non_null(known = wal_record_columns(bytes, schema_size, &schema));
	assert_int_equal(wal_reader_next(reader, &record, NULL), 1);
	assert_int_equal(record.commit, 8);
	cursor = (struct wal_cursor){record.payload, record.payload + record.size, known};
	assert_int_equal(wal_record_get_request(&cursor, &request, &has_request), 0);
	assert_false(has_request);
	assert_int_equal(wal_record_get_count(&cursor, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(wal_record_get_entry(&cursor, arena, &entry), 0);
	assert_int_equal(wal_record_get_end(&cursor), 0);
	assert_int_equal(entry.view.version, 1);
	assert_true(entry.rows[0].cells[0].value.i == wal_cells[0].value.i);
	assert_true(entry.rows[0].cells[2].value.f == wal_cells[2].value.f);
	assert_int_equal(wal_reader_next(reader, &record, NULL), 1);
	assert_int_equal(record.type, WAL_REQUEST);
	cursor = (struct wal_cursor){record.payload, record.payload + record.size, known};
	assert_int_equal(wal_record_get_request(&cursor, &request, &has_request), 0);
	assert_int_equal(request.note, 200);
	assert_int_equal(wal_reader_next(reader, &record, NULL), 0);
	assert_false(wal_reader_has_bad_tail(reader));
	wal_reader_close(reader);
	wal_record_columns_free(known);
	store_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_segment, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_manifest, setup, teardown),
	    cmocka_unit_test(test_packed),
	    cmocka_unit_test_setup_teardown(test_wal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
