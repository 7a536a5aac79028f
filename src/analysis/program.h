/* SPDX-License-Identifier: GPL-2.0-only */
/* Which well-known program a process is: what advice depends on. */
#ifndef SHUTWATCH_PROGRAM_H
#define SHUTWATCH_PROGRAM_H

#include <stddef.h>

enum program {
	PROGRAM_UNKNOWN,
	PROGRAM_UVICORN,
	PROGRAM_GUNICORN,
	PROGRAM_HYPERCORN,
	PROGRAM_NGINX,
	PROGRAM_APACHE,
	PROGRAM_HAPROXY,
	PROGRAM_NODE,
	PROGRAM_GO,
	PROGRAM_JAVA,
	PROGRAM_SPRING,
	PROGRAM_POSTGRESQL,
	PROGRAM_REDIS,
	PROGRAM_PYTHON, /* no server that we know */
	PROGRAM_SHELL,
};
#define PROGRAMS (PROGRAM_SHELL + 1)

/* As the record has it: "uvicorn", "node"; NULL for PROGRAM_UNKNOWN. */
const char *program_name(enum program program);

/* The other way round; PROGRAM_UNKNOWN for any other text. */
enum program program_from_name(const char *name);

/*
 * Recognises a process by its name, its executable and its command line: `python3 -m uvicorn`
 * is uvicorn. exe may be NULL; args: the words, each with its NUL, args_size bytes in all, as
 * /proc/PID/cmdline has them, or NULL. Any bytes may stand there.
 */
enum program program_recognise(const char *comm, const char *exe, const char *args,
			       size_t args_size);

#endif
