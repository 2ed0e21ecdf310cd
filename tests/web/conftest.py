"""The page in a real browser, on the real product: web process, worker, broker, S3 and edge."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from autodj.cdn.signer import CloudFrontSigner
from tests.clips import make_clip
from tests.servers import CHROMIUM_SWITCHES
from tests.web.house import House, Person, open_house
from tests.web.visit import Visit, visiting

Visiting = Callable[..., Awaitable[Visit]]
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def local_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[House]:
    """Tracks stay on this machine's disk."""
    async with open_house(tmp_path_factory.mktemp("local-house")) as house:
        yield house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[House]:
    """Tracks move to S3, and play from an edge on another host."""
    async with open_house(tmp_path_factory.mktemp("edge-house"), "--s3") as house:
        yield house


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two tracks of half a minute."""
    folder = tmp_path_factory.mktemp("clips")
    return [
        make_clip(folder / "Harbour.mp3", 36, bpm=120, tags=named("Harbour")),
        make_clip(folder / "Lantern.flac", 30, bpm=126, tags=named("Lantern")),
    ]


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three minutes and 32 MB: more than a browser reads ahead."""
    return make_clip(tmp_path_factory.mktemp("long") / "Voyage.wav", 180, tags=named("Voyage"))


def named(title: str) -> dict[str, str]:
    return {"title": title, "artist": "Test Band"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_SWITCHES)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def listener(local_house: House, clips: list[Path], long_clip: Path) -> Person:
    """Somebody with three ready tracks; for tests that change nothing."""
    person = await local_house.person("listener")
    await local_house.add(person, long_clip, *clips)
    return person


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def owner(edge_house: House, clips: list[Path], long_clip: Path) -> Person:
    """Somebody whose long and short track have been published."""
    person = await edge_house.person("owner")
    await edge_house.add(person, long_clip, clips[0])
    return person


def signer_of(house: House) -> CloudFrontSigner:
    """Signs as the house does, for its edge."""
    cdn = house.settings.cdn
    assert cdn.origin is not None
    return CloudFrontSigner(cdn.origin, cdn.key_pair_id, cdn.private_key)


@pytest_asyncio.fixture(loop_scope="session")
async def newcomer(local_house: House) -> Person:
    """Somebody with an empty library."""
    return await local_house.person(f"newcomer-{next(_numbers)}")


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser) -> AsyncGenerator[Visiting]:
    """Open the page as a person. What went wrong in it fails the test at its end."""
    async with AsyncExitStack() as stack:

        async def open_page(house: House, person: Person, **context: object) -> Visit:
            return await stack.enter_async_context(visiting(browser, house, person, **context))

        yield open_page
