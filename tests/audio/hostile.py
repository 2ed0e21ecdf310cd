"""Files made to hurt: each as bytes, with the refusal that must meet it."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

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
    mp3, flac, wav, m4a, caf, wv = (
        make_clip(folder / f"whole.{codec}", 4).read_bytes()
        for codec in ("mp3", "flac", "wav", "m4a", "caf", "wv")
    )
    return [
        *_not_audio(mp3),
        *_playlists(),
        *_wav_lies(wav),
        *_cut_short(mp3, flac, wav),
        *_tag_bombs(mp3),
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
        "gzip": gzip.compress(mp3),
        "a script before MP3": b"<script>alert(1)</script>" + mp3,
        "text": b"This is not audio at all, whatever its name may say.\n" * 100,
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(4000),
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


def _tag_bombs(mp3: bytes) -> list[Hostile]:
    claimed = b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + mp3
    packed = zlib.compress(bytes(300_000_000), 9)
    text = b"TXXX" + struct.pack(">IH", len(packed) + 4, 0x0080)
    bomb = text + struct.pack(">I", 300_000_000) + packed
    vorbis = _vorbis_comments(2**31)
    return [
        Hostile("ID3 claiming 256 MiB", claimed, AudioRejected, "tags_too_large"),
        Hostile("an ID3 bomb", _id3(bomb) + mp3, AudioRejected, "tags_too_large"),
        Hostile("2^31 Vorbis comments", vorbis, AudioRejected),
    ]


def _mp4_lies(m4a: bytes) -> list[Hostile]:
    nested = b""
    for _ in range(2000):
        nested = struct.pack(">I", len(nested) + 8) + b"moov" + nested
    at = m4a.index(b"stsz") + 12
    sizes = m4a[:at] + b"\x7f\xff\xff\xff" + m4a[at + 4 :]
    ftyp = struct.pack(">I", 16) + b"ftypM4A " + bytes(4)
    cover = ftyp + struct.pack(">I", 48) + b"moov" + struct.pack(">I", 2**31 - 1) + b"covr"
    return [
        Hostile("2000 boxes in each other", ftyp + nested, AudioRejected),
        Hostile("2^31 sample sizes", sizes, AudioRejected),
        Hostile("a cover of 2 GiB", cover + bytes(64), AudioRejected),
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


def _id3(frames: bytes) -> bytes:
    size = len(frames)
    return b"ID3\x03\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frames


def _vorbis_comments(count: int) -> bytes:
    """FLAC whose comment block claims ``count`` comments and holds none."""
    info = struct.pack(">HH", 4096, 4096) + bytes(6)
    info += (RATE_HZ << 44 | 1 << 41 | 15 << 36).to_bytes(8, "big") + bytes(16)
    comments = struct.pack("<I", 0) + struct.pack("<I", count & 0xFFFFFFFF)
    return (
        b"fLaC\x00" + len(info).to_bytes(3, "big") + info
        + b"\x84" + len(comments).to_bytes(3, "big") + comments
    )  # fmt: skip


def silence_bomb(path: Path, minutes: int) -> Path:
    """Eight channels of silence at 96 kHz: little to store, much to decode."""
    with av.open(path, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=96000, layout="7.1", format="s16")
        block = np.zeros((1, 8 * 96000), np.int16)
        for second in range(minutes * 60):
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="7.1")
            frame.sample_rate, frame.pts = 96000, second * 96000
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
