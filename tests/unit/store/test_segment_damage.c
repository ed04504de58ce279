/*
 * Goal: no byte of a segment can be wrong without an error, and no error is a
 * crash or a read outside of the file, even where every checksum is right.
 * Method: a small file in memory, mapped as an allocation of exactly its size
 * (so that the address sanitizer sees an over-read): every bit flipped, every
 * length, swapped chunks, and seeded random lies in footer, chunks and
 * dictionaries under recomputed checksums.
 */
#include "segment_model.h"

#include <xxhash.h>

#include "store/bytes.h"
#include "store/segment_file.h"

/* ---- a file in memory ------------------------------------------------------ */

static unsigned char *file;
static size_t file_size;

static int
memory_open(struct io *io, const char *path, int flags, mode_t mode)
{
	(void)io;
	(void)path;
	(void)flags;
	(void)mode;
	return 0;
}

static int
memory_close(struct io *io, int fd)
{
	(void)io;
	return fd;
}

static int64_t
memory_size(struct io *io, int fd)
{
	(void)io;
	(void)fd;
	return (int64_t)file_size;
}

static int
memory_map(struct io *io, int fd, size_t size, const void **address)
{
	unsigned char *copy = size == 0 ? NULL : malloc(size);

	(void)io;
	(void)fd;
	if (copy != NULL)
		memcpy(copy, file, size);
	*address = copy;
	return 0;
}

static int
memory_unmap(struct io *io, const void *address, size_t size)
{
	(void)io;
	(void)size;
	free((void *)(uintptr_t)address);
	return 0;
}

static struct io memory = {.open = memory_open,
			   .close = memory_close,
			   .size = memory_size,
			   .map = memory_map,
			   .unmap = memory_unmap};

static struct random lies;
static struct segment_summary summary;

/* Writes a model to disk, and its bytes to file[]. */
static void
load(uint32_t rows)
{
	struct random random = random_seeded("damage");
	struct model *model = model_create(rows, &random);
	struct segment_source source = model_source(model);
	struct store_error error = {0};
	char directory[256], path[300];
	FILE *stream;

	lies = random;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/a.seg", directory);
	assert_int_equal(segment_write(io_posix(), directory, "a.seg", &source, &summary, &error),
			 0);
	file_size = summary.file_bytes;
	file = malloc(file_size);
	assert_non_null(file);
	assert_non_null(stream = fopen(path, "rb"));
	assert_int_equal(fread(file, 1, file_size, stream), file_size);
	fclose(stream);
	scratch_remove(directory);
	model_free(model);
}

static void
unload(void)
{
	free(file);
	file = NULL;
}

/* Reads all there is; the first error, or 0. */
static int
read_all(struct segment *segment, struct store_error *error)
{
	const struct segment_column *columns;
	struct store_arena *arena = store_arena_create(64u << 20);
	uint32_t count;
	int first = 0;

	assert_non_null(arena);
	columns = segment_columns(segment, &count);
	for (uint32_t b = 0; b < segment_blocks_count(segment); b++) {
		for (uint32_t c = 0; c < count; c++) {
			struct vector vector;
			int result = segment_read(segment, b, columns[c].column, columns[c].key,
						  arena, &vector, error);

			for (uint32_t i = 0; result == 0 && vector.codes != NULL &&
					     i < (vector.constant ? 1 : vector.rows_count);
			     i++)
				assert_true(vector.codes[i] < vector.dictionary->count);
			first = first != 0 ? first : result;
			store_arena_reset(arena);
		}
	}
	store_arena_free(arena);
	return first;
}

/* 0 when opening, verifying and reading all say that file[] is right. */
static int
check(uint64_t checksum, struct store_error *error)
{
	struct segment *segment;
	int result = segment_open(&memory, "a.seg", &model_table, checksum, &segment, error), read;

	if (result != 0)
		return result;
	result = segment_verify(segment, error);
	read = read_all(segment, error);
	segment_close(segment);
	return result != 0 ? result : read;
}

static void
assert_refused(uint64_t checksum)
{
	struct store_error error = {0};
	int result = check(checksum, &error);

	assert_true(result == STORE_ECORRUPT || result == STORE_EVERSION);
	assert_int_equal(error.code, result);
	assert_non_null(strstr(error.text, "a.seg"));
}

/* ---- without the checksums ---------------------------------------------------- */

