/*
 * The YAML file's keys, and where their values go in struct config. What a key may
 * hold besides its type is config_check.c's; defaults are config.c's.
 */
#include "config_schema.h"

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

static const cyaml_schema_field_t limit_fields[] = {
#define LIMIT(name, otherwise) \
	CYAML_FIELD_UINT(#name, CYAML_FLAG_OPTIONAL, struct config_limits, name),
#include "config_limits.def"
#undef LIMIT
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
const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields)};
