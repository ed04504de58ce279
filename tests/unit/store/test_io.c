/*
 * Goal: whole reads and writes survive short counts and interruptions, a file
 * is replaced whole or not at all, errors become the store's codes, and the
 * operating system's table does what io.h says. Method: files in a scratch
 * directory, through a table whose reads and writes are cut short, interrupted
 * or failed at every call in turn.
 */
#include "check.h"
#include "failing_io.h"

#include <errno.h>
#include <fcntl.h>

#include "store/io.h"

static char directory[256], path[300];
static unsigned calls;

static int
setup(void **state)
{
	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/file", directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static ssize_t
short_pread(struct io *io, int fd, void *buffer, size_t size, uint64_t offset)
{
	if (calls++ % 3 == 0)
		return -EINTR;
	return io_posix()->pread(io, fd, buffer, size > 7 ? 7 : size, offset);
}

static ssize_t
short_pwrite(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	if (calls++ % 3 == 0)
		return -EINTR;
	return io_posix()->pwrite(io, fd, buffer, size > 7 ? 7 : size, offset);
}

static ssize_t
stuck_pwrite(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	(void)io;
	(void)fd;
	(void)buffer;
	(void)size;
	(void)offset;
	return 0;
}

static void
test_whole(void **state)
{
	struct io io = *io_posix();
	unsigned char written[100], read[100];
	int fd;

	(void)state;
	io.pread = short_pread;
	io.pwrite = short_pwrite;
	for (size_t i = 0; i < sizeof written; i++)
		written[i] = (unsigned char)i;
	fd = io.open(&io, path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io_write_full(&io, fd, written, sizeof written, 50), 0);
	assert_int_equal(io.size(&io, fd), 150);
	assert_int_equal(io_read_full(&io, fd, read, sizeof read, 50), 0);
	assert_memory_equal(written, read, sizeof read);
	assert_int_equal(io_read_full(&io, fd, read, sizeof read, 51), -ENODATA);
	assert_int_equal(io_read_full(&io, fd, read, 0, 1000), 0);
	io.pwrite = stuck_pwrite; /* must not loop for ever */
	assert_int_equal(io_write_full(&io, fd, written, 1, 0), -EIO);
	assert_int_equal(io.close(&io, fd), 0);
	assert_int_equal(io_write_full(io_posix(), fd, written, 1, 0), -EBADF);
}

/* ---- publishing ------------------------------------------------------------- */

static int
count_entry(void *context, const char *name)
{
	assert_string_equal(name, "file"); /* nothing temporary stays */
	++*(int *)context;
	return 0;
}

static int
read_number(void)
{
	FILE *file = fopen(path, "r");
	int number = -1;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &number), 1);
	fclose(file);
	return number;
}

static void
test_publish(void **state)
{
	struct io io = failing_io();
	int result = -1, entries;

	(void)state;
	for (int k = 0; result != 0; k++) {
		assert_int_equal(io_publish(io_posix(), directory, "file", "1", 1), 0);
		failing_calls_left = k;
		result = io_publish(&io, directory, "file", "22", 2);
		entries = 0;
		io.list(&io, directory, count_entry, &entries);
		assert_int_equal(entries, 1);
		/* open, write, sync and rename leave the old file. */
		assert_int_equal(read_number(), k < 4 ? 1 : 22);
		assert_true(k < 6);
	}
}

/* ---- the operating system --------------------------------------------------- */

static int
stop_at_once(void *context, const char *name)
{
	(void)name;
	++*(int *)context;
	return 17;
}

static void
test_system(void **state)
{
	struct io *io = io_posix();
	const void *mapped;
	char inner[300], name[600];
	int fd, other, entries = 0;

	(void)state;
	snprintf(inner, sizeof inner, "%s/inner", directory);
	snprintf(name, sizeof name, "%s/file", inner);
	assert_int_equal(io->make_directory(io, inner, 0700), 0);
	assert_int_equal(io->make_directory(io, inner, 0700), -EEXIST);
	assert_int_equal(io->sync_directory(io, inner), 0);
	assert_int_equal(io->open(io, name, O_RDONLY, 0), -ENOENT);
	assert_int_equal(io_publish(io, inner, "file", "hello", 5), 0);
	fd = io->open(io, name, O_RDWR, 0);
	other = io->open(io, name, O_RDWR, 0);
	assert_true(fd >= 0 && other >= 0);
	assert_int_equal(io->map(io, fd, 5, &mapped), 0);
	assert_memory_equal(mapped, "hello", 5);
	io->forget(io, (const char *)mapped + 1, 4);
	assert_memory_equal(mapped, "hello", 5);
	assert_int_equal(io->unmap(io, mapped, 5), 0);
	assert_int_equal(io->map(io, fd, 0, &mapped), 0);
	assert_null(mapped);
	assert_int_equal(io->unmap(io, mapped, 0), 0);
	assert_int_equal(io->lock(io, fd), 0);
	assert_int_equal(io->lock(io, other), -EWOULDBLOCK);
	assert_int_equal(io->truncate(io, fd, 2), 0);
	assert_int_equal(io->sync(io, fd), 0);
	assert_int_equal(io->size(io, fd), 2);
	assert_int_equal(io->close(io, fd), 0);
	assert_int_equal(io->lock(io, other), 0);
	io->close(io, other);
	assert_int_equal(io->list(io, inner, stop_at_once, &entries), 17);
	assert_int_equal(entries, 1);
	assert_int_equal(io->list(io, name, stop_at_once, &entries), -ENOTDIR);
	assert_int_equal(io->unlink(io, name), 0);
	assert_int_equal(io->unlink(io, name), -ENOENT);
}

static void
test_error(void **state)
{
	struct store_error error = {0};

	(void)state;
	assert_int_equal(io_error(&error, -ENOSPC, "write", "a/b"), STORE_EFULL);
	assert_string_equal(error.text, "cannot write a/b: No space left on device");
	assert_string_equal(error.file, "a/b");
	assert_int_equal(io_error(&error, -EDQUOT, "write", "a/b"), STORE_EFULL);
	assert_int_equal(io_error(&error, -ENOMEM, "map", "a/b"), STORE_ENOMEM);
	assert_int_equal(io_error(NULL, -EACCES, "open", "a/b"), STORE_EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_publish, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_system, setup, teardown),
	    cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
