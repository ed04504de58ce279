/*
 * config.h over libcyaml: the schema of the file, which config_file.h checks it
 * against, and what no schema says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cyaml/cyaml.h>

#include "config.h"
#include "config_address.h"
#include "config_file.h"

/* ---- the schema ------------------------------------------------------ */

#define OPTIONAL_POINTER (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_value_t string_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096)};

static const cyaml_strval_t role_names[] = {{"public", CONFIG_PUBLIC}, {"private", CONFIG_PRIVATE}};

/* libcyaml's own truth values take any word for true. */
static const cyaml_strval_t falsehoods[] = {{"true", 0},  {"yes", 0}, {"on", 0},
					    {"false", 1}, {"no", 1},  {"off", 1}};
static const cyaml_strval_t truths[] = {{"true", 1},  {"yes", 1}, {"on", 1},
					{"false", 0}, {"no", 0},  {"off", 0}};

static const cyaml_schema_field_t listener_fields[] = {
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct config_listener, address, 3, 256),
    CYAML_FIELD_ENUM("tls", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_listener, tls,
		     truths, 6),
    CYAML_FIELD_ENUM("proxy_protocol", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
		     struct config_listener, proxy_protocol, truths, 6),
    CYAML_FIELD_FLAGS("roles", CYAML_FLAG_OPTIONAL, struct config_listener, roles, role_names, 2),
    CYAML_FIELD_END};
static const cyaml_schema_value_t listener_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_listener, listener_fields)};

static const cyaml_schema_field_t site_fields[] = {
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct config_site, key, 1, 64),
    CYAML_FIELD_SEQUENCE("hosts", OPTIONAL_POINTER, struct config_site, hosts, &string_value, 0,
			 1000),
    CYAML_FIELD_SEQUENCE("origins", OPTIONAL_POINTER, struct config_site, origins, &string_value, 0,
			 1000),
    CYAML_FIELD_END};
static const cyaml_schema_value_t site_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_site, site_fields)};

static const cyaml_schema_field_t rule_fields[] = {
    CYAML_FIELD_STRING_PTR("table", OPTIONAL_POINTER, struct config_rule, table, 1, 64),
    CYAML_FIELD_STRING_PTR("site", OPTIONAL_POINTER, struct config_rule, site, 1, 64),
    CYAML_FIELD_STRING_PTR("when", OPTIONAL_POINTER, struct config_rule, when, 1, 4096),
    CYAML_FIELD_STRING_PTR("keep", OPTIONAL_POINTER, struct config_rule, keep, 1, 32),
    CYAML_FIELD_UINT("max_per_second", CYAML_FLAG_OPTIONAL, struct config_rule, max_per_second),
    CYAML_FIELD_END};
static const cyaml_schema_value_t rule_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_rule, rule_fields)};

static const cyaml_strval_t log_formats[] = {{"text", 0}, {"json", 1}};

static const cyaml_schema_field_t path_fields[] = {
    CYAML_FIELD_STRING_PTR("match", CYAML_FLAG_POINTER, struct config_path, match, 1, 500),
    CYAML_FIELD_STRING_PTR("as", CYAML_FLAG_POINTER, struct config_path, as, 1, 500),
    CYAML_FIELD_STRING_PTR("site", OPTIONAL_POINTER, struct config_path, site, 1, 64),
    CYAML_FIELD_END};
static const cyaml_schema_value_t path_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_path, path_fields)};

static const cyaml_schema_field_t privacy_fields[] = {
    CYAML_FIELD_ENUM("opt_out", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_privacy,
		     no_opt_out, falsehoods, 6),
    CYAML_FIELD_SEQUENCE("query_parameters", OPTIONAL_POINTER, struct config_privacy,
			 query_parameters, &string_value, 0, 32),
    CYAML_FIELD_END};

#define LIMIT(name) CYAML_FIELD_UINT(#name, CYAML_FLAG_OPTIONAL, struct config_limits, name)

