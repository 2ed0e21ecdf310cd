"""Tasks that do in a sandbox's child what a hostile file might make a decoder do."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from autodj.audio.child import Emit, Task
from autodj.audio.facts import Analysis, Waveform
from autodj.audio.form import Section
from autodj.audio.waveform import MAX_POINTS
from autodj.errors import AudioRejected

Arguments = dict[str, Any]


def spin(_file: BinaryIO, _arguments: Arguments, emit: Emit) -> object:
    emit("progress", 0.5)
    while True:
        pass


def sleep(_file: BinaryIO, arguments: Arguments, emit: Emit) -> object:
    emit("progress", 0.5)
    time.sleep(arguments.get("seconds", 3600))
    return "slept"


def pretend(_file: BinaryIO, _arguments: Arguments, emit: Emit) -> object:
    while True:
        emit("progress", 0.5)
        time.sleep(0.01)


def grow(_file: BinaryIO, _arguments: Arguments, _emit: Emit) -> object:
    return len(bytearray(4 << 30))


def crash(_file: BinaryIO, _arguments: Arguments, _emit: Emit) -> object:
    return ctypes.string_at(0).decode()


def end(_file: BinaryIO, _arguments: Arguments, _emit: Emit) -> object:
    os._exit(3)


def flood(_file: BinaryIO, _arguments: Arguments, _emit: Emit) -> object:
    return "x" * (64 << 20)


def stumble(_file: BinaryIO, _arguments: Arguments, _emit: Emit) -> object:
    raise KeyError("an unforeseen byte")


def choke(file: BinaryIO, _arguments: Arguments, emit: Emit) -> object:
    """Once the file has grown, leave no room in the socket of the answer, and end."""
    size_bytes = os.fstat(file.fileno()).st_size
    emit("progress", 0.5)
    while os.fstat(file.fileno()).st_size == size_bytes:
        time.sleep(0.001)
    (answer,) = (each for each in range(3, 32) if _is_socket(each))
    os.set_blocking(answer, False)
    while True:
        try:
            emit("progress", 0.5)
        except BlockingIOError:
            os._exit(3)


def refuse(_file: BinaryIO, _arguments: Arguments, _emit: Emit) -> object:
    raise AudioRejected("There are nine channels.", code="channels")


def analyze(_file: BinaryIO, arguments: Arguments, _emit: Emit) -> object:
    """The facts of a mix as long as may be, as quick as is heard, with phrases of eight bars."""
    duration_s = arguments["limits"]["max_duration_s"]
    bpm = 215.0
    beats_s = [round(0.0123 + at * 60 / bpm, 4) for at in range(int(duration_s * bpm / 60))]
    downbeats_s = beats_s[::4]
    curve = (200,) * MAX_POINTS
    return Analysis(
        version=0,
        duration_s=duration_s,
        bpm=bpm,
        bpm_confidence=0.9,
        bpm_alternative=None,
        beats_s=tuple(beats_s),
        key=None,
        camelot=None,
        key_confidence=0.0,
        integrated_lufs=None,
        true_peak_dbtp=None,
        waveform=Waveform(0.5, *(curve,) * 6),
        downbeats_s=tuple(downbeats_s),
        bar_energy=(0.123,) * len(downbeats_s),
        sections=tuple(
            Section("break", at_s, 8 * place + 1, 8, 0.123)
            for place, at_s in enumerate(downbeats_s[::8])
        ),
    ).to_document()


def look_around(file: BinaryIO, arguments: Arguments, _emit: Emit) -> object:
    """Try every way out, and tell which error stood in it (None where there was none)."""
    port = arguments["port"]
    descriptors = sum(_is_open(descriptor) for descriptor in range(256))
    ways: dict[str, Callable[[], object]] = {
        "read a file": lambda: Path("/etc/hostname").read_text(),
        "read the upload again by name": lambda: Path(arguments["path"]).read_bytes(),
        "write a file": lambda: Path(arguments["folder"], "mark").write_text("here"),
        "list a folder": lambda: list(Path("/").iterdir()),
        "connect": lambda: socket.socket().connect(("127.0.0.1", port)),
        "write to the upload": lambda: os.write(file.fileno(), b"x"),
        "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "signal the parent": lambda: os.kill(os.getppid(), signal.SIGCONT),
        "open many descriptors": lambda: [os.dup(0) for _ in range(100)],
        "become root": lambda: os.setuid(0),
    }
    outcomes: dict[str, str | None] = {}
    for name, way in ways.items():
        try:
            way()
        except OSError as error:
            outcomes[name] = type(error).__name__
        else:
            outcomes[name] = None
    return {
        "outcomes": outcomes,
        "environment": sorted(os.environ),  # noqa: TID251  # what is left of it is the question
        "descriptors": descriptors,
        "content": file.read().decode(),
        "user": os.geteuid(),
        "directory": str(Path.cwd()),
    }


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _is_socket(descriptor: int) -> bool:
    return _is_open(descriptor) and stat.S_ISSOCK(os.fstat(descriptor).st_mode)


TASKS: dict[str, Task] = {
    task.__name__: task
    for task in (
        spin,
        sleep,
        pretend,
        grow,
        crash,
        end,
        flood,
        stumble,
        choke,
        refuse,
        analyze,
        look_around,
    )
}
