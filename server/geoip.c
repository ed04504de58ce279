/*
 * geoip.h over libmaxminddb. Part of enrichment; must not keep the address.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <maxminddb.h>

#include "address.h"
#include "geoip.h"
#include "geoip_record.h"

#define COUNTRIES_MAX 676u

/* What a file was when it was opened; zero when it was not there. */
struct stamp {
	char *path; /* owned */
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec changed;
};

/* Of IPv4 addresses' first bits, for which the tree need not be walked: each of
 * its nodes is a line of memory, of a file of many MiB. */
#define START_BITS 16u
#define NO_NODE UINT32_MAX

/* Of networks of 256 addresses that were asked for, in which no smaller one has a
 * record of its own: the rest of the walk is six to eight lines of memory. */
#define NETWORK_BITS 24u
#define NETWORKS_BITS 16u

struct file {
	MMDB_s mmdb;
	bool lacks_v4;    /* no IPv4 address is in it */
	uint32_t *starts; /* owned: [1 << START_BITS], the node; NO_NODE: ask the library */
	/* owned: [1 << NETWORKS_BITS], by a hash: the network, and 32 bits of its record's
	 * offset and one; 0: nothing here */
	_Atomic uint64_t *networks;
	/* An address's tree leads to a record's place in the file, and most of a site's
	 * visitors share some hundreds of them, of all the world's some thousands. */
	struct geoip_records *records; /* owned */
};

struct geoip {
	struct file *files; /* owned: [files_count] */
	uint32_t files_count;
	struct stamp *stamps; /* owned: [stamps_count], of all names */
	uint32_t stamps_count;
	const char *continents[COUNTRIES_MAX + 1]; /* static; by country_number() */
};

static void
take_stamp(struct stamp *stamp)
{
	struct stat status;

	if (stat(stamp->path, &status) != 0)
		memset(&status, 0, sizeof status);
	stamp->device = status.st_dev;
	stamp->number = status.st_ino;
	stamp->size = status.st_size;
	stamp->changed = status.st_mtim;
}

bool
geoip_is_stale(const struct geoip *geoip)
{
	bool stale = false;

	for (uint32_t i = 0; i < geoip->stamps_count; i++) {
		struct stamp now = {.path = geoip->stamps[i].path};
		const struct stamp *then = &geoip->stamps[i];

		take_stamp(&now);
		stale |= now.device != then->device || now.number != then->number ||
			 now.size != then->size || now.changed.tv_sec != then->changed.tv_sec ||
			 now.changed.tv_nsec != then->changed.tv_nsec;
	}
	return stale;
}

uint32_t
geoip_files_count(const struct geoip *geoip)
{
	return geoip->files_count;
}

uint64_t
geoip_built_s(const struct geoip *geoip)
{
	uint64_t oldest = 0;

	for (uint32_t i = 0; i < geoip->files_count; i++) {
		uint64_t built = geoip->files[i].mmdb.metadata.build_epoch;

		oldest = i == 0 || built < oldest ? built : oldest;
	}
	return oldest;
}

/* 0 .. 675 of two capital letters, else 676. */
static uint32_t
country_number(const char *letters, uint32_t size)
{
	uint32_t a, b;

	if (size != 2)
		return COUNTRIES_MAX;
	a = (uint32_t)(letters[0] - 'A');
	b = (uint32_t)(letters[1] - 'A');
	return a < 26 && b < 26 ? a * 26 + b : COUNTRIES_MAX;
}

