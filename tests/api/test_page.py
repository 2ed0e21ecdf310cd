"""The page's files come from a closed list, and nothing on a page comes from elsewhere."""

from __future__ import annotations

import json
import random
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from autodj.api.app import OPERATIONS, create_app
from autodj.api.assets import Assets
from autodj.api.page import ASSETS, ROOT
from tests.api.serving import exchange
from tests.api.stage import Stage, settings_for

VERSIONED = f"/static/{ASSETS.version}/"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


OLDER = "0123456789abcdef"
FOR_EVER = "public, max-age=31536000, immutable"


def told_of(name: str) -> bytes:
    """What a file says, its addresses led into the folder of the version."""
    content = (ROOT / name).read_bytes()
    is_page = name.endswith(".html")
    return content.replace(b'"/static/', f'"{VERSIONED}'.encode()) if is_page else content


@pytest.mark.parametrize("name", ASSETS.names)
@pytest.mark.parametrize(
    ("folder", "cached"),
    [("/static/", "no-cache"), (VERSIONED, FOR_EVER), (f"/static/{OLDER}/", "no-cache")],
)
def test_every_file_of_the_page_is_served_as_what_it_is(
    stage: Stage, name: str, folder: str, cached: str
) -> None:
    etags = set()
    for accepted in ("gzip, deflate, br", "identity", "br, gzip;q=0"):
        asked = {"Accept-Encoding": accepted}
        answer = stage.client.get(f"{folder}{name}", headers=asked)
        assert (answer.status_code, answer.content) == (200, told_of(name))
        assert answer.headers["content-type"] == TYPES[Path(name).suffix]
        assert answer.headers["cache-control"] == cached
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"
        is_packed = accepted.startswith("gzip")
        assert answer.headers.get("content-encoding") == ("gzip" if is_packed else None)
        asked["If-None-Match"] = answer.headers["etag"]
        again = stage.client.get(f"{folder}{name}", headers=asked)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == cached
        etags.add(answer.headers["etag"])
    assert len(etags) == 2


def test_a_page_is_packed_to_less_than_half(stage: Stage) -> None:
    for name in ("", "static/app.css", "static/upload.js"):
        sent = stage.client.get(f"/{name}", headers={"Accept-Encoding": "gzip"}).headers
        whole = stage.client.get(f"/{name}", headers={"Accept-Encoding": "identity"}).headers
        assert int(sent["content-length"]) * 2 < int(whole["content-length"])


def test_a_page_that_has_changed_has_other_addresses(tmp_path: Path) -> None:
    versions = set()
    for name, content in [("a.js", "1"), ("a.js", "2"), ("b.js", "2")]:
        (tmp_path / name).write_text(content)
        versions.add(Assets(tmp_path).version)
    assert len(versions) == 3
    assert Assets(ROOT).version == ASSETS.version


def test_what_packing_makes_no_smaller_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "noise.png").write_bytes(random.Random(1).randbytes(2000))
    noise = Assets(tmp_path)["noise.png"]
    assert noise.form(packed=True) == noise.form(packed=False)


def test_nothing_of_a_page_says_where_it_lies() -> None:
    names = [name for name in ASSETS.names if not name.endswith(".html")]
    assert [name for name in names if b"/static/" in (ROOT / name).read_bytes()] == []


@pytest.mark.parametrize(("path", "name"), [("/", "index.html"), ("/docs", "docs.html")])
def test_pages_open_without_a_login_and_fetch_only_from_here(
    stage: Stage, path: str, name: str
) -> None:
    answer = stage.client.get(path)
    assert (answer.status_code, answer.content) == (200, told_of(name))
    assert answer.headers["cache-control"] == "no-cache"
    asked = {"If-None-Match": answer.headers["etag"]}
    assert stage.client.get(path, headers=asked).status_code == 304
    policy = dict(
        rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["connect-src"] == policy["media-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    for address in re.findall(r'(?:src|href)="([^"#]+)', answer.text):
        assert address.startswith("/"), address
        got = stage.client.get(address)
        assert got.status_code == 200, address
        if address.startswith("/static/"):
            assert got.headers["cache-control"] == FOR_EVER, address
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", answer.text)


def test_the_policy_lets_audio_come_from_the_cdn(cdn_stage: Stage) -> None:
    policy = cdn_stage.client.get("/").headers["content-security-policy"]
    assert "connect-src 'self' https://d111111abcdef8.cloudfront.net;" in policy
    assert "media-src 'self' https://d111111abcdef8.cloudfront.net;" in policy


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "../app.py",
        "..%2fapi%2fapp.py",
        "%2e%2e/%2e%2e/pyproject.toml",
        "....//app.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "docs.js/",
        "docs.js%00",
        "docs.js%00.css",
        "DOCS.JS",
        "./docs.js",
        "x/../docs.js",
        "docs.js/../docs.css",
        f"{ASSETS.version}/",
        f"{ASSETS.version}/../docs.css",
        f"{ASSETS.version}/{ASSETS.version}/docs.css",
        f"{ASSETS.version}/nothing.js",
        f"{OLDER}/nothing.js",
        f"{OLDER.upper()}/docs.css",
        "..\\api\\app.py",
        "x" * 5000,
    ],
)
def test_a_name_that_is_not_on_the_list_is_not_found(served: str, path: str) -> None:
    # By hand, for a client would tidy such paths up.
    request = f"GET /static/{path} HTTP/1.1\r\nHost: autodj\r\nConnection: close\r\n\r\n"
    answer = exchange(int(served.rpartition(":")[2]), request.encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 "), answer
    assert json.loads(body)["code"] == "not_found"


def test_links_and_folders_are_not_files_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.js").write_text("1")
    (tmp_path / "secret.js").symlink_to("/etc/passwd")
    assert Assets(tmp_path).names == ["inner/a.js"]


@pytest.fixture(scope="module")
def served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The application behind a real port, for a real browser."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copy(migrated_sqlite, folder / "autodj.db")
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings_for(folder, f"sqlite:///{folder}/autodj.db", AUTODJ_PUBLIC_URL=url)
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield url
    server.should_exit = True
    thread.join()


def test_the_reference_shows_every_operation_under_the_strict_policy(
    served: str, chromium: str
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        tab = browser.new_page()
        complaints: list[str] = []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        elsewhere: list[str] = []
        tab.on(
            "request",
            lambda request: (
                None if request.url.startswith(served) else elsewhere.append(request.url)
            ),
        )
        tab.goto(f"{served}/docs")
        tab.wait_for_selector("#schema-Track")
        shown = tab.eval_on_selector_all("article .line", "all => all.map(each => each.innerText)")
        commands = tab.eval_on_selector_all("article pre", "all => all.map(each => each.innerText)")
        targets = tab.eval_on_selector_all(
            "a[href^='#']", "all => all.filter(a => !document.querySelector(a.hash)).length"
        )
        browser.close()
    assert len(shown) == len(OPERATIONS)
    for each in OPERATIONS:
        assert any(each.plain_path in line and each.method in line for line in shown), each.name
    assert all(command.startswith("curl ") for command in commands)
    assert (complaints, elsewhere, targets) == ([], [], 0)
