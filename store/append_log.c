/*
 * append_log.h: between store_append and wal_write.c. Must not touch memtables,
 * views or requests: these are the writer's, who is changing them meanwhile.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "append_log.h"

/* One is written, one waits; the writer, who needs longer for a commit, rarely
 * does. More would be more memory that is in no cache. */
#define SLOTS 2u

struct slot {
	struct append_log_job job;
	struct store_arena *arena; /* owned */
};

struct append_log {
	struct slot slots[SLOTS]; /* taken in turn; the thread's from given to done */
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* guarded by mutex: */
	uint64_t given, done;
	int result; /* of the first that failed since the last settle */
	bool stopping;
};

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

/* After a failure nothing more: the group will be dropped. */
static void *
write_on(void *argument)
{
	struct append_log *log = argument;
	int result;

	pthread_mutex_lock(&log->mutex);
	while (!log->stopping) {
		if (log->given == log->done) {
			pthread_cond_wait(&log->changed, &log->mutex);
			continue;
		}
		result = log->result;
		pthread_mutex_unlock(&log->mutex);
		if (result == 0)
			result = append_log_now(&log->slots[log->done % SLOTS].job);
		pthread_mutex_lock(&log->mutex);
		log->result = result;
		log->done++;
		pthread_cond_broadcast(&log->changed);
	}
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}

struct append_log *
append_log_create(void)
{
	struct append_log *log = calloc(1, sizeof *log);

	if (log == NULL)
		return NULL;
	pthread_mutex_init(&log->mutex, NULL);
	pthread_cond_init(&log->changed, NULL);
	for (uint32_t i = 0; i < SLOTS; i++) {
		if ((log->slots[i].arena = store_arena_create(0)) == NULL) {
			append_log_free(log);
			return NULL;
		}
	}
	log->started = pthread_create(&log->thread, NULL, write_on, log) == 0;
	if (!log->started) {
		append_log_free(log);
		return NULL;
	}
	pthread_setname_np(log->thread, "log");
	return log;
}

void
append_log_free(struct append_log *log)
{
	if (log == NULL)
		return;
	if (log->started) {
		pthread_mutex_lock(&log->mutex);
		assert(log->given == log->done);
		log->stopping = true;
		pthread_cond_broadcast(&log->changed);
		pthread_mutex_unlock(&log->mutex);
		pthread_join(log->thread, NULL);
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		store_arena_free(log->slots[i].arena);
	pthread_cond_destroy(&log->changed);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

struct store_arena *
append_log_give(struct append_log *log, const struct append_log_job *job, struct store_arena *arena)
{
	struct slot *slot;
	struct store_arena *empty;

	pthread_mutex_lock(&log->mutex);
	while (log->given - log->done == SLOTS)
		pthread_cond_wait(&log->changed, &log->mutex);
	slot = &log->slots[log->given % SLOTS];
	empty = slot->arena;
	*slot = (struct slot){*job, arena};
	log->given++;
	pthread_cond_broadcast(&log->changed);
	pthread_mutex_unlock(&log->mutex);
	store_arena_reset(empty);
	return empty;
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
	while (log->given != log->done)
		pthread_cond_wait(&log->changed, &log->mutex);
	result = log->result;
	log->result = 0;
	pthread_mutex_unlock(&log->mutex);
	return result;
}
