// SPDX-License-Identifier: GPL-2.0-only
/* Resets that we send: to clients that come too late, and to those who were told goodbye. */
#include "connection.bpf.h"

#include <bpf/bpf_endian.h>

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

#define IPV4_SOURCE 12 /* offsets in the headers */
#define IPV4_DESTINATION 16
#define IPV6_SOURCE 8
#define IPV6_DESTINATION 24

#define TLS_RECORD_BYTES 5
#define TLS_ALERT 21
#define TLS_APPLICATION_DATA 23
#define TLS_SEALED_ALERT_BYTES 19 /* TLS 1.3: 2 of alert, 1 of type, 16 of tag */
#define HTTP2_GOAWAY 7
#define HTTP2_FRAME_BYTES 9
#define FEW_BYTES 5		/* PostgreSQL's Terminate, MySQL's COM_QUIT */
#define FEW_UNREADABLE_BYTES 24 /* a TLS 1.3 alert; the shortest HTTP/1.1 request has 27 */

#if defined(__TARGET_ARCH_x86)
/* Where the kernel maps all memory, and the array of its pages, unless these are randomised. */
extern const void page_offset_base __ksym __weak;
extern const void vmemmap_base __ksym __weak;
#define PAGE_OFFSET_DEFAULT 0xffff888000000000ULL
#define VMEMMAP_DEFAULT 0xffffea0000000000ULL
#define PAGE_SHIFT 12
#define STRUCT_PAGE_SHIFT 6
#endif

/* The parts of a TCP segment that matter here. */
struct segment {
	struct ends ends; /* local: its destination */
	u32 payload_bytes;
	u8 flags;
	u8 header_bytes;
	u8 pad[2];
};

static __always_inline void address_read(u8 *address, const unsigned char *ipv4)
{
	address[10] = 0xff;
	address[11] = 0xff;
	bpf_probe_read_kernel(address + 12, 4, ipv4);
}

static __always_inline void addresses_read(const struct sk_buff *skb, struct ends *ends)
{
	unsigned char *ip = skb->head + skb->network_header;

	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		bpf_probe_read_kernel(ends->local, ADDRESS_BYTES, ip + IPV6_DESTINATION);
		bpf_probe_read_kernel(ends->peer, ADDRESS_BYTES, ip + IPV6_SOURCE);
		return;
	}
	address_read(ends->local, ip + IPV4_DESTINATION);
	address_read(ends->peer, ip + IPV4_SOURCE);
}

/* skb->data points to the TCP header where the reset is sent. */
static __always_inline void segment_read(const struct sk_buff *skb, struct segment *segment)
{
	u8 header[14] = {};

	bpf_probe_read_kernel(header, sizeof(header), skb->head + skb->transport_header);
	addresses_read(skb, &segment->ends);
	segment->ends.peer_port = header[0] << 8 | header[1];
	segment->ends.local_port = header[2] << 8 | header[3];
	segment->header_bytes = (header[12] >> 4) * 4;
	segment->flags = header[13];
	if (skb->len > segment->header_bytes)
		segment->payload_bytes = skb->len - segment->header_bytes;
}

/* --- late data ------------------------------------------------------------------------------ */

/* The bytes of a page fragment, in the kernel's map of all memory. 0: not known how. */
static __always_inline u64 page_address(unsigned long page)
{
#if defined(__TARGET_ARCH_x86)
	u64 memory = PAGE_OFFSET_DEFAULT, pages = VMEMMAP_DEFAULT;

	if (&page_offset_base)
		bpf_probe_read_kernel(&memory, sizeof(memory), &page_offset_base);
	if (&vmemmap_base)
		bpf_probe_read_kernel(&pages, sizeof(pages), &vmemmap_base);
	return memory + (((page - pages) >> STRUCT_PAGE_SHIFT) << PAGE_SHIFT);
#else
	return 0;
#endif
}

/* Reads the first bytes of the payload, from the linear part or the first fragment. */
static __always_inline bool payload_read(const struct sk_buff *skb, const struct segment *segment,
					 u8 *bytes)
{
	u64 shared = (u64)skb->head + skb->end;
	struct page_fragment fragment = {};
	u64 address;

	if (skb->len - skb->data_len > segment->header_bytes)
		return !bpf_probe_read_kernel(bytes, HTTP2_FRAME_BYTES,
					      skb->data + segment->header_bytes);
	if (bpf_probe_read_kernel(
		    &fragment, sizeof(fragment),
		    (void *)(shared + bpf_core_field_offset(struct skb_shared_info, frags))))
		return false;
	address = page_address(fragment.page & ~1UL);
	if (!address)
		return false;
	return !bpf_probe_read_kernel(bytes, HTTP2_FRAME_BYTES,
				      (void *)(address + fragment.offset));
}

/* Does the peer merely say goodbye after our FIN? Then the reset that answers it costs nothing. */
static __always_inline bool is_goodbye(const struct sk_buff *skb, const struct segment *segment)
{
	u8 bytes[HTTP2_FRAME_BYTES] = {};
	u32 record_bytes;

	if (segment->payload_bytes <= FEW_BYTES)
		return true;
	if (segment->payload_bytes < HTTP2_FRAME_BYTES)
		return false;
	if (!payload_read(skb, segment, bytes))
		return segment->payload_bytes <= FEW_UNREADABLE_BYTES;
	record_bytes = bytes[3] << 8 | bytes[4];
	if (bytes[1] == 3 && segment->payload_bytes == record_bytes + TLS_RECORD_BYTES) {
		if (bytes[0] == TLS_ALERT)
			return true;
		if (bytes[0] == TLS_APPLICATION_DATA)
			return record_bytes <= TLS_SEALED_ALERT_BYTES;
	}
	return bytes[0] == 0 && bytes[3] == HTTP2_GOAWAY && bytes[4] == 0 &&
	       segment->payload_bytes == (u32)bytes[2] + HTTP2_FRAME_BYTES;
}

