"""Purging the edge with what purges a distribution."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import ClientError

from autodj.cdn.invalidation import CloudFrontCaches
from autodj.laptop.edge.control import control_app
from autodj.laptop.serving import serving
from tests.laptop.edges import DATA, PATH, Client, Object, edge_client

PLACE = "/2020-05-31/distribution/EAUTODJLAPTOP/invalidation"


@dataclass
class Purging:
    edge: Client
    url: str

    def client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.url)


@pytest.fixture
async def purging(tmp_path: Path) -> AsyncGenerator[Purging]:
    client = edge_client(tmp_path)
    for path in ("/public/a.mp3", "/public/b.mp3", "/tracks/c.mp3"):
        client.shelf.objects[path] = Object(DATA)
        await client.ask(path)
    async with serving(control_app(client.copies, "EAUTODJLAPTOP")) as url:
        yield Purging(client, url)


async def kept(client: Client) -> list[str]:
    found = []
    for path in ("/public/a.mp3", "/public/b.mp3", "/tracks/c.mp3"):
        head = await client.ask(path, method="HEAD")
        found += [path] if head.x_cache == "Hit" else []
    return found


async def test_the_sdk_of_cloudfront_purges_the_edge(purging: Purging) -> None:
    client = AioSession().create_client(
        "cloudfront",
        region_name="us-east-1",
        endpoint_url=purging.url,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=AioConfig(retries={"total_max_attempts": 1}),
    )
    async with client as cloudfront:
        made = await cloudfront.create_invalidation(
            DistributionId="EAUTODJLAPTOP",
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": ["/public/a.mp3"]},
                "CallerReference": "once",
            },
        )
        assert made["Invalidation"]["Status"] == "Completed"
        assert made["Invalidation"]["InvalidationBatch"]["CallerReference"] == "once"
        known = await cloudfront.get_invalidation(
            DistributionId="EAUTODJLAPTOP", Id=made["Invalidation"]["Id"]
        )
        assert known["Invalidation"]["Id"] == made["Invalidation"]["Id"]
        with pytest.raises(ClientError, match="NoSuchDistribution"):
            await cloudfront.create_invalidation(
                DistributionId="EOTHER000000",
                InvalidationBatch={
                    "Paths": {"Quantity": 1, "Items": ["/*"]},
                    "CallerReference": "other",
                },
            )
    assert await kept(purging.edge) == ["/public/b.mp3", "/tracks/c.mp3"]


async def test_what_takes_public_copies_back_purges_the_edge(purging: Purging) -> None:
    session = AioSession()
    session.set_credentials("any", "any")
    caches = CloudFrontCaches(session, "EAUTODJLAPTOP", endpoint_url=purging.url)
    await caches.invalidate("public/b.mp3")
    assert await kept(purging.edge) == ["/public/a.mp3", "/tracks/c.mp3"]


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/public/*", ["/tracks/c.mp3"]),
        ("/*", []),
        ("/public/a*", ["/public/b.mp3", "/tracks/c.mp3"]),
        ("/public", ["/public/a.mp3", "/public/b.mp3", "/tracks/c.mp3"]),
    ],
)
async def test_a_star_at_the_end_means_all_that_begin_so(
    purging: Purging, path: str, left: list[str]
) -> None:
    async with purging.client() as http, http.post(PLACE, data=batch(path)) as answer:
        assert answer.status == 201
    assert await kept(purging.edge) == left


async def test_what_was_purged_is_fetched_again_and_errors_forgotten(purging: Purging) -> None:
    edge = purging.edge
    edge.shelf.objects["/public/a.mp3"] = Object(DATA[::-1])
    assert (await edge.ask("/public/a.mp3")).body == DATA
    assert (await edge.ask("/public/new.mp3")).status == 404
    edge.shelf.objects["/public/new.mp3"] = Object(DATA)
    async with purging.client() as http, http.post(PLACE, data=batch("/public/*")) as answer:
        assert answer.status == 201
    assert (await edge.ask("/public/a.mp3")).body == DATA[::-1]
    assert (await edge.ask("/public/new.mp3")).status == 200
    assert (await edge.ask(PATH)).status == 200


BOMB = (
    b'<!DOCTYPE a [<!ENTITY b "/public/*">]><InvalidationBatch><Paths><Items><Path>&b;</Path>'
    b"</Items></Paths></InvalidationBatch>"
)


@pytest.mark.parametrize(
    ("method", "place", "body", "status"),
    [
        ("POST", PLACE, b"", 400),
        ("POST", PLACE, b"<Invalid", 400),
        ("POST", PLACE, b"<InvalidationBatch/>", 400),
        ("POST", PLACE, BOMB, 400),
        ("POST", PLACE, b"x" * 2_000_000, 413),
        ("GET", f"{PLACE}/INONE", b"", 404),
        ("GET", PLACE, b"", 405),
        ("POST", "/", b"", 404),
    ],
)
async def test_what_is_no_batch_is_refused(
    purging: Purging, method: str, place: str, body: bytes, status: int
) -> None:
    async with purging.client() as http, http.request(method, place, data=BytesIO(body)) as answer:
        assert answer.status == status
        assert b"<Code>" in await answer.read()


@pytest.mark.parametrize("path", ["public/a", "/a*b", ""])
async def test_a_path_that_cannot_be_is_refused(purging: Purging, path: str) -> None:
    async with purging.client() as http, http.post(PLACE, data=batch(path)) as answer:
        assert answer.status == 400
    assert len(await kept(purging.edge)) == 3


def batch(path: str) -> bytes:
    return (
        f"<InvalidationBatch><Paths><Quantity>1</Quantity><Items><Path>{path}</Path></Items>"
        "</Paths><CallerReference>r</CallerReference></InvalidationBatch>"
    ).encode()
