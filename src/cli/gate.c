// SPDX-License-Identifier: GPL-2.0-only
/* Owns the JUnit file on its way and what is to be told; the records and conditions are others'. */
#include "src/cli/gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/status.h"

int gate_open(const struct options *options, struct gate *ret_gate)
{
	int err = 0;

	*ret_gate = (struct gate){ .conditions = &options->fail_on };
	if (options->junit_path)
		err = output_open(options->junit_path, &ret_gate->output);
	if (err)
		log_error("cannot write %s: %s", options->junit_path, strerror(-err));
	return err;
}

void gate_warn(const struct gate *gate, bool sees_all_resets)
{
	const struct conditions *conditions = gate->conditions;

	for (size_t i = 0; !sees_all_resets && i < conditions->count; i++) {
		if (condition_is_of_resets(&conditions->items[i]))
			log_error("--fail-on: %s can never hold: this kernel does not tell which "
				  "connections it refused (see `shutwatch check`)",
				  conditions->items[i].text);
	}
}

void gate_judge(struct gate *gate, const struct record *record)
{
	const struct conditions *conditions = gate->conditions;

	gate->records++;
	for (size_t i = 0; i < conditions->count; i++) {
		if (!condition_holds(&conditions->items[i], record))
			continue;
		gate->has_failed = true;
		text_add(&gate->told, "failed: ");
		condition_tell(&conditions->items[i], record, &gate->told);
		text_add(&gate->told, "\n");
	}
	if (gate->output.file)
		junit_add(&gate->junit, record, conditions);
}

void gate_tell(struct gate *gate)
{
	_cleanup_free_ char *told = text_take(&gate->told);

	if (told)
		fputs(told, stderr);
	else
		log_error("cannot tell which conditions held: %s", strerror(ENOMEM));
}

static int write_junit(struct gate *gate)
{
	const char *path = gate->output.path;
	_cleanup_free_ char *xml = junit_take(&gate->junit);
	int err = xml ? output_commit(&gate->output, xml) : -ENOMEM;

	if (err)
		log_error("writing %s failed: %s", path, strerror(-err));
	return err;
}

int gate_close(struct gate *gate, int status)
{
	bool is_asked = gate->conditions->count || gate->output.file;

	gate_tell(gate);
	if (is_asked && !gate->records) {
		log_error("no shutdown is on record: there was nothing to judge");
		status = status ? status : STATUS_FAILED;
	}
	if (gate->has_failed)
		status = STATUS_GATE;
	if (gate->output.file && write_junit(gate))
		status = STATUS_FAILED;
	return status;
}

void gate_fini(struct gate *gate)
{
	output_abandon(&gate->output);
	junit_fini(&gate->junit);
	text_fini(&gate->told);
}
