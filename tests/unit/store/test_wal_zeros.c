/*
 * Goal: zeros ahead of a WAL file's records save making it longer, and are never
 * taken for anything: not by recovery, nor by a check, nor in a backup. Method:
 * random records (seeded) against an array, file sizes beside it; torn and
 * damaged files with zeros behind; a simulated disk without room; a store whose
 * files are looked at while it runs, as a kill leaves them.
 */
#include "wal_model.h"

#include "disk.h"

/* A file as it is when the writer is killed has zeros after its records: few
 * groups make it longer, and none of it is an unfinished write; closing cuts
 * them off. A large group brings none. */
static void
test_zeros_ahead(void **state)
{
	struct random random = random_seeded("zeros ahead");
	struct wal_reader *reader;
	struct model model;
	struct wal *wal = create(1, 0, 0, &model);
	off_t before = file_bytes(1);
	uint32_t longer = 0;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		model_add(&model, &random, 1 + random_below(&random, 2900));
		write_from(wal, &model, i);
		longer += file_bytes(1) != before;
		before = file_bytes(1);
		assert_true((size_t)before >= model.bytes);
		if (i % 50 != 0)
			continue;
		reader = open_file(1);
		check_records(reader, &model, 0, i + 1, 0);
		assert_false(wal_reader_has_bad_tail(reader));
		wal_reader_close(reader);
	}
	assert_in_range(longer, 1, 6);
	for (uint32_t i = 0; i < 1000; i++)
		model_add(&model, &random, 2900);
	write_from(wal, &model, 300);
	assert_int_equal(file_bytes(1), model.bytes);
	model_add(&model, &random, 1);
	write_from(wal, &model, 1300);
	assert_int_equal(file_bytes(1), model.bytes + (1u << 20));
	wal_close(wal);
	assert_int_equal(file_bytes(1), model.bytes);
	free(model.records);
}

/* A torn record before the zeros is an unfinished write, and damage before other
 * records is damage, though megabytes of zeros follow. */
static void
test_torn_before_zeros(void **state)
{
	struct random random = random_seeded("torn before zeros");
	struct wal_reader *reader;
	struct model model;
	unsigned char *bytes, *torn = calloc(1, 32u << 20);
	size_t size;

	(void)state;
	assert_non_null(torn);
	make_file(1, 3, 700, &random, &model);
	bytes = load(1, &size);
	for (size_t cut = model.records[1].end + 1; cut < size; cut += 31) {
		memcpy(torn, bytes, cut);
		save(1, torn, cut + 65536);
		reader = open_file(1);
		check_records(reader, &model, 0, 2, 0);
		assert_true(wal_reader_has_bad_tail(reader));
		wal_reader_limit(reader, model.records[1].end);
		assert_false(wal_reader_has_bad_tail(reader));
		wal_reader_close(reader);
	}
	memcpy(torn, bytes, size);
	torn[model.records[0].end] ^= 1;
	save(1, torn, 32u << 20);
	reader = open_file(1);
	check_records(reader, &model, 0, 1, STORE_ECORRUPT);
	check_records(reader, &model, 2, 3, 0);
	assert_false(wal_reader_has_bad_tail(reader));
	wal_reader_close(reader);
	free(torn);
	free(bytes);
	free(model.records);
}

/* Without room for zeros the group is written all the same, what was written of
 * them is given back, and the file gets no more of them; nor does the one that
 * takes over from a file that failed. */
static void
test_no_room_for_zeros(void **state)
{
	struct random random = random_seeded("no room for zeros");
	struct disk *disk = disk_create();
	struct model model = {.bytes = HEAD_BYTES};
	struct wal *wal, *next;

	(void)state;
	assert_int_equal(disk->io.make_directory(&disk->io, "/d", 0700), 0);
	assert_int_equal(disk->io.make_directory(&disk->io, "/d/wal", 0700), 0);
	assert_int_equal(wal_create(&disk->io, "/d", 1, 0, 0, &schema, &wal, NULL), 0);
	model_add(&model, &random, 500);
	disk->space = disk->used + 1000;
	write_from(wal, &model, 0);
	assert_int_equal(disk->used, model.bytes);
	disk->space = 0;
	model_add(&model, &random, 500);
	write_from(wal, &model, 1);
	assert_int_equal(disk->used, model.bytes);

	disk->space = disk->used;
	assert_int_equal(wal_add(wal, WAL_COMMIT, 1, "payload", 7), 0);
	assert_int_equal(wal_commit(wal, NULL), STORE_EFULL);
	disk->space = 0;
	assert_int_equal(wal_create(&disk->io, "/d", 2, 1, model.bytes, &schema, &next, NULL), 0);
	assert_int_equal(wal_move_group(wal, next), 0);
	assert_int_equal(wal_commit(next, NULL), 0);
	wal_close(wal);
	assert_int_equal(disk->used, model.bytes + wal_durable_bytes(next));
	wal_close(next);
	disk_free(disk);
	free(model.records);
}

/* The file that takes over has zeros ahead, but where room was what the first lacked:
 * on the disk, of a quota, or of a limit on files. */
static void
test_zeros_after_failure(void **state)
{
	static const struct {
		int number, result;
		bool zeros;
	} cases[] = {{EIO, STORE_EIO, true},
		     {ENOSPC, STORE_EFULL, false},
		     {EDQUOT, STORE_EFULL, false},
		     {EFBIG, STORE_EFULL, false}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct disk *disk = disk_create();
		struct wal *wal, *next;
		size_t before;

		assert_int_equal(disk->io.make_directory(&disk->io, "/d", 0700), 0);
		assert_int_equal(disk->io.make_directory(&disk->io, "/d/wal", 0700), 0);
		assert_int_equal(wal_create(&disk->io, "/d", 1, 0, 0, &schema, &wal, NULL), 0);
		assert_int_equal(wal_add(wal, WAL_COMMIT, 1, "payload", 7), 0);
		disk->fail_at = disk->calls + 1;
		disk->fail_errno = cases[i].number;
		assert_int_equal(wal_commit(wal, NULL), cases[i].result);
		assert_int_equal(
		    wal_create(&disk->io, "/d", 2, 1, HEAD_BYTES, &schema, &next, NULL), 0);
		assert_int_equal(wal_move_group(wal, next), 0);
		before = disk->used;
		assert_int_equal(wal_commit(next, NULL), 0);
		if (cases[i].zeros)
			assert_in_range(disk->used - before, 64u << 10, 128u << 10);
		else
			assert_in_range(disk->used - before, 1, 1000);
		wal_close(wal);
		wal_close(next);
		disk_free(disk);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_zeros_ahead, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_torn_before_zeros, setup, teardown),
	    cmocka_unit_test(test_no_room_for_zeros),
	    cmocka_unit_test(test_zeros_after_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
