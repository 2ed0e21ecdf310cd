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
STOPS_WITHIN_S = 30


def bare_environment(home: Path, **more: str) -> dict[str, str]:
    """What ``env -i`` would leave, and the names by which coverage follows its children."""
    ours = environment()
    kept = {name: value for name, value in ours.items() if name.startswith("COVERAGE")}
    return {"PATH": ours["PATH"], "HOME": str(home), **kept, **more}


def autodj(
    *arguments: str, home: Path, prefix: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*prefix, *AUTODJ, *arguments],
        env=bare_environment(home, **environment),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
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
def running_up(data_dir: Path, *arguments: str, home: Path, **environment: str) -> Iterator[Up]:
    """``autodj up`` on a free port, ready; stopped at the end unless the test did so."""
    process = subprocess.Popen(
        [*AUTODJ, "up", "--port", "0", "--data", str(data_dir), *arguments],
        env=bare_environment(home, **environment),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            said, link = _until_ready(process)
            yield Up(data_dir, process, said, link)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=STOPS_WITHIN_S)


def _until_ready(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    said = link = ""
    for line in process.stdout:
        said += line
        if "/login?t=" in line:
            link = line.strip()
        if line.startswith("Ctrl-C"):
            return said, link
    raise AssertionError(f"autodj up ended: {said}")
