// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells a wrapper from a supervisor and from a prompt, by process groups, cgroups and names: all
 * that can be seen of why one process has started another.
 */
#include "src/capture/launcher.h"

#include <signal.h>
#include <string.h>

#include "src/analysis/audit_findings.h"
#include "src/base/cleanup.h"
#include "src/capture/disposition.h"
#include "src/capture/procfs.h"
#include "src/capture/recognise.h"

static bool is_asked_by_pid(const struct selectors *selectors, uint32_t pid)
{
	for (size_t i = 0; i < selectors->count; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): count is 0 without items */
		if (selectors->items[i].kind == SELECT_PID && selectors->items[i].number == pid)
			return true;
	}
	return false;
}

static bool listens(const struct census *census, const struct process_id *id)
{
	for (size_t i = 0; i < census->n_listeners; i++) {
		if (!census_compare(&census->listeners[i].process, id))
			return true;
	}
	return false;
}

/* The parent of a process tree, where it is of no service, is not ours, and does not serve. */
static struct census_process *above(const struct census *census, const struct census_process *root)
{
	struct census_process *parent = census_find(census, &root->parent);

	if (root->has_identity || !parent || parent->is_kin || parent->has_identity ||
	    parent->root != SIZE_MAX || parent->id.tgid == 1)
		return NULL;
	return listens(census, &parent->id) ? NULL : parent;
}

static bool is_shell(const struct census_process *process)
{
	enum program program;

	if (recognise(process->id.tgid, &program))
		program = program_recognise(process->comm, NULL, NULL, 0);
	return program == PROGRAM_SHELL;
}

static bool is_in_group_of(const struct census_process *a, const struct census_process *b)
{
	struct stance one, other;

	return !stance_read(a->id.tgid, SIGTERM, &one) &&
	       !stance_read(b->id.tgid, SIGTERM, &other) && one.masks.group &&
	       one.masks.group == other.masks.group;
}

static void climb(struct census *census, const struct selectors *selectors, size_t root)
{
	struct census_process *process = &census->processes[root], *shell;

	for (size_t depth = 0; depth < CENSUS_DEPTH_MAX; depth++) {
		shell = is_asked_by_pid(selectors, process->id.tgid) ? NULL
								     : above(census, process);
		/*
		 * A shell without job control runs its children in its own process group: who
		 * starts a server from a prompt is no wrapper of it, `sh -c 'server; true'` is.
		 */
		if (!shell || !is_shell(shell) || !is_in_group_of(shell, process))
			return;
		for (size_t i = 0; i < census->n_processes; i++) {
			if (census->processes[i].root == root)
				census->processes[i].root = (size_t)(shell - census->processes);
		}
		root = (size_t)(shell - census->processes);
		shell->root = root;
		process = shell;
	}
}

void launcher_add_shells(struct census *census, const struct selectors *selectors)
{
	for (size_t i = 0; i < census->n_processes; i++) {
		if (census->processes[i].root == i)
			climb(census, selectors, i);
	}
}

/* bash(1): the file of a prompt. */
static bool takes_a_file(const char *option)
{
	return strcmp(option, "--rcfile") == 0 || strcmp(option, "--init-file") == 0;
}

bool launcher_runs_script(const char *words, size_t size)
{
	const char *end = words + size, *word = words + strnlen(words, size) + 1;
	bool is_value = false;

	for (; word < end; word += strnlen(word, (size_t)(end - word)) + 1) {
		if (strcmp(word, "-i") == 0)
			return false;
		if (!is_value && *word && *word != '-' && *word != '+')
			return true; /* a file, or what follows -c */
		is_value = takes_a_file(word);
	}
	return false;
}

static bool has_script(const struct census_process *shell)
{
	char words[PATH_BYTES];
	ssize_t size = procfs_command_line(shell->id.tgid, words, sizeof(words));

	if (size <= 0)
		return false;
	return launcher_runs_script(words, (size_t)size < sizeof(words) ? (size_t)size
									: sizeof(words) - 1);
}

static bool is_in_cgroup_of(const struct census_process *a, const struct census_process *b)
{
	char one[PATH_BYTES], other[PATH_BYTES];

	return !procfs_cgroup(a->id.tgid, one, sizeof(one)) &&
	       !procfs_cgroup(b->id.tgid, other, sizeof(other)) && strcmp(one, other) == 0;
}

/* They start others and stop them one by one, or start whatever somebody types. */
static bool is_supervisor(const char *comm)
{
	static const char *const names[] = {
		"systemd",
		"init",
		"runit",
		"runsvdir",
		"supervise",
		"svscan",
		"dinit",
		"openrc-run",
		"monit",
		"circusd",
		"conmon",
		"containerd",
		"dockerd",
		"podman",
		"docker",
		"crun",
		"runc",
		"kubelet",
		"crond",
		"cron",
		"atd",
		"anacron",
		"sshd",
		"login",
		"su",
		"sudo",
		"doas",
		"screen",
		"SCREEN",
		"script",
		"start-stop-daem",
		"bwrap",
		"unshare",
		"xinetd",
	};
	static const char *const beginnings[] = { "containerd-shim", "tmux", "s6-",
						  "sshd-",	     "PM2 ", "systemd-" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(comm, names[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++) {
		if (strncmp(comm, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	}
	return false;
}

const struct census_process *launcher_of(const struct census *census,
					 const struct selectors *selectors, size_t root)
{
	const struct census_process *process = &census->processes[root];
	const struct census_process *parent;

	if (is_asked_by_pid(selectors, process->id.tgid))
		return NULL;
	parent = above(census, process);
	if (!parent || is_supervisor(parent->comm) || audit_passes_on(parent->comm) ||
	    !is_in_cgroup_of(parent, process))
		return NULL;
	/* A script may start it in a group of its own (setsid), and wait. */
	return (is_shell(parent) ? has_script(parent) : is_in_group_of(parent, process)) ? parent
											 : NULL;
}