static const cyaml_schema_field_t limit_fields[] = {
    LIMIT(connections),
    LIMIT(connections_per_s),
    LIMIT(connection_idle_s),
    LIMIT(connection_in_flight),
    LIMIT(connection_buffer_mb),
    LIMIT(address_connections),
    LIMIT(address_connections_per_s),
    LIMIT(address_requests_per_s),
    LIMIT(address_in_flight),
    LIMIT(address_buffer_mb),
    LIMIT(site_beacons_per_s),
    LIMIT(site_in_flight),
    LIMIT(request_s),
    LIMIT(requests_per_s),
    LIMIT(in_flight),
    LIMIT(in_flight_mb),
    LIMIT(buffer_mb),
    LIMIT(sites),
    LIMIT(query_s),
    LIMIT(query_memory_mb),
    LIMIT(query_threads),
    LIMIT(query_groups),
    LIMIT(answer_rows),
    LIMIT(answer_mb),
    LIMIT(cache_mb),
    LIMIT(values),
    LIMIT(queries),
    LIMIT(memtable_mb),
    CYAML_FIELD_ENUM("loopback", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_limits,
		     loopback, truths, 6),
    CYAML_FIELD_END};

#define RETENTION(name) CYAML_FIELD_UINT_PTR(#name, OPTIONAL_POINTER, struct config_retention, name)

static const cyaml_schema_field_t retention_fields[] = {RETENTION(pageviews), RETENTION(errors),
							RETENTION(events), RETENTION(reports),
							CYAML_FIELD_END};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("data", OPTIONAL_POINTER, struct config, data, 1, 4096),
    CYAML_FIELD_SEQUENCE("listeners", OPTIONAL_POINTER, struct config, listeners, &listener_value,
			 1, 16),
    CYAML_FIELD_SEQUENCE("sites", OPTIONAL_POINTER, struct config, sites, &site_value, 0, 10000),
    CYAML_FIELD_SEQUENCE("sampling", OPTIONAL_POINTER, struct config, sampling, &rule_value, 0,
			 1000),
    CYAML_FIELD_SEQUENCE("paths", OPTIONAL_POINTER, struct config, paths, &path_value, 0, 1000),
    CYAML_FIELD_MAPPING("privacy", CYAML_FLAG_OPTIONAL, struct config, privacy, privacy_fields),
    CYAML_FIELD_ENUM("log", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config, log_json,
		     log_formats, 2),
    CYAML_FIELD_STRING_PTR("audit_log", OPTIONAL_POINTER, struct config, audit_log, 0, 4096),
    CYAML_FIELD_SEQUENCE("geoip", OPTIONAL_POINTER, struct config, geoip, &string_value, 0, 16),
    CYAML_FIELD_STRING_PTR("certificate", OPTIONAL_POINTER, struct config, certificate, 1, 4096),
    CYAML_FIELD_STRING_PTR("certificate_key", OPTIONAL_POINTER, struct config, certificate_key, 1,
			   4096),
    CYAML_FIELD_ENUM("http2", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config, no_http2,
		     falsehoods, 6),
    CYAML_FIELD_SEQUENCE("trusted_proxies", OPTIONAL_POINTER, struct config, trusted_proxies,
			 &string_value, 0, 1000),
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct config, limits, limit_fields),
    CYAML_FIELD_MAPPING("retention_days", CYAML_FLAG_OPTIONAL, struct config, retention,
			retention_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields)};

/* ---- loading --------------------------------------------------------- */

/* Without a log: config_file_check has said what there is to say. */
static const cyaml_config_t cyaml = {.mem_fn = cyaml_mem, .flags = CYAML_CFG_DEFAULT};

