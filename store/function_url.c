/*
 * Parts of URLs. Nothing is decoded or checked: the rules are ClickHouse's,
 * which take what looks like a part. Results are pieces of their arguments.
 */
#include <string.h>

#include "function.h"

static bool
infer_url(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	for (uint32_t i = 0; i < call->args_count; i++) {
		if (call->args[i]->type.type != STORE_R_STRING)
			return false;
	}
	return true;
}

static struct store_str
piece(struct store_str text, uint32_t from, uint32_t to)
{
	return from < to ? (struct store_str){text.bytes + from, to - from}
			 : (struct store_str){text.bytes, 0};
}

/* The first of `set` at or after `from`, or the end. */
static uint32_t
find(struct store_str text, uint32_t from, const char *set)
{
	while (from < text.size &&
	       (text.bytes[from] == '\0' || strchr(set, text.bytes[from]) == NULL))
		from++;
	return from;
}

static bool
is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Bytes of what may be a scheme. */
static uint32_t
word_size(struct store_str text)
{
	uint32_t at = 0;

	while (at < text.size && (is_letter(text.bytes[at]) ||
				  (at > 0 && ((text.bytes[at] >= '0' && text.bytes[at] <= '9') ||
					      strchr("+-.", text.bytes[at]) != NULL))))
		at++;
	return at;
}

/* Bytes of "scheme://", "scheme:" without slashes none; 0 when there is none. */
static uint32_t
scheme_size(struct store_str text)
{
	uint32_t at = word_size(text);

	return at > 0 && text.size - at >= 3 && memcmp(text.bytes + at, "://", 3) == 0 ? at + 3 : 0;
}

/* Also of "mailto:a@b", but ClickHouse wants three bytes behind the colon. */
static uint32_t
protocol_size(struct store_str text)
{
	uint32_t at = word_size(text);

	return at > 0 && text.size - at >= 4 && text.bytes[at] == ':' ? at : 0;
}

/* What stands before the path, with or without a scheme. */
static struct store_str
host(struct store_str text)
{
	uint32_t from = scheme_size(text), to, at;
	bool has_dot = false;

	if (from == 0 && text.size > 2 && text.bytes[0] == '/' && text.bytes[1] == '/')
		from = 2;
	to = find(text, from, "/?#:");
	for (at = from; at < to; at++) { /* user@ */
		if (text.bytes[at] == '@')
			from = at + 1;
	}
	if (to < text.size && text.bytes[to] == ':') /* a port, or a password: no host then */
		from = find(text, to, "@") < find(text, to, "/?#") && scheme_size(text) == 0 ? to
											     : from;
	to = find(text, from, "/?#:");
	for (at = from; at < to && text.bytes[at] != ':'; at++) {
		char c = text.bytes[at];

		if (c == '.')
			has_dot =
			    at > from && at + 1 < to && text.bytes[at + 1] != ':' ? true : has_dot;
		if (!is_letter(c) && !(c >= '0' && c <= '9') && strchr(".-_~", c) == NULL &&
		    (c & 0x80) == 0)
			return piece(text, 0, 0);
	}
	if (!has_dot || text.bytes[at - 1] == '.')
		return piece(text, 0, 0);
	return piece(text, from, at);
}

static struct store_str
without_www(struct store_str name)
{
	return name.size > 4 && memcmp(name.bytes, "www.", 4) == 0 ? piece(name, 4, name.size)
								   : name;
}

static struct store_str
top_level(struct store_str name)
{
	uint32_t from = name.size;

	while (from > 0 && name.bytes[from - 1] != '.')
		from--;
	return name.size > 0 && name.bytes[name.size - 1] >= '0' && name.bytes[name.size - 1] <= '9'
		   ? piece(name, 0, 0)
		   : piece(name, from, name.size);
}

/* The first slash; of two, such as in "://" and "//host", the next one behind them. */
static uint32_t
path_begin(struct store_str text)
{
	uint32_t at = find(text, 0, "/");

	return text.size - at > 1 && text.bytes[at + 1] == '/' ? find(text, at + 2, "/") : at;
}

