"""The process says how it is, starts light, refuses plainly and stops in order."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from autodj.api import page, system
from autodj.errors import DatabaseUnavailable, DiskFull, StoreDenied
from autodj.laptop.broker import Broker
from autodj.laptop.ports import free_ports
from tests.api.stage import NO_BROKER, SECRET, Person, Stage, settings_for, staged

ROOT = Path(__file__).parents[2]
HEAVY = ("librosa", "av", "soundfile", "numpy", "scipy", "PIL", "numba", "sklearn")
NOT_TO_START = ("aiobotocore", "botocore", "aiohttp", "arq", "alembic")


def test_a_living_process_says_so(stage: Stage) -> None:
    answer = stage.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


def test_without_a_broker_the_process_is_ready_if_degraded(stage: Stage) -> None:
    answer = stage.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "status": "degraded",
            "database": "ok",
            "broker": "broker_unavailable",
            "local_store": "ok",
            "s3_store": None,
            "s3_failing_since": None,
        },
    )


async def test_with_everything_the_process_is_ready(
    migrated_sqlite: Path, tmp_path: Path, broker: Broker
) -> None:
    database = tmp_path / "autodj.db"
    shutil.copy(migrated_sqlite, database)
    settings = settings_for(tmp_path, f"sqlite:///{database}", REDIS_URL=broker.url)
    with staged(settings) as stage:
        answer = stage.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["broker"] == "ok"


def test_a_database_without_tables_is_not_ready(tmp_path: Path) -> None:
    with staged(settings_for(tmp_path, f"sqlite:///{tmp_path}/empty.db")) as stage:
        answer = stage.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
        assert answer.json()["database"] == "database_unavailable"
        assert stage.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("part", "error", "expected"),
    [
        ("db", DatabaseUnavailable(), ("database", "database_unavailable")),
        ("local", DiskFull(), ("local_store", "disk_full")),
        ("local", StoreDenied(), ("local_store", "store_denied")),
    ],
)
def test_a_broken_part_is_named(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    error: Exception,
    expected: tuple[str, str],
) -> None:
    async def broken(_: object) -> None:
        raise error

    monkeypatch.setattr(type(getattr(stage.runtime, part)), "probe", broken)
    answer = stage.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()[expected[0]] == expected[1]


def test_a_part_that_hangs_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: object) -> None:
        import asyncio  # noqa: PLC0415 - only this test waits

        await asyncio.sleep(60)

    monkeypatch.setattr(system, "PROBE_S", 0.05)
    monkeypatch.setattr(type(stage.runtime.db), "probe", hang)
    answer = stage.client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "unavailable")


def test_the_figures_count_requests_by_route(stage: Stage, owner: Person) -> None:
    def counted() -> float:
        text = stage.client.get("/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "autodj_http_requests_total"
            and sample.labels["route"] == "/api/v1/tracks/{track_id:uuid}"
            and sample.labels["status"] == "4xx"
        )

    before = counted()
    for track_id in (owner.id, stage.person().id):
        stage.client.get(f"/api/v1/tracks/{track_id}", headers=owner.bearer)
    assert counted() == before + 2
    answer = stage.client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "process_resident_memory_bytes" in answer.text


# Refusals


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("POST", "/", 405, {"GET", "HEAD"}),
        ("PUT", "/api/v1/tracks", 405, {"GET", "HEAD", "POST"}),
        (
            "POST",
            "/api/v1/tracks/6e1d7f0e-6f3c-4f9a-9c1b-0d6a3a5f2b11",
            405,
            {"GET", "HEAD", "PATCH", "DELETE"},
        ),
        ("TRACE", "/healthz", 405, {"GET", "HEAD"}),
        ("OPTIONS", "/api/v1/jobs", 405, {"GET", "HEAD"}),
        ("GREET", "/healthz", 405, {"GET", "HEAD"}),
    ],
)
def test_what_is_not_there_is_a_problem(
    stage: Stage, method: str, path: str, status: int, allow: set[str] | None
) -> None:
    answer = stage.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["instance"]) == (status, path)
    assert problem["request_id"] == answer.headers["x-request-id"]
    if allow is not None:
        assert set(answer.headers["allow"].split(", ")) == allow


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b'{"title": "\xff"}', 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b'{"bpm": ' + b"9" * 5000 + b"}", 400, "invalid_json"),
        (b'{"bpm": NaN}', 400, "invalid_json"),
        (b'{"bpm": 1e999}', 400, "invalid_json"),
        (b'{"title": "a", "title": "b"}', 400, "invalid_json"),
        (b"null", 422, "invalid_field"),
        (b"[]", 422, "invalid_field"),
        (b'"x"', 422, "invalid_field"),
        (b'{"title": "x"}' + b" " * 300_000, 413, "too_large"),
    ],
)
def test_json_that_is_none_is_a_problem(
    stage: Stage, owner: Person, body: bytes, status: int, code: str
) -> None:
    path = f"/api/v1/tracks/{stage.track(owner).id}"
    headers = {**owner.bearer, "Content-Type": "application/json"}
    answer = stage.client.patch(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_bug_shows_nothing_of_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def bug(_: object) -> Any:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(system, "readiness", bug)
    # The test client shows a server's errors to the tests; a network would not.
    monkeypatch.setattr(stage.client._transport, "raise_server_exceptions", False)
    answer = stage.client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text


# A process of its own


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],  # noqa: TID251 - for the process under test
        "AUTODJ_SECRET": SECRET,
        "AUTODJ_DATA_DIR": str(folder),
        "REDIS_URL": NO_BROKER,
        **more,
    }


def test_the_web_process_imports_no_audio_library_and_nothing_it_can_do_without(
    tmp_path: Path,
) -> None:
    script = """