static const struct config_limits defaults = {.connections = 10000,
					      .connections_per_s = 10000,
					      .connection_idle_s = 30,
					      .connection_in_flight = 128,
					      .connection_buffer_mb = 20,
					      .address_connections = 512,
					      .address_connections_per_s = 100,
					      .address_requests_per_s = 500,
					      .address_in_flight = 1000,
					      .address_buffer_mb = 32,
					      .site_beacons_per_s = 50000,
					      .site_in_flight = 5000,
					      .request_s = 30,
					      .requests_per_s = 100000,
					      .in_flight = 10000,
					      .in_flight_mb = 256,
					      .buffer_mb = 256,
					      .sites = 1000,
					      .query_s = 30,
					      .query_memory_mb = 256,
					      .query_threads = 1,
					      .query_groups = 1000000,
					      .answer_rows = 1000000,
					      .answer_mb = 128,
					      .cache_mb = 64,
					      .values = 50000,
					      .queries = 16,
					      .memtable_mb = 256};

#define RETENTION_DAYS 30

static void
fill_retention(struct config *config)
{
	const struct config_retention *given = &config->retention;
	const uint32_t *const days[EVENT_TABLES_COUNT] = {[EVENT_PAGEVIEWS] = given->pageviews,
							  [EVENT_ERRORS] = given->errors,
							  [EVENT_EVENTS] = given->events,
							  [EVENT_REPORTS] = given->reports};

	for (int i = 0; i < EVENT_TABLES_COUNT; i++)
		config->retention_days[i] = days[i] == NULL ? RETENTION_DAYS : *days[i];
}

