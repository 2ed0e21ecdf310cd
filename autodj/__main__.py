"""The command: ``autodj``, also as ``python -m autodj``."""

from __future__ import annotations

import io
import sys

from autodj.cli.app import run


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal lacks a sign, not the whole line
    sys.exit(run())


if __name__ == "__main__":
    main()
