"""What is made is heard at the right time, whole, and without loss where that is promised."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.decode import open_decoder
from autodj.audio.encode import encode
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import identify
from autodj.audio.layout import is_indexed
from autodj.audio.recipes import Made, Recipe, RenditionName, Wishes
from autodj.audio.rendition import make_rendition
from autodj.audio.rendition_rules import Original, recipes
from autodj.audio.resample import BlockResampler
from autodj.audio.sandbox import Sandbox
from autodj.errors import AudioRejected
from tests.clips import AWKWARD, RATE_HZ, beat, clicks, make_awkward

SECONDS = 7.0
PLAIN = ("aiff", "alac", "caf", "wv", "aac", "ogg", "opus", "wav", "mp3", "m4a", "flac")
LIMITS = DecodeLimits()
WISHES = Wishes(preview_s=3)


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same clicks as every kind of file."""
    folder, samples = tmp_path_factory.mktemp("originals"), clicks(SECONDS)
    for codec in PLAIN:
        encode(samples, RATE_HZ, folder / f"clicks.{codec}", codec=codec)
    return {codec: folder / f"clicks.{codec}" for codec in PLAIN} | {
        name: make_awkward(folder, name, samples) for name in AWKWARD
    }


def recipes_for(path: Path) -> tuple[Recipe, ...]:
    container = identify(path)
    with path.open("rb") as file, open_decoder(file, container, LIMITS) as decoder:
        codec = decoder.codec
    original = Original(container, codec, is_indexed(path, container), SECONDS, loudest_s=2.2)
    return recipes(original, WISHES)


def make(path: Path, recipe: Recipe, output: Path) -> Made | None:
    with path.open("rb") as file, output.open("xb+", buffering=0) as written:
        return make_rendition(
            file, identify(path), LIMITS, recipe, written.fileno(), lambda _: None
        )


def heard(path: Path) -> NDArray[np.float32]:
    """What our decoder makes of it, mono at ``RATE_HZ``."""
    resampler = BlockResampler(RATE_HZ, 1)
    with path.open("rb") as file, open_decoder(file, identify(path), LIMITS) as decoder:
        blocks = [block[0] for frame in decoder.frames() for block in resampler.push(frame)]
    return np.concatenate([*blocks, *(block[0] for block in resampler.finish())])


