/*
 * import_run.h: the way of a file from its bytes to a sink, and what is written
 * down of it. Chunks are planned in the state before they go, and done in it
 * when they are durable: so that after a kill the same chunks go again, with
 * the keys by which the store knows them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "import_follow.h"
#include "import_progress.h"
#include "import_run.h"
#include "import_state.h"
#include "owner.h"

struct run {
	const struct import_run_options *options;
	struct import_sink *sink; /* owned */
	int lock;                 /* of the state; -1: none */
	FILE *rejects;            /* owned; NULL: none */
	/* guarded by mutex: */
	pthread_mutex_t mutex;
	struct import_state state;
	struct import_progress progress;
};

/* How reading a file ended. */
enum outcome { ENDED, REPLACED, STOPPED, FAILED };

/* ---- rejects --------------------------------------------------------- */

static bool
fail(const struct run *run, const char *what)
{
	import_progress_say(&run->progress, "%s: %s", what, strerror(errno));
	return false;
}

/* What was written of chunks that are not done is written again. */
static bool
open_rejects(struct run *run)
{
	const char *path = run->options->rejects_path;
	struct stat status, input;

	if (path == NULL)
		return true;
	owner_pause();
	run->rejects = fopen(path, "ae");
	owner_resume();
	if (run->rejects == NULL || fstat(fileno(run->rejects), &status) != 0)
		return fail(run, path);
	if (stat(run->options->path, &input) == 0 && input.st_dev == status.st_dev &&
	    input.st_ino == status.st_ino) {
		import_progress_say(&run->progress,
				    "%s: rejects cannot go to the file that is imported", path);
		return false;
	}
	if (run->state.rejects_inode == (uint64_t)status.st_ino &&
	    run->state.rejects_bytes < (uint64_t)status.st_size &&
	    ftruncate(fileno(run->rejects), (off_t)run->state.rejects_bytes) != 0)
		return fail(run, path);
	run->state.rejects_inode = (uint64_t)status.st_ino;
	return true;
}

static bool
write_rejects(struct run *run, const struct import_refusal *refusals, uint32_t count)
{
	struct stat status;

	if (run->rejects == NULL)
		return true;
	for (uint32_t i = 0; i < count; i++) {
		fwrite(refusals[i].record.bytes, 1, refusals[i].record.size, run->rejects);
		fputc('\n', run->rejects);
	}
	if (fflush(run->rejects) != 0 || ferror(run->rejects) ||
	    (count > 0 && run->lock >= 0 && fdatasync(fileno(run->rejects)) != 0) ||
	    fstat(fileno(run->rejects), &status) != 0)
		return fail(run, run->options->rejects_path);
	run->state.rejects_bytes = (uint64_t)status.st_size;
	return true;
}

/* ---- state ----------------------------------------------------------- */

/* The mutex is held. */
static bool
write_state(struct run *run)
{
	char error[512];
	bool written;

	if (run->lock < 0)
		return true;
	owner_pause();
	written = import_state_write(run->options->state_path, &run->state, error);
	owner_resume();
	if (written)
		return true;
	import_progress_say(&run->progress, "%s", error);
	return false;
}

/* On the sink's thread. */
static bool
done(void *context, const struct import_chunk *chunk, const struct import_counts *counts,
     const struct import_refusal *refusals, uint32_t refusals_count)
{
	struct run *run = context;
	struct import_state *state = &run->state;
	bool well;

	pthread_mutex_lock(&run->mutex);
	for (uint32_t i = 0; i < refusals_count; i++)
		import_progress_refusal(&run->progress, chunk->begin.records + refusals[i].number,
					refusals[i].reason);
	run->progress.errors_shown += counts->rejected - refusals_count;
	import_progress_add(&run->progress, chunk, counts);
	well = write_rejects(run, refusals, refusals_count);
	state->done = chunk->end;
	if (state->planned_count > 0)
		memmove(state->planned, state->planned + 1,
			--state->planned_count * sizeof *state->planned);
	well = well && write_state(run);
	pthread_mutex_unlock(&run->mutex);
	return well;
}

/* Before it goes. */
static bool
plan(struct run *run, const struct import_reader *reader, const struct import_chunk *chunk)
{
	struct import_state *state = &run->state;
	bool well;

	pthread_mutex_lock(&run->mutex);
	if (state->file.head_bytes < IMPORT_READER_HEAD_BYTES)
		import_reader_identity(reader, IMPORT_READER_HEAD_BYTES, &state->file);
	if (run->lock < 0) {
		pthread_mutex_unlock(&run->mutex);
		return true;
	}
	if (state->planned_count == 0)
		state->done = chunk->begin;
	state->planned[state->planned_count++] = chunk->end.offset;
	well = write_state(run);
	pthread_mutex_unlock(&run->mutex);
	return well;
}

