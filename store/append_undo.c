/*
 * append_group.h: what a group has done to memtables, views and requests, and
 * taking it back. Must not touch the WAL.
 */
#include <stdlib.h>

#include "append_group.h"

int
append_remember(struct append_group *group, const struct append_undo *undo)
{
	if (group->undo_count == group->undo_max) {
		size_t undo_max = group->undo_max == 0 ? 1024 : group->undo_max * 2;
		struct append_undo *grown = realloc(group->undo, undo_max * sizeof *grown);

		if (grown == NULL)
			return STORE_ENOMEM;
		group->undo = grown;
		group->undo_max = undo_max;
	}
	group->undo[group->undo_count++] = *undo;
	return 0;
}

int
append_remember_view(struct append_group *group, const struct view *view)
{
	struct append_undo undo = {.kind = APPEND_UNDO_VIEW_OLD};
	int result;

	if (group->views_count == group->views_max) {
		size_t views_max = group->views_max == 0 ? 64 : group->views_max * 2;
		struct view *grown = realloc(group->views, views_max * sizeof *grown);

		if (grown == NULL)
			return STORE_ENOMEM;
		group->views = grown;
		group->views_max = views_max;
	}
	if ((result = append_remember(group, &undo)) == 0)
		group->views[group->views_count++] = *view;
	return result;
}

/* Takes back everything after `mark`, youngest first. A row cannot leave the
 * memtable; dying at its birth, it is never visible. */
void
append_undo(struct append_group *group, size_t mark)
{
	if (memtable_settle(group->store->active->memtable) != 0)
		group->torn = group->together;
	while (group->undo_count > mark) {
		const struct append_undo *undo = &group->undo[--group->undo_count];

		switch (undo->kind) {
		case APPEND_UNDO_APPENDED:
			memtable_set_died(undo->memtable, undo->table, undo->row, undo->born);
			break;
		case APPEND_UNDO_KILLED:
			memtable_set_died(undo->memtable, undo->table, undo->row, MEMTABLE_ALIVE);
			break;
		case APPEND_UNDO_VIEW_NEW:
			view_index_remove_last(&undo->into->views);
			if (undo->from != NULL)
				undo->from->views_moved--;
			break;
		case APPEND_UNDO_VIEW_OLD:
			(void)state_put_view(&group->views[--group->views_count]); /* overwrites */
			break;
		case APPEND_UNDO_REQUEST:
			requests_remove_last(&group->store->requests);
			group->requests_count--;
			break;
		}
	}
}
