/*
 * Fewer writes for a connection that brings one beacon: what libh2o and OpenSSL
 * would send by itself goes out with the next bytes, or need not go out. Like
 * guard_http2.h it defines functions that libh2o exports; where the library does
 * not come by, everything is sent as the library would.
 */
#ifndef GUARD_WRITE_H
#define GUARD_WRITE_H

#include <h2o.h>
#include <openssl/ssl.h>

struct guard_connection;

/* As a handshake begins, on its loop's thread, perhaps more than once: the session
 * ticket of TLS 1.3 will go with the first bytes of the connection. */
void guard_write_handshake(SSL *ssl);
/* What the connection waits for comes with the next group of beacons: until then
 * SETTINGS may wait. */
void guard_write_soon(struct guard_connection *connection);
/* Once a second: sends what has waited for too long. */
void guard_write_tick(struct guard_connection *connection, int64_t now_ms);
/* Libh2o is told that the client has gone: an HTTP/2 client that has sent no
 * close_notify reads none. */
void guard_write_client_left(struct guard_connection *connection);

#endif
