/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owns the configuration in force, its TLS, and how the files looked when they were last tried.
 * They are looked at before they are read: what changes meanwhile is seen the next time.
 */
#include "src/serve/web.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

/* A file as it looked; zeroed: not there. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed; /* a rename over it, with the times kept */
};

enum watched { WATCHED_CONFIG, WATCHED_CERT, WATCHED_KEY, WATCHED_CA, WATCHED };

struct web {
	char *paths[WATCHED]; /* of the version tried last, good or bad; NULL: none */
	struct stamp stamps[WATCHED];
	struct web_config config;
	struct tls *tls;
	bool is_started;
};

static struct stamp stamp_of(const char *path)
{
	struct stat status;

	if (!path || stat(path, &status))
		return (struct stamp){};
	return (struct stamp){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size = status.st_size,
		.modified = status.st_mtim,
		.changed = status.st_ctim,
	};
}

static bool time_equal(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       time_equal(a->modified, b->modified) && time_equal(a->changed, b->changed);
}

static int watch_path(struct web *web, enum watched which, const char *path)
{
	free(web->paths[which]);
	web->paths[which] = path ? strdup(path) : NULL;
	web->stamps[which] = stamp_of(path);
	return path && !web->paths[which] ? -ENOMEM : 0;
}

static int watch_certificates(struct web *web, const struct web_config *config)
{
	int err = watch_path(web, WATCHED_CERT, config->cert_file);

	if (!err)
		err = watch_path(web, WATCHED_KEY, config->key_file);
	return err ? err : watch_path(web, WATCHED_CA, config->client_ca_file);
}

/* Replaces what is in force, if the new version is good. Returns 0 or -errno. */
static int web_load(struct web *web)
{
	struct web_config config;
	struct tls *tls = NULL;
	int err = web_config_load(web->paths[WATCHED_CONFIG], &config);

	if (err)
		return err;
	err = watch_certificates(web, &config);
	if (!err && web->is_started && !config.cert_file != !web->tls) {
		log_error("%s: TLS cannot be turned on or off without a restart",
			  web->paths[WATCHED_CONFIG]);
		err = -EINVAL;
	}
	if (!err && config.cert_file)
		err = tls_new(&config, &tls);
	if (err) {
		web_config_fini(&config);
		return err;
	}
	web_config_fini(&web->config);
	tls_unref(web->tls);
	web->config = config;
	web->tls = tls;
	return 0;
}

int web_new(const char *path, struct web **ret_web)
{
	struct web *web = calloc(1, sizeof(*web));
	int err = 0;

	if (!web)
		return -ENOMEM;
	if (path) {
		err = watch_path(web, WATCHED_CONFIG, path);
		if (!err)
			err = web_load(web);
	}
	web->is_started = true;
	if (err)
		web_free(web);
	else
		*ret_web = web;
	return err;
}

void web_free(struct web *web)
{
	if (!web)
		return;
	for (int i = 0; i < WATCHED; i++)
		free(web->paths[i]);
	web_config_fini(&web->config);
	tls_unref(web->tls);
	free(web);
}

void web_refresh(struct web *web)
{
	bool has_changed = false;

	for (int i = 0; i < WATCHED; i++) {
		struct stamp stamp = stamp_of(web->paths[i]);

		if (stamp_equal(&stamp, &web->stamps[i]))
			continue;
		web->stamps[i] = stamp;
		has_changed = true;
	}
	if (!has_changed)
		return;
	if (web_load(web))
		log_error("%s: the new version is not used, the old one stays in force",
			  web->paths[WATCHED_CONFIG]);
	else
		log_info("%s: read again", web->paths[WATCHED_CONFIG]);
}

const struct web_config *web_current(const struct web *web)
{
	return &web->config;
}

struct tls *web_tls(const struct web *web)
{
	return web->tls;
}
