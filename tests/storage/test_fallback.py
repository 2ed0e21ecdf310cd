"""Places asked in turn: the first that has it, always marked, and no failure told as absence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import structlog
from structlog.testing import capture_logs

from autodj.errors import (
    AutodjError,
    IntegrityFault,
    InvalidRequest,
    ObjectArchived,
    ObjectNotFound,
    StoreDenied,
    StoreTimeout,
    StoreUnreachable,
)
from autodj.storage import fallback
from autodj.storage.documents import load_document, save_document
from autodj.storage.fallback import FromPlace, first_of
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from tests.storage.faults import failing
from tests.storage.faulty_s3 import store_on

KEY = "projects/7/prd/launch.json"


def having(value: str) -> Callable[[], Awaitable[str]]:
    async def ask() -> str:
        return value

    return ask


def lacking(error: AutodjError) -> Callable[[], Awaitable[str]]:
    async def ask() -> str:
        raise error

    return ask


async def test_the_first_place_that_has_it_answers_and_the_rest_is_not_asked() -> None:
    found = await first_of({"s3": having("a"), "local": lacking(AutodjError("it is asked"))})

    assert found == FromPlace("a", "s3")
    assert found.marks() == {"source": "s3", "fallback": False}


@pytest.mark.parametrize(
    "error",
    [ObjectNotFound(), StoreUnreachable(), StoreTimeout(), StoreDenied(), ObjectArchived(),
     IntegrityFault()],
    ids=lambda error: error.code,
)  # fmt: skip
@pytest.mark.can_fail_on("ourselves")
async def test_what_does_not_have_it_is_passed_over_and_marked(
    monkeypatch: pytest.MonkeyPatch, error: AutodjError
) -> None:
    monkeypatch.setattr(fallback, "log", structlog.get_logger())
    with capture_logs() as logs:
        found = await first_of(
            {"s3": lacking(error), "local": lacking(ObjectNotFound()), "database": having("old")},
            what=KEY,
        )

    codes = {"s3": error.code, "local": "object_not_found"}
    assert (found.found, found.place, found.fell_back) == ("old", "database", True)
    assert found.marks() == {"source": "database", "fallback": True, "passed_over": codes}
    [told] = logs
    assert (told["event"], told["what"], told["source"]) == ("storage_fallback", KEY, "database")
    assert told["passed_over"] == codes
    assert told["log_level"] == "warning"


async def test_a_place_that_could_not_be_asked_is_not_told_as_absence() -> None:
    with pytest.raises(StoreUnreachable):
        await first_of({"s3": lacking(StoreUnreachable()), "local": lacking(ObjectNotFound())})
    with pytest.raises(StoreTimeout):
        await first_of({"s3": lacking(ObjectNotFound()), "local": lacking(StoreTimeout())})
    with pytest.raises(ObjectNotFound):
        await first_of({"s3": lacking(ObjectNotFound()), "local": lacking(ObjectNotFound())})
    with pytest.raises(ObjectNotFound):
        await first_of({})


async def test_a_mistake_of_whoever_asks_is_not_asked_again_elsewhere() -> None:
    with pytest.raises(InvalidRequest):
        await first_of({"s3": lacking(InvalidRequest()), "local": having("a")})


async def test_a_document_is_read_from_the_directory_and_then_from_its_row(
    real_s3: S3Storage, local: LocalStorage
) -> None:
    async def asked(s3: S3Storage) -> tuple[object, str]:
        found = await first_of({
            "s3": lambda: of(s3),
            "local": lambda: of(local),
            "database": of_row,
        })  # fmt: skip
        return found.found, found.place

    async def of(store: S3Storage | LocalStorage) -> object:
        return (await load_document(store, KEY)).content

    async def of_row() -> object:
        return {"n": "row"}

    assert await asked(real_s3) == ({"n": "row"}, "database")
    await save_document(local, KEY, {"n": "local"})
    assert await asked(real_s3) == ({"n": "local"}, "local")
    await save_document(real_s3, KEY, {"n": "s3"})
    assert await asked(real_s3) == ({"n": "s3"}, "s3")
    async with store_on(failing("500 Internal Server Error", "InternalError")) as (down, _):
        assert await asked(down) == ({"n": "local"}, "local")
