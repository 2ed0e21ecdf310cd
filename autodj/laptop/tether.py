"""Become another program, tied to the life of the process that started it.

Run by path, so that nothing of autodj is loaded:
``python -I -S tether.py PARENT_ID USER_ID PROGRAM [ARGUMENT...]``. ``USER_ID`` -1 keeps the user.
Where the kernel can do it (Linux), the program is killed the moment its parent is gone, however
that ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def become(parent_id: int, user_id: int, command: Sequence[str]) -> None:
    """Replace this process by the command; returns only by raising OSError."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    if user_id >= 0:
        os.setgroups([])
        os.setgid(user_id)
        os.setuid(user_id)
    if prctl is not None:
        # After the change of user, which takes the tie away again.
        if prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses to tie the process")
        if os.getppid() != parent_id:  # it died before the tie was made
            os._exit(1)
    os.execv(command[0], list(command))  # noqa: S606 - becoming the program is the purpose


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
