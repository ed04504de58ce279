/*
 * The reading half of wal.h: recovery's and the checker's. Must not change any
 * file. Every byte may be wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "crc32c.h"
#include "wal.h"

struct wal_reader {
	struct io *io; /* borrowed */
	char path[PATH_MAX];
	uint64_t id, previous_id, previous_bytes, salt;
	const unsigned char *bytes; /* owned mapping */
	size_t file_bytes;
	size_t limit; /* <= file_bytes */
	size_t end;   /* of what is no zero, <= limit: no record begins there */
	size_t at;    /* next record */
	size_t valid; /* end of the last valid record */
	size_t schema_bytes;
};

static int
corrupt(const struct wal_reader *reader, size_t offset, struct store_error *error, const char *what)
{
	if (error != NULL) {
		error->offset = offset;
		snprintf(error->file, sizeof error->file, "%.255s", reader->path);
	}
	return store_error_set(error, STORE_ECORRUPT, "%s: %s at byte %zu", reader->path, what,
			       offset);
}

/* Up to a MiB of zeros is written ahead of the records. */
static void
set_limit(struct wal_reader *reader, size_t limit)
{
	const unsigned char *bytes = reader->bytes;
	size_t end = limit;

	while (end >= 8 && bytes_get64(bytes + end - 8) == 0)
		end -= 8;
	while (end > 0 && bytes[end - 1] == 0)
		end--;
	reader->limit = limit;
	reader->end = end;
}

/* Bytes of the record that may begin at `at`, or 0. */
static size_t
record_bytes(const struct wal_reader *reader, size_t at)
{
	size_t size;

	if (at > reader->limit || reader->limit - at < WAL_RECORD_HEAD_BYTES)
		return 0;
	size = bytes_get32(reader->bytes + at);
	if (size == 0 || size > WAL_PAYLOAD_BYTES_MAX ||
	    size > reader->limit - at - WAL_RECORD_HEAD_BYTES)
		return 0;
	return WAL_RECORD_HEAD_BYTES + size;
}

static bool
is_whole(const struct wal_reader *reader, size_t at, size_t size)
{
	const unsigned char *head = reader->bytes + at;
	uint32_t crc = crc32c(0, head, WAL_RECORD_CRC_AT);

	crc = crc32c(crc, head + WAL_RECORD_HEAD_BYTES, size - WAL_RECORD_HEAD_BYTES);
	return crc == bytes_get32(head + WAL_RECORD_CRC_AT);
}

/* Whether a whole record of this file begins at `at`. */
static bool
is_record(const struct wal_reader *reader, size_t at)
{
	size_t size = record_bytes(reader, at);

	return size != 0 && bytes_get64(reader->bytes + at + 16) == reader->salt &&
	       is_whole(reader, at, size);
}

/* Whether any file's record is behind the head, whose salt may be damaged. The
 * budget keeps bytes made for it from taking quadratic time; then the answer
 * is the loud one. */
static bool
has_any_record(const struct wal_reader *reader)
{
	size_t budget = 16 * reader->file_bytes;

	for (size_t at = WAL_HEAD_BYTES; at < reader->file_bytes; at++) {
		size_t size = record_bytes(reader, at);
		const unsigned char *head = reader->bytes + at;

		if (size == 0 || head[4] == 0 || (head[5] | head[6] | head[7]) != 0)
			continue;
		if (size > budget || is_whole(reader, at, size))
			return true;
		budget -= size;
	}
	return false;
}

/* Records are lost, or there never were any. */
static int
bad_head(const struct wal_reader *reader, size_t offset, struct store_error *error,
	 const char *what)
{
	int result = corrupt(reader, offset, error, what);

	return has_any_record(reader)
		   ? result
		   : store_error_set(error, STORE_EUNKNOWN, "%s: an unfinished file", reader->path);
}

