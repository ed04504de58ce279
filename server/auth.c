/*
 * auth.h. Must not log or store a token itself.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "auth.h"

#define TOKENS_MAX 1024u

struct known {
	unsigned char hash[SHA256_DIGEST_LENGTH];
	unsigned roles;
	char name[AUTH_NAME_BYTES];
};

struct auth {
	pthread_rwlock_t lock;
	/* guarded by lock: */
	struct known known[TOKENS_MAX + 2]; /* the file's, DATA/token, DRUM_TOKEN */
	size_t count;
	char development[AUTH_TOKEN_BYTES + 1];
};

static void
hash_of(struct store_str token, unsigned char hash[SHA256_DIGEST_LENGTH])
{
	SHA256((const unsigned char *)(token.size == 0 ? "" : token.bytes), token.size, hash);
}

static void
add(struct auth *auth, const char *token, const char *name)
{
	struct known *known = &auth->known[auth->count++];

	hash_of((struct store_str){token, (uint32_t)strlen(token)}, known->hash);
	known->roles = AUTH_ADMIN;
	snprintf(known->name, sizeof known->name, "%s", name);
}

static unsigned
role_of(const char *name)
{
	return strcmp(name, "query") == 0    ? AUTH_QUERY
	       : strcmp(name, "import") == 0 ? AUTH_IMPORT
	       : strcmp(name, "admin") == 0  ? AUTH_ADMIN
					     : AUTH_NONE;
}

static bool
make_token(char token[AUTH_TOKEN_BYTES + 1])
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char random[33] = {0};

	if (getrandom(random, 32, 0) != 32)
		return false;
	for (size_t i = 0; i < AUTH_TOKEN_BYTES; i++) {
		size_t bit = i * 6;
		unsigned two = (unsigned)random[bit / 8] << 8 | random[bit / 8 + 1];

		token[i] = digits[two >> (10 - bit % 8) & 63];
	}
	token[AUTH_TOKEN_BYTES] = '\0';
	return true;
}

static bool
is_hash(const char *hex, unsigned char out[SHA256_DIGEST_LENGTH])
{
	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
		unsigned value;

		if (sscanf(hex + i * 2, "%2x", &value) != 1)
			return false;
		out[i] = (unsigned char)value;
	}
	return true;
}

/* The line's rest, cut between characters. */
static void
take_name(const char *rest, char out[AUTH_NAME_BYTES])
{
	size_t size = strcspn(rest, "\r\n");

	if (size >= AUTH_NAME_BYTES) {
		size = AUTH_NAME_BYTES - 1;
		while (size > 0 && ((unsigned char)rest[size] & 0xc0) == 0x80)
			size--;
	}
	memcpy(out, rest, size);
	out[size] = '\0';
}

static bool
read_tokens(struct auth *auth, const char *data, char error[256])
{
	char path[4096], line[512], hex[65], role[16];
	FILE *file;
	int number = 0, name = 0, failed;

	snprintf(path, sizeof path, "%s/tokens", data);
	if ((file = fopen(path, "re")) == NULL)
		return errno == ENOENT;
	while (fgets(line, sizeof line, file) != NULL) {
		struct known *known = &auth->known[auth->count];

		number++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (auth->count == TOKENS_MAX ||
		    sscanf(line, "%64s %15s %n", hex, role, &name) != 2 || strlen(hex) != 64 ||
		    !is_hash(hex, known->hash) || role_of(role) == AUTH_NONE) {
			snprintf(error, 256, "%.180s line %d: expected a hash, a role and a name",
				 path, number);
			fclose(file);
			return false;
		}
		known->roles = role_of(role);
		take_name(line + name, known->name);
		auth->count++;
	}
	failed = ferror(file) ? errno : 0;
	fclose(file);
	errno = failed;
	return failed == 0;
}

/* Whole and on the disk, or not at all. */
static bool
write_development(int fd, const char *path, const char token[AUTH_TOKEN_BYTES + 1])
{
	char line[AUTH_TOKEN_BYTES + 1];
	int number;

	memcpy(line, token, AUTH_TOKEN_BYTES);
	line[AUTH_TOKEN_BYTES] = '\n';
	errno = ENOSPC; /* when it is cut off */
	if (write(fd, line, sizeof line) == sizeof line && fsync(fd) == 0)
		return true;
	number = errno;
	unlink(path);
	errno = number;
	return false;
}

