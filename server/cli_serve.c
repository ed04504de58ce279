/*
 * drum serve: reads options, opens everything in order, runs until SIGTERM or
 * SIGINT, closes. Above serve.h. Must not start a thread before signals are
 * blocked.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli.h"
#include "config_address.h"
#include "log.h"
#include "serve.h"
#include "service.h"
#include "tls.h"

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

static struct serving serving; /* one a process; static, so that its parts are reachable */

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

/* NULL, or what went wrong. */
static const char *
apply(struct config *config, int code, const char *value)
{
	bool is_kept = true;

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
check_files(const struct config *config)
{
	SSL_CTX *tls;
	char error[256];

	for (uint32_t i = 0; i < config->geoip_count; i++) {
		if (access(config->geoip[i], R_OK) != 0)
			fprintf(stderr, "drum: warning: geoip[%u]: %s: %s\n", i, config->geoip[i],
				strerror(errno));
	}
	if (config->certificate == NULL)
		return 0;
	tls = tls_create(config->certificate, config->certificate_key, !config->no_http2, error);
	SSL_CTX_free(tls);
	return tls == NULL ? serve_failed(error) : 0;
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
		wrong = apply(config, code, optarg);
	if (wrong == NULL)
		return config;
	snprintf(error, 512, "%s", wrong);
	config_free(config);
	return NULL;
}

/* False, after a message: the flag's value is no address. */
static bool
is_valid(int code, const char *value)
{
	struct config_address parsed;
	char why[160];

	if ((code != HTTP && code != HTTPS) || config_address_parse(value, &parsed, why))
		return true;
	fprintf(stderr, "drum: --%s: %s\n", code == HTTP ? "http" : "https", why);
	return false;
}

/* -1: go on; else the exit code. */
static int
read_options(int argc, char **argv)
{
	const char *explained = NULL;
	bool check = false;
	char error[512];
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code == '?' || !is_valid(code, optarg))
			return cli_usage(help);
		if (code == HELP)
			return cli_help(help);
		if (code == CONFIG)
			serving.file = optarg;
		if (code == EXPLAIN)
			explained = optarg;
		check |= code == CHECK;
	}
	if (optind < argc)
		return cli_unexpected(argv[optind], help);
	serving.load = load_config;
	serving.argc = argc;
	serving.argv = argv;
	if ((serving.config = load_config(argc, argv, serving.file, error)) == NULL)
		return serve_failed(error);
	if (serve_parse_listeners(&serving) != 0)
		return 1;
	if ((serving.settings = settings_create(serving.config, false, serving.file, error)) ==
	    NULL)
		return serve_failed(error);
	if (explained != NULL)
		return cli_explain_sampling(serving.settings, explained);
	if (!check)
		return -1;
	if (check_files(serving.config) != 0)
		return 1;
	printf("configuration is valid\n");
	return 0;
}

/* ---- serving --------------------------------------------------------- */

/* Connections leave descriptors to the store, whatever the limit on them is. */
static void
raise_descriptor_limit(void)
{
	uint32_t *connections = &serving.config->limits.connections;
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	most = limit.rlim_cur > 1024 ? limit.rlim_cur - 512 : limit.rlim_cur / 2;
	if (*connections <= most)
		return;
	*connections = (uint32_t)most;
	log_line("at most %u connections: the limit on open files is %llu", *connections,
		 (unsigned long long)limit.rlim_cur);
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
	if (serve_open_parts(&serving) != 0 || serve_open_loops(&serving) != 0)
		return 1;
	atomic_store(&serving.server.ready, 1);
	serve_print_welcome(&serving);
	serve_update_gauges(&serving);
	service_notify("READY=1");
	serve_until_end(&serving, &waited);
	service_notify("STOPPING=1");
	log_line("stopping");
	serve_close_parts(&serving);
	return 0;
}
