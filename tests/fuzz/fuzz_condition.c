// SPDX-License-Identifier: GPL-2.0-only
/* --fail-on: what is taken can be asked of a record, and told. */
#include <errno.h>
#include <stdlib.h>

#include "src/analysis/condition.h"
#include "tests/fuzz/fuzz.h"

static void require_plain(const char *text)
{
	for (; *text; text++)
		fuzz_require((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void ask(const struct condition *condition)
{
	static const struct record record;
	struct text text;
	char *told;

	condition_holds(condition, &record);
	text_init(&text);
	condition_tell(condition, &record, &text);
	told = text_take(&text);
	fuzz_require(told);
	require_plain(told);
	free(told);
	text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *wrong = NULL;
	struct conditions conditions = {};
	int err = conditions_parse(text, &conditions, &wrong);

	fuzz_require(err == 0 || err == -EINVAL);
	if (err) {
		fuzz_require(wrong && conditions.count == 0);
		require_plain(wrong);
	}
	for (size_t i = 0; i < conditions.count; i++)
		ask(&conditions.items[i]);
	free(wrong);
	conditions_fini(&conditions);
	free(text);
	return 0;
}