/* DATA/token, made when it is not there. */
static bool
read_development(struct auth *auth, const char *data, char error[256])
{
	char path[4096];
	int fd;
	ssize_t size;

	snprintf(path, sizeof path, "%s/token", data);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = read(fd, auth->development, AUTH_TOKEN_BYTES);
		close(fd);
		if (size == AUTH_TOKEN_BYTES)
			return true;
		snprintf(error, 256, "%.200s is cut short: delete it to get a new one", path);
		return false;
	}
	if (!make_token(auth->development) ||
	    (fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0 ||
	    !write_development(fd, path, auth->development)) {
		snprintf(error, 256, "create %.200s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	return true;
}

bool
auth_open(const char *data, struct auth **out, char error[256])
{
	struct auth *auth = calloc(1, sizeof *auth);
	const char *from_environment = getenv("DRUM_TOKEN");

	error[0] = '\0';
	if (auth == NULL) {
		snprintf(error, 256, "out of memory");
		return false;
	}
	if (!read_tokens(auth, data, error) || !read_development(auth, data, error)) {
		if (error[0] == '\0')
			snprintf(error, 256, "%.200s/tokens: %s", data, strerror(errno));
		free(auth);
		return false;
	}
	add(auth, auth->development, "DATA/token");
	if (from_environment != NULL && from_environment[0] != '\0')
		add(auth, from_environment, "DRUM_TOKEN");
	pthread_rwlock_init(&auth->lock, NULL);
	*out = auth;
	return true;
}

bool
auth_reload(struct auth *auth, const char *data, char error[256])
{
	struct auth *fresh;

	if (!auth_open(data, &fresh, error))
		return false;
	pthread_rwlock_wrlock(&auth->lock);
	memcpy(auth->known, fresh->known, sizeof auth->known);
	auth->count = fresh->count;
	memcpy(auth->development, fresh->development, sizeof auth->development);
	pthread_rwlock_unlock(&auth->lock);
	auth_close(fresh);
	return true;
}

void
auth_close(struct auth *auth)
{
	if (auth == NULL)
		return;
	pthread_rwlock_destroy(&auth->lock);
	free(auth);
}

/* Looking changes nothing but the lock. */
static pthread_rwlock_t *
lock_of(const struct auth *auth)
{
	return (pthread_rwlock_t *)(uintptr_t)&auth->lock;
}

const char *
auth_development_token(const struct auth *auth)
{
	return auth->development;
}

unsigned
auth_check(const struct auth *auth, struct store_str token)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	unsigned roles = AUTH_NONE;

	hash_of(token, hash);
	pthread_rwlock_rdlock(lock_of(auth));
	for (size_t i = 0; i < auth->count; i++) {
		if (CRYPTO_memcmp(auth->known[i].hash, hash, sizeof hash) == 0)
			roles |= auth->known[i].roles;
	}
	pthread_rwlock_unlock(lock_of(auth));
	return roles;
}

void
auth_name(const struct auth *auth, struct store_str token, char name[AUTH_NAME_BYTES])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	strcpy(name, "unknown");
	hash_of(token, hash);
	pthread_rwlock_rdlock(lock_of(auth));
	for (size_t i = 0; i < auth->count; i++) {
		if (CRYPTO_memcmp(auth->known[i].hash, hash, sizeof hash) == 0)
			memcpy(name, auth->known[i].name, AUTH_NAME_BYTES);
	}
	pthread_rwlock_unlock(lock_of(auth));
}

bool
auth_allows(unsigned roles, enum auth_role needed)
{
	return (roles & ((unsigned)needed | AUTH_ADMIN)) != 0;
}

bool
auth_is_role(const char *name)
{
	return role_of(name) != AUTH_NONE;
}

/* As a line of its own, also after one that an editor left without an end; whole, or the
 * file is as it was: a server does not start with half a line. */
