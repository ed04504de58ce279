/*
 * tls.h over OpenSSL. At start and reload; must not be called by loops, but for what a
 * handshake calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <h2o.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "guard_write.h"
#include "tls.h"

#define DAYS 825L /* the longest that browsers take */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
/* As browsers order them. OpenSSL's first has SHA-384, which most processors have no
 * instructions for: of a handshake's 283 us it took 13. */
#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
/* Not OpenSSL's finite fields: a handshake with ffdhe8192, which a client may
 * ask for, takes a hundred times as long. */
#define GROUPS "X25519:P-256:P-384"

static const h2o_iovec_t http1_only[] = {{H2O_STRLIT("http/1.1")}, {NULL, 0}};

/* ---- the process ------------------------------------------------------ */

static _Atomic pid_t process; /* 0: to be asked for */

static void
forget_process(void)
{
	atomic_store(&process, 0);
}

__attribute__((constructor)) static void
watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, forget_process);
}

/* Instead of the C library's, which asks the kernel each time: OpenSSL's random numbers
 * want to know whether they are in a child, six times a handshake, of which that takes
 * a microsecond. */
pid_t
getpid(void)
{
	pid_t known = atomic_load_explicit(&process, memory_order_relaxed);

	if (known == 0) {
		known = (pid_t)syscall(SYS_getpid);
		atomic_store_explicit(&process, known, memory_order_relaxed);
	}
	return known;
}

/* ---- contexts --------------------------------------------------------- */

static SSL_CTX *
failed(SSL_CTX *context, const char *what, const char *file, char error[256])
{
	unsigned long code = ERR_peek_error();
	const char *reason =
	    ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

	snprintf(error, 256, "%.40s %.140s: %.60s", what, file, reason == NULL ? "failed" : reason);
	ERR_clear_error();
	SSL_CTX_free(context);
	return NULL;
}

/* On a loop's thread; also of a session that is resumed, for which OpenSSL asks for no
 * certificate. */
static int
on_client_hello(SSL *ssl, int *alert, void *argument)
{
	(void)alert, (void)argument;
	guard_write_handshake(ssl);
	return SSL_CLIENT_HELLO_SUCCESS;
}

SSL_CTX *
tls_create(const char *certificate, const char *key, bool http2, char error[256])
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL)
		return failed(context, "TLS", "", error);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_NO_RENEGOTIATION);
	/* The file has the chain: else OpenSSL would look for one in each handshake. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
	if (SSL_CTX_set_cipher_list(context, CIPHERS) != 1 ||
	    SSL_CTX_set_ciphersuites(context, CIPHERS_1_3) != 1)
		return failed(context, "ciphers", CIPHERS, error);
	if (SSL_CTX_set1_groups_list(context, GROUPS) != 1)
		return failed(context, "groups", GROUPS, error);
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return failed(context, "certificate", certificate, error);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		return failed(context, "certificate key", key, error);
	h2o_ssl_register_alpn_protocols(context, http2 ? h2o_alpn_protocols : http1_only);
	return context;
}

/* ---- another certificate --------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static SSL_CTX *present; /* owned; guarded by mutex; NULL: the first one */

/* On a loop's thread, for each handshake that needs one. */
static int
choose(SSL *ssl, void *argument)
{
	(void)argument;
	pthread_mutex_lock(&mutex);
	if (present != NULL)
		SSL_set_SSL_CTX(ssl, present); /* takes a reference */
	pthread_mutex_unlock(&mutex);
	return 1;
}

void
tls_allow_reload(SSL_CTX *context)
{
	SSL_CTX_set_cert_cb(context, choose, NULL);
}

bool
tls_reload(const char *certificate, const char *key, bool http2, char error[256])
{
	SSL_CTX *fresh = tls_create(certificate, key, http2, error), *old;

	if (fresh == NULL)
		return false;
	pthread_mutex_lock(&mutex);
	old = present;
	present = fresh;
	pthread_mutex_unlock(&mutex);
	SSL_CTX_free(old);
	return true;
}

int64_t
tls_expires_s(SSL_CTX *context)
{
	const X509 *certificate;
	int days = 0, seconds = 0;

	pthread_mutex_lock(&mutex);
	certificate = SSL_CTX_get0_certificate(present != NULL ? present : context);
	if (certificate != NULL)
		ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate));
	pthread_mutex_unlock(&mutex);
	return certificate == NULL ? 0 : (int64_t)time(NULL) + (int64_t)days * 86400 + seconds;
}

/* ---- a certificate of our own ---------------------------------------- */

static X509 *
make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_EXTENSION *names = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1");
	X509_NAME *name;

	if (certificate == NULL || names == NULL) {
		X509_free(certificate);
		return NULL;
	}
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), DAYS * 86400);
	X509_set_pubkey(certificate, key);
	name = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
				   -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_add_ext(certificate, names, -1);
	X509_EXTENSION_free(names);
	if (X509_sign(certificate, key, EVP_sha256()) == 0) {
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

static FILE *
create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

/* On the disk, for good. */
static bool
finish(FILE *file)
{
	bool well = fflush(file) == 0 && fsync(fileno(file)) == 0;

	return fclose(file) == 0 && well;
}

/* Each file has its name when it is whole. A pair is there from the last rename on: of two
 * that are no pair, no start would come of it. */
static bool
name_pair(const char *data, const char *new_key, const char *key, const char *new_certificate,
	  const char *certificate)
{
	int directory;
	bool well;

	if ((unlink(certificate) != 0 && errno != ENOENT) || rename(new_key, key) != 0 ||
	    rename(new_certificate, certificate) != 0)
		return false;
	directory = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	well = directory >= 0 && fsync(directory) == 0;
	if (directory >= 0)
		close(directory);
	return well;
}

int
tls_self_signed(const char *data, char certificate_path[4096], char key_path[4096], char error[256])
{
	char new_certificate[4096 + 4], new_key[4096 + 4];
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	FILE *key_file = NULL, *certificate_file = NULL;
	int result = -1;

	snprintf(certificate_path, 4096, "%s/certificate.pem", data);
	snprintf(key_path, 4096, "%s/certificate-key.pem", data);
	/* A pair that may not be read is an error when it is, not one to be replaced. */
	if (access(certificate_path, F_OK) == 0 && access(key_path, F_OK) == 0)
		return 0;
	snprintf(new_certificate, sizeof new_certificate, "%s.new", certificate_path);
	snprintf(new_key, sizeof new_key, "%s.new", key_path);
	if ((key = EVP_EC_gen("P-256")) != NULL && (certificate = make_certificate(key)) != NULL &&
	    (key_file = create(new_key)) != NULL &&
	    (certificate_file = create(new_certificate)) != NULL &&
	    PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_X509(certificate_file, certificate) == 1)
		result = 0;
	if (key_file != NULL && !finish(key_file))
		result = -1;
	if (certificate_file != NULL && !finish(certificate_file))
		result = -1;
	if (result == 0 && !name_pair(data, new_key, key_path, new_certificate, certificate_path))
		result = -1;
	if (result != 0) {
		snprintf(error, 256, "cannot make %.200s: %s", certificate_path, strerror(errno));
		if (certificate_file != NULL)
			unlink(new_certificate);
		if (key_file != NULL)
			unlink(new_key);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return result;
}
