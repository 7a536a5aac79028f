/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who stands above a service that is a process tree: a shell that is a part of it, or a program of
 * which nobody can know whether it is what will be told to stop.
 */
#ifndef SHUTWATCH_LAUNCHER_H
#define SHUTWATCH_LAUNCHER_H

#include "src/capture/census.h"

/* Makes the shells above a service its root: they are what a supervisor knows. */
void launcher_add_shells(struct census *census, const struct selectors *selectors);

/*
 * The program that has started this root, waits for it and does not serve; NULL: there is none, it
 * is a supervisor or passes signals on, or the root is what was asked for.
 */
const struct census_process *launcher_of(const struct census *census,
					 const struct selectors *selectors, size_t root);

/* Does this command line, as procfs_command_line() has it, run a script, and no prompt? Pure. */
bool launcher_runs_script(const char *words, size_t size);

#endif
