"""Frame headers of MPEG audio layer III (ISO 11172-3, 13818-3) and of ADTS (ISO 14496-3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

_BIT_RATES_KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_ADTS_RATES = 13
_XING = (b"Xing", b"Info")
_VBRI_AT = 36


@dataclass(frozen=True, slots=True)
class Frame:
    """One coded frame: its length in the file, what it decodes to, where its data starts."""

    length_bytes: int
    samples: int
    rate_hz: int
    side_info_stop: int

    @property
    def kind(self) -> tuple[int, int]:
        """What two neighbouring frames of one stream have in common."""
        return self.samples, self.rate_hz


def mp3_frame(header: bytes) -> Frame | None:
    """The layer III frame that these first four bytes announce, or None."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rate_index, rate_index = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer != 1 or rate_index == 3 or bit_rate_index in (0, 15):
        return None
    mpeg1, mono = version == 3, header[3] >> 6 == 3
    bit_rate = _BIT_RATES_KBPS[1 if mpeg1 else 2][bit_rate_index] * 1000
    rate_hz = _RATES_HZ[version][rate_index]
    samples = 1152 if mpeg1 else 576
    length = samples // 8 * bit_rate // rate_hz + (header[2] >> 1 & 1)
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    return Frame(length, samples, rate_hz, 4 + side_info)


def adts_frame(header: bytes) -> Frame | None:
    """The ADTS frame that these first seven bytes announce, or None."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    rate_index = header[2] >> 2 & 0xF
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate_index >= _ADTS_RATES or length < 7:
        return None
    return Frame(length, 1024 * ((header[6] & 3) + 1), rate_index, 7)


def mp3_has_index(file: BinaryIO, offset: int) -> bool:
    """Whether the first frame holds a Xing, Info or VBRI header instead of audio."""
    data = _read_first(file, offset)
    frame = mp3_frame(data)
    if frame is None:
        return False
    marks = data[frame.side_info_stop :][:4], data[_VBRI_AT:][:4]
    return marks[0] in _XING or marks[1] == b"VBRI"


def mp3_claimed_duration_s(file: BinaryIO, offset: int) -> float | None:
    """What a Xing, Info or VBRI header in the first frame says, or None without one."""
    data = _read_first(file, offset)
    frame = mp3_frame(data)
    if frame is None:
        return None
    xing, vbri = data[frame.side_info_stop :], data[_VBRI_AT:]
    if xing[:4] in _XING and xing[7] & 1:
        frames = int.from_bytes(xing[8:12], "big")
    elif vbri[:4] == b"VBRI":
        frames = int.from_bytes(vbri[14:18], "big")
    else:
        return None
    return frames * frame.samples / frame.rate_hz


def _read_first(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    return file.read(256)
