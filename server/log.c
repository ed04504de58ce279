/*
 * log.h. Below everything in the server; must not block on anything but
 * stderr.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LINE_BYTES_MAX 1024u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards both below */
static time_t second;
static bool as_json; /* set once, before any thread */
static unsigned written, dropped;

/* Whether this second has room; *lost is what earlier seconds dropped. */
static int
may_write(time_t now, unsigned *lost)
{
	int may;

	*lost = 0;
	pthread_mutex_lock(&mutex);
	if (now != second) {
		*lost = dropped;
		second = now;
		written = dropped = 0;
	}
	may = written < LOG_LINES_PER_SECOND;
	if (may)
		written++;
	else
		dropped++;
	pthread_mutex_unlock(&mutex);
	return may;
}

void
log_as_json(void)
{
	as_json = true;
}

/* Valid JSON whatever the text is: a byte that is no printable ASCII is escaped
 * by its number. */
static size_t
put_json(char *line, size_t line_size, const struct tm *tm, unsigned lost, const char *text)
{
	size_t size = strftime(line, line_size, "{\"time\":\"%Y-%m-%dT%H:%M:%SZ\"", tm);

	if (lost > 0)
		size += (size_t)snprintf(line + size, 40, ",\"left_out\":%u", lost);
	size += (size_t)snprintf(line + size, 16, ",\"text\":\"");
	for (; *text != '\0' && size + 16 < line_size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			line[size++] = '\\';
		if (c >= 0x20 && c < 0x7f)
			line[size++] = (char)c;
		else
			size += (size_t)snprintf(line + size, 8, "\\u%04x", c);
	}
	size += (size_t)snprintf(line + size, 4, "\"}");
	return size;
}

static size_t
escape(const char *text, char *out, size_t out_size)
{
	size_t size = 0;

	for (; *text != '\0' && size + 5 < out_size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7f)
			out[size++] = (char)c;
		else
			size += (size_t)snprintf(out + size, 5, "\\x%02x", c);
	}
	return size;
}

void
log_line(const char *format, ...)
{
	char text[LINE_BYTES_MAX], line[LINE_BYTES_MAX * 2];
	struct timespec now;
	struct tm tm;
	va_list arguments;
	unsigned lost;
	size_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!may_write(now.tv_sec, &lost))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	gmtime_r(&now.tv_sec, &tm);
	if (as_json) {
		size = put_json(line, sizeof line - 1, &tm, lost, text);
	} else {
		size = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &tm);
		if (lost > 0)
			size += (size_t)snprintf(line + size, 64, "(%u lines left out) ", lost);
		size += escape(text, line + size, sizeof line - size - 1);
	}
	line[size++] = '\n';
	if (write(STDERR_FILENO, line, size) < 0)
		return; /* nowhere to tell it */
}

void
log_text(void *context, const char *line)
{
	(void)context;
	log_line("%s", line);
}
