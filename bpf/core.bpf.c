// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns every map, the ring buffers and the loss counters. The hook files reach them through
 * core.bpf.h, so that a map's rules stand in one place:
 *
 *  - Every table is bounded; what finds no room is counted by cause, never silently dropped.
 *  - Counters only grow, by atomic adds: they stay exact when a ring buffer overflows.
 *  - Nothing is sent and no per-connection state exists while shared.armed_services is 0.
 */
#include "core.bpf.h"
#include "look.bpf.h"

#define DETAIL_WAKE_BYTES (64 * 1024) /* of the ring, or a quarter of a small one */

char LICENSE[] SEC("license") = "GPL";

struct shared shared SEC(".data.shared");
struct target target;
struct look look;

const volatile __u64 instance;
const volatile bool follow_listeners;
const volatile __u32 collector_tgid;
const volatile __u32 forwarder_tgid;
const volatile __u64 jiffy_ns = 4000000;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} details SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct process_id);
	__type(value, struct member);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct service_state);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct counts_key);
	__type(value, struct counts);
} counts SEC(".maps");

/* LRU: addresses of services long gone leave by themselves. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct listener_key);
	__type(value, struct listener_entry);
} listeners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection_tag);
} connection_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct listener_tag);
} listener_tags SEC(".maps");

/*
 * Connections closed by our FIN, until their shutdown ends: a late reset may come. By their ends:
 * where the table of TIME_WAIT is full, no socket with a cookie is left.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct ends);
	__type(value, struct event_connection);
} closed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSS_CAUSES);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

static const struct service_state no_state;
static const struct counts no_counts;

__hidden void loss_count(u32 cause)
{
	u64 *count = bpf_map_lookup_elem(&losses, &cause);

	if (count)
		*count += 1;
}

static __always_inline u32 *member_slot(const struct process_id *id)
{
	return &shared.member_slots[id->tgid % MEMBER_SLOTS];
}

__hidden struct member *member_find(const struct process_id *id)
{
	return bpf_map_lookup_elem(&members, id);
}

__hidden int member_add(const struct process_id *id, const struct process_id *parent, u64 service,
			u32 flags)
{
	struct member member = { .service = service, .flags = flags, .parent = *parent };
	int err;

	__sync_fetch_and_add(member_slot(id), 1);
	err = bpf_map_update_elem(&members, id, &member, BPF_NOEXIST);
	if (err)
		__sync_fetch_and_add(member_slot(id), -1);
	if (err == -E2BIG || err == -ENOMEM || err == -EBUSY)
		loss_count(LOSS_MEMBERS_FULL);
	return err;
}

__hidden void member_remove(const struct process_id *id)
{
	if (!bpf_map_delete_elem(&members, id))
		__sync_fetch_and_add(member_slot(id), -1);
}

static long forgive(struct bpf_map *map, const struct process_id *id, struct member *member,
		    u64 *service)
{
	if (member->service == *service)
		__sync_fetch_and_and(&member->flags, ~MEMBER_SIGNALLED);
	return 0;
}

__hidden void members_forgive(u64 service)
{
	bpf_for_each_map_elem(&members, forgive, &service, 0);
}

struct doings {
	u64 service;
	u64 found; /* MEMBERS_* */
};

static long find_doing(struct bpf_map *map, const struct process_id *id, struct member *member,
		       struct doings *doings)
{
	if (member->service != doings->service)
		return 0;
	if (member->flags & MEMBER_EXITING)
		doings->found |= MEMBERS_EXIT;
	else if (!(member->flags & MEMBER_SIGNALLED))
		doings->found |= MEMBERS_SERVE;
	return 0;
}

__hidden u32 members_doing(u64 service)
{
	struct doings doings = { .service = service };

	bpf_for_each_map_elem(&members, find_doing, &doings, 0);
	return doings.found;
}

__hidden u64 service_add(void)
{
	u64 service = __sync_fetch_and_add(&shared.kernel_services, 1) + SERVICE_FROM_KERNEL;

	if (!bpf_map_update_elem(&services, &service, &no_state, BPF_NOEXIST))
		return service;
	loss_count(LOSS_MEMBERS_FULL);
	return 0;
}

__hidden struct service_state *service_find(u64 service)
{
	return bpf_map_lookup_elem(&services, &service);
}

__hidden void service_delete(u64 service)
{
	bpf_map_delete_elem(&services, &service);
}

__hidden bool service_arm(struct service_state *state, u64 now_ns)
{
	u64 generation;

	if (state->generation || state->flags & SERVICE_REMOVED)
		return false;
	/* Before the generation shows: others read them as soon as it does. */
	state->armed_ns = now_ns;
	state->armed_jiffies = bpf_jiffies64();
	generation = __sync_fetch_and_add(&shared.shutdowns, 1) + 1;
	if (__sync_val_compare_and_swap(&state->generation, 0, generation) != 0)
		return false;
	__sync_fetch_and_add(&shared.armed_services, 1);
	if (state->flags & SERVICE_SHORT)
		loss_count(LOSS_MEMBERS_FULL);
	return true;
}

__hidden struct counts *counts_of(u64 generation, const struct process_id *id)
{
	struct counts_key key = { .generation = generation, .process = *id };
	struct counts *found = bpf_map_lookup_elem(&counts, &key);

	if (found)
		return found;
	bpf_map_update_elem(&counts, &key, &no_counts, BPF_NOEXIST);
	found = bpf_map_lookup_elem(&counts, &key);
	if (!found)
		loss_count(LOSS_COUNTS_FULL);
	return found;
}

