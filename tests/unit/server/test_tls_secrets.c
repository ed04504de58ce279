/*
 * Goal: the program's own derivation of TLS 1.3's secrets (server/tls_secrets.c) gives what
 * OpenSSL's does, and only where it is asked for what it knows. Method: a secret of RFC
 * 8448; sizes at random beside the library's function, with the same parameters; requests
 * that are the library's. Who derived is told by the context: the library keeps the
 * parameters in it.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define OUT_MAX 96

typedef int derive_function(EVP_KDF_CTX *, unsigned char *, size_t, const OSSL_PARAM *);

struct request {
	int mode;
	const char *digest;
	uint8_t key[64], label[80], context[80], salt[64];
	size_t key_size, prefix_size, label_size, context_size, salt_size, out_size;
	bool has_key, has_context, has_salt;
};

typedef unsigned char *mac_function(OSSL_LIB_CTX *, const char *, const char *, const char *,
				    const OSSL_PARAM *, const void *, size_t, const unsigned char *,
				    size_t, unsigned char *, size_t, size_t *);

typedef int supports_function(EVP_PKEY *, OSSL_LIB_CTX *, const char *, const char *);

static derive_function *library;
static mac_function *library_mac;
static supports_function *library_supports;

static int
set_up(void **state)
{
	void *found = dlsym(RTLD_NEXT, "EVP_KDF_derive"),
	     *found_mac = dlsym(RTLD_NEXT, "EVP_Q_mac"),
	     *found_supports = dlsym(RTLD_NEXT, "EVP_PKEY_digestsign_supports_digest");

	(void)state;
	memcpy(&library, &found, sizeof found);
	memcpy(&library_mac, &found_mac, sizeof found_mac);
	memcpy(&library_supports, &found_supports, sizeof found_supports);
	return library == NULL || library == EVP_KDF_derive || library_mac == NULL ||
	       library_mac == EVP_Q_mac || library_supports == NULL ||
	       library_supports == EVP_PKEY_digestsign_supports_digest;
}

/* True: the library did it, or refused it. */
static bool
ask(derive_function *derive, struct request *request, uint8_t out[OUT_MAX], int *result)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	uint8_t again[OUT_MAX];
	OSSL_PARAM params[9], *p = params;
	bool was_library;

	assert_non_null(context);
	EVP_KDF_free(kdf);
	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &request->mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)request->digest, 0);
	if (request->has_key)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, request->key,
							 request->key_size);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, "tls13 ",
						 request->prefix_size);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, request->label,
						 request->label_size);
	if (request->has_context)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_DATA, request->context,
							 request->context_size);
	if (request->has_salt)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, request->salt,
							 request->salt_size);
	*p = OSSL_PARAM_construct_end();
	memset(out, 0xaa, OUT_MAX);
	*result = derive(context, out, request->out_size, params);
	was_library = *result <= 0 || library(context, again, request->out_size, NULL) > 0;
	EVP_KDF_CTX_free(context);
	return was_library;
}

/* Of what libssl asks for: a key's or a message's. */
static struct request
usual(void)
{
	struct request request = {.mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY,
				  .digest = "SHA2-256",
				  .key_size = 32,
				  .prefix_size = 6,
				  .label_size = 12,
				  .context_size = 32,
				  .salt_size = 32,
				  .out_size = 32,
				  .has_key = true,
				  .has_context = true};

	for (size_t i = 0; i < sizeof request.key; i++)
		request.key[i] = (uint8_t)rand();
	for (size_t i = 0; i < sizeof request.label; i++)
		request.label[i] = (uint8_t)rand();
	for (size_t i = 0; i < sizeof request.context; i++)
		request.context[i] = (uint8_t)rand();
	for (size_t i = 0; i < sizeof request.salt; i++)
		request.salt[i] = (uint8_t)rand();
	return request;
}

/* A secret from the one before. */
static struct request
usual_extraction(void)
{
	struct request request = usual();

	request.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
	request.label_size = 7;
	request.has_context = false;
	request.has_salt = true;
	return request;
}

/* By both; the bytes behind what was asked for are nobody's. */
static bool
check(struct request *request)
{
	uint8_t ours[OUT_MAX], theirs[OUT_MAX];
	int our_result, their_result;
	bool was_library = ask(EVP_KDF_derive, request, ours, &our_result);

	assert_true(ask(library, request, theirs, &their_result));
	assert_int_equal(our_result > 0, their_result > 0);
	if (their_result > 0)
		assert_memory_equal(ours, theirs, OUT_MAX);
	return was_library;
}

