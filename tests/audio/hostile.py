"""Files made to hurt: each as bytes, with the refusal that must meet it."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from autodj.audio.artwork import draw_cover
from autodj.errors import AudioRejected, AutodjError, UnsupportedMedia
from tests.clips import make_clip

RATE_HZ = 44100


@dataclass(frozen=True)
class Hostile:
    """``code`` is the AudioRejected code, None where any will do or none is given."""

    name: str
    data: bytes
    refusal: type[AutodjError]
    code: str | None = None


def hostile_files(folder: Path) -> list[Hostile]:
    """Every hostile kind that must be refused; clips are made in ``folder``."""
    mp3, flac, wav, caf, wv, ogg, opus = (
        make_clip(folder / f"whole.{codec}", 3).read_bytes()
        for codec in ("mp3", "flac", "wav", "caf", "wv", "ogg", "opus")
    )
    m4a = make_clip(folder / "whole.m4a", 3, cover=draw_cover(1)).read_bytes()
    return [
        *_not_audio(mp3),
        *_playlists(),
        *_wav_lies(wav),
        *_cut_short(mp3, flac, wav),
        *_tag_bombs(mp3, wav),
        *_comment_lies(flac, ogg, opus),
        *_mp4_lies(m4a),
        *_caf_lies(caf),
        *_wavpack_lies(wv),
    ]


def _not_audio(mp3: bytes) -> list[Hostile]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as folder:
        folder.writestr("song.mp3", mp3)
    refused = {
        "zeros": bytes(1 << 20),
        "ones": b"\xff" * (1 << 20),
        "an ELF program": Path("/bin/true").read_bytes(),
        "a page": b"<!DOCTYPE html><html><title>404</title>" + b" " * 4000,
        "an archive": archive.getvalue(),
        "gzip": gzip.compress(mp3, mtime=0),
        "a script before MP3": b"<script>alert(1)</script>" + mp3,
        "text": b"This is not audio at all, whatever its name may say.\n" * 100,
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(4000),
        "an AVI with a playlist inside": _avi_with_playlist(),
        "Matroska": b"\x1a\x45\xdf\xa3" + bytes(4000),
        "an AVI": b"RIFF" + struct.pack("<I", 4000) + b"AVI LIST" + bytes(4000),
        "an MPEG stream of layer I": b"\xff\xff\x90\x00" * 4000,
        "Ogg of another kind": b"OggS" + bytes(22) + b"\x01\x07\x80theora" + bytes(4000),
    }
    return [
        *(Hostile(name, data, UnsupportedMedia) for name, data in refused.items()),
        Hostile("nothing", b"", AudioRejected, "empty"),
        Hostile("one byte", b"\xff", AudioRejected, "no_audio"),
        Hostile("sync words without frames", b"\xff\xfb" * 50_000, AudioRejected, "no_audio"),
        Hostile("one MP3 frame and noise", mp3[:1000] + b"\0" * 9000, AudioRejected),
        Hostile("an ID3 tag and a page", _id3(b"") + b"<html>" * 900, AudioRejected, "no_audio"),
    ]


def playlists(address: str = "127.0.0.1:9") -> dict[str, bytes]:
    """Documents that make a willing demuxer open something else."""
    m3u8 = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n"
    return {
        "m3u8 over http": f"{m3u8}#EXTINF:10,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n".encode(),
        "m3u8 of a file": f"{m3u8}#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n".encode(),
        "m3u8 of a neighbour": f"{m3u8}#EXTINF:10,\nwhole.mp3\n#EXT-X-ENDLIST\n".encode(),
        "m3u8 with a key": (
            f'{m3u8}#EXT-X-KEY:METHOD=AES-128,URI="http://{address}/k"\n'
            f"#EXTINF:10,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n"
        ).encode(),
        "ffconcat": b"ffconcat version 1.0\nfile whole.mp3\n",
        "SDP": f"v=0\no=- 0 0 IN IP4 {address[:-2]}\ns=x\nm=audio 9 RTP/AVP 0\n".encode(),
        "MPD": f'<?xml version="1.0"?><MPD><BaseURL>http://{address}/</BaseURL></MPD>'.encode(),
    }


def _playlists() -> list[Hostile]:
    return [Hostile(name, data, UnsupportedMedia) for name, data in playlists().items()]


def _wav_lies(wav: bytes) -> list[Hostile]:
    body = wav[44:4044]
    return [
        Hostile("4 GiB of WAV in 4 KB", _wav(body, size=0xFFFFFFF0), AudioRejected, "truncated"),
        Hostile("WAV of unknown size", _wav(body, size=0xFFFFFFFF), AudioRejected, "truncated"),
        Hostile("65535 channels", _wav(body, channels=65535), AudioRejected, "channels"),
        Hostile("no channels", _wav(body, channels=0), AudioRejected, "channels"),
        Hostile("nine channels", _wav(body * 9, channels=9), AudioRejected, "channels"),
        Hostile("no rate", _wav(body, rate_hz=0), AudioRejected, "sample_rate"),
        Hostile("no bits", _wav(body, bits=0), AudioRejected),
        Hostile("a rate of 2^31 - 1", _wav(body, rate_hz=2**31 - 1), AudioRejected, "sample_rate"),
        Hostile("a rate of 4000", _wav(body, rate_hz=4000), AudioRejected, "sample_rate"),
        Hostile("WAV without samples", _wav(b""), AudioRejected, "no_audio"),
        Hostile("WAV cut in its header", wav[:20], AudioRejected),
        Hostile("WAV of an unknown codec", _wav(body, codec=0x0111), UnsupportedMedia),
    ]


def _cut_short(mp3: bytes, flac: bytes, wav: bytes) -> list[Hostile]:
    endless = bytearray(flac)
    endless[21] |= 0x0F
    endless[22:26] = b"\xff" * 4
    return [
        Hostile("FLAC claiming 2^36 - 1 samples", bytes(endless), AudioRejected, "truncated"),
        Hostile("half a FLAC", flac[: len(flac) // 2], AudioRejected, "truncated"),
        Hostile("half an MP3", mp3[: len(mp3) // 2], AudioRejected, "truncated"),
        Hostile("half a WAV", wav[: len(wav) // 2], AudioRejected, "truncated"),
        Hostile("FLAC damaged from the start", flac[:100] + bytes(len(flac)), AudioRejected),
    ]


def _avi_with_playlist() -> bytes:
    """A subtitle stream that is a playlist, which FFmpeg once opened by itself."""
    m3u8 = playlists()["m3u8 of a file"]
    subtitle = (
        b"GAB2\0\x02\0" + struct.pack("<I", 0) + b"\x04\0" + struct.pack("<I", len(m3u8)) + m3u8
    )
    movie = b"movi00sb" + struct.pack("<I", len(subtitle)) + subtitle
    body = b"AVI LIST" + struct.pack("<I", len(movie)) + movie
    return b"RIFF" + struct.pack("<I", len(body)) + body


BOMB_BYTES = 64 * 1024 * 1024


def _tag_bombs(mp3: bytes, wav: bytes) -> list[Hostile]:
    claimed = b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + mp3
    packed = zlib.compress(bytes(BOMB_BYTES), 9)
    frame = b"TXXX" + struct.pack(">IHI", len(packed) + 4, 0x0080, BOMB_BYTES) + packed
    extended = struct.pack(">IHI", 6, 0, 0) + frame
    unsynchronised = b"TIT2" + struct.pack(">IHB", 6, 0, 0) + b"\xff\x00" * 5
    unsynchronised += frame.replace(b"\xff", b"\xff\x00")
    newer = b"TXXX" + _syncsafe(len(packed) + 4) + b"\x00\x09" + _syncsafe(BOMB_BYTES) + packed
    small = b"".join(b"TXXX" + struct.pack(">IH", 1, 0) + b"\0" for _ in range(5000))
    bombs = {
        "an ID3 bomb": _id3(frame) + mp3,
        "an ID3 bomb of version 4": _id3(newer, version=4) + mp3,
        "an ID3 bomb behind an extended header": _id3(extended, flags=0x40) + mp3,
        "an ID3 bomb behind bytes that are not in step": _id3(unsynchronised, flags=0x80) + mp3,
        "an ID3 bomb behind 5000 frames": _id3(small + frame) + mp3,
        "an ID3 bomb behind another tag": _id3(b"TIT2" + bytes(30)) + _id3(frame) + mp3,
        "an ID3 bomb inside a WAV": _with_chunk(wav, b"ID3 ", _id3(frame)),
        "ID3 claiming 256 MiB": claimed,
    }
    return [Hostile(name, data, AudioRejected, "tags_too_large") for name, data in bombs.items()]


def _with_chunk(wav: bytes, name: bytes, content: bytes) -> bytes:
    at = wav.index(b"data")
    chunk = name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return wav[:4] + struct.pack("<I", len(wav) + len(chunk) - 8) + wav[8:at] + chunk + wav[at:]


def _comment_lies(flac: bytes, ogg: bytes, opus: bytes) -> list[Hostile]:
    """The comments start with the length of their maker's name; behind it they are counted."""
    found = {"2^31 Vorbis comments and no audio": _vorbis_comments(2**31)}
    lie = struct.pack("<I", 2**31)
    for kind, whole, at in (
        ("FLAC", flac, 4 + 38 + 4),  # behind STREAMINFO and its own header
        ("Ogg Vorbis", ogg, ogg.index(b"\x03vorbis") + 7),
        ("Opus", opus, opus.index(b"OpusTags") + 8),
    ):
        count_at = at + 4 + int.from_bytes(whole[at : at + 4], "little")
        for words, place in (("2^31 comments", count_at), ("a name of 2^31 bytes", at)):
            changed = whole[:place] + lie + whole[place + 4 :]
            found[f"{words} in {kind}"] = changed if kind == "FLAC" else with_checksums(changed)
    return [Hostile(name, data, AudioRejected, "tags_too_large") for name, data in found.items()]


