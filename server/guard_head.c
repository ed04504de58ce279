/*
 * guard_head.h. On the loop threads, between the socket and libh2o, whose input
 * begins with the head of the present request until that is answered; must not
 * look at what follows the head.
 */
#include <sys/socket.h>

#include <h2o.h>

#include "guard_connection.h"
#include "guard_head.h"
#include "guard_http1.h"
#include "metrics.h"

static const char answer[] = "HTTP/1.1 431 Request Header Fields Too Large\r\n"
			     "Connection: close\r\n"
			     "Content-Type: text/plain; charset=utf-8\r\n"
			     "Content-Length: 41\r\n"
			     "\r\n"
			     "a request's head has at most 32768 bytes\n";

/* The client's side stays open: closed with bytes unread, the connection would be
 * reset, and the answer lost. libh2o's timeout for the request goes on. */
static void
on_written(h2o_socket_t *socket, const char *error)
{
	(void)error;
	shutdown(h2o_socket_get_fd(socket), SHUT_WR);
}

static void
refuse(struct guard_connection *connection)
{
	h2o_iovec_t bytes = h2o_iovec_init(answer, sizeof answer - 1);

	connection->is_refused = true;
	metrics_add(METRICS_requests_head_too_large, 1);
	if (h2o_socket_is_writing(connection->socket))
		guard_connection_condemn(connection, METRICS_connections_shut);
	else
		h2o_socket_write(connection->socket, &bytes, 1, on_written);
}

bool
guard_head_refuses(struct guard_connection *connection)
{
	h2o_socket_t *socket = connection->socket;

	if (!connection->has_heads)
		return false;
	if (!connection->is_refused) {
		if (!guard_http1_is_too_long(socket->input->bytes, socket->input->size,
					     connection->takes_queries))
			return false;
		refuse(connection);
	}
	h2o_buffer_consume(&socket->input, socket->input->size);
	return true;
}