/* For files that have countries alone. */
static void
name_continents(const char *continents[COUNTRIES_MAX + 1])
{
	static const struct {
		const char *continent, *countries;
	} table[] = {
	    {"AF", "DZAOBJBWBFBICMCVCFTDKMCGCDCIDJEGGQERSZETGAGMGHGNGWKELSLRLYMGMWMLMRMUYTMAMZNANEN"
		   "GRERWSHSTSNSCSLSOZASSSDTZTGTNUGEHZMZW"},
	    {"AS", "AFAMAZBHBDBTBNKHCNGEHKINIDIRIQILJPJOKZKWKGLALBMOMYMVMNMMNPKPOMPKPSPHQASASGKRLKS"
		   "YTWTJTHTLTRTMAEUZVNYE"},
	    {"EU", "AXALADATBYBEBABGHRCYCZDKEEFOFIFRDEGIGRGGVAHUISIEIMITJEXKLVLILTLUMTMDMCMENLMKNOP"
		   "LPTRORUSMRSSKSIESSJSECHUAGB"},
	    {"NA",
	     "AIAGAWBSBBBZBMBQVGCAKYCRCUCWDMDOSVGLGDGPGTHTHNJMMQMXMSNIPAPRBLKNLCMFPMVCSXTTTCUSVI"},
	    {"OC", "ASAUCKFJPFGUKIMHFMNRNCNZNUNFMPPWPGPNWSSBTKTOTVUMVUWF"},
	    {"SA", "ARBOBRCLCOECFKGFGYPYPESRUYVE"},
	    {"AN", "AQBVGSHMTF"}};

	for (uint32_t i = 0; i <= COUNTRIES_MAX; i++)
		continents[i] = "";
	for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
		for (const char *c = table[t].countries; *c != '\0'; c += 2)
			continents[country_number(c, 2)] = table[t].continent;
	}
}

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
fill_starts(struct file *file, uint32_t node, uint32_t depth, uint32_t prefix)
{
	MMDB_search_node_s found;

	if (depth == START_BITS) {
		file->starts[prefix] = node;
		return;
	}
	for (uint32_t bit = 0; bit < 2; bit++) {
		uint32_t next = node;

		if (step(&file->mmdb, &next, bit, &found))
			fill_starts(file, next, depth + 1, prefix << 1 | bit);
	}
}

static bool
open_starts(struct file *file)
{
	MMDB_search_node_s found = {0};
	uint32_t root = 0;

	/* In a file for both, IPv4 is ::/96. */
	for (uint32_t i = 0; file->mmdb.metadata.ip_version == 6 && i < 96; i++) {
		if (!step(&file->mmdb, &root, 0, &found)) {
			file->lacks_v4 = found.left_record_type == MMDB_RECORD_TYPE_EMPTY;
			return true;
		}
	}
	file->networks = calloc((size_t)1 << NETWORKS_BITS, sizeof *file->networks);
	file->starts = malloc(sizeof *file->starts << START_BITS);
	if (file->networks == NULL || file->starts == NULL)
		return false;
	memset(file->starts, 0xff, sizeof *file->starts << START_BITS);
	fill_starts(file, root, 0, 0);
	return true;
}

static bool
open_cache(struct file *file)
{
	file->records = geoip_records_create();
	return file->records != NULL && open_starts(file);
}

static void
close_file(struct file *file)
{
	MMDB_close(&file->mmdb);
	geoip_records_free(file->records);
	free(file->starts);
	free(file->networks);
}

struct geoip *
geoip_open(const char *const *files, uint32_t files_count,
	   void (*log)(void *context, const char *line), void *context)
{
	struct geoip *geoip = calloc(1, sizeof *geoip);

	if (geoip == NULL ||
	    (geoip->files = calloc(files_count + 1u, sizeof *geoip->files)) == NULL ||
	    (geoip->stamps = calloc(files_count + 1u, sizeof *geoip->stamps)) == NULL) {
		geoip_close(geoip);
		return NULL;
	}
	name_continents(geoip->continents);
	for (uint32_t i = 0; i < files_count; i++) {
		struct stamp *stamp = &geoip->stamps[i];

		if ((stamp->path = strdup(files[i])) == NULL) {
			geoip_close(geoip);
			return NULL;
		}
		take_stamp(stamp); /* before opening: what changes in between is stale */
		geoip->stamps_count++;
	}
	for (uint32_t i = 0; i < files_count; i++) {
		struct file *file = &geoip->files[geoip->files_count];
		int status = MMDB_open(files[i], MMDB_MODE_MMAP, &file->mmdb);
		char line[512];

		if (status == MMDB_SUCCESS) {
			geoip->files_count++;
			if (!open_cache(file)) {
				geoip_close(geoip);
				return NULL;
			}
			continue;
		}
		snprintf(line, sizeof line,
			 "GeoIP file %s cannot be used: %s; rows lack what only it would tell",
			 files[i], MMDB_strerror(status));
		log(context, line);
	}
	return geoip;
}

void
geoip_close(struct geoip *geoip)
{
	if (geoip == NULL)
		return;
	for (uint32_t i = 0; i < geoip->files_count; i++)
		close_file(&geoip->files[i]);
	for (uint32_t i = 0; i < geoip->stamps_count; i++)
		free(geoip->stamps[i].path);
	free(geoip->stamps);
	free(geoip->files);
	free(geoip);
}

