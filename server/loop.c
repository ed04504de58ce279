/*
 * loop.h. Owns threads, sockets and connections; must not know any route. A
 * loop's fields belong to its thread but for those under its mutex.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
#include "guard_connection.h"
#include "guard_http1.h"
#include "loop.h"
#include "metrics.h"

#define TICK_MS 1000
#define ARENAS_MAX 256u
#define ARENA_BYTES_MAX (32u << 10) /* a larger one is not kept */
#define PAUSE_MS 50                 /* without accepting */
#define LISTEN_BACKLOG 1024
#define PUBLIC_REQUEST_MS 10000
#define PUBLIC_RECEIVE_BYTES (128 << 10) /* libh2o reads all that the kernel has */

struct connection {
	struct guard_connection guard;
	h2o_linklist_t link; /* of loop.connections */
	struct loop *loop;
	struct listening *listening;
	/* Requests whose answer is still to come back here, also after their
	 * stream was reset: until then this is not freed. */
	uint32_t in_flight;
	bool is_closed;
	struct reply_slot *last; /* that waits; NULL when there is none */
};

struct listening {
	struct loop *loop;
	h2o_socket_t *socket;
	h2o_accept_ctx_t accept;
	bool proxy_protocol;
};

/* One libh2o configuration per body cap; the handler finds its loop by it. */
struct site {
	h2o_globalconf_t config;
	h2o_context_t context;
};

struct loop_handler {
	h2o_handler_t handler;
	struct loop *loop;
	uint32_t roles;
};

struct loop {
	struct server *server; /* borrowed */
	pthread_t thread;
	h2o_evloop_t *evloop;
	struct site sites[3]; /* by roles - 1 */
	struct listening listening[16];
	uint32_t listening_count;
	h2o_linklist_t connections;
	uint32_t connections_count;
	bool accepting;
	int64_t paused_ms; /* since when not */
	h2o_multithread_queue_t *queue;
	h2o_multithread_receiver_t receiver;
	_Atomic int stop, deadline_passed;
	_Atomic int64_t beat_ms; /* when it was last around */
	struct ingest_batch batch;
	struct store_arena *arenas[ARENAS_MAX]; /* owned: used before, empty */
	uint32_t arenas_count;
	/* the writer's: replies of the present group */
	struct reply *later_first, *later_last;
	struct loop *later_next; /* of those that have some */
	pthread_mutex_t mutex;
	/* guarded by mutex: */
	struct reply *replies_first, *replies_last;
	h2o_multithread_message_t message;
	bool is_posted;
	/* while it is set up: */
	struct loop_listener *listeners; /* borrowed */
	uint32_t listeners_count;
	char error[256];
	bool is_up;
	sem_t up; /* posted when that is known */
};

/* ---- replies --------------------------------------------------------- */

struct reply_slot { /* in the request's pool: unbinds when the request goes */
	struct reply *reply;
	struct connection *connection; /* NULL, or outlives the request */
};

static void
wait_no_more(struct reply_slot *slot)
{
	if (slot->connection == NULL)
		return;
	if (slot->connection->last == slot)
		slot->connection->last = NULL;
	guard_connection_wait_no_more(&slot->connection->guard, slot->reply->req);
}

/* Its reply has come back, or will not. */
static void
land(struct connection *connection)
{
	if (connection != NULL && --connection->in_flight == 0 && connection->is_closed)
		free(connection);
}

static void
on_dispose(void *pointer)
{
	struct reply_slot *slot = pointer;

	if (slot->reply == NULL)
		return;
	wait_no_more(slot);
	slot->reply->req = NULL;
	slot->reply->slot = NULL;
	atomic_store(&slot->reply->cancelled, 1);
	slot->reply = NULL;
}

static struct loop_handler *
handler_of(h2o_req_t *req)
{
	return (struct loop_handler *)req->pathconf->handlers.entries[0];
}

struct server *
loop_server(h2o_req_t *req)
{
	return handler_of(req)->loop->server;
}

static struct connection *
connection_of(h2o_req_t *req)
{
	h2o_socket_t *socket = req->conn->callbacks->get_socket(req->conn);

	return (struct connection *)guard_connection_of(socket);
}

