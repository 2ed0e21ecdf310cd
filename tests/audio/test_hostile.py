"""What nobody should be able to do with a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import pytest
from structlog.testing import capture_logs

from autodj.audio.confine import ChildLimits
from autodj.audio.decode import open_decoder
from autodj.audio.facts import Analysis, DecodeLimits, Probe
from autodj.audio.identify import CONTAINERS, FLAC, Container, identify
from autodj.audio.sandbox import Sandbox
from autodj.errors import AudioRejected, AutodjError
from tests.audio.hostile import Hostile, playlists
from tests.audio.silence import silent_flac
from tests.clips import make_clip
from tests.listening import listening

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
    with listening() as found:
        yield found


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


async def test_a_bomb_of_silence_is_measured_in_little_memory(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """As floats these 12 KB are 3 GB."""
    path = tmp_path / "bomb.flac"
    path.write_bytes(silent_flac(minutes=4, rate_hz=96000, channels=8))
    probe = await sandbox.probe(path, FLAC)
    assert (probe.channels, probe.sample_rate_hz, probe.duration_s) == (8, 96000, 240.0)
    arguments = {"extension": "flac", "limits": DecodeLimits().to_document()}
    limits = ChildLimits(memory_bytes=768 * 1024 * 1024, cpu_s=100, wall_s=110.0, stall_s=110.0)
    document: Any = await sandbox.run("analyze", path, arguments, limits)
    found = Analysis.from_document(document)
    assert (found.bpm, found.key, found.integrated_lufs) == (None, None, None)
    with pytest.raises(AudioRejected) as refused:
        await sandbox.probe(path, FLAC, DecodeLimits(max_duration_s=60))
    assert refused.value.code == "too_long"
