/*
 * Short texts that nothing had to go from, as this thread has seen them lately:
 * pages have few elements and scripts, which come with each beacon. Only for
 * redact.c.
 */
#ifndef REDACT_KNOWN_H
#define REDACT_KNOWN_H

#include "store/store.h"

/* Whether redact_know was told the text, and it was not forgotten. */
bool redact_is_known(struct store_str text);
/* Copied; longer ones are not kept. */
void redact_know(struct store_str text);

#endif
