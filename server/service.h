/*
 * What systemd offers a service, by its documented protocols (sd_notify(3),
 * sd_listen_fds(3)); all of it does nothing where systemd is not.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Tells the state, e.g. "READY=1". */
void service_notify(const char *state);
/* "RELOADING=1" with the time that it wants. */
void service_notify_reloading(void);

/* Milliseconds between two signs of life that are wanted; 0: none are. */
int64_t service_watchdog_ms(void);

/* Sockets that were opened for this process; called once, before any thread. */
#define SERVICE_SOCKETS_MAX 16
int service_sockets_count(void);
/* The one that listens on the address, -1 when none does; it is the caller's. */
int service_take_socket(const struct sockaddr_storage *address);
/* Whether one is left over, and where it listens. */
bool service_has_socket(char address[128]);

#endif
