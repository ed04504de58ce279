/*
 * What TLS 1.3 derives its keys with, as libssl asks libcrypto for it 20 times a
 * handshake: of 1.4 us each, in which names are looked up and contexts made, SHA-256 takes
 * 0.2. Also other questions of libssl's whose answers are known. Functions of libcrypto
 * that are replaced, on any thread; must not change what is answered, and leaves to the
 * library whatever it does not know.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init and its like: the others look names up */

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/sha.h>

#define SECRET_BYTES SHA256_DIGEST_LENGTH
#define BLOCK_BYTES SHA256_CBLOCK
#define SHA256_NAME "SHA2-256" /* as libssl calls it */
#define LABEL_BYTES_MAX 64     /* what is longer, of whoever else, is left to the library */
#define CONTEXT_BYTES_MAX 64

/* The library's own functions. */
static struct {
	EVP_KDF *(*fetch)(OSSL_LIB_CTX *, const char *, const char *);
	int (*derive)(EVP_KDF_CTX *, unsigned char *, size_t, const OSSL_PARAM *);
	unsigned char *(*mac)(OSSL_LIB_CTX *, const char *, const char *, const char *,
			      const OSSL_PARAM *, const void *, size_t, const unsigned char *,
			      size_t, unsigned char *, size_t, size_t *);
	int (*supports)(EVP_PKEY *, OSSL_LIB_CTX *, const char *, const char *);
} real;

static void *
find(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function == NULL) {
		fprintf(stderr,
			"drum: libcrypto is not the library that this program was made for\n");
		exit(1);
	}
	return function;
}

__attribute__((constructor)) static void
find_real(void)
{
	void *fetch = find("EVP_KDF_fetch"), *derive = find("EVP_KDF_derive"),
	     *mac = find("EVP_Q_mac"), *supports = find("EVP_PKEY_digestsign_supports_digest");

	memcpy(&real.fetch, &fetch, sizeof fetch);
	memcpy(&real.derive, &derive, sizeof derive);
	memcpy(&real.mac, &mac, sizeof mac);
	memcpy(&real.supports, &supports, sizeof supports);
}

/* ---- RFC 8446, 7.1 ---------------------------------------------------- */

struct piece {
	const void *bytes;
	size_t size;
};

/* HMAC-SHA-256 of the pieces, one behind the other. */
static void
authenticate(const uint8_t key[SECRET_BYTES], const struct piece *pieces, size_t count,
	     uint8_t out[SECRET_BYTES])
{
	uint8_t pad[BLOCK_BYTES];
	SHA256_CTX sha;

	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] = (i < SECRET_BYTES ? key[i] : 0) ^ 0x36;
	SHA256_Init(&sha);
	SHA256_Update(&sha, pad, sizeof pad);
	for (size_t i = 0; i < count; i++)
		SHA256_Update(&sha, pieces[i].bytes, pieces[i].size);
	SHA256_Final(out, &sha);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	SHA256_Init(&sha);
	SHA256_Update(&sha, pad, sizeof pad);
	SHA256_Update(&sha, out, SECRET_BYTES);
	SHA256_Final(out, &sha);
	OPENSSL_cleanse(pad, sizeof pad);
	OPENSSL_cleanse(&sha, sizeof sha);
}

/* What libssl wants derived. */
struct wanted {
	int mode;
	bool has_sha256;
	struct piece key, salt, prefix, label, context;
};

/* HKDF-Expand-Label, of one block. */
static void
expand(const struct wanted *wanted, const uint8_t secret[SECRET_BYTES], struct piece context,
       unsigned char *out, size_t size)
{
	const uint8_t head[] = {(uint8_t)(size >> 8), (uint8_t)size,
				(uint8_t)(wanted->prefix.size + wanted->label.size)};
	const uint8_t context_size = (uint8_t)context.size, block = 1;
	const struct piece pieces[] = {{head, sizeof head}, wanted->prefix, wanted->label,
				       {&context_size, 1},  context,        {&block, 1}};
	uint8_t bytes[SECRET_BYTES];

	authenticate(secret, pieces, sizeof pieces / sizeof *pieces, bytes);
	memcpy(out, bytes, size);
	OPENSSL_cleanse(bytes, sizeof bytes);
}

