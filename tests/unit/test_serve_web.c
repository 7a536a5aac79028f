/* SPDX-License-Identifier: GPL-2.0-only */
/* The web configuration: what is taken, what is refused and where, and what a change does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/serve/server.h"
#include "src/serve/web.h"

#define HASH "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
#define TLS "tls_server_config:\n  cert_file: c.pem\n  key_file: /k.pem\n"

struct files {
	char folder[64];
	char config[96];
};

static int set_up(void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	assert_non_null(files);
	strcpy(files->folder, "/tmp/shutwatch-web-XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	snprintf(files->config, sizeof(files->config), "%s/web.yml", files->folder);
	*state = files;
	return 0;
}

static int tear_down(void **state)
{
	struct files *files = *state;

	unlink(files->config);
	rmdir(files->folder);
	free(files);
	return 0;
}

static void write_config(const struct files *files, const char *text)
{
	FILE *file = fopen(files->config, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* What the log said while the file was read; the caller frees. Returns its verdict in ret_err. */
static char *complaints(const struct files *files, const char *text, int *ret_err)
{
	struct web_config config = {};
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);
	char *said = calloc(1, 4096);

	assert_non_null(log);
	assert_non_null(said);
	write_config(files, text);
	dup2(fileno(log), STDERR_FILENO);
	*ret_err = web_config_load(files->config, &config);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	web_config_fini(&config);
	rewind(log);
	assert_true(fread(said, 1, 4095, log) < 4095);
	fclose(log);
	return said;
}

static void test_whole(void **state)
{
	struct files *files = *state;
	struct web_config config;
	char cert[128];

	write_config(files, TLS "  client_ca_file: ca.pem\n"
				"  client_auth_type: RequireAndVerifyClientCert\n"
				"  min_version: TLS13\n"
				"  max_version: TLS13\n"
				"  prefer_server_cipher_suites: false\n"
				"  curve_preferences: [X25519, CurveP256]\n"
				"  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"
				"http_server_config:\n"
				"  http2: false\n"
				"  headers:\n"
				"    x-frame-options: deny\n"
				"basic_auth_users:\n"
				"  alice: " HASH "\n"
				"  'bob smith': '" HASH "'\n");
	assert_int_equal(web_config_load(files->config, &config), 0);
	snprintf(cert, sizeof(cert), "%s/c.pem", files->folder);
	assert_string_equal(config.cert_file, cert);
	assert_string_equal(config.key_file, "/k.pem");
	assert_int_equal(config.client_auth, CLIENT_AUTH_VERIFY);
	assert_int_equal(config.min_version, 13);
	assert_int_equal(config.max_version, 13);
	assert_true(config.client_decides);
	assert_string_equal(config.groups, ":+GROUP-X25519:+GROUP-SECP256R1");
	assert_string_equal(config.suites, ":+AES-128-GCM:+AEAD");
	assert_int_equal(config.n_headers, 1);
	assert_string_equal(config.headers[0].name, "X-Frame-Options");
	assert_string_equal(config.headers[0].value, "deny");
	assert_int_equal(config.n_users, 2);
	assert_string_equal(config.users[1].name, "bob smith");
	assert_string_equal(config.users[1].hash, HASH);
	web_config_fini(&config);
}

static void test_nothing_given(void **state)
{
	static const char *const texts[] = { "",
					     "# nothing\n",
					     "---\n",
					     "tls_server_config:\n",
					     "tls_server_config: {}\nbasic_auth_users: {}\n",
					     "http_server_config: ~\n" };
	struct files *files = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct web_config config;

		write_config(files, texts[i]);
		assert_int_equal(web_config_load(files->config, &config), 0);
		assert_null(config.cert_file);
		assert_int_equal(config.n_users, 0);
		assert_int_equal(config.min_version, 12);
		web_config_fini(&config);
	}
}

static const struct {
	const char *text;
	const char *says; /* behind the name of the file */
} faults[] = {
	{ "\nbasic_auth:\n  a: b\n", ":3: basic_auth: unknown key" },
	{ "rate_limit: {}\n", ":1: rate_limit: not supported" },
	{ TLS "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n",
	  ":4: cipher_suites: no cipher suite" },
	{ TLS "  cipher_suites: TLS_AES_128_GCM_SHA256\n", ":4: cipher_suites: must be a list" },
	{ TLS "  client_allowed_sans: [a]\n", ":4: client_allowed_sans: not supported" },
	{ TLS "  cert: x\n", ":4: cert: not supported: use cert_file" },
	{ TLS "  min_version: SSL30\n", ":4: min_version: must be TLS10" },
	{ TLS "  min_version: TLS14\n", ":4: min_version: must be TLS10" },
	{ TLS "  min_version: TLS13\n  max_version: TLS12\n", "min_version is above" },
	{ TLS "  client_auth_type: Maybe\n", ":4: client_auth_type: must be NoClient" },
	{ TLS "  client_auth_type: RequireAndVerifyClientCert\n", "needs a client_ca_file" },
	{ TLS "  client_ca_file: ca.pem\n", "client_ca_file is of no use" },
	{ TLS "  curve_preferences: [P1]\n", ":4: curve_preferences: must be CurveP256" },
	{ TLS "  curve_preferences: X25519\n", ":4: curve_preferences: must be a list" },
	{ TLS "  prefer_server_cipher_suites: yes\n", ":4: prefer_server_cipher_suites: " },
	{ TLS "  key_file: again\n", ":4: key_file: given twice" },
	{ TLS "  nested: {a: b}\n", ":4: nested: unknown key" },
	{ "tls_server_config:\n  cert_file: c\n", "needs cert_file and key_file" },
	{ "tls_server_config:\n  cert_file: [c]\n", ":2: cert_file: must be a text" },
	{ "tls_server_config:\n  cert_file:\n", "cert_file: must be a text" },
	{ "tls_server_config: 1\n", ":1: tls_server_config: must be a mapping" },
	{ "http_server_config:\n  http2: true\n", ":2: http2: must be false: HTTP/1.1" },
	{ "http_server_config:\n  headers:\n    Set-Cookie: a\n", ":3: Set-Cookie: this" },
	{ "http_server_config:\n  headers:\n    X-Frame-Options: \"a\\r\\nB: c\"\n",
	  ":3: X-Frame-Options: must be printable" },
	{ "http_server_config:\n  headers:\n    X-Frame-Options: a\n"
	  "    x-frame-options: b\n",
	  ":4: x-frame-options: given twice" },
	{ "basic_auth_users:\n  a: secret\n", ":2: a: must be a bcrypt hash" },
	{ "basic_auth_users:\n  a: " HASH "x\n", ":2: a: must be a bcrypt hash" },
	{ "basic_auth_users:\n  'a:b': " HASH "\n", ":2: a:b: a user's name cannot" },
	{ "basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n", ":3: a: given twice" },
	{ "basic_auth_users: [a]\n", ":1: basic_auth_users: must be a mapping" },
	{ "basic_auth_users:\n  [a]: b\n", ":2: basic_auth_users: a key that is no" },
	{ "- a\n", ":1: the file: must be a mapping" },
	{ "word\n", ":1: the file: must be a mapping" },
	{ "a: b: c\n", ":1: mapping values are not allowed" },
	{ "\n\na: [b\n", ":4: " },
	{ "basic_auth_users: &x\n  a: *x\n", ":1: a: must be a text" },
	{ "--- {}\n--- {}\n", ": more than one document" },
	{ "\x01\n", "control characters are not allowed" },
};

