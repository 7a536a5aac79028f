// SPDX-License-Identifier: GPL-2.0-only
/* shutwatch-client: the loop. Owns the epoll set, the flow of new connections and the end. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "tools/client/connection.h"
#include "tools/client/stop.h"

#define EVENTS_MAX 256
#define ARRIVALS_MAX 256 /* at once, before events are looked at again */
#define OUTPUT_BUFFER (1 << 20)
#define SPARE_FILES 16

enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE };

struct run {
	struct load load;
	uint64_t to_open[STATE_FLOW];
	uint64_t give_up_ns; /* if not ready by then */
	uint64_t end_ns;
	uint64_t next_ns[STATES]; /* of flow and burst: when the next are due */
	struct stop stop;
};

static uint64_t after(uint64_t now, uint64_t delay_ns)
{
	return delay_ns == TIME_NEVER ? TIME_NEVER : now + delay_ns;
}

/* Returns 0 or -ENOMEM. */
static int open_initial(struct run *run)
{
	int state, err;

	for (state = 0; state < STATE_FLOW; state++) {
		while (run->to_open[state]) {
			if (run->load.unsettled >= run->load.plan.opening)
				return 0;
			run->to_open[state]--;
			err = connection_open(&run->load, state);
			if (err)
				return err;
		}
	}
	return 0;
}

static uint64_t unopened(const struct run *run)
{
	uint64_t total = 0;
	int state;

	for (state = 0; state < STATE_FLOW; state++)
		total += run->to_open[state];
	return total;
}

static void arm_halves(struct load *load)
{
	struct connection *connection;

	TAILQ_FOREACH(connection, &load->all, all)
	{
		if (connection->is_half)
			connection_arm(load, connection, TIMER_FINISH,
				       load->plan.half_request_finish_ns);
		else if (connection->phase == PHASE_PAUSED)
			connection_arm(load, connection, TIMER_RESUME,
				       load->plan.half_response_resume_ns);
	}
}

/* Says so, once every state is reached. Returns 0, or -ENOTCONN if one cannot be reached. */
static int become_ready(struct run *run)
{
	struct load *load = &run->load;
	uint64_t now = clock_boot_ns();

	if (load->is_ready)
		return 0;
	if (load->missed || now >= run->give_up_ns)
		return -ENOTCONN;
	if (load->unsettled || unopened(run))
		return 0;
	load->is_ready = true;
	arm_halves(load);
	puts("ready");
	fflush(stdout);
	run->end_ns = after(now, load->plan.duration_ns);
	run->stop.at_ns = after(now, load->plan.stop_after_ns);
	run->next_ns[STATE_FLOW] = load->plan.states[STATE_FLOW].count ? now : TIME_NEVER;
	run->next_ns[STATE_BURST] = load->plan.states[STATE_BURST].count ? now : TIME_NEVER;
	return 0;
}

/* Opens what is due. Returns 0 or -ENOMEM. */
static int open_arrivals(struct run *run, uint64_t now)
{
	const struct plan_state *states = run->load.plan.states;
	uint64_t i;
	int budget = ARRIVALS_MAX, err = 0;

	while (run->next_ns[STATE_FLOW] <= now && budget-- && !err) {
		err = connection_open(&run->load, STATE_FLOW);
		run->next_ns[STATE_FLOW] += NSEC_PER_SEC / states[STATE_FLOW].count;
	}
	if (run->next_ns[STATE_BURST] > now)
		return err;
	for (i = 0; i < states[STATE_BURST].count && !err; i++)
		err = connection_open(&run->load, STATE_BURST);
	run->next_ns[STATE_BURST] += run->load.plan.burst_every_ns;
	return err;
}

static void fire_timers(struct load *load, uint64_t now)
{
	int timer;

	for (timer = 0; timer < TIMERS; timer++) {
		struct connection *first;

		while ((first = TAILQ_FIRST(&load->timers[timer])) && first->deadline_ns <= now)
			connection_on_timer(load, first);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When the target is gone for so long that the run is over. */
static uint64_t gone_at(const struct load *load)
{
	if (!load->is_ready || load->open || !load->refused_ns)
		return TIME_NEVER;
	return after(load->refused_ns, load->plan.until_gone_ns);
}

static uint64_t next_deadline(const struct run *run)
{
	const struct load *load = &run->load;
	uint64_t next = earlier(run->end_ns, gone_at(load));
	int timer;

	next = earlier(next, earlier(run->next_ns[STATE_FLOW], run->next_ns[STATE_BURST]));
	next = earlier(next, run->stop.at_ns);
	if (!load->is_ready)
		next = earlier(next, run->give_up_ns);
	for (timer = 0; timer < TIMERS; timer++) {
		const struct connection *first = TAILQ_FIRST(&load->timers[timer]);

		if (first)
			next = earlier(next, first->deadline_ns);
	}
	return next;
}

/* Waits until something happens or is due. Returns whether a signal came, or -errno. */
static int wait_and_handle(struct run *run)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t now = clock_boot_ns(), next = next_deadline(run);
	uint64_t delay = next > now ? next - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(delay / NSEC_PER_SEC),
				    .tv_nsec = (long)(delay % NSEC_PER_SEC) };
	int i, n = epoll_pwait2(run->load.epoll, events, EVENTS_MAX,
				next == TIME_NEVER ? NULL : &timeout, NULL);
	bool has_signal = false;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	lateness_asked(&run->load.lateness);
	for (i = 0; i < n; i++) {
		if (events[i].data.ptr)
			connection_on_events(&run->load, events[i].data.ptr, events[i].events);
		else
			has_signal = true;
	}
	return has_signal;
}

