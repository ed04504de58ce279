/*
 * Goal: systemd hears what it wants to, and only from whom it asked. Method:
 * the socket of sd_notify(3) played by the test, by path and abstract; the
 * variables of the watchdog.
 */
#include "beacon.h"

#include <stddef.h>
#include <sys/un.h>

#include "server/service.h"

static int
listen_at(const char *path, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, size);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
			 0);
	return fd;
}

static void
check_heard(int fd, const char *expected)
{
	char text[200];
	ssize_t size = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	assert_true(size > 0);
	text[size] = '\0';
	assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
}

static void
notifies(void **state)
{
	char directory[256], path[300], name[64];
	int fd;

	(void)state;
	service_notify("READY=1"); /* to nobody */
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/notify", directory);
	setenv("NOTIFY_SOCKET", path, 1);
	service_notify("READY=1"); /* not there */
	fd = listen_at(path, strlen(path));
	service_notify("READY=1");
	check_heard(fd, "READY=1");
	service_notify_reloading();
	check_heard(fd, "RELOADING=1\nMONOTONIC_USEC=");
	close(fd);
	snprintf(name, sizeof name, "@drum-test-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1));
	service_notify("STOPPING=1");
	check_heard(fd, "STOPPING=1");
	close(fd);
	setenv("NOTIFY_SOCKET", "relative", 1);
	service_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
	scratch_remove(directory);
}

static void
watchdog(void **state)
{
	char pid[20];

	(void)state;
	assert_int_equal(service_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(service_watchdog_ms(), 15000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(service_watchdog_ms(), 0);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(service_watchdog_ms(), 15000);
}

static void
no_sockets(void **state)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};
	char text[128];

	(void)state;
	assert_int_equal(service_sockets_count(), 0);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_PID", "1", 1); /* somebody else's */
	assert_int_equal(service_sockets_count(), 0);
	assert_null(getenv("LISTEN_FDS"));
	assert_int_equal(service_take_socket(&address), -1);
	assert_false(service_has_socket(text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(notifies),
	    cmocka_unit_test(watchdog),
	    cmocka_unit_test(no_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
