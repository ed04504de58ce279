/*
 * config.h over libcyaml, whose schema checks keys and types.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cyaml/cyaml.h>

#include "config.h"

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
    LIMIT(query_groups),
    LIMIT(answer_rows),
    LIMIT(answer_mb),
    LIMIT(cache_mb),
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

/* ---- errors ---------------------------------------------------------- */

/* libcyaml tells what is wrong in its log, and then the path to it with lines:
 * the first line, and the innermost line number, are what a reader needs. */
struct messages {
	char what[256], where[160];
};

static void
take_message(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	struct messages *messages = context;
	char line[256];

	(void)level;
	vsnprintf(line, sizeof line, format, arguments);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "Load: ", 6) == 0 && strstr(line, "Backtrace") == NULL &&
	    strstr(line, "(line: ") == NULL) {
		if (messages->what[0] == '\0')
			snprintf(messages->what, sizeof messages->what, "%.200s", line + 6);
	} else if (strstr(line, "(line: ") != NULL && messages->where[0] == '\0') {
		snprintf(messages->where, sizeof messages->where, "%.150s",
			 line + strspn(line, " ") + (strncmp(line, "Load: ", 6) == 0 ? 6 : 0));
	}
}

/* The first line from `line` on that has the key, else `line`: libcyaml tells
 * where it was before it met an unexpected key. */
static unsigned
line_of_key(const char *path, const char *key, unsigned line)
{
	FILE *file = fopen(path, "re");
	char text[1024];
	unsigned number = 1, found = line;

	if (file == NULL)
		return line;
	for (; fgets(text, sizeof text, file) != NULL; number += strchr(text, '\n') != NULL) {
		const char *begin = text + strspn(text, " -{\"'");
		size_t size = strlen(key);

		if (number >= line && strncmp(begin, key, size) == 0 &&
		    begin[size + strspn(begin + size, " \"'")] == ':') {
			found = number;
			break;
		}
	}
	fclose(file);
	return found;
}

unsigned
config_line_of(const char *path, const char *key, const char *value)
{
	FILE *file = path == NULL ? NULL : fopen(path, "re");
	char text[4096];
	unsigned number = 1, found = 0;

	if (file == NULL)
		return 0;
	for (; found == 0 && fgets(text, sizeof text, file) != NULL;
	     number += strchr(text, '\n') != NULL) {
		const char *at = strstr(text, key);

		if (at != NULL && strstr(at + strlen(key), value) != NULL)
			found = number;
	}
	fclose(file);
	return found;
}

static void
tell(const char *file, const struct messages *messages, cyaml_err_t result, char error[512])
{
	static const char unexpected[] = "Unexpected key: ";
	const char *what = messages->what, *at = strstr(messages->where, "(line: ");
	unsigned line = at == NULL ? 0 : (unsigned)atoi(at + 7);
	char place[32] = "";

	if (strncmp(what, unexpected, sizeof unexpected - 1) == 0)
		line = line_of_key(file, what + sizeof unexpected - 1, line);
	if (line > 0)
		snprintf(place, sizeof place, " line %u", line);
	if (at == NULL || at == messages->where || strchr(messages->where, '\'') == NULL)
		at = messages->where + 1; /* names no key: nothing to add */
	snprintf(error, 512, "%.150s%s: %.180s%s%.*s", file, place,
		 what[0] != '\0' ? what : cyaml_strerror(result), at[-1] == ' ' ? ", " : "",
		 (int)(at - messages->where) - 1, messages->where);
}

static cyaml_config_t
make_cyaml(struct messages *messages)
{
	return (cyaml_config_t){.log_fn = take_message,
				.log_ctx = messages,
				.mem_fn = cyaml_mem,
				.log_level = CYAML_LOG_ERROR,
				.flags = CYAML_CFG_DEFAULT};
}

/* ---- loading --------------------------------------------------------- */

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
					      .query_groups = 1000000,
					      .answer_rows = 1000000,
					      .answer_mb = 128,
					      .cache_mb = 64,
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
	fill(&limits->query_groups, defaults.query_groups);
	fill(&limits->answer_rows, defaults.answer_rows);
	fill(&limits->answer_mb, defaults.answer_mb);
	fill(&limits->cache_mb, defaults.cache_mb);
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

/* Of the file's trusted_proxies; false: *error says which is none. */
static bool
parse_proxies(struct config *config, const char *file, char error[512])
{
	uint32_t count = config->trusted_proxies_count;

	for (uint32_t i = 0; i < config->listeners_count; i++) {
		if (config->listeners[i].proxy_protocol && count == 0) {
			snprintf(error, 512, "%.200s: proxy_protocol needs trusted_proxies", file);
			return false;
		}
	}
	if (count == 0)
		return true;
	if ((config->proxies = calloc(count, sizeof *config->proxies)) == NULL) {
		snprintf(error, 512, "out of memory reading the configuration");
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!proxy_parse_range(config->trusted_proxies[i], &config->proxies[i])) {
			snprintf(error, 512,
				 "%.200s: trusted_proxies: %.100s is no address and no range", file,
				 config->trusted_proxies[i]);
			return false;
		}
	}
	return true;
}

struct config *
config_load(const char *file, char error[512])
{
	struct messages messages = {0};
	cyaml_config_t cyaml = make_cyaml(&messages);
	struct config *config = NULL;
	cyaml_err_t result;

	error[0] = '\0';
	if (file != NULL &&
	    (result = cyaml_load_file(file, &cyaml, &schema, (cyaml_data_t **)&config, NULL)) !=
		CYAML_OK) {
		if (result == CYAML_ERR_FILE_OPEN) {
			snprintf(error, 512, "%.300s: %s", file, strerror(errno));
			return NULL;
		}
		tell(file, &messages, result, error);
		return NULL;
	}
	if (config == NULL) /* no file, or an empty one */
		config = calloc(1, sizeof *config);
	if (config == NULL || !fill_defaults(config)) {
		snprintf(error, 512, "out of memory reading the configuration");
		config_free(config);
		return NULL;
	}
	if ((config->certificate == NULL) != (config->certificate_key == NULL)) {
		snprintf(error, 512, "%.200s: certificate and certificate_key go together", file);
		config_free(config);
		return NULL;
	}
	if (!parse_proxies(config, file, error)) {
		config_free(config);
		return NULL;
	}
	return config;
}

void
config_free(struct config *config)
{
	struct messages messages = {0};
	cyaml_config_t cyaml = make_cyaml(&messages);

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
