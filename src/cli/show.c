// SPDX-License-Identifier: GPL-2.0-only
/* Where the views meet the terminal: which style it can show, and whether it still listens. */
#include "src/cli/show.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/analysis/build.h"
#include "src/analysis/verdict.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/output/json.h"
#include "src/output/report.h"

static bool is_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* https://no-color.org: set and not empty means no colour. */
static bool wants_colour(FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fileno(stream)) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static size_t columns_of(FILE *stream)
{
	struct winsize size;

	if (isatty(fileno(stream)) && !ioctl(fileno(stream), TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return 0;
}

static char *line_from_record(const struct record *record)
{
	_cleanup_free_ char *json = json_from_record(record, false);
	char *line = NULL;

	if (!json || asprintf(&line, "%s\n", json) < 0)
		return NULL;
	return line;
}

struct report_style show_style(FILE *stream)
{
	return (struct report_style){
		.use_unicode = is_utf8(),
		.use_colour = wants_colour(stream),
		.columns = columns_of(stream),
	};
}

char *show_record(const struct record *record, bool is_json, FILE *stream)
{
	struct report_style style;

	if (is_json)
		return line_from_record(record);
	style = show_style(stream);
	return report_from_record(record, &style);
}

int show_build(const struct shutdown *shutdown, const struct host *host, struct record *ret_record)
{
	int err = record_build(shutdown, host, ret_record);

	if (!err && !verdict_is_no_shutdown(shutdown, ret_record))
		return 1;
	record_fini(ret_record);
	return err;
}

int show_write(FILE *stream, const char *text)
{
	if (fputs(text, stream) >= 0 && !fflush(stream))
		return 0;
	log_error("cannot write the report: %s", strerror(errno));
	return errno ? -errno : -EIO;
}
