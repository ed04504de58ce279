/*
 * config.h over libcyaml: the file against its schema, then defaults, then what flags
 * say. Keys are config_schema.c's, what no schema says is config_check.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_check.h"
#include "config_schema.h"

/* Without a log: config_file_check has said what there is to say. */
static const cyaml_config_t cyaml = {.mem_fn = cyaml_mem, .flags = CYAML_CFG_DEFAULT};

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
fill_limits(struct config_limits *limits)
{
#define LIMIT(name, otherwise) limits->name = limits->name == 0 ? (otherwise) : limits->name;
#include "config_limits.def"
#undef LIMIT
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

/* NULL: *error says why. */
static struct config *
load(const char *path, const struct config_file *file, char error[CONFIG_ERROR_BYTES])
{
	struct config *config = NULL;
	size_t size;
	const uint8_t *bytes = config_file_bytes(file, &size);
	cyaml_err_t result;

	if (!config_file_check(file, &config_schema, error))
		return NULL;
	result =
	    cyaml_load_data(bytes, size, &cyaml, &config_schema, (cyaml_data_t **)&config, NULL);
	if (result != CYAML_OK) {
		config_file_tell(path, 0, error, "%s", cyaml_strerror(result));
		return NULL;
	}
	if (config == NULL && (config = calloc(1, sizeof *config)) == NULL) { /* an empty file */
		config_file_tell(path, 0, error, "out of memory");
		return NULL;
	}
	if (config_check(config, path, file, error))
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
	cyaml_free(&cyaml, &config_schema, config, 0);
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
