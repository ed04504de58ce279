/*
 * serve.h: the main thread while drum serve runs. It waits for signals, reloads,
 * and looks once a second whether all is well. Must not do what a request waits
 * for.
 */
#include <malloc.h>
#include <string.h>
#include <time.h>

#include "http.h"
#include "log.h"
#include "metrics.h"
#include "serve.h"
#include "service.h"
#include "tls.h"

#define TICK_MS 1000
#define GIVE_BACK_MS 60000
#define GIVE_BACK_KEPT_BYTES ((size_t)1 << 20)
#define STUCK_MS 10000 /* a loop that has not been around for so long */

static void
reopen_geoip(struct serving *serving, const struct config *config)
{
	if (!enricher_reopen(serving->server.enricher, (const char *const *)config->geoip,
			     config->geoip_count, log_text, NULL))
		log_line("the GeoIP files that were open stay in use");
	else if (enricher_geoip_built_s(serving->server.enricher) != 0)
		log_line("GeoIP files opened anew");
}

void
serve_update_gauges(const struct serving *serving)
{
	metrics_set(METRICS_geoip_build_timestamp_seconds,
		    (int64_t)enricher_geoip_built_s(serving->server.enricher));
	metrics_set(METRICS_certificate_expires_timestamp_seconds, tls_expires_s(serving->tls));
}

static bool
differ(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

static bool
do_listeners_differ(const struct config *old, const struct config *config)
{
	bool differs = config->listeners_count != old->listeners_count;

	for (uint32_t i = 0; !differs && i < old->listeners_count; i++) {
		const struct config_listener *a = &old->listeners[i], *b = &config->listeners[i];

		differs = strcmp(a->address, b->address) != 0 || a->tls != b->tls ||
			  a->roles != b->roles || a->proxy_protocol != b->proxy_protocol;
	}
	return differs;
}

/* Connections may have become fewer at start, for want of descriptors. */
static bool
do_limits_differ(const struct config *old, const struct config *config)
{
	struct config_limits limits = config->limits;

	if (old->limits.connections < limits.connections)
		limits.connections = old->limits.connections;
	return memcmp(&limits, &old->limits, sizeof limits) != 0;
}

static bool
do_proxies_differ(const struct config *old, const struct config *config)
{
	bool differs = config->trusted_proxies_count != old->trusted_proxies_count;

	for (uint32_t i = 0; !differs && i < old->trusted_proxies_count; i++)
		differs = strcmp(config->trusted_proxies[i], old->trusted_proxies[i]) != 0;
	return differs;
}

/* What a new configuration cannot change. */
static void
warn_of_restart(const struct config *old, const struct config *config)
{
	const struct {
		const char *key;
		bool differs;
	} keys[] = {
	    {"listeners", do_listeners_differ(old, config)},
	    {"data", differ(old->data, config->data)},
	    {"retention_days",
	     memcmp(config->retention_days, old->retention_days, sizeof old->retention_days) != 0},
	    {"limits", do_limits_differ(old, config)},
	    {"trusted_proxies", do_proxies_differ(old, config)},
	    {"http2", old->no_http2 != config->no_http2},
	    {"audit_log", differ(old->audit_log, config->audit_log)},
	    {"log", old->log_json != config->log_json},
	    {"certificate", old->certificate != NULL && config->certificate == NULL},
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (keys[i].differs)
			log_line("reload: %s: what has changed is for the next start", keys[i].key);
	}
}

/* Each part that is wrong is told and stays as it was; the others change. */
static void
reload(struct serving *serving)
{
	struct server *server = &serving->server;
	struct settings *settings = NULL;
	struct config *config;
	char error[512];
	bool well = true;

	service_notify_reloading();
	config = serving->load(serving->argc, serving->argv, serving->file, error);
	if (config == NULL ||
	    (settings = settings_create(config, true, serving->file, error)) == NULL) {
		log_line("reload: %s; all stays as it was", error);
		well = false;
	}
	if (!auth_reload(server->auth, serving->config->data, error)) {
		log_line("reload: %s; the tokens stay as they were", error);
		well = false;
	}
	audit_reopen(server->audit);
	if (settings != NULL) {
		warn_of_restart(serving->config, config);
		reopen_geoip(serving, config);
		if (config->certificate != NULL &&
		    !tls_reload(config->certificate, config->certificate_key,
				!serving->config->no_http2, error)) {
			log_line("reload: %s; the certificate stays as it was", error);
			well = false;
		}
		settings_replace(server->settings, settings);
	}
	metrics_add(well ? METRICS_reloads : METRICS_reload_failures, 1);
	serve_update_gauges(serving);
	if (well)
		log_line("reloaded");
	service_notify("READY=1");
}

/* A sign of life for systemd: every loop has been around lately. */
static void
beat(const struct serving *serving, int64_t interval_ms)
{
	bool alive = interval_ms > 0;

	for (int i = 0; alive && i < serving->loops_count; i++)
		alive = loop_is_alive(serving->loops[i], interval_ms + STUCK_MS);
	if (alive)
		service_notify("WATCHDOG=1");
}

static void
tick(struct serving *serving)
{
	struct settings *settings = settings_hold(serving->server.settings);

	if (enricher_is_stale(serving->server.enricher))
		reopen_geoip(serving, settings->config);
	settings_release(settings);
	serve_update_gauges(serving);
}

/* What generations of rows and answers leave in malloc's arenas goes back to the
 * system: threads free what others allocated, so that arenas seldom end in free
 * pages. */
static void
give_back(int64_t now_ms)
{
	static int64_t given_ms;

	if (now_ms - given_ms < GIVE_BACK_MS && now_ms >= given_ms)
		return;
	given_ms = now_ms;
	store_arena_trim();
	malloc_trim(GIVE_BACK_KEPT_BYTES);
}

void
serve_until_end(struct serving *serving, const sigset_t *waited)
{
	int64_t watchdog_ms = service_watchdog_ms(), beaten_ms = http_now_ms();
	int64_t ticked_ms = beaten_ms;
	struct timespec pause = {TICK_MS / 1000, 0};
	int received = 0;

	if (watchdog_ms > 0 && watchdog_ms < TICK_MS)
		pause = (struct timespec){0, (long)watchdog_ms * 1000000};
	beat(serving, watchdog_ms);
	while (received != SIGTERM && received != SIGINT) {
		int64_t now;

		received = sigtimedwait(waited, NULL, &pause);
		now = http_now_ms();
		if (received == SIGHUP)
			reload(serving);
		if (watchdog_ms > 0 && (now - beaten_ms >= watchdog_ms || now < beaten_ms)) {
			beat(serving, watchdog_ms);
			beaten_ms = now;
		}
		if (now - ticked_ms >= TICK_MS || now < ticked_ms) {
			tick(serving);
			give_back(now);
			ticked_ms = now;
		}
	}
}
