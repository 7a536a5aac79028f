/* SPDX-License-Identifier: GPL-2.0-only */
/* Passwords: who is good, what is remembered, how much may be hashed. Time is passed in. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <crypt.h>
#include <string.h>
#include <cmocka.h>

#include "src/serve/auth.h"

#define SECOND 1000000000ULL
#define LONG_AGO 0
#define NOW (1000 * SECOND)

/* The cheapest: cost 4. */
static void hash(const char *password, char ret_hash[64])
{
	struct crypt_data work = {};
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	assert_non_null(
		crypt_gensalt_rn("$2b$", 4, "0123456789abcdef", 16, setting, sizeof(setting)));
	strcpy(ret_hash, crypt_r(password, setting, &work));
	assert_int_equal(strlen(ret_hash), 60);
}

struct fixture {
	struct auth *auth;
	struct web_config config;
	struct web_user users[2];
	char hashes[2][64];
};

static void set_up(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	hash("correct horse", fixture->hashes[0]);
	hash("battery", fixture->hashes[1]);
	fixture->users[0] = (struct web_user){ "prometheus", fixture->hashes[0] };
	fixture->users[1] = (struct web_user){ "admin", fixture->hashes[1] };
	fixture->config.users = fixture->users;
	fixture->config.n_users = 2;
	fixture->auth = auth_new();
	assert_non_null(fixture->auth);
}

static enum auth_result check(struct fixture *fixture, const char *user, const char *password,
			      uint64_t now_ns)
{
	unsigned int retry_s = 0;
	enum auth_result result =
		auth_check(fixture->auth, &fixture->config, user, password, now_ns, &retry_s);

	assert_int_equal(result == AUTH_BUSY, retry_s > 0);
	return result;
}

static void test_good_and_bad(void **state)
{
	struct fixture fixture;
	uint64_t now = NOW;

	(void)state;
	set_up(&fixture);
	assert_int_equal(check(&fixture, "prometheus", "correct horse", now), AUTH_GOOD);
	assert_int_equal(check(&fixture, "admin", "battery", now += 100 * SECOND), AUTH_GOOD);
	assert_int_equal(check(&fixture, "admin", "correct horse", now += SECOND), AUTH_BAD);
	assert_int_equal(check(&fixture, "admin", "", now += SECOND), AUTH_BAD);
	assert_int_equal(check(&fixture, "admin", "Battery", now += SECOND), AUTH_BAD);
	assert_int_equal(check(&fixture, "admi", "battery", now += SECOND), AUTH_BAD);
	assert_int_equal(check(&fixture, "", "battery", now += SECOND), AUTH_BAD);
	assert_int_equal(auth_hashes(fixture.auth), 7);
	auth_free(fixture.auth);
}

static void test_unknown_costs_the_same(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture);
	assert_int_equal(check(&fixture, "nobody", "x", NOW), AUTH_BAD);
	assert_int_equal(auth_hashes(fixture.auth), 1);
	/* Nobody is remembered, not as good and not as bad. */
	assert_int_equal(check(&fixture, "nobody", "x", NOW), AUTH_BAD);
	assert_int_equal(auth_hashes(fixture.auth), 2);
	auth_free(fixture.auth);
}

static void test_good_are_remembered_in_a_flood(void **state)
{
	struct fixture fixture;
	int busy = 0;

	(void)state;
	set_up(&fixture);
	assert_int_equal(check(&fixture, "prometheus", "correct horse", NOW), AUTH_GOOD);
	for (int i = 0; i < 200; i++)
		busy += check(&fixture, "prometheus", "wrong", NOW) == AUTH_BUSY;
	assert_int_equal(auth_hashes(fixture.auth), AUTH_BURST);
	assert_int_equal(busy, 200 - (AUTH_BURST - 1));
	assert_int_equal(check(&fixture, "prometheus", "correct horse", NOW), AUTH_GOOD);
	assert_int_equal(check(&fixture, "admin", "battery", NOW), AUTH_BUSY);
	assert_int_equal(check(&fixture, "admin", "battery", NOW + 10 * SECOND), AUTH_GOOD);
	auth_free(fixture.auth);
}

static void test_changed_password(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture);
	assert_int_equal(check(&fixture, "admin", "battery", NOW), AUTH_GOOD);
	hash("staple", fixture.hashes[1]);
	assert_int_equal(check(&fixture, "admin", "battery", NOW), AUTH_BAD);
	assert_int_equal(check(&fixture, "admin", "staple", NOW), AUTH_GOOD);
	fixture.config.n_users = 1; /* admin is gone */
	assert_int_equal(check(&fixture, "admin", "staple", NOW), AUTH_BAD);
	auth_free(fixture.auth);
}

static void test_nobody_is_never_good(void **state)
{
	struct fixture fixture;

	(void)state;
	set_up(&fixture);
	fixture.config.n_users = 0;
	assert_int_equal(check(&fixture, "", "", NOW), AUTH_BAD);
	auth_free(fixture.auth);
}

static void test_memory_is_bounded(void **state)
{
	struct fixture fixture;
	struct web_user many[100];
	char names[100][16];

	(void)state;
	set_up(&fixture);
	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "u%d", i);
		many[i] = (struct web_user){ names[i], fixture.hashes[1] };
	}
	fixture.config.users = many;
	fixture.config.n_users = 100;
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(check(&fixture, names[i], "battery", NOW + i * SECOND), AUTH_GOOD);
	/* The latest needs no hash, the first was forgotten. */
	assert_int_equal(check(&fixture, names[99], "battery", NOW + 200 * SECOND), AUTH_GOOD);
	assert_int_equal(auth_hashes(fixture.auth), 100);
	assert_int_equal(check(&fixture, names[0], "battery", NOW + 200 * SECOND), AUTH_GOOD);
	assert_int_equal(auth_hashes(fixture.auth), 101);
	auth_free(fixture.auth);
}

/* How many hashes of that length begin within a minute of constant asking. */
static int hashes_in_a_minute(uint64_t took_ns)
{
	struct auth_budget budget = { .due_ns = LONG_AGO };
	unsigned int retry_s;
	uint64_t now = NOW;
	int hashes = 0;

	while (now < NOW + 60 * SECOND) {
		if (auth_budget_allows(&budget, now, &retry_s)) {
			auth_budget_spend(&budget, now, took_ns);
			now += took_ns;
			hashes++;
		}
		now += SECOND / 1000;
	}
	return hashes;
}

static void test_budget(void **state)
{
	struct auth_budget budget = {};
	unsigned int retry_s = 0;

	(void)state;
	/* Four a second and the burst; a quarter of the time where one hash is long. */
	assert_in_range(hashes_in_a_minute(SECOND / 1000), 240, 244);
	assert_in_range(hashes_in_a_minute(SECOND / 5), 73, 77);
	assert_in_range(hashes_in_a_minute(SECOND), 14, 17);
	auth_budget_spend(&budget, NOW, 5 * SECOND);
	assert_false(auth_budget_allows(&budget, NOW, &retry_s));
	assert_int_equal(retry_s, 20);
	assert_true(auth_budget_allows(&budget, NOW + retry_s * SECOND, &retry_s));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_and_bad),
		cmocka_unit_test(test_unknown_costs_the_same),
		cmocka_unit_test(test_good_are_remembered_in_a_flood),
		cmocka_unit_test(test_changed_password),
		cmocka_unit_test(test_nobody_is_never_good),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
