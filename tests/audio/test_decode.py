"""Decoding counts; headers only claim."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from autodj.audio.claims import Claim, claim
from autodj.audio.decode import open_decoder
from autodj.audio.encode import TARGETS, encode
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import AIFF, CAF, FLAC, MP3, WAV, WAVPACK, identify
from autodj.audio.resample import BlockResampler
from autodj.audio.sandbox import Sandbox
from autodj.errors import AudioRejected
from tests.clips import beat, make_clip

CODED_AS = {
    "mp3": "mp3",
    "flac": "flac",
    "wav": "pcm_s16le",
    "aiff": "pcm_s16be",
    "m4a": "aac",
    "aac": "aac",
    "ogg": "vorbis",
    "opus": "opus",
    "alac": "alac",
    "caf": "alac",
    "wv": "wavpack",
}


@pytest.mark.asyncio(loop_scope="session")
async def test_every_kind_of_file_is_probed_in_the_sandbox(
    sandbox: Sandbox, clips: dict[str, Path]
) -> None:
    probes = {ext: await sandbox.probe(path, identify(path)) for ext, path in clips.items()}
    assert {ext: probe.codec for ext, probe in probes.items()} == CODED_AS
    assert {probe.channels for probe in probes.values()} == {2}
    for extension, probe in probes.items():
        assert probe.sample_rate_hz == (48000 if extension == "opus" else 44100)
        # Coders pad the last block; 50 ms is more than any of them does.
        assert probe.duration_s == pytest.approx(5.0, abs=0.05)
        assert probe.tags.title == (None if extension == "aac" else "Five Seconds")
        assert not probe.has_cover
    assert probes["wav"].bit_rate_bps == 16 * 2 * 44100
    assert probes["mp3"].bit_rate_bps == pytest.approx(192_000, rel=0.03)


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (22050, 2), (96000, 2), (192000, 1)])
def test_rates_and_channels_within_the_limits_are_taken(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    path = make_clip(tmp_path / "clip.flac", 1, rate_hz=rate_hz, channels=channels)
    with path.open("rb") as file, open_decoder(file, FLAC, DecodeLimits()) as decoder:
        assert sum(frame.samples for frame in decoder.frames()) == rate_hz
        assert (decoder.sample_rate_hz, decoder.channels) == (rate_hz, channels)
        assert decoder.decoded_s == pytest.approx(1.0)
        assert decoder.position == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (DecodeLimits(max_duration_s=4), "too_long"),
        (DecodeLimits(max_channels=1), "channels"),
        (DecodeLimits(min_rate_hz=64000), "sample_rate"),
        (DecodeLimits(max_rate_hz=32000), "sample_rate"),
    ],
)
def test_a_limit_that_is_passed_names_itself(
    clips: dict[str, Path], limits: DecodeLimits, code: str
) -> None:
    for path in clips.values():
        with (
            path.open("rb") as file,
            pytest.raises(AudioRejected) as refused,
            open_decoder(file, identify(path), limits) as decoder,
        ):
            list(decoder.frames())
        assert refused.value.code == code


@pytest.mark.parametrize(("kept", "taken"), [(0.985, True), (0.97, False)])
def test_two_percent_may_be_missing(tmp_path: Path, kept: float, taken: bool) -> None:
    whole = make_clip(tmp_path / "clip.wav", 10).read_bytes()
    path = tmp_path / "cut.wav"
    path.write_bytes(whole[: round(kept * len(whole))])
    with path.open("rb") as file, open_decoder(file, WAV, DecodeLimits()) as decoder:
        if taken:
            list(decoder.frames())
            assert decoder.decoded_s == pytest.approx(kept * 10, abs=0.01)
        else:
            with pytest.raises(AudioRejected) as refused:
                list(decoder.frames())
            assert refused.value.code == "truncated"


def test_an_mp3_without_a_header_that_counts_is_taken_at_its_length(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp3"
    with av.open(path, "w", format="mp3", options={"write_xing": "0"}) as output:
        stream = output.add_stream("libmp3lame", rate=44100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(beat(3), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 44100, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    path.write_bytes(path.read_bytes()[:30_000])
    with path.open("rb") as file, open_decoder(file, MP3, DecodeLimits()) as decoder:
        list(decoder.frames())
        assert 1.0 < decoder.decoded_s < 3.0


def test_a_bruise_in_the_middle_is_heard_and_forgiven(tmp_path: Path) -> None:
    whole = bytearray(make_clip(tmp_path / "clip.mp3", 20).read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 300] = bytes(300)
    path = tmp_path / "bruised.mp3"
    path.write_bytes(whole)
    with path.open("rb") as file, open_decoder(file, MP3, DecodeLimits()) as decoder:
        list(decoder.frames())
        assert decoder.decoded_s > 19.5


@pytest.mark.parametrize("duration_s", [0.5, 8.0])
@pytest.mark.parametrize(
    ("codec", "behind"),
    [*((codec, b"TAG" + bytes(125)) for codec in TARGETS), ("wv", bytes(100_000))],
)
def test_what_stands_behind_all_of_the_audio_is_not_its_damage(
    tmp_path: Path, codec: str, behind: bytes, duration_s: float
) -> None:
    path = make_clip(tmp_path / "clip", duration_s, codec=codec)
    path.write_bytes(path.read_bytes() + behind)
    with (
        path.open("rb") as file,
        open_decoder(file, identify(path), DecodeLimits()) as decoder,
    ):
        assert sum(1 for _ in decoder.frames()) > 0
        assert decoder.decoded_s == pytest.approx(duration_s, abs=0.06)


def test_a_tag_beyond_the_limit_names_itself(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp3", 1, tags={"title": "x" * 400})
    with path.open("rb") as file:
        assert claim(file, MP3, max_tag_bytes=500).duration_s is not None
        with (
            pytest.raises(AudioRejected) as refused,
            open_decoder(file, MP3, DecodeLimits(max_tag_bytes=300)),
        ):
            pass
    assert refused.value.code == "tags_too_large"


def test_headers_are_read_as_they_are_written(clips: dict[str, Path]) -> None:
    expected = {
        "wav": Claim(5.0, 44100, 2),
        "aiff": Claim(5.0, 44100, 2),
        "flac": Claim(5.0, 44100, 2),
        "caf": Claim(5.0, 44100, 2),
        "wv": Claim(5.0, 44100),
        "ogg": Claim(),
        "m4a": Claim(),
    }
    for extension, stated in expected.items():
        path = clips[extension]
        with path.open("rb") as file:
            assert claim(file, identify(path)) == stated
    with clips["mp3"].open("rb") as file:
        assert claim(file, MP3).duration_s == pytest.approx(5.0, abs=0.1)


def test_rf64_states_its_size_in_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, 40_000_000_000, 0, 0)
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, 48000, 192000, 4, 16)
    path.write_bytes(b"RF64\xff\xff\xff\xffWAVE" + ds64 + fmt + b"data\xff\xff\xff\xff")
    with path.open("rb") as file:
        assert claim(file, WAV) == Claim(40_000_000_000 / 192000, 48000, 2)


@pytest.mark.parametrize("container", [WAV, AIFF, FLAC, CAF, WAVPACK])
def test_a_header_that_ends_early_claims_nothing(tmp_path: Path, container: object) -> None:
    path = tmp_path / "stub"
    path.write_bytes(b"FORM\x00\x00\x01\x00AIFFCOMM\x00\x00\x00\x12\x00")
    with path.open("rb") as file:
        assert claim(file, container) == Claim()  # type: ignore[arg-type]  # pytest's parameters are untyped


def test_a_change_of_layout_midway_goes_on_in_the_first_shape() -> None:
    resampler = BlockResampler(24000, 2)
    blocks = []
    for layout, channels, rate_hz in (("stereo", 2, 48000), ("mono", 1, 44100)):
        frame = av.AudioFrame.from_ndarray(
            np.ones((channels, rate_hz), np.float32), format="fltp", layout=layout
        )
        frame.sample_rate = rate_hz
        blocks += list(resampler.push(frame))
    blocks += list(resampler.finish())
    assert {block.shape[0] for block in blocks} == {2}
    assert sum(block.shape[1] for block in blocks) == pytest.approx(48000, abs=50)


def test_encoding_the_same_samples_gives_the_same_bytes(tmp_path: Path) -> None:
    for extension in CODED_AS:
        one, two = (make_clip(tmp_path / f"{name}.{extension}", 1) for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_a_cover_needs_a_kind_of_file_with_a_place_for_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wav"):
        encode(beat(1), 44100, tmp_path / "a.wav", codec="wav", cover=b"\x89PNG")