def click_times(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """When each click begins: the first sample over a quarter of its neighbourhood's peak."""
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    firsts = loud[np.concatenate([[True], np.diff(loud) > RATE_HZ // 5])]
    return np.asarray(firsts / RATE_HZ, np.float64)


def test_the_ruler_measures_to_a_tenth_of_a_millisecond() -> None:
    samples = clicks(3)[0]
    expected = np.arange(0.25, 2.99, 0.5)
    assert click_times(samples) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("kind", [*PLAIN, *AWKWARD])
def test_every_click_is_where_the_offset_says(
    originals: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    source = originals[kind]
    beats_s = click_times(heard(source))
    assert beats_s.size == 14
    for recipe in recipes_for(source):
        output = tmp_path / f"{recipe.name}.{recipe.extension}"
        made = make(source, recipe, output)
        if made is None:
            assert (recipe.name, kind) == (RenditionName.LOSSLESS, "floats.wv")
            continue
        assert identify(output).extension == recipe.extension
        assert is_indexed(output, identify(output))
        found_s = click_times(heard(output)) + made.start_offset_s
        nearest_s = beats_s[np.abs(beats_s[:, None] - found_s).argmin(axis=0)]
        assert found_s == pytest.approx(nearest_s, abs=1e-3), recipe
        whole = recipe.length_s is None
        assert found_s.size == (14 if whole else pytest.approx(5, abs=1))
        assert made.duration_s == pytest.approx(SECONDS if whole else 3, abs=0.15)


@pytest.mark.parametrize("kind", ["aiff", "alac", "caf", "wv", "wav", "24 bits.wav"])
def test_a_lossless_rendition_has_every_sample(
    originals: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    output = tmp_path / "lossless.flac"
    assert make(originals[kind], Recipe(RenditionName.LOSSLESS, "flac"), output)

    def samples(path: Path) -> NDArray[np.int32]:
        with av.open(path) as opened:
            coder = opened.streams.audio[0].codec_context
            coder.flags2 |= av.codec.context.Flags2.skip_manual
            resampler = av.AudioResampler(format="s32")
            frames = [f for frame in opened.decode(audio=0) for f in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])

    original, kept = samples(originals[kind]), samples(output)
    assert original.size == round(SECONDS * RATE_HZ) * 2
    assert np.array_equal(original, kept)


def test_samples_that_flac_would_cut_are_not_kept_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "32 bits.wv"
    noise = (np.random.default_rng(1).standard_normal((2, RATE_HZ)) * 0.1).astype(np.float32)
    with av.open(path, "w", format="wv") as output:
        stream = output.add_stream("wavpack", rate=RATE_HZ, layout="stereo", format="s32p")
        frame = av.AudioFrame.from_ndarray(
            (noise * 2**31).astype(np.int32), format="s32p", layout="stereo"
        )
        frame.sample_rate, frame.pts = RATE_HZ, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert make(path, Recipe(RenditionName.LOSSLESS, "flac"), tmp_path / "cut.flac") is None


def test_a_preview_fades_in_and_out(tmp_path: Path) -> None:
    source = tmp_path / "beat.wav"
    steady = np.full((2, 10 * RATE_HZ), 0.5, np.float32)
    steady *= np.sign(np.sin(2 * np.pi * 440 * np.arange(steady.shape[1]) / RATE_HZ) + 1e-9)
    encode(steady.astype(np.float32), RATE_HZ, source, codec="wav")
    recipe = Recipe(RenditionName.PREVIEW, "mp3", bit_rate_bps=128_000, start_s=4, length_s=4)
    made = make(source, recipe, tmp_path / "preview.mp3")
    assert made is not None
    assert made.start_offset_s == pytest.approx(4, abs=0.1)
    level = np.abs(heard(tmp_path / "preview.mp3"))
    edge = RATE_HZ // 50
    assert level[:edge].mean() < 0.1
    full = np.abs(heard(source)).mean()
    assert level[2 * RATE_HZ : 3 * RATE_HZ].mean() == pytest.approx(full, rel=0.1)
    end = round(4 * RATE_HZ)
    assert level[end - edge : end].mean() < 0.1


@pytest.mark.parametrize(
    ("rate_hz", "channels", "expected_hz"),
    [(96000, 2, 48000), (88200, 1, 44100), (22050, 1, 22050), (37800, 2, 44100), (8000, 1, 8000)],
)
def test_odd_rates_are_coded_at_one_that_players_take(
    tmp_path: Path, rate_hz: int, channels: int, expected_hz: int
) -> None:
    source = tmp_path / "odd.aiff"
    encode(beat(3, rate_hz=rate_hz, channels=channels), rate_hz, source, codec="aiff")
    recipe = Recipe(RenditionName.PLAYBACK, "m4a", bit_rate_bps=128_000)
    made = make(source, recipe, tmp_path / "odd.m4a")
    assert made is not None
    assert (made.sample_rate_hz, made.channels) == (expected_hz, channels)
    assert abs(made.start_offset_s) < 1e-3


def test_silence_has_no_offset(tmp_path: Path) -> None:
    source = tmp_path / "silence.aiff"
    encode(np.zeros((2, 2 * RATE_HZ), np.float32), RATE_HZ, source, codec="aiff")
    recipe = Recipe(RenditionName.PLAYBACK, "m4a", bit_rate_bps=128_000)
    made = make(source, recipe, tmp_path / "silence.m4a")
    assert made is not None
    assert made.start_offset_s == 0.0


@pytest.mark.parametrize("hz", [55.0, 440.0])
def test_a_steady_tone_is_not_shifted_by_a_period(tmp_path: Path, hz: float) -> None:
    source = tmp_path / "tone.aiff"
    tone = 0.5 * np.sin(2 * np.pi * hz * np.arange(4 * RATE_HZ) / RATE_HZ)
    encode(np.repeat(tone[None], 2, axis=0).astype(np.float32), RATE_HZ, source, codec="aiff")
    recipe = Recipe(RenditionName.PLAYBACK, "m4a", bit_rate_bps=96_000)
    made = make(source, recipe, tmp_path / "tone.m4a")
    assert made is not None
    assert abs(made.start_offset_s) < 1e-3


@pytest.mark.asyncio(loop_scope="session")
async def test_the_sandbox_makes_it_with_progress_and_writes_nothing_else(
    sandbox: Sandbox, originals: dict[str, Path], tmp_path: Path
) -> None:
    heard_shares: list[float] = []
    recipe = Recipe(RenditionName.PLAYBACK, "m4a", bit_rate_bps=128_000)
    source, output = originals["aiff"], tmp_path / "playback.m4a"
    made = await sandbox.render(
        source, identify(source), recipe, output, on_progress=heard_shares.append
    )
    assert made is not None
    assert (made.codec, made.channels) == ("aac", 2)
    assert heard_shares == sorted(heard_shares)
    assert heard_shares[-1] == 1.0
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_rendition_that_grows_too_large_is_stopped(
    sandbox: Sandbox, originals: dict[str, Path], tmp_path: Path
) -> None:
    recipe = Recipe(RenditionName.LOSSLESS, "flac")
    source, output = originals["aiff"], tmp_path / "lossless.flac"
    with pytest.raises(AudioRejected):
        await sandbox.render(source, identify(source), recipe, output, max_bytes=5000)
    assert output.stat().st_size <= 5000


@pytest.mark.asyncio(loop_scope="session")
async def test_a_render_that_takes_too_long_is_ended_and_cancelling_ends_it_too(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    source = tmp_path / "long.wav"
    encode(np.zeros((2, 600 * RATE_HZ), np.float32), RATE_HZ, source, codec="wav")
    recipe = Recipe(RenditionName.PLAYBACK, "m4a", bit_rate_bps=256_000)
    with pytest.raises(AudioRejected):
        await sandbox.render(source, identify(source), recipe, tmp_path / "late.m4a", timeout_s=0.2)
    asked = asyncio.create_task(
        sandbox.render(source, identify(source), recipe, tmp_path / "ended.m4a")
    )
    await asyncio.sleep(0.1)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
