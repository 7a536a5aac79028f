/* SPDX-License-Identifier: GPL-2.0-only */
/* The record as JSON: names, order, null where nothing is known, numbers without noise. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include <jansson.h>

#include "src/base/cleanup.h"
#include "src/output/json.h"
#include "tests/unit/fixtures.h"

/* Frees the record. */
static json_t *parse(struct record *record)
{
	_cleanup_free_ char *string = json_from_record(record, false);
	json_error_t error;
	json_t *json;

	fixture_free(record);
	assert_non_null(string);
	assert_null(strchr(string, '\n'));
	json = json_loads(string, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(json);
	return json;
}

/* Borrowed: "connections.details.0.peer". */
static json_t *at(json_t *json, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *rest = copy;
	char *key;

	while (json && (key = strsep(&rest, "."))) {
		if (json_is_array(json))
			json = json_array_get(json, strtoul(key, NULL, 10));
		else
			json = json_object_get(json, key);
	}
	if (!json)
		print_error("there is no %s\n", path);
	assert_non_null(json);
	return json;
}

static void assert_text(json_t *json, const char *path, const char *expected)
{
	assert_true(json_is_string(at(json, path)));
	assert_string_equal(json_string_value(at(json, path)), expected);
}

static void assert_keys(json_t *object, const char *expected)
{
	char keys[512] = "";
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		strcat(keys, keys[0] ? " " : "");
		strcat(keys, key);
	}
	assert_string_equal(keys, expected);
}

static const char expected_empty[] =
	"{\"schema\":\"shutwatch.shutdown/1\",\"id\":\"01KAPK2Z7JQ0X4T8M5C9W3R6HD\","
	"\"host\":{\"name\":\"web-1\",\"boot_id\":\"6f9c2a54-1b7e-4c0d-9a3f-2e8d5b7c1a60\","
	"\"kernel\":\"6.18.44\"},"
	"\"service\":{\"name\":\"orders.service\",\"kind\":\"unit\",\"cgroup\":null,\"unit\":null,"
	"\"container_id\":null,\"pod_uid\":null},"
	"\"trigger\":{\"kind\":\"exit\",\"signal\":null,\"at\":\"2026-11-22T19:30:13.123456789Z\","
	"\"sender\":null},"
	"\"outcome\":\"clean\",\"complete\":true,\"provisional\":false,"
	"\"timing\":{\"react_s\":null,\"first_action_s\":null,\"accepting_s\":null,"
	"\"in_flight_s\":null,\"drain_s\":null,\"cleanup_s\":null,\"total_s\":null,"
	"\"dark_s\":null,\"grace_s\":null},"
	"\"processes\":[],\"listeners\":[],"
	"\"connections\":{\"inbound\":{\"open_at_signal\":0,\"in_flight_at_signal\":0,\"late\":0,"
	"\"aborted\":0,\"undecided\":0,\"refused\":0,\"refused_handshakes\":0,\"late_closes\":0,"
	"\"last_arrival_s\":null,\"last_refused_s\":null,\"outcomes\":{}},"
	"\"outbound\":{\"open_at_signal\":0,\"late\":0,\"aborted\":0,\"outcomes\":{}},"
	"\"details\":[],\"details_omitted\":0},"
	"\"findings\":[],\"waits\":null,\"loss\":{\"events\":0,\"by_cause\":{}}}";

static void test_empty_record_byte_for_byte(void **state)
{
	struct record *record = fixture_empty();
	_cleanup_free_ char *string = json_from_record(record, false);

	(void)state;
	assert_string_equal(string, expected_empty);
	fixture_free(record);
}

static void test_indented_says_the_same(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *indented = json_from_record(record, true);
	json_t *a = json_loads(indented, 0, NULL);
	json_t *b = parse(record);

	(void)state;
	assert_non_null(strchr(indented, '\n'));
	assert_int_equal(indented[strlen(indented) - 1], '}');
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
}

static void test_names_and_order(void **state)
{
	json_t *json = parse(fixture_orders());

	(void)state;
	assert_keys(json, "schema id host service trigger outcome complete provisional timing "
			  "processes listeners connections findings waits loss");
	assert_keys(at(json, "trigger.sender"), "pid comm uid ancestry");
	assert_keys(at(json, "processes.0"),
		    "pid ns_pid ppid started_at comm exe args program signals exit");
	assert_keys(at(json, "processes.0.signals.0"),
		    "at_s signal sender result disposition delivered_at_s");
	assert_keys(at(json, "processes.0.signals.0.sender"), "pid comm uid");
	assert_keys(at(json, "processes.0.exit"), "at_s code signal core");
	assert_keys(at(json, "listeners.0"),
		    "family address port closed_at_s queued_at_signal reopened_at_s");
	assert_keys(at(json, "connections"), "inbound outbound details details_omitted");
	assert_keys(at(json, "connections.details.0"),
		    "direction pid local peer at_signal arrived_at_s closed_at_s closed_by wire "
		    "outcome unread_bytes unacked_bytes received_bytes sent_bytes");
	json_decref(json);
}

