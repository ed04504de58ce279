/*
 * Goal: what was written comes back in order, and nothing else ever does: a
 * torn end cuts the last record only, damage before valid records is an error,
 * and bytes of other files are no records. Method: random records (seeded)
 * against a plain array; then every length, every bit and every set of sectors
 * of small files.
 */
#include "wal_model.h"

#include <errno.h>

#include "store/bytes.h"
#include "store/crc32c.h"

/* ---- tests ----------------------------------------------------------- */

static void
test_round_trip(void **state)
{
	struct random random = random_seeded("round_trip");

	(void)state;
	for (uint64_t id = 1; id <= 20; id++) {
		struct model model;
		struct wal *wal = create(id, id - 1, 7 * id, &model);
		uint64_t previous_bytes;
		struct wal_reader *reader;

		for (uint64_t groups = random_below(&random, 20); groups > 0; groups--) {
			uint32_t first = model.count;

			for (uint64_t i = random_below(&random, 10); i > 0; i--)
				model_add(&model, &random, 1 + random_below(&random, 3000));
			write_from(wal, &model, first);
		}
		/* What is not committed is not there. */
		assert_int_equal(wal_add(wal, WAL_COMMIT, 1, "x", 1), 0);
		assert_int_equal(wal_group_bytes(wal), WAL_RECORD_HEAD_BYTES + 1);
		wal_drop_group(wal);
		assert_int_equal(wal_group_bytes(wal), 0);
		assert_int_equal(wal_add(wal, WAL_COMMIT, 1, "y", 1), 0);
		wal_close(wal);

		reader = open_file(id);
		assert_int_equal(wal_reader_previous(reader, &previous_bytes), id - 1);
		assert_int_equal(previous_bytes, 7 * id);
		check_records(reader, &model, 0, model.count, 0);
		assert_false(wal_reader_has_bad_tail(reader));
		wal_reader_close(reader);
		free(model.records);
	}
}

/* The file cut at every length: whole records before the cut, no error. */
static void
test_cut(void **state)
{
	struct random random = random_seeded("cut");
	struct model model;
	unsigned char *bytes;
	size_t size;

	(void)state;
	make_file(1, 4, 60, &random, &model);
	bytes = load(1, &size);
	assert_int_equal(size, model.bytes);
	for (size_t cut = HEAD_BYTES; cut <= size; cut++) {
		struct wal_reader *reader;
		uint32_t whole = 0;

		while (whole < model.count && model.records[whole].end <= cut)
			whole++;
		save(1, bytes, cut);
		reader = open_file(1);
		check_records(reader, &model, 0, whole, 0);
		assert_int_equal(wal_reader_has_bad_tail(reader),
				 cut != (whole == 0 ? HEAD_BYTES : model.records[whole - 1].end));
		wal_reader_close(reader);
	}
	free(bytes);
	free(model.records);
}

/* Without the zeros at the end. */
static size_t
end_of_bytes(const unsigned char *bytes, size_t size)
{
	while (size > 0 && bytes[size - 1] == 0)
		size--;
	return size;
}

/* Any of the last write's sectors may be missing: zeros, or what another file
 * left there. */
static void
test_sectors(void **state)
{
	struct random random = random_seeded("sectors");
	unsigned char *bytes, *other, *torn;
	size_t size, other_size;
	struct model model, foreign;

	(void)state;
	make_file(1, 3, 1900, &random, &model);
	make_file(2, 3, 1900, &random, &foreign);
	bytes = load(1, &size);
	other = load(2, &other_size);
	torn = malloc(size);
	assert_non_null(torn);
	assert_int_equal(size, other_size);
	for (size_t sector_bytes = 512; sector_bytes <= 4096; sector_bytes *= 8) {
		size_t from = model.records[1].end, first = from / sector_bytes;
		size_t sectors = (size - 1) / sector_bytes - first + 1;

		for (uint32_t set = 0; set < 2u << sectors; set++) {
			const unsigned char *left = set & 1 ? other : NULL;
			bool whole = set >> 1 == (1u << sectors) - 1;
			struct wal_reader *reader;

			memcpy(torn, bytes, size);
			for (size_t at = from; at < size; at++) {
				if (!(set >> 1 >> (at / sector_bytes - first) & 1))
					torn[at] = left != NULL ? left[at] : 0;
			}
			/* Equal bytes were left there: the record is whole. */
			whole |= memcmp(torn, bytes, size) == 0;
			save(1, torn, size);
			reader = open_file(1);
			check_records(reader, &model, 0, whole ? 3 : 2, 0);
			/* Of nothing but zeros nobody can tell. */
			assert_int_equal(wal_reader_has_bad_tail(reader),
					 !whole && end_of_bytes(torn, size) > from);
			wal_reader_close(reader);
		}
	}
	free(bytes);
	free(other);
	free(torn);
	free(model.records);
	free(foreign.records);
}

