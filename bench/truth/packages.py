"""The Debian packages that pieces are made from, and their versions when figures were printed.

The same packages give the same files; others may give others, so the build says which differ.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import Final

KNOWN: Final[Mapping[str, str]] = {
    "fluidsynth": "2.3.1-2",
    "fluid-soundfont-gm": "3.1-5.3",
    "timgm6mb-soundfont": "1.3-5",
    "musescore-general-soundfont-small": "0.2.1-1",
    "opl3-soundfont": "1.0-4",
    "freedoom": "0.12.1-2",
    "openttd-openmsx": "0.4.2-1",
    "lmms": "1.2.2+dfsg1-6",
    "lmms-common": "1.2.2+dfsg1-6",
    "hydrogen": "1.2.0~beta1+dfsg-1",
    "hydrogen-data": "1.2.0~beta1+dfsg-1",
    "fretsonfire-songs-muldjord": "2.dfsg-2.1",
    "fretsonfire-songs-sectoid": "1.dfsg-3.1",
    "libopenmpt0": "0.6.9-1",
    "bb": "1.3rc1-13",
    "biniax2-data": "1.30-7",
    "bomberclone-data": "0.11.9-7.1",
    "criticalmass-data": "1:1.0.2-3",
    "dodgindiamond2": "0.2.2-4",
    "fb-music-high": "0.1.2+nmu2",
    "gl-117-data": "1.3.2-3.1",
    "heroes-sound-tracks": "1.0-6",
    "ironseed-data": "0.3.6-5",
    "pachi-data": "1:1.0-10",
    "pekka-kana-2-data": "1.2.7-1",
    "pingus-data": "0.7.6-5.1",
    "ri-li-data": "2.0.1+ds2-2",
    "tecnoballz-data": "0.93.1-10",
    "tomatoes-data": "1.55-10",
    "a7xpg-data": "0.11.dfsg1-11",
    "gunroar-data": "0.15.dfsg1-10",
    "mu-cade-data": "0.11.dfsg1-13",
    "noiz2sa-data": "0.51a-13",
    "parsec47-data": "0.2.dfsg1-9",
    "rrootage-data": "0.23a-13",
    "titanion-data": "0.3.dfsg1-8",
    "torus-trooper-data": "0.22.dfsg1-13",
    "tumiki-fighters-data": "0.2.dfsg1-10",
    "val-and-rick-data": "0.1a.dfsg1-7",
}


def installed(names: Iterable[str] = KNOWN) -> dict[str, str]:
    """The versions of those that are installed; nothing where there is no dpkg."""
    query = shutil.which("dpkg-query")
    if query is None:
        return {}
    asked = [query, "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", *names]
    # It fails where one is unknown, and tells of the others all the same.
    answer = subprocess.run(asked, check=False, capture_output=True, text=True).stdout
    told = [line.split() for line in answer.splitlines()]
    return {words[0]: words[1] for words in told if words[-1] == "installed"}


def differing(found: Mapping[str, str]) -> list[str]:
    """A line for each of ``found`` that is not of the known version."""
    return [
        f"{name} is {version} here and {KNOWN[name]} in the figures of docs/performance.md"
        for name, version in sorted(found.items())
        if version != KNOWN[name]
    ]
