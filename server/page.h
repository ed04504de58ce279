/*
 * What the configuration says of pages' addresses: which paths have a name of
 * their own, and which parameters of the query are kept (as tags).
 * Made once, then read by any thread.
 */
#ifndef PAGE_H
#define PAGE_H

#include "config.h"

struct page_rules;

/* `file` is named in errors; NULL: none. NULL: *error. The configuration must
 * outlive them. */
struct page_rules *
page_rules_create(const struct config *config, const char *file, char error[512]);
void page_rules_free(struct page_rules *rules);

/* The name of a path as it came: the first pattern that it matches gives it. A
 * star stands for one segment, two at the end for the rest; stars of the name
 * take what those of the pattern matched, in their order, normalised. *found is
 * false when none matches. False: out of memory. */
bool page_name(const struct page_rules *rules, struct store_str site, struct store_str path,
	       struct store_arena *arena, struct store_str *out, bool *found);

/* Whether a parameter of the query is kept. NULL rules: the default, utm_*. */
bool page_keeps(const struct page_rules *rules, struct store_str parameter);

#endif
