from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autodj.cdn.keys import load_public_key
from autodj.cdn.policy import check_link
from autodj.cdn.signer import CloudFrontSigner
from autodj.errors import CommandError
from autodj.laptop.keys import laptop_keys
from autodj.settings.parsers import secret


def test_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    keys = laptop_keys(data_dir)
    assert laptop_keys(data_dir) == keys
    assert laptop_keys(tmp_path / "other") != keys
    assert (data_dir / "keys.json").stat().st_mode & 0o777 == 0o600
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_keys_are_not_shown(tmp_path: Path) -> None:
    keys = laptop_keys(tmp_path)
    for hidden in (keys.app_secret, keys.s3_secret_key, keys.s3_sse_kek, "PRIVATE"):
        assert hidden not in repr(keys)


def test_the_settings_and_the_signer_take_the_keys(tmp_path: Path) -> None:
    keys = laptop_keys(tmp_path)
    assert secret(keys.app_secret) == keys.app_secret
    assert re.fullmatch(r"[0-9a-f]{64}", keys.s3_sse_kek)
    signer = CloudFrontSigner(
        "http://127.0.0.1:9000", keys.cdn_key_pair_id, keys.cdn_private_key_pem
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    link = signer.link("tracks/a.mp3", expires_at=now + timedelta(hours=1))
    public_keys = {keys.cdn_key_pair_id: load_public_key(keys.cdn_public_key_pem)}
    assert check_link(link, now=now, public_keys=public_keys) == now + timedelta(hours=1)


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    keys = laptop_keys(tmp_path)
    (tmp_path / "keys.json").chmod(0o644)
    assert laptop_keys(tmp_path) == keys
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["", "{}", "[]", '"x"', "missing", "number"])
def test_damaged_keys_are_never_replaced_silently(tmp_path: Path, damage: str) -> None:
    laptop_keys(tmp_path)
    file = tmp_path / "keys.json"
    values = json.loads(file.read_text())
    if damage == "missing":
        del values["app_secret"]
        damage = json.dumps(values)
    elif damage == "number":
        damage = json.dumps({**values, "app_secret": 3})
    file.write_text(damage)
    with pytest.raises(CommandError, match=r"keys\.json is damaged; restore it"):
        laptop_keys(tmp_path)
    assert file.read_text() == damage
