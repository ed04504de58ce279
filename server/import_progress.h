/*
 * What an import has done so far: counts, a bar on a terminal, and a line at
 * the end. One thread at a time.
 */
#ifndef IMPORT_PROGRESS_H
#define IMPORT_PROGRESS_H

#include "import_sink.h"

struct import_progress {
	struct import_counts counts;
	uint64_t records;               /* lines or elements that were looked at */
	uint64_t position, begin, size; /* bytes of the file; size 0: unknown */
	double began_s, shown_s;
	uint64_t errors_shown;
	bool is_terminal; /* stderr */
	bool is_endless;  /* there is no end to be near */
};

void import_progress_begin(struct import_progress *progress, bool is_endless);
void import_progress_add(struct import_progress *progress, const struct import_chunk *chunk,
			 const struct import_counts *counts);
/* A line on stderr, of which the first few are shown. */
void import_progress_refusal(struct import_progress *progress, uint64_t number, const char *reason);
/* Any other line, in the bar's stead. */
__attribute__((format(printf, 2, 3))) void
import_progress_say(const struct import_progress *progress, const char *format, ...);
/* The summary on stdout. */
void import_progress_end(const struct import_progress *progress);

#endif