static bool
append_line(int fd, const char *line, size_t size)
{
	char last = '\n';
	off_t before;
	int number;

	if (flock(fd, LOCK_EX) != 0) /* until it is closed: no other's line is cut off */
		return false;
	before = lseek(fd, 0, SEEK_END);
	errno = before < 0 ? errno : EIO; /* when nothing is there to be read */
	if (before < 0 || (before > 0 && pread(fd, &last, 1, before - 1) != 1))
		return false;
	errno = ENOSPC; /* when it is cut off */
	if ((last == '\n' || write(fd, "\n", 1) == 1) && write(fd, line, size) == (ssize_t)size &&
	    fsync(fd) == 0)
		return true;
	number = errno;
	if (ftruncate(fd, before) == 0)
		errno = number;
	return false;
}

bool
auth_add(const char *data, const char *role, const char *name, char token[AUTH_TOKEN_BYTES + 1],
	 char error[256])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char path[4096], line[512], hex[65];
	int fd, size;
	bool written;

	if (role_of(role) == AUTH_NONE) {
		snprintf(error, 256, "unknown role %.40s: use query, import or admin", role);
		return false;
	}
	for (const char *c = name; *c != '\0'; c++) {
		if (iscntrl((unsigned char)*c)) {
			snprintf(error, 256, "a token's name must be one line");
			return false;
		}
	}
	if (!make_token(token)) {
		snprintf(error, 256, "no random bytes: %s", strerror(errno));
		return false;
	}
	hash_of((struct store_str){token, AUTH_TOKEN_BYTES}, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(hex + i * 2, 3, "%02x", hash[i]);
	size = snprintf(line, sizeof line, "%s %s %.200s\n", hex, role, name);
	snprintf(path, sizeof path, "%s/tokens", data);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	written = fd >= 0 && append_line(fd, line, (size_t)size);
	if (fd < 0 && errno == ENOENT) /* a slip, or a store of no start yet */
		snprintf(error, 256,
			 "no data directory %.160s: name the server's, or make it first", data);
	else if (!written)
		snprintf(error, 256, "write %.200s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return written;
}

/* ---- headers --------------------------------------------------------- */

/* user:password in base64; the password is the token. */
static bool
decode_basic(struct store_str encoded, char buffer[512], struct store_str *token)
{
	unsigned char bytes[512] = {0};
	const char *colon;
	int size;

	if (encoded.size == 0 || encoded.size > 600 || encoded.size % 4 != 0)
		return false;
	size = EVP_DecodeBlock(bytes, (const unsigned char *)encoded.bytes, (int)encoded.size);
	for (uint32_t i = encoded.size; i > 0 && encoded.bytes[i - 1] == '=' && size > 0; i--)
		size--;
	if (size <= 0 || (colon = memchr(bytes, ':', (size_t)size)) == NULL)
		return false;
	token->size = (uint32_t)((const char *)bytes + size - colon - 1);
	memcpy(buffer, colon + 1, token->size);
	token->bytes = buffer;
	return true;
}

static bool
has_scheme(struct store_str value, const char *scheme)
{
	size_t size = strlen(scheme);

	return value.size > size && strncasecmp(value.bytes, scheme, size) == 0 &&
	       value.bytes[size] == ' ';
}

/* RFC 9110, 11.4: one space or more. */
static struct store_str
after_scheme(struct store_str value, const char *scheme)
{
	uint32_t at = (uint32_t)strlen(scheme);

	while (at < value.size && value.bytes[at] == ' ')
		at++;
	return (struct store_str){value.bytes + at, value.size - at};
}

bool
auth_token(const struct auth_headers *headers, char buffer[512], struct store_str *token)
{
	struct store_str header = headers->authorization;
	int schemes =
	    (header.size > 0) + (headers->clickhouse_key.size > 0) + (headers->password.size > 0);

	*token = (struct store_str){"", 0};
	if (schemes > 1)
		return false;
	if (headers->clickhouse_key.size > 0)
		*token = headers->clickhouse_key;
	else if (headers->password.size > 0)
		*token = headers->password;
	else if (has_scheme(header, "Bearer"))
		*token = after_scheme(header, "Bearer");
	else if (has_scheme(header, "Basic"))
		return decode_basic(after_scheme(header, "Basic"), buffer, token);
	else if (header.size > 0)
		return false;
	return true;
}
