/*
 * The URL's parameters of a query. On the loop; must not look at the query.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

struct parsing {
	struct api_job *job;
	struct api_error *error;
	const char *name; /* of the setting that is read */
};

/* Room in the job's arena. NULL: there is none, and that is the error: a parameter
 * that is left out would mean something else. */
static char *
room_for(struct parsing *parsing, struct store_str text)
{
	char *bytes = store_arena_alloc(parsing->job->arena, text.size);

	if (bytes == NULL)
		api_error_set(parsing->error, STORE_ENOMEM, 241, "MEMORY_LIMIT_EXCEEDED",
			      "Out of memory for the parameters");
	return bytes;
}

static struct store_str
copy(struct parsing *parsing, struct store_str text)
{
	char *bytes = room_for(parsing, text);

	if (bytes != NULL && text.size > 0)
		memcpy(bytes, text.bytes, text.size);
	return (struct store_str){bytes, bytes == NULL ? 0 : text.size};
}

/* Errors as ClickHouse has them: 72 for what is no number, 36 for one that
 * makes no sense, 467 for what is neither true nor false. */
static void
refuse(struct parsing *parsing, int number, const char *name, const char *expected,
       struct store_str value)
{
	api_error_set(parsing->error, STORE_EINVAL, number, name,
		      "Setting %s: expected %s, got '%.*s'", parsing->name, expected,
		      (int)(value.size < 64 ? value.size : 64), value.size > 0 ? value.bytes : "");
}

static double
number_of(struct parsing *parsing, struct store_str value)
{
	char text[32] = "", *end = text;
	double number = -1;

	if (value.size < sizeof text) {
		memcpy(text, value.bytes, value.size);
		number = strtod(text, &end);
	}
	if (end == text || *end != '\0')
		refuse(parsing, 72, "CANNOT_PARSE_NUMBER", "a number", value);
	else if (!(number >= 0 && number <= 0x1p64))
		refuse(parsing, 36, "BAD_ARGUMENTS", "a number from 0 to 2^64", value);
	else
		return number < 0x1p63 ? number : 0x1p63; /* fits an integer */
	return 0;
}

static bool
is_on(struct parsing *parsing, struct store_str value)
{
	static const char *const words[] = {"0", "1", "false", "true"};

	for (size_t i = 0; i < 4; i++) {
		if (strlen(words[i]) == value.size &&
		    memcmp(words[i], value.bytes, value.size) == 0)
			return i % 2 == 1;
	}
	refuse(parsing, 467, "CANNOT_PARSE_BOOL", "0, 1, false or true", value);
	return false;
}

/* ---- what is honoured ------------------------------------------------ */

static void
set_query(struct parsing *parsing, struct store_str value)
{
	parsing->job->text = copy(parsing, value);
}

static void
set_default_format(struct parsing *parsing, struct store_str value)
{
	parsing->job->format = copy(parsing, value);
}

static void
set_max_execution_time(struct parsing *parsing, struct store_str value)
{
	double ns = number_of(parsing, value) * 1e9;
	struct store_query *query = &parsing->job->query;

	if (ns > 0 && ns < (double)query->timeout_ns)
		query->timeout_ns = ns < 1 ? 1 : (uint64_t)ns; /* 0 is the store's own */
}

/* These can only lower what the server allows. */
static void
set_max_memory_usage(struct parsing *parsing, struct store_str value)
{
	struct store_query *query = &parsing->job->query;
	uint64_t bytes = (uint64_t)number_of(parsing, value);

	if (bytes > 0 && bytes < query->memory_bytes_max)
		query->memory_bytes_max = (size_t)bytes;
}

static void
set_max_result_rows(struct parsing *parsing, struct store_str value)
{
	struct store_query *query = &parsing->job->query;
	uint64_t rows = (uint64_t)number_of(parsing, value);

	if (rows > 0 && rows < query->result_rows_max)
		query->result_rows_max = rows;
}

static void
set_max_rows_to_group_by(struct parsing *parsing, struct store_str value)
{
	struct store_query *query = &parsing->job->query;
	uint64_t rows = (uint64_t)number_of(parsing, value);

	if (rows > 0 && rows < query->groups_max)
		query->groups_max = rows;
}

static void
set_quote_64bit(struct parsing *parsing, struct store_str value)
{
	parsing->job->options.quote_64bit_integers = is_on(parsing, value);
}

static void
set_quote_denormals(struct parsing *parsing, struct store_str value)
{
	parsing->job->options.quote_denormals = is_on(parsing, value);
}

static void
set_http_compression(struct parsing *parsing, struct store_str value)
{
	if (!is_on(parsing, value))
		parsing->job->answer_coding = CODING_NONE;
}

static void
set_query_cache(struct parsing *parsing, struct store_str value)
{
	parsing->job->is_uncached = !is_on(parsing, value);
}

static void
set_client_revision(struct parsing *parsing, struct store_str value)
{
	parsing->job->options.client_revision = (uint64_t)number_of(parsing, value);
}

/* It comes back in a header: printable characters only. */
static void
set_query_id(struct parsing *parsing, struct store_str value)
{
	struct api_job *job = parsing->job;

	if (value.size == 0)
		return;
	for (uint32_t i = 0; i < value.size; i++) {
		if (value.bytes[i] < ' ' || value.bytes[i] > '~' ||
		    value.size > API_QUERY_ID_BYTES) {
			api_error_set(parsing->error, STORE_EINVAL, 36, "BAD_ARGUMENTS",
				      "query_id: at most %u printable ASCII characters",
				      API_QUERY_ID_BYTES);
			return;
		}
	}
	memcpy(job->query_id, value.bytes, value.size);
	job->query_id[value.size] = '\0';
}

