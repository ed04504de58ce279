/*
 * geoip_place.h: the fields that files have for the parts of a place, and the continents
 * of countries.
 */
#include <string.h>

#include "geoip_place.h"

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

void
geoip_place_read(MMDB_entry_s *entry, struct geoip_place *out)
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

bool
geoip_place_copy(struct geoip_place *place, struct store_arena *arena)
{
	return copy_text(&place->continent, arena) && copy_text(&place->country, arena) &&
	       copy_text(&place->region, arena) && copy_text(&place->city, arena) &&
	       copy_text(&place->isp, arena);
}

static void
add_string(struct store_str *to, struct store_str from)
{
	if (to->size == 0)
		*to = from;
}

void
geoip_place_add(struct geoip_place *to, const struct geoip_place *from)
{
	add_string(&to->continent, from->continent);
	add_string(&to->country, from->country);
	add_string(&to->region, from->region);
	add_string(&to->city, from->city);
	add_string(&to->isp, from->isp);
	to->asn = to->asn == 0 ? from->asn : to->asn;
}

/* 0 .. 675 of two capital letters, else 676. */
static uint32_t
country_number(const char *letters, uint32_t size)
{
	uint32_t a, b;

	if (size != 2)
		return GEOIP_COUNTRIES_MAX;
	a = (uint32_t)(letters[0] - 'A');
	b = (uint32_t)(letters[1] - 'A');
	return a < 26 && b < 26 ? a * 26 + b : GEOIP_COUNTRIES_MAX;
}

void
geoip_place_name_continents(struct geoip_continents *continents)
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

	for (uint32_t i = 0; i <= GEOIP_COUNTRIES_MAX; i++)
		continents->of[i] = "";
	for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
		for (const char *c = table[t].countries; *c != '\0'; c += 2)
			continents->of[country_number(c, 2)] = table[t].continent;
	}
}

void
geoip_place_add_continent(struct geoip_place *place, const struct geoip_continents *continents)
{
	const char *continent =
	    continents->of[country_number(place->country.bytes, place->country.size)];

	add_string(&place->continent, (struct store_str){continent, (uint32_t)strlen(continent)});
}
