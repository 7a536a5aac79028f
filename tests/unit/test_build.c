/* SPDX-License-Identifier: GPL-2.0-only */
/* From a shutdown to its record: identity, what is copied and how, what counts as lost. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "src/analysis/build.h"
#include "src/analysis/findings.h"
#include "tests/unit/story.h"

#define WALL_OFFSET_NS 1795375813123456789LL /* in November 2026 */

static const struct host here = { .name = "web-1", .boot_id = "6f9c2a54", .kernel = "6.18.44" };

static struct shutdown *stopped_at(uint64_t armed_ns, uint32_t pid)
{
	struct shutdown *s = shutdown_new(1, 1, armed_ns, 1000);
	union event service = story_event(EVENT_SERVICE, 0);
	union event stop = story_signal(0, pid, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED);

	assert_non_null(s);
	stop.header.at_ns = armed_ns;
	service.service.kind = SERVICE_UNIT;
	service.service.wall_offset_ns = WALL_OFFSET_NS;
	strcpy(service.service.name, "orders.service");
	story_tell(s, service);
	story_tell(s, stop);
	return s;
}

static struct shutdown *stopped(void)
{
	return stopped_at(STORY_T0, 10);
}

/* Both are the caller's; the shutdown is sorted as its end does it. */
static struct record build(struct shutdown *s, const struct host *host)
{
	struct record record;

	story_tell(s, story_ended(2000, ENDED_SETTLED));
	assert_int_equal(record_build(s, host, &record), 0);
	return record;
}

/* --- identity ------------------------------------------------------------------------------- */

static void id_of(struct shutdown *s, const struct host *host, char ret_id[RECORD_ID_BYTES])
{
	struct record record = build(s, host);

	memcpy(ret_id, record.id, RECORD_ID_BYTES);
	record_fini(&record);
	shutdown_free(s);
}

static void test_id(void **state)
{
	struct host elsewhere = here;
	char id[RECORD_ID_BYTES], other[RECORD_ID_BYTES];

	(void)state;
	strcpy(elsewhere.boot_id, "6f9c2a55");
	id_of(stopped(), &here, id);
	assert_int_equal(strlen(id), 26);
	assert_int_equal(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
	id_of(stopped(), &here, other);
	assert_string_equal(id, other);
	id_of(stopped(), &elsewhere, other);
	assert_string_not_equal(id, other);
	assert_memory_equal(id, other, 10); /* the time is the same */
	id_of(stopped_at(STORY_T0, 11), &here, other);
	assert_string_not_equal(id, other);
	assert_memory_equal(id, other, 10);
	id_of(stopped_at(STORY_T0 + 1, 10), &here, other);
	assert_string_not_equal(id, other);
}

static void test_id_sorts_by_time(void **state)
{
	char before[RECORD_ID_BYTES] = "", id[RECORD_ID_BYTES];
	uint64_t apart_ns = STORY_MS;

	(void)state;
	for (uint64_t at = STORY_T0; apart_ns < 1ULL << 60; at += apart_ns, apart_ns *= 3) {
		id_of(stopped_at(at, 10), &here, id);
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof(id));
	}
}

/* --- signals and ends ----------------------------------------------------------------------- */