/* ---- one file -------------------------------------------------------- */

static enum outcome
say_error(struct run *run, const char *error)
{
	import_progress_say(&run->progress, "%s: %s", run->options->path, error);
	return FAILED;
}

/* Chunks until there is no whole record. `again`: ends of those that were
 * planned before, [*again_count], taken from the front. */
static enum outcome
put_chunks(struct run *run, struct import_split *split, const struct import_reader *reader,
	   bool last, uint64_t *again, uint32_t *again_count, uint64_t seed)
{
	struct import_chunk chunk;
	char error[512];
	int result;

	while (!*run->options->sink.stop || *again_count > 0) {
		uint64_t until = *again_count > 0 ? again[0] : 0;

		result = import_split_next(split, until, last, &chunk, error);
		if (result < 0)
			return say_error(run, error);
		if (result == 0 && !last)
			return ENDED;
		if (result == 0 && import_reader_has_ended(reader))
			return ENDED;
		if (result == 0)
			continue;
		if (*again_count > 0 && chunk.end.offset >= until)
			memmove(again, again + 1, --*again_count * sizeof *again);
		if (!plan(run, reader, &chunk)) {
			free(chunk.text);
			return FAILED;
		}
		if (!import_sink_put(run->sink, &chunk, seed))
			return FAILED;
	}
	return STOPPED;
}

/* Reads it from the position of the state to its end. `final`: it grows no
 * more. */
static enum outcome
read_file(struct run *run, struct import_reader *reader, bool final)
{
	const struct import_run_options *options = run->options;
	uint64_t again[IMPORT_STATE_PLANNED_MAX];
	uint32_t again_count = run->state.planned_count;
	uint64_t place[2] = {run->state.file.device, run->state.file.inode};
	uint64_t seed = XXH3_64bits(place, sizeof place);
	enum import_follow event = IMPORT_FOLLOW_MORE;
	enum import_format format = options->sink.format;
	struct import_split *split =
	    import_split_create(reader, &run->state.done, format == IMPORT_COMBINED);
	enum outcome outcome = FAILED;
	const char *error;

	memcpy(again, run->state.planned, sizeof again);
	run->state.planned_count = 0;
	run->progress.begin = run->progress.position = 0;
	run->progress.size = import_reader_size(reader);
	if (split == NULL)
		return say_error(run, "out of memory");
	if (run->state.done.offset > 0 &&
	    !import_reader_skip(reader, run->state.done.offset, &error)) {
		import_split_free(split);
		return say_error(run, error);
	}
	run->progress.begin = import_reader_position(reader);
	while (event == IMPORT_FOLLOW_MORE) {
		/* With a state the next run takes what has no end yet. */
		bool last = final || (!options->follow &&
				      (run->lock < 0 || !import_reader_is_plain(reader)));

		outcome = put_chunks(run, split, reader, last, again, &again_count, seed);
		if (outcome != ENDED || !options->follow || final)
			break;
		event =
		    import_follow_wait(reader, options->path, &run->state.file, options->sink.stop);
		if (event == IMPORT_FOLLOW_ROTATED)
			outcome = put_chunks(run, split, reader, true, again, &again_count, seed);
	}
	if (outcome == ENDED && event != IMPORT_FOLLOW_MORE)
		outcome = event == IMPORT_FOLLOW_STOPPED ? STOPPED : REPLACED;
	if (outcome == ENDED && run->lock >= 0 && import_split_left(split) > 0)
		import_progress_say(&run->progress,
				    "%zu bytes at the end are no whole line yet, and left",
				    import_split_left(split));
	import_split_free(split);
	return outcome;
}

/* From its beginning. */
static bool
begin_file(struct run *run, const struct import_reader *reader)
{
	struct import_state *state = &run->state;

	memset(&state->done, 0, sizeof state->done);
	state->planned_count = 0;
	state->has_file = import_reader_identity(reader, IMPORT_READER_HEAD_BYTES, &state->file);
	return state->has_file;
}

/* ---- files ----------------------------------------------------------- */

