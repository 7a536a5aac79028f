/* SPDX-License-Identifier: GPL-2.0-only */
/* A result file that is whole or not there: written beside its place and moved into it. */
#ifndef SHUTWATCH_OUTPUT_H
#define SHUTWATCH_OUTPUT_H

#include <stdio.h>

struct output {
	const char *path; /* the caller's */
	char *temporary;  /* NULL: the path is no regular file, and is written directly */
	FILE *file;
};

/* Opens early, so that a path that cannot be written is known before any work. 0 or -errno. */
int output_open(const char *path, struct output *ret_output);
/* Writes all of `text` and puts the file in its place. Frees. Returns 0 or -errno. */
int output_commit(struct output *output, const char *text);
/* Leaves nothing behind. May be called on a zeroed output. */
void output_abandon(struct output *output);

#endif
