/*
 * import_follow.h. For the command line only; reads nothing but heads.
 */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "import_follow.h"

#define LOOK_MS 250
/* Web servers are told to open the new file a moment after it was made. */
#define ROTATED_MS 2000

/* Whether the name means another file by now. */
static bool
is_replaced(const char *path, const struct import_identity *known)
{
	struct stat status;

	return stat(path, &status) == 0 && ((uint64_t)status.st_dev != known->device ||
					    (uint64_t)status.st_ino != known->inode);
}

enum import_follow
import_follow_wait(const struct import_reader *reader, const char *path,
		   const struct import_identity *known, const volatile int *stop)
{
	for (int rotated_ms = 0; !*stop;) {
		struct timespec wait = {.tv_nsec = LOOK_MS * 1000000L};
		uint64_t size = import_reader_size(reader);
		uint64_t position = import_reader_position(reader);

		/* One that was cut off may have grown beyond the place since. */
		if (size < position || !import_reader_is(reader, known))
			return IMPORT_FOLLOW_TRUNCATED;
		if (size > position)
			return IMPORT_FOLLOW_MORE;
		rotated_ms = is_replaced(path, known) ? rotated_ms + LOOK_MS : 0;
		if (rotated_ms >= ROTATED_MS)
			return IMPORT_FOLLOW_ROTATED;
		nanosleep(&wait, NULL);
	}
	return IMPORT_FOLLOW_STOPPED;
}

struct import_reader *
import_follow_find(const char *path, const struct import_identity *known, char error[512])
{
	struct import_reader *reader = NULL;
	char copy[PATH_MAX], name[PATH_MAX + 256];
	const char *directory;
	struct dirent *entry;
	DIR *entries;

	snprintf(copy, sizeof copy, "%s", path);
	directory = dirname(copy);
	if ((entries = opendir(directory)) == NULL)
		return NULL;
	while (reader == NULL && (entry = readdir(entries)) != NULL) {
		if ((uint64_t)entry->d_ino != known->inode)
			continue;
		snprintf(name, sizeof name, "%s/%s", directory, entry->d_name);
		reader = import_reader_open(name, error);
		if (reader != NULL && !import_reader_is(reader, known)) {
			import_reader_close(reader);
			reader = NULL;
		}
	}
	closedir(entries);
	return reader;
}
