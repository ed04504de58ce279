/*
 * loop.h. Owns threads, sockets and connections; must not know any route. A
 * loop's fields belong to its thread but for those under its mutex.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "metrics.h"

#define TICK_MS 1000
#define LISTEN_BACKLOG 1024

struct connection {
	h2o_linklist_t link; /* of loop.connections */
	struct loop *loop;
	int fd;
	int64_t request_ms; /* of the last whole request, or of its beginning */
	bool is_http2;
	uint32_t waiting;        /* requests whose answer comes later */
	struct reply_slot *last; /* of them; NULL when there is none */
};

struct listening {
	struct loop *loop;
	h2o_socket_t *socket;
	h2o_accept_ctx_t accept;
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
	h2o_multithread_queue_t *queue;
	h2o_multithread_receiver_t receiver;
	_Atomic int stop, deadline_passed;
	pthread_mutex_t mutex;
	/* guarded by mutex: */
	struct reply *replies_first, *replies_last;
	h2o_multithread_message_t message;
	bool is_posted;
};

static int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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
	slot->connection->waiting--;
	if (slot->connection->last == slot)
		slot->connection->last = NULL;
	slot->connection->request_ms = monotonic_ms();
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

	return socket == NULL ? NULL : socket->on_close.data;
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
	slot->connection = connection_of(req);
	if (slot->connection != NULL) {
		slot->connection->waiting++;
		slot->connection->last = slot;
	}
	reply->slot = slot;
	reply->req = req;
	reply->loop = handler_of(req)->loop;
	return reply;
}

bool
loop_reply_header(struct reply *reply, const char *lower_name, const char *value)
{
	size_t name_size = strlen(lower_name) + 1, value_size = strlen(value) + 1;
	char *grown = realloc(reply->headers, reply->headers_size + name_size + value_size);

	if (grown == NULL)
		return false;
	memcpy(grown + reply->headers_size, lower_name, name_size);
	memcpy(grown + reply->headers_size + name_size, value, value_size);
	reply->headers = grown;
	reply->headers_size += name_size + value_size;
	return true;
}

static void
free_reply(struct reply *reply)
{
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

static void
free_body(void *pointer)
{
	free(*(char **)pointer);
}

/* The body goes with the request's pool: it may be large, and is not copied. */
static h2o_iovec_t
take_body(h2o_req_t *req, struct reply *reply)
{
	char **owner = h2o_mem_alloc_shared(&req->pool, sizeof *owner, free_body);

	*owner = reply->body;
	reply->body = NULL;
	return h2o_iovec_init(*owner, reply->body_size);
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
		if (reply->body_size > 0)
			body = take_body(req, reply);
		h2o_start_response(req, &generator);
		h2o_send(req, &body, body.len > 0, H2O_SEND_STATE_FINAL);
	}
	free_reply(reply);
}

void
loop_reply_send(struct reply *reply)
{
	struct loop *loop = reply->loop;
	bool post;

	pthread_mutex_lock(&loop->mutex);
	reply->next = NULL;
	if (loop->replies_first == NULL)
		loop->replies_first = reply;
	else
		loop->replies_last->next = reply;
	loop->replies_last = reply;
	post = !loop->is_posted;
	loop->is_posted = true;
	/* Under the mutex: the receiver may not have unlinked an older post yet. */
	if (post)
		h2o_multithread_send_message(&loop->receiver, &loop->message);
	pthread_mutex_unlock(&loop->mutex);
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
on_connection_close(void *data)
{
	struct connection *connection = data;
	struct loop *loop = connection->loop;

	h2o_linklist_unlink(&connection->link);
	loop->connections_count--;
	atomic_fetch_sub(&loop->server->connections, 1);
	metrics_add(METRICS_connections, -1);
	free(connection);
}

static void
on_accept(h2o_socket_t *listener, const char *error)
{
	struct listening *listening = listener->data;
	struct loop *loop = listening->loop;
	struct server *server = loop->server;

	if (error != NULL)
		return;
	for (int i = 0; i < 32; i++) { /* a few at a time, so that others get on */
		struct connection *connection;
		h2o_socket_t *socket;

		if (atomic_load(&server->connections) >= server->config->limits.connections) {
			set_accepting(loop, false);
			return;
		}
		if ((connection = calloc(1, sizeof *connection)) == NULL)
			return;
		if ((socket = h2o_evloop_socket_accept(listener)) == NULL) {
			if (errno == EMFILE || errno == ENFILE)
				set_accepting(loop, false); /* until the next tick: do not spin */
			free(connection);
			return;
		}
		connection->loop = loop;
		connection->fd = h2o_socket_get_fd(socket);
		connection->request_ms = monotonic_ms();
		h2o_linklist_insert(&loop->connections, &connection->link);
		loop->connections_count++;
		atomic_fetch_add(&server->connections, 1);
		metrics_add(METRICS_connections, 1);
		socket->on_close.cb = on_connection_close;
		socket->on_close.data = connection;
		h2o_accept(&listening->accept, socket);
	}
}

static void
set_accepting(struct loop *loop, bool accepting)
{
	if (loop->accepting == accepting)
		return;
	loop->accepting = accepting;
	for (uint32_t i = 0; i < loop->listening_count; i++) {
		if (accepting)
			h2o_socket_read_start(loop->listening[i].socket, on_accept);
		else
			h2o_socket_read_stop(loop->listening[i].socket);
	}
}

/* Connections that sent no whole request for too long are shut: libh2o has no
 * timeout for those that keep sending something. Those that wait for us are
 * not: a query has its own limit, an erasure or a backup has none. */
static void
shut_idle(struct loop *loop, int64_t now)
{
	int64_t idle_ms = (int64_t)loop->server->config->limits.connection_idle_s * 1000;

	for (h2o_linklist_t *link = loop->connections.next; link != &loop->connections;
	     link = link->next) {
		struct connection *connection =
		    H2O_STRUCT_FROM_MEMBER(struct connection, link, link);

		if (connection->waiting > 0 || now - connection->request_ms <= idle_ms)
			continue;
		shutdown(connection->fd, SHUT_RDWR);
		connection->request_ms = now;
		metrics_add(METRICS_connections_shut, 1);
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
		struct pollfd poller = {.fd = connection->fd, .events = POLLRDHUP};

		if (connection->is_http2 || connection->last == NULL ||
		    connection->last->reply == NULL)
			continue;
		if (poll(&poller, 1, 0) == 1)
			atomic_store(&connection->last->reply->cancelled, 1);
	}
}

static int
on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	struct connection *connection = connection_of(req);

	if (connection != NULL) {
		connection->request_ms = monotonic_ms();
		connection->is_http2 = req->version >= 0x200;
	}
	(void)handler;
	return http_on_request(req);
}

