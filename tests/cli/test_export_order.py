"""Orders to export that make no sense, before a server is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from autodj.cli.export_order import Format, Order
from autodj.errors import CommandError


@pytest.mark.parametrize("form", [Format.REKORDBOX, Format.M3U8, Format.JAMS])
def test_a_folder_that_no_format_can_name_is_refused_before_anything_is_made(
    form: Format, tmp_path: Path
) -> None:
    to = tmp_path / "new" / "set"
    with pytest.raises(CommandError, match="UTF-8"):
        Order(form, to, Path("/music/caf\udce9"), fetch=True).prepare()
    assert not to.parent.exists()
    Order(form, to, Path("/music/caf\u00e9"), fetch=True).prepare()
    assert to.parent.exists()
