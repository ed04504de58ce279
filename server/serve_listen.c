/*
 * serve.h: addresses, the loops that listen on them, and what is told of them.
 * Last of what drum serve opens. Must not listen before everything behind the
 * listeners is there.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_address.h"
#include "log.h"
#include "serve.h"
#include "service.h"

int
serve_parse_listeners(struct serving *serving)
{
	const struct config *config = serving->config;

	if (config->listeners_count > SERVE_LISTENERS_MAX)
		return serve_failed("more than 16 listeners");
	for (uint32_t i = 0; i < config->listeners_count; i++) {
		struct config_address parsed;
		char why[160];

		if (!config_address_parse(config->listeners[i].address, &parsed, why))
			return serve_failed(why);
		serving->listeners[i].address = parsed.address;
		serving->listeners[i].address_size = parsed.size;
		serving->listeners[i].roles = config->listeners[i].roles;
		serving->listeners[i].proxy_protocol = config->listeners[i].proxy_protocol;
	}
	return 0;
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

int
serve_open_loops(struct serving *serving)
{
	struct config *config = serving->config;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	char error[256], address[128];

	service_sockets_count();
	for (uint32_t i = 0; i < config->listeners_count; i++) {
		int fd = service_take_socket(&serving->listeners[i].address);

		serving->listeners[i].tls = config->listeners[i].tls ? serving->tls : NULL;
		serving->listeners[i].socket = fd < 0 ? 0 : fd;
	}
	if (service_has_socket(address))
		log_line("no listener of the configuration is for %s, which systemd listens on",
			 address);
	for (; serving->loops_count < cores && serving->loops_count < SERVE_LOOPS_MAX;
	     serving->loops_count++) {
		serving->loops[serving->loops_count] = loop_create(
		    &serving->server, serving->listeners, config->listeners_count, error);
		if (serving->loops[serving->loops_count] == NULL)
			return serve_failed(error);
	}
	for (uint32_t i = 0; i < config->listeners_count; i++)
		print_address(&serving->listeners[i]);
	return 0;
}

/* Port of the first plain IPv4 listener with the role; 0: none. */
static unsigned
port_with(const struct serving *serving, uint32_t role)
{
	for (uint32_t i = 0; i < serving->config->listeners_count; i++) {
		const struct loop_listener *listener = &serving->listeners[i];
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
is_site_taken(const struct config *config, const char *key)
{
	for (uint32_t i = 0; i < config->sites_count; i++) {
		if (strcmp(config->sites[i].key, key) == 0)
			return true;
	}
	return config->sites_count == 0;
}

void
serve_print_welcome(const struct serving *serving)
{
	const struct config *config = serving->config;
	const char *site = config->sites_count > 0 ? config->sites[0].key : "demo";
	unsigned private = port_with(serving, CONFIG_PRIVATE),
		 public = port_with(serving, CONFIG_PUBLIC);

	if (private == 0)
		return;
	fprintf(stderr, "\n  dashboard    http://localhost:%u/#token=%s\n", private,
		auth_development_token(serving->server.auth));
	if (public != 0 && is_site_taken(config, "demo"))
		fprintf(stderr, "  demo page    http://localhost:%u/demo\n", private);
	if (public != 0)
		fprintf(stderr,
			"  script tag   <script async src=\"http://localhost:%u/drum.js\" "
			"data-site=\"%s\"></script>\n",
			public, site);
	fputc('\n', stderr);
}
