/*
 * guard.h. In front of the handlers; must not block, and must not remember an
 * address anywhere but in the table of guard_address.c.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <xxhash.h>

#include "guard.h"
#include "guard_address.h"
#include "guard_connection.h"
#include "metrics.h"
#include "proxy.h"

/* ---- clients --------------------------------------------------------- */

/* Whom the request that this thread handles comes from. */
static __thread struct {
	char text[INET6_ADDRSTRLEN];
	struct guard_address *address; /* NULL: no limits by address */
	bool is_forwarded;             /* the reference is the request's */
	int64_t now_ns;                /* when the request came */
} client;

bool
guard_connect(const struct server *server, struct guard_connection *connection)
{
	const struct config *config = server->config;
	struct sockaddr_storage peer = {0};
	struct guard_address *address;

	if (h2o_socket_getpeername(connection->socket, (struct sockaddr *)&peer) == 0)
		return false; /* gone already */
	if (!guard_address_is_limited((struct sockaddr *)&peer, &config->limits) ||
	    proxy_is_trusted(config->proxies, config->trusted_proxies_count,
			     (struct sockaddr *)&peer) ||
	    (address = guard_address_acquire((struct sockaddr *)&peer)) == NULL)
		return true;
	guard_connection_set_address(connection, address);
	return guard_address_connect(address, &config->limits);
}

bool
guard_may_accept(struct server *server)
{
	uint32_t per_s = server->config->limits.connections_per_s;

	return guard_bucket_take(&server->connections_ns, guard_bucket_now_ns(), per_s, per_s);
}

/* As inet_ntop does, which needs a third of a microsecond. */
static void
print_v4(const struct in_addr *address)
{
	char *out = client.text;

	for (uint32_t i = 0; i < 4; i++) {
		unsigned byte = ((const uint8_t *)address)[i];

		if (i > 0)
			*out++ = '.';
		if (byte >= 100)
			*out++ = (char)('0' + byte / 100);
		if (byte >= 10)
			*out++ = (char)('0' + byte / 10 % 10);
		*out++ = (char)('0' + byte % 10);
	}
	*out = '\0';
}

static void
print_address(const struct sockaddr_storage *address)
{
	client.text[0] = '\0';
	if (address->ss_family == AF_INET)
		print_v4(&((const struct sockaddr_in *)address)->sin_addr);
	else if (address->ss_family == AF_INET6) {
		const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
		struct in_addr v4;

		/* In IPv6's clothes, as a listener on [::] has it: a page writes it without. */
		memcpy(&v4, &v6->s6_addr[12], sizeof v4);
		if (IN6_IS_ADDR_V4MAPPED(v6))
			print_v4(&v4);
		else
			inet_ntop(AF_INET6, v6, client.text, sizeof client.text);
	}
}

/* The headers from the last to the first: each hop adds on the right. */
static void
forward(h2o_req_t *req, const struct config *config, struct sockaddr_storage *address)
{
	static const char name[] = "x-forwarded-for";

	for (size_t i = req->headers.size; i-- > 0;) {
		const h2o_header_t *header = &req->headers.entries[i];

		if (h2o_memis(header->name->base, header->name->len, name, sizeof name - 1) &&
		    !proxy_forwarded(
			config->proxies, config->trusted_proxies_count,
			(struct store_str){header->value.base, (uint32_t)header->value.len},
			address))
			return;
	}
}

void
guard_begin(h2o_req_t *req, struct server *server)
{
	const struct config *config = server->config;
	struct guard_connection *connection =
	    guard_connection_of(req->conn->callbacks->get_socket(req->conn));
	struct sockaddr_storage address = {0};

	req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&address);
	client.address = connection == NULL ? NULL : connection->address;
	client.is_forwarded = false;
	client.now_ns = guard_bucket_now_ns();
	if (proxy_is_trusted(config->proxies, config->trusted_proxies_count,
			     (struct sockaddr *)&address)) {
		forward(req, config, &address);
		client.is_forwarded =
		    guard_address_is_limited((struct sockaddr *)&address, &config->limits);
		client.address =
		    client.is_forwarded ? guard_address_acquire((struct sockaddr *)&address) : NULL;
	}
	print_address(&address);
}

void
guard_end(void)
{
	if (client.is_forwarded)
		guard_address_release(client.address);
	client.address = NULL;
	client.text[0] = '\0';
}

const char *
guard_client(void)
{
	return client.text;
}

int64_t
guard_now_ns(void)
{
	return client.now_ns;
}

