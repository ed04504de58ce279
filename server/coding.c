/*
 * coding.h: between HTTP bodies and what they mean. Must not trust a size that
 * the data claim.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <zlib.h>
#include <zstd.h>

#include "coding.h"

/* ClickHouse's default levels. */
#define GZIP_LEVEL 3
#define ZSTD_LEVEL 1

static const char *const names[] = {"identity", "gzip", "zstd"};

const char *
coding_name(enum coding coding)
{
	return names[coding];
}

static bool
is(struct store_str text, const char *word)
{
	return strlen(word) == text.size && strncasecmp(word, text.bytes, text.size) == 0;
}

bool
coding_find(struct store_str header, enum coding *out)
{
	*out = is(header, "gzip") || is(header, "x-gzip") ? CODING_GZIP
	       : is(header, "zstd")                       ? CODING_ZSTD
							  : CODING_NONE;
	return *out != CODING_NONE || header.size == 0 || is(header, "identity");
}

static struct store_str
trim(struct store_str text)
{
	while (text.size > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t'))
		text.bytes++, text.size--;
	while (text.size > 0 &&
	       (text.bytes[text.size - 1] == ' ' || text.bytes[text.size - 1] == '\t'))
		text.size--;
	return text;
}

/* What stands before the separator; *text is what follows it. */
static struct store_str
next(struct store_str *text, char separator)
{
	const char *end = memchr(text->bytes, separator, text->size);
	struct store_str part = {text->bytes,
				 end == NULL ? text->size : (uint32_t)(end - text->bytes)};
	uint32_t taken = end == NULL ? part.size : part.size + 1;

	*text = (struct store_str){text->bytes + taken, text->size - taken};
	return trim(part);
}

/* q=0, q=0.00 */
static bool
is_refusal(struct store_str parameter)
{
	if (parameter.size < 3 || (parameter.bytes[0] | 32) != 'q' || parameter.bytes[1] != '=')
		return false;
	for (uint32_t i = 2; i < parameter.size; i++) {
		if (parameter.bytes[i] != '0' && parameter.bytes[i] != '.')
			return false;
	}
	return true;
}

bool
coding_takes(struct store_str header, const char *name)
{
	while (header.size > 0) {
		struct store_str item = next(&header, ',');
		bool named = is(next(&item, ';'), name), refused = false;

		while (named && item.size > 0)
			refused |= is_refusal(next(&item, ';'));
		if (named)
			return !refused;
	}
	return false;
}

enum coding
coding_accepted(struct store_str header)
{
	return coding_takes(header, "zstd")                                     ? CODING_ZSTD
	       : coding_takes(header, "gzip") || coding_takes(header, "x-gzip") ? CODING_GZIP
										: CODING_NONE;
}

/* ---- inflating ------------------------------------------------------- */

/* Doubles until it is enough; beyond the cap it is refused. */
struct output {
	struct store_arena *arena;
	char *bytes; /* in the arena */
	size_t size, size_max, limit;
};

/* Room for at least one more byte, the one beyond the limit included. */
static int
grow(struct output *output)
{
	size_t size_max = output->size_max == 0 ? (size_t)64 << 10 : output->size_max * 2;
	char *bytes;

	if (output->size < output->size_max)
		return 0;
	if (output->size > output->limit)
		return STORE_ELIMIT;
	if (size_max > output->limit)
		size_max = output->limit + 1;
	if ((bytes = store_arena_alloc(output->arena, size_max)) == NULL)
		return STORE_ENOMEM;
	if (output->size > 0)
		memcpy(bytes, output->bytes, output->size);
	output->bytes = bytes;
	output->size_max = size_max;
	return 0;
}

/* Until all that went in has come out. */
static int
inflate_all(struct coding_stream *stream, struct store_str in, struct output *output,
	    const char **wrong)
{
	size_t size, room;
	int code;

	do {
		if ((code = grow(output)) != 0)
			return code;
		room = output->size_max - output->size;
		*wrong = coding_stream_read(stream, &in, output->bytes + output->size, room, &size);
		if (*wrong != NULL)
			return STORE_EINVAL;
		output->size += size;
	} while (in.size > 0 || size == room);
	if (coding_stream_is_whole(stream))
		return 0;
	*wrong = "compressed data are cut short";
	return STORE_EINVAL;
}

int
coding_inflate(enum coding coding, struct store_str in, size_t bytes_max, struct store_arena *arena,
	       struct store_str *out, const char **wrong)
{
	struct output output = {.arena = arena, .limit = bytes_max};
	struct coding_stream *stream;
	int code;

	*out = in;
	if (coding == CODING_NONE)
		return in.size > bytes_max ? STORE_ELIMIT : 0;
	if ((stream = coding_stream_create(coding)) == NULL)
		return STORE_ENOMEM;
	code = inflate_all(stream, in, &output, wrong);
	coding_stream_free(stream);
	if (code == 0 && output.size > bytes_max)
		code = STORE_ELIMIT;
	*out = (struct store_str){output.bytes, (uint32_t)output.size};
	return code;
}

/* ---- deflating ------------------------------------------------------- */

/* Bytes written, or 0: it did not fit. */
static size_t
deflate_gzip(const char *bytes, size_t size, char *out, size_t out_size)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
			   .avail_in = (uInt)size,
			   .next_out = (Bytef *)out,
			   .avail_out = (uInt)out_size};
	bool ended;

	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return 0;
	ended = deflate(&stream, Z_FINISH) == Z_STREAM_END;
	deflateEnd(&stream);
	return ended ? out_size - stream.avail_out : 0;
}

bool
coding_deflate(enum coding coding, char **bytes, size_t *size)
{
	char *out, *shorter;
	size_t written;

	if (coding == CODING_NONE || *size < 2 || *size > UINT32_MAX ||
	    (out = malloc(*size - 1)) == NULL)
		return false;
	if (coding == CODING_GZIP) {
		written = deflate_gzip(*bytes, *size, out, *size - 1);
	} else {
		written = ZSTD_compress(out, *size - 1, *bytes, *size, ZSTD_LEVEL);
		written = ZSTD_isError(written) ? 0 : written;
	}
	if (written == 0) {
		free(out);
		return false;
	}
	if ((shorter = realloc(out, written)) != NULL)
		out = shorter;
	free(*bytes);
	*bytes = out;
	*size = written;
	return true;
}
