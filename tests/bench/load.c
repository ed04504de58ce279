/*
 * Load for collectors: beacons over HTTP/2, in the clear or over TLS. It checks
 * each answer for 204 and parses no more of it, so that little of the machine
 * is taken from the server.
 *
 *   load closed PORT BEACONS COUNT CONNECTIONS STREAMS   as fast as answers come
 *   load paced PORT BEACONS COUNT CONNECTIONS RATE       so many a second, whatever comes
 *   load fresh PORT BEACONS COUNT CONNECTIONS            a connection each
 *   load idle PORT COUNT                                 open, until stdin ends
 *   load sync FILE BYTES COUNT RATE                      so many appends a second come due:
 *                                                        all that have with one fdatasync
 *
 * PORT is on 127.0.0.1, and with an `s` behind it takes TLS. A line of BEACONS
 * is a User-Agent, an address for X-Forwarded-For or nothing, and a body, with
 * tabs between; the body's "view" is replaced, so that each is another view.
 * Prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define STREAMS_MAX 100u /* at once, as servers allow */
#define RING 512u        /* streams whose times are remembered */
#define OUT_BYTES (1u << 20)
#define IN_BYTES (1u << 16)
#define BEACONS_MAX 65536u
#define TOGETHER_MAX 4096u /* appends with one sync, as drum has them */
#define PAUSE_NS 50000

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

struct beacon {
	const char *user_agent, *address;
	char *body, *view; /* view: in the body, 16 digits */
	size_t size;
};

struct connection {
	int fd;
	SSL *ssl; /* NULL: in the clear */
	bool connected, wants_write, armed;
	bool has_headers; /* the server's table has those that repeat */
	uint32_t next_id, waiting;
	int64_t window;
	uint8_t *out, *in; /* owned */
	size_t out_size, out_sent, in_size;
	int64_t due_ns[RING];
};

static struct {
	enum { CLOSED, PACED, FRESH, IDLE } mode;
	struct sockaddr_in address;
	SSL_CTX *tls;
	int epoll;
	uint32_t connections_count, streams;
	struct connection *connections;
	struct beacon *beacons;
	uint32_t beacons_count;
	uint64_t wanted, sent, answered, failed;
	double rate;
	int64_t began_ns;
	uint32_t *latencies_us;
	uint64_t handshakes;
} load;

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- beacons --------------------------------------------------------- */

static void
read_beacons(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t line_max = 0;
	ssize_t size;

	load.beacons = calloc(BEACONS_MAX, sizeof *load.beacons);
	if (file == NULL || load.beacons == NULL)
		fail(path);
	while (load.beacons_count < BEACONS_MAX && (size = getline(&line, &line_max, file)) > 0) {
		struct beacon *beacon = &load.beacons[load.beacons_count++];
		char *rest = strndup(line, (size_t)size - 1);

		beacon->user_agent = strsep(&rest, "\t");
		beacon->address = strsep(&rest, "\t");
		beacon->body = rest;
		if (rest == NULL || (beacon->view = strstr(rest, "\"view\":\"")) == NULL)
			fail("a line without view");
		beacon->view += 8;
		beacon->size = strlen(rest);
	}
	free(line);
	fclose(file);
}

/* Another one for each request: spread as those of browsers are. */
static void
name_view(struct beacon *beacon, uint64_t number)
{
	static uint64_t base;
	char digits[17];

	if (base == 0)
		base = (uint64_t)now_ns() << 20;
	number = (base + number) * 0x9e3779b97f4a7c15u;
	snprintf(digits, sizeof digits, "%016llx", (unsigned long long)number);
	memcpy(beacon->view, digits, 16);
}

/* ---- frames ---------------------------------------------------------- */

static void
put(struct connection *connection, const void *bytes, size_t size)
{
	if (connection->out_size + size > OUT_BYTES)
		fail("the output is full");
	memcpy(connection->out + connection->out_size, bytes, size);
	connection->out_size += size;
}

