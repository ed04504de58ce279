/*
 * guard_http2.h: the functions of libh2o that are replaced. Each calls the
 * library's own, and tells guard_connection.c what happens. Signatures and
 * layouts are those of libh2o 2.2.5's internal header, which cannot be included
 * (it needs a file that is not shipped).
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <h2o.h>
#include <h2o/cache_digests.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#include "guard_connection.h"
#include "guard_head.h"
#include "guard_http2.h"
#include "guard_write.h"
#include "loop_memory.h"

#define HEADER_BLOCK_BYTES_MAX 8192u /* compressed */
#define HEADERS_MAX 100u             /* as libh2o has it for HTTP/1 */
#define HEADER_BYTES_MAX (32u << 10) /* decoded */

typedef struct st_h2o_http2_conn_t h2o_http2_conn_t;
typedef struct st_h2o_hpack_header_table_t h2o_hpack_header_table_t;

/* The beginning of libh2o's stream; guard_check.c sees whether it is so. */
typedef struct st_h2o_http2_stream_t {
	uint32_t stream_id;
	h2o_ostream_t final;
	int state;
	ssize_t output_window;
} h2o_http2_stream_t;

/* Where it has its body's buffer, before the request with which it ends. */
#define BODY_BEFORE_REQUEST 192u

enum { STATE_FINAL = 6, STATE_END = 7 }; /* SEND_BODY_IS_FINAL, END_STREAM */
#define WINDOW_OUT_OF_REACH (-((ssize_t)1 << 60))

/* The library's own functions. */
static struct {
	void (*read_start)(h2o_socket_t *, h2o_socket_cb);
	void (*accept)(h2o_accept_ctx_t *, h2o_socket_t *, struct timeval);
	void (*accept_http1)(h2o_accept_ctx_t *, h2o_socket_t *, struct timeval);
	ssize_t (*decode_frame)(struct guard_frame *, const uint8_t *, size_t,
				const h2o_http2_settings_t *, const char **);
	h2o_http2_stream_t *(*stream_open)(h2o_http2_conn_t *, uint32_t, h2o_req_t *,
					   const h2o_http2_priority_t *);
	void (*stream_close)(h2o_http2_conn_t *, h2o_http2_stream_t *);
	void (*send_pending)(h2o_http2_conn_t *, h2o_http2_stream_t *);
	void (*encode_rst)(h2o_buffer_t **, uint32_t, int);
	int (*parse_headers)(h2o_req_t *, h2o_hpack_header_table_t *, const uint8_t *, size_t,
			     int *, size_t *, h2o_cache_digests_t **, const char **);
} real;

static struct guard_probe *probe;
static bool layout_is_known;

__attribute__((constructor)) static void
find_real(void)
{
	static const struct {
		const char *name;
		void *to;
	} wanted[] = {{"h2o_socket_read_start", &real.read_start},
		      {"h2o_http2_accept", &real.accept},
		      {"h2o_http1_accept", &real.accept_http1},
		      {"h2o_http2_decode_frame", &real.decode_frame},
		      {"h2o_http2_stream_open", &real.stream_open},
		      {"h2o_http2_stream_close", &real.stream_close},
		      {"h2o_http2_stream_send_pending_data", &real.send_pending},
		      {"h2o_http2__encode_rst_stream_frame", &real.encode_rst},
		      {"h2o_hpack_parse_headers", &real.parse_headers}};

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		void *found = dlsym(RTLD_NEXT, wanted[i].name);

		if (found == NULL) { /* HTTP/1 needs the first, too */
			fprintf(stderr,
				"drum: libh2o has no %s: not the library that this program "
				"was made for\n",
				wanted[i].name);
			exit(1);
		}
		memcpy(wanted[i].to, &found, sizeof found);
	}
}

void
guard_http2_probe(struct guard_probe *to)
{
	probe = to;
}

static void
count(enum guard_hook hook)
{
	if (__builtin_expect(probe != NULL, 0))
		probe->calls[hook]++;
}

/* The guarded connection of libh2o's, whose struct begins with h2o_conn_t. */
static struct guard_connection *
connection_of(h2o_http2_conn_t *conn)
{
	h2o_conn_t *head = (h2o_conn_t *)conn;

	return guard_connection_of(head->callbacks->get_socket(head));
}

/* ---- reading --------------------------------------------------------- */

