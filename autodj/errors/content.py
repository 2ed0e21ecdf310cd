"""What was sent, or is to be fetched, cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from autodj.errors.base import AutodjError


class TooLarge(AutodjError):
    status = 413
    code = "too_large"
    title = "The file is larger than this server takes"
    hint = "Send a smaller file or raise the limit in the settings."


class UnsupportedMedia(AutodjError):
    status = 415
    code = "unsupported_media"
    title = "This is not a kind of file that this route takes"
    hint = "Send MP3, FLAC, WAV, AIFF, CAF, WavPack, Ogg (Vorbis, Opus), AAC or M4A (AAC, ALAC)."


class Rejected(AutodjError):
    """Understood, and refused for what it contains. ``code`` names the reason."""

    status = 422
    code = "rejected"
    title = "The content cannot be accepted"
    hint = "See the detail."


class AudioRejected(Rejected):
    """The audio itself is at fault; ``code``, one of ``HINTS``, says how."""

    HINTS: ClassVar[Mapping[str, str]] = {
        "channels": "Export it in stereo.",
        "empty": "Nothing is in it: download or export it again.",
        "no_audio": "Play it; where nothing is heard, export it again.",
        "sample_rate": "Export it with 44,100 or 48,000 samples a second.",
        "tags_too_large": "Take pictures and notes out of its tags, or make them smaller.",
        "too_long": "Cut it into shorter tracks.",
        "truncated": "Its end is missing: download or export it again.",
        "undecodable": "Play the file from start to end; export it again if it stops early.",
    }

    code = "undecodable"
    title = "The audio cannot be used"
    hint = HINTS[code]

    def __init__(self, detail: str, *, code: str = "undecodable") -> None:
        super().__init__(detail, hint=self.HINTS.get(code))
        self.code = code


class PictureRejected(Rejected):
    """The picture itself is at fault: picture_bytes, pixels or undecodable_picture."""

    code = "undecodable_picture"
    title = "The picture cannot be used"
    hint = "Open it in a viewer; save it again as a PNG or JPEG of at most 40 megapixels."

    def __init__(self, detail: str, *, code: str = "undecodable_picture") -> None:
        super().__init__(detail)
        self.code = code


class UrlNotAllowed(Rejected):
    code = "url_not_allowed"
    title = "This URL is not fetched"
    hint = "Use http or https on port 80 or 443 to a public host, without user name."


class FetchFailed(Rejected):
    code = "fetch_failed"
    title = "The URL could not be fetched"
    hint = "Open the URL yourself; it must answer 200 with the audio within the limits."
