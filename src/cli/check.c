// SPDX-License-Identifier: GPL-2.0-only
/* `check`: the support report. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/base/text.h"
#include "src/capture/features.h"
#include "src/capture/privileges.h"
#include "src/capture/procfs.h"
#include "src/cli/commands.h"
#include "src/cli/options.h"
#include "src/cli/show.h"
#include "src/cli/status.h"

static void add_row(struct text *text, const struct feature *feature)
{
	text_addf(text, "%-28s %-23s %-9s %s\n", feature->hook, feature->program,
		  feature->is_required ? "required" : "optional",
		  feature->error ? strerror(-feature->error) : feature_state_name(feature->state));
	if (feature->error)
		text_addf(text, "    without it: %s\n", feature->lost);
}

int command_check(int argc, char **argv)
{
	const struct options_usage usage = {
		.doc = "Tries every hook on this kernel and prints what is available.\vExit "
		       "status: 0 everything required is there; 77 not.",
	};
	const struct feature *features;
	struct options options;
	struct text text;
	struct host host;
	size_t count, missing, i;
	char *shown;
	int err;

	options_parse(&usage, argc, argv, &options);
	signal(SIGPIPE, SIG_IGN);
	if (privileges_check())
		return STATUS_NO_TRACING;
	procfs_host(&host);
	missing = features_probe(&features, &count);
	text_init(&text);
	text_addf(&text, "shutwatch %s on Linux %s\n\n%-28s %-23s %-9s %s\n", SHUTWATCH_VERSION,
		  host.kernel, "hook", "program", "", "here");
	for (i = 0; i < count; i++)
		add_row(&text, &features[i]);
	if (missing)
		text_addf(&text, "\n%zu required missing: shutwatch cannot work here\n", missing);
	else
		text_add(&text, "\neverything required is available\n");
	shown = text_take(&text);
	err = shown ? show_write(stdout, shown) : -ENOMEM;
	free(shown);
	if (err)
		return STATUS_FAILED;
	return missing ? STATUS_NO_TRACING : STATUS_OK;
}
