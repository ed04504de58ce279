/*
 * append_log.h: between store_append and wal_write.c. Must not touch memtables,
 * views or requests: these are the writer's, who is changing them meanwhile.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "append_log.h"

/* One is written, one waits; the writer, who needs longer for a commit, rarely
 * does. More would be more memory that is in no cache. */
#define SLOTS 2u

struct slot {
	struct append_log_job job;
	struct append_log_sync *sync; /* of job.wal's group; or NULL: a record */
	struct store_arena *arena;    /* owned */
};

enum { WRITES, SYNCS, THREADS };

struct append_log {
	struct slot slots[SLOTS]; /* taken in turn; a thread's from given to done */
	pthread_t threads[THREADS];
	int threads_count;
	pthread_mutex_t mutex;
	pthread_cond_t changed, wanted;
	/* guarded by mutex: */
	uint64_t given, done;
	uint64_t written, synced; /* as numbered: groups, up to which */
	const struct wal *wal;    /* borrowed: what `written` is of */
	bool syncing, sync_failed;
	int result;         /* of the first that failed since the last settle */
	uint64_t failed_at; /* its number */
	struct append_log_synced counted;
	bool stopping;
};

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int
append_log_now(const struct append_log_job *job)
{
	struct wal_buffer *payload = wal_begin(job->wal);

	wal_record_put_request(payload, job->request);
	wal_record_put_count(payload, job->entries_count);
	for (uint32_t i = 0; i < job->entries_count; i++)
		wal_record_put_entry(payload, job->schema, &job->entries[i]);
	return wal_end(job->wal, WAL_COMMIT, job->commit);
}

/* The mutex is held, as it is for the next ones. */
static void
fail(struct append_log *log, uint64_t number, int result)
{
	if (log->result != 0 && log->failed_at < number)
		return;
	log->result = result;
	log->failed_at = number;
}

static void
fail_sync(struct append_log *log, uint64_t number, int result, const struct store_error *error)
{
	fail(log, number, result);
	log->counted.failed = true;
	log->counted.error = *error;
}

/* After a failure nothing more: the group will be dropped. */
static void
write_one(struct append_log *log)
{
	const struct slot *slot = &log->slots[log->done % SLOTS];
	struct append_log_sync *sync = slot->sync;
	struct wal *wal = slot->job.wal;
	struct store_error error = {0};
	bool skip = log->result != 0;
	size_t bytes = 0;
	int result = 0;

	pthread_mutex_unlock(&log->mutex);
	if (!skip && sync != NULL) {
		bytes = wal_group_bytes(wal);
		result = wal_write(wal, &error);
	} else if (!skip) {
		result = append_log_now(&slot->job);
	}
	pthread_mutex_lock(&log->mutex);
	log->done++;
	if (result != 0 && sync != NULL) {
		fail_sync(log, log->done, result, &error);
	} else if (result != 0) {
		fail(log, log->done, result);
	} else if (!skip && sync != NULL) {
		sync->bytes = bytes;
		log->wal = wal;
		log->written = log->done;
		pthread_cond_signal(&log->wanted);
	}
	pthread_cond_broadcast(&log->changed);
}

static void *
write_on(void *argument)
{
	struct append_log *log = argument;

	pthread_mutex_lock(&log->mutex);
	while (!log->stopping) {
		if (log->given == log->done)
			pthread_cond_wait(&log->changed, &log->mutex);
		else
			write_one(log);
	}
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}

/* Never after a failure: the kernel may have dropped pages, and claim success. */
static void
sync_written(struct append_log *log)
{
	const struct wal *wal = log->wal;
	uint64_t number = log->written;
	struct store_error error = {0};
	int64_t began_ns = now_ns();
	int result;

	log->syncing = true;
	pthread_mutex_unlock(&log->mutex);
	result = wal_sync(wal, &error);
	pthread_mutex_lock(&log->mutex);
	log->syncing = false;
	log->counted.count++;
	log->counted.ns += now_ns() - began_ns;
	if (result == 0) {
		log->synced = number;
	} else {
		log->sync_failed = true;
		fail_sync(log, log->synced + 1, result, &error);
	}
	pthread_cond_broadcast(&log->changed);
}

