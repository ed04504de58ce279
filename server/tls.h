/*
 * The TLS context of all listeners, and the self-signed certificate that the
 * first start makes.
 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

/* PEM files. NULL: *error says why. */
SSL_CTX *tls_create(const char *certificate, const char *key, bool http2, char error[256]);
/* Makes DATA/certificate.pem and DATA/certificate-key.pem (mode 0600) for
 * localhost when they are not there, and gives their paths. */
int tls_self_signed(const char *data, char certificate[4096], char key[4096], char error[256]);

#endif
