"""What gets which rendition is a table, and the table is here."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.encode import TARGETS
from autodj.audio.identify import (
    AAC,
    AIFF,
    CAF,
    CONTAINERS,
    FLAC,
    M4A,
    MP3,
    OGG,
    OPUS,
    WAV,
    WAVPACK,
    Container,
    identify,
)
from autodj.audio.layout import is_indexed
from autodj.audio.recipes import Recipe, RenditionMode, RenditionName, Wishes
from autodj.audio.rendition_rules import Original, plays_everywhere, recipes
from tests.clips import AWKWARD, clicks, make_awkward

PLAYBACK, LOSSLESS, PREVIEW = RenditionName
NO_PREVIEW = Wishes(preview_s=0)
CODED = Recipe(PLAYBACK, "m4a", bit_rate_bps=256_000)
M4A_COPY = Recipe(PLAYBACK, "m4a", copied=True)
MP3_COPY = Recipe(PLAYBACK, "mp3", copied=True)
KEPT = Recipe(LOSSLESS, "flac")

TABLE: list[tuple[Container, str, bool, tuple[Recipe, ...]]] = [
    (MP3, "mp3", True, ()),
    (MP3, "mp3", False, (MP3_COPY,)),
    (M4A, "aac", True, ()),
    (M4A, "aac", False, (M4A_COPY,)),
    (M4A, "alac", True, (CODED, KEPT)),
    (M4A, "opus", True, (CODED,)),
    (M4A, "flac", True, (CODED, KEPT)),
    (AAC, "aac", True, (M4A_COPY,)),
    (FLAC, "flac", True, ()),
    (WAV, "pcm_s16le", True, (KEPT,)),
    (WAV, "pcm_s24le", True, (KEPT,)),
    (WAV, "pcm_f32le", True, ()),
    (WAV, "pcm_f64le", True, (CODED,)),
    (WAV, "pcm_mulaw", True, (CODED,)),
    (WAV, "mp3", True, (CODED,)),
    (AIFF, "pcm_s16be", True, (CODED, KEPT)),
    (AIFF, "pcm_f32be", True, (CODED,)),
    (CAF, "alac", True, (CODED, KEPT)),
    (CAF, "aac", True, (CODED,)),
    (WAVPACK, "wavpack", True, (CODED, KEPT)),
    (OGG, "vorbis", True, (CODED,)),
    (OGG, "flac", True, (CODED, KEPT)),
    (OPUS, "opus", True, (CODED,)),
]


@pytest.mark.parametrize(
    ("container", "codec", "indexed", "expected"),
    TABLE,
    ids=[f"{c.extension}-{codec}-{'indexed' if i else 'bare'}" for c, codec, i, _ in TABLE],
)
def test_each_kind_of_file_gets_what_the_table_says(
    container: Container, codec: str, indexed: bool, expected: tuple[Recipe, ...]
) -> None:
    assert recipes(Original(container, codec, indexed, 300.0), NO_PREVIEW) == expected


def test_the_table_names_every_container() -> None:
    assert {container for container, *_ in TABLE} == set(CONTAINERS)


@pytest.mark.parametrize(
    ("mode", "bit_rate_bps", "expected"),
    [
        (RenditionMode.AUTO, 900_000, ()),
        (RenditionMode.ALWAYS, 900_000, (CODED,)),
        (RenditionMode.ALWAYS, None, (CODED,)),
        (RenditionMode.ALWAYS, 192_000, ()),
        (RenditionMode.NEVER, 900_000, ()),
    ],
)
def test_always_codes_what_is_larger_than_wished(
    mode: RenditionMode, bit_rate_bps: int | None, expected: tuple[Recipe, ...]
) -> None:
    original = Original(FLAC, "flac", True, 300.0, bit_rate_bps=bit_rate_bps)
    assert recipes(original, Wishes(mode=mode, preview_s=0)) == expected


def test_never_makes_nothing_of_anything() -> None:
    for container, codec, indexed, _ in TABLE:
        original = Original(container, codec, indexed, 300.0)
        assert recipes(original, Wishes(mode=RenditionMode.NEVER)) == ()


@given(
    duration_s=st.floats(0.1, 20_000),
    preview_s=st.integers(0, 300),
    loudest_s=st.none() | st.floats(0, 30_000),
)
def test_a_preview_lies_inside_its_track(
    duration_s: float, preview_s: int, loudest_s: float | None
) -> None:
    original = Original(FLAC, "flac", True, duration_s, loudest_s=loudest_s)
    found = recipes(original, Wishes(preview_s=preview_s))
    assert len(found) == (0 < preview_s * 1.5 < duration_s)
    for preview in found:
        assert preview.name is PREVIEW
        assert preview.length_s == preview_s
        assert 0 <= preview.start_s <= duration_s - preview_s
        if loudest_s is None:
            assert preview.start_s == pytest.approx(min(duration_s / 3, duration_s - preview_s))


def test_the_wished_format_is_for_what_is_coded_and_not_for_copies() -> None:
    wishes = Wishes(extension="mp3", bit_rate_bps=192_000, lossless=False, preview_s=0)
    assert recipes(Original(AIFF, "pcm_s16be", True, 9.0), wishes) == (
        Recipe(PLAYBACK, "mp3", bit_rate_bps=192_000),
    )
    assert recipes(Original(AAC, "aac", True, 9.0), wishes) == (M4A_COPY,)


def test_a_recipe_travels_as_a_document() -> None:
    recipe = Recipe(PREVIEW, "m4a", bit_rate_bps=128_000, start_s=61.5, length_s=30.0)
    assert Recipe.from_document(recipe.to_document()) == recipe


INDEXED = {
    "moov at the end.m4a": False,
    "fragments.m4a": False,
    "no Xing.mp3": False,
    "opus in MP4.m4a": True,
    "24 bits.wav": True,
}


@pytest.mark.parametrize("name", INDEXED)
def test_real_files_show_whether_they_are_indexed(tmp_path: Path, name: str) -> None:
    path = make_awkward(tmp_path, name, clicks(2))
    assert is_indexed(path, identify(path)) is INDEXED[name]
    assert name in AWKWARD


def test_our_own_files_are_indexed(clips: dict[str, Path]) -> None:
    assert set(clips) == set(TARGETS)
    assert all(is_indexed(path, identify(path)) for path in clips.values())


def box(kind: bytes, body: bytes = b"") -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


@pytest.mark.parametrize(
    ("data", "indexed"),
    [
        (box(b"ftyp", b"M4A ") + box(b"moov", box(b"trak")) + box(b"mdat"), True),
        (box(b"ftyp") + box(b"free") + box(b"moov") + box(b"mdat"), True),
        (box(b"ftyp") + box(b"mdat") + box(b"moov"), False),
        (box(b"ftyp") + box(b"moov", box(b"mvhd") + box(b"mvex")) + box(b"mdat"), False),
        (box(b"ftyp") + box(b"sidx") + box(b"moov") + box(b"mdat"), False),
        (box(b"ftyp") + box(b"moov"), False),
        (box(b"ftyp") + b"\0\0\0\1mdat" + (1 << 63).to_bytes(8, "big"), False),
        (box(b"ftyp") + b"\0\0\0\1free" + ((1 << 64) - 1).to_bytes(8, "big"), False),
        (box(b"ftyp") + b"\0\0\0\0moov" + bytes(99), False),
        (box(b"ftyp") * 5000, False),
        (box(b"ftyp") + box(b"moov", b"\0\0\0\1mvex" * 3) + box(b"mdat"), True),
        (b"", False),
    ],
)
def test_boxes_in_any_order_and_of_any_size_are_read_to_an_end(
    tmp_path: Path, data: bytes, indexed: bool
) -> None:
    path = tmp_path / "boxes.m4a"
    path.write_bytes(data)
    assert is_indexed(path, M4A) is indexed


@given(st.binary(max_size=400))
def test_no_bytes_confuse_the_look_at_boxes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.m4a"
    path.write_bytes(b"\0\0\0\x08ftyp" + data)
    assert is_indexed(path, M4A) in {True, False}


def test_what_plays_everywhere_is_never_repaired() -> None:
    for container, codec, indexed, expected in TABLE:
        plays = plays_everywhere(Original(container, codec, indexed, 9.0))
        assert plays == (not any(recipe.name is PLAYBACK for recipe in expected))
