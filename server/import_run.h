/*
 * drum import, once its options are read: files to a sink, with state, rejects
 * and progress.
 */
#ifndef IMPORT_RUN_H
#define IMPORT_RUN_H

#include "import_sink.h"

struct import_run_options {
	const char *path;         /* `-`: standard input */
	const char *state_path;   /* NULL: none */
	const char *rejects_path; /* NULL: none */
	bool follow;
	struct import_sink_options sink; /* done, context and seed are the run's */
};

/* Exit code, after messages on stderr and a summary on stdout. *stop in the
 * sink's options ends it: what was read is finished first. */
int import_run(const struct import_run_options *options);

#endif
