/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommands. Each gets its own argv, from its name on, and returns an exit status. */
#ifndef SHUTWATCH_COMMANDS_H
#define SHUTWATCH_COMMANDS_H

int command_run(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_record(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_daemon(int argc, char **argv);
int command_list(int argc, char **argv);
int command_show(int argc, char **argv);
int command_export(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_check(int argc, char **argv);

#endif
