/*
 * ADDR:PORT of a listener, as the configuration and the flags have it; hosts and
 * origins of sites, as pages and browsers have them.
 */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct config_address {
	struct sockaddr_storage address;
	socklen_t size;
};

/* ADDR is a numeric address, [v6], localhost (127.0.0.1), or nothing for all of
 * them. False: why says what is expected. */
bool config_address_parse(const char *text, struct config_address *out, char why[160]);

/* Whether a page's URL can have the host, or *.HOST stand for its hosts. */
bool config_address_is_host(const char *text);
/* Whether a browser can send it as Origin, or *.HOST stand for what it sends. */
bool config_address_is_origin(const char *text);

#endif
