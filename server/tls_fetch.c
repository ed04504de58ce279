/*
 * What OpenSSL 3 finds out again in each handshake, kept: how TLS 1.3 derives its keys,
 * which it looks up by name 20 times, and whether an EC key of the default
 * provider signs with SHA-256.
 * Functions of libcrypto that libssl calls, replaced, on any thread; must not derive or
 * sign anything, and leave to the library whatever else is asked for.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

/* The library's own functions. */
static struct {
	EVP_KDF *(*fetch)(OSSL_LIB_CTX *, const char *, const char *);
	int (*supports)(EVP_PKEY *, OSSL_LIB_CTX *, const char *, const char *);
} real;

__attribute__((constructor)) static void
find_real(void)
{
	void *fetch = dlsym(RTLD_NEXT, "EVP_KDF_fetch"),
	     *supports = dlsym(RTLD_NEXT, "EVP_PKEY_digestsign_supports_digest");

	if (fetch == NULL || supports == NULL) {
		fprintf(stderr,
			"drum: libcrypto is not the library that this program was made for\n");
		exit(1);
	}
	memcpy(&real.fetch, &fetch, sizeof fetch);
	memcpy(&real.supports, &supports, sizeof supports);
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
		return real.fetch(libctx, algorithm, properties);
	if ((kdf = atomic_load(&kept)) == NULL) {
		kdf = real.fetch(libctx, algorithm, properties);
		if (kdf == NULL || !atomic_compare_exchange_strong(&kept, &none, kdf))
			return kdf;
	}
	EVP_KDF_up_ref(kdf);
	return kdf;
}

/* It depends on the kind of key and its provider alone; the library begins to sign. */
int
EVP_PKEY_digestsign_supports_digest(EVP_PKEY *pkey, OSSL_LIB_CTX *libctx, const char *name,
				    const char *propq)
{
	static _Atomic bool is_known;
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(pkey);
	bool is_usual = libctx == NULL && propq == NULL && EVP_PKEY_get_id(pkey) == EVP_PKEY_EC &&
			provider != NULL &&
			strcmp(OSSL_PROVIDER_get0_name(provider), "default") == 0 && name != NULL &&
			strcmp(name, "SHA256") == 0;
	int result;

	if (is_usual && atomic_load(&is_known))
		return 1;
	result = real.supports(pkey, libctx, name, propq);
	if (is_usual && result == 1)
		atomic_store(&is_known, true);
	return result;
}
