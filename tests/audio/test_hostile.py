"""What nobody should be able to do with a file."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Thread

import av
import pytest
from structlog.testing import capture_logs

from autodj.audio.decode import open_decoder
from autodj.audio.facts import DecodeLimits, Probe
from autodj.audio.identify import CONTAINERS, FLAC, Container, identify
from autodj.audio.sandbox import Sandbox
from autodj.errors import AudioRejected, AutodjError
from tests.audio.hostile import Hostile, playlists, silence_bomb
from tests.clips import make_clip

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def refusal(sandbox: Sandbox, path: Path) -> AutodjError | Probe:
    """How ingest would answer the file: first its bytes are looked at, then it is decoded."""
    try:
        return await sandbox.probe(path, identify(path))
    except AutodjError as refused:
        return refused


async def test_every_hostile_file_is_refused_for_what_it_is(
    sandbox: Sandbox, hostile: dict[str, Hostile], tmp_path: Path
) -> None:
    found, expected = {}, {}
    with capture_logs() as logs:
        for case in hostile.values():
            path = tmp_path / "upload.mp3"
            path.write_bytes(case.data)
            answer = await refusal(sandbox, path)
            code = answer.code if case.code and isinstance(answer, AutodjError) else None
            found[case.name] = (type(answer).__name__, code)
            expected[case.name] = (case.refusal.__name__, case.code)
    assert found == expected
    assert logs == []


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address on loopback, and what ever arrived there."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(1024))

        Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.extension)
async def test_a_playlist_reaches_nothing_even_if_taken_for_audio(
    container: Container, listener: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    """Without any confinement, so that the decoder's own locks are what holds."""
    address, heard = listener
    make_clip(tmp_path / "whole.mp3", 1)
    path = tmp_path / "playlist.mp3"
    for data in playlists(address).values():
        path.write_bytes(data)
        with (
            path.open("rb") as file,
            pytest.raises(AudioRejected),
            open_decoder(file, container, DecodeLimits()) as decoder,
        ):
            list(decoder.frames())
    assert heard == []


async def test_the_listener_would_hear_a_playlist_being_followed(
    listener: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    """The control: with FFmpeg's defaults the same document makes it call out."""
    address, heard = listener
    path = tmp_path / "playlist.m3u8"
    path.write_bytes(playlists(address)["m3u8 over http"])
    with (
        path.open("rb") as file,
        suppress(av.FFmpegError, IndexError),
        av.open(file, "r") as source,
    ):
        list(source.decode(audio=0))
    assert heard != []


async def test_a_silence_bomb_is_decoded_in_little_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    path = silence_bomb(tmp_path / "bomb.flac", minutes=3)
    probe = await sandbox.probe(path, FLAC)
    assert (probe.channels, probe.sample_rate_hz, probe.duration_s) == (8, 96000, 180.0)
    analysis = await sandbox.analyze(path, FLAC)
    assert (analysis.bpm, analysis.key, analysis.integrated_lufs) == (None, None, None)
    with pytest.raises(AudioRejected) as refused:
        await sandbox.probe(path, FLAC, DecodeLimits(max_duration_s=60))
    assert refused.value.code == "too_long"


async def test_bytes_changed_at_random_never_bring_the_sandbox_down(
    sandbox: Sandbox, clips: dict[str, Path], tmp_path: Path
) -> None:
    """Every mutant is either taken or refused; nothing else, and the next good file still is."""
    random = Random(7)
    with capture_logs() as logs:
        for extension, clip in clips.items():
            whole = clip.read_bytes()[:60_000]
            for round_ in range(12):
                mutant = bytearray(whole)
                for _ in range(1 + 4**round_ % 200):
                    mutant[random.randrange(min(len(mutant), 400 * (round_ + 1)))] = (
                        random.randrange(256)
                    )
                path = tmp_path / f"mutant.{extension}"
                path.write_bytes(mutant)
                await refusal(sandbox, path)
    assert logs == []
    assert (await sandbox.probe(clips["mp3"], identify(clips["mp3"]))).duration_s == 5.0