/* HKDF-Extract, with what is derived from the secret before, of no messages. */
static void
extract(const struct wanted *wanted, unsigned char out[SECRET_BYTES])
{
	static const uint8_t zeros[SECRET_BYTES];
	/* SHA-256 of nothing. */
	static const uint8_t nothing[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
					  0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
					  0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
					  0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
	struct piece key = wanted->key;
	uint8_t salt[SECRET_BYTES] = {0};

	if (key.bytes == NULL)
		key = (struct piece){zeros, sizeof zeros};
	if (wanted->salt.bytes != NULL)
		expand(wanted, wanted->salt.bytes, (struct piece){nothing, sizeof nothing}, salt,
		       sizeof salt);
	authenticate(salt, &key, 1, out);
	OPENSSL_cleanse(salt, sizeof salt);
}

/* Whether nothing else is asked for than what is known here. */
static bool
read_params(const OSSL_PARAM *param, struct wanted *wanted)
{
	*wanted = (struct wanted){.mode = -1};
	for (; param != NULL && param->key != NULL; param++) {
		struct piece piece = {param->data, param->data_size};

		if (piece.bytes == NULL)
			return false;
		if (strcmp(param->key, OSSL_KDF_PARAM_MODE) == 0 && piece.size == sizeof(int))
			wanted->mode = *(const int *)piece.bytes;
		else if (strcmp(param->key, OSSL_KDF_PARAM_DIGEST) == 0)
			wanted->has_sha256 = strcmp(piece.bytes, SHA256_NAME) == 0;
		else if (strcmp(param->key, OSSL_KDF_PARAM_KEY) == 0)
			wanted->key = piece;
		else if (strcmp(param->key, OSSL_KDF_PARAM_SALT) == 0)
			wanted->salt = piece;
		else if (strcmp(param->key, OSSL_KDF_PARAM_PREFIX) == 0)
			wanted->prefix = piece;
		else if (strcmp(param->key, OSSL_KDF_PARAM_LABEL) == 0)
			wanted->label = piece;
		else if (strcmp(param->key, OSSL_KDF_PARAM_DATA) == 0)
			wanted->context = piece;
		else
			return false;
	}
	return wanted->has_sha256 && wanted->prefix.size > 0 && wanted->label.size > 0 &&
	       wanted->prefix.size + wanted->label.size <= LABEL_BYTES_MAX;
}

/* False: that is not known here. */
static bool
derive(const struct wanted *wanted, unsigned char *out, size_t size)
{
	if (wanted->mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && wanted->salt.bytes == NULL &&
	    wanted->key.size == SECRET_BYTES && wanted->context.size <= CONTEXT_BYTES_MAX &&
	    size > 0 && size <= SECRET_BYTES) {
		expand(wanted, wanted->key.bytes, wanted->context, out, size);
		return true;
	}
	if (wanted->mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && wanted->context.bytes == NULL &&
	    (wanted->salt.bytes == NULL || wanted->salt.size == SECRET_BYTES) &&
	    (wanted->key.bytes == NULL || wanted->key.size > 0) && size == SECRET_BYTES) {
		extract(wanted, out);
		return true;
	}
	return false;
}

/* ---- for libssl ------------------------------------------------------- */

static _Atomic(EVP_KDF *) known; /* OpenSSL's own for TLS 1.3, for good; NULL: not yet */

static bool
is_default(const OSSL_PROVIDER *provider)
{
	return provider != NULL && strcmp(OSSL_PROVIDER_get0_name(provider), "default") == 0;
}

/* OpenSSL looks it up by its name, under locks that all threads share. */
EVP_KDF *
EVP_KDF_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties)
{
	EVP_KDF *kdf = NULL, *none = NULL;

	if (libctx != NULL || properties != NULL ||
	    strcmp(algorithm, OSSL_KDF_NAME_TLS1_3_KDF) != 0)
		return real.fetch(libctx, algorithm, properties);
	if ((kdf = atomic_load(&known)) == NULL) {
		kdf = real.fetch(libctx, algorithm, properties);
		if (kdf == NULL || !is_default(EVP_KDF_get0_provider(kdf)) ||
		    !atomic_compare_exchange_strong(&known, &none, kdf))
			return kdf;
	}
	EVP_KDF_up_ref(kdf);
	return kdf;
}

int
EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t keylen, const OSSL_PARAM params[])
{
	struct wanted wanted;

	if (ctx == NULL || EVP_KDF_CTX_kdf(ctx) != atomic_load(&known) ||
	    !read_params(params, &wanted) || !derive(&wanted, key, keylen))
		return real.derive(ctx, key, keylen, params);
	return 1;
}

/* Of a handshake's messages, twice. */
unsigned char *
EVP_Q_mac(OSSL_LIB_CTX *libctx, const char *name, const char *propq, const char *subalg,
	  const OSSL_PARAM *params, const void *key, size_t keylen, const unsigned char *data,
	  size_t datalen, unsigned char *out, size_t outsize, size_t *outlen)
{
	struct piece message = {data, datalen};

	if (atomic_load(&known) == NULL || libctx != NULL || propq != NULL || subalg == NULL ||
	    strcmp(name, OSSL_MAC_NAME_HMAC) != 0 || strcmp(subalg, SHA256_NAME) != 0 ||
	    (params != NULL && params->key != NULL) || keylen != SECRET_BYTES || out == NULL ||
	    outsize < SECRET_BYTES)
		return real.mac(libctx, name, propq, subalg, params, key, keylen, data, datalen,
				out, outsize, outlen);
	authenticate(key, &message, 1, out);
	if (outlen != NULL)
		*outlen = SECRET_BYTES;
	return out;
}

/* Whether a key's provider signs with a digest: libssl asks for its certificate's key in
 * each handshake, and the library begins to sign. It depends on the kind of key alone. */
int
EVP_PKEY_digestsign_supports_digest(EVP_PKEY *pkey, OSSL_LIB_CTX *libctx, const char *name,
				    const char *propq)
{
	static _Atomic bool is_known;
	bool is_usual = libctx == NULL && propq == NULL && EVP_PKEY_get_id(pkey) == EVP_PKEY_EC &&
			is_default(EVP_PKEY_get0_provider(pkey)) && strcmp(name, "SHA256") == 0;
	int result;

	if (is_usual && atomic_load(&is_known))
		return 1;
	result = real.supports(pkey, libctx, name, propq);
	if (is_usual && result == 1)
		atomic_store(&is_known, true);
	return result;
}
