/*
 * The manifest file: read at opening, replaced by rename after a flush or a
 * merge. Must not touch segments. Format: FORMAT.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xxhash.h>

#include "bytes.h"
#include "manifest.h"

#define MANIFEST_NAME "MANIFEST"
#define MANIFEST_MAGIC "DRUMMAN\n"
#define MANIFEST_VERSION 1u
#define MANIFEST_BYTES_MAX (256u << 20)

/* Head: magic, version u32, table names u32, segments u32, zero u32, commit
 * u64, WAL floor u64, next file id u64, secret[32]; then table names (size
 * u16, bytes), segments, and XXH3-64 of all before it. */
#define HEAD_BYTES 80u
#define SEGMENT_BYTES 60u
#define CHECKSUM_BYTES 8u

_Static_assert(HEAD_BYTES == 8 + 4 * 4 + 3 * 8 + 32, "head");
_Static_assert(SEGMENT_BYTES == 4 + 4 + 8 + 8 + 8 + 8 + 8 + 8 + 4, "segment");

static int
corrupt(const char *path, size_t offset, struct store_error *error, const char *what)
{
	if (error != NULL)
		error->offset = offset;
	return store_error_set(error, STORE_ECORRUPT,
			       "%s: %s at byte %zu; restore it from a backup", path, what, offset);
}

static void
put_segment(unsigned char *at, const struct manifest_segment *segment)
{
	bytes_put32(at, segment->table);
	bytes_put32(at + 4, (uint32_t)segment->partition_day);
	bytes_put64(at + 8, segment->id);
	bytes_put64(at + 16, segment->summary.rows_count);
	bytes_put64(at + 24, segment->summary.file_bytes);
	bytes_put64(at + 32, (uint64_t)segment->summary.time_min);
	bytes_put64(at + 40, (uint64_t)segment->summary.time_max);
	bytes_put64(at + 48, segment->summary.footer_checksum);
	bytes_put32(at + 56, 0);
}

static void
get_segment(const unsigned char *at, struct manifest_segment *segment)
{
	segment->table = bytes_get32(at);
	segment->partition_day = (int32_t)bytes_get32(at + 4);
	segment->id = bytes_get64(at + 8);
	segment->summary.rows_count = bytes_get64(at + 16);
	segment->summary.file_bytes = bytes_get64(at + 24);
	segment->summary.time_min = (int64_t)bytes_get64(at + 32);
	segment->summary.time_max = (int64_t)bytes_get64(at + 40);
	segment->summary.footer_checksum = bytes_get64(at + 48);
}

int
manifest_write(struct io *io, const char *directory, const struct store_schema *schema,
	       const struct manifest *manifest, struct store_error *error)
{
	size_t size =
	    HEAD_BYTES + (size_t)manifest->segments_count * SEGMENT_BYTES + CHECKSUM_BYTES;
	unsigned char *bytes, *at;
	int result;

	for (uint32_t i = 0; i < schema->tables_count; i++)
		size += 2 + strlen(schema->tables[i].name);
	if ((bytes = calloc(1, size)) == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory writing the manifest");
	memcpy(bytes, MANIFEST_MAGIC, 8);
	bytes_put32(bytes + 8, MANIFEST_VERSION);
	bytes_put32(bytes + 12, schema->tables_count);
	bytes_put32(bytes + 16, manifest->segments_count);
	bytes_put64(bytes + 24, manifest->commit);
	bytes_put64(bytes + 32, manifest->wal_floor);
	bytes_put64(bytes + 40, manifest->next_file_id);
	memcpy(bytes + 48, manifest->secret, sizeof manifest->secret);
	at = bytes + HEAD_BYTES;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		size_t name_size = strlen(schema->tables[i].name);

		bytes_put16(at, (uint16_t)name_size);
		memcpy(at + 2, schema->tables[i].name, name_size);
		at += 2 + name_size;
	}
	for (uint32_t i = 0; i < manifest->segments_count; i++, at += SEGMENT_BYTES)
		put_segment(at, &manifest->segments[i]);
	bytes_put64(at, XXH3_64bits(bytes, size - CHECKSUM_BYTES));
	result = io_publish(io, directory, MANIFEST_NAME, bytes, size);
	free(bytes);
	if (result != 0)
		return store_error_set(error, result == -ENOSPC ? STORE_EFULL : STORE_EIO,
				       "write %s/" MANIFEST_NAME ": %s", directory,
				       strerror(-result));
	return 0;
}

/* Translates the file's table numbers to the schema's, by name. */
static int
get_tables(const unsigned char **at, const unsigned char *end, uint32_t count,
	   const struct store_schema *schema, uint32_t *tables, const char *path,
	   struct store_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		size_t size;

		if (end - *at < 2 || (size = bytes_get16(*at)) > (size_t)(end - *at) - 2)
			return corrupt(path, HEAD_BYTES, error, "malformed table names");
		tables[i] = UINT32_MAX;
		for (uint32_t j = 0; j < schema->tables_count; j++) {
			if (strlen(schema->tables[j].name) == size &&
			    memcmp(schema->tables[j].name, *at + 2, size) == 0)
				tables[i] = j;
		}
		if (tables[i] == UINT32_MAX)
			return store_error_set(
			    error, STORE_EVERSION,
			    "%s: table %.*s is not known to this program: use the "
			    "drum that wrote it",
			    path, (int)size, (const char *)*at + 2);
		*at += 2 + size;
	}
	return 0;
}

