/*
 * The manifest file: read at opening, replaced by rename after a flush or a
 * merge. Must not touch segments. Format: FORMAT.md.
 */
#include <assert.h>
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
#define SECRET_BYTES 32u

/* Head: magic, version u32, table names u32, segments u32, zero u32, commit
 * u64, WAL floor u64, next file id u64, secret; then table names (size u16,
 * bytes), segments, and XXH3-64 of all before it. */
#define HEAD_BYTES 80u
/* Segment: number of its table's name u32, day i32, id u64, rows u64, file
 * bytes u64, time min i64, time max i64, footer checksum u64. */
#define SEGMENT_BYTES 56u
#define CHECKSUM_BYTES 8u

_Static_assert(HEAD_BYTES == 8 + 4 * 4 + 3 * 8 + SECRET_BYTES, "head");
_Static_assert(SEGMENT_BYTES == 4 + 4 + 6 * 8, "segment");
_Static_assert(sizeof((struct manifest *)0)->secret == SECRET_BYTES, "secret");

/* What is asserted before writing is an error after reading. */
static bool
is_sound(const struct manifest_segment *segment, uint64_t next_file_id)
{
	return segment->id < next_file_id && segment->summary.time_min <= segment->summary.time_max;
}

/* ---- writing ---------------------------------------------------------- */

static void
put_segment(unsigned char *at, const struct manifest_segment *segment, uint32_t table)
{
	bytes_put32(at, table);
	bytes_put32(at + 4, (uint32_t)segment->partition_day);
	bytes_put64(at + 8, segment->id);
	bytes_put64(at + 16, segment->summary.rows_count);
	bytes_put64(at + 24, segment->summary.file_bytes);
	bytes_put64(at + 32, (uint64_t)segment->summary.time_min);
	bytes_put64(at + 40, (uint64_t)segment->summary.time_max);
	bytes_put64(at + 48, segment->summary.footer_checksum);
}

static unsigned char *
put_name(unsigned char *at, const char *name)
{
	size_t size = strlen(name);

	assert(size <= MANIFEST_TABLE_NAME_BYTES_MAX);
	bytes_put16(at, (uint16_t)size);
	memcpy(at + 2, name, size);
	return at + 2 + size;
}

static size_t
file_size(const struct store_schema *schema, const struct manifest *manifest)
{
	size_t segments = (size_t)manifest->segments_count + manifest->kept.segments_count;
	size_t size = HEAD_BYTES + segments * SEGMENT_BYTES + CHECKSUM_BYTES;

	for (uint32_t i = 0; i < schema->tables_count; i++)
		size += 2 + strlen(schema->tables[i].name);
	for (uint32_t i = 0; i < manifest->kept.tables_count; i++)
		size += 2 + strlen(manifest->kept.tables[i]);
	return size;
}

static void
put_all(unsigned char *bytes, size_t size, const struct store_schema *schema,
	const struct manifest *manifest)
{
	const struct manifest_kept *kept = &manifest->kept;
	unsigned char *at = bytes + HEAD_BYTES;

	memcpy(bytes, MANIFEST_MAGIC, 8);
	bytes_put32(bytes + 8, MANIFEST_VERSION);
	bytes_put32(bytes + 12, schema->tables_count + kept->tables_count);
	bytes_put32(bytes + 16, manifest->segments_count + kept->segments_count);
	bytes_put64(bytes + 24, manifest->commit);
	bytes_put64(bytes + 32, manifest->wal_floor);
	bytes_put64(bytes + 40, manifest->next_file_id);
	memcpy(bytes + 48, manifest->secret, SECRET_BYTES);
	for (uint32_t i = 0; i < schema->tables_count; i++)
		at = put_name(at, schema->tables[i].name);
	for (uint32_t i = 0; i < kept->tables_count; i++)
		at = put_name(at, kept->tables[i]);
	for (uint32_t i = 0; i < manifest->segments_count; i++, at += SEGMENT_BYTES) {
		const struct manifest_segment *segment = &manifest->segments[i];

		assert(segment->table < schema->tables_count);
		assert(is_sound(segment, manifest->next_file_id));
		put_segment(at, segment, segment->table);
	}
	for (uint32_t i = 0; i < kept->segments_count; i++, at += SEGMENT_BYTES)
		put_segment(at, &kept->segments[i], schema->tables_count + kept->segments[i].table);
	bytes_put64(at, XXH3_64bits(bytes, size - CHECKSUM_BYTES));
	assert((size_t)(at - bytes) + CHECKSUM_BYTES == size);
}