static uint32_t
record_at(const struct model *model, size_t offset)
{
	uint32_t i = 0;

	while (model->records[i].end <= offset)
		i++;
	return i;
}

/* Every bit of a file, flipped: in the head the file is refused; in a record
 * the ones before it are read, it is reported when others follow, and these
 * are read too. */
static void
test_flipped_bits(void **state)
{
	struct random random = random_seeded("flipped_bits");
	struct model model;
	unsigned char *bytes;
	size_t size;

	(void)state;
	make_file(1, 4, 20, &random, &model);
	bytes = load(1, &size);
	for (size_t bit = 0; bit < size * 8; bit++) {
		size_t offset = bit / 8;
		struct wal_reader *reader;
		uint32_t hit;
		int result;

		bytes[offset] ^= (unsigned char)(1 << bit % 8);
		save(1, bytes, size);
		bytes[offset] ^= (unsigned char)(1 << bit % 8);
		if (offset < HEAD_BYTES) {
			result = open_result(1, &reader);
			assert_int_equal(result,
					 offset >= 8 && offset < 12 && bit != 65 /* version 0 */
					     ? STORE_EVERSION
					     : STORE_ECORRUPT);
			continue;
		}
		reader = open_file(1);
		hit = record_at(&model, offset);
		if (hit + 1 < model.count) {
			check_records(reader, &model, 0, hit, STORE_ECORRUPT);
			check_records(reader, &model, hit + 1, model.count, 0);
			assert_false(wal_reader_has_bad_tail(reader));
		} else {
			check_records(reader, &model, 0, hit, 0);
			assert_true(wal_reader_has_bad_tail(reader));
		}
		wal_reader_close(reader);
	}
	free(bytes);
	free(model.records);
}

/* A head that is not whole: unfinished when nothing follows. */
static void
test_heads(void **state)
{
	struct random random = random_seeded("heads");
	struct model model;
	unsigned char *bytes;
	struct wal_reader *reader;
	size_t size;

	(void)state;
	make_file(1, 1, 20, &random, &model);
	bytes = load(1, &size);
	for (size_t cut = 0; cut < HEAD_BYTES; cut++) {
		save(1, bytes, cut);
		assert_int_equal(open_result(1, &reader), STORE_EUNKNOWN);
	}
	for (size_t zeros = 0; zeros < HEAD_BYTES; zeros++) { /* torn the other way */
		bytes[zeros] = 0;
		save(1, bytes, HEAD_BYTES);
		assert_int_equal(open_result(1, &reader), STORE_EUNKNOWN);
		save(1, bytes, size); /* but these were acknowledged */
		assert_int_equal(open_result(1, &reader), STORE_ECORRUPT);
	}
	free(bytes);
	free(model.records);

	make_file(2, 1, 20, &random, &model);
	bytes = load(2, &size);
	save(3, bytes, size); /* copied under another name */
	assert_int_equal(open_result(3, &reader), STORE_ECORRUPT);
	bytes_put32(bytes + 8, WAL_VERSION + 1);
	save(2, bytes, size);
	assert_int_equal(open_result(2, &reader), STORE_EVERSION);
	free(bytes);
	free(model.records);
}

static void
test_oldest_version(void **state)
{
	struct random random = random_seeded("oldest_version");
	struct wal_reader *reader;
	struct model model;
	unsigned char *bytes;
	uint32_t crc;
	size_t size;

	(void)state;
	make_file(1, 3, 20, &random, &model);
	bytes = load(1, &size);
	bytes_put32(bytes + 8, WAL_VERSION_OLDEST);
	crc = crc32c(0, bytes, WAL_HEAD_CRC_AT);
	crc = crc32c(crc, bytes + WAL_HEAD_BYTES, HEAD_BYTES - WAL_HEAD_BYTES);
	bytes_put32(bytes + WAL_HEAD_CRC_AT, crc);
	save(1, bytes, size);
	reader = open_file(1);
	check_records(reader, &model, 0, model.count, 0);
	wal_reader_close(reader);
	free(bytes);
	free(model.records);
}