static struct store_str
part_of(const char *name, struct store_str text)
{
	uint32_t size = text.size, query = find(text, 0, "?"), mark = find(text, 0, "#");

	if (strcmp(name, "domain") == 0)
		return host(text);
	if (strcmp(name, "domainWithoutWWW") == 0)
		return without_www(host(text));
	if (strcmp(name, "topLevelDomain") == 0)
		return top_level(host(text));
	if (strcmp(name, "protocol") == 0)
		return piece(text, 0, protocol_size(text));
	if (strcmp(name, "path") == 0)
		return piece(text, path_begin(text), find(text, path_begin(text), "?#"));
	if (strcmp(name, "pathFull") == 0)
		return piece(text, path_begin(text), size);
	if (strcmp(name, "queryString") == 0)
		return piece(text, query + 1, find(text, query, "#"));
	if (strcmp(name, "fragment") == 0)
		return piece(text, mark + 1, size);
	if (strcmp(name, "cutFragment") == 0)
		return piece(text, 0, mark);
	return piece(text, 0, query < size ? query : mark); /* cutQueryStringAndFragment */
}

static int
evaluate_part(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		out->s[i] = part_of(call->function->name, data_string(&args[0], i));
		result = expression_work(evaluation, data_string(&args[0], i).size);
	}
	return result;
}

/* The text without what stands between ? and #, or the end: also where a fragment has the
 * ?, as those of pages that route by it. */
static int
evaluate_cut_query(struct evaluation *evaluation, const struct expression *call,
		   const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i);
		uint32_t query = find(text, 0, "?"), mark;
		char *bytes;

		mark = find(text, query, "#");
		out->s[i] = piece(text, 0, query);
		result = expression_work(evaluation, text.size);
		if (query == mark || mark == text.size)
			out->s[i] = query == mark ? text : out->s[i];
		else if ((bytes = store_arena_alloc(evaluation->arena, query + text.size - mark)) ==
			 NULL)
			return expression_no_memory(evaluation->error);
		else {
			memcpy(bytes, text.bytes, query);
			memcpy(bytes + query, text.bytes + mark, text.size - mark);
			out->s[i] = (struct store_str){bytes, query + text.size - mark};
		}
	}
	return result;
}

/* The value of name=value behind the first ?, and ? or & or #, up to one of &#;. */
static int
evaluate_parameter(struct evaluation *evaluation, const struct expression *call,
		   const struct data *args, struct data *out)
{
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		struct store_str text = data_string(&args[0], i), name = data_string(&args[1], i);
		uint32_t at = find(text, 0, "?");

		out->s[i] = piece(text, 0, 0);
		result = expression_work(evaluation, text.size);
		while (at < text.size) {
			uint32_t end = find(text, at + 1, "&#;");

			if (name.size > 0 && end - at > name.size + 1 &&
			    text.bytes[at + 1 + name.size] == '=' &&
			    memcmp(text.bytes + at + 1, name.bytes, name.size) == 0) {
				out->s[i] = piece(text, at + name.size + 2, end);
				break;
			}
			at = find(text, at + 1, "?&#");
		}
	}
	return result;
}

#define PART(name)                                                 \
	{                                                          \
		name, false, 1, 1, false, infer_url, evaluate_part \
	}

const struct function function_url_table[] = {
    PART("domain"),
    PART("domainWithoutWWW"),
    PART("topLevelDomain"),
    PART("protocol"),
    PART("path"),
    PART("pathFull"),
    PART("queryString"),
    PART("fragment"),
    PART("cutFragment"),
    PART("cutQueryStringAndFragment"),
    {"cutQueryString", false, 1, 1, false, infer_url, evaluate_cut_query},
    {"extractURLParameter", false, 2, 2, false, infer_url, evaluate_parameter},
    {NULL, false, 0, 0, false, NULL, NULL},
};
