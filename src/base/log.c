// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages on stderr. Owns a second, non-blocking way to the pipe behind stderr, for the life of
 * the program. Invariant: a structured line is at most PIPE_BUF bytes and one write, so lines of
 * threads and processes never mix, and no lock is needed.
 */
#include "src/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"

#define MESSAGE_BYTES 2048 /* of a line's PIPE_BUF, quoted */
#define VALUE_BYTES 1024

static enum log_format log_format = LOG_PLAIN;
static int pipe_fd = -1;
static bool is_socket;
static atomic_uint_fast64_t dropped;

uint64_t log_dropped(void)
{
	return atomic_load(&dropped);
}

/*
 * O_NONBLOCK belongs to the open file, which we share with whoever started us: a pipe is opened
 * anew. A file must not be (its offset is shared), a socket cannot be (send() has a flag).
 */
void log_set_format(enum log_format format)
{
	struct stat status;

	log_format = format;
	cleanup_closep(&pipe_fd);
	pipe_fd = -1;
	is_socket = false;
	if (format == LOG_PLAIN || fstat(STDERR_FILENO, &status))
		return;
	is_socket = S_ISSOCK(status.st_mode);
	if (S_ISFIFO(status.st_mode))
		pipe_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

/* --- writing -------------------------------------------------------------------------------- */

static void write_patiently(const char *line, size_t size)
{
	while (size) {
		ssize_t done = write(STDERR_FILENO, line, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return;
		line += done;
		size -= (size_t)done;
	}
}

static ssize_t write_or_fail(const char *line, size_t size)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (is_socket)
		return send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (pipe_fd >= 0)
		return write(pipe_fd, line, size);
	/* A terminal that is held; or a pipe that cannot be opened, with room for PIPE_BUF. */
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return -1;
	return write(STDERR_FILENO, line, size);
}

/* Takes over the line. Who ends with an error says at least that there is no memory. */
static void emit(struct text *line)
{
	static const char no_memory[] = "shutwatch: out of memory\n";
	size_t size = line->size;
	_cleanup_free_ char *bytes = text_take(line);

	if (log_format == LOG_PLAIN && !bytes)
		write_patiently(no_memory, strlen(no_memory));
	else if (log_format == LOG_PLAIN)
		write_patiently(bytes, size);
	else if (!bytes || write_or_fail(bytes, size) != (ssize_t)size)
		atomic_fetch_add(&dropped, 1);
}

/* --- values --------------------------------------------------------------------------------- */

/* A JSON string, which is a quoted value of logfmt as well, in ASCII: no terminal minds it. */
static char *quote(const char *value, size_t size, bool is_cut)
{
	_cleanup_free_ char *valid = NULL;
	_cleanup_free_ char *whole = text_valid_utf8(value, size);
	struct text text;
	json_t *string;
	char *quoted;

	text_init(&text);
	text_add(&text, whole ? whole : "(out of memory)");
	text_add(&text, is_cut ? "~" : "");
	valid = text_take(&text);
	string = valid ? json_string(valid) : NULL;
	quoted = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	json_decref(string);
	return quoted;
}

/* At most `limit` bytes; what was cut ends in "~". NULL: no memory. */
static char *quote_cut(const char *value, size_t limit)
{
	size_t size = strlen(value), whole = size;

	if (size > limit)
		size = limit;
	for (;; size /= 2) {
		char *quoted = quote(value, size, size < whole);

		if (!quoted || strlen(quoted) <= limit)
			return quoted;
		free(quoted);
	}
}

static bool needs_quotes(const char *value)
{
	const unsigned char *byte = (const unsigned char *)value;

	for (; *byte; byte++) {
		if (*byte <= ' ' || *byte >= 0x7f || strchr("=\"\\", *byte))
			return true;
	}
	return byte == (const unsigned char *)value;
}

/* As JSON has them: no "nan", no "0x1f". */
static bool is_json_number(const char *value)
{
	json_t *number = json_loads(value, JSON_DECODE_ANY, NULL);
	bool is_number = json_is_number(number);

	json_decref(number);
	return is_number;
}

/* One key and its value, if the line has room for it and two more bytes. */
static void add_field(struct text *line, const char *key, const struct log_field *field,
		      size_t limit)
{
	_cleanup_free_ char *quoted = quote_cut(field->value ? field->value : "", limit);
	const char *shown = quoted;
	size_t size = strlen(key) + 4;

	if (!quoted)
		return;
	if (log_format == LOG_JSON && !field->value)
		shown = "null";
	else if (log_format == LOG_JSON ? field->is_number && is_json_number(field->value)
					: !needs_quotes(field->value))
		shown = strlen(field->value) <= limit ? field->value : quoted;
	size += strlen(shown);
	if (line->size + size + 2 > PIPE_BUF)
		return;
	if (log_format == LOG_JSON)
		text_addf(line, "%s\"%s\":%s", line->size > 1 ? "," : "", key, shown);
	else
		text_addf(line, "%s%s=%s", line->size ? " " : "", key, shown);
}

/* --- lines ---------------------------------------------------------------------------------- */

static void add_time(struct text *line)
{
	struct timespec now;
	struct tm utc;
	char ts[64];
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(ts, sizeof(ts), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(ts + used, sizeof(ts) - used, ".%03ldZ", now.tv_nsec / 1000000);
	add_field(line, "ts", &(struct log_field){ .value = ts }, VALUE_BYTES);
}

static void begin(struct text *line, const char *level, const char *message)
{
	text_init(line);
	if (log_format == LOG_PLAIN) {
		text_add(line, "shutwatch: ");
		text_add_safe(line, message, 2000);
		return;
	}
	text_add(line, log_format == LOG_JSON ? "{" : "");
	add_time(line);
	add_field(line, "level", &(struct log_field){ .value = level }, VALUE_BYTES);
	add_field(line, "msg", &(struct log_field){ .value = message }, MESSAGE_BYTES);
}

static void end(struct text *line)
{
	text_add(line, log_format == LOG_JSON ? "}\n" : "\n");
	emit(line);
}

void log_event(const char *message, const struct log_field *fields)
{
	int saved = errno;
	struct text line;

	begin(&line, "info", message);
	for (; fields->key; fields++) {
		if (fields->value || log_format == LOG_JSON)
			add_field(&line, fields->key, fields, VALUE_BYTES);
	}
	end(&line);
	errno = saved;
}

static void log_line(const char *level, const char *format, va_list arguments)
{
	_cleanup_free_ char *message = NULL;
	int saved = errno;
	struct text line;

	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	begin(&line, level, message ? message : "(out of memory)");
	end(&line);
	errno = saved;
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line("error", format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line("info", format, arguments);
	va_end(arguments);
}
