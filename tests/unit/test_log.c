/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines on stderr: their formats, hostile values, readers that hang, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

#define SERVICE_HOSTILE "\033[2J\n\"=\\ \xff\u202e"

/* stderr while a test runs. */
struct caught {
	int kept;
	int reader;
};

static struct caught catch_stderr(bool is_socket)
{
	struct caught caught;
	int ends[2];

	if (is_socket)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	else
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	caught.kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	caught.reader = ends[0];
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	return caught;
}

/* What was written, as a string; the caller frees. */
static char *release(struct caught *caught)
{
	size_t size = 0, capacity = 1 << 20;
	char *bytes = malloc(capacity);
	ssize_t got;

	log_set_format(LOG_PLAIN); /* closes its own way to the pipe */
	dup2(caught->kept, STDERR_FILENO);
	close(caught->kept);
	while ((got = read(caught->reader, bytes + size, capacity - size - 1)) > 0)
		size += (size_t)got;
	close(caught->reader);
	bytes[size] = '\0';
	return bytes;
}

static char *line_of(enum log_format format, const char *message, const struct log_field *fields)
{
	struct caught caught = catch_stderr(false);

	log_set_format(format);
	log_event(message, fields);
	return release(&caught);
}

static const char *string_in(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_plain(void **state)
{
	struct caught caught = catch_stderr(false);
	_cleanup_free_ char *lines = NULL;

	(void)state;
	log_error("cannot read %s: %s", "a\nb", "why");
	log_info("going on");
	log_event("shutdown", (struct log_field[]){ { "service", "x y", false }, {} });
	lines = release(&caught);
	assert_string_equal(lines, "shutwatch: cannot read a\\x0ab: why\n"
				   "shutwatch: going on\n"
				   "shutwatch: shutdown service=\"x y\"\n");
}

static void assert_recent(const char *ts)
{
	time_t now = time(NULL);
	struct tm utc = {};
	const char *rest = strptime(ts, "%Y-%m-%dT%H:%M:%S", &utc);

	assert_non_null(rest);
	assert_int_equal(strlen(rest), strlen(".123Z"));
	assert_int_equal(rest[0], '.');
	assert_int_equal(strspn(rest + 1, "0123456789"), 3);
	assert_string_equal(rest + 4, "Z");
	assert_in_range(now - timegm(&utc), 0, 5);
}

static void test_logfmt(void **state)
{
	const struct log_field fields[] = {
		{ "id", "01J", false },		 { "service", "a b.service", false },
		{ "empty", "", false },		 { "drain_s", "1.5", true },
		{ "missing", NULL, false },	 { "hostile", SERVICE_HOSTILE, false },
		{ "utf8", "caff\u00e8", false }, {},
	};
	_cleanup_free_ char *line = line_of(LOG_LOGFMT, "shutdown", fields);
	char ts[25] = "";

	(void)state;
	assert_true(strncmp(line, "ts=", 3) == 0);
	memcpy(ts, line + 3, sizeof(ts) - 1);
	assert_recent(ts);
	assert_string_equal(line + 3 + strlen(ts),
			    " level=info msg=shutdown id=01J service=\"a b.service\" empty=\"\" "
			    "drain_s=1.5 hostile=\"\\u001B[2J\\n\\\"=\\\\ \\uFFFD\\u202E\" "
			    "utf8=\"caff\\u00E8\"\n");
}

static void test_json(void **state)
{
	const struct log_field fields[] = {
		{ "service", SERVICE_HOSTILE, false },
		{ "drain_s", "1.5", true },
		{ "odd", "nan", true },
		{ "tricky", "1,\"x\":2", true },
		{ "missing", NULL, false },
		{},
	};
	_cleanup_free_ char *line = line_of(LOG_JSON, "shut\tdown", fields);
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	(void)state;
	assert_non_null(object);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_recent(string_in(object, "ts"));
	assert_string_equal(string_in(object, "level"), "info");
	assert_string_equal(string_in(object, "msg"), "shut\tdown");
	assert_string_equal(string_in(object, "service"), "\033[2J\n\"=\\ \ufffd\u202e");
	assert_true(json_real_value(json_object_get(object, "drain_s")) == 1.5);
	assert_string_equal(string_in(object, "odd"), "nan");
	assert_string_equal(string_in(object, "tricky"), "1,\"x\":2");
	assert_true(json_is_null(json_object_get(object, "missing")));
	assert_int_equal(json_object_size(object), 8);
	json_decref(object);
}

static void test_levels(void **state)
{
	struct caught caught = catch_stderr(false);
	_cleanup_free_ char *lines = NULL;

	(void)state;
	log_set_format(LOG_LOGFMT);
	errno = ENOTTY;
	log_error("bad %d", 1);
	log_info("good");
	assert_int_equal(errno, ENOTTY);
	lines = release(&caught);
	assert_non_null(strstr(lines, " level=error msg=\"bad 1\"\n"));
	assert_non_null(strstr(lines, " level=info msg=good\n"));
}

/* The worst of all: every byte becomes six, in every field. */
static void test_long(void **state)
{
	char huge[100000];
	struct log_field fields[12] = {};
	_cleanup_free_ char *line = NULL;
	json_t *object;

	(void)state;
	memset(huge, 1, sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fields) - 1; i++)
		fields[i] = (struct log_field){ (const char *[]){ "a", "b", "c", "d", "e", "f", "g",
								  "h", "i", "j", "k" }[i],
						huge, i % 2 };
	line = line_of(LOG_JSON, huge, fields);
	assert_in_range(strlen(line), 3000, PIPE_BUF);
	object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	assert_in_range(strlen(string_in(object, "msg")), 100, 2048);
	assert_int_equal(string_in(object, "a")[strlen(string_in(object, "a")) - 1], '~');
	json_decref(object);
}

