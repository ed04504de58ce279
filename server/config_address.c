/*
 * config_address.h. Between the configuration and the sockets; must not ask a
 * name server.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_address.h"

static bool
is_port(const char *text)
{
	size_t size = strlen(text);

	return size >= 1 && size <= 5 && strspn(text, "0123456789") == size && atoi(text) <= 65535;
}

static bool
refuse(const char *text, const char *expected, char why[160])
{
	snprintf(why, 160, "expected ADDR:PORT%s, got '%.60s'", expected, text);
	return false;
}

bool
config_address_parse(const char *text, struct config_address *out, char why[160])
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found;
	const char *colon = strrchr(text, ':');
	size_t size = colon == NULL ? 0 : (size_t)(colon - text);
	char host[256];

	if (colon == NULL || size >= sizeof host)
		return refuse(text, ", such as 127.0.0.1:8080", why);
	if (!is_port(colon + 1))
		return refuse(text, " with a port from 0 to 65535", why);
	memcpy(host, text, size);
	host[size] = '\0';
	if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
		memmove(host, host + 1, size - 2);
		host[size - 2] = '\0';
	} else if (strchr(host, ':') != NULL) { /* where does it end? */
		return refuse(text, " with an IPv6 address in brackets, such as [::1]:8080", why);
	}
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (getaddrinfo(host[0] == '\0' ? NULL : host, colon + 1, &hints, &found) != 0)
		return refuse(text, " with a numeric ADDR, localhost, or none for all addresses",
			      why);
	memcpy(&out->address, found->ai_addr, found->ai_addrlen);
	out->size = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

/* Browsers send names of other letters as xn--... */
static bool
is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

/* Of that scheme, with a port that browsers leave out. */
static bool
ends_with(const char *origin, const char *scheme, const char *port)
{
	const char *colon = strrchr(origin, ':');

	return strncasecmp(origin, scheme, strlen(scheme)) == 0 && strcmp(colon, port) == 0;
}

bool
config_address_is_host(const char *text)
{
	const char *rest = strncmp(text, "*.", 2) == 0 ? text + 2 : text;

	if (!is_ascii(text))
		return false;
	if (rest[0] == '[')
		return rest[strlen(rest) - 1] == ']';
	return rest[0] != '\0' && strpbrk(rest, "/:*?#@ ") == NULL;
}

bool
config_address_is_origin(const char *text)
{
	const char *host = strstr(text, "://");

	if (host == NULL)
		return strcmp(text, "null") == 0 ||
		       (strncmp(text, "*.", 2) == 0 && config_address_is_host(text));
	host += 3;
	return host != text + 3 && host[0] != '\0' && strpbrk(host, "/*?#@ ") == NULL &&
	       is_ascii(host) && !ends_with(text, "https://", ":443") &&
	       !ends_with(text, "http://", ":80");
}
