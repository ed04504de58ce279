/*
 * Whether a store's files are what was written and fit together, without
 * opening it. For people, after trouble and before trusting a backup. Must not
 * change anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "partition.h"
#include "wal.h"
#include "wal_record.h"

struct check {
	const struct store_schema *schema;
	struct io *io;
	const char *directory;
	bool deep;
	void (*report)(void *context, const char *line);
	void *context;
	struct manifest manifest;
	uint64_t problems, segments, rows, wal_files, commits;
};

static void __attribute__((format(printf, 3, 4)))
say(struct check *check, bool problem, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	check->problems += problem;
	check->report(check->context, line);
}

/* ---- segments -------------------------------------------------------- */

static void
check_segment(struct check *check, const struct manifest_segment *entry)
{
	const struct store_table *table = &check->schema->tables[entry->table];
	struct segment_summary summary;
	struct store_error error = {0};
	struct segment *segment = NULL;
	char path[PATH_MAX];
	int result =
	    manifest_segment_path(check->directory, check->schema, entry, path, sizeof path);

	if (result == 0)
		result = segment_open(check->io, path, table, entry->summary.footer_checksum,
				      &segment, &error);
	if (result != 0) {
		say(check, true, "PROBLEM %s", error.text[0] != '\0' ? error.text : path);
		return;
	}
	segment_summary(segment, &summary);
	if (summary.rows_count != entry->summary.rows_count ||
	    summary.file_bytes != entry->summary.file_bytes ||
	    summary.time_min != entry->summary.time_min ||
	    summary.time_max != entry->summary.time_max)
		say(check, true, "PROBLEM %s: MANIFEST has another size, time or number of rows",
		    path);
	if (check->deep && segment_verify(segment, &error) != 0)
		say(check, true, "PROBLEM %s", error.text);
	check->segments++;
	check->rows += summary.rows_count;
	segment_close(segment);
}

/* What a crash left, or what was set aside: the next start deals with it. */
static void
tell_stray(void *context, const char *path)
{
	say(context, false, "note    %s: MANIFEST does not list it", path);
}

static void
check_strays(struct check *check)
{
	struct store_error error = {0};

	if (partition_strays(check->io, check->directory, check->schema, &check->manifest,
			     tell_stray, check, &error) != 0)
		say(check, true, "PROBLEM %s", error.text);
}

/* ---- WAL ------------------------------------------------------------- */

/* The records of a payload, as recovery reads them. */
static bool
is_readable(const struct wal_record *record, const struct wal_columns *columns,
	    struct store_arena *arena)
{
	struct wal_cursor cursor = {record->payload, record->payload + record->size, columns};
	struct store_request request;
	struct store_erasure erasure;
	struct wal_entry entry;
	uint32_t count = 0;
	bool has_request;

	if (record->type == WAL_ERASE)
		return wal_record_get_erasure(&cursor, &erasure) == 0 &&
		       wal_record_get_end(&cursor) == 0;
	if (wal_record_get_request(&cursor, &request, &has_request) != 0)
		return false;
	if (record->type != WAL_COMMIT)
		return record->type == WAL_REQUEST && wal_record_get_end(&cursor) == 0;
	if (wal_record_get_count(&cursor, &count) != 0)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (wal_record_get_entry(&cursor, arena, &entry) != 0)
			return false;
	}
	return wal_record_get_end(&cursor) == 0;
}

/* `promised`: bytes that a later file calls valid, UINT64_MAX when none does. */
static void
check_records(struct check *check, struct wal_reader *reader, const char *path, uint64_t promised)
{
	struct store_arena *arena = store_arena_create(0);
	struct wal_columns *columns;
	struct wal_record record;
	struct store_error error = {0};
	const unsigned char *schema;
	size_t schema_size;
	uint64_t commit = 0;
	int result;

	schema = wal_reader_schema(reader, &schema_size);
	columns = wal_record_columns(schema, schema_size, check->schema);
	if (columns == NULL || arena == NULL)
		say(check, true, "PROBLEM %s: malformed schema", path);
	while (columns != NULL && arena != NULL &&
	       (result = wal_reader_next(reader, &record, &error)) != 0) {
		if (result < 0) {
			say(check, true, "PROBLEM %s", error.text);
			continue;
		}
		store_arena_reset(arena);
		if (!is_readable(&record, columns, arena))
			say(check, true, "PROBLEM %s: commit %llu is malformed", path,
			    (unsigned long long)record.commit);
		if (record.type == WAL_REQUEST)
			continue;
		if (record.commit <= commit)
			say(check, true, "PROBLEM %s: commit %llu comes after %llu", path,
			    (unsigned long long)record.commit, (unsigned long long)commit);
		commit = record.commit;
		check->commits++;
	}
	if (promised != UINT64_MAX && wal_reader_valid_bytes(reader) < promised)
		say(check, true, "PROBLEM %s ends after byte %llu instead of %llu", path,
		    (unsigned long long)wal_reader_valid_bytes(reader),
		    (unsigned long long)promised);
	else if (wal_reader_has_bad_tail(reader))
		say(check, false, "note    %s: an unfinished write after byte %llu", path,
		    (unsigned long long)wal_reader_valid_bytes(reader));
	wal_record_columns_free(columns);
	store_arena_free(arena);
}