def with_checksums(ogg: bytes) -> bytes:
    """The same pages with checksums that are right (RFC 3533, section 6), for without them they
    are not looked at.
    """
    pages = ogg.split(b"OggS")
    for number, page in enumerate(pages[1:3], start=1):
        remainder = 0
        for byte in b"OggS" + page[:18] + bytes(4) + page[22:]:
            remainder ^= byte << 24
            for _ in range(8):
                remainder = remainder << 1 ^ (0x104C11DB7 if remainder >> 31 else 0)
        pages[number] = page[:18] + struct.pack("<I", remainder) + page[22:]
    return b"OggS".join(pages)


def _mp4_lies(m4a: bytes) -> list[Hostile]:
    nested = b""
    for _ in range(2000):
        nested = struct.pack(">I", len(nested) + 8) + b"moov" + nested
    at = m4a.index(b"stsz") + 12
    sizes = m4a[:at] + b"\x7f\xff\xff\xff" + m4a[at + 4 :]
    ftyp = struct.pack(">I", 16) + b"ftypM4A " + bytes(4)
    cover = ftyp + struct.pack(">I", 48) + b"moov" + struct.pack(">I", 2**31 - 1) + b"covr"
    item = m4a.index(b"covr")
    picture = m4a.index(b"data", item)
    huge = struct.pack(">I", 2**31 - 1)
    return [
        Hostile("2000 boxes in each other", ftyp + nested, AudioRejected),
        Hostile("2^31 sample sizes", sizes, AudioRejected),
        Hostile("a cover of 2 GiB and no audio", cover + bytes(64), AudioRejected),
        Hostile(
            "a cover of 2 GiB", m4a[: item - 4] + huge + m4a[item:], AudioRejected, "tags_too_large"
        ),
        Hostile(
            "a picture of 2 GiB in its cover",
            m4a[: picture - 4] + huge + m4a[picture:],
            AudioRejected,
            "tags_too_large",
        ),
    ]


