/*
 * What a JSON object is, by the names of its members, and what any agent's may
 * have besides. Pure; inside of import_*.c.
 */
#ifndef IMPORT_SHAPE_H
#define IMPORT_SHAPE_H

#include "import.h"
#include "json.h"

/* Members that tell what an object is. */
enum mark {
	IS_NATIVE = 1 << 0,
	HAS_META = 1 << 1,
	HAS_FARO = 1 << 2,
	HAS_NAME = 1 << 3,
	HAS_VALUE = 1 << 4,
	HAS_ID = 1 << 5,
	HAS_PID = 1 << 6,
	IS_CSP = 1 << 7,
	HAS_TYPE = 1 << 8,
	HAS_BODY = 1 << 9,
	HAS_REQUEST = 1 << 10,
	HAS_TIME_ON_PAGE = 1 << 11,
	HAS_ERROR = 1 << 12,
	HAS_METRIC = 1 << 13,
	HAS_ELEMENT = 1 << 14,
	HAS_PLAIN = 1 << 15, /* sessionId or timestamp */
	HAS_TARGET = 1 << 16,
};

struct import_shape {
	unsigned marks;
	struct store_str type, message;
	struct store_str address, user_agent, site; /* "ip", "ua", "site" */
	int64_t time_ms;                            /* "t"; 0: absent */
	bool error_message;                         /* has `message` */
};

/* Reads one object; false: it is none, or malformed. */
bool import_shape_read(struct json *json, struct import_shape *shape);
/* IMPORT_AUTO: of no known kind. */
enum import_format import_shape_format(const struct import_shape *shape);

#endif
