"""What the log says of each operation on a store, and what it never says."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from autodj.errors import IntegrityFault, ObjectNotFound, StoreThrottled
from autodj.logs import set_up
from autodj.settings.encryption import Encryption
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from autodj.storage.whole import move
from tests.storage.builders import KEY, keys, put, read, sha256
from tests.storage.faults import failing
from tests.storage.faulty_s3 import BODY as SENT
from tests.storage.faulty_s3 import HEAD_SAME, PATIENT, STORED, store_on

BODY = b"0123456789"


def told(logs: list[EventDict]) -> list[tuple[str, str, str, str]]:
    return [
        (each["op"], each["key"], each["outcome"], each["log_level"])
        for each in logs
        if each["event"] == "storage"
    ]


async def test_each_operation_is_told_once_with_what_it_did(store: Any) -> None:
    with capture_logs() as logs:
        await put(store, KEY, BODY)
        await read(store, KEY)
        await store.delete(KEY)
        with pytest.raises(ObjectNotFound):
            await store.stat(KEY)

    assert told(logs) == [
        ("put", KEY, "ok", "info"),
        ("read", KEY, "ok", "debug"),
        ("delete", KEY, "ok", "info"),
        ("stat", KEY, "object_not_found", "debug"),
    ]
    told_of = [each for each in logs if each["event"] == "storage"]
    assert [each.get("bytes") for each in told_of] == [10, 10, None, None]
    assert all(each["ms"] >= 0 and each["basket"] for each in told_of)


async def test_requests_to_s3_are_counted_and_named(real_s3: S3Storage) -> None:
    with capture_logs() as logs:
        await put(real_s3, KEY, BODY)
        await read(real_s3, KEY)

    assert [each["attempts"] for each in logs if each["event"] == "storage"] == [1, 1]
    assert all(each["request_id"] for each in logs)


async def test_a_request_that_was_repeated_counts_each_time() -> None:
    busy = failing("503 Service Unavailable", "SlowDown")
    timing = dataclasses.replace(PATIENT, retry_delay_s=0.01)
    async with store_on(busy, busy, STORED, HEAD_SAME, timing=timing) as (store, _):
        with capture_logs() as logs:
            await put(store, KEY, SENT)

    [last] = [each for each in logs if each["event"] == "storage"]
    assert (last["outcome"], last["attempts"]) == ("ok", 4)


async def test_what_the_store_fails_at_is_a_warning() -> None:
    async with store_on(failing("503 Service Unavailable", "SlowDown")) as (store, _):
        with capture_logs() as logs, pytest.raises(StoreThrottled):
            await store.stat(KEY)

    assert told(logs)[-1] == ("stat", KEY, "store_throttled", "warning")


async def test_many_at_once_are_one_line(local: LocalStorage) -> None:
    with capture_logs() as logs:
        await local.delete_many(["a", "b"])
        await local.page("a/")
        await put(local, "a", BODY)
        await move(local, "a", "b")

    assert [each[0] for each in told(logs)] == ["delete_many", "page", "put", "copy", "delete"]
    assert (logs[0]["objects"], logs[1]["prefix"], logs[3]["source"]) == (2, "a/", "a")


async def test_a_reader_is_told_by_what_it_took_and_its_caller_apart(local: LocalStorage) -> None:
    await put(local, "a", BODY)
    with capture_logs() as logs:
        async with local.read("a") as blocks:
            await put(local, "b", b"".join([block async for block in blocks]))

    assert [each[0] for each in told(logs)] == ["put", "read"]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a process that has set up its logs writes, record by record."""
    kept = structlog.get_config()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    set_up(level="debug", fmt="json")
    # Also what the client itself would say if somebody asked it to.
    logging.getLogger("botocore").setLevel(logging.INFO)
    stream = io.StringIO()
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(stream)
    yield stream
    structlog.configure(**kept)
    root.handlers, root.level = handlers, level


@pytest.mark.can_fail_on("real_s3")
async def test_no_secret_and_no_signature_reaches_the_log(
    written: io.StringIO, real_config: S3Config
) -> None:
    key = b"K" * 32
    encryption = Encryption("SSE-C", customer_key=key)
    link = ""
    async with open_s3(real_config) as store:
        await store.ensure_bucket()
        await put(store, KEY, BODY)
        link = await store.presign(KEY, ttl_s=60)
        structlog.get_logger("autodj.storage.s3").warning("left", url=link, secret_key="S3CRET")
        with pytest.raises(IntegrityFault):
            await store.put("tracks/x", BODY, sha256=sha256(b""), content_type="audio/mpeg")
        await keys(store)
    async with open_s3(dataclasses.replace(real_config, encryption=encryption)) as customer:
        await put(customer, "tracks/own", BODY)

    text = written.getvalue()
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [each["op"] for each in records if each["event"] == "storage"][:2] == ["put", "put"]
    signature = link.partition("X-Amz-Signature=")[2].partition("&")[0]
    assert len(signature) == 64
    for hidden in (signature, real_config.secret_key, "S3CRET", key.decode()):
        assert hidden
        assert hidden not in text


def test_a_program_without_logs_prints_nothing(tmp_path: Path) -> None:

    code = (
        "import asyncio, sys; from pathlib import Path;"
        "from autodj.storage.local import LocalStorage;"
        "from tests.storage.builders import put;"
        "asyncio.run(put(LocalStorage(Path(sys.argv[1])), 'a', b'x'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "o"], capture_output=True, check=True, text=True
    )

    assert (ran.stdout, ran.stderr) == ("", "")
