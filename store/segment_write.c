/*
 * Rows, already sorted, to one immutable segment file. The last step of flush
 * and merge. Must not decide which rows: it writes what its source yields, and
 * leaves nothing behind when it fails.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "segment_writer.h"

/* So much goes to the disk at a time. A file system may let a sync of the WAL
 * wait for what another file has to write: at the end that would be all of it. */
#define BEGUN_BYTES (1u << 20)

int
segment_writer_out_of_memory(struct segment_writer *writer)
{
	return store_error_set(writer->error, STORE_ENOMEM, "out of memory while writing %s",
			       writer->path);
}

unsigned char *
segment_writer_footer(struct segment_writer *writer, size_t size)
{
	size_t needed = writer->footer_bytes + size, grown_bytes = writer->footer_bytes_max;
	unsigned char *grown;

	if (needed > SEGMENT_FOOTER_BYTES_MAX) {
		store_error_set(writer->error, STORE_ENOMEM, "footer of %s is over %u bytes",
				writer->path, SEGMENT_FOOTER_BYTES_MAX);
		return NULL;
	}
	if (needed > grown_bytes) {
		while (grown_bytes < needed)
			grown_bytes = grown_bytes == 0 ? 4096 : grown_bytes * 2;
		if ((grown = realloc(writer->footer, grown_bytes)) == NULL) {
			segment_writer_out_of_memory(writer);
			return NULL;
		}
		writer->footer = grown;
		writer->footer_bytes_max = grown_bytes;
	}
	grown = writer->footer + writer->footer_bytes;
	memset(grown, 0, size);
	writer->footer_bytes = needed;
	return grown;
}

static int
put(struct segment_writer *writer, const void *bytes, size_t size)
{
	int result = io_write_full(writer->io, writer->fd, bytes, size, writer->offset);

	if (result != 0)
		return io_error(writer->error, result, "write", writer->path);
	writer->offset += size;
	if (writer->offset - writer->begun >= BEGUN_BYTES && writer->io->begin_sync != NULL) {
		writer->io->begin_sync(writer->io, writer->fd, writer->begun,
				       writer->offset - writer->begun);
		writer->begun = writer->offset;
	}
	return 0;
}

int
segment_writer_section(struct segment_writer *writer, const void *bytes, size_t size)
{
	static const unsigned char zeros[SEGMENT_ALIGNMENT];
	size_t padding = (size_t)(segment_aligned(writer->offset) - writer->offset);
	int result = 0;

	if (padding > 0)
		result = put(writer, zeros, padding);
	return result != 0 ? result : put(writer, bytes, size);
}

static int
put_body(struct segment_writer *writer)
{
	const struct segment_source *source = writer->source;
	uint64_t blocks = (source->rows_count + BLOCK_ROWS_MAX - 1) / BLOCK_ROWS_MAX;
	unsigned char *at;
	int result;

	if (blocks > SEGMENT_BLOCKS_MAX || source->columns_count > SEGMENT_COLUMNS_MAX)
		return store_error_set(writer->error, STORE_EINVAL,
				       "%llu rows and %u columns are too many for a segment",
				       (unsigned long long)source->rows_count,
				       source->columns_count);
	if ((at = segment_writer_footer(writer, SEGMENT_HEAD_BYTES + (size_t)blocks * 4)) == NULL)
		return STORE_ENOMEM;
	for (uint64_t i = 0; i < blocks; i++)
		bytes_put32(at + SEGMENT_HEAD_BYTES + (size_t)i * 4,
			    segment_writer_rows(writer, i * BLOCK_ROWS_MAX));
	result = put(writer, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES);
	for (uint32_t i = 0; result == 0 && i < source->columns_count; i++)
		result = segment_write_column(writer, i);
	if (writer->time_min > writer->time_max)
		writer->time_min = writer->time_max = 0;
	at = writer->footer; /* it may have moved */
	bytes_put32(at, source->columns_count);
	bytes_put32(at + 4, (uint32_t)blocks);
	bytes_put64(at + 8, source->rows_count);
	bytes_put64(at + 16, (uint64_t)writer->time_min);
	bytes_put64(at + 24, (uint64_t)writer->time_max);
	return result;
}