/* Zeros, another file's records, and records inside of payloads are none. */
static void
test_foreign_bytes(void **state)
{
	struct random random = random_seeded("foreign_bytes");
	struct model model, foreign;
	unsigned char *bytes, *other;
	struct wal_reader *reader;
	size_t size, other_size;
	struct wal *wal;

	(void)state;
	make_file(1, 2, 100, &random, &foreign);
	other = load(1, &other_size);
	wal = create(2, 0, 0, &model);
	for (uint32_t i = 0; i < 3; i++) { /* the second one holds another's record */
		model_add(&model, &random, foreign.records[0].end - HEAD_BYTES);
		memcpy(model.records[i].payload, other + HEAD_BYTES, model.records[i].size);
	}
	write_from(wal, &model, 0);
	wal_close(wal);
	bytes = load(2, &size);
	bytes = realloc(bytes, size + other_size + 8192);
	assert_non_null(bytes);

	bytes[model.records[0].end] ^= 1;
	save(2, bytes, size);
	reader = open_file(2);
	check_records(reader, &model, 0, 1, STORE_ECORRUPT);
	check_records(reader, &model, 2, 3, 0);
	wal_reader_close(reader);
	bytes[model.records[0].end] ^= 1;

	memset(bytes + size, 0, 8192);
	save(2, bytes, size + 8192);
	reader = open_file(2);
	check_records(reader, &model, 0, 3, 0);
	assert_false(wal_reader_has_bad_tail(reader));
	wal_reader_close(reader);

	memcpy(bytes + size, other + HEAD_BYTES, other_size - HEAD_BYTES);
	save(2, bytes, size + other_size - HEAD_BYTES);
	reader = open_file(2);
	check_records(reader, &model, 0, 3, 0);
	assert_true(wal_reader_has_bad_tail(reader));
	wal_reader_close(reader);
	free(bytes);
	free(other);
	free(model.records);
	free(foreign.records);
}

/* What a later file says is valid is all that is read. */
static void
test_limit(void **state)
{
	struct random random = random_seeded("limit");
	struct model model;

	(void)state;
	make_file(1, 5, 50, &random, &model);
	for (uint32_t keep = 0; keep <= 5; keep++) {
		struct wal_reader *reader = open_file(1);

		wal_reader_limit(reader, keep == 0 ? HEAD_BYTES : model.records[keep - 1].end);
		check_records(reader, &model, 0, keep, 0);
		assert_false(wal_reader_has_bad_tail(reader));
		wal_reader_close(reader);
	}
	free(model.records);
}

/* ---- failures -------------------------------------------------------- */

struct failing {
	struct io io;
	bool write, sync;
};

static ssize_t
failing_pwrite(struct io *io, int fd, const void *bytes, size_t size, uint64_t offset)
{
	if (!((struct failing *)io)->write)
		return io_posix()->pwrite(io_posix(), fd, bytes, size, offset);
	(void)io_posix()->pwrite(io_posix(), fd, bytes, size / 2, offset);
	return -ENOSPC;
}

static int
failing_sync(struct io *io, int fd)
{
	return ((struct failing *)io)->sync ? -EIO : io_posix()->sync(io_posix(), fd);
}

/* The group of a failed file is whole in the next one; what the failed sync
 * left behind is beyond the limit in its head. */
static void
test_move_group(void **state)
{
	struct random random = random_seeded("move_group");
	struct failing failing = {*io_posix(), false, false};
	struct model model = {.bytes = HEAD_BYTES}, moved = {.bytes = HEAD_BYTES};
	struct wal_reader *reader;
	struct wal *wal, *next;
	uint64_t bytes;

	(void)state;
	failing.io.pwrite = failing_pwrite;
	failing.io.sync = failing_sync;
	for (int by_sync = 0; by_sync < 2; by_sync++) {
		uint64_t id = 1 + 2 * (uint64_t)by_sync;

		assert_int_equal(
		    wal_create(&failing.io, wal_directory, id, 0, 0, &schema, &wal, NULL), 0);
		model_add(&model, &random, 200);
		write_from(wal, &model, 0);
		for (int i = 0; i < 3; i++)
			model_add(&moved, &random, 300);
		for (int i = 0; i < 3; i++)
			assert_int_equal(wal_add(wal, moved.records[i].type,
						 moved.records[i].commit, moved.records[i].payload,
						 moved.records[i].size),
					 0);
		*(by_sync ? &failing.sync : &failing.write) = true;
		assert_int_equal(wal_commit(wal, NULL), by_sync ? STORE_EIO : STORE_EFULL);
		failing.write = failing.sync = false;
		assert_int_equal(wal_durable_bytes(wal), model.bytes);
		assert_int_equal(wal_create(&failing.io, wal_directory, id + 1, id,
					    wal_durable_bytes(wal), &schema, &next, NULL),
				 0);
		assert_int_equal(wal_move_group(wal, next), 0);
		assert_int_equal(wal_group_bytes(wal), 0);
		assert_int_equal(wal_commit(next, NULL), 0);
		wal_close(wal);
		wal_close(next);

		reader = open_file(id + 1);
		check_records(reader, &moved, 0, 3, 0);
		assert_int_equal(wal_reader_previous(reader, &bytes), id);
		wal_reader_close(reader);
		reader = open_file(id);
		wal_reader_limit(reader, bytes);
		check_records(reader, &model, 0, 1, 0);
		wal_reader_close(reader);
		free(model.records);
		free(moved.records);
		model = moved = (struct model){.bytes = HEAD_BYTES};
	}
}