int
manifest_write(struct io *io, const char *directory, const struct store_schema *schema,
	       const struct manifest *manifest, struct store_error *error)
{
	size_t size = file_size(schema, manifest);
	unsigned char *bytes;
	char path[PATH_MAX];
	int result;

	if (size > MANIFEST_BYTES_MAX)
		return store_error_set(error, STORE_ENOMEM, "the manifest is over %u bytes",
				       MANIFEST_BYTES_MAX);
	if ((bytes = calloc(1, size)) == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory writing the manifest");
	put_all(bytes, size, schema, manifest);
	result = io_publish(io, directory, MANIFEST_NAME, bytes, size);
	free(bytes);
	if (result == 0)
		return 0;
	snprintf(path, sizeof path, "%s/" MANIFEST_NAME, directory);
	return io_error(error, result, "write", path);
}

/* ---- reading ---------------------------------------------------------- */

struct parser {
	const unsigned char *bytes, *at, *end; /* end: of all but the checksum */
	const char *path;
	struct store_error *error;
	const struct store_schema *schema;
	uint32_t *tables; /* owned: the schema's number, or its count + that in kept.tables */
	uint32_t tables_count;
};

static int
corrupt(const struct parser *parser, const unsigned char *at, const char *what)
{
	unsigned long long offset = at == NULL ? 0 : (unsigned long long)(at - parser->bytes);

	if (parser->error != NULL) {
		parser->error->offset = offset;
		snprintf(parser->error->file, sizeof parser->error->file, "%s", parser->path);
	}
	return store_error_set(parser->error, STORE_ECORRUPT,
			       "%s: %s at byte %llu; restore it from a backup", parser->path, what,
			       offset);
}

static int
out_of_memory(const struct parser *parser)
{
	return store_error_set(parser->error, STORE_ENOMEM, "out of memory reading %s",
			       parser->path);
}

static uint32_t
find_table(const struct parser *parser, const char *name)
{
	uint32_t i = 0;

	while (i < parser->schema->tables_count &&
	       strcmp(parser->schema->tables[i].name, name) != 0)
		i++;
	return i;
}

/* Names to numbers: the schema's by name, others into out->kept. */
static int
parse_names(struct parser *parser, struct manifest *out)
{
	struct manifest_kept *kept = &out->kept;

	if (parser->tables_count > (size_t)(parser->end - parser->at) / 2)
		return corrupt(parser, parser->bytes + 12, "more table names than bytes");
	parser->tables = calloc((size_t)parser->tables_count + 1, sizeof *parser->tables);
	kept->tables = calloc((size_t)parser->tables_count + 1, sizeof *kept->tables);
	if (parser->tables == NULL || kept->tables == NULL)
		return out_of_memory(parser);
	for (uint32_t i = 0; i < parser->tables_count; i++) {
		char *name = kept->tables[kept->tables_count];
		size_t size;

		if (parser->end - parser->at < 2 || (size = bytes_get16(parser->at)) == 0 ||
		    size > MANIFEST_TABLE_NAME_BYTES_MAX ||
		    size > (size_t)(parser->end - parser->at) - 2)
			return corrupt(parser, parser->at, "malformed table name");
		memcpy(name, parser->at + 2, size);
		name[size] = '\0';
		if (strlen(name) != size)
			return corrupt(parser, parser->at, "malformed table name");
		parser->tables[i] = find_table(parser, name);
		if (parser->tables[i] == parser->schema->tables_count)
			parser->tables[i] += kept->tables_count++;
		parser->at += 2 + size;
	}
	return 0;
}

static int
parse_segments(struct parser *parser, uint32_t count, struct manifest *out)
{
	struct manifest_kept *kept = &out->kept;
	uint32_t known = parser->schema->tables_count;

	if ((uint64_t)count * SEGMENT_BYTES != (uint64_t)(parser->end - parser->at))
		return corrupt(parser, parser->bytes + 16, "size does not fit the segments");
	out->segments = calloc((size_t)count + 1, sizeof *out->segments);
	kept->segments = calloc((size_t)count + 1, sizeof *kept->segments);
	if (out->segments == NULL || kept->segments == NULL)
		return out_of_memory(parser);
	for (uint32_t i = 0; i < count; i++, parser->at += SEGMENT_BYTES) {
		const unsigned char *at = parser->at;
		uint32_t number = bytes_get32(at);
		struct manifest_segment segment = {
		    .partition_day = (int32_t)bytes_get32(at + 4),
		    .id = bytes_get64(at + 8),
		    .summary = {.rows_count = bytes_get64(at + 16),
				.file_bytes = bytes_get64(at + 24),
				.time_min = (int64_t)bytes_get64(at + 32),
				.time_max = (int64_t)bytes_get64(at + 40),
				.footer_checksum = bytes_get64(at + 48)}};

		if (number >= parser->tables_count || !is_sound(&segment, out->next_file_id))
			return corrupt(parser, at, "malformed segment entry");
		segment.table = parser->tables[number];
		if (segment.table < known) {
			out->segments[out->segments_count++] = segment;
		} else {
			segment.table -= known;
			kept->segments[kept->segments_count++] = segment;
		}
	}
	return 0;
}

static int
parse(struct parser *parser, struct manifest *out)
{
	const unsigned char *bytes = parser->bytes;
	uint32_t version = bytes_get32(bytes + 8);
	int result;

	if (memcmp(bytes, MANIFEST_MAGIC, 8) != 0)
		return corrupt(parser, bytes, "not a manifest");
	if (version > MANIFEST_VERSION)
		return store_error_set(parser->error, STORE_EVERSION,
				       "%s: format version %u is newer than this program's %u: "
				       "use a newer drum",
				       parser->path, version, MANIFEST_VERSION);
	if (XXH3_64bits(bytes, (size_t)(parser->end - bytes)) != bytes_get64(parser->end))
		return corrupt(parser, parser->end, "checksum does not match");
	if (version != MANIFEST_VERSION || bytes_get32(bytes + 20) != 0)
		return corrupt(parser, bytes + 8, "malformed head");
	parser->tables_count = bytes_get32(bytes + 12);
	out->commit = bytes_get64(bytes + 24);
	out->wal_floor = bytes_get64(bytes + 32);
	out->next_file_id = bytes_get64(bytes + 40);
	memcpy(out->secret, bytes + 48, SECRET_BYTES);
	parser->at = bytes + HEAD_BYTES;
	if ((result = parse_names(parser, out)) == 0)
		result = parse_segments(parser, bytes_get32(bytes + 16), out);
	return result;
}

int
manifest_read(struct io *io, const char *directory, const struct store_schema *schema,
	      struct manifest *out, struct store_error *error)
{
	struct parser parser = {.schema = schema, .error = error};
	unsigned char *bytes = NULL;
	char path[PATH_MAX];
	int64_t size;
	int fd, result;

	memset(out, 0, sizeof *out);
	snprintf(path, sizeof path, "%s/" MANIFEST_NAME, directory);
	if ((fd = io->open(io, path, O_RDONLY, 0)) == -ENOENT)
		return store_error_set(error, STORE_EUNKNOWN, "no %s", path);
	if (fd < 0)
		return io_error(error, fd, "open", path);
	size = io->size(io, fd);
	parser.path = path;
	if (size < 0) {
		result = io_error(error, (int)size, "read", path);
	} else if (size < (int64_t)(HEAD_BYTES + CHECKSUM_BYTES) || size > MANIFEST_BYTES_MAX) {
		result = corrupt(&parser, NULL, "not a manifest: wrong size");
	} else if ((bytes = malloc((size_t)size)) == NULL) {
		result = out_of_memory(&parser);
	} else if ((result = io_read_full(io, fd, bytes, (size_t)size, 0)) != 0) {
		result = io_error(error, result, "read", path);
	} else {
		parser.bytes = bytes;
		parser.end = bytes + size - CHECKSUM_BYTES;
		result = parse(&parser, out);
	}
	io->close(io, fd);
	free(parser.tables);
	free(bytes);
	if (result != 0)
		manifest_clear(out);
	return result;
}

/* ---- in memory -------------------------------------------------------- */

/* Never NULL for want of entries, so that NULL means out of memory. */
static void *
duplicate(const void *items, uint32_t count, size_t item_size)
{
	void *copy = malloc(((size_t)count + 1) * item_size);

	if (copy != NULL && count > 0)
		memcpy(copy, items, count * item_size);
	return copy;
}

int
manifest_copy(const struct manifest *manifest, struct manifest *out, struct store_error *error)
{
	const struct manifest_kept *kept = &manifest->kept;

	*out = *manifest;
	out->segments =
	    duplicate(manifest->segments, manifest->segments_count, sizeof *out->segments);
	out->kept.segments =
	    duplicate(kept->segments, kept->segments_count, sizeof *kept->segments);
	out->kept.tables = duplicate(kept->tables, kept->tables_count, sizeof *kept->tables);
	if (out->segments != NULL && out->kept.segments != NULL && out->kept.tables != NULL)
		return 0;
	manifest_clear(out);
	return store_error_set(error, STORE_ENOMEM, "out of memory copying the manifest");
}

void
manifest_clear(struct manifest *manifest)
{
	free(manifest->segments);
	free(manifest->kept.segments);
	free(manifest->kept.tables);
	memset(manifest, 0, sizeof *manifest);
}

int
manifest_segment_path(const char *directory, const struct store_schema *schema,
		      const struct manifest_segment *segment, char *out, size_t out_size)
{
	time_t seconds = (time_t)segment->partition_day * 86400;
	struct tm day;
	int size;

	assert(segment->table < schema->tables_count);
	gmtime_r(&seconds, &day);
	size = snprintf(out, out_size, "%s/%s/%04d-%02d-%02d/%016llx.seg", directory,
			schema->tables[segment->table].name, day.tm_year + 1900, day.tm_mon + 1,
			day.tm_mday, (unsigned long long)segment->id);
	return size < 0 || (size_t)size >= out_size ? STORE_EINVAL : 0;
}
