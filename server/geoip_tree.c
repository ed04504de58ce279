/*
 * geoip_tree.h. An IPv4 address's first bits lead to a node by a table, and the rest of
 * the way is remembered by networks; IPv6 is libmaxminddb's alone.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "geoip_tree.h"

/* Of IPv4 addresses' first bits, for which the tree need not be walked: each of
 * its nodes is a line of memory, of a file of many MiB. */
#define START_BITS 16u
#define NO_NODE UINT32_MAX

/* Of networks of 256 addresses that were asked for, in which no smaller one has a
 * record of its own: the rest of the walk is six to eight lines of memory. */
#define NETWORK_BITS 24u
#define NETWORKS_BITS 16u

/* One bit on; false: no node. */
static bool
step(const MMDB_s *mmdb, uint32_t *node, uint32_t bit, MMDB_search_node_s *found)
{
	if (MMDB_read_node(mmdb, *node, found) != MMDB_SUCCESS ||
	    (bit ? found->right_record_type : found->left_record_type) !=
		MMDB_RECORD_TYPE_SEARCH_NODE)
		return false;
	*node = (uint32_t)(bit ? found->right_record : found->left_record);
	return true;
}

/* The nodes below `node`, where `depth` bits of `prefix` lead. */
static void
fill_starts(struct geoip_tree *tree, uint32_t node, uint32_t depth, uint32_t prefix)
{
	MMDB_search_node_s found;

	if (depth == START_BITS) {
		tree->starts[prefix] = node;
		return;
	}
	for (uint32_t bit = 0; bit < 2; bit++) {
		uint32_t next = node;

		if (step(&tree->mmdb, &next, bit, &found))
			fill_starts(tree, next, depth + 1, prefix << 1 | bit);
	}
}

bool
geoip_tree_open(struct geoip_tree *tree)
{
	MMDB_search_node_s found = {0};
	uint32_t root = 0;

	/* Whoever writes a new one over it cuts it to nothing first. */
	if (!store_mapping_watch(tree->mmdb.file_content, (size_t)tree->mmdb.file_size))
		return false;
	/* In a file for both, IPv4 is ::/96. */
	for (uint32_t i = 0; tree->mmdb.metadata.ip_version == 6 && i < 96; i++) {
		if (!step(&tree->mmdb, &root, 0, &found)) {
			tree->lacks_v4 = found.left_record_type == MMDB_RECORD_TYPE_EMPTY;
			return true;
		}
	}
	tree->networks = calloc((size_t)1 << NETWORKS_BITS, sizeof *tree->networks);
	tree->starts = malloc(sizeof *tree->starts << START_BITS);
	if (tree->networks == NULL || tree->starts == NULL)
		return false;
	memset(tree->starts, 0xff, sizeof *tree->starts << START_BITS);
	fill_starts(tree, root, 0, 0);
	return true;
}

void
geoip_tree_close(struct geoip_tree *tree)
{
	store_mapping_forget(tree->mmdb.file_content);
	MMDB_close(&tree->mmdb);
	free(tree->starts);
	free(tree->networks);
}

static inline _Atomic uint64_t *
network_slot(const struct geoip_tree *tree, uint32_t address)
{
	uint32_t network = address >> (32 - NETWORK_BITS);

	return &tree->networks[network * 0x9e3779b1u >> (32 - NETWORKS_BITS)];
}

/* Where the record of an IPv4 address is; false: it has none. */
static bool
walk(const struct geoip_tree *tree, uint32_t node, uint32_t address, MMDB_entry_s *out)
{
	uint32_t network = address >> (32 - NETWORK_BITS);
	_Atomic uint64_t *slot = network_slot(tree, address);
	uint64_t known = atomic_load_explicit(slot, memory_order_relaxed);
	MMDB_search_node_s found = {0};

	if (known >> 32 == network && (uint32_t)known != 0) {
		*out = (MMDB_entry_s){.mmdb = &tree->mmdb, .offset = (uint32_t)known - 1};
		return true;
	}
	for (uint32_t shift = 32 - START_BITS; shift-- > 0;) {
		uint32_t bit = address >> shift & 1;

		if (step(&tree->mmdb, &node, bit, &found))
			continue;
		*out = bit ? found.right_record_entry : found.left_record_entry;
		if ((bit ? found.right_record_type : found.left_record_type) !=
		    MMDB_RECORD_TYPE_DATA)
			return false;
		if (shift >= 32 - NETWORK_BITS)
			atomic_store_explicit(slot, (uint64_t)network << 32 | (out->offset + 1),
					      memory_order_relaxed);
		return true;
	}
	return false;
}

bool
geoip_tree_find(const struct geoip_tree *tree, const struct geoip_address *address,
		MMDB_entry_s *out)
{
	MMDB_lookup_result_s found;
	int status;

	if (address->any.sa_family == AF_INET && tree->lacks_v4)
		return false;
	if (address->any.sa_family == AF_INET && tree->starts != NULL) {
		uint32_t number = ntohl(address->v4.sin_addr.s_addr);
		uint32_t node = tree->starts[number >> (32 - START_BITS)];

		if (node != NO_NODE)
			return walk(tree, node, number, out);
	}
	found = MMDB_lookup_sockaddr(&tree->mmdb, &address->any, &status);
	*out = found.entry;
	return status == MMDB_SUCCESS && found.found_entry;
}

void
geoip_tree_fetch(const struct geoip_tree *tree, const struct geoip_address *address)
{
	uint32_t number = ntohl(address->v4.sin_addr.s_addr);

	if (address->any.sa_family != AF_INET || tree->lacks_v4 || tree->starts == NULL)
		return;
	__builtin_prefetch(network_slot(tree, number));
	__builtin_prefetch(&tree->starts[number >> (32 - START_BITS)]);
}

bool
geoip_tree_recall(const struct geoip_tree *tree, const struct geoip_address *address,
		  uint32_t *offset)
{
	uint32_t number = ntohl(address->v4.sin_addr.s_addr);
	uint64_t known;

	if (address->any.sa_family != AF_INET || tree->lacks_v4 || tree->starts == NULL)
		return false;
	known = atomic_load_explicit(network_slot(tree, number), memory_order_relaxed);
	*offset = (uint32_t)known - 1;
	return known >> 32 == number >> (32 - NETWORK_BITS) && (uint32_t)known != 0;
}
