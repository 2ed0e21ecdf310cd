"""A distribution whose keys can be changed while somebody listens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from starlette.types import Receive, Scope, Send

from autodj.api.app import create_app
from autodj.laptop.edge.keygroup import KeyGroup
from autodj.laptop.edge.origin import Bucket
from autodj.laptop.edge.service import Plan, open_edge
from autodj.laptop.serving import serving
from tests.web.house import House


@dataclass(frozen=True)
class KeyPair:
    """A key as it is in the settings (``private_pem``) and in the key group."""

    id: str
    private_pem: str
    public_pem: str

    @classmethod
    def make(cls, name: str) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return cls(name, private.decode(), public.decode())

    def join(self, group: Path) -> None:
        (group / f"{self.id}.pem").write_text(self.public_pem)

    def leave(self, group: Path) -> None:
        (group / f"{self.id}.pem").unlink()


@asynccontextmanager
async def edge_of(house: House, group: Path, cache_dir: Path) -> AsyncGenerator[str]:
    """An edge of its own in front of the house's bucket; ``group`` holds its public keys."""
    s3 = house.settings.s3
    assert s3.bucket is not None
    bucket = Bucket(
        name=s3.bucket,
        region=s3.region,
        endpoint_url=s3.endpoint_url,
        path_style=s3.path_style,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
    )
    plan = Plan(bucket=bucket, keys=KeyGroup(folder=group), cache_dir=cache_dir)
    async with open_edge(plan) as running:
        yield running.url.replace("127.0.0.1", "localhost")


@asynccontextmanager
async def web_beside(
    house: House, port: int, edge: str, signing: KeyPair, also: KeyPair | None = None
) -> AsyncGenerator[House]:
    """Another web process on the house's data, whose links lead to the edge."""
    url = f"http://127.0.0.1:{port}"
    environment = {
        **house.running.environment,
        "AUTODJ_PUBLIC_URL": url,
        "CLOUDFRONT_DOMAIN": edge,
        "CLOUDFRONT_KEY_PAIR_ID": signing.id,
        "CLOUDFRONT_PRIVATE_KEY": signing.private_pem,
        "CLOUDFRONT_SECOND_KEY_PAIR_ID": also.id if also else "",
        "CLOUDFRONT_SECOND_PRIVATE_KEY": also.private_pem if also else "",
    }
    beside = replace(house, running=replace(house.running, url=url, environment=environment))
    app = create_app(beside.settings)
    async with app.router.lifespan_context(app) as opened:

        async def stateful(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("state", {}).update(opened or {})
            await app(scope, receive, send)

        async with serving(stateful, port=port):
            yield beside
