/*
 * The program's entry: picks the subcommand.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build.h" /* made by the Makefile */
#include "cli.h"

static const char help[] = "usage: drum COMMAND [options]\n"
			   "  serve      collect beacons and answer queries\n"
			   "  import     load beacons from a file\n"
			   "  query      run SQL\n"
			   "  backup     copy the store, served or not\n"
			   "  erase      erase a session's or a site's rows for good\n"
			   "  check      verify the files of a store\n"
			   "  generate   write realistic beacons\n"
			   "  token      make an access token\n"
			   "  version    print the version\n"
			   "drum COMMAND --help tells its options.\n";

/* What was printed and could not be written: a token, rows of an answer. */
static int
end(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (code == 0)
		fprintf(stderr, "drum: cannot write the output: %s\n", strerror(errno));
	return code == 0 ? 1 : code;
}

/* Of descriptors 0 to 2 that were closed at the start a pipe or a file of the store would
 * get the number, and then the log. What takes their place neither gives nor takes a byte:
 * an output that is lost is an error still. */
static bool
fill_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {{"serve", cli_serve},       {"import", cli_import}, {"query", cli_query},
			{"backup", cli_backup},     {"erase", cli_erase},   {"check", cli_check},
			{"generate", cli_generate}, {"token", cli_token}};
	char option[] = "--help", *asked[] = {argv[0], NULL, option, NULL};

	if (!fill_descriptors())
		return 1;         /* nowhere to tell it */
	signal(SIGXFSZ, SIG_IGN); /* a write beyond `ulimit -f` is an error, as on a full disk */
	if (argc < 2)
		return cli_usage(help);
	if (strcmp(argv[1], "help") == 0 && argc == 3 && argv[2][0] != '-') {
		asked[1] = argv[2]; /* drum COMMAND --help */
		argv = asked;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return end(cli_help(help));
	if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
		printf("drum %s\ncommit %s, built %s\n%s, %s\n", BUILD_VERSION, BUILD_COMMIT,
		       BUILD_DATE, BUILD_COMPILER, BUILD_FLAGS);
		return end(0);
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return end(commands[i].run(argc - 1, argv + 1));
	}
	fprintf(stderr, "drum: unknown command %s\n", argv[1]);
	return cli_usage(help);
}
