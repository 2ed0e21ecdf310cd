"""What a signature says yes to, as CloudFront writes it: JSON, and base64 of its own.

The forms are AWS's canned and custom policies: https://docs.aws.amazon.com/AmazonCloudFront/
latest/DeveloperGuide/private-content-signed-urls.html. The canned one is the custom one with
nothing but an end, and is never sent: both sides write it from the URL.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, ip_address
from typing import Final

# Names in a query that CloudFront takes for its own; no other query may use them.
RESERVED: Final = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})

# What a browser sends: neither blanks nor the two characters that would leave a JSON string.
PLAIN: Final = re.compile(r"[!#-\[\]-~]+")

_TO_URL: Final = bytes.maketrans(b"+=/", b"-_~")
_FROM_URL: Final = bytes.maketrans(b"-_~", b"+=/")


@dataclass(frozen=True, slots=True)
class Statement:
    """Who may read what, and when; times in POSIX seconds.

    ``resource`` is a URL in which ``*`` stands for any text and ``?`` for any one character;
    None is everything that the key opens. ``expires`` is the first second that is too late,
    ``not_before`` the last one that is too early. ``addresses`` are the readers' own; an IPv6
    reader is in none of them, as CloudFront has no such ranges.
    """

    resource: str | None
    expires: int
    not_before: int | None = None
    addresses: IPv4Network | None = None

    @property
    def canned(self) -> bool:
        """Whether the URL and its end say all of it."""
        wild = self.resource is None or "*" in self.resource or "?" in self.resource
        return not wild and self.not_before is None and self.addresses is None

    def text(self) -> bytes:
        """The policy that is signed, without a blank. Not a byte may differ.

        ValueError for a resource that JSON would have to escape.
        """
        condition = f'"DateLessThan":{{"AWS:EpochTime":{self.expires}}}'
        if self.addresses is not None:
            condition += f',"IpAddress":{{"AWS:SourceIp":"{self.addresses}"}}'
        if self.not_before is not None:
            condition += f',"DateGreaterThan":{{"AWS:EpochTime":{self.not_before}}}'
        resource = ""
        if self.resource is not None:
            if not PLAIN.fullmatch(self.resource):
                raise ValueError("it names something that is not a URL")
            resource = f'"Resource":"{self.resource}",'
        return f'{{"Statement":[{{{resource}"Condition":{{{condition}}}}}]}}'.encode("ascii")

    def covers(self, url: str) -> bool:
        """Whether the URL, without its signing parameters, is one of those meant."""
        return self.resource is None or matches(self.resource, url)

    def admits(self, client_ip: str) -> bool:
        """Whether a reader at this address is meant."""
        if self.addresses is None:
            return True
        try:
            address = ip_address(client_ip)
        except ValueError:
            return False
        if isinstance(address, IPv6Address):
            return address.ipv4_mapped is not None and address.ipv4_mapped in self.addresses
        return address in self.addresses


def parse_statement(text: bytes) -> Statement:
    """Read a custom policy back; ValueError for all that CloudFront's guide does not define."""
    try:
        policy = json.loads(text.decode("utf-8"), object_pairs_hook=_without_doubles)
    except RecursionError as error:
        raise ValueError("its policy is nested too deeply") from error
    statements = _members(policy, needed={"Statement"})["Statement"]
    if not isinstance(statements, list) or len(statements) != 1:
        raise ValueError("its policy has not one statement")
    [statement] = statements
    parts = _members(statement, needed={"Condition"}, allowed={"Resource"})
    condition = _members(
        parts["Condition"], needed={"DateLessThan"}, allowed={"DateGreaterThan", "IpAddress"}
    )
    resource = parts.get("Resource")
    if resource is not None and not isinstance(resource, str):
        raise ValueError("its resource is not a text")
    return Statement(
        resource=resource,
        expires=_epoch(condition["DateLessThan"]),
        not_before=_epoch(condition["DateGreaterThan"]) if "DateGreaterThan" in condition else None,
        addresses=_network(condition["IpAddress"]) if "IpAddress" in condition else None,
    )


def matches(pattern: str, text: str) -> bool:
    """``*`` is any text, ``?`` any one character, and everything else itself.

    Only the last ``*`` is ever moved, so the time is at most the product of both lengths.
    """
    at, place, star, resume = 0, 0, -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in {"?", text[place]}:
            at += 1
            place += 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")


def to_url(raw: bytes) -> str:
    """Base64 with CloudFront's own replacements for the characters that URLs reserve."""
    return base64.b64encode(raw).translate(_TO_URL).decode("ascii")


def from_url(text: str) -> bytes:
    """The inverse of ``to_url``; ValueError for anything that ``to_url`` does not write."""
    try:
        raw = base64.b64decode(text.encode("ascii").translate(_FROM_URL), validate=True)
    except binascii.Error as error:
        raise ValueError("this is not base64") from error
    if to_url(raw) != text:
        raise ValueError("this is not the one spelling of these bytes")
    return raw


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("its policy says one thing twice")
    return members


def _members(
    value: object, *, needed: set[str], allowed: frozenset[str] | set[str] = frozenset()
) -> dict[str, object]:
    if not isinstance(value, dict) or not needed <= value.keys() <= needed | allowed:
        raise ValueError("its policy has another shape")
    return value


def _epoch(value: object) -> int:
    seconds = _members(value, needed={"AWS:EpochTime"})["AWS:EpochTime"]
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 10**11:
        raise ValueError("its time is not a time")
    return seconds


def _network(value: object) -> IPv4Network:
    text = _members(value, needed={"AWS:SourceIp"})["AWS:SourceIp"]
    if not isinstance(text, str) or "/" not in text:
        raise ValueError("its address is not a range")
    return IPv4Network(text, strict=False)