static bool
is_private4(uint32_t address)
{
	return address >> 24 == 10 || address >> 24 == 127 || address >> 24 == 0 ||
	       address >> 20 == 0xac1 || address >> 16 == 0xc0a8 || address >> 16 == 0xa9fe ||
	       address >> 22 == 0x191; /* 100.64.0.0/10: carrier-grade NAT */
}

static bool
is_public6(const struct in6_addr *address)
{
	return !IN6_IS_ADDR_LOOPBACK(address) && !IN6_IS_ADDR_LINKLOCAL(address) &&
	       (address->s6_addr[0] & 0xfe) != 0xfc && !IN6_IS_ADDR_UNSPECIFIED(address);
}

static void
set_v4(const void *bytes, struct geoip_address *out)
{
	memcpy(&out->v4.sin_addr, bytes, sizeof out->v4.sin_addr);
	if (!is_private4(ntohl(out->v4.sin_addr.s_addr)))
		out->v4.sin_family = AF_INET;
}

void
geoip_parse(struct store_str text, struct geoip_address *out)
{
	char buffer[INET6_ADDRSTRLEN];
	struct in6_addr address;
	uint8_t v4[4];

	memset(out, 0, sizeof *out);
	out->any.sa_family = AF_UNSPEC;
	if (text.size == 0 || text.size >= sizeof buffer)
		return;
	if (address_parse_v4(text.bytes, text.size, v4)) {
		set_v4(v4, out);
		return;
	}
	memcpy(buffer, text.bytes, text.size);
	buffer[text.size] = '\0';
	if (inet_pton(AF_INET6, buffer, &address) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		set_v4(address.s6_addr + 12, out);
	} else if (is_public6(&address)) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_addr = address;
	}
}

/* The first of the paths that is a string, unless `out` is set already. */
static void
take_string(MMDB_entry_s *entry, const char *const *first, const char *const *second,
	    struct store_str *out)
{
	const char *const *paths[] = {first, second};

	for (int i = 0; i < 2 && out->size == 0; i++) {
		MMDB_entry_data_s data;

		if (paths[i] != NULL && MMDB_aget_value(entry, &data, paths[i]) == MMDB_SUCCESS &&
		    data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING)
			*out = (struct store_str){data.utf8_string, data.data_size};
	}
}

static void
take_place(MMDB_entry_s *entry, struct geoip_place *out)
{
	static const char *const continent[] = {"continent", "code", NULL};
	static const char *const continent_flat[] = {"continent_code", NULL};
	static const char *const country[] = {"country", "iso_code", NULL};
	static const char *const country_flat[] = {"country_code", NULL};
	static const char *const region[] = {"subdivisions", "0", "names", "en", NULL};
	static const char *const region_flat[] = {"state1", NULL};
	static const char *const city[] = {"city", "names", "en", NULL};
	static const char *const city_flat[] = {"city", NULL};
	static const char *const isp[] = {"autonomous_system_organization", NULL};
	static const char *const asn[] = {"autonomous_system_number", NULL};
	MMDB_entry_data_s data;

	take_string(entry, continent, continent_flat, &out->continent);
	take_string(entry, country, country_flat, &out->country);
	take_string(entry, region, region_flat, &out->region);
	take_string(entry, city, city_flat, &out->city);
	take_string(entry, isp, NULL, &out->isp);
	if (out->asn == 0 && MMDB_aget_value(entry, &data, asn) == MMDB_SUCCESS && data.has_data &&
	    data.type == MMDB_DATA_TYPE_UINT32)
		out->asn = data.uint32;
}

static bool
copy_text(struct store_str *text, struct store_arena *arena)
{
	char *bytes = store_arena_alloc(arena, text->size);

	if (bytes != NULL && text->size > 0)
		memcpy(bytes, text->bytes, text->size);
	text->bytes = bytes;
	return bytes != NULL;
}

/* Of one file; false: out of memory. */
static bool
find_in(struct file *file, const MMDB_entry_s *entry, struct store_arena *arena,
	struct geoip_place *out)
{
	struct geoip_record *record = store_arena_alloc(arena, sizeof *record);
	MMDB_entry_s copy = *entry;