static void test_refused(void **state)
{
	struct files *files = *state;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_free_ char *said = NULL;
		int err;

		said = complaints(files, faults[i].text, &err);
		if (err != -EINVAL || !strstr(said, files->config) || !strstr(said, faults[i].says))
			fail_msg("%s%d, %s", faults[i].text, err, said);
		/* Neither a hash nor what may be a password is told. */
		assert_null(strstr(said, "secret"));
		assert_null(strstr(said, HASH));
	}
}

static void test_costs(void **state)
{
	static const struct {
		const char *cost;
		const char *says; /* NULL: fine */
	} cases[] = {
		{ "03", "below 4" },  { "04", NULL },	    { "12", NULL },
		{ "13", "above 12" }, { "31", "above 12" }, { "xx", "must be a bcrypt hash" }
	};
	struct files *files = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *said = NULL;
		char text[160];
		int err;

		snprintf(text, sizeof(text), "basic_auth_users:\n  a: $2b$%s%s\n", cases[i].cost,
			 HASH + 6);
		said = complaints(files, text, &err);
		assert_int_equal(err, cases[i].says ? -EINVAL : 0);
		assert_non_null(strstr(said, cases[i].says ? cases[i].says : ""));
	}
}

static void test_large_and_missing(void **state)
{
	struct files *files = *state;
	size_t size = 300 * 1024;
	_cleanup_free_ char *text = malloc(size + 1);
	_cleanup_free_ char *said = NULL;
	struct web_config config;
	int err;

	memset(text, '#', size);
	text[size] = '\0';
	said = complaints(files, text, &err);
	assert_int_equal(err, -EINVAL);
	assert_non_null(strstr(said, "more than"));
	unlink(files->config);
	assert_int_equal(web_config_load(files->config, &config), -ENOENT);
	assert_int_equal(server_check_web_config(files->config), -EINVAL);
	assert_int_equal(mkfifo(files->config, 0600), 0);
	assert_int_equal(web_config_load(files->config, &config), -EINVAL);
	assert_int_equal(web_config_load(files->folder, &config), -EINVAL);
}

static void test_reload(void **state)
{
	struct files *files = *state;
	struct web *web;

	write_config(files, "basic_auth_users: {a: " HASH "}\n");
	assert_int_equal(server_check_web_config(files->config), 0);
	assert_int_equal(web_new(files->config, &web), 0);
	web_refresh(web);
	assert_int_equal(web_current(web)->n_users, 1);
	write_config(files, "basic_auth_users: {a: " HASH ", b: " HASH "}\n");
	web_refresh(web);
	assert_int_equal(web_current(web)->n_users, 2);
	/* Bad versions: the old one stays in force, nobody gets in without a password. */
	write_config(files, "basic_auth_users: {a: x}\n");
	web_refresh(web);
	assert_int_equal(web_current(web)->n_users, 2);
	unlink(files->config);
	web_refresh(web);
	assert_int_equal(web_current(web)->n_users, 2);
	write_config(files, TLS);
	web_refresh(web);
	assert_int_equal(web_current(web)->n_users, 2);
	assert_null(web_tls(web));
	write_config(files, "basic_auth_users: {}\n");
	web_refresh(web);
	assert_int_equal(web_current(web)->n_users, 0);
	web_free(web);
}

static void test_without_file(void **state)
{
	struct web *web;

	(void)state;
	assert_int_equal(web_new(NULL, &web), 0);
	web_refresh(web);
	assert_int_equal(web_current(web)->n_users, 0);
	assert_null(web_tls(web));
	web_free(web);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_whole),
		IN_FOLDER(test_nothing_given),
		IN_FOLDER(test_refused),
		IN_FOLDER(test_costs),
		IN_FOLDER(test_reload),
		IN_FOLDER(test_large_and_missing),
		cmocka_unit_test(test_without_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
