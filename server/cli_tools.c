/*
 * drum query, token and generate; and what all subcommands share.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"
#include "cli.h"
#include "client.h"
#include "event.h"
#include "format.h"
#include "log.h"
#include "owner.h"

int
cli_help(const char *text)
{
	fputs(text, stdout);
	return 0;
}

int
cli_usage(const char *text)
{
	fputs(text, stderr);
	return 2;
}

int
cli_unexpected(const char *argument, const char *text)
{
	fprintf(stderr, "drum: '%.64s' is one argument too many\n", argument);
	return cli_usage(text);
}

int
cli_open_store(const char *data, bool read_only, size_t memtable_bytes_max,
	       const uint32_t *retention_days, struct store **out, struct store_error *error)
{
	struct store_options options = {.directory = data,
					.schema = event_schema(),
					.memtable_bytes_max = memtable_bytes_max,
					.read_only = read_only,
					.retention_days = retention_days,
					.log = log_text};

	return store_open(&options, out, error);
}

int
cli_open_present(const char *data, bool read_only, struct store **out)
{
	struct store_error error = {0};
	char path[PATH_MAX];

	if (access(data, F_OK) != 0) {
		fprintf(stderr, "drum: %s: %s\n", data, strerror(errno));
	} else if ((size_t)snprintf(path, sizeof path, "%s/MANIFEST", data) >= sizeof path ||
		   access(path, F_OK) != 0) {
		if (errno == EACCES)
			fprintf(stderr, "drum: %s: %s\n", data, strerror(errno));
		else
			fprintf(stderr, "drum: %s has no MANIFEST: it is no store\n", data);
	} else if (cli_open_store(data, read_only, 0, NULL, out, &error) != 0) {
		fprintf(stderr, "drum: %s\n", error.text);
	} else {
		return 0;
	}
	return 1;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum option_code {
	URL = 256,
	TOKEN,
	TOKEN_FILE,
	CACERT,
	DATA,
	FORMAT,
	ROLE,
	NAME,
	VIEWS,
	SEED,
	DAYS,
	END,
	HELP
};

/* ---- query ----------------------------------------------------------- */

static const char query_help[] =
    "usage: drum query [options] SQL\n"
    "  --url URL           server (default: http://localhost:8080)\n"
    "  --token TOKEN       access token (default: DRUM_TOKEN of the environment), or\n"
    "  --token-file FILE   file that has it (default: data/token)\n"
    "  --cacert FILE       PEM file of a certificate to trust: DATA/certificate.pem\n"
    "  --data DIR          query the store of a stopped server instead\n"
    "  --format NAME       JSON, JSONStrings, JSONCompact, JSONCompactStrings, JSONEachRow,\n"
    "                      JSONStringsEachRow, JSONCompactEachRow,\n"
    "                      JSONCompactEachRowWithNames, JSONCompactEachRowWithNamesAndTypes,\n"
    "                      JSONCompactStringsEachRow, JSONCompactStringsEachRowWithNames,\n"
    "                      JSONCompactStringsEachRowWithNamesAndTypes, CSV, CSVWithNames,\n"
    "                      CSVWithNamesAndTypes, TabSeparated, TabSeparatedWithNames,\n"
    "                      TabSeparatedWithNamesAndTypes, TabSeparatedRaw, Pretty,\n"
    "                      PrettyCompact, Vertical, Native, Null\n"
    "  --help\n"
    "Formats have shorter names, too, such as TSV, TSVWithNames, NDJSON.\n";

static int
query_remote(const struct client_target *target, const char *format, const char *sql)
{
	struct client *client = client_open(target);
	struct client_answer answer;
	char path[CLIENT_PATH_BYTES_MAX] = "/query";
	int result = 1;

	if (client == NULL)
		return 1;
	if (!client_add_parameter(client, path, "default_format", format)) {
		fprintf(stderr, "drum: out of memory, or too long a name of a format\n");
	} else if (client_post(client, path, NULL, sql, strlen(sql), &answer) == 0) {
		fwrite(answer.body, 1, answer.body_size, answer.status == 200 ? stdout : stderr);
		result = answer.status == 200 ? 0 : 1;
	}
	client_close(client);
	return result;
}

static int
print_result(const struct store_result *result, const char *asked)
{
	struct format_options options = {0};
	struct store_str name = result->format;
	enum format format;
	size_t size;
	char *text;

	if (name.size == 0)
		name = (struct store_str){asked, (uint32_t)strlen(asked)};
	format = format_find(name);
	if (format == FORMAT_UNKNOWN ||
	    format_result(format, result, &options, &text, &size) != 0) {
		fprintf(stderr, "drum: unknown format, or too large an answer\n");
		return 1;
	}
	fwrite(text, 1, size, stdout);
	free(text);
	return 0;
}

static int
query_local(const char *data, const char *format, const char *sql)
{
	struct store_query query = {.text = {sql, (uint32_t)strlen(sql)}, .now_ms = now_ms()};
	struct store_result *answer = NULL;
	struct store_error error = {0};
	struct store *store;
	int result = 1;

	if (cli_open_present(data, true, &store) != 0)
		return 1;
	if (store_query(store, &query, &answer, &error) == 0)
		result = print_result(answer, format);
	else if (error.clickhouse != 0 && error.name != NULL) /* as a server answers it */
		fprintf(stderr, "Code: %d. DB::Exception: %s (%s)\n", error.clickhouse, error.text,
			error.name);
	else
		fprintf(stderr, "drum: %s\n", error.text);
	store_result_free(answer);
	store_close(store, NULL);
	return result;
}

