"""What the check says of the second key at each step of a rotation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web

from autodj.cdn.check.evidence import Sample, Setup
from autodj.cdn.check.probing import gather
from autodj.cdn.check.verdicts import verdicts
from autodj.cdn.check.wrong import Verdict
from autodj.cdn.keys import PublicKey
from autodj.cdn.policy import check_request
from autodj.cdn.signer import CloudFrontSigner
from autodj.errors import LinkRefused

SAMPLE = Sample("tracks/x/1-a.mp3", b"bytes" * 1000, "audio/mpeg")
Group = Callable[[CloudFrontSigner], Mapping[str, PublicKey]]


@asynccontextmanager
async def distribution(public_keys: dict[str, PublicKey]) -> AsyncGenerator[str]:
    """The least of a CDN: a signature that fits the key group is answered with the bytes."""

    async def answer(request: web.Request) -> web.Response:
        url = f"{origin}{request.rel_url.raw_path}?{request.rel_url.raw_query_string}"
        try:
            check_request(
                url.removesuffix("?"),
                cookies={name: request.cookies[name] for name in request.cookies},
                client_ip="127.0.0.1",
                now=datetime.now(UTC),
                public_keys=public_keys,
            )
        except LinkRefused:
            return web.Response(status=403)
        return web.Response(body=SAMPLE.body, content_type=SAMPLE.content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield origin
    await runner.cleanup()


async def judged(group: Group, rsa_pem: str, ec_pem: str | None) -> dict[str, Verdict]:
    """The verdicts on a distribution whose key group is ``group`` of the signer."""
    public_keys: dict[str, PublicKey] = {}
    async with distribution(public_keys) as origin:
        also = {} if ec_pem is None else {"KNEW0000": ec_pem}
        signer = CloudFrontSigner(origin, "KOLD0000", rsa_pem, also=also)
        public_keys.update(group(signer))
        evidence = await gather(Setup(signer, SAMPLE), now=datetime.now(UTC))
    return {verdict.name: verdict for verdict in verdicts(evidence)}


def both(signer: CloudFrontSigner) -> Mapping[str, PublicKey]:
    return signer.public_keys()


def first(signer: CloudFrontSigner) -> Mapping[str, PublicKey]:
    return {"KOLD0000": signer.public_keys()["KOLD0000"]}


async def test_a_second_key_in_the_key_group_is_told_to_be_honoured(
    rsa_pem: str, ec_pem: str
) -> None:
    found = await judged(both, rsa_pem, ec_pem)
    assert found["link"].ok
    assert (found["second key"].ok, "KNEW0000" in found["second key"].detail) == (True, True)


async def test_a_second_key_that_is_not_there_yet_is_a_finding_before_keys_are_swapped(
    rsa_pem: str, ec_pem: str
) -> None:
    found = await judged(first, rsa_pem, ec_pem)
    assert found["link"].ok
    assert not found["second key"].ok
    assert "403" in found["second key"].detail
    assert "key group" in str(found["second key"].hint)


async def test_without_a_second_key_nothing_is_said_of_one(rsa_pem: str) -> None:
    assert "second key" not in await judged(both, rsa_pem, None)


@pytest.mark.parametrize("group", [both, first])
async def test_the_links_of_strangers_are_still_refused(
    rsa_pem: str, ec_pem: str, group: Group
) -> None:
    found = await judged(group, rsa_pem, ec_pem)
    for name in ("unsigned", "tampered", "expired", "unknown key"):
        assert found[name].ok, found[name]
