/*
 * ADDR:PORT of a listener, as the configuration and the flags have it.
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

#endif
