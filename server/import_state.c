/*
 * import_state.h. For the command line only; holds no text of what is imported.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "import_state.h"

static const char magic[] = "drum import state 1\n";

/* ---- reading --------------------------------------------------------- */

static bool
read_lines(FILE *in, struct import_state *out)
{
	char line[512];
	unsigned values, inside, known, skipping;

	if (fgets(line, sizeof line, in) == NULL || strcmp(line, magic) != 0)
		return false;
	while (fgets(line, sizeof line, in) != NULL) {
		struct import_identity *file = &out->file;
		struct import_position *done = &out->done;
		uint64_t number;

		if (sscanf(line, "file %" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNx64, &file->device,
			   &file->inode, &file->head_bytes, &file->head_hash) == 4)
			out->has_file = true;
		else if (sscanf(line, "done %" SCNu64 " %" SCNu64 " %u %u %u %u", &done->offset,
				&done->records, &values, &inside, &known, &skipping) == 6)
			done->is_values = values != 0, done->is_inside = inside != 0,
			done->is_known = known != 0, done->is_skipping = skipping != 0;
		else if (sscanf(line, "planned %" SCNu64, &number) == 1 &&
			 out->planned_count < IMPORT_STATE_PLANNED_MAX)
			out->planned[out->planned_count++] = number;
		else if (sscanf(line, "rejects %" SCNu64 " %" SCNu64, &out->rejects_inode,
				&out->rejects_bytes) != 2 &&
			 strcmp(line, "end\n") != 0)
			return false;
		if (strcmp(line, "end\n") == 0)
			return out->has_file && out->file.head_bytes <= IMPORT_READER_HEAD_BYTES;
	}
	return false;
}

int
import_state_open(const char *path, struct import_state *out, char error[512])
{
	char lock_path[PATH_MAX];
	FILE *in;
	int lock;
	bool well = true;

	memset(out, 0, sizeof *out);
	if ((size_t)snprintf(lock_path, sizeof lock_path, "%s.lock", path) >= sizeof lock_path) {
		snprintf(error, 512, "the name of the state file is too long");
		return -1;
	}
	if ((lock = open(lock_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0 ||
	    flock(lock, LOCK_EX | LOCK_NB) != 0) {
		snprintf(error, 512, "%.400s: %s", lock_path,
			 lock >= 0 && errno == EWOULDBLOCK ? "another import has this state"
							   : strerror(errno));
		if (lock >= 0)
			close(lock);
		return -1;
	}
	if ((in = fopen(path, "re")) != NULL) {
		well = read_lines(in, out);
		fclose(in);
	} else if (errno != ENOENT) {
		snprintf(error, 512, "%.400s: %s", path, strerror(errno));
		close(lock);
		return -1;
	}
	if (well)
		return lock;
	snprintf(error, 512, "%.400s: is no state file of an import", path);
	close(lock);
	return -1;
}

/* ---- writing --------------------------------------------------------- */

static bool
sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int directory;
	bool well;

	snprintf(copy, sizeof copy, "%s", path);
	directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	well = directory >= 0 && fsync(directory) == 0;
	if (directory >= 0)
		close(directory);
	return well;
}

bool
import_state_write(const char *path, const struct import_state *state, char error[512])
{
	const struct import_position *done = &state->done;
	char fresh[PATH_MAX];
	FILE *out;
	bool well;

	snprintf(fresh, sizeof fresh, "%s.new", path);
	if ((out = fopen(fresh, "we")) == NULL) {
		snprintf(error, 512, "%.400s: %s", fresh, strerror(errno));
		return false;
	}
	fprintf(out, "%sfile %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIx64 "\n", magic,
		state->file.device, state->file.inode, state->file.head_bytes,
		state->file.head_hash);
	fprintf(out, "done %" PRIu64 " %" PRIu64 " %d %d %d %d\n", done->offset, done->records,
		done->is_values, done->is_inside, done->is_known, done->is_skipping);
	for (uint32_t i = 0; i < state->planned_count; i++)
		fprintf(out, "planned %" PRIu64 "\n", state->planned[i]);
	fprintf(out, "rejects %" PRIu64 " %" PRIu64 "\nend\n", state->rejects_inode,
		state->rejects_bytes);
	well = fflush(out) == 0 && fsync(fileno(out)) == 0;
	well = fclose(out) == 0 && well;
	well = well && rename(fresh, path) == 0 && sync_directory(path);
	if (!well)
		snprintf(error, 512, "%.400s: %s", path, strerror(errno));
	return well;
}
