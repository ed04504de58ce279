/*
 * Goal: the first bytes of a connection have one reading, whatever they are.
 * Method: the input is taken as a PROXY header, as an HTTP/1 head and as values
 * of X-Forwarded-For. What is taken as a header is the same with anything
 * behind it, and less of it is incomplete; a head that passes ends in an empty
 * line, has one length at most, and passes with anything behind it; a forwarded
 * client that is reached is trusted as long as the walk goes on.
 */
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/guard_http1.h"
#include "server/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In a buffer of its exact size, so that reading beyond is seen. */
static uint8_t *
copy_of(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	return copy;
}

static ssize_t
parse(const uint8_t *data, size_t size)
{
	uint8_t *copy = copy_of(data, size);
	struct sockaddr_storage client;
	socklen_t client_size;
	ssize_t taken = proxy_parse_header(copy, size, &client, &client_size);

	assert(taken >= -1 && taken <= (ssize_t)size && taken <= (ssize_t)PROXY_HEADER_BYTES_MAX);
	assert(taken > 0 || client_size == 0);
	assert(client_size == 0 || client.ss_family == AF_INET || client.ss_family == AF_INET6);
	free(copy);
	return taken;
}

static void
check_proxy(const uint8_t *data, size_t size)
{
	ssize_t taken = parse(data, size);

	if (taken <= 0)
		return;
	assert(parse(data, (size_t)taken) == taken);
	for (ssize_t part = 0; part < taken; part++)
		assert(parse(data, (size_t)part) == 0);
}

static void
check_head(const uint8_t *data, size_t size)
{
	char *copy = (char *)copy_of(data, size);
	bool is_chunked, again;
	const char *why = guard_http1_check(copy, size, &is_chunked), *end;

	if (why == NULL) {
		end = memmem(copy, size, "\r\n\r\n", 4);
		assert(end != NULL);
		assert(guard_http1_check(copy, (size_t)(end - copy) + 4, &again) == NULL);
		assert(again == is_chunked);
		assert(guard_http1_check(copy, (size_t)(end - copy) + 3, &again) != NULL);
		assert(memmem(copy, (size_t)(end - copy), "\n ", 2) == NULL);
	}
	free(copy);
}

static void
check_forwarded(const uint8_t *data, size_t size)
{
	struct proxy_range trusted[2];
	struct sockaddr_storage client = {.ss_family = AF_INET};
	char *copy = (char *)copy_of(data, size);
	bool on;

	assert(proxy_parse_range("0.0.0.0/1", &trusted[0]));
	assert(proxy_parse_range("2001:db8::/32", &trusted[1]));
	on = proxy_forwarded(trusted, 2, (struct store_str){copy, (uint32_t)size}, &client);
	assert(client.ss_family == AF_INET || client.ss_family == AF_INET6);
	/* A walk that has met a stranger does not go on with another value. */
	if (!proxy_is_trusted(trusted, 2, (struct sockaddr *)&client)) {
		struct sockaddr_storage same = client;

		assert(!proxy_forwarded(trusted, 2, (struct store_str){copy, (uint32_t)size},
					&client));
		assert(memcmp(&same, &client, sizeof same) == 0);
	}
	(void)on;
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	check_proxy(data, size);
	check_head(data, size);
	check_forwarded(data, size);
	return 0;
}
