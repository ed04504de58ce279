/*
 * append_group.h: the WAL file and the generation that the next commit goes to,
 * and waiting for memory. Must not apply commits.
 */
#include <errno.h>
#include <time.h>

#include "append_group.h"

#define WAL_FILE_BYTES_MAX (64u << 20) /* then the next group begins a new file */
#define WAL_FILE_BYTES_MIN (1u << 20)  /* a new generation begins one from here on */
/* A generation is sealed when its part of the WAL is so large, and flushed when
 * those that wait have four times as much: replaying takes seconds a GiB. */
#define WAL_GENERATION_BYTES_MAX ((uint64_t)128 << 20)
#define MEMORY_WAIT_S 5 /* for a flush, when memory is at its bound */

/* Requests must outlive the files that have them, so each file has them all,
 * durably before any manifest can name it as the first. */
static int
carry_requests(struct store *store, uint32_t count, struct wal *wal, struct store_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		wal_record_put_request(wal_begin(wal), requests_at(&store->requests, i));
		if (wal_end(wal, WAL_REQUEST, 0) != 0)
			return store_error_set(error, STORE_ENOMEM, "out of memory in the WAL");
	}
	return wal_commit(wal, error);
}

/* A new file of no use. Its head says how much of the present one is valid, so as
 * long as it may be there no more may come to that. */
static void
drop_file(struct store *store, uint64_t id)
{
	if (wal_delete(store->io, store->directory, id) == 0 || store->wal == NULL)
		return;
	wal_close(store->wal);
	store->wal = NULL;
}

int
append_rotate(struct store *store, uint32_t pending, struct store_error *error)
{
	uint64_t id = atomic_fetch_add(&store->next_file_id, 1);
	uint32_t requests = store->requests.count > pending ? store->requests.count - pending : 0;
	struct wal *wal;
	int result;

	if (store->wal != NULL) {
		store->wal_previous_id = wal_id(store->wal);
		store->wal_previous_bytes = wal_durable_bytes(store->wal);
	}
	result = wal_create(store->io, store->directory, id, store->wal_previous_id,
			    store->wal_previous_bytes, store->schema, &wal, error);
	if (result != 0) {
		drop_file(store, id);
		return result;
	}
	result = carry_requests(store, requests, wal, error);
	if (result == 0 && store->wal != NULL && wal_move_group(store->wal, wal) != 0)
		result = store_error_set(error, STORE_ENOMEM, "out of memory in the WAL");
	if (result != 0) {
		wal_close(wal);
		drop_file(store, id);
		return result;
	}
	wal_close(store->wal);
	store->wal = wal;
	store->wal_first_bytes = wal_durable_bytes(wal);
	/* The files before this one go when the older generations are flushed. */
	if (store->active->last_commit == 0)
		store->active->wal_floor = id;
	return 0;
}

static bool
is_old(const struct store *store, const struct generation *active)
{
	return active->last_commit != 0 &&
	       state_monotonic_ms() - active->created_ms >= store->options.seal_age_ms;
}

/* Seals the active generation when it is large or old, and begins another.
 * Between commits only: a commit is in one generation. */
int
append_seal_if_due(struct store *store, bool full, struct store_error *error)
{
	struct generation *active = store->active;
	int result;

	if (!full && active->wal_bytes < WAL_GENERATION_BYTES_MAX &&
	    state_generation_bytes(active) < store->options.memtable_bytes_max / 4 &&
	    !is_old(store, active))
		return 0;
	pthread_mutex_lock(&store->state_mutex);
	result = state_add_generation(
	    store, store->wal != NULL ? wal_id(store->wal) : active->wal_floor, error);
	if (result == 0) {
		active->sealed = true;
		pthread_cond_signal(&store->flush_wanted);
	}
	pthread_mutex_unlock(&store->state_mutex);
	return result;
}

/* Until memory has less than `bytes`, within bounds: 0; or, unless it must, flushes
 * stall. What is sealed is flushed for that, though views may be open: all of it, if it
 * must. A flush that fails meanwhile is not hurried. Lets go of writer_mutex, for a flush
 * needs it to begin. */
static int
wait_for_flush(struct store *store, size_t bytes, bool must)
{
	struct timespec deadline;
	bool asked = false;
	int result = 0;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += MEMORY_WAIT_S;
	pthread_mutex_unlock(&store->writer_mutex);
	pthread_mutex_lock(&store->state_mutex);
	store->flush_now |= must;
	while (result == 0 && (must || !store->flush_stalls) && store->oldest->sealed &&
	       state_memtable_bytes(store) >= bytes) {
		store->flush_oldest = true;
		if (!asked || !store->flush_stalls)
			pthread_cond_signal(&store->flush_wanted);
		asked = true;
		result = pthread_cond_timedwait(&store->flush_done, &store->state_mutex, &deadline);
	}
	store->flush_stalls |= result != 0;
	if (result == 0 && must && state_memtable_bytes(store) >= bytes)
		result = ETIMEDOUT; /* there is nothing to flush */
	pthread_mutex_unlock(&store->state_mutex);
	pthread_mutex_lock(&store->writer_mutex);
	return result;
}

/* Of generations in memory two and a half suffice, the one that is flushed among them: at
 * five eighths a group waits for the oldest. The rest is for when flushes fail or take too
 * long. */
int
append_wait_for_memory(struct store *store, struct store_error *error)
{
	size_t bytes_max = store->options.memtable_bytes_max, bytes_high, bytes;
	int result = 0;

	bytes_high = bytes_max / 8 * 5;
	pthread_mutex_lock(&store->state_mutex);
	bytes = state_memtable_bytes(store);
	bytes_high = store->flush_stalls ? bytes_max : bytes_high;
	pthread_mutex_unlock(&store->state_mutex);
	if (bytes < bytes_high)
		return 0;
	/* What is dead takes memory too. */
	if ((store->active->last_commit != 0 ||
	     state_generation_bytes(store->active) >= bytes_max / 4) &&
	    (result = append_seal_if_due(store, bytes >= bytes_max, error)) != 0)
		return result;
	if (bytes < bytes_max) {
		(void)wait_for_flush(store, bytes_high, false);
		return 0;
	}
	return wait_for_flush(store, bytes_max, true) == 0
		   ? 0
		   : store_error_set(error, STORE_ENOMEM,
				     "memtable_bytes_max is reached and flushing does not keep up");
}

static bool
wants_file(const struct store *store)
{
	bool fresh = store->active->last_commit == 0;

	return store->wal == NULL || wal_durable_bytes(store->wal) - store->wal_first_bytes >=
					 (fresh ? WAL_FILE_BYTES_MIN : WAL_FILE_BYTES_MAX);
}

/* A generation and a WAL file that take the next commit. */
int
append_make_ready(struct store *store, struct store_error *error)
{
	int result;

	if (store->wal != NULL && (result = append_seal_if_due(store, false, error)) != 0)
		return result;
	if (!wants_file(store))
		return 0;
	append_finish(store); /* the next file's head says what is valid of this one */
	if (!wants_file(store))
		return 0;
	return append_rotate(store, 0, error);
}
