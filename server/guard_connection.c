/*
 * guard_connection.h. Beside libh2o on the loop threads: it counts, and shuts
 * sockets; it must not touch libh2o's own objects, nor block.
 */
#include <assert.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "guard_address.h"
#include "guard_connection.h"

/* What an open stream takes in libh2o: its struct, and a pool of 4 KiB chunks. */
#define STREAM_BYTES 8192u
#define STREAMS_MAX 160u /* libh2o refuses above 100, after opening */

/* Frames that bring nothing: an allowance, and what refills it. An ordinary
 * request brings 1 to 4 frames besides its own. */
#define FRAME_CREDIT_MAX 500
#define FRAME_CREDIT_PER_S 10
#define FRAME_CREDIT_PER_REQUEST 16
#define SMALL_DATA_BYTES 256u
/* A client that reads may update a window for each of these. Go's does so from
 * 4 KiB on. */
#define BYTES_PER_WINDOW_UPDATE 512u
#define SETTINGS_MAX 16u
#define BLOCK_BYTES_MAX (16u << 10) /* compressed, over all CONTINUATION frames */

/* In tenths of a reset: 100 at once, then one a second or per 10 requests. */
#define RESET_CREDIT_MAX 1000
#define RESET_CREDIT_PER_S 10
#define RESET_COST 10

/* Slower than this in limits.connection_idle_s a client does not read. */
#define DRAIN_BYTES_MIN (64u << 10)

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	WINDOW_UPDATE,
	CONTINUATION,
	TYPES_COUNT
};
#define END_STREAM 0x1u
#define ACK 0x1u

__thread struct guard_connection *guard_connection_current;

int64_t
guard_connection_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- bytes ----------------------------------------------------------- */

static void
account(struct guard_connection *connection, int64_t bytes)
{
	const struct config_limits *limits = connection->limits;
	uint64_t all, address = 0;

	assert(bytes >= 0 || connection->buffered >= (uint64_t)-bytes);
	connection->buffered = (uint64_t)((int64_t)connection->buffered + bytes);
	all = (uint64_t)(atomic_fetch_add(&metrics_values[METRICS_buffered_bytes], bytes) + bytes);
	if (connection->address != NULL)
		address = guard_address_buffer(connection->address, bytes);
	if (bytes > 0 && (connection->buffered > (uint64_t)limits->connection_buffer_mb << 20 ||
			  address > (uint64_t)limits->address_buffer_mb << 20 ||
			  all > (uint64_t)limits->buffer_mb << 20))
		guard_connection_condemn(connection, METRICS_connections_overfull);
}

void
guard_connection_has_read(struct guard_connection *connection)
{
	uint64_t input = connection->socket->input->size;

	if (input == connection->input)
		return;
	account(connection, (int64_t)input - (int64_t)connection->input);
	connection->input = input;
}

/* ---- opening and closing --------------------------------------------- */

static void
on_close(void *data)
{
	struct guard_connection *connection = data;

	if (guard_connection_current == connection)
		guard_connection_current = NULL;
	account(connection, -(int64_t)connection->buffered);
	free(connection->streams);
	connection->streams = NULL;
	connection->streams_count = 0;
	guard_address_disconnect(connection->address);
	connection->address = NULL;
	connection->socket = NULL;
	connection->ssl = NULL;
	connection->closed(connection);
}

void
guard_connection_open(struct guard_connection *connection)
{
	connection->request_ms = connection->credited_ms = guard_connection_now_ms();
	connection->frame_credit = FRAME_CREDIT_MAX;
	connection->reset_credit = RESET_CREDIT_MAX;
	connection->socket->on_close.cb = on_close;
	connection->socket->on_close.data = connection;
}

void
guard_connection_set_address(struct guard_connection *connection, struct guard_address *address)
{
	assert(connection->address == NULL);
	connection->address = address;
	if (address != NULL)
		guard_address_buffer(address, (int64_t)connection->buffered);
}

struct guard_connection *
guard_connection_of(const h2o_socket_t *socket)
{
	return socket == NULL || socket->on_close.cb != on_close ? NULL : socket->on_close.data;
}

void
guard_connection_condemn(struct guard_connection *connection, enum metric reason)
{
	if (!connection->is_condemned)
		metrics_add(reason, 1);
	connection->is_condemned = true;
	shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
}

/* ---- streams --------------------------------------------------------- */

