/* What collect.c and collect_queue.c share. Nothing else includes this. */
#ifndef COLLECT_INSIDE_H
#define COLLECT_INSIDE_H

#include "event.h"
#include "loop.h"

/* Queues what was decoded and enriched, which may go then; the answer, `status`
 * when all is well, comes after the disk, or at once when there is no room. The
 * reference to the settings is taken. */
int collect_queue(h2o_req_t *req, const struct event_batch *batch, int status,
		  struct settings *settings);
/* 503: there is no room, or no memory. */
int collect_refuse_overload(h2o_req_t *req);

#endif
