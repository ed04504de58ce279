/*
 * What a reload replaces as a whole: the configuration's parts that may change
 * while the server runs. Counted, so that a beacon on its way to the disk keeps
 * those it was judged by.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "config.h"
#include "page.h"
#include "sampling.h"

struct settings {
	const struct config *config; /* borrowed, or owned: see settings_create */
	struct sampling *sampling;   /* owned */
	struct page_rules *pages;    /* owned */
	struct config *owned;
	_Atomic uint32_t references;
};

/* Takes the configuration when `own`, also on failure. NULL: *error. One
 * reference is the caller's. */
struct settings *
settings_create(struct config *config, bool own, const char *file, char error[512]);
void settings_release(struct settings *settings);

/* The present ones: any thread. hold gives a reference. */
struct settings_place;
struct settings_place *settings_place_create(struct settings *settings); /* takes the reference */
void settings_place_free(struct settings_place *place);
struct settings *settings_hold(struct settings_place *place);
/* Takes the reference; the old ones go with their last user. */
void settings_replace(struct settings_place *place, struct settings *settings);

#endif
