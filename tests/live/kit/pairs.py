# SPDX-License-Identifier: GPL-2.0-only
"""What a client may have seen of a connection with a given outcome: RECORD.md's table, once.

What it saw is a pair: of its last request, and how the connection ended for it.

  idle   nothing was asked, or all was answered before T0        fin, rst, fin+rst   by the server
  whole  answered after T0                                       closed, own_rst     by the client
  part   a part of an answer                                     open                not at all
  none   no byte of an answer
  half   half a request was sent
  told   bytes that nobody asked for (a farewell), after all answers
"""

ANYTHING = ("idle", "whole", "none", "part", "half", "told")

ALLOWED = {
    "completed": {("whole", "fin"), ("told", "fin")},
    "idle": {("idle", "fin")},
    "peer_closed": {("idle", "closed"), ("whole", "closed")},
    # closed: by the client, and its kernel answered what we sent after that
    "peer_reset": {(saw, "own_rst") for saw in ANYTHING}
    | {("idle", "closed"), ("whole", "closed")},
    "handed_over": {(saw, "open") for saw in ANYTHING},
    "open": {(saw, "open") for saw in ANYTHING},
    "left_open": {("idle", "fin"), ("whole", "fin"), ("told", "fin")},
    "reset": {(saw, "rst") for saw in ANYTHING},
    "cut": {("none", "fin"), ("half", "fin")},
    # whole, told: the process died, the kernel delivered what was buffered
    "abandoned": {(saw, end) for saw in ("none", "part", "half") for end in ("fin", "rst")}
    | {("whole", "fin"), ("told", "fin")},
    "unaccepted": {(saw, "rst") for saw in ("idle", "none", "half")},
    # The request crossed our FIN on the way: which of FIN and RST a client sees first is a race;
    # one that reads sees the FIN, and no answer.
    "late_reset": {("none", "fin+rst"), ("none", "rst"), ("none", "fin")},
}

# What no kernel can tell from the pairs above, and why. Counted, never silently allowed; where a
# test knows that its server sends whole answers only, it is a disagreement ("stream" excepted).
_CUT_BY_ITSELF = ("closed by the application right after bytes of its own: "
                  "only the protocol knows that the answer was not whole")
UNDECIDABLE = {
    ("completed", "part", "fin"): _CUT_BY_ITSELF,
    ("left_open", "part", "fin"): (
        "everything sent had arrived when the process ended: "
        "only the protocol knows that more was to come"),
    ("idle", "part", "fin"): (
        "a pause within an answer, then closed by the application: "
        "only the protocol knows that it was no idle connection"),
}

# A connection for its client only, until the server's kernel takes the end of the handshake.
QUEUE_FULL = ("the accept queue was full and the end of the handshake dropped: "
              "to the server's kernel it never was a connection")
# The same as the listener closes: an ACK is answered by RST, and the client thinks it was in.
CUT_OFF = ("the listener closed between the two ends of the handshake: "
           "only the client took it for a connection")

CLOSED_BY = {
    "completed": {"app"}, "idle": {"app"}, "cut": {"app"}, "late_reset": {"app", "exit"},
    "reset": {"app", "exit"}, "left_open": {"exit"}, "abandoned": {"exit"},
    "unaccepted": {"kernel"}, "peer_reset": {"peer"}, "open": {None}, "handed_over": {None},
}
WIRE = {
    "completed": {"fin"}, "idle": {"fin"}, "cut": {"fin"}, "left_open": {"fin"},
    "reset": {"rst"}, "unaccepted": {"rst"}, "peer_reset": {"none", None},
    "abandoned": {"fin", "rst"}, "open": {"none", None}, "handed_over": {"none", None},
}
# Where both sides agree on every byte: nothing was cut off, nothing sent into the void.
BYTES_AGREE = ("completed", "idle", "cut")