static __always_inline bool can_become_late_reset(u32 outcome)
{
	return outcome == OUTCOME_COMPLETED || outcome == OUTCOME_IDLE ||
	       outcome == OUTCOME_LEFT_OPEN || outcome == OUTCOME_UNDECIDED;
}

/* The peer's next request met our FIN: the outcome changes, once. */
static __noinline int on_late_data(struct event_connection *closed, const struct sk_buff *skb,
				   const struct segment *segment)
{
	struct event_connection event;
	struct counts *counts;
	u32 direction;

	if (!segment->payload_bytes || closed->flags & CONNECTION_REVISED)
		return 0;
	counts = counts_of(closed->header.generation, &closed->process);
	if (!counts)
		return 0;
	if (is_goodbye(skb, segment)) {
		__sync_fetch_and_add(&counts->late_closes, 1);
		return 0;
	}
	if (!can_become_late_reset(closed->outcome))
		return 0;
	direction = closed->direction & 1;
	__sync_fetch_and_add(&counts->outcomes[direction][closed->outcome & (OUTCOME_SLOTS - 1)],
			     -1);
	__sync_fetch_and_add(&counts->outcomes[direction][OUTCOME_LATE_RESET], 1);
	closed->flags |= CONNECTION_REVISED;
	closed->outcome = OUTCOME_LATE_RESET;
	closed->wire = WIRE_RST;
	event = *closed;
	detail_emit(&event);
	return 0;
}

/* --- refused -------------------------------------------------------------------------------- */

/*
 * No socket was there. A SYN is a refused connection; a bare ACK is the end of a handshake that
 * the closing listener cut off. Data and FINs belong to connections long gone, and so do ACKs of
 * those that found no room in TIME_WAIT.
 */
static __noinline int on_refused(const struct segment *segment)
{
	struct process_id nobody = {};
	struct listener_key key = {};
	struct listener_entry *entry;
	struct service_state *state;
	struct counts *counts;
	u8 flags = segment->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN);

	if (flags != TCP_FLAG_SYN && (flags != TCP_FLAG_ACK || segment->payload_bytes))
		return 0;
	__builtin_memcpy(key.address, segment->ends.local, ADDRESS_BYTES);
	key.netns = segment->ends.netns;
	key.port = segment->ends.local_port;
	entry = listener_find(&key);
	state = entry ? service_find(entry->service) : NULL;
	if (!state || !state->generation)
		return 0;
	counts = counts_of(state->generation, &nobody);
	if (!counts)
		return 0;
	if (flags == TCP_FLAG_SYN)
		__sync_fetch_and_add(&counts->refused, 1);
	else
		__sync_fetch_and_add(&counts->refused_handshakes, 1);
	counts->last_refused_ns = bpf_ktime_get_boot_ns();
	return 0;
}

/* --- the hook ------------------------------------------------------------------------------- */

/* What the service had closed; `sk`: what is left of it, NULL: nothing is. */
static __always_inline struct event_connection *closed_of(const struct sock *sk,
							  const struct ends *ends)
{
	struct event_connection *closed = closed_find(ends);

	if (!closed || !service_is_in(closed->header.service, closed->header.generation))
		return NULL;
	if (sk && (u64)sk->__sk_common.skc_cookie.counter != closed->cookie)
		return NULL; /* another one with the same ends */
	return closed;
}

static __always_inline int reset_told(const struct sock *sk, const struct sk_buff *skb)
{
	struct event_connection *closed;
	struct segment segment = {};

	if (!shared.armed_services || !skb || is_retired())
		return 0;
	segment_read(skb, &segment);
	if (segment.flags & TCP_FLAG_RST) /* nothing answers one */
		return 0;
	/* A packet from a backlog has lost its device. */
	segment.ends.netns =
		sk ? sk->__sk_common.skc_net.net->ns.inum : skb->dev->nd_net.net->ns.inum;
	closed = closed_of(sk, &segment.ends);
	if (closed && !(segment.flags & TCP_FLAG_SYN))
		return on_late_data(closed, skb, &segment);
	return sk ? 0 : on_refused(&segment);
}

/*
 * Hook:    tp_btf/tcp_send_reset
 * Kernel:  since 5.5 (sk, skb), of whole sockets only; since 6.10 (sk, skb, reason), of all. Both
 *          pointers may be NULL.
 * Context: softirq, or a process that works off a backlog.
 * Emits:   counts refused connections; EVENT_CONNECTION when late data changes an outcome.
 * Rate:    every reset sent in answer to a packet; leaves after one load unless something stops.
 * Caveats: sk may be a TIME_WAIT mini-socket: only its sock_common is there.
 */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, struct sock *sk, struct sk_buff *skb)
{
	return reset_told(sk, skb);
}

/*
 * Hook:    fentry/tcp_v4_send_reset and fentry/tcp_v6_send_reset, in place of the tracepoint
 * Kernel:  before 6.10, where the tracepoint has no `reason` (reset_tracepoint_is_partial()); needs
 *          CONFIG_FUNCTION_TRACER.
 * Context: as above; at the beginning, where the answer to a reset is not yet ruled out.
 * Emits:   as above.
 * Rate:    as above.
 */
SEC("?fentry/tcp_v4_send_reset")
int BPF_PROG(on_reset_by_ipv4, struct sock *sk, struct sk_buff *skb)
{
	return reset_told(sk, skb);
}

SEC("?fentry/tcp_v6_send_reset")
int BPF_PROG(on_reset_by_ipv6, struct sock *sk, struct sk_buff *skb)
{
	return reset_told(sk, skb);
}