enum guard_verdict
guard_request(struct server *server)
{
	const struct config_limits *limits = &server->config->limits;

	if (client.address != NULL &&
	    !guard_address_request(client.address, limits, client.now_ns)) {
		metrics_add(METRICS_requests_limited, 1);
		return GUARD_LIMITED_ADDRESS;
	}
	if (!guard_bucket_take(&server->requests_ns, client.now_ns, limits->requests_per_s,
			       limits->requests_per_s)) {
		metrics_add(METRICS_requests_overload, 1);
		return GUARD_OVERLOAD;
	}
	return GUARD_OK;
}

void
guard_weigh(const struct server *server, uint32_t tokens)
{
	if (client.address != NULL)
		guard_address_owe(client.address, &server->config->limits, client.now_ns, tokens);
}

/* ---- sites ----------------------------------------------------------- */

struct guard_site {
	_Atomic int64_t beacons_ns; /* bucket */
	_Atomic uint32_t in_flight;
	uint32_t size;
	char key[];
};

static struct {
	pthread_mutex_t mutex;
	/* guarded by mutex: */
	struct guard_site **slots; /* open addressing, a power of two, at most half full */
	uint32_t capacity, count;
} sites = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct guard_site **
slot_of(struct guard_site **slots, uint32_t capacity, const char *key, size_t size)
{
	static const char here; /* ASLR's secret */
	uint32_t at = (uint32_t)XXH3_64bits_withSeed(key, size, (uint64_t)(uintptr_t)&here);

	for (;; at++) {
		struct guard_site **slot = &slots[at & (capacity - 1)];

		if (*slot == NULL ||
		    ((*slot)->size == size && memcmp((*slot)->key, key, size) == 0))
			return slot;
	}
}

static bool
grow(void)
{
	uint32_t capacity = sites.capacity == 0 ? 64 : sites.capacity * 2;
	struct guard_site **slots = calloc(capacity, sizeof(struct guard_site *));

	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i < sites.capacity; i++) {
		struct guard_site *site = sites.slots[i];

		if (site != NULL)
			*slot_of(slots, capacity, site->key, site->size) = site;
	}
	free(sites.slots);
	sites.slots = slots;
	sites.capacity = capacity;
	return true;
}

/* The site's entry, which stays for ever. Without configured sites any key is
 * taken, up to a bound; with them only those come here. NULL: too many, or out
 * of memory. The one that this thread found last needs no lock: a beacon asks
 * twice, and most have one site. */
static struct guard_site *
find_site(const struct config *config, struct store_str key)
{
	static _Thread_local struct guard_site *last;
	struct guard_site **slot = NULL, *found = NULL;

	if (last != NULL && last->size == key.size && memcmp(last->key, key.bytes, key.size) == 0)
		return last;
	pthread_mutex_lock(&sites.mutex);
	if (sites.count * 2 < sites.capacity || grow())
		slot = slot_of(sites.slots, sites.capacity, key.bytes, key.size);
	if (slot != NULL && *slot == NULL &&
	    (config->sites_count > 0 || sites.count < config->limits.sites) &&
	    (*slot = calloc(1, sizeof **slot + key.size)) != NULL) {
		(*slot)->size = key.size;
		memcpy((*slot)->key, key.bytes, key.size);
		sites.count++;
	}
	if (slot != NULL)
		found = *slot;
	pthread_mutex_unlock(&sites.mutex);
	last = found;
	return found;
}

static bool
is_same(const char *configured, struct store_str text)
{
	return strlen(configured) == text.size &&
	       strncasecmp(configured, text.bytes, text.size) == 0;
}

/* Also *.example.com for any host below it. */
static bool
is_listed(char *const *list, uint32_t count, struct store_str text)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *entry = list[i];
		size_t size = strlen(entry);

		if (is_same(entry, text))
			return true;
		if (size > 2 && entry[0] == '*' && entry[1] == '.' && text.size >= size &&
		    strncasecmp(text.bytes + text.size - (size - 1), entry + 1, size - 1) == 0)
			return true;
	}
	return false;
}

/* One line, whatever the text has: it comes from outside. */
static bool
forbid(char why[GUARD_WHY_BYTES], const char *format, struct store_str text, const char *site)
{
	char shown[72];
	int size = text.size < 64 ? (int)text.size : 64;

	snprintf(shown, sizeof shown, "%.*s", size, size > 0 ? text.bytes : "");
	for (char *c = shown; *c != '\0'; c++)
		*c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
	/* cppcheck-suppress wrongPrintfScanfArgNum ; some formats leave the site out */
	snprintf(why, GUARD_WHY_BYTES, format, shown, site);
	return false;
}

