/*
 * io.h: what the store does with the table of calls again and again. Must not
 * call the operating system itself, or tests could not stand in for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "io.h"

bool
io_is_full(int result)
{
	return result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
}

int
io_error(struct store_error *error, int result, const char *what, const char *path)
{
	int code = STORE_EIO;

	if (io_is_full(result))
		code = STORE_EFULL;
	else if (result == -ENOMEM || result == -EMFILE || result == -ENFILE)
		code = STORE_ENOMEM;
	if (error != NULL)
		snprintf(error->file, sizeof error->file, "%s", path);
	return store_error_set(error, code, "cannot %s %s: %s", what, path, strerror(-result));
}

int
io_read_full(struct io *io, int fd, void *buffer, size_t size, uint64_t offset)
{
	char *at = buffer;

	while (size > 0) {
		ssize_t n = io->pread(io, fd, at, size, offset);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ENODATA;
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int
io_write_full(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	const char *at = buffer;

	while (size > 0) {
		ssize_t n = io->pwrite(io, fd, at, size, offset);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO; /* a write that makes no progress would loop for ever */
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int
io_publish(struct io *io, const char *directory, const char *name, const void *bytes, size_t size)
{
	char temporary[PATH_MAX], path[PATH_MAX];
	int fd, result;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path ||
	    (size_t)snprintf(temporary, sizeof temporary, "%s/%s.tmp", directory, name) >=
		sizeof temporary)
		return -ENAMETOOLONG;
	/* Never over what is there: where a rename that was cut short may leave
	 * both names, it is the file that `name` stands for. */
	result = io->unlink(io, temporary);
	if (result != 0 && result != -ENOENT)
		return result;
	fd = io->open(io, temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return fd;
	result = io_write_full(io, fd, bytes, size, 0);
	if (result == 0)
		result = io->sync(io, fd);
	if (result != 0) {
		io->close(io, fd);
		goto failed;
	}
	if ((result = io->close(io, fd)) != 0 || (result = io->rename(io, temporary, path)) != 0)
		goto failed;
	return io->sync_directory(io, directory);

failed:
	io->unlink(io, temporary);
	return result;
}
