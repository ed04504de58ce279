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

#include "recover_read.h"
#include "state.h"

#define PREFETCHED 8u /* entries ahead: the index is too large for the caches */

struct file {
	uint64_t id;
	struct wal_reader *reader; /* owned; NULL: the head is not whole */
	uint64_t promised;         /* bytes that a later file calls valid; 0: none does */
	bool damaged;              /* and reported */
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
		uint32_t list_max = files->list_max == 0 ? 16 : files->list_max * 2;

		grown = realloc(files->list, list_max * sizeof *grown);
		if (grown == NULL)
			return -ENOMEM;
		files->list = grown;
		files->list_max = list_max;
	}
	files->list[files->count++] = (struct file){.id = id};
	return 0;
}

static int
compare_files(const void *a, const void *b)
{
	uint64_t x = ((const struct file *)a)->id, y = ((const struct file *)b)->id;

	return (x > y) - (x < y);
}

/* ---- applying -------------------------------------------------------- */

/* It stands in the view's row, in an entry without one by itself, and not at
 * all in entries of version 1 that have no row. */
static uint64_t
replayed_sum(const struct store *store, const struct wal_entry *entry, const struct view *old)
{
	const struct store_row *row = entry->rows;
	int column;

	if (!entry->view.has_row)
		return entry->view.sum > 0 ? entry->view.sum : old != NULL ? old->state.sum : 0;
	column = store->sum_columns[row->table];
	for (uint32_t i = 0; column >= 0 && i < row->cells_count; i++) {
		if (row->cells[i].column == column)
			return row->cells[i].value.u;
	}
	return 0;
}

static int
replay_entry(struct store *store, const struct wal_entry *entry, uint64_t commit)
{
	struct view *old = entry->keyed ? state_find_view(store, entry->view.key) : NULL;
	struct view view = {0};
	/* The row went into a segment after this entry: the view is closed, and
	 * later updates look it up there. */
	bool is_closed =
	    old == NULL && entry->view.had_row && !entry->view.has_row && !entry->view.dropped;
	struct generation *from = old == NULL ? NULL : old->generation;
	int result;

	view.generation = store->active;
	if (old != NULL)
		view = *old;
	if (entry->keyed) {
		bool had_row = old != NULL && old->state.has_row;

		if (had_row && entry->view.dropped)
			memtable_set_died(old->generation->memtable, old->table, old->row, commit);
		view.state = entry->view;
		view.state.has_row = (had_row && !entry->view.dropped) || entry->view.has_row;
		view.state.had_row = false;
		view.state.sum = replayed_sum(store, entry, old);
	}
	for (uint32_t i = 0; i < entry->rows_count; i++) {
		bool replaces = i == 0 && entry->keyed && entry->view.has_row;
		uint32_t row;

		if (replaces && old != NULL && old->state.has_row)
			memtable_set_died(old->generation->memtable, old->table, old->row, commit);
		if ((result =
			 memtable_add(store->active->memtable, &entry->rows[i], commit, &row)) != 0)
			return result;
		if (replaces) {
			view.generation = store->active;
			view.table = entry->rows[i].table;
			view.row = row;
		}
	}
	if (!entry->keyed || is_closed)
		return 0;
	if ((result = state_put_view(&view)) == 0 && from != NULL && from != view.generation)
		from->views_moved++;
	return result;
}

/* A commit is in one generation: the next one begins before it. */
static int
make_room(struct store *store, uint64_t rows_count, uint64_t wal_id, struct store_error *error)
{
	struct generation *active = store->active;
	int result;

	if (active->last_commit == 0 ||
	    (memtable_bytes(active->memtable) < store->options.memtable_bytes_max / 4 &&
	     memtable_has_room(active->memtable, rows_count)))
		return 0;
	if ((result = memtable_settle(active->memtable)) == 0 &&
	    (result = state_add_generation(store, wal_id, error)) == 0)
		active->sealed = true;
	return result;
}

/* Rows that came before it, in memory at once; those in segments when the whole
 * log is read. */
static int
replay_erasure(struct store *store, const struct store_erasure *erasure, uint64_t commit)
{
	uint64_t rows_count = 0;
	int result;

	if (commit < store->next_commit)
		return 0;
	if ((result = memtable_settle(store->active->memtable)) != 0 ||
	    (result = erase_in_memory(store, erasure, commit, &rows_count)) != 0 ||
	    (result = erase_remember(store, erasure)) != 0)
		return result;
	store->active->last_commit = commit;
	store->next_commit = commit + 1;
	return 0;
}

