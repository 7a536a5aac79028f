# SPDX-License-Identifier: GPL-2.0-only
"""The judge: does a record say what the client and the victim wrote down?

Nothing here knows how shutwatch works. The table of allowed pairs is pairs.py.
"""

from collections import Counter

from kit.clock import (CAUSALITY_NS, EDGE_NS, SECOND, TOLERANCE_NS, parse_wall_ns,
                       wall_offset_ns)
from kit.pairs import (ALLOWED, BYTES_AGREE, CLOSED_BY, CUT_OFF, QUEUE_FULL, UNDECIDABLE,
                       WIRE)
from kit.sockets import plain_ip

DIRECTIONS = ("inbound", "outbound")
ABORTED = ("reset", "cut", "abandoned", "unaccepted", "late_reset")

# A close() this short released nothing: for that instant somebody else held the file as well (the
# collector's own listing), and the FIN went out when that one let go.
_NO_CLOSE_NS = 2000


def t0_ns(record):
    """T0 on CLOCK_BOOTTIME."""
    return parse_wall_ns(record["trigger"]["at"]) - wall_offset_ns()


def at_ns(record, value):
    """A time of the record on CLOCK_BOOTTIME."""
    return t0_ns(record) + round(value * SECOND)


def plain_name(text):
    """"[::ffff:127.0.0.1]:80" -> "127.0.0.1:80"."""
    host, _, port = text.rpartition(":")
    host = plain_ip(host.strip("[]"))
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def outcomes(record, direction="inbound"):
    """The outcomes that occurred."""
    counts = record["connections"][direction]["outcomes"]
    return {name: count for name, count in counts.items() if count}


def tell_apart(record, connections):
    """Where a port was used again, both sides get names of their own: "127.0.0.1:4711#2".

    A detail belongs to the connection whose end is nearest to its own.
    """
    named, told = {}, {}
    for connection in connections:
        if connection.local:
            named.setdefault(connection.local, []).append(connection)
    for detail in record["connections"]["details"]:
        if detail["direction"] == "inbound":
            told.setdefault(plain_name(detail["peer"]), []).append(detail)
    for name, those in named.items():
        if len(those) < 2:
            continue
        for number, connection in enumerate(those, 1):
            connection.local = f"{name}#{number}"
        left = list(those)
        for detail in told.get(name, []):
            closed_ns = at_ns(record, detail["closed_at_s"] or 0)
            nearest = min(left, key=lambda c, ns=closed_ns: abs((c.ended_ns or ns) - ns))
            detail["peer"] = nearest.local
            left.remove(nearest)
            if not left:
                break


def details_of(record, direction="inbound"):
    """{plain peer name: detail}; inbound peers are clients, outbound peers are ours by "local"."""
    key = "peer" if direction == "inbound" else "local"
    return {plain_name(d[key]): d for d in record["connections"]["details"]
            if d["direction"] == direction}


class Truth:
    """What victims of ours told about each connection, by the peer's name."""

    def __init__(self, victims=()):
        self.owners = {}  # who accepted it, or held it last
        self.closed = {}  # (before_ns, after_ns) of the close
        for victim in victims:
            for event in ("accepted", "inherited"):
                for line in victim.all_truth(event):
                    self.owners[line["peer"]] = line["pid"]
            for line in victim.all_truth("closed"):
                self.closed[line["peer"]] = (line["before_ns"], line["after_ns"])


