/*
 * The TLS context of all listeners, and the self-signed certificate that the
 * first start makes.
 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

/* PEM files. NULL: *error says why. */
SSL_CTX *tls_create(const char *certificate, const char *key, bool http2, char error[256]);
/* Makes DATA/certificate.pem and DATA/certificate-key.pem (mode 0600) for
 * localhost when they are not there, and gives their paths. */
int tls_self_signed(const char *data, char certificate[4096], char key[4096], char error[256]);

/* From now on connections of `context` may use another certificate, which
 * tls_reload brings; those that are open keep theirs. */
void tls_allow_reload(SSL_CTX *context);
/* False: *error says why; the one before stays. */
bool tls_reload(const char *certificate, const char *key, bool http2, char error[256]);
/* When the present certificate ends, seconds since 1970; `context` is the one
 * that was created first. */
int64_t tls_expires_s(SSL_CTX *context);

#endif
