/*
 * A loop's connections, from accept to close: whose they are behind a proxy,
 * how many, and which are idle. Between a listener's socket and libh2o, on the
 * loop's thread; must not know any route.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "guard.h"
#include "guard_write.h"
#include "loop_inside.h"
#include "metrics.h"

#define TLS_PAYLOAD_BYTES 16384 /* the most that a record may have */

static void
on_connection_close(struct guard_connection *guard)
{
	struct connection *connection = (struct connection *)guard;
	struct loop *loop = connection->loop;

	h2o_linklist_unlink(&connection->link);
	loop->connections_count--;
	loop_connection_is_known(connection);
	atomic_fetch_sub(&loop->server->connections, 1);
	metrics_add(METRICS_connections, -1);
	connection->is_closed = true;
	if (connection->in_flight == 0)
		free(connection);
}

static void
refuse_connection(struct connection *connection)
{
	metrics_add(METRICS_connections_refused, 1);
	h2o_socket_close(connection->guard.socket);
}

/* The peer is known: libh2o may have the connection. */
static void
hand_over(struct connection *connection)
{
	if (guard_connect(connection->loop->server, &connection->guard))
		h2o_accept(&connection->listening->accept, connection->guard.socket);
	else
		refuse_connection(connection);
}

static void
on_proxy_header(h2o_socket_t *socket, const char *error)
{
	struct connection *connection = (struct connection *)guard_connection_of(socket);
	struct sockaddr_storage client;
	socklen_t client_size = 0;
	ssize_t taken = error != NULL
			    ? -1
			    : proxy_parse_header((const uint8_t *)socket->input->bytes,
						 socket->input->size, &client, &client_size);

	if (taken == 0)
		return;
	h2o_socket_read_stop(socket);
	if (taken < 0) {
		refuse_connection(connection);
		return;
	}
	h2o_buffer_consume(&socket->input, (size_t)taken);
	if (client_size > 0)
		h2o_socket_setpeername(socket, (struct sockaddr *)&client, client_size);
	hand_over(connection);
}

/* On a listener with the PROXY protocol only its proxies may connect. */
static void
expect_proxy_header(struct connection *connection)
{
	const struct config *config = connection->loop->server->config;
	struct sockaddr_storage peer = {0};

	if (h2o_socket_getpeername(connection->guard.socket, (struct sockaddr *)&peer) > 0 &&
	    proxy_is_trusted(config->proxies, config->trusted_proxies_count,
			     (struct sockaddr *)&peer))
		h2o_socket_read_start(connection->guard.socket, on_proxy_header);
	else
		refuse_connection(connection);
}

static struct connection *
create_connection(struct listening *listening, h2o_socket_t *socket)
{
	struct connection *connection = calloc(1, sizeof *connection);
	struct loop *loop = listening->loop;

	if (connection == NULL) {
		h2o_socket_close(socket);
		return NULL;
	}
	/* No answer is long and urgent: libh2o need not ask the kernel how far a client is,
	 * once for who is near and before each write for who is not. */
	socket->_latency_optimization.state = H2O_SOCKET_LATENCY_OPTIMIZATION_STATE_DISABLED;
	socket->_latency_optimization.suggested_tls_payload_size = TLS_PAYLOAD_BYTES;
	socket->_latency_optimization.suggested_write_size = SIZE_MAX;
	connection->loop = loop;
	connection->listening = listening;
	connection->guard.socket = socket;
	connection->guard.limits = &loop->server->config->limits;
	connection->guard.closed = on_connection_close;
	connection->guard.takes_queries = listening->takes_queries;
	guard_connection_open(&connection->guard);
	h2o_linklist_insert(&loop->connections, &connection->link);
	loop->connections_count++;
	connection->is_newcomer = true;
	atomic_fetch_add(&loop->server->newcomers, 1);
	atomic_fetch_add(&loop->server->connections, 1);
	metrics_add(METRICS_connections, 1);
	return connection;
}

/* As h2o_evloop_socket_accept, but who came is told by the same call; errno, then, if
 * nobody did. */
