"""Pictures drawn anew, with nothing in them but what is seen: that inside an audio file, and
photos.
"""

from __future__ import annotations

import io
import warnings

from av.container import InputContainer
from av.stream import Disposition
from PIL import (
    Image,
    ImageCms,
    ImageOps,
    MpoImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from autodj.audio.photo import Drawn, PhotoForm
from autodj.errors import PictureRejected, UnsupportedMedia

MAX_PICTURE_BYTES = 10 * 1024 * 1024
MAX_PICTURE_PIXELS = 40_000_000
COVER_SIDE_PX = 1000
_COVER = PhotoForm("jpeg", COVER_SIDE_PX, max_bytes=MAX_PICTURE_BYTES)
_FORMATS = ("JPEG", "PNG", "WEBP")
_STILL = MpoImagePlugin.MpoImageFile.format
_MAGICS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")

# A confined child opens no files: what Pillow would import at first use is loaded now.
Image.preinit()
_READ_EXIF, _READ_MANY_IN_ONE = TiffImagePlugin, MpoImagePlugin
assert WebPImagePlugin.SUPPORTED
_SRGB = ImageCms.createProfile("sRGB")
_COLOURED = ("RGB", "RGBA", "CMYK", "L")

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

    Raises as ``draw_anew`` does.
    """
    return draw_anew(data, _COVER)[0]


def draw_anew(data: bytes, form: PhotoForm) -> tuple[bytes, Drawn]:
    """The picture upright and within ``form``, in the colours of sRGB, and nothing else of what
    was in the file: no position, no camera, no preview.

    UnsupportedMedia for anything but PNG, JPEG and still WebP; PictureRejected
    ``picture_bytes``, ``pixels`` or ``undecodable_picture`` for what cannot be drawn within
    the limits.
    """
    if len(data) > form.max_bytes:
        raise PictureRejected(f"The picture has {len(data)} bytes.", code="picture_bytes")
    if not data.startswith(_MAGICS):
        raise UnsupportedMedia("The picture is not PNG, JPEG or WebP.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _redrawn(data, form)
        except (PictureRejected, UnsupportedMedia, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise PictureRejected("The picture has too many pixels.", code="pixels") from error
        except Exception as error:  # Pillow's parsers raise whatever they meet
            raise PictureRejected(f"The picture is damaged ({type(error).__name__}).") from error


def _redrawn(data: bytes, form: PhotoForm) -> tuple[bytes, Drawn]:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        # What else a camera puts into a JPEG (MPO) are previews and maps of light, no motion.
        if image.format != _STILL and getattr(image, "n_frames", 1) > 1:
            raise UnsupportedMedia("The picture moves.")
        image.draft("RGB", (form.side_px, form.side_px))
        image.load()
        profile = image.info.get("icc_profile")
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((form.side_px, form.side_px))
        plain = _flat(_in_srgb(upright, profile), keep_alpha=form.format == "webp")
        clean = io.BytesIO()
        options = {"optimize": True} if form.format == "jpeg" else {}
        plain.save(clean, form.format, quality=form.quality, **options)
        return clean.getvalue(), Drawn(*plain.size)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The same colours without the profile; those of a broken one are taken as they are."""
    if not profile or image.mode not in _COLOURED:
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(image, given, _SRGB, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return shown or image


def _flat(image: Image.Image, *, keep_alpha: bool) -> Image.Image:
    """The pixels alone, on white where there can be no transparency."""
    shown = image.convert("RGBA")
    if keep_alpha and image.has_transparency_data:
        plain = Image.new("RGBA", image.size)
        plain.paste(shown)
        return plain
    plain = Image.new("RGB", image.size, "white")
    plain.paste(shown, mask=shown.getchannel("A"))
    return plain
