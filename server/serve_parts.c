/*
 * serve.h: what stands behind the listeners, opened in order and closed in
 * reverse. Must not answer for what is not on disk: the last resort ends the
 * process only while that costs nothing.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer_cache.h"
#include "cli.h"
#include "guard_http2.h"
#include "join.h"
#include "log.h"
#include "loop_reply.h"
#include "query_log.h"
#include "serve.h"
#include "tls.h"

#define DRAIN_MS 8000
#define WATCHDOG_S 10
#define BESIDES_BEACONS 64u /* imports and inserts that wait for the writer with them */

int
serve_failed(const char *text)
{
	fprintf(stderr, "drum: %s\n", text);
	return 1;
}

/* ---- opening --------------------------------------------------------- */

static int
open_tls(struct serving *serving)
{
	char certificate[4096], key[4096], error[256];
	const struct config *config = serving->config;

	if (config->certificate != NULL) {
		serving->tls = tls_create(config->certificate, config->certificate_key,
					  !config->no_http2, error);
	} else {
		if (tls_self_signed(config->data, certificate, key, error) != 0)
			return serve_failed(error);
		serving->tls = tls_create(certificate, key, !config->no_http2, error);
	}
	if (serving->tls == NULL)
		return serve_failed(error);
	tls_allow_reload(serving->tls);
	return 0;
}

/* HTTP/2 is served only as far as the guard can watch it. */
static void
check_http2(const struct serving *serving)
{
	char why[256];

	h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX; /* no body into a file */
	if (serving->config->no_http2 || guard_http2_check(why))
		return;
	log_line("HTTP/2 IS OFF: %s", why);
	serving->config->no_http2 = true;
}

static bool
open_audit(struct serving *serving)
{
	const struct config *config = serving->config;
	char path[4096], error[256];

	if (config->audit_log != NULL && config->audit_log[0] == '\0')
		return true;
	if (config->audit_log != NULL)
		snprintf(path, sizeof path, "%s", config->audit_log);
	else
		snprintf(path, sizeof path, "%s/audit.jsonl", config->data);
	serving->server.audit = audit_open(path, error);
	return serving->server.audit != NULL || serve_failed(error) == 0;
}

/* A directory with other files and no store yet is taken, but who mistyped it hears
 * of it. */
static void
note_others(const char *data)
{
	static const char *const ours[] = {"MANIFEST",
					   "wal",
					   "MANIFEST.tmp",
					   "LOCK",
					   "RESERVE",
					   "token",
					   "tokens",
					   "certificate.pem",
					   "certificate-key.pem",
					   "certificate.pem.new", /* of a start that was cut off */
					   "certificate-key.pem.new",
					   "audit.jsonl",
					   "audit.jsonl.1",
					   "lost+found"};
	DIR *directory = opendir(data);
	struct dirent *entry;
	char other[64] = "";

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		size_t i = 0;

		while (i < sizeof ours / sizeof *ours && strcmp(entry->d_name, ours[i]) != 0)
			i++;
		if (i < 2) { /* a store */
			other[0] = '\0';
			break;
		}
		if (i == sizeof ours / sizeof *ours && entry->d_name[0] != '.')
			snprintf(other, sizeof other, "%.60s", entry->d_name);
	}
	if (directory != NULL)
		closedir(directory);
	if (other[0] != '\0')
		log_line("data directory %s has other files, such as %s: a store is made beside "
			 "them",
			 data, other);
}

static uint32_t
count_newcomers(void *context)
{
	struct server *server = context;

	return atomic_load_explicit(&server->newcomers, memory_order_relaxed);
}

int
serve_open_parts(struct serving *serving)
{
	struct config *config = serving->config;
	struct server *server = &serving->server;
	struct store_error error = {0};
	uint32_t in_flight;
	char text[256];

	check_http2(serving);
	server->config = config;
	if ((server->settings = settings_place_create(serving->settings)) == NULL)
		return serve_failed("out of memory");
	note_others(config->data);
	if (cli_open_store(config->data, false, (size_t)config->limits.memtable_mb << 20,
			   config->retention_days, &server->store, &error) != 0)
		return serve_failed(error.text);
	if (!auth_open(config->data, &server->auth, text))
		return serve_failed(text);
	if (!open_audit(serving))
		return 1;
	server->enricher =
	    enricher_open((const char *const *)config->geoip, config->geoip_count, log_text, NULL);
	server->join = join_create();
	if (server->enricher == NULL || server->join == NULL ||
	    !enricher_limit(server->enricher, config->limits.values))
		return serve_failed("out of memory");
	in_flight = config->limits.in_flight;
	server->ingest = ingest_create(server->store, in_flight < UINT32_MAX - BESIDES_BEACONS
							  ? in_flight + BESIDES_BEACONS
							  : UINT32_MAX);
	if (server->ingest != NULL) {
		ingest_after_group(server->ingest, loop_replies_send);
		ingest_clients(server->ingest, count_newcomers, server);
	}
	server->pool =
	    workpool_create((unsigned)sysconf(_SC_NPROCESSORS_ONLN), config->limits.queries);
	server->query_log = query_log_create();
	server->cache = answer_cache_create((size_t)config->limits.cache_mb << 20);
	if (server->query_log == NULL || server->cache == NULL || server->ingest == NULL ||
	    server->pool == NULL)
		return serve_failed("out of memory");
	return open_tls(serving);
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

void
serve_close_parts(struct serving *serving)
{
	struct server *server = &serving->server;
	struct store_error error = {0};
	struct timespec now;
	int64_t deadline_ms;

	signal(SIGALRM, on_alarm);
	alarm(WATCHDOG_S);
	atomic_store(&server->stopping, 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline_ms = (int64_t)now.tv_sec * 1000 + DRAIN_MS;
	for (int i = 0; i < serving->loops_count; i++)
		loop_stop(serving->loops[i]);
	for (int i = 0; i < serving->loops_count; i++)
		loop_join(serving->loops[i], deadline_ms);
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
	SSL_CTX_free(serving->tls);
	config_free(serving->config);
}
