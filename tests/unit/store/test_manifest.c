/*
 * Goal: a manifest reads back as it was written, tables matched by name; those
 * that the schema lacks are carried along; any flipped bit and any truncation
 * is an error; replacing it fails as a whole or not at all. Method: round trips
 * of seeded random manifests, every bit and length of a small file, sealed
 * lies (a right checksum over wrong fields), and file calls that fail in turn.
 */
#include "check.h"
#include "failing_io.h"

#include <errno.h>

#include <xxhash.h>

#include "store/bytes.h"
#include "store/manifest.h"

static const struct store_table tables[] = {{.name = "pageviews"}, {.name = "errors"}};
static const struct store_table fewer_tables[] = {{.name = "errors"}};
static const struct store_schema schema = {tables, 2}, fewer = {fewer_tables, 1};

static char directory[256], path[300];

static int
setup(void **state)
{
	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/MANIFEST", directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static void
make(struct manifest *manifest, uint32_t count, struct random *random)
{
	memset(manifest, 0, sizeof *manifest);
	manifest->commit = random_next(random);
	manifest->wal_floor = random_next(random);
	manifest->next_file_id = UINT64_MAX;
	for (size_t i = 0; i < sizeof manifest->secret; i++)
		manifest->secret[i] = (uint8_t)random_next(random);
	manifest->segments = calloc(count + 1, sizeof *manifest->segments);
	assert_non_null(manifest->segments);
	manifest->segments_count = count;
	for (uint32_t i = 0; i < count; i++) {
		int64_t time = (int64_t)random_next(random) / 2;

		manifest->segments[i] = (struct manifest_segment){
		    .table = (uint32_t)random_below(random, 2),
		    .partition_day = (int32_t)random_next(random),
		    .id = random_next(random) / 2,
		    .summary = {random_next(random), random_next(random), time,
				time + (int64_t)random_below(random, 1000), random_next(random)}};
	}
}

static void
check_segment(const struct manifest_segment *a, const struct manifest_segment *b)
{
	assert_int_equal(a->partition_day, b->partition_day);
	assert_true(a->id == b->id);
	assert_memory_equal(&a->summary, &b->summary, sizeof a->summary);
}

static void
write_it(const struct manifest *manifest, const struct store_schema *with)
{
	struct store_error error = {0};

	assert_int_equal(manifest_write(io_posix(), directory, with, manifest, &error), 0);
}

static int
read_it(struct manifest *manifest, const struct store_schema *with, struct store_error *error)
{
	return manifest_read(io_posix(), directory, with, manifest, error);
}

static void
test_round_trip(void **state)
{
	struct random random = random_seeded("manifest");
	struct store_error error = {0};
	struct manifest written, copy, found;

	(void)state;
	assert_int_equal(read_it(&found, &schema, &error), STORE_EUNKNOWN);
	for (uint32_t count = 0; count < 200; count += 1 + count / 2) {
		make(&written, count, &random);
		assert_int_equal(manifest_copy(&written, &copy, &error), 0);
		write_it(&copy, &schema);
		assert_int_equal(read_it(&found, &schema, &error), 0);
		assert_true(found.commit == written.commit);
		assert_true(found.wal_floor == written.wal_floor);
		assert_true(found.next_file_id == written.next_file_id);
		assert_memory_equal(found.secret, written.secret, sizeof written.secret);
		assert_int_equal(found.segments_count, count);
		assert_int_equal(found.kept.segments_count, 0);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(found.segments[i].table, written.segments[i].table);
			check_segment(&found.segments[i], &written.segments[i]);
		}
		manifest_clear(&written);
		manifest_clear(&copy);
		manifest_clear(&found);
	}
}

/* A program that lacks a table rewrites the manifest twice; one that has it
 * finds all segments again. */
static void
test_unknown_table(void **state)
{
	struct random random = random_seeded("unknown table");
	struct store_error error = {0};
	struct manifest written, without, copy, found;
	uint32_t pageviews = 0, at = 0;

	(void)state;
	make(&written, 50, &random);
	write_it(&written, &schema);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read_it(&without, &fewer, &error), 0);
		for (uint32_t j = 0; j < without.segments_count; j++)
			assert_int_equal(without.segments[j].table, 0);
		assert_int_equal(without.segments_count + without.kept.segments_count, 50);
		assert_true(without.kept.segments_count > 0);
		assert_int_equal(manifest_copy(&without, &copy, &error), 0);
		manifest_clear(&without);
		write_it(&copy, &fewer);
		manifest_clear(&copy);
	}
	assert_int_equal(read_it(&found, &schema, &error), 0);
	assert_int_equal(found.segments_count, 50);
	assert_int_equal(found.kept.segments_count, 0);
	/* Those of the table that was known come first, each in its order. */
	for (uint32_t table = 2; table-- > 0;) {
		for (uint32_t i = 0; i < 50; i++) {
			if (written.segments[i].table != table)
				continue;
			assert_int_equal(found.segments[at].table, table);
			check_segment(&found.segments[at++], &written.segments[i]);
			pageviews += table == 0;
		}
	}
	assert_true(pageviews > 0);
	manifest_clear(&written);
	manifest_clear(&found);
}