static void
put_frame(struct connection *connection, size_t length, uint8_t type, uint8_t flags, uint32_t id)
{
	uint8_t head[9] = {
	    (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length,    type,       flags,
	    (uint8_t)(id >> 24),     (uint8_t)(id >> 16),    (uint8_t)(id >> 8), (uint8_t)id};

	put(connection, head, sizeof head);
}

static size_t
put_text(uint8_t *block, const char *text)
{
	size_t size = strlen(text);

	if (size > 254)
		size = 254;
	block[0] = (uint8_t)(size < 127 ? size : 127); /* HPACK: prefix of 7 bits */
	if (size < 127) {
		memcpy(block + 1, text, size);
		return size + 1;
	}
	block[1] = (uint8_t)(size - 127);
	memcpy(block + 2, text, size);
	return size + 2;
}

/* Headers as a browser's: in full once, then by their place in the table; the
 * address, as a proxy's, each time. */
static size_t
header_block(struct connection *connection, const struct beacon *beacon, uint8_t *block)
{
	static const char *const names[] = {"origin", "sec-fetch-mode", "sec-fetch-site"};
	static const char *const values[] = {"https://shop.example", "no-cors", "cross-site"};
	size_t size = 0;
	char number[16];

	block[size++] = 0x83; /* :method POST */
	block[size++] = connection->ssl != NULL ? 0x87 : 0x86;
	if (connection->has_headers) {
		for (uint8_t i = 0; i < 8; i++)
			block[size++] = (uint8_t)(0x80 | (69 - i)); /* the oldest first */
	} else {
		block[size++] = 0x44;
		size += put_text(block + size, "/beacon");
		block[size++] = 0x41;
		size += put_text(block + size, "metrics.shop.example");
		block[size++] = 0x5f;
		size += put_text(block + size, "text/plain;charset=UTF-8");
		block[size++] = 0x7a;
		size += put_text(block + size, beacon->user_agent);
		block[size++] = 0x51;
		size += put_text(block + size, "de-DE,de;q=0.9,en;q=0.8");
		for (int i = 0; i < 3; i++) {
			block[size++] = 0x40;
			size += put_text(block + size, names[i]);
			size += put_text(block + size, values[i]);
		}
	}
	block[size++] = 0x0f; /* content-length, not kept in the table */
	block[size++] = 28 - 15;
	snprintf(number, sizeof number, "%zu", beacon->size);
	size += put_text(block + size, number);
	if (beacon->address[0] != '\0') {
		block[size++] = 0;
		size += put_text(block + size, "x-forwarded-for");
		size += put_text(block + size, beacon->address);
	}
	connection->has_headers = true;
	return size;
}

static bool
may_send(const struct connection *connection)
{
	return connection->connected && load.sent < load.wanted &&
	       connection->waiting < load.streams && connection->window >= 65536 / 8 &&
	       connection->out_size < OUT_BYTES - 65536 &&
	       (load.mode != FRESH || connection->next_id == 1);
}

static void
send_beacon(struct connection *connection, int64_t due)
{
	struct beacon *beacon = &load.beacons[load.sent % load.beacons_count];
	uint32_t id = connection->next_id;
	uint8_t block[2048];
	size_t size = header_block(connection, beacon, block);

	name_view(beacon, load.sent++);
	put_frame(connection, size, HEADERS, END_HEADERS, id);
	put(connection, block, size);
	put_frame(connection, beacon->size, DATA, END_STREAM, id);
	put(connection, beacon->body, beacon->size);
	connection->due_ns[id / 2 % RING] = due;
	connection->window -= (int64_t)beacon->size;
	connection->next_id += 2;
	connection->waiting++;
}

/* ---- connections ----------------------------------------------------- */

static void
arm(struct connection *connection, bool writes)
{
	struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0u),
				    .data.ptr = connection};

	if (connection->armed && connection->wants_write == writes)
		return;
	connection->wants_write = writes;
	if (epoll_ctl(load.epoll, connection->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection->fd,
		      &event) != 0)
		fail("epoll_ctl");
	connection->armed = true;
}

static void
open_connection(struct connection *connection)
{
	static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	int on = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connection->fd < 0)
		fail("socket");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(connection->fd, (struct sockaddr *)&load.address, sizeof load.address) != 0 &&
	    errno != EINPROGRESS)
		fail("connect");
	connection->armed = connection->has_headers = false;
	connection->connected = load.mode == FRESH; /* like browsers, it waits for no SETTINGS */
	connection->next_id = 1;
	connection->waiting = 0;
	connection->window = 65535;
	connection->out_size = connection->out_sent = connection->in_size = 0;
	if (load.tls != NULL) {
		if ((connection->ssl = SSL_new(load.tls)) == NULL)
			fail("SSL_new");
		SSL_set_fd(connection->ssl, connection->fd);
		SSL_set_connect_state(connection->ssl);
	}
	put(connection, preface, 24);
	put_frame(connection, 0, SETTINGS, 0, 0);
	if (load.mode == FRESH)
		send_beacon(connection, now_ns());
	arm(connection, true);
}

