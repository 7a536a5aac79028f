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
#include "src/output/json_values.h"

static void add_row(struct text *text, const struct feature *feature)
{
	text_addf(text, "%-28s %-23s %-9s %s\n", feature->hook, feature->program,
		  feature->is_required ? "required" : "optional",
		  feature->error ? strerror(-feature->error) : feature_state_name(feature->state));
	if (feature->error)
		text_addf(text, "    without it: %s\n", feature->lost);
}

static char *report_text(const char *kernel, const struct feature *features, size_t count,
			 size_t missing)
{
	struct text text;
	size_t i;

	text_init(&text);
	text_addf(&text, "shutwatch %s on Linux %s\n\n%-28s %-23s %-9s %s\n", SHUTWATCH_VERSION,
		  kernel, "hook", "program", "", "here");
	for (i = 0; i < count; i++)
		add_row(&text, &features[i]);
	if (missing)
		text_addf(&text, "\n%zu required missing: shutwatch cannot work here\n", missing);
	else
		text_add(&text, "\neverything required is available\n");
	return text_take(&text);
}

static char *report_json(const char *kernel, const struct feature *features, size_t count,
			 size_t missing)
{
	json_t *hooks = json_array();
	json_auto_t *report = NULL;
	size_t i;

	for (i = 0; i < count; i++)
		hooks = array_add(hooks,
				  object_new("hook", value_word(features[i].hook), "program",
					     value_word(features[i].program), "required",
					     json_boolean(features[i].is_required), "state",
					     value_word(feature_state_name(features[i].state)),
					     "without_it", value_word(features[i].lost), NULL));
	report = object_new("version", value_word(SHUTWATCH_VERSION), "kernel", value_text(kernel),
			    "works", json_boolean(!missing), "hooks", hooks, NULL);
	return report ? json_dumps(report, JSON_COMPACT) : NULL;
}

int command_check(int argc, char **argv)
{
	const struct options_usage usage = {
		.doc = "Tries every hook on this kernel and prints what is available.\vExit "
		       "status: 0 everything required is there; 77 not.",
		.sets = OPTIONS_JSON,
	};
	const struct feature *features;
	struct options options;
	struct host host;
	size_t count, missing;
	char *shown;
	int err;

	options_parse(&usage, argc, argv, &options);
	signal(SIGPIPE, SIG_IGN);
	if (privileges_check())
		return STATUS_NO_TRACING;
	procfs_host(&host);
	missing = features_probe(&features, &count);
	shown = (options.is_json ? report_json : report_text)(host.kernel, features, count,
							      missing);
	err = shown ? show_write(stdout, shown) : -ENOMEM;
	if (!err && options.is_json)
		err = show_write(stdout, "\n");
	free(shown);
	if (err)
		return STATUS_FAILED;
	return missing ? STATUS_NO_TRACING : STATUS_OK;
}
