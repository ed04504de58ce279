/*
 * Opening: what the WAL has above the manifest's floor becomes memtable rows
 * again, in order, exactly as it was the first time. Must not skip damage in
 * silence nor delete what it cannot read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

struct file {
	uint64_t id;
	struct wal_reader *reader; /* owned */
};

struct files {
	struct file *list; /* owned */
	uint32_t count, list_max;
	uint64_t floor, highest;
};

static int
add_file(void *context, const char *name)
{
	struct files *files = context;
	char *end;
	uint64_t id = strtoull(name, &end, 16);
	struct file *grown;

	if (end != name + 16 || strcmp(end, ".wal") != 0)
		return 0;
	if (id > files->highest)
		files->highest = id;
	if (id < files->floor)
		return 0;
	if (files->count == files->list_max) {
		files->list_max = files->list_max == 0 ? 16 : files->list_max * 2;
		grown = realloc(files->list, files->list_max * sizeof *grown);
		if (grown == NULL)
			return -ENOMEM;
		files->list = grown;
	}
	files->list[files->count++] = (struct file){id, NULL};
	return 0;
}

static int
compare_files(const void *a, const void *b)
{
	uint64_t x = ((const struct file *)a)->id, y = ((const struct file *)b)->id;

	return (x > y) - (x < y);
}

/* ---- applying -------------------------------------------------------- */

static int
replay_entry(struct store *store, const struct wal_entry *entry, uint64_t commit)
{
	struct view *old = entry->keyed ? view_index_find(&store->views, entry->view.key) : NULL;
	struct view view = {0};
	int result;

	if (old != NULL)
		view = *old;
	else
		view.generation = store->active->id, view.memtable = store->active->memtable;
	if (entry->keyed) {
		bool had_row = old != NULL && old->state.has_row;

		view.state = entry->view;
		view.state.has_row = had_row || entry->view.has_row;
	}
	for (uint32_t i = 0; i < entry->rows_count; i++) {
		bool replaces = i == 0 && entry->keyed && entry->view.has_row;
		uint32_t row;

		if (replaces && old != NULL && old->state.has_row)
			memtable_set_died(old->memtable, old->table, old->row, commit);
		if ((result = memtable_append(store->active->memtable, &entry->rows[i], commit,
					      &row)) != 0)
			return result;
		if (replaces) {
			view.generation = store->active->id;
			view.memtable = store->active->memtable;
			view.table = entry->rows[i].table;
			view.row = row;
		}
	}
	return entry->keyed ? view_index_put(&store->views, &view) : 0;
}

static int
replay_entries(struct store *store, struct wal_cursor *cursor, uint64_t commit)
{
	uint32_t count;
	int result = wal_record_get_count(cursor, &count);

	for (uint32_t i = 0; result == 0 && i < count; i++) {
		struct wal_entry entry;

		result = wal_record_get_entry(cursor, store->arena, &entry);
		if (result == 0)
			result = replay_entry(store, &entry, commit);
	}
	return result;
}

/* Rows that came before it, in memory at once; those in segments when the whole
 * log is read. */
static int
replay_erasure(struct store *store, struct wal_cursor *cursor, uint64_t commit)
{
	struct store_erasure erasure;
	uint64_t rows_count = 0;
	int result = wal_record_get_erasure(cursor, &erasure);

	if (result == 0)
		result = erase_in_memory(store, &erasure, commit, &rows_count);
	if (result == 0)
		result = erase_remember(store, &erasure);
	if (result != 0)
		return result;
	store->active->last_commit = commit;
	store->next_commit = commit + 1;
	return 0;
}

static int
replay_record(struct store *store, const struct wal_record *record,
	      const struct wal_columns *columns, uint64_t wal_id, struct store_error *error)
{
	struct wal_cursor cursor = {record->payload, record->payload + record->size, columns};
	struct store_request request;
	bool has_request, is_new = record->commit > store->manifest.commit &&
				   record->commit >= store->next_commit;
	int result;

	if (record->type == WAL_ERASE)
		return is_new ? replay_erasure(store, &cursor, record->commit) : 0;
	result = wal_record_get_request(&cursor, &request, &has_request);
	if (result == 0 && has_request)
		result = requests_put(&store->requests, &request);
	if (result != 0 || record->type != WAL_COMMIT || !is_new)
		return result;
	if (memtable_bytes(store->active->memtable) >= store->options.memtable_bytes_max / 4) {
		store->active->sealed = true;
		if ((result = state_add_generation(store, wal_id, error)) != 0)
			return result;
	}
	store_arena_reset(store->arena);
	if ((result = replay_entries(store, &cursor, record->commit)) != 0)
		return result;
	store->active->last_commit = record->commit;
	store->active->last_ms = state_monotonic_ms();
	store->next_commit = record->commit + 1;
	store->stats.recovered_commits++;
	return 0;
}

/* ---- files ----------------------------------------------------------- */

