"""Other people's readers of what is exported.

Each takes a second or so to import, and every process of the tests reads every file of them: so
a reader is imported by the test that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrekordbox.rbxml import RekordboxXml


def read_jams(path: Path) -> Any:
    """The file as its own library reads it, held against the schema."""
    import jams  # noqa: PLC0415  # see above

    return jams.load(str(path), validate=True, strict=True)


def read_rekordbox(path: Path) -> RekordboxXml:
    from pyrekordbox.rbxml import RekordboxXml  # noqa: PLC0415  # see above

    return RekordboxXml(path)
