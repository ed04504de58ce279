/*
 * Goal: SETTINGS that wait for the answer to a beacon (server/guard_write.c) are the
 * first that a client gets, once, whatever it gets next, and do not wait for ever.
 * Method: libh2o's loop talks over a socket pair with a handler that answers when the
 * test says so; frames are taken apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <h2o.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/guard_connection.h"
#include "server/guard_http2.h"
#include "server/guard_write.h"

#define TURNS_MAX 100
#define TURN_MS 10
#define LONG_AFTER_MS 1001 /* SETTINGS do not wait for longer */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define POST(id, size)                       \
	"\0\0\3\1\4\0\0\0" id "\x83\x84\x86" \
	"\0\0" size "\0\1\0\0\0" id
#define PING "\0\0\x8\6\0\0\0\0\0drumdrum"
#define RESET(id) "\0\0\4\3\0\0\0\0" id "\0\0\0\x8"
#define SAY(bytes) say(bytes, sizeof(bytes) - 1)

#define ACK 0x100 /* of a frame's type, here */
enum { DATA, HEADERS, SETTINGS = 4, PINGED = 6, WINDOW_UPDATE = 8 };

static struct {
	h2o_globalconf_t config;
	h2o_context_t context;
	h2o_accept_ctx_t accept;
	h2o_evloop_t *loop;
	struct config_limits limits;
	struct guard_connection connection;
	h2o_req_t *req; /* that waits */
	int client;
	bool is_soon, is_closed;
} world;

static int
on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	(void)handler;
	guard_connection_request(&world.connection, req);
	guard_connection_wait(&world.connection, req);
	if (world.is_soon)
		guard_write_soon(&world.connection);
	world.req = req;
	return 0;
}

static void
on_closed(struct guard_connection *connection)
{
	(void)connection;
	world.is_closed = true;
}

