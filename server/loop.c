/*
 * loop.h. Owns threads, sockets and connections; must not know any route. A
 * loop's fields belong to its thread but for those under its mutex.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "guard.h"
#include "guard_http1.h"
#include "loop_inside.h"
#include "loop_socket.h"
#include "metrics.h"

#define TICK_MS 1000
#define PUBLIC_REQUEST_MS 10000
#define REQUEST_MS_MAX INT32_MAX /* libh2o subtracts it from the time since 1970 */

struct server *
loop_server(h2o_req_t *req)
{
	return loop_handler_of(req)->loop->server;
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
	connection->was_newcomer = connection->is_newcomer;
	loop_connection_is_known(connection);
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
begin_shutdown(struct loop *loop)
{
	loop_connection_accept(loop, false);
	for (uint32_t i = 0; i < loop->listening_count; i++)
		h2o_socket_close(loop->listening[i].socket);
	loop->listening_count = 0;
	for (int i = 0; i < 3; i++)
		h2o_context_request_shutdown(&loop->sites[i].context);
	loop_connection_shut_input(loop);
}

/* ---- set-up ---------------------------------------------------------- */

/* For a whole request, and between requests. */
static uint64_t
request_timeout_ms(const struct config *config, uint32_t roles)
{
	uint64_t request_ms = (uint64_t)config->limits.request_s * 1000;

	if (!(roles & CONFIG_PRIVATE) && request_ms > PUBLIC_REQUEST_MS)
		return PUBLIC_REQUEST_MS;
	return request_ms < REQUEST_MS_MAX ? request_ms : REQUEST_MS_MAX;
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
	listening->takes_queries = listener->roles & CONFIG_PRIVATE;
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
	/* A connection of HTTP/2 often has 32 beacons for one read, and libh2o's 8 KiB are
	 * copied twice until those fit. */
	h2o_socket_buffer_prototype._initial_buf.capacity = GUARD_BUFFER_BYTES;
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
	loop_connection_accept(loop, true);
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
		h2o_evloop_run(loop->evloop,
			       stopping || !loop->accepting ? LOOP_PAUSE_MS : TICK_MS);
		ingest_flush(loop->server->ingest, &loop->batch);
		now = guard_connection_now_ms();
		atomic_store_explicit(&loop->beat_ms, now, memory_order_relaxed);
		if (!stopping)
			loop_connection_accept_again(loop, now);
		if (now - ticked >= TICK_MS && !stopping) {
			ticked = now;
			loop_connection_tick(loop, now);
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
	sigfillset(&all);        /* h2o_evloop_run does not like EINTR */
	sigdelset(&all, SIGBUS); /* of a page that was lost: blocked, it ends the process */
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
