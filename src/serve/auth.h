/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Basic authentication: bcrypt, at a bounded rate, and a memory of who was good. Time is passed
 * in. One thread uses it.
 */
#ifndef SHUTWATCH_AUTH_H
#define SHUTWATCH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "src/serve/web_config.h"

/*
 * How much may be hashed: a burst of AUTH_BURST, then one each AUTH_INTERVAL_NS, and never more
 * than a quarter of the time.
 */
#define AUTH_BURST 4
#define AUTH_INTERVAL_NS 250000000ULL
#define AUTH_SHARE 4

struct auth_budget {
	uint64_t due_ns; /* when all that was spent is paid for */
};

/* May one more hash begin? If not, after how many seconds (at least 1) to ask again. */
bool auth_budget_allows(const struct auth_budget *budget, uint64_t now_ns,
			unsigned int *ret_retry_s);
void auth_budget_spend(struct auth_budget *budget, uint64_t now_ns, uint64_t took_ns);

struct auth;

struct auth *auth_new(void); /* NULL: out of memory, or no random numbers */
void auth_free(struct auth *auth);

enum auth_result {
	AUTH_GOOD,
	AUTH_BAD,
	AUTH_BUSY, /* too many tries: ret_retry_s says when to come again */
};

/*
 * Who was good is remembered, as a keyed hash over the name, the password and the user's stored
 * hash: a change of any asks bcrypt again, and a flood of wrong ones does not stop the good.
 * An unknown user costs what a known one costs.
 */
enum auth_result auth_check(struct auth *auth, const struct web_config *config, const char *user,
			    const char *password, uint64_t now_ns, unsigned int *ret_retry_s);

/* How often bcrypt was asked. */
uint64_t auth_hashes(const struct auth *auth);

#endif
