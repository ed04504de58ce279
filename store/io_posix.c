/*
 * io.h: the operating system's calls. Below everything else in the store; must
 * not decide what an error means, only report it as -errno.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "io_lost.h"

static int
posix_open(struct io *io, const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_CLOEXEC, mode);

	(void)io;
	return fd < 0 ? -errno : fd;
}

static int
posix_close(struct io *io, int fd)
{
	(void)io;
	return close(fd) != 0 ? -errno : 0;
}

static ssize_t
posix_pread(struct io *io, int fd, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n = pread(fd, buffer, size, (off_t)offset);

	(void)io;
	return n < 0 ? -errno : n;
}

static ssize_t
posix_pwrite(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	ssize_t n = pwrite(fd, buffer, size, (off_t)offset);

	(void)io;
	return n < 0 ? -errno : n;
}

static int
posix_sync(struct io *io, int fd)
{
	(void)io;
	return fdatasync(fd) != 0 ? -errno : 0;
}

static void
posix_begin_sync(struct io *io, int fd, uint64_t offset, uint64_t size)
{
	(void)io;
	/* An error comes again, from the sync. */
	(void)sync_file_range(fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
}

static int
posix_sync_directory(struct io *io, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

	(void)io;
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		result = -errno;
	close(fd);
	return result;
}

static int
posix_rename(struct io *io, const char *from, const char *to)
{
	(void)io;
	return rename(from, to) != 0 ? -errno : 0;
}

static int
posix_link(struct io *io, const char *from, const char *to)
{
	(void)io;
	return link(from, to) != 0 ? -errno : 0;
}

static int
posix_unlink(struct io *io, const char *path)
{
	(void)io;
	return unlink(path) != 0 ? -errno : 0;
}

static int
posix_make_directory(struct io *io, const char *path, mode_t mode)
{
	(void)io;
	return mkdir(path, mode) != 0 ? -errno : 0;
}

static int
posix_truncate(struct io *io, int fd, uint64_t size)
{
	(void)io;
	return ftruncate(fd, (off_t)size) != 0 ? -errno : 0;
}

static int64_t
posix_size(struct io *io, int fd)
{
	struct stat status;

	(void)io;
	return fstat(fd, &status) != 0 ? -errno : (int64_t)status.st_size;
}

static int
posix_list(struct io *io, const char *path, int (*each)(void *context, const char *name),
	   void *context)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int result = 0;

	(void)io;
	if (directory == NULL)
		return -errno;
	while (result == 0 && (errno = 0, entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = each(context, entry->d_name);
	}
	if (result == 0 && errno != 0)
		result = -errno;
	closedir(directory);
	return result;
}

static int
posix_lock(struct io *io, int fd)
{
	(void)io;
	return flock(fd, LOCK_EX | LOCK_NB) != 0 ? -errno : 0;
}

static int
posix_map(struct io *io, int fd, size_t size, const void **address)
{
	void *mapped;

	(void)io;
	*address = NULL;
	if (size == 0)
		return 0;
	mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	if (io_lost_watch(mapped, size) == NULL) {
		munmap(mapped, size);
		return -ENOMEM;
	}
	*address = mapped;
	return 0;
}

static const _Atomic bool *
posix_lost(struct io *io, const void *address)
{
	(void)io;
	return io_lost_flag(address);
}

/* Of all pages that have some of the bytes. */
static void
advise(const void *address, size_t size, int advice)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)address & ~(page - 1);

	(void)madvise((void *)first, (uintptr_t)address + size - first, advice);
}

static void
posix_forget(struct io *io, const void *address, size_t size)
{
	(void)io;
	advise(address, size, MADV_DONTNEED);
}

static void
posix_want(struct io *io, const void *address, size_t size)
{
	(void)io;
	advise(address, size, MADV_WILLNEED);
}

static int
posix_unmap(struct io *io, const void *address, size_t size)
{
	(void)io;
	if (size == 0)
		return 0;
	io_lost_forget(address);
	return munmap((void *)(uintptr_t)address, size) != 0 ? -errno : 0;
}

struct io *
io_posix(void)
{
	static struct io posix = {
	    .open = posix_open,
	    .close = posix_close,
	    .pread = posix_pread,
	    .pwrite = posix_pwrite,
	    .sync = posix_sync,
	    .begin_sync = posix_begin_sync,
	    .sync_directory = posix_sync_directory,
	    .rename = posix_rename,
	    .link = posix_link,
	    .unlink = posix_unlink,
	    .make_directory = posix_make_directory,
	    .truncate = posix_truncate,
	    .size = posix_size,
	    .list = posix_list,
	    .lock = posix_lock,
	    .map = posix_map,
	    .lost = posix_lost,
	    .forget = posix_forget,
	    .want = posix_want,
	    .unmap = posix_unmap,
	};

	return &posix;
}