static void test_disposition(void **state)
{
	struct shutdown *s = stopped();
	union event event = story_signal(1, 11, SIGTERM, 10, SIGNAL_FROM_MEMBER);
	struct record record;

	(void)state;
	event.signal.disposition = DISPOSITION_BLOCKED;
	story_tell(s, event);
	event.signal.target = story_id(12);
	story_tell(s, event);
	story_tell(s, story_delivered(2, 11, SIGTERM));
	event = story_signal(3, 12, SIGTERM, 12, SIGNAL_FROM_MEMBER);
	event.signal.disposition = DISPOSITION_DEFAULT;
	story_tell(s, event);
	record = build(s, &here);
	assert_int_equal(record.processes[1].signals[0].disposition, DISPOSITION_HANDLER);
	assert_int_equal(record.processes[1].signals[0].delivered_at_ns, 2 * STORY_MS);
	assert_true(record.processes[1].signals[0].from_member);
	assert_false(record.processes[1].signals[0].from_self);
	assert_int_equal(record.processes[2].signals[0].disposition, DISPOSITION_BLOCKED);
	assert_true(record.processes[2].signals[0].delivered_at_ns == TIME_UNKNOWN);
	assert_int_equal(record.processes[2].signals[1].disposition, DISPOSITION_DEFAULT);
	assert_true(record.processes[2].signals[1].from_self);
	assert_false(record.processes[0].signals[0].from_member);
	record_fini(&record);
	shutdown_free(s);
}

static void test_trigger(void **state)
{
	struct shutdown *s = stopped();
	union event fault = story_signal(5, 10, SIGSEGV, 10, SIGNAL_FROM_KERNEL);
	struct record record;

	(void)state;
	story_tell(s, fault);
	record = build(s, &here);
	assert_true(record.observed_ns == 2000 * STORY_MS);
	assert_int_equal(record.trigger, TRIGGER_SIGNAL);
	assert_int_equal(record.trigger_signal, SIGTERM);
	assert_true(record.trigger_wall_ns == WALL_OFFSET_NS + (int64_t)STORY_T0);
	assert_true(record.has_trigger_sender);
	assert_int_equal(record.trigger_sender.pid, STORY_SYSTEMD);
	assert_string_equal(record.trigger_sender.comm, "systemd");
	assert_int_equal(record.trigger_sender.ancestors, 1);
	assert_true(record.processes[0].signals[1].sender.is_kernel);
	assert_int_equal(record.processes[0].signals[1].sender.pid, 0);
	assert_string_equal(record.processes[0].signals[1].sender.comm, "kernel");
	record_fini(&record);
	shutdown_free(s);
}

