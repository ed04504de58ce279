/*
 * Lines to stderr: time, text. Control bytes are escaped; more than
 * LOG_LINES_PER_SECOND are counted instead of written. Any thread.
 */
#ifndef LOG_H
#define LOG_H

#define LOG_LINES_PER_SECOND 200

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As store_options.log and enricher_open's want it. */
void log_text(void *context, const char *line);

#endif