static void
begin_reading(struct guard_connection *connection)
{
	guard_connection_current = connection;
	connection->frame_at = NULL;
}

static void
end_reading(struct guard_connection *connection)
{
	if (guard_connection_current == connection)
		guard_connection_has_read(connection);
	guard_connection_current = NULL;
}

static void
on_read(h2o_socket_t *socket, const char *error)
{
	struct guard_connection *connection = guard_connection_of(socket);

	begin_reading(connection);
	if (error != NULL)
		guard_write_client_left(connection);
	if (error != NULL || !guard_head_refuses(connection))
		connection->read(socket, error);
	end_reading(connection);
}

void h2o_socket_read_start(h2o_socket_t *sock, h2o_socket_cb cb);
void
h2o_socket_read_start(h2o_socket_t *sock, h2o_socket_cb cb)
{
	struct guard_connection *connection = guard_connection_of(sock);

	count(GUARD_READ_START);
	if (connection == NULL) {
		real.read_start(sock, cb);
		return;
	}
	connection->read = cb;
	real.read_start(sock, on_read);
	(void)guard_head_refuses(connection); /* libh2o goes on with what has come already */
}

void
h2o_http1_accept(h2o_accept_ctx_t *ctx, h2o_socket_t *sock, struct timeval connected_at)
{
	struct guard_connection *connection = guard_connection_of(sock);

	count(GUARD_ACCEPT_HTTP1);
	if (connection != NULL)
		connection->has_heads = true;
	real.accept_http1(ctx, sock, connected_at);
}

/* libh2o takes the frames that have come already, and not always within a read: it
 * may have written the end of a handshake (a client with false start does not wait
 * for that), or the answer to HTTP/1's last request. */
void
h2o_http2_accept(h2o_accept_ctx_t *ctx, h2o_socket_t *sock, struct timeval connected_at)
{
	struct guard_connection *connection = guard_connection_of(sock);

	count(GUARD_ACCEPT);
	if (connection != NULL)
		connection->has_heads = false; /* it began as HTTP/1, in the clear */
	if (connection == NULL || guard_connection_current != NULL) {
		real.accept(ctx, sock, connected_at);
		return;
	}
	begin_reading(connection);
	real.accept(ctx, sock, connected_at);
	end_reading(connection);
}

/* ---- frames ---------------------------------------------------------- */

ssize_t h2o_http2_decode_frame(struct guard_frame *frame, const uint8_t *src, size_t len,
			       const h2o_http2_settings_t *host_settings, const char **err_desc);
ssize_t
h2o_http2_decode_frame(struct guard_frame *frame, const uint8_t *src, size_t len,
		       const h2o_http2_settings_t *host_settings, const char **err_desc)
{
	ssize_t taken = real.decode_frame(frame, src, len, host_settings, err_desc);
	int error;

	count(GUARD_DECODE_FRAME);
	if (taken < 0 || guard_connection_current == NULL)
		return taken;
	error = guard_connection_frame(guard_connection_current, frame, src, len);
	return error != 0 ? error : taken;
}

void h2o_http2__encode_rst_stream_frame(h2o_buffer_t **buf, uint32_t stream_id, int errnum);
void
h2o_http2__encode_rst_stream_frame(h2o_buffer_t **buf, uint32_t stream_id, int errnum)
{
	count(GUARD_RESET);
	if (guard_connection_current != NULL)
		guard_connection_reset(guard_connection_current);
	real.encode_rst(buf, stream_id, errnum);
}

/* ---- streams --------------------------------------------------------- */

h2o_http2_stream_t *
h2o_http2_stream_open(h2o_http2_conn_t *conn, uint32_t stream_id, h2o_req_t *src_req,
		      const h2o_http2_priority_t *received_priority);
h2o_http2_stream_t *
h2o_http2_stream_open(h2o_http2_conn_t *conn, uint32_t stream_id, h2o_req_t *src_req,
		      const h2o_http2_priority_t *received_priority)
{
	struct guard_connection *connection = connection_of(conn);
	h2o_http2_stream_t *stream;

	count(GUARD_STREAM_OPEN);
	loop_memory_before_stream();
	stream = real.stream_open(conn, stream_id, src_req, received_priority);
	if (connection != NULL) {
		connection->http2 = conn;
		guard_connection_stream_open(connection, stream, stream_id);
	}
	return stream;
}