static void
close_connection(struct connection *connection)
{
	if (connection->ssl != NULL) {
		SSL_set_quiet_shutdown(connection->ssl, 1);
		SSL_free(connection->ssl);
	}
	connection->ssl = NULL;
	close(connection->fd);
}

/* False: the socket takes no more now. */
static bool
flush(struct connection *connection)
{
	while (connection->out_sent < connection->out_size) {
		const uint8_t *bytes = connection->out + connection->out_sent;
		size_t size = connection->out_size - connection->out_sent, taken = 0;
		ssize_t result;

		if (connection->ssl != NULL) {
			if (SSL_write_ex(connection->ssl, bytes, size, &taken) != 1) {
				int error = SSL_get_error(connection->ssl, 0);

				ERR_clear_error();
				if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
					fail("SSL_write");
				arm(connection, error == SSL_ERROR_WANT_WRITE);
				return false;
			}
		} else {
			result = write(connection->fd, bytes, size);
			if (result < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
				arm(connection, true);
				return false;
			}
			if (result < 0)
				fail("write");
			taken = (size_t)result;
		}
		connection->out_sent += taken;
	}
	connection->out_sent = connection->out_size = 0;
	arm(connection, false);
	return true;
}

/* ---- answers --------------------------------------------------------- */

static void
on_answer(struct connection *connection, uint32_t id, bool well)
{
	int64_t taken = now_ns() - connection->due_ns[id / 2 % RING];

	connection->waiting--;
	load.failed += !well;
	load.latencies_us[load.answered++] = (uint32_t)(taken / 1000);
}

static uint32_t
number_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void
on_frame(struct connection *connection, uint8_t type, uint8_t flags, uint32_t id,
	 const uint8_t *payload, size_t length)
{
	static const uint8_t nothing[8];

	switch (type) {
	case HEADERS:
		/* :status 204 is entry 9 of the static table. A server may first
		 * change the size of its dynamic one. */
		while (length > 1 && (payload[0] & 0xe0) == 0x20) {
			payload++;
			length--;
		}
		if (flags & END_STREAM || payload[0] != 0x89)
			on_answer(connection, id, payload[0] == 0x89);
		break;
	case DATA:
		if (flags & END_STREAM && length == 0)
			on_answer(connection, id, true); /* the body of a 204 */
		break;
	case RST_STREAM:
		if (length == 4 && number_at(payload) != 0)
			on_answer(connection, id, false);
		break;
	case SETTINGS:
		if (!(flags & ACK))
			put_frame(connection, 0, SETTINGS, ACK, 0);
		connection->connected = true;
		break;
	case PING:
		if (!(flags & ACK)) {
			put_frame(connection, 8, PING, ACK, 0);
			put(connection, length == 8 ? payload : nothing, 8);
		}
		break;
	case GOAWAY:
		fprintf(stderr, "load: GOAWAY after %llu answers, error %u %.*s\n",
			(unsigned long long)load.answered, length >= 8 ? number_at(payload + 4) : 0,
			length > 8 ? (int)length - 8 : 0, payload + 8);
		exit(1);
	case WINDOW_UPDATE:
		if (id == 0 && length == 4)
			connection->window += number_at(payload) & 0x7fffffff;
		break;
	default:
		break;
	}
}

