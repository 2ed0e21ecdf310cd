from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from autodj.cli.signing import told
from autodj.laptop.s3server import S3Server
from autodj.storage.s3 import S3Config, open_s3
from autodj.storage.s3.credentials import CredentialsFound
from tests.cli.conftest import Here

ROLE = "arn:aws:iam::123456789012:role/autodj"


@pytest.fixture
def environment(here: Here, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    told = {
        "AUTODJ_SECRET": here("secret").out.strip(),
        "S3_BUCKET_NAME": f"doctor-{uuid4().hex[:12]}",
        "S3_ENDPOINT_URL": s3_server.endpoint_url,
        "S3_PATH_STYLE": "true",
        "AWS_REGION": s3_server.region,
        "AWS_ACCESS_KEY_ID": s3_server.access_key,
        "AWS_SECRET_ACCESS_KEY": s3_server.secret_key,
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return told


def test_the_storage_alone_is_examined_and_no_secret_shown(
    here: Here, environment: dict[str, str], tmp_path: Path
) -> None:
    async def make_bucket() -> None:
        config = S3Config(
            environment["S3_BUCKET_NAME"],
            environment["AWS_REGION"],
            environment["S3_ENDPOINT_URL"],
            access_key=environment["AWS_ACCESS_KEY_ID"],
            secret_key=environment["AWS_SECRET_ACCESS_KEY"],
            path_style=True,
        )
        async with open_s3(config) as store:
            await store.ensure_bucket()

    asyncio.run(make_bucket())
    answer = here("doctor", "storage", "--data", tmp_path, "--json")

    assert answer.code == 0, answer.out
    found = {each["name"]: each["detail"] for each in json.loads(answer.out)}
    assert [*found] == ["settings", "local store", "clock", "credentials", "S3 store"]
    key_id = environment["AWS_ACCESS_KEY_ID"]
    assert found["credentials"] == f"from: environment; key …{key_id[-4:]}; they do not expire"
    assert found["S3 store"].endswith("), in parts too")
    assert key_id not in answer.out
    assert environment["AWS_SECRET_ACCESS_KEY"] not in answer.out


def test_no_credentials_at_all_are_a_fault_with_a_hint(
    here: Here, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_USE_IAM_ROLE", "true")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    answer = here("doctor", "storage", "--data", tmp_path)

    assert answer.code == 1
    assert "✗ credentials" in answer.out
    assert "this machine has no role" in answer.out
    assert environment["AWS_SECRET_ACCESS_KEY"] not in answer.out


def test_a_part_that_there_is_not_is_refused(here: Here) -> None:
    assert here("doctor", "weather").code == 2


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (CredentialsFound("config", "ABCD"), "from: config; key …ABCD; they do not expire"),
        (
            CredentialsFound("profile", "ABCD", ROLE, datetime(2026, 11, 21, 18, 30, tzinfo=UTC)),
            (
                f"from: role {ROLE}, assumed with those of: profile studio; key …ABCD; "
                "renewed before 2026-11-21 18:30 UTC"
            ),
        ),
        (
            CredentialsFound("instance role", "ABCD", None, datetime(2026, 11, 21, tzinfo=UTC)),
            "from: instance role; key …ABCD; renewed before 2026-11-21 00:00 UTC",
        ),
    ],
)
def test_the_source_of_the_credentials_is_one_line(found: CredentialsFound, line: str) -> None:
    assert told(found, "studio") == line