def _caf_lies(caf: bytes) -> list[Hostile]:
    """``desc`` fills bytes 20 to 52: rate, format, flags, bytes and frames of a packet, channels,
    bits.
    """
    body = bytes(4000)

    def pcm(*, rate_hz: float = RATE_HZ, channels: int = 2, data_bytes: int = 4000) -> bytes:
        desc = struct.pack(">d4sIIIII", rate_hz, b"lpcm", 0, 2 * channels, 1, channels, 16)
        return (
            b"caff\0\1\0\0desc" + struct.pack(">q", len(desc)) + desc
            + b"data" + struct.pack(">qI", data_bytes + 4, 0) + body
        )  # fmt: skip

    chunks = b"".join(b"free" + struct.pack(">q", 0) for _ in range(5000))
    return [
        Hostile("half a CAF", caf[: len(caf) // 2], AudioRejected),
        Hostile("a CAF without data", caf[:80], AudioRejected),
        Hostile("4 TB of CAF in 4 KB", pcm(data_bytes=1 << 42), AudioRejected, "truncated"),
        Hostile("CAF of no rate", pcm(rate_hz=0.0), AudioRejected, "sample_rate"),
        Hostile("CAF of an infinite rate", pcm(rate_hz=float("inf")), AudioRejected, "sample_rate"),
        Hostile("CAF of a rate that is none", pcm(rate_hz=float("nan")), AudioRejected),
        Hostile("CAF of 2^31 channels", pcm(channels=1 << 30), AudioRejected, "channels"),
        Hostile("5000 empty CAF chunks", caf[:52] + chunks, AudioRejected),
    ]


def _wavpack_lies(wv: bytes) -> list[Hostile]:
    longer = bytearray(wv)
    longer[11:16] = b"\x7f" + b"\xff\xff\xff\x7f"
    no_samples = bytearray(wv[:32])
    no_samples[20:24] = bytes(4)
    cover = b"APETAGEX" + struct.pack("<IIII", 2000, 1 << 30, 1 << 30, 0) + bytes(8)
    return [
        Hostile("half a WavPack", wv[: len(wv) // 2], AudioRejected, "truncated"),
        Hostile("WavPack of 2^39 samples", bytes(longer), AudioRejected, "truncated"),
        Hostile("one header of WavPack", wv[:32], AudioRejected),
        Hostile("a WavPack block without samples", bytes(no_samples), AudioRejected),
        Hostile("WavPack damaged from the start", wv[:64] + bytes(len(wv)), AudioRejected),
        Hostile("a tag of 1 GiB behind half a WavPack", wv[: len(wv) // 2] + cover, AudioRejected),
    ]


def _wav(
    body: bytes,
    *,
    size: int | None = None,
    channels: int = 2,
    rate_hz: int = RATE_HZ,
    bits: int = 16,
    codec: int = 1,
) -> bytes:
    block = channels * bits // 8 & 0xFFFF
    fmt = struct.pack(
        "<HHIIHH", codec, channels, rate_hz, rate_hz * block & 0xFFFFFFFF, block, bits
    )
    data = b"data" + struct.pack("<I", len(body) if size is None else size) + body
    chunks = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + data
    return b"RIFF" + struct.pack("<I", len(chunks) & 0xFFFFFFFF) + chunks


def _id3(frames: bytes, *, version: int = 3, flags: int = 0) -> bytes:
    return b"ID3" + bytes((version, 0, flags)) + _syncsafe(len(frames)) + frames


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _vorbis_comments(count: int) -> bytes:
    """FLAC whose comment block claims ``count`` comments and holds none."""
    info = struct.pack(">HH", 4096, 4096) + bytes(6)
    info += (RATE_HZ << 44 | 1 << 41 | 15 << 36).to_bytes(8, "big") + bytes(16)
    comments = struct.pack("<I", 0) + struct.pack("<I", count & 0xFFFFFFFF)
    return (
        b"fLaC\x00" + len(info).to_bytes(3, "big") + info
        + b"\x84" + len(comments).to_bytes(3, "big") + comments
    )  # fmt: skip


def tagged_mp3(folder: Path) -> bytes:
    """MP3 whose tags hold a mebibyte, bytes that are no UTF-8, NUL, controls and a change of
    direction.
    """
    texts = {
        b"TIT2": b"T" * (1 << 20),
        b"TPE1": b"broken \xff\xfe words",
        b"TALB": "a \u202ecover\x07.exe".encode(),
        b"TCON": b"House\0Techno",
    }
    frames = b"".join(
        name + _syncsafe(len(text) + 1) + bytes(2) + b"\x03" + text for name, text in texts.items()
    )
    return _id3(frames, version=4) + make_clip(folder / "plain.mp3", 1).read_bytes()