/* Of a large group, most is in the file before it is committed. When that fails,
 * or the group is dropped, nothing of it stays in the file that counts. */
static void
test_large_group(void **state)
{
	enum { LARGE = 500 }; /* records */
	struct random random = random_seeded("large_group");
	struct failing failing = {*io_posix(), false, false};
	struct model first = {.bytes = HEAD_BYTES}, large = {.bytes = HEAD_BYTES};
	struct wal_reader *reader;
	struct wal *wal, *next;
	uint64_t id = 100;

	(void)state;
	failing.io.pwrite = failing_pwrite;
	failing.io.sync = failing_sync;
	model_add(&first, &random, 200);
	for (int i = 0; i < LARGE; i++)
		model_add(&large, &random, 2900);
	for (int round = 0; round < 3; round++, id += 2) {
		assert_int_equal(
		    wal_create(&failing.io, wal_directory, id, 0, 0, &schema, &wal, NULL), 0);
		write_from(wal, &first, 0);
		for (int i = 0; i < LARGE; i++) {
			failing.write = round == 1 && i > LARGE / 2;
			assert_int_equal(wal_add(wal, large.records[i].type,
						 large.records[i].commit, large.records[i].payload,
						 large.records[i].size),
					 0);
		}
		assert_int_equal(wal_durable_bytes(wal), first.bytes);
		assert_true(file_bytes(id) > (off_t)(first.bytes + large.bytes / 4));
		failing.write = false;
		if (round == 0) { /* all is well */
			assert_int_equal(wal_commit(wal, NULL), 0);
			wal_close(wal);
			reader = open_file(id);

			for (uint32_t i = 0; i <= LARGE; i++) {
				struct wal_record record;

				assert_int_equal(wal_reader_next(reader, &record, NULL), 1);
				if (i == 0)
					continue;
				assert_int_equal(record.size, large.records[i - 1].size);
				assert_memory_equal(record.payload, large.records[i - 1].payload,
						    record.size);
			}
			assert_false(wal_reader_has_bad_tail(reader));
			wal_reader_close(reader);
			continue;
		}
		assert_int_equal(wal_create(&failing.io, wal_directory, id + 1, id, first.bytes,
					    &schema, &next, NULL),
				 0);
		if (round == 1) { /* a write failed on the way */
			assert_int_equal(wal_commit(wal, NULL), STORE_EFULL);
			assert_int_equal(wal_move_group(wal, next), 0);
			assert_int_equal(wal_commit(next, NULL), 0);
			reader = open_file(id + 1);
			check_records(reader, &large, 0, LARGE, 0);
			wal_reader_close(reader);
		} else {
			assert_false(wal_drop_group(wal));
			assert_true(wal_drop_group(next));
		}
		wal_close(wal);
		wal_close(next);
		assert_int_equal(file_bytes(id), first.bytes);
		reader = open_file(id);
		check_records(reader, &first, 0, 1, 0);
		wal_reader_close(reader);
	}
	free(first.records);
	free(large.records);
}

/* A file that could not be made is not left behind; one that exists is not
 * written over. */
static void
test_create_fails(void **state)
{
	struct failing failing = {*io_posix(), false, false};
	struct store_error error = {0};
	struct wal_reader *reader;
	struct model model;
	char path[300];
	struct wal *wal;

	(void)state;
	failing.io.pwrite = failing_pwrite;
	failing.io.sync = failing_sync;
	for (int by_sync = 0; by_sync < 2; by_sync++) {
		*(by_sync ? &failing.sync : &failing.write) = true;
		assert_int_equal(
		    wal_create(&failing.io, wal_directory, 1, 0, 0, &schema, &wal, &error),
		    by_sync ? STORE_EIO : STORE_EFULL);
		path_of(1, path);
		assert_int_equal(access(path, F_OK), -1);
		failing.write = failing.sync = false;
	}
	wal_close(create(1, 0, 0, &model));
	assert_int_equal(wal_create(io_posix(), wal_directory, 1, 0, 0, &schema, &wal, &error),
			 STORE_EIO);
	assert_int_equal(wal_delete(io_posix(), wal_directory, 1), 0);
	assert_int_equal(open_result(1, &reader), STORE_EIO);
	assert_int_equal(wal_delete(io_posix(), wal_directory, 1), 0); /* gone already */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_round_trip),     TEST(test_cut),
	    TEST(test_sectors),        TEST(test_flipped_bits),
	    TEST(test_heads),          TEST(test_foreign_bytes),
	    TEST(test_limit),          TEST(test_move_group),
	    TEST(test_large_group),    TEST(test_create_fails),
	    TEST(test_oldest_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
