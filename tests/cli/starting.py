"""``autodj`` as a person starts it: a process with next to nothing in its environment."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autodj.settings import environment

AUTODJ = (sys.executable, "-m", "autodj")
STOPS_WITHIN_S = 90


def empty_environment(home: Path, **more: str) -> dict[str, str]:
    """What ``env -i HOME=... PATH=... more`` leaves."""
    return {"PATH": environment()["PATH"], "HOME": str(home), **more}


def autodj(*arguments: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*AUTODJ, *arguments],
        env=empty_environment(home, **settings),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@dataclass(frozen=True)
class Up:
    """A running ``autodj up``: everything it said until it was ready, and its login link."""

    data_dir: Path
    process: subprocess.Popen[str]
    said: str
    login_link: str

    @property
    def url(self) -> str:
        return self.login_link.partition("/login")[0]

    def stop(self) -> tuple[int, str]:
        """Ctrl-C; its exit code, and what it said after it was ready."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=STOPS_WITHIN_S)
        return self.process.returncode, rest


@contextmanager
def running_up(data_dir: Path, *arguments: str, home: Path, **settings: str) -> Iterator[Up]:
    """``autodj up`` on a free port, ready; stopped at the end unless the test did so."""
    command = ("up", "--port", "0", "--data", str(data_dir), *arguments)
    with serving(*command, home=home, **settings) as (process, said):
        yield Up(data_dir, process, said, login_link_in(said))


@contextmanager
def serving(
    *arguments: str, home: Path, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that serves, and what it said until it was ready; Ctrl-C at the end."""
    process = subprocess.Popen(
        [*AUTODJ, *arguments],
        env=empty_environment(home, **settings),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process, _until_ready(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=STOPS_WITHIN_S)


def login_link_in(said: str) -> str:
    [link] = [line.strip() for line in said.splitlines() if "/login?t=" in line]
    return link


def _until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            return said
    raise AssertionError(f"autodj ended: {said}")
