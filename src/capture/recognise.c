// SPDX-License-Identifier: GPL-2.0-only
/* Reads name, executable and command line of a process, and keeps none of them. */
#include "src/capture/recognise.h"

#include <errno.h>
#include <sys/types.h>

#include "bpf/events.h"
#include "src/capture/elf.h"
#include "src/capture/procfs.h"

/* The command line is read to tell python3 from `python3 -m uvicorn`, and forgotten. */
int recognise(uint32_t pid, enum program *ret_program)
{
	char comm[COMM_BYTES + 1] = "", exe[PATH_BYTES] = "", words[PATH_BYTES];
	ssize_t size = procfs_command_line(pid, words, sizeof(words));
	enum program program;

	if (size < 0 || procfs_comm(pid, comm, sizeof(comm)) || procfs_exe(pid, exe, sizeof(exe)))
		return -ESRCH;
	program = program_recognise(comm, exe, words, (size_t)size);
	if (program == PROGRAM_UNKNOWN && elf_is_go(pid))
		program = PROGRAM_GO;
	else if (program == PROGRAM_UNKNOWN && procfs_exe(pid, exe, sizeof(exe)))
		return -ESRCH; /* it ended before its file could be looked into */
	*ret_program = program;
	return 0;
}

enum program recognise_file(const char *exe)
{
	enum program program = program_recognise("", exe, NULL, 0);

	return program == PROGRAM_UNKNOWN && elf_file_is_go(exe) ? PROGRAM_GO : program;
}