/* Nobody reads: the calls return, what did not fit is counted, what did is whole. */
static void hang(bool is_socket, enum log_format format)
{
	struct caught caught = catch_stderr(is_socket);
	uint64_t before = log_dropped();
	_cleanup_free_ char *lines = NULL;
	size_t written = 0;

	alarm(20);
	log_set_format(format);
	for (size_t i = 0; i < 20000; i++)
		log_info("line %zu of those that a reader who hangs does not take", i);
	alarm(0);
	lines = release(&caught);
	for (const char *c = lines; *c; c++)
		written += *c == '\n';
	assert_true(written > 10 && written < 20000);
	assert_int_equal(written + log_dropped() - before, 20000);
	assert_int_equal(lines[strlen(lines) - 1], '\n');
}

static void test_full_pipe(void **state)
{
	(void)state;
	hang(false, LOG_JSON);
	hang(false, LOG_LOGFMT);
}

static void test_full_socket(void **state)
{
	(void)state;
	hang(true, LOG_JSON);
}

/* Whoever else holds the pipe must not find it changed. */
static void test_shared_pipe_still_blocks(void **state)
{
	struct caught caught = catch_stderr(false);
	int flags;

	(void)state;
	log_set_format(LOG_JSON);
	flags = fcntl(STDERR_FILENO, F_GETFL);
	free(release(&caught));
	assert_false(flags & O_NONBLOCK);
}

static void test_closed_reader(void **state)
{
	struct caught caught = catch_stderr(true);
	uint64_t before = log_dropped();

	(void)state;
	log_set_format(LOG_JSON);
	shutdown(caught.reader, SHUT_RDWR);
	log_info("nobody hears this");
	free(release(&caught));
	assert_int_equal(log_dropped() - before, 1);
}

static void *talk(void *context)
{
	for (int i = 0; i < 500; i++)
		log_event("talk", context);
	return NULL;
}

static void *drain(void *context)
{
	const struct caught *caught = context;
	char *bytes = calloc(1, 1 << 20);
	size_t size = 0;

	while (!strstr(bytes, "the end") && size < (1 << 20) - 1) {
		ssize_t got = read(caught->reader, bytes + size, (1 << 20) - 1 - size);

		if (got <= 0)
			break;
		size += (size_t)got;
	}
	return bytes;
}

static void test_threads(void **state)
{
	struct log_field fields[] = { { "text", "some words", false }, {} };
	struct caught caught = catch_stderr(false);
	_cleanup_free_ char *lines = NULL;
	uint64_t before = log_dropped();
	pthread_t reader, talkers[4];
	size_t written = 0;
	char *line, *rest;

	(void)state;
	log_set_format(LOG_JSON);
	pthread_create(&reader, NULL, drain, &caught);
	for (size_t i = 0; i < ARRAY_SIZE(talkers); i++)
		pthread_create(&talkers[i], NULL, talk, fields);
	for (size_t i = 0; i < ARRAY_SIZE(talkers); i++)
		pthread_join(talkers[i], NULL);
	log_set_format(LOG_PLAIN); /* which waits for the reader */
	log_info("the end");
	pthread_join(reader, (void **)&lines);
	free(release(&caught));
	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *object = json_loads(line, 0, NULL);

		written += object != NULL;
		assert_true(object || !strcmp(line, "shutwatch: the end"));
		json_decref(object);
	}
	assert_int_equal(written + log_dropped() - before, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_logfmt),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_full_pipe),
		cmocka_unit_test(test_full_socket),
		cmocka_unit_test(test_shared_pipe_still_blocks),
		cmocka_unit_test(test_closed_reader),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
