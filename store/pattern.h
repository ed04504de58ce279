/*
 * Regular expressions in time linear in the text: RE2's syntax without named
 * classes of Unicode, matched by Thompson's simulation of the automaton with
 * Pike's captures. No backtracking, and no back references or look-around,
 * which would need it. Characters are UTF-8; a byte that is none counts as one
 * character. `.` matches newlines too, as in ClickHouse.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include "watch.h"

#define PATTERN_GROUPS_MAX 10u         /* the whole match and \1 .. \9 */
#define PATTERN_INSTRUCTIONS_MAX 5000u /* of a compiled pattern */

struct pattern;
struct pattern_machine;

/* Bytes from .. to of a text; a group that took no part has from > to. */
struct pattern_span {
	uint32_t from, to;
};

/* Everything lives in the arena. 0, STORE_EINVAL with *why (static), or
 * STORE_ELIMIT when memory runs out. */
int pattern_compile(struct store_str text, struct store_arena *arena, struct pattern **out,
		    const char **why);
/* Groups in brackets that the pattern has. */
uint32_t pattern_groups_count(const struct pattern *pattern);
/* What one search needs; reused by the next. NULL when memory runs out. One
 * thread at a time. When `watch` (or NULL) is over nothing is found any more. */
struct pattern_machine *
pattern_machine_create(const struct pattern *pattern, const struct watch *watch,
		       struct store_arena *arena);
/* The leftmost match that begins at or after byte `from`; spans may be NULL
 * (then any match will do). */
bool pattern_find(struct pattern_machine *machine, struct store_str text, uint32_t from,
		  struct pattern_span spans[PATTERN_GROUPS_MAX]);

#endif