/* The file that the state has, which has another name by now, to its end. */
static enum outcome
finish_old(struct run *run)
{
	struct import_identity known = run->state.file;
	enum outcome outcome;
	char error[512];
	struct import_reader *old = import_follow_find(run->options->path, &known, error);

	if (old == NULL) {
		import_progress_say(&run->progress,
				    "%s is another file than before, which is gone: it is read "
				    "from its beginning",
				    run->options->path);
		return ENDED;
	}
	outcome = read_file(run, old, true);
	import_reader_close(old);
	return outcome == FAILED || import_sink_drain(run->sink) ? outcome : FAILED;
}

/* Where the run before ended: in this file, or in one that is finished first.
 * ENDED: this one is read, from where the state says. */
static enum outcome
resume(struct run *run, const struct import_reader *reader)
{
	const struct import_identity known = run->state.file;
	struct import_identity now;
	enum outcome outcome = ENDED;

	if (!run->state.has_file) {
		begin_file(run, reader);
		return ENDED;
	}
	if (import_reader_is(reader, &known) &&
	    (!import_reader_is_plain(reader) ||
	     import_reader_size(reader) >= run->state.done.offset))
		return ENDED;
	if (import_reader_identity(reader, 0, &now) && now.device == known.device &&
	    now.inode == known.inode)
		import_progress_say(&run->progress, "%s begins anew: it is read from its beginning",
				    run->options->path);
	else
		outcome = finish_old(run);
	if (outcome == ENDED)
		begin_file(run, reader);
	return outcome;
}

/* The file of that name, and those that take its place. */
static enum outcome
read_all(struct run *run)
{
	const struct import_run_options *options = run->options;
	enum outcome outcome = REPLACED;

	for (bool first = true; outcome == REPLACED; first = false) {
		char error[512];
		struct import_reader *reader = import_reader_open(options->path, error);

		if (reader == NULL) {
			import_progress_say(&run->progress, "%s", error);
			return FAILED;
		}
		if ((options->follow || options->state_path != NULL) &&
		    !import_reader_is_file(reader)) {
			import_progress_say(&run->progress,
					    "%s: only a file can be followed or have a state",
					    options->path);
			outcome = FAILED;
		} else {
			outcome = ENDED;
			if (first)
				outcome = resume(run, reader);
			else
				begin_file(run, reader);
			if (outcome == ENDED)
				outcome = read_file(run, reader, false);
		}
		import_reader_close(reader);
		/* Keys and positions are the file's: it is done before the next. */
		if (outcome == REPLACED && !import_sink_drain(run->sink))
			outcome = FAILED;
	}
	return outcome;
}

static int
finish(struct run *run, enum outcome outcome)
{
	const struct import_run_options *options = run->options;
	bool drained = import_sink_drain(run->sink);

	if (!drained && import_sink_error(run->sink)[0] != '\0')
		import_progress_say(&run->progress, "%s", import_sink_error(run->sink));
	if (outcome == STOPPED && !options->follow)
		import_progress_say(&run->progress, "stopped before the end%s",
				    run->lock >= 0 ? ": the next run goes on" : "");
	import_progress_end(&run->progress);
	return drained && (outcome == ENDED || (outcome == STOPPED && options->follow)) ? 0 : 1;
}

static bool
open_state(struct run *run, char error[512])
{
	const char *path = run->options->state_path;

	if (path == NULL)
		return true;
	owner_pause();
	run->lock = import_state_open(path, &run->state, error);
	owner_resume();
	return run->lock >= 0;
}

int
import_run(const struct import_run_options *options)
{
	struct import_sink_options sink = options->sink;
	struct run run = {.options = options, .lock = -1};
	char error[512];
	int code = 1;

	pthread_mutex_init(&run.mutex, NULL);
	import_progress_begin(&run.progress, options->follow);
	sink.done = done;
	sink.context = &run;
	sink.keyed_by_place = options->state_path != NULL || options->follow;
	if (sink.site.size > 0 || sink.format != IMPORT_AUTO)
		sink.seed =
		    XXH3_64bits_withSeed(sink.site.bytes, sink.site.size, (uint64_t)sink.format);
	if (!open_state(&run, error))
		import_progress_say(&run.progress, "%s", error);
	else if (open_rejects(&run)) {
		if ((run.sink = import_sink_create(&sink)) == NULL)
			import_progress_say(&run.progress, "out of memory");
		else
			code = finish(&run, read_all(&run));
	}
	import_sink_free(run.sink);
	if (run.rejects != NULL)
		fclose(run.rejects);
	if (run.lock >= 0)
		close(run.lock);
	pthread_mutex_destroy(&run.mutex);
	return code;
}
