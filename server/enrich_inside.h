/*
 * The steps of enrichment that are in files of their own; enrich.c calls them in
 * this order. Pure.
 */
#ifndef ENRICH_INSIDE_H
#define ENRICH_INSIDE_H

#include "event.h"

/* Host, path and referrer from the addresses, which lose their queries; what is
 * kept of the page's query becomes tags. 0 or STORE_ENOMEM. */
int enrich_urls(struct event *event, const struct event_client *client, struct store_arena *arena);
/* Takes out of texts what must not be stored, and cuts them. 0 or STORE_ENOMEM. */
int
enrich_redact(struct event *event, const struct event_client *client, struct store_arena *arena);
/* Kind, count and fingerprint of each error; the view's sum. */
void enrich_errors(struct event *event);

#endif
