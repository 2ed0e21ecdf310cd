"""Asking CloudFront to forget an object, of a stand-in that knows its API, and of bad ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from aiohttp import web
from moto.server import ThreadedMotoServer

from autodj.cdn.invalidation import CloudFrontCaches
from autodj.errors import (
    StoreDenied,
    StoreError,
    StoreFaulty,
    StoreThrottled,
    StoreUnreachable,
)

KEY = "public/x/a.mp3"


@pytest.fixture(scope="module")
def cloudfront() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def session() -> AioSession:
    class Keys:
        async def load_credentials(self) -> Any:
            return AioCredentials("AKIDEXAMPLE", "secret")

    made = AioSession()
    made.register_component("credential_provider", Keys())
    return made


async def asked_for(session: AioSession, endpoint_url: str, distribution_id: str) -> list[Any]:
    async with session.create_client(
        "cloudfront", region_name="us-east-1", endpoint_url=endpoint_url
    ) as client:
        listed = await client.list_invalidations(DistributionId=distribution_id)
        batches = []
        for item in listed["InvalidationList"].get("Items", []):
            found = await client.get_invalidation(DistributionId=distribution_id, Id=item["Id"])
            batches.append(found["Invalidation"]["InvalidationBatch"])
        return batches


@pytest.mark.parametrize(
    ("prefix", "path"),
    [("", f"/{KEY}"), ("dj/", f"/dj/{KEY}"), ("/a/b/", f"/a/b/{KEY}")],
)
async def test_one_path_is_asked_for_by_a_reference_of_its_own(
    session: AioSession, cloudfront: str, prefix: str, path: str
) -> None:
    distribution_id = await new_distribution(session, cloudfront, path)
    caches = CloudFrontCaches(session, distribution_id, prefix=prefix, endpoint_url=cloudfront)
    await caches.invalidate(KEY)
    await caches.invalidate(KEY)
    await caches.invalidate(KEY.replace("a", "b"))
    batches = await asked_for(session, cloudfront, distribution_id)
    references = {
        batch["CallerReference"] for batch in batches if batch["Paths"]["Items"] == [path]
    }
    assert len(references) == 1
    assert len({batch["CallerReference"] for batch in batches}) == 2


async def new_distribution(session: AioSession, endpoint_url: str, reference: str) -> str:
    origin = {
        "Id": "s3",
        "DomainName": "b.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    behaviour = {"TargetOriginId": "s3", "ViewerProtocolPolicy": "https-only"}
    async with session.create_client(
        "cloudfront", region_name="us-east-1", endpoint_url=endpoint_url
    ) as client:
        made = await client.create_distribution(
            DistributionConfig={
                "CallerReference": reference,
                "Comment": "",
                "Enabled": True,
                "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": behaviour,
            }
        )
    return str(made["Distribution"]["Id"])


@pytest.fixture
async def refusing() -> AsyncGenerator[tuple[str, dict[str, Any]]]:
    """An endpoint that answers every request with what the test says."""
    says: dict[str, Any] = {"status": 500, "code": "InternalError", "asked": 0}

    async def answer(request: web.Request) -> web.Response:
        del request
        says["asked"] += 1
        body = f"<ErrorResponse><Error><Code>{says['code']}</Code></Error></ErrorResponse>"
        return web.Response(status=says["status"], text=body, content_type="text/xml")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [address] = runner.addresses
    yield f"http://127.0.0.1:{address[1]}", says
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", StoreDenied),
        (404, "NoSuchDistribution", StoreError),
        (400, "TooManyInvalidationsInProgress", StoreThrottled),
    ],
)
async def test_a_refusal_is_told_in_our_words_and_not_repeated(
    session: AioSession,
    refusing: tuple[str, dict[str, Any]],
    status: int,
    code: str,
    kind: type[StoreError],
) -> None:
    url, says = refusing
    says.update(status=status, code=code)
    with pytest.raises(kind) as caught:
        await CloudFrontCaches(session, "E2QWRUHAPOMQZL", endpoint_url=url).invalidate(KEY)
    assert type(caught.value) is kind
    assert says["asked"] == 1
    assert ("CreateInvalidation" in caught.value.detail) is (kind is StoreDenied)


async def test_a_fault_of_theirs_and_a_silence_may_pass(
    session: AioSession, refusing: tuple[str, dict[str, Any]]
) -> None:
    for url, kind in ((refusing[0], StoreFaulty), ("http://127.0.0.1:1", StoreUnreachable)):
        caches = CloudFrontCaches(session, "E2QWRUHAPOMQZL", endpoint_url=url, tries=1)
        with pytest.raises(kind) as caught:
            await caches.invalidate(KEY)
        assert caught.value.transient