uint32_t
loop_in_flight(h2o_req_t *req)
{
	struct connection *connection = connection_of(req);

	return connection == NULL ? 0 : connection->in_flight;
}

struct reply *
loop_reply_create(h2o_req_t *req)
{
	struct reply *reply = calloc(1, sizeof *reply);
	struct reply_slot *slot;

	if (reply == NULL)
		return NULL;
	slot = h2o_mem_alloc_shared(&req->pool, sizeof *slot, on_dispose);
	slot->reply = reply;
	slot->connection = reply->connection = connection_of(req);
	if (slot->connection != NULL) {
		slot->connection->in_flight++;
		slot->connection->last = slot;
		guard_connection_wait(&slot->connection->guard, req);
	}
	reply->slot = slot;
	reply->req = req;
	reply->loop = handler_of(req)->loop;
	return reply;
}

bool
loop_reply_header(struct reply *reply, const char *lower_name, const char *value)
{
	return loop_reply_headers(reply, lower_name, strlen(lower_name) + 1) &&
	       loop_reply_headers(reply, value, strlen(value) + 1);
}

bool
loop_reply_headers(struct reply *reply, const char *bytes, size_t size)
{
	char *grown = realloc(reply->headers, reply->headers_size + size);

	if (grown == NULL)
		return false;
	memcpy(grown + reply->headers_size, bytes, size);
	reply->headers = grown;
	reply->headers_size += size;
	return true;
}

/* On the loop's thread. */
bool
loop_reply_hold(struct reply *reply, size_t bytes_max)
{
	int64_t size = (int64_t)reply->body_size;
	int64_t before = atomic_fetch_add(&metrics_values[METRICS_answers_bytes], size);

	if (before + size > (int64_t)bytes_max) {
		metrics_add(METRICS_answers_bytes, -size);
		return false;
	}
	reply->held_bytes = reply->body_size;
	return true;
}

static void
keep_arena(struct loop *loop, struct store_arena *arena)
{
	if (arena == NULL || loop->arenas_count == ARENAS_MAX ||
	    store_arena_bytes(arena) > ARENA_BYTES_MAX) {
		store_arena_free(arena);
		return;
	}
	store_arena_reset(arena);
	loop->arenas[loop->arenas_count++] = arena;
}

struct store_arena *
loop_arena(h2o_req_t *req)
{
	struct loop *loop = handler_of(req)->loop;

	return loop->arenas_count > 0 ? loop->arenas[--loop->arenas_count] : store_arena_create(0);
}

void
loop_arena_free(h2o_req_t *req, struct store_arena *arena)
{
	keep_arena(handler_of(req)->loop, arena);
}

bool
loop_submit(h2o_req_t *req, struct ingest_item *item)
{
	struct loop *loop = handler_of(req)->loop;

	return ingest_add(loop->server->ingest, &loop->batch, item);
}

static void
free_reply(struct reply *reply)
{
	if (reply->held_bytes > 0)
		metrics_add(METRICS_answers_bytes, -(int64_t)reply->held_bytes);
	land(reply->connection);
	keep_arena(reply->loop, reply->arena);
	free(reply->headers);
	free(reply->body);
	free(reply);
}

void
loop_reply_discard(struct reply *reply)
{
	if (reply->slot != NULL) {
		wait_no_more(reply->slot);
		reply->slot->reply = NULL;
	}
	free_reply(reply);
}

/* A body on its way to the client. */
struct sent_body {
	char *bytes; /* owned */
	size_t held_bytes;
};

static void
free_body(void *pointer)
{
	struct sent_body *body = pointer;

	metrics_add(METRICS_answers_bytes, -(int64_t)body->held_bytes);
	free(body->bytes);
}

/* The body goes with the request's pool: it may be large, and is not copied. */
static h2o_iovec_t
take_body(h2o_req_t *req, struct reply *reply)
{
	struct sent_body *sent = h2o_mem_alloc_shared(&req->pool, sizeof *sent, free_body);

	*sent = (struct sent_body){reply->body, reply->held_bytes};
	reply->body = NULL;
	reply->held_bytes = 0;
	return h2o_iovec_init(sent->bytes, reply->body_size);
}

