/*
 * A copy of the store as it is at one moment, while it is served: segments are
 * linked, for they never change; the WAL's durable part is copied. Between the
 * server's request and io.h. Must keep flushes and merges out, but not intake.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partition.h"
#include "state.h"

#define COPY_BYTES (1u << 20)

struct backup {
	struct store *store;
	const char *to;
	unsigned char *buffer; /* owned: [COPY_BYTES] */
	struct store_backup_counts counts;
	struct store_error *error;
};

/* The first `size` bytes of a file, durably, to a name that is not there. */
static int
copy_bytes(struct backup *backup, const char *from, const char *to, uint64_t size)
{
	struct io *io = backup->store->io;
	int in = io->open(io, from, O_RDONLY, 0), out, result = 0;

	if (in < 0)
		return io_error(backup->error, in, "open", from);
	if ((out = io->open(io, to, O_WRONLY | O_CREAT | O_EXCL, 0600)) < 0) {
		io->close(io, in);
		return io_error(backup->error, out, "create", to);
	}
	for (uint64_t at = 0; at < size && result == 0;) {
		size_t part = size - at < COPY_BYTES ? (size_t)(size - at) : COPY_BYTES;

		if ((result = io_read_full(io, in, backup->buffer, part, at)) != 0)
			result = io_error(backup->error, result, "read", from);
		else if ((result = io_write_full(io, out, backup->buffer, part, at)) != 0)
			result = io_error(backup->error, result, "write", to);
		at += part;
	}
	if (result == 0 && (result = io->sync(io, out)) != 0)
		result = io_error(backup->error, result, "sync", to);
	io->close(io, out);
	io->close(io, in);
	return result;
}

static int
put_segment(struct backup *backup, const struct manifest_segment *entry)
{
	struct store *store = backup->store;
	char from[PATH_MAX], to[PATH_MAX], directory[PATH_MAX];
	int result = partition_make(store->io, backup->to, store->schema, entry, directory,
				    sizeof directory, backup->error);

	if (result != 0)
		return result;
	if (manifest_segment_path(store->directory, store->schema, entry, from, sizeof from) != 0 ||
	    manifest_segment_path(backup->to, store->schema, entry, to, sizeof to) != 0)
		return store_error_set(backup->error, STORE_EINVAL, "path too long: %s",
				       backup->to);
	result = store->io->link(store->io, from, to);
	/* Another file system, or one without links. */
	if (result == -EXDEV || result == -EPERM || result == -EOPNOTSUPP || result == -EMLINK)
		result = copy_bytes(backup, from, to, entry->summary.file_bytes);
	else if (result != 0)
		result = io_error(backup->error, result, "link", from);
	if (result == 0 && (result = store->io->sync_directory(store->io, directory)) != 0)
		result = io_error(backup->error, result, "sync directory", directory);
	backup->counts.segments++;
	backup->counts.segment_bytes += entry->summary.file_bytes;
	backup->counts.segment_rows += entry->summary.rows_count;
	return result;
}

/* Files that the floor needs; of the one being written, what is durable. */
static int
put_wal(struct backup *backup, uint64_t last_id, uint64_t last_bytes)
{
	struct store *store = backup->store;
	char from[PATH_MAX], to[PATH_MAX], directory[PATH_MAX];
	uint64_t *ids;
	uint32_t count;
	int result = wal_list(store->io, store->directory, store->manifest.wal_floor, &ids, &count,
			      backup->error);

	if (result != 0)
		return result;
	for (uint32_t i = 0; result == 0 && i < count && ids[i] <= last_id; i++) {
		struct io *io = store->io;
		int64_t size = (int64_t)last_bytes;
		int fd;

		if (wal_path(store->directory, ids[i], from, sizeof from) != 0 ||
		    wal_path(backup->to, ids[i], to, sizeof to) != 0) {
			result = store_error_set(backup->error, STORE_EINVAL, "path too long: %s",
						 backup->to);
			break;
		}
		if (ids[i] != last_id) {
			if ((fd = io->open(io, from, O_RDONLY, 0)) < 0) {
				result = io_error(backup->error, fd, "open", from);
				break;
			}
			size = io->size(io, fd);
			io->close(io, fd);
		}
		result = size < 0 ? io_error(backup->error, (int)size, "size", from)
				  : copy_bytes(backup, from, to, (uint64_t)size);
		backup->counts.wal_bytes += size < 0 ? 0 : (uint64_t)size;
	}
	free(ids);
	snprintf(directory, sizeof directory, "%s/wal", backup->to);
	if (result == 0 && (result = store->io->sync_directory(store->io, directory)) != 0)
		result = io_error(backup->error, result, "sync directory", directory);
	return result;
}

static int
make_directories(struct backup *backup)
{
	struct io *io = backup->store->io;
	char path[PATH_MAX];
	int result = io->make_directory(io, backup->to, 0700);

	if (result == -EEXIST)
		return store_error_set(backup->error, STORE_EINVAL,
				       "%s is there already: a backup makes a new directory",
				       backup->to);
	if (result != 0)
		return io_error(backup->error, result, "make directory", backup->to);
	if ((size_t)snprintf(path, sizeof path, "%s/wal", backup->to) >= sizeof path)
		return store_error_set(backup->error, STORE_EINVAL, "path too long: %s",
				       backup->to);
	result = io->make_directory(io, path, 0700);
	return result != 0 ? io_error(backup->error, result, "make directory", path) : 0;
}

int
store_backup(struct store *store, const char *to, struct store_backup_counts *counts,
	     struct store_error *error)
{
	struct backup backup = {
	    .store = store, .to = to, .buffer = malloc(COPY_BYTES), .error = error};
	uint64_t id = UINT64_MAX, bytes = 0;
	int result;

	if (backup.buffer == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory for a backup");
	pthread_mutex_lock(&store->manifest_mutex);
	append_lock(store);
	if (store->wal != NULL) {
		id = wal_id(store->wal);
		bytes = wal_durable_bytes(store->wal);
	}
	pthread_mutex_unlock(&store->writer_mutex);
	result = make_directories(&backup);
	for (uint32_t i = 0; result == 0 && i < store->manifest.segments_count; i++)
		result = put_segment(&backup, &store->manifest.segments[i]);
	if (result == 0)
		result = put_wal(&backup, id, bytes);
	if (result == 0) /* last: without it the directory is no store */
		result = manifest_write(store->io, to, store->schema, &store->manifest, error);
	pthread_mutex_unlock(&store->manifest_mutex);
	free(backup.buffer);
	if (counts != NULL)
		*counts = backup.counts;
	return result;
}
