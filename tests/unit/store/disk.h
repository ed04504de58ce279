/*
 * A simulated disk behind io.h, for faults that a real one shows once in years.
 * Files and names have two states: as the process sees them, and as they are
 * for certain after a power cut. sync and sync_directory carry the first into
 * the second; disk_crash keeps of all else an arbitrary part: any subset of the
 * sectors written since, any of the sizes, any of the names.
 *
 * Calls can be made to fail: the k-th once, every one from the k-th on, with
 * any errno; writes can be short. One mutex makes it safe for all threads.
 */
#ifndef DISK_H
#define DISK_H

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>

#include "store/io.h"

#define DISK_NAMES_MAX 4096
#define DISK_FILES_MAX 8192
#define DISK_OPEN_MAX 256
#define DISK_SECTOR 512u

struct disk_bytes {
	unsigned char *at; /* owned */
	size_t size;
};

struct disk_file {
	struct disk_bytes now, durable;
	bool directory, locked;
	bool poisoned; /* a sync failed: what was written is never on the disk */
};

struct disk_name {
	char path[256];
	struct disk_file *now, *durable; /* NULL: no such name */
};

struct disk {
	struct io io;
	pthread_mutex_t mutex;
	struct disk_name names[DISK_NAMES_MAX];
	uint32_t names_count;
	struct disk_file *files[DISK_FILES_MAX]; /* owned */
	uint32_t files_count;
	struct disk_file *open[DISK_OPEN_MAX];
	/* faults: */
	long calls;         /* made so far */
	long fail_at;       /* 0: never */
	bool fail_for_good; /* that one and all after it */
	int fail_errno;
	bool syncs_again;     /* a failed sync loses nothing that a later one would not save */
	uint32_t short_every; /* each n-th write or read is one byte short; 0: none */
	size_t space, used;   /* bytes; space 0: without end */
};

static inline struct disk *
disk_of(struct io *io)
{
	return (struct disk *)io;
}

/* Locks; true when this call fails. */
static inline bool
disk_enter(struct disk *disk)
{
	pthread_mutex_lock(&disk->mutex);
	disk->calls++;
	return disk->fail_at != 0 &&
	       (disk->fail_for_good ? disk->calls >= disk->fail_at : disk->calls == disk->fail_at);
}

static inline int
disk_leave(struct disk *disk, int result)
{
	pthread_mutex_unlock(&disk->mutex);
	return result;
}

static inline struct disk_name *
disk_find(struct disk *disk, const char *path)
{
	for (uint32_t i = 0; i < disk->names_count; i++) {
		if (strcmp(disk->names[i].path, path) == 0)
			return &disk->names[i];
	}
	return NULL;
}

static inline struct disk_name *
disk_want(struct disk *disk, const char *path)
{
	struct disk_name *name = disk_find(disk, path);

	if (name != NULL)
		return name;
	assert_true(disk->names_count < DISK_NAMES_MAX && strlen(path) < sizeof name->path);
	name = &disk->names[disk->names_count++];
	memset(name, 0, sizeof *name);
	strcpy(name->path, path);
	return name;
}

static inline struct disk_file *
disk_new_file(struct disk *disk, bool directory)
{
	struct disk_file *file = calloc(1, sizeof *file);

	assert_true(file != NULL && disk->files_count < DISK_FILES_MAX);
	file->directory = directory;
	disk->files[disk->files_count++] = file;
	return file;
}

static inline void
disk_resize(struct disk_bytes *bytes, size_t size)
{
	unsigned char *grown = realloc(bytes->at, size + 1);

	assert_non_null(grown);
	if (size > bytes->size)
		memset(grown + bytes->size, 0, size - bytes->size);
	bytes->at = grown;
	bytes->size = size;
}

static inline void
disk_copy(struct disk_bytes *to, const struct disk_bytes *from)
{
	disk_resize(to, from->size);
	if (from->size > 0)
		memcpy(to->at, from->at, from->size);
}

