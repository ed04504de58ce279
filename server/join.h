/*
 * Which view a beacon belongs to whose agent has no name for it: the metrics of
 * one page come one by one, each with an id of its own. Views are told apart by
 * key (agent, session or client, address of the page) and by those ids: the
 * same metric with another id is another view.
 *
 * A bounded table in memory, forgotten at a restart: what comes later is then a
 * view of its own. Any thread.
 */
#ifndef JOIN_H
#define JOIN_H

#include "event.h"

struct join;

struct join *join_create(void); /* NULL when malloc fails */
void join_destroy(struct join *join);

/* Sets view id and time of an event that lacks them; before enrich. */
void join_view(struct join *join, struct event *event, const struct event_client *client);

#endif
