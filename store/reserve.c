/*
 * reserve.h. Beside publish.c; must not fail what it is there to help.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "bytes.h"
#include "reserve.h"

/* A manifest of a thousand segments, and its directory. */
#define RESERVE_BYTES 65536u
#define PART_BYTES 16384u

static bool
make_path(const char *directory, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/" RESERVE_NAME, directory) < PATH_MAX;
}

/* Bytes that no file system compresses or leaves out (splitmix64). */
static void
fill(unsigned char part[PART_BYTES], uint64_t *state)
{
	for (uint32_t i = 0; i < PART_BYTES; i += 8) {
		uint64_t z = (*state += 0x9e3779b97f4a7c15u);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		bytes_put64(part + i, z ^ (z >> 31));
	}
}

void
reserve_make(struct io *io, const char *directory)
{
	unsigned char part[PART_BYTES];
	char path[PATH_MAX];
	uint64_t state = 1;
	int fd, result = 0;

	if (!make_path(directory, path) || (fd = io->open(io, path, O_WRONLY | O_CREAT, 0600)) < 0)
		return;
	if (io->size(io, fd) != RESERVE_BYTES) {
		for (uint32_t at = 0; at < RESERVE_BYTES && result == 0; at += PART_BYTES) {
			fill(part, &state);
			result = io_write_full(io, fd, part, PART_BYTES, at);
		}
		/* Until then its room may be promised to others. */
		if (result == 0)
			result = io->sync(io, fd);
	}
	io->close(io, fd);
	if (result != 0)
		io->unlink(io, path);
}

void
reserve_release(struct io *io, const char *directory)
{
	char path[PATH_MAX];

	if (make_path(directory, path))
		io->unlink(io, path);
}