static int
set_up_loop(void **state)
{
	char why[256];
	h2o_hostconf_t *host;

	(void)state;
	memset(&world.limits, 0xff, sizeof world.limits); /* none */
	h2o_config_init(&world.config);
	host =
	    h2o_config_register_host(&world.config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req =
	    on_request;
	world.loop = h2o_evloop_create();
	h2o_context_init(&world.context, world.loop, &world.config);
	world.accept = (h2o_accept_ctx_t){.ctx = &world.context, .hosts = world.config.hosts};
	return guard_http2_check(why) ? 0 : -1;
}

static int
connect_client(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	world.client = ends[1];
	world.req = NULL;
	world.is_soon = true;
	world.is_closed = false;
	world.connection = (struct guard_connection){.limits = &world.limits, .closed = on_closed};
	world.connection.socket = h2o_evloop_socket_create(world.loop, ends[0], 0);
	guard_connection_open(&world.connection);
	h2o_accept(&world.accept, world.connection.socket);
	return 0;
}

static void
turn(void)
{
	for (int i = 0; i < 3; i++) /* to read, to write, to hear that it is written */
		h2o_evloop_run(world.loop, 0);
}

static int
hang_up(void **state)
{
	(void)state;
	shutdown(world.client, SHUT_RDWR);
	for (int i = 0; !world.is_closed && i < TURNS_MAX; i++)
		h2o_evloop_run(world.loop, TURN_MS);
	close(world.client);
	return world.is_closed ? 0 : -1;
}

static void
say(const char *bytes, size_t size)
{
	assert_int_equal(write(world.client, bytes, size), size);
	turn();
}

static void
answer(int status, const char *body)
{
	h2o_req_t *req = world.req;

	assert_non_null(req);
	world.req = NULL;
	guard_connection_wait_no_more(&world.connection, req);
	req->res.status = status;
	req->res.reason = "As it is";
	h2o_send_inline(req, body, strlen(body));
	turn();
}

/* The types of the frames that have come since; ends with -1. */
static void
expect(const int *types)
{
	unsigned char bytes[4096];
	ssize_t size = recv(world.client, bytes, sizeof bytes, MSG_DONTWAIT);
	size_t at = 0;

	if (size < 0)
		size = 0;
	for (; *types >= 0; types++) {
		size_t length;
		int type;

		assert_true(at + 9 <= (size_t)size);
		length = (size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2];
		type = bytes[at + 3];
		if ((type == SETTINGS || type == PINGED) && bytes[at + 4] & 1)
			type |= ACK;
		assert_int_equal(type, *types);
		at += 9 + length;
	}
	assert_int_equal(at, size);
}

#define EXPECT(...) expect((const int[]){__VA_ARGS__ __VA_OPT__(, ) - 1})

static void
test_with_the_answer(void **state)
{
	(void)state;
	SAY(PREFACE POST("\1", "\4") "body");
	assert_non_null(world.req);
	EXPECT();
	answer(204, "");
	EXPECT(SETTINGS, SETTINGS | ACK, WINDOW_UPDATE, HEADERS, DATA);
	SAY(POST("\3", "\4") "body");
	answer(204, "");
	EXPECT(HEADERS, DATA);
}

/* It does not fit behind them. */
static void
test_with_a_large_answer(void **state)
{
	char body[1000];

	(void)state;
	memset(body, 'x', sizeof body);
	body[sizeof body - 1] = 0;
	SAY(PREFACE POST("\1", "\4") "body");
	answer(200, body);
	EXPECT(SETTINGS, SETTINGS | ACK, WINDOW_UPDATE, HEADERS, DATA);
}

static void
test_with_what_comes_first(void **state)
{
	(void)state;
	SAY(PREFACE POST("\1", "\4") "body");
	EXPECT();
	SAY(PING);
	EXPECT(SETTINGS, SETTINGS | ACK, WINDOW_UPDATE, PINGED | ACK);
	answer(204, "");
	EXPECT(HEADERS, DATA);
}

static void
test_not_for_ever(void **state)
{
	int64_t now = guard_connection_now_ms();

	(void)state;
	SAY(PREFACE POST("\1", "\4") "body");
	guard_write_tick(&world.connection, now);
	turn();
	EXPECT();
	now = guard_connection_now_ms() + LONG_AFTER_MS;
	guard_write_tick(&world.connection, now);
	turn();
	EXPECT(SETTINGS, SETTINGS | ACK, WINDOW_UPDATE);
	guard_write_tick(&world.connection, now);
	turn();
	answer(204, "");
	EXPECT(HEADERS, DATA);
}

/* Then libh2o may have freed its connection, for all that the guard knows. */
static void
test_taken_back(void **state)
{
	(void)state;
	SAY(PREFACE POST("\1", "\4") "body");
	guard_connection_wait_no_more(&world.connection, world.req);
	world.req = NULL;
	SAY(RESET("\1"));
	guard_write_tick(&world.connection, guard_connection_now_ms() + LONG_AFTER_MS);
	turn();
	EXPECT();
	SAY(POST("\3", "\4") "body");
	answer(204, "");
	EXPECT(SETTINGS, SETTINGS | ACK, WINDOW_UPDATE, HEADERS, DATA);
}

static void
test_gone(void **state)
{
	(void)state;
	SAY(PREFACE POST("\1", "\4") "body");
	guard_connection_wait_no_more(&world.connection, world.req);
	world.req = NULL;
}

/* A query may take long; and without a body nobody knows where libh2o writes. */
static void
test_at_once(void **state)
{
	(void)state;
	world.is_soon = false;
	SAY(PREFACE POST("\1", "\4") "body");
	EXPECT(SETTINGS, SETTINGS | ACK, WINDOW_UPDATE);
	answer(204, "");
	EXPECT(HEADERS, DATA);
}

static void
test_without_request(void **state)
{
	(void)state;
	SAY(PREFACE);
	EXPECT(SETTINGS, SETTINGS | ACK, WINDOW_UPDATE);
	SAY(POST("\1", "\4") "body");
	EXPECT();
	answer(204, "");
	EXPECT(HEADERS, DATA);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, connect_client, hang_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_with_the_answer),
	    TEST(test_with_a_large_answer),
	    TEST(test_with_what_comes_first),
	    TEST(test_not_for_ever),
	    TEST(test_taken_back),
	    TEST(test_gone),
	    TEST(test_at_once),
	    TEST(test_without_request),
	};

	return cmocka_run_group_tests(tests, set_up_loop, NULL);
}
