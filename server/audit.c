/*
 * audit.h. Beside the handlers of private endpoints; must not be asked about
 * public ones, which are anybody's and too many.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "log.h"

#define FILE_BYTES_MAX (64ll << 20) /* then it becomes FILE.1 */
#define LINE_BYTES_MAX 2048u
#define PATH_SHOWN_MAX 512u

struct audit {
	char *path; /* owned */
	pthread_mutex_t mutex;
	/* guarded by mutex: */
	int fd;
	int64_t size;
	bool is_file; /* else a device or a pipe, which keeps its name */
	bool failing; /* and said so */
	bool is_torn; /* the last line is not whole */
};

/* False: the file stays as it was. A line that another process was cut off in has no end
 * yet; a new file has no such line. */
static bool
open_file(struct audit *audit)
{
	struct stat status;
	char last = '\n';
	/* A pipe that nobody reads must not keep a loop waiting. */
	int fd = open(audit->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return false;
	if (audit->fd >= 0)
		close(audit->fd);
	audit->fd = fd;
	audit->is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	audit->size = audit->is_file ? status.st_size : 0;
	audit->is_torn =
	    audit->size > 0 && pread(fd, &last, 1, audit->size - 1) == 1 && last != '\n';
	return true;
}

struct audit *
audit_open(const char *path, char error[256])
{
	struct audit *audit = calloc(1, sizeof *audit);

	if (audit == NULL || (audit->path = strdup(path)) == NULL) {
		snprintf(error, 256, "out of memory");
		free(audit);
		return NULL;
	}
	audit->fd = -1;
	if (!open_file(audit)) {
		snprintf(error, 256, "audit log %.180s: %s", path, strerror(errno));
		free(audit->path);
		free(audit);
		return NULL;
	}
	pthread_mutex_init(&audit->mutex, NULL);
	return audit;
}

void
audit_close(struct audit *audit)
{
	if (audit == NULL)
		return;
	if (audit->fd >= 0)
		close(audit->fd);
	pthread_mutex_destroy(&audit->mutex);
	free(audit->path);
	free(audit);
}

void
audit_reopen(struct audit *audit)
{
	if (audit == NULL)
		return;
	pthread_mutex_lock(&audit->mutex);
	(void)open_file(audit); /* else the old one still takes lines */
	pthread_mutex_unlock(&audit->mutex);
}

/* One file before this one is kept. */
static void
rotate(struct audit *audit)
{
	char older[4096];

	if (snprintf(older, sizeof older, "%s.1", audit->path) < (int)sizeof older &&
	    (rename(audit->path, older) == 0 || errno == ENOENT)) /* that one may be open still */
		(void)open_file(audit);
}

/* A JSON string's inside; what is no printable ASCII is escaped by its byte. */
static size_t
put_text(char *out, struct store_str text)
{
	size_t size = 0;

	for (uint32_t i = 0; i < text.size && i < PATH_SHOWN_MAX && size + 7 < LINE_BYTES_MAX / 2;
	     i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if (c == '"' || c == '\\') {
			out[size++] = '\\';
			out[size++] = (char)c;
		} else if (c >= ' ' && c < 0x7f) {
			out[size++] = (char)c;
		} else {
			size += (size_t)sprintf(out + size, "\\u%04x", c);
		}
	}
	out[size] = '\0';
	return size;
}

/* What a full disk cuts off is followed by a line of its own. */
static void
put_line(struct audit *audit, const char *line, size_t size)
{
	bool failed = audit->is_torn && write(audit->fd, "\n", 1) != 1;
	ssize_t written = failed ? -1 : write(audit->fd, line, size);

	if (!failed)
		audit->is_torn = written > 0 && (size_t)written < size;
	failed = written != (ssize_t)size;
	audit->size += written > 0 ? written : 0;
	if (failed && !audit->failing)
		log_line("audit log %s: %s", audit->path,
			 written < 0 ? strerror(errno) : "a line was cut off");
	audit->failing = failed;
}

void
audit_add(struct audit *audit, const char *who, bool allowed, struct store_str method,
	  struct store_str path)
{
	char line[LINE_BYTES_MAX * 2], name[LINE_BYTES_MAX], verb[64] = "", where[LINE_BYTES_MAX];
	char time_text[32];
	struct timespec now;
	struct tm tm;
	int size;

	if (audit == NULL)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &tm);
	put_text(name, (struct store_str){who, (uint32_t)strlen(who)});
	put_text(verb, (struct store_str){method.bytes, method.size > 10 ? 10 : method.size});
	put_text(where, path);
	size = snprintf(
	    line, sizeof line,
	    "{\"time\":\"%s.%03ldZ\",\"who\":\"%s\",\"what\":\"%s %s\",\"allowed\":%s}\n",
	    time_text, now.tv_nsec / 1000000, name, verb, where, allowed ? "true" : "false");
	pthread_mutex_lock(&audit->mutex);
	if (audit->is_file && audit->size + size > FILE_BYTES_MAX)
		rotate(audit);
	put_line(audit, line, (size_t)size);
	pthread_mutex_unlock(&audit->mutex);
}
