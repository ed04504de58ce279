/*
 * Lines to stderr: time, text; or JSON objects of both. Control bytes are escaped; more than
 * LOG_LINES_PER_SECOND are counted instead of written. Any thread.
 */
#ifndef LOG_H
#define LOG_H

#define LOG_LINES_PER_SECOND 200

/* From now on objects: {"time":"...","text":"..."}; with "left_out":N when lines
 * were. Before any thread. */
void log_as_json(void);

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As store_options.log and enricher_open's want it. */
void log_text(void *context, const char *line);

#endif
