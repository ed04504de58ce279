/*
 * What OpenSSL 3 looks up by its name 20 times a handshake, kept: how TLS 1.3 derives its
 * keys. A function of libcrypto that libssl calls, replaced, on any thread; must not
 * derive anything, and leaves to the library whatever else is asked for.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

/* The library's own function. */
static EVP_KDF *(*real_fetch)(OSSL_LIB_CTX *, const char *, const char *);

__attribute__((constructor)) static void
find_real(void)
{
	void *fetch = dlsym(RTLD_NEXT, "EVP_KDF_fetch");

	if (fetch == NULL) {
		fprintf(stderr,
			"drum: libcrypto is not the library that this program was made for\n");
		exit(1);
	}
	memcpy(&real_fetch, &fetch, sizeof fetch);
}

/* The library's comes under locks that all threads share. As it, returns a reference of
 * the caller's. */
EVP_KDF *
EVP_KDF_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties)
{
	static _Atomic(EVP_KDF *) kept; /* a reference, for good; NULL: not yet */
	EVP_KDF *kdf, *none = NULL;

	if (libctx != NULL || properties != NULL ||
	    strcmp(algorithm, OSSL_KDF_NAME_TLS1_3_KDF) != 0)
		return real_fetch(libctx, algorithm, properties);
	if ((kdf = atomic_load(&kept)) == NULL) {
		kdf = real_fetch(libctx, algorithm, properties);
		if (kdf == NULL || !atomic_compare_exchange_strong(&kept, &none, kdf))
			return kdf;
	}
	EVP_KDF_up_ref(kdf);
	return kdf;
}