void h2o_http2_stream_close(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream);
void
h2o_http2_stream_close(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
	struct guard_connection *connection = connection_of(conn);
	size_t size = malloc_usable_size(stream);

	count(GUARD_STREAM_CLOSE);
	real.stream_close(conn, stream);
	loop_memory_after_stream(size);
	if (connection != NULL) /* only now: its request is disposed of with it */
		guard_connection_stream_close(connection, stream);
}

/* A stream that is done stays until the write is, and libh2o asserts that its
 * window is not opened meanwhile, by SETTINGS or WINDOW_UPDATE. */
void h2o_http2_stream_send_pending_data(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream);
void
h2o_http2_stream_send_pending_data(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
	count(GUARD_SEND_PENDING);
	if (!layout_is_known) { /* only the check comes here */
		bool before = stream->stream_id == 1 && stream->state == STATE_FINAL &&
			      probe != NULL &&
			      stream->output_window == (ssize_t)probe->stream_window;

		real.send_pending(conn, stream);
		layout_is_known = before && stream->state == STATE_END &&
				  stream->output_window < (ssize_t)probe->stream_window &&
				  stream->output_window >= 0;
		if (probe != NULL)
			probe->layout_is_known = layout_is_known;
		return;
	}
	real.send_pending(conn, stream);
	if (stream->state == STATE_END)
		stream->output_window = WINDOW_OUT_OF_REACH;
}

/* ---- headers --------------------------------------------------------- */

static size_t
decoded_bytes(const h2o_req_t *req)
{
	size_t bytes = req->input.path.len + req->input.authority.len + req->input.method.len;

	for (size_t i = 0; i < req->headers.size; i++)
		bytes += req->headers.entries[i].name->len + req->headers.entries[i].value.len;
	return bytes;
}

int
h2o_hpack_parse_headers(h2o_req_t *req, h2o_hpack_header_table_t *header_table, const uint8_t *src,
			size_t len, int *pseudo_header_exists_map, size_t *content_length,
			h2o_cache_digests_t **digests, const char **err_desc);
int
h2o_hpack_parse_headers(h2o_req_t *req, h2o_hpack_header_table_t *header_table, const uint8_t *src,
			size_t len, int *pseudo_header_exists_map, size_t *content_length,
			h2o_cache_digests_t **digests, const char **err_desc)
{
	int result = H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;

	count(GUARD_HEADERS);
	if (len <= HEADER_BLOCK_BYTES_MAX)
		result = real.parse_headers(req, header_table, src, len, pseudo_header_exists_map,
					    content_length, digests, err_desc);
	if ((result == 0 || result == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR) &&
	    (req->headers.size > HEADERS_MAX || decoded_bytes(req) > HEADER_BYTES_MAX))
		result = H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
	if (result == H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM && guard_connection_current != NULL)
		guard_connection_abuses(guard_connection_current);
	return result;
}

/* 6 KiB of it would be unpacked to hundreds of megabytes; nothing is pushed
 * here, so nobody needs it. */
void h2o_cache_digests_load_header(h2o_cache_digests_t **digests, const char *value, size_t len);
void
h2o_cache_digests_load_header(h2o_cache_digests_t **digests, const char *value, size_t len)
{
	(void)digests, (void)value, (void)len;
	count(GUARD_CACHE_DIGEST);
}

/* No browser asks for HTTP/2 by Upgrade; without it HTTP/1's request is looked
 * at as such. -1: it is answered by HTTP/1. */
int
h2o_http2_handle_upgrade(h2o_req_t *req, struct timeval connected_at)
{
	(void)req, (void)connected_at;
	count(GUARD_UPGRADE);
	return -1;
}

/* ---- memory ---------------------------------------------------------- */

/* The stream would keep it until it is closed. Whether this is its pointer is seen by
 * where it points. */
void
guard_http2_free_body(h2o_req_t *req)
{
	h2o_buffer_t **body = (h2o_buffer_t **)((char *)req - BODY_BEFORE_REQUEST);

	if ((!layout_is_known && probe == NULL) || req->version < 0x200 ||
	    req->entity.base == NULL ||
	    (char *)*body != req->entity.base - offsetof(h2o_buffer_t, _buf))
		return;
	h2o_buffer_dispose(body);
	req->entity = h2o_iovec_init(NULL, 0);
}
