/*
 * The configuration file as text: whether it is YAML, whether it fits the
 * schema, and on which line a key stands. What it says about a wrong value is
 * in the words of server/API.md, not in those of C.
 *
 * config_file_open, then any of the others, then config_file_close.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#define CONFIG_ERROR_BYTES 512

struct config_file;

/* Reads and parses. NULL: *error names the file, and the line when it is not
 * YAML. */
struct config_file *config_file_open(const char *path, char error[CONFIG_ERROR_BYTES]);
void config_file_close(struct config_file *file);

/* Borrowed until config_file_close. */
const uint8_t *config_file_bytes(const struct config_file *file, size_t *size);

/* Whether every key is known and every value fits; false: *error says what is
 * expected, where. */
bool config_file_check(const struct config_file *file, const cyaml_schema_value_t *schema,
		       char error[CONFIG_ERROR_BYTES]);

/* Line of a value, from 1: of the entry at `index` of the list `list`, or of
 * `key` in it when it is a mapping (key NULL: the entry itself). The list NULL:
 * of the top key; a mapping: of `key` in that. 0 when it is not there; `file` may be NULL. */
unsigned
config_file_line(const struct config_file *file, const char *list, uint32_t index, const char *key);

/* Writes "FILE line N: TEXT", without the line when it is 0. */
void config_file_tell(const char *path, unsigned line, char error[CONFIG_ERROR_BYTES],
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
