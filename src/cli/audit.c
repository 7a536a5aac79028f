// SPDX-License-Identifier: GPL-2.0-only
/* `audit`: what would come of the running services if they were told to stop now. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/capture/inspect.h"
#include "src/capture/privileges.h"
#include "src/cli/commands.h"
#include "src/cli/options.h"
#include "src/cli/selection.h"
#include "src/cli/show.h"
#include "src/cli/status.h"
#include "src/output/audit.h"

/* The most severe first, then the outcome that is worst, then by name. */
static int compare(const void *a, const void *b)
{
	const struct audit *x = a, *y = b;

	if (audit_severity(x) != audit_severity(y))
		return audit_severity(x) < audit_severity(y) ? 1 : -1;
	if ((x->verdict == VERDICT_CLEAN) != (y->verdict == VERDICT_CLEAN))
		return x->verdict == VERDICT_CLEAN ? 1 : -1;
	if (!x->n_findings != !y->n_findings)
		return x->n_findings ? -1 : 1;
	return strcmp(x->service.name, y->service.name);
}

static void add_json(const struct audit *audit, struct text *text)
{
	_cleanup_free_ char *line = json_from_audit(audit);

	if (!line)
		text->has_failed = true;
	else
		text_addf(text, "%s\n", line);
}

static void print_all(const struct inspection *inspection, bool is_json, struct text *text)
{
	struct report_style style = show_style(stdout);

	for (size_t i = 0; i < inspection->n_audits; i++) {
		if (is_json) {
			add_json(&inspection->audits[i], text);
			continue;
		}
		text_add(text, i ? "\n\n" : "");
		audit_print(&inspection->audits[i], &style, text);
	}
}

/* What is fine comes last, and takes a line. */
static void print_host(const struct inspection *inspection, struct text *text)
{
	struct report_style style = show_style(stdout);
	bool is_brief = false;

	for (size_t i = 0; i < inspection->n_audits; i++) {
		const struct audit *audit = &inspection->audits[i];
		bool is_fine = audit->verdict == VERDICT_CLEAN && !audit->n_findings;

		text_add(text, i && !is_brief ? "\n\n" : "");
		if (is_fine)
			audit_print_headline(audit, &style, text);
		else
			audit_print(audit, &style, text);
		is_brief = is_fine;
	}
	if (!inspection->n_audits)
		text_add(text, "no service listens on this host\n");
	else if (is_brief)
		text_add(text, "\nWhat would stop cleanly is told in full where it is a target: "
			       "--port, --pid, --unit.\n");
}

static int print(const struct inspection *inspection, const struct options *options)
{
	_cleanup_free_ char *shown = NULL;
	struct text text;

	text_init(&text);
	if (options->is_json || options->selectors.count)
		print_all(inspection, options->is_json, &text);
	else
		print_host(inspection, &text);
	shown = text_take(&text);
	return shown ? show_write(stdout, shown) : -ENOMEM;
}

static int predict(struct inspection *inspection)
{
	size_t i;
	int err = 0;

	for (i = 0; i < inspection->n_audits && !err; i++)
		err = audit_predict(&inspection->audits[i]);
	if (!err && inspection->n_audits)
		qsort(inspection->audits, inspection->n_audits, sizeof(*inspection->audits),
		      compare);
	return err;
}

static int audit(const struct options *options, struct inspection *inspection)
{
	int err = inspection_take(&options->selectors, options->signal, inspection);

	if (err == -EACCES)
		return STATUS_NO_TRACING;
	if (!err && inspection->unmatched) {
		selection_complain(inspection->unmatched);
		return STATUS_USAGE;
	}
	if (!err)
		err = predict(inspection);
	if (err) {
		log_error("cannot look at the services of this host: %s", strerror(-err));
		return STATUS_FAILED;
	}
	if (print(inspection, options))
		return STATUS_FAILED;
	/* They are in order. */
	if (inspection->n_audits && audit_severity(&inspection->audits[0]) == SEVERITY_ERROR)
		return STATUS_FAILED;
	return STATUS_OK;
}

static int check_privileges(void)
{
	int err = privileges_check();

	if (err)
		log_error("without it the audit could read what processes do about a signal "
			  "(/proc/PID/status), but not who listens, nor which connections they "
			  "have: it says nothing rather than half of it");
	return err;
}

/* What only halts a process, or lets it go on, is nothing that a service is stopped with. */
static int check_signal(int signal)
{
	static const int halting[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT };
	char name[16];

	for (size_t i = 0; i < ARRAY_SIZE(halting); i++) {
		if (halting[i] == signal) {
			log_error("--signal %s: it ends no process, it only %s it; give the signal "
				  "that the service is stopped with",
				  signal_name(signal, name),
				  signal == SIGCONT ? "continues" : "halts");
			return -EINVAL;
		}
	}
	return 0;
}

static int look(const struct options *options)
{
	struct inspection inspection = {};
	int status = STATUS_NO_TRACING;

	if (check_signal(options->signal))
		return STATUS_USAGE;
	if (!check_privileges())
		status = audit(options, &inspection);
	inspection_fini(&inspection);
	return status;
}

int command_audit(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "",
		.doc = "Predicts what would come of every service that listens on this host, or of "
		       "the targets given (each may be repeated), if it were told to stop. Sends "
		       "nothing, changes nothing.\vWith --json one object a line, the most severe "
		       "first. Exit status: 0 nothing severe; 1 a finding of severity error is "
		       "predicted, or something failed; 2 no such target, or wrong usage; 77 it "
		       "cannot look.",
		.sets = OPTIONS_TARGETS | OPTIONS_SIGNAL | OPTIONS_JSON,
	};
	struct options options;
	int status;

	options_parse(&usage, argc, argv, &options);
	signal(SIGPIPE, SIG_IGN); /* a closed stdout is an error that is told */
	status = look(&options);
	options_fini(&options);
	return status;
}
