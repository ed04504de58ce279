/*
 * From any thread to the one writer: a bounded queue of commits. The writer
 * takes all that has queued up, appends it with one sync, and then calls each
 * item's `done` on its own thread.
 */
#ifndef INGEST_H
#define INGEST_H

#include "store/store.h"

struct ingest;

/*
 * A sync costs 200 us of CPU, its share of the loops' wake-ups included, and a
 * write or two of the disk. So where beacons come together, syncs begin this far
 * apart, unless many wait already: at 2,000 beacons/s 0.12 syncs a beacon, which
 * waits 4.4 ms (p50); half as far apart were 0.24 and 2.7 ms, and a fifth more CPU
 * in all.
 */
#define INGEST_INTERVAL_NS 4000000
/* So many need not wait for more: at 20,000 beacons/s a group each 2 ms. With 64
 * their p50 was 4.6 ms rather than 3.3, and with 32 a beacon took more CPU. */
#define INGEST_MANY 40u
/* It keeps the interval while arrivals join another's sync as often as that, beacons
 * that came at once being one: with fewer, what is gained is not worth the wait. Who
 * waits for each answer before the next beacon joins nobody's. At 1,000 beacons/s 350
 * would. */
#define INGEST_OFTEN_PER_S 250
#define INGEST_LATELY_NS 50000000 /* over about so long */
/* With so many clients about, those included that are known to be on their way, a
 * group waits for these, too, when the interval is over, from its first item on at most
 * so long, which is longer than the interval, for a loop that shakes many hands takes no
 * beacon meanwhile: 8 connections, each for one beacon, are then 0.13 to 0.25 syncs a
 * beacon, and 64 at a time 0.12; with the interval alone 0.24 to 0.36 and 0.18. One
 * client after the other is never that many. But only while such bring beacons often,
 * too: others are far away, or were opened in advance, or mean to delay the rest. */
#define INGEST_CLIENTS 5u
#define INGEST_COMING_NS 8000000

struct ingest_item {
	struct store_commit commit; /* and what it points to: the item's until done */
	/* result: commit.result, or the negative code of the whole group. Owns
	 * the item from now on. */
	void (*done)(struct ingest_item *item, int result);
	bool was_coming;          /* it is of a client that was counted so until now */
	struct ingest_item *next; /* the queue's */
};

/* The store is borrowed until ingest_destroy. */
struct ingest *ingest_create(struct store *store, uint32_t queue_max);
/* Writes what is queued, then ends. */
void ingest_destroy(struct ingest *ingest);
/* Called on the writer's thread when all of a group's `done` have been. Before
 * anything is submitted. */
void ingest_after_group(struct ingest *ingest, void (*after)(void));
/* `coming` tells how many clients have come and are about to submit something. On
 * the writer's thread, with a mutex held: it must not wait. Before anything is
 * submitted; without it there are none. */
void ingest_clients(struct ingest *ingest, uint32_t (*coming)(void *context), void *context);
/* False: the queue is full; the item is still the caller's. */
bool ingest_submit(struct ingest *ingest, struct ingest_item *item);

/* Items of one thread, which go to the writer together: one lock, one wake-up
 * and larger groups. Zero is an empty one. */
struct ingest_batch {
	struct ingest_item *first, *last;
	uint32_t count, came; /* came: of clients that were coming */
};
/* As ingest_submit, but the writer may see it only after ingest_flush, which
 * comes before ingest_destroy. */
bool ingest_add(struct ingest *ingest, struct ingest_batch *batch, struct ingest_item *item);
void ingest_flush(struct ingest *ingest, struct ingest_batch *batch);

#endif
