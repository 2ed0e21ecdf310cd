"""Photos are drawn anew on their way in: what the camera noted does not come along."""

from __future__ import annotations

import asyncio
import hashlib
import io
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from autodj.audio.photo import PhotoForm
from autodj.audio.sandbox import TASKS_MODULE, Sandbox
from autodj.errors import AutodjError, PictureRejected, TooLarge, UnsupportedMedia
from autodj.settings.baskets import Basket
from autodj.storage.kinds import avatar_key
from autodj.storage.local import LocalStorage
from autodj.storage.photos import Photo, form_of, save_file, save_photo
from autodj.storage.s3 import S3Storage
from autodj.storage.whole import Source
from tests.storage.builders import keys, read, sha256

ORIENTATION, GPS, MAKER = 0x0112, ExifTags.IFD.GPSInfo, 0x010F
SECRET = "52.2297 N, serial 0123456789"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One for all tests here: it takes longer to start than they do."""
    opened = Sandbox(2, 60, TASKS_MODULE)
    yield opened
    asyncio.run(opened.close())


def photo(width: int = 400, height: int = 200, *, orientation: int = 6) -> bytes:
    """A JPEG as a phone writes it: red at the left end, lying on its side, with a lot to tell."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 4, height))
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, SECRET
    exif.get_ifd(GPS)[1] = "N"
    file = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(file, "JPEG", exif=exif, comment=SECRET, icc_profile=profile, quality=95)
    return file.getvalue() + SECRET.encode()  # behind its end, too


def png(image: Image.Image) -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_text("Comment", SECRET)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=said)
    return file.getvalue()


def avatar(made: Photo) -> str:
    return avatar_key(7, max(made.width_px, made.height_px), made.sha256, made.extension)


async def blocks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1000):
        yield body[start : start + 1000]


def about(image: Image.Image, x: int, y: int, expected: tuple[int, ...]) -> bool:
    found = image.convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return all(abs(a - b) < 12 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("store", ["local", "moto"], indirect=True)
@pytest.mark.parametrize("way", ["path", "bytes", "stream"])
async def test_a_photo_stands_upright_and_tells_nothing(
    store: LocalStorage | S3Storage, sandbox: Sandbox, tmp_path: Path, way: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    given = tmp_path / "IMG_0001.JPG"
    given.write_bytes(original := photo())
    sources: dict[str, Source] = {
        "path": given, "bytes": original, "stream": blocks(original),
    }  # fmt: skip

    stored = await save_photo(
        store,
        sandbox,
        sources[way],
        key_of=avatar,
        scratch=scratch,
        form=PhotoForm(side_px=100),
        metadata={"uploaded-by": "ana"},
    )

    body = await read(store, stored.key)
    assert await keys(store) == [stored.key] == [avatar_key(7, 100, sha256(body), "jpg")]
    found = await store.stat(stored.key)
    assert (found.content_type, found.described.metadata) == ("image/jpeg", {"uploaded-by": "ana"})
    shown = Image.open(io.BytesIO(body))
    assert (shown.format, shown.size) == ("JPEG", (50, 100))
    assert about(shown, 25, 5, (254, 0, 0))  # the red end is on top now
    assert about(shown, 25, 95, (0, 0, 254))
    assert not shown.getexif()
    assert not {"icc_profile", "comment", "exif", "xmp"} & {*shown.info}
    assert SECRET.encode() not in body
    assert [*scratch.iterdir()] == []
    assert given.read_bytes() == original


async def test_a_small_photo_is_not_blown_up_and_transparency_is_kept_where_it_can_be(
    local: LocalStorage, sandbox: Sandbox, tmp_path: Path
) -> None:
    clear = png(Image.new("RGBA", (30, 20), (255, 0, 0, 0)))

    async def drawn(form: PhotoForm) -> Image.Image:
        stored = await save_photo(local, sandbox, clear, key_of=avatar, scratch=tmp_path, form=form)
        body = await read(local, stored.key)
        assert SECRET.encode() not in body
        return Image.open(io.BytesIO(body))

    webp, jpeg = await drawn(PhotoForm("webp")), await drawn(PhotoForm("jpeg"))

    assert (webp.format, webp.size, webp.getchannel("A").getextrema()) == ("WEBP", (30, 20), (0, 0))
    assert (jpeg.format, jpeg.size) == ("JPEG", (30, 20))
    assert about(jpeg, 5, 5, (255, 255, 255))


def swapped_profile() -> bytes:
    """The profile of sRGB with the places of its red and blue exchanged."""
    body = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return body.replace(b"rXYZ", b"####", 1).replace(b"bXYZ", b"rXYZ", 1).replace(
        b"####", b"bXYZ", 1
    )  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (swapped_profile(), (90, 30, 200)),
        (b"no profile at all", (200, 30, 90)),
        (b"", (200, 30, 90)),
    ],
    ids=["red and blue exchanged", "broken", "none"],
)
async def test_colours_are_those_that_were_seen_where_a_profile_says_so(
    local: LocalStorage,
    sandbox: Sandbox,
    tmp_path: Path,
    profile: bytes,
    expected: tuple[int, int, int],
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 90)).save(file, "PNG", icc_profile=profile)

    stored = await save_photo(
        local, sandbox, file.getvalue(), key_of=lambda p: f"a/{p.sha256}", scratch=tmp_path
    )

    shown = Image.open(io.BytesIO(await read(local, stored.key)))
    assert about(shown, 4, 4, expected)


