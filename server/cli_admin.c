/*
 * drum erase, backup and check: what keeps a store in order. The first two ask
 * a running server, or open the store of a stopped one; check reads files that
 * nobody serves.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "cli.h"
#include "client.h"
#include "event.h"
#include "owner.h"

/* Where the store is: a server, or with `data` a directory. */
struct target {
	struct client_target server;
	const char *data;
};

enum option_code { URL = 256, TOKEN, TOKEN_FILE, CACERT, DATA, SESSION, SITE, DEEP, DUMP, HELP };

#define TARGET_HELP                                                       \
	"  --url URL           server (default: http://localhost:8080)\n" \
	"  --token TOKEN       access token with the role admin, or\n"    \
	"  --token-file FILE   file that has it (default: data/token)\n"  \
	"  --cacert FILE       PEM file of a certificate to trust: DATA/certificate.pem\n"

static struct target
default_target(void)
{
	return (struct target){.server = client_target_default()};
}

/* False: another option. */
static bool
take_target(struct target *target, int code, const char *value)
{
	const char **field = code == URL          ? &target->server.url
			     : code == TOKEN      ? &target->server.token
			     : code == TOKEN_FILE ? &target->server.token_file
			     : code == CACERT     ? &target->server.cacert
			     : code == DATA       ? &target->data
						  : NULL;

	if (field != NULL)
		*field = value;
	return field != NULL;
}

static int
failed(const char *text)
{
	fprintf(stderr, "drum: %s\n", text);
	return 1;
}

/* POSTs route?name=value; 0 when the answer is 200, else 1 after a message. The
 * caller closes *client, which has the answer. */
static int
ask(const struct target *target, const char *route, const char *name, const char *value,
    struct client_answer *answer, struct client **client)
{
	char path[CLIENT_PATH_BYTES_MAX];

	if ((*client = client_open(&target->server)) == NULL)
		return 1;
	client_wait_long(*client);
	snprintf(path, sizeof path, "%s", route);
	if (!client_add_parameter(*client, path, name, value))
		return failed("out of memory, or too long a name");
	if (client_post(*client, path, NULL, "", 0, answer) != 0)
		return 1;
	if (answer->status == 200)
		return 0;
	fprintf(stderr, "drum: the server answered %ld: %s", answer->status, answer->body);
	return 1;
}

static uint64_t
member(const char *json, const char *name)
{
	char quoted[40];
	const char *at;

	snprintf(quoted, sizeof quoted, "\"%s\":", name);
	at = strstr(json, quoted);
	return at == NULL ? 0 : strtoull(at + strlen(quoted), NULL, 10);
}

/* ---- erase ----------------------------------------------------------- */

static const char erase_help[] =
    "usage: drum erase --session ID | --site KEY [options]\n"
    "  --session ID        erase the rows of a session, 16 hex digits\n"
    "  --site KEY          erase the rows of a site\n" TARGET_HELP
    "  --data DIR          erase from the store of a stopped server instead\n"
    "  --help\n"
    "Rows go from every table, log and segment; what is sent later is stored again.\n"
    "Backups, and files that were set aside as *.damaged or *.orphan, keep what they have.\n";

static int
erase_local(const char *data, const char *site, uint64_t session, uint64_t *rows_count)
{
	struct store_erasure erasure = {.number = session};
	struct store_error error = {0};
	struct store *store;
	int result;

	if (!owner_become(data) || cli_open_present(data, false, &store) != 0)
		return 1;
	if (site != NULL)
		erasure.sort = (struct store_str){site, (uint32_t)strlen(site)};
	if ((result = store_erase(store, &erasure, rows_count, &error)) != 0)
		failed(error.text);
	if (store_close(store, &error) != 0)
		result = -failed(error.text);
	return result == 0 ? 0 : 1;
}

static int
erase_remote(const struct target *target, const char *site, const char *session,
	     uint64_t *rows_count)
{
	struct client_answer answer;
	struct client *client;
	int result = ask(target, "/admin/erase", site != NULL ? "site" : "session",
			 site != NULL ? site : session, &answer, &client);

	if (result == 0)
		*rows_count = member(answer.body, "rows");
	client_close(client);
	return result;
}

int
cli_erase(int argc, char **argv)
{
	static const struct option options[] = {{"session", required_argument, NULL, SESSION},
						{"site", required_argument, NULL, SITE},
						{"url", required_argument, NULL, URL},
						{"token", required_argument, NULL, TOKEN},
						{"token-file", required_argument, NULL, TOKEN_FILE},
						{"cacert", required_argument, NULL, CACERT},
						{"data", required_argument, NULL, DATA},
						{"help", no_argument, NULL, HELP},
						{NULL, 0, NULL, 0}};
	struct target target = default_target();
	const char *session = NULL, *site = NULL;
	uint64_t number = 0, rows_count = 0;
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code == HELP)
			return cli_help(erase_help);
		if (code == SESSION)
			session = optarg;
		else if (code == SITE)
			site = optarg;
		else if (!take_target(&target, code, optarg))
			return cli_usage(erase_help);
	}
	if (optind != argc || (session == NULL) == (site == NULL)) {
		fputs("erase: --session or --site is expected, and nothing else\n", stderr);
		return cli_usage(erase_help);
	}
	if ((session != NULL && !admin_session(session, &number)) ||
	    (site != NULL && !admin_site(strlen(site)))) {
		fprintf(stderr, "erase: %s\n",
			session != NULL ? "--session takes 16 hex digits, not all 0"
					: "--site takes 1 to 64 bytes");
		return cli_usage(erase_help);
	}
	if ((target.data != NULL ? erase_local(target.data, site, number, &rows_count)
				 : erase_remote(&target, site, session, &rows_count)) != 0)
		return 1;
	printf("erased %" PRIu64 " rows of %s %s\n"
	       "Backups, and files set aside as *.damaged or *.orphan, keep what they have.\n",
	       rows_count, site != NULL ? "site" : "session", site != NULL ? site : session);
	return 0;
}