struct staying {
	u64 generation;
	s64 connections;
};

static long add_staying(struct bpf_map *map, const struct counts_key *key, struct counts *counts,
			struct staying *staying)
{
	int i, outcome;

	for (i = 0; key->generation == staying->generation && i < DIRECTIONS; i++) {
		staying->connections += counts->open[i] + counts->late[i];
		for (outcome = 0; outcome < OUTCOME_SLOTS; outcome++)
			staying->connections -= counts->outcomes[i][outcome];
	}
	return 0;
}

__hidden s64 counts_staying(u64 generation)
{
	struct staying staying = { .generation = generation };

	bpf_for_each_map_elem(&counts, add_staying, &staying, 0);
	return staying.connections;
}

__hidden struct listener_entry *listener_find(struct listener_key *key)
{
	struct listener_entry *entry = bpf_map_lookup_elem(&listeners, key);

	if (entry)
		return entry;
	__builtin_memset(key->address, 0, sizeof(key->address));
	return bpf_map_lookup_elem(&listeners, key);
}

struct listening {
	u64 service;
	u64 is_found;
};

static long find_open(struct bpf_map *map, const struct listener_key *key,
		      struct listener_entry *entry, struct listening *listening)
{
	return listening->is_found = entry->service == listening->service && entry->open;
}

__hidden bool service_listens(u64 service)
{
	struct listening listening = { .service = service };

	bpf_for_each_map_elem(&listeners, find_open, &listening, 0);
	return listening.is_found;
}

__hidden void listener_opened(struct listener_key *key, u64 service)
{
	struct listener_entry *entry = bpf_map_lookup_elem(&listeners, key);
	struct listener_entry fresh = { .service = service, .open = 1 };

	fresh.opened_ns = bpf_ktime_get_boot_ns();
	if (!entry) {
		if (bpf_map_update_elem(&listeners, key, &fresh, BPF_ANY))
			loss_count(LOSS_LISTENERS_FULL);
		return;
	}
	if (entry->service != service) {
		entry->is_shared = entry->open > 0;
		entry->service = service;
	}
	entry->opened_ns = fresh.opened_ns;
	__sync_fetch_and_add(&entry->open, 1);
}

__hidden bool listener_closed(struct listener_key *key)
{
	struct listener_entry *entry = bpf_map_lookup_elem(&listeners, key);

	if (entry && entry->open)
		__sync_fetch_and_add(&entry->open, -1);
	return entry;
}

__hidden void event_emit(const void *event, u32 size)
{
	if (bpf_ringbuf_output(&events, (void *)event, size, 0))
		loss_count(LOSS_EVENT_RING_FULL);
}

/*
 * A wake-up interrupts this very processor, which took a third of all our time here: there is one
 * now and then, and whoever makes a record reads the ring to its end anyway. By a window rather
 * than a moment, since two processors may ask at once.
 */
static __always_inline u64 detail_wakes(void)
{
	u64 step = bpf_ringbuf_query(&details, BPF_RB_RING_SIZE) / 4;
	u64 waiting = bpf_ringbuf_query(&details, BPF_RB_AVAIL_DATA);

	if (step > DETAIL_WAKE_BYTES)
		step = DETAIL_WAKE_BYTES;
	if (waiting < step || (step && waiting % step >= 4 * sizeof(struct event_connection)))
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}

__hidden void detail_emit(const struct event_connection *event)
{
	if (bpf_ringbuf_output(&details, (void *)event, sizeof(*event), detail_wakes()))
		loss_count(LOSS_DETAIL_RING_FULL);
}

__hidden struct connection_tag *connection_tag_find(struct sock *sk)
{
	return bpf_sk_storage_get(&connection_tags, sk, NULL, 0);
}

/*
 * Another CPU may be faster: the snapshot meets who closes the socket, or another collector on this
 * machine gives it the first storage of all at this moment, for a map of its own. Then there is one
 * now, or there is room for it (bpf_local_storage_alloc(): -EAGAIN).
 */
__hidden struct connection_tag *connection_tag_create(struct sock *sk, struct connection_tag *tag)
{
	struct connection_tag *found;

	found = bpf_sk_storage_get(&connection_tags, sk, tag, BPF_SK_STORAGE_GET_F_CREATE);
	if (!found)
		found = bpf_sk_storage_get(&connection_tags, sk, tag, BPF_SK_STORAGE_GET_F_CREATE);
	if (!found)
		loss_count(LOSS_TAG_FAILED);
	return found;
}

__hidden void connection_tag_delete(struct sock *sk)
{
	bpf_sk_storage_delete(&connection_tags, sk);
}

__hidden struct listener_tag *listener_tag_find(struct sock *sk)
{
	return bpf_sk_storage_get(&listener_tags, sk, NULL, 0);
}

__hidden void listener_tag_set(struct sock *sk, struct listener_tag *tag)
{
	struct listener_tag *found;

	found = bpf_sk_storage_get(&listener_tags, sk, tag, BPF_SK_STORAGE_GET_F_CREATE);
	if (!found) /* see connection_tag_create() */
		found = bpf_sk_storage_get(&listener_tags, sk, tag, BPF_SK_STORAGE_GET_F_CREATE);
	if (found)
		*found = *tag;
	else
		loss_count(LOSS_TAG_FAILED);
}

__hidden void closed_remember(const struct event_connection *event)
{
	if (bpf_map_update_elem(&closed, &event->local, event, BPF_ANY))
		loss_count(LOSS_CLOSED_FULL);
}

__hidden struct event_connection *closed_find(const struct ends *ends)
{
	return bpf_map_lookup_elem(&closed, ends);
}
