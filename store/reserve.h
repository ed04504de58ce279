/*
 * Some bytes kept on disk for a full one: without room for a new manifest,
 * retention could not give any back. Caller holds manifest_mutex, or is alone.
 */
#ifndef RESERVE_H
#define RESERVE_H

#include "io.h"

#define RESERVE_NAME "RESERVE"

/* Makes sure that the file is there; on a full disk it is left out. */
void reserve_make(struct io *io, const char *directory);
/* Deletes it. */
void reserve_release(struct io *io, const char *directory);

#endif
