/*
 * publish.h: from segments written to segments served. The only place where
 * the manifest of an open store changes. Must not delete a file that a manifest
 * on disk may still name.
 */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partition.h"
#include "publish.h"
#include "reserve.h"

/* File ids that one replacement of the manifest covers in advance. */
#define RESERVED_IDS 4096u
#define RESERVED_IDS_MIN 1024u /* left before the next flush or merge begins */

static int
no_memory(struct store_error *error)
{
	return store_error_set(error, STORE_ENOMEM, "out of memory while changing the manifest");
}

static int
write_manifest(struct store *store, struct manifest *manifest, struct store_error *error)
{
	manifest->next_file_id = atomic_load(&store->next_file_id) + RESERVED_IDS;
	return manifest_write(store->io, store->directory, store->schema, manifest, error);
}

static void
delete_file(struct store *store, const struct manifest_segment *entry)
{
	char path[PATH_MAX];

	if (manifest_segment_path(store->directory, store->schema, entry, path, sizeof path) == 0)
		store->io->unlink(store->io, path);
}

/* Replacing the manifest failed: it may name them until that has succeeded. Without
 * memory they stay until the next opening. */
static void
keep_unlisted(struct store *store, const struct publication *publication)
{
	size_t count = (size_t)store->unlisted_count + publication->added_count;
	struct manifest_segment *grown = realloc(store->unlisted, (count + 1) * sizeof *grown);

	if (grown == NULL)
		return;
	store->unlisted = grown;
	for (uint32_t i = 0; i < publication->added_count; i++)
		grown[store->unlisted_count++] = publication->added[i]->entry;
}

static void
delete_unlisted(struct store *store)
{
	while (store->unlisted_count > 0)
		delete_file(store, &store->unlisted[--store->unlisted_count]);
}

int
publish_reserve(struct store *store, struct store_error *error)
{
	struct manifest manifest = store->manifest; /* the arrays stay the store's */
	int result;

	if (store->unlisted_count == 0 &&
	    atomic_load(&store->next_file_id) + RESERVED_IDS_MIN <= store->manifest.next_file_id)
		return 0;
	if ((result = write_manifest(store, &manifest, error)) != 0)
		return result;
	delete_unlisted(store);
	pthread_mutex_lock(&store->state_mutex);
	store->manifest.next_file_id = manifest.next_file_id;
	pthread_mutex_unlock(&store->state_mutex);
	return 0;
}

/* ---- writing --------------------------------------------------------- */

/* Opens the new file and adds it. */
static int
add_segment(struct store *store, struct publication *publication,
	    const struct manifest_segment *entry, const char *path, struct store_error *error)
{
	struct open_segment **added =
	    realloc(publication->added, (publication->added_count + 1u) * sizeof *added);
	struct open_segment *open;
	int result;

	if (added != NULL)
		publication->added = added;
	if (added == NULL || (open = calloc(1, sizeof *open)) == NULL)
		return no_memory(error);
	result = segment_open(store->io, path, &store->schema->tables[entry->table],
			      entry->summary.footer_checksum, &open->segment, error);
	if (result != 0) {
		free(open);
		return result;
	}
	open->entry = *entry;
	open->opened_ms = state_monotonic_ms();
	open->opened_flush = atomic_load(&store->flushes);
	atomic_init(&open->references, 1);
	publication->added[publication->added_count++] = open;
	return 0;
}

int
publish_write(struct store *store, struct publication *publication, uint32_t table, int32_t day,
	      const struct segment_source *source, struct store_error *error)
{
	struct manifest_segment entry = {
	    .table = table, .partition_day = day, .id = atomic_fetch_add(&store->next_file_id, 1)};
	char directory[PATH_MAX], path[PATH_MAX], name[32];
	int result;

	result = partition_make(store->io, store->directory, store->schema, &entry, directory,
				sizeof directory, error);
	if (result == 0)
		result = manifest_segment_path(store->directory, store->schema, &entry, path,
					       sizeof path);
	if (result != 0)
		return result;
	snprintf(name, sizeof name, "%016llx.seg", (unsigned long long)entry.id);
	result = segment_write(store->io, directory, name, source, &entry.summary, error);
	if (result == 0 && (result = add_segment(store, publication, &entry, path, error)) != 0)
		store->io->unlink(store->io, path);
	return result;
}

/* ---- publishing ------------------------------------------------------ */

static bool
is_removed(const struct publication *publication, const struct open_segment *segment)
{
	for (uint32_t i = 0; i < publication->removed_count; i++) {
		if (publication->removed[i] == segment)
			return true;
	}
	return false;
}

static bool
is_entry_removed(const struct publication *publication, uint64_t id)
{
	for (uint32_t i = 0; i < publication->removed_count; i++) {
		if (publication->removed[i]->entry.id == id)
			return true;
	}
	return false;
}

/* The manifest as it will be. */
static int
next_manifest(struct store *store, const struct publication *publication, struct manifest *out,
	      struct store_error *error)
{
	int result = manifest_copy(&store->manifest, out, error);
	struct manifest_segment *grown;
	uint32_t kept = 0;

