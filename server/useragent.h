/*
 * User-Agent and client hints to browser, system and device, by uap-core's
 * regexes (Apache-2.0, from npm at build time) over PCRE2. Thread-safe; a
 * bounded cache answers what was seen before.
 */
#ifndef USERAGENT_H
#define USERAGENT_H

#include "store/store.h"

struct useragent { /* NUL-terminated; "" when unknown */
	char browser[32], browser_version[8];
	char os[32], os_version[16];
	char device[8]; /* mobile, desktop, tablet or other */
	char bot[32];   /* "" for people */
};

struct useragent_parser;

struct useragent_parser *useragent_open(void); /* NULL: out of memory */
void useragent_close(struct useragent_parser *parser);
/* Hints are Sec-CH-UA-Mobile (?0, ?1) and Sec-CH-UA-Platform; they win over
 * the User-Agent where they are present. */
void useragent_parse(struct useragent_parser *parser, struct store_str user_agent,
		     struct store_str hint_mobile, struct store_str hint_platform,
		     struct useragent *out);

#endif
