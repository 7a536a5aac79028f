// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration file -> struct config. Three steps: the outline checks the keys, libcyaml
 * fills a struct of texts, and here each text becomes a value. The first fault ends it, with its
 * line. Selectors point into the struct of texts, which is kept for them; the rest is copied.
 */
#include "src/config/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/config/fields.h"
#include "src/config/file.h"
#include "src/config/outline.h"
#include "src/config/schema.h"
#include "src/config/services.h"
#include "src/model/model.h"

#define FILE_BYTES_MAX (1 << 20)
#define DETAILS_MAX 100000000
#define STORE_BYTES_MIN (1 << 20)

#define STORE_PATH "/var/lib/shutwatch/shutwatch.db"
#define LISTEN_ADDRESS "127.0.0.1:9942"

static const cyaml_config_t cyaml = {
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_NO_ALIAS,
};

static int read_model(const struct outline *outline, const struct said *said, struct config *config)
{
	uint64_t details = config->details_limit;
	int err = read_duration(outline, "settle", said->settle, &config->settle_ns);

	if (!err)
		err = read_duration(outline, "reopen_window", said->reopen_window,
				    &config->reopen_window_ns);
	if (!err)
		err = read_duration(outline, "patience", said->patience, &config->patience_ns);
	if (err)
		return err;
	if (said->details && !strcmp(said->details, "all"))
		details = SIZE_MAX;
	else
		err = read_number(outline, "details", said->details, 0, DETAILS_MAX, &details);
	config->details_limit = details;
	return err;
}

static int read_store(const struct outline *outline, const struct said_store *said,
		      struct config *config)
{
	struct store_retention *retention = &config->retention;
	const struct said_retention *limits = said ? said->retention : NULL;
	int err = said ? read_path(outline, "store.path", said->path, &config->store_path) : 0;

	if (err || !limits)
		return err;
	err = read_duration(outline, "store.retention.age", limits->age, &retention->age_ns);
	if (!err)
		err = read_number(outline, "store.retention.count", limits->count, 0, INT64_MAX,
				  &retention->count);
	if (!err)
		err = read_size(outline, "store.retention.size", limits->size, STORE_BYTES_MIN,
				&retention->bytes);
	return err;
}

static int read_all(const struct outline *outline, const struct said *said, struct config *config)
{
	int err = read_selectors(outline, "targets", said->targets, said->targets_count,
				 &config->targets);

	if (!err)
		err = read_selectors(outline, "exclusions", said->exclusions,
				     said->exclusions_count, &config->exclusions);
	if (!err)
		err = read_rules(outline, said, &config->services);
	if (!err)
		err = read_model(outline, said, config);
	if (!err)
		err = read_store(outline, said->store, config);
	if (!err && said->web)
		err = read_listen_address(outline, "web.listen_address", said->web->listen_address,
					  &config->listen_address);
	if (!err && said->web)
		err = read_path(outline, "web.config_file", said->web->config_file,
				&config->web_config_path);
	if (!err && said->log)
		err = read_word(outline, "log.format", said->log->format, "logfmt", "json",
				&config->is_log_json);
	if (!err && said->privacy)
		err = read_word(outline, "privacy.record_arguments",
				said->privacy->record_arguments, "false", "true",
				&config->services.records_arguments);
	return err;
}

static int read_text(const char *path, const char *text, size_t size, struct config *config)
{
	const struct outline outline = { path, text, size, &said_schema };
	bool is_empty = true;
	cyaml_err_t fault;
	int err = outline_check(&outline, &is_empty);

	if (err || is_empty)
		return err;
	fault = cyaml_load_data((const uint8_t *)text, size, &cyaml, &said_schema, &config->texts,
				NULL);
	if (fault == CYAML_ERR_OOM)
		return -ENOMEM;
	if (fault != CYAML_OK) {
		log_error("%s: %s", path, cyaml_strerror(fault));
		return -EINVAL;
	}
	return config->texts ? read_all(&outline, config->texts, config) : 0;
}

static int set_defaults(struct config *config)
{
	*config = (struct config){
		.settle_ns = NSEC_PER_SEC,
		.reopen_window_ns = 60 * NSEC_PER_SEC,
		.patience_ns = 600 * NSEC_PER_SEC,
		.details_limit = DETAILS_DEFAULT,
		.store_path = strdup(STORE_PATH),
		.retention = { .age_ns = 90 * 86400 * NSEC_PER_SEC,
			       .count = 100000,
			       .bytes = 1ULL << 30 },
		.listen_address = strdup(LISTEN_ADDRESS),
	};
	return config->store_path && config->listen_address ? 0 : -ENOMEM;
}

int config_load(const char *path, struct config *ret_config)
{
	_cleanup_free_ char *text = NULL;
	struct config config;
	size_t size;
	int err = set_defaults(&config);

	if (!err)
		err = file_read(path, FILE_BYTES_MAX, &text, &size);
	if (!err)
		err = read_text(path, text, size, &config);
	if (err && err != -ENOENT)
		config_fini(&config);
	else
		*ret_config = config;
	return err;
}

void config_fini(struct config *config)
{
	cyaml_free(&cyaml, &said_schema, config->texts, 0);
	free(config->targets.items);
	free(config->exclusions.items);
	rules_fini(&config->services);
	free(config->store_path);
	free(config->listen_address);
	free(config->web_config_path);
	*config = (struct config){};
}
