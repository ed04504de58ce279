/*
 * A loop's listening sockets.
 */
#ifndef LOOP_SOCKET_H
#define LOOP_SOCKET_H

#include "loop.h"

/* A descriptor that listens, the caller's; -1 with *error. Of the first loop's
 * the listener learns its port, and that it is open. */
int loop_socket_open(struct loop_listener *listener, char error[256]);

#endif
