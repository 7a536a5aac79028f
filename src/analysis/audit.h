/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What would come of a service if it were told to stop now: the facts of a running service, as
 * /proc, its sockets and its unit show them, and the prediction made from them. Pure.
 */
#ifndef SHUTWATCH_AUDIT_H
#define SHUTWATCH_AUDIT_H

#include "src/analysis/record.h"

/* Who gets the stop signal of a systemd unit (systemd.kill(5)). */
enum kill_mode {
	KILL_MODE_UNKNOWN, /* no unit, or it could not be read */
	KILL_MODE_CONTROL_GROUP,
	KILL_MODE_MIXED,
	KILL_MODE_PROCESS,
	KILL_MODE_NONE,
};

enum signal_source {
	SIGNAL_ASSUMED,	   /* TERM: nobody says otherwise */
	SIGNAL_ASKED,	   /* the command line says so */
	SIGNAL_BY_UNIT,	   /* KillSignal= */
	SIGNAL_BY_COMMAND, /* ExecStop=, which sends it and waits */
	SIGNAL_UNSEEN, /* ExecStop=, nobody knows how; signal is KillSignal=, for what is left */
};

/* What becomes of a process. */
enum fate {
	FATE_LIVES,  /* nobody tells it, or it does not hear */
	FATE_STOPS,  /* it has a handler, or its master has */
	FATE_DIES,   /* by the signal, at once */
	FATE_KILLED, /* by SIGKILL: of its supervisor, or since PID 1 of its namespace ended */
};

struct audit_process {
	uint32_t pid;
	uint32_t parent;
	char comm[COMM_BYTES + 1];
	enum program program;
	bool is_readable; /* false: /proc did not tell what it does about signals */
	bool is_init;	  /* PID 1 of its pid namespace */
	enum disposition disposition;
	bool is_stopped;  /* by SIGSTOP: until SIGCONT it hears nothing but SIGKILL */
	bool is_awaited;  /* a thread of it waits for the signal: sigwait(), signalfd */
	bool has_handler; /* for when it is not blocked any more */
	uint32_t listeners;
	/* Connections, and how many of them are in flight. */
	uint32_t inbound, inbound_in_flight;
	uint32_t outbound, outbound_in_flight;
	bool is_told; /* the signal goes to it; filled by audit_predict(), as the next */
	enum fate fate;
};

struct audit_listener {
	uint64_t cookie;
	uint8_t family;
	uint8_t address[ADDRESS_BYTES];
	uint16_t port;
	uint32_t queued;   /* wait to be accepted */
	uint32_t stalled;  /* of them: nobody has accepted them within 0.2 s */
	uint32_t *holders; /* pids of processes of the service */
	size_t n_holders;
	size_t holders_capacity;
	bool is_held_outside; /* by a process of no or another service: it outlives this one */
	uint32_t dropped;     /* of queued: they end with it; filled by audit_predict() */
};

struct audit {
	struct record_service service;
	int signal;
	enum signal_source signal_source;
	int restart_signal;   /* RestartKillSignal=, where it is another one; 0 */
	char *stop_command;   /* ExecStop=; NULL: there is none */
	bool command_returns; /* it does not wait: KillSignal= follows at once */
	int unit_error; /* why nothing is known of the unit, negative; 0: known, or there is none */
	enum kill_mode kill_mode;
	uint32_t main_pid;		 /* of the unit; 0: unknown */
	bool sends_kill;		 /* SendSIGKILL= */
	int64_t grace_ns;		 /* TimeoutStopSec=; TIME_UNKNOWN, INT64_MAX: for ever */
	struct audit_process *processes; /* by pid */
	size_t n_processes;
	struct audit_listener *listeners;
	size_t n_listeners;
	/*
	 * What has started it and may be what is told; the prediction is made without it. pid 0:
	 * there is none.
	 */
	struct audit_process launcher;

	/* The prediction. */
	enum verdict verdict;
	char *reason;		  /* of the verdict, in one sentence */
	struct finding *findings; /* the most severe first; summary is the reason of each */
	size_t n_findings;
};

/*
 * Predicts: fills what is marked so above. What was predicted before is freed. Returns 0 or
 * -ENOMEM.
 */
int audit_predict(struct audit *audit);

/* Is it TERM since nobody says otherwise, where an image may (STOPSIGNAL)? */
bool audit_signal_is_guess(const struct audit *audit);

/* The worst of its findings; SEVERITY_INFO if there is none. */
enum severity audit_severity(const struct audit *audit);

/* Frees what it holds. */
void audit_fini(struct audit *audit);

/* "control-group" as in unit files; NULL: unknown. */
const char *kill_mode_name(enum kill_mode mode);
/* KILL_MODE_UNKNOWN for any other text. */
enum kill_mode kill_mode_from_name(const char *name);
const char *fate_name(enum fate fate);

#endif
