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

struct config_limits {
	uint32_t connections;               /* open at once */
	uint32_t connections_per_s;         /* new ones */
	uint32_t connection_idle_s;         /* without a whole request, and reading nothing */
	uint32_t connection_in_flight;      /* requests waiting for an answer of ours */
	uint32_t connection_buffer_mb;      /* of requests that are not whole or not answered */
	uint32_t address_connections;       /* open at once; an address is an IPv4 or an IPv6 /64 */
	uint32_t address_connections_per_s; /* new ones */
	uint32_t address_requests_per_s;
	uint32_t address_in_flight; /* beacons waiting for the disk */
	uint32_t address_buffer_mb;
	uint32_t site_beacons_per_s;
	uint32_t site_in_flight;
	uint32_t request_s; /* from a request's first byte to its last */
	uint32_t requests_per_s;
	uint32_t in_flight;    /* beacons waiting for the disk */
	uint32_t in_flight_mb; /* what they take */
	uint32_t buffer_mb;
	uint32_t sites;   /* distinct keys when no sites are configured */
	uint32_t query_s; /* longest query */
	uint32_t query_memory_mb;
	uint32_t query_threads; /* of one query, at most */
	uint32_t query_groups;  /* of GROUP BY, and other distinct values */
	uint32_t answer_rows;   /* of one query */
	uint32_t answer_mb;     /* as bytes of its format */
	uint32_t cache_mb;      /* answers that are kept */
	uint32_t values;        /* different ones of a dimension, site and day */
	uint32_t queries;       /* at once */
	uint32_t memtable_mb;   /* rows that are in no segment yet */
	bool loopback;          /* limits by address are for loopback, too */
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
