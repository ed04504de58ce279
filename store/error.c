/*
 * struct store_error: filled where a fault is found, logged once where it is
 * handled. Must not allocate: it reports failed allocations too.
 */
#include <stdio.h>

#include "store.h"

int
store_error_set(struct store_error *error, int code, const char *format, ...)
{
	va_list arguments;

	if (error == NULL)
		return code;
	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	return code;
}
