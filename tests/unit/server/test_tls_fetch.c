/*
 * Goal: how TLS 1.3 derives its keys is looked up once (server/tls_fetch.c), and is what
 * OpenSSL has; all else is looked up as ever; whether a key signs with a digest is answered
 * as the library does. Method: the program's functions beside the library's, from several
 * threads at once, too.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define THREADS 4
#define FETCHES 2000

typedef EVP_KDF *fetch_function(OSSL_LIB_CTX *, const char *, const char *);

typedef int supports_function(EVP_PKEY *, OSSL_LIB_CTX *, const char *, const char *);

static fetch_function *library;
static supports_function *library_supports;

static int
set_up(void **state)
{
	void *found = dlsym(RTLD_NEXT, "EVP_KDF_fetch"),
	     *found_supports = dlsym(RTLD_NEXT, "EVP_PKEY_digestsign_supports_digest");

	(void)state;
	memcpy(&library, &found, sizeof found);
	memcpy(&library_supports, &found_supports, sizeof found_supports);
	return library == NULL || library == EVP_KDF_fetch || library_supports == NULL ||
	       library_supports == EVP_PKEY_digestsign_supports_digest;
}

static void *
fetch_often(void *argument)
{
	(void)argument;
	for (int i = 0; i < FETCHES; i++) {
		EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);

		if (kdf == NULL || !EVP_KDF_is_a(kdf, OSSL_KDF_NAME_TLS1_3_KDF))
			return NULL;
		EVP_KDF_free(kdf);
	}
	return &library;
}

/* Each reference is given back: the one that is kept outlives them. */
static void
found_once(void **state)
{
	pthread_t threads[THREADS];
	EVP_KDF *first, *second;

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fetch_often, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *well;

		pthread_join(threads[i], &well);
		assert_non_null(well);
	}
	first = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	second = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	assert_non_null(first);
	assert_ptr_equal(first, second);
	EVP_KDF_free(first);
	EVP_KDF_free(second);
}

static void
others_as_ever(void **state)
{
	EVP_KDF *kept = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	EVP_KDF *other = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
	EVP_KDF *elsewhere = EVP_KDF_fetch(context, OSSL_KDF_NAME_TLS1_3_KDF, NULL);

	(void)state;
	assert_true(EVP_KDF_is_a(other, OSSL_KDF_NAME_HKDF));
	assert_non_null(elsewhere);
	assert_ptr_not_equal(elsewhere, kept);
	assert_null(EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, "provider=nobody"));
	assert_null(EVP_KDF_fetch(NULL, "nothing", NULL));
	EVP_KDF_free(kept);
	EVP_KDF_free(other);
	EVP_KDF_free(elsewhere);
	OSSL_LIB_CTX_free(context);
}

/* By the one that is kept and by the library's own. */
static void
derives_the_same(void **state)
{
	EVP_KDF *kdfs[] = {EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL),
			   library(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL)};
	uint8_t secret[32], out[2][32];
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA2-256", 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof secret),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, "tls13 ", 6),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, "key", 3),
	    OSSL_PARAM_construct_end()};

	(void)state;
	memset(secret, 0x5a, sizeof secret);
	for (size_t i = 0; i < 2; i++) {
		EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdfs[i]);

		assert_non_null(context);
		assert_int_equal(EVP_KDF_derive(context, out[i], sizeof out[i], params), 1);
		EVP_KDF_CTX_free(context);
		EVP_KDF_free(kdfs[i]);
	}
	assert_memory_equal(out[0], out[1], sizeof out[0]);
}

/* Of each kind of key, before and after a key of the usual one has been asked. */
static void
supported(void **state)
{
	static const char *const names[] = {"SHA256",    "SHA384", "MD5", "SM3",
					    "SHAKE-128", "nobody", NULL};
	EVP_PKEY *keys[] = {EVP_EC_gen("P-384"), EVP_RSA_gen(2048),
			    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_EC_gen("P-256"),
			    EVP_EC_gen("SM2")};
	int answers = 0;

	(void)state;
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
			assert_non_null(keys[i]);
			for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
				int answer = EVP_PKEY_digestsign_supports_digest(keys[i], NULL,
										 names[k], NULL);

				assert_int_equal(answer,
						 library_supports(keys[i], NULL, names[k], NULL));
				answers |= 1 << (answer > 0);
			}
			assert_true(EVP_PKEY_digestsign_supports_digest(keys[i], NULL, "SHA256",
									"provider=nobody") <= 0);
		}
	}
	assert_int_equal(answers, 3);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		EVP_PKEY_free(keys[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(found_once), cmocka_unit_test(others_as_ever),
	    cmocka_unit_test(derives_the_same), cmocka_unit_test(supported)};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
