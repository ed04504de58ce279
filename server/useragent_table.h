/*
 * The table that useragent_table.mjs makes of uap-core's regexes.yaml, and of
 * isbot's list. Order matters: the first match wins.
 */
#ifndef USERAGENT_TABLE_H
#define USERAGENT_TABLE_H

#include <stddef.h>

struct useragent_regex {
	const char *regex;
	const char *literal; /* must occur, any case, or there is no match; "" : unknown */
	/* One of them must occur in lower case, or there is no match; each of at least
	 * 3 bytes and with a newline behind it; "": unknown */
	const char *words;
	const char *family, *major, *minor; /* replacements with $1..$9, or NULL */
	int ignore_case;
};

extern const struct useragent_regex useragent_table_browsers[], useragent_table_systems[],
    useragent_table_devices[], useragent_table_bots[];
extern const size_t useragent_table_browsers_count, useragent_table_systems_count,
    useragent_table_devices_count, useragent_table_bots_count;

#endif