void
guard_connection_stream_open(struct guard_connection *connection, const void *stream, uint32_t id)
{
	if (connection->streams_count == connection->streams_capacity) {
		uint32_t capacity =
		    connection->streams_capacity == 0 ? 4 : connection->streams_capacity * 2;
		struct guard_stream *grown =
		    capacity > 2 * STREAMS_MAX
			? NULL
			: realloc(connection->streams, capacity * sizeof *grown);

		if (grown == NULL) {
			guard_connection_condemn(connection, METRICS_connections_abusive);
			return;
		}
		connection->streams = grown;
		connection->streams_capacity = capacity;
	}
	connection->streams[connection->streams_count++] =
	    (struct guard_stream){.stream = stream,
				  .id = id,
				  .since_ms = guard_connection_now_ms(),
				  .is_idle = connection->frame_type == PRIORITY};
	account(connection, STREAM_BYTES);
}

/* Of what has come of a body a byte takes as much as all of most. */
static void
hold_body(struct guard_connection *connection, struct guard_stream *stream, bool is_begun)
{
	if (stream->is_begun != is_begun)
		account(connection,
			is_begun ? (int64_t)GUARD_BUFFER_BYTES : -(int64_t)GUARD_BUFFER_BYTES);
	stream->is_begun = is_begun;
}

void
guard_connection_stream_close(struct guard_connection *connection, const void *stream)
{
	for (uint32_t i = connection->streams_count; i-- > 0;) {
		if (connection->streams[i].stream != stream)
			continue;
		hold_body(connection, &connection->streams[i], false);
		account(connection, -(int64_t)(STREAM_BYTES + connection->streams[i].bytes));
		connection->streams[i] = connection->streams[--connection->streams_count];
		return;
	}
}

static struct guard_stream *
stream_by_id(struct guard_connection *connection, uint32_t id)
{
	for (uint32_t i = connection->streams_count; i-- > 0;) {
		if (connection->streams[i].id == id)
			return &connection->streams[i];
	}
	return NULL;
}

/* libh2o's stream ends with the request, so it is the nearest below it. Another
 * is further off than a request is large; the latest are asked for most. */
static struct guard_stream *
stream_by_request(struct guard_connection *connection, const h2o_req_t *req)
{
	uint32_t i = req->version >= 0x200 ? connection->streams_count : 0;
	struct guard_stream *nearest = NULL;

	while (i-- > 0) {
		struct guard_stream *stream = &connection->streams[i];

		if ((uintptr_t)stream->stream >= (uintptr_t)req)
			continue;
		if ((uintptr_t)req - (uintptr_t)stream->stream < sizeof *req)
			return stream;
		if (nearest == NULL || (uintptr_t)stream->stream > (uintptr_t)nearest->stream)
			nearest = stream;
	}
	return nearest;
}

/* ---- requests -------------------------------------------------------- */

static int32_t
at_most(int64_t value, int32_t most)
{
	return value > most ? most : (int32_t)value;
}

void
guard_connection_request(struct guard_connection *connection, const h2o_req_t *req)
{
	struct guard_stream *stream = stream_by_request(connection, req);

	connection->request_ms = guard_connection_now_ms();
	connection->is_http2 = req->version >= 0x200;
	connection->frame_credit =
	    at_most((int64_t)connection->frame_credit + FRAME_CREDIT_PER_REQUEST, FRAME_CREDIT_MAX);
	connection->reset_credit = at_most((int64_t)connection->reset_credit + 1, RESET_CREDIT_MAX);
	if (stream != NULL) {
		stream->is_whole = true;
		stream->since_ms = connection->request_ms;
	}
}

void
guard_connection_wait(struct guard_connection *connection, const h2o_req_t *req)
{
	struct guard_stream *stream = stream_by_request(connection, req);

	connection->waiting++;
	if (stream != NULL)
		stream->is_waiting = true;
}

void
guard_connection_wait_no_more(struct guard_connection *connection, const h2o_req_t *req)
{
	struct guard_stream *stream = stream_by_request(connection, req);

	assert(connection->waiting > 0);
	connection->waiting--;
	connection->request_ms = guard_connection_now_ms();
	if (stream != NULL) {
		stream->is_waiting = false;
		stream->since_ms = connection->request_ms;
	}
}

/* ---- deadlines ------------------------------------------------------- */

/* Whether the client reads what it is sent, if slowly. */
static bool
is_draining(struct guard_connection *connection, int64_t now_ms, int64_t within_ms)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof info;

	if (getsockopt(h2o_socket_get_fd(connection->socket), IPPROTO_TCP, TCP_INFO, &info,
		       &size) != 0)
		return false;
	if (info.tcpi_bytes_acked >= connection->drained + DRAIN_BYTES_MIN) {
		connection->drained = info.tcpi_bytes_acked;
		connection->drained_ms = now_ms;
	}
	return now_ms - connection->drained_ms <= within_ms;
}