/* ---- damage ------------------------------------------------------------ */

static size_t
read_file(unsigned char *bytes, size_t size_max)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	assert_non_null(file);
	size = fread(bytes, 1, size_max, file);
	fclose(file);
	return size;
}

static void
write_file(const unsigned char *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

static void
check_refused(const unsigned char *bytes, size_t size)
{
	struct store_error error = {0};
	struct manifest found;
	int result;

	write_file(bytes, size);
	result = read_it(&found, &schema, &error);
	assert_true(result == STORE_ECORRUPT || result == STORE_EVERSION);
	assert_true(error.text[0] != '\0');
	assert_null(found.segments);
}

static void
test_damage(void **state)
{
	struct random random = random_seeded("damage");
	unsigned char bytes[1024];
	struct manifest manifest;
	size_t size;

	(void)state;
	make(&manifest, 3, &random);
	write_it(&manifest, &schema);
	size = read_file(bytes, sizeof bytes);
	assert_true(size < sizeof bytes);
	for (size_t bit = 0; bit < size * 8; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		check_refused(bytes, size);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	for (size_t left = 0; left < size; left++)
		check_refused(bytes, left);
	bytes[size] = 0;
	check_refused(bytes, size + 1);
	manifest_clear(&manifest);
}

/* Random fields under a right checksum: no crash, no over-read. */
static void
test_lies(void **state)
{
	struct random random = random_seeded("lies");
	unsigned char bytes[1024], lie[1024];
	struct manifest manifest, found;
	size_t size;

	(void)state;
	make(&manifest, 3, &random);
	write_it(&manifest, &schema);
	size = read_file(bytes, sizeof bytes);
	for (int round = 0; round < 3000; round++) {
		struct store_error error = {0};
		size_t left =
		    random_below(&random, 4) != 0 ? size : 88 + random_below(&random, size - 88);

		memcpy(lie, bytes, size);
		for (uint64_t n = 1 + random_below(&random, 3); n > 0; n--)
			lie[8 + random_below(&random, left - 16)] =
			    (unsigned char)random_next(&random);
		bytes_put32(lie + 8, 1);
		bytes_put64(lie + left - 8, XXH3_64bits(lie, left - 8));
		write_file(lie, left);
		if (read_it(&found, &schema, &error) == 0)
			manifest_clear(&found);
	}
	manifest_clear(&manifest);
}

static void
test_newer_version(void **state)
{
	struct random random = random_seeded("version");
	struct store_error error = {0};
	struct manifest manifest, found;
	unsigned char bytes[1024];
	size_t size;

	(void)state;
	make(&manifest, 1, &random);
	write_it(&manifest, &schema);
	size = read_file(bytes, sizeof bytes);
	bytes_put32(bytes + 8, 2);
	write_file(bytes, size);
	assert_int_equal(read_it(&found, &schema, &error), STORE_EVERSION);
	assert_non_null(strstr(error.text, "newer"));
	manifest_clear(&manifest);
}

/* ---- failing calls ------------------------------------------------------- */

static void
test_failing_calls(void **state)
{
	struct random random = random_seeded("failing calls");
	struct io io = failing_io();
	struct store_error error = {0};
	struct manifest old, new, found;
	int result = -1;

	(void)state;
	make(&old, 2, &random);
	make(&new, 5, &random);
	for (int k = 0; result != 0; k++) {
		write_it(&old, &schema);
		failing_calls_left = k;
		result = manifest_write(&io, directory, &schema, &new, &error);
		assert_int_equal(read_it(&found, &schema, &error), 0);
		/* Only the last step, syncing the directory, comes too late. */
		assert_int_equal(found.segments_count, k < 4 ? 2 : 5);
		assert_true(k != 1 || result == STORE_EFULL);
		assert_true(k < 6);
		manifest_clear(&found);
	}
	manifest_clear(&old);
	manifest_clear(&new);
}

static void
test_path(void **state)
{
	struct manifest_segment segment = {.table = 1, .partition_day = 20606, .id = 0xab};
	char out[100];

	(void)state;
	assert_int_equal(manifest_segment_path("data", &schema, &segment, out, sizeof out), 0);
	assert_string_equal(out, "data/errors/2026-06-02/00000000000000ab.seg");
	segment.partition_day = -1;
	assert_int_equal(manifest_segment_path("data", &schema, &segment, out, sizeof out), 0);
	assert_string_equal(out, "data/errors/1969-12-31/00000000000000ab.seg");
	assert_int_equal(manifest_segment_path("data", &schema, &segment, out, 20), STORE_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unknown_table, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_newer_version, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failing_calls, setup, teardown),
	    cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