/* Whether the file that the writer used before is there, or need not be. */
static void
check_previous(struct check *check, const struct wal_reader *reader, const uint64_t *ids,
	       uint32_t count, const char *path)
{
	uint64_t bytes, previous = wal_reader_previous(reader, &bytes);
	bool found = previous == 0 || previous < check->manifest.wal_floor;

	for (uint32_t i = 0; !found && i < count; i++)
		found = ids[i] == previous;
	if (!found)
		say(check, true, "PROBLEM wal/%016llx.wal, which %s follows, is missing",
		    (unsigned long long)previous, path);
}

/* What the next file says of this one: UINT64_MAX when it says nothing. */
static uint64_t
valid_bytes_of(struct check *check, const uint64_t *ids, uint32_t count, uint32_t index)
{
	uint64_t valid = UINT64_MAX;

	for (uint32_t i = index + 1; i < count; i++) {
		struct wal_reader *reader;
		uint64_t bytes;
		char path[PATH_MAX];

		if (wal_path(check->directory, ids[i], path, sizeof path) != 0 ||
		    wal_reader_open(check->io, path, ids[i], &reader, NULL) != 0)
			continue;
		if (wal_reader_previous(reader, &bytes) == ids[index])
			valid = bytes;
		wal_reader_close(reader);
	}
	return valid;
}

static void
check_wal(struct check *check)
{
	struct store_error error = {0};
	uint64_t *ids = NULL, floor = check->manifest.wal_floor;
	uint32_t count = 0;

	if (wal_list(check->io, check->directory, floor, &ids, &count, &error) != 0) {
		say(check, true, "PROBLEM %s", error.text);
		return;
	}
	if (floor != 0 && (count == 0 || ids[0] != floor))
		say(check, true, "PROBLEM wal/%016llx.wal, which MANIFEST begins with, is missing",
		    (unsigned long long)floor);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t promised = valid_bytes_of(check, ids, count, i);
		struct wal_reader *reader = NULL;
		char path[PATH_MAX];
		bool unfinished;
		int result = wal_path(check->directory, ids[i], path, sizeof path);

		if (result == 0)
			result = wal_reader_open(check->io, path, ids[i], &reader, &error);
		if (result != 0) {
			unfinished = result == STORE_EUNKNOWN && promised == UINT64_MAX;
			say(check, !unfinished, "%s %s", unfinished ? "note   " : "PROBLEM",
			    error.text);
			continue;
		}
		wal_reader_limit(reader, promised);
		check_previous(check, reader, ids, count, path);
		check_records(check, reader, path, promised);
		check->wal_files++;
		wal_reader_close(reader);
	}
	free(ids);
}

/* ---- the whole ------------------------------------------------------- */

/* A store in use changes under us. The lock goes when *fd is closed. */
static int
take_lock(struct check *check, int *fd, struct store_error *error)
{
	char path[PATH_MAX];
	int result;

	snprintf(path, sizeof path, "%s/LOCK", check->directory);
	*fd = check->io->open(check->io, path, O_RDONLY, 0);
	if (*fd == -ENOENT)
		return 0; /* a backup has none */
	if (*fd < 0)
		return io_error(error, *fd, "open", path);
	if ((result = check->io->lock(check->io, *fd)) != 0) {
		check->io->close(check->io, *fd);
		return store_error_set(error, STORE_EBUSY,
				       "%s is being served: check a backup of it, or stop it first",
				       check->directory);
	}
	return 0;
}

int
store_check(const struct store_options *options, bool deep,
	    void (*report)(void *context, const char *line), void *context, uint64_t *problems,
	    struct store_error *error)
{
	struct check check = {.schema = options->schema,
			      .io = options->io != NULL ? options->io : io_posix(),
			      .directory = options->directory,
			      .deep = deep,
			      .report = report,
			      .context = context};
	struct store_error local = {0};
	int lock, result = take_lock(&check, &lock, error);

	if (result != 0)
		return result;
	result = manifest_read(check.io, check.directory, check.schema, &check.manifest, &local);
	if (result == STORE_ECORRUPT || result == STORE_EUNKNOWN) {
		say(&check, true, "PROBLEM %s", local.text);
		result = 0;
	} else if (result != 0 && error != NULL)
		*error = local;
	else if (result == 0) {
		for (uint32_t i = 0; i < check.manifest.segments_count; i++)
			check_segment(&check, &check.manifest.segments[i]);
		check_strays(&check);
		check_wal(&check);
		say(&check, false, "%llu segments with %llu rows, %llu WAL files with %llu commits",
		    (unsigned long long)check.segments, (unsigned long long)check.rows,
		    (unsigned long long)check.wal_files, (unsigned long long)check.commits);
	}
	manifest_clear(&check.manifest);
	if (lock >= 0)
		check.io->close(check.io, lock);
	*problems = check.problems;
	return result;
}
