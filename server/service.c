/*
 * service.h. Around drum serve, on the main thread; must not be needed for
 * anything.
 */
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "service.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

static int sockets[SERVICE_SOCKETS_MAX], sockets_count;

/* ---- telling --------------------------------------------------------- */

void
service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = path == NULL ? 0 : strlen(path);
	int fd;

	if (size < 2 || size >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, size);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* abstract */
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
	close(fd);
}

void
service_notify_reloading(void)
{
	struct timespec now;
	char state[80];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	service_notify(state);
}

static bool
is_for_us(const char *variable)
{
	const char *pid = getenv(variable);

	return pid != NULL && atol(pid) == (long)getpid();
}

int64_t
service_watchdog_ms(void)
{
	const char *text = getenv("WATCHDOG_USEC");

	if (text == NULL || (getenv("WATCHDOG_PID") != NULL && !is_for_us("WATCHDOG_PID")))
		return 0;
	return atoll(text) / 2000; /* twice as often as it must be */
}

/* ---- sockets --------------------------------------------------------- */

int
service_sockets_count(void)
{
	const char *text = getenv("LISTEN_FDS");
	int count = text == NULL || !is_for_us("LISTEN_PID") ? 0 : atoi(text);

	sockets_count = count > SERVICE_SOCKETS_MAX ? SERVICE_SOCKETS_MAX : count < 0 ? 0 : count;
	for (int i = 0; i < sockets_count; i++) {
		sockets[i] = FIRST_FD + i;
		fcntl(sockets[i], F_SETFD, FD_CLOEXEC);
		fcntl(sockets[i], F_SETFL, fcntl(sockets[i], F_GETFL) | O_NONBLOCK);
	}
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return sockets_count;
}

static bool
is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	struct sockaddr_in a4, b4;
	struct sockaddr_in6 a6, b6;

	if (a->ss_family != b->ss_family)
		return false;
	memcpy(&a4, a, sizeof a4);
	memcpy(&b4, b, sizeof b4);
	memcpy(&a6, a, sizeof a6);
	memcpy(&b6, b, sizeof b6);
	if (a->ss_family == AF_INET)
		return a4.sin_port == b4.sin_port && a4.sin_addr.s_addr == b4.sin_addr.s_addr;
	return a->ss_family == AF_INET6 && a6.sin6_port == b6.sin6_port &&
	       memcmp(&a6.sin6_addr, &b6.sin6_addr, sizeof a6.sin6_addr) == 0;
}

int
service_take_socket(const struct sockaddr_storage *address)
{
	for (int i = 0; i < sockets_count; i++) {
		struct sockaddr_storage bound = {0};
		socklen_t size = sizeof bound, number_size = sizeof(int);
		int fd = sockets[i], is_listening = 0;

		/* Not ListenDatagram's, nor a connection (Accept=yes). */
		if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0 ||
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &number_size) != 0 ||
		    !is_listening || !is_same(&bound, address))
			continue;
		memmove(&sockets[i], &sockets[i + 1],
			(size_t)(sockets_count - i - 1) * sizeof *sockets);
		sockets_count--;
		return fd;
	}
	return -1;
}

bool
service_has_socket(char address[128])
{
	struct sockaddr_storage bound = {0};
	socklen_t size = sizeof bound;
	char host[64] = "?", port[16] = "?";

	if (sockets_count == 0)
		return false;
	if (getsockname(sockets[0], (struct sockaddr *)&bound, &size) == 0)
		getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(address, 128, "%s:%s", host, port);
	return true;
}