static bool is_over(const struct run *run)
{
	const struct load *load = &run->load;
	uint64_t now = clock_boot_ns();

	if (!load->is_ready)
		return false;
	if (now >= run->end_ns || now >= gone_at(load))
		return true;
	return !load->open && run->next_ns[STATE_FLOW] == TIME_NEVER &&
	       run->next_ns[STATE_BURST] == TIME_NEVER;
}

/* Returns 0, -ENOTCONN (a state was not reached) or another -errno. */
static int run_loop(struct run *run)
{
	int err;

	do {
		err = open_initial(run);
		if (!err)
			err = become_ready(run);
		if (err)
			return err;
		if (is_over(run))
			return 0;
		err = wait_and_handle(run);
		if (err > 0)
			return run->load.is_ready ? 0 : -ENOTCONN;
		if (err)
			return err;
		if (run->stop.at_ns <= clock_boot_ns())
			stop_send(&run->stop);
		fire_timers(&run->load, clock_boot_ns());
		err = open_arrivals(run, clock_boot_ns());
	} while (!err);
	return err;
}

static int watch_signals(int epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return fd;
}

/* Whether the states fit into the files that this process may open; says so if not. */
static bool has_files(const struct plan *plan)
{
	uint64_t wanted = plan_initial(plan) + SPARE_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return true;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (wanted <= limit.rlim_max)
		return true;
	fprintf(stderr,
		"shutwatch-client: %llu connections take more files than the %llu that this "
		"process may open: raise ulimit -n\n",
		(unsigned long long)plan_initial(plan), (unsigned long long)limit.rlim_max);
	return false;
}

static void prepare(struct run *run)
{
	uint64_t now = clock_boot_ns();
	int i;

	TAILQ_INIT(&run->load.all);
	for (i = 0; i < TIMERS; i++)
		TAILQ_INIT(&run->load.timers[i]);
	for (i = 0; i < STATE_FLOW; i++)
		run->to_open[i] = run->load.plan.states[i].count;
	run->give_up_ns = after(now, run->load.plan.ready_timeout_ns);
	run->end_ns = TIME_NEVER;
	run->next_ns[STATE_FLOW] = run->next_ns[STATE_BURST] = TIME_NEVER;
}

static void end_all(struct load *load)
{
	struct connection *connection;

	while ((connection = TAILQ_FIRST(&load->all)))
		connection_end(load, connection, END_OPEN, 0);
}

/* Returns the exit status. */
static int run_plan(struct run *run)
{
	struct load *load = &run->load;
	_cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
	_cleanup_close_ int signals = epoll < 0 ? -1 : watch_signals(epoll);
	int err;

	if (signals < 0) {
		perror("shutwatch-client: epoll");
		return STATUS_FAILED;
	}
	load->epoll = epoll;
	prepare(run);
	lateness_init(&load->lateness);
	err = run_loop(run);
	if (err == -ENOTCONN)
		fprintf(stderr,
			"shutwatch-client: %llu connections did not reach their state; the lines "
			"say more\n",
			(unsigned long long)(load->missed + load->unsettled + unopened(run)));
	else if (err)
		fprintf(stderr, "shutwatch-client: %s\n", strerror(-err));
	end_all(load);
	lateness_fini(&load->lateness);
	table_print(stderr, load);
	return err ? STATUS_FAILED : STATUS_OK;
}

static int run_with_output(struct run *run)
{
	static char buffer[OUTPUT_BUFFER];
	const char *path = run->load.plan.output_path;
	FILE *output = path ? fopen(path, "we") : stdout;
	bool has_failed;
	int status;

	if (!output) {
		fprintf(stderr, "shutwatch-client: cannot write %s: %s\n", path, strerror(errno));
		return STATUS_FAILED;
	}
	setvbuf(output, buffer, _IOFBF, sizeof(buffer));
	run->load.output = output;
	status = run_plan(run);
	has_failed = ferror(output);
	if (fclose(output) || has_failed) {
		fputs("shutwatch-client: writing the lines failed\n", stderr);
		status = STATUS_FAILED;
	}
	return status;
}

/* Returns the exit status. */
static int run_prepared(struct run *run)
{
	const struct plan *plan = &run->load.plan;
	int err = plan_await_target(plan);

	if (err) {
		fprintf(stderr, "shutwatch-client: %s does not accept: %s\n", plan->target_text,
			strerror(-err));
		return STATUS_FAILED;
	}
	return has_files(plan) ? run_with_output(run) : STATUS_FAILED;
}

int main(int argc, char **argv)
{
	struct run run = {};
	int err, status = STATUS_FAILED;

	argp_err_exit_status = STATUS_USAGE;
	argp_program_version = "shutwatch-client " SHUTWATCH_VERSION;
	plan_parse(&run.load.plan, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	err = stop_init(&run.stop, run.load.plan.stop_pid);
	if (err)
		fprintf(stderr, "shutwatch-client: --stop: %s\n", strerror(-err));
	else if (requests_build(&run.load.plan))
		fputs("shutwatch-client: out of memory\n", stderr);
	else
		status = run_prepared(&run);
	stop_send(&run.stop); /* whoever waits for its end would wait for ever */
	plan_fini(&run.load.plan);
	return status;
}
