/*
 * loop.h. Owns threads, sockets and connections; must not know any route. A
 * loop's fields belong to its thread but for those under its mutex.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "guard_http1.h"
#include "loop_inside.h"
#include "loop_socket.h"
#include "metrics.h"

#define TICK_MS 1000
#define PAUSE_MS 50 /* without accepting */
#define PUBLIC_REQUEST_MS 10000

struct server *
loop_server(h2o_req_t *req)
{
	return loop_handler_of(req)->loop->server;
}

/* ---- connections ----------------------------------------------------- */

static void set_accepting(struct loop *loop, bool accepting);

static void
on_connection_close(struct guard_connection *guard)
{
	struct connection *connection = (struct connection *)guard;
	struct loop *loop = connection->loop;

	h2o_linklist_unlink(&connection->link);
	loop->connections_count--;
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
	int fd = h2o_socket_get_fd(connection->guard.socket);
	socklen_t size = sizeof peer;

	/* Not by h2o_socket_getpeername, which would remember the proxy's. */
	if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
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
	connection->loop = loop;
	connection->listening = listening;
	connection->guard.socket = socket;
	connection->guard.limits = &loop->server->config->limits;
	connection->guard.closed = on_connection_close;
	guard_connection_open(&connection->guard);
	h2o_linklist_insert(&loop->connections, &connection->link);
	loop->connections_count++;
	atomic_fetch_add(&loop->server->connections, 1);
	metrics_add(METRICS_connections, 1);
	return connection;
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

		if (atomic_load(&server->connections) >= server->config->limits.connections) {
			set_accepting(loop, false);
			return;
		}
		if ((socket = h2o_evloop_socket_accept(listener)) == NULL) {
			if (errno == EMFILE || errno == ENFILE)
				set_accepting(loop, false); /* for a while: do not spin */
			return;
		}
		if (!guard_may_accept(server))
			set_accepting(loop, false);
		if ((connection = create_connection(listening, socket)) == NULL)
			return;
		if (listening->proxy_protocol)
			expect_proxy_header(connection);
		else
			hand_over(connection);
	}
}

static void
set_accepting(struct loop *loop, bool accepting)
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

/* Also clears the way for what the guard says of a request's head. */
static int
on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	struct connection *connection = loop_connection_of(req);
	bool is_chunked = false;
	const char *why = NULL;
	int result;

	(void)handler;
	if (connection == NULL)
		return http_answer(req, 503, "Service Unavailable", "closed");
	guard_connection_request(&connection->guard, req);
	if (req->version < 0x200)
		why = guard_http1_check(connection->guard.socket->input->bytes,
					connection->guard.socket->input->size, &is_chunked);
	if (why != NULL || is_chunked)
		req->http1_is_persistent = 0; /* what follows may be no request */
	if (why != NULL) {
		metrics_add(METRICS_requests_ambiguous, 1);
		return http_answer(req, 400, "Bad Request", why);
	}
	guard_begin(req, connection->loop->server);
	result = http_on_request(req);
	guard_end();
	return result;
}

/* ---- the thread ------------------------------------------------------ */

static void
tick(struct loop *loop, int64_t now)
{
	h2o_linklist_t *link, *next;

	for (link = loop->connections.next; link != &loop->connections; link = next) {
		next = link->next;
		guard_connection_tick(&H2O_STRUCT_FROM_MEMBER(struct connection, link, link)->guard,
				      now);
	}
	cancel_left(loop);
}

static void
accept_again(struct loop *loop, int64_t now)
{
	struct server *server = loop->server;

	if (!loop->accepting && now - loop->paused_ms >= PAUSE_MS &&
	    atomic_load(&server->connections) < server->config->limits.connections)
		set_accepting(loop, true);
}

/* libh2o tells HTTP/2 clients to go (GOAWAY), but waits for those of HTTP/1
 * that keep an idle connection: they get no more requests in. What has arrived
 * is still read and answered. */
static void
shut_input(struct loop *loop)
{
	for (h2o_linklist_t *link = loop->connections.next; link != &loop->connections;
	     link = link->next) {
		struct connection *connection =
		    H2O_STRUCT_FROM_MEMBER(struct connection, link, link);

		if (!connection->guard.is_http2)
			shutdown(h2o_socket_get_fd(connection->guard.socket), SHUT_RD);
	}
}

static void
begin_shutdown(struct loop *loop)
{
	set_accepting(loop, false);
	for (uint32_t i = 0; i < loop->listening_count; i++)
		h2o_socket_close(loop->listening[i].socket);
	loop->listening_count = 0;
	for (int i = 0; i < 3; i++)
		h2o_context_request_shutdown(&loop->sites[i].context);
	shut_input(loop);
}

/* ---- set-up ---------------------------------------------------------- */

/* For a whole request, and between requests. */
static uint64_t
request_timeout_ms(const struct config *config, uint32_t roles)
{
	uint64_t request_ms = (uint64_t)config->limits.request_s * 1000;

	return (roles & CONFIG_PRIVATE) || request_ms < PUBLIC_REQUEST_MS ? request_ms
									  : PUBLIC_REQUEST_MS;
}