static void
as_in_rfc_8448(void **state)
{
	static const uint8_t early[] = {0x33, 0xad, 0x0a, 0x1c, 0x60, 0x7e, 0xc0, 0x3b,
					0x09, 0xe6, 0xcd, 0x98, 0x93, 0x68, 0x0c, 0xe2,
					0x10, 0xad, 0xf3, 0x00, 0xaa, 0x1f, 0x26, 0x60,
					0xe1, 0xb2, 0x2e, 0x10, 0xf1, 0x70, 0xf9, 0x2a};
	static const uint8_t nothing[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
					  0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
					  0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
					  0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
	static const uint8_t derived[] = {0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5,
					  0x67, 0x8f, 0x54, 0xfc, 0x9d, 0xba, 0xb6, 0x97,
					  0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48, 0x25, 0x0c,
					  0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba};
	struct request request = usual();
	uint8_t out[OUT_MAX];
	int result;

	(void)state;
	memcpy(request.key, early, sizeof early);
	memcpy(request.label, "derived", request.label_size = 7);
	memcpy(request.context, nothing, sizeof nothing);
	assert_false(ask(EVP_KDF_derive, &request, out, &result));
	assert_int_equal(result, 1);
	assert_memory_equal(out, derived, sizeof derived);
}

static void
as_the_library(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct request request = usual();

		request.prefix_size = 1 + (size_t)rand() % 6;
		request.label_size = 1 + (size_t)rand() % 40;
		request.context_size = (size_t)rand() % 65;
		request.has_context = rand() % 4 != 0;
		request.out_size = 1 + (size_t)rand() % 32;
		assert_false(check(&request));
		request = usual_extraction();
		request.key_size = 1 + (size_t)rand() % 64;
		request.has_key = rand() % 4 != 0;
		request.has_salt = rand() % 4 != 0;
		assert_false(check(&request));
	}
}

/* Nothing of it is derived here; also what the library refuses. */
static void
left_to_the_library(void **state)
{
	struct request request;

	(void)state;
	request = usual();
	assert_false(check(&request));
	request.out_size = 33;
	assert_true(check(&request));
	request = usual();
	request.out_size = 0;
	assert_true(check(&request));
	request = usual();
	request.digest = "SHA2-384";
	assert_true(check(&request));
	request = usual();
	request.key_size = 48;
	assert_true(check(&request));
	request = usual();
	request.context_size = 65;
	assert_true(check(&request));
	request = usual();
	request.label_size = 70;
	assert_true(check(&request));
	request = usual();
	request.has_salt = true;
	assert_true(check(&request));
	request = usual_extraction();
	assert_false(check(&request));
	request.out_size = 31;
	assert_true(check(&request));
	request = usual_extraction();
	request.salt_size = 48;
	assert_true(check(&request));
	request = usual_extraction();
	request.has_context = true;
	assert_true(check(&request));
	request = usual_extraction();
	request.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
	assert_true(check(&request));
}

/* By both; some of the requests are the library's. */
static void
authenticated(void **state)
{
	static const char *const names[] = {"SHA2-256", "SHA256", "SHA2-384", "SHA3-256"};
	static const char *const macs[] = {"HMAC", "BLAKE2BMAC"};
	unsigned char key[64], message[300], ours[64], theirs[64];
	OSSL_PARAM end = OSSL_PARAM_construct_end();

	(void)state;
	EVP_KDF_free(EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL));
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (unsigned char)rand();
	for (int round = 0; round < 5000; round++) {
		const char *mac = macs[rand() % 8 == 0], *name = names[rand() % 8 % 4];
		size_t key_size = rand() % 2 ? 32 : 1 + (size_t)rand() % 64;
		size_t size = (size_t)rand() % sizeof message, our_size = 0, their_size = 0;
		size_t room = rand() % 8 == 0 ? (size_t)rand() % 64 : 64;
		const OSSL_PARAM *params = rand() % 2 ? &end : NULL;
		bool well;

		for (size_t i = 0; i < sizeof key; i++)
			key[i] = (unsigned char)rand();
		memset(ours, 0xaa, sizeof ours);
		memset(theirs, 0xaa, sizeof theirs);
		well = library_mac(NULL, mac, NULL, name, params, key, key_size, message, size,
				   theirs, room, &their_size) != NULL;
		assert_int_equal(EVP_Q_mac(NULL, mac, NULL, name, params, key, key_size, message,
					   size, ours, room, &our_size) != NULL,
				 well);
		if (!well)
			continue;
		assert_int_equal(our_size, their_size);
		assert_memory_equal(ours, theirs, sizeof ours);
	}
	assert_null(EVP_Q_mac(NULL, "HMAC", "provider=nobody", "SHA2-256", NULL, key, 32, message,
			      1, ours, sizeof ours, NULL));
	assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA2-256", NULL, key, 32, message, 1, ours,
				  sizeof ours, NULL));
}

/* One for all, and others as ever. */
static void
found_once(void **state)
{
	EVP_KDF *first = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	EVP_KDF *second = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	EVP_KDF *other = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
	EVP_KDF *elsewhere = EVP_KDF_fetch(context, OSSL_KDF_NAME_TLS1_3_KDF, NULL);

	(void)state;
	assert_non_null(first);
	assert_ptr_equal(first, second);
	assert_true(EVP_KDF_is_a(other, OSSL_KDF_NAME_HKDF));
	assert_ptr_not_equal(elsewhere, first);
	assert_null(EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, "provider=nobody"));
	EVP_KDF_free(first);
	EVP_KDF_free(second);
	EVP_KDF_free(other);
	EVP_KDF_free(elsewhere);
	OSSL_LIB_CTX_free(context);
	first = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	assert_ptr_equal(first, second);
	EVP_KDF_free(first);
}

/* Of each kind of key, before and after a key of the usual one has been asked. */
static void
supported(void **state)
{
	static const char *const names[] = {"SHA256", "SHA384",    "MD5",
					    "SM3",    "SHAKE-128", "nobody"};
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
	    cmocka_unit_test(as_in_rfc_8448),      cmocka_unit_test(as_the_library),
	    cmocka_unit_test(left_to_the_library), cmocka_unit_test(found_once),
	    cmocka_unit_test(authenticated),       cmocka_unit_test(supported)};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