/* -1: closed; 0: nothing more now. */
static ssize_t
read_some(struct connection *connection)
{
	uint8_t *to = connection->in + connection->in_size;
	size_t room = IN_BYTES - connection->in_size, taken;
	ssize_t result;

	if (connection->ssl == NULL) {
		result = read(connection->fd, to, room);
		return result > 0 ? result : result < 0 && errno == EAGAIN ? 0 : -1;
	}
	if (SSL_read_ex(connection->ssl, to, room, &taken) == 1)
		return (ssize_t)taken;
	result = SSL_get_error(connection->ssl, 0);
	ERR_clear_error();
	return result == SSL_ERROR_WANT_READ || result == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void
take_frames(struct connection *connection)
{
	size_t at = 0;

	while (connection->in_size - at >= 9) {
		const uint8_t *head = connection->in + at;
		size_t length = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

		if (connection->in_size - at < 9 + length)
			break;
		on_frame(connection, head[3], head[4], number_at(head + 5), head + 9, length);
		at += 9 + length;
	}
	memmove(connection->in, connection->in + at, connection->in_size - at);
	connection->in_size -= at;
}

static void
on_event(struct connection *connection)
{
	uint64_t before = load.answered;
	ssize_t size;

	if (!flush(connection) && connection->ssl == NULL)
		return;
	while ((size = read_some(connection)) > 0) {
		connection->in_size += (size_t)size;
		take_frames(connection);
	}
	if (size < 0 && load.answered < load.wanted) {
		fprintf(stderr, "load: closed by the server\n");
		exit(1);
	}
	if (load.mode == FRESH && load.answered > before) {
		close_connection(connection);
		load.handshakes++;
		if (load.sent < load.wanted)
			open_connection(connection);
		return;
	}
	while (load.mode != PACED && may_send(connection))
		send_beacon(connection, now_ns());
	flush(connection);
}

/* ---- running --------------------------------------------------------- */

/* What is due by now goes to whichever connection has room; beacons that find
 * none wait, and their time runs. */
static void
send_due(void)
{
	static uint32_t turn;
	uint64_t due = (uint64_t)((double)(now_ns() - load.began_ns) * 1e-9 * load.rate);

	due = due < load.wanted ? due : load.wanted;
	for (uint32_t full = 0; load.sent < due && full < load.connections_count;) {
		struct connection *connection = &load.connections[turn++ % load.connections_count];

		if (!may_send(connection)) {
			full++;
			continue;
		}
		full = 0;
		send_beacon(connection,
			    load.began_ns + (int64_t)((double)load.sent / load.rate * 1e9));
	}
	for (uint32_t i = 0; i < load.connections_count; i++)
		flush(&load.connections[i]);
}

static bool
is_ready(void)
{
	for (uint32_t i = 0; i < load.connections_count; i++) {
		if (!load.connections[i].connected)
			return false;
	}
	return true;
}

static void
run(void)
{
	struct epoll_event events[256];
	bool ready = load.mode != PACED;

	for (uint32_t i = 0; i < load.connections_count; i++) {
		struct connection *connection = &load.connections[i];

		connection->out = malloc(OUT_BYTES);
		connection->in = malloc(IN_BYTES);
		if (connection->out == NULL || connection->in == NULL)
			fail("malloc");
		open_connection(connection);
	}
	load.began_ns = now_ns();
	while (load.answered < load.wanted) {
		int count = epoll_wait(load.epoll, events, 256, load.mode == PACED ? 1 : 5000);

		if (count == 0 && load.mode != PACED) {
			fprintf(stderr, "load: %llu of %llu answered, then nothing for 5 s\n",
				(unsigned long long)load.answered, (unsigned long long)load.wanted);
			exit(1);
		}
		for (int i = 0; i < count; i++)
			on_event(events[i].data.ptr);
		if (!ready && (ready = is_ready()))
			load.began_ns = now_ns();
		if (ready && load.mode == PACED)
			send_due();
	}
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
print(const char *what, uint32_t *times_us, uint64_t count, int64_t taken_ns)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	qsort(times_us, count, sizeof *times_us, compare);
	printf("{\"%s\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"cpu_s\":%.3f,\"p50_us\":%u,"
	       "\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u}\n",
	       what, (unsigned long long)count, (unsigned long long)load.failed,
	       (double)taken_ns * 1e-9,
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6,
	       times_us[count / 2], times_us[count * 99 / 100], times_us[count * 999 / 1000],
	       times_us[count - 1]);
}

/* Connections in one process, each after its handshake, with nothing to do. */
static int
idle(uint32_t count)
{
	struct epoll_event events[256];
	struct connection *all = calloc(count, sizeof *all);
	uint8_t *out = malloc(OUT_BYTES), *in = malloc(IN_BYTES);

	for (uint32_t i = 0; i < count; i++) {
		all[i].out = out; /* shared: one connection at a time */
		all[i].in = in;
		open_connection(&all[i]);
		while (!all[i].connected) {
			int ready = epoll_wait(load.epoll, events, 256, 5000);

			if (ready <= 0)
				fail("a connection does not open");
			for (int e = 0; e < ready; e++) {
				if (events[e].data.ptr == &all[i])
					on_event(&all[i]);
			}
		}
		flush(&all[i]);
	}
	printf("{\"idle\":%u}\n", count);
	fflush(stdout);
	while (read(0, in, IN_BYTES) > 0)
		;
	return 0;
}

/* What paced beacons would wait for the disk alone: appends come due at the rate,
 * and wait while the sync of those before them is under way. */
static int
sync_often(const char *path, size_t bytes, uint32_t count, double rate)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char *block = malloc(bytes * TOGETHER_MAX);
	uint32_t *times_us = calloc(count, sizeof *times_us), done = 0;
	int64_t began = now_ns();

	if (fd < 0 || block == NULL || times_us == NULL)
		fail(path);
	memset(block, 'x', bytes * TOGETHER_MAX);
	while (done < count) {
		uint32_t due = (uint32_t)((double)(now_ns() - began) * 1e-9 * rate) + 1;
		uint32_t left = count - done, size = due - done < left ? due - done : left;
		struct timespec soon = {0, PAUSE_NS};
		double taken_s;

		if (size == 0) {
			nanosleep(&soon, NULL);
			continue;
		}
		size = size < TOGETHER_MAX ? size : TOGETHER_MAX;
		if (write(fd, block, size * bytes) != (ssize_t)(size * bytes) || fdatasync(fd) != 0)
			fail(path);
		taken_s = (double)(now_ns() - began) * 1e-9;
		for (uint32_t end = done + size; done < end; done++)
			times_us[done] = (uint32_t)((taken_s - done / rate) * 1e6);
	}
	print("syncs", times_us, count, now_ns() - began);
	close(fd);
	unlink(path);
	return 0;
}

