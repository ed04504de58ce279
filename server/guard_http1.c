/*
 * guard_http1.h. On the loop threads, between libh2o's parser and the handlers;
 * pure. libh2o itself takes a Transfer-Encoding before a Content-Length, the
 * first of two Content-Lengths, line ends without CR, and folded lines; a proxy
 * in front may read each otherwise.
 */
#include <string.h>
#include <strings.h>

#include "guard_http1.h"

/* Whether a request's line begins as a query does whose text may be long. */
static bool
begins_query(const char *bytes, size_t size)
{
	static const char *const paths[] = {" /query?", " /?"};
	const char *space = memchr(bytes, ' ', size < 10 ? size : 10); /* behind the method */

	if (space == NULL)
		return false;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		size_t length = strlen(paths[i]);

		if ((size_t)(bytes + size - space) >= length &&
		    memcmp(space, paths[i], length) == 0)
			return true;
	}
	return false;
}

/* A head ends, for libh2o too, where an empty line is; where one is earlier, it is
 * no head, and not refused here. What follows the head is never looked at. */
bool
guard_http1_is_too_long(const char *bytes, size_t size, bool takes_queries)
{
	const char *at = bytes, *end = bytes + GUARD_HTTP1_HEAD_BYTES_MAX;

	if (size <= GUARD_HTTP1_HEAD_BYTES_MAX)
		return false;
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if ((end - at >= 1 && at[0] == '\n') ||
		    (end - at >= 2 && at[0] == '\r' && at[1] == '\n'))
			return false;
	}
	return !takes_queries || !begins_query(bytes, size);
}

struct head {
	unsigned lengths, encodings, hosts;
};

static bool
is_named(const char *line, size_t name_size, const char *name)
{
	return strlen(name) == name_size && strncasecmp(line, name, name_size) == 0;
}

/* Digits only: "+5", "0x5", "5, 5" are numbers to some. */
static bool
is_length(const char *value, size_t size)
{
	if (size == 0 || size > 18)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
	}
	return true;
}

static const char *
check_line(struct head *head, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size), *value;
	size_t name_size = colon == NULL ? 0 : (size_t)(colon - line), value_size;

	if (name_size == 0)
		return "a header has no name";
	for (value = colon + 1; value < line + size && (*value == ' ' || *value == '\t');)
		value++;
	value_size = (size_t)(line + size - value);
	while (value_size > 0 && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t'))
		value_size--;
	if (is_named(line, name_size, "host"))
		head->hosts++;
	if (is_named(line, name_size, "content-length")) {
		head->lengths++;
		if (!is_length(value, value_size))
			return "the Content-Length is no number";
	}
	if (is_named(line, name_size, "transfer-encoding")) {
		head->encodings++;
		if (value_size != 7 || strncasecmp(value, "chunked", 7) != 0)
			return "the Transfer-Encoding is not chunked";
	}
	return NULL;
}

const char *
guard_http1_check(const char *bytes, size_t size, bool *is_chunked)
{
	struct head head = {0};
	const char *at = bytes, *end = bytes + size, *why;
	bool is_first = true, is_old = false;

	*is_chunked = false;
	if (size >= 2 && at[0] == '\r' && at[1] == '\n')
		at += 2; /* some send an empty line after a body */
	for (;;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line;

		if (newline == NULL)
			return "the head has no end";
		if (newline == at || newline[-1] != '\r')
			return "a line of the head ends without CR";
		line = (size_t)(newline - at) - 1;
		if (line == 0)
			break;
		if (at[0] == ' ' || at[0] == '\t')
			return "a line of the head begins with a space";
		if (is_first)
			is_old = line >= 8 && memcmp(at + line - 8, "HTTP/1.0", 8) == 0;
		else if ((why = check_line(&head, at, line)) != NULL)
			return why;
		is_first = false;
		at = newline + 1;
	}
	*is_chunked = head.encodings > 0;
	if (head.lengths > 1 || head.encodings > 1)
		return "its length is given twice";
	if (head.lengths > 0 && head.encodings > 0)
		return "it has both Content-Length and Transfer-Encoding";
	if (head.encodings > 0 && is_old)
		return "HTTP/1.0 has no Transfer-Encoding";
	if (head.hosts > 1 || (head.hosts == 0 && !is_old))
		return "it must have one Host";
	return NULL;
}
