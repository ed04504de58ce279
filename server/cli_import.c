/*
 * drum import: a file of beacons, in chunks of whole lines, to a running
 * server or into the store of a stopped one.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "cli.h"
#include "client.h"
#include "import.h"
#include "log.h"

#define CHUNK_BYTES ((size_t)4 << 20)
#define TRIES_MAX 20

static const char help[] =
    "usage: drum import [options] FILE   (- for standard input)\n"
    "  --url URL           server (default: http://localhost:8080)\n"
    "  --token TOKEN       access token, or\n"
    "  --token-file FILE   file that has it (default: data/token)\n"
    "  --cacert FILE       PEM file of a certificate to trust: DATA/certificate.pem\n"
    "  --data DIR          write into the store of a stopped server instead\n"
    "  --geoip FILE        with --data: MaxMind DB file; may be given several times\n"
    "  --help\n"
    "FILE has a beacon a line (NDJSON). A chunk that was stored before is not stored again.\n";

struct totals {
	unsigned long stored, repeated, late, rejected;
	uint64_t bytes, bytes_all; /* of the file; all is 0 when unknown */
	double began_s;
};

struct target {
	struct client *client; /* or: */
	struct store *store;
	struct enricher *enricher;
};

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
show_progress(const struct totals *totals)
{
	double share =
	    totals->bytes_all == 0 ? 0 : (double)totals->bytes / (double)totals->bytes_all;
	char bar[31];

	if (!isatty(STDERR_FILENO))
		return;
	for (int i = 0; i < 30; i++)
		bar[i] = share * 30 > i ? '#' : '.';
	bar[30] = '\0';
	fprintf(stderr, "\r[%s] %3.0f %%  %lu beacons  %.1f s", bar, share * 100,
		totals->stored + totals->repeated + totals->late, now_s() - totals->began_s);
}

static unsigned long
member(const char *json, const char *name)
{
	char quoted[40];
	const char *at;

	snprintf(quoted, sizeof quoted, "\"%s\":", name);
	at = strstr(json, quoted);
	return at == NULL ? 0 : strtoul(at + strlen(quoted), NULL, 10);
}

/* ---- to a server ----------------------------------------------------- */

static int
send_chunk(struct client *client, const char *bytes, size_t size, struct totals *totals)
{
	XXH128_hash_t hash = XXH3_128bits(bytes, size);
	struct client_answer answer;
	char key[40];

	snprintf(key, sizeof key, "%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		if (client_post(client, "/import", key, bytes, size, &answer) != 0)
			return -1;
		if (answer.status == 200) {
			unsigned long rejected = member(answer.body, "rejected");
			bool first = strstr(answer.body, "\"first\":true") != NULL;

			*(first ? &totals->stored : &totals->repeated) +=
			    member(answer.body, "stored");
			totals->repeated += member(answer.body, "repeated");
			totals->late += member(answer.body, "late");
			if (rejected > 0 && totals->rejected == 0)
				fprintf(stderr, "drum: some lines were refused: %s", answer.body);
			totals->rejected += rejected;
			return 0;
		}
		if (answer.status != 503 && answer.status != 429)
			break;
		sleep((unsigned)(answer.retry_after_s > 0 && answer.retry_after_s < 60
				     ? answer.retry_after_s
				     : 1));
	}
	fprintf(stderr, "drum: the server answered %ld: %s", answer.status, answer.body);
	return -1;
}

/* ---- into a store ---------------------------------------------------- */

static int
store_chunk(struct target *target, const char *bytes, size_t size, struct totals *totals)
{
	struct store_str text = {bytes, (uint32_t)size};
	XXH128_hash_t hash = XXH3_128bits(bytes, size);
	struct store_request request = {.received_ms = (int64_t)time(NULL) * 1000};
	struct store_arena *arena = store_arena_create(0);
	struct import_batch batch;
	struct store_error error = {0};
	struct store_commit commit;
	int result;

	memcpy(request.key, &hash, sizeof request.key);
	memcpy(request.body, &hash, sizeof request.body);
	result = arena == NULL
		     ? STORE_ENOMEM
		     : import_decode(text,
				     &(struct import_options){.enricher = target->enricher,
							      .now_ms = request.received_ms,
							      .rejects_max = IMPORT_ERRORS_SHOWN},
				     arena, &batch);
	if (result == 0) {
		request.note = batch.rejected_count;
		commit = (struct store_commit){.entries = batch.entries,
					       .entries_count = batch.entries_count,
					       .request = &request};
		result = store_append(target->store, &commit, 1, &error);
		result = result == 0 ? commit.result : result;
		*(request.repeated ? &totals->repeated : &totals->stored) += request.stored_count;
		totals->repeated += request.repeated_count;
		totals->late += request.late_count;
		totals->rejected += request.note;
		if (batch.rejects_count > 0 && totals->rejected == request.note)
			fprintf(stderr, "drum: some lines were refused: line %u: %s\n",
				batch.rejects[0].number, batch.rejects[0].reason);
	}
	if (result != 0)
		fprintf(stderr, "drum: cannot store: %s\n",
			error.text[0] != '\0' ? error.text : "out of memory");
	store_arena_free(arena);
	return result == 0 ? 0 : -1;
}

