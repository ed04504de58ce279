/*
 * import_reader.h. For the command line only; must not hold more of the text
 * than one piece.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "coding.h"
#include "import.h"
#include "import_reader.h"

#define PIECE_BYTES (256u << 10)
#define PIPE_WAIT_MS 1000

struct import_reader {
	int fd; /* owned, but for standard input */
	bool is_file, detected, ended;
	uint64_t position;            /* of the file */
	uint64_t inflated;            /* bytes that came out */
	struct coding_stream *stream; /* owned; NULL: plain */
	char *piece;                  /* owned: [PIECE_BYTES] */
	struct store_str left;        /* of the piece */
};

void
import_reader_close(struct import_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->fd > STDIN_FILENO)
		close(reader->fd);
	coding_stream_free(reader->stream);
	free(reader->piece);
	free(reader);
}

/* 0: there is nothing now; of a pipe that is so when nothing comes for a
 * while, or at a signal. */
static ssize_t
read_some(struct import_reader *reader, char *out, size_t room, const char **error)
{
	struct pollfd waiting = {.fd = reader->fd, .events = POLLIN};
	ssize_t got;

	reader->ended = false;
	if (!reader->is_file && poll(&waiting, 1, PIPE_WAIT_MS) <= 0)
		return 0;
	got = read(reader->fd, out, room);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	reader->ended = got == 0;
	if (got < 0)
		*error = strerror(errno);
	else
		reader->position += (uint64_t)got;
	return got;
}

/* The first bytes tell the coding; they stay in the piece. */
static bool
detect(struct import_reader *reader, const char **error)
{
	enum coding coding;
	ssize_t got;

	while (reader->left.size < 4) {
		got = read_some(reader, reader->piece + reader->left.size,
				PIECE_BYTES - reader->left.size, error);
		if (got < 0)
			return false;
		if (got == 0)
			break;
		reader->left = (struct store_str){reader->piece, reader->left.size + (uint32_t)got};
	}
	/* Of one that has just begun nothing is known yet. */
	if (reader->left.size == 0 || (reader->left.size < 4 && !reader->ended))
		return true;
	reader->detected = true;
	coding = coding_detect(reader->left);
	if (coding == CODING_NONE)
		return true;
	*error = "out of memory";
	return (reader->stream = coding_stream_create(coding)) != NULL;
}

struct import_reader *
import_reader_open(const char *path, char error[512])
{
	struct import_reader *reader = calloc(1, sizeof *reader);
	const char *why = NULL;
	struct stat status;

	if (reader == NULL || (reader->piece = malloc(PIECE_BYTES)) == NULL) {
		snprintf(error, 512, "out of memory");
		free(reader);
		return NULL;
	}
	reader->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0 || fstat(reader->fd, &status) != 0 || S_ISDIR(status.st_mode)) {
		snprintf(error, 512, "%s: %s", path,
			 reader->fd < 0 ? strerror(errno) : "is no file");
		import_reader_close(reader);
		return NULL;
	}
	reader->is_file = S_ISREG(status.st_mode);
	if (reader->is_file && !detect(reader, &why)) {
		snprintf(error, 512, "%.400s: %s", path, why);
		import_reader_close(reader);
		return NULL;
	}
	return reader;
}

static ssize_t
read_plain(struct import_reader *reader, char *out, size_t room, const char **error)
{
	if (!reader->detected)
		return 0;
	if (reader->left.size == 0)
		return read_some(reader, out, room, error);
	room = room < reader->left.size ? room : reader->left.size;
	memcpy(out, reader->left.bytes, room);
	reader->left.bytes += room;
	reader->left.size -= (uint32_t)room;
	return (ssize_t)room;
}

static ssize_t
read_inflated(struct import_reader *reader, char *out, size_t room, const char **error)
{
	for (;;) {
		size_t size;
		ssize_t got;

		*error = coding_stream_read(reader->stream, &reader->left, out, room, &size);
		if (*error != NULL)
			return -1;
		if (size > 0)
			return (ssize_t)size;
		if (reader->left.size > 0)
			continue; /* another member begins */
		got = read_some(reader, reader->piece, PIECE_BYTES, error);
		if (got < 0)
			return -1;
		if (got == 0 && (!reader->ended || coding_stream_is_whole(reader->stream)))
			return 0;
		*error = "the compressed data are cut short";
		if (got == 0)
			return -1;
		reader->left = (struct store_str){reader->piece, (uint32_t)got};
	}
}

ssize_t
import_reader_read(struct import_reader *reader, char *out, size_t room, const char **error)
{
	ssize_t got;

	if (!reader->detected && !detect(reader, error))
		return -1;
	got = reader->stream == NULL ? read_plain(reader, out, room, error)
				     : read_inflated(reader, out, room, error);
	if (got > 0)
		reader->inflated += (uint64_t)got;
	if (reader->stream != NULL && reader->inflated > IMPORT_INFLATED_BYTES_MAX &&
	    reader->inflated / IMPORT_READER_RATIO_MAX > reader->position) {
		*error = "it inflates to more than 500 times its size";
		return -1;
	}
	return got;
}

bool
import_reader_skip(struct import_reader *reader, uint64_t offset, const char **error)
{
	char *scratch;
	ssize_t got = 1;

	*error = "it is shorter than before";
	if (!reader->detected && !detect(reader, error))
		return false;
	if (reader->stream == NULL && reader->is_file) {
		if (lseek(reader->fd, (off_t)offset, SEEK_SET) < 0)
			return false;
		reader->left.size = 0;
		reader->position = offset;
		return offset <= import_reader_size(reader);
	}
	if ((scratch = malloc(PIECE_BYTES)) == NULL)
		return false;
	while (offset > 0 && got > 0) {
		got = import_reader_read(reader, scratch,
					 offset < PIECE_BYTES ? offset : PIECE_BYTES, error);
		offset -= got > 0 ? (uint64_t)got : 0;
	}
	free(scratch);
	return offset == 0;
}

bool
import_reader_has_ended(const struct import_reader *reader)
{
	return reader->ended;
}

bool
import_reader_is_file(const struct import_reader *reader)
{
	return reader->is_file;
}

bool
import_reader_is_plain(const struct import_reader *reader)
{
	return reader->stream == NULL;
}

uint64_t
import_reader_position(const struct import_reader *reader)
{
	return reader->position - reader->left.size;
}

uint64_t
import_reader_size(const struct import_reader *reader)
{
	struct stat status;

	return reader->is_file && fstat(reader->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

bool
import_reader_identity(const struct import_reader *reader, uint32_t bytes_max,
		       struct import_identity *out)
{
	char head[IMPORT_READER_HEAD_BYTES];
	struct stat status;
	ssize_t got;

	if (!reader->is_file || fstat(reader->fd, &status) != 0 ||
	    (got = pread(reader->fd, head, bytes_max < sizeof head ? bytes_max : sizeof head, 0)) <
		0)
		return false;
	*out = (struct import_identity){(uint64_t)status.st_dev, (uint64_t)status.st_ino,
					XXH3_64bits(head, (size_t)got), (uint32_t)got};
	return true;
}

bool
import_reader_is(const struct import_reader *reader, const struct import_identity *known)
{
	struct import_identity now;

	return import_reader_identity(reader, known->head_bytes, &now) &&
	       now.device == known->device && now.inode == known->inode &&
	       now.head_bytes == known->head_bytes && now.head_hash == known->head_hash;
}
