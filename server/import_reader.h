/*
 * Bytes of a file or of standard input, inflated when they are gzip or zstd,
 * which their first bytes tell. A plain file may grow while it is read.
 */
#ifndef IMPORT_READER_H
#define IMPORT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Beyond 128 MiB a file may not inflate to more than so many times its size. */
#define IMPORT_READER_RATIO_MAX 500u
#define IMPORT_READER_HEAD_BYTES 1024u

struct import_reader;

/* Which file it is: a name may mean another one tomorrow, and an inode too, so
 * the first bytes count. */
struct import_identity {
	uint64_t device, inode;
	uint64_t head_hash; /* of the first head_bytes */
	uint32_t head_bytes;
};

/* `-` is standard input. NULL: *error says why, with the name. */
struct import_reader *import_reader_open(const char *path, char error[512]);
void import_reader_close(struct import_reader *reader);
/* At most `room` bytes; 0: there are no more now; -1: *error (static, or
 * strerror's) says why. */
ssize_t
import_reader_read(struct import_reader *reader, char *out, size_t room, const char **error);
/* Whether the last of them was 0 because there are no more: a file may grow all
 * the same, a pipe not. */
bool import_reader_has_ended(const struct import_reader *reader);
/* Goes to that byte of the inflated text; false: it is not so long. */
bool import_reader_skip(struct import_reader *reader, uint64_t offset, const char **error);

bool import_reader_is_file(const struct import_reader *reader); /* a regular one */
bool import_reader_is_plain(const struct import_reader *reader);
/* Bytes of the file itself: read so far, and in all (0: unknown). */
uint64_t import_reader_position(const struct import_reader *reader);
uint64_t import_reader_size(const struct import_reader *reader);
/* With the head of at most `bytes_max`, as far as it is written. */
bool import_reader_identity(const struct import_reader *reader, uint32_t bytes_max,
			    struct import_identity *out);
/* Whether it is the file that was known so. */
bool import_reader_is(const struct import_reader *reader, const struct import_identity *known);

#endif
