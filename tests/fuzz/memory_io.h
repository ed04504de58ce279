/*
 * The file calls of io.h on a few files in memory, for fuzz targets of what
 * reads files: mappings are allocations of exactly the file's size, so that the
 * sanitizer sees a read past its end. Paths are compared by their last part.
 * One thread.
 */
#ifndef MEMORY_IO_H
#define MEMORY_IO_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/io.h"

#define MEMORY_FILES_MAX 4

struct memory_file {
	char name[64]; /* "": none */
	unsigned char *bytes;
	size_t size;
};

static struct memory_file memory_files[MEMORY_FILES_MAX];

static inline const char *
memory_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static inline struct memory_file *
memory_find(const char *path)
{
	for (int i = 0; i < MEMORY_FILES_MAX; i++) {
		if (strcmp(memory_files[i].name, memory_name(path)) == 0)
			return &memory_files[i];
	}
	return NULL;
}

static inline void
memory_remove(struct memory_file *file)
{
	free(file->bytes);
	*file = (struct memory_file){0};
}

static inline void
memory_clear(void)
{
	for (int i = 0; i < MEMORY_FILES_MAX; i++)
		memory_remove(&memory_files[i]);
}

static inline void
memory_resize(struct memory_file *file, size_t size)
{
	file->bytes = realloc(file->bytes, size + 1);
	assert(file->bytes != NULL);
	if (size > file->size)
		memset(file->bytes + file->size, 0, size - file->size);
	file->size = size;
}

static inline struct memory_file *
memory_make(const char *path)
{
	struct memory_file *file = memory_find("");

	assert(file != NULL && strlen(memory_name(path)) < sizeof file->name);
	strcpy(file->name, memory_name(path));
	return file;
}

/* A file of these bytes, in place of one of that name. */
static inline void
memory_put(const char *path, const void *bytes, size_t size)
{
	struct memory_file *file = memory_find(path);

	if (file == NULL)
		file = memory_make(path);
	memory_resize(file, size);
	if (size > 0)
		memcpy(file->bytes, bytes, size);
}

/* ---- the calls --------------------------------------------------------- */

static inline int
memory_open(struct io *io, const char *path, int flags, mode_t mode)
{
	struct memory_file *file = memory_find(path);

	(void)io, (void)mode;
	if (file == NULL && !(flags & O_CREAT))
		return -ENOENT;
	if (file != NULL && (flags & O_EXCL))
		return -EEXIST;
	if (file == NULL)
		file = memory_make(path);
	return (int)(file - memory_files);
}

static inline int
memory_close(struct io *io, int fd)
{
	(void)io, (void)fd;
	return 0;
}

static inline ssize_t
memory_pread(struct io *io, int fd, void *buffer, size_t size, uint64_t offset)
{
	struct memory_file *file = &memory_files[fd];

	(void)io;
	if (offset >= file->size)
		return 0;
	if (size > file->size - offset)
		size = file->size - (size_t)offset;
	memcpy(buffer, file->bytes + offset, size);
	return (ssize_t)size;
}

static inline ssize_t
memory_pwrite(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	struct memory_file *file = &memory_files[fd];

	(void)io;
	if (offset + size > file->size)
		memory_resize(file, (size_t)offset + size);
	memcpy(file->bytes + offset, buffer, size);
	return (ssize_t)size;
}

static inline int
memory_sync(struct io *io, int fd)
{
	(void)io, (void)fd;
	return 0;
}

static inline int
memory_sync_directory(struct io *io, const char *path)
{
	(void)io, (void)path;
	return 0;
}

static inline int
memory_unlink(struct io *io, const char *path)
{
	struct memory_file *file = memory_find(path);

	(void)io;
	if (file == NULL)
		return -ENOENT;
	memory_remove(file);
	return 0;
}

static inline int
memory_rename(struct io *io, const char *from, const char *to)
{
	struct memory_file *file = memory_find(from);

	if (file == NULL)
		return -ENOENT;
	(void)memory_unlink(io, to);
	assert(strlen(memory_name(to)) < sizeof file->name);
	strcpy(file->name, memory_name(to));
	return 0;
}

static inline int64_t
memory_size(struct io *io, int fd)
{
	(void)io;
	return (int64_t)memory_files[fd].size;
}

static inline int
memory_map(struct io *io, int fd, size_t size, const void **address)
{
	unsigned char *copy = size == 0 ? NULL : malloc(size);

	(void)io;
	assert(size == memory_files[fd].size);
	if (copy != NULL)
		memcpy(copy, memory_files[fd].bytes, size);
	*address = copy;
	return 0;
}

static inline int
memory_unmap(struct io *io, const void *address, size_t size)
{
	(void)io, (void)size;
	free((void *)(uintptr_t)address);
	return 0;
}

static struct io memory_io = {.open = memory_open,
			      .close = memory_close,
			      .pread = memory_pread,
			      .pwrite = memory_pwrite,
			      .sync = memory_sync,
			      .sync_directory = memory_sync_directory,
			      .rename = memory_rename,
			      .unlink = memory_unlink,
			      .size = memory_size,
			      .map = memory_map,
			      .unmap = memory_unmap};

#endif
