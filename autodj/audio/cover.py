"""The picture inside an audio file, drawn anew as a small clean JPEG."""

from __future__ import annotations

import io
import warnings

from av.container import InputContainer
from av.stream import Disposition
from PIL import Image, ImageOps, WebPImagePlugin

from autodj.errors import PictureRejected, UnsupportedMedia

MAX_PICTURE_BYTES = 10 * 1024 * 1024
MAX_PICTURE_PIXELS = 40_000_000
COVER_SIDE_PX = 1000
_JPEG_QUALITY = 85
_FORMATS = ("JPEG", "PNG", "WEBP")
_MAGICS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")

# A confined child opens no files: what Pillow would import at first use is loaded now.
Image.preinit()
assert WebPImagePlugin.SUPPORTED

# Pillow raises only past twice its limit, and must do so before it sets a canvas aside.
Image.MAX_IMAGE_PIXELS = MAX_PICTURE_PIXELS // 2


def embedded_picture(source: InputContainer) -> bytes | None:
    """The bytes of the first attached picture of an opened file, or None."""
    for stream in source.streams.video:
        if stream.disposition & Disposition.attached_pic:
            packet = next(source.demux(stream), None)
            return bytes(packet) if packet else None
    return None


def render_cover(data: bytes) -> bytes:
    """A JPEG within 1000 x 1000 pixels that carries nothing but the picture.

    UnsupportedMedia for anything but PNG, JPEG and still WebP; PictureRejected
    ``picture_bytes``, ``pixels`` or ``undecodable_picture`` for what cannot be drawn within
    the limits.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise PictureRejected(f"The picture has {len(data)} bytes.", code="picture_bytes")
    if not data.startswith(_MAGICS):
        raise UnsupportedMedia("The picture is not PNG, JPEG or WebP.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _redrawn(data)
        except (PictureRejected, UnsupportedMedia, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise PictureRejected("The picture has too many pixels.", code="pixels") from error
        except Exception as error:  # Pillow's parsers raise whatever they meet
            raise PictureRejected(f"The picture is damaged ({type(error).__name__}).") from error


def _redrawn(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise UnsupportedMedia("The picture moves.")
        image.draft("RGB", (COVER_SIDE_PX, COVER_SIDE_PX))
        image.load()
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((COVER_SIDE_PX, COVER_SIDE_PX))
        plain = Image.new("RGB", upright.size, "white")
        shown = upright.convert("RGBA")
        plain.paste(shown, mask=shown.getchannel("A"))
        clean = io.BytesIO()
        plain.save(clean, "JPEG", quality=_JPEG_QUALITY, optimize=True)
        return clean.getvalue()
