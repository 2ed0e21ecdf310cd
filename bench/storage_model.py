"""Random operations on a real store and on the model, side by side.

    python -m bench.storage_model --examples 300 --steps 30

Every answer must be the model's, and so must everything that can be read afterwards; also behind
a proxy that spoils requests in ways that pass.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import hashlib
import logging
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from autodj.errors import AutodjError
from autodj.laptop.s3server import open_s3_server
from autodj.storage.base import ByteRange, Described, ObjectStat
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from autodj.storage.whole import load, move
from bench.faults.passing import AFTER, BEFORE, QUICK, spoil
from bench.faults.proxy import FaultProxy, open_proxy
from bench.model import ModelStore, State

Store = LocalStorage | S3Storage

# More would use up the budget for repetitions: it gives one back for ten requests that succeed.
SPOILT_EVERY = 13

# In this order for S3 and for a server that orders by directory; no name is also a directory.
KEYS = ("a/1", "a/2", "b/2", "b/c/1", "c")
BODIES = (b"", b"x", b"yy", bytes(range(64)) * 4)
METADATA: tuple[dict[str, str], ...] = ({}, {"by": "ana"}, {"title": "Żółć 夜", "n": "1"})

keys = st.sampled_from(KEYS)
states = st.builds(
    State,
    st.sampled_from(BODIES),
    st.sampled_from(("audio/mpeg", "a/b")),
    st.sampled_from(METADATA),
)
# One rule for all of them: of several, each run would leave most out.
operations = st.one_of(
    st.tuples(st.just("put"), keys, states),
    st.tuples(st.just("replace"), keys, states),
    st.tuples(st.just("two_replace_what_they_read"), keys, states, states),
    st.tuples(
        st.just("read_range"),
        keys,
        st.integers(0, 3),
        st.sampled_from((0, 1, 2, 250, 256, 300)),
    ),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("delete_many"), st.lists(keys, min_size=2, max_size=5, unique=True)),
    st.tuples(st.just("copy"), keys, keys),
    st.tuples(st.just("move"), keys, keys),
    st.tuples(st.just("set_metadata"), keys, st.permutations(METADATA)),
    st.tuples(
        st.just("pages"),
        st.sampled_from(("", "a", "b/", "b/c/", "z")),
        st.integers(1, 6),
        st.sampled_from(("keys", "directories")),
    ),
    st.tuples(st.just("restore_version"), keys, st.integers(0, 3)),
)


class StorageMachine(RuleBasedStateMachine):
    """``fresh`` makes an empty store for each run; all of them live on ``runner``'s loop."""

    fresh: ClassVar[Callable[[], Store]]
    runner: ClassVar[asyncio.Runner]
    versioned: ClassVar[bool]
    keeps_directories: ClassVar[bool]
    done: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).fresh()
        self.model = ModelStore(versioned=self.versioned)
        self.etags: dict[str, dict[bytes, str]] = {}
        self.done["runs"] += 1

    @initialize(some=st.dictionaries(keys, states, min_size=2, max_size=5))
    def begin_with(self, some: dict[str, State]) -> None:
        for key, new in some.items():
            self.put(key, new)

    @rule(what=operations)
    def operate(self, what: tuple[Any, ...]) -> None:
        name, *given = what
        getattr(self, name)(*given)

    def put(self, key: str, new: State) -> None:
        put = self.store.put(key, new.body, sha256=_sha256(new.body), **_said(new))
        self.same(put, lambda: self.model.put(key, new))

    def replace(self, key: str, new: State) -> None:
        self.replaced(key, new, None)

    def two_replace_what_they_read(self, key: str, one: State, other: State) -> None:
        if key in self.model.objects:
            read = self.model.objects[key].body
            self.replaced(key, one, read)
            self.replaced(key, other, read)

    def read_range(self, key: str, start: int, length: int) -> None:
        wanted = ByteRange(start, start + length)
        self.same(_read(self.store, key, wanted), lambda: self.model.read(key, wanted))

    def delete(self, key: str) -> None:
        self.same(self.store.delete(key), lambda: self.model.delete_many([key]))

    def delete_many(self, some: list[str]) -> None:
        self.same(self.store.delete_many(some), lambda: self.model.delete_many(some))

    def copy(self, key: str, other: str) -> None:
        self.same(self.store.copy(key, other), lambda: self.model.copy(key, other))

    def move(self, key: str, other: str) -> None:
        self.same(move(self.store, key, other), lambda: self.model.move(key, other))

    def set_metadata(self, key: str, metadata: list[dict[str, str]]) -> None:
        # On S3 other metadata are another version, in a directory they are not.
        for each in () if self.versioned else metadata[:2]:
            self.same(
                self.store.set_metadata(key, each), partial(self.model.set_metadata, key, each)
            )

    def pages(self, prefix: str, limit: int, what: str) -> None:
        directories = what == "directories"
        wanted = self.model.listed(prefix, directories=directories)

        async def paged() -> list[str]:
            found = await _paged(self.store, prefix, limit=limit, directories=directories)
            # The real server goes on telling directories in which nothing is left; S3 does not.
            known = wanted if self.keeps_directories else found
            return [name for name in found if name in known or not name.endswith("/")]

        self.same(paged(), lambda: wanted)

    def restore_version(self, key: str, number: int) -> None:
        if not self.versioned:
            return
        known = self.run(self.store.versions(key))
        assert [each.size_bytes for each in known] == [len(b) for b in self.model.versions(key)]
        if number < len(known):
            self.same(
                self.store.restore_version(key, known[number].version_id),
                lambda: self.model.restore_version(key, number),
            )

    @invariant()
    def everything_is_what_the_model_says(self) -> None:
        found = self.run(_everything(self.store))
        assert list(found) == sorted(self.model.objects)
        for key, (stat, body) in found.items():
            assert (body, _shown(stat)) == (
                self.model.objects[key].body,
                _of(self.model.objects[key]),
            )
            self.etags.setdefault(key, {})[body] = stat.etag or ""

    def replaced(self, key: str, new: State, expected: bytes | None) -> None:
        etag = None if expected is None else self.etags[key][expected]
        if expected is not None and isinstance(self.store, LocalStorage):
            # Each state has an ETag of its own there; on S3 equal bytes share one.
            now = self.model.objects.get(key)
            if now is not None and now.body == expected:
                etag = self.run(self.store.stat(key)).etag
        replace = self.store.replace(
            key, new.body, sha256=_sha256(new.body), if_match=etag, **_said(new)
        )
        self.same(replace, lambda: self.model.replace(key, new, expected))

    def same(self, asking: Coroutine[Any, Any, object], said: Callable[[], object]) -> None:
        """The store answers as the model does, or refuses with the same error."""
        self.done["operations"] += 1
        got, wanted = self.answer(lambda: self.run(asking)), self.answer(said)
        self.done["refusals"] += isinstance(got, str)
        if isinstance(got, ObjectStat) and isinstance(wanted, State):
            assert (got.size_bytes, _shown(got)) == (len(wanted.body), _of(wanted))
        else:
            assert got == wanted

    def answer(self, ask: Callable[[], object]) -> object:
        try:
            return ask()
        except AutodjError as error:
            return error.code

    def run(self, asking: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        return self.runner.run(asking)


def compare(
    fresh: Callable[[], Store],
    runner: asyncio.Runner,
    *,
    versioned: bool,
    keeps_directories: bool = False,
    examples: int,
    steps: int,
    phases: Sequence[Phase] = (Phase.generate, Phase.shrink),
) -> Counter[str]:
    """Run it; what was done. The first difference is raised, made as short as possible."""
    done: Counter[str] = Counter()
    named = {
        "fresh": staticmethod(fresh), "runner": runner, "versioned": versioned, "done": done,
        "keeps_directories": keeps_directories,
    }  # fmt: skip
    machine = type("Machine", (StorageMachine,), named)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            phases=phases,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return done


@contextmanager
def on_s3(
    runner: asyncio.Runner, config: S3Config, *, versioned: bool
) -> Iterator[Callable[[], Store]]:
    """Stores that share one connection and no key."""
    opening = _opened(config, versioned=versioned)
    store = runner.run(opening.__aenter__())
    try:
        yield lambda: S3Storage(
            store._client,  # noqa: SLF001 - opening one for each run takes longer than the run
            dataclasses.replace(config, prefix=f"m{uuid.uuid4().hex}"),
        )
    finally:
        runner.run(opening.__aexit__(None, None, None))


@contextmanager
def behind_proxy(
    runner: asyncio.Runner, config: S3Config, *, versioned: bool
) -> Iterator[tuple[FaultProxy, S3Config]]:
    """The same server by a way on which one request in thirteen is spoilt. Where versions are
    kept, only before it is carried out: carried out twice, it makes one more.
    """
    assert config.endpoint_url is not None
    opening = open_proxy(config.endpoint_url)
    proxy, url = runner.run(opening.__aenter__())
    try:
        spoil(proxy, every=SPOILT_EVERY, kinds=BEFORE if versioned else (*BEFORE, *AFTER))
        yield proxy, dataclasses.replace(config, endpoint_url=url, timing=QUICK)
    finally:
        runner.run(opening.__aexit__(None, None, None))


@asynccontextmanager
async def _opened(config: S3Config, *, versioned: bool) -> AsyncGenerator[S3Storage]:
    async with open_s3(config) as store:
        await store.ensure_bucket()
        if versioned:
            await store._client.put_bucket_versioning(  # noqa: SLF001 - not the store's business
                Bucket=config.bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        yield store


async def _read(store: Store, key: str, wanted: ByteRange) -> bytes:
    async with store.read(key, wanted) as blocks:
        return b"".join([block async for block in blocks])


async def _paged(store: Store, prefix: str, *, limit: int, directories: bool) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await store.page(prefix, limit=limit, cursor=cursor, directories=directories)
        assert len(page.objects) + len(page.directories) <= limit
        found += sorted([*(each.key for each in page.objects), *page.directories])
        if (cursor := page.cursor) is None:
            return found


async def _everything(store: Store) -> dict[str, tuple[ObjectStat, bytes]]:
    return {
        each.key: (await store.stat(each.key), await load(store, each.key, max_bytes=10**6))
        async for each in store.list()
    }


def _said(state: State) -> dict[str, Any]:
    return {"content_type": state.content_type, "described": Described(state.metadata)}


def _of(state: State) -> tuple[str, dict[str, str]]:
    return state.content_type, dict(state.metadata)


def _shown(stat: ObjectStat) -> tuple[str | None, dict[str, str]]:
    return stat.content_type, dict(stat.described.metadata)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--examples", type=int, default=100)
    asked.add_argument("--steps", type=int, default=30)
    args = asked.parse_args()
    # Refusals are what it is about; they need not be told.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        root = Path(directory)
        opening = open_s3_server(root / "server")
        server = runner.run(opening.__aenter__())
        try:
            for versioned in (False, True):
                config = S3Config(
                    f"model-{versioned}".lower(), server.region, server.endpoint_url,
                    access_key=server.access_key, secret_key=server.secret_key, path_style=True,
                )  # fmt: skip
                local = _locals(root, versioned=versioned)
                _tell("local", local, runner, args, versioned=versioned)
                with on_s3(runner, config, versioned=versioned) as fresh:
                    _tell("S3", fresh, runner, args, versioned=versioned)
                with (
                    behind_proxy(runner, config, versioned=versioned) as (proxy, spoilt),
                    on_s3(runner, spoilt, versioned=versioned) as fresh,
                ):
                    _tell("proxy", fresh, runner, args, versioned=versioned)
                    print(f"      {proxy.spoilt} of {proxy.count} requests were spoilt")
        finally:
            runner.run(opening.__aexit__(None, None, None))


def _locals(root: Path, *, versioned: bool) -> Callable[[], Store]:
    return lambda: LocalStorage(root / uuid.uuid4().hex, versioned=versioned)


def _tell(
    name: str,
    fresh: Callable[[], Store],
    runner: asyncio.Runner,
    args: argparse.Namespace,
    *,
    versioned: bool,
) -> None:
    done = compare(
        fresh,
        runner,
        versioned=versioned,
        keeps_directories=name != "local",
        examples=args.examples,
        steps=args.steps,
    )
    kind = "with versions" if versioned else "plain"
    print(f"{name:5} {kind:13} {dict(done)}, 0 differences", flush=True)


if __name__ == "__main__":
    main()
