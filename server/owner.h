/*
 * Root at work in a data directory of another's: whoever owns the directory could lay a
 * link to any file there, which root would follow. So such a command acts as the owner,
 * who may then open what it wrote; what it reads it reads as root still, for the way
 * there may be root's alone (/var/lib/private), and so may be what is imported.
 */
#ifndef OWNER_H
#define OWNER_H

#include <stdbool.h>

/* From now on, and for threads to come; before the first of them. Nothing changes for who
 * is not root, nor in a directory that is root's or is not there. False: after a message. */
bool owner_become(const char *data);

/* The calling thread opens files of the caller's own for writing, between the two. */
void owner_pause(void);
void owner_resume(void);

#endif
