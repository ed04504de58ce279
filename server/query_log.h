/*
 * The last queries, in memory: what system.query_log answers. A ring; older
 * ones are forgotten. Any thread.
 */
#ifndef QUERY_LOG_H
#define QUERY_LOG_H

#include "store/store.h"

#define QUERY_LOG_ENTRIES 1024u
#define QUERY_LOG_TEXT_BYTES_MAX 4096u /* of a query; the rest is cut */
#define QUERY_LOG_SHORT_BYTES_MAX 512u /* of every other text */

struct query_log;

struct query_log_entry {
	const char *kind;    /* Select, Insert; static */
	int64_t began_ms;    /* wall clock */
	uint64_t elapsed_us; /* until the answer was made, waiting for a thread included */
	uint64_t read_rows, read_bytes, written_rows, written_bytes, result_rows, result_bytes;
	uint64_t memory_bytes; /* peak */
	int exception_code;    /* 0: none */
	bool cached;           /* the answer was made before */
	/* Borrowed during query_log_add. */
	struct store_str query, query_id, user, user_agent, format, exception;
};

struct query_log *query_log_create(void);
void query_log_destroy(struct query_log *log);
/* What does not fit in memory is left out. */
void query_log_add(struct query_log *log, const struct query_log_entry *entry);
struct query_log_view { /* borrowed */
	struct query_log *log;
	const char *user; /* whose queries; NULL: everybody's */
};

/* What a query_log_view shows as a table, the oldest first: columns and rows in
 * result->arena. `view` is void so that store.h can call it. 0 or STORE_ENOMEM. */
int query_log_fill(void *view, struct store_result *result);

#endif