static int
check_head(struct wal_reader *reader, struct store_error *error)
{
	const unsigned char *head = reader->bytes;
	uint32_t crc;

	if (reader->file_bytes < WAL_HEAD_BYTES || memcmp(head, WAL_MAGIC, 8) != 0)
		return bad_head(reader, 0, error, "not a WAL file");
	if (bytes_get32(head + 8) > WAL_VERSION)
		return store_error_set(
		    error, STORE_EVERSION,
		    "%s: version %u is newer than this program's %u: use a newer drum",
		    reader->path, bytes_get32(head + 8), WAL_VERSION);
	reader->schema_bytes = bytes_get32(head + 12);
	if (reader->schema_bytes > reader->file_bytes - WAL_HEAD_BYTES)
		return bad_head(reader, 12, error, "head is cut short");
	crc = crc32c(0, head, WAL_HEAD_CRC_AT);
	crc = crc32c(crc, head + WAL_HEAD_BYTES, reader->schema_bytes);
	if (crc != bytes_get32(head + WAL_HEAD_CRC_AT) || bytes_get32(head + 52) != 0 ||
	    bytes_get32(head + 8) < WAL_VERSION_OLDEST || bytes_get64(head + 16) != reader->id)
		return bad_head(reader, WAL_HEAD_CRC_AT, error, "head checksum does not match");
	reader->previous_id = bytes_get64(head + 24);
	reader->previous_bytes = bytes_get64(head + 32);
	reader->salt = bytes_get64(head + 40);
	reader->at = reader->valid = WAL_HEAD_BYTES + reader->schema_bytes;
	return 0;
}

int
wal_reader_open(struct io *io, const char *path, uint64_t id, struct wal_reader **out,
		struct store_error *error)
{
	struct wal_reader *reader = calloc(1, sizeof *reader);
	const void *mapped = NULL;
	int64_t size;
	int fd, result;

	if (reader == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory reading %s", path);
	reader->io = io;
	reader->id = id;
	snprintf(reader->path, sizeof reader->path, "%s", path);
	if ((fd = io->open(io, path, O_RDONLY, 0)) < 0) {
		result = store_error_set(error, STORE_EIO, "open %s: %s", path, strerror(-fd));
		goto failed;
	}
	size = io->size(io, fd);
	result = size < 0 ? (int)size : io->map(io, fd, (size_t)size, &mapped);
	io->close(io, fd);
	if (result != 0) {
		result = store_error_set(error, STORE_EIO, "map %s: %s", path, strerror(-result));
		goto failed;
	}
	reader->bytes = mapped;
	reader->file_bytes = (size_t)size;
	set_limit(reader, reader->file_bytes);
	if ((result = check_head(reader, error)) != 0) {
		if (wal_reader_is_lost(reader))
			result = store_error_set(error, STORE_EIO, "%s cannot be read", path);
		goto failed;
	}
	*out = reader;
	return 0;

failed:
	wal_reader_close(reader);
	return result;
}

void
wal_reader_close(struct wal_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->bytes != NULL)
		reader->io->unmap(reader->io, reader->bytes, reader->file_bytes);
	free(reader);
}

uint64_t
wal_reader_previous(const struct wal_reader *reader, uint64_t *valid_bytes)
{
	*valid_bytes = reader->previous_bytes;
	return reader->previous_id;
}

const unsigned char *
wal_reader_schema(const struct wal_reader *reader, size_t *size)
{
	*size = reader->schema_bytes;
	return reader->bytes + WAL_HEAD_BYTES;
}

void
wal_reader_limit(struct wal_reader *reader, uint64_t bytes)
{
	if (bytes < reader->limit)
		set_limit(reader, (size_t)bytes);
}

int
wal_reader_next(struct wal_reader *reader, struct wal_record *record, struct store_error *error)
{
	size_t at = reader->at;

	if (is_record(reader, at)) {
		const unsigned char *head = reader->bytes + at;

		record->type = (enum wal_type)head[4];
		record->commit = bytes_get64(head + 8);
		record->payload = head + WAL_RECORD_HEAD_BYTES;
		record->size = bytes_get32(head);
		reader->at = reader->valid = at + WAL_RECORD_HEAD_BYTES + record->size;
		return 1;
	}
	/* A torn tail has nothing valid behind it; damage in the middle has. */
	for (size_t next = at + 1; next < reader->end; next++) {
		if (is_record(reader, next)) {
			reader->at = next;
			return corrupt(reader, at, error, "damaged record");
		}
	}
	reader->at = reader->limit;
	return 0;
}

bool
wal_reader_is_lost(const struct wal_reader *reader)
{
	const _Atomic bool *lost = reader->bytes == NULL || reader->io->lost == NULL
				       ? NULL
				       : reader->io->lost(reader->io, reader->bytes);

	return lost != NULL && *lost;
}

uint64_t
wal_reader_valid_bytes(const struct wal_reader *reader)
{
	return reader->valid;
}

bool
wal_reader_has_bad_tail(const struct wal_reader *reader)
{
	return reader->valid < reader->end;
}
