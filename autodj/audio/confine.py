"""What a decoding child may still do once ``confine`` has run: compute, read the descriptor it
was given, answer on its socket. Nothing it does can be undone from inside.

Resource limits hold everywhere. The kernel's own walls (a network namespace of its own,
Landlock, another user) are put up where the machine allows them.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_ASK_VERSION = 1
_NOBODY = 65534


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What one child may use: address space, processor time, wall time in all and between two
    signs of life (the parent keeps both), bytes in one line of its answer, and bytes in the
    file that it may be given to write.
    """

    memory_bytes: int = 768 * 1024 * 1024
    cpu_s: int = 30
    wall_s: float = 35.0
    stall_s: float = 35.0
    max_answer_bytes: int = 4 * 1024 * 1024
    max_output_bytes: int = 0

    def to_document(self) -> dict[str, Any]:
        return asdict(self)


def confine(limits: ChildLimits, keep: Collection[int]) -> None:
    """Give up everything but the descriptors in ``keep``; the caller is a fresh fork."""
    _silence()
    _close_others(keep)
    os.chdir("/")
    _limit(limits)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        parent_id = os.getppid()
        if libc.unshare(_CLONE_NEWNET) == 0:
            _become_nobody()
        else:
            _become_nobody()
            # Anybody may do this where user namespaces are allowed; as root it would undo
            # the change of user.
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        _require(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _require(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
        if os.getppid() != parent_id:
            os._exit(1)
        _lose_files(libc)
    else:
        _become_nobody()


def landlock_version(libc: ctypes.CDLL) -> int:
    """Which Landlock this kernel offers; below 1 for none."""
    return int(libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_ASK_VERSION))


def _silence() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def _close_others(keep: Collection[int]) -> None:
    wanted = sorted({0, 1, 2, *keep})
    for below, above in zip(wanted, [*wanted[1:], 1 << 16], strict=True):
        os.closerange(below + 1, above)


def _limit(limits: ChildLimits) -> None:
    bounds = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: limits.max_output_bytes,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        bounds |= {resource.RLIMIT_AS: limits.memory_bytes, resource.RLIMIT_NPROC: 0}
    for kind, value in bounds.items():
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def _become_nobody() -> None:
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
        except OSError:
            # A container may hold a root that maps no other user; the other walls stand.
            return


def _lose_files(libc: ctypes.CDLL) -> None:
    """A Landlock ruleset that handles every access and allows none: no path can be opened,
    and where the kernel is new enough no TCP port reached and no outsider signalled.
    """
    version = landlock_version(libc)
    if version < 1:
        return
    access_bits = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    fields = [(1 << access_bits) - 1]
    fields += [0b11] if version >= 4 else []
    fields += [0b11] if version >= 6 else []
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset >= 0:
        libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)


def _require(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused a confinement step")
