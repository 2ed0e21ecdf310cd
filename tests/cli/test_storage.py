"""``autodj storage``: files into baskets, and what retention ends."""

from __future__ import annotations

import asyncio
import io
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from autodj.cli.storing import BasketSwept, Going, print_swept
from autodj.db import Track, User, open_database
from autodj.db.schema import upgrade
from autodj.settings import data_dir, environment, load
from autodj.tracks.belonging import MARKER
from tests.builders import SHA256, make_track, make_user
from tests.cli.conftest import Here

MONTHS = 100 * 86400


@pytest.fixture
def baskets(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos are drawn anew; drafts are kept for a year, and everything else for 30 days."""
    file = tmp_path / "storage.yaml"
    file.write_text(
        f"""
storage:
  default_type: local
  local: {{root: {tmp_path}/media, retention_days: 30}}
  baskets:
    photos: {{root: {tmp_path}/photos, images: reencode, image_side_px: 50}}
    drafts: {{root: {tmp_path}/drafts, kinds: [documents], retention_days: 365}}
"""
    )
    monkeypatch.setenv("AUTODJ_SECRET", here("secret").out.strip())
    monkeypatch.setenv("AUTODJ_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("STORAGE_CONFIG", str(file))
    return tmp_path


def old(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"0123456789")
    os.utime(path, (time.time() - MONTHS, time.time() - MONTHS))
    return path


def test_a_photo_goes_into_its_basket_drawn_anew(here: Here, baskets: Path) -> None:
    photo = baskets / "Sunny Day.PNG"
    Image.new("RGB", (200, 100)).save(photo)

    told = here("storage", "put", photo, "--basket", "photos")
    plain = here("storage", "put", photo, "--key", "events/1/x.png", "--json")

    assert told.code == 0, told.err
    [key] = told.out.split()
    assert key.startswith("sunny-day-")
    assert Image.open(io.BytesIO((baskets / "photos" / key).read_bytes())).size == (50, 25)
    assert json.loads(plain.out)["content_type"] == "image/png"
    assert (baskets / "media/events/1/x.png").read_bytes() == photo.read_bytes()
    again = here("storage", "put", photo, "--key", "events/1/x.png")
    assert again.code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--basket", "pictures"), "There is no basket pictures"),
        (("--key", "../x"), "object key"),
        (("--basket", "photos"), "not PNG, JPEG or WebP"),
    ],
)
def test_what_cannot_be_stored_is_told(
    here: Here, baskets: Path, arguments: tuple[str, ...], said: str
) -> None:
    file = baskets / "notes.txt"
    file.write_text("no photo")

    told = here("storage", "put", file, *arguments)

    assert told.code == 1
    assert said in told.err
    assert not (baskets / "media").exists()


@pytest.mark.parametrize("name", ["nowhere.jpg", "."])
def test_what_is_no_file_is_not_stored(here: Here, baskets: Path, name: str) -> None:
    told = here("storage", "put", baskets / name)
    assert told.code == 1
    assert told.err.startswith(f"error: There is no file {baskets / name}\nhint:  Check the name")


def test_a_key_gives_no_orders_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    found = Going("a\x1b[31m\n.mp3", 1, datetime(2026, 1, 1, tzinfo=UTC))
    print_swept([BasketSwept("media", 30, [found])], dry_run=True)
    assert "a�[31m�.mp3" in capsys.readouterr().out


async def fill(database_url: str, *rows: User | Track) -> None:
    """A database of these rows alone."""
    await upgrade(database_url)
    for row in rows:
        async with open_database(database_url) as db, db.transaction() as session:
            session.add(row)


def test_what_would_go_is_shown_and_then_goes_but_what_a_row_names_stays(
    here: Here, baskets: Path
) -> None:
    database_url = load(environment()).database_url
    data_dir(environment()).mkdir(parents=True)
    track = make_track((user := make_user()).id)
    named = old(baskets / "media" / str(track.file_path))
    over = old(baskets / "media" / "tracks" / f"{user.id}" / f"0-{SHA256}.mp3")
    draft = old(baskets / "drafts" / "projects/1/prd/x.json")

    asyncio.run(fill(database_url, user, track))
    shown = here("storage", "sweep", "--dry-run")
    assert shown.code == 0, shown.err
    assert f"{over.relative_to(baskets / 'media')}" in shown.out
    assert "default: 1 object would go (10 B), older than 30 days" in shown.out
    assert "1 as old stay, being named by rows" in shown.out
    assert over.exists()

    [told, *_] = json.loads(here("storage", "sweep", "--json").out)
    assert (told["basket"], len(told["objects"]), told["named"]) == ("default", 1, 1)
    assert not over.exists()
    assert named.exists()
    assert draft.exists()


def test_without_retention_nothing_is_swept(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", here("secret").out.strip())
    monkeypatch.setenv("AUTODJ_DATA_DIR", str(tmp_path))
    asyncio.run(upgrade(load(environment()).database_url))

    assert "everything is kept" in here("storage", "sweep").out


def test_a_basket_that_cannot_be_swept_is_told(
    here: Here, baskets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir(environment()).mkdir(parents=True)
    asyncio.run(fill(load(environment()).database_url, make_user()))
    assert here("storage", "sweep").code == 0
    over = old(baskets / "media" / "avatars/1/x.webp")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    told = here("storage", "sweep")

    assert told.code == 1
    assert "default: " in told.out
    assert "ermission" in told.out
    assert over.exists()


def test_the_baskets_of_another_installation_are_shown_and_not_swept(
    here: Here, baskets: Path
) -> None:
    data_dir(environment()).mkdir(parents=True)
    asyncio.run(fill(load(environment()).database_url, make_user()))
    over = old(baskets / "media" / "avatars/1/x.webp")
    old(baskets / "media" / MARKER).write_text('{"database": "postgresql:elsewhere:5432/autodj"}')

    shown = here("storage", "sweep", "--dry-run")
    assert "default: 1 object would go" in shown.out
    told = here("storage", "sweep")
    assert told.code == 1
    assert "postgresql:elsewhere:5432/autodj" in told.out
    assert over.exists()


def test_the_group_explains_itself(here: Here) -> None:
    assert "autodj storage sweep --dry-run" in here("storage", "sweep", "--help").out
    assert "autodj storage put" in here("storage", "put", "--help").out
