/*
 * The store's inside: shared by store.c, append*.c, recover.c, flush.c,
 * lookup.c, publish.c, merge.c, retention.c, erase.c, backup.c and snapshot.c,
 * and by nothing else. DESIGN.md has the thread table and the lock order:
 * maintenance_mutex, manifest_mutex, writer_mutex, state_mutex.
 */
#ifndef STATE_H
#define STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "append_log.h"
#include "crew.h"
#include "io.h"
#include "manifest.h"
#include "memtable.h"
#include "requests.h"
#include "view_index.h"
#include "wal.h"

struct append_group; /* append_group.h */

struct generation {
	uint64_t id;
	struct memtable *memtable; /* owned: one reference */
	uint64_t wal_floor;        /* the WAL file that has its first commit */
	uint64_t last_commit;
	uint64_t wal_bytes; /* of its commits; guarded by state_mutex */
	int64_t created_ms; /* monotonic */
	int64_t last_ms;    /* monotonic: its views' last beacon */
	/* The next three guarded by writer_mutex, and so is leaving the list: */
	struct view_index views; /* owned */
	uint32_t views_moved;    /* of them: those that a younger generation has too */
	bool views_closed;       /* it is being flushed: updates of its views are late */
	bool sealed;
	struct generation *next; /* younger */
};

struct open_segment {
	struct manifest_segment entry;
	struct segment *segment; /* owned */
	int64_t opened_ms;       /* monotonic; 0: with the store */
	uint64_t opened_flush;   /* how many flushes there had been */
	uint64_t merge_bytes;    /* segment_merge_bytes, or 0; this and the next */
	bool unmergeable;        /* (merging it failed) are guarded by maintenance_mutex */
	_Atomic bool damaged;    /* state_damaged() */
	_Atomic uint32_t references;
};

/* How long lookups of late updates may keep the writer: a bucket of time. */
struct lookup_budget {
	int64_t left_ns, filled_ns; /* monotonic */
};

struct store {
	const struct store_schema *schema; /* borrowed */
	struct io *io;                     /* borrowed */
	char *directory;                   /* owned */
	struct store_options options;
	int *sum_columns;  /* owned: [tables_count] with STORE_ROLE_SUM, or -1 */
	uint64_t secret;   /* from the manifest's: seed of keyed hashes */
	int lock_fd;       /* -1: none */
	struct crew *crew; /* owned: helps with queries */

	pthread_mutex_t maintenance_mutex; /* one merge, erasure or backup at a time */
	/* Held through a flush and by whoever publishes: guards the file MANIFEST.
	 * Who holds it may read `manifest` and `segments`. */
	pthread_mutex_t manifest_mutex;
	/* guarded by manifest_mutex: */
	struct erase_pending *erasures;    /* owned: logged, not yet in all segments */
	struct manifest_segment *unlisted; /* owned: a manifest on disk may name them, by a */
	uint32_t unlisted_count;           /* failure, and none will: to be deleted */

	pthread_mutex_t writer_mutex;
	/* guarded by writer_mutex: */
	struct wal *wal; /* owned; NULL after a failure, until the next try */
	uint64_t wal_previous_id, wal_previous_bytes; /* for the next file's head */
	uint64_t wal_first_bytes; /* of wal: its head and the requests it began with */
	uint64_t next_commit;
	struct requests requests;
	struct store_arena *arena; /* owned: scratch of one commit */
	struct append_log *log;    /* owned; NULL: not needed yet, or no thread */
	/* Begun and not ended, the oldest first; owned. Syncs of the youngest may be
	 * under way: who takes the mutex waits for that, by append_lock. */
	struct append_group *begun[STORE_APPENDS_MAX];
	uint32_t begun_count;
	struct lookup_budget budget, perhaps_budget;

	pthread_mutex_t state_mutex;
	pthread_cond_t flush_wanted, flush_done, maintenance_wanted;
	/* guarded by state_mutex: */
	struct generation *oldest, *active; /* owned list */
	struct open_segment **segments;     /* owned: [segments_count] */
	uint32_t segments_count;
	struct manifest manifest; /* changed by publish() only */
	uint64_t next_generation;
	bool stopping, flush_now, flush_failed;
	bool flush_oldest; /* a group waits for the memory of the oldest generation */
	bool flush_stalls; /* failed, or was waited for in vain, since the last success */
	struct store_error flush_error;
	struct store_stats stats;

