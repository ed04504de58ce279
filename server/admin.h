/*
 * What an erasure may be asked for, over HTTP and on the command line.
 */
#ifndef ADMIN_H
#define ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADMIN_SITE_BYTES_MAX 64u

/* 16 hex digits to a session's number; false when `text` is none, or 0. */
bool admin_session(const char *text, uint64_t *session);
/* Whether a site's key can have so many bytes. */
bool admin_site(size_t size);

#endif