static void test_values(void **state)
{
	json_t *json = parse(fixture_orders());
	json_t *details = at(json, "connections.details");

	(void)state;
	assert_text(json, "outcome", "lossy");
	assert_text(json, "trigger.signal", "SIGTERM");
	assert_text(json, "trigger.sender.ancestry.2", "sshd");
	assert_text(json, "processes.0.started_at", "2026-11-22T18:30:13.123456789Z");
	assert_text(json, "processes.0.exit.signal", "SIGTERM");
	assert_true(json_is_null(at(json, "processes.0.exit.code")));
	assert_int_equal(json_integer_value(at(json, "processes.1.exit.code")), 0);
	assert_true(json_is_null(at(json, "processes.1.exit.signal")));
	assert_true(json_is_null(at(json, "processes.8.exe")));
	assert_text(json, "processes.8.signals.0.result", "ignored");
	assert_text(details, "0.local", "10.0.0.5:8000");
	assert_text(details, "0.at_signal", "in_flight");
	assert_text(details, "2.peer", "[2001:db8:85a3:1d2c:9d4e:8a2e:370:7334]:60222");
	assert_true(json_is_null(at(details, "1.pid")));
	assert_keys(at(json, "connections.inbound.outcomes"),
		    "completed idle peer_closed cut unaccepted late_reset");
	assert_int_equal(json_integer_value(at(json, "connections.inbound.refused")), 40);
	json_decref(json);
}

/* A kernel that does not tell them: nobody knows, which is not none. */
static void test_resets_unseen(void **state)
{
	struct record *record = fixture_orders();
	json_t *json;

	(void)state;
	record->are_resets_unseen = true;
	json = parse(record);
	assert_true(json_is_null(at(json, "connections.inbound.refused")));
	assert_true(json_is_null(at(json, "connections.inbound.refused_handshakes")));
	assert_true(json_is_null(at(json, "connections.inbound.late_closes")));
	assert_true(json_is_integer(at(json, "connections.inbound.aborted")));
	json_decref(json);
}

static void test_seconds(void **state)
{
	struct record *record = fixture_empty();
	_cleanup_free_ char *string = NULL;

	(void)state;
	record->timing.react_ns = 0;
	record->timing.first_action_ns = 1204 * FIXTURE_MS;
	record->timing.accepting_ns = 100000;
	record->timing.in_flight_ns = 123456789;
	record->timing.drain_ns = 3600123456789;
	record->timing.cleanup_ns = 300 * FIXTURE_MS; /* 0.3 is no double */
	record->timing.total_ns = 864000000000001;    /* ten days and a nanosecond */
	record->timing.dark_ns = -5 * FIXTURE_MS;
	record->timing.grace_ns = 90000 * FIXTURE_MS;
	string = json_from_record(record, false);
	assert_non_null(strstr(string, "\"react_s\":0.0,\"first_action_s\":1.204,"
				       "\"accepting_s\":0.0001,\"in_flight_s\":0.123456789,"
				       "\"drain_s\":3600.123456789,\"cleanup_s\":0.3,"
				       "\"total_s\":864000.000000001,\"dark_s\":-0.005,"
				       "\"grace_s\":90.0"));
	fixture_free(record);
}

static void test_times_of_day(void **state)
{
	struct record *record = fixture_empty();
	json_t *json;

	(void)state;
	record->trigger_wall_ns = 1709164799000000007; /* a leap day, UTC */
	fixture_process(record, 1, "a")->started_wall_ns = -1;
	fixture_process(record, 2, "b")->started_wall_ns = TIME_UNKNOWN;
	json = parse(record);
	assert_text(json, "trigger.at", "2024-02-28T23:59:59.000000007Z");
	assert_text(json, "processes.0.started_at", "1969-12-31T23:59:59.999999999Z");
	assert_true(json_is_null(at(json, "processes.1.started_at")));
	json_decref(json);
}

static void test_senders(void **state)
{
	struct record *record = fixture_empty();
	struct record_process *process = fixture_process(record, 812, "uvicorn");
	json_t *json;

	(void)state;
	record->has_trigger_sender = true;
	record->trigger_sender.is_kernel = true;
	record->trigger_sender.pid = 99; /* whom the interrupt hit: not the sender */
	record->trigger_sender.ancestors = 1;
	fixture_signal(process, SIGINT, 0)->sender.is_kernel = true;
	fixture_signal(process, SIGINT, 1)->sender.pid = 0;
	json = parse(record);
	assert_text(json, "trigger.sender.comm", "kernel");
	assert_int_equal(json_integer_value(at(json, "trigger.sender.pid")), 0);
	assert_int_equal(json_array_size(at(json, "trigger.sender.ancestry")), 0);
	assert_text(json, "processes.0.signals.0.sender.comm", "kernel");
	assert_true(json_is_null(at(json, "processes.0.signals.1.sender")));
	assert_true(json_is_null(at(json, "processes.0.exit")));
	json_decref(json);
}

