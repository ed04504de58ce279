/*
 * The structure of one file for a person to read. Beside check.c; must not
 * change anything, and must stand whatever the bytes are.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "segment_file.h"
#include "wal.h"
#include "wal_record.h"

struct dump {
	const struct store_schema *schema;
	void (*report)(void *context, const char *line);
	void *context;
};

static void __attribute__((format(printf, 2, 3)))
say(const struct dump *dump, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	dump->report(dump->context, line);
}

static int
dump_manifest(const struct dump *dump, const char *path, struct store_error *error)
{
	char directory[PATH_MAX], name[PATH_MAX];
	struct manifest manifest;
	int result;

	snprintf(directory, sizeof directory, "%s", path);
	*strrchr(directory, '/') = '\0';
	result = manifest_read(io_posix(), directory, dump->schema, &manifest, error);
	if (result != 0)
		return result;
	say(dump,
	    "MANIFEST: commits up to %llu are in segments, the WAL begins with %016llx, "
	    "file ids are below %llu",
	    (unsigned long long)manifest.commit, (unsigned long long)manifest.wal_floor,
	    (unsigned long long)manifest.next_file_id);
	for (uint32_t i = 0; i < manifest.segments_count; i++) {
		const struct manifest_segment *entry = &manifest.segments[i];

		manifest_segment_path("", dump->schema, entry, name, sizeof name);
		say(dump, "  %s: %llu rows, %llu bytes, times %lld to %lld", name + 1,
		    (unsigned long long)entry->summary.rows_count,
		    (unsigned long long)entry->summary.file_bytes,
		    (long long)entry->summary.time_min, (long long)entry->summary.time_max);
	}
	manifest_clear(&manifest);
	return 0;
}

/* Chunks and bytes of a column by codec. */
static void
dump_column(const struct dump *dump, const struct segment *segment,
	    const struct segment_file_column *column)
{
	static const char *const codecs[] = {"absent", "constant", "raw",
					     "packed", "delta",    "distinct"};
	uint32_t chunks[CODEC_LAST + 1] = {0}, compressed = 0, nulls = 0;
	uint64_t bytes = column->strings.stored_bytes;
	char text[256] = "";
	size_t size = 0;

	for (uint32_t i = 0; i < segment->blocks_count; i++) {
		const struct segment_chunk *chunk = &column->chunks[i];

		chunks[chunk->codec]++;
		bytes += (uint64_t)chunk->nulls_bytes + chunk->values_bytes;
		compressed += (chunk->flags & SEGMENT_CHUNK_VALUES_LZ4) != 0;
		nulls += chunk->null_count;
	}
	for (uint32_t i = 0; i <= CODEC_LAST; i++) {
		if (chunks[i] > 0)
			size += (size_t)snprintf(text + size, sizeof text - size, " %s %u",
						 codecs[i], chunks[i]);
	}
	say(dump,
	    "  %.*s%s%.*s: %llu bytes, %u NULL, dictionary of %u in %u bytes, chunks:%s, "
	    "LZ4 on %u",
	    (int)column->name.size, column->name.bytes, column->key.size > 0 ? "." : "",
	    (int)column->key.size, column->key.bytes, (unsigned long long)bytes, nulls,
	    column->strings.count, column->strings.stored_bytes, text, compressed);
}

/* The table is that whose directory the file lies in, else the first. */
static const struct store_table *
table_of(const struct dump *dump, const char *path)
{
	char wanted[PATH_MAX];

	for (uint32_t i = 0; i < dump->schema->tables_count; i++) {
		snprintf(wanted, sizeof wanted, "/%s/", dump->schema->tables[i].name);
		if (strstr(path, wanted) != NULL)
			return &dump->schema->tables[i];
	}
	return &dump->schema->tables[0];
}

static int
dump_segment(const struct dump *dump, const char *path, struct store_error *error)
{
	struct segment *segment;
	int result = segment_open(io_posix(), path, table_of(dump, path), 0, &segment, error);

	if (result != 0)
		return result;
	say(dump,
	    "segment: %llu rows in %u blocks, %u columns, %llu bytes, footer at %llu, "
	    "times %lld to %lld",
	    (unsigned long long)segment->summary.rows_count, segment->blocks_count,
	    segment->columns_count, (unsigned long long)segment->summary.file_bytes,
	    (unsigned long long)segment->footer_at, (long long)segment->summary.time_min,
	    (long long)segment->summary.time_max);
	for (uint32_t i = 0; i < segment->columns_count; i++)
		dump_column(dump, segment, &segment->columns[i]);
	segment_close(segment);
	return 0;
}

static int
dump_wal(const struct dump *dump, const char *path, uint64_t id, struct store_error *error)
{
	static const char *const types[] = {"?", "commit", "request", "erase"};
	struct wal_reader *reader;
	struct wal_record record;
	struct store_error local = {0};
	uint64_t previous, valid_bytes;
	size_t schema_size;
	int result = wal_reader_open(io_posix(), path, id, &reader, error);

	if (result != 0)
		return result;
	previous = wal_reader_previous(reader, &valid_bytes);
	wal_reader_schema(reader, &schema_size);
	say(dump, "WAL %016llx: schema of %zu bytes, after %016llx with %llu valid bytes",
	    (unsigned long long)id, schema_size, (unsigned long long)previous,
	    (unsigned long long)valid_bytes);
	while ((result = wal_reader_next(reader, &record, &local)) != 0) {
		if (result < 0)
			say(dump, "  DAMAGED: %s", local.text);
		else
			say(dump, "  %s %llu: %zu bytes",
			    types[record.type <= WAL_ERASE ? record.type : 0],
			    (unsigned long long)record.commit, record.size);
	}
	say(dump, "  valid up to byte %llu%s", (unsigned long long)wal_reader_valid_bytes(reader),
	    wal_reader_has_bad_tail(reader) ? ", then an unfinished write" : "");
	wal_reader_close(reader);
	return 0;
}

int
store_dump(const struct store_schema *schema, const char *path,
	   void (*report)(void *context, const char *line), void *context,
	   struct store_error *error)
{
	const struct dump dump = {schema, report, context};
	char whole[PATH_MAX];
	const char *name;
	char *end;
	uint64_t id;

	if ((size_t)snprintf(whole, sizeof whole, "%s%s", strchr(path, '/') == NULL ? "./" : "",
			     path) >= sizeof whole)
		return store_error_set(error, STORE_EINVAL, "path too long: %s", path);
	name = strrchr(whole, '/') + 1;
	id = strtoull(name, &end, 16);
	if (strcmp(name, "MANIFEST") == 0)
		return dump_manifest(&dump, whole, error);
	if (strcmp(end, ".seg") == 0)
		return dump_segment(&dump, whole, error);
	if (strcmp(end, ".wal") == 0)
		return dump_wal(&dump, whole, id, error);
	return store_error_set(error, STORE_EINVAL, "%s: a file is called MANIFEST, *.seg or *.wal",
			       path);
}
