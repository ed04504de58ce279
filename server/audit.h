/*
 * Who asked for what of the private endpoints, and when: a JSON object a line,
 * appended to a file. No addresses and no queries' texts. Any thread.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include "store/store.h"

struct audit;

/* The file is made with mode 0600. NULL: *error says why it cannot be. */
struct audit *audit_open(const char *path, char error[256]);
void audit_close(struct audit *audit); /* NULL is allowed */
/* The file by its name again: after it was moved away. */
void audit_reopen(struct audit *audit);

/* `who`: a token's name; `allowed`: or refused. NULL: nothing is written. */
void audit_add(struct audit *audit, const char *who, bool allowed, struct store_str method,
	       struct store_str path);

#endif
