/*
 * guard.h. In front of intake, on the loop threads.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guard.h"
#include "metrics.h"

bool
guard_enter(const struct server *server)
{
	int64_t before = atomic_fetch_add(&metrics_values[METRICS_beacons_in_flight], 1);

	if (before < (int64_t)server->config->limits.in_flight)
		return true;
	guard_leave();
	return false;
}

void
guard_leave(void)
{
	metrics_add(METRICS_beacons_in_flight, -1);
}

/* ---- sites ----------------------------------------------------------- */

static bool
is_same(const char *configured, struct store_str text)
{
	return strlen(configured) == text.size &&
	       strncasecmp(configured, text.bytes, text.size) == 0;
}

/* Also *.example.com for any host below it. */
static bool
is_listed(char *const *list, uint32_t count, struct store_str text)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *entry = list[i];
		size_t size = strlen(entry);

		if (is_same(entry, text))
			return true;
		if (size > 2 && entry[0] == '*' && entry[1] == '.' && text.size >= size &&
		    strncasecmp(text.bytes + text.size - (size - 1), entry + 1, size - 1) == 0)
			return true;
	}
	return false;
}

/* Without configured sites any key is taken, up to a bound. */
static bool
is_known_or_new(uint32_t sites_max, struct store_str site)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards both below */
	static struct store_str *known;
	static uint32_t count;
	bool found = false;

	pthread_mutex_lock(&mutex);
	if (known == NULL)
		known = calloc(sites_max, sizeof *known);
	for (uint32_t i = 0; known != NULL && i < count && !found; i++)
		found = known[i].size == site.size &&
			memcmp(known[i].bytes, site.bytes, site.size) == 0;
	if (known != NULL && !found && count < sites_max) {
		char *copy = malloc(site.size);

		if (copy != NULL) {
			memcpy(copy, site.bytes, site.size);
			known[count++] = (struct store_str){copy, site.size};
			found = true;
		}
	}
	pthread_mutex_unlock(&mutex);
	return found;
}

const char *
guard_site(const struct server *server, struct store_str site, struct store_str host,
	   struct store_str origin)
{
	const struct config *config = server->config;

	if (config->sites_count == 0)
		return is_known_or_new(config->limits.sites, site)
			   ? NULL
			   : "site: too many different sites; configure the ones you have";
	for (uint32_t i = 0; i < config->sites_count; i++) {
		const struct config_site *allowed = &config->sites[i];

		if (strlen(allowed->key) != site.size ||
		    memcmp(allowed->key, site.bytes, site.size) != 0)
			continue;
		if (allowed->hosts_count > 0 &&
		    !is_listed(allowed->hosts, allowed->hosts_count, host))
			return "url: its host is not among the site's hosts";
		if (allowed->origins_count > 0 && origin.size > 0 &&
		    !is_listed(allowed->origins, allowed->origins_count, origin))
			return "the Origin is not among the site's origins";
		return NULL;
	}
	return "site: not configured";
}