static void
add_headers(h2o_req_t *req, const struct reply *reply)
{
	for (size_t at = 0; at < reply->headers_size;) {
		const char *name = reply->headers + at, *value = name + strlen(name) + 1;

		http_add_header(req, name, value, strlen(value));
		at += strlen(name) + strlen(value) + 2;
	}
}

void
loop_reply_send_now(struct reply *reply)
{
	static h2o_generator_t generator = {NULL, NULL};
	h2o_req_t *req = reply->req;
	h2o_iovec_t body = {NULL, 0};
	char number[16];

	if (req != NULL) {
		wait_no_more(reply->slot);
		reply->slot->reply = NULL;
		req->res.status = reply->status;
		req->res.reason = reply->reason;
		if (reply->content_type != NULL)
			http_add_header(req, "content-type", reply->content_type,
					strlen(reply->content_type));
		add_headers(req, reply);
		if (reply->retry_after_s > 0) {
			snprintf(number, sizeof number, "%u", reply->retry_after_s);
			http_add_header(req, "retry-after", number, strlen(number));
		}
		if (reply->status != 204)
			req->res.content_length = reply->body_size;
		if (reply->body_size > 0 && !http_is_head(req))
			body = take_body(req, reply);
		h2o_start_response(req, &generator);
		h2o_send(req, &body, body.len > 0, H2O_SEND_STATE_FINAL);
	}
	free_reply(reply);
}

/* A list of replies to their loop. */
static void
hand_back(struct loop *loop, struct reply *first, struct reply *last)
{
	bool post;

	pthread_mutex_lock(&loop->mutex);
	last->next = NULL;
	if (loop->replies_first == NULL)
		loop->replies_first = first;
	else
		loop->replies_last->next = first;
	loop->replies_last = last;
	post = !loop->is_posted;
	loop->is_posted = true;
	/* Under the mutex: the receiver may not have unlinked an older post yet. */
	if (post)
		h2o_multithread_send_message(&loop->receiver, &loop->message);
	pthread_mutex_unlock(&loop->mutex);
}

void
loop_reply_send(struct reply *reply)
{
	hand_back(reply->loop, reply, reply);
}

static struct loop *waiting; /* the writer's: loops that have replies of its group */

void
loop_reply_send_later(struct reply *reply)
{
	struct loop *loop = reply->loop;

	if (loop->later_first == NULL) {
		loop->later_first = reply;
		loop->later_next = waiting;
		waiting = loop;
	} else {
		loop->later_last->next = reply;
	}
	loop->later_last = reply;
}

void
loop_replies_send(void)
{
	while (waiting != NULL) {
		struct loop *loop = waiting;

		waiting = loop->later_next;
		hand_back(loop, loop->later_first, loop->later_last);
		loop->later_first = loop->later_last = NULL;
	}
}

static void
on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
	struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, receiver, receiver);
	struct reply *reply, *next;

	pthread_mutex_lock(&loop->mutex);
	while (!h2o_linklist_is_empty(messages))
		h2o_linklist_unlink(messages->next);
	loop->is_posted = false;
	reply = loop->replies_first;
	loop->replies_first = loop->replies_last = NULL;
	pthread_mutex_unlock(&loop->mutex);
	for (; reply != NULL; reply = next) {
		next = reply->next;
		loop_reply_send_now(reply);
	}
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
	struct connection *connection = connection_of(req);
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
	const char *remedy = number == EADDRINUSE      ? ": another program has this port"
			     : number == EACCES        ? ": a port below 1024 needs root or "
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

static int
open_socket(struct loop_listener *listener, char error[256])
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
	return handler_of(req)->roles;
}

static bool
listen_on(struct loop *loop, struct loop_listener *listener, char error[256])
{
	struct listening *listening = &loop->listening[loop->listening_count];
	struct site *site = &loop->sites[listener->roles - 1];
	int fd = open_socket(listener, error);

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
	h2o_multithread_register_receiver(loop->queue, &loop->receiver, on_messages);
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
	while (loop->arenas_count > 0)
		store_arena_free(loop->arenas[--loop->arenas_count]);
}
