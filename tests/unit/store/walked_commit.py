"""Kill a process at every boundary of a system call, with the kernel's own tracing (Linux).

In: an action. Out: one run of it per boundary, each killed there by SIGKILL. Only the main thread
is traced: it is the one that touches the disk.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_TRACEME, _SYSCALL, _SETOPTIONS = 0, 24, 0x4200
_EXITKILL = 0x100000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class NotTraceableError(Exception):
    """The kernel does not let this process trace a child."""


def killed_at(action: Callable[[], None], boundary: int) -> bool:
    """Run `action` in a child and kill it at its `boundary`-th entry or exit of a system call.

    Returns False if the action came to its end before.
    """
    child = os.fork()
    if child == 0:
        _act(action)
    _, status = os.waitpid(child, 0)
    if not os.WIFSTOPPED(status):
        raise NotTraceableError
    _ptrace(_SETOPTIONS, child, _EXITKILL)
    passed = 0
    while True:
        if passed == boundary:
            os.kill(child, signal.SIGKILL)
        else:
            _ptrace(_SYSCALL, child, 0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return True
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the action failed by itself"
            return False
        passed += 1


def _act(action: Callable[[], None]) -> None:
    code = 1
    try:
        if _libc.ptrace(_TRACEME, 0, None, None) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            action()
            code = 0
    finally:
        os._exit(code)


def _ptrace(request: int, child: int, data: int) -> None:
    if _libc.ptrace(request, child, None, data) != 0:
        raise NotTraceableError(os.strerror(ctypes.get_errno()))
