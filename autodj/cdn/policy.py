"""Whether a request may be answered, decided as CloudFront decides it, without I/O.

CloudFront does the checking in production; this stands in for it where there is none, and
proves what we sign. Where the guide leaves a case open, this refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from autodj.cdn.keys import PublicKey as PublicKey  # noqa: PLC0414 - part of what is asked here
from autodj.cdn.keys import hash_named, is_signed_by
from autodj.cdn.statement import PLAIN, RESERVED, Statement, from_url, parse_statement
from autodj.errors import LinkRefused

COOKIE_PREFIX: Final = "CloudFront-"

_EPOCH: Final = re.compile(r"[1-9][0-9]{0,10}")


@dataclass(frozen=True, slots=True)
class Grant:
    """Why a request was let through: ``url`` is what was asked for without the signature,
    ``expires_at`` the first moment at which the same request would be refused.
    """

    url: str
    expires_at: datetime
    key_pair_id: str
    by_cookie: bool


def check_request(
    url: str,
    *,
    cookies: Mapping[str, str],
    client_ip: str,
    now: datetime,
    public_keys: Mapping[str, PublicKey],
) -> Grant:
    """Say why the request is allowed, or raise LinkRefused as CloudFront would answer 403.

    ``url`` is the whole URL as it was requested, scheme and host included, and ``public_keys``
    the key group, by key pair id. Any signing parameter in the URL leaves the cookies unread.
    The codes are link_missing, link_tampered, link_unknown_key, link_expired, link_not_yet and
    link_wrong_address.
    """
    plain, given = split_signature(url)
    by_cookie = not given
    if by_cookie:
        given = {
            name: cookies[COOKIE_PREFIX + name]
            for name in RESERVED
            if COOKIE_PREFIX + name in cookies
        }
    statement = _proven(plain, given, public_keys)
    _judge(statement, plain, client_ip, now)
    return Grant(
        url=plain,
        expires_at=datetime.fromtimestamp(statement.expires, UTC),
        key_pair_id=given["Key-Pair-Id"],
        by_cookie=by_cookie,
    )


def check_link(url: str, *, now: datetime, public_keys: Mapping[str, PublicKey]) -> datetime:
    """The end of a link that anybody anywhere may use; LinkRefused as by ``check_request``."""
    return check_request(url, cookies={}, client_ip="", now=now, public_keys=public_keys).expires_at


def split_signature(url: str) -> tuple[str, dict[str, str]]:
    """The URL without its signing parameters, and those by name; LinkRefused for a double."""
    if not PLAIN.fullmatch(url):
        raise LinkRefused("The link is not a URL.", code="link_tampered")
    resource, _, query = url.partition("?")
    ours: dict[str, str] = {}
    others = []
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name not in RESERVED:
            others.append(part)
        elif name in ours:
            raise LinkRefused(f"The link has {name} twice.", code="link_tampered")
        else:
            ours[name] = value
    return "?".join([resource, "&".join(others)]) if others else resource, ours


def _proven(
    plain: str, given: Mapping[str, str], public_keys: Mapping[str, PublicKey]
) -> Statement:
    """The statement that was signed; for a canned policy that of the URL itself."""
    if not {"Signature", "Key-Pair-Id"} <= given.keys() or not {"Policy", "Expires"} & given.keys():
        raise LinkRefused("The link is not signed.", code="link_missing")
    if {"Policy", "Expires"} <= given.keys():
        raise LinkRefused("The link has two policies.", code="link_tampered")
    key = public_keys.get(given["Key-Pair-Id"])
    if key is None:
        raise LinkRefused("The link names a key that is not in use.", code="link_unknown_key")
    try:
        algorithm = hash_named(given.get("Hash-Algorithm", "SHA1"))
        text = (
            from_url(given["Policy"])
            if "Policy" in given
            else Statement(plain, _epoch(given["Expires"])).text()
        )
        # A policy is read only once it is known to be ours.
        if is_signed_by(key, text, from_url(given["Signature"]), algorithm):
            return parse_statement(text)
    except ValueError as error:
        raise LinkRefused(f"The link is malformed: {error}.", code="link_tampered") from error
    raise LinkRefused("The link does not match its signature.", code="link_tampered")


def _judge(statement: Statement, plain: str, client_ip: str, now: datetime) -> None:
    if not statement.covers(plain):
        raise LinkRefused("The link was made for something else.", code="link_tampered")
    if now.timestamp() >= statement.expires:
        raise LinkRefused("The link has expired.", code="link_expired")
    if statement.not_before is not None and now.timestamp() <= statement.not_before:
        raise LinkRefused("The link is not good yet.", code="link_not_yet")
    if not statement.admits(client_ip):
        raise LinkRefused("The link is for another address.", code="link_wrong_address")


def _epoch(text: str) -> int:
    if not _EPOCH.fullmatch(text):
        raise ValueError("its end is not a time")
    return int(text)
