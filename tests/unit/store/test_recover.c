/*
 * Goal: opening a store gives back every commit that is in the WAL and not in
 * segments, each once, and tells damage from writes that a crash cut short.
 * Method: WAL files and manifests made by hand, in which commit n has one error
 * row of view n, so that the rows found say which commits were replayed; and
 * children that end in the middle of a flush or a failing write.
 */
#include "store_model.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/manifest.h"
#include "store/state.h"

#define FILES_MAX 4
#define COMMITS_MAX 10

static char directory[256];
static char logged[16384]; /* the lines of the last opening */

static void
keep_log(void *context, const char *line)
{
	size_t used = strlen(logged);

	(void)context;
	snprintf(logged + used, sizeof logged - used, "%s\n", line);
}

static int
setup(void **state)
{
	char path[300];

	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/wal", directory);
	return mkdir(path, 0700);
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static void
start_again(void)
{
	scratch_remove(directory);
	setup(NULL);
}

/* No sync: nothing here outlives the machine. */
static int
no_sync(struct io *io, int fd)
{
	(void)io;
	(void)fd;
	return 0;
}

static int
no_sync_directory(struct io *io, const char *path)
{
	(void)io;
	(void)path;
	return 0;
}

static struct io quick;

/* ---- files made by hand ---------------------------------------------- */

struct made {
	uint64_t head;                  /* bytes */
	uint64_t ends[COMMITS_MAX + 1]; /* of commits, in the file */
};

static void
add_commit(struct wal *wal, uint64_t commit)
{
	struct beacon beacon = {.view = (uint32_t)commit, .errors = 1};
	struct wal_buffer payload = {0};
	struct wal_entry entry = {0};
	struct built built;

	build(&built, &beacon);
	entry.rows = &built.rows[1];
	entry.rows_count = 1;
	wal_record_put_request(&payload, NULL);
	wal_record_put_count(&payload, 1);
	wal_record_put_entry(&payload, &schema, &entry);
	assert_int_equal(wal_add(wal, WAL_COMMIT, commit, payload.bytes, payload.size), 0);
	free(payload.bytes);
}

/* File `id` with commits first .. last. */
static struct made
make_file(uint64_t id, uint64_t previous, uint64_t previous_bytes, uint64_t first, uint64_t last)
{
	struct made made;
	struct wal *wal;

	assert_int_equal(
	    wal_create(&quick, directory, id, previous, previous_bytes, &schema, &wal, NULL), 0);
	made.head = made.ends[first - 1] = wal_durable_bytes(wal);
	for (uint64_t commit = first; commit <= last; commit++) {
		add_commit(wal, commit);
		assert_int_equal(wal_commit(wal, NULL), 0);
		made.ends[commit] = wal_durable_bytes(wal);
	}
	wal_close(wal);
	return made;
}

/* Files 1 to 3 in a chain with commits 1-3, 4-6 and 7-9. */
static void
make_chain(struct made made[FILES_MAX])
{
	start_again();
	for (uint64_t id = 1; id <= 3; id++)
		made[id] = make_file(id, id - 1, id == 1 ? 0 : made[id - 1].ends[3 * id - 3],
				     3 * id - 2, 3 * id);
}

static void
make_manifest(uint64_t commit, uint64_t floor)
{
	struct manifest manifest = {.commit = commit, .wal_floor = floor, .next_file_id = 50};

	assert_int_equal(manifest_write(&quick, directory, &schema, &manifest, NULL), 0);
}

static void
file_path(uint64_t id, char *path)
{
	assert_int_equal(wal_path(directory, id, path, 300), 0);
}

static void
flip(uint64_t id, uint64_t offset)
{
	char path[300];
	FILE *file;
	int byte;

	file_path(id, path);
	assert_non_null(file = fopen(path, "r+b"));
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	byte = fgetc(file);
	assert_true(byte >= 0);
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	fputc(byte ^ 1, file);
	assert_int_equal(fclose(file), 0);
}

static void
cut(uint64_t id, uint64_t bytes)
{
	char path[300];

	file_path(id, path);
	assert_int_equal(truncate(path, (off_t)bytes), 0);
}

static void
delete_file(uint64_t id)
{
	char path[300];

	file_path(id, path);
	assert_int_equal(unlink(path), 0);
}

/* ---- opening --------------------------------------------------------- */

static struct store *
open_with(const struct store_options *given)
{
	struct store_options options = *given;
	struct store_error error = {0};
	struct store *store;

	options.directory = directory;
	options.schema = &schema;
	options.log = keep_log;
	options.no_maintenance = true;
	if (options.io == NULL)
		options.io = &quick;
	logged[0] = '\0';
	if (store_open(&options, &store, &error) != 0)
		fail_msg("store_open: %s", error.text);
	return store;
}

/* Opens read-only, which must change nothing, then to write: both times the
 * commits of `wanted` (bits) are there once, and `damaged` files reported. */
static void
check_open(uint32_t wanted, uint64_t damaged)
{
	for (int writing = 0; writing < 2; writing++) {
		struct store_options options = {.read_only = !writing};
		struct store_stats stats;
		struct store *store;
		struct found found;

		if (!writing && access(directory, F_OK) != 0)
			continue;
		store = open_with(&options);
		store_stats(store, &stats);
		assert_int_equal(stats.corrupt_files, damaged);
		assert_int_equal(strstr(logged, "DAMAGED") != NULL, damaged > 0);
		scan(store, &found);
		for (uint32_t commit = 0; commit <= COMMITS_MAX; commit++)
			assert_int_equal(found.error_rows[commit], wanted >> commit & 1);
		assert_int_equal(store_close(store, NULL), 0);
	}
}

static uint32_t
bits(uint64_t first, uint64_t last)
{
	uint32_t set = 0;

	for (uint64_t i = first; i <= last; i++)
		set |= 1u << i;
	return set;
}

/* A store that is opened read-only needs its lock file. */
static void
make_lock(void)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof path, "%s/LOCK", directory);
	assert_non_null(file = fopen(path, "w"));
	fclose(file);
}

