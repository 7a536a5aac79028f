// SPDX-License-Identifier: GPL-2.0-only
/* Finds the subcommand. Nothing else. */
#include <argp.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/commands.h"
#include "src/cli/status.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *does;
} commands[] = {
	{ "run", command_run, "start a command, report what its stop did to its clients" },
	{ "watch", command_watch, "report every shutdown of the services on this host" },
	{ "record", command_record, "the same, and keep the events in a file" },
	{ "replay", command_replay, "make the reports again from such a file, without root" },
	{ "daemon", command_daemon, "record for ever: metrics, store, HTTP" },
	{ "list", command_list, "the shutdowns that the daemon has stored" },
	{ "show", command_show, "one of them" },
	{ "export", command_export, "all of them, as JSON or CSV" },
	{ "diff", command_diff, "two sets of them side by side" },
	{ "explain", command_explain, "what a finding means, and what to change" },
	{ "audit", command_audit, "what would come of the running services if stopped now" },
	{ "check", command_check, "what this kernel offers, hook by hook" },
};

static void print_help(FILE *stream)
{
	size_t i;

	fprintf(stream, "Usage: shutwatch COMMAND [OPTION...]\n"
			"Tells how services shut down, and what became of every connection.\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].does);
	fprintf(stream,
		"\n`shutwatch COMMAND --help` tells the options of a command.\n\n"
		"Exit status: 0 fine; 1 failed; 2 wrong usage, or a target that is not there; 3 a\n"
		"condition of --fail-on held; 77 tracing is not possible here. `run` returns the\n"
		"status of its command: 126 not executable, 127 not found, 128+N ended by\n"
		"signal N.\n");
}

/*
 * Started without a stdout: none of our own files may take its number. Opened for reading only,
 * so that writing to it fails as it should.
 */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	size_t i;

	fill_standard_fds();
	argp_err_exit_status = STATUS_USAGE;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") ||
	    !strcmp(argv[1], "help")) {
		print_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? STATUS_USAGE : STATUS_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("shutwatch %s\n", SHUTWATCH_VERSION);
		return STATUS_OK;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	log_error("no such command: %s; `shutwatch --help` lists them", argv[1]);
	return STATUS_USAGE;
}
