/* What yajl, a parser of its own history, says about the same bytes. */
#ifndef OPINION_H
#define OPINION_H

#include <string.h>

#include <yajl/yajl_parse.h>

#include "store/store.h"

static int
opinion_number(void *context, const char *digits, size_t size)
{
	(void)context, (void)digits, (void)size;
	return 1; /* as text: its size is not yajl's business */
}

static inline bool
opinion_takes(struct store_str text)
{
	static const yajl_callbacks callbacks = {.yajl_number = opinion_number};
	yajl_handle handle = yajl_alloc(&callbacks, NULL, NULL);
	bool taken =
	    yajl_parse(handle, (const unsigned char *)text.bytes, text.size) == yajl_status_ok &&
	    yajl_complete_parse(handle) == yajl_status_ok;

	yajl_free(handle);
	return taken;
}

/* Whether yajl takes the text although ours refuses it at `at` for `reason`,
 * and is right to: bad UTF-8 of some kinds, long numbers, numbers beyond
 * double, depth, vertical tabs and form feeds as space, and an unfinished token
 * after the value are nothing to yajl. */
static inline bool
opinion_is_laxer(const char *reason, uint32_t at, struct store_str text)
{
	return strstr(reason, "not UTF-8") != NULL || strstr(reason, "a number is too") != NULL ||
	       strstr(reason, "nested deeper") != NULL ||
	       memchr(text.bytes, '\v', text.size) != NULL ||
	       memchr(text.bytes, '\f', text.size) != NULL ||
	       (strstr(reason, "something follows") != NULL &&
		opinion_takes((struct store_str){text.bytes, at}));
}

#endif
