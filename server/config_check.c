/*
 * What no schema says of a configuration: addresses, hosts and origins that can be, no
 * site twice, keys that go together. Must not fill in defaults: it sees the file alone.
 */
#include <stdlib.h>
#include <string.h>

#include "config_address.h"
#include "config_check.h"

#define QUERY_THREADS_MAX 64u /* the store's: scan_inside.h */

/* What no page can have keeps all of the site's beacons out, without a word. */
static bool
check_site(const struct config_site *site, uint32_t i, const char *path,
	   const struct config_file *file, char error[CONFIG_ERROR_BYTES])
{
	for (uint32_t h = 0; h < site->hosts_count; h++) {
		if (config_address_is_host(site->hosts[h]))
			continue;
		config_file_tell(
		    path, config_file_line(file, "sites", i, "hosts"), error,
		    "sites[%u].hosts[%u]: expected a host without scheme and port, such "
		    "as shop.example or *.shop.example (other letters as xn--...), got '%.60s'",
		    i, h, site->hosts[h]);
		return false;
	}
	for (uint32_t o = 0; o < site->origins_count; o++) {
		if (config_address_is_origin(site->origins[o]))
			continue;
		config_file_tell(path, config_file_line(file, "sites", i, "origins"), error,
				 "sites[%u].origins[%u]: expected scheme and host, such as "
				 "https://shop.example, without the scheme's own port, got '%.60s'",
				 i, o, site->origins[o]);
		return false;
	}
	return true;
}

/* The sites are few, or the file is long anyway: each is compared with those
 * before it. */
static bool
check_sites(const struct config *config, const char *path, const struct config_file *file,
	    char error[CONFIG_ERROR_BYTES])
{
	for (uint32_t i = 0; i < config->sites_count; i++) {
		if (!check_site(&config->sites[i], i, path, file, error))
			return false;
		for (uint32_t j = 0; j < i; j++) {
			if (strcmp(config->sites[i].key, config->sites[j].key) != 0)
				continue;
			config_file_tell(
			    path, config_file_line(file, "sites", i, "key"), error,
			    "sites[%u].key: the site '%s' is there already, on line %u", i,
			    config->sites[i].key, config_file_line(file, "sites", j, "key"));
			return false;
		}
	}
	return true;
}

/* No roles at all would be the default, both; two of one address fail at the start. */
static bool
check_listener(const struct config *config, uint32_t i, const char *path,
	       const struct config_file *file, char error[CONFIG_ERROR_BYTES])
{
	const struct config_listener *listeners = config->listeners;
	unsigned roles_line = config_file_line(file, "listeners", i, "roles");
	const char *port = strrchr(listeners[i].address, ':');

	if (listeners[i].roles == 0 && roles_line != 0) {
		config_file_tell(
		    path, roles_line, error,
		    "listeners[%u].roles: expected public, private or both, got an empty list", i);
		return false;
	}
	for (uint32_t j = 0; j < i; j++) {
		if (strcmp(listeners[i].address, listeners[j].address) != 0 ||
		    strcmp(port, ":0") == 0) /* a free one each */
			continue;
		config_file_tell(path, config_file_line(file, "listeners", i, "address"), error,
				 "listeners[%u].address: '%s' is there already, on line %u", i,
				 listeners[i].address,
				 config_file_line(file, "listeners", j, "address"));
		return false;
	}
	return true;
}

static bool
check_listeners(const struct config *config, const char *path, const struct config_file *file,
		char error[CONFIG_ERROR_BYTES])
{
	struct config_address address;
	char why[160];

	for (uint32_t i = 0; i < config->listeners_count; i++) {
		if (!config_address_parse(config->listeners[i].address, &address, why)) {
			config_file_tell(path, config_file_line(file, "listeners", i, "address"),
					 error, "listeners[%u].address: %s", i, why);
			return false;
		}
		if (!check_listener(config, i, path, file, error))
			return false;
	}
	return true;
}

/* Of the file's trusted_proxies. */
static bool
parse_proxies(struct config *config, const char *path, const struct config_file *file,
	      char error[CONFIG_ERROR_BYTES])
{
	uint32_t count = config->trusted_proxies_count;

	for (uint32_t i = 0; i < config->listeners_count; i++) {
		if (config->listeners[i].proxy_protocol && count == 0) {
			config_file_tell(
			    path, config_file_line(file, "listeners", i, "proxy_protocol"), error,
			    "listeners[%u].proxy_protocol needs trusted_proxies", i);
			return false;
		}
	}
	if (count == 0)
		return true;
	if ((config->proxies = calloc(count, sizeof *config->proxies)) == NULL) {
		config_file_tell(path, 0, error, "out of memory");
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		const char *text = config->trusted_proxies[i], *slash = strchr(text, '/');
		bool valid = proxy_parse_range(text, &config->proxies[i]);

		if (valid && (slash == NULL || strtoul(slash + 1, NULL, 10) > 0))
			continue;
		config_file_tell(path, config_file_line(file, "trusted_proxies", i, NULL), error,
				 valid ? "trusted_proxies[%u]: '%.64s' is everyone, and "
					 "everyone could tell any address: name the proxies"
				       : "trusted_proxies[%u]: expected an address or a range such "
					 "as 10.0.0.0/8, got '%.64s'",
				 i, text);
		return false;
	}
	return true;
}

static bool
check_certificate(const struct config *config, const char *path, const struct config_file *file,
		  char error[CONFIG_ERROR_BYTES])
{
	const char *there = config->certificate != NULL ? "certificate" : "certificate_key";

	if ((config->certificate == NULL) == (config->certificate_key == NULL))
		return true;
	config_file_tell(path, config_file_line(file, NULL, 0, there), error,
			 "%s: certificate and certificate_key go together", there);
	return false;
}

/* The store would take no more of them, without a word. */
static bool
check_limits(const struct config *config, const char *path, const struct config_file *file,
	     char error[CONFIG_ERROR_BYTES])
{
	uint32_t threads = config->limits.query_threads;

	if (threads <= QUERY_THREADS_MAX)
		return true;
	config_file_tell(path, config_file_line(file, "limits", 0, "query_threads"), error,
			 "limits.query_threads: expected at most %u, got %u", QUERY_THREADS_MAX,
			 threads);
	return false;
}

bool
config_check(struct config *config, const char *path, const struct config_file *file,
	     char error[CONFIG_ERROR_BYTES])
{
	return check_listeners(config, path, file, error) &&
	       check_sites(config, path, file, error) &&
	       check_certificate(config, path, file, error) &&
	       check_limits(config, path, file, error) && parse_proxies(config, path, file, error);
}
