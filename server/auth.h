/*
 * Tokens and their roles. DATA/tokens has a line a token: SHA-256 in hex, role,
 * name. Tokens have 256 random bits; only hashes are kept (but for the
 * development token of DATA/token, mode 0600, which `drum serve` makes).
 */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>

#include "store/store.h"

enum auth_role { /* an admin token may do everything */
		 AUTH_NONE = 0,
		 AUTH_QUERY = 1 << 0,
		 AUTH_IMPORT = 1 << 1,
		 AUTH_ADMIN = 1 << 2,
};

#define AUTH_NAME_BYTES 64u
#define AUTH_TOKEN_BYTES 43u /* base64url of 32 bytes */

struct auth;

/* Reads DATA/tokens, DATA/token and DRUM_TOKEN; makes DATA/token when there is
 * none. False: *error says which file and why. */
bool auth_open(const char *data, struct auth **out, char error[256]);
/* Reads them again; on failure the old ones stay. Any thread. */
bool auth_reload(struct auth *auth, const char *data, char error[256]);
void auth_close(struct auth *auth);
/* The development token, for the start message. Borrowed. */
const char *auth_development_token(const struct auth *auth);
/* Roles of the token, AUTH_NONE when it is unknown; constant time. */
unsigned auth_check(const struct auth *auth, struct store_str token);
/* Name of the token, for the log: as DATA/tokens has it, `DATA/token` or
 * `DRUM_TOKEN`; "unknown" when it is. */
void auth_name(const struct auth *auth, struct store_str token, char name[AUTH_NAME_BYTES]);
/* Whether roles allow what `needed` asks. */
bool auth_allows(unsigned roles, enum auth_role needed);

/* Whether a token may have the role of that name. */
bool auth_is_role(const char *name);
/* Makes a token, adds its hash to DATA/tokens, of a directory that is there, and
 * writes it to `token`. */
bool auth_add(const char *data, const char *role, const char *name,
	      char token[AUTH_TOKEN_BYTES + 1], char error[256]);

/* The token in the headers' values: `Bearer X`, or ClickHouse's Basic (the
 * password) and X-ClickHouse-Key, or ?password=. "" when there is none; false
 * when schemes are mixed. `buffer` holds a decoded Basic password. */
struct auth_headers {
	struct store_str authorization, clickhouse_key, password;
};
bool auth_token(const struct auth_headers *headers, char buffer[512], struct store_str *token);

#endif
