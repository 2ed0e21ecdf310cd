"""Random operations on each store and on the model of a store, and wrong stores that are caught.

``python -m bench.storage_model`` runs many more of them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase

from autodj.errors import AutodjError
from autodj.storage.base import Described, ObjectStat
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Config
from bench.storage_model import Store, behind_proxy, compare, on_s3

EXAMPLES, STEPS = 4, 8


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


def fresh(root: Path, kind: type[LocalStorage], *, versioned: bool) -> Callable[[], Store]:
    return lambda: kind(root / uuid.uuid4().hex, versioned=versioned)


@pytest.mark.parametrize("versioned", [False, True])
def test_the_local_store_does_what_the_model_does(
    tmp_path: Path, runner: asyncio.Runner, versioned: bool
) -> None:
    done = compare(
        fresh(tmp_path, LocalStorage, versioned=versioned),
        runner,
        versioned=versioned,
        examples=2 * EXAMPLES,
        steps=STEPS,
    )

    assert done["runs"] >= 2 * EXAMPLES
    assert done["operations"] > done["refusals"] > 0


@pytest.mark.parametrize(
    ("config", "versioned"),
    [("moto_config", False), ("real_config", False), ("real_config", True)],
)
def test_a_bucket_does_what_the_model_does(
    request: pytest.FixtureRequest, runner: asyncio.Runner, config: str, versioned: bool
) -> None:
    bucket = bucket_on(request.getfixturevalue(config), versioned=versioned)
    with on_s3(runner, bucket, versioned=versioned) as stores:
        done = compare(
            stores,
            runner,
            versioned=versioned,
            keeps_directories=config == "real_config",
            examples=EXAMPLES,
            steps=STEPS,
        )

    assert done["operations"] > done["refusals"] > 0


def bucket_on(found: S3Config, *, versioned: bool) -> S3Config:
    return S3Config(
        f"model-{versioned}".lower(),
        found.region,
        found.endpoint_url,
        access_key=found.access_key,
        secret_key=found.secret_key,
        path_style=True,
    )


@pytest.mark.parametrize("versioned", [False, True])
def test_a_bucket_behind_faults_that_pass_does_what_the_model_does(
    real_config: S3Config,
    runner: asyncio.Runner,
    record_property: Callable[[str, object], None],
    versioned: bool,
) -> None:
    bucket = bucket_on(real_config, versioned=versioned)
    with (
        behind_proxy(runner, bucket, versioned=versioned) as (proxy, spoilt),
        on_s3(runner, spoilt, versioned=versioned) as stores,
    ):
        done = compare(
            stores,
            runner,
            versioned=versioned,
            keeps_directories=True,
            examples=2,
            steps=STEPS,
        )

    record_property("counts", f"{dict(done)}, {proxy.spoilt} of {proxy.count} requests spoilt")
    assert done["operations"] > done["refusals"] > 0
    assert proxy.spoilt > 5


def test_a_bucket_that_gives_up_at_the_first_fault_is_caught(
    real_config: S3Config, runner: asyncio.Runner
) -> None:
    bucket = bucket_on(real_config, versioned=False)
    with behind_proxy(runner, bucket, versioned=False) as (_, spoilt):
        impatient = replace(spoilt, timing=replace(spoilt.timing, attempts=1))
        with (
            on_s3(runner, impatient, versioned=False) as stores,
            pytest.raises((AssertionError, AutodjError, ExceptionGroup)),
        ):
            compare(
                stores,
                runner,
                versioned=False,
                keeps_directories=True,
                examples=2,
                steps=STEPS,
                phases=[Phase.generate],
            )


class Careless(LocalStorage):
    """Quick: nothing here outlives the test."""

    def _fsync_file(self, fd: int) -> None:
        pass

    def _fsync_directory(self, directory: Path) -> None:
        pass


class ReplacesAnything(Careless):
    async def replace(self, *args: Any, **named: Any) -> ObjectStat:
        return await super().replace(*args, **{**named, "if_match": None})


class ForgetsMetadata(Careless):
    async def put(self, *args: Any, **named: Any) -> ObjectStat:
        return await super().put(*args, **{**named, "described": Described()})


class CopiesOver(Careless):
    async def copy(self, source: str, target: str) -> ObjectStat:
        if source != target:
            await self.delete(target)
        return await super().copy(source, target)


class ListsTooFew(Careless):
    async def list(self, prefix: str = "") -> AsyncGenerator[ObjectStat, None]:
        async for found in super().list(prefix):
            if found.size_bytes:
                yield found


class DeletesTheFirstOnly(Careless):
    async def delete_many(self, keys: Sequence[str]) -> None:
        await super().delete_many(keys[:1])


class AddsMetadata(Careless):
    async def set_metadata(self, key: str, metadata: Mapping[str, str]) -> ObjectStat:
        before = (await self.stat(key)).described.metadata
        return await super().set_metadata(key, {**before, **metadata})


@pytest.mark.parametrize(
    "wrong",
    [
        ReplacesAnything,
        ForgetsMetadata,
        CopiesOver,
        ListsTooFew,
        DeletesTheFirstOnly,
        AddsMetadata,
    ],
)
def test_a_store_that_does_something_else_is_caught(
    tmp_path: Path, runner: asyncio.Runner, wrong: type[LocalStorage]
) -> None:
    with pytest.raises(AssertionError):
        compare(
            fresh(tmp_path, wrong, versioned=False),
            runner,
            versioned=False,
            examples=25,
            steps=12,
            phases=[Phase.generate],
        )
