"""A cover is drawn anew or left out; it never stands in a track's way."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from structlog.testing import capture_logs

from autodj.audio.artwork import draw_cover
from autodj.audio.cover import MAX_PICTURE_BYTES, render_cover
from autodj.audio.identify import MP3, identify
from autodj.audio.sandbox import Sandbox
from autodj.errors import AutodjError, PictureRejected, UnsupportedMedia
from tests.clips import make_clip


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def shown(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg), formats=["JPEG"])
    image.load()
    return image


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A black PNG of one bit a pixel, compressed as far as it goes; of absurd sizes only the
    beginning."""
    rows = zlib.compress(bytes((1 + min(width, 13_000) // 8) * min(height, 13_000)), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = b"".join([chunk(b"IHDR", header), *chunks, chunk(b"IDAT", rows), chunk(b"IEND", b"")])
    return b"\x89PNG\r\n\x1a\n" + body


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def text_bomb() -> bytes:
    """300 MB of text in 300 KB."""
    return chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(300_000_000), 9))


def webp_header(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + bytes(64)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def gif(frames: int) -> bytes:
    pictures = [Image.new("P", (8, 8), index % 256) for index in range(frames)]
    return saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:])


def moving_webp() -> bytes:
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    return saved(pictures[0], "WEBP", save_all=True, append_images=pictures[1:])


PHOTO = Image.linear_gradient("L").resize((1600, 1200)).convert("RGB")
# Made by the test that sends them: some take a second, and every process of the tests reads this.
HOSTILE: list[tuple[str, Callable[[], bytes], type[AutodjError], str | None]] = [
    (
        "a PNG of 169 megapixels in 21 KB",
        lambda: png(13_000, 13_000),
        PictureRejected,
        "pixels",
    ),
    ("a header of 50000 squared", lambda: png(50_000, 50_000), PictureRejected, "pixels"),
    ("a header of 2^31 squared", lambda: png(2**31 - 1, 2**31 - 1), PictureRejected, "pixels"),
    ("a WebP of 176 megapixels", lambda: webp_header(13_267, 13_267), PictureRejected, "pixels"),
    ("a PNG with a text bomb", lambda: png(64, 64, text_bomb()), PictureRejected, None),
    ("SVG with a script", lambda: b"<svg><script>alert(1)</script></svg>", UnsupportedMedia, None),
    ("a GIF of 300 frames", lambda: gif(300), UnsupportedMedia, None),
    ("a WebP that moves", moving_webp, UnsupportedMedia, None),
    ("half a JPEG", lambda: saved(PHOTO, "JPEG")[:3000], PictureRejected, None),
    ("a PNG without its data", lambda: png(64, 64)[:40], PictureRejected, None),
    (
        "WAV, which is RIFF too",
        lambda: b"RIFF\x00\x01\x00\x00WAVEfmt " + bytes(64),
        PictureRejected,
        None,
    ),
    (
        "too many bytes",
        lambda: b"\xff\xd8\xff" + bytes(MAX_PICTURE_BYTES),
        PictureRejected,
        "picture_bytes",
    ),
    ("nothing", bytes, UnsupportedMedia, None),
]


@pytest.mark.parametrize(
    ("made", "refusal", "code"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE]
)
def test_a_hostile_picture_is_refused(
    made: Callable[[], bytes], refusal: type[AutodjError], code: str | None
) -> None:
    data = made()
    with pytest.raises(refusal) as refused:
        render_cover(data)
    assert code in {None, refused.value.code}


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (PHOTO, "JPEG"),
        (PHOTO, "PNG"),
        (PHOTO, "WEBP"),
        (PHOTO.convert("L"), "PNG"),
        (PHOTO.convert("P"), "PNG"),
        (PHOTO.convert("RGBA"), "PNG"),
        (PHOTO.convert("CMYK"), "JPEG"),
        (PHOTO.convert("I;16"), "PNG"),
        (PHOTO.convert("1"), "PNG"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.mode,
)
def test_a_picture_of_any_mode_becomes_a_small_rgb_jpeg(image: Image.Image, kind: str) -> None:
    drawn = shown(render_cover(saved(image, kind)))
    assert (drawn.mode, drawn.size) == ("RGB", (1000, 750))


def test_a_small_picture_keeps_its_size_and_transparency_turns_white() -> None:
    drawn = shown(render_cover(saved(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), "PNG")))
    assert drawn.size == (40, 30)
    assert drawn.getpixel((20, 15)) == (255, 255, 255)


def test_a_photo_stands_upright_and_says_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "at home"
    data = saved(PHOTO, "JPEG", exif=exif, comment=b"secret")
    drawn = render_cover(data)
    assert shown(drawn).size == (750, 1000)
    assert dict(shown(drawn).getexif()) == {}
    assert b"at home" not in drawn
    assert b"secret" not in drawn


def test_a_page_hidden_behind_a_picture_is_gone() -> None:
    data = saved(PHOTO, "PNG") + b"<html><script>alert(1)</script></html>"
    assert b"<script>" not in render_cover(data)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("extension", ["mp3", "flac", "m4a"])
async def test_the_cover_of_a_track_comes_out_as_jpeg(
    sandbox: Sandbox, tmp_path: Path, extension: str
) -> None:
    path = make_clip(tmp_path / f"clip.{extension}", 1, cover=draw_cover(3))
    probe = await sandbox.probe(path, identify(path))
    assert probe.has_cover
    picture = await sandbox.cover(path, identify(path))
    assert picture is not None
    assert shown(picture).size == (640, 640)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_track_without_a_cover_has_none(sandbox: Sandbox, clips: dict[str, Path]) -> None:
    with capture_logs() as logs:
        assert await sandbox.cover(clips["mp3"], MP3) is None
    assert logs == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    "bad",
    [lambda: png(13_000, 13_000), lambda: png(64, 64)[:40]],
    ids=["too many pixels", "damaged"],
)
async def test_a_bad_cover_is_left_out_and_the_reason_logged(
    sandbox: Sandbox, tmp_path: Path, bad: Callable[[], bytes]
) -> None:
    path = make_clip(tmp_path / "clip.mp3", 1, cover=bad())
    assert (await sandbox.probe(path, MP3)).has_cover
    with capture_logs() as logs:
        assert await sandbox.cover(path, MP3) is None
    assert [entry["event"] for entry in logs] == ["cover_dropped"]
