/* Places as records of a MaxMind DB file have them. Inside of geoip.c. Any thread. */
#ifndef GEOIP_PLACE_H
#define GEOIP_PLACE_H

#include <maxminddb.h>

#include "geoip.h"

/* What the record says of parts that are not set yet; texts are the file's. */
void geoip_place_read(MMDB_entry_s *entry, struct geoip_place *out);
/* Texts become the arena's. False: out of memory. */
bool geoip_place_copy(struct geoip_place *place, struct store_arena *arena);
/* Parts of `from` that `to` lacks. */
void geoip_place_add(struct geoip_place *to, const struct geoip_place *from);

#define GEOIP_COUNTRIES_MAX 676u

/* For files that have countries alone. */
struct geoip_continents {
	const char *of[GEOIP_COUNTRIES_MAX + 1]; /* static; by the country's letters */
};

void geoip_place_name_continents(struct geoip_continents *continents);
void
geoip_place_add_continent(struct geoip_place *place, const struct geoip_continents *continents);

#endif
