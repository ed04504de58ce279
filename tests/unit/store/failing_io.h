/* The operating system's files, of whose calls one fails. */
#ifndef FAILING_IO_H
#define FAILING_IO_H

#include <errno.h>

#include "store/io.h"

static int failing_calls_left; /* the call that finds 0 fails */

static inline bool
failing_now(void)
{
	return failing_calls_left-- == 0;
}

static inline int
failing_open(struct io *io, const char *name, int flags, mode_t mode)
{
	return failing_now() ? -EMFILE : io_posix()->open(io, name, flags, mode);
}

static inline ssize_t
failing_pwrite(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	return failing_now() ? -ENOSPC : io_posix()->pwrite(io, fd, buffer, size, offset);
}

static inline int
failing_sync(struct io *io, int fd)
{
	return failing_now() ? -EIO : io_posix()->sync(io, fd);
}

static inline int
failing_rename(struct io *io, const char *from, const char *to)
{
	return failing_now() ? -EIO : io_posix()->rename(io, from, to);
}

static inline int
failing_sync_directory(struct io *io, const char *name)
{
	return failing_now() ? -EIO : io_posix()->sync_directory(io, name);
}

static inline struct io
failing_io(void)
{
	struct io io = *io_posix();

	io.open = failing_open;
	io.pwrite = failing_pwrite;
	io.sync = failing_sync;
	io.rename = failing_rename;
	io.sync_directory = failing_sync_directory;
	return io;
}

#endif