static SSL_CTX *
make_tls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	static const uint8_t alpn[] = "\x02h2";

	if (tls == NULL || SSL_CTX_set_alpn_protos(tls, alpn, 3) != 0)
		fail("TLS");
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	return tls;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	static const char *const modes[] = {"closed", "paced", "fresh", "idle"};
	static const int arguments[] = {7, 7, 6, 4};
	int64_t began;

	if (strcmp(mode, "sync") == 0 && argc == 6)
		return sync_often(argv[2], strtoul(argv[3], NULL, 10),
				  (uint32_t)strtoul(argv[4], NULL, 10), strtod(argv[5], NULL));
	for (load.mode = CLOSED; load.mode <= IDLE; load.mode++) {
		if (strcmp(mode, modes[load.mode]) == 0 && argc == arguments[load.mode])
			break;
	}
	if (load.mode > IDLE) {
		fprintf(stderr, "usage: see load.c\n");
		return 2;
	}
	load.address = (struct sockaddr_in){.sin_family = AF_INET,
					    .sin_port = htons((uint16_t)atoi(argv[2])),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (argv[2][strlen(argv[2]) - 1] == 's')
		load.tls = make_tls();
	load.epoll = epoll_create1(0);
	if (load.mode == IDLE)
		return idle((uint32_t)strtoul(argv[3], NULL, 10));
	read_beacons(argv[3]);
	load.wanted = strtoull(argv[4], NULL, 10);
	load.connections_count = (uint32_t)strtoul(argv[5], NULL, 10);
	load.connections = calloc(load.connections_count, sizeof *load.connections);
	load.latencies_us = calloc(load.wanted + STREAMS_MAX, sizeof *load.latencies_us);
	if (load.connections == NULL || load.latencies_us == NULL)
		fail("malloc");
	load.streams = load.mode == CLOSED  ? (uint32_t)strtoul(argv[6], NULL, 10)
		       : load.mode == PACED ? STREAMS_MAX
					    : 1;
	load.rate = load.mode == PACED ? strtod(argv[6], NULL) : 0;
	began = now_ns();
	run();
	if (load.mode == PACED)
		began = load.began_ns;
	print("beacons", load.latencies_us, load.answered, now_ns() - began);
	return load.failed > 0;
}