static void
test_flipped_bits(void **state)
{
	struct store_error error = {0};

	(void)state;
	load(90);
	assert_int_equal(check(summary.footer_checksum, &error), 0);
	for (size_t bit = 0; bit < file_size * 8; bit++) {
		file[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_refused(summary.footer_checksum);
		file[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	unload();
}

static void
test_truncated(void **state)
{
	size_t size;

	(void)state;
	load(90);
	size = file_size;
	for (file_size = 0; file_size < size; file_size++)
		assert_refused(summary.footer_checksum);
	file_size = size;
	unload();
}

static void
test_other_file(void **state)
{
	struct store_error error = {0};

	(void)state;
	load(20);
	assert_int_equal(check(0, &error), 0);
	assert_int_equal(check(summary.footer_checksum + 1, &error), STORE_ECORRUPT);
	assert_non_null(strstr(error.text, "manifest"));
	assert_string_equal(error.file, "a.seg");
	bytes_put32(file + file_size - SEGMENT_TAIL_BYTES + 4, SEGMENT_VERSION + 1);
	assert_int_equal(check(0, &error), STORE_EVERSION);
	assert_non_null(strstr(error.text, "newer"));
	unload();
}

/* ---- lies under right checksums ------------------------------------------------- */

static void
seal(void)
{
	unsigned char *tail = file + file_size - SEGMENT_TAIL_BYTES;
	uint32_t footer_bytes = bytes_get32(tail);

	bytes_put64(tail + 8, XXH3_64bits(tail - footer_bytes, footer_bytes));
}

/* Puts a section's new checksum in the footer where its old one is. */
static void
reseal_section(uint64_t old, const unsigned char *bytes, size_t size)
{
	unsigned char *tail = file + file_size - SEGMENT_TAIL_BYTES;

	for (unsigned char *at = tail - bytes_get32(tail); at <= tail - 8; at++) {
		if (bytes_get64(at) == old)
			bytes_put64(at, XXH3_64bits(bytes, size));
	}
	seal();
}

static unsigned char *
copy_file(void)
{
	unsigned char *copy = malloc(file_size);

	assert_non_null(copy);
	memcpy(copy, file, file_size);
	return copy;
}

/* Interesting values for a field: small, large, one off. */
static unsigned char
lying_byte(unsigned char truth)
{
	static const unsigned char bytes[] = {0, 1, 2, 4, 5, 6, 8, 64, 127, 128, 254, 255};

	switch (random_below(&lies, 4)) {
	case 0:
		return (unsigned char)(truth + 1);
	case 1:
		return (unsigned char)(truth - 1);
	case 2:
		return bytes[random_below(&lies, sizeof bytes)];
	default:
		return (unsigned char)random_next(&lies);
	}
}

static void
test_lying_footer(void **state)
{
	unsigned char *truth;
	uint32_t footer_bytes, refused = 0;

	(void)state;
	load(200);
	truth = copy_file();
	footer_bytes = bytes_get32(file + file_size - SEGMENT_TAIL_BYTES);
	for (int round = 0; round < 12000; round++) {
		struct store_error error = {0};

		for (uint64_t n = 1 + random_below(&lies, 2); n > 0; n--) {
			size_t at = file_size - SEGMENT_TAIL_BYTES - footer_bytes +
				    random_below(&lies, footer_bytes);

			file[at] = lying_byte(file[at]);
		}
		seal();
		refused += check(0, &error) != 0;
		memcpy(file, truth, file_size);
	}
	assert_true(refused > 6000); /* names, flags and keys may be anything */
	free(truth);
	unload();
}

static void
damage_section(uint64_t offset, size_t size, uint64_t checksum)
{
	struct store_error error = {0};

	for (uint64_t n = 1 + random_below(&lies, 3); n > 0; n--) {
		size_t at = offset + random_below(&lies, random_below(&lies, 2) ? size
							 : size < 24            ? size
										: 24);

		file[at] = lying_byte(file[at]);
	}
	reseal_section(checksum, file + offset, size);
	check(0, &error);
}

static void
test_lying_sections(void **state)
{
	struct store_error error = {0};
	struct segment *segment;
	unsigned char *truth;

	(void)state;
	load(1500);
	truth = copy_file();
	assert_int_equal(segment_open(&memory, "a.seg", &model_table, 0, &segment, &error), 0);
	for (int round = 0; round < 400; round++) {
		for (uint32_t i = 0; i < segment->columns_count; i++) {
			const struct segment_file_column *column = &segment->columns[i];
			const struct segment_chunk *chunk = &column->chunks[0];
			size_t size = (size_t)chunk->nulls_bytes + chunk->values_bytes;

			if (size > 0) {
				damage_section(chunk->offset, size, chunk->checksum);
				memcpy(file, truth, file_size);
			}
			if (column->strings.count == 0)
				continue;
			damage_section(column->strings.offset, column->strings.stored_bytes,
				       column->strings.checksum);
			memcpy(file, truth, file_size);
		}
	}
	segment_close(segment);
	free(truth);
	unload();
}

/* Two valid chunks that have changed places: their parent notices. */
static void
test_swapped_chunks(void **state)
{
	struct store_error error = {0};
	struct segment *segment;
	const struct segment_chunk *a, *b;
	uint32_t size;

	(void)state;
	load(70000);
	assert_int_equal(segment_open(&memory, "a.seg", &model_table, 0, &segment, &error), 0);
	a = &segment->columns[VIEW].chunks[0];
	b = &segment->columns[VIEW].chunks[1];
	size = b->values_bytes;
	assert_true(a->offset != b->offset && size > 0 && size < a->values_bytes);
	for (uint32_t i = 0; i < size; i++) {
		unsigned char byte = file[a->offset + i];

		file[a->offset + i] = file[b->offset + i];
		file[b->offset + i] = byte;
	}
	segment_close(segment);
	assert_refused(summary.footer_checksum);
	unload();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_flipped_bits),   cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_other_file),     cmocka_unit_test(test_lying_footer),
	    cmocka_unit_test(test_lying_sections), cmocka_unit_test(test_swapped_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
