/*
 * loop_socket.h. Before the first connection; must not accept any.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_socket.h"

#define LISTEN_BACKLOG 1024
#define PUBLIC_RECEIVE_BYTES (128 << 10) /* libh2o reads all that the kernel has */

/* Whether the socket got the listener's address, and now shares it with the
 * next loop's. */
static bool
bind_to(int fd, struct loop_listener *listener)
{
	int on = 1;

	if (listener->is_open && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
		return false;
	return bind(fd, (struct sockaddr *)&listener->address, listener->address_size) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

static void
tell_refusal(const struct loop_listener *listener, int number, char error[256])
{
	const char *remedy = number == EADDRINUSE ? ": another program has this port, or another "
						    "of the listeners ([::] takes IPv4, too)"
			     : number == EACCES   ? ": a port below 1024 needs root or "
						    "CAP_NET_BIND_SERVICE"
			     : number == EADDRNOTAVAIL ? ": this machine has no such address"
						       : "";
	char host[64] = "?", port[16] = "?";

	getnameinfo((const struct sockaddr *)&listener->address, listener->address_size, host,
		    sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(error, 256,
		 "cannot listen on %s:%s: %s%s; --%s ADDR:PORT or listeners[].address chooses "
		 "another",
		 host, port, strerror(number), remedy, listener->tls != NULL ? "https" : "http");
}

/* One socket for all loops: whichever is first accepts. */
static int
share_socket(struct loop_listener *listener, char error[256])
{
	int on = 1, fd = fcntl(listener->socket, F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		tell_refusal(listener, errno, error);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

int
loop_socket_open(struct loop_listener *listener, char error[256])
{
	int on = 1, receive = PUBLIC_RECEIVE_BYTES,
	    fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (listener->socket > 0) {
		close(fd);
		return share_socket(listener, error);
	}
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
	    !bind_to(fd, listener) || listen(fd, LISTEN_BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&listener->address, &listener->address_size) != 0) {
		tell_refusal(listener, errno, error);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (listener->roles == CONFIG_PUBLIC) /* inherited by its connections */
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
	listener->is_open = true;
	return fd;
}
