/*
 * Address to place, from any number of MaxMind DB files: MaxMind's nested
 * records (country.iso_code, subdivisions[0].names.en, city.names.en, ...) and
 * DB-IP's flat ones (country_code, state1, city). Read-only after opening;
 * any thread may look up.
 */
#ifndef GEOIP_H
#define GEOIP_H

#include <netinet/in.h>

#include "store/store.h"

struct geoip;

struct geoip_place { /* strings in the arena, or static; "" when unknown */
	struct store_str continent, country, region, city, isp;
	uint32_t asn;
};

/* A file that cannot be opened is one line to `log` and left out. NULL: out of
 * memory. */
struct geoip *geoip_open(const char *const *files, uint32_t files_count,
			 void (*log)(void *context, const char *line), void *context);
void geoip_close(struct geoip *geoip);
/* Whether a file of that name is now another one, or has changed. */
bool geoip_is_stale(const struct geoip *geoip);
/* How many of the files are open; when the oldest of them was made (seconds
 * since 1970), 0 without any. */
uint32_t geoip_files_count(const struct geoip *geoip);
uint64_t geoip_built_s(const struct geoip *geoip);

/* An address that may have a place: AF_UNSPEC when it has none, as private ones. */
struct geoip_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4; /* also what is IPv4 in IPv6's clothes */
		struct sockaddr_in6 v6;
	};
};

/* Textual IPv4 or IPv6. */
void geoip_parse(struct store_str text, struct geoip_address *out);
/* The first file that knows a part gives it; a country alone gives its continent. False:
 * out of memory. */
bool geoip_find(const struct geoip *geoip, const struct geoip_address *address,
		struct store_arena *arena, struct geoip_place *out);

/* Visitors' places lie scattered over megabytes: who has something else to do calls
 * this before geoip_find, does some of it, calls it with the next step, and does the
 * rest. What comes of it is the same without. */
enum geoip_step { GEOIP_NETWORK, GEOIP_RECORD };
void
geoip_fetch(const struct geoip *geoip, const struct geoip_address *address, enum geoip_step step);

#endif
