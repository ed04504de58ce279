/*
 * A line of a web server's access log: combined and common (nginx, Apache, also
 * with the virtual host in front), or a JSON object with the names that nginx,
 * Apache and Caddy configurations use. Then what it means here: a boomerang
 * beacon in the request's address, a request of a page, or nothing. Pure; any
 * thread.
 */
#ifndef ACCESS_LOG_H
#define ACCESS_LOG_H

#include "event.h"

/* "" and false where the line does not tell. Strings point into the line or the
 * arena; all but address and user_agent are UTF-8. */
struct access_log_line {
	struct store_str address, user_agent;
	struct store_str host; /* as it came, maybe with a port */
	struct store_str scheme, method;
	struct store_str target; /* of the request: path and query, or a whole URL */
	struct store_str query;  /* that the log tells apart from the path */
	struct store_str referrer, content_type;
	struct store_str destination; /* Sec-Fetch-Dest */
	int64_t time_ms;              /* UTC */
	double duration_ms;
	uint32_t status;
	bool has_time, has_duration;
};

/* 0, STORE_EINVAL with *error set, or STORE_ENOMEM. A line whose request is no
 * HTTP is well-formed: its method is empty. */
int access_log_parse(struct store_str text, struct store_arena *arena, struct access_log_line *out,
		     struct event_error *error);
int access_log_parse_json(struct store_str text, struct store_arena *arena,
			  struct access_log_line *out, struct event_error *error);

/* 10/Oct/2000:13:55:36 -0700, 2000-10-10T13:55:36.25-07:00 (or Z), seconds or
 * milliseconds since 1970; false: none of them. */
bool access_log_time(struct store_str text, int64_t *ms);
/* Whether a word may be an IPv4 or IPv6 address, which a host's name is not. */
bool access_log_is_address(struct store_str text);

/* One event, whose site is set if the beacon's address has ?site=; or none, of a
 * line that is neither beacon nor page. 0, STORE_EINVAL or STORE_ENOMEM. */
int access_log_event(const struct access_log_line *line, struct store_arena *arena,
		     struct event_batch *out, struct event_error *error);

#endif
