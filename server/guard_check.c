/*
 * guard_http2_check: at start, before the first listener. A client's bytes go
 * into a socket pair, libh2o answers, and each replaced function must have been
 * called. Nothing of it stays but libh2o's loop, which cannot be destroyed.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard_connection.h"
#include "guard_http2.h"

#define TURNS_MAX 100
#define TURN_MS 10
#define WINDOW 12345u /* neither a default, nor 0 */

static const char *const names[GUARD_HOOKS_COUNT] = {
    [GUARD_READ_START] = "h2o_socket_read_start",
    [GUARD_ACCEPT] = "h2o_http2_accept",
    [GUARD_ACCEPT_HTTP1] = "h2o_http1_accept",
    [GUARD_DECODE_FRAME] = "h2o_http2_decode_frame",
    [GUARD_STREAM_OPEN] = "h2o_http2_stream_open",
    [GUARD_STREAM_CLOSE] = "h2o_http2_stream_close",
    [GUARD_SEND_PENDING] = "h2o_http2_stream_send_pending_data",
    [GUARD_RESET] = "h2o_http2__encode_rst_stream_frame",
    [GUARD_HEADERS] = "h2o_hpack_parse_headers",
    [GUARD_CACHE_DIGEST] = "h2o_cache_digests_load_header",
    [GUARD_UPGRADE] = "h2o_http2_handle_upgrade",
};

/* GET / on stream 1 with a cache-digest, a request on stream 3 that is reset for
 * a WINDOW_UPDATE of 0, a body on stream 5, a PING. */
static const char dialogue_http2[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
				     "\0\0\6\4\0\0\0\0\0\0\4\0\0\x30\x39"
				     "\0\0\x17\1\5\0\0\0\1\x82\x84\x86\0\x0c"
				     "cache-digest\5AAAAA"
				     "\0\0\3\1\4\0\0\0\3\x83\x84\x86"
				     "\0\0\4\x8\0\0\0\0\3\0\0\0\0"
				     "\0\0\3\1\4\0\0\0\5\x83\x84\x86"
				     "\0\0\4\0\1\0\0\0\5body"
				     "\0\0\x8\6\0\0\0\0\0drumdrum";

static const char dialogue_upgrade[] =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";

static bool body_was_found;

static int
answer(h2o_handler_t *handler, h2o_req_t *req)
{
	(void)handler;
	if (req->entity.len == 4 && memcmp(req->entity.base, "body", 4) == 0) {
		guard_http2_free_body(req);
		body_was_found = req->entity.base == NULL;
	}
	req->res.status = 200;
	req->res.reason = "OK";
	req->res.content_length = 2;
	h2o_send_inline(req, H2O_STRLIT("ok"));
	return 0;
}

static void
on_closed(struct guard_connection *connection)
{
	(void)connection;
}

/* What libh2o's loop keeps pointing to. */
static struct {
	h2o_globalconf_t config;
	h2o_context_t context;
	h2o_accept_ctx_t accept;
	h2o_evloop_t *loop;
	struct config_limits limits;
} world;

static void
set_up(void)
{
	h2o_hostconf_t *host;

	memset(&world.limits, 0xff, sizeof world.limits); /* none */
	h2o_config_init(&world.config);
	host =
	    h2o_config_register_host(&world.config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req =
	    answer;
	world.loop = h2o_evloop_create();
	h2o_context_init(&world.context, world.loop, &world.config);
	world.accept = (h2o_accept_ctx_t){.ctx = &world.context, .hosts = world.config.hosts};
}

/* Says the bytes, lets libh2o answer until `hook` was called `times`, hangs up. */
static bool
talk(const char *bytes, size_t size, const struct guard_probe *probe, enum guard_hook hook,
     unsigned times)
{
	struct guard_connection connection = {.limits = &world.limits, .closed = on_closed};
	int ends[2];
	bool said;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	connection.socket = h2o_evloop_socket_create(world.loop, ends[0], 0);
	guard_connection_open(&connection);
	h2o_accept(&world.accept, connection.socket);
	said = write(ends[1], bytes, size) == (ssize_t)size;
	for (int i = 0; said && probe->calls[hook] < times && i < TURNS_MAX; i++)
		h2o_evloop_run(world.loop, TURN_MS);
	shutdown(ends[1], SHUT_RDWR);
	for (int i = 0; connection.socket != NULL && i < TURNS_MAX; i++)
		h2o_evloop_run(world.loop, TURN_MS);
	close(ends[1]);
	return said && connection.socket == NULL;
}

bool
guard_http2_check(char why[256])
{
	struct guard_probe probe = {.stream_window = WINDOW};
	bool talked;

	set_up();
	guard_http2_probe(&probe);
	talked = talk(dialogue_upgrade, sizeof dialogue_upgrade - 1, &probe, GUARD_UPGRADE, 1) &&
		 talk(dialogue_http2, sizeof dialogue_http2 - 1, &probe, GUARD_STREAM_CLOSE, 3);
	guard_http2_probe(NULL);
	for (int i = 0; i < GUARD_HOOKS_COUNT; i++) {
		if (probe.calls[i] == 0) {
			snprintf(why, 256, "libh2o does not come by %s", names[i]);
			return false;
		}
	}
	if (!probe.layout_is_known || !body_was_found) {
		snprintf(why, 256, "libh2o's streams are not laid out as in 2.2.5");
		return false;
	}
	if (!talked) {
		snprintf(why, 256, "libh2o does not answer on a socket pair");
		return false;
	}
	return true;
}