static int
put_footer(struct segment_writer *writer, struct segment_summary *summary)
{
	unsigned char tail[SEGMENT_TAIL_BYTES];
	int result;

	summary->footer_checksum = XXH3_64bits(writer->footer, writer->footer_bytes);
	bytes_put32(tail, (uint32_t)writer->footer_bytes);
	bytes_put32(tail + 4, SEGMENT_VERSION);
	bytes_put64(tail + 8, summary->footer_checksum);
	memcpy(tail + 16, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES);
	if ((result = segment_writer_section(writer, writer->footer, writer->footer_bytes)) != 0 ||
	    (result = put(writer, tail, sizeof tail)) != 0)
		return result;
	summary->rows_count = writer->source->rows_count;
	summary->file_bytes = writer->offset;
	summary->time_min = writer->time_min;
	summary->time_max = writer->time_max;
	return 0;
}

/* The whole file, synced and closed, under its temporary name. */
static int
write_file(struct segment_writer *writer, struct segment_summary *summary)
{
	int result, closed;

	writer->fd = writer->io->open(writer->io, writer->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (writer->fd < 0)
		return io_error(writer->error, writer->fd, "create", writer->path);
	if ((result = put_body(writer)) == 0)
		result = put_footer(writer, summary);
	if (result == 0 && (result = writer->io->sync(writer->io, writer->fd)) != 0)
		result = io_error(writer->error, result, "sync", writer->path);
	closed = writer->io->close(writer->io, writer->fd);
	if (result == 0 && closed != 0)
		result = io_error(writer->error, closed, "close", writer->path);
	return result;
}

static int
publish(struct segment_writer *writer, const char *directory, const char *path)
{
	struct io *io = writer->io;
	int result = io->rename(io, writer->path, path);

	if (result != 0)
		return io_error(writer->error, result, "rename to", path);
	if ((result = io->sync_directory(io, directory)) != 0) {
		io->unlink(io, path);
		return io_error(writer->error, result, "sync directory", directory);
	}
	return 0;
}

int
segment_write(struct io *io, const char *directory, const char *name,
	      const struct segment_source *source, struct segment_summary *summary,
	      struct store_error *error)
{
	struct segment_writer writer = {.io = io, .source = source, .error = error};
	char path[PATH_MAX], temporary[PATH_MAX];
	int result;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path ||
	    (size_t)snprintf(temporary, sizeof temporary, "%s/%s.tmp", directory, name) >=
		sizeof temporary)
		return store_error_set(error, STORE_EINVAL, "path is too long: %s", directory);
	writer.path = temporary;
	writer.time_min = INT64_MAX;
	writer.time_max = INT64_MIN;
	writer.encoder = codec_encoder_create();
	writer.values = malloc(BLOCK_ROWS_MAX * sizeof *writer.values);
	writer.encoded = malloc(codec_bound(BLOCK_ROWS_MAX));
	writer.section = malloc(codec_compress_bound(segment_nulls_bytes(BLOCK_ROWS_MAX)) +
				codec_compress_bound(codec_bound(BLOCK_ROWS_MAX)));
	if (writer.encoder == NULL || writer.values == NULL || writer.encoded == NULL ||
	    writer.section == NULL)
		result = segment_writer_out_of_memory(&writer);
	else if ((result = write_file(&writer, summary)) == 0)
		result = publish(&writer, directory, path);
	if (result != 0)
		io->unlink(io, temporary);
	codec_encoder_free(writer.encoder);
	free(writer.values);
	free(writer.encoded);
	free(writer.section);
	free(writer.footer);
	return result;
}
