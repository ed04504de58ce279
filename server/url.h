/*
 * Page URLs: host and normalised path. Userinfo, query and fragment go; ids,
 * e-mail addresses and tokens in the path become placeholders, so that no
 * secret is stored and pages of one kind have one name.
 */
#ifndef URL_H
#define URL_H

#include "store/store.h"

/* As they came, without ? and #; "" when there is none. In the URL. */
struct url_raw {
	struct store_str path, query;
};
/* Lower-case host without port, and the path; both "" when there is none. Allocated in
 * the arena. `raw`: NULL, or what else is in it. False: out of memory. */
bool url_split(struct store_str url, struct store_arena *arena, struct store_str *host,
	       struct store_str *path, struct url_raw *raw);
/* A path, or a part of one: ids, e-mail addresses and tokens to placeholders. */
bool url_normalise(struct store_str path, struct store_arena *arena, struct store_str *out);
/* Host alone. */
bool url_host(struct store_str url, struct store_arena *arena, struct store_str *host);
/* Scheme, host and path, without userinfo, query and fragment; for script and
 * resource URLs. */
bool url_strip(struct store_str url, struct store_arena *arena, struct store_str *out);

#endif