static void
set_up_site(struct loop *loop, uint32_t roles)
{
	struct site *site = &loop->sites[roles - 1];
	h2o_hostconf_t *host;
	struct loop_handler *handler;

	h2o_config_init(&site->config);
	site->config.server_name = h2o_iovec_init(H2O_STRLIT("drum"));
	site->config.max_request_entity_size =
	    roles & CONFIG_PRIVATE ? HTTP_PRIVATE_HARD_BYTES_MAX : HTTP_PUBLIC_BYTES_MAX;
	site->config.http2.graceful_shutdown_timeout = 1000;
	/* With an ALPN list without h2 this is what turns HTTP/2 off. */
	site->config.http1.upgrade_to_http2 = loop->server->config->no_http2 ? 0 : 1;
	site->config.http1.req_timeout = request_timeout_ms(loop->server->config, roles);
	host =
	    h2o_config_register_host(&site->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	handler = (struct loop_handler *)h2o_create_handler(h2o_config_register_path(host, "/", 0),
							    sizeof *handler);
	handler->handler.on_req = on_request;
	handler->loop = loop;
	handler->roles = roles;
	h2o_context_init(&site->context, loop->evloop, &site->config);
}

uint32_t
loop_roles(h2o_req_t *req)
{
	return loop_handler_of(req)->roles;
}

static bool
listen_on(struct loop *loop, struct loop_listener *listener, char error[256])
{
	struct listening *listening = &loop->listening[loop->listening_count];
	struct site *site = &loop->sites[listener->roles - 1];
	int fd = loop_socket_open(listener, error);

	if (fd < 0)
		return false;
	listening->loop = loop;
	listening->accept.ctx = &site->context;
	listening->accept.hosts = site->config.hosts;
	listening->accept.ssl_ctx = listener->tls;
	listening->proxy_protocol = listener->proxy_protocol;
	listening->socket = h2o_evloop_socket_create(loop->evloop, fd, H2O_SOCKET_FLAG_DONT_READ);
	listening->socket->data = listening;
	loop->listening_count++;
	return true;
}

/* On the loop's own thread: each libh2o socket keeps returning to the lists of
 * free buffers of the thread that made it, which no lock guards. */
static bool
set_up(struct loop *loop)
{
	loop->evloop = h2o_evloop_create();
	h2o_linklist_init_anchor(&loop->connections);
	loop->queue = h2o_multithread_create_queue(loop->evloop);
	h2o_multithread_register_receiver(loop->queue, &loop->receiver, loop_reply_on_messages);
	for (uint32_t roles = 1; roles <= 3; roles++)
		set_up_site(loop, roles);
	for (uint32_t i = 0; i < loop->listeners_count; i++) {
		if (!listen_on(loop, &loop->listeners[i], loop->error))
			return false; /* the process ends: nothing is taken back */
	}
	set_accepting(loop, true);
	atomic_store(&loop->beat_ms, guard_connection_now_ms());
	return true;
}

static void *
run(void *argument)
{
	struct loop *loop = argument;
	bool stopping = false;
	int64_t ticked = guard_connection_now_ms();

	loop->is_up = set_up(loop);
	sem_post(&loop->up);
	if (!loop->is_up)
		return NULL;
	while (!atomic_load(&loop->deadline_passed)) {
		int64_t now;

		if (atomic_load(&loop->stop) && !stopping) {
			stopping = true;
			begin_shutdown(loop);
		}
		if (stopping && loop->connections_count == 0)
			break;
		h2o_evloop_run(loop->evloop, stopping || !loop->accepting ? PAUSE_MS : TICK_MS);
		ingest_flush(loop->server->ingest, &loop->batch);
		now = guard_connection_now_ms();
		atomic_store_explicit(&loop->beat_ms, now, memory_order_relaxed);
		if (!stopping)
			accept_again(loop, now);
		if (now - ticked >= TICK_MS && !stopping) {
			ticked = now;
			tick(loop, now);
		}
	}
	return NULL;
}

struct loop *
loop_create(struct server *server, struct loop_listener *listeners, uint32_t listeners_count,
	    char error[256])
{
	struct loop *loop = calloc(1, sizeof *loop);
	sigset_t all, old;
	int result;

	if (loop == NULL) {
		snprintf(error, 256, "out of memory");
		return NULL;
	}
	loop->server = server;
	loop->listeners = listeners;
	loop->listeners_count = listeners_count;
	pthread_mutex_init(&loop->mutex, NULL);
	sem_init(&loop->up, 0, 0);
	sigfillset(&all); /* h2o_evloop_run does not like EINTR */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	result = pthread_create(&loop->thread, NULL, run, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (result != 0) {
		snprintf(error, 256, "cannot start a thread");
		free(loop);
		return NULL;
	}
	pthread_setname_np(loop->thread, "loop");
	while (sem_wait(&loop->up) != 0) /* EINTR */
		;
	if (loop->is_up)
		return loop;
	pthread_join(loop->thread, NULL);
	snprintf(error, 256, "%s", loop->error);
	return NULL;
}

void
loop_stop(struct loop *loop)
{
	struct reply *wake = calloc(1, sizeof *wake);

	atomic_store(&loop->stop, 1);
	if (wake != NULL) { /* an answer to nobody wakes the loop */
		wake->loop = loop;
		loop_reply_send(wake);
	}
}

bool
loop_is_alive(struct loop *loop, int64_t within_ms)
{
	return guard_connection_now_ms() - atomic_load(&loop->beat_ms) <= within_ms;
}

void
loop_join(struct loop *loop, int64_t deadline_ms)
{
	struct timespec deadline;
	int64_t left = deadline_ms - guard_connection_now_ms();

	clock_gettime(CLOCK_REALTIME, &deadline);
	left = left < 0 ? 0 : left;
	deadline.tv_sec += left / 1000;
	deadline.tv_nsec += left % 1000 * 1000000;
	deadline.tv_sec += deadline.tv_nsec / 1000000000;
	deadline.tv_nsec %= 1000000000;
	if (pthread_timedjoin_np(loop->thread, NULL, &deadline) != 0) {
		atomic_store(&loop->deadline_passed, 1);
		pthread_join(loop->thread, NULL);
	}
	loop_reply_clear(loop);
}
