from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.cli.starting import AUTODJ, empty_environment, login_link_in, serving
from tests.cli.test_access import opened
from tests.cli.test_lifecycle import wait_until_gone
from tests.clips import make_clip


def test_the_whole_path_is_shown_checked_and_cleared_away(here: Here, tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    audio.mkdir()
    make_clip(audio / "one.mp3", 5, bpm=124, tags={"title": "One"})
    make_clip(audio / "two.flac", 5, bpm=90)
    make_clip(audio / "three.wav", 5, bpm=140)
    (audio / "zero.mp3").write_bytes(bytes(5000))
    data_dir = tmp_path / "data"

    told = here("demo", "--once", "--audio", audio, "--data", data_dir, "--port", "0")
    assert told.code == 0, told.out + told.err
    assert told.err == ""
    for part in ("broker", "S3 server", "database", "edge", "worker", "web process"):
        assert f"✓ {part}" in told.out
    assert "- zero.mp3" in told.out
    assert "refused:" in told.out
    for title, bpm in (("One", 124), ("two", 90), ("three", 140)):
        [row] = [line for line in told.out.splitlines() if line.startswith(title) and "->" in line]
        assert float(row.split()[1]) == pytest.approx(bpm, abs=0.5)
        assert "local -> s3" in row
        assert "A minor" in row
    assert told.out.count("206 for 0-1023, ") == 3
    assert told.out.count("... as sent") == 3
    assert told.out.count("✓ a forged link") == 3
    assert "All 24 checks passed" in told.out
    assert "✗" not in told.out
    assert "login?t=" not in told.out
    assert wait_until_gone(data_dir) == {}


def test_without_once_it_goes_on_serving_and_throws_its_data_away_at_the_end(
    home: Path, tmp_path: Path
) -> None:
    make_clip(tmp_path / "audio.mp3", 4, bpm=124)
    (tmp_path / "tmp").mkdir()
    with serving("demo", "--audio", str(tmp_path), home=home, TMPDIR=str(tmp_path / "tmp")) as (
        process,
        said,
    ):
        assert "All 8 checks passed" in said
        [data_dir] = (tmp_path / "tmp").glob("autodj-demo-*")
        assert f"data in {data_dir}" in said
        assert f"autodj login --data {data_dir}" in said
        assert opened(login_link_in(said))[0] == 303
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_demonstration_that_is_broken_off_is_no_success(home: Path, tmp_path: Path) -> None:
    make_clip(tmp_path / "audio.mp3", 4, bpm=124)
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [*AUTODJ, "demo", "--once", "--port", "0", "--audio", str(tmp_path)],
        env=empty_environment(home, TMPDIR=str(tmp_path / "tmp")),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if "✓ broker" in line:
                process.send_signal(signal.SIGINT)
                break
        process.communicate()
    assert process.returncode == 130
    assert list((tmp_path / "tmp").iterdir()) == []