	if (result != 0)
		return result;
	grown =
	    realloc(out->segments,
		    ((size_t)out->segments_count + publication->added_count + 1) * sizeof *grown);
	if (grown == NULL)
		return no_memory(error);
	out->segments = grown;
	for (uint32_t i = 0; i < out->segments_count; i++) {
		if (!is_entry_removed(publication, grown[i].id))
			grown[kept++] = grown[i];
	}
	for (uint32_t i = 0; i < publication->added_count; i++)
		grown[kept++] = publication->added[i]->entry;
	out->segments_count = kept;
	if (publication->flushed != NULL) {
		/* 0 where nothing was committed into the generation. */
		if (out->commit < publication->flushed->last_commit)
			out->commit = publication->flushed->last_commit;
		pthread_mutex_lock(&store->writer_mutex);
		out->wal_floor = publication->flushed->next->wal_floor;
		pthread_mutex_unlock(&store->writer_mutex);
	}
	return 0;
}

/* The open segments as they will be; NULL when malloc fails. */
static struct open_segment **
next_segments(const struct store *store, const struct publication *publication, uint32_t *count)
{
	struct open_segment **segments = malloc(
	    ((size_t)store->segments_count + publication->added_count + 1) * sizeof *segments);

	*count = 0;
	if (segments == NULL)
		return NULL;
	for (uint32_t i = 0; i < store->segments_count; i++) {
		if (!is_removed(publication, store->segments[i]))
			segments[(*count)++] = store->segments[i];
	}
	for (uint32_t i = 0; i < publication->added_count; i++)
		segments[(*count)++] = publication->added[i];
	return segments;
}

/* What a merge read may have been rewritten or dropped meanwhile. */
static bool
are_all_there(const struct store *store, const struct publication *publication)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < store->segments_count; i++)
		found += is_removed(publication, store->segments[i]);
	return found == publication->removed_count;
}

/* What gives room back may use the reserve; what takes room must not. */
static int
replace_manifest(struct store *store, const struct publication *publication,
		 struct manifest *manifest, struct store_error *error)
{
	int result = write_manifest(store, manifest, error);

	if (result != STORE_EFULL || publication->added_count > 0 ||
	    publication->removed_count == 0)
		return result;
	reserve_release(store->io, store->directory);
	return write_manifest(store, manifest, error);
}

int
publish(struct store *store, struct publication *publication, struct store_error *error)
{
	struct manifest manifest = {0};
	struct open_segment **segments, **old;
	uint32_t segments_count;
	int result;

	if (!are_all_there(store, publication))
		return store_error_set(error, STORE_EBUSY, "a segment was replaced meanwhile");
	/* What was written from them may be wrong. */
	for (uint32_t i = 0; publication->added_count > 0 && i < publication->removed_count; i++) {
		result = segment_check_lost(publication->removed[i]->segment, error);
		if (result != 0)
			return result;
	}
	result = next_manifest(store, publication, &manifest, error);

	/* Only holders of manifest_mutex change the list. */
	if ((segments = next_segments(store, publication, &segments_count)) == NULL)
		result = no_memory(error);
	if (result == 0) {
		publication->listed = true;
		result = replace_manifest(store, publication, &manifest, error);
	}
	if (result != 0) {
		if (publication->listed)
			keep_unlisted(store, publication);
		manifest_clear(&manifest);
		free(segments);
		return result;
	}
	delete_unlisted(store);
	/* The writer walks the generations: one leaves under its mutex too. */
	pthread_mutex_lock(&store->writer_mutex);
	pthread_mutex_lock(&store->state_mutex);
	old = store->segments;
	store->segments = segments;
	store->segments_count = segments_count;
	if (publication->flushed != NULL) {
		assert(publication->flushed == store->oldest);
		atomic_fetch_add(&store->flushes, 1);
		pthread_cond_signal(&store->maintenance_wanted);
		store->oldest = publication->flushed->next;
	}
	manifest_clear(&store->manifest);
	store->manifest = manifest;
	pthread_mutex_unlock(&store->state_mutex);
	pthread_mutex_unlock(&store->writer_mutex);
	free(old);
	for (uint32_t i = 0; i < publication->removed_count; i++) {
		delete_file(store, &publication->removed[i]->entry);
		snapshot_release_segment(publication->removed[i]);
	}
	if (publication->removed_count > 0)
		reserve_make(store->io, store->directory);
	free(publication->added);
	publication->added = NULL;
	publication->added_count = 0;
	return 0;
}

void
publish_abandon(struct store *store, struct publication *publication)
{
	/* When replacing the manifest failed late, it has the old contents or the
	 * new: then the files must stay, for a crash could make it the new. */
	for (uint32_t i = 0; i < publication->added_count; i++) {
		if (!publication->listed)
			delete_file(store, &publication->added[i]->entry);
		snapshot_release_segment(publication->added[i]);
	}
	free(publication->added);
	publication->added = NULL;
	publication->added_count = 0;
}
