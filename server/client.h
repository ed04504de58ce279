/*
 * HTTP requests of the command line to a running server (libcurl).
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define CLIENT_PATH_BYTES_MAX 14000u /* with every byte of a file name escaped */

struct client;

struct client_answer {
	long status;
	long retry_after_s; /* 0: no header */
	char *body;         /* owned by the client until the next request; ends with NUL */
	size_t body_size;
};

/* Which server, and what opens it. */
struct client_target {
	const char *url;
	const char *token;      /* NULL: the first line of: */
	const char *token_file; /* NULL: none */
	const char *cacert;     /* PEM file to trust besides; NULL: the system's alone */
};

/* localhost, $DRUM_TOKEN, data/token. */
struct client_target client_target_default(void);
/* NULL after a message. */
struct client *client_open(const struct client_target *target);
void client_close(struct client *client);
/* No limit on the time that an answer takes. */
void client_wait_long(struct client *client);
/* Adds ?name=value, escaped; false: too long. */
bool client_add_parameter(struct client *client, char path[CLIENT_PATH_BYTES_MAX], const char *name,
			  const char *value);
/* POSTs body[size] to URL/path. 0, or -1 after a message on stderr. */
int client_post(struct client *client, const char *path, const char *idempotency_key,
		const void *body, size_t size, struct client_answer *answer);

#endif