/* Its rows are settled with those of its batch. */
static int
replay_commit(struct store *store, const struct recover_record *record, uint64_t wal_id,
	      struct store_error *error)
{
	uint64_t commit = record->wal.commit;
	int result = make_room(store, record->rows_count, wal_id, error);

	if (result != 0)
		return result;
	for (uint32_t i = 0; i < record->entries_count; i++) {
		if (i + PREFETCHED < record->entries_count)
			state_prefetch_view(store, record->entries[i + PREFETCHED].view.key);
		if ((result = replay_entry(store, &record->entries[i], commit)) != 0)
			return result;
	}
	store->active->last_commit = commit;
	store->active->last_ms = state_monotonic_ms();
	store->next_commit = commit + 1;
	store->stats.recovered_commits++;
	return 0;
}

static int
replay_record(struct store *store, const struct recover_record *record, uint64_t wal_id,
	      struct store_error *error)
{
	int result = record->result;

	if (record->error != NULL && error != NULL)
		*error = *record->error;
	else if (result == STORE_ECORRUPT)
		store_error_set(error, result, "WAL file %016llx: commit %llu is malformed",
				(unsigned long long)wal_id, (unsigned long long)record->wal.commit);
	if (result != 0)
		return result;
	if (record->wal.type == WAL_ERASE)
		return replay_erasure(store, &record->erasure, record->wal.commit);
	if (record->request != NULL &&
	    (result = requests_put(&store->requests, record->request)) != 0)
		return result;
	/* The manifest's commits are in segments; next_commit is above them. */
	if (record->wal.type != WAL_COMMIT || record->wal.commit < store->next_commit)
		return 0;
	return replay_commit(store, record, wal_id, error);
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

/* Loud, counted, and for the caller to go on with the rest. */
static void
report_damage(struct store *store, struct file *file, const char *text)
{
	file->damaged = true;
	state_log(store, "DAMAGED: %s: its records are lost; the others are kept", text);
	set_aside(store, file->id);
}

static int
replay_batch(struct store *store, const struct recover_batch *batch, uint64_t wal_id, bool *damaged,
	     struct store_error *error)
{
	int result;

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct recover_record *record = &batch->records[i];
		const struct recover_record *ahead = record + PREFETCHED;

		if (i + PREFETCHED < batch->count && ahead->entries_count > 0)
			state_prefetch_view(store, ahead->entries[0].view.key);
		result = replay_record(store, record, wal_id, error);
		if (result == STORE_ECORRUPT) {
			state_log(
			    store,
			    "DAMAGED: %s: what it held is lost; the records after it are kept",
			    error->text);
			*damaged = true;
		} else if (result < 0)
			return store_error_set(
			    error, result, "WAL file %016llx: no memory for commit %llu",
			    (unsigned long long)wal_id, (unsigned long long)record->wal.commit);
	}
	result = memtable_settle(store->active->memtable);
	return result == 0 ? 0
			   : store_error_set(error, result, "WAL file %016llx: no memory",
					     (unsigned long long)wal_id);
}

static int
replay_records(struct store *store, const struct file *file, const struct wal_columns *columns,
	       bool *damaged, struct store_error *error)
{
	struct recover_reader *reader = recover_reader_open(file->reader, columns);
	struct recover_batch batch;
	int result = 0;

	if (reader == NULL)
		return store_error_set(error, STORE_ENOMEM, "WAL file %016llx: no memory or thread",
				       (unsigned long long)file->id);
	while (result == 0 && (batch = recover_reader_next(reader)).count > 0)
		result = replay_batch(store, &batch, file->id, damaged, error);
	recover_reader_close(reader);
	return result;
}