	_Atomic uint64_t published; /* last commit that snapshots may see */
	_Atomic uint64_t next_file_id;
	_Atomic uint64_t flushes;       /* since it was opened */
	_Atomic bool maintenance_stops; /* merges end at the next block */
	pthread_t flush_thread, maintenance_thread;
	bool flush_thread_runs, maintenance_thread_runs;
};

void state_log(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reading it failed: snapshots from now on leave it out; the first time it is a
 * line in the log and counted. Takes state_mutex. */
void state_damaged(struct store *store, struct open_segment *segment, const char *text);
int64_t state_monotonic_ns(void);
int64_t state_monotonic_ms(void);

/* The hash that views are known by. */
void
state_view_key(const struct store *store, struct store_str sort, uint64_t key, uint64_t out[2]);
/* Whether the roles' columns are of the kinds that the store counts on: weights are
 * summed and handed on in 32 bits. STORE_EINVAL names the column. */
int state_check_schema(const struct store_schema *schema, struct store_error *error);

/* Adds an empty generation that `commit` is the first of. Caller holds both
 * mutexes (or is alone). */
int state_add_generation(struct store *store, uint64_t wal_floor, struct store_error *error);
void state_free_generation(struct generation *generation);

/* The view as its youngest generation has it, or NULL. Caller holds
 * writer_mutex. */
struct view *state_find_view(const struct store *store, const uint64_t key[2]);
/* The same view will be looked for soon. */
void state_prefetch_view(const struct store *store, const uint64_t key[2]);
/* Adds or overwrites it in its generation's index. Caller holds writer_mutex. */
int state_put_view(const struct view *view);

/* Memory of a generation that is sealed, or the writer's; its index included. */
size_t state_generation_bytes(const struct generation *generation);
/* Memory of all generations, their indexes included. Caller is the writer or
 * holds both mutexes. */
size_t state_memtable_bytes(struct store *store);

/* append.c: writer_mutex, with no sync under way, so that what was appended is
 * either durable or undone. Whoever does not touch WAL, rows or views may take
 * the mutex by itself. */
void append_lock(struct store *store);
/* append_file.c: replaces the WAL by a new file, to which the group moves with the
 * youngest `pending` requests; the others are written at once. On error the
 * old file stays. Caller holds writer_mutex. */
int append_rotate(struct store *store, uint32_t pending, struct store_error *error);
/* append.c: one record as a commit of its own, durable when it returns 0; the
 * caller, who holds writer_mutex, publishes *commit. */
int append_record(struct store *store, enum wal_type type, const void *payload, size_t size,
		  uint64_t *commit, struct store_error *error);

/* recover.c: the WAL into the memtable. Alone. */
int recover(struct store *store, struct store_error *error);

/* lookup.c: 1 when a segment has the row (sort, key) at began_ms, 0 when none
 * has, STORE_EBUSY when the time budget is used up. Caller holds writer_mutex. */
int lookup_late(struct store *store, const struct store_entry *entry);

/* flush.c: the flush thread's body. */
void *flush_main(void *store);

/* maintain.c: the maintenance thread's body. */
void *maintain_main(void *store);

/* merge.c: one merge, if any is due (or would be, once its partition is quiet:
 * `all`). 1 when there was one, 0, or a negative code. Takes maintenance_mutex. */
int merge_one(struct store *store, bool all, struct store_error *error);

/* erase.c. In memory: caller holds writer_mutex, or is alone; rows of earlier
 * commits die at `commit`. */
int erase_in_memory(struct store *store, const struct store_erasure *erasure, uint64_t commit,
		    uint64_t *rows_count);
/* erase.c: an erasure that segments must honour before the next flush, a list
 * of its own copies; forgetting the first; rewriting what they ask for. Caller
 * holds manifest_mutex, or is alone. */
int erase_remember(struct store *store, const struct store_erasure *erasure);
void erase_forget(struct store *store);
int erase_finish(struct store *store, uint64_t *rows_count, struct store_error *error);

/* retention.c: drops the partitions that are beyond it at now_ms. Takes
 * maintenance_mutex. */
int retention_apply(struct store *store, int64_t now_ms, struct store_error *error);

/* snapshot.c */
void snapshot_release_segment(struct open_segment *segment);

#endif
