/*
 * Which rows are kept: rules of the configuration, the first that fits a row
 * decides. The unit is the view: each row of a view is judged by the same
 * number (store_draw), so what is kept at 1/100 is kept at 1/10 too. A kept
 * row's _sample_interval says how many it stands for.
 *
 * Made from a configuration, then used by any number of threads.
 */
#ifndef SAMPLING_H
#define SAMPLING_H

#include "config.h"
#include "event.h"

struct sampling;

/* `file` is named in errors; NULL: none. NULL: *error says what is wrong, and
 * where. The configuration is not needed any more afterwards. */
struct sampling *sampling_create(const struct config *config, const char *file, char error[512]);
void sampling_free(struct sampling *sampling); /* no entry may still refer to it */

/* Whether it decides anything. */
bool sampling_has_rules(const struct sampling *sampling);

/*
 * Judges every row of an entry whose rows and cells live in the arena: sets
 * their intervals, drops rows, or marks the entry dropped. `live`: rules with
 * max_per_second count by received_ms; else (imports) only their `keep` holds.
 * The entry refers to `sampling` and the arena until it is appended. 0 or
 * STORE_ENOMEM.
 */
int sampling_apply(struct sampling *sampling, uint64_t draw, bool live, struct store_entry *entry,
		   struct store_arena *arena);

/* The number, from 1, of the rule that decides on the row, and that rule as a
 * text; 0 and "keep 1" when none does. */
uint32_t sampling_explain(const struct sampling *sampling, struct store_str site,
			  const struct store_row *row, struct store_arena *arena, char text[256]);

#endif
