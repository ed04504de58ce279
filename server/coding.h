/*
 * Content codings of HTTP bodies: gzip and zstd, both ways, in memory. Pure;
 * any thread, but not a loop's: it takes time.
 */
#ifndef CODING_H
#define CODING_H

#include "store/store.h"

enum coding { CODING_NONE, CODING_GZIP, CODING_ZSTD };

/* Of a Content-Encoding header; false: it names another one. */
bool coding_find(struct store_str header, enum coding *out);
/* Whether an Accept-Encoding header names the coding, and not with q=0. */
bool coding_takes(struct store_str header, const char *name);
/* The best that an Accept-Encoding header takes. */
enum coding coding_accepted(struct store_str header);
/* As Content-Encoding has it. Static. */
const char *coding_name(enum coding coding);

/* *out lies in the arena (for CODING_NONE it is `in`). STORE_ELIMIT: more than
 * bytes_max; STORE_EINVAL: damaged, *wrong (static) says how; STORE_ENOMEM. */
int coding_inflate(enum coding coding, struct store_str in, size_t bytes_max,
		   struct store_arena *arena, struct store_str *out, const char **wrong);

/* By the first bytes: what nobody has named. */
enum coding coding_detect(struct store_str bytes);

/* Inflating piece by piece; members or frames may follow one another. */
struct coding_stream;

struct coding_stream *coding_stream_create(enum coding coding); /* not CODING_NONE; NULL: memory */
void coding_stream_free(struct coding_stream *stream);
/* Takes from *in, which becomes what is left, and puts *size bytes into
 * out[room]; less than room: all that *in had. NULL, or what is wrong
 * (static). */
const char *coding_stream_read(struct coding_stream *stream, struct store_str *in, char *out,
			       size_t room, size_t *size);
/* Whether the data may end here. */
bool coding_stream_is_whole(const struct coding_stream *stream);

/* Replaces malloc'ed bytes by their coded form; false: they are as they were,
 * since memory ran out or it would not be shorter. */
bool coding_deflate(enum coding coding, char **bytes, size_t *size);

#endif