import asyncio, sys
def roots():
    return ",".join(sorted({name.partition(".")[0] for name in sys.modules}))
from autodj.api.app import create_app
app = create_app()
print(roots())
async def live():
    async with app.router.lifespan_context(app):
        pass
asyncio.run(live())
print(roots())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    started, lived = (set(line.split(",")) for line in done.stdout.splitlines())
    assert "starlette" in started
    assert not started & {*HEAVY, *NOT_TO_START}
    assert not lived & set(HEAVY)


def test_a_setting_that_is_missing_stops_the_start_and_is_named(tmp_path: Path) -> None:
    without = {k: v for k, v in environment(tmp_path).items() if k != "AUTODJ_SECRET"}
    done = subprocess.run(
        [sys.executable, "-c", "from autodj.api.app import create_app; create_app()"],
        cwd=ROOT,
        env=without,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "AUTODJ_SECRET is missing" in done.stderr


def test_uvicorn_starts_it_and_a_signal_ends_it_though_somebody_still_watches(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "autodj.db")
    [port] = free_ports(1)
    command = ["-m", "uvicorn", "--factory", "autodj.api.app:create_app", "--port", str(port)]
    command += ["--http", "autodj.guard:GuardedProtocol", "--ws", "none"]
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(tmp_path, AUTODJ_PUBLIC_URL=f"http://127.0.0.1:{port}"),
        stderr=subprocess.PIPE,
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz", process)
            token = subprocess.run(
                [sys.executable, "-c", TOKEN_SCRIPT, str(tmp_path / "autodj.db")],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            watched = Request(
                f"http://127.0.0.1:{port}/api/v1/jobs/events",
                headers={"Authorization": f"Bearer {token}"},
            )
            with urlopen(watched) as events:
                process.send_signal(signal.SIGTERM)
                assert events.read() == b""
            assert process.stderr is not None
            log = process.stderr.read().decode()
            assert process.wait(timeout=90) in {0, -signal.SIGTERM}, log
        finally:
            process.kill()
    assert "Traceback" not in log
    assert "ASGI callable" not in log
    assert token not in log


TOKEN_SCRIPT = f"""
import asyncio, sys
from datetime import UTC, datetime
from autodj.db import open_database
from autodj.users.login import ensure_user
from autodj.users.tokens import Audience, issue
async def token():
    async with open_database(f"sqlite+aiosqlite:///{{sys.argv[1]}}") as db:
        user = await ensure_user(db, "dj")
    print(issue({SECRET!r}, user.id, Audience.API, now=datetime.now(UTC), ttl_s=60))
asyncio.run(token())
"""


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            urlopen(url).close()
        except URLError:
            assert process.poll() is None, process.stderr and process.stderr.read()
        else:
            return


def test_the_page_may_speak_to_where_its_audio_is(tmp_path: Path) -> None:
    def origins(**environment: str) -> list[str]:
        return page.audio_origins(settings_for(tmp_path, "", **environment))

    bucket = {"S3_BUCKET_NAME": "dj-audio", "AWS_REGION": "eu-central-1"}
    assert origins() == []
    assert origins(**bucket, CLOUDFRONT_DOMAIN="cdn.example.org") == ["https://cdn.example.org"]
    assert "https://dj-audio.s3.eu-central-1.amazonaws.com" in origins(**bucket)
    endpoint = {"S3_ENDPOINT_URL": "http://127.0.0.1:9000/x"}
    assert origins(**bucket, **endpoint, S3_PATH_STYLE="true") == ["http://127.0.0.1:9000"]
    assert origins(**bucket, **endpoint) == [
        "http://127.0.0.1:9000",
        "http://dj-audio.127.0.0.1:9000",
    ]


def test_the_figures_tell_for_how_long_a_store_has_failed(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "autodj.db")
    [port] = free_ports(1)
    settings = settings_for(
        tmp_path,
        f"sqlite:///{tmp_path}/autodj.db",
        FILE_STORAGE_TYPE="s3",
        S3_BUCKET_NAME="nobody-there",
        S3_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        S3_MAX_RETRIES="0",
        AWS_ACCESS_KEY_ID="any",
        AWS_SECRET_ACCESS_KEY="any",
    )

    def failing_s(stage: Stage) -> dict[str, float]:
        return {
            sample.labels["basket"]: sample.value
            for family in text_string_to_metric_families(stage.client.get("/metrics").text)
            for sample in family.samples
            if sample.name == "autodj_store_failing_seconds"
        }

    with staged(settings) as stage:
        assert failing_s(stage) == {"default": 0}
        answer = stage.client.get("/readyz").json()
        assert answer["s3_store"] == "store_unreachable"
        assert answer["s3_failing_since"].endswith("Z")
        assert failing_s(stage)["default"] > 0
