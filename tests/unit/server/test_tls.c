/*
 * Goal: a certificate of our own is whole or not there: no later start fails for half of
 * one. Method: a bound on the length of files, at every length that one of the two has.
 */
#include <unistd.h>

#include "beacon.h"
#include "full_disk.h"

#include "server/tls.h"

static void
full_disk(void **state)
{
	char directory[256], certificate[4096], key[4096], error[256];
	SSL_CTX *context = NULL;

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
		assert_int_equal(access(certificate, F_OK), -1);
		assert_int_equal(access(key, F_OK), -1);
	}
	assert_non_null(context);
	SSL_CTX_free(context);
	scratch_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(full_disk)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
