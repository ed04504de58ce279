/*
 * Where chunks of records go: into the store of a stopped server, or to a
 * running one. They are handed over one by one and done in that order, some
 * time later, on another thread.
 */
#ifndef IMPORT_SINK_H
#define IMPORT_SINK_H

#include "client.h"
#include "import.h"
#include "import_split.h"

#define IMPORT_SINK_CHUNKS_MAX 4u /* at once */

struct import_counts {
	uint64_t stored, sampled_out, repeated, late, rejected, skipped;
};

/* A record that was refused. */
struct import_refusal {
	uint32_t number;    /* in the chunk, from 1 */
	const char *reason; /* borrowed during the call */
	struct store_str record;
};

struct import_sink_options {
	/* Into a store: */
	struct store *store; /* borrowed; NULL: to servers */
	struct enricher *enricher;
	struct join *join;
	/* To a server: one for each request at once, borrowed. */
	struct client *clients[2];
	bool patient; /* a server that is away will be back */
	/* Both: */
	enum import_format format;
	struct store_str site;    /* borrowed */
	uint64_t seed;            /* of keys: chunks of the same bytes are one */
	bool keyed_by_place;      /* and of the same place in their file */
	const volatile int *stop; /* non-zero: give up waiting */
	/* The chunk is durable. Chunks in order, one call at a time; false: end. */
	bool (*done)(void *context, const struct import_chunk *chunk,
		     const struct import_counts *counts, const struct import_refusal *refusals,
		     uint32_t refusals_count);
	void *context;
};

struct import_sink;

/* NULL: out of memory, or no thread. */
struct import_sink *import_sink_create(const struct import_sink_options *options);
/* Takes the chunk and its text, waiting for room. `seed`: of its file. False:
 * the sink has failed (its text is freed all the same). */
bool import_sink_put(struct import_sink *sink, const struct import_chunk *chunk, uint64_t seed);
/* Waits until all are done; false: it has failed. */
bool import_sink_drain(struct import_sink *sink);
/* After draining, or giving up what waits. */
void import_sink_free(struct import_sink *sink);
/* "" or why it failed. */
const char *import_sink_error(const struct import_sink *sink);

/* ---- inside: the two kinds ------------------------------------------- */

struct import_job {
	struct import_chunk chunk;
	uint8_t key[16], body[16];
	struct store_arena *arena; /* owned: what was decoded */
	struct import_batch batch;
	struct import_counts counts;
	struct import_refusal *refusals; /* in the arena */
	uint32_t refusals_count;
};

/* On the caller's thread, before it is queued; false: out of memory. */
bool import_store_prepare(const struct import_sink_options *options, struct import_job *job);
/* Chunks on their way into the store with one sync. */
struct import_group {
	struct import_job *jobs[IMPORT_SINK_CHUNKS_MAX]; /* borrowed: [jobs_count] */
	uint32_t jobs_count;
	bool begun;
	struct store_commit commits[IMPORT_SINK_CHUNKS_MAX];
	struct store_request requests[IMPORT_SINK_CHUNKS_MAX];
};
/* Appends the group's jobs, not yet durably; false: not even that, and none
 * after it may be begun before it is ended. */
bool import_store_begin(const struct import_sink_options *options, struct import_group *group);
/* The oldest group: until it is durable, trying again while flushing has to
 * keep up. 0, or -1 with *error. */
int import_store_end(const struct import_sink_options *options, struct import_group *group,
		     char error[512]);
/* Sends a job until the server has taken it; 0, or -1 with *error. */
int import_send(const struct import_sink_options *options, struct client *client,
		struct import_job *job, char error[512]);

#endif
