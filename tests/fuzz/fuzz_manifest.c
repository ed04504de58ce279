/*
 * Goal: a manifest of any bytes is refused with a reason, or means what it
 * says. Method: the input as it is, and with a right checksum, so that the
 * fuzzer gets behind it; what was read is written and read again, which must
 * give the same; a flipped bit of what was written must be noticed.
 */
#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "memory_io.h"
#include "store/bytes.h"
#include "store/manifest.h"
#include "tests/golden/schema.h"

#define NAME "MANIFEST"
#define FILE_BYTES_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
read_it(struct manifest *manifest)
{
	struct store_error error = {0};
	int result = manifest_read(&memory_io, "/d", &golden_schema, manifest, &error);

	assert(result == 0 || (error.code == result && error.text[0] != '\0'));
	assert(result == 0 || result == STORE_ECORRUPT || result == STORE_EVERSION);
	return result;
}

static void
check_same(const struct manifest *a, const struct manifest *b)
{
	assert(a->commit == b->commit && a->wal_floor == b->wal_floor);
	assert(a->next_file_id <= b->next_file_id);
	assert(memcmp(a->secret, b->secret, sizeof a->secret) == 0);
	assert(a->segments_count == b->segments_count);
	assert(a->kept.segments_count == b->kept.segments_count);
	for (uint32_t i = 0; i < a->segments_count; i++)
		assert(memcmp(&a->segments[i], &b->segments[i], sizeof a->segments[i]) == 0);
	for (uint32_t i = 0; i < a->kept.segments_count; i++) {
		const struct manifest_segment *x = &a->kept.segments[i], *y = &b->kept.segments[i];

		assert(x->id == y->id && x->partition_day == y->partition_day);
		assert(strcmp(a->kept.tables[x->table], b->kept.tables[y->table]) == 0);
	}
}

/* Some bit of the file, chosen by its checksum. */
static void
check_flipped(void)
{
	struct memory_file *file = memory_find(NAME);
	uint64_t bit = XXH3_64bits(file->bytes, file->size) % (file->size * 8);
	struct manifest manifest;

	file->bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	assert(read_it(&manifest) != 0);
}

static void
run(const uint8_t *data, size_t size)
{
	struct store_error error = {0};
	struct manifest first, second;

	memory_put(NAME, data, size);
	if (read_it(&first) == 0) {
		assert(manifest_write(&memory_io, "/d", &golden_schema, &first, &error) == 0);
		assert(read_it(&second) == 0);
		check_same(&first, &second);
		manifest_clear(&second);
		check_flipped();
	}
	manifest_clear(&first);
	memory_clear();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t sealed[FILE_BYTES_MAX];

	if (size > sizeof sealed)
		return 0;
	run(data, size);
	if (size < 8)
		return 0;
	memcpy(sealed, data, size);
	bytes_put64(sealed + size - 8, XXH3_64bits(sealed, size - 8));
	run(sealed, size);
	return 0;
}