/* ---- manifest and files ---------------------------------------------- */

/* Replayed is what is in files from the floor on and above the commit. */
static void
test_floor_and_commit(void **state)
{
	struct made made[FILES_MAX];

	(void)state;
	for (uint64_t floor = 0; floor <= 3; floor++) {
		for (uint64_t commit = 0; commit <= 9; commit++) {
			uint64_t first = floor == 0 ? 1 : 3 * floor - 2;

			make_chain(made);
			make_manifest(commit, floor);
			make_lock();
			check_open(bits(commit >= first ? commit + 1 : first, 9), 0);
		}
	}
}

/* A group that moved to the next file is not replayed from the first one. */
static void
test_moved_group(void **state)
{
	(void)state;
	for (uint64_t kept = 0; kept <= 6; kept++) {
		struct made made;

		start_again();
		make_manifest(0, 1);
		make_lock();
		made = make_file(1, 0, 0, 1, 6);
		make_file(2, 1, made.ends[kept], kept + 1, 9);
		check_open(bits(1, 9), 0);
	}
}

/* A flipped bit takes one commit, and is reported wherever a later record or
 * file tells that it was whole; only at the very end it cannot be told from a
 * write that was cut short. */
static void
test_damaged_record(void **state)
{
	struct made made[FILES_MAX];

	(void)state;
	for (uint64_t commit = 1; commit <= 9; commit++) {
		uint64_t id = (commit + 2) / 3;
		char path[320];

		make_chain(made);
		make_manifest(0, 1);
		make_lock();
		flip(id, made[id].ends[commit - 1] + 30);
		check_open(bits(1, 9) & ~(1u << commit), commit == 9 ? 0 : 1);
		file_path(id, path);
		strcat(path, ".damaged");
		assert_int_equal(access(path, F_OK), commit == 9 ? -1 : 0);
	}
}

/* A file cut at every length: reported, also where a record ends, when the next
 * file tells how long it was. */
