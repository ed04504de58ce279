/*
 * The writing half of wal.h: below store_append. Must not reuse a file after a
 * failed sync, nor any file's bytes.
 */
#include <sys/random.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "crc32c.h"
#include "wal.h"
#include "wal_record.h"

#define GROUP_KEEP_BYTES_MAX (8u << 20) /* a larger buffer is not kept */
/* So much of a group goes to the disk while the rest is still to come: then its
 * sync waits for little. Less would cost more calls than it saves. */
#define EARLY_BYTES (512u << 10)

/* A sync after which the file is longer is also one of the file system's own
 * blocks, or a commit of its journal. So a small group that ends beyond the zeros
 * brings more of them, as many as the file has bytes, within these bounds. On ext4
 * without a journal, of groups of 17 KB, one in 60 makes the file longer then; a
 * sync takes 0.55 of the time and 0.65 of the CPU, at p99 0.4 of the time. With at
 * most 64 KiB p99 was 0.55 to 0.8; RWF_DSYNC instead of fdatasync saves nothing
 * more. Large groups would be written twice for little: their sync is mostly their
 * bytes. */
#define ZEROS_BYTES_MIN (64u << 10)
#define ZEROS_BYTES_MAX (1u << 20)
#define ZEROS_GROUP_BYTES_MAX (128u << 10)

struct wal {
	struct io *io; /* borrowed */
	char path[PATH_MAX];
	uint64_t id, salt;
	uint64_t durable_bytes; /* of the file */
	uint64_t group_at;      /* in the file: after what is written, but perhaps not synced */
	uint64_t file_bytes;    /* with the zeros ahead; those are not known to be durable */
	int fd;
	bool failed;
	bool lacked_room;        /* which is why it failed */
	bool no_zeros;           /* there is no room for them */
	struct wal_buffer group; /* owned: records that are not durable yet */
	size_t record_at;        /* where the group's last record begins */
	size_t written_bytes;    /* of the group: in the file, not synced */
	int early_result;        /* of writing them */
};

int
wal_path(const char *directory, uint64_t id, char *out, size_t out_size)
{
	int size = snprintf(out, out_size, "%s/wal/%016llx.wal", directory, (unsigned long long)id);

	return size < 0 || (size_t)size >= out_size ? STORE_EINVAL : 0;
}

static int
sync_wal_directory(struct io *io, const char *directory)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/wal", directory);
	return io->sync_directory(io, path);
}

static int
io_failed(const struct wal *wal, const char *what, int result, struct store_error *error)
{
	return store_error_set(error, io_is_full(result) ? STORE_EFULL : STORE_EIO, "%s %s: %s",
			       what, wal->path, strerror(-result));
}

