"""``autodj edge``: what it needs to be told, and what it says when that does not fit."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from autodj.cli.edge_plan import size_bytes
from autodj.errors import CommandError
from autodj.laptop.edge.fault import Fault
from autodj.laptop.edge.origin import Bucket
from autodj.laptop.edge.service import Plan, open_edge
from autodj.laptop.keys import laptop_keys
from autodj.laptop.serving import Certificate
from tests.cli.conftest import Here

NOWHERE = Bucket("music", "us-east-1", "http://127.0.0.1:9", path_style=True)


@pytest.fixture
def told(here: Here, monkeypatch: pytest.MonkeyPatch) -> Here:
    """The command line, with credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFATEST000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-tests")
    return here


def test_a_bucket_and_credentials_are_needed(told: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "S3_BUCKET_NAME" in told("edge").err
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "AWS_ACCESS_KEY_ID" in told("edge", "--bucket", "music", "--no-keys").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--no-keys"),
        (("--key", "K2JCJMDEHXQW5F"), "ID=FILE"),
        (("--key", "K2JCJMDEHXQW5F=nowhere.pem"), "nowhere.pem"),
        (("--no-keys", "--cache-size", "much"), "500MB"),
        (("--no-keys", "--http-port", "0"), "--certificate"),
        (("--no-keys", "--certificate", "a.pem"), "--certificate-key"),
        (("--no-keys", "--host", "192.0.2.1"), "not an address of this machine"),
        (("--no-keys", "--host", "nowhere.invalid"), "not an address of this machine"),
        (("--no-keys", "--bucket", "a b"), "--bucket a b"),
        (("--no-keys", "--endpoint", "localhost:9000"), "--endpoint localhost:9000"),
        (("--no-keys", "--endpoint", "http://[::1"), "--endpoint http://[::1"),
        (("--no-keys", "--region", "x y"), "--region x y"),
        (("--no-keys", "--distribution-id", "../E1"), "--distribution-id ../E1"),
        (("--no-keys", "--logs", ""), "--logs is empty"),
        (("--no-keys", "--logs", "/dev/null"), "/dev/null is not a folder"),
        (("--no-keys", "--cache", "/dev/null"), "/dev/null is not a folder"),
        (("--keys", "nowhere"), "nowhere: No such file"),
        (
            ("--no-keys", "--certificate", "a.pem", "--certificate-key", "b.pem"),
            "certificate cannot be used",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(
    told: Here, arguments: tuple[str, ...], said: str
) -> None:
    ended = told("edge", "--bucket", "music", "--port", "0", *arguments)
    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_taken_port_is_told(told: Here) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = told("edge", "--bucket", "music", "--no-keys", "--port", port)
    assert f"Port {port} on 127.0.0.1 is taken" in ended.err


def test_an_unknown_fault_is_told_with_those_there_are(told: Here) -> None:
    ended = told("edge", "--bucket", "music", "--fault", "dances")
    assert ended.code == 2
    for fault in Fault:
        assert fault in "".join(ended.err.split()).replace("│", "")


@pytest.mark.parametrize(
    ("text", "size"),
    [("4096", 4096), ("1B", 1), ("5kB", 5000), ("500MB", 500_000_000), ("2 GB", 2_000_000_000)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "GB", "1.5GB", "9" * 12])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(CommandError):
        size_bytes(text)


async def test_one_edge_at_a_time_has_the_cache(tmp_path: Path) -> None:
    plan = Plan(NOWHERE, None, tmp_path)
    async with open_edge(plan):
        with pytest.raises(CommandError, match="Another edge is using"):
            async with open_edge(replace(plan, port=0)):
                pass
    async with open_edge(plan):
        pass


async def test_an_origin_that_is_not_there_is_a_502(tmp_path: Path) -> None:
    async with (
        open_edge(Plan(NOWHERE, None, tmp_path)) as edge,
        aiohttp.ClientSession() as session,
        session.get(f"{edge.url}/tracks/a") as answer,
    ):
        assert answer.status == 502
        assert answer.headers["X-Cache"] == "Error from cloudfront"


def test_the_keys_of_the_settings_are_the_key_group(
    told: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autodj.cli import edge_plan  # noqa: PLC0415 - its function is looked over the shoulder

    keys, second = laptop_keys(tmp_path / "first"), laptop_keys(tmp_path / "second")
    for name, value in {
        "S3_BUCKET_NAME": "music",
        "S3_PREFIX": "dj",
        "CLOUDFRONT_DOMAIN": "http://localhost:8123",
        "CLOUDFRONT_KEY_PAIR_ID": keys.cdn_key_pair_id,
        "CLOUDFRONT_PRIVATE_KEY": keys.cdn_private_key_pem,
        "CLOUDFRONT_DISTRIBUTION_ID": "E2QWRUHAPOMQZL",
        "CLOUDFRONT_API_URL": "http://127.0.0.1:8124",
        "CLOUDFRONT_SECOND_KEY_PAIR_ID": second.cdn_key_pair_id,
        "CLOUDFRONT_SECOND_PRIVATE_KEY": second.cdn_private_key_pem,
    }.items():
        monkeypatch.setenv(name, value)
    plans: list[Plan] = []

    async def noting(plan: Plan) -> None:
        plans.append(plan)

    monkeypatch.setattr(edge_plan, "stand_in", noting)
    assert told("edge", "--logs", "s3:logs/cdn").code == 0
    [plan] = plans
    assert plan.keys is not None
    assert set(plan.keys.keys()) == {keys.cdn_key_pair_id, second.cdn_key_pair_id}
    assert (plan.port, plan.unsigned, plan.logs) == (8123, ("dj/public/*",), "logs/cdn")
    assert (plan.control_port, plan.distribution_id) == (8124, "E2QWRUHAPOMQZL")
    assert plan.bucket.name == "music"


async def test_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    missing = Certificate(tmp_path / "none.pem", tmp_path / "none.pem")
    with pytest.raises(CommandError, match="certificate"):
        async with open_edge(Plan(NOWHERE, None, tmp_path, certificate=missing)):
            pass


def test_the_edge_is_light() -> None:
    heavy = ["autodj.api.app", "autodj.db", "sqlalchemy", "aiobotocore", "numpy", "arq", "av"]
    code = (
        "import sys, autodj.cli.edge_plan; "
        f"print(*[name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