static inline bool
disk_is_in(const char *path, const char *directory)
{
	size_t size = strlen(directory);

	return strncmp(path, directory, size) == 0 && path[size] == '/' &&
	       strchr(path + size + 1, '/') == NULL;
}

/* ---- the calls --------------------------------------------------------- */

static inline int
disk_io_open(struct io *io, const char *path, int flags, mode_t mode)
{
	struct disk *disk = disk_of(io);
	struct disk_name *name;
	int fd = 0;

	(void)mode;
	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	name = disk_find(disk, path);
	if (name != NULL && name->now != NULL && (flags & O_CREAT) && (flags & O_EXCL))
		return disk_leave(disk, -EEXIST);
	if (name == NULL || name->now == NULL) {
		if (!(flags & O_CREAT))
			return disk_leave(disk, -ENOENT);
		name = disk_want(disk, path);
		name->now = disk_new_file(disk, false);
	}
	if (flags & O_TRUNC) {
		disk->used -= name->now->now.size;
		disk_resize(&name->now->now, 0);
	}
	while (fd < DISK_OPEN_MAX && disk->open[fd] != NULL)
		fd++;
	assert_true(fd < DISK_OPEN_MAX);
	disk->open[fd] = name->now;
	return disk_leave(disk, fd);
}

static inline int
disk_io_close(struct io *io, int fd)
{
	struct disk *disk = disk_of(io);

	pthread_mutex_lock(&disk->mutex); /* closing never fails and leaks nothing */
	assert_non_null(disk->open[fd]);
	disk->open[fd]->locked = false;
	disk->open[fd] = NULL;
	return disk_leave(disk, 0);
}

static inline size_t
disk_shortened(struct disk *disk, size_t size)
{
	return disk->short_every != 0 && size > 1 && disk->calls % disk->short_every == 0 ? size - 1
											  : size;
}

static inline ssize_t
disk_io_pread(struct io *io, int fd, void *buffer, size_t size, uint64_t offset)
{
	struct disk *disk = disk_of(io);
	struct disk_bytes *bytes;

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	bytes = &disk->open[fd]->now;
	if (offset >= bytes->size)
		size = 0;
	else if (size > bytes->size - offset)
		size = bytes->size - offset;
	size = disk_shortened(disk, size);
	if (size > 0)
		memcpy(buffer, bytes->at + offset, size);
	pthread_mutex_unlock(&disk->mutex);
	return (ssize_t)size;
}

static inline ssize_t
disk_io_pwrite(struct io *io, int fd, const void *buffer, size_t size, uint64_t offset)
{
	struct disk *disk = disk_of(io);
	struct disk_bytes *bytes;
	bool fails = disk_enter(disk);
	size_t end;

	/* A failing write leaves half of its bytes. */
	size = fails ? size / 2 : disk_shortened(disk, size);
	bytes = &disk->open[fd]->now;
	end = (size_t)offset + size;
	if (!fails && disk->space != 0 && end > bytes->size &&
	    disk->used + end - bytes->size > disk->space) {
		/* What fits, as far as anything does. */
		end = bytes->size + (disk->space > disk->used ? disk->space - disk->used : 0);
		if (end <= (size_t)offset)
			return disk_leave(disk, -ENOSPC);
		size = end - (size_t)offset;
	}
	if (end > bytes->size) {
		disk->used += end - bytes->size;
		disk_resize(bytes, end);
	}
	if (size > 0)
		memcpy(bytes->at + offset, buffer, size);
	pthread_mutex_unlock(&disk->mutex);
	return fails ? -disk->fail_errno : (ssize_t)size;
}

static inline int
disk_io_sync(struct io *io, int fd)
{
	struct disk *disk = disk_of(io);

	if (disk_enter(disk)) {
		/* As ext4 does it: the pages count as clean, a second sync says 0. */
		disk->open[fd]->poisoned = !disk->syncs_again;
		return disk_leave(disk, -disk->fail_errno);
	}
	if (!disk->open[fd]->poisoned)
		disk_copy(&disk->open[fd]->durable, &disk->open[fd]->now);
	return disk_leave(disk, 0);
}

