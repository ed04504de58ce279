/* What decode_native*.c share: the table of members and the decoder's state.
 * Nothing else includes this. */
#ifndef DECODE_NATIVE_INSIDE_H
#define DECODE_NATIVE_INSIDE_H

#include "event_row.h"
#include "json.h"

enum section {
	TOP,
	NET,
	DEV,
	TIMING,
	VITALS,
	WHY,
	WHY_LCP,
	WHY_INP,
	WHY_CLS,
	ERROR,
	EVENT,
	SECTIONS_COUNT,
};

enum kind {
	STRING,  /* cut at `max` bytes */
	NUMBER,  /* 0 .. max */
	INTEGER, /* 0 .. max */
	FLAG,
	REAL,   /* any finite number */
	OBJECT, /* of section `column` */
	SPECIAL,
};

enum special {
	VERSION,
	SITE,
	VIEW,
	SESSION,
	SEQ,
	TIME,
	RATE,
	URL,
	REFERRER,
	NAV,
	ERRORS,
	EVENTS,
	TAGS,
	ADDRESS,
	USER_AGENT,
	AGAIN,
	BOT,
	ERROR_KIND,
	EVENT_CATEGORY,
	ROW_TIME,
};

#define MEMBER_USUAL_MAX 24u

struct member {
	enum section section;
	const char *name;
	uint32_t name_size;
	/* as JSON.stringify writes it, from the comma to the colon */
	uint32_t usual_size;
	uint32_t usual_shift; /* of its first word without the comma: what follows it goes */
	char usual[MEMBER_USUAL_MAX];
	enum kind kind;
	int column; /* or section, or enum special */
	double max;
};

struct section_members {
	const struct member *members;
	uint32_t members_count; /* at most 64 */
	const char *prefix;
};

extern const struct section_members decode_native_sections[SECTIONS_COUNT];

struct decoder {
	struct json json;
	struct store_arena *arena;
	struct event *event;
	struct event_error *error;
	bool has_version, has_site, has_view, has_url;
};

/* Each returns 0, STORE_EINVAL with the reason in decoder->error, or STORE_ENOMEM. */

/* ---- decode_native_value.c: one plain value --------------------------- */

/* STORE_EINVAL, with the member's name and why. */
int decode_native_refuse(struct decoder *decoder, enum section section, const char *name,
			 const char *why);
/* The next value's type is not the member's. */
int decode_native_wrong_type(struct decoder *decoder, const struct member *member,
			     const char *expected);
/* The JSON itself is wrong. */
int decode_native_malformed(struct decoder *decoder);
/* Cut at `max` bytes. */
int decode_native_string(struct decoder *decoder, const struct member *member, uint32_t max,
			 struct store_str *out);
/* From min to max. */
int decode_native_number(struct decoder *decoder, const struct member *member, bool integer,
			 double min, double max, double *out);
int decode_native_flag(struct decoder *decoder, const struct member *member, bool *out);

/* ---- decode_native_special.c: members with rules of their own --------- */

int
decode_native_special(struct decoder *decoder, const struct member *member, struct event_row *row);

/* ---- decode_native.c --------------------------------------------------- */

/* An object's members into the row, or into the event. */
int decode_native_object(struct decoder *decoder, enum section section, struct event_row *row);

#endif