static void test_signals(void **state)
{
	struct record *record = fixture_empty();
	struct record_process *process = fixture_process(record, 812, "uvicorn");
	struct record_signal *signal = fixture_signal(process, SIGKILL, 0);
	json_t *json;

	(void)state;
	signal->result = SIGNAL_ALREADY_PENDING;
	signal->disposition = DISPOSITION_BLOCKED;
	fixture_signal(process, 42, 1);
	process->has_exited = true;
	process->exit_signal = SIGSEGV;
	process->has_core = true;
	json = parse(record);
	assert_text(json, "processes.0.signals.0.signal", "SIGKILL");
	assert_text(json, "processes.0.signals.0.result", "pending");
	assert_text(json, "processes.0.signals.0.disposition", "blocked");
	assert_text(json, "processes.0.signals.1.signal", "SIG42");
	assert_true(json_is_null(at(json, "processes.0.signals.0.delivered_at_s")));
	assert_text(json, "processes.0.exit.signal", "SIGSEGV");
	assert_true(json_is_true(at(json, "processes.0.exit.core")));
	json_decref(json);
}

static void test_addresses(void **state)
{
	struct record *record = fixture_empty();
	json_t *json;

	(void)state;
	fixture_listener(record, AF_INET, "0.0.0.0", 8000);
	fixture_listener(record, AF_INET6, "::", 8001);
	fixture_listener(record, AF_UNIX, NULL, 0);
	fixture_connection(record, "127.0.0.1", 1, OUTCOME_IDLE)->family = AF_INET6;
	fixture_connection(record, "::1", 65535, OUTCOME_IDLE);
	json = parse(record);
	assert_text(json, "listeners.0.family", "inet");
	assert_text(json, "listeners.0.address", "0.0.0.0");
	assert_int_equal(json_integer_value(at(json, "listeners.0.port")), 8000);
	assert_text(json, "listeners.1.family", "inet6");
	assert_text(json, "listeners.1.address", "::");
	assert_text(json, "listeners.2.family", "unix");
	assert_true(json_is_null(at(json, "listeners.2.address")));
	assert_true(json_is_null(at(json, "listeners.2.port")));
	assert_true(json_is_null(at(json, "listeners.2.closed_at_s")));
	assert_text(json, "connections.details.0.peer", "127.0.0.1:1");
	assert_text(json, "connections.details.1.peer", "[::1]:65535");
	assert_true(json_is_null(at(json, "connections.details.0.at_signal")));
	assert_true(json_is_null(at(json, "connections.details.0.closed_by")));
	json_decref(json);
}

static void test_no_connections(void **state)
{
	struct record *record = fixture_empty();
	json_t *json;

	(void)state;
	record->has_connections = false;
	json = parse(record);
	assert_keys(json, "schema id host service trigger outcome complete provisional timing "
			  "processes listeners connections connections_reason findings waits loss");
	assert_true(json_is_null(at(json, "connections")));
	assert_true(json_string_length(at(json, "connections_reason")) > 0);
	json_decref(json);
}

static void test_losses(void **state)
{
	struct record *record = fixture_empty();
	json_t *json;

	(void)state;
	record->is_complete = false;
	record->lost_events = 5;
	record->losses[LOSS_EVENT_RING_FULL] = 3;
	record->losses[LOSS_UNBALANCED] = 2;
	json = parse(record);
	assert_true(json_is_false(at(json, "complete")));
	assert_int_equal(json_integer_value(at(json, "loss.events")), 5);
	assert_keys(at(json, "loss.by_cause"), "event_ring_full unbalanced");
	json_decref(json);
}

static void test_hostile_strings(void **state)
{
	struct record *record = fixture_empty();
	struct record_process *process = fixture_process(record, 1, "\xff\"\\\n\033[2J");
	json_t *json;

	(void)state;
	process->exe = strdup("/tmp/\xed\xa0\x80");
	strcpy(record->service.name, "\xc0\xaf\u202e");
	strcpy(record->host.name, "\xe2\x82");
	json = parse(record);
	assert_text(json, "processes.0.comm", "\ufffd\"\\\n\033[2J");
	assert_text(json, "processes.0.exe", "/tmp/\ufffd\ufffd\ufffd");
	assert_text(json, "service.name", "\ufffd\ufffd\u202e");
	assert_text(json, "host.name", "\ufffd\ufffd");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_record_byte_for_byte),
		cmocka_unit_test(test_indented_says_the_same),
		cmocka_unit_test(test_names_and_order),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_resets_unseen),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_times_of_day),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_connections),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_hostile_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
