from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

from tests.cli.conftest import Here
from tests.cli.starting import running_up
from tests.clips import make_clip

GONE_WITHIN_S = 60


def processes_of(data_dir: Path) -> dict[int, str]:
    """Living processes that run in the folder or name it, by what they run."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            inside = (entry / "cwd").readlink().is_relative_to(data_dir)
        except OSError:  # it ended, or belongs to somebody else
            continue
        if command and (inside or str(data_dir) in command):
            found[int(entry.name)] = command
    return found


def wait_until_gone(data_dir: Path) -> dict[int, str]:
    """The processes that are left when they should long be gone."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (left := processes_of(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def test_a_killed_server_leaves_no_children_and_loses_no_track(
    here: Here, home: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    song = make_clip(tmp_path / "song.flac", 5, bpm=110)
    with running_up(data_dir, "--s3", home=home) as first:
        [added] = json.loads(here("add", song, "--wait", "--json", "--data", data_dir).out)
        link = here("url", added["track"]["id"], "--data", data_dir).out.strip()
        commands = " ".join(processes_of(data_dir).values())
        for part in ("valkey", "weed", "autodj edge", "autodj serve", "arq"):
            assert part in commands
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        assert wait_until_gone(data_dir) == {}
    assert "No autodj is running" in here("ls", "--data", data_dir).err

    # Without --s3: what lies on the S3 server must play all the same, also by older links.
    with running_up(data_dir, home=home) as second:
        [track] = json.loads(here("ls", "--json", "--data", data_dir).out)
        assert track["id"] == added["track"]["id"]
        assert track["bpm"] == added["track"]["bpm"]
        assert track["file_source"] == "s3"
        with urllib.request.urlopen(link) as answer:
            assert answer.read() == song.read_bytes()
        code, said = second.stop()
    assert code == 0
    assert said.strip() == "stopping"
    assert wait_until_gone(data_dir) == {}
    assert not (data_dir / "running.json").exists()
    assert (data_dir / "keys.json").stat().st_mode & 0o077 == 0
