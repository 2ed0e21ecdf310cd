"""The command: ``autodj``, also as ``python -m autodj``."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable


def main() -> None:
    run = _loaded()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal lacks a sign, not the whole line
    code = run()
    sys.exit(code if _is_written_out() else code or 1)


def _loaded() -> Callable[[], int]:
    """What runs the command. Until it is loaded Ctrl-C ends the process and says nothing."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from autodj.cli.app import run  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, handler)
    return run


def _is_written_out() -> bool:
    """Whether stdout took all that was said; what it did not take is let go."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


if __name__ == "__main__":
    main()
