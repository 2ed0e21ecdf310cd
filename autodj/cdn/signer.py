"""Links and cookies for objects behind CloudFront."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network
from typing import Final

from autodj.cdn.cookies import SameSite, SignedCookies
from autodj.cdn.keys import (
    PrivateKey,
    PublicKey,
    hash_named,
    load_private_key,
    signature,
)
from autodj.cdn.policy import COOKIE_PREFIX
from autodj.cdn.statement import Statement, matches, to_url
from autodj.errors import SettingsError

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")
_PATH: Final = re.compile(r"[a-z0-9/._-]*")
_PATTERN: Final = re.compile(r"[a-z0-9/._*?-]+")


@dataclass(frozen=True, slots=True)
class Terms:
    """When and from where; both times are aware. ``expires_at`` is the first moment too late,
    and ``not_before`` (whole seconds) itself is still too early.
    """

    expires_at: datetime
    not_before: datetime | None = None
    addresses: IPv4Network | None = None


class CloudFrontSigner:
    """Makes the links of one distribution.

    ``origin`` is its domain, or ``scheme://host[:port]`` of something that stands in for it.
    ``prefix`` comes before every key in the path, as it does in the bucket. With a key pair
    the links are signed. ``also`` are other live keys of the key group (PEM of the private key
    by key pair id): they sign nothing, and links that they signed stay good. SettingsError for
    a key that CloudFront would not take: it knows RSA 2048 and ECDSA P-256.
    """

    def __init__(
        self,
        origin: str,
        key_pair_id: str | None = None,
        private_key_pem: str | None = None,
        hash_algorithm: str = "SHA256",
        *,
        prefix: str = "",
        also: Mapping[str, str] | None = None,
    ) -> None:
        faults = []
        if (key_pair_id is None) != (private_key_pem is None):
            faults.append("CloudFront's key pair id and private key go together, or not at all")
        if also and key_pair_id is None:
            faults.append("CloudFront's second key needs a first one")
        if also and key_pair_id in also:
            faults.append("CloudFront's two keys have the same id")
        if not _ORIGIN.fullmatch(_with_scheme(origin)):
            faults.append("CloudFront's domain is not a host name")
        if not _PATH.fullmatch(prefix):
            faults.append("CloudFront's path prefix may hold only a-z, 0-9, '/', '.', '_' and '-'")
        if hash_algorithm not in {"SHA1", "SHA256"}:
            faults.append("CloudFront's hash is SHA1 or SHA256")
        if faults:
            raise SettingsError(faults)
        folder = prefix.strip("/")
        self.origin = _with_scheme(origin)
        self._base = f"{self.origin}/{folder}/" if folder else f"{self.origin}/"
        pems = dict(also or {})
        if key_pair_id is not None and private_key_pem is not None:
            pems = {key_pair_id: private_key_pem, **pems}
        self._keys: dict[str, PrivateKey] = {
            name: load_private_key(pem) for name, pem in pems.items()
        }
        self._key_pair_id = key_pair_id
        self._key = None if key_pair_id is None else self._keys[key_pair_id]
        self._hash_algorithm = hash_algorithm
        self._hash = hash_named(hash_algorithm)

    @property
    def signs(self) -> bool:
        """Whether links end; plain ones do not."""
        return self._key is not None

    def plain_link(self, key: str) -> str:
        """The URL of the object, without a signature: for what everybody may read."""
        if not key or not _PATH.fullmatch(key):
            raise ValueError(f"{key!r} is not an object key")
        return self._base + key

    def link(self, key: str, *, expires_at: datetime) -> str:
        """The URL of the object, good until ``expires_at`` (aware) when it is signed.

        Its policy is canned: for this object alone. The same arguments give the same URL, in
        every process.
        """
        url = self.plain_link(key)
        expires = _seconds(expires_at)
        if self._key is None:
            return url
        return f"{url}?Expires={expires}&{self._signed(Statement(url, expires))}"

    def custom_link(self, key: str, terms: Terms, *, covering: str | None = None) -> str:
        """The URL of the object under a policy of its own, which the URL carries.

        With ``covering``, an object key with wildcards, the same query opens all it matches.
        """
        pattern = covering or key
        if not matches(pattern, key):
            raise ValueError(f"{pattern!r} does not cover {key!r}")
        return f"{self.plain_link(key)}?{self.custom_query(pattern, terms)}"

    def custom_query(self, pattern: str, terms: Terms) -> str:
        """The query that opens every object whose key the pattern (``*``, ``?``) matches."""
        statement = self._statement(pattern, terms)
        return f"Policy={to_url(statement.text())}&{self._signed(statement)}"

    def cookies(
        self,
        pattern: str,
        terms: Terms,
        *,
        domain: str | None = None,
        same_site: SameSite = "Lax",
        partitioned: bool = False,
    ) -> SignedCookies:
        """Cookies that open every object whose key the pattern (``*``, ``?``) matches.

        Browsers send them for the folder that all those objects have in common.
        """
        statement = self._statement(pattern, terms)
        condition = (
            {"Expires": str(statement.expires)}
            if statement.canned
            else {"Policy": to_url(statement.text())}
        )
        signed = dict(part.split("=", 1) for part in self._signed(statement).split("&"))
        literal = re.split(r"[*?]", self._base + pattern, maxsplit=1)[0]
        return SignedCookies(
            values={COOKIE_PREFIX + name: value for name, value in {**condition, **signed}.items()},
            domain=domain,
            path="/" + literal.split("/", 3)[3].rpartition("/")[0],
            same_site=same_site,
            partitioned=partitioned,
        )

    def public_keys(self) -> dict[str, PublicKey]:
        """What checks these links, by key pair id, that of the signing key first; empty when
        they are not signed.
        """
        return {name: key.public_key() for name, key in self._keys.items()}

    def signing_with(self, key_pair_id: str) -> CloudFrontSigner:
        """The same with another of the live keys: to prove that the CDN takes it too."""
        other = copy(self)
        other._key_pair_id = key_pair_id  # noqa: SLF001 - a copy of its own
        other._key = self._keys[key_pair_id]  # noqa: SLF001 - the same
        return other

    def _statement(self, pattern: str, terms: Terms) -> Statement:
        if not _PATTERN.fullmatch(pattern):
            raise ValueError(f"{pattern!r} is not an object key, nor a pattern of one")
        begins = None if terms.not_before is None else _seconds(terms.not_before)
        expires = _seconds(terms.expires_at)
        if begins is not None and begins >= expires:
            raise ValueError("the link would end before it begins")
        return Statement(self._base + pattern, expires, begins, terms.addresses)

    def _signed(self, statement: Statement) -> str:
        if self._key is None:
            raise SettingsError(["CLOUDFRONT_KEY_PAIR_ID is missing, and a link must be signed"])
        given = to_url(signature(self._key, statement.text(), self._hash))
        named = "&Hash-Algorithm=SHA256" if self._hash_algorithm == "SHA256" else ""
        return f"Signature={given}&Key-Pair-Id={self._key_pair_id}{named}"


def _seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("the time of a link needs a time zone")
    return int(moment.timestamp())


def _with_scheme(origin: str) -> str:
    return origin.lower() if "://" in origin else f"https://{origin.lower()}"