static void
set_deduplication_token(struct parsing *parsing, struct store_str value)
{
	parsing->job->deduplication_token = copy(parsing, value);
}

/* ClickHouse's own compressed blocks. */
static void
refuse_blocks(struct parsing *parsing, struct store_str value)
{
	if (is_on(parsing, value))
		api_error_set(
		    parsing->error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
		    "compress and decompress are not implemented: use "
		    "enable_http_compression=1 with Accept-Encoding, and Content-Encoding");
}

static const struct {
	const char *name;
	void (*set)(struct parsing *parsing, struct store_str value); /* NULL: ignored */
} settings[] = {
    {"query", set_query},
    {"default_format", set_default_format},
    {"max_execution_time", set_max_execution_time},
    {"max_memory_usage", set_max_memory_usage},
    {"max_result_rows", set_max_result_rows},
    {"max_rows_to_group_by", set_max_rows_to_group_by},
    {"output_format_json_quote_64bit_integers", set_quote_64bit},
    {"output_format_json_quote_denormals", set_quote_denormals},
    {"enable_http_compression", set_http_compression},
    {"use_query_cache", set_query_cache},
    {"client_protocol_version", set_client_revision},
    {"query_id", set_query_id},
    {"insert_deduplication_token", set_deduplication_token},
    {"compress", refuse_blocks},
    {"decompress", refuse_blocks},
    {"user", NULL},
    {"password", NULL},
    {"database", NULL},
    {"session_id", NULL},
    {"session_timeout", NULL},
    {"session_check", NULL},
    {"role", NULL},
    {"quota_key", NULL},
    {"wait_end_of_query", NULL},
    {"buffer_size", NULL},
    {"send_progress_in_http_headers", NULL},
    {"http_headers_progress_interval_ms", NULL},
    {"cancel_http_readonly_queries_on_client_close", NULL},
    {"date_time_input_format", NULL},
    {"date_time_output_format", NULL},
    {"cast_string_to_dynamic_use_inference", NULL},
    {"max_threads", NULL},
    {"add_http_cors_header", NULL},
    {"readonly", NULL},
    {"async_insert", NULL},
    {"wait_for_async_insert", NULL},
    {"http_zlib_compression_level", NULL},
    {"log_comment", NULL},
    {"result_overflow_mode", NULL},
};

/* ---- query parameters ------------------------------------------------ */

/* Values are TSV-escaped. */
static struct store_str
unescape(struct parsing *parsing, struct store_str value)
{
	char *out = room_for(parsing, value);
	uint32_t size = 0;

	if (value.size == 2 && memcmp(value.bytes, "\\N", 2) == 0)
		return copy(parsing, value); /* NULL */
	for (uint32_t i = 0; out != NULL && i < value.size; i++) {
		static const char from[] = "ntrbf0", to[] = "\n\t\r\b\f\0";
		char c = value.bytes[i];

		if (c == '\\' && i + 1 < value.size) {
			const char *found = strchr(from, c = value.bytes[++i]);

			if (found != NULL && c != '\0')
				c = to[found - from];
		}
		out[size++] = c;
	}
	return (struct store_str){out, size};
}

static void
add_parameter(struct parsing *parsing, struct store_str name, struct store_str value)
{
	struct api_job *job = parsing->job;
	struct store_parameter *parameter = &job->parameters[job->query.parameters_count];

	if (job->query.parameters_count == API_PARAMETERS_MAX) {
		api_error_set(parsing->error, STORE_ESYNTAX, 62, "SYNTAX_ERROR",
			      "Too many parameters: at most %u", API_PARAMETERS_MAX);
		return;
	}
	parameter->name = copy(parsing, name);
	parameter->value = unescape(parsing, value);
	job->query.parameters_count++;
}

static void
take(void *context, struct store_str name, struct store_str value)
{
	struct parsing *parsing = context;

	if (parsing->error->code != 0)
		return;
	if (name.size > 6 && memcmp(name.bytes, "param_", 6) == 0) {
		add_parameter(parsing, (struct store_str){name.bytes + 6, name.size - 6}, value);
		return;
	}
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		if (strlen(settings[i].name) != name.size ||
		    memcmp(settings[i].name, name.bytes, name.size) != 0)
			continue;
		parsing->name = settings[i].name;
		if (settings[i].set != NULL)
			settings[i].set(parsing, value);
		return;
	}
	api_error_set(parsing->error, STORE_EUNKNOWN, 115, "UNKNOWN_SETTING",
		      "Unknown setting '%.*s'", (int)(name.size < 64 ? name.size : 64), name.bytes);
}

void
api_settings_of_query(struct api_job *job, const struct store_result *result)
{
	struct api_error ignored; /* the store has looked at them */
	struct parsing parsing = {.job = job, .error = &ignored};

	for (uint32_t i = 0; i < result->settings_count; i++) {
		struct store_str name = result->settings[i].name;

		for (size_t s = 0; s < sizeof settings / sizeof *settings; s++) {
			if ((settings[s].set == set_quote_64bit ||
			     settings[s].set == set_quote_denormals) &&
			    strlen(settings[s].name) == name.size &&
			    memcmp(settings[s].name, name.bytes, name.size) == 0) {
				parsing.name = settings[s].name;
				settings[s].set(&parsing, result->settings[i].value);
			}
		}
	}
}

int
api_settings(h2o_req_t *req, struct api_job *job, struct api_error *error)
{
	struct parsing parsing = {.job = job, .error = error};

	error->code = 0;
	http_parameters(req, take, &parsing);
	return error->code;
}
