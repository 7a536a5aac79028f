// SPDX-License-Identifier: GPL-2.0-only
#include "src/analysis/program.h"
const char *program_name(enum program program)
{
	(void)program;
	return 0;
}
enum program program_from_name(const char *name)
{
	(void)name;
	return PROGRAM_UNKNOWN;
}
enum program program_recognise(const char *comm, const char *exe, const char *args, size_t n)
{
	(void)comm;
	(void)exe;
	(void)args;
	(void)n;
	return PROGRAM_UNKNOWN;
}
