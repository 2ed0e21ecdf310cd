from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from autodj.settings.parsers import secret
from tests.cli.conftest import Here
from tests.cli.starting import Up


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        return None


def opened(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, without following a redirect."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.build_opener(_Stay).open(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_a_token_speaks_for_its_user(here: Here, up: Up) -> None:
    token = here("token", "--data", up.data_dir).out.strip()
    status, _, body = opened(f"{up.url}/api/v1/me", Authorization=f"Bearer {token}")
    assert (status, json.loads(body)["name"]) == (200, "dj")
    assert json.loads(body)["storage"] == "local"


@pytest.mark.parametrize("command", ["token", "login"])
@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m"])
def test_a_user_is_made_for_a_name_alone(here: Here, up: Up, command: str, name: str) -> None:
    told = here(command, "--user", name, "--data", up.data_dir)
    assert (told.code, told.out) == (2, "")
    assert "must not be empty" in told.err


def test_a_token_of_another_user_is_made_for_them(here: Here, up: Up) -> None:
    token = here("token", "--user", "Björk", "--days", "1", "--data", up.data_dir).out.strip()
    _, _, body = opened(f"{up.url}/api/v1/me", Authorization=f"Bearer {token}")
    assert json.loads(body)["name"] == "Björk"


def test_a_login_link_logs_in_once(here: Here, up: Up) -> None:
    link = here("login", "--data", up.data_dir).out.strip()
    assert link.startswith(f"{up.url}/login?t=")
    status, headers, _ = opened(link)
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"].partition(";")[0]
    status, _, body = opened(f"{up.url}/api/v1/me", Cookie=cookie)
    assert (status, json.loads(body)["name"]) == (200, "dj")
    assert opened(link)[0] == 401


def test_the_link_that_up_prints_is_one_of_these(up: Up) -> None:
    assert opened(up.login_link)[0] == 303
    assert str(up.data_dir) in up.said


def test_a_secret_is_new_each_time_and_good_enough(here: Here) -> None:
    first, second = here("secret").out.strip(), here("secret").out.strip()
    assert first != second
    assert secret(first) == first


def test_without_a_secret_nobody_gets_a_token(here: Here, tmp_path: Path) -> None:
    told = here("token", "--data", tmp_path / "nothing")
    assert told.code == 1
    assert told.err.startswith("error: AUTODJ_SECRET is missing")
    assert not (tmp_path / "nothing").exists()


def test_without_a_database_nobody_gets_a_token(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", here("secret").out.strip())
    told = here("token", "--data", tmp_path)
    assert told.code == 1
    assert f"There is no database at {tmp_path / 'autodj.db'}" in told.err
    assert "alembic upgrade head" in told.err


def test_an_empty_database_is_told_as_such(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", here("secret").out.strip())
    sqlite3.connect(tmp_path / "autodj.db").close()
    told = here("login", "--data", tmp_path)
    assert told.code == 1
    assert "The database has no tables" in told.err