/* A bad tail is an unfinished write where no later file calls it valid. */
static int
replay_file(struct store *store, const struct file *file, struct store_error *error)
{
	struct wal_columns *columns;
	const unsigned char *schema;
	unsigned long long valid;
	bool damaged = false;
	size_t size;
	int result;

	schema = wal_reader_schema(file->reader, &size);
	if ((columns = wal_record_columns(schema, size, store->schema)) == NULL)
		return store_error_set(error, STORE_ECORRUPT, "WAL file %016llx: malformed schema",
				       (unsigned long long)file->id);
	result = replay_records(store, file, columns, &damaged, error);
	wal_record_columns_free(columns);
	/* Zeros in place of what may be there the next time: nothing of it may be
	 * called damaged, and then be deleted. */
	if (wal_reader_is_lost(file->reader))
		return store_error_set(error, STORE_EIO, "WAL file %016llx cannot be read",
				       (unsigned long long)file->id);
	if (result != 0)
		return result;
	valid = wal_reader_valid_bytes(file->reader);
	if (valid < file->promised) {
		state_log(store, "DAMAGED: WAL file %016llx ends after byte %llu instead of %llu",
			  (unsigned long long)file->id, valid, (unsigned long long)file->promised);
		damaged = true;
	} else if (wal_reader_has_bad_tail(file->reader))
		state_log(store, "WAL file %016llx ends with an unfinished write after byte %llu",
			  (unsigned long long)file->id, valid);
	if (damaged)
		set_aside(store, file->id);
	return 0;
}

static struct file *
find_file(const struct files *files, uint64_t id)
{
	for (uint32_t i = 0; i < files->count; i++) {
		if (files->list[i].id == id)
			return &files->list[i];
	}
	return NULL;
}

static void
report_missing(struct store *store, uint64_t id)
{
	state_log(store, "DAMAGED: WAL file %016llx is missing: its records are lost",
		  (unsigned long long)id);
	store->stats.corrupt_files++;
}

/* What later files, and the manifest, say of a file: how long it is, and that
 * it is there at all. */
static void
follow_chain(struct store *store, struct files *files)
{
	uint64_t missing = 0;

	for (uint32_t i = 0; i < files->count; i++) {
		uint64_t valid_bytes, previous;
		struct file *file;

		if (files->list[i].reader == NULL)
			continue;
		previous = wal_reader_previous(files->list[i].reader, &valid_bytes);
		if ((file = find_file(files, previous)) != NULL)
			file->promised = valid_bytes;
		else if (previous >= files->floor && previous != 0 && previous != missing)
			report_missing(store, missing = previous);
	}
	if (files->floor != 0 && files->floor != missing && find_file(files, files->floor) == NULL)
		report_missing(store, files->floor);
	for (uint32_t i = 0; i < files->count; i++) {
		struct file *file = &files->list[i];

		if (file->promised != 0 && file->reader != NULL)
			wal_reader_limit(file->reader, file->promised);
	}
}

/* What a process that was killed had written, and not synced, is read like the rest: it is
 * seen, repeats of it are acknowledged, and the next file's head calls it valid. */
static int
sync_file(struct store *store, const char *path, struct store_error *error)
{
	int fd = store->io->open(store->io, path, O_RDONLY, 0);
	int result = fd < 0 ? fd : store->io->sync(store->io, fd);

	if (fd >= 0)
		store->io->close(store->io, fd);
	return result == 0
		   ? 0
		   : store_error_set(error, STORE_EIO, "sync %s: %s", path, strerror(-result));
}

/* Opens every file. Nothing was acknowledged from one whose creation was cut
 * short: no file is said to follow it. */
static int
open_files(struct store *store, struct files *files, struct store_error *error)
{
	for (uint32_t i = 0; i < files->count; i++) {
		struct file *file = &files->list[i];
		char path[PATH_MAX];
		int result = wal_path(store->directory, file->id, path, sizeof path);

		if (result == 0 && !store->options.read_only)
			result = sync_file(store, path, error);
		if (result == 0)
			result = wal_reader_open(store->io, path, file->id, &file->reader, error);
		if (result == STORE_ECORRUPT)
			report_damage(store, file, error->text);
		else if (result != 0 && result != STORE_EUNKNOWN)
			return result;
	}
	follow_chain(store, files);
	for (uint32_t i = 0; i < files->count; i++) {
		struct file *file = &files->list[i];
		char text[64];

		if (file->reader != NULL || file->damaged)
			continue;
		snprintf(text, sizeof text, "WAL file %016llx has no whole head",
			 (unsigned long long)file->id);
		if (file->promised != 0)
			report_damage(store, file, text);
		else
			state_log(store, "%s: an unfinished file, left aside", text);
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
		result = replay_file(store, &files.list[i], &local);
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
