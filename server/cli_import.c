/*
 * drum import: options; files of records to a running server or into the store
 * of a stopped one (import_run.h).
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "import_run.h"
#include "join.h"
#include "log.h"
#include "owner.h"

#define GEOIP_MAX 16u
/* A view that is updated later than so many rows after it is late. */
#define MEMTABLE_BYTES ((size_t)96 << 20)

static const char help[] =
    "usage: drum import [options] FILE   (- for standard input)\n"
    "  --url URL           server (default: http://localhost:8080)\n"
    "  --to URL            the same\n"
    "  --token TOKEN       access token, or\n"
    "  --token-file FILE   file that has it (default: data/token)\n"
    "  --cacert FILE       PEM file of a certificate to trust: DATA/certificate.pem\n"
    "  --data DIR          write into the store of a stopped server instead\n"
    "  --geoip FILE        with --data: MaxMind DB file; may be given several times\n"
    "  --format NAME       of all records (default: auto, each tells by its shape)\n"
    "  --site KEY          site of records that name none\n"
    "  --state FILE        where the import got to: the next run goes on there\n"
    "  --follow            wait for more at the end of FILE, also when it is rotated\n"
    "  --rejects FILE      append the lines that are refused to it\n"
    "  --help\n"
    "FILE has a record a line, or JSON arrays of them: beacons of any agent, or lines of an\n"
    "access log; plain, gzip or zstd. A chunk that was stored before is not stored again.\n";

struct choices {
	struct client_target server;
	const char *data, *geoip[GEOIP_MAX];
	uint32_t geoip_count;
	struct import_run_options run;
};

static volatile int stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* The second one ends the process at once. */
static void
catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int
run_local(struct choices *choices)
{
	struct store_error error = {0};
	struct import_sink_options *sink = &choices->run.sink;
	int code = 1;

	if (!owner_become(choices->data))
		return 1;
	if (cli_open_store(choices->data, false, MEMTABLE_BYTES, NULL, &sink->store, &error) != 0) {
		fprintf(stderr, "drum: %s\n", error.text);
		return 1;
	}
	sink->enricher = enricher_open(choices->geoip, choices->geoip_count, log_text, NULL);
	sink->join = join_create();
	if (sink->enricher != NULL && sink->join != NULL)
		code = import_run(&choices->run);
	else
		fprintf(stderr, "drum: out of memory\n");
	enricher_close(sink->enricher);
	join_destroy(sink->join);
	if (store_close(sink->store, &error) != 0) {
		fprintf(stderr, "drum: the last flush failed: %s; the rows are in the WAL\n",
			error.text);
		code = 1;
	}
	return code;
}

static int
run_remote(struct choices *choices)
{
	struct import_sink_options *sink = &choices->run.sink;
	int code = 1;

	sink->patient = choices->run.follow;
	if ((sink->clients[0] = client_open(&choices->server)) != NULL &&
	    (sink->clients[1] = client_open(&choices->server)) != NULL)
		code = import_run(&choices->run);
	client_close(sink->clients[0]);
	client_close(sink->clients[1]);
	return code;
}

/* False: after a message. */
static bool
check(const struct choices *choices)
{
	const struct import_run_options *run = &choices->run;

	if (strcmp(run->path, "-") == 0 && run->follow) {
		fprintf(stderr, "drum: --follow needs a file: standard input is read to its end\n");
		return false;
	}
	if (run->sink.site.size > 0 && !event_is_site_key(run->sink.site)) {
		fprintf(stderr, "drum: --site: expected 1 to 64 bytes, no control characters\n");
		return false;
	}
	return true;
}

static bool
set_format(struct choices *choices, const char *name)
{
	struct store_str text = {name, (uint32_t)strlen(name)};

	if (import_format_find(text, &choices->run.sink.format))
		return true;
	fprintf(stderr, "drum: --format: use one of %s\n", import_format_names());
	return false;
}

enum option_code {
	URL = 256,
	TOKEN,
	TOKEN_FILE,
	CACERT,
	DATA,
	GEOIP,
	FORMAT,
	SITE,
	STATE,
	FOLLOW,
	REJECTS,
	HELP
};

/* False: a wrong value, after a message. */
static bool
set_option(struct choices *choices, int code, const char *value)
{
	switch ((enum option_code)code) {
	case URL:
		choices->server.url = value;
		break;
	case TOKEN:
		choices->server.token = value;
		break;
	case TOKEN_FILE:
		choices->server.token_file = value;
		break;
	case CACERT:
		choices->server.cacert = value;
		break;
	case DATA:
		choices->data = value;
		break;
	case GEOIP:
		if (choices->geoip_count == GEOIP_MAX) {
			fprintf(stderr, "drum: --geoip: at most %u files\n", GEOIP_MAX);
			return false;
		}
		choices->geoip[choices->geoip_count++] = value;
		break;
	case FORMAT:
		return set_format(choices, value);
	case SITE:
		choices->run.sink.site = (struct store_str){value, (uint32_t)strlen(value)};
		break;
	case STATE:
		choices->run.state_path = value;
		break;
	case FOLLOW:
		choices->run.follow = true;
		break;
	case REJECTS:
		choices->run.rejects_path = value;
		break;
	case HELP:
		break;
	}
	return true;
}

int
cli_import(int argc, char **argv)
{
	static const struct option options[] = {{"url", required_argument, NULL, URL},
						{"to", required_argument, NULL, URL},
						{"token", required_argument, NULL, TOKEN},
						{"token-file", required_argument, NULL, TOKEN_FILE},
						{"cacert", required_argument, NULL, CACERT},
						{"data", required_argument, NULL, DATA},
						{"geoip", required_argument, NULL, GEOIP},
						{"format", required_argument, NULL, FORMAT},
						{"site", required_argument, NULL, SITE},
						{"state", required_argument, NULL, STATE},
						{"follow", no_argument, NULL, FOLLOW},
						{"rejects", required_argument, NULL, REJECTS},
						{"help", no_argument, NULL, HELP},
						{NULL, 0, NULL, 0}};
	struct choices choices = {.server = client_target_default(), .run.sink.stop = &stop};
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code == HELP)
			return cli_help(help);
		if (code < URL)
			return cli_usage(help);
		if (!set_option(&choices, code, optarg))
			return 2;
	}
	if (optind + 1 != argc)
		return cli_usage(help);
	choices.run.path = argv[optind];
	if (!check(&choices))
		return 2;
	catch_signals();
	return choices.data != NULL ? run_local(&choices) : run_remote(&choices);
}