/* A copy for whoever wants to rescue more by hand. */
static void
set_aside(struct store *store, uint64_t id)
{
	char from[PATH_MAX], to[PATH_MAX + 16];
	unsigned char *bytes = NULL;
	int64_t size;
	int in, out;

	store->stats.corrupt_files++;
	if (store->options.read_only || wal_path(store->directory, id, from, sizeof from) != 0)
		return;
	snprintf(to, sizeof to, "%s.damaged", from);
	if ((in = store->io->open(store->io, from, O_RDONLY, 0)) < 0)
		return;
	out = store->io->open(store->io, to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	size = store->io->size(store->io, in);
	if (out >= 0 && size > 0 && (bytes = malloc((size_t)size)) != NULL &&
	    io_read_full(store->io, in, bytes, (size_t)size, 0) == 0 &&
	    io_write_full(store->io, out, bytes, (size_t)size, 0) == 0 &&
	    store->io->sync(store->io, out) == 0)
		state_log(store, "the damaged file was copied to %s", to);
	free(bytes);
	if (out >= 0)
		store->io->close(store->io, out);
	store->io->close(store->io, in);
}

static int
replay_file(struct store *store, const struct file *file, bool last, struct store_error *error)
{
	struct wal_columns *columns;
	struct wal_record record;
	const unsigned char *schema;
	bool damaged = false;
	size_t size;
	int result;

	schema = wal_reader_schema(file->reader, &size);
	if ((columns = wal_record_columns(schema, size, store->schema)) == NULL)
		return store_error_set(error, STORE_ECORRUPT, "WAL file %016llx: malformed schema",
				       (unsigned long long)file->id);
	while ((result = wal_reader_next(file->reader, &record, error)) != 0) {
		if (result == 1) {
			result = replay_record(store, &record, columns, file->id, error);
			if (result == STORE_ECORRUPT)
				store_error_set(error, result,
						"WAL file %016llx: commit %llu is malformed",
						(unsigned long long)file->id,
						(unsigned long long)record.commit);
		}
		if (result == STORE_ECORRUPT) {
			state_log(
			    store,
			    "DAMAGED: %s: what it held is lost; the records after it are kept",
			    error->text);
			damaged = true;
		} else if (result < 0) {
			wal_record_columns_free(columns);
			return store_error_set(error, result,
					       "out of memory while replaying the WAL");
		}
	}
	wal_record_columns_free(columns);
	if (wal_reader_has_bad_tail(file->reader)) {
		state_log(store, "WAL file %016llx ends with %s after byte %llu",
			  (unsigned long long)file->id,
			  last ? "an unfinished write" : "DAMAGED records",
			  (unsigned long long)wal_reader_valid_bytes(file->reader));
		damaged |= !last;
	}
	if (damaged)
		set_aside(store, file->id);
	return 0;
}

/* Opens every file; one without a whole head holds nothing acknowledged if it
 * is the last (its creation was cut short), and is damage otherwise. */
static int
open_files(struct store *store, struct files *files, struct store_error *error)
{
	for (uint32_t i = 0; i < files->count; i++) {
		struct file *file = &files->list[i];
		char path[PATH_MAX];
		int result = wal_path(store->directory, file->id, path, sizeof path);

		if (result == 0)
			result = wal_reader_open(store->io, path, file->id, &file->reader, error);
		if (result == STORE_ECORRUPT && i + 1 == files->count)
			state_log(store, "%s: an unfinished file, left aside", path);
		else if (result == STORE_ECORRUPT) {
			state_log(store, "DAMAGED: %s: its records are lost", error->text);
			set_aside(store, file->id);
		} else if (result != 0)
			return result;
	}
	for (uint32_t i = 0; i < files->count; i++) {
		uint64_t valid_bytes, previous;

		if (files->list[i].reader == NULL)
			continue;
		previous = wal_reader_previous(files->list[i].reader, &valid_bytes);
		for (uint32_t j = 0; j < i; j++) {
			if (files->list[j].id == previous && files->list[j].reader != NULL)
				wal_reader_limit(files->list[j].reader, valid_bytes);
		}
	}
	return 0;
}

int
recover(struct store *store, struct store_error *error)
{
	struct files files = {.floor = store->manifest.wal_floor};
	struct store_error local = {0};
	char path[PATH_MAX];
	int result;

	snprintf(path, sizeof path, "%s/wal", store->directory);
	result = store->io->list(store->io, path, add_file, &files);
	if (result != 0) {
		result = store_error_set(error, STORE_EIO, "list %s: %s", path, strerror(-result));
		goto done;
	}
	if (files.count > 0)
		qsort(files.list, files.count, sizeof *files.list, compare_files);
	if (files.highest >= store->next_file_id)
		store->next_file_id = files.highest + 1;
	result = open_files(store, &files, &local);
	for (uint32_t i = 0; result == 0 && i < files.count; i++) {
		if (files.list[i].reader == NULL)
			continue;
		result = replay_file(store, &files.list[i], i + 1 == files.count, &local);
		store->wal_previous_id = files.list[i].id;
		store->wal_previous_bytes = wal_reader_valid_bytes(files.list[i].reader);
	}
	if (result != 0 && error != NULL)
		*error = local;
done:
	for (uint32_t i = 0; i < files.count; i++)
		wal_reader_close(files.list[i].reader);
	free(files.list);
	return result;
}
