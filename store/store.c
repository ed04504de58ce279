/*
 * Opening, closing and counting: the frame around append, flush, recovery and
 * snapshots. Must not hold state_mutex over file calls.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "bytes.h"
#include "partition.h"
#include "reserve.h"
#include "role.h"
#include "state.h"

#define MEMTABLE_BYTES_MAX ((size_t)256 << 20)
#define HOLD_MS (15 * 60 * 1000)
#define SEAL_AGE_MS (5 * 60 * 1000)

/* ---- opening --------------------------------------------------------- */

static int
io_failed(const char *what, const char *path, int result, struct store_error *error)
{
	return store_error_set(error, io_is_full(result) ? STORE_EFULL : STORE_EIO, "%s %s: %s",
			       what, path, strerror(-result));
}

static int
make_directories(struct store *store, struct store_error *error)
{
	char path[PATH_MAX];
	int result = store->io->make_directory(store->io, store->directory, 0700);

	if (result != 0 && result != -EEXIST)
		return io_failed("cannot make directory", store->directory, result, error);
	snprintf(path, sizeof path, "%s/wal", store->directory);
	result = store->io->make_directory(store->io, path, 0700);
	if (result != 0 && result != -EEXIST)
		return io_failed("cannot make directory", path, result, error);
	result = store->io->sync_directory(store->io, store->directory);
	return result != 0 ? io_failed("sync", store->directory, result, error) : 0;
}

/* One process per directory; the file holds its pid, for the message. */
static int
lock_directory(struct store *store, struct store_error *error)
{
	char path[PATH_MAX], holder[32] = "";
	int flags = store->options.read_only ? O_RDONLY : O_RDWR | O_CREAT, result;
	ssize_t size;

	snprintf(path, sizeof path, "%s/LOCK", store->directory);
	store->lock_fd = store->io->open(store->io, path, flags, 0600);
	if (store->lock_fd == -ENOENT && store->options.read_only)
		return 0; /* a backup has none until it is served */
	if (store->lock_fd < 0)
		return io_failed("open", path, store->lock_fd, error);
	result = store->io->lock(store->io, store->lock_fd);
	if (result == -EWOULDBLOCK) {
		size = store->io->pread(store->io, store->lock_fd, holder, sizeof holder - 1, 0);
		holder[size > 0 ? (size_t)size : 0] = '\0';
		return store_error_set(
		    error, STORE_EBUSY,
		    "%s is in use by process %s: stop it first, or ask it over HTTP",
		    store->directory, holder[0] != '\0' ? holder : "(unknown)");
	}
	if (result != 0)
		return io_failed("lock", path, result, error);
	if (store->options.read_only)
		return 0;
	snprintf(holder, sizeof holder, "%ld", (long)getpid());
	store->io->truncate(store->io, store->lock_fd, 0);
	result = io_write_full(store->io, store->lock_fd, holder, strlen(holder), 0);
	return result != 0 ? io_failed("write", path, result, error) : 0;
}

static int
read_manifest(struct store *store, struct store_error *error)
{
	int result =
	    manifest_read(store->io, store->directory, store->schema, &store->manifest, error);

	if (result == STORE_EUNKNOWN && !store->options.read_only) {
		if ((result = partition_any(store->io, store->directory, store->schema)) < 0)
			return io_failed("list", store->directory, result, error);
		if (result > 0)
			return store_error_set(error, STORE_ECORRUPT,
					       "%s has segments but no MANIFEST: put the file "
					       "back from a backup, or choose another directory",
					       store->directory);
		store->manifest.next_file_id = 1;
		if (getrandom(store->manifest.secret, sizeof store->manifest.secret, 0) !=
		    sizeof store->manifest.secret)
			return io_failed("getrandom for", store->directory, -errno, error);
		result = manifest_write(store->io, store->directory, store->schema,
					&store->manifest, error);
	}
	if (result != 0)
		return result;
	store->secret = bytes_get64(store->manifest.secret);
	store->next_file_id = store->manifest.next_file_id;
	store->next_commit = store->manifest.commit + 1;
	return 0;
}