static bool
is_overdue(struct guard_connection *connection, int64_t now_ms)
{
	int64_t idle_ms = (int64_t)connection->limits->connection_idle_s * 1000;
	int64_t request_ms = (int64_t)connection->limits->request_s * 1000;
	bool idle = connection->waiting == 0 && now_ms - connection->request_ms > idle_ms;

	for (uint32_t i = 0; i < connection->streams_count; i++) {
		const struct guard_stream *stream = &connection->streams[i];
		int64_t age_ms = now_ms - stream->since_ms;

		if (stream->is_idle)
			continue;
		if (!stream->is_whole && age_ms > request_ms)
			return true;
		idle |= stream->is_whole && !stream->is_waiting && age_ms > idle_ms;
	}
	return idle && !is_draining(connection, now_ms, idle_ms);
}

void
guard_connection_tick(struct guard_connection *connection, int64_t now_ms)
{
	if (connection->is_condemned || is_overdue(connection, now_ms))
		guard_connection_condemn(connection, METRICS_connections_shut);
}

/* ---- frames ---------------------------------------------------------- */

static void
refill(struct guard_connection *connection)
{
	int64_t now = guard_connection_now_ms();
	int64_t seconds = (now - connection->credited_ms) / 1000;

	if (seconds <= 0)
		return;
	connection->credited_ms += seconds * 1000;
	connection->frame_credit =
	    at_most(connection->frame_credit + seconds * FRAME_CREDIT_PER_S, FRAME_CREDIT_MAX);
	connection->reset_credit =
	    at_most(connection->reset_credit + seconds * RESET_CREDIT_PER_S, RESET_CREDIT_MAX);
}

void
guard_connection_reset(struct guard_connection *connection)
{
	connection->reset_credit -= RESET_COST;
}

static int
cost_of_data(struct guard_connection *connection, const struct guard_frame *frame)
{
	struct guard_stream *stream = stream_by_id(connection, frame->stream_id);

	if (stream != NULL) {
		stream->bytes += frame->length;
		account(connection, frame->length);
		hold_body(connection, stream, stream->bytes > 0 && !(frame->flags & END_STREAM));
	}
	return frame->length < SMALL_DATA_BYTES && !(frame->flags & END_STREAM);
}

static int
cost_of_window_update(struct guard_connection *connection)
{
	if (connection->window_updates >=
	    connection->socket->bytes_written / BYTES_PER_WINDOW_UPDATE)
		return 1;
	connection->window_updates++;
	return 0;
}

/* A browser names streams by PRIORITY long before it uses them, or never does. */
static void
begin_stream(struct guard_connection *connection, uint32_t id)
{
	struct guard_stream *stream = stream_by_id(connection, id);

	if (stream == NULL || !stream->is_idle)
		return;
	stream->is_idle = false;
	stream->since_ms = guard_connection_now_ms();
}

/* What the frame takes from the allowance; negative: it must not be. */
static int
cost_of(struct guard_connection *connection, struct guard_frame *frame)
{
	switch (frame->type) {
	case DATA:
		return cost_of_data(connection, frame);
	case HEADERS:
		connection->block_bytes = frame->length;
		begin_stream(connection, frame->stream_id);
		return 1;
	case CONTINUATION:
		connection->block_bytes += frame->length;
		return connection->block_bytes > BLOCK_BYTES_MAX ? -1 : 1;
	case SETTINGS:
		return !(frame->flags & ACK) && ++connection->settings > SETTINGS_MAX ? -1 : 1;
	case RST_STREAM:
		guard_connection_reset(connection);
		return 1;
	case WINDOW_UPDATE:
		return cost_of_window_update(connection);
	default:
		if (frame->type >= TYPES_COUNT) /* libh2o would print a line */
			*frame = (struct guard_frame){
			    .type = SETTINGS, .flags = ACK, .payload = frame->payload};
		return 1;
	}
}

void
guard_connection_abuses(struct guard_connection *connection)
{
	if (!connection->is_condemned)
		metrics_add(METRICS_connections_abusive, 1);
	connection->is_condemned = true;
}

int
guard_connection_frame(struct guard_connection *connection, struct guard_frame *frame,
		       const uint8_t *at, size_t size)
{
	bool again = at == connection->frame_at && size == connection->frame_size;
	int cost;

	connection->frame_type = frame->type;
	connection->frame_at = at;
	connection->frame_size = size;
	if (again) /* libh2o took nothing of it, and would ask for ever */
		return H2O_HTTP2_ERROR_PROTOCOL_CLOSE_IMMEDIATELY;
	cost = cost_of(connection, frame);
	if (cost > 0) {
		connection->frame_credit -= cost;
		if (connection->frame_credit < 0 || connection->reset_credit < 0)
			refill(connection);
	}
	if (cost >= 0 && connection->frame_credit >= 0 && connection->reset_credit >= 0 &&
	    !connection->is_condemned)
		return 0;
	guard_connection_abuses(connection);
	return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
}
