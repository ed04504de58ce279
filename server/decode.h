/*
 * What the decoders of foreign beacons share: values into rows, where what does
 * not fit is left out, and events into a batch. Inside of decode_*.c.
 */
#ifndef DECODE_H
#define DECODE_H

#include <string.h>

#include "event_row.h"
#include "tree.h"

/* A new event of the batch, in parts and without a view id; NULL: memory, or
 * the batch is full. */
struct event *decode_event(struct event_batch *batch, struct store_arena *arena);
/* A new row of its lists; NULL: memory, or the list is full. */
struct event_row *decode_error_row(struct event *event, struct store_arena *arena);
struct event_row *decode_event_row(struct event *event, struct store_arena *arena);

/* Cut at `max` bytes, left out when it is no UTF-8. */
void decode_text(struct event_row *row, uint32_t column, struct store_str text, uint32_t max);
/* From 0 to a day. */
void decode_ms(struct event_row *row, uint32_t column, double value);
/* The same of a number among an object's members, where it is one. */
void decode_ms_member(struct event_row *row, uint32_t column, const struct tree *object,
		      const char *name);
/* From 0 to max. */
void decode_number(struct event_row *row, uint32_t column, double value, double max);
void decode_uint(struct event_row *row, uint32_t column, double value, double max);
/* Milliseconds since 1970, from 1 to the year 9999. */
void decode_row_time(struct event_row *row, double ms);
void decode_time(struct event *event, double ms);

/* 2021-09-30T10:46:17.680Z, as ms since 1970; false: it is none. */
bool decode_iso_time(struct store_str text, double *ms);

/* A hash of the texts, never 0. */
uint64_t decode_hash(const char *kind, struct store_str a, struct store_str b);
/* Inline, so that the sizes of words in the code are known. */
static inline bool
decode_is(struct store_str text, const char *word)
{
	return strlen(word) == text.size && memcmp(word, text.bytes, text.size) == 0;
}
struct store_str decode_str(const char *text);

/* LCP, INP, CLS, FCP, TTFB in either case; others (FID) are left out. */
void decode_vital(struct event *event, struct store_str name, double value);
/* As web-vitals and the browser name it (back-forward-cache); others are left out. */
void decode_navigation(struct event *event, struct store_str name);
/* Where in event->metrics a vital's id belongs. */
uint32_t decode_metric_index(struct store_str name);

/* "1280x720" */
void decode_viewport(struct event *event, struct store_str text);

int decode_refuse(struct event_error *error, const char *text);
/* The tree of a body; NULL: *result is what the decoder returns. */
struct tree *decode_tree(struct store_str body, struct store_arena *arena,
			 struct event_error *error, int *result);

#endif
