# SPDX-License-Identifier: GPL-2.0-only
"""tracer.py PID: as a debugger does, it holds the process when that is about to end.

Says "traces" once it would; a line on stdin makes it let go.
"""

import ctypes
import os
import sys

_SEIZE, _DETACH = 0x4206, 17
_O_TRACEEXIT = 1 << 6

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace({request})")


traced = int(sys.argv[1])
ptrace(_SEIZE, traced, _O_TRACEEXIT)
print("traces", flush=True)
os.waitpid(traced, 0)
print("holds", flush=True)
sys.stdin.readline()
ptrace(_DETACH, traced)