	if (record == NULL)
		return false;
	if (!geoip_record_recall(file->records, entry->offset, record)) {
		take_place(&copy, out);
		if (!geoip_record_keep(file->records, entry->offset, out, record))
			return copy_text(&out->continent, arena) &&
			       copy_text(&out->country, arena) && copy_text(&out->region, arena) &&
			       copy_text(&out->city, arena) && copy_text(&out->isp, arena);
	}
	geoip_record_place(record, out);
	return true;
}

static void
add_string(struct store_str *to, struct store_str from)
{
	if (to->size == 0)
		*to = from;
}

static void
add_place(struct geoip_place *to, const struct geoip_place *from)
{
	add_string(&to->continent, from->continent);
	add_string(&to->country, from->country);
	add_string(&to->region, from->region);
	add_string(&to->city, from->city);
	add_string(&to->isp, from->isp);
	to->asn = to->asn == 0 ? from->asn : to->asn;
}

static inline _Atomic uint64_t *
network_slot(const struct file *file, uint32_t address)
{
	uint32_t network = address >> (32 - NETWORK_BITS);

	return &file->networks[network * 0x9e3779b1u >> (32 - NETWORKS_BITS)];
}

/* Where the record of an IPv4 address is; false: it has none. */
static bool
walk(const struct file *file, uint32_t node, uint32_t address, MMDB_entry_s *out)
{
	uint32_t network = address >> (32 - NETWORK_BITS);
	_Atomic uint64_t *slot = network_slot(file, address);
	uint64_t known = atomic_load_explicit(slot, memory_order_relaxed);
	MMDB_search_node_s found = {0};

	if (known >> 32 == network && (uint32_t)known != 0) {
		*out = (MMDB_entry_s){.mmdb = &file->mmdb, .offset = (uint32_t)known - 1};
		return true;
	}
	for (uint32_t shift = 32 - START_BITS; shift-- > 0;) {
		uint32_t bit = address >> shift & 1;

		if (step(&file->mmdb, &node, bit, &found))
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

static bool
look_up(const struct file *file, const struct geoip_address *address, MMDB_entry_s *out)
{
	MMDB_lookup_result_s found;
	int status;

	if (address->any.sa_family == AF_INET && file->lacks_v4)
		return false;
	if (address->any.sa_family == AF_INET && file->starts != NULL) {
		uint32_t number = ntohl(address->v4.sin_addr.s_addr);
		uint32_t node = file->starts[number >> (32 - START_BITS)];

		if (node != NO_NODE)
			return walk(file, node, number, out);
	}
	found = MMDB_lookup_sockaddr(&file->mmdb, &address->any, &status);
	*out = found.entry;
	return status == MMDB_SUCCESS && found.found_entry;
}

void
geoip_fetch(const struct geoip *geoip, const struct geoip_address *address, enum geoip_step step)
{
	uint32_t number = ntohl(address->v4.sin_addr.s_addr);

	if (address->any.sa_family != AF_INET)
		return;
	for (uint32_t i = 0; i < geoip->files_count; i++) {
		const struct file *file = &geoip->files[i];
		uint64_t known;

		if (file->lacks_v4 || file->starts == NULL)
			continue;
		if (step == GEOIP_NETWORK) {
			__builtin_prefetch(network_slot(file, number));
			__builtin_prefetch(&file->starts[number >> (32 - START_BITS)]);
			continue;
		}
		known = atomic_load_explicit(network_slot(file, number), memory_order_relaxed);
		if (known >> 32 == number >> (32 - NETWORK_BITS) && (uint32_t)known != 0)
			geoip_record_fetch(file->records, (uint32_t)known - 1);
	}
}

bool
geoip_find(const struct geoip *geoip, const struct geoip_address *address,
	   struct store_arena *arena, struct geoip_place *out)
{
	const char *continent;

	memset(out, 0, sizeof *out);
	if (address->any.sa_family == AF_UNSPEC)
		return true;
	for (uint32_t i = 0; i < geoip->files_count; i++) {
		struct file *file = &geoip->files[i];
		struct geoip_place place = {.asn = 0};
		MMDB_entry_s entry;

		if ((address->any.sa_family == AF_INET6 && file->mmdb.metadata.ip_version == 4) ||
		    !look_up(file, address, &entry))
			continue;
		if (!find_in(file, &entry, arena, &place))
			return false;
		add_place(out, &place);
	}
	continent = geoip->continents[country_number(out->country.bytes, out->country.size)];
	add_string(&out->continent, (struct store_str){continent, (uint32_t)strlen(continent)});
	return true;
}
