/*
 * guard_write.h. Between libh2o and its sockets, on the loop threads; must not
 * change what a client may send or has to read, only when it hears of it.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard_connection.h"
#include "guard_write.h"

enum { FRAME_HEAD_BYTES = 9, TYPE_AT = 3, SETTINGS = 4 };

/* libh2o opens a connection's window to 16 MiB when its first DATA has come: a
 * record and a write of their own where the answer comes later. It is told with
 * the SETTINGS instead. */
#define WINDOW_FIRST 65535
#define WINDOW_BYTES 16777216
#define WINDOW_AHEAD (WINDOW_BYTES - WINDOW_FIRST)
static const uint8_t window_update[] = {0, 0, 4, 8, 0, 0, 0, 0, 0, 0x00, 0xff, 0x00, 0x01};
/* What libh2o believes the client to know of the window may be this much more than
 * it does: libh2o renews the window at half of it. */
#define WINDOW_BEHIND_MAX (1 << 20)

_Static_assert(WINDOW_AHEAD == 0xff0001, "as in window_update");

/* The library's own functions. */
static struct {
	void (*write)(h2o_socket_t *, h2o_iovec_t *, size_t, h2o_socket_cb);
	void (*encode_window_update)(h2o_buffer_t **, uint32_t, int32_t);
} real;

static _Atomic bool is_in_force; /* libh2o comes by */

__attribute__((constructor)) static void
find_real(void)
{
	void *write = dlsym(RTLD_NEXT, "h2o_socket_write");
	void *encode = dlsym(RTLD_NEXT, "h2o_http2_encode_window_update_frame");

	if (write == NULL || encode == NULL) {
		fprintf(stderr, "drum: libh2o is not the library that this program was made for\n");
		exit(1);
	}
	memcpy(&real.write, &write, sizeof write);
	memcpy(&real.encode_window_update, &encode, sizeof encode);
}

/* libh2o's own, too. */
void h2o_http2_conn_request_write(void *http2);

/* ---- the first bytes of a connection --------------------------------- */

/* A beacon that came with the handshake is answered within milliseconds: SETTINGS go
 * with its answer, unless that takes longer than this. */
#define HELD_MS_MAX 1000

/* libh2o's SETTINGS, perhaps with more frames behind. HTTP/1 begins with "HTTP". */
static bool
are_settings(const h2o_iovec_t *bytes)
{
	return bytes->len >= FRAME_HEAD_BYTES && bytes->base[TYPE_AT] == SETTINGS;
}

/* To be made and sent by the next SSL_write; without it, no resumption. (That of TLS 1.2
 * is part of the handshake, and not counted by SSL_set_num_tickets.) */
static void
add_ticket(struct guard_connection *connection)
{
	if (connection->owes_ticket && SSL_version(connection->ssl) == TLS1_3_VERSION)
		(void)SSL_new_session_ticket(connection->ssl);
}

static bool
can_hold(const struct guard_connection *connection, const h2o_iovec_t *bytes, size_t count)
{
	return connection->is_answered_soon && connection->waiting > 0 && connection->out != NULL &&
	       count == 1 && are_settings(bytes) && bytes->len <= sizeof connection->first;
}

static void
write_first(struct guard_connection *connection, h2o_iovec_t *bytes, size_t count, h2o_socket_cb cb)
{
	h2o_iovec_t grown;

	if (can_hold(connection, bytes, count)) {
		memcpy(connection->first, bytes->base, bytes->len);
		connection->held = bytes->len;
		connection->held_ms = guard_connection_now_ms();
		real.write(connection->socket, NULL, 0, cb); /* to libh2o they are written */
		return;
	}
	add_ticket(connection);
	if (count == 1 && are_settings(bytes) && !connection->has_told_window &&
	    bytes->len + sizeof window_update <= sizeof connection->first) {
		memcpy(connection->first, bytes->base, bytes->len);
		memcpy(connection->first + bytes->len, window_update, sizeof window_update);
		grown = h2o_iovec_init(connection->first, bytes->len + sizeof window_update);
		bytes = &grown;
		connection->window_ahead = WINDOW_AHEAD;
	}
	real.write(connection->socket, bytes, count, cb);
}

