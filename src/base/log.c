// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to the person at the terminal. Owns nothing; each call is one line, written at once,
 * and a stranger's bytes in it are made harmless.
 */
#include "src/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"

static void log_line(const char *level, const char *format, va_list arguments)
{
	_cleanup_free_ char *message = NULL;
	_cleanup_free_ char *safe = NULL;
	struct text text;

	if (vasprintf(&message, format, arguments) < 0) {
		message = NULL;
		return;
	}
	text_init(&text);
	text_add_safe(&text, message, 2000);
	safe = text_take(&text);
	fprintf(stderr, "shutwatch: %s%s\n", level, safe ? safe : "(out of memory)");
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line("", format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line("", format, arguments);
	va_end(arguments);
}
