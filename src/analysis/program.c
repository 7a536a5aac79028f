// SPDX-License-Identifier: GPL-2.0-only
/*
 * The well-known programs, and how they are told apart. The executable counts first: a process
 * may call itself what it likes. Of an interpreter, the script or module that it runs counts.
 */
#include "src/analysis/program.h"

#include <stdbool.h>
#include <string.h>

#include "src/base/cleanup.h"

#define DELETED " (deleted)" /* how the kernel marks an executable that was replaced */

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

static const struct {
	const char *file;
	enum program program;
} files[] = {
	{ "nginx", PROGRAM_NGINX },
	{ "apache2", PROGRAM_APACHE },
	{ "httpd", PROGRAM_APACHE },
	{ "haproxy", PROGRAM_HAPROXY },
	{ "node", PROGRAM_NODE },
	{ "nodejs", PROGRAM_NODE },
	{ "java", PROGRAM_JAVA },
	{ "postgres", PROGRAM_POSTGRESQL },
	{ "postmaster", PROGRAM_POSTGRESQL },
	{ "redis-server", PROGRAM_REDIS },
	{ "redis-check-rdb", PROGRAM_REDIS }, /* what redis-server is a link to, on Debian */
	{ "sh", PROGRAM_SHELL },
	{ "bash", PROGRAM_SHELL },
	{ "dash", PROGRAM_SHELL },
	{ "ash", PROGRAM_SHELL },
	{ "ksh", PROGRAM_SHELL },
	{ "zsh", PROGRAM_SHELL },
	{ "uvicorn", PROGRAM_UVICORN },
	{ "gunicorn", PROGRAM_GUNICORN },
	{ "hypercorn", PROGRAM_HYPERCORN },
};

/* Some bytes of a string that is not ours. */
struct word {
	const char *bytes;
	size_t size;
};

const char *program_name(enum program program)
{
	return (unsigned int)program < PROGRAMS ? names[program] : NULL;
}

enum program program_from_name(const char *name)
{
	for (size_t i = PROGRAM_UNKNOWN + 1; i < PROGRAMS; i++) {
		if (strcmp(names[i], name) == 0)
			return (enum program)i;
	}
	return PROGRAM_UNKNOWN;
}

static bool word_is(struct word word, const char *string)
{
	return word.size == strlen(string) && memcmp(word.bytes, string, word.size) == 0;
}

static bool word_starts(struct word word, const char *string)
{
	return word.size >= strlen(string) && memcmp(word.bytes, string, strlen(string)) == 0;
}

/* What stands behind the last slash. */
static struct word word_base(struct word word)
{
	const char *slash = word.size ? memrchr(word.bytes, '/', word.size) : NULL;

	if (slash) {
		word.size -= (size_t)(slash + 1 - word.bytes);
		word.bytes = slash + 1;
	}
	return word;
}

static struct word word_of_path(const char *path)
{
	struct word word = { path, strlen(path) };
	size_t mark = strlen(DELETED);

	if (word.size > mark && strcmp(path + word.size - mark, DELETED) == 0)
		word.size -= mark;
	return word_base(word);
}

/* The next word of a command line; false at its end. The last one may lack its NUL. */
static bool word_next(struct word *rest, struct word *ret_word)
{
	size_t size;

	if (!rest->size)
		return false;
	size = strnlen(rest->bytes, rest->size);
	*ret_word = (struct word){ rest->bytes, size };
	size += size < rest->size;
	*rest = (struct word){ rest->bytes + size, rest->size - size };
	return true;
}

/* "python", "python3", "python3.11" */
static bool is_python(struct word word)
{
	if (!word_starts(word, "python"))
		return false;
	for (size_t i = strlen("python"); i < word.size; i++) {
		if (!strchr("0123456789.", word.bytes[i]) || !word.bytes[i])
			return false;
	}
	return true;
}

static enum program by_file(struct word word)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (word_is(word, files[i].file))
			return files[i].program;
	}
	return is_python(word) ? PROGRAM_PYTHON : PROGRAM_UNKNOWN;
}

/* The servers that are a script or a module of Python. */
static enum program by_script(struct word word)
{
	enum program program;
	const char *dot = word.size ? memchr(word.bytes, '.', word.size) : NULL;

	if (dot) /* uvicorn.__main__ */
		word.size = (size_t)(dot - word.bytes);
	program = by_file(word);
	return program <= PROGRAM_HYPERCORN ? program : PROGRAM_UNKNOWN;
}

/* python3 [-X dev] (-m MODULE | -c CODE | SCRIPT) …; or the title that gunicorn gives itself. */
static enum program by_python(struct word rest)
{
	struct word word;

	if (!word_next(&rest, &word))
		return PROGRAM_UNKNOWN;
	if (word_starts(word, "gunicorn: "))
		return PROGRAM_GUNICORN;
	while (word_next(&rest, &word)) {
		if (word_is(word, "-m"))
			return word_next(&rest, &word) ? by_script(word) : PROGRAM_UNKNOWN;
		if (word_is(word, "-c"))
			return PROGRAM_UNKNOWN;
		if (!word_starts(word, "-"))
			return by_script(word_base(word));
		if (word_is(word, "-X") || word_is(word, "-W"))
			word_next(&rest, &word); /* its value */
	}
	return PROGRAM_UNKNOWN;
}

static bool is_spring(struct word rest)
{
	struct word word;

	while (word_next(&rest, &word)) {
		if (word_starts(word, "org.springframework.") || word_starts(word, "-Dspring.") ||
		    word_starts(word, "--spring."))
			return true;
	}
	return false;
}

enum program program_recognise(const char *comm, const char *exe, const char *args,
			       size_t args_size)
{
	struct word words = { args, args ? args_size : 0 };
	struct word called = { comm, strlen(comm) };
	enum program program = by_file(exe ? word_of_path(exe) : called);
	enum program script;

	if (program == PROGRAM_UNKNOWN && exe && strstr(exe, "/go-build"))
		return PROGRAM_GO; /* go run: the one trace of Go in a path */
	if (program == PROGRAM_UNKNOWN && exe && word_is(word_of_path(exe), "busybox"))
		return by_file(called) == PROGRAM_SHELL ? PROGRAM_SHELL : PROGRAM_UNKNOWN;
	if (program == PROGRAM_JAVA && is_spring(words))
		return PROGRAM_SPRING;
	if (program != PROGRAM_PYTHON)
		return program;
	script = by_python(words);
	if (script == PROGRAM_UNKNOWN)
		script = by_script(called); /* a script is called by its own name */
	return script == PROGRAM_UNKNOWN ? PROGRAM_PYTHON : script;
}
