/*
 * drum serve: opens everything in order, runs until SIGTERM or SIGINT, closes
 * in reverse order. The main thread waits for signals only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "answer_cache.h"
#include "cli.h"
#include "config_address.h"
#include "guard_http2.h"
#include "http.h"
#include "join.h"
#include "log.h"
#include "loop.h"
#include "loop_reply.h"
#include "metrics.h"
#include "query_log.h"
#include "service.h"
#include "tls.h"

#define LOOPS_MAX 64
#define LISTENERS_MAX 16
#define DRAIN_MS 8000
#define WATCHDOG_S 10
#define TICK_MS 1000
#define GIVE_BACK_MS 60000
#define GIVE_BACK_KEPT_BYTES ((size_t)1 << 20)
#define STUCK_MS 10000 /* a loop that has not been around for so long */

static const char help[] =
    "usage: drum serve [options]\n"
    "  --config FILE       YAML configuration\n"
    "  --data DIR          data directory (default: data)\n"
    "  --http ADDR:PORT    plain listener (default: 127.0.0.1:8080; port 0: any free one)\n"
    "  --https ADDR:PORT   TLS listener (default: 127.0.0.1:8443)\n"
    "  --geoip FILE        MaxMind DB file; may be given several times\n"
    "  --check-config      check the configuration and end\n"
    "  --explain-sampling FILE   tell which rule each beacon of a file would meet, and end\n"
    "  --help\n";

struct serving {
	const char *file; /* the configuration; NULL: none */
	struct config *config;
	struct settings *settings; /* until server.settings has it */
	struct server server;
	struct loop_listener listeners[LISTENERS_MAX];
	SSL_CTX *tls;
	struct loop *loops[LOOPS_MAX];
	int loops_count;
};

static struct serving serving; /* one a process; static, so that its parts are reachable */

static int
failed(const char *text)
{
	fprintf(stderr, "drum: %s\n", text);
	return 1;
}

/* ---- addresses ------------------------------------------------------- */

static int
parse_listeners(void)
{
	const struct config *config = serving.config;

	if (config->listeners_count > LISTENERS_MAX)
		return failed("more than 16 listeners");
	for (uint32_t i = 0; i < config->listeners_count; i++) {
		struct config_address parsed;
		char why[160];

		if (!config_address_parse(config->listeners[i].address, &parsed, why))
			return failed(why);
		serving.listeners[i].address = parsed.address;
		serving.listeners[i].address_size = parsed.size;
		serving.listeners[i].roles = config->listeners[i].roles;
		serving.listeners[i].proxy_protocol = config->listeners[i].proxy_protocol;
	}
	return 0;
}

/* ---- options --------------------------------------------------------- */

enum option_code { CONFIG = 256, DATA, HTTP, HTTPS, GEOIP, CHECK, EXPLAIN, HELP };

static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
					{"data", required_argument, NULL, DATA},
					{"http", required_argument, NULL, HTTP},
					{"https", required_argument, NULL, HTTPS},
					{"geoip", required_argument, NULL, GEOIP},
					{"check-config", no_argument, NULL, CHECK},
					{"explain-sampling", required_argument, NULL, EXPLAIN},
					{"help", no_argument, NULL, HELP},
					{NULL, 0, NULL, 0}};

/* NULL, or what is wrong with the flag, written into `error`. */
static const char *
apply(struct config *config, int code, const char *value, char error[512])
{
	struct config_address parsed;
	bool is_kept = true;
	char why[160];

	if ((code == HTTP || code == HTTPS) && !config_address_parse(value, &parsed, why)) {
		snprintf(error, 512, "--%s: %s", code == HTTP ? "http" : "https", why);
		return error;
	}
	if (code == DATA)
		is_kept = config_set_data(config, value);
	else if (code == HTTP || code == HTTPS)
		is_kept = config_set_listener(config, value, code == HTTPS);
	else if (code == GEOIP)
		is_kept = config_add_geoip(config, value);
	return is_kept ? NULL : "out of memory";
}

/* What serving would find out later: files that are not there. The store's
 * directory is left alone. */
static int
check_files(void)
{
	const struct config *config = serving.config;
	char error[256];

	for (uint32_t i = 0; i < config->geoip_count; i++) {
		if (access(config->geoip[i], R_OK) != 0)
			fprintf(stderr, "drum: warning: geoip[%u]: %s: %s\n", i, config->geoip[i],
				strerror(errno));
	}
	if (config->certificate == NULL)
		return 0;
	serving.tls =
	    tls_create(config->certificate, config->certificate_key, !config->no_http2, error);
	SSL_CTX_free(serving.tls);
	return serving.tls == NULL ? failed(error) : 0;
}

