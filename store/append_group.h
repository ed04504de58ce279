/*
 * The inside of store_append: a group of commits on its way into memtable and
 * WAL. For append*.c only; whoever calls holds store.writer_mutex.
 *
 * append.c has the group's way from first to last; append_file.c makes a file
 * and a generation ready; append_commit.c and append_entry.c apply; each change
 * of theirs is remembered (append_undo.c) until the group is durable.
 */
#ifndef APPEND_GROUP_H
#define APPEND_GROUP_H

#include "state.h"

enum append_undo_kind {
	APPEND_UNDO_APPENDED,
	APPEND_UNDO_KILLED,
	APPEND_UNDO_VIEW_NEW,
	APPEND_UNDO_VIEW_OLD,
	APPEND_UNDO_REQUEST
};

/* Small, for a row has two. */
struct append_undo {
	enum append_undo_kind kind;
	uint32_t table, row;
	union {
		struct memtable *memtable; /* of a row */
		struct generation *into;   /* which has the new view, its last */
	};
	union {
		uint64_t born;
		struct generation *from; /* which had the view that moved, or NULL */
	};
};

struct append_group {
	struct store *store;
	struct store_commit *commits; /* borrowed: [commits_count] */
	size_t commits_count;
	struct append_undo *undo; /* owned */
	size_t undo_count, undo_max;
	struct view *views; /* owned: as they were, of APPEND_UNDO_VIEW_OLD */
	size_t views_count, views_max;
	uint64_t commit;         /* of the commit being applied */
	uint64_t last_commit;    /* published when the group is durable */
	int64_t now_ms;          /* monotonic */
	uint32_t requests_count; /* the youngest of store.requests, not durable yet */
	bool logged;             /* it has records */
	bool beside;             /* large commits go to store.log */
	bool together;           /* rows of several commits are settled together */
	bool merged;             /* rows of this commit have cells in store.arena */
	bool torn;               /* `together`, and settling failed: rows may be lost */
	struct store_stats counted;
	bool begun; /* by store_append_begin: nobody waits for its last record */
	/* Of such a one, from when all of it is with store.log: */
	bool under_way; /* until it is durable, or refused */
	struct append_log_sync sync;
	int result;
	struct store_error error;
};

/* ---- append.c -------------------------------------------------------- */

/* Groups that were begun are under way: until they are not, the WAL is
 * store.log's. */
bool append_under_way(const struct store *store);
/* Waits until each of them is durable, or refused. */
void append_finish(struct store *store);

/* ---- append_undo.c --------------------------------------------------- */

/* 0 or STORE_ENOMEM: before what it is to take back is done. */
int append_remember(struct append_group *group, const struct append_undo *undo);
/* That the view, as its generation has it, will be overwritten. */
int append_remember_view(struct append_group *group, const struct view *view);
/* Takes back everything after the first `mark`, youngest first. */
void append_undo(struct append_group *group, size_t mark);

/* ---- append_entry.c -------------------------------------------------- */

/* `key`: of the entry's view. 1: *logged is for the record; 0: there is nothing
 * to log; negative: the commit fails. entry->outcome is set. */
int append_entry(struct append_group *group, struct store_entry *entry, const uint64_t key[2],
		 struct wal_entry *logged);

/* ---- append_commit.c ------------------------------------------------- */

/* 0, or the commit's code: then nothing of it is left. STORE_ELIMIT: the active
 * generation is full. */
int append_commit(struct append_group *group, struct store_commit *commit, bool is_last);

/* ---- append_file.c --------------------------------------------------- */

/* Seals the active generation when it is large or old, or `full`, and begins
 * another. Between commits only: a commit is in one generation. */
int append_seal_if_due(struct store *store, bool full, struct store_error *error);
/* Waits, within bounds, until a flush has made room; without the mutex. */
int append_wait_for_memory(struct store *store, struct store_error *error);
/* A generation and a WAL file that take the next commit. */
int append_make_ready(struct store *store, struct store_error *error);

#endif