/* By start, then pid, in whatever order they were told; statuses taken apart. */
static void test_processes(void **state)
{
	struct shutdown *s = stopped();
	union event zombie = story_process(9, 10);
	struct record record;

	(void)state;
	zombie.process.flags = PROCESS_ENDED;
	story_tell(s, story_exit(30, 13, STORY_DEATH(SIGSEGV) | 0x80));
	story_tell(s, story_exit(20, 12, STORY_CODE(7)));
	story_tell(s, story_process(11, 10));
	story_tell(s, zombie);
	record = build(s, &here);
	assert_int_equal(record.n_processes, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(record.processes[i].pid, 9 + i);
	assert_true(record.processes[0].has_exited);
	assert_true(record.processes[0].exited_at_ns == TIME_UNKNOWN);
	assert_false(record.processes[2].has_exited);
	assert_int_equal(record.processes[2].ppid, 10);
	assert_int_equal(record.processes[3].exit_code, 7);
	assert_int_equal(record.processes[3].exit_signal, 0);
	assert_int_equal(record.processes[3].exited_at_ns, 20 * STORY_MS);
	assert_int_equal(record.processes[4].exit_code, -1);
	assert_int_equal(record.processes[4].exit_signal, SIGSEGV);
	assert_true(record.processes[4].has_core);
	record_fini(&record);
	shutdown_free(s);
}

/* Strangers' strings that fill their arrays have no NUL. */
static void test_strings(void **state)
{
	struct shutdown *s = stopped();
	union event service = story_event(EVENT_SERVICE, 0);
	union event process = story_process(10, 1);
	struct record record;

	(void)state;
	memset(service.service.name, 'n', sizeof(service.service.name));
	memset(service.service.unit, 'u', sizeof(service.service.unit));
	memset(service.service.cgroup, 'c', sizeof(service.service.cgroup));
	memset(process.process.comm, 'p', sizeof(process.process.comm));
	story_tell(s, service);
	story_tell(s, process);
	record = build(s, &here);
	assert_int_equal(strlen(record.service.name), NAME_BYTES);
	assert_int_equal(strlen(record.service.unit), NAME_BYTES);
	assert_int_equal(strlen(record.service.cgroup), PATH_BYTES);
	assert_string_equal(record.service.container_id, "");
	assert_string_equal(record.processes[0].comm, "pppppppppppppppp");
	record_fini(&record);
	shutdown_free(s);
}

/* --- connections ---------------------------------------------------------------------------- */

static void test_has_connections(void **state)
{
	struct shutdown *s = stopped();
	union event listener = story_listener(0, LISTENER_LISTED, 0);
	struct record record = build(s, &here);

	(void)state;
	assert_true(record.has_connections); /* a worker without a listener */
	record_fini(&record);
	listener.listener.family = AF_UNIX;
	story_tell(s, listener);
	record = build(s, &here);
	assert_false(record.has_connections);
	record_fini(&record);
	story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
	record = build(s, &here);
	assert_true(record.has_connections);
	assert_true(record.listeners[1].closed_at_ns == TIME_UNKNOWN);
	assert_int_equal(record.listeners[1].port, 8000);
	record_fini(&record);
	shutdown_free(s);
}

static void test_details(void **state)
{
	struct shutdown *s = stopped();
	union event arrived = story_connection(40, 3, OUTCOME_CUT);
	struct record record;

	(void)state;
	arrived.connection.arrived_ns = story_ns(30);
	s->counts.open[DIRECTION_INBOUND] = 9;
	s->counts.late[DIRECTION_OUTBOUND] = 1;
	s->counts.outcomes[DIRECTION_INBOUND][OUTCOME_IDLE] = 7;
	s->counts.outcomes[DIRECTION_INBOUND][OUTCOME_CUT] = 2;
	s->counts.outcomes[DIRECTION_OUTBOUND][OUTCOME_UNDECIDED] = 1;
	story_tell(s, story_connection(20, 1, OUTCOME_IDLE));
	story_tell(s, story_connection(10, 2, OUTCOME_OPEN));
	story_tell(s, arrived);
	record = build(s, &here);
	assert_int_equal(record.n_details, 3);
	assert_int_equal(record.details_omitted, 7);
	assert_int_equal(record.details[0].outcome, OUTCOME_CUT);
	assert_int_equal(record.details[0].arrived_at_ns, 30 * STORY_MS);
	assert_int_equal(record.details[0].closed_at_ns, 40 * STORY_MS);
	assert_true(record.details[1].closed_at_ns == TIME_UNKNOWN); /* open */
	assert_true(record.details[2].arrived_at_ns == TIME_UNKNOWN);
	assert_int_equal(record.directions[DIRECTION_INBOUND].aborted, 2);
	assert_int_equal(record.directions[DIRECTION_OUTBOUND].aborted, 0);
	assert_int_equal(record.directions[DIRECTION_OUTBOUND].undecided, 1);
	assert_true(record.is_complete);
	record_fini(&record);
	shutdown_free(s);
}

/* So many with data unread, and an idle one. */
static struct record reset_so_many(uint32_t resets, size_t details_limit)
{
	struct shutdown *s = stopped();
	struct record record;

	s->details_limit = details_limit;
	s->counts.open[DIRECTION_INBOUND] = resets + 1;
	s->counts.outcomes[DIRECTION_INBOUND][OUTCOME_RESET] = resets;
	s->counts.outcomes[DIRECTION_INBOUND][OUTCOME_IDLE] = 1;
	for (uint64_t i = 0; i <= resets; i++) {
		union event event =
			story_connection((int64_t)i, i + 1, i ? OUTCOME_RESET : OUTCOME_IDLE);

		event.connection.unread_bytes = i ? 10 : 0;
		story_tell(s, event);
	}
	record = build(s, &here);
	shutdown_free(s);
	return record;
}

/* How many are told one by one changes neither what is found nor what it says. */
static void test_details_and_findings(void **state)
{
	(void)state;
	for (size_t limit = 0; limit < 5; limit++) {
		struct record record = reset_so_many(2, limit);
		const struct finding *finding = &record.findings[0];

		assert_int_equal(record.n_details, limit < 3 ? limit : 3);
		assert_int_equal(record.details_omitted, 3 - record.n_details);
		for (size_t i = 0; i < record.n_details; i++)
			assert_int_equal(record.details[i].outcome,
					 i < 2 ? OUTCOME_RESET : OUTCOME_IDLE);
		assert_true(record.n_findings > 0);
		assert_string_equal(finding->row->id, "aborted_unread_data");
		assert_string_equal(finding->summary,
				    "2 connections were reset: the service closed them with data "
				    "of the client unread");
		record_fini(&record);
	}
}

/* Of more than are kept nobody knows the rest: the number is no whole one, and says so. */
static void test_more_than_are_kept(void **state)
{
	struct record record = reset_so_many(3 * DETAILS_DEFAULT, 0);

	(void)state;
	assert_int_equal(record.n_details, 0);
	assert_int_equal(record.details_omitted, 3 * DETAILS_DEFAULT + 1);
	assert_true(record.is_complete);
	assert_string_equal(record.findings[0].summary,
			    "at least 1000 connections were reset: the service closed them with "
			    "data of the client unread");
	record_fini(&record);
}

/* --- loss ----------------------------------------------------------------------------------- */

static void test_each_loss(void **state)
{
	(void)state;
	for (uint32_t cause = 0; cause < LOSS_CAUSES; cause++) {
		struct shutdown *s = stopped();
		union event event = story_event(EVENT_LOSS, 100);
		struct record record;

		event.loss.cause = cause;
		event.loss.events = 3;
		story_tell(s, event);
		record = build(s, &here);
		assert_int_equal(record.is_complete, cause == LOSS_NESTED_PACKET);
		assert_int_equal(record.lost_events, cause == LOSS_NESTED_PACKET ? 0 : 3);
		assert_int_equal(record.losses[cause], 3);
		record_fini(&record);
		shutdown_free(s);
	}
}

/* Each direction for itself: too many here and too few there do not make up for each other. */
static void test_unbalanced(void **state)
{
	static const struct {
		uint32_t open[DIRECTIONS];
		uint32_t late[DIRECTIONS];
		uint32_t left[DIRECTIONS];
		uint64_t unbalanced;
	} rows[] = {
		{ { 3, 2 }, { 1, 0 }, { 4, 2 }, 0 }, { { 3, 2 }, { 1, 0 }, { 3, 2 }, 1 },
		{ { 3, 2 }, { 0, 0 }, { 4, 2 }, 1 }, { { 3, 2 }, { 0, 0 }, { 4, 1 }, 2 },
		{ { 0, 0 }, { 0, 9 }, { 0, 0 }, 9 }, { { 0, 0 }, { 0, 0 }, { 5, 0 }, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shutdown *s = stopped();
		struct record record;

		for (int direction = 0; direction < DIRECTIONS; direction++) {
			s->counts.open[direction] = rows[i].open[direction];
			s->counts.late[direction] = rows[i].late[direction];
			s->counts.outcomes[direction][OUTCOME_IDLE] = rows[i].left[direction];
		}
		record = build(s, &here);
		assert_int_equal(record.losses[LOSS_UNBALANCED], rows[i].unbalanced);
		assert_int_equal(record.is_complete, rows[i].unbalanced == 0);
		record_fini(&record);
		shutdown_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_id_sorts_by_time),
		cmocka_unit_test(test_disposition),
		cmocka_unit_test(test_trigger),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_details_and_findings),
		cmocka_unit_test(test_more_than_are_kept),
		cmocka_unit_test(test_has_connections),
		cmocka_unit_test(test_each_loss),
		cmocka_unit_test(test_unbalanced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
