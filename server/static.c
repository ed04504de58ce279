/*
 * The files built into the program: a fixed list, so no path can lead out.
 */
#include <string.h>

#include "assets.h"
#include "coding.h"
#include "http.h"
#include "loop.h"

static bool
is_script(const struct asset *asset)
{
	return strncmp(asset->path, "/drum.", 6) == 0;
}

/* The script is public, the pages are for whoever may query. */
static bool
is_served(const h2o_req_t *req, const struct asset *asset, uint32_t roles)
{
	struct store_str path = http_path(req);

	return strlen(asset->path) == path.size &&
	       memcmp(asset->path, path.bytes, path.size) == 0 &&
	       (roles & (is_script(asset) ? CONFIG_PUBLIC : CONFIG_PRIVATE)) != 0;
}

/* Without a copy: a client may ask for a hundred and read none. */
static void
send_bytes(h2o_req_t *req, const unsigned char *bytes, size_t size)
{
	static h2o_generator_t generator = {NULL, NULL};
	h2o_iovec_t body = {(char *)(uintptr_t)bytes, size};

	h2o_start_response(req, &generator);
	h2o_send(req, &body, http_is_head(req) ? 0 : 1, H2O_SEND_STATE_FINAL);
}

static int
send_asset(h2o_req_t *req, const struct asset *asset)
{
	const unsigned char *bytes = asset->identity;
	size_t size = asset->identity_size;
	struct store_str known = http_header(req, "if-none-match");
	struct store_str accepted = http_header(req, "accept-encoding");

	http_add_header(req, "etag", asset->etag, strlen(asset->etag));
	http_add_header(req, "cache-control", asset->cache_control, strlen(asset->cache_control));
	http_add_header(req, "vary", H2O_STRLIT("accept-encoding"));
	http_add_header(req, "x-content-type-options", H2O_STRLIT("nosniff"));
	http_add_header(req, "cross-origin-resource-policy", H2O_STRLIT("cross-origin"));
	if (is_script(asset)) /* modules are loaded with CORS */
		http_add_header(req, "access-control-allow-origin", H2O_STRLIT("*"));
	http_add_header(req, "content-security-policy",
			H2O_STRLIT("default-src 'none'; script-src 'self'; style-src 'self'; "
				   "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
				   "form-action 'none'; frame-ancestors 'none'; "
				   "require-trusted-types-for 'script'; trusted-types 'none'"));
	http_add_header(req, "referrer-policy", H2O_STRLIT("no-referrer"));
	if (known.size > 0 &&
	    memmem(known.bytes, known.size, asset->etag, strlen(asset->etag)) != NULL) {
		req->res.status = 304;
		req->res.reason = "Not Modified";
		h2o_send_inline(req, H2O_STRLIT(""));
		return 0;
	}
	if (asset->brotli != NULL && coding_takes(accepted, "br")) {
		bytes = asset->brotli;
		size = asset->brotli_size;
		http_add_header(req, "content-encoding", H2O_STRLIT("br"));
	} else if (asset->gzip != NULL && coding_takes(accepted, "gzip")) {
		bytes = asset->gzip;
		size = asset->gzip_size;
		http_add_header(req, "content-encoding", H2O_STRLIT("gzip"));
	}
	req->res.status = 200;
	req->res.reason = "OK";
	req->res.content_length = size;
	http_add_header(req, "content-type", asset->content_type, strlen(asset->content_type));
	send_bytes(req, bytes, size);
	return 0;
}

int
static_file(h2o_req_t *req)
{
	bool get = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET")) ||
		   h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));

	for (size_t i = 0; i < assets_count; i++) {
		if (!is_served(req, &assets[i], loop_roles(req)))
			continue;
		return get ? send_asset(req, &assets[i]) : http_refuse_method(req, "GET, HEAD");
	}
	return http_answer(req, 404, "Not Found", "no such page");
}