static h2o_socket_t *
accept_one(const struct listening *listening)
{
	struct sockaddr_storage peer = {0};
	socklen_t size = sizeof peer;
	int fd = accept4(h2o_socket_get_fd(listening->socket), (struct sockaddr *)&peer, &size,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	h2o_socket_t *socket;

	if (fd < 0)
		return NULL;
	socket = h2o_evloop_socket_create(listening->loop->evloop, fd,
					  H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
	h2o_socket_setpeername(socket, (struct sockaddr *)&peer, size);
	return socket;
}

/* accept4 makes a socket and a file before it looks, and throws them away if nobody is
 * there: 4 us; to ask takes 0.4. */
static bool
is_another_there(const struct listening *listening)
{
	struct pollfd poller = {.fd = h2o_socket_get_fd(listening->socket), .events = POLLIN};

	return poll(&poller, 1, 0) == 1;
}

static void
on_accept(h2o_socket_t *listener, const char *error)
{
	struct listening *listening = listener->data;
	struct loop *loop = listening->loop;
	struct server *server = loop->server;

	if (error != NULL)
		return;
	for (int i = 0; i < 32 && loop->accepting; i++) { /* a few, so that others get on */
		struct connection *connection;
		h2o_socket_t *socket;

		if (i > 0 && !is_another_there(listening))
			return;
		if (atomic_load(&server->connections) >= server->config->limits.connections) {
			loop_connection_accept(loop, false);
			return;
		}
		if ((socket = accept_one(listening)) == NULL) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				loop_connection_accept(loop, false); /* for a while: do not spin */
			return;
		}
		if (!guard_may_accept(server))
			loop_connection_accept(loop, false);
		if ((connection = create_connection(listening, socket)) == NULL)
			return;
		if (listening->proxy_protocol)
			expect_proxy_header(connection);
		else
			hand_over(connection);
	}
}

void
loop_connection_accept(struct loop *loop, bool accepting)
{
	if (loop->accepting == accepting)
		return;
	loop->accepting = accepting;
	if (!accepting) {
		loop->paused_ms = guard_connection_now_ms();
		metrics_add(METRICS_accepts_paused, 1);
	}
	for (uint32_t i = 0; i < loop->listening_count; i++) {
		if (accepting)
			h2o_socket_read_start(loop->listening[i].socket, on_accept);
		else
			h2o_socket_read_stop(loop->listening[i].socket);
	}
}

void
loop_connection_accept_again(struct loop *loop, int64_t now)
{
	struct server *server = loop->server;

	if (!loop->accepting && now - loop->paused_ms >= LOOP_PAUSE_MS &&
	    atomic_load(&server->connections) < server->config->limits.connections)
		loop_connection_accept(loop, true);
}

/* libh2o does not read from an HTTP/1 connection that waits for its answer, so
 * it cannot tell that the client has gone. The answer is sent all the same. */
static void
cancel_left(struct loop *loop)
{
	for (h2o_linklist_t *link = loop->connections.next; link != &loop->connections;
	     link = link->next) {
		struct connection *connection =
		    H2O_STRUCT_FROM_MEMBER(struct connection, link, link);
		struct pollfd poller = {.fd = h2o_socket_get_fd(connection->guard.socket),
					.events = POLLRDHUP};

		if (connection->guard.is_http2 || connection->last == NULL ||
		    connection->last->reply == NULL)
			continue;
		if (poll(&poller, 1, 0) == 1)
			atomic_store(&connection->last->reply->cancelled, 1);
	}
}

void
loop_connection_tick(struct loop *loop, int64_t now)
{
	h2o_linklist_t *link, *next;

	for (link = loop->connections.next; link != &loop->connections; link = next) {
		struct connection *connection =
		    H2O_STRUCT_FROM_MEMBER(struct connection, link, link);

		next = link->next;
		if (now - connection->guard.request_ms > LOOP_NEWCOMER_MS)
			loop_connection_is_known(connection);
		guard_connection_tick(&connection->guard, now);
		guard_write_tick(&connection->guard, now);
	}
	cancel_left(loop);
}

/* libh2o tells HTTP/2 clients to go (GOAWAY), but waits for those of HTTP/1
 * that keep an idle connection: they get no more requests in. What has arrived
 * is still read and answered. */
void
loop_connection_shut_input(struct loop *loop)
{
	for (h2o_linklist_t *link = loop->connections.next; link != &loop->connections;
	     link = link->next) {
		struct connection *connection =
		    H2O_STRUCT_FROM_MEMBER(struct connection, link, link);

		if (!connection->guard.is_http2)
			shutdown(h2o_socket_get_fd(connection->guard.socket), SHUT_RD);
	}
}
