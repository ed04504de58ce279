/*
 * coding.h's streams. Must not trust a size that the data claim: it inflates
 * into the room that it is given.
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "coding.h"

#define ZSTD_WINDOW_LOG_MAX 23 /* 8 MiB */

struct coding_stream {
	enum coding coding;
	z_stream gzip;
	ZSTD_DCtx *zstd; /* owned; NULL: gzip */
	bool inside;     /* of a member or frame that has not ended */
	uint32_t ended;  /* members or frames */
};

enum coding
coding_detect(struct store_str bytes)
{
	if (bytes.size >= 2 && memcmp(bytes.bytes, "\x1f\x8b", 2) == 0)
		return CODING_GZIP;
	if (bytes.size >= 4 && memcmp(bytes.bytes, "\x28\xb5\x2f\xfd", 4) == 0)
		return CODING_ZSTD;
	return CODING_NONE;
}

struct coding_stream *
coding_stream_create(enum coding coding)
{
	struct coding_stream *stream = calloc(1, sizeof *stream);

	if (stream == NULL)
		return NULL;
	stream->coding = coding;
	if (coding == CODING_GZIP && inflateInit2(&stream->gzip, 16 + MAX_WBITS) == Z_OK)
		return stream;
	if (coding == CODING_ZSTD && (stream->zstd = ZSTD_createDCtx()) != NULL) {
		ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
		return stream;
	}
	free(stream);
	return NULL;
}

void
coding_stream_free(struct coding_stream *stream)
{
	if (stream == NULL)
		return;
	if (stream->coding == CODING_GZIP)
		inflateEnd(&stream->gzip);
	ZSTD_freeDCtx(stream->zstd);
	free(stream);
}

static const char *
read_gzip(struct coding_stream *stream, struct store_str *in, char *out, size_t room, size_t *size)
{
	z_stream *gzip = &stream->gzip;
	int result;

	/* What follows a member is another, or the padding of a tape. */
	while (!stream->inside && stream->ended > 0 && in->size > 0 && in->bytes[0] == '\0')
		in->bytes++, in->size--;
	if (in->size == 0 && !stream->inside)
		return NULL;
	if (!stream->inside && inflateReset(gzip) != Z_OK)
		return "malformed gzip data";
	stream->inside = true;
	gzip->next_in = (Bytef *)(uintptr_t)in->bytes;
	gzip->avail_in = in->size;
	gzip->next_out = (Bytef *)out;
	gzip->avail_out = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
	*size = gzip->avail_out;
	result = inflate(gzip, Z_NO_FLUSH);
	*size -= gzip->avail_out;
	*in = (struct store_str){(const char *)gzip->next_in, gzip->avail_in};
	if (result == Z_STREAM_END) {
		stream->inside = false;
		stream->ended++;
		return NULL;
	}
	if (result == Z_OK || result == Z_BUF_ERROR)
		return NULL;
	return stream->ended > 0 ? "something else follows the gzip data" : "malformed gzip data";
}

static const char *
read_zstd(struct coding_stream *stream, struct store_str *in, char *out, size_t room, size_t *size)
{
	ZSTD_inBuffer from = {in->bytes, in->size, 0};
	ZSTD_outBuffer to = {out, room, 0};
	size_t left;

	if (in->size == 0 && !stream->inside)
		return NULL;
	left = ZSTD_decompressStream(stream->zstd, &to, &from);
	*size = to.pos;
	*in = (struct store_str){in->bytes + from.pos, in->size - (uint32_t)from.pos};
	if (ZSTD_isError(left))
		return stream->ended > 0 && !stream->inside
			   ? "something else follows the zstd data"
			   : "malformed zstd data, or a window above 8 MiB";
	stream->inside = left != 0;
	stream->ended += left == 0;
	return NULL;
}

const char *
coding_stream_read(struct coding_stream *stream, struct store_str *in, char *out, size_t room,
		   size_t *size)
{
	*size = 0;
	return stream->coding == CODING_GZIP ? read_gzip(stream, in, out, room, size)
					     : read_zstd(stream, in, out, room, size);
}

bool
coding_stream_is_whole(const struct coding_stream *stream)
{
	return !stream->inside && stream->ended > 0;
}
