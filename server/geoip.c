/*
 * geoip.h over libmaxminddb. Part of enrichment; must not keep the address.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <maxminddb.h>

#include "geoip.h"

/* What a file was when it was opened; zero when it was not there. */
struct stamp {
	char *path; /* owned */
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec changed;
};

struct geoip {
	MMDB_s *files; /* owned: [files_count] */
	uint32_t files_count;
	struct stamp *stamps; /* owned: [stamps_count], of all names */
	uint32_t stamps_count;
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
		uint64_t built = geoip->files[i].metadata.build_epoch;

		oldest = i == 0 || built < oldest ? built : oldest;
	}
	return oldest;
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
		int status = MMDB_open(files[i], MMDB_MODE_MMAP, &geoip->files[geoip->files_count]);
		char line[512];

		if (status == MMDB_SUCCESS) {
			geoip->files_count++;
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
		MMDB_close(&geoip->files[i]);
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
parse(struct store_str text, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char buffer[INET6_ADDRSTRLEN];

	memset(out, 0, sizeof *out);
	if (text.size == 0 || text.size >= sizeof buffer)
		return false;
	memcpy(buffer, text.bytes, text.size);
	buffer[text.size] = '\0';
	if (inet_pton(AF_INET, buffer, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		return !is_private4(ntohl(v4->sin_addr.s_addr));
	}
	if (inet_pton(AF_INET6, buffer, &v6->sin6_addr) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		struct in_addr mapped;

		memcpy(&mapped, v6->sin6_addr.s6_addr + 12, sizeof mapped);
		v4->sin_family = AF_INET;
		v4->sin_addr = mapped;
		return !is_private4(ntohl(mapped.s_addr));
	}
	v6->sin6_family = AF_INET6;
	return !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) &&
	       (v6->sin6_addr.s6_addr[0] & 0xfe) != 0xfc &&
	       !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
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

void
geoip_find(const struct geoip *geoip, struct store_str address, struct geoip_place *out)
{
	struct sockaddr_storage parsed;

	memset(out, 0, sizeof *out);
	if (!parse(address, &parsed))
		return;
	for (uint32_t i = 0; i < geoip->files_count; i++) {
		MMDB_lookup_result_s found;
		int status;

		if (parsed.ss_family == AF_INET6 && geoip->files[i].metadata.ip_version == 4)
			continue;
		found = MMDB_lookup_sockaddr(&geoip->files[i], (struct sockaddr *)&parsed, &status);
		if (status == MMDB_SUCCESS && found.found_entry)
			take_place(&found.entry, out);
	}
}
