/*
 * libh2o with nothing behind it: 204 at once to any request, on a loop a core.
 * What a collector on libh2o costs beyond this is its own.
 * Usage: bare [CERTIFICATE KEY [MS]], which add TLS, and so many ms of waiting before
 * each answer, as for a disk. Prints the port and ends when stdin does.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <h2o.h>
#include <openssl/ssl.h>

#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

struct loop {
	h2o_globalconf_t config;
	h2o_context_t context;
	h2o_accept_ctx_t accept;
	struct handler *handler;
	h2o_timeout_t wait;
	uint64_t wait_ms;
	int fd;
	pthread_t thread;
};

/* An answer that waits: in its request's pool. */
struct waiting {
	h2o_timeout_entry_t entry;
	h2o_req_t *req;
};

struct handler {
	h2o_handler_t handler;
	h2o_timeout_t *wait; /* NULL: none does */
};

static void
answer(h2o_req_t *req)
{
	static h2o_generator_t generator = {NULL, NULL};

	req->res.status = 204;
	req->res.reason = "No Content";
	h2o_start_response(req, &generator);
	h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
}

static void
on_time(h2o_timeout_entry_t *entry)
{
	answer(((struct waiting *)entry)->req);
}

static void
on_dispose(void *pointer)
{
	struct waiting *waiting = pointer;

	if (h2o_timeout_is_linked(&waiting->entry))
		h2o_timeout_unlink(&waiting->entry);
}

static int
on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	h2o_timeout_t *wait = ((struct handler *)handler)->wait;
	struct waiting *waiting;

	if (wait == NULL) {
		answer(req);
		return 0;
	}
	waiting = h2o_mem_alloc_shared(&req->pool, sizeof *waiting, on_dispose);
	*waiting = (struct waiting){.entry.cb = on_time, .req = req};
	h2o_timeout_link(req->conn->ctx->loop, wait, &waiting->entry);
	return 0;
}

static void
on_accept(h2o_socket_t *listener, const char *error)
{
	struct loop *loop = listener->data;
	h2o_socket_t *socket;

	while (error == NULL && (socket = h2o_evloop_socket_accept(listener)) != NULL)
		h2o_accept(&loop->accept, socket);
}

static void *
run(void *argument)
{
	struct loop *loop = argument;
	h2o_evloop_t *evloop = h2o_evloop_create();
	h2o_socket_t *listener;

	h2o_context_init(&loop->context, evloop, &loop->config);
	if (loop->wait_ms > 0) {
		h2o_timeout_init(evloop, &loop->wait, loop->wait_ms);
		loop->handler->wait = &loop->wait;
	}
	listener = h2o_evloop_socket_create(evloop, loop->fd, H2O_SOCKET_FLAG_DONT_READ);
	listener->data = loop;
	h2o_socket_read_start(listener, on_accept);
	while (h2o_evloop_run(evloop, 1000) == 0)
		;
	return NULL;
}

static SSL_CTX *
make_tls(const char *certificate, const char *key)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	/* As in tls.c. */
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_num_tickets(tls, 1);
	if (SSL_CTX_set_ciphersuites(tls, CIPHERS_1_3) != 1 ||
	    SSL_CTX_set1_groups_list(tls, "X25519:P-256:P-384") != 1 ||
	    SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		exit(1);
	h2o_ssl_register_alpn_protocols(tls, h2o_alpn_protocols);
	return tls;
}

/* A socket of each loop's own on one port; 0: a free one, then *port. */
static int
listen_on(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(*port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
	    bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
		perror("bare");
		exit(1);
	}
	*port = ntohs(address.sin_port);
	return fd;
}

int
main(int argc, char **argv)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	uint16_t port = 0;
	char byte;

	signal(SIGPIPE, SIG_IGN);
	for (long i = 0; i < count; i++) {
		struct loop *loop = calloc(1, sizeof *loop);
		h2o_pathconf_t *path;

		if (loop == NULL)
			return 1;
		h2o_config_init(&loop->config);
		path = h2o_config_register_path(
		    h2o_config_register_host(&loop->config, h2o_iovec_init(H2O_STRLIT("default")),
					     65535),
		    "/", 0);
		loop->handler = (struct handler *)h2o_create_handler(path, sizeof *loop->handler);
		loop->handler->handler.on_req = on_request;
		loop->wait_ms = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
		loop->accept.ctx = &loop->context;
		loop->accept.hosts = loop->config.hosts;
		loop->accept.ssl_ctx = argc >= 3 ? make_tls(argv[1], argv[2]) : NULL;
		loop->fd = listen_on(&port);
		if (pthread_create(&loop->thread, NULL, run, loop) != 0)
			return 1;
	}
	printf("%u\n", port);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