static void
test_cut_file(void **state)
{
	struct made made[FILES_MAX];

	(void)state;
	make_chain(made);
	for (uint64_t id = 2; id <= 3; id++) {
		for (uint64_t bytes = 0; bytes <= made[id].ends[3 * id]; bytes++) {
			uint64_t last = 3 * id - 3;
			bool whole = bytes == made[id].ends[3 * id];

			make_chain(made);
			make_manifest(0, 1);
			make_lock();
			cut(id, bytes);
			while (last < 3 * id && made[id].ends[last + 1] <= bytes &&
			       bytes > made[id].head)
				last++;
			check_open(bits(1, last) | bits(3 * id + 1, 9), whole || id == 3 ? 0 : 1);
		}
	}
}

static void
test_missing_file(void **state)
{
	struct made made[FILES_MAX];

	(void)state;
	for (uint64_t id = 1; id <= 3; id++) {
		make_chain(made);
		make_manifest(0, 1);
		make_lock();
		delete_file(id);
		/* Nothing tells that there was a last one. */
		check_open(bits(1, 9) & ~bits(3 * id - 2, 3 * id), id == 3 ? 0 : 1);
	}
	make_chain(made);
	make_manifest(0, 1);
	make_lock();
	for (uint64_t id = 1; id <= 3; id++)
		delete_file(id);
	check_open(0, 1);
}

/* A start that was cut short while it made a file, then one that was not. */
static void
test_unfinished_file(void **state)
{
	(void)state;
	for (uint64_t bytes = 0;; bytes += 7) {
		struct made first, second;

		start_again();
		make_manifest(0, 1);
		make_lock();
		first = make_file(1, 0, 0, 1, 3);
		second = make_file(2, 1, first.ends[3], 1, 0);
		if (bytes >= second.head)
			break;
		make_file(3, 1, first.ends[3], 4, 9);
		cut(2, bytes);
		check_open(bits(1, 9), 0);
	}
}

/* A head that is damaged takes its file's records, loudly. */
static void
test_damaged_head(void **state)
{
	struct made made[FILES_MAX];

	(void)state;
	for (uint64_t id = 1; id <= 3; id++) {
		for (uint64_t offset = 0; offset < 56; offset += 5) {
			make_chain(made);
			make_manifest(0, 1);
			make_lock();
			flip(id, offset == 10 ? 12 : offset); /* 8 to 11: the version */
			check_open(bits(1, 9) & ~bits(3 * id - 2, 3 * id), 1);
		}
	}
}

static void
test_newer_version(void **state)
{
	struct store_options options = {.directory = directory, .schema = &schema};
	struct store_error error = {0};
	struct made made[FILES_MAX];
	struct store *store;

	(void)state;
	make_chain(made);
	make_manifest(0, 1);
	flip(2, 9);
	assert_int_equal(store_open(&options, &store, &error), STORE_EVERSION);
	flip(2, 9);
	make_lock();
	check_open(bits(1, 9), 0);
}

/* More rows than a generation holds are replayed into several. */
static void
test_many_rows(void **state)
{
	enum { ROWS = 300000 };
	struct store_options options = {.memtable_bytes_max = (size_t)4 << 30};
	struct store_cell cell = {.column = TS, .value.i = BASE_MS};
	struct store_row *rows = malloc(ROWS * sizeof *rows);
	struct wal_entry entry = {.rows = rows, .rows_count = ROWS};
	struct wal_buffer payload = {0};
	struct store_stats stats;
	struct store *store;
	struct wal *wal;

	(void)state;
	assert_non_null(rows);
	for (int i = 0; i < ROWS; i++)
		rows[i] = (struct store_row){1, 1, &cell};
	start_again();
	make_manifest(0, 0);
	wal_record_put_request(&payload, NULL);
	wal_record_put_count(&payload, 1);
	wal_record_put_entry(&payload, &schema, &entry);
	assert_int_equal(wal_create(&quick, directory, 1, 0, 0, &schema, &wal, NULL), 0);
	for (uint64_t commit = 1; commit <= 2; commit++)
		assert_int_equal(wal_add(wal, WAL_COMMIT, commit, payload.bytes, payload.size), 0);
	assert_int_equal(wal_commit(wal, NULL), 0);
	wal_close(wal);
	store = open_with(&options);
	store_stats(store, &stats);
	assert_int_equal(stats.memtable_rows, 2 * ROWS);
	assert_int_equal(store_close(store, NULL), 0);
	store = open_with(&options);
	store_stats(store, &stats);
	assert_int_equal(stats.segment_rows, 2 * ROWS);
	assert_int_equal(store_close(store, NULL), 0);
	free(payload.bytes);
	free(rows);
}

