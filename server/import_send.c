/*
 * Chunks to a running server, each a request that may be repeated: it has a
 * key. Between the sink's queue and client.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode.h"
#include "import_sink.h"

#define TRIES_MAX 20
#define WAIT_S_MAX 60

/* Tenths, so that a signal ends it. */
static void
wait_s(const struct import_sink_options *options, long seconds)
{
	for (long i = 0; i < seconds * 10 && !*options->stop; i++) {
		struct timespec tenth = {.tv_nsec = 100000000};

		nanosleep(&tenth, NULL);
	}
}

/* ---- the answer ------------------------------------------------------ */

/* `line 12: reason` */
static bool
put_refusal(struct import_job *job, struct store_str text, uint32_t *max)
{
	const char *space = memchr(text.bytes, ' ', text.size);
	char *copy, *colon;
	struct import_refusal *refusal;

	if (space == NULL || job->refusals_count == *max)
		return true;
	if ((copy = store_arena_alloc(job->arena, text.size + 1u)) == NULL)
		return false;
	memcpy(copy, text.bytes, text.size);
	copy[text.size] = '\0';
	copy += space - text.bytes;
	refusal = &job->refusals[job->refusals_count];
	refusal->number = (uint32_t)strtoul(copy, &colon, 10);
	refusal->reason = *colon == ':' && colon[1] == ' ' ? colon + 2 : colon;
	job->refusals_count++;
	return true;
}

static bool
read_errors(struct json *json, struct import_job *job)
{
	uint32_t max = (uint32_t)(job->counts.rejected < IMPORT_ERRORS_MAX ? job->counts.rejected
									   : IMPORT_ERRORS_MAX);
	struct store_str text;
	bool first = true;

	job->refusals_count = 0; /* whatever answers, the list may come twice */
	job->refusals = store_arena_zalloc(job->arena, (max + 1) * sizeof *job->refusals);
	if (job->refusals == NULL || json_peek(json) != JSON_ARRAY || !json_enter(json))
		return false;
	for (; json_element(json, first); first = false) {
		if (!json_string(json, &text) || !put_refusal(job, text, &max))
			return false;
	}
	return json->error == NULL;
}

/* The members come in API.md's order, `errors` after `rejected`. */
static bool
read_answer(struct import_job *job, const struct client_answer *answer)
{
	struct store_str text = {answer->body, (uint32_t)answer->body_size}, name;
	struct import_counts *counts = &job->counts;
	bool first = true, again = false, integer, flag;
	struct json json;

	memset(counts, 0, sizeof *counts);
	job->refusals_count = 0;
	json_init(&json, text, job->arena);
	if (json_peek(&json) != JSON_OBJECT || !json_enter(&json))
		return false;
	for (; json_member(&json, first, &name); first = false) {
		uint64_t *count = decode_is(name, "stored")        ? &counts->stored
				  : decode_is(name, "sampled_out") ? &counts->sampled_out
				  : decode_is(name, "repeated")    ? &counts->repeated
				  : decode_is(name, "late")        ? &counts->late
				  : decode_is(name, "rejected")    ? &counts->rejected
				  : decode_is(name, "skipped")     ? &counts->skipped
								   : NULL;
		double number = 0;

		if (count != NULL && !json_number(&json, &number, &integer))
			return false;
		if (count != NULL)
			*count = (uint64_t)number;
		else if (decode_is(name, "errors")  ? !read_errors(&json, job)
			 : decode_is(name, "first") ? !json_bool(&json, &flag)
						    : !json_skip(&json))
			return false;
		again = again || (decode_is(name, "first") && !flag);
	}
	if (again) {
		counts->repeated += counts->stored + counts->sampled_out;
		counts->stored = counts->sampled_out = 0;
	}
	return json.error == NULL;
}

/* The records themselves, by their numbers, which ascend. */
static void
find_records(struct import_job *job)
{
	const char *at = job->chunk.text, *end = at + job->chunk.size;
	uint32_t number = 1, next = 0;

	while (at < end && next < job->refusals_count) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		stop = stop == NULL ? end : stop;
		for (; next < job->refusals_count && job->refusals[next].number <= number; next++)
			job->refusals[next].record = (struct store_str){at, (uint32_t)(stop - at)};
		at = stop + 1;
		number++;
	}
}

/* ---- sending --------------------------------------------------------- */

static bool
path_of(const struct import_sink_options *options, struct client *client,
	char path[CLIENT_PATH_BYTES_MAX])
{
	char site[65], format[20];
	const char *name = import_format_name(options->format);

	snprintf(path, CLIENT_PATH_BYTES_MAX, "/import?errors=%u&lines=1", IMPORT_ERRORS_MAX);
	snprintf(site, sizeof site, "%.*s", (int)options->site.size, options->site.bytes);
	snprintf(format, sizeof format, "%s", name);
	return (options->site.size == 0 || client_add_parameter(client, path, "site", site)) &&
	       (options->format == IMPORT_AUTO ||
		client_add_parameter(client, path, "format", format));
}

int
import_send(const struct import_sink_options *options, struct client *client,
	    struct import_job *job, char error[512])
{
	struct client_answer answer = {0};
	char path[CLIENT_PATH_BYTES_MAX], key[33];
	uint64_t parts[2];
	int result = -1;

	memcpy(parts, job->key, sizeof parts);
	snprintf(key, sizeof key, "%016llx%016llx", (unsigned long long)parts[1],
		 (unsigned long long)parts[0]);
	if (!path_of(options, client, path)) {
		snprintf(error, 512, "no memory or room for --site and --format in the address");
		return -1;
	}
	for (int tries = 0;; tries++) {
		long wait = tries < 5 ? 1 << tries : 30;

		result = client_post(client, path, key, job->chunk.text, job->chunk.size, &answer);
		if (result == 0 && answer.status != 503 && answer.status != 429)
			break;
		if (*options->stop ||
		    (!options->patient && (result != 0 || tries >= TRIES_MAX - 1)))
			break;
		if (result == 0 && answer.retry_after_s > 0)
			wait =
			    answer.retry_after_s < WAIT_S_MAX ? answer.retry_after_s : WAIT_S_MAX;
		wait_s(options, wait);
	}
	if (result == 0 && answer.status == 200) {
		if (read_answer(job, &answer)) {
			find_records(job);
			return 0;
		}
		snprintf(error, 512, "the server's answer is not understood");
	} else if (result == 0) {
		snprintf(error, 512, "the server answered %ld: %.300s", answer.status, answer.body);
	}
	return -1;
}
