/*
 * INSERT INTO a table: the statement's head, and the rows that follow it, to
 * entries of the store. Rows are stored as they are given; only what may hold
 * secrets of a URL is taken out. Pure; any thread, but not a loop's.
 */
#ifndef INSERT_H
#define INSERT_H

#include "event.h"

#define INSERT_COLUMNS_MAX 128u
#define INSERT_STRING_BYTES_MAX 65536u
#define INSERT_TAGS_MAX 32u /* of a row */

/* INSERT INTO [TABLE] [db.]t [(a, b)] [SETTINGS k = v, ...] [FORMAT f] */
struct insert_head {
	uint16_t table;
	uint16_t columns[INSERT_COLUMNS_MAX]; /* in the order of the rows' cells */
	uint32_t columns_count;               /* without a list: all of the table */
	struct store_str format;              /* "" when there is none */
	uint32_t bytes;                       /* of the text; data may follow */
};

struct insert_error {
	int number;       /* ClickHouse's */
	const char *name; /* its name; static */
	char text[320];
};
void insert_fail(struct insert_error *error, int number, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct insert_rows {
	struct store_entry *entries; /* one a row, in the arena */
	uint32_t count;
};

/* What every row is checked against. */
struct insert_context {
	int64_t now_ms;
	const uint32_t *retention_days; /* [tables]; 0: for ever */
	struct store_arena *arena;
	bool is_apart; /* the data do not follow a head, whose line's end is no row */
};

/* Whether the text begins with the word INSERT. */
bool insert_is(struct store_str text);
/* 0, or STORE_EINVAL with *error set. */
int insert_parse(struct store_str text, struct insert_head *out, struct insert_error *error);
/* The formats of INSERT, for messages and docs. Static. */
const char *insert_formats(void);
/* Any bad row refuses all: its number is in the error. The entries point into
 * `data` and the arena. 0, STORE_ENOMEM, or STORE_EINVAL with *error set. */
int insert_decode(const struct insert_head *head, struct store_str format, struct store_str data,
		  const struct insert_context *context, struct insert_rows *out,
		  struct insert_error *error);

#endif