int
cli_query(int argc, char **argv)
{
	static const struct option options[] = {{"url", required_argument, NULL, URL},
						{"token", required_argument, NULL, TOKEN},
						{"token-file", required_argument, NULL, TOKEN_FILE},
						{"cacert", required_argument, NULL, CACERT},
						{"data", required_argument, NULL, DATA},
						{"format", required_argument, NULL, FORMAT},
						{"help", no_argument, NULL, HELP},
						{NULL, 0, NULL, 0}};
	struct client_target target = client_target_default();
	const char *data = NULL, *format = "TabSeparatedWithNames";
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (code) {
		case URL:
			target.url = optarg;
			break;
		case TOKEN:
			target.token = optarg;
			break;
		case TOKEN_FILE:
			target.token_file = optarg;
			break;
		case CACERT:
			target.cacert = optarg;
			break;
		case DATA:
			data = optarg;
			break;
		case FORMAT:
			format = optarg;
			break;
		case HELP:
			return cli_help(query_help);
		default:
			return cli_usage(query_help);
		}
	}
	if (optind + 1 != argc) {
		fputs("query: one query is expected, in quotes\n", stderr);
		return cli_usage(query_help);
	}
	return data != NULL ? query_local(data, format, argv[optind])
			    : query_remote(&target, format, argv[optind]);
}

/* ---- token ----------------------------------------------------------- */

static const char token_help[] = "usage: drum token [options]\n"
				 "  --data DIR      data directory (default: data)\n"
				 "  --role ROLE     query, import or admin (default: query)\n"
				 "  --name NAME     whom it is for\n"
				 "  --help\n"
				 "Prints the token; only its hash is kept. A running server knows "
				 "it after SIGHUP.\n";

int
cli_token(int argc, char **argv)
{
	static const struct option options[] = {{"data", required_argument, NULL, DATA},
						{"role", required_argument, NULL, ROLE},
						{"name", required_argument, NULL, NAME},
						{"help", no_argument, NULL, HELP},
						{NULL, 0, NULL, 0}};
	const char *data = "data", *role = "query", *name = "unnamed";
	char token[AUTH_TOKEN_BYTES + 1], error[256];
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (code) {
		case DATA:
			data = optarg;
			break;
		case ROLE:
			role = optarg;
			break;
		case NAME:
			name = optarg;
			break;
		case HELP:
			return cli_help(token_help);
		default:
			return cli_usage(token_help);
		}
	}
	if (optind != argc)
		return cli_unexpected(argv[optind], token_help);
	if (strpbrk(name, "\r\n") != NULL)
		return cli_usage(token_help);
	if (!auth_is_role(role)) {
		fprintf(stderr, "drum: --role cannot be '%.64s'\n", role);
		return cli_usage(token_help);
	}
	if (!owner_become(data))
		return 1;
	if (!auth_add(data, role, name, token, error)) {
		fprintf(stderr, "drum: %s\n", error);
		return 1;
	}
	printf("%s\n", token);
	return 0;
}

/* ---- generate -------------------------------------------------------- */

static const char generate_help[] = "usage: drum generate [options] > FILE\n"
				    "  --views N     page views, up to 100000000 (default: 1000)\n"
				    "  --seed S      same seed, same bytes (default: 1)\n"
				    "  --days D      spread over so many days (default: 28)\n"
				    "  --end TIME    the last one's time: 'YYYY-MM-DD hh:mm:ss' "
				    "UTC, or ms since 1970 (default: now)\n"
				    "  --help\n";

static int
write_out(void *context, const char *bytes, size_t size)
{
	return fwrite(bytes, 1, size, context) == size ? 0 : -1;
}

static bool
parse_time(const char *text, int64_t *ms)
{
	struct tm tm = {0};
	char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	if (end != NULL && *end == '\0') {
		*ms = (int64_t)timegm(&tm) * 1000;
		return true;
	}
	errno = 0;
	*ms = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && *ms > 0;
}

int
cli_generate(int argc, char **argv)
{
	static const struct option options[] = {
	    {"views", required_argument, NULL, VIEWS}, {"seed", required_argument, NULL, SEED},
	    {"days", required_argument, NULL, DAYS},   {"end", required_argument, NULL, END},
	    {"help", no_argument, NULL, HELP},         {NULL, 0, NULL, 0}};
	struct generate_options generated = {
	    .views_count = 1000, .seed = 1, .days = 28, .end_ms = now_ms()};
	bool valid = true;
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *end = "";

		switch (code) {
		case VIEWS:
			generated.views_count = strtoull(optarg, &end, 10);
			valid &= optarg[0] != '-' && generated.views_count <= GENERATE_VIEWS_MAX;
			break;
		case SEED:
			generated.seed = strtoull(optarg, &end, 10);
			break;
		case DAYS:
			generated.days = strtod(optarg, &end);
			break;
		case END:
			valid &= parse_time(optarg, &generated.end_ms);
			break;
		case HELP:
			return cli_help(generate_help);
		default:
			return cli_usage(generate_help);
		}
		valid &= *end == '\0' && generated.days > 0 && generated.days <= 36500;
		if (!valid) {
			fprintf(stderr, "drum: --%s cannot be '%.64s'\n",
				code == VIEWS  ? "views"
				: code == SEED ? "seed"
				: code == DAYS ? "days"
					       : "end",
				optarg);
			return cli_usage(generate_help);
		}
	}
	if (optind != argc)
		return cli_unexpected(argv[optind], generate_help);
	if (generate(&generated, write_out, stdout) != 0 || fflush(stdout) != 0) {
		fprintf(stderr, "drum: cannot write: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
