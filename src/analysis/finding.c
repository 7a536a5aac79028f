// SPDX-License-Identifier: GPL-2.0-only
/* The lifetime of one finding, and the names of severities. What is found is not decided here. */
#include "src/analysis/finding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

static const char *const severity_names[] = {
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};
_Static_assert(ARRAY_SIZE(severity_names) == SEVERITIES, "a name for each");

void finding_set_advice(struct finding *finding, char *advice)
{
	free(finding->advice);
	finding->advice = advice;
	finding->has_failed |= !advice;
}

void finding_fini(struct finding *finding)
{
	free(finding->summary);
	free(finding->advice);
	memset(finding, 0, sizeof(*finding));
}

const char *severity_name(enum severity severity)
{
	return severity_names[severity];
}

int severity_from_name(const char *name, enum severity *ret_severity)
{
	for (size_t i = 0; i < SEVERITIES; i++) {
		if (strcmp(name, severity_names[i]) == 0) {
			*ret_severity = (enum severity)i;
			return 0;
		}
	}
	return -EINVAL;
}
