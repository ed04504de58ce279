/*
 * From a commit that was applied to its WAL record, at once or on a thread of
 * its own, while the writer applies the next commits: what a group writes is
 * half of what appending it costs. Only large commits are worth the handing
 * over. A second thread syncs groups while the first writes the next one's
 * records.
 *
 * Call order: append_log_create, (append_log_give ... append_log_sync ...
 * append_log_await ... append_log_settle) ..., append_log_free. From the first
 * give, or sync, until settle the WAL is the threads'.
 */
#ifndef APPEND_LOG_H
#define APPEND_LOG_H

#include "wal.h"
#include "wal_record.h"

struct append_log; /* used by whoever holds store.writer_mutex */

struct append_log_job {
	struct wal *wal;                     /* borrowed */
	const struct store_schema *schema;   /* borrowed */
	const struct store_request *request; /* borrowed; NULL: none */
	const struct wal_entry *entries;     /* borrowed, with all they point to */
	uint32_t entries_count;
	uint64_t commit;
};

/* Adds the record: 0, or as wal_end, and then the WAL is as it was. */
int append_log_now(const struct append_log_job *job);

/* NULL without memory or threads: then do it at once. */
struct append_log *append_log_create(void);
void append_log_free(struct append_log *log);

/* Adds the record in its turn; waits while several are before it. What the job
 * points to must stay until append_log_settle; it may lie in `arena`, which is
 * taken: the caller goes on with the one returned, which is empty. */
struct store_arena *append_log_give(struct append_log *log, const struct append_log_job *job,
				    struct store_arena *arena);
/* A group that is being made durable. */
struct append_log_sync {
	uint64_t number;
	size_t bytes; /* out: of its records */
};
/* Writes the group, after all that was given, and syncs it; one sync may serve
 * several. `sync` is borrowed until append_log_await or append_log_settle. */
void append_log_sync(struct append_log *log, struct wal *wal, struct append_log_sync *sync);

struct append_log_synced {
	uint32_t count; /* syncs since the last time */
	int64_t ns;     /* that they took */
	bool failed;    /* writing or syncing did, not a record */
	struct store_error error;
};
/* Of the oldest that was not awaited: waits until it is synced. 0, and the
 * caller does wal_synced; or a negative code when that failed, or a record of
 * its group: then nothing is written any more until append_log_settle. */
int append_log_await(struct append_log *log, const struct append_log_sync *sync,
		     struct append_log_synced *out);
/* Some that were given are not done yet. */
bool append_log_is_busy(struct append_log *log);
/* Waits for all that were given, when no sync is to be awaited any more: 0, or
 * why one of them is missing in the WAL, as append_log_now or wal_commit. */
int append_log_settle(struct append_log *log);

#endif
