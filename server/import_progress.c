/*
 * import_progress.h. For the command line only.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "import_progress.h"

#define SHOWN_EACH_S 0.2
#define BAR_CELLS 24

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
import_progress_begin(struct import_progress *progress, bool is_endless)
{
	memset(progress, 0, sizeof *progress);
	progress->began_s = now_s();
	progress->is_terminal = isatty(STDERR_FILENO);
	progress->is_endless = is_endless;
}

static void
show(struct import_progress *progress)
{
	double elapsed = now_s() - progress->began_s;
	double rate = elapsed > 0 ? (double)progress->records / elapsed : 0, share, left;
	char bar[BAR_CELLS + 1];

	progress->shown_s = elapsed;
	if (progress->size <= progress->begin || progress->is_endless) {
		fprintf(stderr, "\r\033[K%llu records, %.0f a second",
			(unsigned long long)progress->records, rate);
		return;
	}
	share = (double)(progress->position - progress->begin) /
		(double)(progress->size - progress->begin);
	share = share > 1 ? 1 : share;
	for (int i = 0; i < BAR_CELLS; i++)
		bar[i] = share * BAR_CELLS > i ? '#' : '.';
	bar[BAR_CELLS] = '\0';
	left = share > 0 ? elapsed / share - elapsed : 0;
	fprintf(stderr, "\r\033[K[%s] %3.0f %%  %llu records, %.0f a second, %.0f:%02d left", bar,
		share * 100, (unsigned long long)progress->records, rate,
		left / 60 - 0.5 < 0 ? 0 : left / 60 - 0.5, (int)left % 60);
}

void
import_progress_add(struct import_progress *progress, const struct import_chunk *chunk,
		    const struct import_counts *counts)
{
	struct import_counts *sum = &progress->counts;

	sum->stored += counts->stored;
	sum->sampled_out += counts->sampled_out;
	sum->repeated += counts->repeated;
	sum->late += counts->late;
	sum->rejected += counts->rejected;
	sum->skipped += counts->skipped;
	progress->records += chunk->end.records - chunk->begin.records;
	progress->position = chunk->file_position;
	if (progress->is_terminal && now_s() - progress->began_s > progress->shown_s + SHOWN_EACH_S)
		show(progress);
}

void
import_progress_say(const struct import_progress *progress, const char *format, ...)
{
	va_list arguments;

	if (progress->is_terminal)
		fputs("\r\033[K", stderr);
	fputs("drum: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* What came in a record may be in the reason: nothing of it moves the cursor. */
void
import_progress_refusal(struct import_progress *progress, uint64_t number, const char *reason)
{
	char text[300];
	size_t i = 0;

	if (++progress->errors_shown > IMPORT_ERRORS_SHOWN)
		return;
	for (; i < sizeof text - 1 && reason[i] != '\0'; i++)
		text[i] = (unsigned char)reason[i] < 0x20 || reason[i] == 0x7f ? ' ' : reason[i];
	text[i] = '\0';
	import_progress_say(progress, "line %llu: %s", (unsigned long long)number, text);
}

void
import_progress_end(const struct import_progress *progress)
{
	const struct import_counts *counts = &progress->counts;

	if (progress->is_terminal)
		fputs("\r\033[K", stderr);
	if (progress->errors_shown > IMPORT_ERRORS_SHOWN)
		import_progress_say(
		    progress, "and %llu more",
		    (unsigned long long)(progress->errors_shown - IMPORT_ERRORS_SHOWN));
	printf("imported %llu beacons (%llu repeated, %llu late, %llu rejected",
	       (unsigned long long)counts->stored, (unsigned long long)counts->repeated,
	       (unsigned long long)counts->late, (unsigned long long)counts->rejected);
	if (counts->skipped > 0)
		printf(", %llu skipped", (unsigned long long)counts->skipped);
	if (counts->sampled_out > 0)
		printf(", %llu sampled out", (unsigned long long)counts->sampled_out);
	printf(") in %.1f s\n", now_s() - progress->began_s);
}