static int
write_head(struct wal *wal, uint64_t previous_id, uint64_t previous_bytes,
	   const struct store_schema *schema, struct store_error *error)
{
	size_t schema_bytes = wal_record_schema_bytes(schema), size = WAL_HEAD_BYTES + schema_bytes;
	unsigned char *head = calloc(1, size);
	uint32_t crc;
	int result;

	if (head == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory creating %s", wal->path);
	memcpy(head, WAL_MAGIC, 8);
	bytes_put32(head + 8, WAL_VERSION);
	bytes_put32(head + 12, (uint32_t)schema_bytes);
	bytes_put64(head + 16, wal->id);
	bytes_put64(head + 24, previous_id);
	bytes_put64(head + 32, previous_bytes);
	bytes_put64(head + 40, wal->salt);
	wal_record_put_schema(schema, head + WAL_HEAD_BYTES);
	crc = crc32c(0, head, WAL_HEAD_CRC_AT);
	bytes_put32(head + WAL_HEAD_CRC_AT, crc32c(crc, head + WAL_HEAD_BYTES, schema_bytes));
	result = io_write_full(wal->io, wal->fd, head, size, 0);
	if (result == 0)
		result = wal->io->sync(wal->io, wal->fd);
	free(head);
	if (result != 0)
		return io_failed(wal, "write", result, error);
	wal->durable_bytes = wal->group_at = wal->file_bytes = size;
	return 0;
}

int
wal_create(struct io *io, const char *directory, uint64_t id, uint64_t previous_id,
	   uint64_t previous_bytes, const struct store_schema *schema, struct wal **out,
	   struct store_error *error)
{
	struct wal *wal = calloc(1, sizeof *wal);
	int result;

	if (wal == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory creating a WAL file");
	wal->io = io;
	wal->id = id;
	if (getrandom(&wal->salt, sizeof wal->salt, 0) != sizeof wal->salt) {
		free(wal);
		return store_error_set(error, STORE_EIO, "getrandom: %s", strerror(errno));
	}
	if (wal_path(directory, id, wal->path, sizeof wal->path) != 0) {
		free(wal);
		return store_error_set(error, STORE_EINVAL, "path too long: %s", directory);
	}
	wal->fd = io->open(io, wal->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (wal->fd < 0) {
		result = io_failed(wal, "create", wal->fd, error);
		free(wal);
		return result;
	}
	result = write_head(wal, previous_id, previous_bytes, schema, error);
	if (result == 0) {
		int failed = sync_wal_directory(io, directory);

		result = failed == 0 ? 0 : io_failed(wal, "sync the directory of", failed, error);
	}
	if (result != 0) {
		io->unlink(io, wal->path);
		wal_close(wal);
		return result;
	}
	*out = wal;
	return 0;
}

void
wal_close(struct wal *wal)
{
	if (wal == NULL)
		return;
	/* What fails here leaves zeros, or what no later file calls valid. */
	if (wal->file_bytes > wal->durable_bytes)
		wal->io->truncate(wal->io, wal->fd, wal->durable_bytes);
	wal->io->close(wal->io, wal->fd);
	free(wal->group.bytes);
	free(wal);
}

uint64_t
wal_id(const struct wal *wal)
{
	return wal->id;
}

uint64_t
wal_durable_bytes(const struct wal *wal)
{
	return wal->durable_bytes;
}

static void
set_record_head(unsigned char *head, enum wal_type type, uint64_t commit, uint64_t salt,
		size_t size)
{
	uint32_t crc;

	memset(head, 0, WAL_RECORD_HEAD_BYTES);
	bytes_put32(head, (uint32_t)size);
	head[4] = (unsigned char)type;
	bytes_put64(head + 8, commit);
	bytes_put64(head + 16, salt);
	crc = crc32c(0, head, WAL_RECORD_CRC_AT);
	bytes_put32(head + WAL_RECORD_CRC_AT, crc32c(crc, head + WAL_RECORD_HEAD_BYTES, size));
}

struct wal_buffer *
wal_begin(struct wal *wal)
{
	static const unsigned char head[WAL_RECORD_HEAD_BYTES];

	wal->record_at = wal->group.size;
	wal_record_put_bytes(&wal->group, head, sizeof head);
	return &wal->group;
}

/* What goes wrong is told by wal_commit. */
static void
write_early(struct wal *wal)
{
	size_t from = wal->written_bytes, size = wal->group.size - from;
	uint64_t offset = wal->group_at + from;

	if (wal->early_result != 0 || size < EARLY_BYTES)
		return;
	wal->early_result = io_write_full(wal->io, wal->fd, wal->group.bytes + from, size, offset);
	wal->written_bytes = wal->group.size;
	if (wal->early_result == 0 && wal->io->begin_sync != NULL)
		wal->io->begin_sync(wal->io, wal->fd, offset, size);
}

static int
finish_record(struct wal *wal, enum wal_type type, uint64_t commit)
{
	struct wal_buffer *group = &wal->group;
	size_t size = group->size - wal->record_at;
	bool failed = group->failed;

	group->failed = false;
	if (failed || size > WAL_RECORD_HEAD_BYTES + (size_t)WAL_PAYLOAD_BYTES_MAX) {
		group->size = wal->record_at;
		return failed ? STORE_ENOMEM : STORE_EINVAL;
	}
	assert(size > WAL_RECORD_HEAD_BYTES);
	set_record_head(group->bytes + wal->record_at, type, commit, wal->salt,
			size - WAL_RECORD_HEAD_BYTES);
	return 0;
}

int
wal_end(struct wal *wal, enum wal_type type, uint64_t commit)
{
	int result = finish_record(wal, type, commit);

	if (result == 0)
		write_early(wal);
	return result;
}

int
wal_add(struct wal *wal, enum wal_type type, uint64_t commit, const void *payload, size_t size)
{
	assert(size > 0 && size <= WAL_PAYLOAD_BYTES_MAX);
	wal_record_put_bytes(wal_begin(wal), payload, size);
	return wal_end(wal, type, commit);
}

static void
clear_group(struct wal *wal)
{
	wal->group.size = wal->written_bytes = 0;
	if (wal->group.size_max > GROUP_KEEP_BYTES_MAX) {
		free(wal->group.bytes);
		wal->group = (struct wal_buffer){0};
	}
}

/* What there is no room for is given back: flushing needs it. */
static void
write_zeros(struct wal *wal, uint64_t from, size_t size)
{
	static const unsigned char zeros[64u << 10];

	for (size_t at = 0; at < size && !wal->no_zeros; at += sizeof zeros) {
		size_t part = size - at < sizeof zeros ? size - at : sizeof zeros;

		wal->no_zeros = io_write_full(wal->io, wal->fd, zeros, part, from + at) != 0;
	}
	if (wal->no_zeros)
		wal->io->truncate(wal->io, wal->fd, from);
	else
		wal->file_bytes = from + size;
}

/* Before its sync, which serves both. */
static void
put_zeros_ahead(struct wal *wal)
{
	uint64_t end = wal->group_at + wal->group.size;
	size_t size = end < ZEROS_BYTES_MIN   ? ZEROS_BYTES_MIN
		      : end > ZEROS_BYTES_MAX ? ZEROS_BYTES_MAX
					      : (size_t)end;

	if (end <= wal->file_bytes)
		return;
	wal->file_bytes = end;
	if (wal->group.size <= ZEROS_GROUP_BYTES_MAX && !wal->no_zeros)
		write_zeros(wal, end, size);
}

static int
write_rest(struct wal *wal)
{
	size_t from = wal->written_bytes;
	int result = wal->early_result;

	if (result == 0)
		result = io_write_full(wal->io, wal->fd, wal->group.bytes + from,
				       wal->group.size - from, wal->group_at + from);
	if (result == 0)
		put_zeros_ahead(wal);
	return result;
}

static int
fail(struct wal *wal, int result, struct store_error *error)
{
	wal->failed = true;
	wal->lacked_room = io_is_full(result);
	return io_failed(wal, "write", result, error);
}

int
wal_commit(struct wal *wal, struct store_error *error)
{
	int result;

	assert(!wal->failed && wal->group_at == wal->durable_bytes);
	if (wal->group.size == 0)
		return 0;
	result = write_rest(wal);
	if (result == 0)
		result = wal->io->sync(wal->io, wal->fd);
	if (result != 0) {
		/* On a full disk the next file needs the room. */
		wal->io->truncate(wal->io, wal->fd, wal->durable_bytes);
		return fail(wal, result, error);
	}
	wal->group_at += wal->group.size;
	wal->durable_bytes = wal->group_at;
	clear_group(wal);
	return 0;
}

int
wal_write(struct wal *wal, struct store_error *error)
{
	int result = write_rest(wal);

	assert(!wal->failed);
	if (result != 0)
		return fail(wal, result, error);
	wal->group_at += wal->group.size;
	clear_group(wal);
	return 0;
}

int
wal_sync(const struct wal *wal, struct store_error *error)
{
	int result = wal->io->sync(wal->io, wal->fd);

	return result == 0 ? 0 : io_failed(wal, "sync", result, error);
}

void
wal_synced(struct wal *wal, size_t bytes)
{
	wal->durable_bytes += bytes;
}

size_t
wal_group_bytes(const struct wal *wal)
{
	return wal->group.size;
}

bool
wal_drop_group(struct wal *wal)
{
	if (wal->failed || wal->written_bytes > 0 || wal->group_at > wal->durable_bytes) {
		wal->failed = true;
		wal->io->truncate(wal->io, wal->fd, wal->durable_bytes);
	}
	clear_group(wal);
	return !wal->failed;
}

int
wal_move_group(struct wal *from, struct wal *to)
{
	const unsigned char *at = from->group.bytes, *end = at + from->group.size;

	assert(from->id != to->id);
	to->no_zeros = from->lacked_room;
	while (at < end) {
		size_t size = bytes_get32(at);

		/* Nothing early: without memory for all of it, `to` has none of it. */
		wal_record_put_bytes(wal_begin(to), at + WAL_RECORD_HEAD_BYTES, size);
		if (finish_record(to, (enum wal_type)at[4], bytes_get64(at + 8)) != 0)
			return STORE_ENOMEM;
		at += WAL_RECORD_HEAD_BYTES + size;
	}
	wal_drop_group(from);
	return 0;
}

int
wal_delete(struct io *io, const char *directory, uint64_t id)
{
	char path[PATH_MAX];
	int result = wal_path(directory, id, path, sizeof path);

	if (result != 0)
		return -ENAMETOOLONG;
	result = io->unlink(io, path);
	if (result != 0 && result != -ENOENT)
		return result;
	return sync_wal_directory(io, directory);
}
