/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands of ExecStop= do, as units have them; and commands that nobody knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>

#include "src/analysis/stop_command.h"
#include "src/base/cleanup.h"

#define WORDS 16

/* Words with blanks between them. */
static struct stop_command read_line(const char *line)
{
	char *copy = strdup(line), *rest = copy, *words[WORDS + 1] = {}, *word;
	struct stop_command command;

	assert_non_null(copy);
	for (size_t i = 0; i < WORDS && (word = strsep(&rest, " ")); i++)
		words[i] = word;
	command = stop_command_read(words);
	free(copy);
	return command;
}

static void test_known(void **state)
{
	static const struct {
		const char *line;
		int signal;
		bool is_waited;
	} cases[] = {
		{ "/bin/kill -QUIT $MAINPID", SIGQUIT, false },
		{ "/bin/kill -s SIGQUIT $MAINPID", SIGQUIT, false },
		{ "kill --signal=INT $MAINPID", SIGINT, false },
		{ "kill -3 $MAINPID", SIGQUIT, false },
		{ "kill $MAINPID", SIGTERM, false },
		{ "/sbin/start-stop-daemon --quiet --stop --retry QUIT/5 --pidfile /run/nginx.pid",
		  SIGQUIT, true },
		{ "start-stop-daemon --stop --signal INT --retry 5", SIGINT, true },
		{ "start-stop-daemon -K -R -TERM/30/KILL/5", SIGTERM, true },
		{ "start-stop-daemon --stop -p /run/x.pid", SIGTERM, false },
		{ "/usr/sbin/nginx -s quit", SIGQUIT, false },
		{ "nginx -c /etc/x -s stop", SIGTERM, false },
		{ "/usr/sbin/apachectl graceful-stop", SIGWINCH, false },
		{ "apache2ctl -k graceful-stop", SIGWINCH, false },
		{ "apache2ctl stop", SIGTERM, false },
		{ "/usr/sbin/httpd $OPTIONS -k graceful-stop", SIGWINCH, false },
		{ "/usr/sbin/apache2 -f /etc/x -k stop", SIGTERM, false },
		{ "httpd -kstop", SIGTERM, false },
		{ "/usr/bin/pg_ctlcluster --skip-systemctl-redirect -m fast 15-main stop", SIGINT,
		  true },
		{ "pg_ctl stop -D /data -m smart", SIGTERM, true },
		{ "pg_ctl stop -mimmediate -W", SIGQUIT, false },
		{ "pg_ctl -D /data stop", SIGINT, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stop_command command = read_line(cases[i].line);

		if (command.signal != cases[i].signal || command.is_waited != cases[i].is_waited)
			fail_msg("%s: %d %d", cases[i].line, command.signal, command.is_waited);
	}
}

static void test_unknown(void **state)
{
	static const char *const lines[] = {
		"",
		"/usr/bin/redis-cli shutdown",
		"sh -c kill",
		"/usr/sbin/apachectl graceful",
		"httpd -k restart",
		"apache2 -k",
		"nginx -s reload",
		"nginx -s",
		"nginx",
		"pg_ctl restart",
		"start-stop-daemon --start",
		"/",
		"kill -s NONE 1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct stop_command command = read_line(lines[i]);

		if (command.signal)
			fail_msg("%s: %d", lines[i], command.signal);
	}
	assert_int_equal(stop_command_read((char *[]){ NULL }).signal, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