/* The file, and then the flags. NULL: *error. */
static struct config *
load_config(int argc, char **argv, const char *file, char error[512])
{
	struct config *config = config_load(file, error);
	const char *wrong = NULL;
	int code;

	optind = 1;
	while (config != NULL && wrong == NULL &&
	       (code = getopt_long(argc, argv, "", options, NULL)) != -1)
		wrong = apply(config, code, optarg, error);
	if (wrong == NULL)
		return config;
	if (wrong != error)
		snprintf(error, 512, "%s", wrong);
	config_free(config);
	return NULL;
}

/* -1: go on; else the exit code. */
static int
read_options(int argc, char **argv)
{
	const char *file = NULL, *explained = NULL;
	bool check = false;
	char error[512];
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code == '?')
			return cli_usage(help);
		if (code == HELP)
			return cli_help(help);
		if (code == CONFIG)
			file = optarg;
		if (code == EXPLAIN)
			explained = optarg;
		check |= code == CHECK;
	}
	if (optind < argc)
		return cli_usage(help);
	serving.file = file;
	if ((serving.config = load_config(argc, argv, file, error)) == NULL)
		return failed(error);
	if (parse_listeners() != 0)
		return 1;
	if ((serving.settings = settings_create(serving.config, false, file, error)) == NULL)
		return failed(error);
	if (explained != NULL)
		return cli_explain_sampling(serving.settings, explained);
	if (!check)
		return -1;
	if (check_files() != 0)
		return 1;
	printf("configuration is valid\n");
	return 0;
}

/* ---- opening --------------------------------------------------------- */

static int
open_tls(void)
{
	char certificate[4096], key[4096], error[256];
	const struct config *config = serving.config;

	if (config->certificate != NULL) {
		serving.tls = tls_create(config->certificate, config->certificate_key,
					 !config->no_http2, error);
	} else {
		if (tls_self_signed(config->data, certificate, key, error) != 0)
			return failed(error);
		serving.tls = tls_create(certificate, key, !config->no_http2, error);
	}
	if (serving.tls == NULL)
		return failed(error);
	tls_allow_reload(serving.tls);
	return 0;
}

/* HTTP/2 is served only as far as the guard can watch it. */
static void
check_http2(void)
{
	char why[256];

	h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX; /* no body into a file */
	if (serving.config->no_http2 || guard_http2_check(why))
		return;
	log_line("HTTP/2 IS OFF: %s", why);
	serving.config->no_http2 = true;
}

static bool
open_audit(void)
{
	const struct config *config = serving.config;
	char path[4096], error[256];

	if (config->audit_log != NULL && config->audit_log[0] == '\0')
		return true;
	if (config->audit_log != NULL)
		snprintf(path, sizeof path, "%s", config->audit_log);
	else
		snprintf(path, sizeof path, "%s/audit.jsonl", config->data);
	serving.server.audit = audit_open(path, error);
	return serving.server.audit != NULL || failed(error) == 0;
}

static int
open_parts(void)
{
	struct config *config = serving.config;
	struct server *server = &serving.server;
	struct store_error error = {0};
	char text[256];

	check_http2();
	server->config = config;
	if ((server->settings = settings_place_create(serving.settings)) == NULL)
		return failed("out of memory");
	if (cli_open_store(config->data, false, (size_t)config->limits.memtable_mb << 20,
			   config->retention_days, &server->store, &error) != 0)
		return failed(error.text);
	if (!auth_open(config->data, &server->auth, text))
		return failed(text);
	if (!open_audit())
		return 1;
	server->enricher =
	    enricher_open((const char *const *)config->geoip, config->geoip_count, log_text, NULL);
	server->join = join_create();
	if (server->enricher == NULL || !enricher_limit(server->enricher, config->limits.values))
		return failed("out of memory");
	server->ingest = ingest_create(server->store, config->limits.in_flight + 64);
	if (server->ingest != NULL)
		ingest_after_group(server->ingest, loop_replies_send);
	server->pool =
	    workpool_create((unsigned)sysconf(_SC_NPROCESSORS_ONLN), config->limits.queries);
	server->query_log = query_log_create();
	server->cache = answer_cache_create((size_t)config->limits.cache_mb << 20);
	if (server->query_log == NULL || server->cache == NULL || server->enricher == NULL ||
	    server->ingest == NULL || server->pool == NULL)
		return failed("out of memory");
	return open_tls();
}