/* A segment that cannot be opened is reported and left; the rest is served. */
static int
open_segments(struct store *store, struct store_error *error)
{
	struct store_error local = {0};

	store->segments =
	    calloc((size_t)store->manifest.segments_count + 1, sizeof *store->segments);
	if (store->segments == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory opening the store");
	for (uint32_t i = 0; i < store->manifest.segments_count; i++) {
		const struct manifest_segment *entry = &store->manifest.segments[i];
		struct open_segment *segment = calloc(1, sizeof *segment);
		char path[PATH_MAX];
		int result;

		if (segment == NULL)
			return store_error_set(error, STORE_ENOMEM,
					       "out of memory opening the store");
		result = manifest_segment_path(store->directory, store->schema, entry, path,
					       sizeof path);
		if (result == 0)
			result =
			    segment_open(store->io, path, &store->schema->tables[entry->table],
					 entry->summary.footer_checksum, &segment->segment, &local);
		if (result == STORE_ENOMEM) {
			free(segment);
			if (error != NULL)
				*error = local;
			return result;
		}
		if (result != 0) {
			free(segment);
			state_log(store, "DAMAGED: %s: its %llu rows are left out", local.text,
				  (unsigned long long)entry->summary.rows_count);
			store->stats.corrupt_files++;
			continue;
		}
		segment->entry = *entry;
		atomic_init(&segment->references, 1);
		store->segments[store->segments_count++] = segment;
	}
	return 0;
}

static int
clean_partitions(struct store *store, struct store_error *error)
{
	const struct manifest *manifest = &store->manifest;
	struct partition_cleaned cleaned;
	bool current = manifest->wal_floor == 0;
	char path[PATH_MAX];
	int fd, result;

	if (!current && wal_path(store->directory, manifest->wal_floor, path, sizeof path) == 0 &&
	    (fd = store->io->open(store->io, path, O_RDONLY, 0)) >= 0) {
		current = true;
		store->io->close(store->io, fd);
	}
	result = partition_clean(store->io, store->directory, store->schema, manifest, current,
				 &cleaned, error);
	if (result != 0)
		return result;
	if (cleaned.deleted > 0)
		state_log(store, "%u segments of an unfinished flush or merge were removed",
			  cleaned.deleted);
	if (cleaned.renamed > 0)
		state_log(store, "%u segments that MANIFEST does not know were renamed to *.orphan",
			  cleaned.renamed);
	return 0;
}

/* When it fails (a full disk), flushes wait until it succeeds. */
static void
finish_erasures(struct store *store)
{
	struct store_error error = {0};
	uint64_t rows_count = 0;
	bool any = store->erasures != NULL;

	if (erase_finish(store, &rows_count, &error) != 0)
		state_log(store, "finishing an erasure failed: %s; trying again later", error.text);
	else if (any)
		state_log(store, "an interrupted erasure was finished");
}

static int
open_files(struct store *store, struct store_error *error)
{
	int result;

	if (!store->options.read_only && (result = make_directories(store, error)) != 0)
		return result;
	if ((result = lock_directory(store, error)) != 0 ||
	    (result = read_manifest(store, error)) != 0)
		return result;
	if (!store->options.read_only && (result = clean_partitions(store, error)) != 0)
		return result;
	if ((result = open_segments(store, error)) != 0 ||
	    (result = state_add_generation(store, store->manifest.wal_floor, error)) != 0 ||
	    (result = recover(store, error)) != 0)
		return result;
	atomic_store(&store->published, store->next_commit - 1);
	if (store->options.read_only)
		return 0;
	finish_erasures(store);
	reserve_make(store->io, store->directory);
	return append_rotate(store, 0, error);
}

static void
free_store(struct store *store)
{
	crew_free(store->crew);
	append_log_free(store->log);
	wal_close(store->wal);
	for (struct generation *g = store->oldest, *next; g != NULL; g = next) {
		next = g->next;
		state_free_generation(g);
	}
	for (uint32_t i = 0; i < store->segments_count; i++)
		snapshot_release_segment(store->segments[i]);
	free(store->segments);
	free(store->unlisted);
	while (store->erasures != NULL)
		erase_forget(store);
	manifest_clear(&store->manifest);
	requests_clear(&store->requests);
	store_arena_free(store->arena);
	if (store->lock_fd >= 0)
		store->io->close(store->io, store->lock_fd);
	pthread_mutex_destroy(&store->maintenance_mutex);
	pthread_mutex_destroy(&store->manifest_mutex);
	pthread_mutex_destroy(&store->writer_mutex);
	pthread_mutex_destroy(&store->state_mutex);
	pthread_cond_destroy(&store->flush_wanted);
	pthread_cond_destroy(&store->flush_done);
	pthread_cond_destroy(&store->maintenance_wanted);
	free(store->sum_columns);
	free(store->directory);
	free(store);
}

static struct store *
create_store(const struct store_options *options)
{
	struct store *store = calloc(1, sizeof *store);
	pthread_condattr_t monotonic;

	if (store == NULL)
		return NULL;
	store->options = *options;
	store->schema = options->schema;
	store->io = options->io != NULL ? options->io : io_posix();
	store->lock_fd = -1;
	if (store->options.memtable_bytes_max == 0)
		store->options.memtable_bytes_max = MEMTABLE_BYTES_MAX;
	if (store->options.hold_ms == 0)
		store->options.hold_ms = HOLD_MS;
	if (store->options.seal_age_ms == 0)
		store->options.seal_age_ms = SEAL_AGE_MS;
	pthread_mutex_init(&store->maintenance_mutex, NULL);
	pthread_mutex_init(&store->manifest_mutex, NULL);
	pthread_mutex_init(&store->writer_mutex, NULL);
	pthread_mutex_init(&store->state_mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->flush_wanted, &monotonic);
	pthread_cond_init(&store->flush_done, &monotonic);
	pthread_cond_init(&store->maintenance_wanted, &monotonic);
	pthread_condattr_destroy(&monotonic);
	store->directory = strdup(options->directory);
	store->arena = store_arena_create(0);
	store->sum_columns = malloc((store->schema->tables_count + 1u) * sizeof(int));
	store->crew = crew_create();
	if (store->directory == NULL || store->arena == NULL || store->sum_columns == NULL ||
	    store->crew == NULL) {
		free_store(store);
		return NULL;
	}
	for (uint32_t i = 0; i < store->schema->tables_count; i++)
		store->sum_columns[i] = role_column(&store->schema->tables[i], STORE_ROLE_SUM);
	return store;
}

static int
start_threads(struct store *store, struct store_error *error)
{
	int failed = pthread_create(&store->flush_thread, NULL, flush_main, store);

	store->flush_thread_runs = failed == 0;
	if (failed == 0 && !store->options.no_maintenance) {
		failed = pthread_create(&store->maintenance_thread, NULL, maintain_main, store);
		store->maintenance_thread_runs = failed == 0;
	}
	if (store->flush_thread_runs)
		pthread_setname_np(store->flush_thread, "flush");
	if (store->maintenance_thread_runs)
		pthread_setname_np(store->maintenance_thread, "merge");
	return failed == 0 ? 0 : io_failed("start a thread for", store->directory, -failed, error);
}

/* Merges first: the flush of what is left must not wait for them. */
static void
stop_threads(struct store *store)
{
	pthread_mutex_lock(&store->state_mutex);
	atomic_store(&store->maintenance_stops, true);
	pthread_cond_signal(&store->maintenance_wanted);
	pthread_mutex_unlock(&store->state_mutex);
	if (store->maintenance_thread_runs)
		pthread_join(store->maintenance_thread, NULL);
	pthread_mutex_lock(&store->state_mutex);
	store->stopping = true;
	store->flush_failed = false;
	pthread_cond_signal(&store->flush_wanted);
	pthread_mutex_unlock(&store->state_mutex);
	if (store->flush_thread_runs)
		pthread_join(store->flush_thread, NULL);
}

int
store_open(const struct store_options *options, struct store **out, struct store_error *error)
{
	struct store *store;
	int result = state_check_schema(options->schema, error);

	if (result != 0)
		return result;
	if ((store = create_store(options)) == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory opening the store");
	result = open_files(store, error);
	if (result == 0 && !options->read_only)
		result = start_threads(store, error);
	if (result != 0) {
		stop_threads(store);
		free_store(store);
		return result;
	}
	*out = store;
	return 0;
}

/* ---- flushing and closing -------------------------------------------- */

/* Seals what is there; gives the first generation that need not be flushed. */
static int
seal(struct store *store, uint64_t *until, struct store_error *error)
{
	int result = 0;

	append_lock(store);
	pthread_mutex_lock(&store->state_mutex);
	if (store->active->last_commit != 0) {
		struct generation *active = store->active;
		uint64_t floor = store->wal != NULL ? wal_id(store->wal) : active->wal_floor;

		result = state_add_generation(store, floor, error);
		active->sealed = result == 0;
	}
	*until = store->active->id;
	pthread_mutex_unlock(&store->state_mutex);
	pthread_mutex_unlock(&store->writer_mutex);
	return result;
}

int
store_flush(struct store *store, struct store_error *error)
{
	uint64_t until;
	int result;

	if (!store->flush_thread_runs)
		return store_error_set(error, STORE_EINVAL, "the store was opened read-only");
	if ((result = seal(store, &until, error)) != 0)
		return result;
	pthread_mutex_lock(&store->state_mutex);
	store->flush_failed = false;
	while (store->oldest->id < until && !store->flush_failed) {
		store->flush_now = true;
		pthread_cond_signal(&store->flush_wanted);
		pthread_cond_wait(&store->flush_done, &store->state_mutex);
	}
	if (store->oldest->id < until) {
		result = store->flush_error.code;
		if (error != NULL)
			*error = store->flush_error;
	}
	pthread_mutex_unlock(&store->state_mutex);
	return result;
}

int
store_close(struct store *store, struct store_error *error)
{
	uint64_t until;
	int result = 0;

	if (store == NULL)
		return 0;
	assert(store->begun_count == 0);
	if (store->flush_thread_runs) {
		result = seal(store, &until, error);
		stop_threads(store);
		if (store->flush_failed) {
			result = store->flush_error.code;
			if (error != NULL)
				*error = store->flush_error;
		}
	}
	free_store(store);
	return result;
}

void
store_stats(struct store *store, struct store_stats *out)
{
	pthread_mutex_lock(&store->writer_mutex);
	pthread_mutex_lock(&store->state_mutex);
	*out = store->stats;
	out->memtable_bytes = state_memtable_bytes(store);
	for (const struct generation *g = store->oldest; g != NULL; g = g->next) {
		out->views_open += g->views.count - g->views_moved;
		for (uint32_t i = 0; i < store->schema->tables_count; i++)
			out->memtable_rows += memtable_rows_count(g->memtable, i);
		if (out->memtable_age_ms == 0 && out->memtable_rows > 0)
			out->memtable_age_ms = (uint64_t)(state_monotonic_ms() - g->created_ms);
	}
	for (uint32_t i = 0; i < store->segments_count; i++) {
		out->segments++;
		out->segment_rows += store->segments[i]->entry.summary.rows_count;
		out->segment_bytes += store->segments[i]->entry.summary.file_bytes;
	}
	pthread_mutex_unlock(&store->state_mutex);
	pthread_mutex_unlock(&store->writer_mutex);
}