static void
fill(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void
fill_limits(struct config_limits *limits)
{
	fill(&limits->connections, defaults.connections);
	fill(&limits->connections_per_s, defaults.connections_per_s);
	fill(&limits->connection_idle_s, defaults.connection_idle_s);
	fill(&limits->connection_in_flight, defaults.connection_in_flight);
	fill(&limits->connection_buffer_mb, defaults.connection_buffer_mb);
	fill(&limits->address_connections, defaults.address_connections);
	fill(&limits->address_connections_per_s, defaults.address_connections_per_s);
	fill(&limits->address_requests_per_s, defaults.address_requests_per_s);
	fill(&limits->address_in_flight, defaults.address_in_flight);
	fill(&limits->address_buffer_mb, defaults.address_buffer_mb);
	fill(&limits->site_beacons_per_s, defaults.site_beacons_per_s);
	fill(&limits->site_in_flight, defaults.site_in_flight);
	fill(&limits->request_s, defaults.request_s);
	fill(&limits->requests_per_s, defaults.requests_per_s);
	fill(&limits->in_flight, defaults.in_flight);
	fill(&limits->in_flight_mb, defaults.in_flight_mb);
	fill(&limits->buffer_mb, defaults.buffer_mb);
	fill(&limits->sites, defaults.sites);
	fill(&limits->query_s, defaults.query_s);
	fill(&limits->query_memory_mb, defaults.query_memory_mb);
	fill(&limits->query_threads, defaults.query_threads);
	fill(&limits->query_groups, defaults.query_groups);
	fill(&limits->answer_rows, defaults.answer_rows);
	fill(&limits->answer_mb, defaults.answer_mb);
	fill(&limits->cache_mb, defaults.cache_mb);
	fill(&limits->values, defaults.values);
	fill(&limits->queries, defaults.queries);
	fill(&limits->memtable_mb, defaults.memtable_mb);
}

static bool
fill_defaults(struct config *config)
{
	fill_limits(&config->limits);
	fill_retention(config);
	for (uint32_t i = 0; i < config->listeners_count; i++) {
		if (config->listeners[i].roles == 0)
			config->listeners[i].roles = CONFIG_PUBLIC | CONFIG_PRIVATE;
	}
	if (config->data == NULL && !config_set_data(config, "data"))
		return false;
	return config->listeners_count > 0 ||
	       (config_set_listener(config, "127.0.0.1:8080", false) &&
		config_set_listener(config, "127.0.0.1:8443", true));
}

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
		    "as shop.example or *.shop.example, got '%.60s'",
		    i, h, site->hosts[h]);
		return false;
	}
	for (uint32_t o = 0; o < site->origins_count; o++) {
		if (config_address_is_origin(site->origins[o]))
			continue;
		config_file_tell(path, config_file_line(file, "sites", i, "origins"), error,
				 "sites[%u].origins[%u]: expected scheme and host, such as "
				 "https://shop.example, got '%.60s'",
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

static bool
check_listeners(const struct config *config, const char *path, const struct config_file *file,
		char error[CONFIG_ERROR_BYTES])
{
	struct config_address address;
	char why[160];

	for (uint32_t i = 0; i < config->listeners_count; i++) {
		if (config_address_parse(config->listeners[i].address, &address, why))
			continue;
		config_file_tell(path, config_file_line(file, "listeners", i, "address"), error,
				 "listeners[%u].address: %s", i, why);
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

/* NULL: *error says why. */
static struct config *
load(const char *path, const struct config_file *file, char error[CONFIG_ERROR_BYTES])
{
	struct config *config = NULL;
	size_t size;
	const uint8_t *bytes = config_file_bytes(file, &size);
	cyaml_err_t result;

	if (!config_file_check(file, &schema, error))
		return NULL;
	result = cyaml_load_data(bytes, size, &cyaml, &schema, (cyaml_data_t **)&config, NULL);
	if (result != CYAML_OK) {
		config_file_tell(path, 0, error, "%s", cyaml_strerror(result));
		return NULL;
	}
	if (config == NULL && (config = calloc(1, sizeof *config)) == NULL) { /* an empty file */
		config_file_tell(path, 0, error, "out of memory");
		return NULL;
	}
	if (check_listeners(config, path, file, error) && check_sites(config, path, file, error) &&
	    check_certificate(config, path, file, error) &&
	    parse_proxies(config, path, file, error))
		return config;
	config_free(config);
	return NULL;
}

struct config *
config_load(const char *path, char error[512])
{
	struct config *config;

	error[0] = '\0';
	if (path != NULL) {
		struct config_file *file = config_file_open(path, error);

		config = file == NULL ? NULL : load(path, file, error);
		config_file_close(file);
		if (config == NULL)
			return NULL;
	} else {
		config = calloc(1, sizeof *config);
	}
	if (config == NULL || !fill_defaults(config)) {
		snprintf(error, 512, "out of memory reading the configuration");
		config_free(config);
		return NULL;
	}
	return config;
}

unsigned
config_line(const char *path, const char *list, uint32_t index, const char *key)
{
	char error[CONFIG_ERROR_BYTES];
	struct config_file *file = path == NULL ? NULL : config_file_open(path, error);
	unsigned line = config_file_line(file, list, index, key);

	config_file_close(file);
	return line;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	free(config->proxies);
	cyaml_free(&cyaml, &schema, config, 0);
}

bool
config_set_data(struct config *config, const char *data)
{
	free(config->data);
	return (config->data = strdup(data)) != NULL;
}

/* Replaces the listeners of that kind. */
bool
config_set_listener(struct config *config, const char *address, bool tls)
{
	struct config_listener *grown;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < config->listeners_count; i++) {
		if (config->listeners[i].tls == tls)
			free(config->listeners[i].address);
		else
			config->listeners[kept++] = config->listeners[i];
	}
	config->listeners_count = kept;
	grown = realloc(config->listeners, (kept + 1) * sizeof *grown);
	if (grown == NULL)
		return false;
	config->listeners = grown;
	grown[kept] = (struct config_listener){
	    .address = strdup(address), .tls = tls, .roles = CONFIG_PUBLIC | CONFIG_PRIVATE};
	config->listeners_count = kept + 1;
	return grown[kept].address != NULL;
}

bool
config_add_geoip(struct config *config, const char *file)
{
	char **grown = realloc(config->geoip, (config->geoip_count + 1) * sizeof *grown);

	if (grown == NULL)
		return false;
	config->geoip = grown;
	return (grown[config->geoip_count++] = strdup(file)) != NULL;
}
