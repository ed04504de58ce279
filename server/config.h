/*
 * The configuration: defaults, then the YAML file, then flags. Every key is
 * optional; an unknown key or a bad value is an error that names file, line
 * and key.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "proxy.h"

#define CONFIG_PUBLIC 1u  /* beacons and the script */
#define CONFIG_PRIVATE 2u /* everything else */

struct config_listener {
	char *address; /* ADDR:PORT; [v6]:PORT; port 0 picks a free one */
	bool tls;
	bool proxy_protocol; /* every connection begins with the PROXY protocol's header */
	uint32_t roles;      /* CONFIG_PUBLIC | CONFIG_PRIVATE; 0: both */
};

struct config_site {
	char *key;
	char **hosts; /* of the page's URL; none: any */
	uint32_t hosts_count;
	char **origins; /* of the Origin header; none: any */
	uint32_t origins_count;
};

/* sampling.h gives it its meaning. */
struct config_rule {
	char *table, *site, *when, *keep; /* NULL: absent */
	uint32_t max_per_second;          /* 0: absent */
};

/* page.h gives it its meaning. */
struct config_path {
	char *match, *as;
	char *site; /* NULL: any */
};

struct config_privacy {
	bool no_opt_out;         /* Sec-GPC and DNT are not looked at */
	char **query_parameters; /* NULL: the default; an empty list: none */
	uint32_t query_parameters_count;
};

/* The numbers are explained in config_limits.def. */
struct config_limits {
#define LIMIT(name, otherwise) uint32_t name;
#include "config_limits.def"
#undef LIMIT
	bool loopback; /* limits by address are for loopback, too */
};

/* As the file has it; NULL: absent. */
struct config_retention {
	uint32_t *pageviews, *errors, *events, *reports; /* days; 0: for ever */
};

struct config {
	char *data;
	struct config_listener *listeners;
	uint32_t listeners_count;
	struct config_site *sites;
	uint32_t sites_count;
	struct config_rule *sampling;
	uint32_t sampling_count;
	struct config_path *paths;
	uint32_t paths_count;
	struct config_privacy privacy;
	bool log_json;   /* `log: json` */
	char *audit_log; /* NULL: DATA/audit.jsonl; "": none */
	char **geoip;
	uint32_t geoip_count;
	char *certificate, *certificate_key; /* PEM files; absent: self-signed */
	bool no_http2;
	char **trusted_proxies; /* ranges of addresses */
	uint32_t trusted_proxies_count;
	struct proxy_range *proxies; /* the same, parsed */
	struct config_limits limits;
	struct config_retention retention;
	uint32_t retention_days[EVENT_TABLES_COUNT]; /* with defaults; 0: for ever */
};

/* malloc'ed; `path` NULL: only defaults. NULL: *error says what, where. */
struct config *config_load(const char *path, char error[512]);
void config_free(struct config *config);

/* Line of `key` in the entry at `index` of a list; 0 when there is none, or no
 * file. For errors found after loading. */
unsigned config_line(const char *path, const char *list, uint32_t index, const char *key);

/* What flags do; false: out of memory. */
bool config_set_data(struct config *config, const char *data);
bool config_set_listener(struct config *config, const char *address, bool tls);
bool config_add_geoip(struct config *config, const char *file);

#endif
