// SPDX-License-Identifier: GPL-2.0-only
/* The names of the flags are those of Prometheus' own programs, where they have them. */
#include "src/cli/daemon_options.h"

#include <argp.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/capture/pins.h"
#include "src/config/config.h"

enum {
	KEY_CONFIG_FILE = 256,
	KEY_CONFIG_CHECK,
	KEY_STORE,
	KEY_LISTEN,
	KEY_WEB_CONFIG,
	KEY_LOG_FORMAT,
	KEY_RUNTIME,
	KEY_PINS,
	KEY_UNPIN,
	KEY_RING_SIZE,
};

static const struct argp_option flags[] = {
	{ .name = "config.file",
	  .key = KEY_CONFIG_FILE,
	  .arg = "FILE",
	  .doc = "configuration (" CONFIG_PATH ", which need not exist)" },
	{ .name = "config.check",
	  .key = KEY_CONFIG_CHECK,
	  .doc = "check the configuration, say what is wrong, and end" },
	{ .name = "store",
	  .key = KEY_STORE,
	  .arg = "PATH",
	  .doc = "database of the records; \"none\": keep none" },
	{ .name = "web.listen-address",
	  .key = KEY_LISTEN,
	  .arg = "HOST:PORT",
	  .doc = "where metrics and API are served (127.0.0.1:9942); \"none\": nowhere" },
	{ .name = "web.config.file",
	  .key = KEY_WEB_CONFIG,
	  .arg = "FILE",
	  .doc = "TLS and basic authentication, as Prometheus' exporters have them" },
	{ .name = "log.format", .key = KEY_LOG_FORMAT, .arg = "FORMAT", .doc = "logfmt or json" },
	{ .name = "runtime",
	  .key = KEY_RUNTIME,
	  .arg = "DIR",
	  .doc = "journal and lock, on a tmpfs (" RUNTIME_PATH ")" },
	{ .name = "pins",
	  .key = KEY_PINS,
	  .arg = "DIR",
	  .doc = "where on bpffs the recorder outlives the daemon (" PINS_PATH
		 "); \"none\": it ends with it" },
	{ .name = "unpin",
	  .key = KEY_UNPIN,
	  .doc = "remove all that a daemon left in the kernel and in the runtime directory, and "
		 "end" },
	{ .name = "ring-size",
	  .key = KEY_RING_SIZE,
	  .arg = "BYTES",
	  .doc = "ring buffer for the details of connections (8388608)" },
	{},
};

static const char doc[] =
	"Records every shutdown of the services on this host, serves metrics, and keeps the "
	"records.\vSIGTERM ends it; the recorder goes on in the kernel, and the next daemon "
	"misses nothing (--unpin ends that too). SIGHUP reads the configuration again.\n\n"
	"Exit status: 0 fine; 1 failed, or another daemon runs; 2 wrong usage or configuration; 77 "
	"tracing is not possible here.";

static size_t ring_size(struct argp_state *state, const char *text)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < 4096 || value > 1 << 30)
		argp_error(state, "--ring-size: '%s' is no number from 4096 to 1073741824", text);
	return value;
}

static const char *log_format(struct argp_state *state, const char *text)
{
	if (strcmp(text, "logfmt") != 0 && strcmp(text, "json") != 0)
		argp_error(state, "--log.format: '%s' is neither logfmt nor json", text);
	return text;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct daemon_options *options = state->input;

	switch (key) {
	case KEY_CONFIG_FILE:
		options->config_path = text;
		options->is_config_given = true;
		return 0;
	case KEY_CONFIG_CHECK:
		options->only_checks_config = true;
		return 0;
	case KEY_STORE:
		options->store_path = text;
		return 0;
	case KEY_LISTEN:
		options->listen_address = text;
		return 0;
	case KEY_WEB_CONFIG:
		options->web_config_path = text;
		return 0;
	case KEY_LOG_FORMAT:
		options->log_format = log_format(state, text);
		return 0;
	case KEY_RUNTIME:
		options->runtime_path = text;
		return 0;
	case KEY_PINS:
		options->pins_path = strcmp(text, "none") ? text : NULL;
		return 0;
	case KEY_UNPIN:
		options->only_unpins = true;
		return 0;
	case KEY_RING_SIZE:
		options->detail_ring_bytes = ring_size(state, text);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument: %s", text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void daemon_options_parse(int argc, char **argv, struct daemon_options *ret_options)
{
	const struct argp argp = { flags, parse, "", doc, NULL, NULL, NULL };
	static char name[] = "shutwatch daemon";

	*ret_options = (struct daemon_options){
		.config_path = CONFIG_PATH,
		.runtime_path = RUNTIME_PATH,
		.pins_path = PINS_PATH,
	};
	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, ret_options);
}
