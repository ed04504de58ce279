/*
 * Every file call of the store, behind one table of functions, so that tests
 * can fail, shorten, reorder or drop any of them. Each function returns a
 * value >= 0, or -errno.
 */
#ifndef IO_H
#define IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store.h"

struct io {
	int (*open)(struct io *io, const char *path, int flags, mode_t mode);
	int (*close)(struct io *io, int fd);
	ssize_t (*pread)(struct io *io, int fd, void *buffer, size_t size, uint64_t offset);
	ssize_t (*pwrite)(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset);
	int (*sync)(struct io *io, int fd); /* fdatasync */
	/* A sync will follow: these bytes may go to the disk already. Promises
	 * nothing; NULL instead of the function: does nothing. */
	void (*begin_sync)(struct io *io, int fd, uint64_t offset, uint64_t size);
	int (*sync_directory)(struct io *io, const char *path);
	int (*rename)(struct io *io, const char *from, const char *to);
	int (*link)(struct io *io, const char *from, const char *to);
	int (*unlink)(struct io *io, const char *path);
	int (*make_directory)(struct io *io, const char *path, mode_t mode);
	int (*truncate)(struct io *io, int fd, uint64_t size);
	int64_t (*size)(struct io *io, int fd);
	/* Calls `each` per entry except . and ..; a non-zero return stops and is
	 * returned. */
	int (*list)(struct io *io, const char *path, int (*each)(void *context, const char *name),
		    void *context);
	int (*lock)(struct io *io, int fd); /* exclusive, held until close; -EWOULDBLOCK */
	/* Read-only mapping, or NULL in *address for size 0. */
	int (*map)(struct io *io, int fd, size_t size, const void **address);
	/* A flag of the mapping: once true, some of it could not be read (the file
	 * was cut short meanwhile, the disk has an error) and became zeros. Valid
	 * until it is unmapped. NULL instead of the function: that cannot be. */
	const _Atomic bool *(*lost)(struct io *io, const void *address);
	/* These bytes of a mapping, and others on their pages, will not be read soon:
	 * they need not count as the process's memory. Reading them stays allowed,
	 * meanwhile too. NULL instead of the function: does nothing. */
	void (*forget)(struct io *io, const void *address, size_t size);
	/* These bytes of a mapping will be read soon: they may begin to come into
	 * memory. Promises nothing; NULL instead of the function: does nothing. */
	void (*want)(struct io *io, const void *address, size_t size);
	int (*unmap)(struct io *io, const void *address, size_t size);
};

/* The operating system's calls. Static, never freed. */
struct io *io_posix(void);

/* Whether a call that returned -errno lacked room, on the disk or by quota: it may
 * come back. */
bool io_is_full(int result);

/* Fills *error (NULL is allowed) for a call that returned -errno: STORE_EFULL
 * when io_is_full, STORE_ENOMEM also for too many open files, else STORE_EIO; the
 * text is "cannot WHAT PATH: reason". Returns the code. */
int io_error(struct store_error *error, int result, const char *what, const char *path);

/* Whole reads and writes over short counts and EINTR; 0 or -errno; a read
 * past the end is -ENODATA. */
int io_read_full(struct io *io, int fd, void *buffer, size_t size, uint64_t offset);
int io_write_full(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset);

/* Replaces `name` in `directory` durably: temporary name, write, fdatasync,
 * rename, fsync of the directory. 0 or -errno; after an error the name still
 * has its old contents, or the new ones when only the last step failed. */
int
io_publish(struct io *io, const char *directory, const char *name, const void *bytes, size_t size);

#endif