static inline int
disk_io_sync_directory(struct io *io, const char *path)
{
	struct disk *disk = disk_of(io);

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	for (uint32_t i = 0; i < disk->names_count; i++) {
		if (disk_is_in(disk->names[i].path, path))
			disk->names[i].durable = disk->names[i].now;
	}
	return disk_leave(disk, 0);
}

static inline int
disk_io_rename(struct io *io, const char *from, const char *to)
{
	struct disk *disk = disk_of(io);
	struct disk_name *old, *new;

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	old = disk_find(disk, from);
	if (old == NULL || old->now == NULL)
		return disk_leave(disk, -ENOENT);
	new = disk_want(disk, to);
	if (new->now != NULL)
		disk->used -= new->now->now.size;
	new->now = old->now;
	old->now = NULL;
	return disk_leave(disk, 0);
}

static inline int
disk_io_link(struct io *io, const char *from, const char *to)
{
	struct disk *disk = disk_of(io);
	struct disk_name *old, *new;

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	old = disk_find(disk, from);
	if (old == NULL || old->now == NULL)
		return disk_leave(disk, -ENOENT);
	new = disk_want(disk, to);
	if (new->now != NULL)
		return disk_leave(disk, -EEXIST);
	new->now = old->now;
	return disk_leave(disk, 0);
}

static inline int
disk_io_unlink(struct io *io, const char *path)
{
	struct disk *disk = disk_of(io);
	struct disk_name *name;

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	name = disk_find(disk, path);
	if (name == NULL || name->now == NULL)
		return disk_leave(disk, -ENOENT);
	disk->used -= name->now->now.size;
	name->now = NULL;
	return disk_leave(disk, 0);
}

static inline int
disk_io_make_directory(struct io *io, const char *path, mode_t mode)
{
	struct disk *disk = disk_of(io);
	struct disk_name *name;

	(void)mode;
	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	name = disk_want(disk, path);
	if (name->now != NULL)
		return disk_leave(disk, -EEXIST);
	name->now = disk_new_file(disk, true);
	return disk_leave(disk, 0);
}

static inline int
disk_io_truncate(struct io *io, int fd, uint64_t size)
{
	struct disk *disk = disk_of(io);

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	disk->used += size - disk->open[fd]->now.size;
	disk_resize(&disk->open[fd]->now, (size_t)size);
	return disk_leave(disk, 0);
}

static inline int64_t
disk_io_size(struct io *io, int fd)
{
	struct disk *disk = disk_of(io);
	int64_t size;

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	size = (int64_t)disk->open[fd]->now.size;
	pthread_mutex_unlock(&disk->mutex);
	return size;
}

static inline int
disk_io_list(struct io *io, const char *path, int (*each)(void *context, const char *name),
	     void *context)
{
	struct disk *disk = disk_of(io);
	struct disk_name *self;
	char(*found)[256];
	uint32_t count = 0;
	int result = 0;

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	self = disk_find(disk, path);
	if (self == NULL || self->now == NULL)
		return disk_leave(disk, -ENOENT);
	if (!self->now->directory)
		return disk_leave(disk, -ENOTDIR);
	found = calloc(disk->names_count, sizeof *found);
	assert_non_null(found);
	for (uint32_t i = 0; i < disk->names_count; i++) {
		if (disk->names[i].now != NULL && disk_is_in(disk->names[i].path, path))
			strcpy(found[count++], strrchr(disk->names[i].path, '/') + 1);
	}
	pthread_mutex_unlock(&disk->mutex);
	for (uint32_t i = 0; i < count && result == 0; i++)
		result = each(context, found[i]);
	free(found);
	return result;
}

static inline int
disk_io_lock(struct io *io, int fd)
{
	struct disk *disk = disk_of(io);

	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	if (disk->open[fd]->locked)
		return disk_leave(disk, -EWOULDBLOCK);
	disk->open[fd]->locked = true;
	return disk_leave(disk, 0);
}