/* What is held, and the bytes behind it: in one record, if they fit. */
static void
write_held(struct guard_connection *connection, h2o_iovec_t *bytes, size_t count, h2o_socket_cb cb)
{
	h2o_iovec_t *all = h2o_mem_alloc((1 + count) * sizeof *all);

	add_ticket(connection);
	all[0] = h2o_iovec_init(connection->first, connection->held);
	connection->held = 0;
	if (count == 1 && bytes->len <= sizeof connection->first - all->len) {
		memcpy(all->base + all->len, bytes->base, bytes->len);
		all->len += bytes->len;
		count = 0;
	}
	memcpy(all + 1, bytes, count * sizeof *all);
	real.write(connection->socket, all, 1 + count, cb);
	free(all);
}

void
h2o_socket_write(h2o_socket_t *sock, h2o_iovec_t *bufs, size_t bufcnt, h2o_socket_cb cb)
{
	struct guard_connection *connection = guard_connection_of(sock);

	if (connection == NULL || (connection->has_written && connection->held == 0)) {
		real.write(sock, bufs, bufcnt, cb);
		return;
	}
	if (connection->has_written) {
		write_held(connection, bufs, bufcnt, cb);
		return;
	}
	connection->has_written = true;
	atomic_store_explicit(&is_in_force, true, memory_order_relaxed);
	write_first(connection, bufs, bufcnt, cb);
}

void
guard_write_soon(struct guard_connection *connection)
{
	connection->is_answered_soon = !connection->has_written;
}

/* Behind what libh2o has to write. An open stream keeps its connection. */
void
guard_write_tick(struct guard_connection *connection, int64_t now_ms)
{
	h2o_iovec_t space;

	if (connection->held == 0 || now_ms - connection->held_ms <= HELD_MS_MAX ||
	    connection->streams_count == 0 || (*connection->out)->size > 0)
		return;
	space = h2o_buffer_reserve(connection->out, connection->held);
	memcpy(space.base, connection->first, connection->held);
	(*connection->out)->size += connection->held;
	connection->held = 0;
	h2o_http2_conn_request_write(connection->http2);
}

void h2o_http2_encode_window_update_frame(h2o_buffer_t **buf, uint32_t stream_id,
					  int32_t window_size_increment);
void
h2o_http2_encode_window_update_frame(h2o_buffer_t **buf, uint32_t stream_id,
				     int32_t window_size_increment)
{
	struct guard_connection *connection = guard_connection_current;

	if (stream_id == 0 && connection != NULL && !connection->has_written) {
		connection->has_told_window = true; /* DATA came with the preface */
		connection->out = buf;
	}
	if (stream_id == 0 && connection != NULL && connection->window_ahead != 0) {
		connection->window_ahead -= window_size_increment;
		if (connection->window_ahead > -WINDOW_BEHIND_MAX)
			return;
		window_size_increment = -connection->window_ahead;
		connection->window_ahead = 0;
	}
	real.encode_window_update(buf, stream_id, window_size_increment);
}

/* ---- TLS ------------------------------------------------------------- */

void
guard_write_handshake(SSL *ssl)
{
	struct guard_connection *connection = guard_connection_current;

	if (connection == NULL || !atomic_load_explicit(&is_in_force, memory_order_relaxed))
		return;
	connection->ssl = ssl;
	if (!connection->has_written && SSL_get_num_tickets(ssl) > 0)
		connection->owes_ticket = SSL_set_num_tickets(ssl, 0) == 1;
}

void
guard_write_client_left(struct guard_connection *connection)
{
	if (connection->is_http2 && connection->ssl != NULL &&
	    !(SSL_get_shutdown(connection->ssl) & SSL_RECEIVED_SHUTDOWN))
		SSL_set_quiet_shutdown(connection->ssl, 1);
}
