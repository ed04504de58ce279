/*
 * Address to place, from any number of MaxMind DB files: MaxMind's nested
 * records (country.iso_code, subdivisions[0].names.en, city.names.en, ...) and
 * DB-IP's flat ones (country_code, state1, city). Read-only after opening;
 * any thread may look up.
 */
#ifndef GEOIP_H
#define GEOIP_H

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
/* Textual IPv4 or IPv6. Private and loopback addresses have no place. The first
 * file that knows a part gives it; a country alone gives its continent. False: out of
 * memory. */
bool geoip_find(const struct geoip *geoip, struct store_str address, struct store_arena *arena,
		struct geoip_place *out);

#endif