static int
parse(const unsigned char *bytes, size_t size, const struct store_schema *schema,
      struct manifest *out, const char *path, struct store_error *error)
{
	const unsigned char *at = bytes + HEAD_BYTES, *end = bytes + size - CHECKSUM_BYTES;
	uint32_t tables[64], tables_count, version;
	int result;

	if (size < HEAD_BYTES + CHECKSUM_BYTES || memcmp(bytes, MANIFEST_MAGIC, 8) != 0)
		return corrupt(path, 0, error, "not a manifest");
	version = bytes_get32(bytes + 8);
	if (version > MANIFEST_VERSION)
		return store_error_set(
		    error, STORE_EVERSION,
		    "%s: version %u is newer than this program's %u: use a newer drum", path,
		    version, MANIFEST_VERSION);
	if (XXH3_64bits(bytes, size - CHECKSUM_BYTES) != bytes_get64(end))
		return corrupt(path, size - CHECKSUM_BYTES, error, "checksum does not match");
	tables_count = bytes_get32(bytes + 12);
	out->segments_count = bytes_get32(bytes + 16);
	out->commit = bytes_get64(bytes + 24);
	out->wal_floor = bytes_get64(bytes + 32);
	out->next_file_id = bytes_get64(bytes + 40);
	memcpy(out->secret, bytes + 48, sizeof out->secret);
	if (tables_count > sizeof tables / sizeof *tables)
		return corrupt(path, 12, error, "too many tables");
	if ((result = get_tables(&at, end, tables_count, schema, tables, path, error)) != 0)
		return result;
	if ((uint64_t)out->segments_count * SEGMENT_BYTES != (uint64_t)(end - at))
		return corrupt(path, 16, error, "size does not fit the number of segments");
	out->segments = calloc((size_t)out->segments_count + 1, sizeof *out->segments);
	if (out->segments == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory reading %s", path);
	for (uint32_t i = 0; i < out->segments_count; i++, at += SEGMENT_BYTES) {
		get_segment(at, &out->segments[i]);
		if (out->segments[i].table >= tables_count)
			return corrupt(path, (size_t)(at - bytes), error, "unknown table number");
		out->segments[i].table = tables[out->segments[i].table];
	}
	return 0;
}

int
manifest_read(struct io *io, const char *directory, const struct store_schema *schema,
	      struct manifest *out, struct store_error *error)
{
	unsigned char *bytes = NULL;
	char path[PATH_MAX];
	int64_t size;
	int fd, result;

	memset(out, 0, sizeof *out);
	snprintf(path, sizeof path, "%s/" MANIFEST_NAME, directory);
	if ((fd = io->open(io, path, O_RDONLY, 0)) == -ENOENT)
		return store_error_set(error, STORE_EUNKNOWN, "no %s", path);
	if (fd < 0)
		return store_error_set(error, STORE_EIO, "open %s: %s", path, strerror(-fd));
	size = io->size(io, fd);
	if (size < (int64_t)(HEAD_BYTES + CHECKSUM_BYTES) || size > MANIFEST_BYTES_MAX) {
		result = corrupt(path, 0, error, "not a manifest");
		goto done;
	}
	if ((bytes = malloc((size_t)size)) == NULL) {
		result = store_error_set(error, STORE_ENOMEM, "out of memory reading %s", path);
		goto done;
	}
	if ((result = io_read_full(io, fd, bytes, (size_t)size, 0)) != 0)
		result = store_error_set(error, STORE_EIO, "read %s: %s", path, strerror(-result));
	else
		result = parse(bytes, (size_t)size, schema, out, path, error);
done:
	io->close(io, fd);
	free(bytes);
	if (result != 0)
		manifest_clear(out);
	return result;
}

void
manifest_clear(struct manifest *manifest)
{
	free(manifest->segments);
	memset(manifest, 0, sizeof *manifest);
}

int
manifest_segment_path(const char *directory, const struct store_schema *schema,
		      const struct manifest_segment *segment, char *out, size_t out_size)
{
	time_t seconds = (time_t)segment->partition_day * 86400;
	struct tm day;
	int size;

	gmtime_r(&seconds, &day);
	size = snprintf(out, out_size, "%s/%s/%04d-%02d-%02d/%016llx.seg", directory,
			schema->tables[segment->table].name, day.tm_year + 1900, day.tm_mon + 1,
			day.tm_mday, (unsigned long long)segment->id);
	return size < 0 || (size_t)size >= out_size ? STORE_EINVAL : 0;
}