/* ---- backup ---------------------------------------------------------- */

static const char backup_help[] =
    "usage: drum backup [options] DIR\n" TARGET_HELP
    "  --data DIR          copy the store of a stopped server instead\n"
    "  --help\n"
    "Copies the store as it is now to DIR, which must not be there. A server makes it on its own\n"
    "machine. `drum check DIR` looks at it, `drum serve --data DIR` serves it; tokens,\n"
    "certificates and the configuration are not in it.\n";

static int
backup_local(const char *data, const char *to, struct store_backup_counts *counts)
{
	struct store_error error = {0};
	struct store *store;
	int result;

	if (cli_open_present(data, true, &store) != 0)
		return 1;
	if ((result = store_backup(store, to, counts, &error)) != 0)
		failed(error.text);
	store_close(store, NULL);
	return result == 0 ? 0 : 1;
}

static int
backup_remote(const struct target *target, const char *to, struct store_backup_counts *counts)
{
	char directory[PATH_MAX], whole[PATH_MAX * 2];
	struct client_answer answer;
	struct client *client;
	int result;

	if (to[0] != '/' && getcwd(directory, sizeof directory) == NULL)
		return failed("the working directory has no name: give an absolute path");
	snprintf(whole, sizeof whole, "%s%s%s", to[0] == '/' ? "" : directory,
		 to[0] == '/' ? "" : "/", to);
	result = ask(target, "/admin/backup", "to", whole, &answer, &client);
	if (result == 0)
		*counts = (struct store_backup_counts){
		    .segments = member(answer.body, "segments"),
		    .segment_bytes = member(answer.body, "segment_bytes"),
		    .segment_rows = member(answer.body, "segment_rows"),
		    .wal_bytes = member(answer.body, "wal_bytes")};
	client_close(client);
	return result;
}

int
cli_backup(int argc, char **argv)
{
	static const struct option options[] = {{"url", required_argument, NULL, URL},
						{"token", required_argument, NULL, TOKEN},
						{"token-file", required_argument, NULL, TOKEN_FILE},
						{"cacert", required_argument, NULL, CACERT},
						{"data", required_argument, NULL, DATA},
						{"help", no_argument, NULL, HELP},
						{NULL, 0, NULL, 0}};
	struct target target = default_target();
	struct store_backup_counts counts = {0};
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code == HELP)
			return cli_help(backup_help);
		if (!take_target(&target, code, optarg))
			return cli_usage(backup_help);
	}
	if (optind + 1 != argc || argv[optind][0] == '\0')
		return cli_usage(backup_help);
	if ((target.data != NULL ? backup_local(target.data, argv[optind], &counts)
				 : backup_remote(&target, argv[optind], &counts)) != 0)
		return 1;
	printf("backup in %s: %" PRIu64 " segments with %" PRIu64 " rows and %" PRIu64
	       " bytes, %" PRIu64 " bytes of WAL\n",
	       argv[optind], counts.segments, counts.segment_rows, counts.segment_bytes,
	       counts.wal_bytes);
	return 0;
}

/* ---- check ----------------------------------------------------------- */

static const char check_help[] =
    "usage: drum check [--deep] DIR\n"
    "       drum check --dump FILE\n"
    "  --deep        read every byte of the segments, not their heads alone\n"
    "  --dump FILE   print the structure of one file: MANIFEST, *.seg or *.wal\n"
    "  --help\n"
    "Looks at the store in DIR, which nobody may be serving, and changes nothing. A line for each\n"
    "finding; exits with 1 when one is a problem.\n";

static void
print_line(void *context, const char *line)
{
	(void)context;
	printf("%s\n", line);
}

static int
check(const char *directory, bool deep)
{
	struct store_options options = {.directory = directory, .schema = event_schema()};
	struct store_error error = {0};
	uint64_t problems = 0;

	if (access(directory, F_OK) != 0) {
		fprintf(stderr, "drum: %s is not there\n", directory);
		return 1;
	}
	if (store_check(&options, deep, print_line, NULL, &problems, &error) != 0)
		return failed(error.text);
	if (problems == 0)
		printf("no problems found%s\n", deep ? "" : " (--deep reads every byte)");
	else
		printf("%" PRIu64 " problem%s found\n", problems, problems == 1 ? "" : "s");
	return problems == 0 ? 0 : 1;
}

int
cli_check(int argc, char **argv)
{
	static const struct option options[] = {{"deep", no_argument, NULL, DEEP},
						{"dump", required_argument, NULL, DUMP},
						{"help", no_argument, NULL, HELP},
						{NULL, 0, NULL, 0}};
	struct store_error error = {0};
	const char *file = NULL;
	bool deep = false;
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (code) {
		case DEEP:
			deep = true;
			break;
		case DUMP:
			file = optarg;
			break;
		case HELP:
			return cli_help(check_help);
		default:
			return cli_usage(check_help);
		}
	}
	if (file != NULL) {
		if (optind != argc || deep)
			return cli_usage(check_help);
		return store_dump(event_schema(), file, print_line, NULL, &error) == 0
			   ? 0
			   : failed(error.text);
	}
	if (optind == argc) {
		fputs("drum: check needs the directory of a store, such as data\n", stderr);
		return cli_usage(check_help);
	}
	if (optind + 1 < argc)
		return cli_unexpected(argv[optind + 1], check_help);
	return check(argv[optind], deep);
}