static void *
sync_on(void *argument)
{
	struct append_log *log = argument;

	pthread_mutex_lock(&log->mutex);
	while (!log->stopping) {
		if (log->written <= log->synced || log->sync_failed)
			pthread_cond_wait(&log->wanted, &log->mutex);
		else
			sync_written(log);
	}
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}

static bool
start_threads(struct append_log *log)
{
	static void *(*const bodies[THREADS])(void *) = {write_on, sync_on};
	static const char *const names[THREADS] = {"log", "sync"};

	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&log->threads[i], NULL, bodies[i], log) != 0)
			return false;
		pthread_setname_np(log->threads[i], names[i]);
		log->threads_count++;
	}
	return true;
}

struct append_log *
append_log_create(void)
{
	struct append_log *log = calloc(1, sizeof *log);

	if (log == NULL)
		return NULL;
	pthread_mutex_init(&log->mutex, NULL);
	pthread_cond_init(&log->changed, NULL);
	pthread_cond_init(&log->wanted, NULL);
	for (uint32_t i = 0; i < SLOTS; i++) {
		if ((log->slots[i].arena = store_arena_create(0)) == NULL) {
			append_log_free(log);
			return NULL;
		}
	}
	if (start_threads(log))
		return log;
	append_log_free(log);
	return NULL;
}

void
append_log_free(struct append_log *log)
{
	if (log == NULL)
		return;
	pthread_mutex_lock(&log->mutex);
	assert(log->given == log->done && !log->syncing);
	log->stopping = true;
	pthread_cond_broadcast(&log->changed);
	pthread_cond_broadcast(&log->wanted);
	pthread_mutex_unlock(&log->mutex);
	for (int i = 0; i < log->threads_count; i++)
		pthread_join(log->threads[i], NULL);
	for (uint32_t i = 0; i < SLOTS; i++)
		store_arena_free(log->slots[i].arena);
	pthread_cond_destroy(&log->changed);
	pthread_cond_destroy(&log->wanted);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

/* The mutex is held, before and after. */
static struct slot *
await_slot(struct append_log *log)
{
	while (log->given - log->done == SLOTS)
		pthread_cond_wait(&log->changed, &log->mutex);
	return &log->slots[log->given % SLOTS];
}

struct store_arena *
append_log_give(struct append_log *log, const struct append_log_job *job, struct store_arena *arena)
{
	struct slot *slot;
	struct store_arena *empty;

	pthread_mutex_lock(&log->mutex);
	slot = await_slot(log);
	empty = slot->arena;
	*slot = (struct slot){*job, NULL, arena};
	log->given++;
	pthread_cond_broadcast(&log->changed);
	pthread_mutex_unlock(&log->mutex);
	store_arena_reset(empty);
	return empty;
}

void
append_log_sync(struct append_log *log, struct wal *wal, struct append_log_sync *sync)
{
	struct slot *slot;

	pthread_mutex_lock(&log->mutex);
	slot = await_slot(log);
	slot->sync = sync;
	slot->job.wal = wal;
	sync->number = ++log->given;
	pthread_cond_broadcast(&log->changed);
	pthread_mutex_unlock(&log->mutex);
}

int
append_log_await(struct append_log *log, const struct append_log_sync *sync,
		 struct append_log_synced *out)
{
	int result = 0;

	pthread_mutex_lock(&log->mutex);
	while (log->synced < sync->number && (log->result == 0 || log->failed_at > sync->number))
		pthread_cond_wait(&log->changed, &log->mutex);
	if (log->synced < sync->number)
		result = log->result;
	*out = log->counted;
	log->counted.count = 0;
	log->counted.ns = 0;
	pthread_mutex_unlock(&log->mutex);
	return result;
}

bool
append_log_is_busy(struct append_log *log)
{
	bool busy;

	pthread_mutex_lock(&log->mutex);
	busy = log->given != log->done;
	pthread_mutex_unlock(&log->mutex);
	return busy;
}

int
append_log_settle(struct append_log *log)
{
	int result;

	pthread_mutex_lock(&log->mutex);
	while (log->given != log->done || log->syncing)
		pthread_cond_wait(&log->changed, &log->mutex);
	result = log->result;
	log->result = 0;
	log->written = log->synced = log->given;
	log->sync_failed = log->counted.failed = false;
	pthread_mutex_unlock(&log->mutex);
	return result;
}
