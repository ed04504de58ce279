/*
 * Bytes that are written as others: as two hex digits, and as forms and queries of
 * URLs have them. Below all decoders; pure.
 */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <stddef.h>

/* What the two hex digits at `at` stand for, 0 to 255; -1: there are not two, of the
 * `size` bytes there. */
int escape_hex(const char *at, size_t size);

/* application/x-www-form-urlencoded: %41 and +; a % without two digits stays. Into
 * out[out_max], no longer than the text; the number of bytes there. */
size_t escape_decode_form(const char *bytes, size_t size, char *out, size_t out_max);

#endif
