/*
 * Goal: a certificate of our own is whole or not there: no later start fails for half of
 * one. Method: a bound on the length of files, at every length that one of the two has;
 * files that a start left, and files that it may not read. A child knows that it is one.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beacon.h"
#include "full_disk.h"

#include "server/tls.h"

static void
full_disk(void **state)
{
	char directory[256], certificate[4096], key[4096], error[256];
	SSL_CTX *context = NULL;
	int refused = 0;

	(void)state;
	scratch_make(directory);
	for (size_t room = 0; context == NULL && room < 4096; room += 50) {
		int result;

		full_disk_begin(room);
		result = tls_self_signed(directory, certificate, key, error);
		full_disk_end();
		if (result == 0) {
			context = tls_create(certificate, key, true, error);
			assert_non_null(context);
			continue;
		}
		refused++;
		assert_int_equal(access(certificate, F_OK), -1);
		assert_int_equal(access(key, F_OK), -1);
	}
	assert_non_null(context);
	assert_true(refused > 0);
	SSL_CTX_free(context);
	scratch_remove(directory);
}

static void
make_empty(const char *directory, const char *name, mode_t mode)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* A start that was cut off left files without their names, or a certificate of no key. */
static void
cut_off(void **state)
{
	static const char *const left[] = {"certificate.pem.new", "certificate-key.pem.new",
					   "certificate.pem"};
	char directory[256], path[300], certificate[4096], key[4096], error[256];
	SSL_CTX *context;

	(void)state;
	scratch_make(directory);
	for (size_t i = 0; i < 3; i++)
		make_empty(directory, left[i], 0600);
	assert_int_equal(tls_self_signed(directory, certificate, key, error), 0);
	context = tls_create(certificate, key, true, error);
	assert_non_null(context);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, left[i]);
		assert_int_equal(access(path, F_OK), -1);
	}
	SSL_CTX_free(context);
	scratch_remove(directory);
}

/* Somebody's pair, which this user may not read, is not replaced. */
static void
unreadable(void **state)
{
	char directory[256], certificate[4096], key[4096], error[256];
	struct stat status;
	int ended;
	pid_t child;

	(void)state;
	scratch_make(directory);
	assert_int_equal(chmod(directory, 0777), 0);
	make_empty(directory, "certificate.pem", 0);
	make_empty(directory, "certificate-key.pem", 0);
	if ((child = fork()) == 0) { /* root may read everything */
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(2);
		_exit(tls_self_signed(directory, certificate, key, error) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_int_equal(ended, 0);
	snprintf(certificate, sizeof certificate, "%s/certificate.pem", directory);
	assert_int_equal(stat(certificate, &status), 0);
	assert_int_equal(status.st_size, 0);
	scratch_remove(directory);
}

/* OpenSSL takes new random numbers where this says so. */
static void
child_is_told(void **state)
{
	pid_t parent = getpid(), child;
	int status = 0;

	(void)state;
	assert_int_equal(parent, syscall(SYS_getpid));
	child = fork();
	if (child == 0)
		_exit(getpid() == (pid_t)syscall(SYS_getpid) && getpid() != parent ? 0 : 1);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(getpid(), parent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(full_disk), cmocka_unit_test(cut_off),
					   cmocka_unit_test(unreadable),
					   cmocka_unit_test(child_is_told)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
