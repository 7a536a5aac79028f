/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passwords. Owns the key of the keyed hash (drawn once, never shown), the tags of who was good
 * (the oldest makes room), and libcrypt's work space. A wrong password is not remembered: it
 * costs its sender a share of the budget each time.
 */
#include "src/serve/auth.h"

#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/clock.h"

#define TAG_BYTES 32 /* SHA-256 */
#define TAGS 64
#define HASH_BYTES 61

struct auth {
	unsigned char key[TAG_BYTES];
	unsigned char tags[TAGS][TAG_BYTES];
	size_t n_tags; /* ever; the next one goes to n_tags % TAGS */
	struct auth_budget budget;
	struct crypt_data work;
	uint64_t hashes;
};

bool auth_budget_allows(const struct auth_budget *budget, uint64_t now_ns,
			unsigned int *ret_retry_s)
{
	uint64_t ahead = budget->due_ns > now_ns ? budget->due_ns - now_ns : 0;
	uint64_t allowed = (AUTH_BURST - 1) * AUTH_INTERVAL_NS;

	if (ahead <= allowed)
		return true;
	*ret_retry_s = (unsigned int)((ahead - allowed + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
	return false;
}

void auth_budget_spend(struct auth_budget *budget, uint64_t now_ns, uint64_t took_ns)
{
	uint64_t price = took_ns * AUTH_SHARE;

	if (price < AUTH_INTERVAL_NS)
		price = AUTH_INTERVAL_NS;
	if (budget->due_ns < now_ns)
		budget->due_ns = now_ns;
	budget->due_ns += price;
}

struct auth *auth_new(void)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	if (auth && getrandom(auth->key, sizeof(auth->key), 0) != sizeof(auth->key)) {
		free(auth);
		return NULL;
	}
	return auth;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	explicit_bzero(auth, sizeof(*auth));
	free(auth);
}

uint64_t auth_hashes(const struct auth *auth)
{
	return auth->hashes;
}

/* Looks at every user, so that the time does not tell which one it is. NULL: nobody. */
static const struct web_user *find_user(const struct web_config *config, const char *name)
{
	const struct web_user *found = NULL;
	size_t size = strlen(name);

	for (size_t i = 0; i < config->n_users; i++) {
		const struct web_user *user = &config->users[i];

		if (strlen(user->name) == size && gnutls_memcmp(user->name, name, size) == 0)
			found = user;
	}
	return found;
}

/* A hash that nobody's password has, as costly as the costliest user's. */
static void nobody(const struct web_config *config, char ret_hash[HASH_BYTES])
{
	const char *cost = "10";

	for (size_t i = 0; i < config->n_users; i++) {
		if (i == 0 || strncmp(config->users[i].hash + 4, cost, 2) > 0)
			cost = config->users[i].hash + 4;
	}
	snprintf(ret_hash, HASH_BYTES, "$2b$%.2s$%053d", cost, 0);
}

/* Returns 0 or -EIO. */
static int tag_of(const struct auth *auth, const char *user, const char *password, const char *hash,
		  unsigned char ret_tag[TAG_BYTES])
{
	gnutls_hmac_hd_t hmac;

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, auth->key, sizeof(auth->key)))
		return -EIO;
	/* With their NULs: no two pairs read the same. */
	gnutls_hmac(hmac, user, strlen(user) + 1);
	gnutls_hmac(hmac, password, strlen(password) + 1);
	gnutls_hmac(hmac, hash, strlen(hash) + 1);
	gnutls_hmac_deinit(hmac, ret_tag);
	return 0;
}

static bool is_remembered(const struct auth *auth, const unsigned char tag[TAG_BYTES])
{
	size_t count = auth->n_tags < TAGS ? auth->n_tags : TAGS;
	bool found = false;

	for (size_t i = 0; i < count; i++)
		found |= gnutls_memcmp(auth->tags[i], tag, TAG_BYTES) == 0;
	return found;
}

static bool is_password(struct auth *auth, const char *password, const char *hash, uint64_t now_ns)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC);
	const char *got = crypt_r(password, hash, &auth->work);
	bool is_equal =
		got && strlen(got) == strlen(hash) && gnutls_memcmp(got, hash, strlen(hash)) == 0;

	explicit_bzero(&auth->work, sizeof(auth->work));
	auth_budget_spend(&auth->budget, now_ns, clock_ns(CLOCK_MONOTONIC) - start);
	auth->hashes++;
	return is_equal;
}

enum auth_result auth_check(struct auth *auth, const struct web_config *config, const char *user,
			    const char *password, uint64_t now_ns, unsigned int *ret_retry_s)
{
	const struct web_user *known = find_user(config, user);
	unsigned char tag[TAG_BYTES];
	char fallback[HASH_BYTES];
	const char *hash;

	nobody(config, fallback);
	hash = known ? known->hash : fallback;
	if (tag_of(auth, user, password, hash, tag))
		return AUTH_BAD;
	if (is_remembered(auth, tag))
		return AUTH_GOOD;
	if (!auth_budget_allows(&auth->budget, now_ns, ret_retry_s))
		return AUTH_BUSY;
	if (!is_password(auth, password, hash, now_ns) || !known)
		return AUTH_BAD;
	memcpy(auth->tags[auth->n_tags++ % TAGS], tag, TAG_BYTES);
	return AUTH_GOOD;
}
