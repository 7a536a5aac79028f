// SPDX-License-Identifier: GPL-2.0-only
/* Knows the few commands that units stop a server with; of any other it says that it knows not. */
#include "src/analysis/stop_command.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/record.h"
#include "src/base/cleanup.h"

/* "QUIT", "SIGQUIT", "3"; 0: no signal. What follows a slash is of a schedule. */
static int signal_of(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	size_t size = strcspn(name, "/");
	char known[16], *end;
	long number;

	if (*name >= '0' && *name <= '9') {
		number = strtol(name, &end, 10);
		return end == name + size && number > 0 && number <= SIGNAL_MAX ? (int)number : 0;
	}
	for (int signal = 1; size && signal < SIGSYS + 1; signal++) {
		const char *usual = signal_name(signal, known) + strlen("SIG");

		if (strlen(usual) == size && strncasecmp(usual, name, size) == 0)
			return signal;
	}
	return 0;
}

/*
 * The value of an option: "-s QUIT", "-sQUIT", "--signal QUIT", "--signal=QUIT"; NULL: it is not
 * there.
 */
static const char *value_of(char *const *words, const char *brief, const char *full)
{
	for (; *words; words++) {
		size_t size = strlen(full);

		if (strcmp(*words, brief) == 0 || strcmp(*words, full) == 0)
			return words[1];
		if (strncmp(*words, full, size) == 0 && (*words)[size] == '=')
			return *words + size + 1;
		if (strncmp(*words, brief, strlen(brief)) == 0 && (*words)[1] != '-')
			return *words + strlen(brief);
	}
	return NULL;
}

static bool has_word(char *const *words, const char *wanted)
{
	for (; *words; words++) {
		if (strcmp(*words, wanted) == 0)
			return true;
	}
	return false;
}

static struct stop_command by_kill(char *const *words)
{
	const char *named = value_of(words, "-s", "--signal");

	for (size_t i = 0; !named && words[i]; i++) {
		if (words[i][0] == '-' && signal_of(words[i] + 1))
			named = words[i] + 1;
	}
	return (struct stop_command){ .signal = named ? signal_of(named) : SIGTERM };
}

/* --retry takes a time-out after the signal, or a schedule that begins with a signal. */
static struct stop_command by_start_stop_daemon(char *const *words)
{
	const char *named = value_of(words, "-s", "--signal");
	const char *schedule = value_of(words, "-R", "--retry");
	int signal = named ? signal_of(named) : SIGTERM;

	if (!has_word(words, "--stop") && !has_word(words, "-K"))
		return (struct stop_command){};
	if (schedule && strchr(schedule, '/'))
		signal = signal_of(schedule + (*schedule == '-'));
	return (struct stop_command){ .signal = signal, .is_waited = schedule };
}

static struct stop_command by_nginx(char *const *words)
{
	const char *order = value_of(words, "-s", "--");

	if (order && strcmp(order, "quit") == 0)
		return (struct stop_command){ .signal = SIGQUIT };
	return (struct stop_command){ .signal = order && strcmp(order, "stop") == 0 ? SIGTERM : 0 };
}

/* httpd, and the script around it, whose order may do without -k. */
static struct stop_command by_apache(char *const *words)
{
	const char *order = value_of(words, "-k", "--");

	if ((order && strcmp(order, "graceful-stop") == 0) || has_word(words, "graceful-stop"))
		return (struct stop_command){ .signal = SIGWINCH };
	if ((order && strcmp(order, "stop") == 0) || has_word(words, "stop"))
		return (struct stop_command){ .signal = SIGTERM };
	return (struct stop_command){};
}

static struct stop_command by_pg_ctl(char *const *words)
{
	const char *mode = value_of(words, "-m", "--mode");
	struct stop_command command = { .signal = SIGINT, .is_waited = true };

	if (!has_word(words, "stop"))
		return (struct stop_command){};
	if (mode)
		command.signal = strncmp(mode, "s", 1) == 0   ? SIGTERM
				 : strncmp(mode, "i", 1) == 0 ? SIGQUIT
							      : SIGINT;
	if (has_word(words, "-W") || has_word(words, "--no-wait"))
		command.is_waited = false;
	return command;
}

struct stop_command stop_command_read(char *const *words)
{
	static const struct {
		const char *name;
		struct stop_command (*by)(char *const *words);
	} known[] = {
		{ "kill", by_kill },
		{ "start-stop-daemon", by_start_stop_daemon },
		{ "nginx", by_nginx },
		{ "apachectl", by_apache },
		{ "apache2ctl", by_apache },
		{ "httpd", by_apache },
		{ "apache2", by_apache },
		{ "pg_ctl", by_pg_ctl },
		{ "pg_ctlcluster", by_pg_ctl },
	};
	const char *name = words[0] ? strrchr(words[0], '/') : NULL;

	name = name ? name + 1 : words[0];
	for (size_t i = 0; name && i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].by(words + 1);
	}
	return (struct stop_command){};
}
