/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Serves src/serve as the daemon does, without a kernel to observe:
 *
 *   http_host fill STORE COUNT      writes so many records into the store
 *   http_host hash PASSWORD COST    prints a bcrypt hash
 *   http_host daemon [--web.listen-address A] [--web.config.file F] [--store S]
 *
 * SIGUSR1: ready from now on. SIGTERM: stops, and prints how long that took in milliseconds.
 */
#include <crypt.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/ulid.h"
#include "src/base/clock.h"
#include "src/serve/server.h"
#include "src/store/store.h"
#include "tests/unit/fixtures.h"

#define FIRST_MS 1700000000000ULL

static atomic_bool is_up;

static bool is_ready(void *context)
{
	(void)context;
	return is_up;
}

/* Long enough to be worth gzip. */
static char *metrics(void *context, bool is_openmetrics, size_t *ret_size)
{
	char *text = NULL;
	FILE *stream = open_memstream(&text, ret_size);

	(void)context;
	if (!stream)
		return NULL;
	fputs("# HELP host_up Up.\n# TYPE host_up gauge\n", stream);
	for (int i = 0; i < 100; i++)
		fprintf(stream, "host_up{number=\"%d\"} 1\n", i);
	if (is_openmetrics)
		fputs("# EOF\n", stream);
	fclose(stream);
	return text;
}

/* Each a minute after the one before; services and outcomes take turns. */
static int fill(const char *path, unsigned long count)
{
	static const enum verdict verdicts[] = { VERDICT_CLEAN, VERDICT_LOSSY, VERDICT_FORCED };
	struct store *store;
	int err = store_open(path, STORE_WRITE, &store);

	if (err)
		return 1;
	for (unsigned long i = 0; i < count && !err; i++) {
		struct record *record = i % 2 ? fixture_orders() : fixture_empty();
		uint64_t ms = FIRST_MS + i * 60000;

		record->trigger_wall_ns = (int64_t)(ms * 1000000);
		ulid_format(ms, 1, i, record->id);
		record->verdict = verdicts[i % 3];
		snprintf(record->service.name, sizeof(record->service.name), "service-%lu", i % 4);
		err = store_put(store, record);
		fixture_free(record);
	}
	store_close(store);
	return err != 0;
}

static int hash(const char *password, unsigned long cost)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data work = {};

	if (!crypt_gensalt_rn("$2b$", cost, NULL, 0, setting, sizeof(setting)))
		return 1;
	return puts(crypt_r(password, setting, &work)) < 0;
}

static void wait_for_end(const sigset_t *signals)
{
	int signal;

	while (sigwait(signals, &signal) == 0) {
		if (signal != SIGUSR1)
			return;
		is_up = true;
	}
}

static int serve(struct server_options *options)
{
	struct server *server;
	struct server_stats stats;
	sigset_t signals;
	uint64_t start;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (server_start(options, &server))
		return 1;
	wait_for_end(&signals);
	stats = server_stats(server);
	start = clock_boot_ns();
	server_stop(server);
	printf("stopped in %llu ms, %llu requests, %llu refused\n",
	       (unsigned long long)((clock_boot_ns() - start) / 1000000),
	       (unsigned long long)stats.requests, (unsigned long long)stats.refused);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "web.listen-address", required_argument, NULL, 'l' },
		{ "web.config.file", required_argument, NULL, 'c' },
		{ "store", required_argument, NULL, 's' },
		{},
	};
	struct server_options options = {
		.listen_address = "127.0.0.1:9942",
		.metrics = metrics,
		.is_ready = is_ready,
	};
	int option;

	if (argc == 4 && strcmp(argv[1], "fill") == 0)
		return fill(argv[2], strtoul(argv[3], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "hash") == 0)
		return hash(argv[2], strtoul(argv[3], NULL, 10));
	if (argc < 2 || strcmp(argv[1], "daemon") != 0)
		return 2;
	optind = 2;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'l')
			options.listen_address = optarg;
		else if (option == 'c')
			options.web_config_path = optarg;
		else if (option == 's')
			options.store_path = optarg;
		else
			return 2;
	}
	return serve(&options);
}
