/*
 * format.h: which format, and running its writer. After the query, on its
 * worker thread; must not touch the store.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format_writer.h"

static void
format_nothing(struct format_writer *writer, const struct store_result *result)
{
	(void)writer;
	(void)result;
}

static const struct {
	const char *name, *aliases, *content_type;
	void (*write)(struct format_writer *writer, const struct store_result *result);
	unsigned flags;
} formats[] = {
#define FORMAT(id, name_, aliases_, writer_, flags_, content_type_) \
	[FORMAT_##id] = {name_, aliases_, content_type_, format_##writer_, flags_},
#include "format.def"
#undef FORMAT
};

_Static_assert(sizeof formats / sizeof *formats == FORMAT_COUNT, "formats");

/* Whether `,A,B,` has the name. */
static bool
is_alias(const char *aliases, struct store_str name)
{
	while (*aliases == ',' && aliases[1] != '\0') {
		size_t size = strcspn(aliases + 1, ",");

		if (size == name.size && strncasecmp(aliases + 1, name.bytes, size) == 0)
			return true;
		aliases += size + 1;
	}
	return false;
}

enum format
format_find(struct store_str name)
{
	for (int i = 0; i < FORMAT_COUNT; i++) {
		if ((strlen(formats[i].name) == name.size &&
		     strncasecmp(formats[i].name, name.bytes, name.size) == 0) ||
		    (name.size > 0 && is_alias(formats[i].aliases, name)))
			return (enum format)i;
	}
	return FORMAT_UNKNOWN;
}

const char *
format_name(enum format format)
{
	return formats[format].name;
}

const char *
format_content_type(enum format format)
{
	return formats[format].content_type;
}

int
format_result(enum format format, const struct store_result *result,
	      const struct format_options *options, char **bytes, size_t *size)
{
	struct format_writer writer = {.limit = options->bytes_max == 0 ? FORMAT_BYTES_MAX
									: options->bytes_max,
				       .options = options,
				       .flags = formats[format].flags};

	formats[format].write(&writer, result);
	if (writer.failure == 0 && writer.bytes == NULL && (writer.bytes = calloc(1, 1)) == NULL)
		writer.failure = STORE_ENOMEM;
	if (writer.failure != 0) {
		free(writer.bytes);
		return writer.failure;
	}
	*bytes = writer.bytes;
	*size = writer.size;
	return 0;
}
