"""Songs of sequencers, rendered by the sequencers themselves: LMMS and Hydrogen demos."""

from __future__ import annotations

import subprocess
import tempfile
import xml.etree.ElementTree as ET
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from autodj.audio.frames import Floats
from bench.truth.piece import RATE_HZ, Part, Truth, moments
from bench.truth.sound_files import read_sound
from bench.truth.sources import Made, Order, Source

LMMS: Final = Path("/usr/share/lmms/projects")
HYDROGEN: Final = Path("/usr/share/hydrogen/data/demo_songs")
_NOT_MUSIC = frozenset({"templates", "tutorials"})
_SHORTEST_S, _LONGEST_S = 8.0, 240.0
_AUDIBLE = 1e-3
_HYDROGEN_BEAT_TICKS = 48
_RENDER_S = 600


def lmms(part: Part, _: Path | None) -> Sequence[str]:
    """Projects whose tempo is one number."""
    found = [path for path in sorted(LMMS.rglob("*.mmp*")) if not _NOT_MUSIC & set(path.parts)]
    return [str(path.relative_to(LMMS)) for path in found] if part == "test" else []


def hydrogen(part: Part, _: Path | None) -> Sequence[str]:
    return [path.name for path in sorted(HYDROGEN.glob("*.h2song"))] if part == "test" else []


def make_lmms(order: Order) -> Made | None:
    path = LMMS / order.composition
    raw = path.read_bytes()
    project = ET.fromstring(zlib.decompress(raw[4:]) if path.suffix == ".mmpz" else raw)
    tempo = lmms_tempo(project)
    if tempo is None:
        return None
    with tempfile.TemporaryDirectory(prefix="autodj-truth-") as name:
        output = Path(name) / "song.wav"
        _run(["lmms", "--allowroot", "render", path, "-o", output, "-f", "wav"])
        sound = read_sound(output)
    licence = "Artistic-2, BSD-2-Clause or CC-BY-SA-3.0: copyright of lmms-common"
    return _gridded(sound, tempo, Truth(LMMS_SOURCE.name, licence, order.composition))


def make_hydrogen(order: Order) -> Made | None:
    path = HYDROGEN / order.composition
    tempo = hydrogen_tempo(ET.parse(path).getroot())
    if tempo is None:
        return None
    with tempfile.TemporaryDirectory(prefix="autodj-truth-") as name:
        output = Path(name) / "song.wav"
        _run(["h2cli", "-d", "auto", "-s", path, "-o", output])
        sound = read_sound(output)
    return _gridded(sound, tempo, Truth(HYDROGEN_SOURCE.name, "GPL-2+", order.composition))


def lmms_tempo(project: ET.Element) -> tuple[float, int] | None:
    """Beats a minute and quarters a bar; None where the tempo is automated."""
    head = project.find("head")
    if head is None:
        return None
    automated = head.find("bpm")
    if automated is not None:
        mover = automated.get("id")
        if any(each.get("id") == mover for each in project.iter("object")):
            return None
    bpm = automated.get("value") if automated is not None else head.get("bpm")
    return (float(bpm), _quarters(head)) if bpm else None


def _quarters(head: ET.Element) -> int:
    """Quarters a bar; the signature is written in one of two ways."""
    inner = head.find("timesig")
    signature, prefix = (head, "timesig_") if inner is None else (inner, "")
    upper = int(signature.get(f"{prefix}numerator", "4"))
    lower = int(signature.get(f"{prefix}denominator", "4"))
    return max(1, upper * 4 // lower)


def hydrogen_tempo(song: ET.Element) -> tuple[float, int] | None:
    """Beats a minute and beats a bar; None where the tempo follows a time line."""
    for element in song.iter():
        element.tag = element.tag.rpartition("}")[2]
    if song.findtext("isTimelineActivated") == "true":
        return None
    sizes = Counter(int(size.text or 0) for size in song.findall("patternList/pattern/size"))
    bpm = song.findtext("bpm")
    if not bpm or not sizes:
        return None
    return float(bpm), max(1, sizes.most_common(1)[0][0] // _HYDROGEN_BEAT_TICKS)


def _gridded(sound: Floats, tempo: tuple[float, int], truth: Truth) -> Made | None:
    """Beats from the first sample on, as far as something sounds."""
    bpm, metre = tempo
    heard = np.flatnonzero(np.abs(sound).max(axis=0) > _AUDIBLE)
    if heard.size == 0 or heard[-1] < _SHORTEST_S * RATE_HZ:
        return None
    end_s = min(_LONGEST_S, heard[-1] / RATE_HZ)
    beats_s = np.arange(0, end_s, 60 / bpm)
    begun = int(np.searchsorted(beats_s, heard[0] / RATE_HZ - 0.05))
    downbeats_s = beats_s[::metre]
    return sound[:, : round(end_s * RATE_HZ)], Truth(
        truth.source,
        truth.licence,
        truth.composition,
        bpm=bpm,
        steady=True,
        metre=metre,
        beats_s=moments(beats_s[begun:]),
        downbeats_s=moments(downbeats_s[downbeats_s >= beats_s[begun]]),
    )


def _run(command: Sequence[str | Path]) -> None:
    windowless = ["env", "QT_QPA_PLATFORM=offscreen", *command]
    subprocess.run(windowless, check=True, capture_output=True, timeout=_RENDER_S)


LMMS_SOURCE = Source("lmms", lmms, make_lmms, weights={"test": 25}, renders={"test": 1})
HYDROGEN_SOURCE = Source(
    "hydrogen", hydrogen, make_hydrogen, weights={"test": 7}, renders={"test": 1}
)