/* A copy: what is mapped does not change afterwards. */
static inline int
disk_io_map(struct io *io, int fd, size_t size, const void **address)
{
	struct disk *disk = disk_of(io);
	unsigned char *copy;

	*address = NULL;
	if (disk_enter(disk))
		return disk_leave(disk, -disk->fail_errno);
	if (size == 0)
		return disk_leave(disk, 0);
	assert_true(size <= disk->open[fd]->now.size);
	copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, disk->open[fd]->now.at, size);
	*address = copy;
	return disk_leave(disk, 0);
}

static inline int
disk_io_unmap(struct io *io, const void *address, size_t size)
{
	(void)io, (void)size;
	free((void *)(uintptr_t)address);
	return 0;
}

/* ---- the disk ---------------------------------------------------------- */

static inline struct disk *
disk_create(void)
{
	struct disk *disk = calloc(1, sizeof *disk);

	assert_non_null(disk);
	disk->io = (struct io){.open = disk_io_open,
			       .close = disk_io_close,
			       .pread = disk_io_pread,
			       .pwrite = disk_io_pwrite,
			       .sync = disk_io_sync,
			       .sync_directory = disk_io_sync_directory,
			       .rename = disk_io_rename,
			       .link = disk_io_link,
			       .unlink = disk_io_unlink,
			       .make_directory = disk_io_make_directory,
			       .truncate = disk_io_truncate,
			       .size = disk_io_size,
			       .list = disk_io_list,
			       .lock = disk_io_lock,
			       .map = disk_io_map,
			       .unmap = disk_io_unmap};
	disk->fail_errno = EIO;
	pthread_mutex_init(&disk->mutex, NULL);
	return disk;
}

static inline void
disk_free(struct disk *disk)
{
	for (uint32_t i = 0; i < disk->files_count; i++) {
		free(disk->files[i]->now.at);
		free(disk->files[i]->durable.at);
		free(disk->files[i]);
	}
	pthread_mutex_destroy(&disk->mutex);
	free(disk);
}

/* The k-th call from now on fails; 0: how many calls there were. For those
 * whose store is calling meanwhile. */
static inline long
disk_fail(struct disk *disk, long k, bool for_good)
{
	long calls;

	pthread_mutex_lock(&disk->mutex);
	calls = disk->calls;
	if (k > 0) {
		disk->fail_at = calls + k;
		disk->fail_for_good = for_good;
	}
	pthread_mutex_unlock(&disk->mutex);
	return calls;
}

static inline void
disk_forget_faults(struct disk *disk)
{
	pthread_mutex_lock(&disk->mutex);
	disk->fail_at = 0;
	disk->short_every = 0;
	disk->space = 0;
	pthread_mutex_unlock(&disk->mutex);
}

/* One file after the power cut: sector by sector one state or the other. */
static inline void
disk_tear(struct disk_file *file, struct random *random)
{
	struct disk_bytes torn = {0};
	size_t size = random_below(random, 2) ? file->now.size : file->durable.size;

	disk_copy(&torn, &file->durable);
	disk_resize(&torn, size);
	for (size_t at = 0; at < size && at < file->now.size; at += DISK_SECTOR) {
		size_t end = at + DISK_SECTOR;

		end = end > size ? size : end;
		end = end > file->now.size ? file->now.size : end;
		if (random_below(random, 2))
			memcpy(torn.at + at, file->now.at + at, end - at);
	}
	disk_copy(&file->now, &torn);
	disk_copy(&file->durable, &torn);
	free(torn.at);
}

/* The power goes and comes back. Nothing may be open. */
static inline void
disk_crash(struct disk *disk, struct random *random)
{
	for (uint32_t i = 0; i < disk->files_count; i++) {
		disk->files[i]->locked = false;
		if (!disk->files[i]->directory)
			disk_tear(disk->files[i], random);
	}
	for (uint32_t i = 0; i < disk->names_count; i++) {
		struct disk_name *name = &disk->names[i];

		if (random_below(random, 2))
			name->now = name->durable;
		name->durable = name->now;
	}
	disk_forget_faults(disk);
}

#endif
