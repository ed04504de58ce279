/*
 * client.h. For the command line only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "client.h"

#define TOKEN_BYTES_MAX 512u
#define ANSWER_BYTES_MAX ((size_t)256 << 20)

struct client {
	CURL *curl; /* owned */
	char url[2048];
	char authorization[sizeof "Authorization: Bearer " + TOKEN_BYTES_MAX];
	char *body; /* owned */
	size_t body_size, body_max;
};

static int
read_token(const char *file, char *out, size_t out_size)
{
	FILE *in = fopen(file, "re");
	const char *wrong = in == NULL                               ? strerror(errno)
			    : fgets(out, (int)out_size, in) == NULL  ? "is empty"
			    : !feof(in) && strchr(out, '\n') == NULL ? "its line is too long"
								     : NULL;

	if (in != NULL)
		fclose(in);
	if (wrong != NULL) {
		fprintf(
		    stderr,
		    "drum: token file %s: %s; --token, --token-file and DRUM_TOKEN tell another\n",
		    file, wrong);
		return -1;
	}
	out[strcspn(out, "\r\n")] = '\0';
	return 0;
}

/* The server's address and what it is told by; false, after a message: too long. */
static bool
set_target(struct client *client, const char *url, const char *token)
{
	size_t size = strlen(url);

	while (size > 0 && url[size - 1] == '/')
		size--;
	if (size >= sizeof client->url) {
		fprintf(stderr, "drum: --url has at most %zu bytes\n", sizeof client->url - 1);
		return false;
	}
	memcpy(client->url, url, size);
	client->url[size] = '\0';
	if ((size_t)snprintf(client->authorization, sizeof client->authorization,
			     "Authorization: Bearer %s", token) < sizeof client->authorization)
		return true;
	fprintf(stderr, "drum: a token has at most %u bytes\n", TOKEN_BYTES_MAX);
	return false;
}

static size_t
take_body(char *bytes, size_t one, size_t size, void *context)
{
	struct client *client = context;

	(void)one;
	if (client->body_size + size + 1 > client->body_max) {
		size_t max = client->body_max == 0 ? 65536 : client->body_max * 2;
		char *grown;

		while (max < client->body_size + size + 1)
			max *= 2;
		if (max > ANSWER_BYTES_MAX || (grown = realloc(client->body, max)) == NULL)
			return 0;
		client->body = grown;
		client->body_max = max;
	}
	memcpy(client->body + client->body_size, bytes, size);
	client->body_size += size;
	client->body[client->body_size] = '\0';
	return size;
}

struct client_target
client_target_default(void)
{
	return (struct client_target){.url = "http://localhost:8080",
				      .token = getenv("DRUM_TOKEN"),
				      .token_file = "data/token"};
}

struct client *
client_open(const struct client_target *target)
{
	struct client *client = calloc(1, sizeof *client);
	char from_file[TOKEN_BYTES_MAX + 3] = ""; /* with the line's end, of DOS too */

	if (client == NULL || (client->curl = curl_easy_init()) == NULL) {
		fprintf(stderr, "drum: out of memory\n");
		free(client);
		return NULL;
	}
	if (target->token == NULL && target->token_file != NULL &&
	    read_token(target->token_file, from_file, sizeof from_file) != 0) {
		client_close(client);
		return NULL;
	}
	if (!set_target(client, target->url, target->token != NULL ? target->token : from_file)) {
		client_close(client);
		return NULL;
	}
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, 300L);
	curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (target->cacert != NULL)
		curl_easy_setopt(client->curl, CURLOPT_CAINFO, target->cacert);
	return client;
}

void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	free(client->body);
	free(client);
}

void
client_wait_long(struct client *client)
{
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, 0L);
	curl_easy_setopt(client->curl, CURLOPT_TCP_KEEPALIVE, 1L);
}

bool
client_add_parameter(struct client *client, char path[CLIENT_PATH_BYTES_MAX], const char *name,
		     const char *value)
{
	char *escaped = curl_easy_escape(client->curl, value, 0);
	size_t size = strlen(path), room = CLIENT_PATH_BYTES_MAX - size;
	bool fits = escaped != NULL &&
		    (size_t)snprintf(path + size, room, "%c%s=%s",
				     strchr(path, '?') == NULL ? '?' : '&', name, escaped) < room;

	curl_free(escaped);
	return fits;
}

static const char *
remedy_of(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return " (is `drum serve` running there?)";
	case CURLE_PEER_FAILED_VERIFICATION:
		return " (drum's own certificate, made for localhost, is trusted with --cacert "
		       "DATA/certificate.pem)";
	case CURLE_SSL_CACERT_BADFILE:
		return " (--cacert takes a PEM file)";
	default:
		return "";
	}
}

int
client_post(struct client *client, const char *path, const char *idempotency_key, const void *body,
	    size_t size, struct client_answer *answer)
{
	struct curl_slist *headers = curl_slist_append(NULL, client->authorization);
	char url[CLIENT_PATH_BYTES_MAX + 2048], key[128];
	curl_off_t retry_after = 0;
	CURLcode code;

	snprintf(url, sizeof url, "%s%s", client->url, path);
	headers = curl_slist_append(headers, "Content-Type: application/octet-stream");
	headers = curl_slist_append(headers, "Expect:");
	if (idempotency_key != NULL) {
		snprintf(key, sizeof key, "Idempotency-Key: %s", idempotency_key);
		headers = curl_slist_append(headers, key);
	}
	client->body_size = 0;
	curl_easy_setopt(client->curl, CURLOPT_URL, url);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	code = curl_easy_perform(client->curl);
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		fprintf(stderr, "drum: %s: %s%s\n", url, curl_easy_strerror(code), remedy_of(code));
		return -1;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after);
	answer->retry_after_s = (long)retry_after;
	if (client->body == NULL)
		take_body("", 1, 0, client);
	answer->body = client->body;
	answer->body_size = client->body_size;
	return 0;
}
