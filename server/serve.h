/*
 * What drum serve opens, runs and closes; one a process, and its main thread's.
 *
 * serve_parse_listeners, serve_open_parts, serve_open_loops,
 * serve_until_end, serve_close_parts.
 */
#ifndef SERVE_H
#define SERVE_H

#include <signal.h>

#include "http.h"
#include "loop.h"

#define SERVE_LOOPS_MAX 64
#define SERVE_LISTENERS_MAX 16

struct serving {
	/* The file and then the flags, owned by the caller; NULL: *error. */
	struct config *(*load)(int argc, char **argv, const char *file, char error[512]);
	int argc;
	char **argv;
	const char *file; /* the configuration; NULL: none */
	struct config *config;
	struct settings *settings; /* until server.settings has it */
	struct server server;
	struct loop_listener listeners[SERVE_LISTENERS_MAX];
	SSL_CTX *tls;
	struct loop *loops[SERVE_LOOPS_MAX];
	int loops_count;
};

/* A line to stderr; 1, the exit code. */
int serve_failed(const char *text);

/* These return 0, or the exit code when it is told what failed. */
int serve_parse_listeners(struct serving *serving);
int serve_open_parts(struct serving *serving);
int serve_open_loops(struct serving *serving);

/* What a newcomer needs next. */
void serve_print_welcome(const struct serving *serving);
void serve_update_gauges(const struct serving *serving);
/* Reloads at SIGHUP; until SIGTERM or SIGINT. */
void serve_until_end(struct serving *serving, const sigset_t *waited);
void serve_close_parts(struct serving *serving);

#endif
