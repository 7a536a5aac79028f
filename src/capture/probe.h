/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs in the kernel: load, watch, list, tag, count, disarm. The only user of libbpf.
 *
 * Every event, from a ring buffer or an iterator, goes to one sink. A sink may call back into
 * the probe (a snapshot is taken while a signal's event is handled).
 */
#ifndef SHUTWATCH_PROBE_H
#define SHUTWATCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/maps.h"

struct probe;

/* Takes one event as it came. Returns 0, or -errno: the call that fed it fails with that. */
typedef int (*probe_sink)(void *context, const void *event, size_t size);

struct probe_options {
	bool follow_listeners;	  /* whoever starts to listen becomes a service of its own */
	bool lists_only;	  /* nothing is watched: only the lists below */
	uint32_t forwarder_pid;	  /* 0: none; a process that passes signals on */
	size_t detail_ring_bytes; /* 0: default; else rounded up to a power of two pages */
	const char *pins;	  /* where on bpffs all of it is to outlive us; NULL: nowhere */
	probe_sink sink;
	void *context;
};

/*
 * Loads and attaches. Returns 0, or -errno after a line in the log: -EPERM and -EACCES: not
 * allowed; -ENOENT: a hook that is required is missing; -ENOTSUP: the kernel has no BTF.
 */
int probe_open(const struct probe_options *options, struct probe **ret_probe);
void probe_close(struct probe *probe);

/* Readable when events wait. Owned by the probe. */
int probe_fd(const struct probe *probe);
/* Feeds all waiting events to the sink. Returns 0 or the sink's error. */
int probe_dispatch(struct probe *probe);

/* --- who is watched ------------------------------------------------------------------------- */

/* Enters a service, under a new number below SERVICE_FROM_KERNEL. 0, -E2BIG: no room. */
int probe_add_service(struct probe *probe, uint64_t *ret_service);
/* Which signals, beside the usual ones, stop it, and how its connections talk. 0 or -errno. */
int probe_configure_service(struct probe *probe, uint64_t service, uint64_t stop_signals,
			    bool is_multiplexed);
/* One service that the kernel knows; generation 0: not stopping. Not 0: ends the list. */
typedef int (*probe_service_visit)(void *context, uint64_t service, uint64_t generation,
				   uint64_t armed_ns);
int probe_list_services(struct probe *probe, probe_service_visit visit, void *context);
void probe_remove_service(struct probe *probe, uint64_t service);
/*
 * Makes a process a member of a service, or moves it there; parent: NULL if it does not matter.
 * Returns 0, -E2BIG: no room.
 */
int probe_set_member(struct probe *probe, const struct process_id *id,
		     const struct process_id *parent, uint64_t service);
/* It stays known, as a member of no service, until it ends. */
void probe_ignore_member(struct probe *probe, const struct process_id *id);
/* Takes a process out of this service; nothing if it is a member of another one. */
void probe_remove_member(struct probe *probe, const struct process_id *id, uint64_t service);
/*
 * Enters an address on which a service listens, unless it is known for it. An entry of `instead`
 * is taken over; one of another service is shared from now on, unless the kernel saw it opened
 * after `seen_ns` (boot time), when this service was seen there. 0 or -errno.
 */
int probe_add_listener(struct probe *probe, const struct listener_key *key, uint64_t service,
		       uint64_t instead, uint64_t seen_ns);

/* --- lists: events to the sink -------------------------------------------------------------- */

/* All processes of the host, with the service they are members of. */
int probe_list_processes(struct probe *probe, probe_sink sink, void *context);
/* All listening stream sockets of the host; pid 0: of every process. */
int probe_list_listeners(struct probe *probe, uint32_t pid, probe_sink sink, void *context);
/* All TCP connections in the hands of processes; inbound where a listener was entered. */
int probe_list_connections(struct probe *probe, probe_sink sink, void *context);

/* --- one shutdown --------------------------------------------------------------------------- */

/* Its processes; the sockets of one of them, which are tagged. Events go to the given sink. */
int probe_list_members(struct probe *probe, const struct target *target, probe_sink sink,
		       void *context);
int probe_tag_sockets(struct probe *probe, const struct target *target, uint32_t pid);
/* The accept queues of all services whose snapshot has not ended (netns: a file descriptor of a
 * network namespace, -1: ours); and that one ends: -ENOENT: it is disarmed. */
int probe_tag_queued(struct probe *probe, int netns_fd);
int probe_end_snapshot(struct probe *probe, const struct target *target);

/* Does this kernel tell what threads wait for? */
bool probe_has_waits(const struct probe *probe);
/* One struct wait_sample per thread of the members, or of one process of them (0: of all). */
int probe_sample_waits(struct probe *probe, const struct target *target, uint32_t pid,
		       probe_sink sink, void *context);

/*
 * The end, step by step. No connection is seen for the first time from now on; *ret_has_left: all
 * that were seen have left. May be asked again. -ENOENT, here and below: it is disarmed already.
 */
int probe_freeze(struct probe *probe, const struct target *target, bool *ret_has_left);
/*
 * What has not left is told, with target->leftover as its outcome: of all sockets in a network
 * namespace (as above), and of all files of all processes.
 */
int probe_reconcile_table(struct probe *probe, const struct target *target, int netns_fd);
int probe_reconcile_files(struct probe *probe, const struct target *target);
/* Refusals and late resets no longer count, and a new stop signal begins a new shutdown. */
int probe_disarm(struct probe *probe, const struct target *target);
/* EVENT_COUNTS per process, all at the same time: they replace those told before. */
int probe_tell_counts(struct probe *probe, const struct target *target, uint64_t now_ns);
/* Forgets all that the kernel keeps of it. */
void probe_forget(struct probe *probe, const struct target *target);

/* Were there programs and maps already, from a collector before us? */
bool probe_is_resumed(const struct probe *probe);

/* Does this kernel tell refused connections, and data that comes after TIME_WAIT began? */
bool probe_sees_all_resets(const struct probe *probe);

/* How many events have found the ring of events full. */
uint64_t probe_ring_losses(struct probe *probe);
/* What was lost so far, by cause, over all shutdowns. */
void probe_losses(struct probe *probe, uint64_t ret_losses[LOSS_CAUSES]);
/* How much of it was told: the caller's to keep, in memory that outlives us. */
uint64_t *probe_told_losses(struct probe *probe);

#endif
