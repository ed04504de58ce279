/*
 * Goal: what fails leaves nothing behind that stays or harms: no segment of a flush, no WAL
 * file that was begun, nothing erased. Method: the simulated disk of disk.h, failing for a
 * while; files counted, beacons counted after reopening.
 */
#include <errno.h>
#include <fcntl.h>

#include "disk.h"
#include "life.h"

#include "store/state.h"

static uint32_t
count_files(struct disk *disk, const char *end)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < disk->names_count; i++) {
		const char *path = disk->names[i].path;
		size_t size = strlen(path), end_size = strlen(end);

		count += disk->names[i].now != NULL && size > end_size &&
			 strcmp(path + size - end_size, end) == 0;
	}
	return count;
}

static struct io original;
static _Atomic int manifest_fails; /* times */

static int
open_no_manifest(struct io *io, const char *path, int flags, mode_t mode)
{
	if (strstr(path, "MANIFEST.tmp") != NULL && manifest_fails > 0) {
		manifest_fails--;
		return -ENOSPC;
	}
	return original.open(io, path, flags, mode);
}

/* MANIFEST.tmp cannot even be created: segments of attempts go with the next manifest. */
static void
test_segments_of_failed_flushes(void **state)
{
	struct disk *disk = disk_create();
	struct store *store;

	(void)state;
	original = disk->io;
	disk->io.open = open_no_manifest;
	store = try_open(disk, "/d");
	assert_non_null(store);
	assert_true(append_one(store, &(struct beacon){.view = 2, .lcp = 1}));
	assert_int_equal(store_flush(store, NULL), 0);
	assert_true(append_one(store, &(struct beacon){.view = 0, .lcp = 1}));
	manifest_fails = 20;
	for (int i = 0; i < 20; i++)
		assert_int_equal(store_flush(store, NULL), STORE_EFULL);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_true(append_one(store, &(struct beacon){.view = 1, .lcp = 1}));
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(count_files(disk, ".seg"), 3);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

static bool armed;
static int new_fd = -1; /* of the WAL file begun last, while armed */

static int
open_and_remember(struct io *io, const char *path, int flags, mode_t mode)
{
	int fd = original.open(io, path, flags, mode);

	if (armed && strstr(path, ".wal") != NULL && (flags & O_CREAT) != 0)
		new_fd = fd;
	return fd;
}

static ssize_t
write_head_only(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	return armed && fd == new_fd && offset > 0 ? -ENOSPC
						   : original.pwrite(io, fd, buffer, size, offset);
}

static int
unlink_unless_armed(struct io *io, const char *path)
{
	return armed && strstr(path, ".wal") != NULL ? -EIO : original.unlink(io, path);
}

/* The head of a WAL file says how much of the one before is valid. The head is durable,
 * the requests after it do not fit: what is acknowledged from then on is not lost by it,
 * be the new file deleted or not. */
static void
check_begun_file(bool deletable)
{
	struct disk *disk = disk_create();
	struct store_erasure erasure = {.number = 12345};
	struct store_request request = {.key = {1}, .body = {1}, .received_ms = BASE_MS};
	struct built built;
	struct store_commit commit = {
	    .entries = &built.entry, .entries_count = 1, .request = &request};
	struct store *store;
	struct found found;
	uint64_t rows;

	original = disk->io;
	disk->io.open = open_and_remember;
	disk->io.pwrite = write_head_only;
	if (!deletable)
		disk->io.unlink = unlink_unless_armed;
	store = try_open(disk, "/d");
	assert_non_null(store);
	build(&built, &(struct beacon){.view = 0, .lcp = 1});
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	armed = true;
	assert_int_equal(store_erase(store, &erasure, &rows, NULL), STORE_EFULL);
	armed = false;
	new_fd = -1;
	for (uint32_t i = 1; i < 12; i++)
		assert_true(append_one(store, &(struct beacon){.view = i, .lcp = i}));
	disk->fail_errno = EIO; /* nothing is flushed any more */
	disk->fail_for_good = true;
	disk->fail_at = 1;
	assert_int_not_equal(store_close(store, NULL), 0);
	disk->fail_at = 0;
	disk->fail_for_good = false;
	store = try_open(disk, "/d");
	assert_non_null(store);
	scan(store, &found);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(found.views[i], 1);
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

static void
test_begun_file(void **state)
{
	(void)state;
	check_begun_file(true);
	check_begun_file(false);
}

static struct store *repeats_in;

/* While an erasure rewrites segments, a group that repeats something seals the
 * generation. */
static int
repeat_at_rename(struct io *io, const char *from, const char *to)
{
	if (armed && strstr(to, ".seg") != NULL) {
		struct built built;
		struct store_commit commit = {.entries = &built.entry, .entries_count = 1};

		armed = false;
		pthread_mutex_lock(&repeats_in->state_mutex);
		repeats_in->active->created_ms -= repeats_in->options.seal_age_ms; /* time passes */
		pthread_mutex_unlock(&repeats_in->state_mutex);
		build(&built, &(struct beacon){.view = 20, .lcp = 1});
		assert_int_equal(store_append(repeats_in, &commit, 1, NULL), 0);
		assert_int_equal(built.entry.outcome, STORE_REPEATED);
	}
	return original.rename(io, from, to);
}

/* Whether a WAL file has the number, as records have it. */
static bool
is_in_wal(const struct disk *disk, uint64_t number)
{
	bool found = false;

	for (uint32_t i = 0; i < disk->names_count; i++) {
		const struct disk_name *name = &disk->names[i];
		unsigned char varint[10];
		size_t size = 0;

		if (name->now == NULL || strstr(name->path, ".wal") == NULL)
			continue;
		for (uint64_t v = number; size == 0 || v != 0; v >>= 7)
			varint[size++] = (unsigned char)((v & 0x7f) | (v >= 0x80 ? 0x80 : 0));
		found |= memmem(name->now->now.at, name->now->now.size, varint, size) != NULL;
	}
	return found;
}

static void
test_erased_in_wal(void **state)
{
	struct disk *disk = disk_create();
	struct store_erasure erasure = {.number = session_of(4)};
	struct store *store;
	uint64_t rows;

	(void)state;
	original = disk->io;
	disk->io.rename = repeat_at_rename;
	repeats_in = store = try_open(disk, "/d");
	assert_non_null(store);
	assert_true(append_one(store, &(struct beacon){.view = 4, .lcp = 1}));
	assert_true(append_one(store, &(struct beacon){.view = 8, .lcp = 1}));
	assert_int_equal(store_flush(store, NULL), 0);
	assert_true(append_one(store, &(struct beacon){.view = 5, .lcp = 1}));
	assert_true(append_one(store, &(struct beacon){.view = 20, .lcp = 1}));
	armed = true;
	assert_int_equal(store_erase(store, &erasure, &rows, NULL), 0);
	assert_false(armed);
	assert_false(is_in_wal(disk, session_of(4)));
	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_segments_of_failed_flushes),
	    cmocka_unit_test(test_begun_file),
	    cmocka_unit_test(test_erased_in_wal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
