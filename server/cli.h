/*
 * The subcommands of drum. Exit codes: 0, 1 (failed), 2 (usage).
 */
#ifndef CLI_H
#define CLI_H

#include "settings.h"
#include "store/store.h"

int cli_serve(int argc, char **argv);
int cli_import(int argc, char **argv);
int cli_query(int argc, char **argv);
int cli_generate(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_erase(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_check(int argc, char **argv);

/* A line to stdout for each row of the file's beacons: line, table, rule. */
int cli_explain_sampling(const struct settings *settings, const char *beacons);

int cli_help(const char *text);  /* to stdout; 0 */
int cli_usage(const char *text); /* to stderr; 2 */
/* Opens the store of a data directory with this program's schema. Retention
 * is borrowed until it is closed; NULL: nothing is too old. */
int cli_open_store(const char *data, bool read_only, size_t memtable_bytes_max,
		   const uint32_t *retention_days, struct store **out, struct store_error *error);

/* The same, for a command that makes no store where there is none. 0, or 1 after a message. */
int cli_open_present(const char *data, bool read_only, struct store **out);

/* Names it, before the usage; 2. */
int cli_unexpected(const char *argument, const char *text);

#endif