static void
print_address(const struct loop_listener *listener)
{
	char host[64], port[16];

	if (getnameinfo((const struct sockaddr *)&listener->address, listener->address_size, host,
			sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		fprintf(stderr,
			strchr(host, ':') != NULL ? "listening on %s://[%s]:%s\n"
						  : "listening on %s://%s:%s\n",
			listener->tls != NULL ? "https" : "http", host, port);
}

static int
open_loops(void)
{
	struct config *config = serving.config;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	char error[256], address[128];

	service_sockets_count();
	for (uint32_t i = 0; i < config->listeners_count; i++) {
		int fd = service_take_socket(&serving.listeners[i].address);

		serving.listeners[i].tls = config->listeners[i].tls ? serving.tls : NULL;
		serving.listeners[i].socket = fd < 0 ? 0 : fd;
	}
	if (service_has_socket(address))
		log_line("no listener of the configuration is for %s, which systemd listens on",
			 address);
	for (; serving.loops_count < cores && serving.loops_count < LOOPS_MAX;
	     serving.loops_count++) {
		serving.loops[serving.loops_count] =
		    loop_create(&serving.server, serving.listeners, config->listeners_count, error);
		if (serving.loops[serving.loops_count] == NULL)
			return failed(error);
	}
	for (uint32_t i = 0; i < config->listeners_count; i++)
		print_address(&serving.listeners[i]);
	return 0;
}

/* Port of the first plain IPv4 listener with the role; 0: none. */
static unsigned
port_with(uint32_t role)
{
	for (uint32_t i = 0; i < serving.config->listeners_count; i++) {
		const struct loop_listener *listener = &serving.listeners[i];
		struct sockaddr_in address;

		if (listener->tls != NULL || !(listener->roles & role) ||
		    listener->address.ss_family != AF_INET)
			continue;
		memcpy(&address, &listener->address, sizeof address);
		return ntohs(address.sin_port);
	}
	return 0;
}

/* Whether the demo page's site may send. */
static bool
is_site_taken(const char *key)
{
	const struct config *config = serving.config;

	for (uint32_t i = 0; i < config->sites_count; i++) {
		if (strcmp(config->sites[i].key, key) == 0)
			return true;
	}
	return config->sites_count == 0;
}

/* What a newcomer needs next. */
static void
print_welcome(void)
{
	const struct config *config = serving.config;
	const char *site = config->sites_count > 0 ? config->sites[0].key : "demo";
	unsigned private = port_with(CONFIG_PRIVATE), public = port_with(CONFIG_PUBLIC);

	if (private == 0)
		return;
	fprintf(stderr, "\n  dashboard    http://localhost:%u/#token=%s\n", private,
		auth_development_token(serving.server.auth));
	if (public != 0 && is_site_taken("demo"))
		fprintf(stderr, "  demo page    http://localhost:%u/demo\n", private);
	if (public != 0)
		fprintf(stderr,
			"  script tag   <script async src=\"http://localhost:%u/drum.js\" "
			"data-site=\"%s\"></script>\n",
			public, site);
	fputc('\n', stderr);
}

/* ---- while it runs --------------------------------------------------- */

static void
reopen_geoip(const struct config *config)
{
	if (!enricher_reopen(serving.server.enricher, (const char *const *)config->geoip,
			     config->geoip_count, log_text, NULL))
		log_line("the GeoIP files that were open stay in use");
	else if (config->geoip_count > 0)
		log_line("GeoIP files opened anew");
}

static void
update_gauges(void)
{
	metrics_set(METRICS_geoip_build_timestamp_seconds,
		    (int64_t)enricher_geoip_built_s(serving.server.enricher));
	metrics_set(METRICS_certificate_expires_timestamp_seconds, tls_expires_s(serving.tls));
}

/* What a new configuration cannot change. */
static void
warn_of_restart(const struct config *config)
{
	const struct config *old = serving.config;
	bool changed =
	    config->listeners_count != old->listeners_count ||
	    strcmp(config->data, old->data) != 0 ||
	    memcmp(config->retention_days, old->retention_days, sizeof old->retention_days) != 0;

	for (uint32_t i = 0; !changed && i < old->listeners_count; i++)
		changed = strcmp(config->listeners[i].address, old->listeners[i].address) != 0 ||
			  config->listeners[i].tls != old->listeners[i].tls ||
			  config->listeners[i].roles != old->listeners[i].roles;
	if (changed)
		log_line("listeners, data and retention_days change with the next start only");
}

/* Each part that is wrong is told and stays as it was; the others change. */
static void
reload(int argc, char **argv)
{
	struct server *server = &serving.server;
	struct settings *settings = NULL;
	struct config *config;
	char error[512];
	bool well = true;

	service_notify_reloading();
	config = load_config(argc, argv, serving.file, error);
	if (config == NULL ||
	    (settings = settings_create(config, true, serving.file, error)) == NULL) {
		log_line("reload: %s; all stays as it was", error);
		well = false;
	}
	if (!auth_reload(server->auth, serving.config->data, error)) {
		log_line("reload: %s; the tokens stay as they were", error);
		well = false;
	}
	audit_reopen(server->audit);
	if (settings != NULL) {
		warn_of_restart(config);
		reopen_geoip(config);
		if (config->certificate != NULL &&
		    !tls_reload(config->certificate, config->certificate_key,
				!serving.config->no_http2, error)) {
			log_line("reload: %s; the certificate stays as it was", error);
			well = false;
		}
		settings_replace(server->settings, settings);
	}
	metrics_add(well ? METRICS_reloads : METRICS_reload_failures, 1);
	update_gauges();
	if (well)
		log_line("reloaded");
	service_notify("READY=1");
}

/* A sign of life for systemd: every loop has been around lately. */
static void
beat(int64_t interval_ms)
{
	bool alive = interval_ms > 0;

	for (int i = 0; alive && i < serving.loops_count; i++)
		alive = loop_is_alive(serving.loops[i], interval_ms + STUCK_MS);
	if (alive)
		service_notify("WATCHDOG=1");
}

static void
tick(void)
{
	struct settings *settings = settings_hold(serving.server.settings);

	if (enricher_is_stale(serving.server.enricher))
		reopen_geoip(settings->config);
	settings_release(settings);
	update_gauges();
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

/* Until SIGTERM or SIGINT. */
static void
wait_for_end(int argc, char **argv, const sigset_t *waited)
{
	int64_t watchdog_ms = service_watchdog_ms(), beaten_ms = http_now_ms();
	int64_t ticked_ms = beaten_ms;
	struct timespec pause = {TICK_MS / 1000, 0};
	int received = 0;

	if (watchdog_ms > 0 && watchdog_ms < TICK_MS)
		pause = (struct timespec){0, (long)watchdog_ms * 1000000};
	beat(watchdog_ms);
	while (received != SIGTERM && received != SIGINT) {
		int64_t now;

		received = sigtimedwait(waited, NULL, &pause);
		now = http_now_ms();
		if (received == SIGHUP)
			reload(argc, argv);
		if (watchdog_ms > 0 && (now - beaten_ms >= watchdog_ms || now < beaten_ms)) {
			beat(watchdog_ms);
			beaten_ms = now;
		}
		if (now - ticked_ms >= TICK_MS || now < ticked_ms) {
			tick();
			give_back(now);
			ticked_ms = now;
		}
	}
}

/* ---- closing --------------------------------------------------------- */

/* The last resort, when a connection or a disk does not let go: all that was
 * acknowledged is on disk. */
static void
on_alarm(int signal_number)
{
	static const char line[] = "drum: the shutdown took too long; ending now\n";

	(void)signal_number;
	(void)!write(STDERR_FILENO, line, sizeof line - 1);
	_exit(0);
}

static int
close_parts(void)
{
	struct server *server = &serving.server;
	struct store_error error = {0};
	struct timespec now;
	int64_t deadline_ms;

	signal(SIGALRM, on_alarm);
	alarm(WATCHDOG_S);
	atomic_store(&server->stopping, 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline_ms = (int64_t)now.tv_sec * 1000 + DRAIN_MS;
	for (int i = 0; i < serving.loops_count; i++)
		loop_stop(serving.loops[i]);
	for (int i = 0; i < serving.loops_count; i++)
		loop_join(serving.loops[i], deadline_ms);
	workpool_destroy(server->pool);
	ingest_destroy(server->ingest);
	alarm(0); /* a flush may take longer than the drain: it is bounded by memory */
	if (store_close(server->store, &error) != 0)
		log_line("the last flush failed: %s; the rows are in the WAL", error.text);
	settings_place_free(server->settings);
	enricher_close(server->enricher);
	join_destroy(server->join);
	query_log_destroy(server->query_log);
	answer_cache_destroy(server->cache);
	audit_close(server->audit);
	auth_close(server->auth);
	SSL_CTX_free(serving.tls);
	config_free(serving.config);
	return 0;
}

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < RLIM_INFINITY &&
	    serving.config->limits.connections + 512 > limit.rlim_cur) {
		serving.config->limits.connections =
		    limit.rlim_cur > 1024 ? (uint32_t)limit.rlim_cur - 512 : 512;
		log_line("at most %u connections: the limit on open files is %llu",
			 serving.config->limits.connections, (unsigned long long)limit.rlim_cur);
	}
}

int
cli_serve(int argc, char **argv)
{
	sigset_t waited;
	int result = read_options(argc, argv);

	if (result >= 0)
		return result;
	if (serving.config->log_json)
		log_as_json();
	raise_descriptor_limit();
	sigemptyset(&waited);
	sigaddset(&waited, SIGTERM);
	sigaddset(&waited, SIGINT);
	sigaddset(&waited, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &waited, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (open_parts() != 0 || open_loops() != 0)
		return 1;
	atomic_store(&serving.server.ready, 1);
	print_welcome();
	update_gauges();
	service_notify("READY=1");
	wait_for_end(argc, argv, &waited);
	service_notify("STOPPING=1");
	log_line("stopping");
	return close_parts();
}
