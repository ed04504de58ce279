/* WAL files in a directory of their own, beside an array of what is in them. */
#ifndef WAL_MODEL_H
#define WAL_MODEL_H

#include "check.h"

#include <sys/stat.h>

#include "store/wal.h"

static const struct store_column columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT},
};
static const struct store_table table = {"t", columns, 2, false};
static const struct store_schema schema = {&table, 1};

#define SCHEMA_BYTES (2u + 2 + 2 + 9 + 11)
#define HEAD_BYTES (WAL_HEAD_BYTES + SCHEMA_BYTES)

static char wal_directory[256];

static inline int
setup(void **state)
{
	char path[300];

	(void)state;
	scratch_make(wal_directory);
	snprintf(path, sizeof path, "%s/wal", wal_directory);
	return mkdir(path, 0700);
}

static inline int
teardown(void **state)
{
	(void)state;
	scratch_remove(wal_directory);
	return 0;
}

/* ---- the model ------------------------------------------------------- */

struct model_record {
	enum wal_type type;
	uint64_t commit;
	unsigned char payload[3000];
	size_t size;
	size_t end; /* in the file */
};

struct model {
	struct model_record *records; /* owned */
	uint32_t count;
	size_t bytes; /* of the file */
};

static inline void
model_add(struct model *model, struct random *random, size_t size)
{
	struct model_record *record;

	model->records = realloc(model->records, (model->count + 1) * sizeof *model->records);
	assert_non_null(model->records);
	record = &model->records[model->count++];
	record->type = random_below(random, 4) == 0 ? WAL_REQUEST : WAL_COMMIT;
	record->commit = random_next(random);
	record->size = size;
	for (size_t i = 0; i < size; i++)
		record->payload[i] = (unsigned char)random_below(random, 3);
	model->bytes += WAL_RECORD_HEAD_BYTES + size;
	record->end = model->bytes;
}

static inline struct wal *
create(uint64_t id, uint64_t previous, uint64_t previous_bytes, struct model *model)
{
	struct store_error error = {0};
	struct wal *wal;

	*model = (struct model){.bytes = HEAD_BYTES};
	if (wal_create(io_posix(), wal_directory, id, previous, previous_bytes, &schema, &wal,
		       &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(wal_durable_bytes(wal), HEAD_BYTES);
	return wal;
}

/* Adds records of the model from `first` on, and makes them durable. */
static inline void
write_from(struct wal *wal, const struct model *model, uint32_t first)
{
	for (; first < model->count; first++) {
		const struct model_record *record = &model->records[first];

		assert_int_equal(
		    wal_add(wal, record->type, record->commit, record->payload, record->size), 0);
	}
	assert_int_equal(wal_commit(wal, NULL), 0);
	assert_int_equal(wal_group_bytes(wal), 0);
	assert_int_equal(wal_durable_bytes(wal), model->bytes);
}

/* A file of `count` records of about `size` bytes, one group each. */
static inline void
make_file(uint64_t id, uint32_t count, size_t size, struct random *random, struct model *model)
{
	struct wal *wal = create(id, 0, 0, model);

	for (uint32_t i = 0; i < count; i++) {
		model_add(model, random, size + i);
		write_from(wal, model, i);
	}
	wal_close(wal);
}

/* ---- files ----------------------------------------------------------- */

static inline void
path_of(uint64_t id, char *path)
{
	assert_int_equal(wal_path(wal_directory, id, path, 300), 0);
}

static inline unsigned char *
load(uint64_t id, size_t *size)
{
	unsigned char *bytes = malloc(1 << 20);
	char path[300];
	FILE *file;

	path_of(id, path);
	assert_non_null(bytes);
	assert_non_null(file = fopen(path, "rb"));
	*size = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static inline void
save(uint64_t id, const unsigned char *bytes, size_t size)
{
	char path[300];
	FILE *file;

	path_of(id, path);
	assert_non_null(file = fopen(path, "wb"));
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static inline int
open_result(uint64_t id, struct wal_reader **reader)
{
	struct store_error error = {0};
	char path[300];
	int result;

	path_of(id, path);
	result = wal_reader_open(io_posix(), path, id, reader, &error);
	if (result != 0)
		assert_non_null(strstr(error.text, path));
	return result;
}

static inline struct wal_reader *
open_file(uint64_t id)
{
	struct wal_reader *reader;

	assert_int_equal(open_result(id, &reader), 0);
	return reader;
}

static inline void
check_record(const struct wal_record *found, const struct model_record *wanted)
{
	assert_int_equal(found->type, wanted->type);
	assert_true(found->commit == wanted->commit);
	assert_int_equal(found->size, wanted->size);
	assert_memory_equal(found->payload, wanted->payload, wanted->size);
}

/* Records first .. end-1, then whatever `next` is: 0 or an error. */
static inline void
check_records(struct wal_reader *reader, const struct model *model, uint32_t first, uint32_t end,
	      int next)
{
	struct store_error error = {0};
	struct wal_record record;

	for (uint32_t i = first; i < end; i++) {
		assert_int_equal(wal_reader_next(reader, &record, &error), 1);
		check_record(&record, &model->records[i]);
		assert_int_equal(wal_reader_valid_bytes(reader), model->records[i].end);
	}
	assert_int_equal(wal_reader_next(reader, &record, &error), next);
	if (next != 0)
		assert_int_equal(error.offset, end == 0 ? HEAD_BYTES : model->records[end - 1].end);
}

static inline off_t
file_bytes(uint64_t id)
{
	char path[400];
	struct stat status;

	assert_int_equal(wal_path(wal_directory, id, path, sizeof path), 0);
	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

#endif
