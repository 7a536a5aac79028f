// SPDX-License-Identifier: GPL-2.0-only
/* The names of well-known programs. */
#include "src/analysis/program.h"

#include "src/base/cleanup.h"

static const char *const names[] = {
	[PROGRAM_UNKNOWN] = NULL,
	[PROGRAM_UVICORN] = "uvicorn",
	[PROGRAM_GUNICORN] = "gunicorn",
	[PROGRAM_HYPERCORN] = "hypercorn",
	[PROGRAM_NGINX] = "nginx",
	[PROGRAM_APACHE] = "apache",
	[PROGRAM_HAPROXY] = "haproxy",
	[PROGRAM_NODE] = "node",
	[PROGRAM_GO] = "go",
	[PROGRAM_JAVA] = "java",
	[PROGRAM_SPRING] = "spring",
	[PROGRAM_POSTGRESQL] = "postgresql",
	[PROGRAM_REDIS] = "redis",
	[PROGRAM_PYTHON] = "python",
	[PROGRAM_SHELL] = "shell",
};
_Static_assert(ARRAY_SIZE(names) == PROGRAMS, "a name for each");

const char *program_name(enum program program)
{
	return (size_t)program < ARRAY_SIZE(names) ? names[program] : NULL;
}