/* ---- ends in the middle ---------------------------------------------- */

struct ending {
	struct io io;
	int renames;       /* of the manifest, until the process ends */
	bool commits_fail; /* half-way, when they are written to the WAL */
};

static int
ending_rename(struct io *io, const char *from, const char *to)
{
	struct ending *ending = (struct ending *)io;
	int result = io_posix()->rename(io_posix(), from, to);

	if (strstr(to, "/MANIFEST") != NULL && --ending->renames == 0)
		_exit(0);
	return result;
}

static ssize_t
ending_pwrite(struct io *io, int fd, const void *bytes, size_t size, uint64_t offset)
{
	struct ending *ending = (struct ending *)io;

	/* Heads are written at 0. */
	if (!ending->commits_fail || offset == 0 || ((const unsigned char *)bytes)[4] != WAL_COMMIT)
		return io_posix()->pwrite(io_posix(), fd, bytes, size, offset);
	(void)io_posix()->pwrite(io_posix(), fd, bytes, size / 2, offset);
	return -EIO;
}

/* Runs `body` in a process that ends without closing anything. */
static void
run_child(void (*body)(struct ending *), int renames, bool commits_fail)
{
	struct ending ending = {quick, renames, commits_fail};
	int status;
	pid_t child;

	ending.io.rename = ending_rename;
	ending.io.pwrite = ending_pwrite;
	fflush(NULL);
	assert_true((child = fork()) >= 0);
	if (child == 0) {
		body(&ending);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static enum store_outcome
append(struct store *store, const struct beacon *beacon)
{
	struct built built;
	struct store_commit commit = {.entries = &built.entry, .entries_count = 1};

	build(&built, beacon);
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	come_again(store, &commit);
	assert_int_equal(commit.result, 0);
	return built.entry.outcome;
}

static uint64_t history_seed;

/* The same in the child, which has the store, and in the parent's model. */
static void
play(struct store *store, struct model *model)
{
	struct random random = {history_seed};

	for (int i = 0; i < 40; i++) {
		struct beacon beacon = {.view = (uint32_t)random_below(&random, 12),
					.version = (uint8_t)random_below(&random, 5),
					.lcp = (uint32_t)random_below(&random, 5000),
					.errors = (uint32_t)random_below(&random, 2)};

		if (store != NULL)
			append(store, &beacon);
		else
			model_apply(model, &beacon);
	}
}

/* Every commit is in a generation of its own. */
static void
play_and_flush(struct ending *ending)
{
	struct store_options options = {.io = &ending->io, .seal_age_ms = -1, .hold_ms = 1 << 30};
	struct store *store = open_with(&options);

	play(store, NULL);
	store_flush(store, NULL);
}

/* Wherever a flush ends, no row is lost or doubled; and a view whose row is in
 * a segment gets no second one from what its later entries left in the WAL. */
static void
test_end_in_flush(void **state)
{
	struct random random = random_seeded("end_in_flush");

	(void)state;
	for (int renames = 1; renames <= 30; renames++) {
		struct store_options options = {0};
		struct model model = {0};
		struct found found;
		struct store *store;

		start_again();
		history_seed = random_next(&random);
		run_child(play_and_flush, renames, false);
		if (renames > 1) /* 1 is the manifest of the new store */
			play(NULL, &model);
		store = open_with(&options);
		assert_null(strstr(logged, "DAMAGED"));
		check_equal(store, &model);
		for (uint32_t view = 0; view < 12; view++) {
			struct beacon beacon = {.view = view, .version = 100};
			bool exists = model.views[view].exists;

			assert_int_equal(append(store, &beacon) == STORE_LATE && !exists, false);
		}
		scan(store, &found);
		for (uint32_t view = 0; view < 12; view++)
			assert_int_equal(found.views[view], 1);
		assert_int_equal(store_close(store, NULL), 0);
	}
}

/* A generation without commits does not take the manifest's number back. */
static void
test_empty_generation(void **state)
{
	struct store_options options = {0};
	struct beacon beacon = {.view = 1};
	struct manifest manifest;
	struct store *store;

	(void)state;
	store = open_with(&options);
	append(store, &beacon);
	for (int i = 0; i < 2; i++) {
		struct generation *active = store->active;

		pthread_mutex_lock(&store->writer_mutex);
		pthread_mutex_lock(&store->state_mutex);
		assert_int_equal(state_add_generation(store, wal_id(store->wal), NULL), 0);
		active->sealed = true;
		pthread_mutex_unlock(&store->state_mutex);
		pthread_mutex_unlock(&store->writer_mutex);
	}
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_close(store, NULL), 0);
	assert_int_equal(manifest_read(io_posix(), directory, &schema, &manifest, NULL), 0);
	assert_int_equal(manifest.commit, 1);
	manifest_clear(&manifest);
}

/* ---- requests -------------------------------------------------------- */

static struct store_request
append_request(struct store *store, uint32_t view)
{
	struct store_request request = {
	    .key = {1}, .body = {2}, .received_ms = BASE_MS, .note = view};
	struct beacon beacon = {.view = view};
	struct built built;
	struct store_commit commit = {
	    .entries = &built.entry, .entries_count = 1, .request = &request};

	build(&built, &beacon);
	(void)store_append(store, &commit, 1, NULL);
	return request;
}

static void
send_request(struct ending *ending)
{
	struct store_options options = {.io = &ending->io};

	append_request(open_with(&options), 7);
}

static void
send_and_flush(struct ending *ending)
{
	struct store_options options = {.io = &ending->io};
	struct store *store = open_with(&options);

	append_request(store, 7);
	store_flush(store, NULL);
	store_close(store, NULL);
}

/* Starts and stops without a request between them, flushed or not. */
static void
test_requests_stay(void **state)
{
	(void)state;
	for (int flushed = 0; flushed < 2; flushed++) {
		struct store_options options = {0};
		struct store_request request;
		struct store *store;

		start_again();
		run_child(flushed ? send_and_flush : send_request, 0, false);
		for (int i = 0; i < 3; i++)
			assert_int_equal(store_close(open_with(&options), NULL), 0);
		store = open_with(&options);
		request = append_request(store, 8);
		assert_true(request.repeated);
		assert_int_equal(request.note, 7);
		assert_int_equal(store_close(store, NULL), 0);
	}
}

/* A request whose commit was not written is not known either. */
static void
test_request_not_written(void **state)
{
	struct store_options options = {0};
	struct store_request request;
	struct store *store;
	struct found found;

	(void)state;
	run_child(send_request, 0, true);
	store = open_with(&options);
	request = append_request(store, 7);
	assert_false(request.repeated);
	assert_int_equal(request.stored_count, 1);
	scan(store, &found);
	assert_int_equal(found.views[7], 1);
	assert_int_equal(store_close(store, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_floor_and_commit),    TEST(test_moved_group),
	    TEST(test_damaged_record),      TEST(test_cut_file),
	    TEST(test_missing_file),        TEST(test_unfinished_file),
	    TEST(test_damaged_head),        TEST(test_newer_version),
	    TEST(test_many_rows),           TEST(test_end_in_flush),
	    TEST(test_empty_generation),    TEST(test_requests_stay),
	    TEST(test_request_not_written),
	};

	quick = *io_posix();
	quick.sync = no_sync;
	quick.sync_directory = no_sync_directory;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