/* ---- the file -------------------------------------------------------- */

static int
put_chunk(struct target *target, const char *bytes, size_t size, struct totals *totals)
{
	int result = target->client != NULL ? send_chunk(target->client, bytes, size, totals)
					    : store_chunk(target, bytes, size, totals);

	totals->bytes += size;
	show_progress(totals);
	return result;
}

/* Chunks end after a line's end; a line longer than a chunk is an error. */
static int
put_file(struct target *target, FILE *in, struct totals *totals)
{
	char *buffer = malloc(CHUNK_BYTES);
	size_t held = 0, got;
	int result = buffer == NULL ? -1 : 0;

	while (result == 0 && (got = fread(buffer + held, 1, CHUNK_BYTES - held, in)) > 0) {
		const char *end;
		size_t size;

		held += got;
		if (held < CHUNK_BYTES)
			continue;
		if ((end = memrchr(buffer, '\n', held)) == NULL) {
			fprintf(stderr, "drum: a line is longer than 4 MiB\n");
			result = -1;
			break;
		}
		size = (size_t)(end - buffer) + 1;
		result = put_chunk(target, buffer, size, totals);
		memmove(buffer, buffer + size, held - size);
		held -= size;
	}
	if (result == 0 && held > 0)
		result = put_chunk(target, buffer, held, totals);
	if (result == 0 && ferror(in)) {
		fprintf(stderr, "drum: cannot read: %s\n", strerror(errno));
		result = -1;
	}
	free(buffer);
	return result;
}

static int
run(struct target *target, const char *name)
{
	FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	struct totals totals = {.began_s = now_s()};
	struct stat status;
	int result;

	if (in == NULL) {
		fprintf(stderr, "drum: %s: %s\n", name, strerror(errno));
		return 1;
	}
	if (fstat(fileno(in), &status) == 0 && S_ISREG(status.st_mode))
		totals.bytes_all = (uint64_t)status.st_size;
	result = put_file(target, in, &totals);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (in != stdin)
		fclose(in);
	printf("imported %lu beacons (%lu repeated, %lu late, %lu rejected) in %.1f s\n",
	       totals.stored, totals.repeated, totals.late, totals.rejected,
	       now_s() - totals.began_s);
	return result == 0 ? 0 : 1;
}

/* ---- options --------------------------------------------------------- */

#define GEOIP_MAX 16

struct choices {
	struct client_target server;
	const char *data, *geoip[GEOIP_MAX];
	uint32_t geoip_count;
};

static int
run_local(const struct choices *choices, const char *name)
{
	struct store_error error = {0};
	struct target target = {0};
	int result;

	if (cli_open_store(choices->data, false, 0, NULL, &target.store, &error) != 0) {
		fprintf(stderr, "drum: %s\n", error.text);
		return 1;
	}
	target.enricher = enricher_open(choices->geoip, choices->geoip_count, log_text, NULL);
	result = target.enricher == NULL ? 1 : run(&target, name);
	enricher_close(target.enricher);
	if (store_close(target.store, &error) != 0) {
		fprintf(stderr, "drum: the last flush failed: %s; the rows are in the WAL\n",
			error.text);
		return 1;
	}
	return result;
}

int
cli_import(int argc, char **argv)
{
	enum { URL = 256, TOKEN, TOKEN_FILE, CACERT, DATA, GEOIP, HELP };
	static const struct option options[] = {{"url", required_argument, NULL, URL},
						{"token", required_argument, NULL, TOKEN},
						{"token-file", required_argument, NULL, TOKEN_FILE},
						{"cacert", required_argument, NULL, CACERT},
						{"data", required_argument, NULL, DATA},
						{"geoip", required_argument, NULL, GEOIP},
						{"help", no_argument, NULL, HELP},
						{NULL, 0, NULL, 0}};
	struct choices choices = {.server = client_target_default()};
	struct target target = {0};
	int code, result;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (code) {
		case URL:
			choices.server.url = optarg;
			break;
		case TOKEN:
			choices.server.token = optarg;
			break;
		case TOKEN_FILE:
			choices.server.token_file = optarg;
			break;
		case CACERT:
			choices.server.cacert = optarg;
			break;
		case DATA:
			choices.data = optarg;
			break;
		case GEOIP:
			if (choices.geoip_count < GEOIP_MAX)
				choices.geoip[choices.geoip_count++] = optarg;
			break;
		case HELP:
			return cli_help(help);
		default:
			return cli_usage(help);
		}
	}
	if (optind + 1 != argc)
		return cli_usage(help);
	if (choices.data != NULL)
		return run_local(&choices, argv[optind]);
	target.client = client_open(&choices.server);
	if (target.client == NULL)
		return 1;
	result = run(&target, argv[optind]);
	client_close(target.client);
	return result;
}
