/*
 * Opens a segment file: maps it, checks tail and checksum; what the footer says is
 * segment_footer.c's. Must not touch chunks and dictionaries; they are checked when
 * first read.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "segment_file.h"

int
segment_corrupt(const struct segment *segment, uint64_t offset, struct store_error *error,
		const char *what)
{
	if (error != NULL) {
		error->offset = offset;
		snprintf(error->file, sizeof error->file, "%s", segment->path);
	}
	return store_error_set(error, STORE_ECORRUPT,
			       "%s: %s at byte %llu; restore the file from a backup", segment->path,
			       what, (unsigned long long)offset);
}

static int
check_file(struct segment *segment, uint64_t footer_checksum, struct store_error *error)
{
	uint64_t size = segment->summary.file_bytes, tail_at, footer_bytes;
	const unsigned char *tail;
	uint32_t version;

	if (size < SEGMENT_MAGIC_BYTES + SEGMENT_HEAD_BYTES + SEGMENT_TAIL_BYTES)
		return segment_corrupt(segment, size, error, "file is cut short");
	if (memcmp(segment->bytes, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES) != 0)
		return segment_corrupt(segment, 0, error, "not a segment file");
	tail_at = size - SEGMENT_TAIL_BYTES;
	tail = segment->bytes + tail_at;
	if (memcmp(tail + 16, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES) != 0)
		return segment_corrupt(segment, size, error, "file is cut short");
	version = bytes_get32(tail + 4);
	if (version > SEGMENT_VERSION)
		return store_error_set(error, STORE_EVERSION,
				       "%s: format version %u is newer than this program's %u: "
				       "use a newer drum",
				       segment->path, version, SEGMENT_VERSION);
	footer_bytes = bytes_get32(tail);
	if (version != SEGMENT_VERSION || footer_bytes < SEGMENT_HEAD_BYTES ||
	    footer_bytes > SEGMENT_FOOTER_BYTES_MAX || footer_bytes > tail_at - SEGMENT_MAGIC_BYTES)
		return segment_corrupt(segment, tail_at, error, "malformed tail");
	segment->footer_at = tail_at - footer_bytes;
	segment->summary.footer_checksum =
	    XXH3_64bits(segment->bytes + segment->footer_at, (size_t)footer_bytes);
	if (segment->summary.footer_checksum != bytes_get64(tail + 8))
		return segment_corrupt(segment, segment->footer_at, error,
				       "footer's checksum does not match");
	if (footer_checksum != 0 && footer_checksum != segment->summary.footer_checksum)
		return segment_corrupt(segment, segment->footer_at, error,
				       "not the file that the manifest lists: its footer differs");
	return segment_parse_footer(segment, footer_bytes, error);
}

static int
map_file(struct segment *segment, struct store_error *error)
{
	struct io *io = segment->io;
	const void *mapped = NULL;
	int fd = io->open(io, segment->path, O_RDONLY, 0), result;
	int64_t size;

	if (fd < 0)
		return io_error(error, fd, "open", segment->path);
	size = io->size(io, fd);
	result = size < 0 ? (int)size : io->map(io, fd, (size_t)size, &mapped);
	io->close(io, fd);
	if (result < 0)
		return io_error(error, result, "map", segment->path);
	segment->bytes = mapped;
	if (mapped != NULL && io->lost != NULL)
		segment->lost = io->lost(io, mapped);
	segment->summary.file_bytes = (uint64_t)size;
	return 0;
}

int
segment_open(struct io *io, const char *path, const struct store_table *table,
	     uint64_t footer_checksum, struct segment **out, struct store_error *error)
{
	struct segment *segment = calloc(1, sizeof *segment);
	int result;

	*out = NULL;
	if (segment == NULL || (segment->path = strdup(path)) == NULL) {
		free(segment);
		return store_error_set(error, STORE_ENOMEM, "out of memory opening %s", path);
	}
	segment->io = io;
	segment->table = table;
	pthread_mutex_init(&segment->mutex, NULL);
	if ((result = map_file(segment, error)) != 0 ||
	    (result = check_file(segment, footer_checksum, error)) != 0) {
		segment_close(segment);
		return result;
	}
	segment_find_times(segment);
	*out = segment;
	return 0;
}

void
segment_close(struct segment *segment)
{
	if (segment == NULL)
		return;
	for (uint32_t i = 0; segment->columns != NULL && i < segment->columns_count; i++) {
		struct segment_file_column *column = &segment->columns[i];

		free(column->strings.raw);
		free(column->strings.entries);
		free(column->strings.chunks);
		for (uint32_t b = 0; column->chunks != NULL && b < segment->blocks_count; b++)
			free(column->chunks[b].marks);
		free(column->chunks);
	}
	free(segment->columns);
	free(segment->sorted);
	free(segment->known);
	free(segment->block_rows);
	if (segment->bytes != NULL)
		segment->io->unmap(segment->io, segment->bytes,
				   (size_t)segment->summary.file_bytes);
	pthread_mutex_destroy(&segment->mutex);
	free(segment->path);
	free(segment);
}

int
segment_check_lost(const struct segment *segment, struct store_error *error)
{
	if (segment->lost == NULL || !atomic_load(segment->lost))
		return 0;
	return segment_corrupt(segment, 0, error,
			       "the file was cut short or cannot be read any more");
}

void
segment_summary(const struct segment *segment, struct segment_summary *out)
{
	*out = segment->summary;
}

uint32_t
segment_blocks_count(const struct segment *segment)
{
	return segment->blocks_count;
}

uint32_t
segment_block_rows_count(const struct segment *segment, uint32_t block)
{
	assert(block < segment->blocks_count);
	return segment->block_rows[block];
}

const struct segment_column *
segment_columns(const struct segment *segment, uint32_t *count)
{
	*count = segment->known_count;
	return segment->known;
}