class Judge:
    """One record against what was seen; disagreements() is a list of sentences."""

    stays_queued = False  # True: who was in the accept queue at the signal still was at the look
    half_closes_ns = 0  # a server may have shut its side so long before it closes
    looks_within_ns = float("inf")  # of T0, and sees each connection as it is then
    counts_undecidable = False  # True: pairs.UNDECIDABLE is counted for all kinds of connections

    def __init__(self, record, connections, stop, truth=Truth(), absent=(), maybe=(), also=(),
                 overflows=0):
        """absent: connections that belong to no shutdown, whatever their times say.
        maybe: those that may be left out. also: names of more that must be there.
        overflows: how often the server's kernel dropped the end of a handshake.
        """
        self.record = record
        self.connections = list(connections)
        self.stop = stop
        self._overflows = overflows
        self.truth = truth
        self.absent = set(absent)
        self.maybe = set(maybe)
        self.also = set(also)
        self.t0_ns = t0_ns(record)
        self.details = details_of(record)
        self.undecidable = Counter()  # why: how many; known after disagreements()

    def disagreements(self):
        """All of them."""
        return [*self._trigger(), *self._sums(), *self._presence(), *self._pairs(),
                *self._refused(), *self._counts()]

    def _trigger(self):
        if self.record["schema"] != "shutwatch.shutdown/1":
            yield f"schema is {self.record['schema']!r}"
        if self.stop is None:
            return
        low, high = self.stop.before_ns - CAUSALITY_NS, self.stop.after_ns + CAUSALITY_NS
        if not low <= self.t0_ns <= high:
            yield (f"trigger.at is {(self.t0_ns - self.stop.before_ns) / 1e6:.3f} ms after kill() "
                   f"began, which took {(self.stop.after_ns - self.stop.before_ns) / 1e6:.3f} ms")
        sender = self.record["trigger"]["sender"]
        if self.stop.sender is None:  # a manager, on somebody's behalf
            return
        if not sender or sender["pid"] != self.stop.sender:
            yield f"trigger.sender is {sender}, sent by pid {self.stop.sender}"

    # Sums inside the record

    def _sums(self):
        connections = self.record["connections"]
        total = 0
        for direction in DIRECTIONS:
            part = connections[direction]
            found = sum(part["outcomes"].values())
            total += found
            expected = part["open_at_signal"] + part["late"]
            if found != expected and (self.record["complete"] or not self._loss()):
                yield f"{direction}: {found} outcomes, open_at_signal + late is {expected}"
            aborted = sum(part["outcomes"].get(name, 0) for name in ABORTED)
            if part["aborted"] != aborted:
                yield f"{direction}: aborted is {part['aborted']}, outcomes say {aborted}"
            yield from self._tally(direction)
        told = len(connections["details"]) + connections["details_omitted"]
        if told != total:
            yield f"{told} details (with those omitted), {total} outcomes"
        if self.record["complete"] and self.record["loss"]["events"]:
            yield f"complete, yet lost: {self.record['loss']}"

    def _loss(self):
        return {cause: n for cause, n in self.record["loss"]["by_cause"].items() if n}

    def _tally(self, direction):
        if self.record["connections"]["details_omitted"]:
            return
        details = [d for d in self.record["connections"]["details"] if d["direction"] == direction]
        counts = Counter(d["outcome"] for d in details)
        if counts != Counter(outcomes(self.record, direction)):
            yield (f"{direction}: details say {dict(counts)}, "
                   f"outcomes {outcomes(self.record, direction)}")
        names = Counter((d["local"], d["peer"]) for d in details)
        yield from (f"{direction}: {name} is there {n} times" for name, n in names.items() if n > 1)

    # Each connection is there once

    def _belongs(self, connection):
        """True: it must be in the record. False: it must not. None: too close to T0 to say."""
        if connection.established_ns is None or connection in self.absent:
            return False
        if connection in self.maybe:
            return None
        if abs(connection.established_ns - self.t0_ns) <= EDGE_NS:
            return None if connection.ended_ns else True
        if connection.established_ns > self.t0_ns or connection.ended_ns is None:
            return True
        # Most kinds are ended by the stop alone; those that arrive end all the time.
        edge_ns = EDGE_NS if connection.kind == "arriving" else 0
        if connection.ended_ns > self.t0_ns + edge_ns:
            return True
        by_server = connection.end in ("fin", "rst", "fin+rst")
        return False if by_server and connection.ended_ns < self.t0_ns - EDGE_NS else None

    def _presence(self):
        missing = []
        known = set(self.also)
        yield from (f"{name} is missing" for name in self.also - self.details.keys())
        for connection in self.connections:
            belongs = self._belongs(connection)
            if connection.local and belongs is not False:
                known.add(connection.local)
            if belongs and connection.local not in self.details:
                missing.append(connection)
            if belongs is False and connection.local in self.details:
                yield f"{connection.local} is in the record, and should not: {connection.line()}"
                known.add(connection.local)
        yield from (f"{name} is in the record, and no client's: {self.details[name]}"
                    for name in self.details.keys() - known)
        yield from self._missing(missing)

    def _missing(self, missing):
        """Where details are omitted, or a handshake was cut off, the count must account for it."""
        omitted = self.record["connections"]["details_omitted"]
        cut_off = self.record["connections"]["inbound"]["refused_handshakes"]
        if omitted:
            if len(missing) > omitted + cut_off:
                yield f"{len(missing)} connections missing, only {omitted} details omitted"
            return
        for connection in missing:
            if cut_off and self._is_cut_off(connection):
                cut_off -= 1
                self.undecidable[CUT_OFF] += 1
            elif self._overflows and connection.kind == "arriving" and connection.end != "fin" \
                    and not connection.received_bytes:
                self._overflows -= 1
                self.undecidable[QUEUE_FULL] += 1
            else:
                yield f"{connection.local} is missing: {connection.line()}"

    def _is_cut_off(self, connection):
        """To its client it was established, just as the listener closed, and reset at once."""
        if connection.end != "rst" or connection.received_bytes:
            return False
        return any(abs(connection.ended_ns - closed_ns) <= EDGE_NS
                   and abs(connection.established_ns - closed_ns) <= EDGE_NS
                   for listener in self.record["listeners"]
                   if listener["closed_at_s"] is not None
                   for closed_ns in (at_ns(self.record, listener["closed_at_s"]),))

    # Each connection is told right

    def _pairs(self):
        for connection in self.connections:
            detail = self.details.get(connection.local)
            if detail and connection not in self.absent:
                found = [*self._pair(connection, detail), *self._at(connection, detail),
                         *self._bytes(connection, detail)]
                yield from (f"{connection.local} ({connection.kind}): {said}" for said in found)
                if found:
                    yield f"  the record: {detail}"
                    yield f"  the client: {self._since_t0(connection)}"

    def _since_t0(self, connection):
        """The client's line with its times in milliseconds from T0."""
        line = connection.line()
        for key in line:
            if key.endswith("_ns") and line[key] is not None:
                line[key] = (line[key] - self.t0_ns) / 1e6
        line["events"] = [((ns - self.t0_ns) / 1e6, event) for ns, event in line["events"]]
        return line

    def _pair(self, connection, detail):
        outcome = detail["outcome"]
        seen = {(saw, connection.end) for saw in connection.saw(self.t0_ns, EDGE_NS)}
        reasons = [why for pair in seen if (why := UNDECIDABLE.get((outcome, *pair)))]
        if not seen & ALLOWED.get(outcome, set()):
            if not reasons:
                yield f"{outcome}, the client saw {sorted(seen)}"
            elif outcome == "left_open" and detail["unacked_bytes"]:
                yield f"left_open, with {detail['unacked_bytes']} bytes unacknowledged"
            elif connection.kind == "stream" or self.counts_undecidable:
                self.undecidable[reasons[0]] += 1
            else:
                yield f"{outcome}, the client saw {sorted(seen)}: {reasons[0]}"
        is_pending = detail.get("unacked_bytes") or detail.get("unread_bytes")
        if outcome == "abandoned" and not is_pending and \
                not {saw for saw, _ in seen} - {"whole", "told", "idle", "part"}:
            yield f"abandoned with nothing pending, the client saw {sorted(seen)}"
        if outcome in ("idle", "left_open") and is_pending:
            yield f"{outcome}, and bytes were pending"
        if detail["closed_by"] not in CLOSED_BY.get(outcome, {detail["closed_by"]}):
            yield f"{outcome}, closed_by {detail['closed_by']}"
        if detail["wire"] not in WIRE.get(outcome, {detail["wire"]}):
            yield f"{outcome}, wire {detail['wire']}"
        owner = self.truth.owners.get(connection.local)
        # Ended by a packet before anybody looked whose it is, or within a look: nobody can say.
        low, high = self.truth.closed.get(connection.local, (None, None))
        is_unknown = detail["pid"] is None and (
            detail["closed_by"] == "peer" or (low and high - low < _NO_CLOSE_NS))
        if owner and detail["pid"] != owner and not is_unknown:
            yield f"pid is {detail['pid']}, {owner} accepted it"
        if plain_name(detail["local"]) != connection.remote:
            yield f"local is {detail['local']}, the client connected to {connection.remote}"

    def _states(self, connection):
        """What at_signal may be."""
        away = connection.established_ns - self.t0_ns
        states = set()
        if away >= -EDGE_NS:
            states.add("new")
        if away <= EDGE_NS:
            states |= {"in_flight" if pending else "idle"
                       for pending in connection.states_at(self.t0_ns, EDGE_NS)}
            if connection.kind == "stream":  # between two messages it looks idle
                states.add("idle")
            if connection.is_accepted is False and self.stays_queued:
                return {"queued"}
            if not connection.is_taken:
                states.add("queued")
        return states

    def _moved_soon(self, connection):
        """Did bytes come after T0, perhaps before anybody had looked?"""
        if "told" in connection.saw(self.t0_ns, EDGE_NS):  # a farewell: its time is not known
            return True
        return any(event in ("part", "answered")
                   and -EDGE_NS < came_ns - self.t0_ns < self.looks_within_ns
                   for came_ns, event in connection.events)

    def _at(self, connection, detail):
        states = self._states(connection)
        is_unknown = detail["at_signal"] is None and self._moved_soon(connection)
        if detail["at_signal"] not in states and not is_unknown:
            yield f"at_signal is {detail['at_signal']}, the client's line allows {sorted(states)}"
        if detail["arrived_at_s"] is not None:
            arrived = self.t0_ns + detail["arrived_at_s"] * SECOND
            if not (connection.connect_ns - TOLERANCE_NS <= arrived
                    <= connection.established_ns + TOLERANCE_NS):
                yield f"arrived_at_s {detail['arrived_at_s']}, {connection.line()}"
            if detail["at_signal"] != "new":
                yield f"{detail['at_signal']}, and arrived_at_s is {detail['arrived_at_s']}"
        if detail["closed_at_s"] is not None:
            yield from self._closed_at(connection, detail)

    def _closed_at(self, connection, detail):
        closed = self.t0_ns + detail["closed_at_s"] * SECOND
        low, high = self.truth.closed.get(connection.local, (None, None))
        if low and high - low < _NO_CLOSE_NS and connection.fin_ns:
            high = connection.fin_ns
        if low and not low - TOLERANCE_NS <= closed <= high + TOLERANCE_NS:
            yield (f"closed_at_s {detail['closed_at_s']}, the victim closed it "
                   f"{(low - self.t0_ns) / SECOND:.6f} to {(high - self.t0_ns) / SECOND:.6f}")
        asked_ns = max((ns for ns, _ in connection.events), default=0)
        if detail["outcome"] == "late_reset" and asked_ns < closed - CAUSALITY_NS:
            yield f"late_reset, and the last request came before: {connection.line()}"
        seen_ns = connection.fin_ns or connection.ended_ns
        if connection.end == "fin":  # half closed by the server: over with the client's own FIN
            seen_ns = getattr(connection, "over_ns", None) or connection.ended_ns
        if connection.end in ("fin", "rst", "fin+rst") and closed > seen_ns + CAUSALITY_NS + (
                self.half_closes_ns if connection.end == "fin+rst" else 0):
            yield (f"closed_at_s {detail['closed_at_s']}, but the client saw the end at "
                   f"{(seen_ns - self.t0_ns) / SECOND:.6f}")

    def _bytes(self, connection, detail):
        if detail["outcome"] not in BYTES_AGREE:
            return
        if detail["received_bytes"] != connection.sent_bytes:
            yield f"received_bytes {detail['received_bytes']}, {connection.sent_bytes} were sent"
        if detail["sent_bytes"] != connection.received_bytes:
            yield f"sent_bytes {detail['sent_bytes']}, {connection.received_bytes} were received"

    # Counts against the client's

    def _refused(self):
        refused = sum(c.end == "refused" for c in self.connections)
        found = self.record["connections"]["inbound"]["refused"]
        if found != refused:
            yield f"refused is {found}, the client counted {refused}"

    def _counts(self):
        """open_at_signal, in_flight_at_signal and late between what is sure and what may be."""
        inbound = self.record["connections"]["inbound"]
        states = {"open_at_signal": [True] * len(self.also), "in_flight_at_signal": [],
                  "late": []}
        for connection in self.connections:
            belongs = self._belongs(connection)
            if belongs is False:
                continue
            may = self._states(connection)
            for key, names in (("open_at_signal", {"in_flight", "idle", "queued"}),
                               ("in_flight_at_signal", {"in_flight"}), ("late", {"new"})):
                if may & names:
                    states[key].append(bool(belongs) and may <= names)
        unsure = {"late": inbound["refused_handshakes"] + self.undecidable[QUEUE_FULL],
                  "in_flight_at_signal": sum(detail["at_signal"] is None
                                             for detail in self.details.values())}
        for key, sure in states.items():
            low = sum(sure) - unsure.get(key, 0)
            if not low <= inbound[key] <= len(sure):
                yield f"{key} is {inbound[key]}, the client says {low} to {len(sure)}"


def assert_agrees(record, connections, stop, victims=(), **rest):
    """The judge's verdict as an assertion."""
    found = Judge(record, connections, stop, Truth(victims), **rest).disagreements()
    if found:
        more = f", and {len(found) - 30} more" if len(found) > 30 else ""
        found.insert(30, f"  complete: {record['complete']}, loss: {record['loss']}{more}")
        raise AssertionError("the record disagrees:\n" + "\n".join(found[:31]))
