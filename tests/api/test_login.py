"""One link lets one browser in, and leaves nothing else behind."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from autodj.api.auth import SESSION_COOKIE
from autodj.users.login import offer_login
from autodj.users.tokens import Audience
from tests.api.stage import Person, Stage, settings_for, staged


def link_for(stage: Stage, person: Person) -> str:
    async def offer() -> str:
        return await offer_login(stage.runtime.db, person.id, public_url=stage.settings.public_url)

    return stage.run(offer)


def cookie_in(header: str) -> dict[str, Any]:
    [(_, morsel)] = SimpleCookie(header).items()
    return {"value": morsel.value, **{name: value for name, value in morsel.items() if value}}


def test_the_link_opens_the_page_as_its_user(stage: Stage, owner: Person) -> None:
    answer = stage.client.get(link_for(stage, owner))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    cookie = cookie_in(answer.headers["set-cookie"])
    session = {"Cookie": f"{SESSION_COOKIE}={cookie['value']}"}
    assert stage.client.get("/api/v1/me", headers=session).json() == {
        "id": str(owner.id),
        "name": owner.name,
        "storage": "local",
    }
    assert {name: cookie[name] for name in ("path", "max-age", "samesite", "httponly")} == {
        "path": "/",
        "max-age": str(30 * 86400),
        "samesite": "strict",
        "httponly": True,
    }
    assert "secure" not in cookie
    assert "domain" not in cookie


def test_over_https_the_cookie_stays_there(migrated_sqlite: Path, tmp_path: Path) -> None:
    database = tmp_path / "autodj.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    settings = settings_for(
        tmp_path, f"sqlite:///{database}", AUTODJ_PUBLIC_URL="https://dj.example.org"
    )
    with staged(settings) as stage:
        link = link_for(stage, stage.person())
        assert link.startswith("https://dj.example.org/login?t=")
        path = link.removeprefix("https://dj.example.org")
        assert cookie_in(stage.client.get(path).headers["set-cookie"])["secure"] is True


def test_a_used_link_is_explained_to_people(stage: Stage, owner: Person) -> None:
    link = link_for(stage, owner)
    stage.client.get(link)
    again = stage.client.get(link)
    assert again.status_code == 401
    assert again.headers["content-type"].startswith("text/html")
    assert "autodj login" in again.text
    assert "set-cookie" not in again.headers
    assert "default-src 'none'" in again.headers["content-security-policy"]


@pytest.mark.parametrize("query", ["", "?t=", "?t=<script>", "?t=%00", f"?t={'x' * 5000}", "?u=1"])
def test_a_link_that_is_none_is_explained_too(stage: Stage, query: str) -> None:
    answer = stage.client.get(f"/login{query}")
    assert answer.status_code == 401
    assert "<script>" not in answer.text
    assert "set-cookie" not in answer.headers


def test_looking_at_a_link_does_not_use_it_up(stage: Stage, owner: Person) -> None:
    link = link_for(stage, owner)
    looked = stage.client.head(link)
    assert (looked.status_code, looked.headers["allow"]) == (405, "GET")
    assert stage.client.get(link).status_code == 303


def test_logging_out_clears_the_cookie(stage: Stage, owner: Person) -> None:
    headers = owner.session | {"Sec-Fetch-Site": "same-origin"}
    answer = stage.client.post("/logout", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    cookie = cookie_in(answer.headers["set-cookie"])
    assert (cookie["value"], cookie["max-age"], cookie["path"]) == ("", "0", "/")
    assert stage.client.post("/logout").status_code == 204


def test_another_site_cannot_log_people_out(stage: Stage, owner: Person) -> None:
    headers = owner.session | {"Sec-Fetch-Site": "cross-site"}
    answer = stage.client.post("/logout", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert "set-cookie" not in answer.headers


def test_tokens_are_never_in_the_answers_address(stage: Stage, owner: Person) -> None:
    answer = stage.client.get(link_for(stage, owner))
    assert urlsplit(answer.headers["location"]).query == ""
    assert owner.token(Audience.PAGE) not in answer.text
