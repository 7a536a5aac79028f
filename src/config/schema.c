// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of the file, for libcyaml and for the outline. Every single value is text, which
 * config.c reads: libcyaml would take "maybe" for true and 010 for 8.
 */
#include "src/config/schema.h"

#include <cyaml/cyaml.h>

#include "bpf/events.h"

#define ITEMS_MAX 1000
#define SIGNALS_MAX 64
#define WORD_BYTES 32
#define COMM_BYTES 16 /* of the kernel: TASK_COMM_LEN */

#define GIVEN_OR_NOT (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL_STR)

#define TEXT(owner, member, bytes)                                                                 \
	CYAML_FIELD_STRING_PTR(#member, GIVEN_OR_NOT, struct owner, member, 0, (bytes)-1)
#define KEYS(owner, member, fields)                                                                \
	CYAML_FIELD_MAPPING_PTR(#member, GIVEN_OR_NOT, struct owner, member, fields)
#define LIST(owner, member, item, max)                                                             \
	CYAML_FIELD_SEQUENCE(#member, GIVEN_OR_NOT, struct owner, member, item, 0, max)

static const struct cyaml_schema_field match_fields[] = {
	TEXT(said_selector, unit, NAME_BYTES),
	TEXT(said_selector, cgroup, PATH_BYTES),
	TEXT(said_selector, exe, PATH_BYTES),
	TEXT(said_selector, port, WORD_BYTES),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field selector_fields[] = {
	TEXT(said_selector, unit, NAME_BYTES), TEXT(said_selector, cgroup, PATH_BYTES),
	TEXT(said_selector, exe, PATH_BYTES),  TEXT(said_selector, comm, COMM_BYTES),
	TEXT(said_selector, port, WORD_BYTES), CYAML_FIELD_END,
};

static const struct cyaml_schema_value selector = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct said_selector, selector_fields),
};

static const struct cyaml_schema_value stop_signal = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, WORD_BYTES - 1),
};

static const struct cyaml_schema_field service_fields[] = {
	KEYS(said_service, match, match_fields),
	TEXT(said_service, name, NAME_BYTES),
	LIST(said_service, stop_signals, &stop_signal, SIGNALS_MAX),
	TEXT(said_service, protocol, WORD_BYTES),
	TEXT(said_service, grace, WORD_BYTES),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_value service = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct said_service, service_fields),
};

static const struct cyaml_schema_field retention_fields[] = {
	TEXT(said_retention, age, WORD_BYTES),
	TEXT(said_retention, count, WORD_BYTES),
	TEXT(said_retention, size, WORD_BYTES),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field store_fields[] = {
	TEXT(said_store, path, PATH_BYTES),
	KEYS(said_store, retention, retention_fields),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field web_fields[] = {
	TEXT(said_web, listen_address, PATH_BYTES),
	TEXT(said_web, config_file, PATH_BYTES),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field log_fields[] = {
	TEXT(said_log, format, WORD_BYTES),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field privacy_fields[] = {
	TEXT(said_privacy, record_arguments, WORD_BYTES),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field fields[] = {
	LIST(said, targets, &selector, ITEMS_MAX),
	LIST(said, exclusions, &selector, ITEMS_MAX),
	LIST(said, services, &service, ITEMS_MAX),
	TEXT(said, settle, WORD_BYTES),
	TEXT(said, reopen_window, WORD_BYTES),
	TEXT(said, patience, WORD_BYTES),
	TEXT(said, details, WORD_BYTES),
	KEYS(said, store, store_fields),
	KEYS(said, web, web_fields),
	KEYS(said, log, log_fields),
	KEYS(said, privacy, privacy_fields),
	CYAML_FIELD_END,
};

const struct cyaml_schema_value said_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL_STR, struct said, fields),
};
