/*
 * A file that grows: waiting for more of it, and finding out when another has
 * taken its place. By looking, several times a second: that works on every file
 * system.
 */
#ifndef IMPORT_FOLLOW_H
#define IMPORT_FOLLOW_H

#include "import_reader.h"

enum import_follow {
	IMPORT_FOLLOW_MORE,      /* there is more to read */
	IMPORT_FOLLOW_ROTATED,   /* another file has its name, and it grows no more */
	IMPORT_FOLLOW_TRUNCATED, /* it begins anew */
	IMPORT_FOLLOW_STOPPED,   /* *stop is set */
};

/* Waits until one of them is so. `known`: what the file was when it was read. */
enum import_follow
import_follow_wait(const struct import_reader *reader, const char *path,
		   const struct import_identity *known, const volatile int *stop);

/* The file that was known so, under another name in the directory of `path`:
 * what rotation made of it. NULL: there is none. */
struct import_reader *
import_follow_find(const char *path, const struct import_identity *known, char error[512]);

#endif