async def test_a_photo_with_more_pictures_in_it_is_the_first_of_them(
    local: LocalStorage, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = io.BytesIO()
    more = [Image.new("RGB", (40, 20), "blue")]
    Image.new("RGB", (40, 20), "red").save(file, "MPO", save_all=True, append_images=more)

    stored = await save_photo(
        local, sandbox, file.getvalue(), key_of=lambda p: f"a/{p.sha256}", scratch=tmp_path
    )

    shown = Image.open(io.BytesIO(await read(local, stored.key)))
    assert (shown.format, getattr(shown, "n_frames", 1)) == ("JPEG", 1)
    assert about(shown, 4, 4, (254, 0, 0))


def bomb() -> bytes:
    """A PNG of 20,000 x 20,000 black pixels, by hand: Pillow takes ten times as long."""
    side = 20_000
    rows = zlib.compress(bytes((1 + side // 8) * side))
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


@pytest.mark.parametrize(
    ("made", "form", "expected"),
    [
        (bytes, PhotoForm(), UnsupportedMedia),
        (lambda: b"GIF89a" + bytes(100), PhotoForm(), UnsupportedMedia),
        (lambda: SVG, PhotoForm(), UnsupportedMedia),
        (lambda: photo()[:200], PhotoForm(), PictureRejected),
        (lambda: b"\xff\xd8\xff" + bytes(1000), PhotoForm(), PictureRejected),
        (bomb, PhotoForm(), PictureRejected),
        (photo, PhotoForm(max_bytes=100), TooLarge),
    ],
    ids=["nothing", "a GIF", "an SVG", "half", "noise", "a bomb", "too large"],
)
async def test_what_is_no_photo_is_refused_and_nothing_is_stored(
    local: LocalStorage,
    sandbox: Sandbox,
    tmp_path: Path,
    made: Callable[[], bytes],
    form: PhotoForm,
    expected: type[AutodjError],
) -> None:
    body = made()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for source in (body, blocks(body)):
        with pytest.raises(expected) as caught:
            await save_photo(local, sandbox, source, key_of=avatar, scratch=scratch, form=form)
        assert caught.value.hint
        assert (caught.value.code == "pixels") == (made is bomb)

    assert await keys(local) == []
    assert [*scratch.iterdir()] == []


async def test_the_limit_of_the_basket_holds_for_what_the_photo_became(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    small = LocalStorage(tmp_path / "small", max_object_bytes=200)

    with pytest.raises(TooLarge):
        await save_photo(small, sandbox, photo(), key_of=avatar, scratch=tmp_path)

    assert await keys(small) == []


async def test_a_basket_says_whether_and_how_photos_are_drawn_anew(
    local: LocalStorage, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "holiday.png"
    file.write_bytes(png(Image.new("RGB", (600, 300))))
    photos = Basket("photos", images="reencode", image_format="webp", image_side_px=64)
    papers = Basket("papers")

    drawn = await save_file(local, photos, sandbox, file, "events/a/x.png", scratch=tmp_path)
    kept = await save_file(local, papers, sandbox, file, "events/b/x.png", scratch=tmp_path)

    assert form_of(photos) == PhotoForm("webp", 64)
    assert (drawn.key, kept.key) == ("events/a/x.webp", "events/b/x.png")
    shown = Image.open(io.BytesIO(await read(local, drawn.key)))
    assert (shown.format, shown.size) == ("WEBP", (64, 32))
    assert await read(local, kept.key) == file.read_bytes()
    assert (await local.stat(kept.key)).content_type == "image/png"
    assert hashlib.sha256(await read(local, drawn.key)).hexdigest() == drawn.sha256