struct store_str
guard_site_of(const struct server *server, struct store_str host)
{
	static _Thread_local char key[65]; /* the settings may go */
	struct settings *settings = settings_hold(server->settings);
	const struct config *config = settings->config;
	bool found = false;

	for (uint32_t i = 0; i < config->sites_count && !found; i++) {
		const struct config_site *site = &config->sites[i];

		if ((found = is_listed(site->hosts, site->hosts_count, host)))
			snprintf(key, sizeof key, "%s", site->key);
	}
	settings_release(settings);
	return found ? (struct store_str){key, (uint32_t)strlen(key)} : host;
}

bool
guard_site(const struct config *config, struct store_str site, struct store_str host,
	   struct store_str origin, char why[GUARD_WHY_BYTES])
{
	if (config->sites_count == 0)
		return find_site(config, site) != NULL ||
		       forbid(why,
			      "site: '%s' is one too many (limits.sites): configure yours as sites",
			      site, "");
	for (uint32_t i = 0; i < config->sites_count; i++) {
		const struct config_site *allowed = &config->sites[i];

		if (strlen(allowed->key) != site.size ||
		    memcmp(allowed->key, site.bytes, site.size) != 0)
			continue;
		if (allowed->hosts_count > 0 &&
		    !is_listed(allowed->hosts, allowed->hosts_count, host))
			return forbid(why, "url: its host '%s' is not in sites[].hosts of '%s'",
				      host, allowed->key);
		if (allowed->origins_count > 0 && origin.size > 0 &&
		    !is_listed(allowed->origins, allowed->origins_count, origin))
			return forbid(why, "the Origin '%s' is not in sites[].origins of '%s'",
				      origin, allowed->key);
		return true;
	}
	return forbid(why, "site: '%s' is not among the configured sites[].key", site, "");
}

/* ---- beacons in flight ----------------------------------------------- */

/* What a beacon takes while it is in flight, beside its body and its rows: the
 * request's pool, the reply. */
#define BEACON_BYTES 6144u

static bool
enter_all(const struct config_limits *limits, uint32_t bytes)
{
	int64_t count = atomic_fetch_add(&metrics_values[METRICS_beacons_in_flight], 1);
	int64_t before = atomic_fetch_add(&metrics_values[METRICS_beacons_in_flight_bytes], bytes);

	if (count < (int64_t)limits->in_flight && before + bytes <= (int64_t)limits->in_flight_mb
									<< 20)
		return true;
	metrics_add(METRICS_beacons_in_flight, -1);
	metrics_add(METRICS_beacons_in_flight_bytes, -(int64_t)bytes);
	return false;
}

static bool
enter_site(const struct config_limits *limits, struct guard_site *site)
{
	if (atomic_fetch_add(&site->in_flight, 1) < limits->site_in_flight &&
	    guard_bucket_take(&site->beacons_ns, client.now_ns, limits->site_beacons_per_s,
			      limits->site_beacons_per_s))
		return true;
	atomic_fetch_sub(&site->in_flight, 1);
	return false;
}

enum guard_verdict
guard_enter(const struct server *server, const struct config *config, uint32_t waiting,
	    struct store_str site, uint32_t bytes, struct guard_place *place)
{
	const struct config_limits *limits = &server->config->limits;

	*place = (struct guard_place){.bytes = bytes + BEACON_BYTES};
	if (waiting >= limits->connection_in_flight)
		return GUARD_OVERLOAD;
	if ((place->site = find_site(config, site)) == NULL)
		return GUARD_OVERLOAD;
	if (client.address != NULL && !guard_address_enter(client.address, limits))
		return GUARD_LIMITED_ADDRESS;
	place->address = client.address;
	if (!enter_site(limits, place->site)) {
		if (place->address != NULL)
			guard_address_leave(place->address);
		return GUARD_LIMITED_SITE;
	}
	if (enter_all(limits, place->bytes))
		return GUARD_OK;
	atomic_fetch_sub(&place->site->in_flight, 1);
	if (place->address != NULL)
		guard_address_leave(place->address);
	return GUARD_OVERLOAD;
}

void
guard_leave(const struct guard_place *place)
{
	metrics_add(METRICS_beacons_in_flight, -1);
	metrics_add(METRICS_beacons_in_flight_bytes, -(int64_t)place->bytes);
	atomic_fetch_sub(&place->site->in_flight, 1);
	if (place->address != NULL)
		guard_address_leave(place->address);
}