/* ---- the thread ------------------------------------------------------ */

static void
tick(struct loop *loop, int64_t now)
{
	struct server *server = loop->server;
	bool room = atomic_load(&server->connections) < server->config->limits.connections;

	if (!loop->accepting && room && !atomic_load(&loop->stop))
		set_accepting(loop, true);
	shut_idle(loop, now);
	cancel_left(loop);
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

		if (!connection->is_http2)
			shutdown(connection->fd, SHUT_RD);
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

static void *
run(void *argument)
{
	struct loop *loop = argument;
	bool stopping = false;
	int64_t ticked = monotonic_ms();

	while (!atomic_load(&loop->deadline_passed)) {
		int64_t now;

		if (atomic_load(&loop->stop) && !stopping) {
			stopping = true;
			begin_shutdown(loop);
		}
		if (stopping && loop->connections_count == 0)
			break;
		h2o_evloop_run(loop->evloop, stopping ? 50 : TICK_MS);
		now = monotonic_ms();
		if (now - ticked >= TICK_MS && !stopping) {
			ticked = now;
			tick(loop, now);
		}
	}
	return NULL;
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

static int
open_socket(struct loop_listener *listener, char error[256])
{
	int on = 1,
	    fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
	    !bind_to(fd, listener) || listen(fd, LISTEN_BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&listener->address, &listener->address_size) != 0) {
		snprintf(error, 256, "cannot listen: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	listener->is_open = true;
	return fd;
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
	listening->socket = h2o_evloop_socket_create(loop->evloop, fd, H2O_SOCKET_FLAG_DONT_READ);
	listening->socket->data = listening;
	loop->listening_count++;
	return true;
}

struct loop *
loop_create(struct server *server, struct loop_listener *listeners, uint32_t listeners_count,
	    char error[256])
{
	struct loop *loop = calloc(1, sizeof *loop);
	sigset_t all, old;

	if (loop == NULL) {
		snprintf(error, 256, "out of memory");
		return NULL;
	}
	loop->server = server;
	loop->evloop = h2o_evloop_create();
	h2o_linklist_init_anchor(&loop->connections);
	pthread_mutex_init(&loop->mutex, NULL);
	loop->queue = h2o_multithread_create_queue(loop->evloop);
	h2o_multithread_register_receiver(loop->queue, &loop->receiver, on_messages);
	for (uint32_t roles = 1; roles <= 3; roles++)
		set_up_site(loop, roles);
	for (uint32_t i = 0; i < listeners_count; i++) {
		if (!listen_on(loop, &listeners[i], error))
			return NULL; /* the process ends: nothing is taken back */
	}
	set_accepting(loop, true);
	sigfillset(&all); /* h2o_evloop_run does not like EINTR */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&loop->thread, NULL, run, loop) != 0) {
		snprintf(error, 256, "cannot start a thread");
		return NULL;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return loop;
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

void
loop_join(struct loop *loop, int64_t deadline_ms)
{
	struct timespec deadline;
	int64_t left = deadline_ms - monotonic_ms();

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
}
