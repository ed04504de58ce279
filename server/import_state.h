/*
 * How far an import has come, in a file of its own that is replaced with
 * rename: what was durable, and which chunks were on their way. These are cut
 * at the same places again, so that they have the same keys and are stored once.
 */
#ifndef IMPORT_STATE_H
#define IMPORT_STATE_H

#include "import_split.h"

#define IMPORT_STATE_PLANNED_MAX 8u

struct import_state {
	bool has_file;
	struct import_identity file;
	struct import_position done;
	uint64_t planned[IMPORT_STATE_PLANNED_MAX]; /* ends of chunks, in order */
	uint32_t planned_count;
	uint64_t rejects_inode, rejects_bytes; /* of the rejects file, when `done` was */
};

/* Locks it against other importers, then reads it; a file that is not there is
 * the beginning. The lock's descriptor, or -1: *error says why. */
int import_state_open(const char *path, struct import_state *out, char error[512]);
/* Durable when it returns true. */
bool import_state_write(const char *path, const struct import_state *state, char error[512]);

#endif
