/*
 * Address to a record's offset in one MaxMind DB file, and what makes that quick. Inside
 * of geoip.c. Any thread, once it is open.
 */
#ifndef GEOIP_TREE_H
#define GEOIP_TREE_H

#include <stdatomic.h>

#include <maxminddb.h>

#include "geoip.h"

struct geoip_tree {
	MMDB_s mmdb;      /* opened by whoever calls geoip_tree_open */
	bool lacks_v4;    /* no IPv4 address is in it */
	uint32_t *starts; /* owned: [1 << START_BITS], the node; NO_NODE: ask the library */
	/* owned: [1 << NETWORKS_BITS], by a hash: the network, and 32 bits of its record's
	 * offset and one; 0: nothing here */
	_Atomic uint64_t *networks;
};

/* Of an open mmdb, the rest zero. False: out of memory; geoip_tree_close is due all the
 * same. */
bool geoip_tree_open(struct geoip_tree *tree);
/* Closes the mmdb, too. */
void geoip_tree_close(struct geoip_tree *tree);

/* Where the record of an address is, of AF_INET or AF_INET6; false: it has none. */
bool geoip_tree_find(const struct geoip_tree *tree, const struct geoip_address *address,
		     MMDB_entry_s *out);
/* Has the processor fetch what the next two would read first. */
void geoip_tree_fetch(const struct geoip_tree *tree, const struct geoip_address *address);
/* The offset, if it is remembered. */
bool geoip_tree_recall(const struct geoip_tree *tree, const struct geoip_address *address,
		       uint32_t *offset);

#endif
